package watch_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// slowWorld is a world whose list takes 2 minutes to read and to prove, and whose
// channel takes 3 seconds.
func slowWorld() *world {
	w := newWorld(newMemory(nil), 200)
	w.books.latency = 25 * time.Second
	w.chats["ops"].takes = 3 * time.Second
	w.change = func(job *watch.Job) { job.PartSize = 1000 }
	return w
}

const interruptedRun = "2026-11-21"

// progressOf returns the parts of a run under way, and how many customers its checkpoint has.
func progressOf(t tester, s *memory) (parts []string, count int) {
	t.Helper()
	for object := range s.List(context.Background(), folderOf(interruptedRun)+"progress/") {
		if strings.Contains(object.Name, "/part-") {
			parts = append(parts, object.Name)
		}
	}
	name := folderOf(interruptedRun) + "progress/checkpoint.json"
	if !exists(s, name) {
		return parts, 0
	}
	return parts, parse[struct {
		Count int `json:"count"`
	}](t, get(t, s, name)).Count
}

// After a kill nothing is lost that was read more than half a minute before, though a part has
// many more customers; and the parts do not multiply.
func TestCheckpointsByTime(t *testing.T) {
	t.Parallel()
	calm := slowWorld()
	bubble(t, "", func(t *testing.T) {
		calm.watch(t, interruptedRun)
		want := objects(t, calm.store)
		for killed := 20 * time.Second; killed < 2*time.Minute; killed += 13 * time.Second {
			w := calm.on(newMemory(nil))
			w.books.latency = calm.books.latency
			start, due := time.Now(), 0
			w.change = func(job *watch.Job) {
				job.PartSize = 1000
				job.Progress = func(p watch.Progress) {
					if time.Since(start) <= killed-30*time.Second {
						due = p.Count
					}
				}
			}
			ctx, kill := context.WithCancel(t.Context())
			time.AfterFunc(killed, kill)
			_, err := w.call(ctx, interruptedRun)
			parts, count := progressOf(t, w.store.(*memory))
			if core.CodeOf(err) != core.CodeCanceled || count < due-1 || len(parts) > 1 {
				t.Errorf("killed after %s: %v, %d customers in %d parts, want %d", killed, err, count, len(parts), due)
			}
			before := w.books.calls.Load()
			w.change = calm.change
			w.watch(t, interruptedRun)
			if calls := int(w.books.calls.Load() - before); calls > 25-count/pageSize {
				t.Errorf("killed after %s: %d calls for what was not read", killed, calls)
			}
			same(t, w.store, want)
		}
	})
}

// Whenever and however often a call is interrupted, it ends soon, without an error and without
// its lease; the run ends with the bytes of an undisturbed one, and the channel has its digest
// once.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	calm := slowWorld()
	calm.withPartner(func(ctx context.Context) (core.PartnerState, []core.Warning) {
		select {
		case <-time.After(20 * time.Second):
			return partner("500.00", "500.00"), nil
		case <-ctx.Done():
			return core.PartnerState{}, []core.Warning{{Code: core.WarnPartnerUnavailable}}
		}
	})
	calm.store = slowStore{calm.store.(*memory)}
	bubble(t, "", func(t *testing.T) {
		calm.watch(t, interruptedRun)
		want, said, calls := objects(t, calm.store), calm.chats["ops"].said(), calm.books.calls.Load()
		for first := 4 * time.Second; first < 2*time.Minute; first += 11 * time.Second {
			w := calm.on(newMemory(nil))
			w.books.latency, w.chats["ops"].takes, w.change = calm.books.latency, calm.chats["ops"].takes, calm.change
			under := w.store.(*memory)
			w.store = slowStore{under}
			var outcome watch.Outcome
			after, interruptions := first, int64(0)
			for outcome.State != watch.Done && outcome.State != watch.Already {
				ctx, interrupt := context.WithCancelCause(t.Context())
				var at time.Time
				timer := time.AfterFunc(after, func() { at = time.Now(); interrupt(core.ErrInterrupted) })
				var err error
				outcome, err = w.call(ctx, interruptedRun)
				synctest.Wait() // the interruption may come with the end
				if interruptions++; timer.Stop() {
					interruptions--
				} else if took := time.Since(at); err != nil || took > 10*time.Second {
					t.Fatalf("%s after %s, %v", outcome.State, took, err)
				}
				after = time.Duration(1+random.IntN(200)) * time.Second
				if exists(under, "runs/credit/north/lease.json") {
					t.Error("the lease is kept")
				}
				if interruptions > 50 {
					t.Fatal("the run does not end")
				}
			}
			if more := w.books.calls.Load() - calls; more > 26*interruptions {
				t.Errorf("%d more calls in %d interruptions", more, interruptions)
			}
			same(t, under, want)
			once(t, w.chats["ops"], said)
			if len(w.chats["ops"].taken) > 1 {
				t.Errorf("delivered %d times", len(w.chats["ops"].taken))
			}
		}
	})
}

// After an interruption no comparison begins; the next call makes it without reading again.
func TestInterruptedBeforeComparing(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		w := slowWorld()
		ctx, interrupt := context.WithCancelCause(t.Context())
		w.change = func(job *watch.Job) {
			job.Progress = func(p watch.Progress) {
				if p.Step == watch.StepComparing {
					interrupt(core.ErrInterrupted)
				}
			}
		}
		if outcome, err := w.call(ctx, interruptedRun); err != nil || outcome.State != watch.GoingOn || outcome.Manifest.Count != 200 {
			t.Fatalf("%s, %v", outcome.State, err)
		}
		calls := w.books.calls.Load()
		if outcome := w.watch(t, interruptedRun); outcome.State != watch.Done || w.books.calls.Load() != calls {
			t.Errorf("%s, and %d calls more", outcome.State, w.books.calls.Load()-calls)
		}
	})
}
