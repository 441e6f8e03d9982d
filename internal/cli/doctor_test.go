package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
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
	"partnerlens/pkg/core"
)

const planted = "planted-6f2d"

// Each broken set-up fails the check that it breaks, with a message that says
// what to do, and without a key.
func TestDoctorExplainsBrokenSetUps(t *testing.T) {
	t.Parallel()
	type env = map[string]string
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html>welcome</html>")
	}))
	t.Cleanup(page.Close)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for _, test := range []struct {
		name   string
		opts   simulator.Options
		change func(env)
		failed string // the check, of the first account
		code   core.Code
		says   string
	}{
		{"nothing is configured", simulator.Options{}, func(e env) { clear(e) }, "settings", core.CodeMisconfigured, "PARTNERLENS_TENCENT_SECRET_ID, PARTNERLENS_TENCENT_SECRET_KEY: not set; make an API key in the Tencent Cloud console"},
		{"half a key", simulator.Options{}, func(e env) { delete(e, "PARTNERLENS_TENCENT_SECRET_KEY") }, "settings", core.CodeMisconfigured, "PARTNERLENS_TENCENT_SECRET_KEY: not set"},
		{"an unknown key", simulator.Options{}, func(e env) { e["PARTNERLENS_TENCENT_SECRET_ID"] = planted }, "key", core.CodeDenied, "it was deleted, disabled or mistyped"},
		{"a wrong secret", simulator.Options{}, func(e env) { e["PARTNERLENS_TENCENT_SECRET_KEY"] = planted }, "key", core.CodeDenied, "the secret key does not belong to the secret id"},
		{"a key with a line break", simulator.Options{}, func(e env) { e["PARTNERLENS_TENCENT_SECRET_KEY"] = planted + "\nx" }, "settings", core.CodeMisconfigured, "was it pasted whole and alone?"},
		{"an expired token", simulator.Options{}, func(e env) {
			e["PARTNERLENS_TENCENT_SECRET_ID"], e["PARTNERLENS_TENCENT_SECRET_KEY"], e["PARTNERLENS_TENCENT_TOKEN"] = simulator.TempKeyID, simulator.TempKeySecret, simulator.ExpiredToken
		}, "key", core.CodeDenied, "token of the temporary key has expired"},
		{"no permission", simulator.Options{}, func(e env) { e["PARTNERLENS_TENCENT_SECRET_ID"] = simulator.NoAuthKeyID }, "permission", core.CodeDenied, "intlpartnersmgt:QueryCustomersCredit"},
		{"the clock is off", simulator.Options{Faults: []string{"clock-ahead"}}, func(env) {}, "clock", core.CodeDenied, "clock is 1h0m0s behind the vendor's"},
		{"no listener", simulator.Options{}, func(e env) { e["PARTNERLENS_TENCENT_ENDPOINT"] = closed.URL }, "endpoint", core.CodeUnavailable, "the address is " + closed.URL},
		{"no API there", simulator.Options{}, func(e env) { e["PARTNERLENS_TENCENT_ENDPOINT"] = page.URL }, "endpoint", core.CodeUpstream, "what answered is not the vendor's API"},
		{"http over the network", simulator.Options{}, func(e env) { e["PARTNERLENS_TENCENT_ENDPOINT"] = "http://intlpartnersmgt.intl.tencentcloudapi.com" }, "settings", core.CodeMisconfigured, "write https://host"},
		{"no such secret", simulator.Options{}, func(e env) { e["PARTNERLENS_TENCENT_SECRET_KEY"] = "aws-sm:unknown#key" }, "settings", core.CodeMisconfigured, "aws-sm:unknown#key: AWS Secrets Manager has no such secret in this region"},
		{"a role that may not read it", simulator.Options{}, func(e env) {
			e["AWS_ACCESS_KEY_ID"], e["PARTNERLENS_TENCENT_SECRET_KEY"] = simulator.NoAuthKeyID, "aws-sm:partner"
		}, "settings", core.CodeDenied, "the function's role may not read it"},
		{"no such file", simulator.Options{}, func(e env) { e["PARTNERLENS_TENCENT_SECRET_KEY"] = "file:/no/such/key" }, "settings", core.CodeMisconfigured, "there is no such file"},
		{"a rate that is none", simulator.Options{}, func(e env) { e["PARTNERLENS_TENCENT_ZONE"] = "Shanghai" }, "settings", core.CodeMisconfigured, "PARTNERLENS_TENCENT_ZONE: not an offset from UTC"},
		{"the key's calls are used up", simulator.Options{Faults: []string{"vendor-busy-always"}}, func(env) {}, "endpoint", core.CodeUnavailable, "busy"},
		{"the vendor is down", simulator.Options{Faults: []string{"http-500-always"}}, func(env) {}, "endpoint", core.CodeUnavailable, "a fault of its own"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			found := diagnose(t, test.opts, test.change)
			first := found.Accounts[0]
			var said string
			for _, check := range first.Checks {
				if check.State == app.CheckFailed {
					said = check.Name + ": " + check.Says
				}
			}
			if found.OK || first.OK || first.Code != test.code || !strings.HasPrefix(said, test.failed+": ") || !strings.Contains(said, test.says) {
				t.Errorf("%s, %q; want %s in %s %q", first.Code, said, test.code, test.failed, test.says)
			}
			var text strings.Builder
			found.print(&text)
			if shown := fmt.Sprintf("%+v %s", found, &text); strings.Contains(shown, planted) || strings.Contains(shown, simulator.KeySecret) {
				t.Errorf("a key is shown: %s", shown)
			}
		})
	}
}

func diagnose(t *testing.T, opts simulator.Options, change func(map[string]string)) diagnosis {
	t.Helper()
	sim, err := simulator.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); server.Close() })
	env := map[string]string{"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": simulator.KeyID, "AWS_SECRET_ACCESS_KEY": simulator.KeySecret}
	for _, setting := range simulator.Env(server.URL) {
		name, value, _ := strings.Cut(setting, "=")
		env[name] = value
	}
	change(env)
	found, err := (&doctorCmd{}).examine(t.Context(), func(name string) string { return env[name] }, slices.Collect(maps.Keys(env)), config{})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestDoctorOfWhatWorks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		opts  simulator.Options
		rate  string
		check string
		state app.CheckState
		says  string
	}{
		{"well", simulator.Options{Customers: 250}, "", "pages", app.CheckOK, "250 customers in all, up to 100 at a time"},
		{"small pages", simulator.Options{Customers: 250, Faults: []string{"page-clamp-10"}}, "", "pages", app.CheckLook, "10 customers a page instead of 100: reading all 250 takes 25 calls"},
		{"no customers", simulator.Options{Customers: -1}, "", "pages", app.CheckLook, "is it the right one?"},
		{"the vendor's rate", simulator.Options{}, "5", "settings", app.CheckOK, "complete"},
		{"a rate over the vendor's limit", simulator.Options{}, "8", "settings", app.CheckLook, "PARTNERLENS_TENCENT_RATE is 8 calls a second, over the vendor's limit of 5"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			found := diagnose(t, test.opts, func(env map[string]string) { env["PARTNERLENS_TENCENT_RATE"] = test.rate })
			if !found.OK || len(found.Accounts) != 2 {
				t.Fatalf("%+v", found)
			}
			checks := found.Accounts[0].Checks
			i := slices.IndexFunc(checks, func(c app.Check) bool { return c.Name == test.check })
			if i < 0 || checks[i].State != test.state || !strings.Contains(checks[i].Says, test.says) {
				t.Errorf("%+v, want %s to be %v: %q", checks, test.check, test.state, test.says)
			}
		})
	}
	found := diagnose(t, simulator.Options{}, func(env map[string]string) { maps.DeleteFunc(env, isHuawei) })
	if !found.OK || len(found.Accounts) != 1 {
		t.Errorf("with one cloud configured: %+v", found)
	}
}

func isHuawei(name, _ string) bool { return strings.Contains(name, "HUAWEI") }

// A Huawei Cloud key that is no partner's, and a broken PARTNERLENS_KEYS.
func TestDoctorOfTheOthers(t *testing.T) {
	t.Parallel()
	found := diagnose(t, simulator.Options{Faults: []string{"error-in-200-always"}}, func(env map[string]string) {
		maps.DeleteFunc(env, func(name, _ string) bool { return strings.Contains(name, "PARTNERLENS_TENCENT") })
		env["PARTNERLENS_KEYS"] = `{"keys":[{"name":"crm","hash":"` + planted + `"}]}`
	})
	last := found.Accounts[0].Checks[4]
	if found.OK || last.Name != "permission" || !strings.Contains(last.Says, "not a Huawei Cloud partner") {
		t.Errorf("%+v", found.Accounts)
	}
	if found.Auth.State != app.CheckFailed || strings.Contains(found.Auth.Says, planted) || !strings.Contains(found.Auth.Says, "crm") {
		t.Errorf("%+v", found.Auth)
	}
}

// One broken account hides neither the others nor the check of authentication.
func TestDoctorExaminesWhatIsRight(t *testing.T) {
	t.Parallel()
	for setting, accounts := range map[string]string{
		`{"north":{"vendor":"tencentcloud","rate":"fast"}}`: "north default default",
		`{`: "all all",
	} {
		found := diagnose(t, simulator.Options{}, func(env map[string]string) {
			env["PARTNERLENS_ACCOUNTS"] = setting
			env["PARTNERLENS_KEYS"] = `{"keys":[]}`
		})
		var names []string
		for _, account := range found.Accounts {
			names = append(names, account.Account)
		}
		slices.SortFunc(names, func(a, b string) int { return strings.Compare(b, a) })
		if found.OK || strings.Join(names, " ") != accounts || found.Auth.State != app.CheckLook {
			t.Errorf("%s: %v, %+v", setting, names, found.Auth)
		}
	}
}

func TestDoctorOfAuthentication(t *testing.T) {
	t.Parallel()
	hash := "sha256:" + strings.Repeat("0", 64)
	soon := time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)
	for _, test := range []struct {
		name, keys, platform string
		state                app.CheckState
		says                 string
	}{
		{"well", `{"keys":[{"name":"crm","hash":"` + hash + `","accounts":["default"]}]}`, "scf-cam", app.CheckOK, "keys are configured"},
		{"no such platform", "", "cam", app.CheckFailed, "PARTNERLENS_PLATFORM_AUTH: unknown"},
		{"no key", `{"keys":[]}`, "", app.CheckLook, "no key is valid"},
		{"only an expired one", `{"keys":[{"name":"crm","hash":"` + hash + `","expires":"2020-01-01"}]}`, "", app.CheckLook, "crm expired at 2020-01-01T00:00:00Z: renew it or remove it; no key is valid"},
		{"one that ends soon", `{"keys":[{"name":"crm","hash":"` + hash + `","expires":"` + soon + `"}]}`, "", app.CheckLook, "crm expires at " + soon},
		{"an unknown account", `{"keys":[{"name":"crm","hash":"` + hash + `","accounts":["nowhere"]}]}`, "", app.CheckLook, "crm may read the account nowhere, which is not configured here"},
	} {
		found := diagnose(t, simulator.Options{}, func(env map[string]string) {
			env["PARTNERLENS_KEYS"], env["PARTNERLENS_PLATFORM_AUTH"] = test.keys, test.platform
		})
		if found.Auth.State != test.state || !strings.Contains(found.Auth.Says, test.says) || found.OK != (test.state != app.CheckFailed) {
			t.Errorf("%s: %+v", test.name, found.Auth)
		}
	}
}

// Doctor names everything that keeps the watch from running at once, and quotes no value.
func TestDoctorOfTheWatch(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	folder := "file://" + t.TempDir()
	for _, test := range []struct {
		name string
		set  map[string]string
		want map[string]app.CheckState // the state of each check's worst
		says []string                  // parts of what is said
	}{
		{"nothing is set", nil, map[string]app.CheckState{"store": app.CheckLook, "schedule": app.CheckOK, "alerts": app.CheckLook},
			[]string{"PARTNERLENS_STORE is not set: a function keeps no runs", "PARTNERLENS_ALERTS names no channel"}},
		{"all is well", map[string]string{
			"PARTNERLENS_STORE": folder, "PARTNERLENS_WATCH_EVERY": "hour", "PARTNERLENS_WATCH_ZONE": "+01:00", "PARTNERLENS_RETAIN_DAYS": "90", "PARTNERLENS_LOG_LEVEL": "warn",
			"PARTNERLENS_ALERTS": `{"channels":[{"name":"ops","type":"slack","url":"https://hooks.slack.com/` + planted + `","accounts":["default"]}]}`,
		}, map[string]app.CheckState{"store": app.CheckOK, "schedule": app.CheckOK, "alerts": app.CheckOK}, []string{"1 channels have addresses that can be used"}},
		{"a store that is a file", map[string]string{"PARTNERLENS_STORE": "file://" + file}, map[string]app.CheckState{"store": app.CheckFailed}, []string{"PARTNERLENS_STORE"}},
		{"a store that is none", map[string]string{"PARTNERLENS_STORE": "ftp://x"}, map[string]app.CheckState{"store": app.CheckFailed}, []string{"PARTNERLENS_STORE"}},
		{"alerts that are no JSON", map[string]string{"PARTNERLENS_ALERTS": `{"channels":[{"url":"` + planted + `"`}, map[string]app.CheckState{"alerts": app.CheckFailed}, []string{"PARTNERLENS_ALERTS: not a JSON object"}},
		{"a channel whose reference names nothing", map[string]string{"PARTNERLENS_ALERTS": `{"channels":[{"name":"ops","type":"slack","url":"env:NOT_THERE"}]}`}, map[string]app.CheckState{"alerts": app.CheckFailed}, []string{"ops.url: env:NOT_THERE"}},
		{"a channel of another account", map[string]string{"PARTNERLENS_ALERTS": `{"channels":[{"name":"ops","type":"slack","url":"https://hooks.slack.com/x","accounts":["nort"]}]}`}, map[string]app.CheckState{"alerts": app.CheckLook}, []string{"ops is limited to the account nort, which is not configured here"}},
		{"everything at once", map[string]string{
			"PARTNERLENS_STORE": "file://" + file, "PARTNERLENS_WATCH_EVERY": "week", "PARTNERLENS_WATCH_ZONE": "Nowhere/City", "PARTNERLENS_RETAIN_DAYS": "ninety",
			"PARTNERLENS_LOG_LEVEL": "loud", "PARTNERLENS_ALERTS": "{",
		}, map[string]app.CheckState{"store": app.CheckFailed, "schedule": app.CheckFailed, "alerts": app.CheckFailed, "log": app.CheckFailed},
			[]string{"PARTNERLENS_WATCH_EVERY: unknown", "PARTNERLENS_WATCH_ZONE: not an offset", "PARTNERLENS_RETAIN_DAYS: not a number", "PARTNERLENS_LOG_LEVEL: unknown"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			found := diagnose(t, simulator.Options{Customers: 5}, func(env map[string]string) { maps.Copy(env, test.set) })
			worst, failed, said := make(map[string]app.CheckState), false, ""
			for _, check := range found.Watch {
				if check.State == app.CheckFailed || worst[check.Name] != app.CheckFailed {
					worst[check.Name] = check.State
				}
				failed = failed || check.State == app.CheckFailed
				said += check.Says + "\n"
			}
			for name, want := range test.want {
				if worst[name] != want {
					t.Errorf("%s is %q, want %q: %+v", name, worst[name], want, found.Watch)
				}
			}
			for _, want := range test.says {
				if !strings.Contains(said, want) {
					t.Errorf("%q is not said: %s", want, said)
				}
			}
			if found.OK == failed || strings.Contains(said, planted) {
				t.Errorf("OK = %t: %s", found.OK, said)
			}
			if left, _ := filepath.Glob(strings.TrimPrefix(folder, "file://") + "/runs/*/*/*"); len(left) > 0 && test.set["PARTNERLENS_STORE"] == folder {
				t.Errorf("the store keeps %q", left)
			}
			var text strings.Builder
			if found.print(&text); !strings.Contains(text.String(), "watch\n  ") {
				t.Errorf("%s", &text)
			}
		})
	}
}

// A store that refuses to be written to is no store, though it opens.
func TestDoctorOfAStoreThatRefuses(t *testing.T) {
	t.Parallel()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut || r.Method == http.MethodPost {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<Error><Code>AccessDenied</Code><Message>`+planted+`</Message></Error>`)
		}
	}))
	t.Cleanup(refusing.Close)
	found := diagnose(t, simulator.Options{Customers: 5}, func(env map[string]string) {
		env["PARTNERLENS_STORE"] = "s3://bucket/x?region=eu-central-1&path_style=true&endpoint=" + refusing.URL
	})
	for _, check := range found.Watch {
		if check.Name == "store" && (check.State != app.CheckFailed || strings.Contains(check.Says, planted)) || found.OK {
			t.Errorf("%+v", check)
		}
	}
}

// faultyBucket is a bucket that breaks one promise, without an error.
type faultyBucket struct {
	fault string

	mu      sync.Mutex
	objects map[string][]byte
}

func (b *faultyBucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := strings.TrimPrefix(r.URL.Path, "/bucket/")
	body, there := b.objects[key]
	switch {
	case r.URL.Path == "/bucket": // a list
		fmt.Fprint(w, `<ListBucketResult><IsTruncated>false</IsTruncated>`)
		for key, body := range b.objects {
			if strings.HasPrefix(key, r.URL.Query().Get("prefix")) && b.fault != "lists nothing" {
				fmt.Fprintf(w, `<Contents><Key>%s</Key><Size>%d</Size><LastModified>2026-11-11T00:00:00Z</LastModified></Contents>`, key, len(body))
			}
		}
		fmt.Fprint(w, `</ListBucketResult>`)
	case r.Method == http.MethodPut:
		b.objects[key], _ = io.ReadAll(r.Body)
	case r.Method == http.MethodDelete:
		delete(b.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case !there, r.Method == http.MethodHead && b.fault == "overwrites":
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `<Error><Code>NoSuchKey</Code></Error>`)
	case r.Method == http.MethodGet && b.fault == "returns another":
		_, _ = w.Write(bytes.ToUpper(append(body[1:len(body):len(body)], 'x')))
	default:
		_, _ = w.Write(body)
	}
}

// A store that answers every request, and does not do what it says, is found.
func TestDoctorOfAStoreThatBreaksAPromise(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]app.Check{
		"":                {Name: "store", State: app.CheckOK, Says: "can be written, read, listed and deleted from"},
		"lists nothing":   {Name: "store", State: app.CheckLook, Says: "does not list an object that was just stored"},
		"overwrites":      {Name: "store", State: app.CheckFailed, Says: "overwrites an object that it was to keep"},
		"returns another": {Name: "store", State: app.CheckFailed, Says: "something else than was stored"},
	} {
		bucket := &faultyBucket{fault: fault, objects: make(map[string][]byte)}
		server := httptest.NewServer(bucket)
		t.Cleanup(server.Close)
		found := diagnose(t, simulator.Options{Customers: 5}, func(env map[string]string) {
			env["PARTNERLENS_STORE"] = "s3://bucket/x?region=eu-central-1&endpoint=" + server.URL
		})
		said := slices.ContainsFunc(found.Watch, func(check app.Check) bool {
			return check.Name == want.Name && check.State == want.State && strings.Contains(check.Says, want.Says)
		})
		if !said || len(bucket.objects) > 0 {
			t.Errorf("%q: %+v, want %+v; kept %d", fault, found.Watch, want, len(bucket.objects))
		}
	}
}

// badValues are values that no setting can have, by variable. A value of a setting without a
// form is one that is pasted wrongly.
var badValues = map[string]string{
	"PARTNERLENS_ACCOUNTS": "[]", "PARTNERLENS_ALERTS": "[]", "PARTNERLENS_KEYS": "[]", "PARTNERLENS_ATTEMPTS": "21", "PARTNERLENS_BASE_PATH": "?", "PARTNERLENS_CREDIT_LOW": "110%",
	"PARTNERLENS_HOLD_COUNT": "10%", "PARTNERLENS_HOLD_PERCENT": "20%", "PARTNERLENS_HUAWEI_AK": planted + " x", "PARTNERLENS_HUAWEI_AUTH_TOKEN": planted + " x", "PARTNERLENS_HUAWEI_CSMS_ENDPOINT": "csms",
	"PARTNERLENS_HUAWEI_CSMS_PROJECT_ID": planted + " x", "PARTNERLENS_HUAWEI_DOMAIN_ID": planted + " x", "PARTNERLENS_HUAWEI_ENDPOINT": "bss", "PARTNERLENS_HUAWEI_EXPIRE_MONTH": "last", "PARTNERLENS_HUAWEI_RATE": "0.8",
	"PARTNERLENS_HUAWEI_RESELLERS": planted + ";b c", "PARTNERLENS_HUAWEI_SECURITY_TOKEN": planted + " x", "PARTNERLENS_HUAWEI_SK": planted + " x", "PARTNERLENS_LOG_LEVEL": "INFO", "PARTNERLENS_OWNERS": "/no/such/file.csv",
	"PARTNERLENS_LANG": "chinese", "PARTNERLENS_PUBLIC_URL": "http://example.com", "PARTNERLENS_PLATFORM_AUTH": "cam", "PARTNERLENS_RETAIN_DAYS": "90d", "PARTNERLENS_SECRETS_FOR": "5", "PARTNERLENS_SHARE_FOR": "5", "PARTNERLENS_STORE": "/runs", "PARTNERLENS_STORE_ACCESS_KEY": planted + " x",
	"PARTNERLENS_STORE_SECRET_KEY": "aws-sm:" + planted, "PARTNERLENS_STORE_TOKEN": planted + " x", "PARTNERLENS_TENCENT_ENDPOINT": "http://example.com", "PARTNERLENS_TENCENT_RATE": "5/s",
	"PARTNERLENS_TENCENT_SECRET_ID": planted + " x", "PARTNERLENS_TENCENT_SECRET_KEY": planted + "\nx", "PARTNERLENS_TENCENT_SSM_ENDPOINT": "ssm", "PARTNERLENS_TENCENT_SSM_REGION": planted + " x",
	"PARTNERLENS_TENCENT_TOKEN": planted + " x", "PARTNERLENS_TENCENT_ZONE": "+8", "PARTNERLENS_WATCH_EVERY": "daily", "PARTNERLENS_WATCH_ZONE": "8",
}

// Doctor finds a wrong value of every setting, whether or not an account uses the setting,
// names the setting, and shows nothing of the value.
func TestDoctorOfEverySetting(t *testing.T) {
	t.Parallel()
	for _, name := range app.SettingNames() {
		bad, known := badValues[name]
		if name == app.ConfigSetting {
			continue // its file is read before any check
		}
		if !known {
			t.Errorf("badValues has none for %s: which check finds a wrong value of it?", name)
			continue
		}
		for _, unused := range []bool{false, true} {
			found := diagnose(t, simulator.Options{Customers: 5}, func(env map[string]string) {
				if unused {
					maps.DeleteFunc(env, func(name, _ string) bool { return strings.HasPrefix(name, "PARTNERLENS_") })
				}
				env[name] = bad
			})
			named := slices.ContainsFunc(found.all(), func(c *app.Check) bool { return c.State == app.CheckFailed && strings.Contains(c.Says, name+": ") })
			if quoted := strings.Contains(fmt.Sprint(found), planted); !named || quoted {
				t.Errorf("%s=%q (unused %t): %+v", name, bad, unused, found)
			}
		}
	}
}

// Doctor doubts values that can be used, and are likely slips of the unit.
func TestDoctorOfUnits(t *testing.T) {
	t.Parallel()
	account := func(member, value string) string {
		return `{"north":{"vendor":"tencentcloud","secret_id":"x","secret_key":"x","` + member + `":"` + value + `"}}`
	}
	for _, test := range []struct{ setting, value, want string }{
		{"PARTNERLENS_CREDIT_LOW", "0.1", "PARTNERLENS_CREDIT_LOW: an amount below 1; write 10%"},
		{"PARTNERLENS_CREDIT_LOW", "0.1%", "less than one percent; write 10%"},
		{"PARTNERLENS_CREDIT_LOW", "100%", "almost every customer is low"},
		{"PARTNERLENS_CREDIT_LOW", "10%", ""},
		{"PARTNERLENS_CREDIT_LOW", "1", ""},
		{"PARTNERLENS_CREDIT_LOW", "250", ""},
		{"PARTNERLENS_CREDIT_LOW", "0", ""},
		{"PARTNERLENS_ACCOUNTS", account("credit_low", "0.1"), "PARTNERLENS_ACCOUNTS: north.credit_low: an amount below 1"},
		{"PARTNERLENS_ACCOUNTS", account("share_for", "5ms"), "north.share_for: less than a second"},
		{"PARTNERLENS_ALERTS", `{"rules":{"partner_low":"0.2","overrides":{"200000000001":"0.5"}}}`, "PARTNERLENS_ALERTS: rules.partner_low: an amount below 1"},
		{"PARTNERLENS_ALERTS", `{"rules":{"overrides":{"200000000001":"0.5"}}}`, "rules.overrides.200000000001: an amount below 1"},
		{"PARTNERLENS_ALERTS", `{"rules":{"reseller_low":"0.1%"}}`, "rules.reseller_low: less than one percent"},
		{"PARTNERLENS_SHARE_FOR", "5ms", "PARTNERLENS_SHARE_FOR: less than a second"},
		{"PARTNERLENS_SHARE_FOR", "0s", ""},
		{"PARTNERLENS_HOLD_PERCENT", "100", "no run is held"},
		{"PARTNERLENS_TENCENT_ZONE", "+00:08", "PARTNERLENS_TENCENT_ZONE: an offset that no time zone has"},
		{"PARTNERLENS_WATCH_ZONE", "+18:00", "PARTNERLENS_WATCH_ZONE: an offset that no time zone has"},
		{"PARTNERLENS_WATCH_ZONE", "+05:45", ""},
	} {
		said := ""
		for _, check := range diagnose(t, simulator.Options{Customers: 5}, func(env map[string]string) { env[test.setting] = test.value }).Settings {
			if check.State == app.CheckLook {
				said += check.Says + "\n"
			}
		}
		if !strings.Contains(said, test.want) || (test.want == "") != (said == "") {
			t.Errorf("%s=%s: %q, want %q", test.setting, test.value, said, test.want)
		}
	}
	found := diagnose(t, simulator.Options{Customers: 5}, func(env map[string]string) {
		env["PARTNERLENS_ACCOUNTS"] = account("rate", "3")
		delete(env, "PARTNERLENS_TENCENT_SECRET_ID")
		delete(env, "PARTNERLENS_TENCENT_SECRET_KEY")
		env["PARTNERLENS_TENCENT_RATE"] = "3"
	})
	if !slices.ContainsFunc(found.Settings, func(c app.Check) bool {
		return c.State == app.CheckLook && strings.HasPrefix(c.Says, "PARTNERLENS_TENCENT_RATE: not used, since PARTNERLENS_TENCENT_SECRET_ID is not set")
	}) {
		t.Errorf("a rate that no account uses: %+v", found.Settings)
	}
}

// A variable that looks like a setting and is none is named, with what it was likely meant
// to be; one that another setting takes its value from is a variable like any other.
func TestDoctorOfNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"PARTNERLENS_STOR":              "PARTNERLENS_STOR: not a setting, so it has no effect; write PARTNERLENS_STORE, or remove it",
		"PARTNERLENS_TENCENT_SECRETID":  "write PARTNERLENS_TENCENT_SECRET_ID,",
		"PARTNERLENS_ALERT":             "write PARTNERLENS_ALERTS,",
		"PARTNERLENS_WATCH_TIMEZONE":    "write PARTNERLENS_WATCH_ZONE,",
		"PARTNERLENS_HUAWEI_EXPIREMONT": "write PARTNERLENS_HUAWEI_EXPIRE_MONTH,",
		"PARTNERLENS_FAVOURITE_COLOUR":  "remove it, or look up its name",
		"PARTNERLENSE_KEYS":             "write PARTNERLENS_KEYS,",
		"partnerlens_keys":              "write PARTNERLENS_KEYS,",
		"PARTNERLENS_KEYS":              "",
		"PARTNERLENS_MY_KEY":            "", // another setting refers to it
		"PARTNER":                       "",
		"PATH":                          "",
		"U":                             "",
		"_":                             "",
	} {
		found := diagnose(t, simulator.Options{Customers: 5}, func(env map[string]string) {
			if env[name] = planted; name == "PARTNERLENS_KEYS" {
				env[name] = `{"keys":[]}`
			}
			if name == "PARTNERLENS_MY_KEY" {
				env[name], env["PARTNERLENS_HUAWEI_SK"] = env["PARTNERLENS_HUAWEI_SK"], "env:"+name
			}
		})
		said := ""
		for _, check := range found.Settings {
			said += check.Says
		}
		if (want == "") != (said == "") || !strings.Contains(said, want) || found.OK != (want == "") || strings.Contains(said, planted) {
			t.Errorf("%s: %q, want %q (%t)", name, said, want, found.OK)
		}
	}
}

// The member of an account that is none is named, unless it could be a key.
func TestDoctorOfMembers(t *testing.T) {
	t.Parallel()
	for member, want := range map[string]string{
		"secretid":                             "north.secretid: no such member; write secret_id",
		"SecretKey":                            "north.SecretKey: no such member; write secret_key",
		"credit-low":                           "north.credit-low: no such member; write credit_low",
		"resellers":                            "north.resellers: no such member; there are vendor, secret_id, ",
		"AKIDz8krbsJ5yKBZQpn74WFkmLPx3planted": "north: a member is unknown, and not shown since it could be a key",
		"qwertyuiopasdfghjklzxcvplanted":       "north: a member is unknown, and not shown since it could be a key",
	} {
		found := diagnose(t, simulator.Options{}, func(env map[string]string) {
			env["PARTNERLENS_ACCOUNTS"] = `{"north":{"vendor":"tencentcloud","secret_id":"x","secret_key":"x","` + member + `":"` + planted + `"}}`
		})
		var said string
		for _, account := range found.Accounts {
			for _, check := range account.Checks {
				if check.State == app.CheckFailed {
					said += check.Says
				}
			}
		}
		if found.OK || !strings.Contains(said, want) || strings.Contains(said, "planted") {
			t.Errorf("%s: %q, want %q", member, said, want)
		}
	}
}

// Doctor says what the first page and the newest runs hold that could not be read.
func TestDoctorOfValues(t *testing.T) {
	t.Parallel()
	cloud := simulator.Options{Customers: 100, Faults: []string{"bad-value"}}
	sim, err := simulator.New(cloud)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); server.Close() })
	store := "file://" + t.TempDir()
	env := map[string]string{"PARTNERLENS_STORE": store}
	for _, setting := range simulator.Env(server.URL) {
		name, value, _ := strings.Cut(setting, "=")
		env[name] = value
	}
	getenv := func(name string) string { return env[name] }
	if _, err := (&app.Watcher{Env: getenv}).Watch(t.Context(), app.Credit.Compose(getenv, nil), app.WatchRequest{}); err != nil {
		t.Fatal(err)
	}
	found := diagnose(t, cloud, func(env map[string]string) { env["PARTNERLENS_STORE"] = store })
	if values := found.Accounts[0].Checks[6]; values.Name != "values" || values.State != app.CheckLook || !strings.Contains(values.Says, "Credit of 1 customer ") || !strings.Contains(values.Says, "the first is 2") {
		t.Errorf("%+v", values)
	}
	runs := slices.IndexFunc(found.Watch, func(check app.Check) bool { return check.Name == "runs" })
	if runs < 0 || found.Watch[runs].State != app.CheckLook || !strings.Contains(found.Watch[runs].Says, "credit default ") || !found.OK {
		t.Errorf("%+v", found.Watch)
	}
	well := diagnose(t, simulator.Options{Customers: 100}, func(map[string]string) {})
	if values := well.Accounts[0].Checks[6]; values.State != app.CheckOK {
		t.Errorf("%+v", values)
	}
}

// A cloud that counts customers and shows none of them cannot be read.
func TestDoctorOfAnEmptyList(t *testing.T) {
	t.Parallel()
	env := map[string]string{"PARTNERLENS_TENCENT_SECRET_ID": "x", "PARTNERLENS_TENCENT_SECRET_KEY": "x"}
	found := app.Credit.Compose(func(name string) string { return env[name] }, nil).Accounts.Checkup(t.Context(), core.DefaultAccount, func(app.Settings) (app.Probe, error) {
		return app.Probe{
			MostSkew: time.Minute, PageSize: 100, ClockSkew: func() (time.Duration, bool) { return 0, true },
			Fetch: func(context.Context) (app.Seen, error) { total := 20; return app.Seen{Total: &total}, nil },
		}, nil
	})
	if found.OK || found.Checks[4].State != app.CheckFailed || !strings.Contains(found.Checks[4].Says, "counts 20 customers and shows none") {
		t.Errorf("%+v", found)
	}
}

// Doctor says what keeps the newest run of an account from being complete.
func TestDoctorOfRunsThatAreNotComplete(t *testing.T) {
	t.Parallel()
	today := time.Date(2026, 11, 11, 12, 0, 0, 0, time.UTC)
	for fault, want := range map[string]string{
		"empty-day":  "credit default 2026-11-12: held: its list lacks 50 of 50 known customers; if the list is right, partnerlens watch --accept --run 2026-11-12",
		"total-high": "credit default 2026-11-12: not proven to be every customer",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			sim, err := simulator.New(simulator.Options{Customers: 50, Today: today, Faults: []string{fault}})
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(sim)
			t.Cleanup(func() { sim.Close(); server.Close() })
			env := map[string]string{"PARTNERLENS_STORE": "file://" + t.TempDir(), "PARTNERLENS_TENCENT_RATE": "0"}
			for _, setting := range simulator.Env(server.URL) {
				name, value, _ := strings.Cut(setting, "=")
				env[name] = value
			}
			getenv := func(name string) string { return env[name] }
			for day := range 2 {
				sim.SetDay(day)
				now := func() time.Time { return today.AddDate(0, 0, day) }
				if _, err := (&app.Watcher{Env: getenv, Now: now}).Watch(t.Context(), app.Credit.Compose(getenv, now), app.WatchRequest{}); err != nil {
					t.Fatal(err)
				}
			}
			found := diagnose(t, simulator.Options{Customers: 50}, func(other map[string]string) { other["PARTNERLENS_STORE"] = env["PARTNERLENS_STORE"] })
			said := false
			for _, check := range found.Watch {
				said = said || check.Name == "runs" && check.State == app.CheckLook && strings.HasPrefix(check.Says, want)
			}
			if !said {
				t.Errorf("want %q: %+v", want, found.Watch)
			}
		})
	}
}

// Doctor says what of the partner itself a key may read and what is lost without it, and
// finds no fault in it.
func TestDoctorOfThePartner(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		faults []string
		state  app.CheckState
		says   []string
	}{
		{nil, app.CheckOK, []string{"partner credit: permitted. resellers: permitted. direct customers: permitted. vouchers: permitted"}},
		{[]string{"no-partner-credit", "no-vouchers"}, app.CheckOK, []string{"partner credit: not permitted; no partner_low alert", "resellers: permitted", "vouchers: not permitted; no vouchers beside credit"}},
		{[]string{"no-resellers", "no-direct"}, app.CheckOK, []string{"resellers: not permitted; no reseller_low alert", "direct customers: not permitted; no second witness"}},
	} {
		sim, err := simulator.New(simulator.Options{Customers: 20, Faults: test.faults})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(sim)
		t.Cleanup(func() { sim.Close(); server.Close() })
		env := make(map[string]string)
		for _, setting := range simulator.Env(server.URL) {
			name, value, _ := strings.Cut(setting, "=")
			env[name] = value
		}
		found := app.Credit.Compose(func(name string) string { return env[name] }, nil).Checkup(t.Context(), core.DefaultAccount)
		partner := found.Checks[len(found.Checks)-1]
		if !found.OK || partner.Name != "partner" || partner.State != test.state {
			t.Errorf("%v: %+v", test.faults, found)
		}
		for _, want := range test.says {
			if !strings.Contains(partner.Says, want) {
				t.Errorf("%v: %q, want %q", test.faults, partner.Says, want)
			}
		}
		if calls := sim.Calls(); calls.PartnerCredit.Accepted != 1 || calls.SubAgents.Accepted != 1 || calls.Direct.Accepted != 1 || calls.Vouchers.Accepted != 1 || calls.Credit.Accepted != 1 {
			t.Errorf("calls %+v", calls)
		}
	}
	for _, account := range diagnose(t, simulator.Options{Customers: 20}, func(map[string]string) {}).Accounts {
		if account.Vendor == "huaweicloud" && account.Checks[len(account.Checks)-1].Name == "partner" {
			t.Errorf("%+v", account)
		}
	}
	broken := diagnose(t, simulator.Options{Customers: 20}, func(env map[string]string) { env["PARTNERLENS_TENCENT_SECRET_KEY"] = "wrong" })
	if last := broken.Accounts[0].Checks[len(broken.Accounts[0].Checks)-1]; broken.Accounts[0].OK || last.Name == "partner" {
		t.Errorf("%+v", broken.Accounts[0])
	}
}
