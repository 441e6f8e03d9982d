package watch_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/store"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// folderOf is the folder of a run's objects.
func folderOf(run string) string { return "runs/credit/north/" + run + "/" }

// rewrite changes the manifest of a run.
func rewrite(t tester, s store.Store, run string, change func(*watch.Manifest)) {
	t.Helper()
	m := manifestOf(t, s, run)
	change(&m)
	text, err := core.AppendJSON(nil, m)
	if err != nil {
		t.Fatalf("%v", err)
	}
	put(t, s, folderOf(run)+"manifest.json", string(text))
}

// without removes an object from a run, as a version that does not write it leaves the run.
func without(t tester, s store.Store, run, name string) {
	t.Helper()
	rewrite(t, s, run, func(m *watch.Manifest) {
		m.Objects = slices.DeleteFunc(m.Objects, func(o watch.Object) bool { return o.Name == name })
	})
	if err := s.Delete(context.Background(), folderOf(run)+name); err != nil {
		t.Fatalf("%v", err)
	}
}

func readOpen(s store.Store, at string) (watch.OpenConditions, error) {
	now, _ := watch.Period(at, core.VendorZone)
	return watch.ReadOpen(context.Background(), s, "credit", "north", now.Add(12*time.Hour), func(alert.Alert) bool { return true })
}

// TestReadOpen makes runs of every state and reads the open conditions after them.
func TestReadOpen(t *testing.T) {
	t.Parallel()
	low := func(w *world, customers ...int) {
		for _, i := range customers {
			w.books.left[i] = 50
		}
	}
	for _, test := range []struct {
		name string
		make func(t *testing.T, w *world)
		run  string // whose conditions are read
		open []int  // the customers of them
		warn []string
		says string // of the error
	}{
		{name: "no run", make: func(*testing.T, *world) {}, says: "no run of the account has been completed yet"},
		{name: "a first run", run: "2026-11-22", open: []int{4}, make: func(t *testing.T, w *world) {
			low(w, 4)
			w.watch(t, "2026-11-22")
		}},
		{name: "the newest of three", run: "2026-11-24", open: []int{4, 5, 6}, make: func(t *testing.T, w *world) {
			for i, run := range []string{"2026-11-22", "2026-11-23", "2026-11-24"} {
				low(w, 4+i)
				w.watch(t, run)
			}
		}},
		{name: "an unproven run", run: "2026-11-23", open: []int{4, 5}, make: func(t *testing.T, w *world) {
			low(w, 4)
			w.watch(t, "2026-11-22")
			low(w, 5)
			w.books.lie = 3
			w.watch(t, "2026-11-23")
		}},
		{name: "a held run", run: "2026-11-22", open: []int{4}, warn: []string{watch.WarnRunHeld}, make: func(t *testing.T, w *world) {
			low(w, 4)
			w.watch(t, "2026-11-22")
			w.books.answer(newBooks(0))
			w.watch(t, "2026-11-23")
		}},
		{name: "a held run before it", run: "2026-11-24", open: []int{4}, make: func(t *testing.T, w *world) {
			low(w, 4)
			w.watch(t, "2026-11-22")
			w.books.answer(newBooks(0))
			w.watch(t, "2026-11-23")
			w.books.answer(nil)
			w.watch(t, "2026-11-24")
		}},
		{name: "a held hour before it", run: "2026-11-22T05", open: []int{4}, make: func(t *testing.T, w *world) {
			low(w, 4)
			w.watch(t, "2026-11-22T03")
			w.books.answer(newBooks(0))
			w.watch(t, "2026-11-22T04")
			w.books.answer(nil)
			w.watch(t, "2026-11-22T05")
		}},
		{name: "a run without rules", run: "2026-11-22", open: []int{4}, warn: []string{watch.WarnRunUnevaluated}, make: func(t *testing.T, w *world) {
			low(w, 4)
			w.watch(t, "2026-11-22")
			low(w, 5)
			w.partial = alert.Config{NoRules: true, Err: &core.Error{Code: core.CodeMisconfigured}}
			w.watch(t, "2026-11-23")
		}},
		{name: "only a run without rules", says: "the run 2026-11-23 evaluated no alerts", make: func(t *testing.T, w *world) {
			w.partial = alert.Config{NoRules: true, Err: &core.Error{Code: core.CodeMisconfigured}}
			w.watch(t, "2026-11-23")
		}},
		{name: "a run of an earlier version", says: "the run 2026-11-23 was made by version test, which did not store open conditions", make: func(t *testing.T, w *world) {
			w.watch(t, "2026-11-22")
			w.watch(t, "2026-11-23")
			without(t, w.store, "2026-11-23", "open.json")
		}},
		{name: "a run that was read late", run: "2026-11-23", open: []int{4}, make: func(t *testing.T, w *world) {
			low(w, 4)
			w.watch(t, "2026-11-23")
			low(w, 5)
			w.change = func(job *watch.Job) {
				at := job.Now().AddDate(0, 0, 2)
				job.Now = func() time.Time { return at }
			}
			w.watch(t, "2026-11-22")
		}},
		{name: "a day's run after runs of its hours", run: "2026-11-22", open: []int{4, 5}, make: func(t *testing.T, w *world) {
			low(w, 4)
			w.watch(t, "2026-11-22T03")
			w.watch(t, "2026-11-22T04")
			low(w, 5)
			w.books.lie = 3 // latest.json stays with the hour
			w.watch(t, "2026-11-22")
		}},
		{name: "a lost latest.json", run: "2026-11-23", open: []int{4}, make: func(t *testing.T, w *world) {
			w.watch(t, "2026-11-22")
			low(w, 4)
			w.watch(t, "2026-11-23")
			_ = w.store.Delete(context.Background(), "runs/credit/north/latest.json")
		}},
		{name: "a latest.json long ago", run: "2026-11-22", open: []int{4}, make: func(t *testing.T, w *world) {
			w.watch(t, "2026-09-01")
			low(w, 4)
			w.books.lie = 3
			w.watch(t, "2026-11-22")
		}},
		{name: "a damaged latest.json", run: "2026-11-23", make: func(t *testing.T, w *world) {
			w.watch(t, "2026-11-23")
			put(t, w.store, "runs/credit/north/latest.json", "{")
		}},
		{name: "a damaged open.json", says: "open.json is damaged: its checksum is not the manifest's", make: func(t *testing.T, w *world) {
			low(w, 4)
			w.watch(t, "2026-11-22")
			w.watch(t, "2026-11-23")
			put(t, w.store, folderOf("2026-11-23")+"open.json", strings.Replace(get(t, w.store, folderOf("2026-11-23")+"open.json"), `"50"`, `"51"`, 1))
		}},
		{name: "a short open.json", says: "open.json is damaged: it has 12 bytes", make: func(t *testing.T, w *world) {
			low(w, 4)
			w.watch(t, "2026-11-22")
			put(t, w.store, folderOf("2026-11-22")+"open.json", get(t, w.store, folderOf("2026-11-22")+"open.json")[:12])
		}},
		{name: "a missing open.json", says: "open.json is damaged: it is missing", make: func(t *testing.T, w *world) {
			w.watch(t, "2026-11-22")
			_ = w.store.Delete(context.Background(), folderOf("2026-11-22")+"open.json")
		}},
		{name: "a damaged manifest", says: "2026-11-23/manifest.json is damaged", make: func(t *testing.T, w *world) {
			w.watch(t, "2026-11-22")
			w.watch(t, "2026-11-23")
			put(t, w.store, folderOf("2026-11-23")+"manifest.json", "{")
		}},
		{name: "a manifest of another run", says: "2026-11-23/manifest.json is damaged: it is of another run", make: func(t *testing.T, w *world) {
			w.watch(t, "2026-11-22")
			w.watch(t, "2026-11-23")
			put(t, w.store, folderOf("2026-11-23")+"manifest.json", get(t, w.store, folderOf("2026-11-22")+"manifest.json"))
		}},
		{name: "another schema", says: "open.json has another schema than partnerlens.open/v1", make: func(t *testing.T, w *world) {
			w.watch(t, "2026-11-22")
			replaceOpen(t, w.store, "2026-11-22", `{"schema":"partnerlens.open/v2","alerts":[]}`)
		}},
		{name: "a manifest for what is no JSON", says: "it is not the JSON that was stored", make: func(t *testing.T, w *world) {
			w.watch(t, "2026-11-22")
			replaceOpen(t, w.store, "2026-11-22", `{"schema":"partnerlens.open/v1","alerts":[{}`)
		}},
	} {
		bubble(t, test.name, func(t *testing.T) {
			w := newWorld(newMemory(nil), 30)
			test.make(t, w)
			got, err := readOpen(w.store, "2026-11-24")
			if test.says != "" {
				if err == nil || !strings.Contains(core.AsError(err).Public(), test.says) {
					t.Errorf("the error is %v, want %q", err, test.says)
				}
				if noRun := errors.Is(err, watch.ErrNoRun); noRun != (test.name == "no run") {
					t.Errorf("ErrNoRun: %t", noRun)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var ids, want, codes []string
			for _, a := range got.Alerts {
				ids = append(ids, a.CustomerID)
			}
			for _, i := range test.open {
				want = append(want, idOf(i))
			}
			for _, warning := range got.Warnings {
				codes = append(codes, warning.Code)
			}
			slices.Sort(want)
			if got.Manifest.Run != test.run || !slices.Equal(ids, want) || !slices.Equal(codes, test.warn) {
				t.Errorf("read %v of %s, warned of %v; want %v of %s, and %v", ids, got.Manifest.Run, codes, want, test.run, test.warn)
			}
		})
	}
}

// replaceOpen stores a text as open.json of a run, with its checksum.
func replaceOpen(t tester, s store.Store, run, text string) {
	t.Helper()
	put(t, s, folderOf(run)+"open.json", text)
	rewrite(t, s, run, func(m *watch.Manifest) { setObject(m, "open.json", text) })
}

func setObject(m *watch.Manifest, name, text string) {
	sum := sha256.Sum256([]byte(text))
	for i := range m.Objects {
		if m.Objects[i].Name == name {
			m.Objects[i].Bytes, m.Objects[i].SHA256 = int64(len(text)), hex.EncodeToString(sum[:])
		}
	}
}

// TestReadOpenKeeps reads those that a filter accepts.
func TestReadOpenKeeps(t *testing.T) {
	t.Parallel()
	w := newWorld(newMemory(nil), 30)
	for i := range 30 {
		w.books.left[i] = 50 - 10*i
	}
	w.watch(t, "2026-11-22")
	now, _ := watch.Period("2026-11-23", core.VendorZone)
	got, err := watch.ReadOpen(t.Context(), w.store, "credit", "north", now, func(a alert.Alert) bool { return a.Kind == alert.CreditOverdrawn })
	if err != nil || len(got.Alerts) != 24 {
		t.Fatalf("%d conditions, %v", len(got.Alerts), err)
	}
	slices.SortFunc(got.Alerts, watch.CompareOpen)
	for i, a := range got.Alerts {
		if want := fmt.Sprint(50 - 10*(29-i)); a.Remaining != want {
			t.Errorf("number %d has %s left, want %s", i, a.Remaining, want)
		}
	}
}

// TestReadOpenOfAStoreThatFails makes each operation of the store fail: the conditions are
// all there, or there is an error.
func TestReadOpenOfAStoreThatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(newMemory(nil), 30)
	w.books.left[4] = 50
	w.watch(t, "2026-11-22")
	w.watch(t, "2026-11-23")
	for n := range 12 {
		bubble(t, fmt.Sprint("operation ", n), func(t *testing.T) {
			failing := &failsOnce{Store: w.store, at: n}
			got, err := readOpen(failing, "2026-11-23")
			if err != nil && core.CodeOf(err) != core.CodeDenied || err == nil && (len(got.Alerts) != 1 || n < failing.n) {
				t.Errorf("%d of %d operations: %d conditions, %v", n, failing.n, len(got.Alerts), err)
			}
		})
	}
}

// failsOnce is a store of which one operation fails.
type failsOnce struct {
	store.Store
	at, n int
}

func (f *failsOnce) fails() error {
	if f.n++; f.n-1 == f.at {
		return &core.Error{Code: core.CodeDenied, Detail: "refused"}
	}
	return nil
}

func (f *failsOnce) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := f.fails(); err != nil {
		return nil, err
	}
	return f.Store.Get(ctx, name)
}

// FuzzReadOpen reads anything as open.json, with a manifest that has its checksum.
func FuzzReadOpen(f *testing.F) {
	f.Add(`{"schema":"partnerlens.open/v1","alerts":[]}`)
	f.Add(`{"schema":"partnerlens.open/v1","proven":false,"alerts":[{"id":"a","kind":"credit_low","severity":"warning","account":"north","customer_id":"1","days_left":3,"since":"2026-11-22T00:00:00Z","seen":false}]}`)
	f.Add(`{"alerts":[{"customer_id":"1"}],"schema":"partnerlens.open/v1","more":{"alerts":[1]}}`)
	f.Add(`{"schema":"partnerlens.open/v1","alerts":null}`)
	f.Add(`[]`)
	w := newWorld(newMemory(nil), 3)
	w.watch(f, "2026-11-22")
	f.Fuzz(func(t *testing.T, text string) {
		s := newMemory(w.store.(*memory))
		replaceOpen(t, s, "2026-11-22", text)
		got, err := readOpen(s, "2026-11-22")
		var want struct {
			Schema string
			Alerts []struct {
				CustomerID string `json:"customer_id"`
			}
		}
		valid := json.Unmarshal([]byte(text), &want) == nil && want.Schema == "partnerlens.open/v1"
		switch {
		case err != nil && core.CodeOf(err) != core.CodeUpstream:
			t.Fatalf("%v", err)
		case err == nil && (!valid || len(got.Alerts) != len(want.Alerts)):
			t.Fatalf("%q has %d conditions", text, len(got.Alerts))
		}
	})
}
