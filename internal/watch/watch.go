package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/store"
	"partnerlens/pkg/core"
)

// Run works on a run until it has ended or time runs out. If the state is GoingOn or
// Incomplete, or there is an error, call it again, at any time: the next call goes on from
// what is stored. Run waits for the lease of the account, so that calls for runs of one
// account are made one after another.
func Run(ctx context.Context, s store.Store, job Job) (outcome Outcome, err error) {
	r, err := newRun(ctx, s, job)
	if err != nil {
		return Outcome{}, err
	}
	if start, _ := Period(r.Run, r.Zone); start.After(r.Now().Add(clockSkew)) {
		return Outcome{}, core.Invalid("run", "not begun yet; it can be made from %s on", start.Format(time.RFC3339))
	}
	err = r.withLease(ctx, func(ctx context.Context) (err error) {
		outcome, err = r.run(ctx)
		return err
	})
	return r.result(outcome, err)
}

// run is a Job in progress.
type run struct {
	Job
	store      store.Store
	storeID    string // the store's identity
	place      place
	holder     string // this invocation, in the lease; "" before the lease is acquired
	checkpoint checkpoint
	warnings   []core.Warning

	pending    pendingList
	failing    map[string]alert.Reach // channels that failed during this call
	refused    []refusedDelivery      // by channels, during this call
	refusedToo bool                   // deliver again what a channel refused
}

// run is the run from beginning to end. Every step can be repeated: the next call after a
// deadline, a kill or a failure of the store repeats the step that did not end.
func (r *run) run(ctx context.Context) (Outcome, error) {
	// Under the lease, load what earlier invocations stored.
	if err := r.prepare(ctx); err != nil {
		return Outcome{}, err
	}
	if err := r.publishEarlier(ctx); err != nil {
		return Outcome{}, err
	}
	published, _, err := getOwn[Manifest](ctx, r.store, r.object(manifestName))
	if err != nil {
		return Outcome{}, err
	}
	if published.final() && !r.again(&published) {
		return r.already(ctx, published)
	}
	if err := r.loadCheckpoint(ctx, &published); err != nil {
		return Outcome{}, err
	}

	// Read the customers into parts.
	if !r.checkpoint.Read {
		state, err := r.read(ctx, &published)
		if err != nil {
			return Outcome{}, err
		}
		if state != "" {
			return Outcome{State: state, Manifest: r.manifest()}, nil
		}
	}

	// Compare them with the previous complete run, evaluate alerts, and write the objects.
	history, err := r.history(ctx)
	if err != nil {
		return Outcome{}, err
	}
	resumed := r.checkpoint.Draft != nil
	if !resumed {
		if err := r.writeDraft(ctx, history); err != nil {
			return Outcome{}, err
		}
	}
	m := *r.checkpoint.Draft
	if deadline, ok := ctx.Deadline(); ok && !resumed && time.Until(deadline) < timeToDeliver {
		return Outcome{State: GoingOn, Manifest: m}, nil // the next call has all its time for the channels
	}

	// Deliver the digests: first those of earlier runs. If a later run is published, it has
	// reported what this one found.
	if err := r.deliverPending(ctx, nil); err != nil {
		return Outcome{}, err
	}
	if !history.newer {
		if err := r.deliverDraft(ctx, &m); err != nil {
			return Outcome{}, err
		}
	}

	// Write the manifest last.
	if err := r.holds(ctx); err != nil {
		return Outcome{}, err
	}
	m.FinishedAt = r.Now().UTC().Truncate(time.Second)
	if err := r.publish(ctx, m); err != nil {
		return Outcome{}, err
	}
	return Outcome{State: m.State, Manifest: m, Undelivered: r.undelivered(&m)}, r.finishPending(ctx, m.Run)
}

// prepare loads what every call needs.
func (r *run) prepare(ctx context.Context) (err error) {
	if r.storeID, err = Identity(ctx, r.store); err != nil {
		return err
	}
	return r.loadPending(ctx)
}

// again reports whether to work on a run that has ended.
func (r *run) again(m *Manifest) bool { return r.Force || r.Accept && m.state() == Held }

// already returns the Outcome of a run that ended before. It delivers what is pending, and
// completes what the invocation that wrote the manifest may have left.
func (r *run) already(ctx context.Context, m Manifest) (Outcome, error) {
	if err := r.deliverPending(ctx, &m); err != nil {
		return Outcome{}, err
	}
	state := m.state()
	if state == Done {
		state = Already
	}
	if start, _ := Period(r.Run, r.Zone); !m.PeriodStart.IsZero() && !m.PeriodStart.Equal(start) {
		r.warn(WarnZoneChanged, fmt.Sprintf("the run %s was made while the zone was another one, as of %s; the next run reports what changed since", r.Run, m.AsOf.Format(time.RFC3339)))
	}
	return Outcome{State: state, Manifest: m, Undelivered: r.undelivered(&m)}, r.tidy(ctx, m)
}

// writeDraft writes the run's objects, and its manifest into the checkpoint. The manifest
// is published when everything is delivered.
func (r *run) writeDraft(ctx context.Context, h history) (err error) {
	if r.checkpoint.Held, err = r.shrunk(ctx, h); err != nil {
		return r.forget(ctx, err)
	}
	state := Done
	switch {
	case r.checkpoint.Held != nil && r.checkpoint.Held.Times < heldTimes && !r.Accept:
		state = Held
	case !r.checkpoint.Proven:
		state = Unproven
	}
	// A manifest that was published before would name other objects.
	if err := r.store.Delete(ctx, r.object(manifestName)); err != nil {
		return err
	}
	m, err := r.compare(ctx, h, state)
	if err != nil {
		return r.forget(ctx, err)
	}
	r.checkpoint.Draft = &m
	return r.save(ctx)
}

// publish writes the manifest: from now on there is the run.
func (r *run) publish(ctx context.Context, m Manifest) error {
	if err := putJSON(ctx, r.store, r.object(manifestName), m); err != nil {
		return err
	}
	return r.tidy(ctx, m)
}

// result completes an Outcome. A call that lost the lease, or that ran out of time, has
// stored what the next call goes on from.
func (r *run) result(outcome Outcome, err error) (Outcome, error) {
	outcome.Warnings = r.warnings
	switch {
	case errors.Is(err, errLeaseLost), core.CodeOf(err) == core.CodeDeadline:
		outcome.State, outcome.Manifest = GoingOn, r.manifest()
		return outcome, nil
	case err != nil:
		return outcome, core.AsError(err)
	}
	return outcome, nil
}

// object is the full name of one of the run's objects.
func (r *run) object(name string) string { return r.place.object(r.Run, name) }

func (r *run) warn(code, message string) {
	if warning := (core.Warning{Code: code, Message: message}); !slices.Contains(r.warnings, warning) {
		r.warnings = append(r.warnings, warning)
	}
}
