package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"partnerlens/internal/app"
	"partnerlens/internal/host"
	"partnerlens/internal/metrics/metricstest"
	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
)

// served is the product over loopback, with what it logs.
type served struct {
	url string
	log *lockedLog
}

func serveApp(t *testing.T, env app.Environment, functions ...*core.Function) served {
	t.Helper()
	s := served{log: new(lockedLog)}
	logger := app.NewLogger(s.log, env)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	handler := app.Handler(app.HandlerOptions{Logger: logger, Env: env}, functions...)
	go func() { done <- host.Serve(ctx, ln, handler, &host.ServeOptions{Logger: logger, Getenv: env}) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	s.url = "http://" + ln.Addr().String()
	return s
}

func (s served) get(t *testing.T, target string, header http.Header) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		r.Header = header
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func (s served) metrics(t *testing.T) metricstest.Samples {
	t.Helper()
	status, text := s.get(t, "/metrics", nil)
	all, err := metricstest.ParseText(text)
	if status != http.StatusOK || err != nil {
		t.Fatalf("%d, %v:\n%s", status, err, text)
	}
	return all
}

// lines are the lines of a log with a message.
func lines(t *testing.T, log, message string) (found []map[string]any) {
	t.Helper()
	for line := range strings.Lines(log) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if entry["msg"] == message {
			found = append(found, entry)
		}
	}
	return found
}

// What is counted here is what the clouds counted there: calls, refusals, failures,
// customers.
func TestNumbersAddUp(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		function, target string
		opts             simulator.Options
	}{
		{"credit", "/v1/credit", simulator.Options{Customers: 1500, Rate: 8, Faults: []string{"http-500"}}},
		{"tags", "/v1/tags", simulator.Options{Customers: 1500, Rate: 8, Faults: []string{"http-500"}}},
		{"tags", "/v1/tags?reseller_id=all", simulator.Options{Customers: 300, Faults: []string{"http-500"}}},
	} {
		t.Run(test.target, func(t *testing.T) {
			t.Parallel()
			c := openCloud(t, test.opts)
			env := with(c.settings())
			s := serveApp(t, env, app.Credit.Compose(env, nil).Function, app.Tags.Compose(env, nil).Function)
			if status, body := s.get(t, test.target, nil); status != http.StatusOK || !strings.Contains(body, `"complete":true`) {
				t.Fatalf("%d %.200s", status, body)
			}
			all := s.metrics(t)
			sum := func(name string, labels ...string) int {
				n, _ := all.Sum("partnerlens_"+name, append(labels, "function", test.function)...)
				return int(n)
			}
			calls := c.sim.Calls()
			made := calls.Credit
			if test.function == "tags" { // its resellers and its customers are listed by calls of their own
				made = calls.Tags
				for _, list := range []simulator.APICalls{calls.Resellers, calls.SubCustomers} {
					made.Accepted += list.Accepted
					made.Disturbed += list.Disturbed
					made.Limited += list.Limited
				}
			}
			if made.Disturbed == 0 || test.opts.Rate > 0 && made.Limited == 0 {
				t.Errorf("the vendor counts %+v: too little to count", made)
			}
			// Without a total from the vendor, pages are fetched that no read waits for in the
			// end: such a call may or may not have reached the vendor, and have been answered.
			vain := sum("calls_total", "code", "canceled")
			if test.function == "credit" && vain > 0 {
				t.Errorf("%d calls in vain", vain)
			}
			for what, counts := range map[string][2]int{
				"calls":                {sum("calls_total"), made.Accepted + made.Limited + made.Denied},
				"calls that went well": {sum("calls_total", "code", "ok"), made.Accepted - made.Disturbed},
				"calls that failed":    {sum("calls_total", "code", "unavailable"), made.Disturbed},
				"refusals":             {sum("refusals_total"), made.Limited},
				"refusals by code":     {sum("calls_total", "code", "throttled"), made.Limited},
				"durations":            {sum("call_duration_seconds_count"), made.Accepted + made.Limited + made.Denied},
			} {
				if off := counts[0] - counts[1]; off > vain || off < -vain {
					t.Errorf("%s are %d here, %d there", what, counts[0], counts[1])
				}
			}
			if again, failed := sum("retries_total"), made.Limited+made.Disturbed; again == 0 || again > failed || test.function == "credit" && again != failed { // of tags, one may be given up
				t.Errorf("%d retries of %d calls that failed", again, failed)
			}
			if pages, customers := sum("pages_total"), sum("customers_total"); pages < test.opts.Customers/200 || pages > made.Accepted || customers < test.opts.Customers || customers > made.Rows {
				t.Errorf("%d pages, %d customers; the vendor counts %+v", pages, customers, made)
			}
			if sum("invocations_total", "trigger", "http", "code", "ok") != 1 || sum("duration_seconds_count", "trigger", "http") != 1 || sum("incomplete_total", "account", "default") != 0 {
				t.Errorf("of the request: %v", all)
			}
			for name, want := range map[string]float64{"in_flight": 0, "cold_starts_total": 1, "wrong_keys_total": 0} {
				if got, found := all.Sum("partnerlens_" + name); got != want || !found {
					t.Errorf("%s is %v, %t", name, got, found)
				}
			}
		})
	}
}

// An answer that is cut off, or not proven whole, is counted; one that is as
// long as was asked for is not.
func TestIncompleteAnswersAreCounted(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 250, Faults: []string{"total-high"}})
	env := with(c.settings())
	s := serveApp(t, env, app.Credit.Compose(env, nil).Function)
	for i, target := range []string{"/v1/credit?limit=10", "/v1/credit"} {
		s.get(t, target, nil)
		if n, found := s.metrics(t).Sum("partnerlens_incomplete_total", "function", "credit", "account", "default"); int(n) != i || !found {
			t.Errorf("after %s: %v", target, n)
		}
	}
}

// No number and no line of the log holds a customer or a key.
func TestMetricsHoldNoCustomer(t *testing.T) {
	t.Parallel()
	b := &besieged{env: map[string]string{"PARTNERLENS_KEYS": attackedKeys, "PARTNERLENS_LOG_LEVEL": "debug"}}
	handler := b.handler()
	ask := func(target, key string) (int, string) {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		r.Header.Set("X-Api-Key", key)
		r.Header.Set("Tracestate", "a="+plantedText)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	for _, target := range []string{"/v1/credit?account=all&pii=full", "/v1/credit/200000000001", "/v1/credit?" + plantedText + "=1", "/v1/" + plantedText, "/v1/credit?account=unheard-of"} {
		for _, key := range []string{keyAll, keyMasked, keyTags, keyEMEA, keyExpired, keyNone} {
			ask(target, key)
		}
	}
	for key, want := range map[string]string{keyAll: "default emea", keyMasked: "default emea", keyEMEA: "emea", keyTags: ""} {
		status, text := ask("/metrics", key)
		all, err := metricstest.ParseText(text)
		if status != http.StatusOK || err != nil {
			t.Fatalf("%s: %d, %v\n%s", key, status, err, text)
		}
		accounts := make(map[string]bool)
		for _, s := range all {
			if s.Labels["account"] != "" {
				accounts[s.Labels["account"]] = true
			}
			if f := s.Labels["function"]; f != "" && key == keyTags {
				t.Errorf("a key for tags sees %v", s)
			}
		}
		if got := strings.Join(slices.Sorted(maps.Keys(accounts)), " "); got != want {
			t.Errorf("%s sees the accounts %q, want %q", key, got, want)
		}
		if n, _ := all.Sum("partnerlens_wrong_keys_total"); n != 5 {
			t.Errorf("%v wrong keys, want 5", n)
		}
		for _, planted := range []string{"PLANTED", "200000000001", "300000000001", plantedPhone, hashOf(keyAll), "unheard-of"} {
			if strings.Contains(text, planted) {
				t.Errorf("the numbers hold %s:\n%s", planted, text)
			}
		}
	}
	for _, planted := range []string{"PLANTED", "200000000001", "300000000001", plantedPhone} {
		if strings.Contains(b.log.String(), planted) {
			t.Errorf("the log holds %s:\n%s", planted, &b.log.b)
		}
	}
	for _, key := range []string{keyNone, keyExpired, ""} {
		if status, _ := ask("/metrics", key); status != http.StatusUnauthorized {
			t.Errorf("with the key %q /metrics is answered %d", key, status)
		}
	}
}

// platform is a function as a platform runs it.
type platform struct {
	opts host.Options
	log  *lockedLog
	out  *lockedLog
}

func onPlatform(f app.Composed, env app.Environment) platform {
	p := platform{log: new(lockedLog), out: new(lockedLog)}
	p.opts = app.Options(f, env, app.NewLogger(p.log, env).With("function", f.Function.Name), p.out)
	return p
}

func (p platform) invoke(t *testing.T, id, event string) []byte {
	t.Helper()
	answer, err := host.Invoke(t.Context(), p.opts, id, []byte(event))
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// On Lambda each invocation adds a line for CloudWatch, with what it added.
func TestNumbersOnLambda(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 450, Faults: []string{"http-503"}})
	settings := c.settings()
	settings["AWS_LAMBDA_FUNCTION_NAME"] = "partnerlens-credit"
	p := onPlatform(app.Credit.Compose(with(settings), nil), with(settings))
	var all []metricstest.Document
	invoke := func(event string) (added []metricstest.Document) {
		t.Helper()
		p.invoke(t, fmt.Sprintf("id-%d", len(all)), event)
		got, err := metricstest.ParseEMF(p.out.String())
		if err != nil {
			t.Fatal(err)
		}
		added, all = got[len(all):], got
		return added
	}
	first := invoke(`{}`)
	if len(first) != 1 {
		t.Fatalf("%d lines of the first invocation", len(first))
	}
	d, made := first[0], c.sim.Calls().Credit
	if d.Members["function"] != "credit" || d.Members["account"] != "default" || d.Members["request_id"] != "id-0" || len(fmt.Sprint(d.Members["trace_id"])) != 32 ||
		int(d.Sum("calls")) != made.Accepted || int(d.Sum("retries")) != made.Disturbed || made.Disturbed == 0 || d.Sum("customers") < 450 ||
		d.Sum("cold_starts") != 1 || d.Sum("invocations") != 1 || d.Sum("duration_seconds") <= 0 {
		t.Errorf("%+v; the vendor counts %+v", d, made)
	}
	second := invoke(`{"rawPath":"/v1/credit","requestContext":{"http":{"method":"GET","sourceIp":"192.0.2.1"},"authorizer":{"iam":{"userArn":"arn:aws:iam::123456789012:user/tests"}}}}`)
	if len(second) != 1 || second[0].Members["cold_starts"] != nil || int(d.Sum("calls")+second[0].Sum("calls")) != c.sim.Calls().Credit.Accepted {
		t.Errorf("%+v", second)
	}
	if third := invoke(`{"rawPath":"/healthz","requestContext":{"http":{"method":"GET"}}}`); len(third) != 0 {
		t.Errorf("of nothing: %+v", third)
	}
	refused := invoke(`{"rawPath":"/v1/credit","requestContext":{"http":{"method":"GET"}}}`)
	if len(refused) != 1 || refused[0].Members["account"] != nil || refused[0].Sum("invocations") != 1 {
		t.Errorf("%+v", refused)
	}
	if quoted := c.quotedIn(p.out.String() + p.log.String()); quoted != "" {
		t.Errorf("a line holds %q", quoted)
	}
	if got := len(lines(t, p.log.String(), "invocation")); got != 4 {
		t.Errorf("%d lines of invocations", got)
	}
}

// Elsewhere they are a line of the log; a panic is counted, and nothing is lost by it.
func TestNumbersOnSCF(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 30})
	settings := c.settings()
	delete(settings, "PARTNERLENS_TENCENT_SECRET_ID")
	settings["PARTNERLENS_ACCOUNTS"] = asJSON(t, map[string]fields{
		"north": {"vendor": "tencentcloud", "secret_id": simulator.KeyID, "secret_key": simulator.KeySecret, "endpoint": c.server.URL},
		"south": {"vendor": "tencentcloud", "secret_id": simulator.KeyID, "secret_key": simulator.KeySecret, "endpoint": c.server.URL},
	})
	p := onPlatform(app.Credit.Compose(with(settings), nil), with(settings))
	p.invoke(t, "id-1", `{"account":"all"}`)
	logged := lines(t, p.log.String(), "metrics")
	if len(logged) != 1 || p.out.String() != "" {
		t.Fatalf("lines %v, and %s", logged, p.out.String())
	}
	line := logged[0]
	accounts, _ := line["accounts"].(map[string]any)
	north, _ := accounts["north"].(map[string]any)
	duration, _ := line["call_duration_seconds"].(map[string]any)
	if int(line["calls"].(float64)) != c.sim.Calls().Credit.Accepted || len(accounts) != 2 || north["customers"] != 30.0 || line["customers"] != 60.0 ||
		duration["count"] != line["calls"] || line["cold_starts"] != 1.0 || line["request_id"] != "id-1" || line["function"] != "credit" || line["trace_id"] == nil {
		t.Errorf("%v", line)
	}
	if quoted := c.quotedIn(p.log.String()); quoted != "" {
		t.Errorf("the log holds %q", quoted)
	}
}

// A run counts its pages, its end, its deliveries, and the age of the newest run: for
// CloudWatch, and for a server over the same store.
func TestNumbersOfRuns(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 120})
	good, bad := newEar(t, 200), newEar(t, 404)
	settings := c.settings()
	settings["AWS_LAMBDA_FUNCTION_NAME"] = "partnerlens-credit"
	settings["PARTNERLENS_STORE"] = "file://" + t.TempDir()
	settings["PARTNERLENS_ALERTS"] = asJSON(t, map[string]any{"channels": []fields{
		{"name": "good", "type": "webhook", "url": good.server.URL},
		{"name": "bad", "type": "webhook", "url": bad.server.URL},
	}})
	env := with(settings)
	p := onPlatform(app.Credit.Compose(env, nil), env)
	p.invoke(t, "id-1", `{"watch":"2026-11-21"}`)
	p.invoke(t, "id-2", `{"watch":"2026-11-21"}`) // is done already
	all, err := metricstest.ParseEMF(p.out.String())
	if err != nil || len(all) != 2 {
		t.Fatalf("%v: %s", err, p.out.String())
	}
	first, again := all[0], all[1]
	if first.Sum("complete_runs") != 1 || first.Sum("customers") != 120 || first.Sum("alerts_sent") != 1 || first.Sum("alerts_failed") != 1 ||
		first.Sum("incomplete") != 0 || first.Members["data_age_seconds"] == nil || first.Sum("data_age_seconds") > 60 || first.Sum("invocations") != 1 {
		t.Errorf("%+v", first)
	}
	if again.Members["complete_runs"] != nil || again.Members["calls"] != nil || again.Members["data_age_seconds"] == nil {
		t.Errorf("%+v", again)
	}

	settings["AWS_LAMBDA_FUNCTION_NAME"] = ""
	s := serveApp(t, env, app.Credit.Compose(env, nil).Function, app.Tags.Compose(env, nil).Function)
	ages := s.metrics(t)
	if age, found := ages.Sum("partnerlens_data_age_seconds", "function", "credit", "account", "default"); !found || age < 0 || age > 120 {
		t.Errorf("the age is %v, %t", age, found)
	}
	if _, found := ages.Sum("partnerlens_data_age_seconds", "function", "tags"); found {
		t.Error("a run that never was has an age")
	}
}

// Runs that come to nothing are counted, and the age goes on growing.
func TestNumbersOfBadRuns(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 150, Faults: []string{"total-high"}})
	settings := c.settings()
	settings["AWS_LAMBDA_FUNCTION_NAME"] = "partnerlens-credit"
	settings["PARTNERLENS_STORE"] = "file://" + t.TempDir()
	env := with(settings)
	p := onPlatform(app.Credit.Compose(env, nil), env)
	p.invoke(t, "id-1", `{"watch":"2026-11-21"}`)
	settings["PARTNERLENS_TENCENT_SECRET_KEY"] = "planted-wrong"
	if _, err := host.Invoke(t.Context(), p.opts, "id-2", []byte(`{"watch":"2026-11-22"}`)); core.CodeOf(err) != core.CodeDenied {
		t.Errorf("%v", err)
	}
	all, err := metricstest.ParseEMF(p.out.String())
	if err != nil || len(all) != 2 {
		t.Fatalf("%v: %s", err, p.out.String())
	}
	if all[0].Sum("incomplete_runs") != 1 || all[0].Members["failed_runs"] != nil || all[0].Members["incomplete"] != nil || all[0].Members["data_age_seconds"] != nil {
		t.Errorf("%+v", all[0])
	}
	if all[1].Sum("failed_runs") != 1 || all[1].Members["incomplete_runs"] != nil || strings.Contains(p.out.String()+p.log.String(), "planted") {
		t.Errorf("%+v", all[1])
	}
}

// A run that is held is counted as such; a payload takes it as true. How much channels
// lack is a number of every call, of one that only delivers as well.
func TestNumbersOfHeldRuns(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 150, Faults: []string{"empty-day"}})
	ops := newEar(t, http.StatusBadRequest)
	settings := c.settings()
	settings["AWS_LAMBDA_FUNCTION_NAME"] = "partnerlens-credit"
	settings["PARTNERLENS_STORE"] = "file://" + t.TempDir()
	settings["PARTNERLENS_ALERTS"] = asJSON(t, map[string]any{"channels": []fields{{"name": "ops", "type": "webhook", "url": ops.server.URL}}})
	p := onPlatform(app.Credit.Compose(with(settings), nil), with(settings))
	up := func() { ops.answer(http.StatusOK) }
	for i, step := range []struct {
		before  func()
		payload string
		answer  string
		numbers map[string]float64
	}{
		{nil, `{"watch":"2026-11-21"}`, `"complete":true,"accounts":[{"account":"default","state":"done","count":150`, map[string]float64{"complete_runs": 1, "undelivered": 1}},
		{func() { c.sim.SetDay(1) }, `{"watch":"2026-11-22"}`, `"complete":false,"accounts":[{"account":"default","state":"held","count":0`, map[string]float64{"held_runs": 1, "undelivered": 1}},
		{nil, `{"watch":"2026-11-22"}`, `"state":"held"`, map[string]float64{"held_runs": 1, "undelivered": 1}},
		{up, `{"watch":"2026-11-22","mode":"accept"}`, `"state":"done","count":0,"alerts":{"customer_gone":150}`, map[string]float64{"complete_runs": 1, "undelivered": 0}},
		{nil, `{"watch":"now","mode":"redeliver"}`, `"complete":true,"accounts":[{"account":"default","state":"redelivered"`, map[string]float64{"undelivered": 0}},
	} {
		if step.before != nil {
			step.before()
		}
		seen := len(p.out.String())
		answer, err := host.Invoke(t.Context(), p.opts, fmt.Sprintf("id-%d", i), []byte(step.payload))
		if err != nil || !strings.Contains(string(answer), step.answer) {
			t.Fatalf("%s: %v\n%s\nwant %s", step.payload, err, answer, step.answer)
		}
		all, err := metricstest.ParseEMF(p.out.String()[seen:])
		if err != nil || len(all) != 1 {
			t.Fatalf("%v: %s", err, p.out.String())
		}
		for _, name := range []string{"complete_runs", "held_runs", "incomplete_runs", "failed_runs", "undelivered"} {
			if got := all[0].Sum(name); got != step.numbers[name] {
				t.Errorf("%d: %s: %s is %v, want %v", i, step.payload, name, got, step.numbers[name])
			}
		}
		if _, there := all[0].Members["undelivered"]; !there {
			t.Errorf("%s: no number of what channels lack", step.payload)
		}
	}
	// What was refused comes by the payload that asks for it; that a list is held is
	// nothing to report any more.
	if heard := ops.heard(); len(heard) != 4 || heard[0] != heard[3] || !strings.Contains(heard[2], "customer_gone") {
		t.Errorf("heard %d: %q", len(heard), heard)
	}
	for _, payload := range []string{`{"watch":"now","mode":"planted"}`, `{"watch":"now","mode":["accept","force"]}`, `{"watch":"now","mode":""}`} {
		if answer, err := host.Invoke(t.Context(), p.opts, "id-9", []byte(payload)); core.CodeOf(err) != core.CodeInvalid {
			t.Errorf("%s: %v, %s", payload, err, answer)
		}
	}
}

// Whatever keeps a run from being made, there is a line that says so for every account
// that it concerns, and how old the newest run is where that is known.
func TestEveryCallForARunIsLogged(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 40, Faults: []string{"http-500-always"}})
	healthy := openCloud(t, simulator.Options{Customers: 40})
	for name, test := range map[string]struct {
		change  map[string]string
		payload string
		account string
		state   string
		aged    bool
	}{
		"done":                       {nil, `{"watch":"2026-11-22"}`, "default", "done", true},
		"done before":                {nil, `{"watch":"2026-11-20"}`, "default", "already", true},
		"accounts that are not read": {map[string]string{"PARTNERLENS_ACCOUNTS": "file:/nope"}, `{"watch":"now"}`, "all", "failed", false},
		"a channel of no type":       {map[string]string{"PARTNERLENS_ALERTS": `{"channels":[{"name":"ops","type":"pigeon","url":"x"}]}`}, `{"watch":"now"}`, "default", "done", true},
		"a wrong zone":               {map[string]string{"PARTNERLENS_WATCH_ZONE": "nowhere"}, `{"watch":"now"}`, "all", "failed", false},
		"an account that is none":    {nil, `{"watch":"now","account":"planted"}`, "all", "failed", false},
		"a cloud that is down":       {map[string]string{"PARTNERLENS_TENCENT_ENDPOINT": c.server.URL}, `{"watch":"now"}`, "default", "failed", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := healthy.settings()
			settings["PARTNERLENS_STORE"] = "file://" + t.TempDir()
			settings["AWS_LAMBDA_FUNCTION_NAME"] = "partnerlens-credit"
			before := time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)
			early := &app.Watcher{Env: with(settings), Now: func() time.Time { return before }}
			if _, err := early.Watch(t.Context(), app.Credit.Compose(with(settings), early.Now), app.WatchRequest{Run: "2026-11-20"}); err != nil {
				t.Fatal(err)
			}
			maps.Copy(settings, test.change)
			p := onPlatform(app.Credit.Compose(with(settings), nil), with(settings))
			_, err := host.Invoke(t.Context(), p.opts, "id-1", []byte(test.payload))
			if (err != nil) != (test.state == "failed") {
				t.Errorf("%v", err)
			}
			watched := lines(t, p.log.String(), "watched")
			if len(watched) != 1 {
				t.Fatalf("%d lines: %s", len(watched), p.log.String())
			}
			line := watched[0]
			age, aged := line["age_s"].(float64)
			if line["account"] != test.account || line["state"] != test.state || aged != test.aged || age < 0 || strings.Contains(p.log.String(), "planted") {
				t.Errorf("%v", line)
			}
			all, err := metricstest.ParseEMF(p.out.String())
			if err != nil || len(all) == 0 {
				t.Fatalf("%v: %s", err, p.out.String())
			}
			failed := 0.0
			for _, d := range all {
				failed += d.Sum("failed_runs")
			}
			if (failed > 0) != (test.state == "failed") {
				t.Errorf("%v failed runs", failed)
			}
		})
	}
}

// Where the store cannot be read, the other numbers are given.
func TestNumbersWithoutTheStore(t *testing.T) {
	t.Parallel()
	env := with(map[string]string{"PARTNERLENS_STORE": "s3://bucket/?region=eu-central-1&endpoint=http://127.0.0.1:1"})
	s := serveApp(t, env, app.Credit.Compose(env, nil).Function)
	if _, found := s.metrics(t).Sum("partnerlens_in_flight"); !found {
		t.Error("no numbers")
	}
	s.metrics(t)
	if got := lines(t, s.log.String(), "the newest run cannot be read; answers are not compared with it, and its last known age is used"); len(got) != 1 {
		t.Errorf("%d lines say so:\n%s", len(got), s.log.String())
	}
}

// traced is a cloud that remembers whose calls it was asked.
type traced struct {
	mu     sync.Mutex
	parent []string
	states map[string]bool
}

func (c *traced) over(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.parent = append(c.parent, strings.Join(r.Header.Values("Traceparent"), "|"))
		c.states[r.Header.Get("Tracestate")] = true
		c.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

// The trace of a request is in each line of its log, and in each call of the
// cloud, which has a span of its own; the signatures hold.
func TestTraceContext(t *testing.T) {
	t.Parallel()
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for _, test := range []struct {
		name, parent, state string
		want, wantState     string // the trace; "": a new one
		flags               string
	}{
		{"gone on with", "00-" + trace + "-" + span + "-01", "rojo=1", trace, "rojo=1", "01"},
		{"with a state that is none", "00-" + trace + "-" + span + "-00", "PLANTED STATE", trace, "", "00"},
		{"absent", "", "", "", "", "02"},
		{"of another version", "01-" + trace + "-" + span + "-01", "rojo=1", "", "", "02"},
		{"of no trace", "00-" + strings.Repeat("0", 32) + "-" + span + "-01", "rojo=1", "", "", "02"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sim, err := simulator.New(simulator.Options{Customers: 350, Faults: []string{"http-500"}})
			if err != nil {
				t.Fatal(err)
			}
			seen := &traced{states: make(map[string]bool)}
			server := httptest.NewServer(seen.over(sim))
			t.Cleanup(func() { sim.Close(); server.Close() })
			settings := (&cloud{server: server}).settings()
			settings["PARTNERLENS_LOG_LEVEL"] = "debug"
			env := with(settings)
			s := serveApp(t, env, app.Credit.Compose(env, nil).Function, app.Tags.Compose(env, nil).Function)
			header := http.Header{}
			for name, value := range map[string]string{"traceparent": test.parent, "tracestate": test.state} {
				if value != "" {
					header.Set(name, value)
				}
			}
			for _, target := range []string{"/v1/credit", "/v1/tags?reseller_id=all"} {
				seen.parent, seen.states = nil, make(map[string]bool)
				if status, body := s.get(t, target, header); status != http.StatusOK {
					t.Fatalf("%d %s", status, body)
				}
				var trace string
				spans := make(map[string]bool)
				for _, parent := range seen.parent {
					parts := strings.Split(parent, "-")
					if len(parts) != 4 || parts[0] != "00" || len(parts[1]) != 32 || len(parts[2]) != 16 || parts[3] != test.flags || spans[parts[2]] || parts[2] == span || trace != "" && trace != parts[1] {
						t.Errorf("%s: a call says it is below %q", target, parent)
						continue
					}
					trace, spans[parts[2]] = parts[1], true
				}
				if len(seen.parent) < 3 || test.want != "" && trace != test.want || test.want == "" && trace == "4bf92f3577b34da6a3ce929d0e0e4736" || !seen.states[test.wantState] || len(seen.states) != 1 {
					t.Errorf("%s: calls of the trace %s, states %v", target, trace, seen.states)
				}
				for message, least := range map[string]int{"audit": 1, "call": len(seen.parent), "invocation": 1} {
					n := 0
					for _, line := range settled(t, s, message, trace, least) {
						if line["trace_id"] == trace && len(fmt.Sprint(line["span_id"])) == 16 && (line["parent_span_id"] == span) == (test.want != "") {
							n++
						}
					}
					if n < least || n > least && (message != "call" || target == "/v1/credit") { // tags' may end before they are sent
						t.Errorf("%s: %d lines %q of the trace, want %d", target, n, message, least)
					}
				}
			}
			if strings.Contains(s.log.String(), "PLANTED") {
				t.Errorf("a tracestate is in the log")
			}
		})
	}
}

// settled gives the lines of a trace's latest request, once they are written: a
// server writes the last one after the answer.
func settled(t *testing.T, s served, message, trace string, least int) []map[string]any {
	t.Helper()
	for {
		var found []map[string]any
		var span any
		all := lines(t, s.log.String(), message)
		for _, line := range slices.Backward(all) {
			if line["trace_id"] != trace {
				continue
			}
			if span == nil {
				span = line["span_id"]
			}
			if line["span_id"] == span {
				found = append(found, line)
			}
		}
		if len(found) >= least {
			return found
		}
		select {
		case <-t.Context().Done():
			return found
		case <-time.After(time.Millisecond):
		}
	}
}

func TestLogLevel(t *testing.T) {
	t.Parallel()
	settings := map[string]string{}
	var log lockedLog
	logger := app.NewLogger(&log, with(settings)).With("function", "credit")
	for _, step := range []struct {
		setting string
		want    string
	}{
		{"", "info warn error"}, {"debug", "debug info warn error"}, {"info", "info warn error"}, {"warn", "warn error"}, {"error", "error"},
		{"PLANTED", app.LogLevelSetting + ": unknown; write debug, info, warn or error; until then it is info info warn error"},
		{"PLANTED", "info warn error"},
		{"INFO", app.LogLevelSetting + ": unknown; write debug, info, warn or error; until then it is info info warn error"},
	} {
		settings[app.LogLevelSetting] = step.setting
		before := len(log.String())
		for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
			logger.Log(t.Context(), level, strings.ToLower(level.String()))
		}
		var got []string
		for line := range strings.Lines(log.String()[before:]) {
			var entry struct{ Msg, Version, Time, Level string }
			if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Version != app.Version || entry.Time == "" || entry.Level == "" {
				t.Errorf("%v: %s", err, line)
			}
			got = append(got, entry.Msg)
		}
		if strings.Join(got, " ") != step.want {
			t.Errorf("at %q the log is %q, want %q", step.setting, got, step.want)
		}
	}
	if strings.Contains(log.String(), "PLANTED") {
		t.Error("the log quotes the setting")
	}
}
