package watch_test

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// compare returns the changes between two runs as lines, as changes.ndjson has them.
func (w *world) compare(from, to string) (lines []string, counts watch.ChangeCounts, warnings []string, err error) {
	var pair [2]*watch.Manifest
	for i, run := range []string{from, to} {
		all, _, _, err := watch.StoredRuns(context.Background(), w.store, "credit", "north", run, 0)
		if err != nil || len(all) != 1 {
			return nil, counts, nil, errors.Join(err, errors.New("not one run"))
		}
		pair[i] = &all[0]
	}
	counts, notes, err := watch.Compare(context.Background(), w.store, w.books.function(), pair[0], pair[1], func(c watch.Change, record core.Record) error {
		if record.ID() != c.CustomerID {
			return errors.New("another customer's record")
		}
		text, err := json.Marshal(c, json.Deterministic(true))
		lines = append(lines, string(text))
		return err
	})
	for _, note := range notes {
		warnings = append(warnings, note.Code)
	}
	return lines, counts, warnings, err
}

// The difference between a run and the one that it was compared with is its changes.ndjson; that
// between any two runs follows from their lists.
func TestCompareRuns(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	w := newWorld(newMemory(nil), 60)
	w.chats = map[string]*chat{}
	days := []string{"2026-11-21", "2026-11-22", "2026-11-23", "2026-11-24"}
	lists := make(map[string]map[int]int)
	for _, day := range days {
		for range 5 {
			delete(w.books.left, random.IntN(60))
			w.books.left[random.IntN(90)] = random.IntN(1000)
		}
		lists[day] = maps.Clone(w.books.left)
		if outcome := w.watch(t, day); outcome.State != watch.Done {
			t.Fatal(outcome.State)
		}
	}
	for i, from := range days {
		for j, to := range days {
			got, counts, warnings, err := w.compare(from, to)
			if err != nil || warnings != nil {
				t.Fatalf("%s to %s: %v, %v", from, to, err, warnings)
			}
			if j == i+1 {
				if want := strings.TrimSpace(get(t, w.store, folderOf(to)+"changes.ndjson")); strings.Join(got, "\n") != want {
					t.Errorf("%s to %s:\n%s\nwant\n%s", from, to, strings.Join(got, "\n"), want)
				}
			}
			var want watch.ChangeCounts
			for customer, left := range lists[to] {
				switch before, known := lists[from][customer]; {
				case !known:
					want.New++
				case before != left:
					want.Changed++
				}
			}
			for customer := range lists[from] {
				if _, there := lists[to][customer]; !there {
					want.Gone++
				}
			}
			if counts != want || len(got) != want.New+want.Gone+want.Changed {
				t.Errorf("%s to %s: %+v in %d lines, want %+v", from, to, counts, len(got), want)
			}
		}
	}
}

// What a list that is not proven lacks is neither new nor gone. A held run is compared and said
// to be held. A run without a list, or with a damaged one, is an error that names it.
func TestCompareOddRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(newMemory(nil), 60)
	w.watch(t, "2026-11-21")
	w.books.hidden = true // the list lacks customers, and the total counts them
	w.watch(t, "2026-11-22")
	w.books.hidden = false
	w.books.left = newBooks(20).left
	w.watch(t, "2026-11-23")
	for _, test := range []struct {
		from, to string
		counts   watch.ChangeCounts
		warnings []string
	}{
		{"2026-11-21", "2026-11-22", watch.ChangeCounts{}, []string{"run_unproven"}},
		{"2026-11-22", "2026-11-21", watch.ChangeCounts{}, []string{"run_unproven"}},
		{"2026-11-21", "2026-11-23", watch.ChangeCounts{Gone: 40}, []string{watch.WarnRunHeld}},
		{"2026-11-23", "2026-11-21", watch.ChangeCounts{New: 40}, []string{watch.WarnRunHeld}},
	} {
		if _, counts, warnings, err := w.compare(test.from, test.to); err != nil || counts != test.counts || !slices.Equal(warnings, test.warnings) {
			t.Errorf("%s to %s: %+v, %q, %v", test.from, test.to, counts, warnings, err)
		}
	}
	put(t, w.store, folderOf("2026-11-24")+"progress/checkpoint.json", `{"count":30}`)
	if _, _, _, err := w.compare("2026-11-21", "2026-11-24"); core.CodeOf(err) != core.CodeIncomplete {
		t.Error(err)
	}
	name := folderOf("2026-11-21") + "customers.ndjson.gz"
	put(t, w.store, name, packed("{}\n"))
	if _, _, _, err := w.compare("2026-11-21", "2026-11-23"); err == nil || !strings.Contains(err.Error(), name+" is damaged") {
		t.Error(err)
	}
	all, total, warnings, err := watch.StoredRuns(t.Context(), w.store, "", "north", "", 3)
	if err != nil || warnings != nil || len(all) != 3 || total != 4 || all[0].Run != "2026-11-24" || all[0].State != watch.GoingOn || all[0].Count != 30 {
		t.Errorf("%+v, %v, %v", all, warnings, err)
	}
}
