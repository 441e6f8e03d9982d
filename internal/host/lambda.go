//go:build !scf

package host

import (
	"cmp"
	"context"
	"log"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

const (
	runtimeName     = "AWS Lambda"
	runtimeVariable = "AWS_LAMBDA_RUNTIME_API"
)

// runLambda answers invocations until Lambda ends the process.
func runLambda(opts Options) error {
	// The library logs each error as JSON with the standard logger: without a prefix
	// these lines stay JSON.
	log.SetFlags(0)
	lambda.StartWithOptions(lambdaHandler{opts})
	return nil // unreachable: the library ends the process
}

func runSCF(Options) error {
	return &core.Error{
		Code: core.CodeMisconfigured, Param: "_LAMBDA_SERVER_PORT",
		Detail: "this looks like Tencent SCF, and this artefact is built for AWS Lambda; deploy the one built with -tags scf",
	}
}

type lambdaHandler struct{ opts Options }

func (h lambdaHandler) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	var requestID string
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		requestID = lc.AwsRequestID
	}
	// The library's context key; the variable _X_AMZN_TRACE_ID has the same value.
	if trace, ok := ctx.Value("x-amzn-trace-id").(string); ok {
		ctx = withXRay(ctx, trace)
	}
	answer, err := Invoke(ctx, h.opts, requestID, event)
	if err != nil {
		// For any other type the library sets errorType to the name of the Go type
		// (lambda/errors.go, v1.55.1).
		failure := core.AsError(err)
		return nil, messages.InvokeResponse_Error{Type: string(failure.Code), Message: publicMessage(failure)}
	}
	return answer, nil
}

// withXRay returns a context with the trace of X-Ray's header, a text as
// "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1" ("AWS X-Ray
// concepts, Tracing header", read November 2026). It ignores a text of another form.
func withXRay(ctx context.Context, text string) context.Context {
	fields := make(map[string]string)
	for field := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		fields[name] = value
	}
	root := fields["Root"]
	parts := strings.Split(root, "-")
	if len(root) != 35 || len(parts) != 3 || parts[0] != "1" || len(parts[1]) != 8 {
		return ctx
	}
	flags := "00"
	if fields["Sampled"] == "1" {
		flags = "01"
	}
	parent := cmp.Or(fields["Parent"], "0000000000000001") // a placeholder: the trace has no span yet
	span, ok := transport.SpanFrom(http.Header{"Traceparent": {"00-" + parts[1] + parts[2] + "-" + parent + "-" + flags}})
	if !ok {
		return ctx
	}
	if fields["Parent"] == "" {
		span.Parent = ""
	}
	return transport.WithSpan(context.WithValue(ctx, xrayKey{}, root), span)
}
