package watch

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/internal/alert"
	"partnerlens/internal/store"
	"partnerlens/pkg/core"
)

// pendingList is pending.json: the deliveries of an account's runs that are not finished,
// the oldest run first. It is written before the first delivery of a run, which shows that
// the store can be written to, and again after each delivery that did not fail, so that the
// next call knows what was delivered even if the run's manifest was not written. An invocation that is
// killed between a delivery and its record delivers again, under the same id.
type pendingList struct {
	Schema string       `json:"schema"`
	Runs   []pendingRun `json:"runs"`

	stored bool // the object exists
}

type pendingRun struct {
	Run        string           `json:"run"`
	Attempt    string           `json:"attempt"`
	Deliveries []alert.Delivery `json:"deliveries"`
}

const (
	pendingSchema = "partnerlens.pending/v1"
	// maxPending is the number of runs whose deliveries are kept: half a year of days, a
	// week of hours.
	maxPending = 180
)

// permanentFailure is a delivery that its channel rejected permanently during this call.
type permanentFailure struct {
	alert.Delivery
	run string
}

// loadPending reads the pending deliveries. A list that is damaged counts as empty: the
// manifests still have what was not delivered, for Redeliver.
func (r *invocation) loadPending(ctx context.Context) error {
	there, err := getJSON(ctx, r.store, r.place.objectName(pendingName), &r.pending)
	r.pending.stored = there || errors.Is(err, errDamaged)
	if unreadable, err := r.unreadable(ctx, err); err != nil {
		return err
	} else if unreadable {
		r.pending.Runs = nil
	}
	return r.loadOldPending(ctx)
}

// loadOldPending reads the pending deliveries of the version before, which are in the
// manifests of the listed runs.
func (r *invocation) loadOldPending(ctx context.Context) error {
	var old struct {
		Runs []string `json:"runs"`
	}
	there, err := getJSON(ctx, r.store, r.place.objectName(oldPendingName), &old)
	if !there {
		_, err = r.unreadable(ctx, err)
		return err
	}
	for _, id := range old.Runs {
		if checkRunID(id) != nil {
			continue
		}
		m, err := r.manifestOf(ctx, id)
		if err != nil {
			return err
		}
		if m.finished() && r.pendingOf(id) == nil {
			r.pending.Runs = append(r.pending.Runs, pendingRun{id, m.Attempt, m.Deliveries})
		}
	}
	if err := r.savePending(ctx); err != nil {
		return err
	}
	return r.store.Delete(ctx, r.place.objectName(oldPendingName))
}

func (r *invocation) pendingOf(run string) *pendingRun {
	i := slices.IndexFunc(r.pending.Runs, func(p pendingRun) bool { return p.Run == run })
	if i < 0 {
		return nil
	}
	return &r.pending.Runs[i]
}

func (r *invocation) dropPending(run string) {
	r.pending.Runs = slices.DeleteFunc(r.pending.Runs, func(p pendingRun) bool { return p.Run == run })
}

func (r *invocation) savePending(ctx context.Context) error {
	if len(r.pending.Runs) == 0 {
		if !r.pending.stored {
			return nil
		}
		err := r.store.Delete(ctx, r.place.objectName(pendingName))
		r.pending.stored = err != nil
		return err
	}
	r.pending.Schema, r.pending.stored = pendingSchema, true
	r.pending.Runs = r.pending.Runs[max(0, len(r.pending.Runs)-maxPending):]
	return putJSON(ctx, r.store, r.place.objectName(pendingName), r.pending)
}

// finishPending takes a published run off the list if none of its deliveries is due: its manifest
// has those that failed permanently.
func (r *invocation) finishPending(ctx context.Context, run string) error {
	if p := r.pendingOf(run); p != nil && !slices.ContainsFunc(p.Deliveries, r.due) {
		r.dropPending(run)
	}
	return r.savePending(ctx)
}

// due reports whether to make a delivery now.
func (r *invocation) due(d alert.Delivery) bool {
	return (d.Due() || r.retryPermanent && d.State == alert.Refused) && r.wanted(d)
}

// wanted reports whether the channel of a delivery is still configured.
func (r *invocation) wanted(d alert.Delivery) bool {
	return d.Channel == "" || r.Alerts.HasChannel(d.Channel, r.Account)
}

// undelivered returns the deliveries that channels lack: of a run, pending ones of other
// runs, and those of other runs that failed permanently during this call and are no
// longer pending.
func (r *invocation) undelivered(m *Manifest) (missing []alert.Delivery) {
	add := func(all []alert.Delivery, match func(alert.Delivery) bool) {
		for _, d := range all {
			if match(d) && r.wanted(d) {
				missing = append(missing, d)
			}
		}
	}
	add(m.Deliveries, alert.Delivery.Undelivered)
	for _, p := range r.pending.Runs {
		if p.Run != m.Run {
			add(p.Deliveries, alert.Delivery.Due)
		}
	}
	for _, d := range r.permanent {
		if d.run != m.Run {
			missing = append(missing, d.Delivery)
		}
	}
	return missing
}

// digestOf makes the digest of a run from its manifest, its alerts.json and its open.json.
func (r *invocation) digestOf(ctx context.Context, m *Manifest) (*alert.Digest, error) {
	d := alert.NewDigest(alert.Summary{
		Function: m.Function, Account: m.Account, Run: m.Run, AsOf: m.AsOf, Total: m.Count, Statuses: m.ByStatus,
		First: m.accepted() && m.Previous == nil && m.PreviousState == nil,
		Store: r.storeID, Attempt: m.Attempt, Unproven: m.effectiveState() == Unproven || m.effectiveState() == Held && !m.Proven, Counted: m.Total, ReadLate: m.ReadLate,
		Notes: m.Notes(), Muted: m.Muted, Partner: m.pool(),
		Zone: r.Zone, Location: r.Location + r.place.folder() + m.Run + "/", Public: r.Public, Kinds: r.Alerts.Rules.Kinds,
		Owners: r.ownersOf(m.Run),
	})
	if m.effectiveState() == Held {
		d.Held = m.Held
		return d, nil
	}
	alerts, err := r.alertsIn(ctx, m, alertsName)
	if err == nil {
		err = d.AddAll(alerts)
	}
	if err != nil {
		return nil, err
	}
	conditions, err := r.alertsIn(ctx, m, openName)
	if err != nil {
		return nil, err
	}
	for a, err := range conditions {
		if err != nil {
			return nil, err
		}
		d.AddOpen(a)
	}
	return d, nil
}

// alertsIn verifies a run's object, and yields the alerts of its first list, each time from
// the beginning; none if the run does not have the object.
func (r *invocation) alertsIn(ctx context.Context, m *Manifest, name string) (iter.Seq2[alert.Alert, error], error) {
	object, has := m.object(name)
	if !has {
		return func(func(alert.Alert, error) bool) {}, nil
	}
	name = r.place.objectName(m.Run, object.Name)
	if err := verify(ctx, r.store, name, object); err != nil {
		return nil, err
	}
	return func(yield func(alert.Alert, error) bool) {
		body, err := open(ctx, r.store, name)
		if err != nil {
			yield(alert.Alert{}, err)
			return
		}
		defer body.close()
		in := jsontext.NewDecoder(body)
		for err == nil && in.StackDepth() < 2 { // into the first member that is an array
			_, err = in.ReadToken()
		}
		for err == nil && in.PeekKind() != ']' {
			var text jsontext.Value
			var a alert.Alert
			text, err = in.ReadValue()
			if err == nil && json.Unmarshal(text, &a) == nil && !yield(a, nil) { // skip those of another version
				return
			}
		}
		if err != nil {
			yield(alert.Alert{}, broken(name, err))
		}
	}, nil
}

// ownersOf are the owners whose alerts a run's deliveries keep apart: those that channels
// name, and those that they named when the deliveries were planned.
func (r *invocation) ownersOf(run string) []string {
	owners := r.Alerts.Owners()
	if p := r.pendingOf(run); p != nil {
		for _, d := range p.Deliveries {
			if d.Owner != "" {
				owners = append(owners, d.Owner)
			}
		}
	}
	return owners
}

// publishOtherDrafts publishes the drafts of other runs of which an invocation made
// deliveries but was interrupted before it published them. Otherwise this run would report
// their alerts again.
func (r *invocation) publishOtherDrafts(ctx context.Context) error {
	for _, p := range slices.Clone(r.pending.Runs) {
		if p.Run == r.Run {
			continue
		}
		m, err := r.manifestOf(ctx, p.Run)
		if err != nil {
			return err
		}
		if m.finished() {
			continue
		}
		earlier := *r
		earlier.Run = p.Run
		if earlier.checkpoint, _, err = getOrZero[checkpoint](ctx, r.store, earlier.objectName(checkpointName)); err != nil {
			return err
		}
		if draft := earlier.checkpoint.Draft; draft != nil && draft.Attempt == p.Attempt {
			draft.Deliveries, draft.FinishedAt = p.Deliveries, r.Now().UTC().Truncate(time.Second)
			err := putJSON(ctx, r.store, earlier.objectName(manifestName), *draft)
			if err == nil {
				err = earlier.cleanUp(ctx, *draft)
			}
			if r.warnings = earlier.warnings; err != nil {
				return err
			}
		} else if m.Schema == "" { // deleted since
			r.dropPending(p.Run)
		}
	}
	return nil
}

// deliverPending makes the pending deliveries of other runs, and of this run if it has
// ended; existing is then its manifest, which gets the deliveries, and is nil otherwise. A
// fault of another run does not fail this one.
func (r *invocation) deliverPending(ctx context.Context, existing *Manifest) error {
	newest := make(map[alert.Target]string) // the newest run that is due to each target; empty before this run's digest
	if existing != nil {
		for _, p := range r.pending.Runs {
			for _, d := range p.Deliveries {
				if r.due(d) {
					newest[d.Target()] = p.Run
				}
			}
		}
	}
	for _, p := range slices.Clone(r.pending.Runs) {
		if p.Run == r.Run && existing == nil {
			continue // deliverDraft delivers it
		}
		m, err := r.deliverPublished(ctx, p.Run, newest)
		if err != nil {
			return err
		}
		if existing != nil && p.Run == r.Run && m.finished() {
			existing.Deliveries = m.Deliveries
		}
	}
	return nil
}

// deliverPublished makes the pending deliveries of a published run, and records them in its
// manifest, which it returns.
func (r *invocation) deliverPublished(ctx context.Context, id string, newest map[alert.Target]string) (Manifest, error) {
	m, err := r.manifestOf(ctx, id)
	if err != nil || !m.finished() {
		if err == nil && m.Schema == "" { // deleted since
			r.dropPending(id)
			err = r.savePending(ctx)
		}
		return m, err
	}
	p := r.pendingOf(id)
	for i, d := range p.Deliveries { // an invocation that lost its lease may have written the list last
		if j := slices.IndexFunc(m.Deliveries, func(o alert.Delivery) bool { return o.ID == d.ID && o.State == alert.Delivered }); j >= 0 {
			p.Deliveries[i] = m.Deliveries[j]
		}
	}
	if slices.ContainsFunc(p.Deliveries, r.due) {
		digest, err := r.digestOf(ctx, &m)
		unreadable, err := r.unreadable(ctx, err)
		if err == nil && !unreadable {
			err = r.deliverRun(ctx, p, digest, newest)
		}
		if err != nil {
			return m, err
		}
		for i, d := range p.Deliveries {
			if unreadable && d.Due() {
				r.fail(p, i, alert.Refused, core.CodeUpstream, "the run's alerts.json or open.json cannot be read; repair it, then watch --redeliver")
			}
		}
	}
	if !sameJSON(m.Deliveries, p.Deliveries) {
		m.Deliveries = slices.Clone(p.Deliveries)
		if err := putJSON(ctx, r.store, r.place.objectName(id, manifestName), m); err != nil {
			if ctx.Err() != nil {
				return m, err
			}
			r.warn(WarnUnreadable, "the manifest of "+id+" could not be brought up to date: "+core.AsError(err).Public())
			return m, nil
		}
	}
	return m, r.finishPending(ctx, id)
}

// deliverDraft delivers this run, which is published next.
func (r *invocation) deliverDraft(ctx context.Context, m *Manifest) error {
	digest, err := r.digestOf(ctx, m)
	if err != nil {
		return r.discardIfDamaged(ctx, err)
	}
	p := r.pendingOf(r.Run)
	if p == nil || p.Attempt != m.Attempt {
		r.dropPending(r.Run)
		r.pending.Runs = append(r.pending.Runs, pendingRun{r.Run, m.Attempt, r.Alerts.Plan(digest)})
		p = r.pendingOf(r.Run)
	}
	if r.Digest != nil {
		r.Digest(digest)
	}
	err = r.deliverRun(ctx, p, digest, nil)
	m.Deliveries = slices.Clone(p.Deliveries)
	return err
}

// deliverRun makes the due deliveries of a run, and records each. It skips a channel that
// failed as a whole during this call. If the receiver failed, perhaps at that message
// alone, only the newest message of the channel is tried; if newest is nil, every message.
func (r *invocation) deliverRun(ctx context.Context, p *pendingRun, digest *alert.Digest, newest map[alert.Target]string) error {
	p.Deliveries = r.Alerts.Expand(digest, p.Deliveries)
	var due []alert.Delivery
	for i, d := range p.Deliveries {
		reach := r.failing[d.Target()]
		switch {
		case !r.due(d):
		case d.Channel == "":
			r.report(p.Run, d)
		case reach == alert.ReachChannel, reach == alert.ReachServer && newest != nil && newest[d.Target()] != p.Run:
			r.fail(p, i, alert.Failed, core.CodeUnavailable, "not tried: another message failed just before")
		default:
			due = append(due, d)
		}
	}
	deadline, limited := ctx.Deadline()
	if len(due) == 0 || limited && newest != nil && time.Until(deadline) < timeToDeliver {
		return nil
	}
	if err := r.savePending(ctx); err != nil {
		return err
	}
	if err := r.checkLease(ctx); err != nil {
		return err
	}
	var failed error
	opts := r.Deliver
	opts.Due, opts.Planned = due, slices.Clone(p.Deliveries)
	opts.Done = func(d alert.Delivery) {
		i := slices.IndexFunc(p.Deliveries, func(o alert.Delivery) bool { return o.Target() == d.Target() })
		progressed := d.State != alert.Failed || d.Progress != p.Deliveries[i].Progress
		p.Deliveries[i] = d
		if d.State == alert.Failed {
			r.failing[d.Target()] = max(r.failing[d.Target()], d.Reach)
		}
		r.report(p.Run, d)
		if !progressed { // the next call has to make it either way; finishPending records why
			return
		}
		if err := r.savePending(ctx); err != nil {
			failed = err
		}
	}
	r.Alerts.Deliver(ctx, digest, opts)
	return failed
}

// fail records a delivery that is not tried.
func (r *invocation) fail(p *pendingRun, i int, state alert.DeliveryState, code core.Code, detail string) {
	d := &p.Deliveries[i]
	d.State, d.Code, d.Detail = state, code, detail
	r.report(p.Run, *d)
}

func (r *invocation) report(run string, d alert.Delivery) {
	if d.State == alert.Refused {
		r.permanent = append(r.permanent, permanentFailure{d, run})
	}
	if r.Delivered != nil {
		r.Delivered(run, d)
	}
}

// Redeliver delivers what channels lack of all runs, or of the Job's run if it names one:
// what is pending, and what failed permanently.
func Redeliver(ctx context.Context, s store.Store, job Job) (outcome Outcome, err error) {
	only := job.Run
	if only == "" {
		job.Run = RunID(time.Now(), EveryDay, core.VendorZone) // not used
	}
	r, err := newInvocation(ctx, s, job)
	if err != nil {
		return Outcome{}, err
	}
	err = r.withLease(ctx, func(ctx context.Context) (err error) {
		outcome, err = r.redeliver(ctx, only)
		return err
	})
	return r.finishCall(outcome, err)
}

// redeliver delivers what channels lack of all runs, or of the one that only names.
func (r *invocation) redeliver(ctx context.Context, only string) (Outcome, error) {
	if err := r.loadAccount(ctx); err != nil {
		return Outcome{}, err
	}
	ids, _, err := runs(ctx, r.store, r.place)
	if err != nil {
		return Outcome{}, err
	}
	slices.Reverse(ids)
	var missing []alert.Delivery
	r.retryPermanent = true
	for _, id := range ids {
		if only != "" && id != only {
			continue
		}
		m, err := r.manifestOf(ctx, id)
		if err != nil {
			return Outcome{}, err
		}
		if r.pendingOf(id) == nil && slices.ContainsFunc(m.Deliveries, r.due) {
			r.pending.Runs = append(r.pending.Runs, pendingRun{id, m.Attempt, m.Deliveries})
		}
		if r.pendingOf(id) == nil {
			continue
		}
		if _, err := r.deliverPublished(ctx, id, nil); err != nil {
			return Outcome{}, err
		}
		if p := r.pendingOf(id); p != nil {
			for _, d := range p.Deliveries {
				if d.Undelivered() && r.wanted(d) {
					missing = append(missing, d)
				}
			}
		}
	}
	return Outcome{State: Redelivered, Undelivered: missing}, r.savePending(ctx)
}
