package alert

import (
	"fmt"

	"partnerlens/pkg/core"
)

// An Evaluator evaluates the records of one function. The table of functions holds one
// for each function.
type Evaluator struct {
	accepts  func(core.Record) bool
	alerts   func(r *Rules, run RunContext, record core.Record, next *State) []Alert
	describe func(a *Alert, record core.Record)
	override func(r *Rules, record core.Record) core.Record
	complete func(r *Rules, run RunContext, a *Alert, record core.Record, state *State) // adds what the rules and the State say; nil: nothing
}

// NewEvaluator returns the Evaluator of records of type T. alerts returns the alerts about
// a record, given in next the State of the run before, and updates next. describe fills in
// the fields of an Alert that come from a masked record. override returns the record with
// the status by the customer's own threshold; it may be nil.
func NewEvaluator[T core.Record](alerts func(r *Rules, run RunContext, record T, next *State) []Alert, describe func(a *Alert, record T), override func(r *Rules, record T) T) *Evaluator {
	return &Evaluator{
		accepts: func(record core.Record) bool { _, ok := record.(T); return ok },
		alerts: func(r *Rules, run RunContext, record core.Record, next *State) []Alert {
			return alerts(r, run, record.(T), next)
		},
		describe: func(a *Alert, record core.Record) { describe(a, record.(T)) },
		override: func(r *Rules, record core.Record) core.Record {
			if override == nil {
				return record
			}
			return override(r, record.(T))
		},
	}
}

// Override returns the record with the status by the customer's own threshold, if the rules
// have one; otherwise the record itself.
func (e *Evaluator) Override(r *Rules, record core.Record) (core.Record, error) {
	if err := e.check(record); err != nil {
		return nil, err
	}
	if r == nil {
		return record, nil
	}
	return e.override(r, record), nil
}

// check refuses records of another function: zero alerts would hide the mistake.
func (e *Evaluator) check(records ...core.Record) error {
	for _, record := range records {
		if record != nil && (e == nil || !e.accepts(record)) {
			return &core.Error{Op: "alert", Code: core.CodeInternal, Detail: fmt.Sprintf("no alert rules for records of type %T", record)}
		}
	}
	return nil
}
