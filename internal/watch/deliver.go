package watch

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/internal/alert"
	"partnerlens/internal/store"
	"partnerlens/pkg/core"
)

// pendingList is pending.json: what channels lack of an account's runs, the oldest run
// first. It is written before a run's first delivery, which shows that the store can be
// written to, and again as each delivery ends: so a call knows what earlier calls
// delivered, whether or not they came to write the run's manifest. An invocation that is
// killed between a delivery and its record delivers again, under the same id.
type pendingList struct {
	Schema string       `json:"schema"`
	Runs   []pendingRun `json:"runs"`

	stored bool // there is such an object
}

type pendingRun struct {
	Run        string           `json:"run"`
	Attempt    string           `json:"attempt"`
	Deliveries []alert.Delivery `json:"deliveries"`
}

const (
	pendingSchema = "partnerlens.pending/v1"
	// mostPending is for how many runs deliveries are tried: half a year of days, a week
	// of hours.
	mostPending = 180
)

// loadPending reads what is pending. A list that is damaged is treated as empty: the
// manifests still say what was not delivered, to watch --redeliver.
func (r *run) loadPending(ctx context.Context) error {
	there, err := getJSON(ctx, r.store, r.place.pending(), &r.pending)
	r.pending.stored = there || errors.Is(err, errDamaged)
	if unreadable, err := r.unreadable(ctx, err); err != nil {
		return err
	} else if unreadable {
		r.pending.Runs = nil
	}
	var old struct { // of the version before: runs whose manifests say the rest
		Runs []string `json:"runs"`
	}
	if there, err = getJSON(ctx, r.store, r.place.untold(), &old); !there {
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
		if m.final() && r.pendingOf(id) == nil {
			r.pending.Runs = append(r.pending.Runs, pendingRun{Run: id, Attempt: m.Attempt, Deliveries: m.Deliveries})
		}
	}
	if err := r.savePending(ctx); err != nil {
		return err
	}
	return r.store.Delete(ctx, r.place.untold())
}

func (r *run) pendingOf(run string) *pendingRun {
	i := slices.IndexFunc(r.pending.Runs, func(p pendingRun) bool { return p.Run == run })
	if i < 0 {
		return nil
	}
	return &r.pending.Runs[i]
}

func (r *run) savePending(ctx context.Context) error {
	if len(r.pending.Runs) == 0 {
		if !r.pending.stored {
			return nil
		}
		err := r.store.Delete(ctx, r.place.pending())
		r.pending.stored = err != nil
		return err
	}
	r.pending.Schema, r.pending.stored = pendingSchema, true
	r.pending.Runs = r.pending.Runs[max(0, len(r.pending.Runs)-mostPending):]
	return putJSON(ctx, r.store, r.place.pending(), r.pending)
}

// wanted says whether a delivery is still to be made: a channel that is not configured
// any more gets nothing.
func (r *run) wanted(d alert.Delivery) bool {
	return d.Channel == "" || r.Alerts.Hears(d.Channel, r.Account)
}

// undelivered is what channels lack of a run, what is pending of others, and what channels
// refused of others during this call, which is reported once: it is not pending any more.
func (r *run) undelivered(m *Manifest) (lacking []alert.Delivery) {
	add := func(all []alert.Delivery, is func(alert.Delivery) bool) {
		for _, d := range all {
			if is(d) && r.wanted(d) {
				lacking = append(lacking, d)
			}
		}
	}
	add(m.Deliveries, alert.Delivery.Undelivered)
	for _, p := range r.pending.Runs {
		if p.Run != m.Run {
			add(p.Deliveries, alert.Delivery.Due)
		}
	}
	for _, refused := range r.refused {
		if refused.run != m.Run {
			lacking = append(lacking, refused.Delivery)
		}
	}
	return lacking
}

// digestOf is the digest of a run, of its manifest and its alerts as they are stored.
func (r *run) digestOf(ctx context.Context, m *Manifest) (*alert.Digest, error) {
	d := alert.NewDigest(alert.Summary{
		Function: m.Function, Account: m.Account, Run: m.Run, AsOf: m.AsOf, Total: m.Count, Statuses: m.ByStatus,
		First: m.published() && m.Previous == nil && m.PreviousState == nil,
		Store: r.storeID, Attempt: m.Attempt, Unproven: m.state() == Unproven || m.state() == Held && !m.Proven, Counted: m.Total, ReadLate: m.ReadLate,
		Notes: m.Notes(),
		Zone:  r.Zone, Location: r.Location + r.place.folder() + m.Run + "/",
	})
	if m.state() == Held {
		d.Held = m.Held
		return d, nil
	}
	object, has := m.object(alertsName)
	if !has {
		return d, nil
	}
	name := r.place.object(m.Run, object.Name)
	if err := verify(ctx, r.store, name, object); err != nil {
		return nil, err
	}
	body, err := open(ctx, r.store, name)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	in := jsontext.NewDecoder(body)
	for err == nil && in.StackDepth() < 2 { // into the list, the one member that is an array
		_, err = in.ReadToken()
	}
	for err == nil && in.PeekKind() != ']' {
		var text jsontext.Value
		var a alert.Alert
		if text, err = in.ReadValue(); err == nil && json.Unmarshal(text, &a) == nil { // or another version's
			d.Add(a)
		}
	}
	if err != nil {
		return nil, broken(name, err)
	}
	return d, nil
}

// publishEarlier publishes the runs that were delivered, at least in part, by an
// invocation that got no further: what it reported must not be news to this run.
func (r *run) publishEarlier(ctx context.Context) error {
	for _, p := range slices.Clone(r.pending.Runs) {
		if p.Run == r.Run {
			continue
		}
		m, err := r.manifestOf(ctx, p.Run)
		if err != nil {
			return err
		}
		if m.final() {
			continue
		}
		earlier := *r
		earlier.Run = p.Run
		if earlier.at, _, err = getOwn[checkpoint](ctx, r.store, earlier.object(checkpointName)); err != nil {
			return err
		}
		if draft := earlier.at.Draft; draft != nil && draft.Attempt == p.Attempt {
			draft.Deliveries, draft.FinishedAt = p.Deliveries, r.Now().UTC().Truncate(time.Second)
			if err := earlier.publish(ctx, *draft); err != nil {
				return err
			}
		} else if m.Schema == "" { // deleted since
			r.drop(p.Run)
		}
	}
	return nil
}

func (r *run) drop(run string) {
	r.pending.Runs = slices.DeleteFunc(r.pending.Runs, func(p pendingRun) bool { return p.Run == run })
}

// deliverPending delivers what is pending of other runs, and of this one where it is
// published, whose manifest is then given. It never fails the run for what is wrong with
// another one.
func (r *run) deliverPending(ctx context.Context, published *Manifest) error {
	newest := make(map[string]string) // by channel, the newest run that is due to it
	for _, p := range r.pending.Runs {
		for _, d := range p.Deliveries {
			if r.due(d) && published != nil {
				newest[d.Channel] = p.Run
			}
		}
	}
	for _, id := range pendingRuns(r.pending) {
		if id == r.Run && published == nil {
			continue // deliverDraft does
		}
		if err := r.deliverEarlier(ctx, id, published, newest); err != nil {
			return err
		}
	}
	return nil
}

func pendingRuns(list pendingList) (ids []string) {
	for _, p := range list.Runs {
		ids = append(ids, p.Run)
	}
	return ids
}

// deliverEarlier delivers what is pending of one published run, and notes in its
// manifest how that went.
func (r *run) deliverEarlier(ctx context.Context, id string, published *Manifest, newest map[string]string) error {
	m, err := r.manifestOf(ctx, id)
	if err != nil {
		return err
	}
	p := r.pendingOf(id)
	if !m.final() { // deleted since
		if m.Schema == "" {
			r.drop(id)
			return r.savePending(ctx)
		}
		return nil
	}
	for i, d := range p.Deliveries { // an invocation that lost its lease may have written the list last
		if j := slices.IndexFunc(m.Deliveries, func(o alert.Delivery) bool { return o.ID == d.ID && o.State == alert.Delivered }); j >= 0 {
			p.Deliveries[i] = m.Deliveries[j]
		}
	}
	if slices.ContainsFunc(p.Deliveries, r.due) {
		digest, err := r.digestOf(ctx, &m)
		if unreadable, err := r.unreadable(ctx, err); err != nil {
			return err
		} else if unreadable {
			for i, d := range p.Deliveries {
				if d.Due() {
					p.Deliveries[i].State, p.Deliveries[i].Code, p.Deliveries[i].Detail = alert.Refused, core.CodeUpstream, "the run's alerts.json cannot be read; repair it, then watch --redeliver"
					r.report(id, p.Deliveries[i])
				}
			}
		} else if err := r.deliverRun(ctx, p, digest, newest); err != nil {
			return err
		}
	}
	if !sameDeliveries(m.Deliveries, p.Deliveries) {
		m.Deliveries = slices.Clone(p.Deliveries)
		if err := putJSON(ctx, r.store, r.place.object(id, manifestName), m); err != nil {
			if ctx.Err() != nil {
				return err
			}
			r.warn(WarnUnreadable, "the manifest of "+id+" could not be brought up to date: "+core.AsError(err).Public())
			return nil
		}
	}
	if published != nil && id == r.Run {
		published.Deliveries = m.Deliveries
	}
	return r.settle(ctx, id)
}

// deliverDraft delivers this run, which is published next.
func (r *run) deliverDraft(ctx context.Context, m *Manifest) error {
	digest, err := r.digestOf(ctx, m)
	if err != nil {
		return r.forget(ctx, err)
	}
	p := r.pendingOf(r.Run)
	if p == nil || p.Attempt != m.Attempt {
		r.drop(r.Run)
		r.pending.Runs = append(r.pending.Runs, pendingRun{Run: r.Run, Attempt: m.Attempt, Deliveries: r.Alerts.Plan(digest)})
		p = r.pendingOf(r.Run)
	}
	if r.Digest != nil {
		r.Digest(digest)
	}
	err = r.deliverRun(ctx, p, digest, nil)
	m.Deliveries = slices.Clone(p.Deliveries)
	return err
}

// settle takes a published run off the list if none of its deliveries is due: the manifest
// has those that were refused.
func (r *run) settle(ctx context.Context, run string) error {
	if p := r.pendingOf(run); p != nil && !slices.ContainsFunc(p.Deliveries, r.due) {
		r.drop(run)
	}
	return r.savePending(ctx)
}

// due says whether a delivery is to be made now.
func (r *run) due(d alert.Delivery) bool {
	return (d.Due() || r.refusedToo && d.State == alert.Refused) && r.wanted(d)
}

// deliverRun makes the deliveries that are due of a run, and records each. A channel
// that failed as a whole during this call is not tried again. One whose receiver failed
// may have failed at that one message: it is tried with the newest of its messages, by
// newest, or with every one where that is nil.
func (r *run) deliverRun(ctx context.Context, p *pendingRun, digest *alert.Digest, newest map[string]string) error {
	p.Deliveries = r.Alerts.Expand(digest, p.Deliveries)
	var due []alert.Delivery
	for i, d := range p.Deliveries {
		switch {
		case !r.due(d):
		case d.Channel == "":
			r.report(p.Run, d)
		case r.failing[d.Channel] == alert.ReachChannel, r.failing[d.Channel] == alert.ReachServer && newest != nil && newest[d.Channel] != p.Run:
			p.Deliveries[i].State, p.Deliveries[i].Code, p.Deliveries[i].Detail = alert.Failed, core.CodeUnavailable, "not tried: another message failed just before"
			r.report(p.Run, p.Deliveries[i])
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
	if err := r.holds(ctx); err != nil {
		return err
	}
	var failed error
	opts := r.Deliver
	opts.Due = due
	opts.Done = func(d alert.Delivery) {
		i := slices.IndexFunc(p.Deliveries, func(o alert.Delivery) bool { return o.Channel == d.Channel })
		p.Deliveries[i] = d
		if d.State == alert.Failed {
			r.failing[d.Channel] = max(r.failing[d.Channel], d.Reach)
		}
		r.report(p.Run, d)
		if err := r.savePending(ctx); err != nil {
			failed = err
		}
	}
	r.Alerts.Deliver(ctx, digest, opts)
	return failed
}

func (r *run) report(run string, d alert.Delivery) {
	if d.State == alert.Refused {
		r.refused = append(r.refused, refusedDelivery{d, run})
	}
	if r.Delivered != nil {
		r.Delivered(run, d)
	}
}

// refusedDelivery is a delivery of a run that its channel refused.
type refusedDelivery struct {
	alert.Delivery
	run string
}

func sameDeliveries(a, b []alert.Delivery) bool {
	x, err := core.AppendJSON(nil, a)
	if err != nil {
		return false
	}
	y, err := core.AppendJSON(nil, b)
	return err == nil && bytes.Equal(x, y)
}

// Redeliver delivers what channels lack of all runs, or of the Job's run if it names one:
// what is pending, and what channels have refused.
func Redeliver(ctx context.Context, s store.Store, job Job) (outcome Outcome, err error) {
	only := job.Run
	if only == "" {
		job.Run = RunID(time.Now(), EveryDay, core.VendorZone) // not used
	}
	r, err := newRun(ctx, s, job)
	if err != nil {
		return Outcome{}, err
	}
	err = r.withLease(ctx, func(ctx context.Context) (err error) {
		outcome, err = r.redeliver(ctx, only)
		return err
	})
	return r.result(outcome, err)
}

// redeliver delivers what channels lack of all runs, or of the one that only names.
func (r *run) redeliver(ctx context.Context, only string) (Outcome, error) {
	if err := r.prepare(ctx); err != nil {
		return Outcome{}, err
	}
	ids, _, err := runs(ctx, r.store, r.place)
	if err != nil {
		return Outcome{}, err
	}
	slices.Reverse(ids)
	var lacking []alert.Delivery
	r.refusedToo = true
	for _, id := range ids {
		if only != "" && id != only {
			continue
		}
		m, err := r.manifestOf(ctx, id)
		if err != nil {
			return Outcome{}, err
		}
		if r.pendingOf(id) == nil && slices.ContainsFunc(m.Deliveries, r.due) {
			r.pending.Runs = append(r.pending.Runs, pendingRun{Run: id, Attempt: m.Attempt, Deliveries: m.Deliveries})
		}
		if r.pendingOf(id) == nil {
			continue
		}
		if err := r.deliverEarlier(ctx, id, nil, nil); err != nil {
			return Outcome{}, err
		}
		if p := r.pendingOf(id); p != nil {
			for _, d := range p.Deliveries {
				if d.Undelivered() && r.wanted(d) {
					lacking = append(lacking, d)
				}
			}
		}
	}
	return Outcome{State: Redelivered, Undelivered: lacking}, r.savePending(ctx)
}
