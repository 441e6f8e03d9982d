//go:build !scf

package host

import (
	"context"
	"testing"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"partnerlens/pkg/core"
)

func TestLambdaHandler(t *testing.T) {
	t.Parallel()
	for _, code := range core.Codes() {
		h := newHosted(nil, func(context.Context, Job) ([]byte, error) {
			return nil, &core.Error{Op: "hush", Code: code, Detail: "told", Err: context.Canceled}
		})
		_, err := lambdaHandler{h.opts}.Invoke(t.Context(), []byte(`{}`))
		want := messages.InvokeResponse_Error{Type: string(code), Message: string(code) + ": told"}
		if got, ok := err.(messages.InvokeResponse_Error); !ok || got.Type != want.Type || got.Message != want.Message || got.ShouldExit {
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
