package watch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/store"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// A failed delivery is made by the next call, for the same run or a later one, before
// newer digests, and once.
func TestPendingIsDeliveredLater(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		calls []string // runs; "!" before those while the channel's address is dead
		said  []string
	}{
		"the same run":            {[]string{"!2026-11-21", "2026-11-21", "2026-11-21", "2026-11-22"}, []string{"2026-11-21 credit_low"}},
		"the next run":            {[]string{"!2026-11-21", "2026-11-22", "2026-11-22", "2026-11-21"}, []string{"2026-11-21 credit_low"}},
		"days later":              {[]string{"!2026-11-21", "!2026-11-22", "!2026-11-21", "2026-11-23"}, []string{"2026-11-21 credit_low"}},
		"by a call for no new":    {[]string{"!2026-11-21", "!2026-11-22", "2026-11-20"}, []string{"2026-11-21 credit_low"}},
		"two runs, one by one":    {[]string{"!2026-11-21", "!2026-11-22+", "2026-11-23"}, []string{"2026-11-21 credit_low", "2026-11-22 credit_overdrawn"}},
		"two runs, before theirs": {[]string{"!2026-11-21", "!2026-11-22+", "2026-11-23+"}, []string{"2026-11-21 credit_low", "2026-11-22 credit_overdrawn", "2026-11-23 credit_overdrawn"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(folder(t), 57)
			w.watch(t, "2026-11-20")
			w.chats["ops"].taken = nil
			w.books.left[20] = 50
			next := 30
			for _, call := range test.calls {
				run, dead := strings.CutPrefix(call, "!")
				run, more := strings.CutSuffix(run, "+")
				if more {
					w.books.left[next] = -1
					next++
				}
				w.chats["ops"].answer(http.StatusOK)
				if dead {
					w.chats["ops"].answer(http.StatusNotFound)
				}
				outcome := w.watch(t, run)
				if (len(outcome.Undelivered) > 0) != dead {
					t.Errorf("%s: %+v undelivered", call, outcome.Undelivered)
				}
			}
			if got := w.chats["ops"].said(); !slices.Equal(got, test.said) {
				t.Errorf("said %q, want %q", got, test.said)
			}
			for name, text := range objects(t, w.store) {
				if strings.HasSuffix(name, "pending.json") || strings.Contains(text, `"failed"`) {
					t.Errorf("%s is left: %s", name, text)
				}
			}
		})
	}
}

// A message that a channel refuses permanently delays no other message.
func TestRefusedMessageHoldsNothingBack(t *testing.T) {
	t.Parallel()
	for status, state := range map[int]alert.DeliveryState{
		http.StatusBadRequest: alert.Refused, http.StatusRequestEntityTooLarge: alert.Refused, http.StatusUnprocessableEntity: alert.Refused,
		http.StatusInternalServerError: alert.Failed, // perhaps of this message alone: it is retried, and others are tried
	} {
		bubble(t, fmt.Sprint(status), func(t *testing.T) {
			w := newWorld(newMemory(nil), 57)
			w.watch(t, "2026-11-20")
			c := w.chats["ops"]
			c.taken = nil
			poison := func(m message) int {
				if m.Data.Run == "2026-11-21" {
					return status
				}
				return http.StatusOK
			}
			c.status = poison
			var want []string
			for day := 21; day < 28; day++ {
				w.books.left[day] = -1
				run := fmt.Sprintf("2026-11-%d", day)
				outcome := w.watch(t, run)
				if day > 21 {
					want = append(want, run+" credit_overdrawn")
				}
				lacks := slices.ContainsFunc(outcome.Undelivered, func(d alert.Delivery) bool { return d.State == state })
				if day == 21 && !lacks {
					t.Errorf("%s: %+v", run, outcome.Undelivered)
				}
				if day > 21 && len(outcome.Undelivered) > 0 && state == alert.Refused {
					t.Errorf("%s: %+v: it was reported on its day", run, outcome.Undelivered)
				}
			}
			if got := c.said(); !slices.Equal(got, want) {
				t.Errorf("said %q, want %q", got, want)
			}
			if m := manifestOf(t, w.store, "2026-11-21"); len(m.Deliveries) != 1 || m.Deliveries[0].State != state {
				t.Errorf("%+v", m.Deliveries)
			}

			// Redeliver delivers it, once the receiver accepts it.
			tried := c.asked
			outcome, err := watch.Redeliver(t.Context(), w.store, w.job("2026-11-21"))
			if err != nil || len(outcome.Undelivered) != 1 || c.asked == tried {
				t.Errorf("still refused: %+v, %v", outcome, err)
			}
			c.answer(http.StatusOK)
			job := w.job("2026-11-21")
			job.Run = ""
			if outcome, err = watch.Redeliver(t.Context(), w.store, job); err != nil || len(outcome.Undelivered) > 0 {
				t.Errorf("%+v, %v", outcome, err)
			}
			if got := c.said(); !slices.Equal(got, append(want, "2026-11-21 credit_overdrawn")) {
				t.Errorf("said %q", got)
			}
			if m := manifestOf(t, w.store, "2026-11-21"); m.Deliveries[0].State != alert.Delivered || exists(w.store, "runs/credit/north/pending.json") {
				t.Errorf("%+v", m.Deliveries)
			}
			if _, err = watch.Redeliver(t.Context(), w.store, job); err != nil || len(c.taken) != len(want)+1 {
				t.Errorf("again: %v, %q", err, c.said())
			}
		})
	}
}

// A pending delivery of another run that is refused, or whose alerts can no longer be read,
// is reported once, by the call that finds out: earlier calls reported it as to be retried.
func TestPendingThatIsRefusedIsReported(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*world){
		"the channel refuses it": func(w *world) {
			w.chats["ops"].status = func(m message) int {
				if m.Data.Run == "2026-11-21" {
					return http.StatusUnprocessableEntity
				}
				return http.StatusOK
			}
		},
		"its alerts.json is damaged": func(w *world) {
			w.chats["ops"].answer(http.StatusOK)
			w.store.(*memory).objects["runs/credit/north/2026-11-21/alerts.json"] = []byte("{")
		},
	} {
		bubble(t, name, func(t *testing.T) {
			w := newWorld(newMemory(nil), 57)
			w.watch(t, "2026-11-20")
			w.books.left[20] = 50
			w.chats["ops"].answer(http.StatusNotFound)
			w.watch(t, "2026-11-21")
			spoil(w)
			for i, want := range []int{1, 0} {
				outcome := w.watch(t, "2026-11-22")
				if len(outcome.Undelivered) != want || want > 0 && outcome.Undelivered[0].State != alert.Refused {
					t.Errorf("call %d: %+v, want %d refused", i+1, outcome.Undelivered, want)
				}
			}
			if outcome := w.watch(t, "2026-11-21"); len(outcome.Undelivered) != 1 {
				t.Errorf("its own run: %+v", outcome.Undelivered)
			}
		})
	}
}

// A channel that fails as a whole delays its later messages, in order, and no other
// channel's.
func TestDeadChannelHoldsItsOwnBack(t *testing.T) {
	t.Parallel()
	w := newWorld(newMemory(nil), 57)
	w.chats["other"] = newChat()
	w.watch(t, "2026-11-20")
	dead, other := w.chats["ops"], w.chats["other"]
	dead.taken, other.taken = nil, nil
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone} {
		dead.answer(status)
		dead.asked = 0
		day := 21 + len(other.taken)
		w.books.left[day] = -1
		w.watch(t, fmt.Sprintf("2026-11-%d", day))
		if dead.asked != 1 {
			t.Errorf("%d: asked %d times", status, dead.asked)
		}
	}
	dead.answer(http.StatusOK)
	w.watch(t, "2026-11-25")
	if got, want := dead.said(), other.said(); len(got) != 4 || !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
}

// failsOn is a store that fails to put objects of a name.
type failsOn struct {
	store.Store
	name string
}

func (s failsOn) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	if strings.HasSuffix(name, s.name) {
		return &core.Error{Code: core.CodeDenied, Detail: "refused by the test"}
	}
	return s.Store.Put(ctx, name, write)
}

// While an object of a run cannot be written, repeated calls deliver its digest at most
// once: once if deliveries can be recorded, otherwise never.
func TestDeliveredOnceWhatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{
		"2026-11-21/manifest.json": 1, "latest.json": 1, "pending.json": 0, "checkpoint.json": 0, "state.ndjson.gz": 0, "alerts.json": 0,
	} {
		bubble(t, name, func(t *testing.T) {
			w := newWorld(newMemory(nil), 57)
			w.watch(t, "2026-11-20")
			c := w.chats["ops"]
			c.taken = nil
			w.books.left[20] = 50
			s := w.store
			w.store = failsOn{s, name}
			for range 5 {
				if _, err := w.call(t.Context(), "2026-11-21"); err == nil && name != "latest.json" {
					t.Error("no error")
				}
			}
			if len(c.taken) != want {
				t.Errorf("delivered %d times, want %d", len(c.taken), want)
			}
			w.store = s
			w.watch(t, "2026-11-21")
			w.watch(t, "2026-11-22")
			if got := c.said(); !slices.Equal(got, []string{"2026-11-21 credit_low"}) {
				t.Errorf("said %q", got)
			}
		})
	}
}

// The next day's run does not report again what a run without a manifest has reported.
func TestDeliveredButNotPublished(t *testing.T) {
	t.Parallel()
	w := newWorld(newMemory(nil), 57)
	w.watch(t, "2026-11-20")
	c := w.chats["ops"]
	c.taken = nil
	w.books.left[20] = 50
	s := w.store
	w.store = failsOn{s, "2026-11-21/manifest.json"}
	if _, err := w.call(t.Context(), "2026-11-21"); err == nil {
		t.Fatal("no error")
	}
	w.store = s
	m := w.watch(t, "2026-11-22").Manifest
	if got := c.said(); !slices.Equal(got, []string{"2026-11-21 credit_low"}) || *m.Previous != "2026-11-21" {
		t.Errorf("said %q, compared with %s", got, *m.Previous)
	}
	if m := manifestOf(t, s, "2026-11-21"); !m.Complete || len(m.Deliveries) != 1 || m.Deliveries[0].State != alert.Delivered {
		t.Errorf("%+v", m)
	}
}

// Whichever operation of the store fails during pending deliveries, they are made, under
// one id, and the bytes are those of an undisturbed run.
func TestEveryOperationMayFailWhileDelivering(t *testing.T) {
	t.Parallel()
	base := newWorld(newMemory(nil), 57)
	base.watch(t, "2026-11-20")
	yesterday := base.store.(*memory)
	base.books.left[20] = 50
	// The run of the 21st while the channel is dead, then the 22nd while it is not.
	days := func(ctx context.Context, w *world, run string) error {
		w.chats["ops"].answer(http.StatusOK)
		if run == "2026-11-21" {
			w.chats["ops"].answer(http.StatusNotFound)
		}
		_, err := w.call(ctx, run)
		return err
	}
	calm := base.on(newMemory(yesterday))
	under := calm.store
	var operations atomic.Int32
	calm.store = shaky(under, math.MaxInt, false, false, &operations)
	for _, run := range []string{"2026-11-21", "2026-11-22", "2026-11-22"} {
		if err := days(t.Context(), calm, run); err != nil {
			t.Fatal(err)
		}
	}
	want, said := objects(t, under), calm.chats["ops"].said()
	all := int(operations.Load())
	for _, mode := range modes {
		for at := range some(all) {
			bubble(t, fmt.Sprintf("%+v/%d of %d", mode, at, all), func(t *testing.T) {
				w := base.on(newMemory(yesterday))
				s := w.store
				var n atomic.Int32
				for range 3 { // the 21st
					w.store = s
					if n.Load() == 0 {
						w.store = shaky(s, at, mode.after, mode.gone, &n)
					}
					_ = days(t.Context(), w, "2026-11-21")
				}
				if int(n.Load()) < at {
					w.store = shaky(s, at-int(n.Load()), mode.after, mode.gone, &n)
					_ = days(t.Context(), w, "2026-11-22")
				}
				w.store = s
				for range 3 {
					if err := days(t.Context(), w, "2026-11-22"); err != nil {
						t.Error(err)
					}
				}
				same(t, s, want)
				once(t, w.chats["ops"], said)
			})
		}
	}
}

// A channel is tried only if there is time to reach it; otherwise the next call tries.
func TestDeliveringIsLeftToTheNextCall(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		w := newWorld(slowStore{newMemory(nil)}, 57)
		for i, want := range []watch.State{watch.GoingOn, watch.Done} {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			o, err := w.call(ctx, "2026-11-22")
			cancel()
			if err != nil || o.State != want || len(w.chats["ops"].taken) != i {
				t.Errorf("call %d: %s, %v, %d messages", i, o.State, err, len(w.chats["ops"].taken))
			}
		}
	})
}

// slowStore is slow to put one object.
type slowStore struct{ *memory }

func (s slowStore) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	if strings.HasSuffix(name, "customers.csv") {
		time.Sleep(5 * time.Second)
	}
	return s.memory.Put(ctx, name, write)
}

// A mistake in the alerts' setting does not prevent the list. A mistake in a channel delays
// its deliveries until it is corrected; a mistake in the rules delays the alerts.
func TestMistakeInTheAlertsSetting(t *testing.T) {
	t.Parallel()
	mistake := &core.Error{Code: core.CodeMisconfigured, Param: alert.Setting, Detail: "crm: url: missing"}
	t.Run("a channel", func(t *testing.T) {
		t.Parallel()
		w := newWorld(newMemory(nil), 57)
		w.watch(t, "2026-11-20")
		w.books.left[20] = 50
		w.partial.Err = mistake
		for range 2 {
			outcome := w.watch(t, "2026-11-21")
			if !outcome.Manifest.Complete || len(outcome.Undelivered) != 1 || outcome.Undelivered[0].Code != core.CodeMisconfigured || !strings.Contains(outcome.Undelivered[0].Detail, "crm: url: missing") {
				t.Errorf("%s, %+v", outcome.State, outcome.Undelivered)
			}
		}
		w.partial.Err, w.chats["crm"] = nil, newChat()
		if outcome := w.watch(t, "2026-11-22"); len(outcome.Undelivered) > 0 {
			t.Errorf("mended: %+v", outcome.Undelivered)
		}
		want := []string{"2026-11-21 credit_low"}
		if ops, crm := w.chats["ops"].said()[1:], w.chats["crm"].said(); !slices.Equal(ops, want) || !slices.Equal(crm, want) {
			t.Errorf("ops %q, crm %q", ops, crm)
		}
	})
	t.Run("the rules", func(t *testing.T) {
		t.Parallel()
		w := newWorld(newMemory(nil), 57)
		w.watch(t, "2026-11-20")
		w.books.tomorrow()
		w.partial.Err, w.partial.NoRules = mistake, true
		outcome := w.watch(t, "2026-11-21")
		m := outcome.Manifest
		if !m.Complete || m.Count != 57 || m.Changes.Gone != 1 || len(m.Alerts) > 0 || len(outcome.Undelivered) != 1 || !slices.ContainsFunc(m.Warnings, func(w core.Warning) bool { return w.Code == watch.WarnNotEvaluated }) {
			t.Errorf("%+v, %+v", m, outcome.Undelivered)
		}
		if exists(w.store, "runs/credit/north/2026-11-21/alerts.json") {
			t.Error("there are alerts")
		}
		w.partial.Err, w.partial.NoRules = nil, false
		w.books.left[40] = -1
		m = w.watch(t, "2026-11-22").Manifest
		if *m.Previous != "2026-11-21" || *m.PreviousState != "2026-11-20" || m.Changes != (watch.ChangeCounts{Changed: 1}) {
			t.Errorf("%+v", m)
		}
		if got, want := w.chats["ops"].said()[1:], []string{"2026-11-22 credit_overdrawn credit_low customer_gone customer_new"}; !slices.Equal(got, want) {
			t.Errorf("said %q, want %q", got, want)
		}
	})
}

// A store of the version before is read on: its manifests have takes and pieces and no
// state, untold.json lists the runs with pending deliveries, and turn.json is its lease.
func TestStoreOfTheVersionBefore(t *testing.T) {
	t.Parallel()
	m := newMemory(nil)
	w := newWorld(m, 57)
	w.watch(t, "2026-11-20")
	w.books.left[20] = 50
	w.chats["ops"].answer(http.StatusNotFound)
	w.watch(t, "2026-11-21")
	delete(m.objects, "runs/credit/north/pending.json")
	put(t, m, "runs/credit/north/untold.json", `{"runs":["2026-11-21"]}`)
	put(t, m, "runs/credit/north/turn.json", `{"holder":"before","until":"2026-11-21T22:00:00Z"}`)
	for _, run := range []string{"2026-11-20", "2026-11-21"} {
		manifest := parse[map[string]any](t, get(t, m, "runs/credit/north/"+run+"/manifest.json"))
		manifest["takes"], manifest["pieces"] = manifest["attempts"], manifest["invocations"]
		for _, name := range []string{"state", "proven", "attempt", "attempts", "invocations", "period_start", "period_end", "read_late", "previous_state", "held", "resellers", "sample", "notify"} {
			delete(manifest, name)
		}
		text, err := core.AppendJSON(nil, manifest)
		if err != nil {
			t.Fatal(err)
		}
		put(t, m, "runs/credit/north/"+run+"/manifest.json", string(text))
	}
	w.chats["ops"].answer(http.StatusOK)
	w.books.left[30] = -1
	outcome := w.watch(t, "2026-11-22")
	if previous := outcome.Manifest.Previous; outcome.State != watch.Done || previous == nil || *previous != "2026-11-21" || len(outcome.Manifest.Warnings) > 0 {
		t.Errorf("%+v", outcome)
	}
	if got, want := w.chats["ops"].said()[1:], []string{"2026-11-21 credit_low", "2026-11-22 credit_overdrawn"}; !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
	if exists(m, "runs/credit/north/untold.json") || exists(m, "runs/credit/north/lease.json") {
		t.Error("untold.json or lease.json is left")
	}
}

// Deliveries of different stores and attempts have different ids; all messages of one
// delivery have the same.
func TestIDsOfDeliveries(t *testing.T) {
	t.Parallel()
	ids := make(map[string]string)
	for _, store := range []string{"one", "two"} {
		m := newMemory(nil)
		delete(m.objects, "store.json")
		w := newWorld(m, 57)
		w.watch(t, "2026-11-20")
		w.books.left[20] = 50
		for _, attempt := range []string{"first", "made again after it was deleted"} {
			w.watch(t, "2026-11-21")
			last := w.chats["ops"].taken[len(w.chats["ops"].taken)-1]
			for _, id := range []string{last.ID, last.Source} {
				if other, is := ids[id]; is {
					t.Errorf("%s is of %s and of %s, %s", id, other, store, attempt)
				}
				ids[id] = store + ", " + attempt
			}
			for name := range objects(t, m) {
				if strings.Contains(name, "2026-11-21/") {
					if err := m.Delete(t.Context(), name); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
}

// The identity of a store is made once, and again only if it is damaged.
func TestStoreIdentity(t *testing.T) {
	t.Parallel()
	m := newMemory(nil)
	delete(m.objects, "store.json")
	first, err := watch.Identity(t.Context(), m)
	again, other := watch.Identity(t.Context(), m)
	if err != nil || other != nil || first == "" || first != again {
		t.Errorf("%q, then %q: %v", first, again, errors.Join(err, other))
	}
	m.objects["store.json"] = []byte("{")
	if mended, err := watch.Identity(t.Context(), m); err != nil || mended == "" || mended == first {
		t.Errorf("%q after %q: %v", mended, first, err)
	}
}
