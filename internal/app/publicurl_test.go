package app_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
)

func TestParsePublicURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "https://pl.example.com": "https://pl.example.com", "https://pl.example.com/": "https://pl.example.com", "https://pl.example.com:8443/a/b/": "https://pl.example.com:8443/a/b",
		"http://127.0.0.1:8080": "http://127.0.0.1:8080", "http://localhost/x": "http://localhost/x", "https://[2001:db8::1]/x": "https://[2001:db8::1]/x", "HTTPS://pl.example/": "https://pl.example",
	} {
		if got, err := app.ParsePublicURL(text); err != nil || got != want {
			t.Errorf("%q is %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{
		"pl.example.com", "//pl.example.com", "http://pl.example.com", "ftp://pl.example.com", "https://", "https:///x", "https:pl.example", "https://:443/", "https://user:planted@pl.example", "https://pl.example/?planted=1",
		"https://pl.example?", "https://pl.example/#planted", "https://pl.example/a b", "https://pl.example/a)b", "https://pl.example/a%2Fb", "https://pl.example/a%41", "https://pl.example//", "https://pl.example/../x",
		"https://pl.example/|x", "https://pl.ex\"ample/", "https://pl.ex|ample/", "https://pl_example/", "https://例子.example/", " https://pl.example", "https://pl.example\n", "https://" + strings.Repeat("h", 200),
	} {
		got, err := app.ParsePublicURL(text)
		if failure := core.AsError(err); err == nil || failure.Code != core.CodeMisconfigured || failure.Param != "PARTNERLENS_PUBLIC_URL" || strings.Contains(err.Error(), "planted") {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
}

// Every link of a digest leads to the history of its customer, below the base path.
func TestLinksLeadToTheHistory(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 60, Seed: 4})
	receiver := newEar(t, 200)
	env := c.settings()
	env["PARTNERLENS_BASE_PATH"], env["PARTNERLENS_STORE"] = "/partners", "file://"+t.TempDir()
	env["PARTNERLENS_HUAWEI_RESELLERS"] = "all"
	env["PARTNERLENS_ALERTS"] = asJSON(t, fields{"channels": []fields{{"name": "crm", "type": "webhook", "url": receiver.server.URL}}})
	functions := app.ComposeAll(with(env), nil)
	var all []*core.Function
	for _, f := range functions {
		all = append(all, f.Function)
	}
	server := httptest.NewServer(app.Handler(app.HandlerOptions{Env: with(env), Token: core.NewSecret(startToken)}, all...))
	t.Cleanup(server.Close)
	env["PARTNERLENS_PUBLIC_URL"] = server.URL + "/partners/"
	watcher := &app.Watcher{Env: with(env), Now: time.Now}
	for _, f := range functions {
		if done, err := watcher.Watch(t.Context(), f, app.WatchRequest{}); err != nil || !done.Complete {
			t.Fatalf("%v, %+v", err, done)
		}
	}
	tried := make(map[string]int)
	for _, body := range receiver.heard() {
		var event struct {
			Data struct {
				Function string
				Alerts   []struct {
					CustomerID string `json:"customer_id"`
					ResellerID string `json:"reseller_id"`
					URL        string `json:"url"`
				}
			}
		}
		if err := json.Unmarshal([]byte(body), &event); err != nil {
			t.Fatal(err)
		}
		for _, a := range event.Data.Alerts {
			kind := event.Data.Function
			if a.ResellerID != "" {
				kind += " of a reseller"
			}
			if a.CustomerID == "" || tried[kind] > 2 {
				continue
			}
			tried[kind]++
			if !strings.HasPrefix(a.URL, server.URL+"/partners/customers/"+event.Data.Function+"/default/"+a.CustomerID) {
				t.Errorf("%s leads to %q", a.CustomerID, a.URL)
				continue
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+startToken)
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if to := answer.Request.URL.Path; answer.StatusCode != http.StatusOK || to != "/partners/v1/"+event.Data.Function+"/"+a.CustomerID+"/history" {
				t.Errorf("%s leads to %s, which is answered with %d", a.URL, to, answer.StatusCode)
			}
		}
	}
	if tried["credit"] == 0 || tried["tags"] == 0 || tried["tags of a reseller"] == 0 {
		t.Errorf("tried %v", tried)
	}
	env["PARTNERLENS_PUBLIC_URL"] = "http://pl.example.com"
	if _, err := watcher.Watch(t.Context(), functions[0], app.WatchRequest{}); core.CodeOf(err) != core.CodeMisconfigured {
		t.Errorf("a wrong address: %v", err)
	}
	found := false
	for _, check := range app.CheckWatch(t.Context(), with(env), functions) {
		found = found || check.State == app.CheckFailed && strings.Contains(check.Says, "PARTNERLENS_PUBLIC_URL")
	}
	if !found {
		t.Error("the checkup does not find it")
	}
}
