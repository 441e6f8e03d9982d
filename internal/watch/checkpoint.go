package watch

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/pkg/core"
)

// checkpoint is the state of a run that has not ended. It alone says which parts count:
// parts never change.
type checkpoint struct {
	Attempt     string         `json:"attempt"` // the identity of the attempt
	AsOf        time.Time      `json:"as_of"`
	Attempts    int            `json:"attempts"`
	Unproven    int            `json:"unproven"` // attempts that ended without a proof
	Invocations int            `json:"invocations"`
	Parts       []string       `json:"parts"`
	Names       names          `json:"names"`
	Count       int            `json:"count"`
	Cursor      string         `json:"cursor"`
	ReadDone    bool           `json:"read"`   // to the end
	Proven      bool           `json:"proven"` // and proven complete
	Warnings    []core.Warning `json:"warnings"`
	Partner     string         `json:"partner,omitempty"` // the object with the partnerRead; "": not read yet
	Provider    string         `json:"provider"`
	Total       *int           `json:"total"`
	RequestIDs  []string       `json:"request_ids"`
	Calls       Calls          `json:"calls"`
	ReadMS      int64          `json:"read_ms"`
	Thresholds  map[string]any `json:"thresholds"`
	Version     string         `json:"version"`
	Query       core.Params    `json:"query"`
	Resellers   []string       `json:"resellers"`
	Held        *alert.Held    `json:"held"`
	Forced      bool           `json:"forced,omitempty"`   // Job.Force began the attempt, though the run had ended
	Accepted    bool           `json:"accepted,omitempty"` // the list was held, and Job.Accept accepts it
	Draft       *Manifest      `json:"draft"`              // the manifest, once all objects are stored; it is published after the deliveries
}

// resumeAttempt loads the checkpoint, or starts an attempt if there is none that can
// continue. It stores nothing. It only reads existing, the run's manifest. A run has one set of
// thresholds: if they change before its objects are written, reading starts again.
func (r *invocation) resumeAttempt(ctx context.Context, existing *Manifest) (err error) {
	var there bool
	if r.checkpoint, there, err = getOrZero[checkpoint](ctx, r.store, r.objectName(checkpointName)); err != nil {
		return err
	}
	held := r.checkpoint.Draft != nil && r.checkpoint.Draft.State == Held
	switch {
	case !there || r.checkpoint.Attempt == "" || r.Force && existing.finished() && existing.Attempt == r.checkpoint.Attempt:
		r.checkpoint = checkpoint{Forced: r.Force && existing.finished()}
		r.newAttempt()
	case held && r.Accept: // compare the list that was read; it has another digest
		r.checkpoint.Draft, r.checkpoint.Attempt, r.checkpoint.Held, r.checkpoint.Accepted = nil, newID(), nil, true
	case r.checkpoint.Draft == nil && (!sameJSON(r.checkpoint.Thresholds, r.Thresholds) || !r.checkpoint.ReadDone && r.checkpoint.Cursor == ""):
		r.newAttempt()
	}
	if existing.effectiveState() == Held && !r.checkpoint.Accepted {
		r.Accept = false // an interrupted call with Force has begun another list than the one that is held
	}
	r.checkpoint.Invocations++
	return nil
}

// newAttempt starts an attempt: what was read before does not count.
func (r *invocation) newAttempt() {
	r.checkpoint = checkpoint{
		Forced: r.checkpoint.Forced, Attempt: newID(), AsOf: r.Now().UTC().Truncate(time.Second),
		Attempts: r.checkpoint.Attempts + 1, Unproven: r.checkpoint.Unproven, Invocations: r.checkpoint.Invocations, Calls: r.checkpoint.Calls,
		Parts: []string{}, Warnings: []core.Warning{}, RequestIDs: []string{},
		Thresholds: r.Thresholds, Version: r.Version, Query: core.Params{}, Resellers: r.Resellers,
	}
	maps.Copy(r.checkpoint.Query, r.Params)
}

func (r *invocation) save(ctx context.Context) error {
	return putJSON(ctx, r.store, r.objectName(checkpointName), r.checkpoint)
}

// discardIfDamaged deletes the checkpoint if err is errDamaged, so that the next call reads
// the list again, and returns a retryable error. It returns any other error unchanged.
func (r *invocation) discardIfDamaged(ctx context.Context, err error) error {
	if !errors.Is(err, errDamaged) {
		return err
	}
	if err := r.store.Delete(ctx, r.objectName(checkpointName)); err != nil {
		return err
	}
	failure := *core.AsError(err)
	failure.Code, failure.Detail = core.CodeUnavailable, failure.Detail+"; the next call reads the list anew"
	return &failure
}

// manifest returns what is known of the run so far.
func (r *invocation) manifest() Manifest {
	c := &r.checkpoint
	start, end := Period(r.Run, r.Zone)
	return Manifest{
		Schema: ManifestSchema, Function: r.Function.Name, Account: r.Account, Run: r.Run, State: Incomplete,
		Provider: c.Provider, Version: c.Version, Query: c.Query, Resellers: c.Resellers,
		AsOf: c.AsOf, PeriodStart: start.UTC(), PeriodEnd: end.UTC(), ReadLate: !c.AsOf.Before(end),
		Count: c.Count, Total: c.Total, RequestIDs: c.RequestIDs, Thresholds: c.Thresholds,
		Attempt: c.Attempt, Attempts: c.Attempts, Invocations: c.Invocations, Calls: c.Calls, ReadMS: c.ReadMS,
		Warnings: slices.Concat([]core.Warning{}, c.Warnings), ByStatus: map[string]int{}, Alerts: map[string]int{}, Objects: []Object{},
		Deliveries: []alert.Delivery{}, Sample: []string{},
	}
}
