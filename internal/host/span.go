package host

import (
	"context"

	"partnerlens/pkg/transport"
)

// A request's place in a trace comes from its headers, by W3C Trace Context; where
// there is none, from X-Ray's, which Lambda gives each invocation; else the trace begins
// here. It is in the context of the handler, of the job and of every line of the log: to
// write it is the logger's to do.

// xrayKey holds X-Ray's id of a trace, as Lambda tells it.
type xrayKey struct{}

// spanOf gives the span that ctx is within, or a new one.
func spanOf(ctx context.Context) transport.Span {
	if span, ok := transport.SpanOf(ctx); ok {
		return span
	}
	return transport.NewSpan()
}

// xrayID is X-Ray's id of the trace, for the log: its console knows no other. ""
// where there is none.
func xrayID(ctx context.Context) string {
	root, _ := ctx.Value(xrayKey{}).(string)
	return root
}
