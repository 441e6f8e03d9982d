//go:build !scf

package host

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

func TestLambdaHandler(t *testing.T) {
	t.Parallel()
	for _, code := range core.Codes() {
		h := newHosted(nil, func(context.Context, Job) ([]byte, error) {
			return nil, &core.Error{Op: "hush", Code: code, Detail: "public", Err: context.Canceled}
		})
		_, err := lambdaHandler{h.opts}.Invoke(t.Context(), []byte(`{}`))
		want := messages.InvokeResponse_Error{Type: string(code), Message: string(code) + ": public"}
		if got, ok := errors.AsType[messages.InvokeResponse_Error](err); !ok || got.Type != want.Type || got.Message != want.Message || got.ShouldExit {
			t.Errorf("a job that fails with %s gives %#v, want %#v", code, err, want)
		}
	}
}

func TestLambdaRequestID(t *testing.T) {
	t.Parallel()
	var id string
	h := newHosted(nil, func(_ context.Context, job Job) ([]byte, error) { id = job.ID; return nil, nil })
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "id-2"})
	if _, err := (lambdaHandler{h.opts}).Invoke(ctx, []byte(`{}`)); err != nil || id != "id-2" {
		t.Errorf("the job has the id %q, %v, want id-2", id, err)
	}
}

// An invocation continues X-Ray's trace, unless the request has another one.
func TestLambdaTraces(t *testing.T) {
	t.Parallel()
	const (
		root  = "1-5759e988-bd862e3fe1be46a994272793"
		trace = "5759e988bd862e3fe1be46a994272793"
		span  = "53995c3f42cd8ad8"
		other = "4bf92f3577b34da6a3ce929d0e0e4736"
	)
	for _, test := range []struct {
		name, xray, header string
		trace, parent      string // "": a new trace
		logged             bool   // X-Ray's id is in the log
	}{
		{"X-Ray's", "Root=" + root + ";Parent=" + span + ";Sampled=1", "", trace, span, true},
		{"with a lineage", "Root=" + root + ";Parent=" + span + ";Sampled=0;Lineage=1:abc:0", "", trace, span, true},
		{"without a parent", "Root=" + root + ";Sampled=0", "", trace, "", true},
		{"the request's own", "Root=" + root + ";Parent=" + span + ";Sampled=1", "00-" + other + "-" + span + "-01", other, span, true},
		{"only the request's own", "", "00-" + other + "-" + span + "-01", other, span, false},
		{"neither", "", "", "", "", false},
		{"both wrong", "Root=hush", "00-hush", "", "", false},
		{"capital letters", "Root=1-5759E988-bd862e3fe1be46a994272793;Parent=" + span, "", "", "", false},
		{"a version to come", "Root=2-5759e988-bd862e3fe1be46a994272793;Parent=" + span, "", "", "", false},
	} {
		var got transport.Span
		h := newHosted(func(_ http.ResponseWriter, r *http.Request) { got, _ = transport.SpanOf(r.Context()) }, nil)
		var atEnd transport.Span
		h.opts.Finished = func(ctx context.Context, _ string) { atEnd, _ = transport.SpanOf(ctx) }
		//lint:ignore SA1029 the runtime's key
		ctx := context.WithValue(t.Context(), "x-amzn-trace-id", test.xray)
		event := `{"rawPath":"/v1/x","headers":{"traceparent":"` + test.header + `"},"requestContext":{"http":{"method":"GET"}}}`
		if _, err := (lambdaHandler{h.opts}).Invoke(ctx, []byte(event)); err != nil {
			t.Fatal(err)
		}
		if got.TraceID == "" || test.trace != "" && got.TraceID != test.trace || test.trace == "" && (got.TraceID == trace || got.TraceID == other) || got.Parent != test.parent || got != atEnd {
			t.Errorf("%s: %+v, and at the end %+v", test.name, got, atEnd)
		}
		if logged := strings.Contains(h.log.String(), `"xray_trace_id":"`+root+`"`); logged != test.logged || strings.Contains(h.log.String(), "hush") {
			t.Errorf("%s: the log is %s", test.name, h.log)
		}
	}
}
