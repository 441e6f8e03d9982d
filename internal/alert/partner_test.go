package alert

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"partnerlens/pkg/core"
)

// partnerOf returns a state: "-" is not read, "pool" the remaining amount of 1000.00, and
// each reseller "id=remaining" of 1000.00; "?" is an amount that the vendor leaves out, and
// "none" a reseller to which nothing is allocated.
func partnerOf(t tester, pool, resellers string) (state core.PartnerState) {
	t.Helper()
	amount := func(text string) *core.Money {
		if text == "?" || text == "none" {
			return nil
		}
		return money(t, text)
	}
	if pool != "-" {
		state.Pool = &core.PartnerCredit{Total: money(t, "1000.00"), Remaining: amount(pool), Currency: "USD"}
	}
	if resellers != "-" {
		state.Resellers = []core.ResellerCredit{}
		for reseller := range strings.FieldsSeq(resellers) {
			id, left, _ := strings.Cut(reseller, "=")
			reseller := core.ResellerCredit{ResellerID: id, Name: "Example Ltd", Allocated: money(t, "1000.00"), Remaining: amount(left), Currency: "USD"}
			if left == "none" {
				reseller.Allocated, reseller.Remaining = money(t, "0"), money(t, "0")
			}
			state.Resellers = append(state.Resellers, reseller)
		}
	}
	return state
}

func TestEvaluatePartner(t *testing.T) {
	t.Parallel()
	type day struct{ pool, resellers, alerts, open string }
	amount, _ := core.ParseThreshold("250.00")
	zero, _ := core.ParseThreshold("0")
	for _, test := range []struct {
		name  string
		rules *Rules
		days  []day
	}{
		{"once a crossing", nil, []day{
			{"500.00", "a=500.00 b=500.00", "", ""},
			{"100.00", "a=50.00 b=500.00", "partner_low 1 reseller_low a 1", "partner_low 1 reseller_low a 1"},
			{"0.00", "a=-1.00 b=500.00", "", "partner_low 1 reseller_low a 1"},
			{"110.00", "a=110.00 b=500.00", "", "partner_low 1 reseller_low a 1"}, // not clearly above
			{"110.01", "a=110.01 b=500.00", "", ""},
			{"99.00", "a=99.00 b=99.00", "partner_low 5 reseller_low a 5 reseller_low b 5", "partner_low 5 reseller_low a 5 reseller_low b 5"},
		}},
		{"the first run", nil, []day{
			{"50.00", "a=50.00", "", "partner_low 0 reseller_low a 0"},
			{"40.00", "a=40.00 b=40.00", "reseller_low b 1", "partner_low 0 reseller_low a 0 reseller_low b 1"},
		}},
		{"read for the first time", nil, []day{
			{"-", "-", "", ""},
			{"50.00", "-", "", "partner_low 1"},
			{"50.00", "b=1.00 a=1.00", "", "partner_low 1 reseller_low a 2 reseller_low b 2"},
		}},
		{"not read in between", nil, []day{
			{"500.00", "a=500.00 b=50.00", "", "reseller_low b 0"},
			{"-", "-", "", "reseller_low b 0"},
			{"50.00", "a=50.00 b=50.00", "partner_low 2 reseller_low a 2", "partner_low 2 reseller_low a 2 reseller_low b 0"},
			{"-", "-", "", "partner_low 2 reseller_low a 2 reseller_low b 0"},
			{"500.00", "a=500.00 b=500.00", "", ""},
		}},
		{"an amount is missing", nil, []day{
			{"500.00", "a=500.00 b=50.00", "", "reseller_low b 0"},
			{"?", "a=? b=?", "", "reseller_low b 0"},
			{"50.00", "a=50.00 b=50.00", "partner_low 2 reseller_low a 2", "partner_low 2 reseller_low a 2 reseller_low b 0"},
			{"?", "a=? b=500.00", "", "partner_low 2 reseller_low a 2"},
		}},
		{"a reseller leaves and comes back", nil, []day{
			{"500.00", "a=50.00", "", "reseller_low a 0"},
			{"500.00", "", "", ""},
			{"500.00", "a=50.00", "reseller_low a 2", "reseller_low a 2"},
		}},
		{"nothing is allocated to a reseller", nil, []day{
			{"500.00", "a=none b=50.00", "", "reseller_low b 0"},
			{"500.00", "a=none b=none", "", ""},
			{"500.00", "a=50.00 b=none", "reseller_low a 2", "reseller_low a 2"},
		}},
		{"an amount as the threshold", &Rules{PartnerLow: amount, ResellerLow: amount, HysteresisPercent: 100}, []day{
			{"500.00", "a=500.00", "", ""},
			{"250.00", "a=250.00", "partner_low 1 reseller_low a 1", "partner_low 1 reseller_low a 1"},
			{"500.00", "a=500.00", "", "partner_low 1 reseller_low a 1"},
			{"500.01", "a=500.01", "", ""},
		}},
		{"no margin takes two runs", &Rules{PartnerLow: zero, ResellerLow: zero}, []day{
			{"1.00", "a=1.00", "", ""},
			{"0.00", "a=0.00", "partner_low 1 reseller_low a 1", "partner_low 1 reseller_low a 1"},
			{"1.00", "a=1.00", "", "partner_low 1 reseller_low a 1"},
			{"1.00", "a=1.00", "", ""},
		}},
		{"kinds that are off", &Rules{Kinds: []Kind{ResellerLow}}, []day{
			{"500.00", "a=500.00", "", ""},
			{"50.00", "a=50.00", "reseller_low a 1", "partner_low 1 reseller_low a 1"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var known Conditions
			folded := make(partnerJournal)
			for i, day := range test.days {
				run := runOn(i)
				run.First = i == 0
				e, next := test.rules.EvaluatePartner(run, partnerOf(t, day.pool, day.resellers), known)
				folded.fold(e)
				if got, want := folded.String(), conditions(e.Open); got != want {
					t.Errorf("day %d: the journal gives %q, and open are %q", i, got, want)
				}
				if got := conditions(e.Alerts); got != day.alerts {
					t.Errorf("day %d: alerts %q, want %q", i, got, day.alerts)
				}
				if got := conditions(next.Open); got != day.open {
					t.Errorf("day %d: open %q, want %q", i, got, day.open)
				}
				text, err := json.Marshal(next)
				if err != nil {
					t.Fatal(err)
				}
				known = Conditions{}
				if err := json.Unmarshal(text, &known); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// partnerJournal is what is open by the transitions alone, by kind and reseller.
type partnerJournal map[string]Alert

func (j partnerJournal) fold(e Evaluation) {
	for _, a := range slices.Concat(e.Alerts, e.Silent) {
		key := fmt.Sprint(a.Kind, a.ResellerID)
		_, open := j[key]
		if ended := a.Reason == ReasonEnded; ended != open {
			panic("a condition begins or ends twice: " + key)
		} else if ended {
			delete(j, key)
		} else {
			j[key] = a
		}
	}
}

func (j partnerJournal) String() string {
	return conditions(slices.SortedFunc(maps.Values(j), func(a, b Alert) int {
		return cmp.Or(compareKinds(a.Kind, b.Kind), cmp.Compare(a.ResellerID, b.ResellerID))
	}))
}

// conditions lists alerts, each with its reseller and the day since when it is open.
func conditions(alerts []Alert) string {
	var all []string
	for _, a := range alerts {
		since, _ := time.Parse(time.RFC3339, a.Since)
		all = append(all, strings.Join(strings.Fields(fmt.Sprintf("%s %s %d", a.Kind, a.ResellerID, int(since.Sub(runStart)/oneDay))), " "))
	}
	return strings.Join(all, " ")
}

func TestPartnerAlert(t *testing.T) {
	t.Parallel()
	known := Conditions{Known: []Kind{PartnerLow, ResellerLow}}
	e, _ := new(Rules).EvaluatePartner(runOn(1), partnerOf(t, "12.50", "300000000001=-1.00"), known)
	alerts := e.Alerts
	d := NewDigest(Summary{Function: "credit", Account: "main", AsOf: runStart})
	for _, a := range alerts {
		if a.CustomerID != "" || a.ID == "" || a.Provider != "" || strings.Contains(a.Name, "Example") {
			t.Errorf("%+v", a)
		}
		d.Add(a)
	}
	for language, want := range map[string][]string{
		English: {"🔴 Partner credit low: main: 12.50 of 1,000.00 USD left, threshold 10%", "🟠 Reseller's credit low: 300000000001 E＊＊＊e L＊＊＊: -1.00 of 1,000.00 USD left, threshold 10%"},
		Chinese: {"🔴 伙伴可分配额度偏低：main：剩余 12.50 / 额度 1,000.00 USD，预警线 10%", "🟠 经销商额度偏低：300000000001 E＊＊＊e L＊＊＊：剩余 -1.00 / 额度 1,000.00 USD，预警线 10%"},
	} {
		if got := texts(d.selectFor(scope{channel: new(Channel)}).message(language).items, item.plain); !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	text, err := core.AppendJSON(nil, alerts)
	if err != nil || strings.Contains(string(text), "customer_id") {
		t.Errorf("%s, %v", text, err)
	}
}

func TestPartnerLine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ remaining, total, en, zh string }{
		{"12000.00", "100000.00", "Partner credit: 12,000.00 of 100,000.00 USD left to allocate", "伙伴额度：剩余可分配 12,000.00 / 总额 100,000.00 USD"},
		{"-1234567", "", "Partner credit: -1,234,567 USD left to allocate", "伙伴额度：剩余可分配 -1,234,567 USD"},
		{"-999.5", "1000", "Partner credit: -999.5 of 1,000 USD left to allocate", "伙伴额度：剩余可分配 -999.5 / 总额 1,000 USD"},
		{"", "1000", "", ""},
	} {
		pool := &core.PartnerCredit{Currency: "USD"}
		if test.remaining != "" {
			pool.Remaining = money(t, test.remaining)
		}
		if test.total != "" {
			pool.Total = money(t, test.total)
		}
		d := NewDigest(Summary{Function: "credit", AsOf: runStart, Partner: pool})
		for language, want := range map[string]string{English: test.en, Chinese: test.zh} {
			head := strings.Join(d.selectFor(scope{channel: new(Channel)}).message(language).head, "\n")
			if _, got, _ := strings.Cut(head, "\n"); want != "" && !strings.HasSuffix(got, "\n"+want) || want == "" && strings.Contains(got, "\n") {
				t.Errorf("%s: %q, want %q", language, head, want)
			}
		}
	}
}

func TestVouchers(t *testing.T) {
	t.Parallel()
	with := func(left, vouchers string, days int) *core.CustomerCredit {
		c := credit(t, left)
		if vouchers != "" {
			c.Vouchers = &core.Vouchers{Remaining: *money(t, vouchers)}
			if days > 0 {
				expiry := runStart.AddDate(0, 0, days)
				c.Vouchers.NearestExpiry = &expiry
			}
		}
		return c
	}
	var state State
	for i, day := range []struct {
		c    *core.CustomerCredit
		want string
	}{
		{with("500.00", "50.00", 9), "New customer"},
		{with("500.00", "", 0), ""}, // not read
		{with("500.00", "50.00", 9), "🟠 Voucher expires soon: 200000000001 E＊＊＊e L＊＊＊: vouchers 50.00 USD left, expires 2026-12-01 09:00 UTC+8, 7 days to go"},
		{with("500.00", "50.00", 9), ""},
		{with("-5.00", "50.00", 9), "🔴 Overdrawn: 200000000001 E＊＊＊e L＊＊＊: -5.00 of 1,000.00 USD left, vouchers 50.00 USD left"},
		{with("-5.00", "40.00", 10), "🟠 Voucher expires soon: 200000000001 E＊＊＊e L＊＊＊: vouchers 40.00 USD left, expires 2026-12-02 09:00 UTC+8, 5 days to go"},
		{with("-5.00", "40.00", 9), ""}, // both were reported
		{with("-5.00", "0.00", 0), ""},
	} {
		var alerts []Alert
		alerts, state = evaluate(t, nil, runOn(i), nil, day.c, state)
		var lines []string
		for _, a := range alerts {
			if a.Kind == CustomerNew {
				lines = append(lines, a.Kind.Title(English))
				continue
			}
			lines = append(lines, writer{language: English}.alert(a).plain())
		}
		if got := strings.Join(lines, "\n"); got != day.want {
			t.Errorf("day %d:\n%s\nwant\n%s", i, got, day.want)
		}
		if day.c.Status == core.CreditOverdrawn != (i >= 4) {
			t.Errorf("day %d: %s", i, day.c.Status)
		}
	}
}

// An expiry that the first reading of vouchers finds is open, and recorded in silence; it is
// not reported later either.
func TestFirstVouchers(t *testing.T) {
	t.Parallel()
	c := credit(t, "500.00")
	expiry := runStart.Add(3 * oneDay)
	c.Vouchers = &core.Vouchers{Remaining: *money(t, "5.00"), NearestExpiry: &expiry}
	without := credit(t, "500.00")
	known, err := new(Rules).Evaluate(runOn(0), nil, without, State{})
	if err != nil {
		t.Fatal(err)
	}
	for _, first := range []bool{false, true} {
		run := runOn(0)
		run.FirstVouchers = first
		e, err := new(Rules).Evaluate(run, without, c, known.State)
		if err != nil || len(e.Open) != 1 || first != (len(e.Alerts) == 0) || first && (len(e.Silent) != 1 || e.Silent[0].Reason != ReasonFirst) {
			t.Errorf("first %t: %+v, %v", first, e, err)
		}
		run.FirstVouchers = false
		if e, err = new(Rules).Evaluate(run, c, c, e.State); err != nil || len(e.Alerts)+len(e.Silent) != 0 || len(e.Open) != 1 {
			t.Errorf("first %t, the run after: %+v, %v", first, e, err)
		}
	}
}
