package core

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// Attempts are bounded for each page and for the whole read: unbounded retries
// burden an overloaded server and outlive the deadline.
const (
	attemptsPerPage = 6
	attemptsOfEmpty = 3 // at an empty page where the vendor counts customers
	retriesPerRead  = 60
	firstRetryAfter = 200 * time.Millisecond // doubled at each further one, with jitter
	lastRetryAfter  = 10 * time.Second
)

// retryBudget counts the retries of a read.
type retryBudget struct {
	retries       atomic.Int64
	throttled     atomic.Int64 // refusals
	refusedInARow atomic.Int64 // by the last Refusal
	slowest       atomic.Int64 // nanoseconds of the slowest page
}

// fetch returns one page, in as many attempts as it takes and may take. Each
// attempt is signed anew. If time runs out before another attempt, the error is
// that of the last one, which is the better reason.
func (r *Reader[Q, T]) fetch(ctx context.Context, query Q, at Cursor, retry *retryBudget) (Page[T], error) {
	renewed := false
	var last *Error
	for attempt := 1; ; attempt++ {
		page, failure := r.attempt(ctx, query, at, retry, attempt)
		if failure != nil && failure.Code == CodeDeadline && last != nil {
			return Page[T]{}, last
		}
		if failure == nil || page.Total != nil && attempt >= min(attemptsOfEmpty, r.opts.Attempts) {
			return page, nil // it stays empty: the list ends here, and the proof compares it with the total
		}
		failure.Attempts = attempt
		if failure.KeyRenewed && !renewed {
			renewed = true
			continue
		}
		last = failure
		wait, again := retry.allow(failure, attempt, r.opts.Attempts)
		if !again {
			return Page[T]{}, failure
		}
		switch err := Sleep(ctx, wait); {
		case errors.Is(err, context.Canceled):
			return Page[T]{}, AsError(err)
		case err != nil:
			return Page[T]{}, failure
		}
	}
}

// attempt makes one attempt at a page.
func (r *Reader[Q, T]) attempt(ctx context.Context, query Q, at Cursor, retry *retryBudget, n int) (Page[T], *Error) {
	permit, err := r.opts.Pacer.Wait(ctx)
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
	call := Call{
		Schema: r.opts.Schema, Provider: r.opts.Provider, Account: r.opts.Account,
		Attempt: n, Code: failure.code(), Took: took,
	}
	switch {
	case failure == nil:
		r.opts.Pacer.Accepted(permit)
		for before := retry.slowest.Load(); int64(took) > before && !retry.slowest.CompareAndSwap(before, int64(took)); {
			before = retry.slowest.Load()
		}
	case failure.Code == CodeThrottled:
		retry.throttled.Add(1)
		refusal := r.opts.Pacer.Refused(permit, failure.RetryAfter)
		retry.refusedInARow.Store(int64(refusal.InARow))
		call.Late = refusal.Late
	}
	call.Rate = r.opts.Pacer.Rate()
	tracesOf(ctx).called(ctx, call)
	return page, failure
}

// checkPage turns the result of a call into a page or a failure. The *Error is
// a copy: its Attempts is set later.
func checkPage[T Record](ctx context.Context, page Page[T], at Cursor, err error) (Page[T], *Error) {
	switch {
	case err == nil && len(page.Items) == 0 && page.Total != nil && *page.Total > at.Offset:
		return page, &Error{
			Code: CodeUnavailable, RequestID: page.RequestID,
			Detail: "the vendor sent an empty page where it counts customers",
		}
	case err == nil:
		return page, nil
	case ctx.Err() != nil:
		return Page[T]{}, AsError(ctx.Err())
	}
	failure := *AsError(err)
	return Page[T]{}, &failure
}

// late reports whether a page as slow as the slowest so far would come after the
// deadline.
func (b *retryBudget) late(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) < time.Duration(b.slowest.Load())*3/2
}

func errLate() *Error {
	return &Error{Code: CodeDeadline, Detail: "time ran out; go on from next"}
}

// allow reports whether a page may be retried after a failure, and how long to
// wait. The Pacer spaces the attempts of a page that was refused, and they are
// bounded only while the vendor accepts no other page either.
func (b *retryBudget) allow(failure *Error, attempt, most int) (wait time.Duration, again bool) {
	throttled := failure.Code == CodeThrottled
	if throttled {
		attempt = (int(b.refusedInARow.Load()) + 1) / 2 // twice as many: the others share the limit every 20 s only
	}
	switch {
	case !failure.Code.Retryable() || attempt >= most || b.retries.Add(1) > retriesPerRead:
		return 0, false
	case throttled, failure.Dropped && attempt == 1: // or the server had closed an idle connection
		return 0, true
	}
	wait = min(firstRetryAfter<<(attempt-1), lastRetryAfter)
	wait = wait/2 + rand.N(wait/2+1)
	return max(wait, failure.RetryAfter), true
}
