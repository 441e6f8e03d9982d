package transport

import (
	"context"
	"errors"
	"testing"

	"partnerlens/pkg/core"
)

type testKey string

func (k testKey) Equal(other testKey) bool { return k == other }
func (k testKey) Check() error {
	if k == "" {
		return &core.Error{Code: core.CodeMisconfigured}
	}
	return nil
}

// rotating provides one key until it is asked for another.
type rotating struct {
	key, next  testKey
	err        error // of Retrieve
	refreshErr error
	refreshed  int
}

func (r *rotating) Retrieve(context.Context) (testKey, error) { return r.key, r.err }
func (r *rotating) Refresh(_ context.Context, refused testKey) (testKey, error) {
	if r.refreshed++; refused == r.key {
		r.key = r.next
	}
	return r.key, r.refreshErr
}

func TestWithKey(t *testing.T) {
	t.Parallel()
	stale := &core.Error{Code: core.CodeDenied, StaleKey: true}
	for _, test := range []struct {
		name      string
		keys      rotating
		answer    error
		called    bool
		refreshed int
		renewed   bool
		want      core.Code
	}{
		{"accepted", rotating{key: "a", next: "b"}, nil, true, 0, false, ""},
		{"refused, and another one", rotating{key: "a", next: "b"}, stale, true, 1, true, core.CodeDenied},
		{"refused, and the same", rotating{key: "a", next: "a"}, stale, true, 1, false, core.CodeDenied},
		{"refused, and none to be had", rotating{key: "a", next: "b", refreshErr: errors.New("down")}, stale, true, 1, false, core.CodeDenied},
		{"another failure", rotating{key: "a", next: "b"}, &core.Error{Code: core.CodeDenied}, true, 0, false, core.CodeDenied},
		{"no key to be had", rotating{err: &core.Error{Code: core.CodeUnavailable}}, nil, false, 0, false, core.CodeUnavailable},
		{"not a key", rotating{key: ""}, nil, false, 0, false, core.CodeMisconfigured},
	} {
		answer := test.answer
		if e := new(core.Error); errors.As(answer, &e) {
			copied := *e
			answer = &copied
		}
		called := false
		err := WithKey(t.Context(), &test.keys, func(testKey) error { called = true; return answer })
		renewed := err != nil && core.AsError(err).KeyRenewed
		if core.CodeOf(err) != test.want || called != test.called || test.keys.refreshed != test.refreshed || renewed != test.renewed {
			t.Errorf("%s: %v, called %t, refreshed %d times, renewed %t", test.name, err, called, test.keys.refreshed, renewed)
		}
	}
}
