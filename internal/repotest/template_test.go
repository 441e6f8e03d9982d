package repotest

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oasdiff/yaml"
)

// cloudFormation is template.yaml. Its functions (!Ref, !Sub, !If) are read as
// what they are given.
type cloudFormation struct {
	Parameters map[string]struct {
		Type                  string
		Default               any
		AllowedPattern        string
		AllowedValues         []any
		MinValue, MaxValue    *float64
		Description           string
		ConstraintDescription string
	}
	Rules   map[string]any
	Globals struct {
		Function struct {
			Runtime       string
			Handler       string
			Architectures []string
			Timeout       int
			Environment   struct{ Variables map[string]any }
		}
	}
	Resources map[string]struct {
		Type      string
		Condition string
		Metadata  map[string]string

		DeletionPolicy, UpdateReplacePolicy string

		Properties json.RawMessage
	}
}

func readTemplate(t *testing.T) (template cloudFormation, text string) {
	t.Helper()
	data, err := os.ReadFile("template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := yaml.Unmarshal(data, &template, yaml.DecodeOpts{}); err != nil {
		t.Fatalf("template.yaml: %v", err)
	}
	return template, string(data)
}

// properties reads those of all resources of a kind, by name.
func properties[T any](t *testing.T, template cloudFormation, kind string) map[string]T {
	t.Helper()
	all := make(map[string]T)
	for name, resource := range template.Resources {
		if resource.Type != kind {
			continue
		}
		var p T
		if err := json.Unmarshal(resource.Properties, &p); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[name] = p
	}
	if len(all) == 0 {
		t.Fatalf("template.yaml has no %s", kind)
	}
	return all
}

func TestAWSFunctions(t *testing.T) {
	t.Parallel()
	template, text := readTemplate(t)
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	g := template.Globals.Function
	if g.Runtime != "provided.al2023" || g.Handler != "bootstrap" || g.Timeout != 900 {
		t.Errorf("Globals: %+v, want provided.al2023, bootstrap and 900 s", g)
	}
	if !slices.Equal(g.Architectures, []string{"Architecture"}) {
		t.Errorf("Globals: Architectures are %v, want the parameter Architecture", g.Architectures)
	}
	if want := "samconfig.mine.toml 2>/dev/null)," + template.Parameters["Architecture"].Default.(string) + ")\n"; !strings.Contains(string(makefile), want) {
		t.Errorf("Makefile builds for another architecture than template.yaml deploys: it has no line %q", want)
	}

	type function struct {
		FunctionName      string
		FunctionUrlConfig struct{ AuthType string }
		Environment       struct{ Variables map[string]any }
	}
	read := settingsRead(t)
	functions := properties[function](t, template, "AWS::Serverless::Function")
	for name, f := range functions {
		folder := strings.ToLower(strings.TrimSuffix(name, "Function"))
		if _, err := os.Stat(filepath.Join("functions", folder, "main.go")); err != nil {
			t.Errorf("%s: there is no functions/%s", name, folder)
		}
		if template.Resources[name].Metadata["BuildMethod"] != "makefile" || !strings.Contains(string(makefile), "build-"+name+": function = "+folder+"\n") {
			t.Errorf("Makefile has no target build-%s for functions/%s", name, folder)
		}
		if f.FunctionUrlConfig.AuthType != "AWS_IAM" {
			t.Errorf("%s: its URL is open to every caller", name)
		}
		if !strings.HasSuffix(f.FunctionName, "-"+folder) {
			t.Errorf("%s is called %s; the dashboard and the log groups want -%s at the end", name, f.FunctionName, folder)
		}
		for setting := range f.Environment.Variables {
			if !slices.Contains(read, setting) {
				t.Errorf("%s sets %s, which nothing reads", name, setting)
			}
		}
	}
	entries, err := os.ReadDir("functions")
	if err != nil {
		t.Fatal(err)
	}
	folders := slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return !e.IsDir() })
	if len(functions) != len(folders) {
		t.Errorf("template.yaml has %d functions, functions/ %d", len(functions), len(folders))
	}
	for setting := range g.Environment.Variables {
		if !slices.Contains(read, setting) {
			t.Errorf("Globals set %s, which nothing reads", setting)
		}
	}
	for _, name := range once(setting.FindAllString(text, -1)) {
		if !slices.Contains(read, name) {
			t.Errorf("template.yaml names %s, which nothing reads", name)
		}
	}
}

// A wrong parameter, or a missing one, is refused with a text that says
// what to write. CloudFormation matches the whole value.
func TestAWSParametersSayWhatToWrite(t *testing.T) {
	t.Parallel()
	template, _ := readTemplate(t)
	for name, p := range template.Parameters {
		bounded := p.AllowedPattern != "" || len(p.AllowedValues) > 0 || p.MinValue != nil && p.MaxValue != nil
		if !bounded || !strings.HasPrefix(p.ConstraintDescription, "write ") || p.Description == "" {
			t.Errorf("%s accepts any value, or does not say what to write instead of a wrong value", name)
		}
		if p.Default == nil {
			t.Errorf("%s has no default", name)
		}
		if p.AllowedPattern != "" && !regexp.MustCompile("^(?:"+p.AllowedPattern+")$").MatchString(p.Default.(string)) {
			t.Errorf("%s: its default %q is not what it allows", name, p.Default)
		}
		if len(p.AllowedValues) > 0 && !slices.Contains(p.AllowedValues, p.Default) {
			t.Errorf("%s: its default %v is not among %v", name, p.Default, p.AllowedValues)
		}
	}
	for _, rule := range []string{"HasVendor", "AlarmReceiver", "AlertReceiver", "RunsBucket"} {
		if template.Rules[rule] == nil {
			t.Errorf("there is no rule %s", rule)
		}
	}
	for name, values := range map[string]map[string]bool{
		"TencentSecret":   {"partnerlens/tencent": true, "": false, "arn:aws:secretsmanager:eu-central-1:123456789012:secret:a-abcdef": false, "aws-sm:partnerlens/tencent": false},
		"AlarmEmail":      {"ops@example.com": true, "": true, "ops": false, "a b@example.com": false},
		"AlarmTopicArn":   {"arn:aws:sns:eu-central-1:123456789012:ops": true, "ops": false},
		"CreditLow":       {"10%": true, "250.00": true, "10 %": false, "-1": false, "low": false},
		"Schedule":        {"cron(5 9 * * ? *)": true, "rate(1 hour)": true, "5 9 * * *": false},
		"ScheduleZone":    {"Asia/Shanghai": true, "UTC": true, "+08:00": false},
		"WatchZone":       {"+08:00": true, "Asia/Shanghai": false},
		"ExistingBucket":  {"": true, "partnerlens-runs": true, "s3://partnerlens-runs": false, "has.dots": false},
		"TencentAccounts": {"all": true, "north,south": true, "north, south": false},
		"TencentEndpoint": {"https://intlpartnersmgt.tencentcloudapi.com": true, "http://example.com": false, "example.com": false},
		"TencentRate":     {"": true, "3": true, "60%": true, "-1": false, "2.5": false, "all": false},
		"HuaweiRate":      {"": true, "0": true, "100": true, "60%": true, "0%": false, "160%": false},
		"Concurrency":     {"1": true, "10": true, "none": true, "0": false, "": false},
	} {
		pattern := regexp.MustCompile("^(?:" + template.Parameters[name].AllowedPattern + ")$")
		for value, want := range values {
			if got := pattern.MatchString(value); got != want {
				t.Errorf("%s accepts %q: %t, want %t", name, value, got, want)
			}
		}
	}
}

// A stack sets a rate only if its parameter does: each function works at the vendor's
// limit, and concurrent ones share it.
func TestAWSFunctionsWorkAtTheLimit(t *testing.T) {
	t.Parallel()
	template, _ := readTemplate(t)
	type function struct {
		Environment struct{ Variables map[string]any }
	}
	functions := properties[function](t, template, "AWS::Serverless::Function")
	for cloud, name := range map[string]string{"Tencent": "CreditFunction", "Huawei": "TagsFunction"} {
		rate := functions[name].Environment.Variables["PARTNERLENS_"+strings.ToUpper(cloud)+"_RATE"]
		if want := []any{"Sets" + cloud + "Rate", cloud + "Rate", "AWS::NoValue"}; !reflect.DeepEqual(rate, want) || template.Parameters[cloud+"Rate"].Default != "" {
			t.Errorf("%s: the rate is %v with %q, want %v with an empty parameter", name, rate, template.Parameters[cloud+"Rate"].Default, want)
		}
	}
}

// The schedules send what internal/app/run.go accepts for the watch.
func TestAWSSchedulesAskForTheWatch(t *testing.T) {
	t.Parallel()
	template, _ := readTemplate(t)
	type schedule struct {
		ScheduleExpression string
		Target             struct {
			Input            string
			RetryPolicy      struct{ MaximumRetryAttempts int }
			DeadLetterConfig struct{ Arn string }
		}
	}
	for name, s := range properties[schedule](t, template, "AWS::Scheduler::Schedule") {
		var asked map[string]string
		input := strings.ReplaceAll(s.Target.Input, "<aws.scheduler.scheduled-time>", "2026-11-22T01:05:00Z")
		if err := json.Unmarshal([]byte(input), &asked); err != nil {
			t.Errorf("%s: Input is no JSON: %v", name, err)
			continue
		}
		if _, err := time.Parse(time.RFC3339, asked["scheduled_time"]); err != nil || asked["watch"] != "now" || len(asked) != 2 {
			t.Errorf("%s: Input is %s", name, s.Target.Input)
		}
		if s.Target.RetryPolicy.MaximumRetryAttempts == 0 || s.Target.DeadLetterConfig.Arn == "" {
			t.Errorf("%s: a call that is not delivered would be lost", name)
		}
	}
	run, err := os.ReadFile("internal/app/run.go")
	if err != nil {
		t.Fatal(err)
	}
	machine, err := os.ReadFile("statemachine.asl.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range []string{"watch", "scheduled_time", "account"} {
		if !strings.Contains(string(run), `= "`+member+`"`) || !strings.Contains(string(machine), `"`+member+`":`) {
			t.Errorf("internal/app/run.go or statemachine.asl.json does not know %s", member)
		}
	}
}

// The fields and states that metrics are made from are those of the log.
func TestAWSMetricsAreOfOurLog(t *testing.T) {
	t.Parallel()
	template, _ := readTemplate(t)
	var sources strings.Builder
	for _, path := range []string{"internal/app/watch.go", "internal/watch/job.go", "internal/host/invoke.go"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sources.Write(text)
	}
	type filter struct {
		FilterPattern         string
		MetricTransformations []struct{ MetricName, MetricValue string }
	}
	made := make(map[string]bool)
	word := regexp.MustCompile(`\$\.(\w+) !?= "([^"]*)"`)
	for name, f := range properties[filter](t, template, "AWS::Logs::MetricFilter") {
		made[f.MetricTransformations[0].MetricName] = true
		if field, ok := strings.CutPrefix(f.MetricTransformations[0].MetricValue, "$."); ok && !strings.Contains(sources.String(), `"`+field+`"`) {
			t.Errorf("%s matches %s, which nothing logs", name, field)
		}
		for _, match := range word.FindAllStringSubmatch(f.FilterPattern, -1) {
			switch match[1] {
			case "msg", "state":
				if !strings.Contains(sources.String(), `"`+match[2]+`"`) {
					t.Errorf("%s looks for %s %s, which nothing logs", name, match[1], match[2])
				}
			case "level":
			default:
				t.Errorf("%s looks at %s", name, match[1])
			}
		}
	}
	type alarm struct {
		AlarmDescription      string
		Namespace, MetricName string
		TreatMissingData      string
		AlarmActions          any
	}
	for name, a := range properties[alarm](t, template, "AWS::CloudWatch::Alarm") {
		if strings.HasPrefix(a.Namespace, "partnerlens/") && !made[a.MetricName] {
			t.Errorf("%s is of %s, which no filter makes", name, a.MetricName)
		}
		if a.AlarmDescription == "" || a.AlarmActions == nil || a.TreatMissingData == "" {
			t.Errorf("%s notifies no topic, or has no description", name)
		}
	}
}

// The dashboard is JSON, and each of its metrics of ours is made by a filter.
func TestAWSDashboard(t *testing.T) {
	t.Parallel()
	template, text := readTemplate(t)
	type dashboard struct{ DashboardBody []any }
	for name, d := range properties[dashboard](t, template, "AWS::CloudWatch::Dashboard") {
		var body struct {
			Widgets []struct {
				Type       string
				Properties struct{ Metrics [][]any }
			}
		}
		if err := json.Unmarshal([]byte(d.DashboardBody[0].(string)), &body); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, widget := range body.Widgets {
			for _, metric := range widget.Properties.Metrics {
				if space, ok := metric[0].(string); ok && strings.HasPrefix(space, "partnerlens/") && !strings.Contains(text, "MetricName: "+metric[1].(string)) {
					t.Errorf("%s shows %v, which no filter makes", name, metric[1])
				}
			}
		}
	}
}

// Each role reads and writes its own function's objects and no others.
func TestAWSRolesAreNarrow(t *testing.T) {
	t.Parallel()
	_, text := readTemplate(t)
	for _, wide := range []string{"Action: \"*\"", "Resource: \"*\"", "AWSLambdaBasicExecutionRole", "FullAccess", "AdministratorAccess", "secret:*"} {
		if strings.Contains(text, wide) {
			t.Errorf("template.yaml allows %s", wide)
		}
	}
	template, _ := readTemplate(t)
	for function, other := range map[string]string{"Credit": "tags", "Tags": "credit"} {
		role := string(template.Resources[function+"Role"].Properties)
		if !strings.Contains(role, "/runs/"+strings.ToLower(function)+"/*") || strings.Contains(role, "/runs/"+other+"/*") {
			t.Errorf("%sRole may reach other runs than its own", function)
		}
		for _, object := range []string{"/store.json", "/${Object}"} { // of the store; of its owners
			if !strings.Contains(role, object) {
				t.Errorf("%sRole may not read %s", function, object)
			}
		}
		if secret := map[string]string{"Credit": "HuaweiSecret", "Tags": "TencentSecret"}[function]; strings.Contains(role, secret) {
			t.Errorf("%sRole may read %s", function, secret)
		}
	}
	for _, want := range []string{"BlockPublicAcls: true", "BlockPublicPolicy: true", "IgnorePublicAcls: true", "RestrictPublicBuckets: true", "SSEAlgorithm: AES256", "aws:SecureTransport", "AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 }"} {
		if !strings.Contains(text, want) {
			t.Errorf("the bucket lacks %s", want)
		}
	}
}

// docs/deploy-aws.md: its names are the template's, its quoted messages ours. (functions/pages_test.go
// runs its commands.)
func TestDeployAWSPage(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("docs/deploy-aws.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	template, text := readTemplate(t)
	for _, match := range regexp.MustCompile(`\b([A-Z][a-z][A-Za-z]+)=[^=]`).FindAllStringSubmatch(page, -1) {
		if _, ok := template.Parameters[match[1]]; !ok {
			t.Errorf("the page sets %s, which is no parameter", match[1])
		}
	}
	for name := range template.Parameters {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("the page does not name the parameter %s", name)
		}
	}
	for _, name := range once(setting.FindAllString(page, -1)) {
		if !slices.Contains(settingsRead(t), name) {
			t.Errorf("the page names %s, which nothing reads", name)
		}
	}
	for _, match := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|.*\\| (ours|the template's) \\|").FindAllStringSubmatch(page, -1) {
		if match[2] == "the template's" {
			if !strings.Contains(text, match[1]) {
				t.Errorf("template.yaml does not say %q", match[1])
			}
		} else if !said(t, match[1]) {
			t.Errorf("nothing in internal/ or pkg/ says %q", match[1])
		}
	}
}

// said reports whether a text is in the shipped code.
func said(t *testing.T, text string) bool {
	t.Helper()
	found := false
	for _, root := range []string{"internal", "pkg"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || found || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			data, err := os.ReadFile(path)
			found = found || strings.Contains(string(data), text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}
