package watch_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// A list that shrank beyond the limits is held until the next run confirms it or not.
func TestShrunkenLists(t *testing.T) {
	t.Parallel()
	without := func(n int) func(*books) { // the first n customers
		return func(b *books) {
			for i := range n {
				delete(b.left, i)
			}
		}
	}
	for _, test := range []struct {
		name      string
		customers int
		days      []func(*books) // changes the list on the days after the first
		states    string
		last      watch.ChangeCounts // of the last day, since the run that it is compared with
		previous  string             // the date that it is compared with
	}{
		{"an empty day", 30, []func(*books){without(30), without(0)}, "held done", watch.ChangeCounts{}, "2026-11-20"},
		{"another partner's key", 30, []func(*books){func(b *books) { b.shift = 1000 }, without(0)}, "held done", watch.ChangeCounts{}, "2026-11-20"},
		{"empty twice", 30, []func(*books){without(30), without(30)}, "held done", watch.ChangeCounts{Gone: 30}, "2026-11-20"},
		{"another partner's key twice", 30, []func(*books){func(b *books) { b.shift = 1000 }, func(b *books) { b.shift = 1000 }}, "held done", watch.ChangeCounts{Gone: 30, New: 30}, "2026-11-20"},
		{"small twice, and not the same", 30, []func(*books){without(30), without(29)}, "held held", watch.ChangeCounts{}, ""},
		{"two other partners' keys", 30, []func(*books){func(b *books) { b.shift = 1000 }, func(b *books) { b.shift = 5000 }}, "held held", watch.ChangeCounts{}, ""},
		{"the same and a newcomer", 60, []func(*books){without(20), func(b *books) { without(20)(b); b.left[999] = 500 }}, "held done", watch.ChangeCounts{Gone: 20, New: 1}, "2026-11-20"},
		{"empty, well, and empty", 30, []func(*books){without(30), without(0), without(30)}, "held done held", watch.ChangeCounts{}, ""},
		{"ten of thirty", 30, []func(*books){without(10)}, "done", watch.ChangeCounts{Gone: 10}, "2026-11-20"},
		{"eleven of thirty", 30, []func(*books){without(11)}, "held", watch.ChangeCounts{}, ""},
		{"a fifth of a hundred", 100, []func(*books){without(20)}, "done", watch.ChangeCounts{Gone: 20}, "2026-11-20"},
		{"more than a fifth of a hundred", 100, []func(*books){without(21)}, "held", watch.ChangeCounts{}, ""},
		{"many more", 30, []func(*books){func(b *books) {
			for i := range 200 {
				b.left[1000+i] = 500
			}
		}}, "done", watch.ChangeCounts{New: 200}, "2026-11-20"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(newMemory(nil), test.customers)
			w.watch(t, "2026-11-20")
			before := objects(t, w.store)
			var states []string
			var last watch.Manifest
			for i, change := range test.days {
				well := w.books
				w.books = well.clone()
				change(w.books)
				run := fmt.Sprintf("2026-11-%d", 21+i)
				outcome := w.watch(t, run)
				w.books = well
				last = outcome.Manifest
				states = append(states, string(outcome.State))
				if outcome.State != watch.Held {
					continue
				}
				if last.Complete || !last.Proven || last.Held == nil || last.Changes != (watch.ChangeCounts{}) || len(last.Alerts) > 0 || !exists(w.store, "runs/credit/north/"+run+"/customers.held.csv") {
					t.Errorf("%+v", last)
				}
				if i == 0 && get(t, w.store, "runs/credit/north/latest.json") != before["runs/credit/north/latest.json"] {
					t.Error("latest.json names another run")
				}
				for name := range objects(t, w.store) {
					if strings.Contains(name, run+"/customers.csv") || strings.Contains(name, run+"/state") || strings.Contains(name, run+"/alerts") {
						t.Errorf("there is %s", name)
					}
				}
			}
			if got := strings.Join(states, " "); got != test.states || last.Changes != test.last || last.State == watch.Done && *last.Previous != test.previous {
				t.Errorf("%s, %+v", got, last)
			}
			// Each held run delivers one line, and no alert about a customer.
			held := 0
			for _, m := range w.chats["ops"].taken {
				if m.Data.Held != nil {
					held++
					if len(m.Data.Alerts) > 0 || m.Data.Held.Known != test.customers {
						t.Errorf("%+v", m)
					}
				}
			}
			if held != strings.Count(test.states, "held") {
				t.Errorf("%d lines of held runs", held)
			}
		})
	}
}

// A held run stays as it is until it is accepted; then it is compared and reported.
func TestAccept(t *testing.T) {
	t.Parallel()
	for _, before := range []bool{false, true} { // the list is read with --accept, or held before
		w := newWorld(newMemory(nil), 30)
		w.watch(t, "2026-11-20")
		w.books.left = map[int]int{3: -5}
		if !before {
			for range 2 {
				if outcome := w.watch(t, "2026-11-21"); outcome.State != watch.Held {
					t.Fatal(outcome.State)
				}
			}
			w.books.left = newBooks(30).left // it is not read again
		}
		w.change = func(job *watch.Job) { job.Accept = true }
		outcome := w.watch(t, "2026-11-21")
		m := outcome.Manifest
		if outcome.State != watch.Done || !m.Complete || m.Changes != (watch.ChangeCounts{Gone: 29, Changed: 1}) || m.Alerts["customer_gone"] != 29 || m.Alerts["credit_overdrawn"] != 1 || m.Held.Missing != 29 {
			t.Errorf("%s, %+v", outcome.State, m)
		}
		taken := w.chats["ops"].taken
		if last := taken[len(taken)-1]; len(last.Data.Alerts) != 30 || last.ID == taken[len(taken)-2].ID {
			t.Errorf("%q", w.chats["ops"].said())
		}
		w.change = nil
		if w.watch(t, "2026-11-21").State != watch.Already {
			t.Error("not done")
		}
		for name := range objects(t, w.store) {
			if strings.Contains(name, ".held.") || strings.Contains(name, "progress") {
				t.Errorf("%s is left", name)
			}
		}
		if newest := parse[watch.Latest](t, get(t, w.store, "runs/credit/north/latest.json")); newest.Run != "2026-11-21" {
			t.Errorf("%+v", newest)
		}
	}
}

// Settings decide which lists are held.
func TestHoldSettings(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		percent, count int
		want           watch.State
	}{
		{0, 0, watch.Held}, {50, 0, watch.Done}, {49, 0, watch.Held}, {0, 15, watch.Done}, {0, 14, watch.Held}, {100, 1, watch.Done},
	} {
		w := newWorld(newMemory(nil), 30)
		w.change = func(job *watch.Job) { job.HoldPercent, job.HoldCount = test.percent, test.count }
		w.watch(t, "2026-11-20")
		for i := range 15 {
			delete(w.books.left, i)
		}
		if got := w.watch(t, "2026-11-21").State; got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
}

// Whichever operation fails while a run is held or accepted, it ends with the bytes of an
// undisturbed run.
func TestEveryOperationMayFailWhileHeld(t *testing.T) {
	t.Parallel()
	base := newWorld(newMemory(nil), 30)
	base.watch(t, "2026-11-20")
	yesterday := base.store.(*memory)
	base.books.left = map[int]int{3: -5}
	accept := func(job *watch.Job) { job.Accept = true }
	calm := base.on(newMemory(yesterday))
	under := calm.store
	var operations atomic.Int32
	calm.store = shaky(under, math.MaxInt, false, false, &operations)
	calm.watch(t, "2026-11-21")
	held := int(operations.Load())
	calm.change = accept
	calm.watch(t, "2026-11-21")
	want, said := objects(t, under), calm.chats["ops"].said()
	for _, mode := range modes[2:] {
		for at := range some(int(operations.Load())) {
			bubble(t, fmt.Sprintf("%+v/%d", mode, at), func(t *testing.T) {
				w := base.on(newMemory(yesterday))
				s := w.store
				var n atomic.Int32
				if at <= held {
					w.store = shaky(s, at, mode.after, mode.gone, &n)
				}
				_, _ = w.call(t.Context(), "2026-11-21")
				w.store = s
				w.watch(t, "2026-11-21")
				if at > held {
					w.store = shaky(s, at-held, mode.after, mode.gone, &n)
				}
				w.change = accept
				_, _ = w.call(t.Context(), "2026-11-21")
				w.store = s
				w.watch(t, "2026-11-21")
				w.watch(t, "2026-11-21")
				same(t, s, want)
				once(t, w.chats["ops"], said)
			})
		}
	}
}

// A list that is not proven is held only if it also has as many unknown customers.
func TestUnprovenAndShrunken(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*books)
		want   watch.State
	}{
		"half of it":    {func(b *books) { b.lie = 15; b.left = newBooks(15).left }, watch.Unproven},
		"another's":     {func(b *books) { b.lie = 3; b.shift = 1000 }, watch.Held},
		"nearly all":    {func(b *books) { b.hidden = true }, watch.Unproven},
		"counted wrong": {func(b *books) { b.lie = 3 }, watch.Unproven},
	} {
		w := newWorld(newMemory(nil), 30)
		w.watch(t, "2026-11-20")
		test.change(w.books)
		if outcome := w.watch(t, "2026-11-21"); outcome.State != test.want || outcome.Manifest.Proven {
			t.Errorf("%s: %s", name, outcome.State)
		}
	}
}

// The digest of a held list that is not proven does not claim that it is.
func TestHeldDigestOfAnUnprovenList(t *testing.T) {
	t.Parallel()
	for _, lie := range []int{0, 3} {
		w := newWorld(newMemory(nil), 57)
		w.watch(t, "2026-11-20")
		w.books.shift, w.books.lie = 1000, lie
		w.change = func(job *watch.Job) { job.Attempts = 1 }
		if outcome := w.watch(t, "2026-11-21"); outcome.State != watch.Held {
			t.Fatalf("lie %d: %s, want held", lie, outcome.State)
		}
		taken := w.chats["ops"].taken
		if digest := taken[len(taken)-1].Data; digest.Held == nil || digest.Proven != (lie == 0) {
			t.Errorf("lie %d: held %v, proven %t", lie, digest.Held, digest.Proven)
		}
	}
}

// The digest of a held run names no customer, in any language.
func TestHeldDigestsAreOneLine(t *testing.T) {
	t.Parallel()
	w := newWorld(newMemory(nil), 30)
	w.watch(t, "2026-11-20")
	w.books.left = map[int]int{}
	var digests []*alert.Digest
	w.change = func(job *watch.Job) { job.Digest = func(d *alert.Digest) { digests = append(digests, d) } }
	w.watch(t, "2026-11-21")
	if len(digests) != 1 {
		t.Fatalf("%d digests", len(digests))
	}
	for _, language := range []string{alert.English, alert.Chinese} {
		lines := strings.Split(digests[0].Text(language, 50), "\n")
		if len(lines) != 3 || !strings.Contains(lines[1], "30") || !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, "watch --accept --run 2026-11-21") }) {
			t.Errorf("%q", lines)
		}
	}
}

// A second reading within half an hour, as of a past day just before today's, does not
// confirm the first.
func TestHeldReadingsAreApart(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		apart time.Duration
		want  watch.State
	}{{time.Second, watch.Held}, {29 * time.Minute, watch.Held}, {30 * time.Minute, watch.Done}} {
		w := newWorld(newMemory(nil), 30)
		w.watch(t, "2026-11-20")
		w.books.left = map[int]int{}
		start, _ := watch.Period("2026-11-22", core.VendorZone)
		at := start.Add(6 * time.Hour)
		w.change = func(job *watch.Job) { job.Now = func() time.Time { return at } }
		if outcome := w.watch(t, "2026-11-21"); outcome.State != watch.Held || !outcome.Manifest.ReadLate {
			t.Errorf("%s", outcome.State)
		}
		at = at.Add(test.apart)
		if outcome := w.watch(t, "2026-11-22"); outcome.State != test.want {
			t.Errorf("%s apart: %s, want %s", test.apart, outcome.State, test.want)
		}
	}
}

// Only the held list is accepted: not one that an interrupted call with Force has begun
// to read since.
func TestAcceptAfterAnInterruptedForce(t *testing.T) {
	t.Parallel()
	base := newWorld(newMemory(nil), 80)
	base.watch(t, "2026-11-20")
	lacking := func(first int) map[int]int {
		left := make(map[int]int)
		for i := first; i < 80; i++ {
			left[i] = 100
		}
		return left
	}
	base.books.left = lacking(30)
	if outcome := base.watch(t, "2026-11-21"); outcome.State != watch.Held {
		t.Fatal(outcome.State)
	}
	held := base.store.(*memory)
	unseen := 0
	for at, reached := 1, true; reached; at++ {
		synctest.Test(t, func(t *testing.T) {
			w := base.on(newMemory(held))
			w.books.left = lacking(40)
			w.change = func(job *watch.Job) { job.Force = true }
			s := w.store
			var n atomic.Int32
			w.store = shaky(s, at, false, true, &n)
			_, err := w.call(t.Context(), "2026-11-21")
			reached = err != nil
			w.store = s
			shown, _, err := watch.NewestRun(t.Context(), s, "credit", "north")
			if err != nil {
				t.Fatal(err)
			}
			w.change = func(job *watch.Job) { job.Accept = true }
			outcome := w.watch(t, "2026-11-21")
			if outcome.State == watch.Held {
				unseen++
			} else if shown.State == watch.Held && outcome.Manifest.Count != shown.Count {
				t.Errorf("after operation %d of a call with Force failed, a list of %d is accepted, and the held one has %d", at, outcome.Manifest.Count, shown.Count)
			}
		})
	}
	if unseen == 0 {
		t.Error("no call was interrupted while it read")
	}
}
