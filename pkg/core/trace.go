package core

import (
	"context"
	"time"
)

// Trace is told what happens while a question is read, in the manner of
// net/http/httptrace: for progress on a terminal, logs and measures. Its
// functions may be nil and must return soon. All but Called are called one after
// another for one read. They are told counts, never a customer's data.
type Trace struct {
	// PageRead is called for each page that was taken in.
	PageRead func(pages, customers int, total *int) // so far; total as the cloud counts, nil where it does not

	// Shared is called, before the first record, where the answer is one that
	// was read for another question just like it, so long ago.
	Shared func(age time.Duration)

	// Called is called for each attempt at a page once it is over, also at one
	// that nobody waits for any more. Several goroutines call it at once.
	Called func(ctx context.Context, call Call)

	// Ended is called where a read of one account is over.
	Ended func(ctx context.Context, read ReadEnd)
}

// Call is one attempt at a page: one call of the cloud. A call that finds out
// what to ask for counts as the question's.
type Call struct {
	Schema, Provider, Account string // as the ReaderOptions say

	Try  int           // at this page, from 1
	Code Code          // what failed; "": nothing
	Took time.Duration // without the wait for its turn
}

// ReadEnd is one account's read that is over.
type ReadEnd struct {
	Schema, Provider, Account string // as the ReaderOptions say

	Pages, Customers int  // taken in, also of customers that were not asked for
	Complete         bool // proven to be all that was asked for
	Stopped          Stop // why it ended early; "": it did not
	Code             Code // why nothing was read; "": something was
}

type traceKey struct{}

// WithTrace gives a context whose reads are told to trace, and then to the one
// that ctx has. A nil trace is none.
func WithTrace(ctx context.Context, trace *Trace) context.Context {
	if trace == nil {
		return ctx
	}
	if before := traceOf(ctx); before != &noTrace {
		trace = trace.and(before)
	}
	return context.WithValue(ctx, traceKey{}, trace)
}

// noTrace is not written to.
var noTrace Trace

func traceOf(ctx context.Context) *Trace {
	if trace, ok := ctx.Value(traceKey{}).(*Trace); ok {
		return trace
	}
	return &noTrace
}

// and gives a Trace that tells both.
func (t *Trace) and(next *Trace) *Trace {
	both := *t
	switch first, second := t.PageRead, next.PageRead; {
	case first == nil:
		both.PageRead = second
	case second != nil:
		both.PageRead = func(pages, customers int, total *int) {
			first(pages, customers, total)
			second(pages, customers, total)
		}
	}
	switch first, second := t.Shared, next.Shared; {
	case first == nil:
		both.Shared = second
	case second != nil:
		both.Shared = func(age time.Duration) { first(age); second(age) }
	}
	switch first, second := t.Called, next.Called; {
	case first == nil:
		both.Called = second
	case second != nil:
		both.Called = func(ctx context.Context, call Call) { first(ctx, call); second(ctx, call) }
	}
	switch first, second := t.Ended, next.Ended; {
	case first == nil:
		both.Ended = second
	case second != nil:
		both.Ended = func(ctx context.Context, read ReadEnd) { first(ctx, read); second(ctx, read) }
	}
	return &both
}

// only gives ctx with trace in place of the one that it has.
func (t *Trace) only(ctx context.Context) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// scopes splits a query.
func (r *Reader[Q, T]) scopes(ctx context.Context, query Q) ([]Scope[Q], error) {
	return r.opts.Scopes(r.onlyCalls(ctx), query)
}

// onlyCalls returns ctx for what another Reader reads for this one: calls are
// traced as this Reader's, and nothing else is, since it reads no customers.
func (r *Reader[Q, T]) onlyCalls(ctx context.Context) context.Context {
	trace := traceOf(ctx)
	if trace == &noTrace {
		return ctx
	}
	calls := new(Trace)
	if trace.Called != nil {
		calls.Called = func(ctx context.Context, call Call) {
			call.Schema, call.Provider, call.Account = r.opts.Schema, r.opts.Provider, r.opts.Account
			trace.Called(ctx, call)
		}
	}
	return calls.only(ctx)
}

// traceCall reports an attempt to the trace.
func (r *Reader[Q, T]) traceCall(ctx context.Context, try int, failure *Error, took time.Duration) {
	trace := traceOf(ctx)
	if trace.Called == nil {
		return
	}
	call := Call{Schema: r.opts.Schema, Provider: r.opts.Provider, Account: r.opts.Account, Try: try, Took: took}
	if failure != nil {
		call.Code = failure.Code
	}
	trace.Called(ctx, call)
}

// traceEnd reports the end of a read to the trace.
func (d *readState[Q, T]) traceEnd(report Report, err error) {
	trace := traceOf(d.ctx)
	if trace.Ended == nil {
		return
	}
	opts := &d.reader.opts
	end := ReadEnd{
		Schema: opts.Schema, Provider: opts.Provider, Account: opts.Account,
		Pages: d.pages, Customers: d.rows, Complete: err == nil && report.Complete, Code: CodeOf(err),
	}
	if err == nil && report.Stopped != nil {
		end.Stopped = *report.Stopped
	}
	trace.Ended(d.ctx, end)
}
