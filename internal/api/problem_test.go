package api

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"partnerlens/pkg/core"
)

// Alarms fire for lines of level ERROR, which are errors of the program or its settings.
func TestErrorLevelIsForOurFailures(t *testing.T) {
	t.Parallel()
	for code, want := range map[core.Code]string{
		core.CodeInternal: "ERROR", core.CodeMisconfigured: "ERROR",
		core.CodeUnavailable: "WARN", core.CodeDenied: "WARN", core.CodeUpstream: "WARN", core.CodeDeadline: "WARN",
		core.CodeNotFound: "",
	} {
		var log strings.Builder
		h := &handler{Options: Options{Logger: slog.New(slog.NewJSONHandler(&log, nil))}}
		h.writeProblem(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/v1/credit", nil), &core.Error{Code: code})
		var line struct{ Level string }
		if log.Len() > 0 {
			if err := json.Unmarshal([]byte(log.String()), &line); err != nil {
				t.Fatal(err)
			}
		}
		if line.Level != want {
			t.Errorf("%s is logged at %q, want %q", code, line.Level, want)
		}
	}
}
