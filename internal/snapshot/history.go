package snapshot

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"partnerlens/internal/snapshot/store"
	"partnerlens/pkg/core"
)

// runs gives the runs of a place that have a manifest, the newest first; and
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

// previous gives the newest complete run before this one that it can be compared
// with: of the same kind, a day or an hour; of the same question, since a run of more
// resellers has customers who are not new; and with its customers still there. nil:
// there is none.
func (r *run) previous(ctx context.Context) (*string, error) {
	ids, _, err := runs(ctx, r.store, r.place)
	if err != nil {
		return nil, err
	}
	// A list may lack what was stored just before; getting it by name does not.
	var newest latest
	if there, err := getJSON(ctx, r.store, r.place.latest(), &newest); err != nil {
		return nil, err
	} else if there && checkRunID(newest.Run) == nil && !slices.Contains(ids, newest.Run) {
		ids = append(ids, newest.Run)
		slices.Sort(ids)
		slices.Reverse(ids)
	}
	for _, id := range ids {
		if id >= r.Run || len(id) != len(r.Run) {
			continue
		}
		m, err := manifestOf(ctx, r.store, r.place, id)
		if err != nil {
			return nil, err
		}
		if !m.Complete || !maps.EqualFunc(m.Query, r.at.Query, slices.Equal) {
			continue
		}
		body, err := r.store.Get(ctx, r.place.object(id, customersName))
		switch {
		case core.CodeOf(err) == core.CodeNotFound:
			continue
		case err != nil:
			return nil, err
		}
		body.Close()
		return &id, nil
	}
	return nil, nil
}

// newer says whether there is a complete run after this one.
func (r *run) newer(ctx context.Context) (bool, error) {
	var newest latest
	_, err := getJSON(ctx, r.store, r.place.latest(), &newest)
	return newest.Run > r.Run, err
}

func manifestOf(ctx context.Context, s store.Store, p place, run string) (Manifest, error) {
	var m Manifest
	_, err := getJSON(ctx, s, p.object(run, manifestName), &m)
	return m, err
}

// tidy does what follows a manifest: latest.json, and nothing left of the work.
// It is done again at every call for a run that is done, since the one that wrote the
// manifest may have got no further.
func (r *run) tidy(ctx context.Context, m Manifest) error {
	var newest latest
	if _, err := getJSON(ctx, r.store, r.place.latest(), &newest); err != nil {
		return err
	}
	if newest.Run < r.Run {
		err := putJSON(ctx, r.store, r.place.latest(), latest{r.Run, m.AsOf, r.object(manifestName)})
		if err != nil {
			return err
		}
	}
	return r.clear(ctx, r.object("progress")+"/")
}

// clear deletes all objects below a prefix.
func (r *run) clear(ctx context.Context, prefix string) error {
	return clearPrefix(ctx, r.store, prefix)
}

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
// days, the oldest first, and never the newest complete one, nor the one that was asked
// for just now. Of each the manifest goes
// first: without it there is no run, however far the deleting gets. What such a
// deletion, or a run that never came to its end, left behind goes too.
func Retain(ctx context.Context, s store.Store, function, account string, days int, asked string, now time.Time) (deleted []string, err error) {
	p := place{function, account}
	ids, folders, err := runs(ctx, s, p)
	if err != nil {
		return nil, err
	}
	newest := ""
	for _, id := range ids {
		m, err := manifestOf(ctx, s, p, id)
		if err != nil {
			return nil, core.AsError(err)
		}
		if m.Complete {
			newest = id
			break
		}
	}
	limit := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -days)
	for _, id := range folders {
		day, _ := dayOf(id)
		if id == newest || newest == "" || id == asked || !day.Before(limit) {
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

// Latest gives the newest complete run of a function's account; false where there
// is none.
func Latest(ctx context.Context, s store.Store, function, account string) (Manifest, bool, error) {
	p := place{function, account}
	var newest latest
	there, err := getJSON(ctx, s, p.latest(), &newest)
	if err != nil || !there {
		return Manifest{}, false, err
	}
	m, err := manifestOf(ctx, s, p, newest.Run)
	return m, err == nil && m.Complete, err
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
