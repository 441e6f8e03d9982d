package simulator

import (
	"encoding/json"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestUnmix(t *testing.T) {
	t.Parallel()
	for _, x := range []uint64{0, 1, 2, 1 << 40, 0xdeadbeef, 1<<64 - 1} {
		if got := unmix(mix(x)); got != x {
			t.Errorf("unmix(mix(%d)) = %d", x, got)
		}
	}
}

func TestIDsGiveTheirIndexBack(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, i := range []int{0, 1, 49, 1000, 999_999} {
		uin := seed(7).creditUin(i)
		if got, ok := seed(7).creditIndex(uin); !ok || got != i {
			t.Errorf("creditIndex(creditUin(%d)) = %d, %t", i, got, ok)
		}
		if text := fmt.Sprint(uin); len(text) != 12 || !strings.HasPrefix(text, "2000") {
			t.Errorf("creditUin(%d) = %s", i, text)
		}
		for _, owner := range []int{0, 1, 40} {
			id := seed(7).tagID(owner, i)
			gotOwner, got, ok := seed(7).tagIndex(id)
			if !ok || gotOwner != owner || got != i || len(id) != 32 || seen[id] {
				t.Errorf("tagIndex(tagID(%d, %d)) = %d, %d, %t", owner, i, gotOwner, got, ok)
			}
			seen[id] = true
			if _, _, ok := seed(8).tagIndex(id); ok {
				t.Errorf("tagIndex knows the id of another seed")
			}
		}
	}
	for _, id := range []string{"", "x", strings.Repeat("0", 32), strings.Repeat("0", 31), seed(7).tagID(0, 1)[:30]} {
		if _, _, ok := seed(7).tagIndex(id); ok {
			t.Errorf("tagIndex(%q) is known", id)
		}
	}
}

// Every awkward kind is among the first fifty customers, whatever the seed.
func TestAwkwardCredit(t *testing.T) {
	t.Parallel()
	for _, opts := range []Options{{Customers: 50}, {Customers: 50, Seed: 99}} {
		s := newSimulator(t, opts)
		body := s.askCredit(t, `{"Order":"asc","PageSize":100}`).body
		for _, want := range []string{
			`"RemainingCredit":-123.45,`, `"Credit":12345678901234567890.123456789012,`, `"RemainingCredit":-0.01,`,
			`"RemainingCredit":0,`, `"Credit":0.10,`, `"Credit":100.00,`, `"RemainingCredit":1e-7,`, `"RemainingCredit":0.30000000000000004,`,
			`"RemainingCredit":null,`, `"Force":2}`, `"Force":1}`, `"IdentifyType":0,`, `"IdentifyType":1,`, `"IdentifyType":2,`,
			`"Type":"new"`, `"Type":"1"`, `"Type":""`, `"Arrears":"Fixed as -"`, `"RecentExpiry":""`, `"Name":""`, `"Email":""`,
			`"Name":"=SUM`, `"Name":"+`, `"Name":"-`, `"Name":"@`, `"Name":"\tTab`, `\"Quoted\"`, `Example, Sample`, `Example\nTwo`,
			`"Name":"虚构云杉科技有限公司"`, `🏮`, `"Name":"شركة`,
		} {
			if !strings.Contains(body, want) {
				t.Errorf("the first fifty lack %s", want)
			}
		}
		var v struct {
			Response struct{ Data []map[string]any }
		}
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			t.Fatal(err)
		}
		absent := make(map[string]int)
		for _, row := range v.Response.Data {
			for _, key := range []string{"Credit", "RemainingCredit", "Force", "IdentifyType", "Name", "Arrears"} {
				if _, ok := row[key]; !ok {
					absent[key]++
				}
			}
		}
		if absent["Force"] != 1 || absent["IdentifyType"] != 1 || absent["RemainingCredit"] != 1 || len(absent) != 3 {
			t.Errorf("absent fields = %v", absent)
		}
		for _, form := range []string{`"AssociationTime":"\d{4}-\d\d-\d\d"`, `"AssociationTime":"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"`, `"RecentExpiry":"\d{4}-\d\d-\d\d"`, `"RecentExpiry":"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"`} {
			if !regexp.MustCompile(form).MatchString(body) {
				t.Errorf("the first fifty lack %s", form)
			}
		}
	}
}

func TestAwkwardTags(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Customers: 50})
	body := s.askTags(t, `{"limit":200}`).body
	for _, want := range []string{
		`"new_customer_tag":"Y","effective_time":"2026-10","expire_time":"2027-09"`,
		`"expire_time":"2026-11"`, `"expire_time":"2026-12"`, `"expire_time":"2099-12"`,
		`"new_customer_tag":"N","effective_time":"","expire_time":""`,
		`"new_customer_tag":"N","effective_time":"2025-11","expire_time":"2026-10"`,
		`"new_customer_tag":"N","effective_time":"2021-11"`,
		`"new_customer_tag":"UNDETERMINED"`, `"new_customer_tag":""`, `"new_customer_tag":null`, `"customer_tag_type":"SMB"}`,
		`"customer_tag_type":"SAMPLE-TYPE"`, `"new_customer_tag":"PENDING"`, `"customer_tag_type":""`, `"effective_time":"2026-12"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the first fifty lack %s", want)
		}
	}
}

// The month changes in UTC+8, by Options.Now.
func TestTagMonths(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		now  string
		want string
	}{
		{"2026-11-30T15:59:59Z", "2026-11"},
		{"2026-11-30T16:00:00Z", "2026-12"},
		{"2026-12-31T16:00:00Z", "2027-01"},
		{"2027-01-31T12:00:00Z", "2027-01"}, // a month from the 31st must not skip February
	} {
		at, err := time.Parse(time.RFC3339, test.now)
		if err != nil {
			t.Fatal(err)
		}
		s := newSimulator(t, Options{Now: func() time.Time { return at }})
		if got := s.TagCustomer(1).ExpireTime; got != test.want {
			t.Errorf("month at %s = %s, want %s", test.now, got, test.want)
		}
	}
	late := func() time.Time { return now.AddDate(3, 0, 0) }
	if a, b := newSimulator(t, Options{}), newSimulator(t, Options{Now: late}); a.CreditCustomer(77) != b.CreditCustomer(77) {
		t.Errorf("credit depends on the clock")
	}
}

func TestOrderByAssociationTime(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Customers: 2_000_001})
	ties := 0
	for _, from := range []int{0, 999_000} {
		for i := from + 1; i < from+1000; i++ {
			a, b := s.CreditCustomer(i-1).AssociationTime, s.CreditCustomer(i).AssociationTime
			if b < a {
				t.Fatalf("customer %d bound at %s, the one before at %s", i, b, a)
			}
			if a == b {
				ties++
			}
		}
		if ties < 100 {
			t.Errorf("%d ties from %d on, want some", ties, from)
		}
	}
	if last := s.CreditCustomer(2_000_000).AssociationTime; last > "2026" {
		t.Errorf("bound at %s, in the future", last)
	}
}

func TestProportions(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Seed: 3})
	const n = 20_000
	var forced, overdrawn, exhausted, low int
	tags := make(map[string]int)
	for i := 50; i < 50+n; i++ {
		c := s.CreditCustomer(i)
		allocated, remaining := amount(t, c.Credit), amount(t, c.RemainingCredit)
		switch {
		case c.Force == "2":
			forced++
		case remaining < 0:
			overdrawn++
		case remaining == 0:
			exhausted++
		case remaining <= allocated/10:
			low++
		case remaining > allocated:
			t.Fatalf("customer %d has %s of %s left", i, c.RemainingCredit, c.Credit)
		}
		tags[s.TagCustomer(i).NewCustomerTag]++
	}
	for _, p := range []struct {
		name     string
		got      int
		from, to float64 // percent
	}{
		{"forced", forced, 0.5, 1.5}, {"overdrawn", overdrawn, 1.5, 2.5}, {"exhausted", exhausted, 1.5, 2.5}, {"low", low, 7, 9},
		{"Y", tags["Y"], 57, 63}, {"N", tags["N"], 23, 27}, {"UNDETERMINED", tags["UNDETERMINED"], 7, 9}, {"unverified", tags[""], 6, 8},
	} {
		if share := float64(p.got) / n * 100; share < p.from || share > p.to {
			t.Errorf("%s: %.1f %%, want %.1f to %.1f", p.name, share, p.from, p.to)
		}
	}
}

func amount(t *testing.T, n Number) float64 {
	t.Helper()
	f, err := json.Number(n).Float64()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Two simulators with one seed answer alike, down to the request ids; another seed
// answers differently.
func TestRepeatable(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) []string {
		s := newSimulator(t, Options{Customers: 60, Seed: seed})
		var all []string
		for range 2 {
			a, b := s.askCredit(t, `{"PageSize":60}`), s.askTags(t, `{"limit":60}`)
			all = append(all, a.body, b.body, b.requestID, s.resellerList(t, `{}`).body)
		}
		return all
	}
	if !slices.Equal(run(5), run(5)) {
		t.Errorf("two runs with one seed differ")
	}
	if slices.Equal(run(5), run(6)) {
		t.Errorf("two seeds give the same")
	}
	if !slices.Equal(run(0), run(1)) {
		t.Errorf("the seed is not 1 by default")
	}
	if a := run(1); a[0] == a[4] {
		t.Errorf("a request id came twice")
	}
}

func TestMillionCustomers(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s := newSimulator(t, Options{Customers: 1_000_000})
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 16<<20 {
		t.Errorf("New with a million customers allocates %d bytes, want at most 16 a customer", grown)
	}
	for _, order := range []string{"asc", "desc"} {
		g := s.askCredit(t, `{"Page":10000,"PageSize":100,"Order":"`+order+`"}`)
		if g.total != 1_000_000 || len(g.rows) != 100 {
			t.Errorf("last page %s: %d rows of %d", order, len(g.rows), g.total)
		}
	}
	if g := s.askTags(t, `{"offset":999900,"limit":200}`); len(g.rows) != 100 {
		t.Errorf("last tags: %d rows", len(g.rows))
	}
	last := s.CreditCustomer(999_999)
	if g := s.askCredit(t, fmt.Sprintf(`{"FilterType":"ClientUin","Filter":"%d"}`, last.ClientUin)); len(g.rows) != 1 {
		t.Errorf("filter for the last customer: %d rows", len(g.rows))
	}
}

func TestCustomers(t *testing.T) {
	t.Parallel()
	for given, want := range map[int]int{0: 1000, 7: 7, -1: 0} {
		if got := newSimulator(t, Options{Customers: given}).Customers(); got != want {
			t.Errorf("Customers of %d = %d, want %d", given, got, want)
		}
	}
}
