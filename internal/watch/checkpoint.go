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

// loadCheckpoint loads the checkpoint of an attempt that can go on, or starts an attempt.
// published is the run's manifest, if there is one.
func (r *run) loadCheckpoint(ctx context.Context, published *Manifest) (err error) {
	var there bool
	if r.at, there, err = getOwn[checkpoint](ctx, r.store, r.object(checkpointName)); err != nil {
		return err
	}
	held := r.at.Draft != nil && r.at.Draft.State == Held
	switch {
	case !there || r.at.Attempt == "" || r.Force && published.final() && published.Attempt == r.at.Attempt:
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

// sameThresholds reports whether the checkpoint is of this call's thresholds: a run is of
// one set of settings, which its manifest has. A run whose objects are written, and may
// have been delivered, keeps its own.
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

// newAttempt starts an attempt: what was read before does not count.
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

// forget ends an attempt whose own parts are damaged: the next call reads again.
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

// manifest returns what is known of the run so far.
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
