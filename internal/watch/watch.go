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

// Run makes the job's run, or continues it, until the run has ended (Done, Unproven or
// Held), time runs out, or ctx is canceled with core.ErrInterrupted. After GoingOn, Incomplete or a retryable error, call Run again
// with the same Job: it continues from the checkpoint. Run waits for the lease of the
// function's account, so that runs of one account do not overlap. Deliveries that failed
// are in Outcome.Undelivered; later calls retry them.
func Run(ctx context.Context, s store.Store, job Job) (outcome Outcome, err error) {
	r, err := newInvocation(ctx, s, job)
	if err != nil {
		return Outcome{}, err
	}
	// A scheduler's clock may be ahead of this machine's by up to clockSkew.
	if start, _ := Period(r.Run, r.Zone); start.After(r.Now().Add(clockSkew)) {
		return Outcome{}, core.Invalid("run", "not started yet; it can run from %s on", start.Format(time.RFC3339))
	}
	err = r.withLease(ctx, func(ctx context.Context) (err error) {
		outcome, err = r.work(ctx)
		return err
	})
	return r.finishCall(outcome, err)
}

// finishCall adds the call's warnings to the outcome. A lost lease, a deadline and an
// interruption are no errors: the state is GoingOn, and the next call continues from the
// checkpoint. So is a deadline while waiting for the lease; then nothing was done.
func (r *invocation) finishCall(outcome Outcome, err error) (Outcome, error) {
	outcome.Warnings = r.warnings
	switch {
	case errors.Is(err, errLeaseLost), core.CodeOf(err) == core.CodeDeadline, core.CodeOf(err) == core.CodeCanceled && r.interrupted():
		if outcome.State = GoingOn; outcome.Manifest.Run == "" {
			outcome.Manifest = r.manifest()
		}
		return outcome, nil
	case err != nil:
		return outcome, core.AsError(err)
	}
	return outcome, nil
}

// invocation is one call of Run or Redeliver.
type invocation struct {
	Job
	caller     context.Context // Run's: it ends at once when the caller interrupts it
	store      store.Store
	storeID    string // the store's identity
	place      place  // the folder of the function's account
	holder     string // this invocation's id in lease.json; "" until it waits for the lease
	checkpoint checkpoint
	replaced   []string // parts that the checkpoint no longer names, once it is saved
	warnings   []core.Warning

	pending        pendingList
	failing        map[alert.Target]alert.Reach // how much of a target failed during this call
	permanent      []permanentFailure           // deliveries that channels rejected permanently during this call
	retryPermanent bool                         // set by Redeliver: also deliver what was rejected permanently
}

// work does the steps of a run in order, under the lease. After a deadline, a kill or a
// store failure, a call with the same Force and Accept repeats the step that was
// interrupted. Without the flag, a call returns the run that stands, and drops a forced
// attempt that has not written its objects.
func (r *invocation) work(ctx context.Context) (Outcome, error) {
	// Load the account's state, and complete other runs that were interrupted between
	// delivery and publication.
	if err := r.loadAccount(ctx); err != nil {
		return Outcome{}, err
	}
	if err := r.publishOtherDrafts(ctx); err != nil {
		return Outcome{}, err
	}
	// existing is the run's manifest, zero if it is missing or damaged. It may be Incomplete.
	existing, _, err := getOrZero[Manifest](ctx, r.store, r.objectName(manifestName))
	if err != nil {
		return Outcome{}, err
	}
	if existing.finished() {
		redo, err := r.redoRequested(ctx, &existing)
		if err != nil {
			return Outcome{}, err
		}
		if !redo {
			return r.resumeFinished(ctx, existing)
		}
	}
	if err := r.resumeAttempt(ctx, &existing); err != nil {
		return Outcome{}, err
	}

	// Read the list and store it in parts, sorted by key; the checkpoint names them.
	readBefore := r.checkpoint.ReadDone
	if !readBefore {
		stop, err := r.read(ctx, &existing)
		if err != nil {
			return Outcome{}, err
		}
		if stop != "" { // GoingOn or Incomplete
			return Outcome{State: stop, Manifest: r.manifest()}, nil
		}
	}

	// Read what the vendor says of the partner, compare with the previous complete run, evaluate
	// alerts, write the objects and the draft. An interruption ends this like a kill.
	comparing, stop := r.interruptible(ctx)
	defer stop()
	r.progress(StepComparing, r.checkpoint.Count, r.checkpoint.Total)
	if r.interrupted() {
		return Outcome{State: GoingOn, Manifest: r.manifest()}, nil
	}
	history, err := r.loadHistory(comparing)
	if err != nil {
		return Outcome{}, err
	}
	if r.checkpoint.Draft == nil {
		if err := r.readPartner(comparing, readBefore); err != nil {
			return Outcome{}, err
		}
		if err := r.writeDraft(comparing, history); err != nil {
			return Outcome{}, err
		}
		// With little time left, leave delivery to the next call, which finds the draft and
		// delivers in any case.
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < timeToDeliver {
			return Outcome{State: GoingOn, Manifest: *r.checkpoint.Draft}, nil
		}
	}
	return r.deliverAndPublish(ctx, !history.newer)
}

// deliverAndPublish ends a run whose draft is stored. Without report, this run's digest is
// skipped: a later run that is accepted has reported the same conditions.
func (r *invocation) deliverAndPublish(ctx context.Context, report bool) (Outcome, error) {
	r.progress(StepDelivering, r.checkpoint.Count, r.checkpoint.Total)
	m := *r.checkpoint.Draft // without deliveries: pending.json records them

	// Deliver: first the pending digests of other runs, then this run's. A channel that fails
	// does not fail the run.
	if err := r.deliverPending(ctx, nil); err != nil { // nil: this run is not published yet
		return Outcome{}, err
	}
	if report {
		if err := r.deliverDraft(ctx, &m); err != nil {
			return Outcome{}, err
		}
	}

	// Publish: check the lease, since another invocation that has taken it may have published
	// the run. If this is interrupted after the manifest, resumeFinished in the next call
	// completes it.
	if err := r.checkLease(ctx); err != nil {
		return Outcome{}, err
	}
	m.FinishedAt = r.Now().UTC().Truncate(time.Second)
	return r.publish(ctx, m)
}

// publish writes the manifest, which makes the run visible to readers and to later runs,
// drops the run from pending.json if nothing is due, and cleans up.
func (r *invocation) publish(ctx context.Context, m Manifest) (Outcome, error) {
	if err := putJSON(ctx, r.store, r.objectName(manifestName), m); err != nil {
		return Outcome{}, err
	}
	outcome := Outcome{State: m.State, Manifest: m, Undelivered: r.undelivered(&m)}
	if err := r.finishPending(ctx, m.Run); err != nil {
		return outcome, err
	}
	return outcome, r.cleanUp(ctx, m)
}

// loadAccount loads the store's identity, which it creates if there is none, and the
// pending deliveries, which it converts from the previous version's format.
func (r *invocation) loadAccount(ctx context.Context) (err error) {
	if r.storeID, err = Identity(ctx, r.store); err != nil {
		return err
	}
	return r.loadPending(ctx)
}

// redoRequested reports whether the Job asks to make a finished run again. A run that a call
// with Force has published, and has not cleaned up, is the one that Force asks for: the
// repetition of that call completes it.
func (r *invocation) redoRequested(ctx context.Context, m *Manifest) (bool, error) {
	held := m.effectiveState() == Held
	if !r.Force {
		return r.Accept && held, nil
	}
	left, _, err := getOrZero[checkpoint](ctx, r.store, r.objectName(checkpointName))
	return held || !left.Forced || left.Draft == nil || left.Draft.Attempt != m.Attempt, err
}

// resumeFinished handles a call for a finished run: it makes the deliveries that are
// pending, and repeats the cleanup, which the invocation that published the run may not
// have finished.
func (r *invocation) resumeFinished(ctx context.Context, m Manifest) (Outcome, error) {
	if err := r.deliverPending(ctx, &m); err != nil {
		return Outcome{Manifest: m}, err
	}
	state := m.effectiveState()
	if state == Done {
		state = Already
	}
	if start, _ := Period(r.Run, r.Zone); !m.PeriodStart.IsZero() && !m.PeriodStart.Equal(start) {
		r.warn(WarnZoneChanged, fmt.Sprintf("the run %s was made while the zone was another one, as of %s; the next run reports what changed since", r.Run, m.AsOf.Format(time.RFC3339)))
	}
	outcome := Outcome{State: state, Manifest: m, Undelivered: r.undelivered(&m)}
	return outcome, r.cleanUp(ctx, m)
}

// writeDraft writes the run's objects, and then stores its manifest in the checkpoint as
// the draft. work publishes the draft after one attempt at each delivery; deliveries that
// fail stay in pending.json.
func (r *invocation) writeDraft(ctx context.Context, h history) error {
	shrink, err := r.measureShrink(ctx, h) // nil: within the limits
	if err != nil {
		return r.discardIfDamaged(ctx, err)
	}
	r.checkpoint.Held = shrink
	state := Done
	switch {
	case shrink != nil && shrink.Times < heldRunsUntilAccepted && !r.Accept:
		state = Held
	case !r.checkpoint.Proven:
		state = Unproven
	}
	// Delete the manifest first: compareAndWrite overwrites the objects whose checksums it
	// has. Until the new manifest is published there is no run, although latest.json may name it.
	if err := r.store.Delete(ctx, r.objectName(manifestName)); err != nil {
		return err
	}
	m, err := r.compareAndWrite(ctx, h, state)
	if err != nil {
		return r.discardIfDamaged(ctx, err)
	}
	r.checkpoint.Draft = &m
	return r.save(ctx)
}

// objectName is the full name of one of the run's objects.
func (r *invocation) objectName(name string) string { return r.place.objectName(r.Run, name) }

// warn adds a warning to this call's, once.
func (r *invocation) warn(code, message string) {
	if warning := (core.Warning{Code: code, Message: message}); !slices.Contains(r.warnings, warning) {
		r.warnings = append(r.warnings, warning)
	}
}
