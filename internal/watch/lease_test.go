package watch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"partnerlens/internal/store"
	"partnerlens/internal/watch"
)

// Concurrent runs, and concurrent calls for one run, report each alert once.
func TestOverlapsReportOnce(t *testing.T) {
	t.Parallel()
	for name, runs := range map[string][]string{
		"three runs":  {"2026-11-21T06", "2026-11-21T07", "2026-11-21T08"},
		"three calls": {"2026-11-21T06", "2026-11-21T06", "2026-11-21T06"},
		"both":        {"2026-11-21T06", "2026-11-21T07", "2026-11-21T06", "2026-11-21T07"},
	} {
		bubble(t, name, func(t *testing.T) {
			w := newWorld(newMemory(nil), 57)
			w.watch(t, "2026-11-21T05")
			w.chats["ops"].taken, w.chats["ops"].takes = nil, 8*time.Second
			w.books.left[20] = 50
			var under sync.WaitGroup
			for _, run := range runs {
				under.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
					defer cancel()
					if o, err := w.call(ctx, run); err != nil || o.State != watch.Done && o.State != watch.Already {
						t.Errorf("%s: %s, %v", run, o.State, err)
					}
				})
			}
			under.Wait()
			if n := strings.Count(strings.Join(w.chats["ops"].said(), " "), "credit_low"); n != 1 {
				t.Errorf("reported %d times: %q", n, w.chats["ops"].said())
			}
		})
	}
}

// An invocation without the time to wait for the lease leaves the run to the next call.
func TestNoTimeForTheLease(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		w := newWorld(newMemory(nil), 57)
		w.books.latency = 10 * time.Minute
		go func() { _, _ = w.call(t.Context(), "2026-11-21") }()
		time.Sleep(time.Minute) // long enough for a lease that is not renewed to expire
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		start, calls := time.Now(), w.books.calls.Load()
		o, err := w.call(ctx, "2026-11-21")
		if took := time.Since(start); err != nil || o.State != watch.GoingOn || took < 110*time.Second || took > 111*time.Second || w.books.calls.Load() != calls {
			t.Errorf("%s, %v after %s and %d calls", o.State, err, took, w.books.calls.Load()-calls)
		}
		time.Sleep(3 * time.Hour)
		if got := w.chats["ops"].said(); len(got) != 1 {
			t.Errorf("said %q", got)
		}
	})
}

// The lease of a killed invocation is taken when it has expired, and at once if it claims
// to hold for a day or is damaged.
func TestLeaseIsTaken(t *testing.T) {
	t.Parallel()
	for until, waits := range map[time.Duration]time.Duration{
		10 * time.Second: 10 * time.Second, -time.Hour: 0, 24 * time.Hour: 0, 0: 0,
	} {
		bubble(t, until.String(), func(t *testing.T) {
			w := newWorld(newMemory(nil), 5)
			text := fmt.Sprintf(`{"holder":"another","until":%q}`, time.Now().Add(until).Format(time.RFC3339Nano))
			if until == 0 {
				text = text[:10]
			}
			put(t, w.store, "runs/credit/north/lease.json", text)
			start := time.Now()
			w.watch(t, "2026-11-21")
			if took := time.Since(start); took < waits || took > waits+time.Second {
				t.Errorf("waits %s, want %s", took, waits)
			}
		})
	}
}

// frozen is a store that fails to renew the lease, and to return it once it is acquired.
type frozen struct {
	store.Store
	unread *bool
}

func (s frozen) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	if strings.HasSuffix(name, "lease.json") {
		return errRefused
	}
	return s.Store.Put(ctx, name, write)
}

func (s frozen) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	if s.unread != nil && strings.HasSuffix(name, "lease.json") {
		if *s.unread {
			return nil, errRefused
		}
		*s.unread = true
	}
	return s.Store.Get(ctx, name)
}

// An invocation whose lease expired and was taken does not change the run that the other
// one has finished, and delivers nothing, wherever it stalled.
func TestLeaseIsLost(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stalls string // the object before which it stalls; "": while it reads
		time   time.Duration
		unread bool // its lease cannot be read
	}{
		"while it reads":           {"", 0, false},
		"while it reads, cut off":  {"", 0, true},
		"before its parts":         {"progress/part", time.Minute, false},
		"before its customers":     {"customers.csv", time.Minute, false},
		"cut off":                  {"customers.csv", time.Minute, true},
		"before its pending list":  {"pending.json", time.Minute, false},
		"just before it delivers":  {"pending.json", leaseTime + 2*leasePoll, false},
		"just before, and cut off": {"pending.json", leaseTime + 2*leasePoll, true},
	} {
		bubble(t, name, func(t *testing.T) {
			var unread *bool
			if test.unread {
				unread = new(bool)
			}
			w := newWorld(newMemory(nil), 57)
			w.watch(t, "2026-11-20")
			w.chats["ops"].taken = nil
			w.books.left[20] = 50
			slow := w.on(stalling{frozen{w.store, unread}, test.stalls, test.time})
			slow.chats = w.chats
			slow.books.left[40] = -1 // the two invocations read different lists
			if test.stalls == "" {
				slow.books.latency = 20 * time.Second
			}
			lost := make(chan watch.Outcome)
			go func() {
				outcome, err := slow.call(t.Context(), "2026-11-21")
				if err != nil && !test.unread {
					t.Error(err)
				}
				lost <- outcome
			}()
			time.Sleep(5 * time.Second)
			if outcome := w.watch(t, "2026-11-21"); outcome.State != watch.Done {
				t.Errorf("%s", outcome.State)
			}
			want := objects(t, w.store)
			if outcome := <-lost; outcome.State != watch.GoingOn && !test.unread {
				t.Errorf("the other one: %s", outcome.State)
			}
			got := objects(t, w.store)
			for name, text := range got {
				if want[name] != text && !strings.Contains(name, "progress/") && !strings.HasSuffix(name, "pending.json") {
					t.Errorf("%s changed after the run was done", name)
				}
			}
			if got := w.chats["ops"].said(); len(got) != 1 || !strings.Contains(got[0], "credit_low") {
				t.Errorf("said %q", got)
			}
			w.watch(t, "2026-11-21")
			same(t, w.store, want)
			if got := w.chats["ops"].said(); len(got) != 1 {
				t.Errorf("said %q", got)
			}
		})
	}
}

// An invocation whose lease was taken during a delivery publishes nothing.
func TestLeaseIsLostWhileDelivering(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		w := newWorld(newMemory(nil), 57)
		w.watch(t, "2026-11-20")
		w.books.left[20] = 50
		w.chats["ops"].taken = nil
		slow := w.on(frozen{w.store, nil})
		slow.chats = w.chats
		w.chats["ops"].takes = leaseTime + leasePoll // until just after the other invocation has the lease
		lost := make(chan watch.State)
		go func() {
			outcome, err := slow.call(t.Context(), "2026-11-21")
			if err != nil {
				t.Error(err)
			}
			lost <- outcome.State
		}()
		time.Sleep(5 * time.Second)
		w.chats["ops"].slow(0)
		if outcome := w.watch(t, "2026-11-21"); outcome.State != watch.Done {
			t.Errorf("%s", outcome.State)
		}
		if state := <-lost; state != watch.GoingOn {
			t.Errorf("the other one: %s", state)
		}
		once(t, w.chats["ops"], []string{"2026-11-21 credit_low"})
	})
}

// See lease in lease.go.
const (
	leaseTime = 15 * time.Second
	leasePoll = 250 * time.Millisecond
)

// stalling is a store that stalls before it puts some objects.
type stalling struct {
	store.Store
	name string
	time time.Duration
}

func (s stalling) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	if s.name != "" && strings.Contains(name, s.name) {
		time.Sleep(s.time)
		if ctx.Err() != nil {
			return errors.Join(errRefused, ctx.Err())
		}
	}
	return s.Store.Put(ctx, name, write)
}
