package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/internal/alert"
	"partnerlens/internal/api"
	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
)

// reading are the paths of the stored runs.
type reading []api.Resource

func openReading(env app.Environment, now time.Time) reading {
	var functions []*core.Function
	for _, f := range app.ComposeAll(env, nil) {
		functions = append(functions, f.Function)
	}
	return app.Resources(&app.Watcher{Env: env, Now: func() time.Time { return now }}, functions...)
}

// ask asks a path as a caller with all rights, who sees what sees accepts; nil: everything.
func (r reading) ask(ctx context.Context, path, id string, params core.Params, sees func(function, account string) bool) (string, error) {
	res := &r[slices.IndexFunc(r, func(res api.Resource) bool { return res.Path == path })]
	q := api.ResourceQuery{Params: params, CustomerID: id, Rights: core.Rights{Personal: true, Inside: true}, Sees: sees}
	if sees == nil {
		q.Sees = func(string, string) bool { return true }
	}
	read, err := res.Ask(ctx, q)
	if err != nil {
		return "", err
	}
	doc, err := read(ctx)
	if err != nil {
		return "", err
	}
	var body bytes.Buffer
	err = api.WriteDocument(&body, res, doc, "json")
	return body.String(), err
}

// TestHistoryIsTheCustomersLife makes the runs of a simulated month, without some of its
// days, and compares the history of every customer with what the simulator says of it, day
// by day.
func TestHistoryIsTheCustomersLife(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	today := time.Date(2026, 11, 11, 12, 0, 0, 0, time.UTC)
	c := openCloud(t, simulator.Options{Customers: 14, Seed: seed, Today: today, Faults: []string{"no-vouchers"}})
	env := c.settings()
	env["PARTNERLENS_STORE"] = "file://" + t.TempDir()
	env["PARTNERLENS_HUAWEI_RESELLERS"] = "all"
	const days = 30
	type dayOf struct{ function, id, day string }
	want := make(map[dayOf]map[string]fact) // by key
	ids := make(map[[2]string]bool)         // functions and customers
	dropped := make(map[string]bool)
	for day := range days {
		c.sim.SetDay(day)
		at := today.AddDate(0, 0, day)
		run := at.Format(time.DateOnly)
		dropped[run] = random.IntN(4) == 0
		for _, f := range app.ComposeAll(with(env), func() time.Time { return at }) {
			name, q := f.Function.Name, query{name: f.Function.Name}
			if !dropped[run] {
				watcher := &app.Watcher{Env: with(env), Now: func() time.Time { return at }}
				if done, err := watcher.Watch(t.Context(), f, app.WatchRequest{Run: run}); err != nil || !done.Complete {
					t.Fatalf("%s, day %d: %v, %+v", name, day, err, done)
				}
			}
			if name == "tags" {
				q.params = core.Params{"reseller_id": {core.AllResellers}}
			}
			lives := c.lives(name)
			for key, truth := range c.truth(q, at).facts {
				reseller, id, found := strings.Cut(key, "/")
				if !found {
					id = reseller
				}
				ids[[2]string{name, id}] = true
				if life := lives[id]; !found && (day < map[simulator.Life]int{simulator.ComesDay1: 1, simulator.ComesDay2: 2}[life] ||
					life == simulator.GoesDay1 && day >= 1 || life == simulator.GoesDay2 && day >= 2) {
					continue // not a customer on this day
				}
				of := dayOf{name, id, run}
				if want[of] == nil {
					want[of] = make(map[string]fact)
				}
				want[of][key] = truth
			}
		}
	}
	now := today.AddDate(0, 0, days-1)
	functions := make(map[string]*core.Function)
	for _, f := range app.ComposeAll(with(env), nil) {
		functions[f.Function.Name] = f.Function
	}
	listed, paths := 0, openReading(with(env), now)
	for one := range ids { // of each function some 40, another 40 each time
		if ids[one] = random.IntN(len(ids)) < 80; !ids[one] {
			continue
		}
		f, id := functions[one[0]], one[1]
		text, err := paths.ask(t.Context(), app.HistoryPath(f.Name), id, core.Params{"pii": {"full"}}, nil)
		if core.CodeOf(err) == core.CodeNotFound && !slices.ContainsFunc(slices.Collect(maps.Keys(want)), func(of dayOf) bool { return of.function == f.Name && of.id == id && !dropped[of.day] }) {
			continue // a customer only on days without a run
		}
		if err != nil {
			t.Fatalf("%s %s: %v", f.Name, id, err)
		}
		var history struct {
			Days []struct {
				Day, State string
				Item       jsontext.Value
			}
		}
		if err := json.Unmarshal([]byte(text), &history); err != nil {
			t.Fatal(err)
		}
		seen := make(map[string]int)
		for _, day := range history.Days {
			facts := want[dayOf{f.Name, id, day.Day}]
			seen[day.Day]++
			state := "listed"
			switch {
			case dropped[day.Day]:
				state = "no_run"
			case len(facts) == 0:
				state = "absent"
			}
			if day.State != state || (string(day.Item) == "null") != (state != "listed") {
				t.Errorf("%s %s, %s: %s %s, want %s", f.Name, id, day.Day, day.State, day.Item, state)
				continue
			}
			if state != "listed" {
				continue
			}
			listed++
			record, err := f.Decode(day.Item)
			if err != nil {
				t.Fatal(err)
			}
			truth, ok := facts[record.Key()]
			truth.details = true
			if !ok {
				t.Errorf("%s %s, %s: a record of %s", f.Name, id, day.Day, record.Key())
			} else if wrong := truth.wrong(f.Columns, record); wrong != "" {
				t.Errorf("%s %s, %s: %s", f.Name, id, day.Day, wrong)
			}
		}
		for day := range days {
			run := today.AddDate(0, 0, day).Format(time.DateOnly)
			rows := max(1, len(want[dayOf{f.Name, id, run}]))
			if dropped[run] {
				rows = 1
			}
			if seen[run] != rows {
				t.Errorf("%s %s, %s: %d rows, want %d", f.Name, id, run, seen[run], rows)
			}
		}
	}
	if listed < 500 {
		t.Errorf("only %d days were compared", listed)
	}
}

// twoAccounts are the settings of two accounts of credit, cn and intl, at one simulated
// cloud, and of a store; and a function that makes their runs of a day.
func twoAccounts(t *testing.T) (settings map[string]string, makeRuns func(at time.Time, accounts ...string)) {
	t.Helper()
	c := openCloud(t, simulator.Options{Customers: 60, Seed: 7, Today: time.Date(2026, 11, 11, 12, 0, 0, 0, time.UTC), Faults: []string{"no-vouchers"}})
	env := c.settings()
	account := map[string]string{"vendor": "tencentcloud", "secret_id": env["PARTNERLENS_TENCENT_SECRET_ID"],
		"secret_key": env["PARTNERLENS_TENCENT_SECRET_KEY"], "endpoint": env["PARTNERLENS_TENCENT_ENDPOINT"]}
	settings = map[string]string{
		"PARTNERLENS_STORE": "file://" + t.TempDir(), "PARTNERLENS_TENCENT_RATE": "0",
		"PARTNERLENS_ACCOUNTS": asJSON(t, map[string]any{"cn": account, "intl": account}),
	}
	return settings, func(at time.Time, accounts ...string) {
		t.Helper()
		for _, account := range accounts {
			f := app.Credit.Compose(with(settings), func() time.Time { return at })
			watcher := &app.Watcher{Env: with(settings), Now: func() time.Time { return at }}
			if done, err := watcher.Watch(t.Context(), f, app.WatchRequest{Account: account}); err != nil || !done.Complete {
				t.Fatalf("%v, %+v", err, done)
			}
		}
	}
}

// openAnswer is the answer of the path of open alerts.
type openAnswer struct {
	Complete bool
	Stopped  *string
	Count    int
	Total    int
	Warnings []core.Warning
	Runs     []app.OpenRun
	Alerts   []struct {
		Function, Account, Kind, Severity, Since string
		CustomerID                               string `json:"customer_id"`
	}
}

func (r reading) open(t *testing.T, params core.Params, sees func(function, account string) bool) (a openAnswer, err error) {
	t.Helper()
	text, err := r.ask(t.Context(), app.AlertsPath, "", params, sees)
	if err == nil {
		err = json.Unmarshal([]byte(text), &a)
	}
	return a, err
}

func TestOpenAlertsFilter(t *testing.T) {
	t.Parallel()
	settings, makeRuns := twoAccounts(t)
	start := time.Date(2026, 11, 11, 12, 0, 0, 0, time.UTC)
	makeRuns(start, "cn")
	makeRuns(start.AddDate(0, 0, 1), "cn", "intl")
	paths := openReading(with(settings), start.AddDate(0, 0, 1).Add(time.Hour))
	all, err := paths.open(t, nil, nil)
	if err != nil || !all.Complete || all.Count < 20 || len(all.Runs) != 2 { // tags has no account, and no run: it is not in use
		t.Fatalf("%v, %+v", err, all)
	}
	kinds := alert.Kinds()
	if !slices.IsSortedFunc(all.Alerts, func(a, b struct {
		Function, Account, Kind, Severity, Since string
		CustomerID                               string `json:"customer_id"`
	}) int {
		return slices.Index(kinds, alert.Kind(a.Kind)) - slices.Index(kinds, alert.Kind(b.Kind))
	}) {
		t.Errorf("the worst are not first: %+v", all.Alerts)
	}
	for _, test := range []struct {
		name   string
		params core.Params
		keep   func(i int) bool // of all
	}{
		{"a kind", core.Params{"kind": {"credit_low"}}, func(i int) bool { return all.Alerts[i].Kind == "credit_low" }},
		{"two kinds", core.Params{"kind": {"credit_low,credit_forced"}}, func(i int) bool { return all.Alerts[i].Kind == "credit_low" || all.Alerts[i].Kind == "credit_forced" }},
		{"two kinds, apart", core.Params{"kind": {"credit_low", "credit_forced"}}, func(i int) bool { return all.Alerts[i].Kind == "credit_low" || all.Alerts[i].Kind == "credit_forced" }},
		{"a severity", core.Params{"severity": {"critical"}}, func(i int) bool { return all.Alerts[i].Severity == "critical" }},
		{"an account", core.Params{"account": {"intl"}}, func(i int) bool { return all.Alerts[i].Account == "intl" }},
		{"all accounts", core.Params{"account": {"all"}}, func(int) bool { return true }},
		{"a function", core.Params{"function": {"credit"}}, func(int) bool { return true }},
		{"an owner", core.Params{"owner": {"Chen"}}, func(int) bool { return false }},
		{"since a day", core.Params{"since": {"2026-11-12"}}, func(i int) bool { return all.Alerts[i].Since >= "2026-11-12" }},
		{"since the moment", core.Params{"since": {"2026-11-12T12:00:00Z"}}, func(i int) bool { return all.Alerts[i].Since >= "2026-11-12T12:00:00Z" }},
		{"since the moment after", core.Params{"since": {"2026-11-12T20:00:01+08:00"}}, func(int) bool { return false }},
	} {
		got, err := paths.open(t, test.params, nil)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		want := all.Alerts[:0:0]
		for i, a := range all.Alerts {
			if test.keep(i) {
				want = append(want, a)
			}
		}
		if !got.Complete || got.Count != len(want) || got.Total != len(want) || !slices.Equal(got.Alerts, want) {
			t.Errorf("%s: %d of %d conditions, want %d", test.name, got.Count, got.Total, len(want))
		}
	}
	got, err := paths.open(t, core.Params{"limit": {"3"}}, nil)
	if err != nil || got.Complete || got.Stopped == nil || *got.Stopped != "limit" || got.Count != 3 || got.Total != all.Total || !slices.Equal(got.Alerts, all.Alerts[:3]) {
		t.Errorf("a limit: %v, %+v", err, got)
	}
	for _, params := range []core.Params{
		{"kind": {"low"}}, {"kind": {""}}, {"kind": {}}, {"severity": {"bad"}}, {"function": {"kredit"}}, {"account": {"cn", "intl"}}, {"account": {""}}, {"account": {"north"}},
		{"owner": {""}}, {"since": {"yesterday"}}, {"since": {"2026-11-31"}}, {"limit": {"0"}}, {"limit": {"+1"}}, {"limit": {"many"}},
	} {
		if _, err := paths.open(t, params, nil); core.CodeOf(err) != core.CodeInvalid {
			t.Errorf("%v: %v", params, err)
		}
	}
}

// TestOpenAlertsOfSomeAccounts limits the caller to some accounts and functions.
func TestOpenAlertsOfSomeAccounts(t *testing.T) {
	t.Parallel()
	settings, makeRuns := twoAccounts(t)
	start := time.Date(2026, 11, 11, 12, 0, 0, 0, time.UTC)
	makeRuns(start, "cn", "intl")
	paths := openReading(with(settings), start.Add(time.Hour))
	only := func(functions, accounts string) func(function, account string) bool {
		return func(function, account string) bool {
			return (function == "" || strings.Contains(functions, function)) && (account == "" || strings.Contains(accounts, account))
		}
	}
	got, err := paths.open(t, nil, only("credit tags", "intl"))
	if err != nil || len(got.Runs) != 1 || got.Runs[0].Account != "intl" || got.Count == 0 {
		t.Errorf("one account: %v, %+v", err, got.Runs)
	}
	for _, a := range got.Alerts {
		if a.Account != "intl" {
			t.Fatalf("an alert of %s", a.Account)
		}
	}
	for _, test := range []struct {
		account, functions, accounts string
		code                         core.Code
	}{
		{"cn", "credit tags", "intl", core.CodeForbidden}, {"all", "credit", "north", core.CodeForbidden},
		{"", "tags", "cn intl", core.CodeForbidden}, {"cn", "tags", "cn intl", core.CodeInvalid}, {"", "", "cn", core.CodeForbidden},
	} {
		params := core.Params{}
		if test.account != "" {
			params["account"] = []string{test.account}
		}
		_, err := paths.open(t, params, only(test.functions, test.accounts))
		if core.CodeOf(err) != test.code || strings.Contains(core.AsError(err).Detail, "cn") {
			t.Errorf("%+v: %v", test, err)
		}
	}
	// The account of a history without one is the only one that the caller may see.
	id := got.Alerts[0].CustomerID
	text, err := paths.ask(t.Context(), app.HistoryPath("credit"), id, nil, only("credit", "intl"))
	if err == nil || core.CodeOf(err) != core.CodeInvalid {
		t.Errorf("several accounts, none named: %v, %s", err, text)
	}
	for account, code := range map[string]core.Code{"intl": "", "all": core.CodeInvalid, "north": core.CodeInvalid, "": core.CodeInvalid} {
		_, err := paths.ask(t.Context(), app.HistoryPath("credit"), id, core.Params{"account": {account}}, nil)
		if core.CodeOf(err) != code {
			t.Errorf("the history in the account %q: %v", account, err)
		}
	}
}

// TestOpenAlertsThatAreMissing asks while runs are missing, old or damaged.
func TestOpenAlertsThatAreMissing(t *testing.T) {
	t.Parallel()
	settings, makeRuns := twoAccounts(t)
	folder := strings.TrimPrefix(settings["PARTNERLENS_STORE"], "file://")
	start := time.Date(2026, 11, 11, 12, 0, 0, 0, time.UTC)
	paths := openReading(with(settings), start.Add(time.Hour))
	if _, err := paths.open(t, nil, nil); core.CodeOf(err) != core.CodeNotFound {
		t.Errorf("without a run: %v", err)
	}
	codes := func(a openAnswer) (all string) {
		for _, w := range a.Warnings {
			all += w.Account + " " + w.Code + ";"
		}
		return all
	}
	makeRuns(start, "cn")
	got, err := paths.open(t, nil, nil)
	if err != nil || got.Complete || got.Count == 0 || codes(got) != "intl run_missing;" || got.Runs[1].Run != nil || got.Runs[1].Error == nil {
		t.Errorf("with one run: %v, %+v", err, got)
	}
	makeRuns(start, "intl")
	for hours, stale := range map[int]bool{0: false, 25: false, 27: true} {
		got, err := openReading(with(settings), start.Add(time.Duration(hours)*time.Hour)).open(t, core.Params{"account": {"cn"}}, nil)
		if err != nil || !got.Complete || got.Runs[0].Stale != stale || (codes(got) != "") != stale || *got.Runs[0].AgeSeconds != int64(3600*hours) {
			t.Errorf("after %d hours: %v, %+v, %s", hours, err, got.Runs, codes(got))
		}
	}
	hourly := maps.Clone(settings)
	hourly["PARTNERLENS_WATCH_EVERY"] = "hour"
	if got, err := openReading(with(hourly), start.Add(4*time.Hour)).open(t, core.Params{"account": {"cn"}}, nil); err != nil || !got.Runs[0].Stale {
		t.Errorf("hourly, after 4 hours: %v, %+v", err, got)
	}
	damaged := filepath.Join(folder, "runs/credit/intl/2026-11-11/open.json")
	if err := os.WriteFile(damaged, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err = paths.open(t, nil, nil)
	if err != nil || got.Complete || got.Count == 0 || codes(got) != "intl upstream_broken;" || got.Runs[1].Error == nil || got.Runs[1].Error.Code != core.CodeUpstream {
		t.Errorf("with a damaged object: %v, %+v", err, got)
	}
	for _, params := range []core.Params{{"account": {"intl"}}, {"owner": {"Chen"}}} { // an empty list would be for the wrong reason
		if got, err := paths.open(t, params, nil); core.CodeOf(err) != core.CodeUpstream {
			t.Errorf("%v with a damaged object: %v, %+v", params, err, got)
		}
	}
}

func TestHistoryDays(t *testing.T) {
	t.Parallel()
	settings, makeRuns := twoAccounts(t)
	start := time.Date(2026, 11, 11, 20, 0, 0, 0, time.UTC) // the 12th in the zone of the watch
	makeRuns(start, "cn")
	paths := openReading(with(settings), start)
	open, err := paths.open(t, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	id := open.Alerts[0].CustomerID
	for _, test := range []struct {
		params core.Params
		want   string // from, to; or the parameter that is refused
	}{
		{core.Params{}, "2026-10-14 2026-11-12"},
		{core.Params{"from": {"2026-11-10"}}, "2026-11-10 2026-11-12"},
		{core.Params{"to": {"2026-11-13"}}, "2026-10-14 2026-11-12"},
		{core.Params{"from": {"2025-10-09"}}, "2025-10-09 2026-11-12"},
		{core.Params{"from": {"2025-10-08"}}, "from"},
		{core.Params{"from": {"2026-11-13"}}, "from"},
		{core.Params{"from": {"2026-11-1"}}, "from"},
		{core.Params{"from": {""}}, "from"},
		{core.Params{"to": {"2026-11-12", "2026-11-12"}}, "to"},
		{core.Params{"to": {"2026-02-30"}}, "to"},
		{core.Params{"pii": {"some"}}, "pii"},
	} {
		test.params["account"] = []string{"cn"}
		text, err := paths.ask(t.Context(), app.HistoryPath("credit"), id, test.params, nil)
		var answer struct{ From, To string }
		got := ""
		if failure := core.AsError(err); failure != nil {
			got = failure.Param
		} else if err := json.Unmarshal([]byte(text), &answer); err == nil {
			got = answer.From + " " + answer.To
		}
		if got != test.want {
			t.Errorf("%v: %q (%v), want %q", test.params, got, err, test.want)
		}
	}
	if text, _ := paths.ask(t.Context(), app.HistoryPath("credit"), id, core.Params{"account": {"cn"}}, nil); !strings.Contains(text, "***") {
		t.Errorf("the history is not masked: %s", text)
	}
}

// An owner is found by the name that items have, which alerts have without the characters
// that cannot be seen.
func TestOpenAlertsOfOwner(t *testing.T) {
	t.Parallel()
	for asked, owner := range map[string]string{"Alice": "Alice", "Alice  Example": "Alice Example", "Alice\u00a0Example": "Alice Example", "Alice\u2764\ufe0f": "Alice\u2764"} {
		if !app.KeepsOwner(asked, owner) {
			t.Errorf("%q does not find %q", asked, owner)
		}
	}
	for asked, owner := range map[string]string{"Alice": "Bob", "\u200b": ""} {
		if app.KeepsOwner(asked, owner) {
			t.Errorf("%q finds %q", asked, owner)
		}
	}
}

// A run that asked for some resellers says so where it lacks a customer, which may be of
// another.
func TestHistoryOfSomeResellers(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 11, 12, 0, 0, 0, time.UTC)
	c := openCloud(t, simulator.Options{Customers: 40, Today: start})
	env := c.settings()
	env["PARTNERLENS_STORE"] = "file://" + t.TempDir()
	ids := make(map[string]string) // a customer of each reseller
	for key := range c.truth(query{name: "tags", params: core.Params{"reseller_id": {core.AllResellers}}}, start).facts {
		if reseller, id, found := strings.Cut(key, "/"); found {
			ids[reseller] = id
		}
	}
	resellers := slices.Sorted(maps.Keys(ids))
	for day, reseller := range resellers[:2] {
		env["PARTNERLENS_HUAWEI_RESELLERS"] = reseller
		at := start.AddDate(0, 0, day)
		now := func() time.Time { return at }
		for _, f := range app.ComposeAll(with(env), now) {
			if f.Function.Name != "tags" {
				continue
			}
			watcher := &app.Watcher{Env: with(env), Now: now}
			if done, err := watcher.Watch(t.Context(), f, app.WatchRequest{Run: at.Format(time.DateOnly)}); err != nil || !done.Complete {
				t.Fatalf("%v, %+v", err, done)
			}
		}
	}
	text, err := openReading(with(env), start.AddDate(0, 0, 1)).ask(t.Context(), app.HistoryPath("tags"), ids[resellers[0]], core.Params{"from": {"2026-11-11"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var history struct {
		Days []struct{ State, Detail string }
	}
	if err := json.Unmarshal([]byte(text), &history); err != nil {
		t.Fatal(err)
	}
	if d := history.Days; len(d) != 2 || d[0].State != "listed" || d[1].State != "absent" || !strings.Contains(d[1].Detail, "of 1 resellers") {
		t.Errorf("%+v", d)
	}
}
