package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
)

// with gives an environment of these variables alone.
func with(settings map[string]string) app.Environment {
	return func(name string) string { return settings[name] }
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

type fields = map[string]any

func read(ctx context.Context, f *core.Function, p core.Params) (byAccount map[string]int, report core.Report, err error) {
	byAccount = make(map[string]int)
	q, err := f.Ask(p)
	if err != nil {
		return nil, report, err
	}
	report, err = q.Read(ctx, func(r core.Record) bool {
		byAccount[r.Row()[1]]++
		return true
	})
	return byAccount, report, err
}

// Two clouds, three accounts: each with a key, an endpoint and a pace of its own.
func TestAccountsByName(t *testing.T) {
	t.Parallel()
	north := openCloud(t, simulator.Options{Customers: 250, Secrets: map[string]string{"north": `{"id":"` + simulator.KeyID + `","key":"` + simulator.KeySecret + `"}`}})
	south := openCloud(t, simulator.Options{Customers: 120, Seed: 2})
	south.sim.RotateKey("SOUTHID", "south-secret")
	accounts := map[string]fields{
		"north": {"vendor": "tencentcloud", "secret_id": "aws-sm:north#id", "secret_key": "aws-sm:north#key", "endpoint": north.server.URL, "rate": 0, "credit_low": "999999999999999999999"},
		"south": {"vendor": "tencentcloud", "secret_id": "SOUTHID", "secret_key": "env:SOUTH_KEY", "endpoint": south.server.URL, "rate": "0"},
		"china": {"vendor": "huaweicloud", "ak": "SOUTHID", "sk": "env:SOUTH_KEY", "endpoint": south.server.URL, "rate": "0", "resellers": []string{south.sim.Resellers()[1].IndirectPartnerID}},
	}
	env := map[string]string{
		"PARTNERLENS_ACCOUNTS": asJSON(t, accounts), "SOUTH_KEY": "south-secret",
		"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": north.server.URL, "AWS_ACCESS_KEY_ID": simulator.KeyID, "AWS_SECRET_ACCESS_KEY": simulator.KeySecret,
	}
	credits, tagged := app.Credit.Compose(with(env), nil).Function, app.Tags.Compose(with(env), nil).Function

	got, report, err := read(t.Context(), credits, core.Params{"account": {"all"}})
	if err != nil || !report.Complete || !maps.Equal(got, map[string]int{"north": 250, "south": 120}) {
		t.Errorf("all: %v, %v, %+v", got, err, report)
	}
	if _, _, err := read(t.Context(), credits, core.Params{}); core.CodeOf(err) != core.CodeInvalid || !strings.Contains(err.Error(), "north, south") {
		t.Errorf("no account named: %v", err)
	}
	if _, _, err := read(t.Context(), credits, core.Params{"account": {"china"}}); core.CodeOf(err) != core.CodeInvalid {
		t.Errorf("an account of the other cloud: %v", err)
	}
	// No customer is above so high a threshold.
	if got, _, err := read(t.Context(), credits, core.Params{"account": {"north"}, "status": {"ok"}}); err != nil || len(got) > 0 {
		t.Errorf("north's own threshold: %v, %v", got, err)
	}
	if got, _, err := read(t.Context(), credits, core.Params{"account": {"south"}, "status": {"ok"}}); err != nil || got["south"] == 0 {
		t.Errorf("the preset threshold: %v, %v", got, err)
	}
	// The one account of its function needs no name; resellers are those named.
	got, report, err = read(t.Context(), tagged, core.Params{"reseller_id": {"all"}})
	want := 120 + south.sim.Resellers()[1].Customers
	if err != nil || !report.Complete || got["china"] != want {
		t.Errorf("china: %v, %v, %+v; want %d", got, err, report, want)
	}
	// A failing account is reported, and hides no other.
	env["SOUTH_KEY"] = "planted-wrong-key"
	got, report, err = read(t.Context(), credits, core.Params{"account": {"all"}})
	if err != nil || report.Complete || !maps.Equal(got, map[string]int{"north": 250}) {
		t.Errorf("one fails: %v, %v", got, err)
	}
	if e := report.Accounts[1].Error; e == nil || e.Code != core.CodeDenied || !strings.Contains(e.Message, "PARTNERLENS_ACCOUNTS: south.secret_key") || strings.Contains(e.Message, "planted") {
		t.Errorf("one fails: %+v", report.Accounts)
	}
}

func TestVariablesAreAnAccountToo(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 30})
	env := map[string]string{}
	for _, setting := range simulator.Env(c.server.URL) {
		name, value, _ := strings.Cut(setting, "=")
		env[name] = value
	}
	env["PARTNERLENS_ACCOUNTS"] = asJSON(t, map[string]fields{
		"second": {"vendor": "tencentcloud", "secret_id": simulator.KeyID, "secret_key": simulator.KeySecret, "endpoint": c.server.URL},
	})
	f := app.Credit.Compose(with(env), nil).Function
	if got, _, err := read(t.Context(), f, core.Params{}); err != nil || got["default"] != 30 {
		t.Errorf("none named: %v, %v", got, err)
	}
	if got, _, err := read(t.Context(), f, core.Params{"account": {"all"}}); err != nil || got["default"] != 30 || got["second"] != 30 {
		t.Errorf("all: %v, %v", got, err)
	}
	env["PARTNERLENS_ACCOUNTS"] = strings.Replace(env["PARTNERLENS_ACCOUNTS"], `"second"`, `"default"`, 1)
	if _, _, err := read(t.Context(), f, core.Params{}); core.CodeOf(err) != core.CodeMisconfigured || !strings.Contains(err.Error(), "default: configured by variables") {
		t.Errorf("default twice: %v", err)
	}
}

// Every mistake is reported at once, by account and field, and no value is.
func TestAccountsThatAreWrong(t *testing.T) {
	t.Parallel()
	const planted = "planted-secret-9c1e"
	f := app.Credit.Compose(with(map[string]string{"PARTNERLENS_ACCOUNTS": asJSON(t, map[string]fields{
		"North":   {"vendor": "tencentcloud"},
		"all":     {"vendor": "tencentcloud"},
		"nowhere": {"secret_id": planted},
		"typo":    {"vendor": "tencentcloud", "secret_id": planted, "secret_kye": planted},
		"half":    {"vendor": "huaweicloud", "ak": planted},
		"token":   {"vendor": "huaweicloud", "auth_token": planted},
		"values": {"vendor": "tencentcloud", "secret_id": planted, "secret_key": planted, "endpoint": "http://" + planted + ".example.com",
			"rate": "fast", "zone": "Shanghai", "credit_low": "a little", "share_for": "1d", "token": fields{"a": planted}},
		"refs":   {"vendor": "tencentcloud", "secret_id": "aws-sm:", "secret_key": "tencent-ssm:k@"},
		"resell": {"vendor": "huaweicloud", "ak": planted, "sk": planted, "resellers": []string{""}},
		"lost":   {"vendor": "huaweicloud", "ak": planted, "sk": planted, "resellers": ""},
	})}), nil).Function
	_, _, err := read(t.Context(), f, core.Params{})
	if core.CodeOf(err) != core.CodeMisconfigured {
		t.Fatal(err)
	}
	for _, want := range []string{
		"PARTNERLENS_ACCOUNTS: ", "the name of an account is not one", "nowhere.vendor: missing or unknown", "typo.secret_kye: no such member; write secret_key", "typo.secret_key: missing", "half.sk: missing",
		"values.endpoint: ", "values.rate: ", "values.zone: ", "values.credit_low: ", "values.share_for: ", "values.token: not a text",
		"refs.secret_id: names nothing", "refs.secret_key: has an empty version", "resell.resellers: ", "lost.resellers: ",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not reported", want)
		}
	}
	if shown := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(shown, planted) || strings.Contains(shown, "token.") || strings.Contains(shown, "a little") {
		t.Errorf("the report has too much: %s", shown)
	}
	for _, text := range []string{"{", "[]", "null", `{"a":1}`, `{"a":{"vendor":"tencentcloud"`, `{"a":{"vendor":"tencentcloud"},"a":{}}`} {
		f := app.Credit.Compose(with(map[string]string{"PARTNERLENS_ACCOUNTS": text}), nil).Function
		if _, _, err := read(t.Context(), f, core.Params{}); core.CodeOf(err) != core.CodeMisconfigured {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// A mistake disables its own account only. Callers do not see details that are not theirs
// to know.
func TestOneAccountIsWrong(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 30})
	env := storesAt(c.server.URL)
	env["PARTNERLENS_ACCOUNTS"] = "\ufeff" + asJSON(t, map[string]any{
		"north-hidden": fields{"vendor": "tencentcloud", "secret_id": "x", "rate": "fast"},
		"refused":      fields{"vendor": "tencentcloud", "secret_id": "aws-sm:prod/hidden#id", "secret_key": "x"},
		"vendorless":   fields{"secret_id": "x"},
		"text":         "x",
		"south":        fields{"vendor": "tencentcloud", "secret_id": simulator.KeyID, "secret_key": simulator.KeySecret, "endpoint": c.server.URL},
		"china":        fields{"vendor": "huaweicloud", "ak": simulator.KeyID, "sk": simulator.KeySecret, "endpoint": c.server.URL},
	})
	f := app.Credit.Compose(with(env), nil).Function
	got, report, err := read(t.Context(), f, core.Params{"account": {"south"}})
	if err != nil || got["south"] != 30 || !report.Complete {
		t.Errorf("the account that is right: %v, %v", got, err)
	}
	got, report, err = read(t.Context(), f, core.Params{"account": {"all"}})
	if err != nil || got["south"] != 30 || report.Complete || len(report.Accounts) != 5 {
		t.Fatalf("all: %v, %v, %+v", got, err, report)
	}
	says := map[string]string{
		"north-hidden": "north-hidden.rate: not a number of calls a second, from 1 to 1000, nor a share of the vendor's limit, as 60%; 0 is for a limit that is not known; north-hidden.secret_key: missing",
		"refused":      "aws-sm:prod/hidden#id", "vendorless": "vendorless.vendor: missing", "text": "text.vendor: missing",
	}
	for _, a := range report.Accounts {
		if want := says[a.Account]; (a.Error == nil) != (want == "") || a.Error != nil && !strings.Contains(a.Error.Message, want) {
			t.Errorf("%s: %+v, want %q", a.Account, a.Error, want)
		}
	}

	log := new(lockedLog)
	env["PARTNERLENS_KEYS"] = `{"keys":[{"name":"first","hash":"` + hashOf(keyAll) + `","accounts":["south","refused"]}]}`
	handler := app.Handler(app.HandlerOptions{Env: with(env), Logger: slog.New(slog.NewJSONHandler(log, nil))}, f)
	for query, want := range map[string]int{"south": 200, "all": 200, "refused": 500, "north-hidden": 403, "": 400} {
		r := httptest.NewRequest(http.MethodGet, "/v1/credit?account="+query, nil)
		if query == "" {
			r.URL.RawQuery = ""
		}
		r.Header.Set("X-Api-Key", keyAll)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != want || strings.Contains(w.Body.String(), "hidden") {
			t.Errorf("account %q is answered %d %s", query, w.Code, w.Body)
		}
	}
	if n := strings.Count(log.String(), "aws-sm:prod/hidden#id: AWS Secrets Manager has no such secret"); n != 2 {
		t.Errorf("the log reports the mistake %d times, want once for each answer: %s", n, log)
	}
}

func TestSettingsPrintNoValue(t *testing.T) {
	t.Parallel()
	env := with(map[string]string{
		"PARTNERLENS_TENCENT_SECRET_ID": "planted-id", "PARTNERLENS_TENCENT_SECRET_KEY": "planted-key",
		"PARTNERLENS_ACCOUNTS": `{"north":{"vendor":"tencentcloud","secret_id":"planted-id","secret_key":"planted-key"}}`,
	})
	composed := app.Credit.Compose(env, nil)
	accounts := composed.Accounts
	s, err := accounts.Settings(t.Context(), "default")
	if err != nil || s.Get(app.FieldSecretKey) != "planted-key" {
		t.Fatalf("%v", err)
	}
	for _, v := range []any{s, accounts, composed, &composed, accounts.Resolver} {
		if shown := fmt.Sprintf("%v %+v %#v", v, v, v); strings.Contains(shown, "planted") {
			t.Errorf("%T printed: %s", v, shown)
		}
	}
}

// A key that is rotated in its store in the middle of a read is invisible to the
// caller: whichever store, and whichever function.
func TestRotationInAStoreInMidRead(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"aws-sm", "tencent-ssm", "huawei-csms"} {
		for _, q := range queries() {
			t.Run(scheme+"/"+q.name, func(t *testing.T) {
				t.Parallel()
				stores := openCloud(t, simulator.Options{})
				stores.sim.SetSecret("partner", `{"id":"`+simulator.KeyID+`","key":"`+simulator.KeySecret+`"}`)
				c := openCloud(t, simulator.Options{Customers: 950})
				env := storesAt(stores.server.URL)
				maps.Copy(env, map[string]string{
					"PARTNERLENS_TENCENT_SECRET_ID": scheme + ":partner#id", "PARTNERLENS_TENCENT_SECRET_KEY": scheme + ":partner#key", "PARTNERLENS_TENCENT_ENDPOINT": c.server.URL, "PARTNERLENS_TENCENT_RATE": "0",
					"PARTNERLENS_HUAWEI_AK": scheme + ":partner#id", "PARTNERLENS_HUAWEI_SK": scheme + ":partner#key", "PARTNERLENS_HUAWEI_ENDPOINT": c.server.URL, "PARTNERLENS_HUAWEI_RATE": "0",
				})
				f := app.Tags.Compose(with(env), nil).Function
				if q.name == "credit" {
					f = app.Credit.Compose(with(env), nil).Function
				}
				question, err := f.Ask(q.params)
				if err != nil {
					t.Fatal(err)
				}
				var pages atomic.Int32
				ctx := core.WithTrace(t.Context(), &core.Trace{PageRead: func(int, int, *int) {
					if pages.Add(1) == 2 {
						stores.sim.SetSecret("partner", `{"id":"ROTATEDID","key":"rotated-secret"}`)
						c.sim.RotateKey("ROTATEDID", "rotated-secret")
					}
				}})
				report, err := question.Read(ctx, func(core.Record) bool { return true })
				if err != nil || !report.Complete || report.Count < 950 || len(report.Warnings) > 0 {
					t.Errorf("%d customers, %v, %+v", report.Count, err, report)
				}
				if n := stores.sim.SecretReads(); n < 2 || n > 3 { // a third time where the read took long
					t.Errorf("the secret was read %d times, want 2", n)
				}
				// The store goes down: what is at hand is good still.
				stores.sim.SetStoreDown(true)
				if report, err := question.Read(t.Context(), func(core.Record) bool { return true }); err != nil || !report.Complete {
					t.Errorf("with the store down: %v, %+v", err, report)
				}
			})
		}
	}
}

// storesAt points every store at one address, each with the sample key.
func storesAt(address string) map[string]string {
	return map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": simulator.KeyID, "AWS_SECRET_ACCESS_KEY": simulator.KeySecret,
		"TENCENTCLOUD_REGION": "ap-singapore", "PARTNERLENS_TENCENT_SSM_ENDPOINT": address, "TENCENTCLOUD_SECRETID": simulator.KeyID, "TENCENTCLOUD_SECRETKEY": simulator.KeySecret,
		"RUNTIME_PROJECT_ID": simulator.ProjectID, "PARTNERLENS_HUAWEI_CSMS_ENDPOINT": address, "HUAWEICLOUD_SDK_AK": simulator.KeyID, "HUAWEICLOUD_SDK_SK": simulator.KeySecret,
	}
}

// A store that cannot be read stops one account, by name, and not its neighbour.
func TestStoreThatRefusesOneAccount(t *testing.T) {
	t.Parallel()
	c := openCloud(t, simulator.Options{Customers: 30, Secrets: map[string]string{"good": `{"id":"` + simulator.KeyID + `","key":"` + simulator.KeySecret + `"}`}})
	env := storesAt(c.server.URL)
	env["PARTNERLENS_ACCOUNTS"] = asJSON(t, map[string]fields{
		"bad":  {"vendor": "tencentcloud", "secret_id": "aws-sm:unknown#id", "secret_key": "aws-sm:unknown#key", "endpoint": c.server.URL},
		"good": {"vendor": "tencentcloud", "secret_id": "aws-sm:good#id", "secret_key": "aws-sm:good#key", "endpoint": c.server.URL},
	})
	got, report, err := read(t.Context(), app.Credit.Compose(with(env), nil).Function, core.Params{"account": {"all"}})
	if err != nil || got["good"] != 30 || report.Complete {
		t.Fatalf("%v, %v", got, err)
	}
	i := slices.IndexFunc(report.Accounts, func(a core.AccountReport) bool { return a.Account == "bad" })
	if e := report.Accounts[i].Error; e == nil || !strings.Contains(e.Message, "bad.secret_id: aws-sm:unknown#id: AWS Secrets Manager has no such secret") {
		t.Errorf("%+v", report.Accounts[i])
	}
}
