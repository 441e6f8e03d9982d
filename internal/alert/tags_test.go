package alert

import (
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"partnerlens/pkg/core"
)

// tag is a customer whose tag is "Y 2026-12" (value and last month), at a moment.
func tag(t tester, text string, asOf time.Time) *core.CustomerTag {
	t.Helper()
	value, last, _ := strings.Cut(text, " ")
	reseller := "r1"
	c := &core.CustomerTag{Provider: "huaweicloud", CustomerID: "c1", ResellerID: &reseller, Tag: core.Tag{Type: "SMB", Value: value}}
	if last != "" {
		month, err := core.ParseMonth(last)
		if err != nil {
			t.Fatal(err)
		}
		c.ExpireMonth = &month
	}
	c.Settle("main", asOf, core.Rules{})
	return c
}

func TestTagSequences(t *testing.T) {
	t.Parallel()
	const (
		lost, this, next    = "tag_lost", "tag_ending_this_month", "tag_ending_next_month"
		qualified, eligible = "tag_qualified", "tag_eligible"
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
		{"a run missed over the turn", []day{
			{"2026-10-22", "Y 2026-12", ""}, {"2026-12-22", "Y 2026-12", this}, {"2027-03-01", "Y 2026-12", lost},
		}},
		{"extended in its last month", []day{
			{"2026-11-22", "Y 2026-11", ""}, {"2026-11-25", "Y 2026-12", next}, {"2026-12-01", "Y 2027-06", ""}, {"2027-05-01", "Y 2027-06", next},
		}},
		{"taken away", []day{{"2026-11-22", "Y 2027-06", ""}, {"2026-11-23", "N", lost}, {"2026-11-24", "Y 2027-06", qualified}}},
		{"back below the bar is lost, not an opportunity", []day{{"2026-11-22", "Y 2027-06", ""}, {"2026-11-23", "UNDETERMINED", lost}, {"2026-11-24", "UNDETERMINED", ""}}},
		{"eligible, once", []day{{"2026-11-22", "", ""}, {"2026-11-23", "UNDETERMINED", eligible}, {"2026-11-24", "UNDETERMINED", ""}, {"2026-11-25", "N", ""}, {"2026-11-26", "UNDETERMINED", eligible}}},
		{"qualified with an end in sight", []day{{"2026-11-22", "UNDETERMINED", ""}, {"2026-11-23", "Y 2026-11", this + ", " + qualified}}},
		{"a value nobody knows says nothing", []day{{"2026-11-22", "Y 2026-12", ""}, {"2026-11-23", "MAYBE 2026-12", ""}, {"2026-11-24", "Y 2026-12", ""}, {"2026-11-25", "MAYBE", ""}, {"2026-12-01", "Y 2026-12", this}}},
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
				alerts, state = r.Judge(Moment{Function: "tags", Account: "main", Run: day.date, AsOf: at, First: i == 0}, before, after, roundTrip(t, state))
				before = after
				if got := join(kindsOf(alerts)); got != day.want {
					t.Errorf("%s %q: %q, want %q", day.date, day.tag, got, day.want)
				}
			}
		})
	}
}

func TestTagAlert(t *testing.T) {
	t.Parallel()
	var r *Rules
	at := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	now := Moment{Function: "tags", Account: "main", Run: "r", AsOf: at}
	alerts, _ := r.Judge(now, nil, tag(t, "Y 2026-12", at), State{})
	if got := join(kindsOf(alerts)); got != "tag_ending_next_month, tag_qualified, customer_new" {
		t.Fatalf("a new one: %s", got)
	}
	a := alerts[0]
	if a.Month != "2026-12" || a.Expires != "2026-12-31T16:00:00Z" || a.DaysLeft == nil || *a.DaysLeft != 39 || a.ResellerID != "r1" || a.CustomerID != "c1" || a.Status != "qualified" {
		t.Errorf("%+v", a)
	}
	gone, is := r.Judge(now, tag(t, "Y 2026-12", at), nil, State{Key: "r1/c1", Status: "qualified"})
	if len(gone) != 1 || gone[0].Kind != CustomerGone || gone[0].Previous != "qualified" || gone[0].Month != "2026-12" || gone[0].DaysLeft != nil || !is.Empty() {
		t.Errorf("gone: %+v, %+v", gone, is)
	}
}

// A state of the version before is understood: what it remembers is not reported again.
func TestTagStateOfTheVersionBefore(t *testing.T) {
	t.Parallel()
	var r *Rules
	at := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	var state State
	if err := json.Unmarshal([]byte(`{"key":"r1/c1","status":"qualified","open":{"tag_ending_next_month":"2026-11-01T00:00:00Z"},"told":"2026-12"}`), &state); err != nil {
		t.Fatal(err)
	}
	now := Moment{Function: "tags", Account: "main", Run: "r", AsOf: at}
	alerts, state := r.Judge(now, tag(t, "Y 2026-12", at), tag(t, "Y 2026-12", at), state)
	if len(alerts) > 0 || state.Open[TagEndingNextMonth] != "2026-11-01T00:00:00Z" {
		t.Errorf("%v, %+v", kindsOf(alerts), state)
	}
	if alerts, _ = r.Judge(now, tag(t, "Y 2026-12", at), tag(t, "Y 2026-11", at), roundTrip(t, state)); join(kindsOf(alerts)) != "tag_ending_this_month" {
		t.Errorf("%v", kindsOf(alerts))
	}
}
