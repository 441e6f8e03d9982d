package repotest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// holds evaluates a rule of template.yaml as CloudFormation does: !And, !Or and !Not of !Equals.
func holds(t *testing.T, rule string, set map[string]string) bool {
	t.Helper()
	tokens := regexp.MustCompile(`!\w+|\[|\]|,|"[^"]*"|\w+`).FindAllString(rule, -1)
	var value func() any
	value = func() any {
		token := tokens[0]
		tokens = tokens[1:]
		if token == "!Ref" {
			name := tokens[0]
			tokens = tokens[1:]
			given, there := set[name]
			if !there {
				t.Fatalf("%s refers to %s", rule, name)
			}
			return given
		}
		if !strings.HasPrefix(token, "!") {
			return strings.Trim(token, `"`)
		}
		var of []any
		for tokens[0] != "]" {
			tokens = tokens[1:] // the bracket or the comma before it
			of = append(of, value())
		}
		tokens = tokens[1:]
		switch token {
		case "!Equals":
			return of[0] == of[1]
		case "!Not":
			return of[0] == false
		case "!And":
			return !slices.Contains(of, any(false))
		case "!Or":
			return slices.Contains(of, any(true))
		}
		t.Fatalf("%s: %s is not known here", rule, token)
		return nil
	}
	return value() == true
}

// Parameters that would be ignored, or fail only once the functions run, are refused
// before anything is made, and the refusal says what to change.
func TestAWSRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	template, text := readTemplate(t)
	assertions := regexp.MustCompile(`(?m)^      - Assert: (.*)\n        AssertDescription: "(.*)"$`).FindAllStringSubmatch(text, -1)
	if len(assertions) != strings.Count(text, "Assert:") {
		t.Fatalf("%d of %d assertions can be read here", len(assertions), strings.Count(text, "Assert:"))
	}
	for name, test := range map[string]struct {
		set  map[string]string
		says string
	}{
		"the least":                         {map[string]string{"AlarmEmail": "ops@example.com"}, ""},
		"both clouds off":                   {map[string]string{"AlarmEmail": "ops@example.com", "Tencent": "off", "Huawei": "off"}, "Tencent and Huawei"},
		"no address":                        {nil, "set AlarmEmail"},
		"two topics for failures":           {map[string]string{"AlarmEmail": "ops@example.com", "AlarmTopicArn": "arn"}, "beside AlarmTopicArn"},
		"mail of customers":                 {map[string]string{"AlarmTopicArn": "arn", "AlertEmail": "sales@example.com"}, ""},
		"mail beside the secret":            {map[string]string{"AlarmTopicArn": "arn", "AlertEmail": "sales@example.com", "AlertsSecret": "partnerlens/alerts"}, "beside AlertsSecret"},
		"the secret, with a topic":          {map[string]string{"AlarmTopicArn": "arn", "AlertsSecret": "partnerlens/alerts", "AlertTopicArn": "arn"}, ""},
		"a topic that nothing publishes to": {map[string]string{"AlarmTopicArn": "arn", "AlertTopicArn": "arn"}, "AlertsSecret, which is not set"},
		"a bucket elsewhere":                {map[string]string{"AlarmTopicArn": "arn", "ExistingBucket": "runs", "ExistingBucketRegion": "us-east-1"}, ""},
		"the region of no bucket":           {map[string]string{"AlarmTopicArn": "arn", "ExistingBucketRegion": "us-east-1"}, "ExistingBucket, which is not set"},
	} {
		set := make(map[string]string)
		for parameter, p := range template.Parameters {
			set[parameter], _ = p.Default.(string)
		}
		for parameter, value := range test.set {
			set[parameter] = value
		}
		var said []string
		for _, assertion := range assertions {
			if !holds(t, assertion[1], set) {
				said = append(said, assertion[2])
			}
		}
		if got := strings.Join(said, "; "); (got == "") != (test.says == "") || len(said) > 1 || !strings.Contains(got, test.says) {
			t.Errorf("%s: said %q, want something of %q", name, got, test.says)
		}
	}
}

// A topic that docs/alerts.md lets a channel name may be published to by any owner.
func TestAWSRolesMayPublish(t *testing.T) {
	t.Parallel()
	template, _ := readTemplate(t)
	for _, role := range []string{"CreditRole", "TagsRole"} {
		if text := string(template.Resources[role].Properties); !regexp.MustCompile(`"HasAlertTopic",\{[^{}]*"Action":"sns:Publish"[^{}]*"Resource":"AlertTopicArn"`).MatchString(text) {
			t.Errorf("%s may not publish to AlertTopicArn: %s", role, text)
		}
	}
}

// What `sam deploy --guided` keeps goes into a file that git does not see: a changed
// tree would be in the version of every later build.
func TestAWSAnswersAreKeptOutOfGit(t *testing.T) {
	t.Parallel()
	const own = "samconfig.mine.toml"
	if out, err := exec.Command("git", "check-ignore", own).CombinedOutput(); err != nil {
		t.Errorf("git does not ignore %s: %v %s", own, err, out)
	}
	guided := regexp.MustCompile("`?sam deploy --guided[^`\n]*").FindAllString(page(t, "deploy-aws.md"), -1)
	if len(guided) == 0 {
		t.Error("the page has no sam deploy --guided")
	}
	for _, line := range guided {
		if !strings.HasSuffix(line, " --config-file "+own) {
			t.Errorf("%s writes into a file of the tree", line)
		}
	}
	if tracked, err := os.ReadFile("samconfig.toml"); err != nil || strings.Contains(string(tracked), "parameter_overrides") {
		t.Errorf("samconfig.toml has parameters of one deployment: %v", err)
	}

	// Makefile builds for the architecture among the answers.
	makefile, err := filepath.Abs("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for answers, want := range map[string]string{"": "GOARCH=arm64 ", `parameter_overrides = "Tencent=\"one\" Architecture=\"x86_64\" Memory=\"512\""`: "GOARCH=amd64 "} {
		folder := t.TempDir()
		if answers != "" {
			if err := os.WriteFile(filepath.Join(folder, own), []byte(answers+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		build := exec.Command("make", "-n", "-C", folder, "-f", makefile, "build-CreditFunction", "ARTIFACTS_DIR=x")
		build.Env = []string{"PATH=" + os.Getenv("PATH")}
		out, err := build.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("with %q: %v %s", answers, err, out)
		}
	}
}
