package configfile

import (
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"partnerlens/internal/app"
	"partnerlens/pkg/core"
)

// planted is in no message, wherever it stands in a file.
const planted = "AKIDz8krbsJ5yKBZplanted"

// read writes a file, and reads it.
func read(t *testing.T, text string, own map[string]string) (*File, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Read(path, func(name string) string { return own[name] })
}

// Each setting of a file is the text that its variable would have.
func TestTexts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, text, setting, want string }{
		{"a text", `credit_low = "10%"`, "PARTNERLENS_CREDIT_LOW", "10%"},
		{"a number", `retain_days = 90`, "PARTNERLENS_RETAIN_DAYS", "90"},
		{"a list of ids", `huawei_resellers = ["a", "b"]`, "PARTNERLENS_HUAWEI_RESELLERS", "a,b"},
		{"an empty text", `store = ""`, "PARTNERLENS_STORE", ""},
		{"a byte order mark, and lines as Windows ends them", "\ufeffstore = \"x\"\r\nowners = \"/o\"\r\n", "PARTNERLENS_OWNERS", "/o"},
		{"nothing", "", "PARTNERLENS_STORE", ""},
		{"a text that is JSON", `accounts = '{"a":{}}'`, "PARTNERLENS_ACCOUNTS", `{"a":{}}`},
		{"a reference to keys", `keys = "aws-sm:keys"`, "PARTNERLENS_KEYS", "aws-sm:keys"},
		{"tables", "[accounts.a]\nrate = 5\n[accounts.b]\nresellers = ['x']\n", "PARTNERLENS_ACCOUNTS", `{"a":{"rate":5},"b":{"resellers":["x"]}}`},
		{"a table within a line", "accounts = {a = {rate = \"60%\"}}", "PARTNERLENS_ACCOUNTS", `{"a":{"rate":"60%"}}`},
		{"keys with dots", "accounts.a.rate = 5", "PARTNERLENS_ACCOUNTS", `{"a":{"rate":5}}`},
		{"callers", "[[keys]]\nname = 'a'\npii = true\n[[keys]]\nname = 'b'", "PARTNERLENS_KEYS", `{"keys":[{"name":"a","pii":true},{"name":"b"}]}`},
		{"no caller", "keys = []", "PARTNERLENS_KEYS", `{"keys":[]}`},
		{"alerts", "[alerts]\nquiet = true\n[[alerts.channels]]\nname = 'ops'\n[alerts.channels.owner_channels]\nstore = 'x'\n[alerts.rules.overrides]\n200000000001 = '5'\n", "PARTNERLENS_ALERTS",
			`{"channels":[{"name":"ops","owner_channels":{"store":"x"}}],"quiet":true,"rules":{"overrides":{"200000000001":"5"}}}`},
	} {
		f, err := read(t, test.text, nil)
		if err != nil || f.Err() != nil || f.Getenv(test.setting) != test.want {
			t.Errorf("%s: %q, want %q (%v, %v)", test.name, f.Getenv(test.setting), test.want, err, f.Err())
		}
	}
}

// A path in the file is relative to the file, wherever the command runs.
func TestPaths(t *testing.T) {
	t.Parallel()
	f, err := read(t, `
store = "file:my runs/x"
owners = "lists/owners.csv"
huawei_sk = "file:../sk"
huawei_ak = "file:/ak"
tencent_token = "file:"
[[alerts.channels]]
url = "file:slack"
`, nil)
	if err != nil || f.Err() != nil {
		t.Fatal(err, f.Err())
	}
	folder := filepath.Dir(f.path)
	for name, want := range map[string]string{
		"PARTNERLENS_STORE":         "file://" + folder + "/my%20runs/x",
		"PARTNERLENS_OWNERS":        folder + "/lists/owners.csv",
		"PARTNERLENS_HUAWEI_SK":     "file:" + filepath.Dir(folder) + "/sk",
		"PARTNERLENS_HUAWEI_AK":     "file:/ak",
		"PARTNERLENS_TENCENT_TOKEN": "file:",
		"PARTNERLENS_ALERTS":        `{"channels":[{"url":"file:` + folder + `/slack"}]}`,
	} {
		if got := f.Getenv(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, owners := range []string{"store:owners.csv", "aws-sm:owners", "file:///o.csv", "/o.csv"} {
		if f, _ := read(t, "owners = '"+owners+"'", nil); f.Getenv("PARTNERLENS_OWNERS") != owners {
			t.Errorf("%q became %q", owners, f.Getenv("PARTNERLENS_OWNERS"))
		}
	}
}

// A mistake is named with its line and what to write, all of them at once, and without a
// value.
func TestMistakes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"a name that is misspelt", "\nstor = '" + planted + "'", []string{"line 2: stor: no such setting; write store"}},
		{"a variable's name", "PARTNERLENS_STORE = 'x'", []string{"line 1: PARTNERLENS_STORE: no such setting; write store"}},
		{"a name like none", "colour = 'x'", []string{"line 1: colour: no such setting; docs/settings.md"}},
		{"a key for a name", planted + " = 'x'", []string{"line 1: a key is no setting, and not shown"}},
		{"the file's own name", "config = 'x'", []string{"line 1: config: no such setting"}},
		{"a table of a vendor", "[tencent]\nsecret_key = '" + planted + "'", []string{"line 1: tencent: no such setting; write tencent_"}},
		{"an amount", "credit_low = 0.1", []string{`line 1: credit_low: a number with a point; write it in quotes, as "250.00"`}},
		{"infinity", "retain_days = inf", []string{"line 1: retain_days: a number with a point"}},
		{"a date", "owners = 2027-06-30", []string{"line 1: owners: a date or a time; write it in quotes"}},
		{"a time", "share_for = 00:00:05", []string{"line 1: share_for: a date or a time"}},
		{"a date in a table", "[[keys]]\n\nexpires = 2027-06-30", []string{"line 3: a date or a time"}},
		{"a date in a table of the second of a list", "[[alerts.channels]]\nx = 1\n[[alerts.channels]]\n[alerts.channels.y]\n\nz = 2027-01-01", []string{"line 6: a date"}},
		{"a date within the second of a list", "[[keys]]\nx = 1\n[[keys]]\nx = {y = [1, {z = 2027-01-01}]}", []string{"line 4: a date"}},
		{"an amount in a list", "[accounts.a]\nresellers = [\n'x',\n0.5,\n]", []string{"line 2: a number with a point"}},
		{"true", "log_level = true", []string{"line 1: log_level: not a text, nor a whole number"}},
		{"a list", "store = ['x']", []string{"line 1: store: not a text, nor a whole number"}},
		{"a table for a text", "[store]\nx = 1", []string{"line 1: store: not a text, nor a whole number"}},
		{"a number for a table", "accounts = 1", []string{"line 1: accounts: not tables; write them as [accounts.north]"}},
		{"one table for a list", "[keys]\nname = 'x'", []string{"line 1: keys: not tables; write them as [[keys]]"}},
		{"ids that are numbers", "huawei_resellers = [1]", []string{"line 1: huawei_resellers: not a text"}},
		{"an empty list of ids", "huawei_resellers = []", []string{"line 1: huawei_resellers: not a text"}},
		{"everything at once, in order", "z_z = 1\nretain_days = 1.5\n[alerts]\nquiet = 1.5\n", []string{"line 1: z_z: ", "; line 2: retain_days: ", "; line 4: a number"}},

		{"a text without quotes", "a = 1\nstore = " + planted, []string{"line 2: a text without quotes"}},
		{"a number with letters", "store = 12" + planted, []string{"line 1: a text without quotes"}},
		{"a text without an end", "store = \"" + planted + "\nb = 1", []string{"line 1: a text without the quote at its end"}},
		{"a folder of Windows", `store = "C:\` + planted + `"`, []string{"line 1: a backslash in double quotes"}},
		{"a list without an end", "x = ['a',\n", []string{"not TOML"}},
		{"a key twice", "store = '" + planted + "'\nstore = 'x'", []string{"line 2: a key or a table that is there before"}},
		{"a table twice", "[accounts.a]\nx = 1\n[accounts.a]\n", []string{"line 3: a key or a table that is there before"}},
		{"a table in two ways", "accounts = {a = {x = 1}}\n[accounts.b]\nx = 1\n", []string{"line 2: a key or a table that is there before"}},
		{"a table with dots and with a name", "accounts.a.x = 1\n[accounts.a]\n", []string{"line 2: a key or a table that is there before"}},
		{"a table and a list", "[[keys]]\nx = 1\n[keys]\n", []string{"line 3: a key or a table that is there before"}},
		{"JSON", `{"store":"` + planted + `"}`, []string{"line 1: not TOML; write key ="}},
		{"YAML", "store: " + planted, []string{"line 1: not TOML"}},
		{"a shell's file", "export STORE=" + planted, []string{"line 1: not TOML"}},
		{"zeros", "\x00\x00", []string{"line 1: not TOML"}},
		{"a number that is too large", "retain_days = 99999999999999999999", []string{"line 1: not TOML"}},
		{"Latin 1", "store = 'x'\nowners = '\xe4" + planted + "'", []string{"line 2: not UTF-8"}},
		{"UTF-16", "\xff\xfes\x00t\x00", []string{"line 1: not UTF-8"}},
		{"tables without an end", "accounts." + strings.Repeat("a.", 600) + "a = 1", []string{"line 1: the name of a table or a key is too long"}},
		{"lists in lists", "alerts." + strings.Repeat("a.", 300) + "a = " + strings.Repeat("[", 9900) + strings.Repeat("]", 9900), []string{"line 1: alerts: nested too deep"}},
		{"more lists in lists", "x = " + strings.Repeat("[", 100_000), []string{"line 1: not TOML"}},
	} {
		f, err := read(t, test.text, nil)
		if err == nil {
			err = f.Err()
		}
		if core.CodeOf(err) != core.CodeMisconfigured {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		said := core.AsError(err).Public()
		for _, want := range test.want {
			_, after, found := strings.Cut(said, want)
			if !found {
				t.Errorf("%s: %q, want %q", test.name, said, want)
			}
			said = after
		}
		if strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: a value is shown: %v", test.name, err)
		}
	}
}

// A mistake in a file does not hide the settings that are right.
func TestWhatIsRight(t *testing.T) {
	t.Parallel()
	f, err := read(t, "stor = 'x'\nretain_days = 90\n[accounts.a]\nrate = 0.5", nil)
	if err != nil || f.Err() == nil || f.Getenv("PARTNERLENS_RETAIN_DAYS") != "90" || f.Getenv("PARTNERLENS_ACCOUNTS") != "" {
		t.Errorf("%v, %v, %q", err, f.Err(), f.values)
	}
}

// What is no file of settings is refused, however large.
func TestFilesThatAreNone(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	large, locked := filepath.Join(folder, "large"), filepath.Join(folder, "locked")
	for _, path := range []string{large, locked} {
		if err := os.WriteFile(path, nil, 0o000); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(large, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, 10<<30); err != nil { // takes no space
		t.Fatal(err)
	}
	tests := map[string]string{
		folder:                      "a folder, not a file",
		large:                       "larger than 1048576 bytes",
		filepath.Join(folder, "no"): "there is no such file",
	}
	if os.Getuid() != 0 && runtime.GOOS != "windows" {
		tests[locked] = "may not be read by this program's user"
	}
	for path, want := range tests {
		if _, err := Read(path, nil); core.CodeOf(err) != core.CodeMisconfigured || !strings.Contains(core.AsError(err).Public(), path+": "+want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

// A variable goes before the file, and a part of a key before the rest of it.
func TestTheEnvironmentGoesFirst(t *testing.T) {
	t.Parallel()
	const text = `
store = "file:///of-file"
tencent_secret_id = "file-id"
tencent_secret_key = "file-key"
tencent_token = "file-token"
huawei_ak = "file-ak"
`
	f, err := read(t, text, map[string]string{"PARTNERLENS_STORE": "file:///of-env", "PARTNERLENS_TENCENT_SECRET_ID": "env-id", "AWS_REGION": "r"})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"PARTNERLENS_STORE": "file:///of-env", "PARTNERLENS_TENCENT_SECRET_ID": "env-id", "PARTNERLENS_TENCENT_SECRET_KEY": "", "PARTNERLENS_TENCENT_TOKEN": "",
		"PARTNERLENS_HUAWEI_AK": "file-ak", "AWS_REGION": "r",
	} {
		if got := f.Getenv(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	said := ""
	for _, check := range f.Checks() {
		said += check.Says + "\n"
	}
	for _, want := range []string{"sets huawei_ak\n", "store (by PARTNERLENS_STORE), tencent_secret_id (by PARTNERLENS_TENCENT_SECRET_ID), tencent_secret_key (by PARTNERLENS_TENCENT_SECRET_ID)"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q, want %q", said, want)
		}
	}
}

// A text about settings has the lines of those that are of the file.
func TestPlaces(t *testing.T) {
	t.Parallel()
	f, err := read(t, `store = "x"
owners = "x"

[accounts.north]
vendor = """a
b"""
rate = 5
[accounts.h]
[accounts.south]
rate = 5
[[alerts.channels]]
name = "ops"
[alerts.rules]
overrides."200000000001" = "5"
`, map[string]string{"PARTNERLENS_OWNERS": "y"})
	if err != nil || f.Err() != nil {
		t.Fatal(err, f.Err())
	}
	for text, want := range map[string]string{
		"PARTNERLENS_STORE: wrong": "PARTNERLENS_STORE (c.toml line 1): wrong",
		"PARTNERLENS_ACCOUNTS: north.rate: a; south.rate: b; h: c; south.zone: missing": "PARTNERLENS_ACCOUNTS (c.toml line 4): north.rate (line 7): a; south.rate (line 10): b; h (line 8): c; south.zone: missing",
		"PARTNERLENS_ALERTS: rules.overrides.200000000001: a":                           "PARTNERLENS_ALERTS (c.toml line 11): rules.overrides.200000000001 (line 14): a",
		"PARTNERLENS_ALERTS: ops: type: a":                                              "PARTNERLENS_ALERTS (c.toml line 11): ops: type: a",
		"PARTNERLENS_OWNERS: wrong":                                                     "PARTNERLENS_OWNERS: wrong",
		"PARTNERLENS_KEYS: wrong":                                                       "PARTNERLENS_KEYS: wrong",
		"complete":                                                                      "complete",
		"":                                                                              "",
	} {
		if got := f.Place(text); got != want {
			t.Errorf("%s\ngives %s\nwant  %s", text, got, want)
		}
	}
	if none := (*File)(nil); none.Place("PARTNERLENS_STORE: x") != "PARTNERLENS_STORE: x" || none.Names() != nil || none.Checks() != nil {
		t.Error("a File that is not there has something")
	}
}

// A file with keys that others can read is doubtful; one with references is not.
func TestReadableByOthers(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no such permissions")
	}
	for text, want := range map[string]bool{
		"tencent_secret_key = 'x'":                            true,
		"store_secret_key = 'x'":                              true,
		"accounts = '{}'":                                     true,
		"[accounts.a]\nsk = 'x'":                              true,
		"[[alerts.channels]]\nurl = 'https://x'":              true,
		"[[alerts.channels]]\nowner_channels = {alice = 'x'}": true,
		"tencent_secret_key = 'aws-sm:x'\n[[keys]]\nhash = 'x'\n[alerts]\nx = 1": false,
		"accounts = 'aws-sm:x'": false,
		"huawei_sk = ''":        false,
	} {
		path := filepath.Join(t.TempDir(), "c.toml")
		for mode, readable := range map[os.FileMode]bool{0o600: false, 0o640: true, 0o604: true} {
			if err := os.WriteFile(path, []byte(text), mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			f, err := Read(path, func(string) string { return "" })
			if err != nil {
				t.Fatal(err)
			}
			warned := false
			for _, check := range f.Checks() {
				warned = warned || check.State == app.CheckLook && strings.Contains(check.Says, "other users")
			}
			if warned != (want && readable) {
				t.Errorf("%q with mode %o: %t", text, mode, warned)
			}
		}
	}
}

// A value is in no message, whatever stands around it, and lines are those of the text.
func FuzzParse(f *testing.F) {
	for _, seed := range [][2]string{
		{"store = '", "'\n"}, {"[accounts.a]\nrate = ", "\n"}, {"[[keys]]\nname = \"", "\"\nexpires = 2027-01-01\n"}, {"x = [{a = '", "'}, 1.5]\n[x]\n"},
		{"", " = 1\n"}, {"[", "]\n"}, {"\ufeffa.b = '''", "'''"}, {"alerts = {channels = [{name = 'x', url = '", "'}]}"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		text := before + planted + after
		file := parse([]byte(text), "/folder")
		lines := 1 + strings.Count(text, "\n")
		for path, line := range file.lines {
			if line < 1 || line > lines {
				t.Errorf("%q: %q is on line %d of %d", text, path, line, lines)
			}
		}
		if err := file.wrong.Err("S"); err != nil && strings.Contains(err.Error(), planted) {
			t.Errorf("%q: %v", text, err)
		}
		if file.values == nil && file.wrong == nil {
			t.Errorf("%q: neither settings nor a mistake", text)
		}
		again := parse([]byte(text), "/folder")
		if !maps.Equal(file.values, again.values) {
			t.Errorf("%q gives %q, and %q", text, file.values, again.values)
		}
	})
}
