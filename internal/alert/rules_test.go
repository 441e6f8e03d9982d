package alert

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"partnerlens/pkg/core"
)

// tester is a test, or one draw of a property.
type tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func money(t tester, text string) *core.Money {
	t.Helper()
	if text == "" {
		return nil
	}
	m, err := core.ParseMoney(text)
	if err != nil {
		t.Fatal(err)
	}
	return &m
}

func threshold(t tester, text string) core.Threshold {
	t.Helper()
	low, err := core.ParseThreshold(text)
	if err != nil {
		t.Fatal(err)
	}
	return low
}

// credit is a customer with so much of 1000.00 left; "forced …" is stopped,
// "unflagged …" has no flag, and "" has no amount.
func credit(t tester, left string) *core.CustomerCredit {
	t.Helper()
	no, yes := false, true
	c := &core.CustomerCredit{Provider: "tencentcloud", CustomerID: "200000000001", Name: "Example Ltd", Forced: &no}
	if rest, ok := strings.CutPrefix(left, "forced "); ok {
		left, c.Forced = rest, &yes
	}
	if rest, ok := strings.CutPrefix(left, "unflagged "); ok {
		left, c.Forced = rest, nil
	}
	c.Credit = core.Credit{Allocated: money(t, "1000.00"), Remaining: money(t, left), Currency: "USD"}
	c.Evaluate("main", time.Time{}, core.Rules{})
	return c
}

var runStart = time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)

func runOn(day int) RunContext {
	return RunContext{Evaluator: Credit, Function: "credit", Account: "main", Run: fmt.Sprint("run-", day), AsOf: runStart.AddDate(0, 0, day)}
}

func evaluate(t tester, r *Rules, run RunContext, before, after core.Record, prev State) ([]Alert, State) {
	t.Helper()
	e, err := r.Evaluate(run, before, after, prev)
	if err != nil {
		t.Fatal(err)
	}
	return e.Alerts, e.State
}

func kindsOf(alerts []Alert) (kinds []Kind) {
	for _, a := range alerts {
		kinds = append(kinds, a.Kind)
	}
	return kinds
}

// play evaluates one customer day by day, absent at "-", and returns each day's kinds as a
// text. The first day is the baseline.
func play(t tester, r *Rules, days ...string) []string {
	t.Helper()
	var reported []string
	var before, after core.Record
	var state State
	for day, left := range days {
		after = nil
		if left != "-" {
			record, err := Credit.Override(r, credit(t, left))
			if err != nil {
				t.Fatal(err)
			}
			after = record
		}
		now := runOn(day)
		now.First = day == 0
		var alerts []Alert
		alerts, state = evaluate(t, r, now, before, after, roundTrip(t, state))
		reported = append(reported, join(kindsOf(alerts)))
		before = after
	}
	return reported
}

// roundTrip is a State as the next run reads it.
func roundTrip(t tester, s State) (again State) {
	t.Helper()
	text, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(text, &again)
	}
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return again
}

func TestCreditSequences(t *testing.T) {
	t.Parallel()
	const (
		low, exhausted, overdrawn = "credit_low", "credit_exhausted", "credit_overdrawn"
		forced, freed, recovered  = "credit_forced", "credit_freed", "credit_recovered"
	)
	for _, test := range []struct {
		name  string
		rules *Rules
		days  []string
		want  []string
	}{
		{"well throughout", nil, []string{"500", "400", "300"}, []string{"", "", ""}},
		{"the first run is quiet, and the second knows", nil, []string{"-5", "-5", "-6", "500"}, []string{"", "", "", recovered}},
		{"hovering at the line for ten days", nil,
			[]string{"500", "100", "101", "99", "105", "100", "109", "110", "95", "102", "110.01"},
			[]string{"", low, "", "", "", "", "", "", "", "", recovered}},
		{"hovering at zero for ten days", nil,
			[]string{"50", "0", "5", "0", "-1", "0", "3", "-2", "10", "0", "-1"},
			[]string{"", exhausted, "", "", overdrawn, "", "", "", "", "", ""}},
		{"clearly above zero and down again", nil,
			[]string{"500", "-1", "10.01", "0", "-1"},
			[]string{"", overdrawn, "", exhausted, overdrawn}},
		{"clearly above zero, low for long, and over", nil,
			[]string{"500", "-1", "50", "50", "111"},
			[]string{"", overdrawn, "", "", recovered}},
		{"escalation", nil,
			[]string{"500", "90", "0", "-1", "forced -1", "forced -5"},
			[]string{"", low, exhausted, overdrawn, forced, ""}},
		{"all at once", nil, []string{"500", "forced -1"}, []string{"", forced}},
		{"freed, and what it comes back with is not news", nil,
			[]string{"500", "forced -1", "-1", "-2", "500"},
			[]string{"", forced, freed, "", recovered}},
		{"stopped while well, overdrawn, and freed overdrawn", nil, []string{"500", "forced 500", "forced -5", "-5", "-6"}, []string{"", forced, "", overdrawn + ", " + freed, ""}},
		{"stopped while low, overdrawn, and freed overdrawn", nil, []string{"90", "forced 90", "forced -5", "-5", "500"}, []string{"", forced, "", overdrawn + ", " + freed, recovered}},
		{"stopped at zero, and freed below it", nil, []string{"500", "forced 0", "-1", "0"}, []string{"", forced, overdrawn + ", " + freed, ""}},
		{"stopped below zero, and freed low", nil, []string{"500", "forced -1", "50", "0"}, []string{"", forced, freed, exhausted}},
		{"stopped twice", nil, []string{"500", "forced -1", "500", "forced 500", "-1"}, []string{"", forced, freed, forced, overdrawn + ", " + freed}},
		{"freed and over", nil, []string{"500", "-1", "forced -1", "500"}, []string{"", overdrawn, forced, freed + ", " + recovered}},
		{"stopped without an amount", nil, []string{"500", "90", "forced ", "500"}, []string{"", low, forced, freed + ", " + recovered}},
		{"stopped for another reason", nil, []string{"500", "forced 500", "500"}, []string{"", forced, freed}},
		{"an amount that is missing opens and closes nothing", nil,
			[]string{"500", "", "90", "", "90", "", "500"},
			[]string{"", "", low, "", "", "", recovered}},
		{"a flag that is missing hides no amount", nil,
			[]string{"500", "unflagged -5", "unflagged -6", "unflagged 500", "unflagged 90", "unflagged 0", "90", "500"},
			[]string{"", overdrawn, "", recovered, low, exhausted, "", recovered}},
		{"a flag that never comes", nil,
			[]string{"unflagged 500", "unflagged 400", "unflagged -480"},
			[]string{"", "", overdrawn}},
		{"a flag that is missing neither stops nor frees", nil,
			[]string{"500", "forced 90", "unflagged 90", "forced 90", "unflagged 80", "500"},
			[]string{"", forced, "", "", "", freed + ", " + recovered}}, // the alert of the stop reported the level
		{"an amount falls further while the flag of a stop is missing", nil,
			[]string{"500", "forced 90", "unflagged -5", "-5", "500"},
			[]string{"", forced, overdrawn, freed, recovered}},
		{"freed without an amount", nil,
			[]string{"500", "90", "forced 90", "", "90", "500"},
			[]string{"", low, forced, freed, "", recovered}},
		{"an amount, per customer", &Rules{Overrides: map[string]core.Threshold{"200000000001": threshold(t, "400.00")}},
			[]string{"500", "400", "440", "440.01", "401"},
			[]string{"", low, "", recovered, ""}},
		{"another's override", &Rules{Overrides: map[string]core.Threshold{"200000000002": threshold(t, "400.00")}},
			[]string{"500", "400"}, []string{"", ""}},
		{"a wide margin", &Rules{HysteresisPercent: 100}, []string{"500", "100", "200", "200.01"}, []string{"", low, "", recovered}},
		{"no margin: a line of nothing needs two days", &Rules{Overrides: map[string]core.Threshold{"200000000001": threshold(t, "0")}},
			[]string{"500", "-1", "1", "-1", "1", "2"},
			[]string{"", overdrawn, "", "", "", recovered}},
		{"new, gone and back", nil, []string{"-", "500", "-", "500", "90", "-"}, []string{"", "customer_new", "customer_gone", "customer_new", low, "customer_gone"}},
		{"new and badly off", nil, []string{"-", "-1", "-1"}, []string{"", overdrawn + ", customer_new", ""}},
		{"kinds that are not wanted are remembered", &Rules{Kinds: []Kind{CreditOverdrawn}},
			[]string{"500", "90", "-1", "500", "-1", "-"}, []string{"", "", overdrawn, "", overdrawn, ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := play(t, test.rules, test.days...); !slices.Equal(got, test.want) {
				t.Errorf("Evaluate(%q)\n got %q\nwant %q", test.days, got, test.want)
			}
		})
	}
}

// Whatever the threshold, the margin and the allocation are, a low customer with everything
// back has recovered, and the next crossing is reported.
func TestRecoveryIsPossible(t *testing.T) {
	t.Parallel()
	const low, exhausted, recovered = "credit_low", "credit_exhausted", "credit_recovered"
	for _, test := range []struct {
		name, line, allocated string
		hysteresis            int
		days, want            []string
	}{
		{"line and margin are all there is", "1000", "1100", 0,
			[]string{"1100", "900", "1100", "1100", "500", "1100", "999"}, []string{"", low, recovered, "", low, recovered, low}},
		{"almost", "1000", "1100", 0, []string{"1100", "900", "1099.99", "1100"}, []string{"", low, "", recovered}},
		{"a line close to everything", "95%", "1000", 0, []string{"1000", "950", "999", "1000", "900"}, []string{"", low, "", recovered, low}},
		{"a margin as wide as the line", "50%", "1000", 100, []string{"1000", "500", "999", "1000", "500"}, []string{"", low, "", recovered, low}},
		{"a margin wider than the rest", "60%", "1000", 100, []string{"1000", "600", "1000", "600"}, []string{"", low, recovered, low}},
		{"a higher allocation: the margin applies", "10%", "1000", 0, []string{"1000", "100", "110", "110.01"}, []string{"", low, "", recovered}},
		{"allocated is the line", "1000", "1000", 0, []string{"1000", "1000", "1100", "1100.01"}, []string{"", "", "", recovered}},
		{"allocated less than the line", "1000", "500", 0, []string{"500", "1001", "1100.01", "500"}, []string{"", "", recovered, low}},
		{"nothing allocated", "1000", "0", 0, []string{"2000", "500", "1001", "1101"}, []string{"", low, "", recovered}},
		{"nothing left, and all back, below the line", "1000", "80", 0, []string{"80", "0", "79", "0", "80", "0"}, []string{"", exhausted, "", "", "", exhausted}},
		{"hovering at zero with nothing allocated", "1000", "0", 0, []string{"2000", "0", "1", "0", "1", "0"}, []string{"", exhausted, "", "", "", ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := &Rules{HysteresisPercent: test.hysteresis}
			var got []string
			var before core.Record
			var state State
			for day, left := range test.days {
				c := credit(t, left)
				c.Credit.Allocated = money(t, test.allocated)
				c.Evaluate("main", time.Time{}, core.Rules{Low: threshold(t, test.line)})
				now := runOn(day)
				now.First, now.Low = day == 0, threshold(t, test.line)
				var alerts []Alert
				alerts, state = evaluate(t, r, now, before, c, roundTrip(t, state))
				got, before = append(got, join(kindsOf(alerts))), c
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("Evaluate(%q)\n got %q\nwant %q", test.days, got, test.want)
			}
		})
	}
}

func TestCreditAlert(t *testing.T) {
	t.Parallel()
	var r *Rules
	now := runOn(1)
	alerts, next := evaluate(t, r, now, credit(t, "500.00"), credit(t, "90.00"), State{Key: "200000000001", Status: "ok"})
	if len(alerts) != 1 {
		t.Fatalf("%v", alerts)
	}
	a := alerts[0]
	want := Alert{ID: a.ID, Kind: CreditLow, Severity: Warning, Account: "main", Provider: "tencentcloud", CustomerID: "200000000001",
		Name: "E***e L***", Remaining: "90.00", Allocated: "1000.00", Currency: "USD", Threshold: "10%",
		Since: "2026-11-23T01:00:00Z", Previous: "ok", Status: "low"}
	if a != want {
		t.Errorf("got  %+v\nwant %+v", a, want)
	}
	if next.Open[CreditLow] != a.Since || next.Status != "low" || next.Key != "200000000001" {
		t.Errorf("state %+v", next)
	}
	again, _ := evaluate(t, r, now, credit(t, "500.00"), credit(t, "90.00"), State{Key: "200000000001", Status: "ok"})
	now.Run = "another"
	other, _ := evaluate(t, r, now, credit(t, "500.00"), credit(t, "90.00"), State{Key: "200000000001", Status: "ok"})
	if len(a.ID) != idLength || again[0].ID != a.ID || other[0].ID == a.ID {
		t.Errorf("ids %s, the same run %s, another %s", a.ID, again[0].ID, other[0].ID)
	}
	over, next := evaluate(t, r, runOn(2), credit(t, "90.00"), credit(t, "500.00"), next)
	if len(over) != 1 || over[0].Since != a.Since || over[0].Previous != "low" || over[0].Status != "ok" || next.Open != nil {
		t.Errorf("over: %+v, %+v", over, next)
	}
}

// Evaluate changes neither its arguments nor earlier results.
func TestEvaluateIsPure(t *testing.T) {
	t.Parallel()
	var r *Rules
	_, first := evaluate(t, r, runOn(0), nil, credit(t, "90"), State{})
	text, _ := json.Marshal(first)
	evaluate(t, r, runOn(1), credit(t, "90"), credit(t, "500"), first)
	evaluate(t, r, runOn(1), credit(t, "90"), credit(t, "-1"), first)
	if now, _ := json.Marshal(first); string(now) != string(text) {
		t.Errorf("before %s, after %s", text, now)
	}
}

// A known customer without a State is not new.
func TestLostState(t *testing.T) {
	t.Parallel()
	var r *Rules
	alerts, next := evaluate(t, r, runOn(5), credit(t, "-1"), credit(t, "-2"), State{})
	if len(alerts) != 0 || next.Open[CreditOverdrawn] == "" || len(next.History) != 1 {
		t.Errorf("%v, %+v", kindsOf(alerts), next)
	}
	if _, next := evaluate(t, r, runOn(5), credit(t, "500"), credit(t, ""), State{}); len(next.History) != 0 || next.Status != "ok" {
		t.Errorf("%+v", next)
	}
}

func TestExpiring(t *testing.T) {
	t.Parallel()
	at := func(days int) *time.Time { t := runStart.AddDate(0, 0, days); return &t }
	r := &Rules{ExpiryDays: 5}
	var before core.Record
	var state State
	for day, test := range []struct {
		expiry *time.Time
		want   string
		days   int
	}{
		{at(7), "", 0}, // the baseline
		{at(7), "", 0},
		{at(7), "credit_expiring", 5},
		{at(7), "", 0},
		{nil, "", 0}, // missing
		{at(7), "", 0},
		{at(9), "credit_expiring", 3}, // something else
		{at(7), "", 0},                // and the first date again
		{at(9), "", 0},
		{at(100), "", 0}, // renewed
		{at(3), "", 0},   // past
	} {
		c := credit(t, "500")
		c.NearestExpiry = test.expiry
		now := runOn(day)
		now.First = day == 0
		var alerts []Alert
		alerts, state = evaluate(t, r, now, before, c, roundTrip(t, state))
		before = c
		if got := join(kindsOf(alerts)); got != test.want {
			t.Errorf("day %d: %q, want %q", day, got, test.want)
		} else if got != "" && (*alerts[0].DaysLeft != test.days || alerts[0].Expires != formatTime(*test.expiry)) {
			t.Errorf("day %d: %d days to %s", day, *alerts[0].DaysLeft, alerts[0].Expires)
		}
	}
}

// An expiry between two runs is reported once, as passed; an expiry before the last run is not.
func TestExpiryBetweenRuns(t *testing.T) {
	t.Parallel()
	var r *Rules
	at := func(days int) *time.Time { t := runStart.AddDate(0, 0, days); return &t }
	for name, test := range map[string]struct {
		since  time.Time
		expiry *time.Time
		want   string
	}{
		"while there was no run":   {*at(-5), at(-2), "credit_expiring"},
		"before the last run":      {*at(-5), at(-6), ""},
		"no run is known":          {time.Time{}, at(-2), ""},
		"is still to come":         {*at(-5), at(2), "credit_expiring"},
		"today, and the run after": {*at(-1), at(0), "credit_expiring"},
	} {
		c := credit(t, "500")
		c.NearestExpiry = test.expiry
		now := runOn(0)
		now.Since = test.since
		alerts, state := evaluate(t, r, now, credit(t, "500"), c, State{Key: c.Key(), Status: "ok"})
		if got := join(kindsOf(alerts)); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
		if alerts, _ = evaluate(t, r, now, c, c, roundTrip(t, state)); len(alerts) != 0 {
			t.Errorf("%s: reported again", name)
		}
	}
}

func TestDaysLeft(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		points string
		want   int // -1: nil
	}{
		{"none", "", -1},
		{"two points", "2026-11-01=100 +1=90", -1},
		{"three in a line", "2026-11-01=100 +1=90 +1=80", 8},
		{"with gaps", "2026-11-01=100 +2=80 +3=50", 5},
		{"flat", "2026-11-01=100 +1=100 +1=100", -1},
		{"after a top-up, too few", "2026-11-01=100 +1=90 +1=80 +1=500 +1=490", -1},
		{"after a top-up", "2026-11-01=100 +1=10 +1=500 +1=490 +1=480", 48},
		{"after the last of two", "2026-11-01=100 +1=200 +1=500 +1=490 +1=600 +1=500 +1=400", 4},
		{"slow", "2026-11-01=100 +1=99.99 +1=99.98", 365},
		{"nothing left", "2026-11-01=20 +1=10 +1=0", -1},
		{"overdrawn", "2026-11-01=20 +1=10 +1=-10", -1},
		{"almost nothing left", "2026-11-01=20 +1=10 +1=0.01", 0},
		{"one purchase among quiet days", "2026-11-01=1000 +1=1000 +1=1000 +1=1000 +1=1000 +1=1000 +1=1000 +1=1000 +1=1000 +1=90 +1=90 +1=90 +1=90", -1},
		{"one purchase at the end", "2026-11-01=1000 +1=1000 +1=90", -1},
		{"one purchase beside a pace", "2026-11-01=1000 +1=990 +1=980 +1=500 +1=490 +1=480", -1},
		{"a dear day does not set the pace", "2026-11-01=1000 +1=900 +1=800 +1=600 +1=500 +1=400", 4},
		{"on most days nothing is used", "2026-11-01=100 +1=90 +1=90 +1=90 +1=80 +1=80 +1=80", -1},
		{"not quite even", "2026-11-01=100 +1=90 +1=79", 7},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var h History
			if err := h.UnmarshalText([]byte(test.points)); err != nil {
				t.Fatal(err)
			}
			got := -1
			if len(h) > 0 {
				if days := h.daysLeft(h[len(h)-1].Remaining); days != nil {
					got = *days
				}
			}
			if got != test.want {
				t.Errorf("daysLeft(%s) = %d, want %d", test.points, got, test.want)
			}
			if text, _ := h.MarshalText(); string(text) != test.points {
				t.Errorf("reads %s, writes %s", test.points, text)
			}
		})
	}
}

// The estimate does not depend on how often runs are: a day that is under way is
// not a whole one.
func TestDaysLeftWithHourlyRuns(t *testing.T) {
	t.Parallel()
	const perHour = 10
	midnight := time.Date(2026, 11, 10, 16, 0, 0, 0, time.UTC) // in the vendor's zone
	var h History
	remains := 3600 + 4*24*perHour // after four days, fifteen are left
	for hour := range 4*24 + 24 {
		left := *money(t, fmt.Sprint(remains-hour*perHour))
		h = h.add(midnight.Add(time.Duration(hour)*time.Hour), left)
		days := h.daysLeft(left)
		if want := (remains - hour*perHour) / (24 * perHour); hour >= 2*24 && (days == nil || *days != want) {
			t.Errorf("after %d hours: %v, want %d", hour, days, want)
		}
	}
	if days := h.daysLeft(*money(t, "9000")); days != nil {
		t.Errorf("topped up within the day: %d", *days)
	}
}

func TestHistoryIsOnePointADay(t *testing.T) {
	t.Parallel()
	var h History
	at := time.Date(2026, 12, 31, 15, 0, 0, 0, time.UTC) // 23:00 in the vendor's zone
	h = h.add(at, *money(t, "3"))
	h = h.add(at.Add(30*time.Minute), *money(t, "2"))
	h = h.add(at.Add(time.Hour), *money(t, "1.50"))
	if text, _ := h.MarshalText(); string(text) != "2026-12-31=3 +1=1.50" {
		t.Errorf("%s", text)
	}
	for day := range 30 {
		h = h.add(at.AddDate(0, 0, day), *money(t, fmt.Sprint(1000-day)))
	}
	if len(h) != maxPoints {
		t.Errorf("%d points", len(h))
	}
	if long := h.add(at.AddDate(0, 1, 0), *money(t, strings.Repeat("9", 60))); len(long) != maxPoints {
		t.Errorf("an amount without end: %d points", len(long))
	}
}

func TestInvalidHistory(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"x", "2026-11-01", "2026-13-01=1", "2026-11-01=x", "2026-11-01=1 +0=1", "2026-11-01=1 +99999=1", "2026-11-01=1 -1=1",
		"2026-11-01=1" + strings.Repeat(" +1=1", maxPoints)} {
		if err := new(History).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestStateIsSmall(t *testing.T) {
	t.Parallel()
	var r *Rules
	var state State
	for day := range 30 {
		left := fmt.Sprintf("%d.%02d", 12345-day*10, day)
		if day > 25 {
			left = fmt.Sprintf("-%d.50", day)
		}
		_, state = evaluate(t, r, runOn(day), credit(t, "500"), credit(t, left), state)
	}
	text, err := json.Marshal(state)
	if err != nil || len(text) > 400 {
		t.Errorf("%d bytes: %s (%v)", len(text), text, err)
	}
	if text, _ := json.Marshal(State{Key: "1"}); string(text) != `{"key":"1"}` {
		t.Errorf("%s", text)
	}
}

// madeUp is a record of a third function.
type madeUp struct{ core.Record }

func (madeUp) ID() string            { return "1" }
func (madeUp) Key() string           { return "1" }
func (madeUp) StatusText() string    { return "fine" }
func (m madeUp) Masked() core.Record { return m }

// Each evaluator refuses the records of other functions, as a record before, after or both.
func TestRecordsOfAnotherFunction(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		evaluator     *Evaluator
		before, after core.Record
		code          core.Code
	}{
		"credit":                     {Credit, credit(t, "500"), credit(t, "90"), ""},
		"tags":                       {Tags, tag(t, "N", runStart), tag(t, "Y", runStart), ""},
		"neither":                    {Tags, nil, nil, ""},
		"a tag before, in credit":    {Credit, tag(t, "Y", runStart), nil, core.CodeInternal},
		"a tag after, in credit":     {Credit, credit(t, "500"), tag(t, "Y", runStart), core.CodeInternal},
		"a credit after, in tags":    {Tags, nil, credit(t, "-1"), core.CodeInternal},
		"a third function's, before": {Credit, madeUp{}, nil, core.CodeInternal},
		"a third function's, after":  {Tags, nil, madeUp{}, core.CodeInternal},
		"no evaluator":               {nil, nil, credit(t, "500"), core.CodeInternal},
	} {
		run := runOn(1)
		run.Evaluator = test.evaluator
		e, err := new(Rules).Evaluate(run, test.before, test.after, State{Key: "1", Status: "ok"})
		if core.CodeOf(err) != test.code || err != nil && (len(e.Alerts)+len(e.Silent)+len(e.Open) > 0 || !e.State.Empty()) {
			t.Errorf("%s: %v, %+v", name, err, e)
		}
	}
	if _, err := Credit.Override(new(Rules), madeUp{}); core.CodeOf(err) != core.CodeInternal {
		t.Errorf("Override: %v", err)
	}
}

func TestNewEvaluator(t *testing.T) {
	t.Parallel()
	run := runOn(1)
	run.Evaluator = NewEvaluator(func(_ *Rules, run RunContext, record madeUp, next *State) []Alert {
		alerts := []Alert{NewAlert(run, TagLost, record, next.Status, "fine")}
		next.Status = "fine"
		return alerts
	}, func(a *Alert, _ madeUp) { a.Value = "described" }, nil)
	alerts, state := evaluate(t, nil, run, nil, madeUp{}, State{})
	if got := join(kindsOf(alerts)); got != "tag_lost, customer_new" || state.Key != "1" || state.Status != "fine" || alerts[0].Value != "described" || alerts[0].CustomerID != "1" {
		t.Errorf("%+v, %+v", alerts, state)
	}
	if record, err := run.Evaluator.Override(nil, madeUp{}); record != (madeUp{}) || err != nil {
		t.Errorf("%v, %v", record, err)
	}
	if alerts, state = evaluate(t, nil, run, madeUp{}, nil, state); join(kindsOf(alerts)) != "customer_gone" || !state.Empty() {
		t.Errorf("%v, %+v", alerts, state)
	}
}
