package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"partnerlens/internal/api"
	"partnerlens/pkg/core"
)

// audited serves a request and returns its audit line without the fields that vary.
func audited(t *testing.T, c *cloud, opts api.Options, w http.ResponseWriter, r *http.Request) map[string]any {
	t.Helper()
	var log bytes.Buffer
	opts.Logger = slog.New(slog.NewJSONHandler(&log, nil))
	func() {
		defer func() { _ = recover() }() // as the host does
		c.handlerWith(opts).ServeHTTP(w, r)
	}()
	var found map[string]any
	for line := range strings.Lines(log.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if entry["msg"] != "audit" {
			continue
		}
		if found != nil {
			t.Errorf("two lines of audit:\n%s", &log)
		}
		found = entry
	}
	if found == nil {
		t.Fatalf("no audit line:\n%s", &log)
	}
	if _, ok := found["duration_ms"].(float64); !ok || found["level"] != "INFO" || found["request_id"] == "" {
		t.Errorf("the line lacks common fields: %v", found)
	}
	for _, name := range []string{"time", "level", "msg", "duration_ms", "request_id"} {
		delete(found, name)
	}
	return found
}

func TestAudit(t *testing.T) {
	t.Parallel()
	keyed := withKeys(t)
	platform := insider()
	for _, test := range []struct {
		name, cloud    string
		auth           api.Options
		method, target string
		body, key      string
		want           string
	}{
		{"a list", "steady", keyed, "GET", "/v1/credit?limit=2&status=ok,overdrawn", "", keyMasked,
			`{"caller":"masked","auth_method":"key","source":"192.0.2.1","method":"GET","route":"GET /v1/credit","params":["limit","status"],"asked":{"limit":"2","status":"ok,overdrawn"},
			"account":"default","customers":2,"complete":false,"stopped":"limit","masked":true,"upstream_request_ids":["00000000-0000-4000-8000-000000000000"],"status":200}`},
		{"a search", "steady", keyed, "POST", "/v1/credit", `{"filter_type":"name","filter":"Example","pii":"full","account":"emea"}`, keyEverything,
			`{"caller":"everything","auth_method":"key","source":"192.0.2.1","method":"POST","route":"POST /v1/credit","params":["account","filter","filter_type","pii"],"asked":{"account":"emea","filter_type":"name","pii":"full"},
			"account":"emea","customers":1,"complete":true,"stopped":null,"masked":false,"upstream_request_ids":["00000000-0000-4000-8000-000000000000"],"status":200}`},
		{"ids", "steady", platform, "POST", "/v1/tags", `{"customer_ids":["0e4a00000000000000000000000000a1","unknown"]}`, "",
			`{"caller":"arn:aws:iam::123456789012:user/tests","auth_method":"platform","source":"192.0.2.1","method":"POST","route":"POST /v1/tags","params":["customer_ids"],"asked":{"ids":2},
			"account":"default","customers":1,"complete":true,"stopped":null,"masked":true,"upstream_request_ids":["00000000-0000-4000-8000-000000000000","00000000-0000-4000-8000-000000000000"],"status":200}`},
		{"an unknown customer", "steady", platform, "GET", "/v1/tags/unknown", "", "",
			`{"caller":"arn:aws:iam::123456789012:user/tests","auth_method":"platform","source":"192.0.2.1","method":"GET","route":"GET /v1/tags/{customer_id}","params":["customer_id"],"asked":{"ids":1},
			"account":"default","customers":0,"complete":true,"stopped":null,"masked":true,"upstream_request_ids":["00000000-0000-4000-8000-000000000000","00000000-0000-4000-8000-000000000000"],"status":404,"code":"not_found"}`},
		{"all accounts", "steady", keyed, "GET", "/v1/credit?account=all&order=desc", "", keyEMEAOnly,
			`{"caller":"emea-only","auth_method":"key","source":"192.0.2.1","method":"GET","route":"GET /v1/credit","params":["account","order"],"asked":{"account":"all","order":"desc"},
			"account":"all","customers":3,"complete":true,"stopped":null,"accounts":1,"masked":true,
			"upstream_request_ids":["00000000-0000-4000-8000-000000000000","00000000-0000-4000-8000-000000000002","00000000-0000-4000-8000-000000000000","00000000-0000-4000-8000-000000000002"],"status":200}`},
		{"a failing cloud", "denied", keyed, "GET", "/v1/credit", "", keyMasked,
			`{"caller":"masked","auth_method":"key","source":"192.0.2.1","method":"GET","route":"GET /v1/credit","params":[],"customers":0,"masked":true,"upstream_request_ids":["00000000-0000-4000-8000-00000000f002"],"status":502,"code":"denied"}`},
		{"a parameter that is not ours", "steady", keyed, "GET", "/v1/credit?hush=1&limit=hush", "", keyMasked,
			`{"caller":"masked","auth_method":"key","source":"192.0.2.1","method":"GET","route":"GET /v1/credit","params":["limit"],"unknown_params":1,"customers":0,"status":400,"code":"invalid_request"}`},
		{"an account that is no name", "steady", keyed, "GET", "/v1/credit?account=h%0ausH", "", keyMasked,
			`{"caller":"masked","auth_method":"key","source":"192.0.2.1","method":"GET","route":"GET /v1/credit","params":["account"],"asked":{"account":"(redacted)"},"customers":0,"masked":true,"status":400,"code":"invalid_request"}`},
		{"another function", "steady", keyed, "GET", "/v1/tags", "", keyCreditOnly,
			`{"caller":"credit-only","auth_method":"key","source":"192.0.2.1","method":"GET","route":"GET /v1/tags","customers":0,"status":403,"code":"forbidden"}`},
		{"an expired key", "steady", keyed, "GET", "/v1/tags", "", keyExpired,
			`{"caller":"expired","auth_method":"key","source":"192.0.2.1","method":"GET","route":"","customers":0,"status":401,"code":"unauthenticated"}`},
		{"a wrong key", "steady", keyed, "GET", "/v1/hush", "", keyWrong,
			`{"caller":"","auth_method":"none","source":"192.0.2.1","method":"GET","route":"","customers":0,"status":401,"code":"unauthenticated"}`},
		{"a check", "steady", keyed, "HEAD", "/v1/credit?pii=full", "", keyEverything,
			`{"caller":"everything","auth_method":"key","source":"192.0.2.1","method":"HEAD","route":"GET /v1/credit","params":["pii"],"asked":{"pii":"full"},"customers":0,"masked":false,"status":200}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(test.method, test.target, strings.NewReader(test.body))
			if test.key != "" {
				r.Header.Set("X-Api-Key", test.key)
			}
			got := audited(t, clouds()[test.cloud], test.auth, httptest.NewRecorder(), r)
			var want map[string]any
			if err := json.Unmarshal([]byte(test.want), &want); err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("the line is\n%v, want\n%v", got, want)
			}
			if r.Pattern != want["route"] {
				t.Errorf("the host sees the route %q", r.Pattern)
			}
		})
	}
}

// A request that fails has an audit line, too.
func TestAuditOfFailures(t *testing.T) {
	t.Parallel()
	panics := &cloud{fetched: func(context.Context) { panic("hush") }}
	if got := audited(t, panics, insider(), httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/credit", nil)); got["code"] != "internal" || got["status"] != 500.0 {
		t.Errorf("after a panic the line is %v", got)
	}
	r := httptest.NewRequest("GET", "/v1/credit", nil)
	r.Header.Set("Accept", "application/x-ndjson")
	got := audited(t, &cloud{credits: manyCredits(50), pageSize: 10}, insider(), &brokenWriter{httptest.NewRecorder(), 3}, r)
	if got["code"] != "canceled" || got["status"] != 200.0 || got["customers"] == 0.0 || got["customers"] == 50.0 {
		t.Errorf("after the caller disconnected the line is %v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got = audited(t, clouds()["steady"], insider(), httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/v1/credit", nil))
	if got["code"] != string(core.CodeCanceled) || got["customers"] != 0.0 {
		t.Errorf("of a canceled request the line is %v", got)
	}
}

// The log escapes a principal's line breaks, bidirectional and invisible characters.
func TestAuditOfPrincipals(t *testing.T) {
	t.Parallel()
	for principal, want := range map[string]string{
		"jwt:x":                   "jwt:x",
		"jwt:a\nb\x00c":           "jwt:a·b·c",
		"jwt:\u202eevil\u2066":    "jwt:·evil·",
		"jwt:\xff":                "jwt:·",
		"jwt:\u00ad\ufeff":        "jwt:··",
		strings.Repeat("é", 1000): strings.Repeat("é", 510) + "…",
	} {
		auth := api.Options{Platform: func(*http.Request) (string, bool) { return principal, true }}
		if got := audited(t, clouds()["steady"], auth, httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/credit", nil)); got["caller"] != want {
			t.Errorf("the caller of %q is %q, want %q", principal, got["caller"], want)
		}
	}
}

// An answer for all accounts keeps within the budget, also if accounts fail.
func TestAllAccountsKeepWithinTheBudget(t *testing.T) {
	t.Parallel()
	c := &cloud{credits: manyCredits(2000), pageSize: 100}
	for _, accept := range []string{"application/json", "application/x-ndjson", "text/csv"} {
		r := httptest.NewRequest("GET", "/v1/credit?account=all", nil)
		r.Header.Set("Accept", accept)
		w := &budgetWriter{httptest.NewRecorder(), 300_000}
		c.handler().ServeHTTP(w, r)
		if cost := w.Cost(w.Body.Bytes()); w.Code != 200 || cost > w.budget || cost < w.budget/3 || !strings.Contains(w.Body.String(), "size") {
			t.Errorf("%s: status %d, cost %d of %d", accept, w.Code, cost, w.budget)
		}
		if w.budget = 50_000; accept != "" { // less than the report of 32 accounts
			w.ResponseRecorder = httptest.NewRecorder()
			c.handler().ServeHTTP(w, r)
			if accept == "application/json" && w.Code != http.StatusRequestEntityTooLarge {
				t.Errorf("%s: status %d", accept, w.Code)
			}
		}
	}
}
