package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/api"
	"partnerlens/internal/app"
	"partnerlens/internal/store"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

func TestMain(m *testing.M) {
	status := m.Run()
	if runsFolder != "" {
		_ = os.RemoveAll(runsFolder)
	}
	os.Exit(status)
}

var runsFolder string // of goldenRuns, if it was called

// environment is the settings of the API: the store of runs.
func (c *cloud) environment() app.Environment {
	return func(name string) string {
		switch {
		case name != app.StoreSetting:
			return ""
		case c.runs != nil:
			return c.runs()
		}
		return goldenRuns()
	}
}

// goldenRuns is a store with real runs of the days before now: of credit, a first run, one in
// which a customer becomes overdrawn, a day without a run, and a run of now's day; of the
// account emea, only the first run. Of tags there is one run of the account default.
var goldenRuns = sync.OnceValue(func() string {
	folder, err := os.MkdirTemp("", "partnerlens-runs-")
	if err != nil {
		panic(err)
	}
	runsFolder = folder
	s, err := store.Open("file://"+folder, store.Options{Getenv: os.Getenv})
	if err == nil { // the ids of alerts follow from it
		err = s.PutNew(context.Background(), "store.json", []byte(`{"schema":"partnerlens.store/v1","id":"store-of-tests"}`))
	}
	if err != nil {
		panic(err)
	}
	makeRun := func(c *cloud, function int, account, run string) {
		c.pageSize = 2
		f := c.functions()[function]
		at := now.Truncate(24 * time.Hour).Add(-2 * time.Hour) // 06:00 of the day in the vendor's zone
		for ; watch.RunID(at, watch.EveryDay, core.VendorZone) != run; at = at.AddDate(0, 0, -1) {
		}
		outcome, err := watch.Run(context.Background(), s, watch.Job{
			Function: f, Account: account, Run: run, Version: "1.2.3", Evaluator: []*alert.Evaluator{alert.Credit, alert.Tags}[function],
			Now: func() time.Time { return at }, Partner: c.partner,
		})
		if err != nil || outcome.State != watch.Done {
			panic(fmt.Sprint(outcome.State, err))
		}
	}
	before := &cloud{credits: fewCredits()}
	before.credits[1].Credit.Remaining = money("500.00")
	makeRun(before, 0, "default", "2026-11-18")
	makeRun(before, 0, "emea", "2026-11-18")
	makeRun(&cloud{credits: fewCredits()}, 0, "default", "2026-11-19")
	makeRun(&cloud{credits: fewCredits(), partner: partnerOfRuns}, 0, "default", "2026-11-21")
	makeRun(&cloud{tags: fewTags()}, 1, "default", "2026-11-21")
	return "file://" + folder
})

// partnerOfRuns is the partner of the newest of goldenRuns. Its key may not read vouchers.
func partnerOfRuns(context.Context) (core.PartnerState, []core.Warning) {
	bound := time.Date(2025, 6, 1, 2, 0, 0, 0, time.UTC)
	customers := 41
	return core.PartnerState{
		Pool: &core.PartnerCredit{Total: money("100000.00"), Allocated: money("88000.00"), Remaining: money("12000.00"), CustomersTotal: money("88000.00"), CustomersRemaining: money("30250.75"), Currency: "USD"},
		Resellers: []core.ResellerCredit{
			{ResellerID: "200900000017", Name: "示例石桥分销有限公司", Remark: "east", Customers: &customers, Allocated: money("5000.00"), Remaining: money("1250.50"), Voucher: money("100.00"), VoucherRemaining: money("20.00"), Currency: "USD", BoundAt: &bound},
			{ResellerID: "200900000034", Name: "=HYPERLINK(\"https://example.com\")", Allocated: money("2000.00"), Remaining: money("2000.00"), Currency: "USD"},
		},
	}, nil
}

// counted is a Resource whose reads are counted.
func counted(reads *int, rows ...api.Row) api.Resource {
	return api.Resource{
		Path: "counted", Params: []string{"account"}, List: "rows", Columns: []core.Column{{Name: "text"}},
		Ask: func(_ context.Context, q api.ResourceQuery) (func(context.Context) (api.Document, error), error) {
			if len(q.Params["account"]) > 1 {
				return nil, &core.Error{Code: core.CodeMisconfigured, Detail: "the reference in secret/path", Inside: true}
			}
			return func(context.Context) (api.Document, error) {
				*reads++
				return api.Document{Schema: "partnerlens.counted/v1", Complete: true, Total: len(rows), Rows: rows}, nil
			}, nil
		},
	}
}

// textRow is a row of one text.
type textRow struct {
	Text string `json:"text"`
}

func (r textRow) Row() []string { return []string{r.Text} }

func TestResourceRequests(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, method, target, accept string
		status, reads                int
		says                         string
	}{
		{"GET", "GET", "/v1/counted", "", 200, 1, `"rows":[{"text":"=a"}]`},
		{"HEAD reads nothing", "HEAD", "/v1/counted?account=x", "", 200, 0, ""},
		{"HEAD checks parameters", "HEAD", "/v1/counted?acount=x", "", 400, 0, ""},
		{"HEAD checks Accept", "HEAD", "/v1/counted", "image/png", 406, 0, ""},
		{"an unknown parameter", "GET", "/v1/counted?acount=x", "", 400, 0, "acount: not a parameter of this path; known are account"},
		{"an unknown parameter of any text", "GET", "/v1/counted?=<b>", "", 400, 0, "not a parameter of this path"},
		{"another format", "GET", "/v1/counted", "image/png", 406, 0, "text/csv"},
		{"another method", "DELETE", "/v1/counted", "", 405, 0, "GET, HEAD"},
		{"a path below", "GET", "/v1/counted/x", "", 404, 0, "no such path"},
		{"CSV", "GET", "/v1/counted", "text/csv", 200, 1, "text\r\n'=a\r\n"},
		{"CSV for a spreadsheet", "GET", "/v1/counted", "text/csv; profile=excel", 200, 1, "\ufefftext\r\n'=a\r\n"},
		{"where a setting is kept", "GET", "/v1/counted?account=x&account=y", "", 500, 0, "the operator's log says why"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			opts, reads := insider(), 0
			opts.Resources = []api.Resource{counted(&reads, textRow{"=a"})}
			r := httptest.NewRequest(test.method, test.target, nil)
			r.Header.Set("Accept", test.accept)
			answer := httptest.NewRecorder()
			(&cloud{}).handlerWith(opts).ServeHTTP(answer, r)
			if answer.Code != test.status || reads != test.reads || !strings.Contains(answer.Body.String(), test.says) || strings.Contains(answer.Body.String(), "secret/path") {
				t.Errorf("%d after %d reads: %s; want %d after %d, and %q", answer.Code, reads, answer.Body, test.status, test.reads, test.says)
			}
			if test.method == http.MethodHead && answer.Body.Len() > 0 {
				t.Errorf("HEAD has a body: %s", answer.Body)
			}
		})
	}
}

// TestResourceNeedsAuthentication requests each resource without a key.
func TestResourceNeedsAuthentication(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/v1/alerts", "/v1/credit/200000000002/history", "/v1/tags/x/history"} {
		answer := httptest.NewRecorder()
		(&cloud{}).handlerWith(withKeys(t)).ServeHTTP(answer, httptest.NewRequest("GET", path, nil))
		if answer.Code != http.StatusUnauthorized {
			t.Errorf("%s without a key: %d %s", path, answer.Code, answer.Body)
		}
	}
}

// TestResourceKeepsWithinTheBudget gives a host ever larger answers: each has as many rows
// as fit, and says that there are more.
func TestResourceKeepsWithinTheBudget(t *testing.T) {
	t.Parallel()
	var rows []api.Row
	for i := range 50 {
		rows = append(rows, textRow{strings.Repeat("名\"", i)})
	}
	opts, reads := insider(), 0
	opts.Resources = []api.Resource{counted(&reads, rows...)}
	handler := (&cloud{}).handlerWith(opts)
	for _, accept := range []string{"application/json", "application/x-ndjson", "text/csv"} {
		last := -1
		for budget := 0; budget < 32<<10; budget += 97 {
			r := httptest.NewRequest("GET", "/v1/counted", nil)
			r.Header.Set("Accept", accept)
			w := &budgetWriter{httptest.NewRecorder(), budget}
			handler.ServeHTTP(w, r)
			if w.Code == http.StatusRequestEntityTooLarge && last < 0 {
				continue
			}
			if cost := w.Cost(w.Body.Bytes()); w.Code != http.StatusOK || cost > budget {
				t.Fatalf("%s, budget %d: %d, cost %d: %s", accept, budget, w.Code, cost, w.Body)
			}
			text := w.Body.String()
			n := strings.Count(text, "名")
			cut := strings.Contains(text, `"stopped":"size"`) && strings.Contains(text, `"complete":false`) || strings.Contains(text, "#incomplete,size") || w.Header().Get("Partnerlens-Stopped") == "size"
			if n < last || cut == (n == 50*49/2) {
				t.Fatalf("%s, budget %d: %d of the rows' characters after %d, cut %t", accept, budget, n, last, cut)
			}
			last = n
		}
		if last != 50*49/2 {
			t.Errorf("%s: not all rows fit in the largest budget", accept)
		}
	}
}

func TestResourceAudit(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"/v1/alerts?account=default&kind=credit_overdrawn&owner=Zhang": `{"caller":"masked","auth_method":"key","source":"192.0.2.1","method":"GET","route":"GET /v1/alerts","params":["account","kind","owner"],"asked":{"account":"default","kind":"credit_overdrawn"},
			"account":"default","customers":0,"complete":true,"stopped":null,"masked":true,"status":200}`,
		"/v1/credit/200000000002/history?from=2026-11-18": `{"caller":"masked","auth_method":"key","source":"192.0.2.1","method":"GET","route":"GET /v1/credit/{customer_id}/history","params":["from"],"asked":{"from":"2026-11-18"},
			"account":"","customers":1,"complete":true,"stopped":null,"masked":true,"status":200}`,
		"/v1/alerts?name=Zhang": `{"caller":"masked","auth_method":"key","source":"192.0.2.1","method":"GET","route":"GET /v1/alerts","params":[],"unknown_params":1,"customers":0,"status":400,"code":"invalid_request"}`,
	} {
		r := httptest.NewRequest("GET", target, nil)
		r.Header.Set("X-Api-Key", keyMasked)
		got, err := json.Marshal(audited(t, &cloud{}, withKeys(t), httptest.NewRecorder(), r))
		if err != nil || !sameJSON(t, string(got), want) {
			t.Errorf("%s:\n%s, want\n%s (%v)", target, got, want, err)
		}
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal([]byte(a), &x), json.Unmarshal([]byte(b), &y)); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}

// TestResourceWarnsOfLostValues asks through a load balancer that passes on only the last
// value of a parameter.
func TestResourceWarnsOfLostValues(t *testing.T) {
	t.Parallel()
	opts := insider()
	opts.LastValues = func(*http.Request) bool { return true }
	for target, warned := range map[string]bool{"/v1/alerts?account=default&kind=credit_low": true, "/v1/alerts?account=default": false} {
		answer := httptest.NewRecorder()
		(&cloud{}).handlerWith(opts).ServeHTTP(answer, httptest.NewRequest("GET", target, nil))
		if got := strings.Contains(answer.Body.String(), "last_values_only"); got != warned {
			t.Errorf("%s: warned %t: %s", target, got, answer.Body)
		}
	}
}

// TestRunsThatCannotBeRead asks of a store that is not set, and of one that fails.
func TestRunsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/v1/alerts", "/v1/credit/200000000002/history", "/v1/tags/0e4a00000000000000000000000000a1/history"} {
		for where, want := range map[string]string{
			"":                        `"status":404,"detail":"PARTNERLENS_STORE: not set`,
			"s3://":                   `"status":500`,
			"file:///dev/null/folder": `"detail":"what is needed cannot be read`,
			"file://" + t.TempDir():   `"status":404`,
		} {
			answer := httptest.NewRecorder()
			(&cloud{runs: func() string { return where }}).handler().ServeHTTP(answer, httptest.NewRequest("GET", path, nil))
			if answer.Code == http.StatusOK || !strings.Contains(answer.Body.String(), want) {
				t.Errorf("%s of %q: %d %s, want %s", path, where, answer.Code, answer.Body, want)
			}
		}
	}
}

// TestOpenAPINamesWhatRunsHave compares the document's lists with package alert's.
func TestOpenAPINamesWhatRunsHave(t *testing.T) {
	t.Parallel()
	c := loadContract(t)
	var kinds []string
	for _, kind := range alert.Kinds() {
		kinds = append(kinds, string(kind))
	}
	same(t, "kinds", c.doc.Components.Schemas["AlertKind"].Value.Enum, kinds)
	same(t, "functions", c.doc.Components.Schemas["FunctionName"].Value.Enum, app.FunctionNames())
	for _, res := range app.Resources(&app.Watcher{}, (&cloud{}).functions()...) {
		for method, op := range c.doc.Paths.Find("/v1/" + res.Path).Operations() {
			var got []any
			for _, parameter := range op.Parameters {
				if parameter.Value.In == "query" {
					got = append(got, parameter.Value.Name)
				}
			}
			same(t, method+" "+res.Path, got, res.Params)
		}
	}
}
