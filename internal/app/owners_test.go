package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
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

// ownersOf asks for every customer and returns the owners by id, and the warnings.
func ownersOf(t *testing.T, f *core.Function, params core.Params) (owners map[string]string, warnings []core.Warning) {
	t.Helper()
	question, err := f.Ask(params)
	if err != nil {
		t.Fatal(err)
	}
	owners = make(map[string]string)
	report, err := question.Read(t.Context(), func(record core.Record) bool {
		var item struct {
			Owner *string `json:"owner"`
			CRMID *string `json:"crm_id"`
		}
		text, err := core.AppendJSON(nil, record)
		if err == nil {
			err = json.Unmarshal(text, &item)
		}
		if err != nil {
			t.Fatal(err)
		}
		if item.Owner != nil {
			owners[record.ID()] = *item.Owner
		}
		if item.CRMID != nil {
			owners[record.ID()] += "/" + *item.CRMID
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return owners, report.Warnings
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// firstIDs are the ids of a customer of each function.
func (c *cloud) firstIDs() (credit, tag string) {
	return c.anyOf("credit"), c.anyOf("tags")
}

// anyOf is the id of a customer who is there on every day.
func (c *cloud) anyOf(function string) string {
	var ids []string
	for id, life := range c.lives(function) {
		if life == simulator.Unchanged {
			ids = append(ids, id)
		}
	}
	return slices.Min(ids)
}

// Answers of both functions have the owners, wherever the table is kept; masked answers too, since
// an owner is of the partner's own staff.
func TestOwnersOfAnswers(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 60})
	credit, tag := c.firstIDs()
	folder := t.TempDir()
	table := "customer_id,owner,crm_id\n" + credit + ",Alice Smith,c1\n" + tag + ",Bob,\n"
	path := filepath.Join(folder, "own ers.csv")
	write(t, path, table)
	write(t, filepath.Join(folder, "owners.csv"), table)
	for name, place := range map[string]string{
		"a path": path, "a URL": "file://" + strings.ReplaceAll(path, " ", "%20"), "file:": "file:" + path, "an object": "store:owners.csv", "a reference": "env:TABLE",
	} {
		t.Run(name, func(t *testing.T) {
			env := c.settings()
			env["PARTNERLENS_OWNERS"], env["PARTNERLENS_STORE"], env["TABLE"] = place, "file://"+folder, table
			for _, f := range app.ComposeAll(with(env), nil) {
				want := map[string]map[string]string{"credit": {credit: "Alice Smith/c1"}, "tags": {tag: "Bob"}}[f.Function.Name]
				got, warnings := ownersOf(t, f.Function, core.Params{})
				for id, owner := range want {
					if got[id] != owner {
						t.Errorf("%s: the owner of %s is %q, want %q", f.Function.Name, id, got[id], owner)
					}
				}
				for _, w := range warnings {
					t.Errorf("%s: %+v", f.Function.Name, w)
				}
			}
		})
	}
}

// The vendor's failure is the error of an answer by id, whatever else the answer warns of.
func TestWhatStoppedAnAnswer(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 60})
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if strings.Contains(string(body), `"indirect_partner_id"`) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"error_code":"CBC.0150","error_msg":"x"}`)
			return
		}
		c.sim.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	for _, owners := range []bool{false, true} {
		env := c.settings()
		for _, setting := range simulator.Env(front.URL) {
			name, value, _ := strings.Cut(setting, "=")
			env[name] = value
		}
		if owners {
			env["PARTNERLENS_OWNERS"] = filepath.Join(t.TempDir(), "none.csv")
		}
		composed := app.Tags.Compose(with(env), nil)
		server := serveApp(t, with(env), composed.Function)
		status, body := server.get(t, "/v1/tags/0123456789abcdef0123456789abcdef?reseller_id=all", nil)
		if status != http.StatusBadGateway || !strings.Contains(body, `"code":"denied"`) {
			t.Errorf("owners %t: %d %s", owners, status, body)
		}
	}
}

// A table that cannot be read casts no doubt on the list: the command line ends an answer
// up to a limit with status 0 if no warning does.
func TestUnreadableOwnersAreAboutRecords(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 60})
	env := c.settings()
	env["PARTNERLENS_OWNERS"] = filepath.Join(t.TempDir(), "none.csv")
	_, warnings := ownersOf(t, app.Credit.Compose(with(env), nil).Function, core.Params{"limit": {"5"}})
	if len(warnings) != 1 || warnings[0].Code != "owners_unavailable" || !warnings[0].AboutRecords() {
		t.Errorf("%+v", warnings)
	}
}

// A store that does not answer takes half of an answer's time at most, also from one that
// waits while another reads the table.
func TestOwnersLeaveTimeForTheAnswer(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 60})
	hung := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(hung.Close)
	env := c.settings()
	env["PARTNERLENS_OWNERS"], env["PARTNERLENS_STORE"] = "store:owners.csv", "s3://bucket?region=r&endpoint="+url.QueryEscape(hung.URL)
	env["PARTNERLENS_STORE_ACCESS_KEY"], env["PARTNERLENS_STORE_SECRET_KEY"] = "a", "b"
	f := app.Credit.Compose(with(env), nil).Function
	var answers sync.WaitGroup
	for _, within := range []time.Duration{time.Minute, 4 * time.Second} {
		answers.Go(func() {
			question, err := f.Ask(core.Params{})
			if err != nil {
				t.Error(err)
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			report, err := question.Read(ctx, func(core.Record) bool { return true })
			if err != nil || !report.Complete || len(report.Warnings) != 1 || report.Warnings[0].Code != "owners_unavailable" {
				t.Errorf("within %s: %v, %d customers, %+v", within, err, report.Count, report.Warnings)
			}
		})
		time.Sleep(100 * time.Millisecond)
	}
	answers.Wait()
}

// A table is read again when it changed, at most once a minute. While it cannot be read, the
// last one is used, and answers warn of it.
func TestOwnersAreReadAgain(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 20})
	id, _ := c.firstIDs()
	at := time.Date(2026, 11, 11, 12, 0, 0, 0, time.UTC)
	now := func() time.Time { return at }
	for name, place := range map[string]string{"file": "", "object": "store:folder/owners.csv", "reference": "env:TABLE"} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			if err := os.Mkdir(filepath.Join(folder, "folder"), 0o700); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(folder, "folder", "owners.csv")
			env := c.settings()
			env["PARTNERLENS_STORE"], env["PARTNERLENS_OWNERS"], env["PARTNERLENS_SECRETS_FOR"] = "file://"+folder, path, "10s"
			if place != "" {
				env["PARTNERLENS_OWNERS"] = place
			}
			table := func(text string) {
				env["TABLE"] = text
				if text == "" {
					if err := os.Remove(path); err != nil {
						t.Fatal(err)
					}
					return
				}
				write(t, path, text)
			}
			table("customer_id,owner\n" + id + ",alice\n")
			f := app.Credit.Compose(with(env), now).Function
			expect := func(f *core.Function, owner, warning string) {
				t.Helper()
				got, warnings := ownersOf(t, f, core.Params{"filter_type": {"customer_id"}, "filter": {id}})
				said := ""
				for _, w := range warnings {
					if w.Code == "owners_unavailable" {
						said = w.Message
					}
				}
				if got[id] != owner || (said == "") != (warning == "") || !strings.Contains(said, warning) || strings.Contains(said, folder) {
					t.Errorf("the owner is %q, want %q; warns %q, want %q", got[id], owner, said, warning)
				}
			}
			expect(f, "alice", "")
			table("customer_id,owner\n" + id + ",bob of the east\n")
			expect(f, "alice", "") // within a minute
			at = at.Add(time.Minute)
			if place == "env:TABLE" {
				return // the resolver keeps it by the real clock
			}
			expect(f, "bob of the east", "")
			at = at.Add(time.Minute)
			table("customer_id,owner\n" + id + ",\"carol\n2,x\n3,y\n")
			expect(f, "bob of the east", "the quote that opens in line 2 is not closed; close it; until it can be read, the table that was read before is used")
			at = at.Add(time.Minute)
			expect(f, "bob of the east", "the quote that opens in line 2") // not read again
			expect(app.Credit.Compose(with(env), now).Function, "", "no customer has an owner or is muted")
			table("")
			at = at.Add(time.Minute)
			expect(f, "bob of the east", "PARTNERLENS_OWNERS: ")
			table("customer_id,owner\n" + id + ",dora\n")
			at = at.Add(time.Minute)
			expect(f, "dora", "")
			delete(env, "PARTNERLENS_OWNERS")
			expect(f, "", "")
		})
	}
}

// Runs carry owners, warn of mistakes in the table, and of customers that no account has.
func TestOwnersOfRuns(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 60})
	credit, tag := c.firstIDs()
	folder := t.TempDir()
	env := c.settings()
	env["PARTNERLENS_STORE"], env["PARTNERLENS_OWNERS"] = "file://"+folder, "store:owners.csv"
	write(t, filepath.Join(folder, "owners.csv"), "customer_id,owner,mute_until\n"+credit+",alice,2999-01-01\n"+tag+",bob,2020-01-01\n999999999999,x,\n"+credit+",carol,\nffffffff6d0cdd74fc82f1cf2fdc1b51,y,\n")
	run := func(f app.Composed, what string) watch.Manifest {
		t.Helper()
		watched, err := (&app.Watcher{Env: with(env)}).Watch(t.Context(), f, app.WatchRequest{Mode: app.WatchForce})
		if err != nil || !watched.Complete {
			t.Fatalf("%s: %v, %+v", what, err, watched)
		}
		return watched.Accounts[0].Details
	}
	for _, f := range app.ComposeAll(with(env), nil) {
		name := f.Function.Name
		m := run(f, name)
		got := make(map[string]string)
		for _, w := range m.Warnings {
			got[w.Code] = w.Message
		}
		unknown, muted := map[string]string{"credit": "line 4", "tags": "line 6"}[name], map[string]int{"credit": 1}[name]
		if !strings.HasSuffix(got["owners_unknown"], "customers that are in no list that was read (1); check their ids: "+unknown) ||
			!strings.HasSuffix(got["owners_twice"], "line 5") || !strings.HasSuffix(got["owners_mute_past"], "line 3") || len(got) != 3 || m.Muted != muted {
			t.Errorf("%s: %d muted, %v; %s", name, m.Muted, got, tag)
		}
		if strings.Contains(strings.Join([]string{got["owners_unknown"], got["owners_twice"]}, ""), "99999") {
			t.Errorf("%s: %v quotes the table", name, got)
		}
		table, err := os.ReadFile(filepath.Join(folder, "runs", name, "default", m.Run, "customers.csv"))
		if want := map[string]string{"credit": "alice", "tags": "bob"}[name]; err != nil || strings.Count(string(table), want) != 1 {
			t.Errorf("%s: %v, not once %s in customers.csv", name, err, want)
		}
	}
	write(t, filepath.Join(folder, "owners.csv"), "\xff\xfec\x00")
	for _, f := range app.ComposeAll(with(env), nil) {
		if m := run(f, "broken"); len(m.Warnings) != 1 || m.Warnings[0].Code != "owners_unavailable" || m.Muted != 0 {
			t.Errorf("%s: %v, %d", f.Function.Name, m.Warnings, m.Muted)
		}
	}
}

// Customers of a table are unknown only if no account's list has them.
func TestUnknownOwnersOverAccounts(t *testing.T) {
	t.Parallel()
	north, south := openCloud(t, simulator.Options{Customers: 30, Seed: 1}), openCloud(t, simulator.Options{Customers: 30, Seed: 2})
	folder := t.TempDir()
	env := map[string]string{"PARTNERLENS_STORE": "file://" + folder, "PARTNERLENS_OWNERS": "store:owners.csv"}
	accounts := map[string]map[string]string{}
	for name, c := range map[string]*cloud{"north": north, "south": south} {
		s := c.settings()
		accounts[name] = map[string]string{"vendor": "tencentcloud", "secret_id": s["PARTNERLENS_TENCENT_SECRET_ID"], "secret_key": s["PARTNERLENS_TENCENT_SECRET_KEY"], "endpoint": s["PARTNERLENS_TENCENT_ENDPOINT"], "rate": "0"}
	}
	env["PARTNERLENS_ACCOUNTS"] = asJSON(t, accounts)
	write(t, filepath.Join(folder, "owners.csv"), "customer_id,owner\n"+north.anyOf("credit")+",a\n"+south.anyOf("credit")+",b\n999999999999,c\n")
	for account, want := range map[string]string{"": "line 4", "north": ""} {
		watched, err := (&app.Watcher{Env: with(env)}).Watch(t.Context(), app.Credit.Compose(with(env), nil), app.WatchRequest{Account: account, Mode: app.WatchForce})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range watched.Accounts {
			for _, w := range a.Warnings {
				if w.Code == "owners_unknown" {
					got = append(got, w.Message)
				}
			}
		}
		if text := strings.Join(got, " | "); (text == "") != (want == "") || !strings.HasSuffix(text, want) || strings.Contains(text, "|") {
			t.Errorf("account %q: %q, want %q", account, text, want)
		}
	}
}

func TestDoctorChecksOwners(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "owners.csv")
	env := map[string]string{"PARTNERLENS_STORE": "file://" + folder, "PARTNERLENS_OWNERS": path}
	checks := func() string {
		var texts []string
		for _, c := range app.CheckWatch(context.Background(), with(env), nil) {
			if c.Name == "owners" {
				texts = append(texts, string(c.State)+" "+c.Says)
			}
		}
		return strings.Join(texts, "\n")
	}
	const missing = "failed PARTNERLENS_OWNERS: there is no such file; write a path, file:///folder/owners.csv, store:owners.csv for an object of the store, or a reference to a secret"
	if got := checks(); got != missing {
		t.Error(got)
	}
	write(t, path, "customer_id,owner,mute_until\n1,a,2999-12-31\n1,b,\n2,c,soon\n")
	if got, want := checks(), `look PARTNERLENS_OWNERS: lines about a customer of an earlier line, which holds (1): line 3
look PARTNERLENS_OWNERS: values of mute_until that are not dates, and mute nothing (1); write them as 2026-12-31: line 4
ok 2 customers are in the table, 1 of them are muted`; got != want {
		t.Error(got)
	}
	for place, want := range map[string]string{folder: "a folder, not a file", "store:no.csv": "no.csv", "store:../x": "", "env:NONE": "NONE", "aws-sm:": "names nothing"} {
		env["PARTNERLENS_OWNERS"] = place
		if got := checks(); !strings.HasPrefix(got, "failed PARTNERLENS_OWNERS: ") || !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", place, got, want)
		}
	}
	delete(env, "PARTNERLENS_OWNERS")
	if got := checks(); got != "" {
		t.Error(got)
	}
}
