package api_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"partnerlens/internal/api"
	"partnerlens/pkg/core"
)

// Metrics require a key, show those of its functions and accounts, and take no place.
func TestMetricsNeedAuthentication(t *testing.T) {
	t.Parallel()
	opts := withKeys(t)
	opts.InFlight = 1
	opts.Metrics = func(_ context.Context, sees func(function, account string) bool) []byte {
		var b []byte
		for _, of := range [][2]string{{"", ""}, {"credit", ""}, {"credit", "emea"}, {"credit", "default"}, {"tags", "emea"}, {"tags", "default"}} {
			if sees(of[0], of[1]) {
				b = fmt.Appendf(b, "[%s %s]", of[0], of[1])
			}
		}
		return b
	}
	var outcomes []api.Outcome
	opts.Observe = func(*http.Request) func(api.Outcome) {
		return func(o api.Outcome) { outcomes = append(outcomes, o) }
	}
	c := clouds()["steady"]
	handler := c.handlerWith(opts)
	for _, test := range []struct {
		path, key string
		status    int
		want      string
	}{
		{"/metrics", keyEverything, 200, "[ ][credit ][credit emea][credit default][tags emea][tags default]"},
		{"/metrics", keyCreditOnly, 200, "[ ][credit ][credit emea][credit default]"},
		{"/metrics", keyEMEAOnly, 200, "[ ][credit ][credit emea][tags emea]"},
		{"/metrics", keyExpired, 401, ""},
		{"/metrics", keyWrong, 401, ""},
		{"/metrics", "", 401, ""},
		{"/metrics/", "", 401, ""},
		{"/metrics/", keyEverything, 404, ""},
		{"/metrics/x", keyEverything, 404, ""},
	} {
		r := httptest.NewRequest("GET", test.path, nil)
		if test.key != "" {
			r.Header.Set("X-Api-Key", test.key)
		}
		answer := serve(handler, r)
		body, _ := io.ReadAll(answer.Body)
		if answer.StatusCode != test.status || test.status == 200 && string(body) != test.want {
			t.Errorf("%s with %q: %d %s, want %d %s", test.path, test.key, answer.StatusCode, body, test.status, test.want)
		}
		if kind := answer.Header.Get("Content-Type"); test.status == 200 && (kind != "text/plain; version=0.0.4; charset=utf-8" || answer.Header.Get("Cache-Control") != "no-store") {
			t.Errorf("the answer is %q", answer.Header)
		}
	}
	if len(outcomes) != 1 || !outcomes[0].WrongKey || outcomes[0].Code != core.CodeUnauthenticated {
		t.Errorf("the outcomes are %+v", outcomes)
	}
	outcomes = nil
	for _, target := range []string{"/v1/credit", "/v1/tags?limit=0", "/v1/nowhere", "/healthz"} {
		r := httptest.NewRequest("GET", target, nil)
		r.Header.Set("X-Api-Key", keyEverything)
		serve(handler, r)
	}
	var got string
	for _, o := range outcomes {
		got += fmt.Sprintf("[%s %s %t]", o.Function, o.Code, o.WrongKey)
	}
	if want := "[credit  false][tags invalid_request false][ not_found false]"; got != want {
		t.Errorf("the outcome is %s, want %s", got, want)
	}
}

// Successful requests for metrics are logged at debug level, failed ones at info.
func TestMetricsAreAudited(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{keyEverything: "", keyWrong: `"msg":"audit"`} {
		var log bytes.Buffer
		opts := withKeys(t)
		opts.Logger = slog.New(slog.NewJSONHandler(&log, nil))
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.Header.Set("X-Api-Key", key)
		serve(clouds()["steady"].handlerWith(opts), r)
		if got := log.String(); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("the log of /metrics is %s", got)
		}
	}
}
