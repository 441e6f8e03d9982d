package simulator

import (
	"fmt"
	"math/big"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// everything returns all answers of a simulator, as they are sent.
func everything(t *testing.T, s *Simulator) string {
	t.Helper()
	all := ""
	for page := range 5 {
		all += s.askCredit(t, fmt.Sprintf(`{"Page":%d,"PageSize":100,"Order":"asc"}`, page+1)).body
		all += s.askCredit(t, fmt.Sprintf(`{"Page":%d,"PageSize":70}`, page+1)).body
		all += s.askTags(t, fmt.Sprintf(`{"offset":%d,"limit":100}`, 100*page)).body
	}
	for _, r := range s.Resellers() {
		all += s.askTags(t, fmt.Sprintf(`{"indirect_partner_id":%q,"limit":200}`, r.IndirectPartnerID)).body
	}
	return all + s.askCredit(t, `{"FilterType":"Name","Filter":"Example","PageSize":100}`).body + s.resellerList(t, `{"limit":100}`).body
}

// The digests are those of a simulator without days (8c74db4), which every other
// test relies on, but for the name of the third reseller and the order of members.
func TestDayZeroIsAsBefore(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		seed      uint64
		customers int
		want      string
	}{
		{1, 30, "21c018e5ee0b27189834efc64cf47a32fe6c401002cb029a4b19283ffeedd925"},
		{1, 333, "f8afde8c4be9397139e224a2b3b92e9c86c84f0689daa2a813e601b742e78500"},
		{7, 30, "d7fc5a4432922fc271be68a58e5dfd5c5437681822ed8b29c31bf5590002ec52"},
		{7, 333, "495d4fd650065e36bea6c17c2e397ae7ba589ed4691046dcddc8feb7a8f09e2e"},
		{99, 30, "866c1eddea498d11900a275b2be58225b9bddc7620af94a284a27cbf416dfb74"},
		{99, 333, "ce0a5a3d84762b7d2eb1933b12a383aeed86104bdf9b059555be5a1446f171de"},
	} {
		s := newSimulator(t, Options{Seed: test.seed, Customers: test.customers})
		if got := digest(everything(t, s)); got != test.want {
			t.Errorf("seed %d, %d customers: day 0 has changed: %s", test.seed, test.customers, got)
		}
		s = newSimulator(t, Options{Seed: test.seed, Customers: test.customers, Day: 2, Today: now})
		s.SetDay(1)
		s.SetDay(-1)
		if got := digest(everything(t, s)); got != test.want {
			t.Errorf("seed %d, %d customers: day 0 is another one after day 1", test.seed, test.customers)
		}
	}
}

func TestDay(t *testing.T) {
	t.Parallel()
	if _, err := New(Options{Day: -1}); err == nil || !strings.Contains(err.Error(), "day") {
		t.Errorf("New with day -1: %v", err)
	}
	a, b := newSimulator(t, Options{Customers: 333, Day: 2}), newSimulator(t, Options{Customers: 333})
	b.SetDay(1)
	b.SetDay(2)
	if a.Day() != 2 || b.Day() != 2 {
		t.Errorf("days %d, %d", a.Day(), b.Day())
	}
	if everything(t, a) != everything(t, b) {
		t.Errorf("day 2 depends on the days before it")
	}
}

// statusOf implements the rule for a credit's status independently.
func statusOf(t *testing.T, c CreditCustomer) string {
	t.Helper()
	if c.Force == "2" {
		return "forced"
	}
	if strings.Trim(string(c.Force+c.RemainingCredit+c.Credit), "-.0123456789") != "" || c.Force == "" || c.RemainingCredit == "" {
		return "unknown"
	}
	left, ok := new(big.Rat).SetString(string(c.RemainingCredit))
	line, too := new(big.Rat).SetString(string(c.Credit))
	if !ok || !too {
		t.Fatalf("amounts %q, %q", c.RemainingCredit, c.Credit)
	}
	tenth := new(big.Rat).Mul(line, big.NewRat(1, 10))
	switch {
	case left.Sign() < 0:
		return "overdrawn"
	case left.Sign() == 0:
		return "exhausted"
	case left.Cmp(tenth) <= 0:
		return "low"
	case left.Cmp(tenth.Mul(tenth, big.NewRat(11, 10))) <= 0:
		return "at the line" // above it by no more than a tenth of it
	}
	return "ok"
}

// expiresSoon reports whether the credit expires within a week by the clocks of
// the day and of day 0.
func expiresSoon(c CreditCustomer, day int) bool {
	at, err := time.ParseInLocation(time.DateTime, c.RecentExpiry, beijing)
	if err != nil {
		return false
	}
	was, is := at.Sub(now), at.Sub(now.AddDate(0, 0, day))
	return is > 0 && was <= 7*24*time.Hour
}

// creditDays is the status of each life on days 0, 1, 2 and 3: "a|b" is either,
// "=" is that of the day before, "" is not listed.
var creditDays = map[Life][4]string{
	Unchanged:      {"any", "=", "=", "="},
	SpendsSlowly:   {"any", "=", "=", "="},
	LowDay1:        {"ok", "low", "low", "="},
	LowDay2:        {"ok", "ok", "low", "="},
	ExhaustedDay1:  {"ok|low", "exhausted", "exhausted", "="},
	ExhaustedDay2:  {"ok|low", "=", "exhausted", "="},
	OverdrawnDay1:  {"ok|low|exhausted", "overdrawn", "overdrawn", "="},
	OverdrawnDay2:  {"ok|low|exhausted", "=", "overdrawn", "="},
	Sinks:          {"ok", "low", "overdrawn", "="},
	ToppedUpDay1:   {"low|exhausted|overdrawn", "ok", "ok", "="},
	ToppedUpDay2:   {"low|exhausted|overdrawn", "=", "ok", "="},
	ForcedDay1:     {"ok|overdrawn", "forced", "forced", "="},
	ForcedDay2:     {"ok|overdrawn", "=", "forced", "="},
	ForcedAndFreed: {"ok", "forced", "ok", "="},
	FreedDay1:      {"forced", "ok", "ok", "="},
	FreedDay2:      {"forced", "forced", "ok", "="},
	Hovers:         {"low", "at the line", "low", "at the line"},
	ExpiresDay1:    {"ok", "ok soon", "ok soon", "any"},
	ExpiresDay2:    {"ok", "ok", "ok soon", "ok soon"},
	ComesDay1:      {"", "ok", "ok", "="},
	ComesDay2:      {"", "", "ok", "="},
	GoesDay1:       {"any", "", "", ""},
	GoesDay2:       {"any", "=", "", ""},
}

// tagDays is the same for tags: the tag and its last month, counted from that of
// the day on which it changed.
var tagDays = map[Life][4]string{
	Unchanged:            {"any", "=", "=", "="},
	TagBeginsDay1:        {"N|UNDETERMINED|-", "Y+11", "=", "="},
	TagBeginsDay2:        {"N|UNDETERMINED|-", "=", "Y+11", "="},
	TagLapsesDay1:        {"Y later", "N-1", "=", "="},
	TagLapsesDay2:        {"Y later", "=", "N-1", "="},
	TagFallsBackDay1:     {"Y later", "UNDETERMINED", "=", "="},
	TagFallsBackDay2:     {"Y later", "=", "UNDETERMINED", "="},
	TagEligibleDay1:      {"N|-", "UNDETERMINED", "=", "="},
	TagEligibleDay2:      {"N|-", "=", "UNDETERMINED", "="},
	TagEndsThisMonthDay1: {"Y later", "Y+0", "=", "="},
	TagEndsThisMonthDay2: {"Y later", "=", "Y+0", "="},
	TagEndsNextMonthDay1: {"Y later", "Y+1", "=", "="},
	TagEndsNextMonthDay2: {"Y later", "=", "Y+1", "="},
	ComesDay1:            {"", "-", "=", "="},
	ComesDay2:            {"", "", "-", "="},
	GoesDay1:             {"any", "", "", ""},
	GoesDay2:             {"any", "=", "", ""},
}

// holds reports whether a status is what a table wants, given the day before.
func holds(want, is, before string) bool {
	switch want {
	case "any":
		return is != ""
	case "=":
		return is == before
	}
	return slices.Contains(strings.Split(want, "|"), is)
}

func TestCreditLives(t *testing.T) {
	t.Parallel()
	for _, opts := range []Options{{Customers: 200}, {Customers: 3000, Seed: 5}, {Customers: 7}} {
		s := newSimulator(t, opts)
		led := make(map[Life]int)
		for i := range s.newcomers() + eventDays*s.perDay() {
			life := s.CreditLife(i)
			if i < s.customers || i >= s.newcomers() {
				led[life]++
			}
			want, known := creditDays[life]
			if !known {
				t.Fatalf("customer %d has an unknown life, %q", i, life)
			}
			var all [4]CreditCustomer
			before := ""
			for day := range all {
				s.SetDay(day)
				c, is := s.CreditCustomer(i), ""
				if s.credit.at(day, 1).has(i) {
					if is = statusOf(t, c); expiresSoon(c, day) && strings.HasPrefix(string(life), "expires") {
						is += " soon"
					}
				} else if i >= s.customers && i < s.newcomers() {
					continue // not joined under a fault
				}
				if !holds(want[day], is, before) {
					t.Errorf("customer %d, %s, day %d: %q, want %q after %q", i, life, day, is, want[day], before)
				}
				if s.CreditLife(i) != life {
					t.Errorf("customer %d, %s, has another life on day %d", i, life, day)
				}
				before, all[day] = is, c
				if whole, cents, _ := strings.Cut(string(c.RemainingCredit), "."); i > len(awkwardCredit) && (whole == "" || len(cents) != 0 && len(cents) != 2) {
					t.Errorf("customer %d, %s, day %d: an amount of %q", i, life, day, c.RemainingCredit)
				}
			}
			for day := 1; day < len(all); day++ {
				was, is := all[day-1], all[day]
				same := was
				same.RemainingCredit, same.Force, same.RecentExpiry, same.Note = is.RemainingCredit, is.Force, is.RecentExpiry, is.Note
				if is != same {
					t.Errorf("customer %d, %s, day %d: more has changed than may", i, life, day)
				}
				if was.RecentExpiry != is.RecentExpiry && life != map[int]Life{1: ExpiresDay1, 2: ExpiresDay2}[day] {
					t.Errorf("customer %d, %s, day %d: expires %s instead of %s", i, life, day, is.RecentExpiry, was.RecentExpiry)
				}
				if life == Unchanged && is != was {
					t.Errorf("customer %d, unchanged, changed on day %d", i, day)
				}
				if life == SpendsSlowly && statusOf(t, is) != "exhausted" && amount(t, is.RemainingCredit) >= amount(t, was.RemainingCredit) {
					t.Errorf("customer %d, spending slowly, has %s left on day %d and had %s", i, is.RemainingCredit, day, was.RemainingCredit)
				}
			}
		}
		for life := range creditDays {
			if led[life] == 0 && opts.Customers >= 200 {
				t.Errorf("%+v: no customer has the life %s", opts, life)
			}
		}
	}
}

func TestTagLives(t *testing.T) {
	t.Parallel()
	endOfMonth := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC) // day 1 is in another one
	for _, opts := range []Options{{Customers: 200}, {Customers: 3000, Seed: 5}, {Customers: 3000, Today: endOfMonth}, {Customers: 7}} {
		s := newSimulator(t, opts)
		led := make(map[Life]int)
		for i := range s.newcomers() + eventDays*s.perDay() {
			life := s.TagLife(i)
			if i < s.customers || i >= s.newcomers() {
				led[life]++
			}
			want, known := tagDays[life]
			if !known {
				t.Fatalf("customer %d has an unknown life, %q", i, life)
			}
			var was TagCustomer
			before := ""
			for day := range want {
				s.SetDay(day)
				c, is := s.TagCustomer(i), ""
				if i >= s.customers && i < s.newcomers() {
					continue // not joined under a fault
				}
				if s.tags.at(day, 1).has(i) {
					is = c.NewCustomerTag
					if is == "" {
						is = "-"
					}
					month := monthsFrom(s.today())
					switch {
					case c.ExpireTime == "" || want[day] == "any":
					case want[day] == "=":
						is = before // held by c == was
					case day == 0 && c.ExpireTime > month(1):
						is += " later"
					default:
						for n := -1; n <= 11; n++ {
							if c.ExpireTime == month(n) {
								is += fmt.Sprintf("%+d", n)
							}
						}
						if c.EffectiveTime > month(0) {
							t.Errorf("customer %d, %s, day %d: effective from %s", i, life, day, c.EffectiveTime)
						}
					}
				}
				if !holds(want[day], is, before) || want[day] == "=" && c != was {
					t.Errorf("customer %d, %s, day %d: %q, %+v, want %q after %q, %+v", i, life, day, is, c, want[day], before, was)
				}
				if s.TagLife(i) != life {
					t.Errorf("customer %d, %s, has another life on day %d", i, life, day)
				}
				before, was = is, c
			}
		}
		for life := range tagDays {
			if led[life] == 0 && opts.Customers >= 200 {
				t.Errorf("%+v: no customer has the life %s", opts, life)
			}
		}
	}
}

// About one customer in ten changes status on each of the first two days. After
// those only the hovering ones do.
func TestShareOfChange(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Customers: 4000})
	var changed [8]int
	for i := range s.Customers() {
		life, before := s.CreditLife(i), ""
		for day := range changed {
			s.SetDay(day)
			is := statusOf(t, s.CreditCustomer(i))
			if day > 0 && is != before && (day <= 2 || life != Hovers) {
				changed[day]++
			}
			before = is
		}
	}
	for day, n := range changed {
		if day > 0 && day <= 2 && (n < 320 || n > 520) || day > 2 && n > 0 {
			t.Errorf("day %d: %d of 4000 change status", day, n)
		}
	}
}

// The remaining credit follows the life, and nothing else changes it much.
func TestWhatIsLeft(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Customers: 2000})
	at := func(day, i int) CreditCustomer {
		s.SetDay(day)
		return s.CreditCustomer(i)
	}
	left := func(day, i int) float64 { return amount(t, at(day, i).RemainingCredit) }
	for i := range s.Customers() {
		switch life := s.CreditLife(i); life {
		case SpendsSlowly:
			if statusOf(t, at(0, i)) != statusOf(t, at(400, i)) || left(13, i) > left(0, i) || left(0, i) != left(14, i) {
				t.Errorf("customer %d, spending slowly: %v left, %v after 13 days, %v after 14, %s after 400", i, left(0, i), left(13, i), left(14, i), statusOf(t, at(400, i)))
			}
		case ForcedDay1, ForcedDay2, ExpiresDay1, ExpiresDay2: // no money comes in
			if left(1, i) > left(0, i) || left(2, i) > left(1, i) {
				t.Errorf("customer %d, %s: %v left, then %v, then %v", i, life, left(0, i), left(1, i), left(2, i))
			}
		case FreedDay1, FreedDay2:
			if left(3, i) < left(0, i)*0.95 {
				t.Errorf("customer %d, %s: %v left, and then %v", i, life, left(0, i), left(3, i))
			}
		}
	}
	for i := range awkwardCredit {
		life := s.CreditLife(i)
		if (life == Unchanged) != (at(2, i).Note == at(0, i).Note) {
			t.Errorf("customer %d, %s: the note is %q on day 2", i, life, at(2, i).Note)
		}
	}
}

// On every day the lists have that day's customers, in order, once each, with the
// day's values.
func TestDaysOverTheWire(t *testing.T) {
	t.Parallel()
	for _, customers := range []int{-1, 1, 2, 30, 49, 70, 90, 200, 333} {
		s := newSimulator(t, Options{Customers: customers})
		for _, day := range []int{1, 0, 2, 40} {
			s.SetDay(day)
			was := s.CreditPresence()
			var want, descending []string
			var rows []CreditCustomer
			for i := range was.Most() {
				if was.Ever(i) != was.Throughout(i) {
					t.Errorf("%d customers, day %d: customer %d comes or goes without a fault", customers, day, i)
				}
				if was.Ever(i) {
					want, rows = append(want, fmt.Sprint(s.CreditCustomer(i).ClientUin)), append(rows, s.CreditCustomer(i))
				}
			}
			bound := func(a, b CreditCustomer) int { return strings.Compare(a.AssociationTime, b.AssociationTime) }
			if customers > 48 && !slices.IsSortedFunc(rows[17:], bound) { // one of the awkward has a date without a time
				t.Errorf("%d customers, day %d: not in the order of their binding", customers, day)
			}
			descending = slices.Clone(want)
			slices.Reverse(descending)
			for order, want := range map[string][]string{"asc": want, "desc": descending} {
				got, totals := walkCredit(t, s, order)
				if !slices.Equal(got, want) {
					t.Errorf("%d customers, day %d, %s: ids %v, want %v", customers, day, order, got, want)
				}
				for _, total := range totals {
					if total != len(want) {
						t.Errorf("%d customers, day %d: total %d, want %d", customers, day, total, len(want))
					}
				}
			}
			if list := s.askCredit(t, `{"PageSize":100,"Order":"asc"}`).list; len(rows) > 0 && string(list) != string(mustJSON(rows[:min(100, len(rows))])) {
				t.Errorf("%d customers, day %d: rows are not the truth", customers, day)
			}

			tags := s.TagPresence()
			var wanted []string
			var tagged []TagCustomer
			for i := range tags.Most() {
				if tags.Throughout(i) {
					wanted, tagged = append(wanted, s.TagCustomer(i).CustomerID), append(tagged, s.TagCustomer(i))
				}
			}
			if got := walkTags(t, s); !slices.Equal(got, wanted) {
				t.Errorf("%d customers, day %d, tags: ids %v, want %v", customers, day, got, wanted)
			}
			if list := s.askTags(t, `{"limit":200}`).list; len(tagged) > 0 && string(list) != string(mustJSON(tagged[:min(200, len(tagged))])) {
				t.Errorf("%d customers, day %d: tags are not the truth", customers, day)
			}
			if customers < 0 && (len(want) > 0 || len(wanted) > 0) {
				t.Errorf("day %d: an empty account has customers", day)
			}

			// Asked for one by one they come and go as well.
			for i := range was.Most() {
				if life := s.CreditLife(i); life == Unchanged || life == SpendsSlowly {
					continue
				}
				g := s.askCredit(t, fmt.Sprintf(`{"FilterType":"ClientUin","Filter":"%d"}`, s.CreditCustomer(i).ClientUin))
				if (g.total == 1) != was.Ever(i) {
					t.Errorf("%d customers, day %d: %d of customer %d, %s", customers, day, g.total, i, s.CreditLife(i))
				}
				g = s.askTags(t, `{"customer_ids":["`+s.TagCustomer(i).CustomerID+`"]}`)
				if (len(g.rows) == 1) != tags.Ever(i) {
					t.Errorf("%d customers, day %d: %d of customer %d, %s", customers, day, len(g.rows), i, s.TagLife(i))
				}
			}
		}
	}
}

// Resellers' customers are the same every day, and as many.
func TestResellersHaveNoDays(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Customers: 200})
	list := func(n int) string {
		return s.askTags(t, fmt.Sprintf(`{"indirect_partner_id":%q,"limit":200}`, s.Resellers()[n].IndirectPartnerID)).body
	}
	for n := range s.Resellers() {
		s.SetDay(0)
		before := list(n)
		s.SetDay(2)
		if list(n) != before {
			t.Errorf("reseller %d has other customers on day 2", n)
		}
	}
}

// Faults act the same on every day, and an id always means one customer.
func TestFaultsOnADay(t *testing.T) {
	t.Parallel()
	for _, day := range []int{1, 2} {
		s := newSimulator(t, Options{Customers: 200, Day: day})
		there := len(s.credit.at(day, 1).customers)

		s = newSimulator(t, Options{Customers: 200, Day: day, Faults: []string{"customers-join", "customers-leave"}})
		met, names := make(map[string]int), make(map[string]any)
		const calls = 30
		for n := range calls {
			if n == calls/2 {
				s.SetDay(day) // so that only the calls from here on count
				clear(met)
			}
			var rows []map[string]any
			o := s.credit.at(day, n+1)
			for page := range 3 {
				// Three calls are one read: customers change between reads.
				s.counters.calls.Credit.Accepted = n
				g := s.askCredit(t, fmt.Sprintf(`{"Order":"asc","PageSize":100,"Page":%d}`, page+1))
				if rows = append(rows, g.rows...); g.total != len(o.customers) {
					t.Fatalf("day %d, call %d: total %d, want %d", day, n, g.total, len(o.customers))
				}
			}
			if len(rows) != len(o.customers) {
				t.Errorf("day %d, call %d: %d rows, want %d", day, n, len(rows), len(o.customers))
			}
			before := ""
			for row, values := range rows {
				id := fmt.Sprintf("%.0f", values["ClientUin"])
				if met[id]++; names[id] != nil && names[id] != values["Name"] {
					t.Errorf("day %d: %s is %v and %v", day, id, names[id], values["Name"])
				}
				names[id] = values["Name"]
				if bound := values["AssociationTime"].(string); row > 17 {
					if bound < before {
						t.Errorf("day %d, row %d: bound at %s, after one at %s", day, row, bound, before)
					}
					before = bound
				}
			}
		}
		was := s.CreditPresence()
		for i := range was.Most() {
			n := met[fmt.Sprint(s.CreditCustomer(i).ClientUin)]
			if was.Throughout(i) != (n == calls/2) || was.Ever(i) != (n > 0) {
				t.Errorf("day %d: customer %d was met %d times; throughout %t, ever %t", day, i, n, was.Throughout(i), was.Ever(i))
			}
		}

		s = newSimulator(t, Options{Customers: 200, Day: day, Faults: []string{"duplicate-rows"}})
		if ids, totals := walkCredit(t, s, "desc"); distinct(ids) != there || totals[0] != there || len(ids) != there+(there-1)/10 {
			t.Errorf("day %d, duplicate-rows: %d rows, %d distinct, totals %v, want %d", day, len(ids), distinct(ids), totals, there)
		}
		if ids := walkTags(t, s); len(ids) != distinct(ids)+(distinct(ids)-1)/10 {
			t.Errorf("day %d, duplicate-rows, tags: %d rows, %d distinct", day, len(ids), distinct(ids))
		}
		s = newSimulator(t, Options{Customers: 200, Day: day, Faults: []string{"customers-join"}})
		if ids := walkTags(t, s); distinct(ids) != len(s.tags.at(day, 1).customers) {
			t.Errorf("day %d, customers-join, tags: %d distinct", day, distinct(ids))
		}
	}
}

// A customer is listed until the day on which it leaves, in the order of the indexes.
func TestLeavers(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Customers: 5000, Seed: 9})
	for stream, r := range map[uint64]*roster{streamCreditLeavers: s.credit, streamTagLeavers: s.tags} {
		for day := range 4 {
			l := r.at(day, 1)
			left, row := 0, 0
			for i := range s.Customers() {
				leaves := s.seed.leavesOn(stream, i)
				if l.has(i) != (leaves == 0 || leaves > day) {
					t.Fatalf("day %d: customer %d, which leaves on day %d, is listed: %t", day, i, leaves, l.has(i))
				}
				if !l.has(i) {
					left++
					continue
				}
				if got := l.customer(row, true); got != i {
					t.Fatalf("day %d: customer %d is at row %d, want %d", day, got, row, i)
				}
				row++
			}
			if left < 120*min(day, 2) || left > 125*min(day, 2) {
				t.Errorf("day %d: %d of 5000 have left", day, left)
			}
		}
	}
}

func TestNewcomersOfADay(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Customers: 200})
	for i := s.newcomers(); i < s.newcomers()+2*s.perDay(); i++ {
		c, day := s.CreditCustomer(i), s.joinsOn(i)
		if want := now.In(beijing).AddDate(0, 0, day).Format(time.DateOnly) + " 00:"; !strings.HasPrefix(c.AssociationTime, want) {
			t.Errorf("customer %d of day %d bound at %s", i, day, c.AssociationTime)
		}
		s.SetDay(2)
		if c.AssociationTime != s.CreditCustomer(i).AssociationTime {
			t.Errorf("customer %d is bound another time the day after", i)
		}
	}
	// The date of day 0 need not be the clock's.
	s = newSimulator(t, Options{Customers: 200, Today: time.Date(2031, 5, 4, 17, 0, 0, 0, time.UTC), Day: 1})
	if got := s.CreditCustomer(220).AssociationTime; s.CreditLife(220) != ComesDay1 || !strings.HasPrefix(got, "2031-05-06 00:") {
		t.Errorf("bound at %s, want on the day after 2031-05-05", got)
	}
	if got := s.TagCustomer(1).ExpireTime; got != "2031-05" {
		t.Errorf("ends this month: %s", got)
	}
	if g := s.askCredit(t, `{}`); g.code != "" {
		t.Errorf("signatures are held against another clock: %s", g.code)
	}
}

// SetDay may be called at any time.
func TestSetDayWhileReading(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Customers: 200, Faults: []string{"customers-join", "customers-leave", "duplicate-rows"}})
	stop := make(chan struct{})
	var days, readers sync.WaitGroup
	days.Go(func() {
		for day := 0; ; day++ {
			select {
			case <-stop:
				return
			default:
				s.SetDay(day % 4)
			}
		}
	})
	for range 4 {
		readers.Go(func() {
			for n := range 100 {
				for _, r := range []call{{body: fmt.Sprintf(`{"Page":%d,"PageSize":50}`, n%6+1)}, {body: fmt.Sprintf(`{"offset":%d,"limit":50}`, n%6*50)}} {
					w := httptest.NewRecorder()
					if n%2 == 0 {
						s.ServeHTTP(w, r.huawei("http://simulator.example"))
					} else {
						s.ServeHTTP(w, r.tencent("http://simulator.example"))
					}
				}
				was := s.CreditPresence()
				_, _ = s.CreditCustomer(was.Most()-1), s.TagCustomer(n)
			}
		})
	}
	readers.Wait()
	close(stop)
	days.Wait()
}

func TestMillionCustomersLive(t *testing.T) {
	s := newSimulator(t, Options{Customers: 1_000_000})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s.SetDay(2)
	want := len(s.credit.at(2, 1).customers)
	g := s.askCredit(t, fmt.Sprintf(`{"Page":%d,"PageSize":100,"Order":"asc"}`, want/100))
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
		t.Errorf("a day of a million customers allocates %d bytes, want at most 8 a customer", grown)
	}
	if g.total != want || len(g.rows) != 100 || want == 1_000_000 {
		t.Errorf("far page: %d rows of %d, want %d", len(g.rows), g.total, want)
	}
	if calls := s.TagPresence(); !calls.Ever(calls.Most() - 1) {
		t.Errorf("the last newcomer is not there")
	}
}
