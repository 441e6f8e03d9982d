package app_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
	"partnerlens/internal/watch"
)

// A day on which a vendor lists no customer, or another partner's customers, with success, is
// held: it is one line to the operator, and the next day is as if it had not been. An
// answer of everyone has a warning on that day, where there is a store.
func TestStrangeDays(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"empty-day", "other-account"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			today := time.Date(2026, 11, 11, 12, 0, 0, 0, time.UTC)
			strange := openCloud(t, simulator.Options{Customers: 200, Today: today, Faults: []string{fault}})
			calm := openCloud(t, simulator.Options{Customers: 200, Today: today})
			watch := func(c *cloud, env map[string]string, day int) (alerts []string) {
				t.Helper()
				c.sim.SetDay(day)
				at := today.AddDate(0, 0, day)
				now := func() time.Time { return at }
				for _, f := range app.ComposeAll(with(env), now) {
					done, err := (&app.Watcher{Env: with(env), Now: now}).Watch(t.Context(), f, app.WatchRequest{})
					want := watch.Done
					if c == strange && day == 1 {
						want = watch.Held
					}
					if err != nil || done.Accounts[0].State != want || done.Complete != (want == watch.Done) {
						t.Fatalf("%s, day %d: %v, %+v", f.Function.Name, day, err, done)
					}
					if want == watch.Done {
						path := filepath.Join(strings.TrimPrefix(env["PARTNERLENS_STORE"], "file://"), filepath.Dir(done.Accounts[0].Manifest), "alerts.json")
						for id, kinds := range alertsOf(t, path) {
							alerts = append(alerts, f.Function.Name+" "+id+" "+kinds)
						}
					}
				}
				return alerts
			}
			heard := newEar(t, http.StatusOK)
			env, calmEnv := strange.settings(), calm.settings()
			folder := t.TempDir()
			env["PARTNERLENS_STORE"], calmEnv["PARTNERLENS_STORE"] = "file://"+folder, "file://"+t.TempDir()
			env["PARTNERLENS_ALERTS"] = asJSON(t, map[string]any{"channels": []fields{{"name": "ops", "type": "webhook", "url": heard.server.URL}}})
			env["PARTNERLENS_SHARE_FOR"] = "0s"
			server := serveApp(t, with(env), app.Credit.Compose(with(env), nil).Function, app.Tags.Compose(with(env), nil).Function)

			watch(strange, env, 0)
			warned := func(path string) bool {
				t.Helper()
				status, body := server.get(t, path, nil)
				if status != http.StatusOK {
					t.Fatalf("%s: %d %s", path, status, body)
				}
				return strings.Contains(body, `"code":"list_shrunken"`)
			}
			for _, path := range []string{"/v1/credit", "/v1/tags", "/v1/credit?account=all"} {
				if warned(path) {
					t.Errorf("%s has a warning on the first day", path)
				}
			}
			watch(strange, env, 1)
			for path, want := range map[string]bool{
				"/v1/credit": true, "/v1/tags": true, "/v1/credit?order=desc&pii=masked": true, "/v1/credit?account=all": true,
				"/v1/credit?limit=5": false, "/v1/credit?status=low": false, "/v1/tags?reseller_id=all": false,
			} {
				if got := warned(path); got != want {
					t.Errorf("%s, on the strange day: a warning %t", path, got)
				}
			}
			without := strange.settings()
			if _, body := serveApp(t, with(without), app.Credit.Compose(with(without), nil).Function).get(t, "/v1/credit", nil); strings.Contains(body, "list_shrunken") {
				t.Error("a warning without a store")
			}
			damaged := strange.settings()
			damaged["PARTNERLENS_STORE"] = "file://" + t.TempDir()
			if err := os.MkdirAll(filepath.Join(strings.TrimPrefix(damaged["PARTNERLENS_STORE"], "file://"), "runs/credit/default/latest.json"), 0o700); err != nil {
				t.Fatal(err)
			}
			if status, body := serveApp(t, with(damaged), app.Credit.Compose(with(damaged), nil).Function).get(t, "/v1/credit", nil); status != http.StatusOK || strings.Contains(body, "list_shrunken") {
				t.Errorf("a store that cannot be read: %d", status)
			}

			got := watch(strange, env, 2)
			watch(calm, calmEnv, 0)
			want := watch(calm, calmEnv, 2)
			if fmt.Sprint(sorted(got)) != fmt.Sprint(sorted(want)) || len(want) == 0 {
				t.Errorf("on the third day %d alerts, want %d:\n%q\n%q", len(got), len(want), sorted(got), sorted(want))
			}
			held := 0
			for _, body := range heard.heard() {
				if strings.Contains(body, `"held":{"known":`) {
					held++
				}
			}
			if held != 2 || len(heard.heard()) != 6 {
				t.Errorf("%d messages, %d of them of held runs", len(heard.heard()), held)
			}
		})
	}
}

func sorted(texts []string) []string {
	slices.Sort(texts)
	return texts
}
