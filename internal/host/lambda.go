//go:build !scf

package host

import (
	"context"
	"log"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"partnerlens/pkg/core"
)

const (
	runtimeName     = "AWS Lambda"
	runtimeVariable = "AWS_LAMBDA_RUNTIME_API"
)

// runLambda answers invocations until Lambda ends the process.
func runLambda(opts Options) error {
	// The library logs each error's JSON, and what ends its loop, with the
	// standard logger: without a prefix the former stay JSON lines.
	log.SetFlags(0)
	lambda.StartWithOptions(lambdaHandler{opts})
	return nil // not reached: the library ends the process
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
	answer, err := Invoke(ctx, h.opts, requestID, event)
	if err != nil {
		// Of any other type the library would take the Go type's name for
		// errorType (lambda/errors.go, v1.55.1).
		failure := core.AsError(err)
		return nil, messages.InvokeResponse_Error{Type: string(failure.Code), Message: publicMessage(failure)}
	}
	return answer, nil
}
