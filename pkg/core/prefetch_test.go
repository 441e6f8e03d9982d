package core

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestRefusalsHalveTheLookahead: a vendor that refuses calls gets fewer at once.
func TestRefusalsHalveTheLookahead(t *testing.T) {
	t.Parallel()
	source := sourceFunc(func(context.Context, Cursor) (Page[*CustomerTag], error) { return Page[*CustomerTag]{}, nil })
	var retry retryBudget
	p := NewReader(source, nil).prefetch(t.Context(), TagQuery{}, Cursor{}, &retry)
	defer p.close()
	for range 10 {
		p.continueAt(Cursor{}, forecast{})
	}
	if p.ahead != aheadUnknown {
		t.Fatalf("%d ahead, want that it has grown to %d", p.ahead, aheadUnknown)
	}
	for want := aheadUnknown / 2; want >= 1; want /= 2 {
		retry.throttled.Add(1)
		if p.continueAt(Cursor{}, forecast{}); p.ahead != want {
			t.Errorf("%d ahead after a refusal, want %d", p.ahead, want)
		}
	}
}

// A refusal counts, and so halves the lookahead of its read, and the wait that
// the server asks for holds for every call of the account.
func TestRefusalsAreCounted(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		code   Code
		counts int64
		wait   time.Duration // until the next call may start
		rate   int
	}{
		{CodeThrottled, 1, 7 * time.Second, 1},
		{CodeUnavailable, 0, 0, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			source := sourceFunc(func(context.Context, Cursor) (page Page[*CustomerTag], _ error) {
				return page, &Error{Code: test.code, RetryAfter: 7 * time.Second}
			})
			pacer := NewPacer(5)
			var retry retryBudget
			var called Call
			ctx := WithTrace(t.Context(), &Trace{Called: func(_ context.Context, call Call) { called = call }})
			_, err := NewReader(source, &ReaderOptions[TagQuery]{Pacer: pacer, Attempts: 1}).fetch(ctx, TagQuery{}, Cursor{}, &retry)
			if CodeOf(err) != test.code || retry.throttled.Load() != test.counts {
				t.Errorf("%v: %d refusals, want %d", err, retry.throttled.Load(), test.counts)
			}
			if called.Code != test.code || called.Late || called.Rate != test.rate {
				t.Errorf("the call was traced as %+v", called)
			}
			start := time.Now()
			if _, err := pacer.Wait(t.Context()); err != nil || time.Since(start) != test.wait {
				t.Errorf("after %s the next call starts after %v, want %v; %v", test.code, time.Since(start), test.wait, err)
			}
		})
	}
}

// The first page of a pass carries the count of the moment before all its other
// pages, and a pass ends before the next one begins: no page is fetched beside
// the first one, and close leaves no call under way.
func TestPassesDoNotOverlap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls, under atomic.Int64
		source := sourceFunc(func(context.Context, Cursor) (page Page[*CustomerTag], _ error) {
			calls.Add(1)
			under.Add(1)
			defer under.Add(-1)
			time.Sleep(time.Second) // past the end of its context
			return page, nil
		})
		var retry retryBudget
		p := NewReader(source, &ReaderOptions[TagQuery]{Pacer: NewPacer(0)}).prefetch(t.Context(), TagQuery{}, Cursor{Size: 10}, &retry)
		defer p.close()
		if _, err := p.next(); err != nil || calls.Load() != 1 {
			t.Errorf("%d calls by the time the first page is there, want 1; %v", calls.Load(), err)
		}
		p.continueAt(Cursor{Offset: 10, Size: 10}, forecast{step: 10, end: 100})
		if _, err := p.next(); err != nil || calls.Load() != 1+aheadKnown {
			t.Errorf("%d calls by the time the second page is there, want %d; %v", calls.Load(), 1+aheadKnown, err)
		}
		p.launch()
		synctest.Wait()
		if p.close(); under.Load() != 0 {
			t.Errorf("%d calls are under way after close", under.Load())
		}
	})
}
