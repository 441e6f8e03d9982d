package repotest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/oasdiff/yaml"

	"partnerlens/pkg/core"
	"partnerlens/pkg/huawei"
	"partnerlens/pkg/tencent"
)

// component is what the vendor documents of its component multi-scf, as far as a
// Go function has use for it ("multi-scf component", Tencent Cloud docs, 2026-05-08; its
// configure.md, read November 2026). What is not here is not documented, or is not
// ours: a file that has it is refused.
type component struct {
	App       string `json:"app"`
	Stage     string `json:"stage"`
	Component string `json:"component"`
	Name      string `json:"name"`
	Inputs    struct {
		Src struct {
			Src     string   `json:"src"`
			Exclude []string `json:"exclude"`
		} `json:"src"`
		Region       string                       `json:"region"`
		Runtime      string                       `json:"runtime"`
		Namespace    string                       `json:"namespace"`
		Type         string                       `json:"type"`
		MemorySize   int                          `json:"memorySize"`
		Timeout      int                          `json:"timeout"`
		Environments []keyValue                   `json:"environments"`
		Functions    map[string]componentFunction `json:"functions"`
		Triggers     []componentTrigger           `json:"triggers"`
	} `json:"inputs"`
}

type keyValue struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type componentFunction struct {
	Name        string     `json:"name"`
	Handler     string     `json:"handler"`
	Description string     `json:"description"`
	Role        string     `json:"role"`
	MemorySize  int        `json:"memorySize"`
	Timeout     int        `json:"timeout"`
	Environment []keyValue `json:"environment"`
	Cls         *struct {
		LogsetID string `json:"logsetId"`
		TopicID  string `json:"topicId"`
	} `json:"cls"`
}

type componentTrigger struct {
	Type       string `json:"type"`
	Function   string `json:"function"`
	Parameters struct {
		Qualifier      string `json:"qualifier"`
		Name           string `json:"name"`
		CronExpression string `json:"cronExpression"`
		Enable         bool   `json:"enable"`
		Argument       string `json:"argument"`
	} `json:"parameters"`
}

const serverlessFile = "serverless.yml"

func serverlessText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(serverlessFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// readComponent decodes the file, refusing what is not documented and what is of
// another type: YAML's 3 is not "3".
func readComponent(text string) (c component, err error) {
	var raw any
	if _, err := yaml.Unmarshal([]byte(text), &raw, yaml.DecodeOpts{}); err != nil {
		return c, err
	}
	plain, err := json.Marshal(raw)
	if err != nil {
		return c, err
	}
	decoder := json.NewDecoder(bytes.NewReader(plain))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return c, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return c, fmt.Errorf("more than one document")
	}
	return c, nil
}

var (
	scfName       = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_-]{0,58}[a-zA-Z0-9]$`)
	scfTimerName  = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_-]{0,59}$`)
	scfRegion     = regexp.MustCompile(`^[a-z]{2}-[a-z]+(-[a-z0-9]+)*$`)
	scfVariable   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
	deployTime    = regexp.MustCompile(`\$\{[^}]*\}?`)
	deployTimeEnv = regexp.MustCompile(`^\$\{env\.[A-Z][A-Z0-9_]*\}$`)
	secretIn      = regexp.MustCompile(`^(tencent-ssm|huawei-csms|aws-sm|aws-ssm|file|env):`)
)

// What of a value is not known before it is deployed is counted as this long.
const longestDeployTime = 64

// wrongInComponent returns every value in the file that the documentation, SCF's
// limits or the code refuse.
func wrongInComponent(c component, settings []string, binaries []string) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	in := c.Inputs
	if c.Component != "multi-scf" {
		say("component is %q, not multi-scf", c.Component)
	}
	if c.App == "" || c.Name == "" || c.Stage == "" {
		say("app, stage and name are needed")
	}
	if in.Runtime != "Go1" || in.Type != "event" {
		say("runtime %q and type %q: a Go binary is Go1, and only event functions have timers", in.Runtime, in.Type)
	}
	if !scfRegion.MatchString(in.Region) {
		say("region %q is none", in.Region)
	}
	if in.Src.Src == "" {
		say("src.src is needed")
	}
	if len(in.Functions) == 0 {
		say("no functions")
	}
	size := func(where string, memory, timeout int) {
		if memory != 64 && (memory < 128 || memory > 3072 || memory%128 != 0) {
			say("%s: memorySize %d; SCF accepts 64, and 128 to 3072 by 128", where, memory)
		}
		if timeout <= 3 || timeout > 900 {
			say("%s: timeout %d; SCF accepts 1 to 900, and its default of 3 is too little", where, timeout)
		}
	}
	size("inputs", in.MemorySize, in.Timeout)
	for id, f := range in.Functions {
		size(id, f.MemorySize, f.Timeout)
		if !scfName.MatchString(f.Name) {
			say("%s: the name %q is none for SCF", id, f.Name)
		}
		if !slices.Contains(binaries, f.Handler) {
			say("%s: handler %q is no binary of the package, which has %q", id, f.Handler, binaries)
		}
		if f.Role == "" {
			say("%s: no role, so its secrets cannot be read", id)
		}
		if f.Cls == nil || f.Cls.LogsetID == "" || f.Cls.TopicID == "" {
			say("%s: no log topic", id)
		}
		wrong = append(wrong, wrongInEnvironment(id, slices.Concat(in.Environments, f.Environment), settings)...)
	}
	for _, trigger := range in.Triggers {
		wrong = append(wrong, wrongInTrigger(trigger, in.Functions)...)
	}
	return wrong
}

func wrongInEnvironment(where string, variables []keyValue, settings []string) (wrong []string) {
	say := func(format string, args ...any) {
		wrong = append(wrong, where+": "+fmt.Sprintf(format, args...))
	}
	var total int
	seen := make(map[string]bool)
	for _, v := range variables {
		total += len(v.Key) + len(v.Value) + longestDeployTime*strings.Count(v.Value, "${")
		if seen[v.Key] {
			say("%s is given twice", v.Key)
		}
		seen[v.Key] = true
		for _, reserved := range []string{"TENCENTCLOUD_", "SCF_", "QCLOUD_"} {
			if strings.HasPrefix(v.Key, reserved) {
				say("%s: SCF reserves names that start with %s", v.Key, reserved)
			}
		}
		if !scfVariable.MatchString(v.Key) || v.Value == "" {
			say("%q=%q is no variable", v.Key, v.Value)
		}
		if strings.HasPrefix(v.Key, "PARTNERLENS_") && !slices.Contains(settings, v.Key) {
			say("%s is a setting that nothing reads", v.Key)
		}
		for _, part := range deployTime.FindAllString(v.Value, -1) {
			if !deployTimeEnv.MatchString(part) {
				say("%s: %s is not of the form ${env.NAME}", v.Key, part)
			}
		}
		for _, secret := range []string{"_SECRET_ID", "_SECRET_KEY", "_AK", "_SK", "_TOKEN", "_KEYS", "_ALERTS"} {
			if strings.HasSuffix(v.Key, secret) && !secretIn.MatchString(v.Value) {
				say("%s is to be a reference to a secret, and not the secret", v.Key)
			}
		}
	}
	if total > 4096 {
		say("%d bytes of environment; the limit of SCF is 4 KB", total)
	}
	return wrong
}

func wrongInTrigger(trigger componentTrigger, functions map[string]componentFunction) (wrong []string) {
	p := trigger.Parameters
	say := func(format string, args ...any) {
		wrong = append(wrong, p.Name+": "+fmt.Sprintf(format, args...))
	}
	if trigger.Type != "timer" {
		say("type %q: the form documents timer, and a Function URL is made by scripts/tencent-url.sh", trigger.Type)
	}
	if _, there := functions[trigger.Function]; !there {
		say("function %q is none of the file's", trigger.Function)
	}
	if !scfTimerName.MatchString(p.Name) {
		say("no name for a timer")
	}
	if !p.Enable {
		say("enable is not set, and the default is off")
	}
	if err := cron(p.CronExpression); err != nil {
		say("%v", err)
	}
	params, err := core.ParamsFromJSON([]byte(p.Argument))
	if err != nil || !slices.Equal(params["watch"], []string{"now"}) || len(params) != 1 {
		say("the argument %q does not ask for the watch: %v", p.Argument, err)
	}
	if len(p.Argument) > 4096 {
		say("the argument is over 4 KB")
	}
	return wrong
}

// cron checks an expression of seven fields: second, minute, hour, day, month,
// week and year ("Timer Trigger Description", 2024-12-02).
func cron(text string) error {
	fields := strings.Fields(text)
	if len(fields) != 7 {
		return fmt.Errorf("cron %q has %d fields; SCF wants 7", text, len(fields))
	}
	for i, bounds := range [][2]int{{0, 59}, {0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 6}, {1970, 2099}} {
		for _, part := range strings.Split(fields[i], ",") {
			spread, step, stepped := strings.Cut(part, "/")
			if n, err := strconv.Atoi(step); stepped && (err != nil || n < 1) {
				return fmt.Errorf("cron %q: %q is no step", text, part)
			}
			if spread == "*" {
				continue
			}
			for _, edge := range strings.SplitN(spread, "-", 2) {
				if n, err := strconv.Atoi(edge); err != nil || n < bounds[0] || n > bounds[1] {
					return fmt.Errorf("cron %q: %q is not from %d to %d", text, edge, bounds[0], bounds[1])
				}
			}
		}
	}
	return nil
}

// functionNames are the folders of functions/ that have a main.
func functionNames(t *testing.T) (names []string) {
	t.Helper()
	mains, err := filepath.Glob("functions/*/main.go")
	if err != nil || len(mains) == 0 {
		t.Fatalf("no functions: %v", err)
	}
	for _, main := range mains {
		names = append(names, filepath.Base(filepath.Dir(main)))
	}
	return names
}

func TestServerlessIsWhatTheComponentTakes(t *testing.T) {
	t.Parallel()
	c, err := readComponent(serverlessText(t))
	if err != nil {
		t.Fatal(err)
	}
	names := functionNames(t)
	for _, problem := range wrongInComponent(c, settingsRead(t), names) {
		t.Error(problem)
	}
	for _, name := range names {
		if _, there := c.Inputs.Functions[name]; !there {
			t.Errorf("the function %s is not deployed", name)
		}
	}
	// scripts/build.sh fills the folder that is uploaded.
	build, err := os.ReadFile("scripts/build.sh")
	if err != nil || !strings.Contains(string(build), strings.TrimPrefix(c.Inputs.Src.Src, "./")+"/<function>") {
		t.Errorf("scripts/build.sh does not say that it makes %s: %v", c.Inputs.Src.Src, err)
	}
	for _, f := range c.Inputs.Functions {
		for _, file := range []string{"docs/deploy-tencent.md", "scripts/tencent-url.sh"} {
			text, err := os.ReadFile(file)
			if err != nil || !strings.Contains(string(text), f.Name) {
				t.Errorf("%s does not name %s: %v", file, f.Name, err)
			}
		}
	}
}

// The check is worth what it refuses.
func TestServerlessCheckRefuses(t *testing.T) {
	t.Parallel()
	text := serverlessText(t)
	settings, names := settingsRead(t), functionNames(t)
	for _, test := range []struct{ name, old, with, want string }{
		{"a key of the top that is not documented", "stage: prod", "stage: prod\norgname: x", "orgname"},
		{"an input that is not documented", "runtime: Go1", "runtime: Go1\n  events: []", "events"},
		{"a member of a function that is not documented", "handler: credit", "handler: credit\n      memory: 1", "memory"},
		{"a text where a number is due", "timeout: 900", "timeout: '900'", "timeout"},
		{"another component", "component: multi-scf", "component: scf", "not multi-scf"},
		{"another runtime", "runtime: Go1", "runtime: CustomRuntime", "Go1"},
		{"a handler without a binary", "handler: tags", "handler: main", "no binary"},
		{"a memory that SCF does not sell", "memorySize: 512", "memorySize: 500", "memorySize 500"},
		{"the default timeout", "timeout: 900", "timeout: 3", "too little"},
		{"more than SCF's timeout", "timeout: 900", "timeout: 901", "1 to 900"},
		{"a cron of five fields", "'0 5,20,35,50 9,12 * * * *'", "'5 9 * * *'", "7"},
		{"a cron with an hour that is none", "'0 5,20,35,50 9,12 * * * *'", "'0 5 24 * * * *'", "0 to 23"},
		{"a reserved name", "key: PARTNERLENS_WATCH_EVERY", "key: TENCENTCLOUD_SECRET_ID", "SCF reserves names"},
		{"another reserved name", "key: PARTNERLENS_WATCH_EVERY", "key: SCF_X", "SCF reserves names"},
		{"a setting that nothing reads", "key: PARTNERLENS_WATCH_EVERY", "key: PARTNERLENS_WATCH_EVRY", "nothing reads"},
		{"a secret in the open", "value: tencent-ssm:partnerlens-tencent@v1#secret_key", "value: AKIDsample", "not the secret"},
		{"a variable of another form", "${env.TENCENT_APP_ID}", "${TENCENT_APP_ID}", "${env.NAME}"},
		{"more than 4 KB", "value: day", "value: " + strings.Repeat("d", 4000), "4 KB"},
		{"a variable twice", "key: PARTNERLENS_WATCH_EVERY", "key: PARTNERLENS_WATCH_ZONE", "twice"},
		{"a timer without a function", "function: tags", "function: tag", "none of the file's"},
		{"a timer that is off", "enable: true", "enable: false", "off"},
		{"an argument that is no request for the watch", `'{"watch":"now"}'`, `'{"limit":5}'`, "the watch"},
		{"a trigger that is not documented", "type: timer", "type: http", "tencent-url.sh"},
		{"a function without a role", "role: partnerlens-tags", "role: ''", "no role"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			changed := strings.Replace(text, test.old, test.with, 1)
			if changed == text {
				t.Fatalf("%q is not in the file", test.old)
			}
			c, err := readComponent(changed)
			said := fmt.Sprint(err)
			if err == nil {
				said = strings.Join(wrongInComponent(c, settings, names), "\n")
			}
			if !strings.Contains(said, test.want) {
				t.Errorf("said %q, want something of %q", said, test.want)
			}
		})
	}
}

// Where template.yaml and serverless.yml may differ, and why.
var onlyInTemplate = map[string]string{
	"PARTNERLENS_ACCOUNTS":         "docs/deploy-tencent.md says where it goes; there is no parameter to switch it on with",
	"PARTNERLENS_OWNERS":           "is off by default, and a missing table is a warning; docs/deploy-tencent.md says where it goes",
	"PARTNERLENS_TENCENT_ENDPOINT": "has a default; a stack has parameters, serverless.yml is edited",
	"PARTNERLENS_HUAWEI_ENDPOINT":  "the same",
	"PARTNERLENS_TENCENT_RATE":     "the same: the vendor's limit by default",
	"PARTNERLENS_HUAWEI_RATE":      "the same",
}

// Both clouds' files deploy the same functions with the same settings at the
// same time of day.
func TestBothCloudsAreDeployedAlike(t *testing.T) {
	t.Parallel()
	c, err := readComponent(serverlessText(t))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	template := string(text)
	for _, name := range functionNames(t) {
		resource := strings.ToUpper(name[:1]) + name[1:] + "Function:\n"
		if _, there := c.Inputs.Functions[name]; !there || !strings.Contains(template, "\n  "+resource) {
			t.Errorf("%s is not deployed by both", name)
		}
	}
	var ours []string
	for _, v := range c.Inputs.Environments {
		ours = append(ours, v.Key)
	}
	theirs := once(regexp.MustCompile(`(?m)^ +(PARTNERLENS_[A-Z_]+):`).FindAllString(template, -1))
	for i := range theirs {
		theirs[i] = strings.Trim(theirs[i], " :")
	}
	theirs = slices.DeleteFunc(once(theirs), func(name string) bool { return onlyInTemplate[name] != "" })
	if ours = once(ours); !slices.Equal(ours, theirs) {
		t.Errorf("settings differ:\nserverless.yml %q\ntemplate.yaml  %q", ours, theirs)
	}
	// cron(minutes hours …) with a zone there, seconds minutes hours … here.
	there := regexp.MustCompile(`Default: cron\((\S+) (\S+) \* \* \? \*\)`).FindStringSubmatch(template)
	zone := regexp.MustCompile(`Default: Asia/Shanghai`).MatchString(template)
	if there == nil || !zone {
		t.Fatal("template.yaml has no daily schedule in the zone Asia/Shanghai")
	}
	for _, trigger := range c.Inputs.Triggers {
		if want := "0 " + there[1] + " " + there[2] + " * * * *"; trigger.Parameters.CronExpression != want {
			t.Errorf("%s runs at %q, and template.yaml at what here is %q", trigger.Parameters.Name, trigger.Parameters.CronExpression, want)
		}
	}
	for _, name := range []string{"PARTNERLENS_WATCH_ZONE", "PARTNERLENS_WATCH_EVERY", "PARTNERLENS_RETAIN_DAYS", "PARTNERLENS_CREDIT_LOW"} {
		i := slices.IndexFunc(c.Inputs.Environments, func(v keyValue) bool { return v.Key == name })
		// Parameters are called like settings: WatchZone is of PARTNERLENS_WATCH_ZONE.
		var parameter strings.Builder
		for _, word := range strings.Split(strings.TrimPrefix(name, "PARTNERLENS_"), "_") {
			parameter.WriteString(word[:1] + strings.ToLower(word[1:]))
		}
		found := regexp.MustCompile(`(?m)^  ` + parameter.String() + `:\n    Type: \w+\n    Default: "?([^"\n]+)"?$`).FindStringSubmatch(template)
		if i < 0 || found == nil || found[1] != c.Inputs.Environments[i].Value {
			t.Errorf("%s differs from template.yaml's default, %q", name, found)
		}
	}
}

// The pages that deploy say nothing that the code does not read, and the hour
// that serverless.yml does.
func TestDeployPagesNameWhatThereIs(t *testing.T) {
	t.Parallel()
	read := settingsRead(t)
	for _, name := range []string{"docs/deploy-tencent.md", "docs/deploy-huawei.md", "template.yaml", "Dockerfile", "CONTRIBUTING.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, named := range once(setting.FindAllString(string(text), -1)) {
			if !slices.Contains(read, named) {
				t.Errorf("%s names %s, which nothing reads", name, named)
			}
		}
	}
	c, err := readComponent(serverlessText(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, trigger := range c.Inputs.Triggers {
		for _, name := range []string{"docs/deploy-tencent.md", "docs/deploy-huawei.md"} {
			text, err := os.ReadFile(name)
			// FunctionGraph has no year.
			if want := strings.TrimSuffix(trigger.Parameters.CronExpression, " *"); err != nil || !strings.Contains(string(text), want) || !strings.Contains(string(text), trigger.Parameters.Argument) {
				t.Errorf("%s does not say %q and %s: %v", name, want, trigger.Parameters.Argument, err)
			}
		}
	}
}

// The policies are JSON with only the placeholders that the page fills in, and allow what the
// store and the secrets need and nothing that a customer could be harmed with.
func TestTencentPolicies(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("docs/deploy-tencent.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"policy.json", "trust.json"} {
		text, err := os.ReadFile(filepath.Join("deploy/tencent", name))
		if err != nil {
			t.Fatal(err)
		}
		var policy struct {
			Version   string
			Statement []struct {
				Effect    string
				Action    any
				Resource  []string
				Principal map[string]string
			}
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&policy); err != nil || policy.Version != "2.0" || len(policy.Statement) == 0 {
			t.Errorf("%s: %v", name, err)
		}
		for _, statement := range policy.Statement {
			if statement.Effect != "allow" || strings.Contains(fmt.Sprint(statement.Action), "*") || slices.Contains(statement.Resource, "*") {
				t.Errorf("%s allows too much: %v", name, statement)
			}
		}
		if !strings.Contains(string(page), "deploy/tencent/"+name) {
			t.Errorf("docs/deploy-tencent.md does not name deploy/tencent/%s", name)
		}
		for _, placeholder := range once(regexp.MustCompile(`\b[A-Z][A-Z_]{3,}\b`).FindAllString(string(text), -1)) {
			if !strings.Contains(string(page), "s/"+placeholder+"/") {
				t.Errorf("%s has %s, which docs/deploy-tencent.md does not fill in", name, placeholder)
			}
		}
	}
}

// The script that makes Function URLs asks for CAM by default, and makes
// the documented call.
func TestTencentURL(t *testing.T) {
	t.Parallel()
	run := func(args ...string) (string, int) {
		script := exec.Command("scripts/tencent-url.sh", args...)
		script.Env = []string{"PATH=" + t.TempDir() + ":/usr/bin:/bin"}
		out, _ := script.CombinedOutput()
		return string(out), script.ProcessState.ExitCode()
	}
	for _, test := range []struct {
		name   string
		args   []string
		status int
		want   []string
	}{
		{"both functions, behind CAM", []string{"--dry-run"}, 0, []string{
			`CreateTrigger --FunctionName partnerlens-credit --TriggerName partnerlens-credit-url --Type http --Qualifier \$DEFAULT --Enable OPEN --TriggerDesc \{\"AuthType\":\"CAM\"\,\"NetConfig\":\{\"EnableIntranet\":false\,\"EnableExtranet\":true\}\} --region ap-singapore`,
			"--FunctionName partnerlens-tags"}},
		{"open, only after a look at the function", []string{"--dry-run", "--auth", "NONE", "--region", "ap-tokyo", "one"}, 0, []string{
			"refused if this names PARTNERLENS_PLATFORM_AUTH:\ntccli scf GetFunction --FunctionName one --region ap-tokyo\ntccli scf CreateTrigger", `\"NONE\"`}},
		{"another word for open", []string{"--auth", "open"}, 2, []string{"CAM or NONE", "usage:"}},
		{"an option without its value", []string{"--region"}, 2, []string{"needs a value"}},
		{"an option that is none", []string{"--force"}, 2, []string{"not known"}},
	} {
		if out, status := run(test.args...); status != test.status || slices.ContainsFunc(test.want, func(want string) bool { return !strings.Contains(out, want) }) {
			t.Errorf("%s: status %d, %s", test.name, status, out)
		}
	}
}

// A URL that is open to every caller is not made for a function that assumes that
// CAM checks its callers, nor where that cannot be found out.
func TestTencentURLIsNotOpenedByMistake(t *testing.T) {
	t.Parallel()
	for name, tccli := range map[string]string{
		"believes":      `case "$2" in GetFunction) echo '{"Environment":{"Variables":[{"Key":"PARTNERLENS_PLATFORM_AUTH","Value":"scf-cam"}]}}' ;; esac`,
		"no answer":     `case "$2" in GetFunction) exit 255 ;; esac`,
		"is not closed": `case "$2" in GetFunction) echo '{"Environment":{"Variables":[]}}' ;; esac`,
	} {
		folder := t.TempDir()
		made := filepath.Join(folder, "made")
		if err := os.WriteFile(filepath.Join(folder, "tccli"), []byte("#!/bin/sh\n"+tccli+"\n[ \"$2\" != CreateTrigger ] || touch '"+made+"'\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		script := exec.Command("scripts/tencent-url.sh", "--auth", "NONE", "one")
		script.Env = []string{"PATH=" + folder + ":/usr/bin:/bin"}
		out, _ := script.CombinedOutput()
		_, err := os.Stat(made)
		if opened, want := err == nil, name == "is not closed"; opened != want || (script.ProcessState.ExitCode() == 0) != want {
			t.Errorf("%s: opened %t, %s", name, opened, out)
		}
	}
}

// Without an index CLS finds nothing: it has the fields that the page's alarms look for, which are
// fields of our log, and SCF's own ("Log Structure", Tencent Cloud docs, read November 2026).
func TestTencentLogsCanBeSearched(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("deploy/tencent/index.json")
	if err != nil {
		t.Fatal(err)
	}
	type value struct {
		Type, Tokenizer    string
		SqlFlag, ContainZH bool
	}
	var rule struct { // RuleInfo of CLS's API 2020-10-16
		FullText struct {
			CaseSensitive bool
			Tokenizer     string
			ContainZH     bool
		}
		KeyValue struct {
			CaseSensitive bool
			KeyValues     []struct {
				Key   string
				Value value
			}
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&rule); err != nil || rule.FullText.Tokenizer == "" {
		t.Fatal(err)
	}
	sources := shippedText(t)
	indexed := make(map[string]value)
	for _, field := range rule.KeyValue.KeyValues {
		if _, twice := indexed[field.Key]; twice {
			t.Errorf("%s is indexed twice", field.Key)
		}
		indexed[field.Key] = field.Value
		if !slices.Contains([]string{"text", "long", "double"}, field.Value.Type) || field.Value.Type != "text" && (field.Value.Tokenizer != "" || field.Value.ContainZH) {
			t.Errorf("%s: CLS does not accept %+v", field.Key, field.Value)
		}
		ours := !strings.HasPrefix(field.Key, "SCF_") && !slices.Contains([]string{"level", "msg"}, field.Key) // slog's
		if ours && !strings.Contains(sources, `"`+field.Key+`"`) {
			t.Errorf("%s is indexed, and nothing logs it", field.Key)
		}
	}
	text, err = os.ReadFile("docs/deploy-tencent.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for _, match := range regexp.MustCompile("(?m)^\\| `((?:msg|level):.*)` \\| ").FindAllStringSubmatch(page, -1) {
		query, analysis, _ := strings.Cut(match[1], `\|`)
		fields := regexp.MustCompile(`\b(\w+):`).FindAllStringSubmatch(query, -1)
		fields = append(fields, regexp.MustCompile(`\((?:coalesce\()?([a-z_]+)|group by (\w+)`).FindAllStringSubmatch(analysis, -1)...)
		for _, field := range fields {
			name := strings.Join(field[1:], "")
			if name != "coalesce" && !indexed[name].SqlFlag {
				t.Errorf("%s looks at %s, which the index does not have", match[1], name)
			}
		}
	}
	for _, name := range []string{"SCF_FunctionName", "SCF_Namespace", "SCF_StartTime", "SCF_LogTime", "SCF_RequestId", "SCF_Duration", "SCF_Alias", "SCF_Qualifier", "SCF_MemUsage", "SCF_Level", "SCF_Message", "SCF_Type", "SCF_StatusCode", "SCF_RetryNum", "age_s"} {
		if _, there := indexed[name]; !there {
			t.Errorf("%s is not indexed", name)
		}
	}
	made, deleted := strings.Index(page, "cls CreateTopic"), strings.Index(page, "cls DeleteTopic")
	if index := strings.Index(page, "cls CreateIndex"); made < 0 || index < made {
		t.Error("the page makes no index after the topic")
	}
	if deleted < 0 || strings.Index(page, "cls DeleteLogset") < deleted {
		t.Error("the page does not delete the topic before its logset, which is refused")
	}
}

// shippedText is everything of internal/ that is no test.
func shippedText(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	paths, err := filepath.Glob("internal/*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// cliTemplate is the form that Tencent's SCF CLI of 2020 reads (tcfcli/common/tcsam of the
// PyPI package scf 0.2.8), as far as the file uses it.
type cliTemplate struct {
	Globals struct {
		Function struct {
			Runtime, Type, CodeURI string
			MemorySize, Timeout    int
			Environment            struct{ Variables map[string]string }
		}
	}
	Resources struct {
		Default map[string]json.RawMessage
	}
}

type cliFunction struct {
	Type       string
	Properties struct {
		Description, Handler, Role string
		Events                     map[string]struct {
			Type       string
			Properties struct {
				CronExpression string
				Enable         bool
				Message        string
			}
		}
	}
}

// The CLI sets no variable that its template lacks, and scripts/scf-local.sh sets these.
var onlyInCLITemplate = map[string]string{
	"PARTNERLENS_TENCENT_ENDPOINT": tencent.DefaultEndpoint,
	"PARTNERLENS_HUAWEI_ENDPOINT":  huawei.DefaultEndpoint,
}

// What the SCF CLI runs on a laptop is what serverless.yml deploys.
func TestSCFCLITemplateIsServerless(t *testing.T) {
	t.Parallel()
	const file = "deploy/tencent/template.yaml"
	c, err := readComponent(serverlessText(t))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	var template cliTemplate
	decode := func(text []byte, into any) {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(into); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	decode(plain, &template)

	same := func(what string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %s is %v, serverless.yml has %v", file, what, got, want)
		}
	}
	global, in := template.Globals.Function, c.Inputs
	same("Runtime", global.Runtime, in.Runtime)
	same("Type", strings.ToLower(global.Type), in.Type)
	same("CodeUri", filepath.Join(filepath.Dir(file), global.CodeURI), filepath.Clean(in.Src.Src))
	variables := maps.Clone(global.Environment.Variables)
	for _, v := range in.Environments {
		same(v.Key, variables[v.Key], v.Value)
		delete(variables, v.Key)
	}
	for name, want := range onlyInCLITemplate {
		if variables[name] != want {
			t.Errorf("%s: %s is %q, want the default %q", file, name, variables[name], want)
		}
		delete(variables, name)
	}
	if len(variables) > 0 {
		t.Errorf("%s has variables that serverless.yml lacks: %v", file, variables)
	}

	same("the namespace", string(template.Resources.Default["Type"]), `"TencentCloud::Serverless::Namespace"`)
	same("the number of functions", len(template.Resources.Default)-1, len(in.Functions))
	for id, f := range in.Functions {
		text, there := template.Resources.Default[f.Name]
		if !there {
			t.Errorf("%s lacks %s", file, f.Name)
			continue
		}
		var got cliFunction
		decode(text, &got)
		same("Type", got.Type, "TencentCloud::Serverless::Function")
		same("Description", got.Properties.Description, f.Description)
		same("Handler", got.Properties.Handler, f.Handler)
		same("Role", got.Properties.Role, f.Role)
		same("MemorySize", global.MemorySize, f.MemorySize)
		same("Timeout", global.Timeout, f.Timeout)
		same("variables of "+id+" alone", len(f.Environment), 0)
		timers := 0
		for _, trigger := range in.Triggers {
			if trigger.Function != id {
				continue
			}
			timers++
			event := got.Properties.Events[trigger.Parameters.Name]
			same("Type of "+trigger.Parameters.Name, strings.ToLower(event.Type), trigger.Type)
			same("CronExpression", event.Properties.CronExpression, trigger.Parameters.CronExpression)
			same("Enable", event.Properties.Enable, trigger.Parameters.Enable)
			same("Message", event.Properties.Message, trigger.Parameters.Argument)
		}
		same("timers of "+id, len(got.Properties.Events), timers)
	}
}
