package alert

import (
	"cmp"
	"slices"
	"time"

	"partnerlens/pkg/core"
)

// Rules decide which changes of a customer are alerts. The zero Rules, and nil, are the
// defaults. Rules are safe for concurrent use while they do not change.
//
// There is one alert when a customer crosses a threshold, and none while its balance stays
// near the threshold: the next one follows after the balance was clearly on the other side
// (HysteresisPercent). A missing field opens no condition and closes none.
type Rules struct {
	ExpiryDays        int                       // alert of a nearest expiry within so many days; 0: DefaultExpiryDays
	HysteresisPercent int                       // how far above the threshold credit has recovered, in percent of the threshold; 0: DefaultHysteresis
	Overrides         map[string]core.Threshold // thresholds of single customers, by id, instead of their account's
	PartnerLow        core.Threshold            // of what the partner can still allocate; a percentage is of its total; zero: core.DefaultLow
	ResellerLow       core.Threshold            // of what a reseller has left; a percentage is of what it was allocated; zero: core.DefaultLow
	Kinds             []Kind                    // the kinds to alert of; nil: all
}

// The defaults.
const (
	DefaultExpiryDays = 7
	DefaultHysteresis = 10
)

// RunContext is the run that a record belongs to.
type RunContext struct {
	Function, Account, Run string
	Provider               string         // of the list
	Evaluator              *Evaluator     // the function's
	Store                  string         // the identity of the store that holds the run; "": none
	AsOf                   time.Time      // the start of the run
	Since                  time.Time      // no later than the start of the run before; zero if not known
	First                  bool           // no complete run precedes: there are no alerts, and conditions are remembered as if reported
	Low                    core.Threshold // the account's threshold; zero is core.DefaultLow
	FirstVouchers          bool           // no run before has read vouchers: expiries of vouchers are remembered as if reported
	FullNames              bool           // alerts have names and remarks unmasked, too
	Opening                bool           // with First: open conditions are listed to a channel, unless the customer is muted
	MutedUntil             time.Time      // the end of the customer's mute; zero, or not after AsOf: it is not muted
}

// muted reports whether the customer is muted in the run.
func (run RunContext) muted() bool { return run.AsOf.Before(run.MutedUntil) }

// Evaluation is the result of evaluating one customer.
type Evaluation struct {
	Alerts []Alert // worst first
	Silent []Alert // the transitions that are not alerts, each with its Reason
	Open   []Alert // the conditions that are open now, worst first; see Rules.Open
	State  State   // for the next run; zero if there is nothing to remember
}

// Evaluate returns the alerts about one customer, and the State for the next run.
//
// before is the customer in the last complete run, nil if absent; after is the customer in
// this run, nil if absent. prev is the State that the last run returned. Both runs must be
// complete: Evaluate cannot distinguish a customer that is gone from one that was not read.
// A record that run.Evaluator does not accept is an error.
//
// A new customer is evaluated as one without any earlier alert, in addition to its
// CustomerNew. Where before is not nil and prev is empty, the conditions of before count as
// reported. A kind that is not among r.Kinds is remembered as reported, so that adding it
// later does not report the past.
//
// While the customer is muted there is one kind of alert: that a condition ended which was
// reported. A condition that begins during a mute is reported by the first run after the
// mute if it is still open, with the time at which it began.
//
// Alerts and Silent together have every transition: what is open now follows from what was
// open before and from them alone.
func (r *Rules) Evaluate(run RunContext, before, after core.Record, prev State) (Evaluation, error) {
	if err := run.Evaluator.check(before, after); err != nil {
		return Evaluation{}, err
	}
	if r == nil {
		r = new(Rules)
	}
	remembered := prev
	switch {
	case before == nil && after == nil:
		return Evaluation{}, nil
	case after == nil:
		gone := NewAlert(run, CustomerGone, before, cmp.Or(prev.Status, knownStatus(before)), "")
		gone.DaysLeft = nil // before's is as of an earlier run
		alerts, silent := r.sift(run, State{}, &State{}, []Alert{gone})
		return Evaluation{Alerts: alerts, Silent: silent}, nil
	case prev.Empty() && before != nil:
		_, prev = r.evaluate(run, before, State{Key: before.Key()})
		prev.History = nil // before's balance is of another day, which the record does not have
	}
	alerts, next := r.evaluate(run, after, prev)
	if prev.Empty() {
		alerts = append(alerts, NewAlert(run, CustomerNew, after, "", cmp.Or(next.Status, after.StatusText())))
	}
	slices.SortStableFunc(alerts, byKind)
	var e Evaluation
	e.Alerts, e.Silent = r.sift(run, prev, &next, alerts)
	e.Silent = append(e.Silent, r.unreported(run, after, remembered, next, alerts)...)
	e.Alerts = append(e.Alerts, r.afterMute(run, after, prev, &next)...)
	slices.SortStableFunc(e.Alerts, byKind)
	e.Open, e.State = r.Open(run, after, next), next
	return e, nil
}

// evaluate compares a customer with its State.
func (r *Rules) evaluate(run RunContext, record core.Record, prev State) ([]Alert, State) {
	next := prev.clone()
	next.Key = record.Key()
	alerts := run.Evaluator.alerts(r, run, record, &next)
	if len(next.Open) == 0 {
		next.Open = nil
	}
	return alerts, next
}

// delivers reports whether alerts of a kind are delivered.
func (r *Rules) delivers(kind Kind) bool { return r.Kinds == nil || slices.Contains(r.Kinds, kind) }

// knownStatus is the record's status, or "" if it is unknown.
func knownStatus(record core.Record) string {
	if status := record.StatusText(); status != string(core.CreditUnknown) && status != string(core.TagUnknown) {
		return status
	}
	return ""
}
