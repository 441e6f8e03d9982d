package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// ear is a webhook that records what it receives.
type ear struct {
	mu     sync.Mutex
	bodies []string
	status int
	server *httptest.Server
}

func newEar(t *testing.T, status int) *ear {
	e := &ear{status: status}
	e.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		e.mu.Lock()
		e.bodies = append(e.bodies, string(body))
		status := e.status
		e.mu.Unlock()
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "ok") // as Slack answers
	}))
	t.Cleanup(e.server.Close)
	return e
}

// answer changes what it answers.
func (e *ear) answer(status int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.status = status
}

func (e *ear) heard() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.bodies...)
}

func (c *cloud) settings() map[string]string {
	settings := map[string]string{"PARTNERLENS_TENCENT_RATE": "0", "PARTNERLENS_HUAWEI_RATE": "0"}
	for _, setting := range simulator.Env(c.server.URL) {
		name, value, _ := strings.Cut(setting, "=")
		settings[name] = value
	}
	return settings
}

// A watch stores the run, delivers once, and does nothing at a second call. A failing
// channel is in the manifest and fails nothing.
func TestWatch(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 120})
	good, bad := newEar(t, 200), newEar(t, 404)
	env := c.settings()
	folder := t.TempDir()
	env["PARTNERLENS_STORE"] = "file://" + folder
	env["PARTNERLENS_ALERTS"] = asJSON(t, map[string]any{"channels": []fields{
		{"name": "good", "type": "webhook", "url": "env:GOOD_URL", "secret": "planted-signing-secret"},
		{"name": "bad", "type": "webhook", "url": bad.server.URL + "/planted-path"},
	}})
	env["GOOD_URL"] = good.server.URL
	at := time.Date(2026, 11, 21, 22, 0, 0, 0, time.UTC) // the 22nd in the vendors' zone
	watcher := &app.Watcher{Env: with(env), Now: func() time.Time { return at }}
	for _, f := range app.ComposeAll(with(env), nil) {
		done, err := watcher.Watch(t.Context(), f, app.WatchRequest{At: at})
		if err != nil || !done.Complete || done.Run != "2026-11-22" || done.Accounts[0].State != watch.Done || done.Accounts[0].Count != 120 {
			t.Fatalf("%v, %+v", err, done)
		}
		text, err := os.ReadFile(filepath.Join(folder, "runs", f.Function.Name, "default", "2026-11-22", "manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`"complete":true`, `"channel":"good","type":"webhook"`, `"state":"delivered"`, `"state":"failed"`, `"expiry_days":7`} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s: no %s in %s", f.Function.Name, want, text)
			}
		}
		if strings.Contains(string(text), "planted") || strings.Contains(string(text), good.server.URL) {
			t.Errorf("the manifest holds a secret: %s", text)
		}
		again, err := watcher.Watch(t.Context(), f, app.WatchRequest{At: at.Add(time.Hour)})
		if err != nil || again.Accounts[0].State != watch.Already {
			t.Errorf("again: %v, %+v", err, again)
		}
	}
	if heard := good.heard(); len(heard) != 2 || !strings.Contains(heard[0], `"specversion":"1.0"`) {
		t.Errorf("heard %d times: %v", len(heard), heard)
	}
}

// Channels whose addresses cannot be resolved are in the manifest, and the run is
// done all the same.
func TestNoChannelCanBeReached(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 20})
	for name, url := range map[string]string{"a reference to nothing": "env:NOT_SET", "http over the network": "http://example.com/planted-path"} {
		env := c.settings()
		env["PARTNERLENS_STORE"] = "file://" + t.TempDir()
		env["PARTNERLENS_ALERTS"] = asJSON(t, map[string]any{"channels": []fields{{"name": "ops", "type": "webhook", "url": url}}})
		done, err := (&app.Watcher{Env: with(env)}).Watch(t.Context(), app.Credit.Compose(with(env), nil), app.WatchRequest{})
		if err != nil || !done.Complete {
			t.Fatalf("%s: %v, %+v", name, err, done)
		}
		deliveries := asJSON(t, done.Accounts[0].Details.Deliveries)
		if !strings.Contains(deliveries, `"channel":"ops"`) || !strings.Contains(deliveries, `"state":"failed"`) || strings.Contains(deliveries, "planted") {
			t.Errorf("%s: %s", name, deliveries)
		}
	}
}

// A failing channel hides no other: not where its reference names
// nothing, and not where its address may not be used.
func TestOneBadChannel(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 20})
	for _, bad := range []string{"env:NOT_THERE", "http://example.com/planted-path"} {
		good := newEar(t, 200)
		env := c.settings()
		env["PARTNERLENS_STORE"] = "file://" + t.TempDir()
		env["PARTNERLENS_ALERTS"] = asJSON(t, map[string]any{"channels": []fields{
			{"name": "ops", "type": "webhook", "url": good.server.URL}, {"name": "crm", "type": "webhook", "url": bad},
		}})
		done, err := (&app.Watcher{Env: with(env)}).Watch(t.Context(), app.Credit.Compose(with(env), nil), app.WatchRequest{})
		if err != nil || len(good.heard()) != 1 {
			t.Fatalf("%s: %v, heard %d times", bad, err, len(good.heard()))
		}
		deliveries := asJSON(t, done.Accounts[0].Details.Deliveries)
		if !strings.Contains(deliveries, `"channel":"ops","type":"webhook"`) || strings.Count(deliveries, `"state":"delivered"`) != 1 || strings.Count(deliveries, `"state":"failed"`) != 1 {
			t.Errorf("%s: %s", bad, deliveries)
		}
	}
}

// A channel that was down receives what it missed later, with the same id: by a call for
// the same run, or before the next run. The others do not receive it again.
func TestChannelThatWasDown(t *testing.T) {
	t.Parallel()
	for _, later := range []string{"2026-11-21", "2026-11-22"} {
		c := openCloud(t, simulator.Options{Customers: 200, Today: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), Faults: []string{"no-vouchers"}}) // which expire on any day
		up, down := newEar(t, 200), newEar(t, 404)
		env := c.settings()
		env["PARTNERLENS_STORE"] = "file://" + t.TempDir()
		watch := func(run string) app.WatchedRun {
			t.Helper()
			at, _ := time.Parse(time.DateOnly, run)
			now := func() time.Time { return at }
			done, err := (&app.Watcher{Env: with(env), Now: now}).Watch(t.Context(), app.Credit.Compose(with(env), now), app.WatchRequest{Run: run})
			if err != nil || !done.Complete {
				t.Fatalf("%v, %+v", err, done)
			}
			return done.Accounts[0]
		}
		watch("2026-11-20")
		env["PARTNERLENS_ALERTS"] = asJSON(t, map[string]any{"channels": []fields{
			{"name": "up", "type": "webhook", "url": up.server.URL}, {"name": "down", "type": "webhook", "url": down.server.URL},
		}})
		c.sim.SetDay(1)
		first := watch("2026-11-21")
		missed := down.heard()
		down.answer(200)
		watch(later)
		watch(later)
		again := down.heard()
		if len(missed) != 1 || len(again) < 2 || again[1] != missed[0] || !strings.Contains(missed[0], `"kind":"credit_overdrawn"`) {
			t.Errorf("by %s: missed %q, and then heard %q", later, missed, again)
		}
		if got := up.heard(); len(got) != len(again)-1 || !slices.Equal(got[1:], again[2:]) {
			t.Errorf("by %s: the working channel got %d messages", later, len(got))
		}
		last := watch("2026-11-21")
		if was, is := asJSON(t, first.Details.Deliveries), asJSON(t, last.Details.Deliveries); !strings.Contains(was, `"state":"failed"`) || strings.Contains(is, `"state":"failed"`) || !strings.Contains(is, `"tries":2`) {
			t.Errorf("by %s: %s\n%s", later, was, is)
		}
	}
}

// Accounts are read side by side: a failing one is reported and hides no other.
func TestWatchOfSeveralAccounts(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 30})
	env := map[string]string{
		"PARTNERLENS_STORE": "file://" + t.TempDir(),
		"PARTNERLENS_ACCOUNTS": asJSON(t, map[string]fields{
			"good": {"vendor": "tencentcloud", "secret_id": simulator.KeyID, "secret_key": simulator.KeySecret, "endpoint": c.server.URL, "rate": 0},
			"bad":  {"vendor": "tencentcloud", "secret_id": simulator.KeyID, "secret_key": "planted-wrong", "endpoint": c.server.URL},
		}),
	}
	watcher := &app.Watcher{Env: with(env)}
	done, err := watcher.Watch(t.Context(), app.Credit.Compose(with(env), nil), app.WatchRequest{})
	if core.CodeOf(err) != core.CodeDenied || !strings.Contains(err.Error(), "bad: ") || strings.Contains(err.Error(), "planted") || done.Complete {
		t.Errorf("%v, %+v", err, done)
	}
	states := make(map[string]watch.State)
	for _, a := range done.Accounts {
		states[a.Account] = a.State
	}
	if !maps.Equal(states, map[string]watch.State{"good": watch.Done, "bad": "failed"}) {
		t.Errorf("%v", states)
	}
}

func TestWatchSettingsThatAreWrong(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]map[string]string{
		"PARTNERLENS_STORE":        {"PARTNERLENS_STORE": ""},
		"PARTNERLENS_WATCH_EVERY":  {"PARTNERLENS_WATCH_EVERY": "week"},
		"PARTNERLENS_WATCH_ZONE":   {"PARTNERLENS_WATCH_ZONE": "Local"},
		"PARTNERLENS_RETAIN_DAYS":  {"PARTNERLENS_RETAIN_DAYS": "0"},
		"PARTNERLENS_ATTEMPTS":     {"PARTNERLENS_ATTEMPTS": "0"},
		"PARTNERLENS_HOLD_PERCENT": {"PARTNERLENS_HOLD_PERCENT": "20%"},
		"PARTNERLENS_HOLD_COUNT":   {"PARTNERLENS_HOLD_COUNT": "-1"},
	} {
		env := map[string]string{"PARTNERLENS_STORE": "file://" + t.TempDir()}
		maps.Copy(env, change)
		done, err := (&app.Watcher{Env: with(env)}).Watch(t.Context(), app.Credit.Compose(with(env), nil), app.WatchRequest{})
		if core.CodeOf(err) != core.CodeMisconfigured || !strings.Contains(core.AsError(err).Public(), name) || done.Complete {
			t.Errorf("%s: %v, %+v", name, err, done)
		}
	}
}

// A mistake in PARTNERLENS_ALERTS costs no list: it is read, compared where the rules
// are right, and kept. What is not delivered for it is visible, and comes once the
// setting is right.
func TestMistakeInAlerts(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a channel without an address": `{"channels":[{"name":"ops","type":"webhook","url":"env:OPS"},{"name":"crm","type":"webhook"}]}`,
		"not JSON":                     `{"channels":`,
		"a reference to nothing":       "env:NOT_THERE",
	} {
		c := openCloud(t, simulator.Options{Customers: 20})
		ops, crm := newEar(t, 200), newEar(t, 200)
		env := c.settings()
		folder := t.TempDir()
		var log lockedLog
		env["PARTNERLENS_STORE"], env["PARTNERLENS_ALERTS"], env["OPS"] = "file://"+folder, text, ops.server.URL
		watch := func() app.Watched {
			t.Helper()
			watcher := &app.Watcher{Env: with(env), Logger: slog.New(slog.NewJSONHandler(&log, nil))}
			done, err := watcher.Watch(t.Context(), app.Credit.Compose(with(env), nil), app.WatchRequest{})
			if err != nil || !done.Complete {
				t.Fatalf("%s: %v, %+v", name, err, done)
			}
			return done
		}
		for range 2 {
			done := watch()
			lacking := done.Accounts[0].Undelivered
			if done.Undelivered() != core.CodeMisconfigured || len(lacking) != 1 || !strings.Contains(lacking[0].Detail, "PARTNERLENS_ALERTS") {
				t.Errorf("%s: %+v", name, lacking)
			}
		}
		if _, err := os.Stat(filepath.Join(folder, "runs/credit/default", watch().Run, "customers.csv")); err != nil {
			t.Error(err)
		}
		line := lines(t, log.String(), "watched")[0]
		if line["undelivered"] != 1.0 || len(lines(t, log.String(), "delivery failed")) == 0 {
			t.Errorf("%s: %v", name, line)
		}
		env["PARTNERLENS_ALERTS"] = asJSON(t, map[string]any{"channels": []fields{
			{"name": "ops", "type": "webhook", "url": "env:OPS"}, {"name": "crm", "type": "webhook", "url": crm.server.URL},
		}})
		if done := watch(); done.Undelivered() != "" {
			t.Errorf("%s: mended: %+v", name, done.Accounts[0].Undelivered)
		}
		if len(ops.heard()) != 1 || len(crm.heard()) != 1 {
			t.Errorf("%s: %d and %d messages", name, len(ops.heard()), len(crm.heard()))
		}
	}
}

// A customer's own line holds for everything that a run says of him, and the manifest
// distinguishes sets of overrides.
func TestOverridesReachTheData(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 40})
	folder := t.TempDir()
	env := c.settings()
	env["PARTNERLENS_STORE"] = "file://" + folder
	watch := func(run, id string) watch.Manifest {
		t.Helper()
		env["PARTNERLENS_ALERTS"] = asJSON(t, map[string]any{"rules": fields{"overrides": fields{id: "999999999"}}})
		at, _ := time.Parse(time.DateOnly, run)
		now := func() time.Time { return at }
		done, err := (&app.Watcher{Env: with(env), Now: now}).Watch(t.Context(), app.Credit.Compose(with(env), now), app.WatchRequest{Run: run})
		if err != nil {
			t.Fatal(err)
		}
		return done.Accounts[0].Details
	}
	first := watch("2026-11-20", "1") // no customer's
	before, err := os.ReadFile(filepath.Join(folder, "runs/credit/default/2026-11-20/customers.csv"))
	if err != nil {
		t.Fatal(err)
	}
	ok := ""
	for i := range 40 {
		id := fmt.Sprint(c.sim.CreditCustomer(i).ClientUin)
		for line := range strings.Lines(string(before)) {
			if strings.Contains(line, id) && strings.Contains(line, ",ok,") {
				ok = id
			}
		}
	}
	second := watch("2026-11-21", ok)
	if second.ByStatus["low"] != first.ByStatus["low"]+1 || second.ByStatus["ok"] != first.ByStatus["ok"]-1 || second.Alerts["credit_low"] != 1 {
		t.Errorf("%v and %v, then %v and %v", first.ByStatus, first.Alerts, second.ByStatus, second.Alerts)
	}
	table, err := os.ReadFile(filepath.Join(folder, "runs/credit/default/2026-11-21/customers.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		if strings.Contains(line, ok) && !strings.Contains(line, ",low,") {
			t.Errorf("the table says %s", line)
		}
	}
	was, is := first.Thresholds, second.Thresholds
	if len(fmt.Sprint(is["overrides_sha256"])) != 64 || was["overrides_sha256"] == is["overrides_sha256"] || strings.Contains(fmt.Sprint(is), ok) {
		t.Errorf("%v, then %v", was, is)
	}
}

// A run that was asked for stays, however old; others of its age go.
func TestRetainKeepsWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 20})
	folder := t.TempDir()
	env := c.settings()
	env["PARTNERLENS_STORE"], env["PARTNERLENS_RETAIN_DAYS"] = "file://"+folder, "30"
	now := func() time.Time { return time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC) }
	for _, run := range []string{"2026-11-22", "2026-09-30", "2026-10-01"} {
		done, err := (&app.Watcher{Env: with(env), Now: now}).Watch(t.Context(), app.Credit.Compose(with(env), now), app.WatchRequest{Run: run})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(folder, done.Accounts[0].Manifest)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "runs/credit/default/2026-09-30")); err == nil {
		t.Error("an old run is left")
	}
}

// Every line of a run says how old the newest complete one is, whatever came of the
// run; before the first one, since when it has been tried.
func TestAgeOfRuns(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 40})
	doubtful := openCloud(t, simulator.Options{Customers: 150, Faults: []string{"total-high"}})
	env := c.settings()
	folder := t.TempDir()
	env["PARTNERLENS_STORE"] = "file://" + folder
	began := time.Now().Truncate(time.Second)
	var log lockedLog
	watch := func(run string, after time.Duration) map[string]any {
		t.Helper()
		now := func() time.Time { return began.Add(after) }
		watcher := &app.Watcher{Env: with(env), Now: now, Logger: slog.New(slog.NewJSONHandler(&log, nil))}
		_, _ = watcher.Watch(t.Context(), app.Credit.Compose(with(env), now), app.WatchRequest{Run: run})
		all := lines(t, log.String(), "watched")
		return all[len(all)-1]
	}
	day := func(n int) string { return began.AddDate(0, 0, n).In(core.VendorZone).Format(time.DateOnly) }
	env["PARTNERLENS_TENCENT_ENDPOINT"] = doubtful.server.URL
	if line := watch(day(0), time.Hour); line["state"] != "unproven" || line["age_s"].(float64) < 3590 || line["age_s"].(float64) > 3600 {
		t.Errorf("never complete: %v", line)
	}
	env["PARTNERLENS_TENCENT_ENDPOINT"] = c.server.URL
	if line := watch(day(1), 24*time.Hour); line["state"] != "done" || line["age_s"] != 0.0 {
		t.Errorf("done: %v", line)
	}
	if line := watch(day(1), 25*time.Hour); line["state"] != "already" || line["age_s"] != 3600.0 {
		t.Errorf("already: %v", line)
	}
	env["PARTNERLENS_TENCENT_SECRET_KEY"] = "wrong"
	if line := watch(day(2), 48*time.Hour); line["state"] != "failed" || line["age_s"] != 86400.0 {
		t.Errorf("failed: %v", line)
	}
}

// The day begins in a zone by its offset, or by its name where the machine knows it.
func TestWatchZone(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 5})
	zones := map[string]string{"": "2026-07-22", "-07:00": "2026-07-21"}
	if _, err := time.LoadLocation("Europe/Berlin"); err == nil {
		zones["Europe/Berlin"] = "2026-07-22" // by an hour, since it is summer
		zones["Europe/London"] = "2026-07-21"
	}
	at := time.Date(2026, 7, 21, 22, 15, 0, 0, time.UTC)
	for zone, want := range zones {
		env := c.settings()
		env["PARTNERLENS_STORE"], env["PARTNERLENS_WATCH_ZONE"] = "file://"+t.TempDir(), zone
		now := func() time.Time { return at }
		done, err := (&app.Watcher{Env: with(env), Now: now}).Watch(t.Context(), app.Credit.Compose(with(env), now), app.WatchRequest{})
		if err != nil || done.Run != want {
			t.Errorf("%s: %s, %v, want %s", zone, done.Run, err, want)
		}
	}
}

// A run that deadlines cut short continues, and the last call finishes it.
func TestWatchGoesOn(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 2000, Work: simulator.Constant(120 * time.Millisecond), Rate: 4})
	env := c.settings()
	env["PARTNERLENS_STORE"] = "file://" + t.TempDir()
	env["PARTNERLENS_TENCENT_RATE"] = "5"
	watcher, f := &app.Watcher{Env: with(env)}, app.Credit.Compose(with(env), nil)
	invocations := 0
	var last app.Watched
	for within := 12500 * time.Millisecond; !last.Complete; within += time.Second { // ten seconds of which are kept for stopping
		invocations++
		ctx, cancel := context.WithTimeout(t.Context(), within)
		var err error
		last, err = watcher.Watch(ctx, f, app.WatchRequest{Run: "2026-11-22"})
		cancel()
		throttled := core.CodeOf(err) == core.CodeThrottled // the deadline came between a refusal and the next attempt
		if invocations > 12 || err != nil && !throttled || err == nil && !last.Complete && last.Accounts[0].State != watch.GoingOn {
			t.Fatalf("%v, %+v", err, last)
		}
	}
	if invocations < 2 || last.Accounts[0].Count != 2000 || last.Accounts[0].Details.Invocations < 2 || last.Accounts[0].Details.Invocations > invocations {
		t.Errorf("%d invocations, %+v", invocations, last)
	}
	made := c.sim.Calls().Credit
	if got := last.Accounts[0].Details.Calls; got.Made < 20 || got.Made > made.Accepted+made.Limited || got.Refused < 1 || got.Refused > made.Limited || got.RefusedLate > got.Refused || got.PerSecond < 1 || got.PerSecond > 5 {
		t.Errorf("the run has the calls %+v; the vendor accepted %d and refused %d", got, made.Accepted, made.Limited)
	}
	if text, err := json.Marshal(last); err != nil || !strings.Contains(string(text), `"schema":"partnerlens.watch/v1"`) {
		t.Errorf("%s, %v", text, err)
	}
}
