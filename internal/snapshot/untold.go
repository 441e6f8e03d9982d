package snapshot

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
)

// untold is untold.json: the runs of which somebody may still have to be told, the
// oldest first. Their manifests say who; a run that needs not be here does no harm.
type untold struct {
	Runs []string `json:"runs"`
}

// mostUntold is for how many runs it is tried: half a year of days, a week of hours.
const mostUntold = 180

// noteUntold notes that somebody could not be told of this run. It comes before the
// manifest: afterwards it might be forgotten.
func (r *run) noteUntold(ctx context.Context) error {
	var list untold
	if _, err := getJSON(ctx, r.store, r.place.untold(), &list); err != nil {
		return err
	}
	if slices.Contains(list.Runs, r.Run) {
		return nil
	}
	list.Runs = append(list.Runs, r.Run)
	slices.Sort(list.Runs)
	list.Runs = list.Runs[max(0, len(list.Runs)-mostUntold):]
	return putJSON(ctx, r.store, r.place.untold(), list)
}

// tellAgain is retell for a run that is complete already.
func (r *run) tellAgain(ctx context.Context, begin Begin, already *Outcome) error {
	var list untold
	if _, err := getJSON(ctx, r.store, r.place.untold(), &list); err != nil || len(list.Runs) == 0 {
		return err
	}
	end, err := r.turn(ctx)
	if core.CodeOf(err) == core.CodeDeadline { // another call does it
		return nil
	}
	if err != nil {
		return err
	}
	defer end()
	if err := r.retell(ctx, begin); err != nil {
		return err
	}
	_, err = getJSON(ctx, r.store, r.object(manifestName), &already.Manifest)
	return err
}

// retell tells of earlier runs whoever could not be told then. It wants the turn.
// Told, and killed before that was written down, tells again, under the same id.
func (r *run) retell(ctx context.Context, begin Begin) error {
	var list untold
	if _, err := getJSON(ctx, r.store, r.place.untold(), &list); err != nil || len(list.Runs) == 0 {
		return err
	}
	var left []string
	for _, id := range list.Runs {
		m, err := manifestOf(ctx, r.store, r.place, id)
		if err != nil {
			return err
		}
		if !m.Complete { // deleted since, or not finished, which notes it anew
			continue
		}
		watch := begin(m)
		if deadline, ok := ctx.Deadline(); watch.Untold(m) && (!ok || time.Until(deadline) >= timeToTell) {
			deliveries, err := watch.Retell(ctx, m, r.alertsOf(ctx, id))
			if core.CodeOf(err) == core.CodeNotFound { // somebody took them away
				continue
			}
			if err != nil {
				return err
			}
			if !bytes.Equal(deliveries, m.Deliveries) {
				m.Deliveries = deliveries
				if err := putJSON(ctx, r.store, r.place.object(id, manifestName), m); err != nil {
					return err
				}
			}
		}
		if watch.Untold(m) {
			left = append(left, id)
		}
	}
	switch {
	case len(left) == len(list.Runs):
		return nil
	case left == nil:
		return r.store.Delete(ctx, r.place.untold())
	}
	return putJSON(ctx, r.store, r.place.untold(), untold{left})
}

// alertsOf are the alerts of a run, as they are stored.
func (r *run) alertsOf(ctx context.Context, id string) iter.Seq2[jsontext.Value, error] {
	return func(yield func(jsontext.Value, error) bool) {
		name := r.place.object(id, alertsName)
		body, err := r.store.Get(ctx, name)
		if err != nil {
			yield(nil, err)
			return
		}
		defer body.Close()
		in := jsontext.NewDecoder(body)
		for err == nil && in.StackDepth() < 2 { // into the list, which is the one member that is no text
			_, err = in.ReadToken()
		}
		for err == nil && in.PeekKind() != ']' {
			var alert jsontext.Value
			if alert, err = in.ReadValue(); err == nil && !yield(alert, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, broken(name, err))
		}
	}
}
