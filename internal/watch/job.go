package watch

import (
	"context"
	"fmt"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/store"
	"partnerlens/pkg/core"
)

// Job is one run to make.
type Job struct {
	Function   *core.Function
	Account    string
	Run        string         // as RunID returns it
	Params     core.Params    // the query, beside account and pii
	Resellers  []string       // the resellers that Params ask for; nil: all that the vendor lists
	Thresholds map[string]any // for the manifest. If they change, reading starts again
	Version    string         // of the program
	Location   string         // of the store, in digests
	Public     string         // the base of links in digests, without a slash at its end; "": no links
	Zone       *time.Location // in which the day begins; nil: core.VendorZone
	PartSize   int            // the number of records held in memory while reading; 0: 20,000
	Now        func() time.Time

	// Details returns what is known of a customer beside its record in the list, when
	// the list was read completely. It is called for one customer at a time. nil: nothing is.
	Details func(record core.Record) core.Details

	// Partner returns what the vendor says of the account's partner, as far as it can be read
	// before ctx ends, and why the rest was not read. It is called once an attempt, after the
	// list was read. nil: nothing is read.
	Partner func(ctx context.Context) (core.PartnerState, []core.Warning)

	// MutedUntil returns the end of a customer's mute, zero if it has none. nil: no customer has one.
	MutedUntil func(record core.Record) time.Time

	// MoreWarnings returns what else the run warns of. It is called after the last customer; proven is
	// whether the list has every customer. nil: nothing.
	MoreWarnings func(proven bool) []core.Warning

	Language string // of the titles in customers.xlsx: sheet.English, "", or sheet.Chinese

	Low       core.Threshold   // the account's
	Alerts    *alert.Config    // rules and channels; nil: the defaults
	Evaluator *alert.Evaluator // of the Function's records
	Deliver   alert.DeliverOptions
	Delivered func(run string, d alert.Delivery) // is called after each delivery, if not nil
	Digest    func(*alert.Digest)                // is called with the run's digest before it is delivered, if not nil
	Progress  func(Progress)                     // is called while the run is made, if not nil; it must return soon

	Attempts    int // to read a list that is proven; then it is published unproven; 0: DefaultAttempts
	HoldPercent int // the percentage of known customers that may leave between two runs; 0: DefaultHoldPercent
	HoldCount   int // the number of customers that may leave in any case; 0: DefaultHoldCount

	Accept bool // the list is complete even if it shrank
	Force  bool // make the run again if it has ended
}

// The defaults of a Job.
const (
	DefaultAttempts    = 3
	DefaultHoldPercent = 20
	DefaultHoldCount   = 10
	defaultPartSize    = 20_000
)

const (
	// timeToStop is reserved for storing the last part and the checkpoint.
	timeToStop = 10 * time.Second
	// timeToDeliver is enough for two attempts at a channel, and the reserve.
	timeToDeliver = 25 * time.Second
	// clockSkew is how far a schedule's clock may be ahead of this machine's.
	clockSkew = 5 * time.Minute
)

// State is the state of a run when Run returns.
type State string

// The states.
const (
	Done       State = "done"       // the run is complete
	Already    State = "already"    // it was complete before: the vendor was not asked
	GoingOn    State = "going_on"   // time ran out; the next call goes on
	Incomplete State = "incomplete" // the list could not be proven complete; the next call reads again
	Unproven   State = "unproven"   // the list could not be proven in Attempts attempts, and is published and marked
	Held       State = "held"       // the list shrank too much to be compared

	Redelivered State = "redelivered" // of Redeliver
)

// The codes of a run's warnings, beside those of its list.
const (
	WarnUnreadable   = "object_unreadable"    // an object of an earlier run cannot be used
	WarnScopeChanged = "scope_changed"        // the run before was of other resellers
	WarnNotEvaluated = "alerts_not_evaluated" // the alerts' setting cannot be used
	WarnZoneChanged  = "zone_changed"         // a run of this name was made in another zone
)

// Outcome is the result of Run.
type Outcome struct {
	State       State
	Manifest    Manifest         // if the state is GoingOn, what is known so far
	Warnings    []core.Warning   // of this call, beside the manifest's
	Undelivered []alert.Delivery // what channels lack: of this run, pending of other runs, or failed permanently during this call
}

// newInvocation validates a Job and sets its defaults.
func newInvocation(ctx context.Context, s store.Store, job Job) (*invocation, error) {
	if err := checkRunID(job.Run); err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= timeToStop {
		return nil, &core.Error{Op: "watch.Run", Code: core.CodeMisconfigured, Param: "timeout",
			Detail: fmt.Sprintf("the time limit is too short for a run, which needs more than %s; set the function's timeout to 900 s", timeToStop)}
	}
	if job.Now == nil {
		job.Now = time.Now
	}
	if job.Zone == nil {
		job.Zone = core.VendorZone
	}
	if job.Alerts == nil {
		job.Alerts = new(alert.Config)
	}
	preset := func(setting *int, value int) {
		if *setting <= 0 {
			*setting = value
		}
	}
	preset(&job.PartSize, defaultPartSize)
	preset(&job.Attempts, DefaultAttempts)
	preset(&job.HoldPercent, DefaultHoldPercent)
	preset(&job.HoldCount, DefaultHoldCount)
	return &invocation{Job: job, caller: ctx, store: s, place: place{job.Function.Name, job.Account}, failing: make(map[alert.Target]alert.Reach)}, nil
}
