package alert

import (
	"maps"
	"slices"
	"time"

	"partnerlens/pkg/core"
)

// Rules say what is worth telling. The zero Rules, and a nil one, are the
// defaults. Safe for concurrent use while nobody changes them.
//
// What is told is an edge: a customer that crosses a line is told once, and
// what hovers at the line is not told again before it was clearly on the other side
// (HysteresisPercent). Unknown is no side: a field that is missing opens nothing
// and closes nothing.
type Rules struct {
	ExpiryDays        int                       // a nearest expiry within so many days is told; 0: DefaultExpiryDays
	HysteresisPercent int                       // how far above the line credit counts as recovered, in hundredths of the line; 0: DefaultHysteresis
	Overrides         map[string]core.Threshold // the line of single customers, by id, instead of their account's
	Kinds             []Kind                    // what is told; nil: everything
}

// The defaults.
const (
	DefaultExpiryDays = 7
	DefaultHysteresis = 10
)

// RunContext is the run that is judged.
type RunContext struct {
	Function, Account, Run string
	Evaluator              *Evaluator     // the function's
	Store                  string         // the identity of the store that keeps the run; "": none
	AsOf                   time.Time      // when the run began
	Since                  time.Time      // no later than the run before began; zero where it is not known
	First                  bool           // there was no complete run before: nothing is told, all is remembered as if it had been
	Low                    core.Threshold // the account's line; zero is core.DefaultLow
}

// Evaluate gives what is worth telling of one customer, worst first, and what to
// remember of it.
//
// before is the customer in the last complete run, nil where it was not there;
// after in this one, nil where it is not there any more. was is what the last run
// remembered. Both runs must be complete: Evaluate cannot tell a customer that is
// gone from one that was not read. Records that now.Evaluator does not know are an error.
//
// A new customer is judged as one about which nothing was told yet, beside being
// told as new. Where before is there but nothing is remembered of it, before is
// taken as told. A kind that is not among r.Kinds is remembered as told, so that
// wanting it later does not tell the past.
func (r *Rules) Evaluate(now RunContext, before, after core.Record, was State) ([]Alert, State, error) {
	if err := now.Evaluator.check(before, after); err != nil {
		return nil, State{}, err
	}
	switch {
	case before == nil && after == nil:
		return nil, State{}, nil
	case after == nil:
		gone := NewAlert(now, CustomerGone, before, firstOf(was.Status, known(before)), "")
		gone.DaysLeft = nil // as of a run that is past
		return r.told(now, []Alert{gone}), State{}, nil
	case was.Empty() && before != nil:
		_, was = r.judge(now, before, State{Key: before.Key()})
		was.History = nil // of another day, which the record does not tell
	}
	alerts, is := r.judge(now, after, was)
	if was.Empty() {
		alerts = append(alerts, NewAlert(now, CustomerNew, after, "", firstOf(is.Status, after.StatusText())))
	}
	slices.SortStableFunc(alerts, func(a, b Alert) int { return compareKinds(a.Kind, b.Kind) })
	return r.told(now, alerts), is, nil
}

// judge holds a customer against what is remembered of it.
func (r *Rules) judge(now RunContext, record core.Record, was State) ([]Alert, State) {
	is := was.clone()
	is.Key = record.Key()
	alerts := now.Evaluator.alerts(r, now, record, &is)
	if len(is.Open) == 0 {
		is.Open = nil
	}
	return alerts, is
}

// told gives those alerts that are wanted.
func (r *Rules) told(now RunContext, alerts []Alert) []Alert {
	if now.First {
		return nil
	}
	if r != nil && r.Kinds != nil {
		alerts = slices.DeleteFunc(alerts, func(a Alert) bool { return !slices.Contains(r.Kinds, a.Kind) })
	}
	if len(alerts) == 0 {
		return nil
	}
	return alerts
}

func (r *Rules) expiryDays() int {
	if r == nil || r.ExpiryDays == 0 {
		return DefaultExpiryDays
	}
	return r.ExpiryDays
}

func (r *Rules) hysteresis() int {
	if r == nil || r.HysteresisPercent == 0 {
		return DefaultHysteresis
	}
	return r.HysteresisPercent
}

// line is the customer's own line, or its account's.
func (r *Rules) line(now RunContext, id string) (low core.Threshold, own bool) {
	if r != nil {
		if low, own = r.Overrides[id]; own {
			return low, true
		}
	}
	return now.Low, false
}

// known is the record's status where it says something.
func known(record core.Record) string {
	if status := record.StatusText(); status != string(core.CreditUnknown) && status != string(core.TagUnknown) {
		return status
	}
	return ""
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

func compareKinds(a, b Kind) int {
	_, i := a.facts()
	_, j := b.facts()
	return i - j
}

// earliest is when the first of some conditions began.
func earliest(open map[Kind]string, kinds ...Kind) string {
	first := ""
	for _, kind := range slices.Sorted(maps.Keys(open)) {
		if since := open[kind]; slices.Contains(kinds, kind) && (first == "" || since < first) {
			first = since
		}
	}
	return first
}
