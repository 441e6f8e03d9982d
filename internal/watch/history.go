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

// history is what was before a run.
type history struct {
	previous *Manifest // the newest complete run before it, whose customers it is compared with
	state    *Manifest // the newest published run before it, whose open alerts it goes on from
	held     *Manifest // the run just before it, where that one is held
	newer    bool      // there is a published run after it
}

// runs returns the runs of a place that have a manifest, the newest first; and
// beside them every folder there is, the oldest first.
func runs(ctx context.Context, s store.Store, p place) (ids, folders []string, err error) {
	for object, err := range s.List(ctx, p.folder()) {
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

// history looks for the runs that this one is compared with and goes on from, whatever
// their intervals and zones, with the objects that are needed of them as they were
// stored. What is damaged is treated as missing, with a warning.
func (r *run) history(ctx context.Context) (h history, err error) {
	ids, _, err := runs(ctx, r.store, r.place)
	if err != nil {
		return h, err
	}
	// A list may lack what was stored just before; getting it by name does not.
	newest, there, err := getOwn[Latest](ctx, r.store, r.place.latest())
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
		if first && m.state() == Held {
			h.held = &m
		}
		first = false
		if !m.published() {
			continue
		}
		// A run without a state did not evaluate alerts: what it saw is news to the next
		// one. Where a state is damaged no older one is taken, which would report again
		// what was reported since.
		if _, has := m.object(stateName); has && !evaluated {
			evaluated = true
			if h.state, err = r.usable(ctx, &m, stateName); err != nil {
				return h, err
			}
		}
		if h.previous == nil && m.state() == Done {
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

// earlier gives the runs that came to an end and are of an earlier moment than this one,
// or of the same, the newest first. It sets newer where a published run is of a later
// one. Names sort by time, except that a day's run may be read later than one of its
// hours, and that a day is another time in another zone.
func (r *run) earlier(ctx context.Context, ids []string, newer *bool) iter.Seq2[Manifest, error] {
	return func(yield func(Manifest, error) bool) {
		own := r.manifest()
		mine := own.moment(r.Zone)
		later := mine.Add(48 * time.Hour).Format(dayLayout) // a run of this date is after this one in every zone
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
				case !m.final() || !sameQuestion(m.Query, r.at.Query):
				case m.moment(r.Zone).After(mine):
					*newer = *newer || m.published()
				default:
					loaded = append(loaded, m)
				}
			}
			// What is left is of earlier dates, and so of no later moment than this, whatever
			// the zone was when it was made.
			bound, _ := Period(date, westernmost)
			slices.SortStableFunc(loaded, func(a, b Manifest) int { return b.moment(r.Zone).Compare(a.moment(r.Zone)) })
			for len(loaded) > 0 && (len(ids) == 0 || !loaded[0].moment(r.Zone).Before(bound)) {
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

// sameQuestion says whether two runs asked for customers of one kind. Which resellers'
// they asked for may differ: see Manifest.covers.
func sameQuestion(a, b core.Params) bool {
	without := func(p core.Params) core.Params {
		p = maps.Clone(p)
		delete(p, "reseller_id")
		return p
	}
	return maps.EqualFunc(without(a), without(b), slices.Equal)
}

// manifestOf returns the manifest of a run; the zero Manifest where there is none that
// can be used.
func (r *run) manifestOf(ctx context.Context, run string) (m Manifest, err error) {
	_, err = getJSON(ctx, r.store, r.place.object(run, manifestName), &m)
	if unreadable, err := r.unreadable(ctx, err); unreadable || err != nil {
		return Manifest{}, err
	}
	return m, nil
}

// usable returns m where an object of it is as it was stored, and nil where it is not.
func (r *run) usable(ctx context.Context, m *Manifest, name string) (*Manifest, error) {
	object, has := m.object(name)
	if !has {
		return nil, nil
	}
	err := verify(ctx, r.store, r.place.object(m.Run, object.Name), object)
	if unreadable, err := r.unreadable(ctx, err); unreadable || err != nil {
		return nil, err
	}
	return m, nil
}

// unreadable says whether an object of an earlier run cannot be used: it is damaged, or
// the store does not give it although it gives others. It warns of it. Any other failure
// is returned: the next call tries again.
func (r *run) unreadable(ctx context.Context, err error) (bool, error) {
	switch {
	case err == nil:
		return false, nil
	case errors.Is(err, errDamaged):
	case ctx.Err() != nil || r.holder == "" || r.holds(ctx) != nil:
		return false, err
	}
	r.warn(WarnUnreadable, core.AsError(err).Public()+"; it is treated as missing (docs/operate.md says how to repair it)")
	return true, nil
}

// tidy does what follows a manifest: latest.json, and nothing left of the work. It is
// done again at every call for a run that is done, since the one that wrote the manifest
// may have got no further. A run that is held keeps its work, for when it is accepted.
func (r *run) tidy(ctx context.Context, m Manifest) error {
	if m.state() == Held {
		return nil
	}
	if m.state() == Done {
		if err := r.nameLatest(ctx, m); err != nil {
			return err
		}
	}
	var stale []string // of the work, and of attempts that ended in another state
	for object, err := range r.store.List(ctx, r.object("")+"/") {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(object.Name, r.object("")+"/")
		other := strings.Contains(name, "."+string(Unproven)+".") || strings.Contains(name, "."+string(Held)+".")
		if strings.HasPrefix(name, "progress/") || other && !slices.ContainsFunc(m.Objects, func(o Object) bool { return o.Name == name }) {
			stale = append(stale, object.Name)
		}
	}
	for _, name := range stale {
		if err := r.store.Delete(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// nameLatest makes latest.json name the run, unless it names one of a later moment.
func (r *run) nameLatest(ctx context.Context, m Manifest) error {
	current, there, err := getOwn[Latest](ctx, r.store, r.place.latest())
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
		if of.state() == Done && of.moment(r.Zone).After(m.moment(r.Zone)) {
			return nil
		}
	}
	return putJSON(ctx, r.store, r.place.latest(), Latest{
		Run: m.Run, AsOf: m.AsOf, Manifest: r.object(manifestName), Customers: r.object(named(customersName, m.state())),
		Count: m.Count, Query: m.Query, Resellers: m.Resellers, Sample: m.Sample,
	})
}

// clearPrefix deletes all objects below a prefix.
func clearPrefix(ctx context.Context, s store.Store, prefix string) error {
	var names []string
	for object, err := range s.List(ctx, prefix) {
		if err != nil {
			return err
		}
		names = append(names, object.Name)
	}
	for _, name := range names {
		if err := s.Delete(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// Retain deletes the runs of a function's account that are older than so many
// days, the oldest first, and never the newest complete one, the newest that evaluated
// alerts, nor the one that was asked for just now. Of each the manifest goes
// first: without it there is no run, however far the deleting gets. What such a
// deletion, or a run that never came to its end, left behind goes too.
func Retain(ctx context.Context, s store.Store, function, account string, days int, asked string, now time.Time) (deleted []string, err error) {
	p := place{function, account}
	ids, folders, err := runs(ctx, s, p)
	if err != nil {
		return nil, err
	}
	newest, evaluated := "", ""
	for _, id := range ids {
		m, _, err := getOwn[Manifest](ctx, s, p.object(id, manifestName))
		if err != nil {
			return nil, core.AsError(err)
		}
		if _, has := m.object(stateName); has && m.published() && evaluated == "" {
			evaluated = id
		}
		if m.Complete {
			newest = id
			break
		}
	}
	limit := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -days).Format(dayLayout)
	for _, id := range folders {
		if id == newest || newest == "" || id == evaluated || id == asked || dateOf(id) >= limit {
			continue
		}
		if err := s.Delete(ctx, p.object(id, manifestName)); err != nil {
			return deleted, core.AsError(err)
		}
		if err := clearPrefix(ctx, s, p.folder()+id+"/"); err != nil {
			return deleted, core.AsError(err)
		}
		deleted = append(deleted, id)
	}
	return deleted, nil
}

// NewestComplete returns the newest complete run of a function's account; false where
// there is none.
func NewestComplete(ctx context.Context, s store.Store, function, account string) (Latest, bool, error) {
	newest, there, err := getOwn[Latest](ctx, s, place{function, account}.latest())
	return newest, there && checkRunID(newest.Run) == nil, err
}

// NewestManifest returns the manifest of an account's newest complete run; false where
// there is none.
func NewestManifest(ctx context.Context, s store.Store, function, account string) (m Manifest, complete bool, err error) {
	newest, there, err := NewestComplete(ctx, s, function, account)
	if err != nil || !there {
		return m, false, err
	}
	complete, err = getJSON(ctx, s, newest.Manifest, &m)
	return m, complete, err
}

// NewestRun returns the manifest of an account's newest run, whatever became of it; false
// where there is none.
func NewestRun(ctx context.Context, s store.Store, function, account string) (m Manifest, there bool, err error) {
	p := place{function, account}
	ids, _, err := runs(ctx, s, p)
	if err != nil || len(ids) == 0 {
		return m, false, err
	}
	there, err = getJSON(ctx, s, p.object(ids[0], manifestName), &m)
	return m, there, err
}

// FirstTried gives when the first of what is there of a function's account was stored;
// zero where there is nothing.
func FirstTried(ctx context.Context, s store.Store, function, account string) (first time.Time, err error) {
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
