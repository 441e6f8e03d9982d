package watch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/store"
	"partnerlens/pkg/core"
)

// Job is one run to bring to its end.
type Job struct {
	Function   *core.Function
	Account    string
	Run        string         // as RunID gives it
	Params     core.Params    // beside account and pii: what the vendor is asked
	Resellers  []string       // whose customers Params ask for; nil: all that the vendor lists
	Thresholds map[string]any // for the manifest. An attempt goes on only as long as they stay the same
	Version    string         // of the program
	Location   string         // of the store, as digests name it
	Zone       *time.Location // in which the day begins; nil: core.VendorZone
	PartSize   int            // records held in memory while reading; 0: 20,000
	Now        func() time.Time

	// Table writes customers.csv: it gives what to begin with, and what to add a
	// record by.
	Table func(columns []core.Column) (opening []byte, row func(b []byte, record core.Record) []byte)

	Low       core.Threshold   // the account's
	Alerts    *alert.Config    // what is evaluated, and the channels; nil: the defaults
	Evaluator *alert.Evaluator // of the Function's records
	Deliver   alert.DeliverOptions
	Delivered func(run string, d alert.Delivery) // is called as each delivery ends; nil: none
	Digest    func(*alert.Digest)                // is called with the run's digest before it is delivered; nil: none

	Attempts    int // at a list that cannot be proven, before it is published as it is; 0: DefaultAttempts
	HoldPercent int // of the known customers may leave between two runs; 0: DefaultHoldPercent
	HoldCount   int // and so many may in any case; 0: DefaultHoldCount

	Accept bool // takes a list as true however far it shrank
	Force  bool // makes a run anew that has come to its end
}

// The defaults of a Job.
const (
	DefaultAttempts    = 3
	DefaultHoldPercent = 20
	DefaultHoldCount   = 10
)

// State says where a run stands when Run returns.
type State string

// The states.
const (
	Done       State = "done"       // just now
	Already    State = "already"    // before: nothing was asked or written
	GoingOn    State = "going_on"   // time ran out; the next call goes on
	Incomplete State = "incomplete" // the list could not be proven complete; the next call reads anew
	Unproven   State = "unproven"   // it could not be proven at so many attempts, and is published as what it is
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

// Outcome is what came of one call of Run.
type Outcome struct {
	State       State
	Manifest    Manifest         // what is known so far, where the run is GoingOn
	Warnings    []core.Warning   // beside the manifest's: what this call noticed
	Undelivered []alert.Delivery // what channels lack: of this run, and what is pending of others or was refused just now
}

const (
	defaultPartSize = 20000
	// timeToStop is kept for storing the last part and the checkpoint.
	timeToStop = 10 * time.Second
	// timeToDeliver is what delivering wants: two tries of a channel, and the reserve.
	timeToDeliver = 25 * time.Second
	// clockSkew is how far a schedule's clock may be ahead of this machine's.
	clockSkew = 5 * time.Minute
)

// Run brings a run to its end, or as far as time allows. Call it again, at any
// time, until the state is none of GoingOn and Incomplete. The error is for what kept it
// from going on at all; calling again is right then, too.
func Run(ctx context.Context, s store.Store, job Job) (Outcome, error) {
	r, err := newRun(ctx, s, job)
	if err != nil {
		return Outcome{}, err
	}
	if start, _ := Period(job.Run, r.Zone); start.After(r.Now().Add(clockSkew)) {
		return Outcome{}, core.Invalid("run", "not begun yet; it can be made from %s on", start.Format(time.RFC3339))
	}
	return r.ended(r.run)(ctx)
}

// Redeliver delivers what channels lack of all runs, or of the Job's where it names one:
// what is pending, and what a channel has refused.
func Redeliver(ctx context.Context, s store.Store, job Job) (Outcome, error) {
	only := job.Run
	if only == "" {
		job.Run = RunID(time.Now(), EveryDay, core.VendorZone) // of no meaning here
	}
	r, err := newRun(ctx, s, job)
	if err != nil {
		return Outcome{}, err
	}
	return r.ended(func(ctx context.Context) (Outcome, error) { return r.redeliver(ctx, only) })(ctx)
}

func newRun(ctx context.Context, s store.Store, job Job) (*run, error) {
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
	for _, setting := range []struct {
		value  *int
		preset int
	}{{&job.PartSize, defaultPartSize}, {&job.Attempts, DefaultAttempts}, {&job.HoldPercent, DefaultHoldPercent}, {&job.HoldCount, DefaultHoldCount}} {
		if *setting.value <= 0 {
			*setting.value = setting.preset
		}
	}
	return &run{Job: job, store: s, place: place{job.Function.Name, job.Account}, start: time.Now(), held: make(map[string]alert.Reach)}, nil
}

// ended makes an Outcome of how do ended.
func (r *run) ended(do func(context.Context) (Outcome, error)) func(context.Context) (Outcome, error) {
	return func(ctx context.Context) (Outcome, error) {
		outcome, err := do(ctx)
		outcome.Warnings = r.warnings
		switch {
		case errors.Is(err, errLeaseLost), core.CodeOf(err) == core.CodeDeadline: // what is stored is stored; the next call goes on
			outcome.State, outcome.Manifest = GoingOn, r.manifest()
			return outcome, nil
		case err != nil:
			return outcome, core.AsError(err)
		}
		return outcome, nil
	}
}

// run is a Job under way.
type run struct {
	Job
	store    store.Store
	storeID  string // the store's identity
	place    place
	start    time.Time
	holder   string // of the lease; "": not acquired yet
	at       checkpoint
	warnings []core.Warning

	pending    pendingList
	held       map[string]alert.Reach // channels that failed during this call
	refused    []refusedDelivery      // what channels refused during this call
	refusedToo bool                   // what a channel refused is delivered again
}

// checkpoint is how far a run has come. Parts never change: the checkpoint alone says
// which of them count.
type checkpoint struct {
	Attempt     string         `json:"attempt"` // the identity of the attempt
	AsOf        time.Time      `json:"as_of"`
	Attempts    int            `json:"attempts"`
	Unproven    int            `json:"unproven"` // of those, the ones that ended without a proof
	Invocations int            `json:"invocations"`
	Parts       []string       `json:"parts"`
	Count       int            `json:"count"`
	Cursor      string         `json:"cursor"`
	Read        bool           `json:"read"`   // to the end
	Proven      bool           `json:"proven"` // and proven complete
	Warnings    []core.Warning `json:"warnings"`
	Provider    string         `json:"provider"`
	Total       *int           `json:"total"`
	RequestIDs  []string       `json:"request_ids"`
	ReadMS      int64          `json:"read_ms"`
	Thresholds  map[string]any `json:"thresholds"`
	Version     string         `json:"version"`
	Query       core.Params    `json:"query"`
	Resellers   []string       `json:"resellers"`
	Held        *alert.Held    `json:"held"`
	Draft       *Manifest      `json:"draft"` // of a run whose objects are all stored, and that is to be delivered and published
}

func (r *run) object(name string) string { return r.place.object(r.Run, name) }

func (r *run) warn(code, message string) {
	if warning := (core.Warning{Code: code, Message: message}); !slices.Contains(r.warnings, warning) {
		r.warnings = append(r.warnings, warning)
	}
}

// run is the way of a run from its beginning to its end.
func (r *run) run(ctx context.Context) (Outcome, error) {
	if outcome, is, err := r.undisturbed(ctx); err != nil || is {
		return outcome, err
	}
	ctx, release, err := r.acquire(ctx)
	if err != nil {
		return Outcome{}, err
	}
	defer release()
	outcome, err := r.leased(ctx)
	if err != nil && context.Cause(ctx) == errLeaseLost {
		err = errLeaseLost
	}
	return outcome, err
}

// undisturbed returns the Outcome of a run that came to its end and for which nothing is
// left to do. It needs no lease.
func (r *run) undisturbed(ctx context.Context) (Outcome, bool, error) {
	m, _, err := getOwn[Manifest](ctx, r.store, r.object(manifestName))
	if err != nil || !m.final() || r.again(&m) {
		return Outcome{}, false, err
	}
	if _, pending, err := getOwn[pendingList](ctx, r.store, r.place.pending()); err != nil || pending {
		return Outcome{}, false, err
	}
	if _, old, err := getOwn[struct{}](ctx, r.store, r.place.untold()); err != nil || old {
		return Outcome{}, false, err
	}
	if m.state() == Done {
		newest, there, err := getOwn[Latest](ctx, r.store, r.place.latest())
		if err != nil || !there || newest.Run < r.Run || newest.Customers == "" {
			return Outcome{}, false, err
		}
	}
	if m.state() != Held {
		for _, err := range r.store.List(ctx, r.object("progress")+"/") {
			return Outcome{}, false, err
		}
	}
	return r.already(&m), true, nil
}

// again says whether a run that came to its end is to be made all the same.
func (r *run) again(m *Manifest) bool { return r.Force || r.Accept && m.state() == Held }

// already is the Outcome of a run that came to its end before.
func (r *run) already(m *Manifest) Outcome {
	state := m.state()
	if state == Done {
		state = Already
	}
	if start, _ := Period(r.Run, r.Zone); !m.PeriodStart.IsZero() && !m.PeriodStart.Equal(start) {
		r.warn(WarnZoneChanged, fmt.Sprintf("the run %s was made while the zone was another one, as of %s; the next run reports what changed since", r.Run, m.AsOf.Format(time.RFC3339)))
	}
	return Outcome{State: state, Manifest: *m, Undelivered: r.undelivered(m)}
}

// leased goes on with a run whose lease is had.
func (r *run) leased(ctx context.Context) (Outcome, error) {
	m, _, err := getOwn[Manifest](ctx, r.store, r.object(manifestName))
	if err != nil {
		return Outcome{}, err
	}
	if r.storeID, err = Identity(ctx, r.store); err != nil {
		return Outcome{}, err
	}
	if err := r.loadPending(ctx); err != nil {
		return Outcome{}, err
	}
	if err := r.publishEarlier(ctx); err != nil {
		return Outcome{}, err
	}
	if m.final() && !r.again(&m) {
		if err := r.deliverPending(ctx, &m); err != nil {
			return Outcome{}, err
		}
		return r.already(&m), r.tidy(ctx, m)
	}
	if err := r.load(ctx, &m); err != nil {
		return Outcome{}, err
	}
	if !r.at.Read {
		if outcome, err := r.read(ctx, &m); err != nil || outcome != nil {
			return deref(outcome), err
		}
	}
	h, err := r.history(ctx)
	if err != nil {
		return Outcome{}, err
	}
	resumed := r.at.Draft != nil
	if !resumed {
		if err := r.draft(ctx, h); err != nil {
			return Outcome{}, err
		}
	}
	m = *r.at.Draft
	if deadline, ok := ctx.Deadline(); ok && !resumed && time.Until(deadline) < timeToDeliver {
		return Outcome{State: GoingOn, Manifest: m}, nil // the next call has all its time for the channels
	}
	if err := r.deliverPending(ctx, nil); err != nil { // first, so that today is not reported before yesterday
		return Outcome{}, err
	}
	if !h.newer { // or what is to be reported was reported with that run
		if err := r.deliverDraft(ctx, &m); err != nil {
			return Outcome{}, err
		}
	}
	if err := r.holds(ctx); err != nil {
		return Outcome{}, err
	}
	m.FinishedAt = r.Now().UTC().Truncate(time.Second)
	if err := r.publish(ctx, m); err != nil {
		return Outcome{}, err
	}
	return Outcome{State: m.State, Manifest: m, Undelivered: r.undelivered(&m)}, r.settlePending(ctx, &m)
}

// load takes up the checkpoint where an attempt is under way that may go on, and
// otherwise begins one.
func (r *run) load(ctx context.Context, m *Manifest) (err error) {
	var there bool
	if r.at, there, err = getOwn[checkpoint](ctx, r.store, r.object(checkpointName)); err != nil {
		return err
	}
	held := r.at.Draft != nil && r.at.Draft.State == Held
	switch {
	case !there || r.at.Attempt == "" || r.Force && m.final() && m.Attempt == r.at.Attempt:
		r.at = checkpoint{}
		r.newAttempt()
	case held && r.Accept: // the list is kept, and its digest is another one
		r.at.Draft, r.at.Attempt, r.at.Held = nil, newID(), nil
	case r.at.Draft == nil && (!r.sameThresholds() || !r.at.Read && r.at.Cursor == ""):
		r.newAttempt()
	}
	r.at.Invocations++
	return nil
}

// sameThresholds says whether what was read before is of this call's settings. If not,
// it does not count: one run is of one set of settings, and its manifest says which. Once
// objects are stored and may be delivered the run keeps its own.
func (r *run) sameThresholds() bool {
	before, err := core.AppendJSON(nil, r.at.Thresholds)
	if err != nil {
		return false
	}
	thresholds, err := core.AppendJSON(nil, r.Thresholds)
	if err != nil {
		return false
	}
	return string(before) == string(thresholds)
}

// newAttempt begins an attempt: what was read before does not count.
func (r *run) newAttempt() {
	r.at = checkpoint{
		Attempt: newID(), AsOf: r.Now().UTC().Truncate(time.Second),
		Attempts: r.at.Attempts + 1, Unproven: r.at.Unproven, Invocations: r.at.Invocations,
		Parts: []string{}, Warnings: []core.Warning{}, RequestIDs: []string{},
		Thresholds: r.Thresholds, Version: r.Version, Query: core.Params{}, Resellers: r.Resellers,
	}
	maps.Copy(r.at.Query, r.Params)
}

func (r *run) save(ctx context.Context) error {
	return putJSON(ctx, r.store, r.object(checkpointName), r.at)
}

// draft writes the run's objects and its manifest, into the checkpoint: it is published
// once everything is delivered.
func (r *run) draft(ctx context.Context, h history) error {
	held, err := r.shrunk(ctx, h)
	if err != nil {
		return r.forget(ctx, err)
	}
	r.at.Held = held
	// Until the run is published again its former manifest would be of other objects.
	if err := r.store.Delete(ctx, r.object(manifestName)); err != nil {
		return err
	}
	state := Done
	switch {
	case held != nil && held.Times < heldTimes && !r.Accept:
		state = Held
	case !r.at.Proven:
		state = Unproven
	}
	m, err := r.compare(ctx, h, state)
	if err != nil {
		return r.forget(ctx, err)
	}
	r.at.Draft = &m
	return r.save(ctx)
}

// forget gives up an attempt whose own parts are damaged: the next call reads anew.
func (r *run) forget(ctx context.Context, err error) error {
	if !errors.Is(err, errDamaged) {
		return err
	}
	if err := r.store.Delete(ctx, r.object(checkpointName)); err != nil {
		return err
	}
	failure := *core.AsError(err)
	failure.Code, failure.Detail = core.CodeUnavailable, failure.Detail+"; the next call reads the list anew"
	return &failure
}

// manifest is what is known of the run so far.
func (r *run) manifest() Manifest {
	start, end := Period(r.Run, r.Zone)
	return Manifest{
		Schema: ManifestSchema, Function: r.Function.Name, Account: r.Account, Run: r.Run, State: Incomplete,
		Provider: r.at.Provider, Version: r.at.Version, Query: r.at.Query, Resellers: r.at.Resellers,
		AsOf: r.at.AsOf, PeriodStart: start.UTC(), PeriodEnd: end.UTC(), ReadLate: !r.at.AsOf.Before(end),
		Count: r.at.Count, Total: r.at.Total, RequestIDs: r.at.RequestIDs, Thresholds: r.at.Thresholds,
		Attempt: r.at.Attempt, Attempts: r.at.Attempts, Invocations: r.at.Invocations, ReadMS: r.at.ReadMS,
		Warnings: slices.Concat([]core.Warning{}, r.at.Warnings), ByStatus: map[string]int{}, Alerts: map[string]int{}, Objects: []Object{},
		Deliveries: []alert.Delivery{}, Sample: []string{},
	}
}

func deref(o *Outcome) Outcome {
	if o == nil {
		return Outcome{}
	}
	return *o
}
