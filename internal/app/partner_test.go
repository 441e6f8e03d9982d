package app_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"partnerlens/internal/api"
	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// partnerAnswer is an answer of /v1/partner.
type partnerAnswer struct {
	Run  *string `json:"run"`
	Pool *struct {
		Remaining string `json:"remaining"`
	} `json:"pool"`
	Resellers *[]struct {
		Name string `json:"name"`
	} `json:"resellers"`
	Vouchers *int           `json:"vouchers"`
	Warnings []core.Warning `json:"warnings"`
}

// partnerServer is the API over a cloud, with the keys "all" and "masked".
func partnerServer(t *testing.T, env app.Environment) func(target, key string) (int, string) {
	t.Helper()
	keys := make(map[string]string)
	var entries []fields
	for _, name := range []string{"all", "masked", "tags"} {
		key, hash := api.NewKey()
		keys[name] = key
		entry := fields{"name": name, "hash": hash, "pii": name == "all"}
		if name == "tags" {
			entry["functions"] = []string{"tags"}
		}
		entries = append(entries, entry)
	}
	setting := asJSON(t, fields{"keys": entries})
	handler := app.Handler(app.HandlerOptions{Env: func(name string) string {
		if name == api.KeysSetting {
			return setting
		}
		return env(name)
	}}, app.Credit.Compose(env, nil).Function, app.Tags.Compose(env, nil).Function)
	return func(target, key string) (int, string) {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		r.Header.Set("X-Api-Key", keys[key])
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		return answer.Code, answer.Body.String()
	}
}

func askPartner(t *testing.T, ask func(target, key string) (int, string), target string) (a partnerAnswer) {
	t.Helper()
	status, body := ask(target, "all")
	if status != http.StatusOK {
		t.Fatalf("%s: %d %s", target, status, body)
	}
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// watchCredit makes a run of credit.
func watchCredit(t *testing.T, env app.Environment) watch.Manifest {
	t.Helper()
	done, err := (&app.Watcher{Env: env}).Watch(t.Context(), app.Credit.Compose(env, nil), app.WatchRequest{})
	if err != nil || !done.Complete {
		t.Fatalf("%v, %+v", err, done)
	}
	return done.Accounts[0].Details
}

// Whichever of the partner's APIs the key may not call, the run is complete and the answers
// have the rest, without a warning.
func TestPartnerWithoutPermissions(t *testing.T) {
	t.Parallel()
	faults := []string{"no-partner-credit", "no-resellers", "no-direct", "no-vouchers"}
	for denied := range 1 << len(faults) {
		var names []string
		for i, fault := range faults {
			if denied&(1<<i) != 0 {
				names = append(names, fault)
			}
		}
		t.Run("without "+strings.Join(names, " "), func(t *testing.T) {
			t.Parallel()
			has := func(fault string) bool { return !slices.Contains(names, fault) }
			folder := t.TempDir()
			f := openFront(t, simulator.Options{Customers: 30, Faults: names}, "PARTNERLENS_STORE=file://"+folder)
			m := watchCredit(t, f.env)
			if m.Count != 30 || m.Partner == nil || len(m.Warnings) != 0 || (m.Partner.Pool != nil) != has("no-partner-credit") ||
				(m.Partner.Resellers != nil) != has("no-resellers") || (m.Partner.Vouchers != nil) != has("no-vouchers") {
				t.Errorf("%d customers, %+v, %+v", m.Count, m.Partner, m.Warnings)
			}
			if slices.ContainsFunc(m.Objects, func(o watch.Object) bool { return o.Name == "resellers.json" }) != has("no-resellers") {
				t.Errorf("%+v", m.Objects)
			}
			packed, err := os.Open(filepath.Join(folder, "runs", "credit", "default", m.Run, "customers.ndjson.gz"))
			if err != nil {
				t.Fatal(err)
			}
			defer packed.Close()
			unpacked, err := gzip.NewReader(packed)
			if err != nil {
				t.Fatal(err)
			}
			customers, err := io.ReadAll(unpacked)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Count(string(customers), `"vouchers":null`); got != map[bool]int{true: 0, false: 30}[has("no-vouchers")] {
				t.Errorf("%d customers without vouchers", got)
			}
			ask := partnerServer(t, f.env)
			for _, target := range []string{"/v1/partner", "/v1/partner?live=true"} {
				a := askPartner(t, ask, target)
				nothing := a.Pool == nil && a.Resellers == nil && a.Vouchers == nil
				if (a.Pool != nil) != has("no-partner-credit") || (a.Resellers != nil) != has("no-resellers") || (a.Vouchers != nil) != has("no-vouchers") || (a.Run == nil) != strings.Contains(target, "live") {
					t.Errorf("%s: %+v", target, a)
				}
				wantWarning := len(names) == 4 && a.Run == nil
				if (len(a.Warnings) > 0) != wantWarning || wantWarning && !nothing {
					t.Errorf("%s: %+v", target, a.Warnings)
				}
				if a.Pool != nil && a.Pool.Remaining != plainNumber(f.sim.PartnerCredit().RemainingCredit) {
					t.Errorf("%s: %+v", target, *a.Pool)
				}
				if a.Resellers != nil && len(*a.Resellers) != f.sim.SubAgents() {
					t.Errorf("%s: %d resellers", target, len(*a.Resellers))
				}
			}
			if status, body := ask("/v1/credit?vouchers=true", "all"); status != http.StatusOK || !strings.Contains(body, `"complete":true`) {
				t.Errorf("%d %.300s", status, body)
			}
		})
	}
}

func TestPartnerAnswer(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	f := openFront(t, simulator.Options{Customers: 30}, "PARTNERLENS_STORE=file://"+folder)
	ask := partnerServer(t, f.env)
	if a := askPartner(t, ask, "/v1/partner"); a.Run != nil || a.Pool == nil {
		t.Errorf("without a run: %+v", a)
	}
	m := watchCredit(t, f.env)
	calls := f.sim.Calls()
	a := askPartner(t, ask, "/v1/partner?pii=full")
	if a.Run == nil || *a.Run != m.Run || (*a.Resellers)[0].Name != f.sim.SubAgent(11).Name && (*a.Resellers)[0].Name != f.sim.SubAgent(0).Name {
		t.Errorf("%+v", a)
	}
	if f.sim.Calls() != calls {
		t.Error("the vendor was asked although there is a run")
	}
	for _, target := range []string{"/v1/partner", "/v1/partner?live=true"} {
		if _, body := ask(target, "all"); strings.Contains(body, "示例石桥") || strings.Contains(body, "region") || !strings.Contains(body, `"name":"示***司"`) {
			t.Errorf("%s is not masked: %s", target, body)
		}
	}
	for _, test := range []struct {
		target, key string
		status      int
		says        string
	}{
		{"/v1/partner?pii=full", "masked", 403, "pii"},
		{"/v1/partner?live=true&pii=full", "masked", 403, "pii"},
		{"/v1/partner", "tags", 403, "this key may not ask for credit"},
		{"/v1/partner", "", 401, ""},
		{"/v1/partner?account=all", "all", 400, "one account"},
		{"/v1/partner?account=north", "all", 400, "unknown; configured: default"},
		{"/v1/partner?live=1", "all", 400, "live"},
		{"/v1/partner?vouchers=true", "all", 400, "not a parameter"},
	} {
		if status, body := ask(test.target, test.key); status != test.status || !strings.Contains(body, test.says) {
			t.Errorf("%s as %q: %d %s", test.target, test.key, status, body)
		}
	}

	// A damaged object, or a store that cannot be read, is an error: the vendor is not asked
	// in its place, and no list is empty for the wrong reason.
	resellers := filepath.Join(folder, "runs", "credit", "default", m.Run, "resellers.json")
	for name, damage := range map[string]func() error{
		"changed": func() error { return os.WriteFile(resellers, []byte(`{"resellers":[]}`), 0o600) },
		"missing": func() error { return os.Remove(resellers) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		if status, body := ask("/v1/partner", "all"); status < 500 || !strings.Contains(body, "resellers.json is damaged") {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if a := askPartner(t, ask, "/v1/partner?live=true"); a.Pool == nil {
		t.Errorf("%+v", a)
	}
	elsewhere := partnerServer(t, func(name string) string {
		if name == app.StoreSetting {
			return "file:///dev/null/folder"
		}
		return f.env(name)
	})
	if status, body := elsewhere("/v1/partner", "all"); status < 500 {
		t.Errorf("a store that cannot be read: %d %s", status, body)
	}
}

// A run of an earlier version has nothing of the partner: the vendor is asked. A stale run
// warns. Where everything fails, the answer is an error.
func TestPartnerOfOtherRuns(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	f := openFront(t, simulator.Options{Customers: 30}, "PARTNERLENS_STORE=file://"+folder)
	m := watchCredit(t, f.env)
	path := filepath.Join(folder, "runs", "credit", "default", m.Run, "manifest.json")
	ask := partnerServer(t, f.env)
	rewrite := func(change func(m map[string]any)) {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		change(m)
		if err := os.WriteFile(path, []byte(asJSON(t, m)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rewrite(func(m map[string]any) { m["as_of"] = time.Now().AddDate(0, 0, -3).UTC().Format(time.RFC3339) })
	if a := askPartner(t, ask, "/v1/partner"); a.Run == nil || len(a.Warnings) != 1 || a.Warnings[0].Code != "run_stale" {
		t.Errorf("%+v", a)
	}
	rewrite(func(m map[string]any) { delete(m, "partner") })
	if a := askPartner(t, ask, "/v1/partner"); a.Run != nil || a.Pool == nil {
		t.Errorf("%+v", a)
	}

	down := openFront(t, simulator.Options{Customers: 30, Faults: []string{"no-resellers", "no-direct", "no-vouchers"}}, "PARTNERLENS_SHARE_FOR=0s")
	action := partnerAPI
	down.hang.Store(&action)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	r := httptest.NewRequest(http.MethodGet, "/v1/partner", nil).WithContext(ctx)
	token, _ := api.NewKey()
	r.Header.Set("X-Api-Key", token)
	answer := httptest.NewRecorder()
	app.Handler(app.HandlerOptions{Env: down.env, Token: core.NewSecret(token)}, down.compose().Function).ServeHTTP(answer, r)
	if answer.Code != http.StatusGatewayTimeout {
		t.Errorf("%d %s", answer.Code, fmt.Sprint(answer.Body))
	}
}
