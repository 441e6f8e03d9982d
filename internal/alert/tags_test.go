package alert

import (
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"partnerlens/pkg/core"
)

// tag is a customer whose tag is "Y 2026-12" (value and last month), evaluated at asOf.
func tag(t tester, text string, asOf time.Time) *core.CustomerTag {
	t.Helper()
	value, last, _ := strings.Cut(text, " ")
	reseller := "r1"
	c := &core.CustomerTag{Provider: "huaweicloud", CustomerID: "c1", ResellerID: &reseller, Tag: core.Tag{Type: "SMB", Value: value}}
	if last == "unread" {
		c.Unreadable = []string{core.ExpireTimeMember}
	} else if last != "" {
		month, err := core.ParseMonth(last)
		if err != nil {
			t.Fatal(err)
		}
		c.ExpireMonth = &month
	}
	c.Evaluate("main", asOf, core.Rules{})
	return c
}

func TestTagSequences(t *testing.T) {
	t.Parallel()
	const (
		lost, this, next    = "tag_lost", "tag_ending_this_month", "tag_ending_next_month"
		qualified, eligible = "tag_qualified", "tag_eligible"
		unrecognized        = "tag_unrecognized"
	)
	type day struct{ date, tag, want string }
	for _, test := range []struct {
		name string
		days []day // the first is the baseline
	}{
		{"its whole life, across the year", []day{
			{"2026-10-05", "UNDETERMINED", ""},
			{"2026-10-06", "Y 2027-01", qualified},
			{"2026-11-30", "Y 2027-01", ""},
			{"2026-12-01", "Y 2027-01", next},
			{"2026-12-31", "Y 2027-01", ""},
			{"2027-01-01", "Y 2027-01", this},
			{"2027-01-31", "Y 2027-01", ""},
			{"2027-02-01", "N 2027-01", lost},
			{"2027-02-02", "N 2027-01", ""},
		}},
		{"the baseline knows of this month and next", []day{
			{"2026-11-22", "Y 2026-11", ""}, {"2026-11-23", "Y 2026-11", ""}, {"2026-12-01", "Y 2026-11", lost},
		}},
		{"the baseline knows of next month", []day{
			{"2026-11-22", "Y 2026-12", ""}, {"2026-11-23", "Y 2026-12", ""}, {"2026-12-01", "Y 2026-12", this}, {"2026-12-02", "Y 2026-12", ""},
		}},
		{"a run missed over the end of a month", []day{
			{"2026-10-22", "Y 2026-12", ""}, {"2026-12-22", "Y 2026-12", this}, {"2027-03-01", "Y 2026-12", lost},
		}},
		{"extended in its last month", []day{
			{"2026-11-22", "Y 2026-11", ""}, {"2026-11-25", "Y 2026-12", next}, {"2026-12-01", "Y 2027-06", ""}, {"2027-05-01", "Y 2027-06", next},
		}},
		{"taken away", []day{{"2026-11-22", "Y 2027-06", ""}, {"2026-11-23", "N", lost}, {"2026-11-24", "Y 2027-06", qualified}}},
		{"back below the bar is lost, not an opportunity", []day{{"2026-11-22", "Y 2027-06", ""}, {"2026-11-23", "UNDETERMINED", lost}, {"2026-11-24", "UNDETERMINED", ""}}},
		{"eligible, once", []day{{"2026-11-22", "", ""}, {"2026-11-23", "UNDETERMINED", eligible}, {"2026-11-24", "UNDETERMINED", ""}, {"2026-11-25", "N", ""}, {"2026-11-26", "UNDETERMINED", eligible}}},
		{"qualified with an end in sight", []day{{"2026-11-22", "UNDETERMINED", ""}, {"2026-11-23", "Y 2026-11", this + ", " + qualified}}},
		{"a value that is not known is alerted once, and ends nothing", []day{
			{"2026-11-22", "Y 2026-12", ""}, {"2026-11-23", "MAYBE 2026-12", unrecognized}, {"2026-11-24", "MAYBE 2026-12", ""},
			{"2026-11-25", "Y 2026-12", ""}, {"2026-11-26", "MAYBE", ""}, {"2026-12-01", "Y 2026-12", this}, {"2026-12-02", "MAYBE 2026-12", ""},
		}},
		{"each value is alerted once, however they alternate", []day{
			{"2026-11-22", "N", ""}, {"2026-11-23", "Y_UNDETERMINED", unrecognized}, {"2026-11-24", "PENDING", unrecognized},
			{"2026-11-25", "Y_UNDETERMINED", ""}, {"2026-11-26", "PENDING", ""}, {"2026-11-27", "N", ""}, {"2026-11-28", "PENDING", ""},
		}},
		{"lost behind a value that is not known", []day{{"2026-11-22", "Y 2027-06", ""}, {"2026-11-23", "MAYBE", unrecognized}, {"2026-11-24", "N", lost}, {"2026-11-25", "N", ""}}},
		{"the baseline knows of the value", []day{{"2026-11-22", "MAYBE 2026-12", ""}, {"2026-11-23", "MAYBE 2026-12", ""}, {"2026-11-24", "Y 2026-12", next + ", " + qualified}, {"2026-11-25", "MAYBE", ""}}},
		{"a month that cannot be read ends nothing", []day{{"2026-11-22", "Y 2027-06", ""}, {"2026-11-23", "Y unread", ""}, {"2026-11-24", "Y 2027-06", ""}, {"2026-11-25", "Y unread", ""}, {"2026-11-26", "N unread", lost}, {"2026-11-27", "N unread", ""}, {"2026-11-28", "N 2026-10", ""}}},
		{"without an end", []day{{"2026-11-22", "N", ""}, {"2026-11-23", "Y", qualified}, {"2026-11-24", "Y", ""}}},
		{"the last month alternates", []day{
			{"2026-10-05", "Y 2027-06", ""}, {"2026-11-22", "Y 2026-12", next}, {"2026-11-23", "Y 2027-06", ""}, {"2026-11-24", "Y 2026-12", ""},
			{"2026-11-25", "Y 2026-11", this}, {"2026-11-26", "Y 2026-12", ""}, {"2026-11-27", "Y 2026-11", ""}, {"2026-12-01", "Y 2026-12", this}, {"2026-12-02", "Y 2027-01", next}, {"2026-12-03", "Y 2026-12", ""},
		}},
		{"the vendor's month is not UTC's", []day{{"2026-11-29", "Y 2026-12", ""}, {"2026-11-30T17:00:00Z", "Y 2026-12", this}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var before core.Record
			var state State
			var r *Rules
			for i, day := range test.days {
				at, err := time.Parse(time.RFC3339, day.date)
				if err != nil {
					at, err = time.Parse(dayLayout, day.date)
				}
				if err != nil {
					t.Fatal(err)
				}
				after := tag(t, day.tag, at)
				var alerts []Alert
				alerts, state = evaluate(t, r, RunContext{Evaluator: Tags, Function: "tags", Account: "main", Run: day.date, AsOf: at, First: i == 0}, before, after, roundTrip(t, state))
				before = after
				if got := join(kindsOf(alerts)); got != day.want {
					t.Errorf("%s %q: %q, want %q", day.date, day.tag, got, day.want)
				}
			}
		})
	}
}

// By the other reading each warning comes a month earlier, and each says the month in
// which the tag holds last.
func TestTagEndsByTheOtherReading(t *testing.T) {
	t.Parallel()
	var r *Rules
	var before core.Record
	var state State
	for _, day := range []struct{ date, want, month string }{
		{"2026-09-30", "", ""}, {"2026-10-01", "tag_ending_next_month", "2026-11"}, {"2026-10-31", "", ""},
		{"2026-11-01", "tag_ending_this_month", "2026-11"}, {"2026-11-30", "", ""}, {"2026-12-01", "tag_lost", "2026-11"}, {"2026-12-02", "", ""},
	} {
		at, err := time.Parse(dayLayout, day.date)
		if err != nil {
			t.Fatal(err)
		}
		after := tag(t, "Y 2026-12", at)
		after.Evaluate("main", at, core.Rules{ExpireMonth: core.FirstInvalid})
		var alerts []Alert
		alerts, state = evaluate(t, r, RunContext{Evaluator: Tags, Function: "tags", Account: "main", Run: day.date, AsOf: at, First: before == nil}, before, after, roundTrip(t, state))
		before = after
		if got := join(kindsOf(alerts)); got != day.want || got != "" && (alerts[0].Month != day.month || alerts[0].Expires != "2026-11-30T16:00:00Z") {
			t.Errorf("%s: %q %+v, want %q", day.date, got, alerts, day.want)
		}
	}
}

// A warning of the end comes before the end by either reading.
func TestTagEndIsAlertedBeforeEitherReading(t *testing.T) {
	t.Parallel()
	if TagEndingNextMonth.Severity() != Warning || TagEndingThisMonth.Severity() != Warning {
		t.Error("a channel that wants warnings gets the end too late, should it be the earlier one")
	}
}

func TestUnrecognizedTagAlert(t *testing.T) {
	t.Parallel()
	var r *Rules
	at := runStart
	now := RunContext{Evaluator: Tags, Function: "tags", Account: "main", Run: "r", AsOf: at}
	alerts, state := evaluate(t, r, now, tag(t, "Y 2026-12", at), tag(t, "Y_UNDETERMINED<@all> 2026-12", at), State{Key: "r1/c1", Status: "qualified"})
	if len(alerts) != 1 || alerts[0].Kind != TagUnrecognized || alerts[0].Value != "Y_UNDETERMINED<@all>" || alerts[0].Previous != "qualified" || alerts[0].Status != "unknown" {
		t.Fatalf("%+v", alerts)
	}
	if state.Status != "qualified" || len(state.Values) != 1 {
		t.Errorf("%+v", state)
	}
	for language, want := range map[string]string{
		English: "🟠 New-customer tag not recognized: r1 / c1: value Y＿UNDETERMINED＜＠all＞, was qualified",
		Chinese: "🟠 新客标签取值无法识别：r1 / c1：取值 Y＿UNDETERMINED＜＠all＞，此前状态：新客",
	} {
		d := NewDigest(Summary{Function: "tags", Account: "main", AsOf: at})
		d.Add(alerts[0])
		if text := d.Text(language, 1); !strings.Contains(text, want) || strings.Contains(text, "<@all>") {
			t.Errorf("%s\nwant %s", text, want)
		}
	}
	// Two runs that start from the same state share nothing.
	start := State{Key: "r1/c1", Status: "qualified", Values: append(make([]string, 0, 4), "A")}
	_, b := evaluate(t, r, now, tag(t, "A", at), tag(t, "B", at), start)
	_, c := evaluate(t, r, now, tag(t, "A", at), tag(t, "C", at), start)
	if strings.Join(b.Values, "") != "AB" || strings.Join(c.Values, "") != "AC" {
		t.Errorf("%q, %q", b.Values, c.Values)
	}
	for i := range 2 * maxValues {
		_, state = evaluate(t, r, now, tag(t, "N", at), tag(t, strings.Repeat("X", i+1), at), state)
	}
	if len(state.Values) != maxValues {
		t.Errorf("%d values are remembered", len(state.Values))
	}
}

func TestTagAlert(t *testing.T) {
	t.Parallel()
	var r *Rules
	at := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	now := RunContext{Evaluator: Tags, Function: "tags", Account: "main", Run: "r", AsOf: at}
	alerts, _ := evaluate(t, r, now, nil, tag(t, "Y 2026-12", at), State{})
	if got := join(kindsOf(alerts)); got != "tag_ending_next_month, tag_qualified, customer_new" {
		t.Fatalf("a new one: %s", got)
	}
	a := alerts[0]
	if a.Month != "2026-12" || a.Expires != "2026-12-31T16:00:00Z" || a.DaysLeft == nil || *a.DaysLeft != 39 || a.ResellerID != "r1" || a.CustomerID != "c1" || a.Status != "qualified" {
		t.Errorf("%+v", a)
	}
	gone, next := evaluate(t, r, now, tag(t, "Y 2026-12", at), nil, State{Key: "r1/c1", Status: "qualified"})
	if len(gone) != 1 || gone[0].Kind != CustomerGone || gone[0].Previous != "qualified" || gone[0].Month != "2026-12" || gone[0].DaysLeft != nil || !next.Empty() {
		t.Errorf("gone: %+v, %+v", gone, next)
	}
}

// A State of the version before is understood: what it remembers is not reported again.
func TestTagStateOfThePreviousVersion(t *testing.T) {
	t.Parallel()
	var r *Rules
	at := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	var state State
	if err := json.Unmarshal([]byte(`{"key":"r1/c1","status":"qualified","open":{"tag_ending_next_month":"2026-11-01T00:00:00Z"},"told":"2026-12"}`), &state); err != nil {
		t.Fatal(err)
	}
	now := RunContext{Evaluator: Tags, Function: "tags", Account: "main", Run: "r", AsOf: at}
	alerts, state := evaluate(t, r, now, tag(t, "Y 2026-12", at), tag(t, "Y 2026-12", at), state)
	if len(alerts) > 0 || state.Open[TagEndingNextMonth] != "2026-11-01T00:00:00Z" {
		t.Errorf("%v, %+v", kindsOf(alerts), state)
	}
	if alerts, _ = evaluate(t, r, now, tag(t, "Y 2026-12", at), tag(t, "Y 2026-11", at), roundTrip(t, state)); join(kindsOf(alerts)) != "tag_ending_this_month" {
		t.Errorf("%v", kindsOf(alerts))
	}
}
