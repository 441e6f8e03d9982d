package watch_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// A list that cannot be proven is published and marked: alerts about the customers seen are
// delivered, no customer is reported as gone, and the next proven run goes on from both runs.
func TestUnproven(t *testing.T) {
	t.Parallel()
	w := newWorld(folder(t), 57)
	w.watch(t, "2026-11-20")
	ops := w.chats["ops"]
	ops.taken = nil

	// Day 1: the count is always off. One customer runs low, one is new, one is not seen.
	w.books.lie = 3
	w.books.left[20], w.books.left[99] = 50, 500
	delete(w.books.left, 3)
	outcome := w.watch(t, "2026-11-21")
	m := outcome.Manifest
	if outcome.State != watch.Unproven || m.Complete || m.Proven || m.Count != 57 || *m.Total != 60 || *m.Previous != "2026-11-20" || m.Attempts != 3 ||
		m.Changes != (watch.ChangeCounts{New: 1, Changed: 1}) || m.Alerts["customer_gone"] > 0 || !slices.ContainsFunc(m.Warnings, func(w core.Warning) bool { return w.Code == core.WarnTotalMismatch }) {
		t.Fatalf("%s, %+v", outcome.State, m)
	}
	if got := ops.said(); !slices.Equal(got, []string{"2026-11-21 credit_low customer_new"}) || ops.taken[0].Data.Proven || *ops.taken[0].Data.Counted != 60 || ops.taken[0].Data.Customers != 57 {
		t.Errorf("said %q, %+v", got, ops.taken)
	}
	all := objects(t, w.store)
	for _, name := range []string{"customers.unproven.ndjson.gz", "customers.unproven.csv", "changes.unproven.ndjson"} {
		if _, is := all["runs/credit/north/2026-11-21/"+name]; !is {
			t.Errorf("there is no %s", name)
		}
	}
	for _, name := range []string{"customers.ndjson.gz", "customers.csv", "changes.ndjson"} {
		if _, is := all["runs/credit/north/2026-11-21/"+name]; is {
			t.Errorf("a reader would take %s for a proven list", name)
		}
	}
	if !strings.Contains(all["runs/credit/north/2026-11-21/alerts.json"], `"proven":false`) || !strings.Contains(all["runs/credit/north/latest.json"], `"run":"2026-11-20"`) {
		t.Errorf("%s\n%s", all["runs/credit/north/2026-11-21/alerts.json"], all["runs/credit/north/latest.json"])
	}
	calls := w.books.calls.Load()
	if again := w.watch(t, "2026-11-21"); again.State != watch.Unproven || w.books.calls.Load() != calls || len(ops.taken) != 1 {
		t.Errorf("again: %s", again.State)
	}

	// Day 2, proven: compared with the last proven list; nothing is reported
	// again, and the customer that was not seen is gone.
	w.books.lie = 0
	w.books.left[30] = -1
	m = w.watch(t, "2026-11-22").Manifest
	if *m.Previous != "2026-11-20" || *m.PreviousState != "2026-11-21" || m.Changes != (watch.ChangeCounts{New: 1, Gone: 1, Changed: 2}) {
		t.Errorf("%+v", m)
	}
	if got := ops.said()[1:]; !slices.Equal(got, []string{"2026-11-22 credit_overdrawn customer_gone"}) {
		t.Errorf("said %q", got)
	}
}

// The state of a customer that is not on an unproven list is kept.
func TestAbsentCustomersKeepTheirState(t *testing.T) {
	t.Parallel()
	w := newWorld(newMemory(nil), 57)
	w.books.left[3], w.books.left[4] = 500, 500
	w.watch(t, "2026-11-19")
	w.books.left[3], w.books.left[4] = 50, 50
	w.watch(t, "2026-11-20") // both are reported as low
	ops := w.chats["ops"]
	ops.taken = nil
	w.books.lie = 3
	delete(w.books.left, 3)
	w.watch(t, "2026-11-21")
	w.books.left[3] = 500 // and recovered
	w.watch(t, "2026-11-22")
	w.books.lie = 0
	delete(w.books.left, 4)
	w.watch(t, "2026-11-23")
	if got := ops.said(); !slices.Equal(got, []string{"2026-11-21", "2026-11-22 credit_recovered", "2026-11-23 customer_gone"}) {
		t.Errorf("said %q", got)
	}
}

// An account whose list is never proven reports states from the second run on, and no new
// customers.
func TestNeverProven(t *testing.T) {
	t.Parallel()
	w := newWorld(newMemory(nil), 57)
	w.books.lie = 3
	w.watch(t, "2026-11-20")
	w.books.left[20], w.books.left[99] = -1, 500
	delete(w.books.left, 7)
	m := w.watch(t, "2026-11-21").Manifest
	if m.Previous != nil || *m.PreviousState != "2026-11-20" {
		t.Errorf("%+v", m)
	}
	w.books.left[21] = 50
	w.watch(t, "2026-11-22")
	if exists(w.store, "runs/credit/north/latest.json") {
		t.Error("latest.json names a run that is not complete")
	}
	w.books.lie = 0
	w.books.left[22] = 50
	m = w.watch(t, "2026-11-23").Manifest
	if !m.Complete || m.Previous != nil || *m.PreviousState != "2026-11-22" {
		t.Errorf("%+v", m)
	}
	if got, want := w.chats["ops"].said(), []string{"2026-11-20 first", "2026-11-21 credit_overdrawn", "2026-11-22 credit_low", "2026-11-23 credit_low customer_gone"}; !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
}

// A customer that was new on an unproven list and is not on the next proven one is gone,
// although no list has its record.
func TestNewAndGoneBetweenProvenRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(newMemory(nil), 57)
	w.watch(t, "2026-11-20")
	w.books.lie, w.books.left[99] = 3, 50
	w.watch(t, "2026-11-21")
	w.books.lie = 0
	delete(w.books.left, 99)
	m := w.watch(t, "2026-11-22").Manifest
	if got, want := w.chats["ops"].said()[1:], []string{"2026-11-21 credit_low customer_new", "2026-11-22 customer_gone"}; !slices.Equal(got, want) || m.Changes != (watch.ChangeCounts{}) {
		t.Errorf("said %q, want %q; %+v", got, want, m.Changes)
	}
	if text := get(t, w.store, "runs/credit/north/2026-11-22/alerts.json"); !strings.Contains(text, `"customer_id":"`+idOf(99)+`"`) || !strings.Contains(text, `"previous_status":"low"`) {
		t.Errorf("%s", text)
	}
}

// A setting limits the attempts at a list that cannot be proven. An attempt for which there
// is no time is left to the next call.
func TestAttempts(t *testing.T) {
	t.Parallel()
	for _, attempts := range []int{0, 1, 2, 5} {
		w := newWorld(newMemory(nil), 57)
		w.books.lie = 3
		w.change = func(job *watch.Job) { job.Attempts = attempts }
		m := w.watch(t, "2026-11-21").Manifest
		want := attempts
		if attempts == 0 {
			want = watch.DefaultAttempts
		}
		if m.Attempts != want || m.State != watch.Unproven {
			t.Errorf("%d: %s after %d attempts", attempts, m.State, m.Attempts)
		}
	}
	bubble(t, "little time", func(t *testing.T) {
		w := newWorld(newMemory(nil), 57)
		w.books.lie = 3
		w.books.latency = 7 * time.Second
		var states []watch.State
		for len(states) < 6 && !slices.Contains(states, watch.Unproven) {
			ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
			outcome, err := w.call(ctx, "2026-11-21")
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			states = append(states, outcome.State)
			if outcome.State == watch.GoingOn { // there was no time to deliver
				continue
			}
			m := manifestOf(t, w.store, "2026-11-21")
			if outcome.State == watch.Incomplete && (m.Complete || m.Proven || len(m.Objects) > 0 || len(m.Warnings) == 0) {
				t.Errorf("%+v", m)
			}
		}
		if m := manifestOf(t, w.store, "2026-11-21"); !slices.Contains(states, watch.Incomplete) || m.State != watch.Unproven || m.Attempts != watch.DefaultAttempts {
			t.Errorf("%s, %s after %d attempts", states, m.State, m.Attempts)
		}
	})
	// A later attempt can prove the list.
	w := newWorld(newMemory(nil), 57)
	w.books.lie = 3
	w.books.before = func(row int) error {
		if w.books.calls.Load() > 20 {
			w.books.lie = 0
		}
		return nil
	}
	if outcome := w.watch(t, "2026-11-21"); outcome.State != watch.Done || outcome.Manifest.Attempts < 2 || len(outcome.Manifest.Warnings) > 0 {
		t.Errorf("%s after %d attempts, %v", outcome.State, outcome.Manifest.Attempts, outcome.Manifest.Warnings)
	}
}

// Whichever operation fails while an unproven list is published, the run ends with the bytes
// of an undisturbed one.
func TestEveryOperationMayFailWhileUnproven(t *testing.T) {
	t.Parallel()
	base := newWorld(newMemory(nil), 57)
	base.watch(t, "2026-11-20")
	yesterday := base.store.(*memory)
	base.books.tomorrow()
	base.books.lie = 3
	calm := base.on(newMemory(yesterday))
	under := calm.store
	var operations atomic.Int32
	calm.store = shaky(under, math.MaxInt, false, false, &operations)
	calm.watch(t, "2026-11-21")
	want, said := objects(t, under), calm.chats["ops"].said()
	for _, mode := range modes[2:] {
		for at := range some(int(operations.Load())) {
			bubble(t, fmt.Sprintf("%+v/%d", mode, at), func(t *testing.T) {
				w := base.on(newMemory(yesterday))
				s := w.store
				var n atomic.Int32
				w.store = shaky(s, at, mode.after, mode.gone, &n)
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

// A list that is read by several invocations is proven as if by one, although its rows trade
// places: what earlier invocations read counts.
func TestProvenAcrossInvocations(t *testing.T) {
	t.Parallel()
	for _, pages := range []int{4, 7, 25, 60} {
		w := newWorld(newMemory(nil), 57)
		w.books.restless = true
		var states []watch.State
		for len(states) < 60 && !slices.Contains(states, watch.Done) && !slices.Contains(states, watch.Unproven) {
			left := pages
			w.books.before = func(int) error {
				if left--; left < 0 {
					return &core.Error{Code: core.CodeDeadline}
				}
				return nil
			}
			outcome, err := w.call(t.Context(), "2026-11-21")
			if err != nil {
				t.Fatal(err)
			}
			states = append(states, outcome.State)
		}
		m := manifestOf(t, w.store, "2026-11-21")
		if m.State != watch.Done || m.Count != 57 {
			t.Errorf("%d pages an invocation: %s, %d customers, after %v", pages, m.State, m.Count, states)
		}
	}
}

// A list that no invocation has the time to prove is published as unproven.
func TestNoTimeToProve(t *testing.T) {
	t.Parallel()
	w := newWorld(newMemory(nil), 57)
	w.books.lie, w.books.proofless = 3, true
	m := w.watch(t, "2026-11-21").Manifest
	if m.State != watch.Unproven || m.Count != 57 || m.Attempts != watch.DefaultAttempts || len(m.Warnings) == 0 {
		t.Errorf("%+v", m)
	}
}
