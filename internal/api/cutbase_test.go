package api

import "testing"

func TestCutBase(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		path, base, want string
		ok               bool
	}{
		{"/partners/v1", "/partners", "/v1", true},
		{"/partners", "/partners", "/", true},
		{"/partners/", "/partners", "/", true},
		{"/partnersv1", "/partners", "/partnersv1", false},
		{"/v1", "/partners", "/v1", false},
		{"/v1", "", "/v1", false},
	} {
		if got, ok := cutBase(test.path, test.base); got != test.want || ok != test.ok {
			t.Errorf("cutBase(%q, %q) = %q, %t, want %q, %t", test.path, test.base, got, ok, test.want, test.ok)
		}
	}
}
