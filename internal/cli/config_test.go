package cli

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
)

// doctorOf runs doctor with a config file beside a simulated cloud of which env holds the
// address.
func doctorOf(t *testing.T, folder, text string, env map[string]string) (found diagnosis, status int, printed string) {
	t.Helper()
	path := filepath.Join(folder, "partnerlens.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, diagnostics strings.Builder
	std := streams{strings.NewReader(""), &out, &diagnostics, func(name string) string { return env[name] }}
	status = run(t.Context(), []string{"doctor", "--config", path, "--output", "json"}, std)
	if err := json.Unmarshal([]byte(out.String()), &found); err != nil {
		t.Fatalf("%v: %s%s", err, &out, &diagnostics)
	}
	return found, status, out.String() + diagnostics.String()
}

func cloudWith(t *testing.T, opts simulator.Options) string {
	t.Helper()
	sim, err := simulator.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); server.Close() })
	return server.URL
}

// The example of docs/settings.md works as it is there, but for the clouds' addresses.
func TestConfigExample(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "settings.md"))
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)```toml\n(.*?)```").FindStringSubmatch(string(doc))
	if example == nil {
		t.Fatal("docs/settings.md has no example")
	}
	key := func(id, secret string) string {
		return fmt.Sprintf(`{%q:%q,%q:%q}`, id, simulator.KeyID, secret, simulator.KeySecret)
	}
	cloud := cloudWith(t, simulator.Options{Customers: 5, Secrets: map[string]string{
		"partner/north": key("id", "key"), "partner/china": key("ak", "sk"), "partnerlens": `{"slack":"https://hooks.slack.com/services/x"}`,
	}})
	text := regexp.MustCompile(`"https://(intlpartnersmgt\.intl\.tencentcloudapi|bss\.myhuaweicloud)\.com"`).ReplaceAllLiteralString(example[1], `"`+cloud+`"`)
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "owners.csv"), []byte("customer_id,owner\n200000000001,Alice\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	found, status, _ := doctorOf(t, folder, text, map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": cloud, "AWS_ACCESS_KEY_ID": simulator.KeyID, "AWS_SECRET_ACCESS_KEY": simulator.KeySecret,
	})
	for _, check := range found.all() {
		if check.State != app.CheckOK {
			t.Errorf("%+v", check)
		}
	}
	if status != 0 || !found.OK || len(found.Accounts) != 2 {
		t.Errorf("status %d: %+v", status, found)
	}
	if _, err := os.Stat(filepath.Join(folder, "runs")); err != nil {
		t.Errorf("the store is not beside the file: %v", err)
	}
}

// Every row of the table in docs/settings.md is a setting and its key, and none is missing.
func TestConfigTable(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "settings.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(doc), "## All settings")
	var names []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(PARTNERLENS_[A-Z_]+)` \\| (.*?) ?\\| (.+?) \\| (.+?) \\|$").FindAllStringSubmatch(table, -1) {
		names = append(names, row[1])
		if want := "`" + strings.ToLower(strings.TrimPrefix(row[1], "PARTNERLENS_")) + "`"; row[2] != want && row[1] != app.ConfigSetting {
			t.Errorf("%s has the key %s, want %s", row[1], row[2], want)
		}
	}
	if !slices.Equal(names, app.SettingNames()) {
		t.Errorf("the table has\n%q, the settings are\n%q", names, app.SettingNames())
	}
}

// Doctor examines a file as a whole, and says where each mistake is.
func TestDoctorOfAFile(t *testing.T) {
	t.Parallel()
	cloud := cloudWith(t, simulator.Options{Customers: 5})
	env := map[string]string{"PARTNERLENS_RETAIN_DAYS": "30", "PARTNERLENS_MY_KEY": simulator.KeySecret}
	found, status, printed := doctorOf(t, t.TempDir(), `stor = "file:runs"
watch_every = "daily"
retain_days = 90
credit_low = "0.1"
owners = "none.csv"
[accounts.north]
vendor = "tencentcloud"
secret_id = "`+simulator.KeyID+`"
secret_key = "env:PARTNERLENS_MY_KEY"
endpoint = "`+cloud+`"
[accounts.south]
vendor = "tencentcloud"
secret_id = "`+planted+`"
zon = "x"
rate = "fast"
[[alerts.channels]]
name = "ops"
type = "slak"
[[keys]]
name = "crm"
hash = "`+planted+`"
`, env)
	var failed, look []string
	for _, check := range found.all() {
		switch check.State {
		case app.CheckFailed:
			failed = append(failed, check.Says)
		case app.CheckLook:
			look = append(look, check.Says)
		}
	}
	for _, want := range []string{
		"partnerlens.toml: line 1: stor: no such setting; write store",
		"PARTNERLENS_WATCH_EVERY (partnerlens.toml line 2): unknown; write day or hour",
		"PARTNERLENS_OWNERS (partnerlens.toml line 5): there is no such file",
		"PARTNERLENS_ACCOUNTS (partnerlens.toml line 6): south.zon (line 14): no such member; write zone; south.rate (line 15): not a number of calls a second",
		"south.secret_key: missing",
		"PARTNERLENS_ALERTS (partnerlens.toml line 16): ops: type: unknown",
		"PARTNERLENS_KEYS (partnerlens.toml line 19): entry 1 (crm): hash: not sha256",
	} {
		if count := strings.Count(strings.Join(failed, "\n"), want); count != 1 {
			t.Errorf("%q is there %d times:\n%s", want, count, strings.Join(failed, "\n"))
		}
	}
	if want := "PARTNERLENS_CREDIT_LOW (partnerlens.toml line 4): an amount below 1"; !strings.Contains(strings.Join(look, "\n"), want) {
		t.Errorf("%q is not in %q", want, look)
	}
	if !strings.Contains(printed, "overridden by the environment: retain_days (by PARTNERLENS_RETAIN_DAYS)") {
		t.Errorf("what is overridden is not said: %s", printed)
	}
	if found.OK || status != core.CodeMisconfigured.ExitStatus() || !found.Accounts[0].OK || strings.Contains(printed, "planted") {
		t.Errorf("status %d: %s", status, printed)
	}
}

// A file that is no TOML is all that doctor reports, in the same form.
func TestDoctorOfAFileThatIsNone(t *testing.T) {
	t.Parallel()
	found, status, printed := doctorOf(t, t.TempDir(), "store = "+planted, nil)
	if found.OK || status != 2 || found.Accounts == nil || len(found.Settings) != 1 || found.Auth.State != app.CheckNotReached || !strings.Contains(found.Settings[0].Says, "line 1: a text without quotes") || strings.Contains(printed, "planted") {
		t.Errorf("status %d: %s", status, printed)
	}
}

// Commands that need no settings work whatever is in the file; all others end with its
// mistakes.
func TestCommandsWithABrokenFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c.toml")
	if err := os.WriteFile(path, []byte("stor = 'x'\nwatch_zon = 'y'"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{app.ConfigSetting: path}
	for command, want := range map[string]int{"version": 0, "key new --name x": 0, "credit": 2, "watch": 2, "serve --listen 127.0.0.1:0": 2, "alerts": 2, "partner": 2, "alert test": 2} {
		var out, diagnostics strings.Builder
		status := run(t.Context(), strings.Fields(command), streams{strings.NewReader(""), &out, &diagnostics, func(name string) string { return env[name] }})
		named := strings.Contains(diagnostics.String(), path+": line 1: stor: no such setting; write store; line 2: watch_zon: no such setting; write watch_zone")
		if status != want || named != (want == 2) {
			t.Errorf("%s: status %d, %s", command, status, &diagnostics)
		}
	}
}
