package core_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"partnerlens/pkg/core"
)

func sharingReader(l *ledger) *core.Reader[core.CreditQuery, *core.CustomerCredit] {
	return core.NewReader(slow[core.CreditQuery, *core.CustomerCredit]{l, time.Second}, &core.ReaderOptions[core.CreditQuery]{
		Schema: "test/v1", Provider: "test", ShareFor: 5 * time.Second, Attempts: 1, Now: func() time.Time { return l.began },
	})
}

func ask(ctx context.Context, r *core.Reader[core.CreditQuery, *core.CustomerCredit], o core.ReadOptions, room int) (ids []string, report core.Report, err error) {
	report, err = r.Read(ctx, core.CreditQuery{Order: core.OrderAscending}, &o, func(c *core.CustomerCredit) bool {
		if room > 0 && len(ids) == room {
			return false
		}
		ids = append(ids, c.CustomerID)
		return true
	})
	return ids, report, err
}

func TestFiftyViewersSpendOneRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(25)
		r := sharingReader(l)
		var viewers sync.WaitGroup
		for range 50 {
			viewers.Go(func() {
				ids, report, err := ask(t.Context(), r, core.ReadOptions{}, 0)
				if err != nil || !report.Complete || !slices.Equal(ids, l.ids) {
					t.Errorf("%d customers, %+v, %v", len(ids), report, err)
				}
			})
		}
		viewers.Wait()
		if l.calls != 3 {
			t.Errorf("%d calls for fifty viewers, want 3", l.calls)
		}

		// Soon after it is the same answer, and says how old it is.
		time.Sleep(3 * time.Second)
		var age time.Duration
		ctx := core.WithTrace(t.Context(), &core.Trace{Shared: func(a time.Duration) { age = a }})
		if _, _, err := ask(ctx, r, core.ReadOptions{}, 0); err != nil || age != 3*time.Second || l.calls != 3 {
			t.Errorf("age %v, %d calls, %v", age, l.calls, err)
		}

		// A query with less room gets a part, and a cursor that continues there.
		ids, report, err := ask(t.Context(), r, core.ReadOptions{}, 7)
		if err != nil || len(ids) != 7 || report.Count != 7 || *report.Stopped != core.StoppedSize || report.Complete {
			t.Fatalf("%d customers, %+v, %v", len(ids), report, err)
		}
		rest, report, err := ask(t.Context(), r, core.ReadOptions{Cursor: *report.Next}, 0)
		if err != nil || !report.Complete || !slices.Equal(append(ids, rest...), l.ids) {
			t.Errorf("the rest: %d customers, %+v, %v", len(rest), report, err)
		}

		// Another question is another read, and later it is read again.
		calls := l.calls
		if _, _, err := ask(t.Context(), r, core.ReadOptions{Statuses: []string{"ok"}}, 0); err != nil || l.calls == calls {
			t.Errorf("another question was answered with this one: %v", err)
		}
		time.Sleep(3 * time.Second)
		calls = l.calls
		if _, _, err := ask(t.Context(), r, core.ReadOptions{}, 0); err != nil || l.calls != calls+3 {
			t.Errorf("%d calls later, want 3 more than %d: %v", l.calls, calls, err)
		}
	})
}

// A query that is canceled or fails does not end the others.
func TestSharedReadsFailAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(25)
		r := sharingReader(l)
		ctx, cancel := context.WithCancel(t.Context())
		var viewers sync.WaitGroup
		viewers.Go(func() {
			if _, _, err := ask(ctx, r, core.ReadOptions{}, 0); core.CodeOf(err) != core.CodeCanceled {
				t.Errorf("the canceled query: %v", err)
			}
		})
		synctest.Wait()
		for range 5 {
			viewers.Go(func() {
				if ids, report, err := ask(t.Context(), r, core.ReadOptions{}, 0); err != nil || !report.Complete || len(ids) != 25 {
					t.Errorf("another query: %d customers, %+v, %v", len(ids), report, err)
				}
			})
		}
		time.Sleep(500 * time.Millisecond)
		cancel()
		viewers.Wait()

		l.fail = func(int) error { return &core.Error{Code: core.CodeUpstream} }
		time.Sleep(time.Minute)
		for range 2 {
			if _, _, err := ask(t.Context(), r, core.ReadOptions{}, 0); core.CodeOf(err) != core.CodeUpstream {
				t.Errorf("a failure: %v", err)
			}
		}
		l.fail = nil
		if _, report, err := ask(t.Context(), r, core.ReadOptions{}, 0); err != nil || !report.Complete {
			t.Errorf("a failure was kept: %+v, %v", report, err)
		}
	})
}

// No caller waits for another's connection, or for another's read of an answer that is too
// large to be shared.
func TestSlowReaderBlocksNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, customers := range []int{25, 5000} {
			l := newLedger(customers)
			r := core.NewReader(l, &core.ReaderOptions[core.CreditQuery]{ShareFor: time.Minute, Attempts: 1, Pacer: core.NewPacer(0)})
			release := make(chan struct{})
			var under sync.WaitGroup
			slow := func(after int) {
				under.Go(func() {
					taken := 0
					report, err := r.Read(t.Context(), core.CreditQuery{Order: core.OrderAscending}, nil, func(*core.CustomerCredit) bool {
						if taken++; taken > after {
							<-release
						}
						return true
					})
					if err != nil || report.Count != customers || !report.Complete {
						t.Errorf("the slow one: %v, %+v", err, report)
					}
				})
				synctest.Wait()
			}
			slow(3)
			if customers > 2000 {
				slow(2001)
			}
			began := time.Now()
			for range 10 {
				under.Go(func() {
					if ids, report, err := ask(t.Context(), r, core.ReadOptions{}, 0); err != nil || !report.Complete || len(ids) != customers {
						t.Errorf("%d customers, %+v, %v", len(ids), report, err)
					}
					if waited := time.Since(began); waited > time.Second {
						t.Errorf("of %d customers one waited %v for another", customers, waited)
					}
				})
			}
			time.Sleep(2 * time.Second)
			close(release)
			under.Wait()
		}
	})
}
