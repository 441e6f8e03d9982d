//go:build scf

package host

import (
	"context"
	"reflect"
	"testing"

	"github.com/tencentyun/scf-go-lib/functioncontext"

	"partnerlens/pkg/core"
)

// Each code has a type of its name, which SCF shows.
func TestSCFHandler(t *testing.T) {
	t.Parallel()
	for _, code := range core.Codes() {
		h := newHosted(nil, func(context.Context, Job) ([]byte, error) {
			return nil, &core.Error{Op: "hush", Code: code, Detail: "public", Err: context.Canceled}
		})
		_, err := scfHandler{h.opts}.Invoke(t.Context(), []byte(`{}`))
		if err == nil || reflect.TypeOf(err).Name() != string(code) || err.Error() != string(code)+": public" {
			t.Errorf("a job that fails with %s gives %T, %v, want the type %[1]s and %[1]s: public", code, err, err)
		}
	}
}

func TestSCFRequestID(t *testing.T) {
	t.Parallel()
	var id string
	h := newHosted(nil, func(_ context.Context, job Job) ([]byte, error) { id = job.ID; return nil, nil })
	ctx := functioncontext.NewContext(t.Context(), &functioncontext.FunctionContext{RequestID: "id-2"})
	if _, err := (scfHandler{h.opts}).Invoke(ctx, []byte(`{}`)); err != nil || id != "id-2" {
		t.Errorf("the job has the id %q, %v, want id-2", id, err)
	}
}
