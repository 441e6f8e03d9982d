package watch_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/store"
	"partnerlens/internal/store/storetest"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

func TestTwoRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(folder(t), 57)
	w.books.left[5] = 100
	first := w.watch(t, "2026-11-21")
	m := first.Manifest
	if first.State != watch.Done || !m.Complete || !m.Proven || m.ReadLate || m.Count != 57 || *m.Total != 57 || m.Previous != nil || m.Changes != (watch.ChangeCounts{}) || len(m.Alerts) > 0 || m.ByStatus["ok"] != 56 || m.ByStatus["low"] != 1 {
		t.Fatalf("%+v", first)
	}
	lines := strings.Split(strings.TrimSpace(unpacked(t, get(t, w.store, "runs/credit/north/2026-11-21/customers.ndjson.gz"))), "\n")
	if len(lines) != 57 || !slices.IsSortedFunc(lines, func(a, b string) int { return strings.Compare(idIn(a), idIn(b)) }) {
		t.Errorf("%d lines, or not in order", len(lines))
	}
	if table := get(t, w.store, "runs/credit/north/2026-11-21/customers.csv"); strings.Count(table, "\r\n") != 58 {
		t.Errorf("the table has %d lines", strings.Count(table, "\r\n"))
	}
	if changes := get(t, w.store, "runs/credit/north/2026-11-21/changes.ndjson"); changes != "" {
		t.Errorf("the first run has changes: %s", changes)
	}

	w.books.tomorrow()
	second := w.watch(t, "2026-11-22").Manifest
	if *second.Previous != "2026-11-21" || *second.PreviousState != "2026-11-21" || second.Changes != (watch.ChangeCounts{New: 1, Gone: 1, Changed: 2}) ||
		!maps.Equal(second.Alerts, map[string]int{"credit_low": 1, "customer_new": 1, "customer_gone": 1}) {
		t.Errorf("%+v", second)
	}
	changes := get(t, w.store, "runs/credit/north/2026-11-22/changes.ndjson")
	for _, want := range []string{
		`{"change":"changed","customer_id":"` + idOf(20) + `","key":"` + idOf(20) + `","fields":{"remaining":{"old":"520","new":"50"},"status":{"old":"ok","new":"low"}}}`,
		`"fields":{"remaining":{"old":"530","new":"529"}}`, `{"change":"new","customer_id":"` + idOf(99), `{"change":"gone","customer_id":"` + idOf(3),
	} {
		if !strings.Contains(changes, want) {
			t.Errorf("no %s in\n%s", want, changes)
		}
	}
	if got, want := w.chats["ops"].said(), []string{"2026-11-21 credit_low first", "2026-11-22 credit_low customer_gone customer_new"}; !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
	if state := unpacked(t, get(t, w.store, "runs/credit/north/2026-11-22/state.ndjson.gz")); strings.Count(state, "\n") != 57 {
		t.Errorf("state:\n%s", state)
	}
	newest := parse[watch.Latest](t, get(t, w.store, "runs/credit/north/latest.json"))
	if newest.Run != "2026-11-22" || newest.Count != 57 || !exists(w.store, newest.Customers) || !exists(w.store, newest.Manifest) || len(newest.Sample) != 57 {
		t.Errorf("latest.json: %+v", newest)
	}
	for name := range objects(t, w.store) {
		if strings.Contains(name, "/progress/") || strings.HasSuffix(name, "lease.json") || strings.HasSuffix(name, "pending.json") {
			t.Errorf("%s is left", name)
		}
	}

	// Another call asks, writes and delivers nothing.
	calls, before := w.books.calls.Load(), objects(t, w.store)
	for _, run := range []string{"2026-11-22", "2026-11-21"} {
		if outcome := w.watch(t, run); outcome.State != watch.Already {
			t.Errorf("%s again: %s", run, outcome.State)
		}
	}
	if w.books.calls.Load() != calls || !maps.Equal(objects(t, w.store), before) || len(w.chats["ops"].taken) != 2 {
		t.Error("a run that was done was done again")
	}
}

func idIn(line string) string {
	_, after, _ := strings.Cut(line, `"customer_id":"`)
	return after[:12]
}

var errRefused = &core.Error{Code: core.CodeUnavailable, Detail: "refused by the test"}

// shaky is a store that fails operation at, before or after it has taken effect, and, if
// gone, every later one, as if the invocation was killed.
func shaky(s store.Store, at int, after, gone bool, count *atomic.Int32) store.Store {
	return storetest.Faulty(s, func(_ string, n int) error {
		count.Store(int32(n))
		switch {
		case n == at && after:
			return storetest.Done(errRefused)
		case n == at, n > at && gone:
			return errRefused
		}
		return nil
	})
}

// modes are the ways in which an operation of a store fails.
var modes = []struct{ after, gone bool }{{false, false}, {true, false}, {false, true}, {true, true}}

// Whichever operation of the store fails, before or after it has taken effect, once or as in
// a kill: the next call ends the run with the bytes of an undisturbed one, and the channel
// has the digest, under one id.
func TestEveryOperationMayFail(t *testing.T) {
	t.Parallel()
	calm := newWorld(newMemory(nil), 57)
	calm.watch(t, "2026-11-21")
	yesterday := newMemory(calm.store.(*memory))
	calm.books.tomorrow()
	var operations atomic.Int32
	under := calm.store
	calm.store = shaky(under, math.MaxInt, false, false, &operations)
	calm.watch(t, "2026-11-22")
	want, said := objects(t, under), calm.chats["ops"].said()[1:]
	all := int(operations.Load())
	if all < 25 || len(said) != 1 {
		t.Fatalf("%d operations, said %q", all, said)
	}
	for _, mode := range modes {
		for at := range some(all) {
			bubble(t, fmt.Sprintf("%+v/%d", mode, at), func(t *testing.T) {
				w := calm.on(newMemory(yesterday))
				s := w.store
				var n atomic.Int32
				w.store = shaky(s, at, mode.after, mode.gone, &n)
				outcome, err := w.call(t.Context(), "2026-11-22")
				if err == nil && mode.gone && int(n.Load()) > at && outcome.State != watch.Done {
					t.Errorf("%s, and no error", outcome.State)
				}
				w.store = s
				w.watch(t, "2026-11-22")
				w.watch(t, "2026-11-22") // deletes what a killed invocation left
				same(t, s, want)
				once(t, w.chats["ops"], said)
			})
		}
	}
}

// once checks the messages that a chat accepted, each under one id. A message may come again
// only if the store failed between a delivery and its record.
func once(t tester, c *chat, want []string) {
	t.Helper()
	ids := make(map[string]string)
	var got []string
	for i, line := range c.said() {
		id := c.taken[i].ID
		if other, again := ids[id]; again {
			if other != line {
				t.Errorf("%s is of %q and of %q", id, other, line)
			}
			continue
		}
		ids[id] = line
		got = append(got, line)
	}
	if !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
}

// However often time runs out, the bytes are those of a single invocation.
func TestTimeRunsOut(t *testing.T) {
	t.Parallel()
	calm := newWorld(folder(t), 57)
	calm.watch(t, "2026-11-21")
	want := objects(t, calm.store)
	for pages := 1; pages < 6; pages++ {
		w := calm.on(newMemory(nil))
		var states []watch.State
		for invocation := 1; invocation < 20; invocation++ {
			w.books.before = func(row int) error {
				if row >= invocation*pages*pageSize {
					return &core.Error{Code: core.CodeDeadline, Detail: "time ran out"}
				}
				return nil
			}
			outcome, err := w.call(t.Context(), "2026-11-21")
			if err != nil {
				t.Fatal(err)
			}
			if states = append(states, outcome.State); outcome.State == watch.Done {
				if outcome.Manifest.Invocations != invocation {
					t.Errorf("%d invocations, want %d", outcome.Manifest.Invocations, invocation)
				}
				break
			}
		}
		if last := states[len(states)-1]; last != watch.Done || len(states) != (6+pages-1)/pages {
			t.Errorf("%d pages a time: %v", pages, states)
		}
		same(t, w.store, want)
	}
}

// If the vendor fails in the middle, what was read is kept.
func TestVendorFails(t *testing.T) {
	t.Parallel()
	w := newWorld(newMemory(nil), 57)
	w.books.before = func(row int) error {
		if row >= 30 {
			return &core.Error{Code: core.CodeUpstream, Detail: "broken"}
		}
		return nil
	}
	if _, err := w.call(t.Context(), "2026-11-21"); core.CodeOf(err) != core.CodeUpstream {
		t.Fatal(err)
	}
	first := w.books.calls.Load()
	w.books.before = nil
	outcome := w.watch(t, "2026-11-21")
	if outcome.State != watch.Done || outcome.Manifest.Count != 57 || w.books.calls.Load()-first > 5 {
		t.Errorf("%+v after %d further calls", outcome, w.books.calls.Load()-first)
	}
}

// Concurrent calls make one run: one set of bytes, one digest, and one read.
func TestSeveralAtOnce(t *testing.T) {
	t.Parallel()
	calm := newWorld(newMemory(nil), 57)
	calm.watch(t, "2026-11-21")
	yesterday := newMemory(calm.store.(*memory))
	calm.books.tomorrow()
	calm.books.calls.Store(0)
	calm.watch(t, "2026-11-22")
	want, calls, said := objects(t, calm.store), calm.books.calls.Load(), calm.chats["ops"].said()[1:]
	for i := range 10 {
		bubble(t, fmt.Sprint(i), func(t *testing.T) {
			w := calm.on(newMemory(yesterday))
			var under sync.WaitGroup
			for range 4 {
				under.Go(func() { _, _ = w.call(t.Context(), "2026-11-22") })
			}
			under.Wait()
			if w.watch(t, "2026-11-22"); w.books.calls.Load() != calls {
				t.Errorf("%d calls, want %d", w.books.calls.Load(), calls)
			}
			same(t, w.store, want)
			if got := w.chats["ops"].said(); !slices.Equal(got, said) {
				t.Errorf("said %q, want %q", got, said)
			}
		})
	}
}

func TestRetain(t *testing.T) {
	t.Parallel()
	w := newWorld(newMemory(nil), 5)
	for day := 1; day <= 9; day++ {
		w.books.lie = 0
		if day > 6 { // the newest three cannot be proven
			w.books.lie = 1
		}
		w.watch(t, fmt.Sprintf("2026-11-0%d", day))
	}
	w.books.lie, w.books.left = 0, newBooks(30).left
	w.books.before = func(row int) error { // a run that does not end
		if row > 0 {
			return &core.Error{Code: core.CodeDeadline}
		}
		return nil
	}
	if outcome, err := w.call(t.Context(), "2026-10-31"); err != nil || outcome.State != watch.GoingOn {
		t.Fatalf("%v, %+v", err, outcome)
	}
	now := time.Date(2026, 11, 9, 12, 0, 0, 0, time.UTC)
	deleted, err := watch.Retain(t.Context(), w.store, "credit", "north", 4, "", now)
	if err != nil || !slices.Equal(deleted, []string{"2026-10-31", "2026-11-01", "2026-11-02", "2026-11-03", "2026-11-04"}) {
		t.Errorf("%v, %v", deleted, err)
	}
	// The newest complete run stays, the newest that evaluated alerts, and the requested one.
	deleted, err = watch.Retain(t.Context(), w.store, "credit", "north", 0, "2026-11-05", now.AddDate(1, 0, 0))
	if err != nil || !slices.Equal(deleted, []string{"2026-11-07", "2026-11-08"}) {
		t.Errorf("%v, %v", deleted, err)
	}
	for name := range objects(t, w.store) {
		if strings.Contains(name, "2026-11-07") || strings.Contains(name, "2026-11-08") || strings.Contains(name, "2026-10") {
			t.Errorf("%s is left", name)
		}
	}
}

// The newest run that evaluated alerts stays while the runs after it, though complete, did
// not: the next run that evaluates alerts continues from its state.
func TestRetainKeepsTheStateBeforeRunsWithoutAlerts(t *testing.T) {
	t.Parallel()
	w := newWorld(newMemory(nil), 5)
	for day := 1; day <= 5; day++ {
		if day > 2 {
			w.partial = alert.Config{NoRules: true, Err: &core.Error{Code: core.CodeMisconfigured}}
		}
		w.watch(t, fmt.Sprintf("2026-11-0%d", day))
	}
	deleted, err := watch.Retain(t.Context(), w.store, "credit", "north", 1, "", time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC))
	if want := []string{"2026-11-01", "2026-11-03", "2026-11-04"}; err != nil || !slices.Equal(deleted, want) {
		t.Errorf("%s, %v, want %s", deleted, err, want)
	}
}

// Wherever the deletion of a run is interrupted, no manifest names deleted objects. The next
// call deletes the rest.
func TestRetainDeletesTheManifestFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(newMemory(nil), 5)
	for _, run := range []string{"2026-11-01", "2026-11-02"} {
		w.watch(t, run)
	}
	now := time.Date(2026, 11, 9, 12, 0, 0, 0, time.UTC)
	for at := 1; ; at++ {
		s, deletes := newMemory(w.store.(*memory)), 0
		_, err := watch.Retain(t.Context(), storetest.Faulty(s, func(op string, _ int) error {
			if op == "Delete" {
				if deletes++; deletes > at {
					return errRefused
				}
			}
			return nil
		}), "credit", "north", 4, "", now)
		if err == nil {
			if at < 5 {
				t.Errorf("a run was deleted in %d operations", at)
			}
			return
		}
		if exists(s, "runs/credit/north/2026-11-01/manifest.json") {
			t.Errorf("after %d operations the manifest is left", at)
		}
		if deleted, err := watch.Retain(t.Context(), s, "credit", "north", 4, "", now); err != nil || !slices.Equal(deleted, []string{"2026-11-01"}) {
			t.Errorf("after %d operations: %v, %v", at, deleted, err)
		}
		for name := range objects(t, s) {
			if strings.Contains(name, "2026-11-01") {
				t.Errorf("after %d operations: %s is left", at, name)
			}
		}
	}
}

// A function with its platform's default of three seconds gets an error that names the setting.
func TestTimeLimitThatIsTooShort(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	w := newWorld(newMemory(nil), 5)
	if _, err := w.call(ctx, "2026-11-22"); core.CodeOf(err) != core.CodeMisconfigured || !strings.Contains(err.Error(), "timeout to 900 s") || w.books.calls.Load() > 0 {
		t.Errorf("%v after %d calls", err, w.books.calls.Load())
	}
}

func TestRunIDs(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 8*3600)
	at := time.Date(2026, 12, 31, 22, 30, 0, 0, time.UTC)
	if got := watch.RunID(at, watch.EveryDay, zone); got != "2027-01-01" {
		t.Errorf("RunID = %s", got)
	}
	if got := watch.RunID(at, watch.EveryHour, zone); got != "2027-01-01T06" {
		t.Errorf("RunID = %s", got)
	}
	for run, want := range map[string][2]string{
		"2027-01-01": {"2026-12-31T16:00:00Z", "2027-01-01T16:00:00Z"}, "2027-01-01T06": {"2026-12-31T22:00:00Z", "2026-12-31T23:00:00Z"},
	} {
		start, end := watch.Period(run, zone)
		if got := [2]string{start.UTC().Format(time.RFC3339), end.UTC().Format(time.RFC3339)}; got != want {
			t.Errorf("Period(%s) = %s, want %s", run, got, want)
		}
	}
	call := func(run string, zone *time.Location, at time.Time) error {
		w := newWorld(newMemory(nil), 1)
		job := w.job("2026-11-22")
		job.Run, job.Zone, job.Now = run, zone, func() time.Time { return at }
		_, err := watch.Run(t.Context(), w.store, job)
		return err
	}
	for _, bad := range []string{"", "..", "2026-13-01", "2026-11-22T6", "2026-11-22/x", "today", "2026-11-22T24"} {
		if err := call(bad, nil, morning); core.CodeOf(err) != core.CodeInvalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
	// A run can be made once its day or hour has begun, by a clock that may be behind.
	begins := time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC) // the 23rd
	for _, test := range []struct {
		run  string
		zone *time.Location
		at   time.Time
		ok   bool
	}{
		{"2026-11-23", nil, begins, true},
		{"2026-11-23", nil, begins.Add(-4 * time.Minute), true},
		{"2026-11-23", nil, begins.Add(-6 * time.Minute), false},
		{"2026-11-23T01", nil, begins, false},
		{"2026-11-23T01", nil, begins.Add(time.Hour), true},
		{"2026-11-24", nil, begins, false},
		{"2026-11-22", time.UTC, begins, true},
		{"2026-11-23", time.UTC, begins, false},
	} {
		err := call(test.run, test.zone, test.at)
		if (err == nil) != test.ok || err != nil && (core.CodeOf(err) != core.CodeInvalid || !strings.Contains(err.Error(), "not started yet")) {
			t.Errorf("%s in %v at %s: %v", test.run, test.zone, test.at, err)
		}
	}
}

// A run is of one set of settings: if they change, reading starts again, whether all or a
// part was read, and whatever fails meanwhile.
func TestSettingsChangeBetweenInvocations(t *testing.T) {
	t.Parallel()
	calm := newWorld(newMemory(nil), 57)
	change := func(job *watch.Job) {
		job.Thresholds = map[string]any{"credit_low": "90%"}
		all, _ := core.ParseThreshold("600")
		config := *job.Alerts
		config.Rules.Overrides = map[string]core.Threshold{idOf(7): all}
		job.Alerts = &config
	}
	calm.change = change
	calm.watch(t, "2026-11-21")
	want := objects(t, calm.store)
	for _, whole := range []bool{false, true} {
		begun := calm.on(newMemory(nil))
		begun.change = nil
		if whole { // killed once everything is read
			var n atomic.Int32
			s := begun.store
			begun.store = storetest.Faulty(s, func(op string, at int) error {
				n.Store(int32(at))
				if exists(s, "runs/credit/north/2026-11-21/progress/checkpoint.json") && begun.books.calls.Load() >= 6 && op == "List" {
					return errRefused
				}
				return nil
			})
			if _, err := begun.call(t.Context(), "2026-11-21"); err == nil {
				t.Fatal("it was not killed")
			}
			begun.store = s
		} else {
			begun.books.before = func(row int) error {
				if row >= 40 {
					return &core.Error{Code: core.CodeDeadline}
				}
				return nil
			}
			if o, err := begun.call(t.Context(), "2026-11-21"); err != nil || o.State != watch.GoingOn {
				t.Fatal(o.State, err)
			}
		}
		base := begun.store.(*memory)
		for at := range 40 {
			bubble(t, fmt.Sprintf("%t/%d", whole, at), func(t *testing.T) {
				w := calm.on(newMemory(base))
				s := w.store
				var n atomic.Int32
				w.store = shaky(s, at, at%2 == 0, true, &n)
				_, _ = w.call(t.Context(), "2026-11-21")
				w.store = s
				w.watch(t, "2026-11-21")
				w.watch(t, "2026-11-21")
				same(t, s, want)
			})
		}
	}
}

// A forced run replaces the one before, of which no object is left.
func TestForce(t *testing.T) {
	t.Parallel()
	for _, unproven := range []bool{false, true} {
		w := newWorld(newMemory(nil), 57)
		w.watch(t, "2026-11-20")
		w.books.left[20] = 50
		if unproven {
			w.books.lie = 3
		}
		first := w.watch(t, "2026-11-21").Manifest
		w.books.lie, w.books.left[30] = 0, -1
		w.change = func(job *watch.Job) { job.Force = true }
		second := w.watch(t, "2026-11-21")
		if second.State != watch.Done || second.Manifest.Alerts["credit_overdrawn"] != 1 || second.Manifest.Alerts["credit_low"] != 1 || second.Manifest.Attempt == first.Attempt {
			t.Errorf("%s, %+v", second.State, second.Manifest)
		}
		taken := w.chats["ops"].taken
		if len(taken) != 3 || taken[1].ID == taken[2].ID || taken[1].Source == taken[2].Source {
			t.Errorf("%d messages, or under one id", len(taken))
		}
		for name := range objects(t, w.store) {
			if strings.Contains(name, "unproven") || strings.Contains(name, "progress") {
				t.Errorf("%s is left", name)
			}
		}
	}
}

// A held run is read again if it is forced.
func TestForceOfAHeldRun(t *testing.T) {
	t.Parallel()
	w := newWorld(newMemory(nil), 57)
	w.watch(t, "2026-11-20")
	well := w.books.left
	w.books.left = map[int]int{}
	if state := w.watch(t, "2026-11-21").State; state != watch.Held {
		t.Fatal(state)
	}
	w.books.left = well
	w.change = func(job *watch.Job) { job.Force = true }
	if outcome := w.watch(t, "2026-11-21"); outcome.State != watch.Done || outcome.Manifest.Count != 57 {
		t.Errorf("%s, %d customers", outcome.State, outcome.Manifest.Count)
	}
}

// Whatever fails while a run is forced, there is the old run or the new one, and never a
// manifest with objects of another attempt.
func TestEveryOperationMayFailWhileForced(t *testing.T) {
	t.Parallel()
	base := newWorld(newMemory(nil), 57)
	base.watch(t, "2026-11-21")
	before := base.store.(*memory)
	base.books.tomorrow()
	force := func(job *watch.Job) { job.Force = true }
	var operations atomic.Int32
	calm := base.on(newMemory(before))
	under := calm.store
	calm.store, calm.change = shaky(under, math.MaxInt, false, false, &operations), force
	calm.watch(t, "2026-11-21")
	forced, old := objects(t, under), objects(t, before)
	for _, mode := range modes[2:] {
		for at := range some(int(operations.Load())) {
			bubble(t, fmt.Sprintf("%+v/%d", mode, at), func(t *testing.T) {
				w := base.on(newMemory(before))
				s := w.store
				var n atomic.Int32
				w.store, w.change = shaky(s, at, mode.after, mode.gone, &n), force
				_, _ = w.call(t.Context(), "2026-11-21")
				w.store, w.change = s, nil
				w.watch(t, "2026-11-21")
				w.watch(t, "2026-11-21")
				want := forced
				if got := manifestOf(t, s, "2026-11-21"); got.AsOf.Equal(manifestOf(t, before, "2026-11-21").AsOf) && got.Attempt == manifestOf(t, before, "2026-11-21").Attempt {
					want = old
				}
				same(t, s, want)
			})
		}
	}
}

// A call with Force that is interrupted, and repeated until it succeeds, makes one new run
// and reports it under one id.
func TestForceIsRepeated(t *testing.T) {
	t.Parallel()
	base := newWorld(newMemory(nil), 57)
	base.watch(t, "2026-11-21")
	before := base.store.(*memory)
	base.books.tomorrow()
	force := func(job *watch.Job) { job.Force = true }
	calm := base.on(newMemory(before))
	var operations atomic.Int32
	calm.store, calm.change = shaky(calm.store, math.MaxInt, false, false, &operations), force
	calm.watch(t, "2026-11-21")
	said := calm.chats["ops"].said()
	for _, mode := range modes {
		for at := range some(int(operations.Load())) {
			if beforeEnd := int(operations.Load()) - 3; at >= beforeEnd && mode.after && mode.gone {
				continue // the run is complete but for the lease: the repetition asks for another one
			}
			bubble(t, fmt.Sprintf("%+v/%d", mode, at), func(t *testing.T) {
				w := base.on(newMemory(before))
				s := w.store
				var n atomic.Int32
				w.store, w.change = shaky(s, at, mode.after, mode.gone, &n), force
				if _, err := w.call(t.Context(), "2026-11-21"); err != nil {
					w.store = s
					w.watch(t, "2026-11-21")
				}
				once(t, w.chats["ops"], said)
				for name := range objects(t, s) {
					if strings.Contains(name, "progress") {
						t.Errorf("%s is left", name)
					}
				}
			})
		}
	}
}

// latest.json names a complete run, also after the one that it named was made again and is
// no longer complete.
func TestForcedRunIsNoLongerComplete(t *testing.T) {
	t.Parallel()
	for _, days := range []int{1, 2} {
		for _, state := range []watch.State{watch.Unproven, watch.Held} {
			w := newWorld(newMemory(nil), 57)
			w.watch(t, "2026-11-20")
			if days == 2 {
				w.watch(t, "2026-11-21")
			}
			newest := fmt.Sprintf("2026-11-%d", 19+days)
			switch state {
			case watch.Unproven:
				w.books.lie = 3
			case watch.Held:
				w.books.left = map[int]int{}
			}
			w.change = func(job *watch.Job) { job.Force = true }
			outcome := w.watch(t, newest)
			latest, there, err := watch.NewestComplete(t.Context(), w.store, "credit", "north")
			switch {
			case err != nil:
				t.Fatal(err)
			case days == 1 && state == watch.Held: // nothing to compare with: it is done
			case outcome.State != state:
				t.Errorf("%s, want %s", outcome.State, state)
			case days == 1 && there, days == 2 && latest.Run != "2026-11-20":
				t.Errorf("%d days, %s: latest.json names %q", days, state, latest.Run)
			}
		}
	}
}

// A deadline after the manifest leaves a call with the run's figures.
func TestDeadlineWhileCleaningUp(t *testing.T) {
	t.Parallel()
	w := newWorld(newMemory(nil), 57)
	w.watch(t, "2026-11-21")
	s := w.store
	w.store = storetest.Faulty(s, func(name string, _ int) error {
		if name == "List" {
			return &core.Error{Code: core.CodeDeadline}
		}
		return nil
	})
	outcome, err := w.call(t.Context(), "2026-11-21")
	if err != nil || outcome.State != watch.GoingOn || outcome.Manifest.Count != 57 {
		t.Errorf("%s, %d customers, %v", outcome.State, outcome.Manifest.Count, err)
	}
}
