package core

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// How often a page is tried. A bound for each page and one for the whole read:
// retries without end make an overloaded cloud worse, and outlive the deadline.
const (
	triesPerPage    = 6
	triesOfEmpty    = 3 // of a page that is empty though the cloud counts customers there
	retriesPerRead  = 60
	firstRetryAfter = 200 * time.Millisecond // doubled at each further one, with jitter
	lastRetryAfter  = 10 * time.Second
)

// tries is what is left of a read's retries, and what they met.
type tries struct {
	retries   atomic.Int64 // made so far
	throttled atomic.Int64 // refusals met so far
	slowest   atomic.Int64 // nanoseconds that the slowest page took
}

// fetch is one page, whatever it takes: its turn, its tries, each signed anew.
func (r *Reader[Q, T]) fetch(ctx context.Context, query Q, at Cursor, t *tries) (Page[T], error) {
	renewed := false
	for try := 1; ; try++ {
		page, begun, failure := r.attempt(ctx, query, at, t, try)
		if failure == nil || page.Total != nil && try >= min(triesOfEmpty, r.opts.Tries) {
			return page, nil // an empty page that stays empty ends the list: the total will tell
		}
		failure.Tries = try
		if source, ok := r.source.(Renewer); ok && failure.StaleKey && !renewed {
			if renewed = source.Renew(ctx, begun); renewed {
				continue
			}
		}
		wait, again := t.allow(failure, try, r.opts.Tries)
		if !again {
			return Page[T]{}, failure
		}
		switch err := sleep(ctx, wait); {
		case errors.Is(err, context.Canceled):
			return Page[T]{}, AsError(err)
		case err != nil: // no time for another try: what failed is the better reason
			return Page[T]{}, failure
		}
	}
}

// attempt is one try at a page, and when its call began: the key is as old as
// that at least.
func (r *Reader[Q, T]) attempt(ctx context.Context, query Q, at Cursor, t *tries, try int) (Page[T], time.Time, *Error) {
	call, err := r.opts.Pacer.Wait(ctx)
	begun := time.Now()
	if err != nil {
		return Page[T]{}, begun, AsError(err)
	}
	if t.late(ctx) {
		return Page[T]{}, begun, errLate()
	}
	page, err := r.source.FetchPage(ctx, query, at)
	took := time.Since(begun)
	page, failure := judged(ctx, page, at, err)
	r.tellCalled(ctx, try, failure, took)
	switch {
	case failure == nil:
		for before := t.slowest.Load(); int64(took) > before && !t.slowest.CompareAndSwap(before, int64(took)); {
			before = t.slowest.Load()
		}
	case failure.Code == CodeThrottled:
		t.throttled.Add(1)
		r.opts.Pacer.Refused(call, failure.RetryAfter)
	}
	return page, begun, failure
}

// judged gives what came of a call. An *Error is a copy: Tries is ours to set.
func judged[T Record](ctx context.Context, page Page[T], at Cursor, err error) (Page[T], *Error) {
	switch {
	case err == nil && len(page.Items) == 0 && page.Total != nil && *page.Total > at.Offset:
		return page, &Error{
			Code: CodeUnavailable, RequestID: page.RequestID,
			Detail: "the cloud sent an empty page where it counts customers",
		}
	case err == nil:
		return page, nil
	case ctx.Err() != nil:
		return Page[T]{}, AsError(ctx.Err())
	}
	failure := *AsError(err)
	return Page[T]{}, &failure
}

// late says that there is only time left to answer: a page as slow as the
// slowest so far would not come in time.
func (t *tries) late(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) < time.Duration(t.slowest.Load())*3/2
}

func errLate() *Error {
	return &Error{Code: CodeDeadline, Detail: "time ran out; go on from next"}
}

// allow says whether a page that failed may be tried again, and after how long.
func (t *tries) allow(failure *Error, try, most int) (wait time.Duration, again bool) {
	if !failure.Code.Retryable() || try >= most || t.retries.Add(1) > retriesPerRead {
		return 0, false
	}
	if failure.Dropped && try == 1 {
		return 0, true // a kept connection that the server had closed: nothing is wrong
	}
	wait = min(firstRetryAfter<<(try-1), lastRetryAfter)
	wait = wait/2 + rand.N(wait/2+1)
	return max(wait, failure.RetryAfter), true
}
