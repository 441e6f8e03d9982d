//go:build scf

package host

import (
	"context"

	"github.com/tencentyun/scf-go-lib/cloudfunction"
	"github.com/tencentyun/scf-go-lib/functioncontext"

	"partnerlens/pkg/core"
)

const (
	runtimeName     = "Tencent SCF"
	runtimeVariable = "_LAMBDA_SERVER_PORT"
)

func runLambda(Options) error {
	return &core.Error{
		Code: core.CodeMisconfigured, Param: "AWS_LAMBDA_RUNTIME_API",
		Detail: "this looks like AWS Lambda, and this artefact is built for Tencent SCF; deploy the one built without -tags scf",
	}
}

// runSCF answers invocations until SCF ends the process.
func runSCF(opts Options) error {
	cloudfunction.StartHandler(scfHandler{opts})
	return nil // not reached: the library ends the process
}

type scfHandler struct{ opts Options }

func (h scfHandler) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	var requestID string
	if fc, ok := functioncontext.FromContext(ctx); ok {
		requestID = fc.RequestID
	}
	answer, err := Invoke(ctx, h.opts, requestID, event)
	if err != nil {
		return nil, scfFailure(core.AsError(err))
	}
	return answer, nil
}
