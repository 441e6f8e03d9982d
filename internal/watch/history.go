package watch

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"partnerlens/internal/store"
	"partnerlens/pkg/core"
)

// history is the earlier runs that a run depends on.
type history struct {
	previous *Manifest // the newest complete run before it, whose customers it is compared with
	state    *Manifest // the newest accepted run before it, from whose open alerts it continues
	held     *Manifest // the run just before it, if that one is held
	newer    bool      // a later run is accepted
}

// runs returns the runs of a place that have a manifest, the newest first, and all folders
// of runs, the oldest first.
func runs(ctx context.Context, s store.Store, p place) (ids, folders []string, err error) {
	return runsNamed(ctx, s, p, "")
}

// runsNamed is runs for the runs whose names begin with a prefix.
func runsNamed(ctx context.Context, s store.Store, p place, prefix string) (ids, folders []string, err error) {
	for object, err := range s.List(ctx, p.folder()+prefix) {
		if err != nil {
			return nil, nil, err
		}
		run, name, _ := strings.Cut(strings.TrimPrefix(object.Name, p.folder()), "/")
		if checkRunID(run) != nil {
			continue
		}
		if !slices.Contains(folders, run) {
			folders = append(folders, run)
		}
		if name == manifestName {
			ids = append(ids, run)
		}
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	slices.Sort(folders)
	return ids, folders, nil
}

// loadHistory finds the runs that this one is compared with and continues from, whatever their
// intervals and zones. It verifies the objects that are needed of them: a damaged object
// is treated as missing, with a warning.
func (r *invocation) loadHistory(ctx context.Context) (h history, err error) {
	ids, _, err := runs(ctx, r.store, r.place)
	if err != nil {
		return h, err
	}
	// List may not have a run that was stored just before; Get has it.
	newest, there, err := getOrZero[Latest](ctx, r.store, r.place.objectName(latestName))
	if err != nil {
		return h, err
	}
	if there && checkRunID(newest.Run) == nil && !slices.Contains(ids, newest.Run) {
		ids = append(ids, newest.Run)
		slices.Sort(ids)
		slices.Reverse(ids)
	}
	first, evaluated := true, false
	for m, err := range r.earlier(ctx, ids, &h.newer) {
		if err != nil {
			return h, err
		}
		if first && m.effectiveState() == Held {
			h.held = &m
		}
		first = false
		if !m.accepted() {
			continue
		}
		// A run without a state did not evaluate alerts: the next run reports what it saw.
		// If a state is damaged, an older one is not used, since it would report again what
		// was reported since.
		if _, has := m.object(stateName); has && !evaluated {
			evaluated = true
			if h.state, err = r.usable(ctx, &m, stateName); err != nil {
				return h, err
			}
		}
		if h.previous == nil && m.effectiveState() == Done {
			if h.previous, err = r.usable(ctx, &m, customersName); err != nil {
				return h, err
			}
		}
		if h.previous != nil && evaluated {
			break
		}
	}
	return h, nil
}

// earlier yields the runs that have ended and are not of a later time than this one, the
// newest first. It sets newer if an accepted run is of a later time. Names sort by time,
// except that a day's run may be read after a run of one of its hours, and that a day
// begins at another time in another zone: so the runs of a date are sorted by time, and
// are yielded once all earlier dates are of earlier times.
func (r *invocation) earlier(ctx context.Context, ids []string, newer *bool) iter.Seq2[Manifest, error] {
	return func(yield func(Manifest, error) bool) {
		own := r.manifest()
		limit := own.effectiveTime(r.Zone)
		later := limit.Add(48 * time.Hour).Format(dayLayout) // a run of this date is after this one in every zone
		var loaded []Manifest
		for len(ids) > 0 || len(loaded) > 0 {
			date := ""
			for ; len(ids) > 0 && (date == "" || dateOf(ids[0]) == date); ids = ids[1:] {
				date = dateOf(ids[0])
				if ids[0] == r.Run || date > later && *newer {
					continue
				}
				m, err := r.manifestOf(ctx, ids[0])
				if err != nil {
					yield(m, err)
					return
				}
				switch {
				case !m.finished() || !sameQuery(m.Query, r.checkpoint.Query):
				case m.effectiveTime(r.Zone).After(limit):
					*newer = *newer || m.accepted()
				default:
					loaded = append(loaded, m)
				}
			}
			// The remaining ids are of earlier dates, and so of times before bound, in
			// whatever zone they were made.
			bound, _ := Period(date, westernmost)
			slices.SortStableFunc(loaded, func(a, b Manifest) int { return b.effectiveTime(r.Zone).Compare(a.effectiveTime(r.Zone)) })
			for len(loaded) > 0 && (len(ids) == 0 || !loaded[0].effectiveTime(r.Zone).Before(bound)) {
				if !yield(loaded[0], nil) {
					return
				}
				loaded = loaded[1:]
			}
		}
	}
}

// westernmost is the zone in which a day begins last.
var westernmost = time.FixedZone("", -12*60*60)

// sameQuery reports whether two runs sent the same query, resellers aside: see
// Manifest.covers.
func sameQuery(a, b core.Params) bool {
	without := func(p core.Params) core.Params {
		p = maps.Clone(p)
		delete(p, "reseller_id")
		return p
	}
	return maps.EqualFunc(without(a), without(b), slices.Equal)
}

// manifestOf returns the manifest of a run; the zero Manifest if it is missing or damaged.
func (r *invocation) manifestOf(ctx context.Context, run string) (m Manifest, err error) {
	_, err = getJSON(ctx, r.store, r.place.objectName(run, manifestName), &m)
	if unreadable, err := r.unreadable(ctx, err); unreadable || err != nil {
		return Manifest{}, err
	}
	return m, nil
}

// usable returns m if an object of it is as it was stored, and nil otherwise.
func (r *invocation) usable(ctx context.Context, m *Manifest, name string) (*Manifest, error) {
	object, has := m.object(name)
	if !has {
		return nil, nil
	}
	err := verify(ctx, r.store, r.place.objectName(m.Run, object.Name), object)
	if unreadable, err := r.unreadable(ctx, err); unreadable || err != nil {
		return nil, err
	}
	return m, nil
}

// unreadable reports, and warns, that an object of an earlier run cannot be used: it is
// damaged, or the store fails to return it but returns the lease. It returns any other
// error: the next call tries again.
func (r *invocation) unreadable(ctx context.Context, err error) (bool, error) {
	switch {
	case err == nil:
		return false, nil
	case errors.Is(err, errDamaged):
	case ctx.Err() != nil || r.holder == "" || r.checkLease(ctx) != nil:
		return false, err
	}
	r.warn(WarnUnreadable, core.AsError(err).Public()+"; it is treated as missing (docs/operate.md says how to repair it)")
	return true, nil
}

// cleanUp updates latest.json, and deletes the work in progress. Every call for a run that
// has ended repeats it, since the invocation that wrote the manifest may have ended there.
// A held run keeps its work until it is accepted.
func (r *invocation) cleanUp(ctx context.Context, m Manifest) error {
	update := r.unnameLatest
	if m.effectiveState() == Done {
		update = r.nameLatest
	}
	if err := update(ctx, m); err != nil || m.effectiveState() == Held {
		return err
	}
	folder := r.objectName("") + "/"
	return deleteAll(ctx, r.store, folder, func(name string) bool {
		name = strings.TrimPrefix(name, folder)
		if strings.HasPrefix(name, "progress/") {
			return true
		}
		marked := strings.Contains(name, "."+string(Unproven)+".") || strings.Contains(name, "."+string(Held)+".") || name == resellersName
		return marked && !slices.ContainsFunc(m.Objects, func(o Object) bool { return o.Name == name }) // of an attempt that ended otherwise
	})
}

// deleteAll deletes the objects with a prefix whose names match.
func deleteAll(ctx context.Context, s store.Store, prefix string, match func(name string) bool) error {
	var names []string
	for object, err := range s.List(ctx, prefix) {
		if err != nil {
			return err
		}
		if match(object.Name) {
			names = append(names, object.Name)
		}
	}
	for _, name := range slices.Backward(names) { // the checkpoint, which says that there is more, goes last
		if err := retry(ctx, writeAttempts, func() error { return s.Delete(ctx, name) }); err != nil {
			return err
		}
	}
	return nil
}

// nameLatest makes latest.json name the run, unless it names a later run.
func (r *invocation) nameLatest(ctx context.Context, m Manifest) error {
	current, there, err := getOrZero[Latest](ctx, r.store, r.place.objectName(latestName))
	if err != nil {
		return err
	}
	if there && current.Run == m.Run && current.AsOf.Equal(m.AsOf) && current.Customers != "" {
		return nil
	}
	if there && checkRunID(current.Run) == nil && current.Run != m.Run {
		of, err := r.manifestOf(ctx, current.Run)
		if err != nil {
			return err
		}
		if of.effectiveState() == Done && of.effectiveTime(r.Zone).After(m.effectiveTime(r.Zone)) {
			return nil
		}
	}
	return r.putLatest(ctx, m)
}

// unnameLatest makes latest.json name the complete run before this one if it names this
// one, which was complete until it was made again.
func (r *invocation) unnameLatest(ctx context.Context, m Manifest) error {
	current, _, err := getOrZero[Latest](ctx, r.store, r.place.objectName(latestName))
	if err != nil || current.Run != m.Run {
		return err
	}
	ids, _, err := runs(ctx, r.store, r.place)
	if err != nil {
		return err
	}
	for _, id := range ids {
		other, err := r.manifestOf(ctx, id)
		if err != nil {
			return err
		}
		if other.effectiveState() == Done {
			return r.putLatest(ctx, other)
		}
	}
	return r.store.Delete(ctx, r.place.objectName(latestName))
}

func (r *invocation) putLatest(ctx context.Context, m Manifest) error {
	open := ""
	if object, has := m.object(openName); has {
		open = r.place.objectName(m.Run, object.Name)
	}
	return putJSON(ctx, r.store, r.place.objectName(latestName), Latest{
		Run: m.Run, AsOf: m.AsOf, Manifest: r.place.objectName(m.Run, manifestName), Customers: r.place.objectName(m.Run, named(customersName, m.effectiveState())),
		Open: open, Count: m.Count, Query: m.Query, Resellers: m.Resellers, Sample: m.Sample,
	})
}

// Retain deletes the runs of a function's account that are older than days, the oldest
// first, except the newest complete run, the newest that evaluated alerts, and the run
// that was requested. It deletes the manifest first: without it there is no run, even if
// the deletion is interrupted. It also deletes what such a deletion, or a run that did not
// end, left behind.
func Retain(ctx context.Context, s store.Store, function, account string, days int, requested string, now time.Time) (deleted []string, err error) {
	p := place{function, account}
	ids, folders, err := runs(ctx, s, p)
	if err != nil {
		return nil, err
	}
	newest, evaluated := "", ""
	for _, id := range ids {
		m, _, err := getOrZero[Manifest](ctx, s, p.objectName(id, manifestName))
		if err != nil {
			return nil, core.AsError(err)
		}
		if _, has := m.object(stateName); has && m.accepted() && evaluated == "" {
			evaluated = id
		}
		if m.Complete {
			if newest = id; evaluated == "" && m.PreviousState != nil {
				evaluated = *m.PreviousState // this run evaluated no alerts
			}
			break
		}
	}
	limit := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -days).Format(dayLayout)
	for _, id := range folders {
		if id == newest || newest == "" || id == evaluated || id == requested || dateOf(id) >= limit {
			continue
		}
		if err := s.Delete(ctx, p.objectName(id, manifestName)); err != nil {
			return deleted, core.AsError(err)
		}
		if err := deleteAll(ctx, s, p.folder()+id+"/", func(string) bool { return true }); err != nil {
			return deleted, core.AsError(err)
		}
		deleted = append(deleted, id)
	}
	return deleted, nil
}

// NewestComplete returns the newest complete run of a function's account; false if there
// is none.
func NewestComplete(ctx context.Context, s store.Store, function, account string) (Latest, bool, error) {
	newest, there, err := getOrZero[Latest](ctx, s, place{function, account}.objectName(latestName))
	return newest, there && checkRunID(newest.Run) == nil, err
}

// NewestManifest returns the manifest of an account's newest complete run; false if there
// is none.
func NewestManifest(ctx context.Context, s store.Store, function, account string) (m Manifest, complete bool, err error) {
	newest, there, err := NewestComplete(ctx, s, function, account)
	if err != nil || !there {
		return m, false, err
	}
	complete, err = getJSON(ctx, s, newest.Manifest, &m)
	return m, complete, err
}

// NewestRun returns the manifest of an account's newest run, whatever its state; false if
// there is none.
func NewestRun(ctx context.Context, s store.Store, function, account string) (m Manifest, there bool, err error) {
	p := place{function, account}
	ids, _, err := runs(ctx, s, p)
	if err != nil || len(ids) == 0 {
		return m, false, err
	}
	there, err = getJSON(ctx, s, p.objectName(ids[0], manifestName), &m)
	return m, there, err
}

// FirstStored returns the time of the oldest object of a function's account; zero if there
// is none.
func FirstStored(ctx context.Context, s store.Store, function, account string) (first time.Time, err error) {
	for object, err := range s.List(ctx, place{function, account}.folder()) {
		if err != nil {
			return time.Time{}, err
		}
		if first.IsZero() || object.Modified.Before(first) {
			first = object.Modified
		}
	}
	return first, nil
}
