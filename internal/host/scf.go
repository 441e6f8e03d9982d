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
	return nil // unreachable: the library ends the process
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

// SCF's library sets an error's type to the name of its Go type and offers no other way
// (cloudfunction/function.go, 13c9a7eeca80), so that each code has a type.
type (
	invalid_request        struct{ message }
	unauthenticated        struct{ message }
	forbidden              struct{ message }
	not_found              struct{ message }
	method_not_allowed     struct{ message }
	not_acceptable         struct{ message }
	request_timeout        struct{ message }
	too_large              struct{ message }
	unsupported_media_type struct{ message }
	too_many_requests      struct{ message }
	misconfigured          struct{ message }
	denied                 struct{ message }
	throttled              struct{ message }
	unavailable            struct{ message }
	upstream_broken        struct{ message }
	incomplete             struct{ message }
	deadline               struct{ message }
	canceled               struct{ message }
	internal               struct{ message }
)

type message string

func (m message) Error() string { return string(m) }

// scfErrors return the error of each code.
var scfErrors = map[core.Code]func(message) error{
	core.CodeInvalid:          scfError[invalid_request],
	core.CodeUnauthenticated:  scfError[unauthenticated],
	core.CodeForbidden:        scfError[forbidden],
	core.CodeNotFound:         scfError[not_found],
	core.CodeMethodNotAllowed: scfError[method_not_allowed],
	core.CodeNotAcceptable:    scfError[not_acceptable],
	core.CodeSlowRequest:      scfError[request_timeout],
	core.CodeTooLarge:         scfError[too_large],
	core.CodeUnsupportedMedia: scfError[unsupported_media_type],
	core.CodeTooMany:          scfError[too_many_requests],
	core.CodeMisconfigured:    scfError[misconfigured],
	core.CodeDenied:           scfError[denied],
	core.CodeThrottled:        scfError[throttled],
	core.CodeUnavailable:      scfError[unavailable],
	core.CodeUpstream:         scfError[upstream_broken],
	core.CodeIncomplete:       scfError[incomplete],
	core.CodeDeadline:         scfError[deadline],
	core.CodeCanceled:         scfError[canceled],
}

func scfError[T interface {
	~struct{ message }
	error
}](m message) error {
	return T{m}
}

func scfFailure(failure *core.Error) error {
	newError := scfErrors[failure.Code]
	if newError == nil {
		newError = scfError[internal]
	}
	return newError(message(publicMessage(failure)))
}
