package core

import (
	"context"
	"time"
)

// Trace is told what happens while a question is read, in the manner of
// net/http/httptrace: for progress on a terminal, logs and measures. Its
// functions may be nil, are called one after another for one read, and must return soon.
// They are told counts, never a customer's data.
type Trace struct {
	// PageRead is called for each page that was taken in.
	PageRead func(pages, customers int, total *int) // so far; total as the cloud counts, nil where it does not

	// Shared is called, before the first record, where the answer is one that
	// was read for another question just like it, so long ago.
	Shared func(age time.Duration)
}

type traceKey struct{}

// WithTrace gives a context whose reads are told to trace.
func WithTrace(ctx context.Context, trace *Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, trace)
}

func traceOf(ctx context.Context) *Trace {
	if trace, ok := ctx.Value(traceKey{}).(*Trace); ok {
		return trace
	}
	return &Trace{}
}
