package core

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// How often a page is tried: a bound for each page and one for the whole read.
// Retries without bound make an overloaded server worse, and outlive the deadline.
const (
	attemptsPerPage = 6
	attemptsOfEmpty = 3 // at a page that is empty though the vendor counts customers there
	retriesPerRead  = 60
	firstRetryAfter = 200 * time.Millisecond // doubled at each further one, with jitter
	lastRetryAfter  = 10 * time.Second
)

// retryBudget is what is left of a read's retries, and what its calls met.
type retryBudget struct {
	retries   atomic.Int64 // made so far
	throttled atomic.Int64 // refusals met so far
	slowest   atomic.Int64 // nanoseconds that the slowest page took
}

// fetch returns one page, after as many attempts as it takes, each signed anew.
func (r *Reader[Q, T]) fetch(ctx context.Context, query Q, at Cursor, retry *retryBudget) (Page[T], error) {
	renewed := false
	for attempt := 1; ; attempt++ {
		page, failure := r.attempt(ctx, query, at, retry, attempt)
		if failure == nil || page.Total != nil && attempt >= min(attemptsOfEmpty, r.opts.Tries) {
			return page, nil // an empty page that stays empty ends the list: the total decides what that is worth
		}
		failure.Tries = attempt
		if failure.KeyRenewed && !renewed {
			renewed = true
			continue
		}
		wait, again := retry.allow(failure, attempt, r.opts.Tries)
		if !again {
			return Page[T]{}, failure
		}
		switch err := sleep(ctx, wait); {
		case errors.Is(err, context.Canceled):
			return Page[T]{}, AsError(err)
		case err != nil: // no time for another attempt: what failed is the better reason
			return Page[T]{}, failure
		}
	}
}

// attempt makes one attempt at a page.
func (r *Reader[Q, T]) attempt(ctx context.Context, query Q, at Cursor, retry *retryBudget, n int) (Page[T], *Error) {
	call, err := r.opts.Pacer.Wait(ctx)
	if err != nil {
		return Page[T]{}, AsError(err)
	}
	if retry.late(ctx) {
		return Page[T]{}, errLate()
	}
	start := time.Now()
	page, err := r.source.FetchPage(ctx, query, at)
	took := time.Since(start)
	page, failure := checkPage(ctx, page, at, err)
	tracesOf(ctx).called(ctx, Call{
		Schema: r.opts.Schema, Provider: r.opts.Provider, Account: r.opts.Account,
		Try: n, Code: failure.code(), Took: took,
	})
	switch {
	case failure == nil:
		for before := retry.slowest.Load(); int64(took) > before && !retry.slowest.CompareAndSwap(before, int64(took)); {
			before = retry.slowest.Load()
		}
	case failure.Code == CodeThrottled:
		retry.throttled.Add(1)
		r.opts.Pacer.Refused(call, failure.RetryAfter)
	}
	return page, failure
}

// checkPage turns the result of a call into a page or a failure. The *Error is
// a copy: its Tries is set later.
func checkPage[T Record](ctx context.Context, page Page[T], at Cursor, err error) (Page[T], *Error) {
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

// late reports whether there is only time left to answer: a page as slow as
// the slowest so far would not come in time.
func (b *retryBudget) late(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) < time.Duration(b.slowest.Load())*3/2
}

func errLate() *Error {
	return &Error{Code: CodeDeadline, Detail: "time ran out; go on from next"}
}

// allow reports whether a page that failed may be tried again, and after how long.
func (b *retryBudget) allow(failure *Error, attempt, most int) (wait time.Duration, again bool) {
	if !failure.Code.Retryable() || attempt >= most || b.retries.Add(1) > retriesPerRead {
		return 0, false
	}
	if failure.Dropped && attempt == 1 {
		return 0, true // a kept connection that the server had closed: nothing is wrong
	}
	wait = min(firstRetryAfter<<(attempt-1), lastRetryAfter)
	wait = wait/2 + rand.N(wait/2+1)
	return max(wait, failure.RetryAfter), true
}
