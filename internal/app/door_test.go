package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"partnerlens/internal/app"
)

// Keys may be for every function there is, also where another artefact has it.
func TestFunctionNames(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir("../../functions")
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, entry := range entries {
		if entry.IsDir() {
			folders = append(folders, entry.Name())
		}
	}
	if !slices.Equal(folders, app.FunctionNames) {
		t.Errorf("keys may be for %v, functions are %v", app.FunctionNames, folders)
	}
}

// Who is struck from the setting is out at the next call, and a setting with a
// mistake lets nobody in, rather than those of the one before.
func TestKeysChange(t *testing.T) {
	t.Parallel()
	b := &besieged{env: map[string]string{}}
	handler := b.handler()
	one := func(name, key string) string {
		return fmt.Sprintf(`{"keys":[{"name":%q,"hash":%q}]}`, name, hashOf(key))
	}
	for i, step := range []struct {
		setting      string
		first, other int
	}{
		{"", 401, 401},
		{one("first", keyAll), 200, 401},
		{one("other", keyMasked), 401, 200},
		{"", 401, 401},
		{one("other", keyMasked) + "}", 500, 500},
		{one("other", keyMasked), 401, 200},
		{`{"keys":[]}`, 401, 401},
		{"", 401, 401},
	} {
		b.env["PARTNERLENS_KEYS"] = step.setting
		for key, want := range map[string]int{keyAll: step.first, keyMasked: step.other} {
			r := httptest.NewRequest(http.MethodGet, "/v1/credit", nil)
			r.Header.Set("X-Api-Key", key)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("step %d: %s is answered %d, want %d: %s", i, key, w.Code, want, w.Body)
			}
		}
	}
	if log := b.log.String(); !strings.Contains(log, "not a JSON object that has") || strings.Contains(log, hashOf(keyMasked)) {
		t.Errorf("the log does not say what to mend, or quotes it:\n%s", log)
	}
}
