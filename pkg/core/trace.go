package core

import (
	"context"
	"time"
)

// Trace is a set of hooks into reads, in the manner of net/http/httptrace, for
// progress, logs and metrics. Any hook may be nil; each must return soon. The
// hooks of one read are called one after another, except Called. They receive
// counts, never a customer's data.
type Trace struct {
	// PageRead is called for each page taken in, with the counts so far. total
	// is the vendor's count, or nil.
	PageRead func(pages, customers int, total *int)

	// Shared is called before the first record of an answer that was read for
	// an earlier identical query, with the answer's age.
	Shared func(age time.Duration)

	// Called is called after each attempt at a page, including one whose page
	// is no longer wanted. Several goroutines call it at once.
	Called func(ctx context.Context, call Call)

	// Ended is called at the end of each read of one account.
	Ended func(ctx context.Context, read ReadEnd)
}

// Call is one attempt at a page: one call of the vendor. Calls that split a
// query into scopes, or prove its answer, count as calls of that query.
type Call struct {
	Schema, Provider, Account string // of the ReaderOptions

	Attempt int           // at this page, from 1
	Code    Code          // of the failure; "": none
	Took    time.Duration // without the wait for a permit
	Late    bool          // if Code is CodeThrottled: the Refusal's Late
	Rate    int           // calls a second that the Pacer allows now; 0: no bound
}

// ReadEnd is the end of a read of one account.
type ReadEnd struct {
	Schema, Provider, Account string // of the ReaderOptions

	Pages, Customers int  // taken in, including customers filtered out by status
	Complete         bool // proven complete
	Stopped          Stop // why it ended early; "": it did not
	Code             Code // of the error that the read returned; "": none
}

type traceKey struct{}

// traces are the Traces of a context, the newest first.
type traces []*Trace

// WithTrace returns a copy of ctx whose reads call the hooks of trace, and then
// those that ctx has. A nil trace has none.
func WithTrace(ctx context.Context, trace *Trace) context.Context {
	if trace == nil {
		return ctx
	}
	return withTraces(ctx, append(traces{trace}, tracesOf(ctx)...))
}

func withTraces(ctx context.Context, ts traces) context.Context {
	return context.WithValue(ctx, traceKey{}, ts)
}

func tracesOf(ctx context.Context) traces {
	ts, _ := ctx.Value(traceKey{}).(traces)
	return ts
}

func (ts traces) pageRead(pages, customers int, total *int) {
	for _, t := range ts {
		if t.PageRead != nil {
			t.PageRead(pages, customers, total)
		}
	}
}

func (ts traces) shared(age time.Duration) {
	for _, t := range ts {
		if t.Shared != nil {
			t.Shared(age)
		}
	}
}

func (ts traces) called(ctx context.Context, call Call) {
	for _, t := range ts {
		if t.Called != nil {
			t.Called(ctx, call)
		}
	}
}

func (ts traces) ended(ctx context.Context, read ReadEnd) {
	for _, t := range ts {
		if t.Ended != nil {
			t.Ended(ctx, read)
		}
	}
}

// CallsOnly returns ctx for calls that another Reader makes on behalf of r.
// They are traced as calls of r, and as nothing else.
func (r *Reader[Q, T]) CallsOnly(ctx context.Context) context.Context {
	outer := tracesOf(ctx)
	return withTraces(ctx, traces{{Called: func(ctx context.Context, call Call) {
		call.Schema, call.Provider, call.Account = r.opts.Schema, r.opts.Provider, r.opts.Account
		outer.called(ctx, call)
	}}})
}
