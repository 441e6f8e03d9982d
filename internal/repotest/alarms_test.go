package repotest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// matches reports whether a CloudWatch filter pattern of the kind in template.yaml
// matches a line: comparisons of $.field in brackets, joined by && and ||.
func matches(t *testing.T, pattern string, line map[string]any) bool {
	t.Helper()
	tokens := regexp.MustCompile(`[{}()]|&&|\|\||\$\.\w+|[!><]?=|"[^"]*"|[\d.]+|\S+`).FindAllString(pattern, -1)
	next := func() string {
		if len(tokens) == 0 {
			t.Fatalf("%s ends too soon", pattern)
		}
		token := tokens[0]
		tokens = tokens[1:]
		return token
	}
	var either func() bool
	one := func() bool {
		token := next()
		if token == "(" {
			ok := either()
			if got := next(); got != ")" {
				t.Fatalf("%s: %s where a bracket closes", pattern, got)
			}
			return ok
		}
		name, isField := strings.CutPrefix(token, "$.")
		if !isField {
			t.Fatalf("%s: %s is no field", pattern, token)
		}
		value, there := line[name]
		operator := next()
		want := next()
		if text, isText := strings.CutPrefix(want, `"`); isText {
			equal := there && value == strings.TrimSuffix(text, `"`)
			return map[string]bool{"=": equal, "!=": there && !equal}[operator]
		}
		least, err := strconv.ParseFloat(want, 64)
		if err != nil || operator != ">=" {
			t.Fatalf("%s: %s %s is not known here", pattern, operator, want)
		}
		number, isNumber := value.(float64)
		return isNumber && number >= least
	}
	all := func() bool {
		ok := one()
		for len(tokens) > 0 && tokens[0] == "&&" {
			next()
			ok = one() && ok
		}
		return ok
	}
	either = func() bool {
		ok := all()
		for len(tokens) > 0 && tokens[0] == "||" {
			next()
			ok = all() || ok
		}
		return ok
	}
	if next() != "{" {
		t.Fatalf("%s is no pattern for JSON", pattern)
	}
	ok := either()
	if next() != "}" || len(tokens) > 0 {
		t.Fatalf("%s goes on", pattern)
	}
	return ok
}

// ringing are the alarms that go off at what the functions log within one period:
// the template's filters make numbers of it, its alarms look at them.
func ringing(t *testing.T, log string) (names []string) {
	t.Helper()
	template, _ := readTemplate(t)
	type filter struct {
		LogGroupName          string
		FilterPattern         string
		MetricTransformations []struct{ MetricName, MetricValue string }
	}
	numbers := make(map[string][]float64)
	for text := range strings.Lines(log) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		for name, f := range properties[filter](t, template, "AWS::Logs::MetricFilter") {
			if f.LogGroupName != "CreditLog" || !matches(t, f.FilterPattern, line) {
				continue
			}
			made := f.MetricTransformations[0]
			value, err := strconv.ParseFloat(made.MetricValue, 64)
			if field, ok := strings.CutPrefix(made.MetricValue, "$."); ok {
				value, ok = line[field].(float64)
				if !ok {
					t.Fatalf("%s matches a line without a number %s", name, field)
				}
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			numbers[made.MetricName] = append(numbers[made.MetricName], value)
		}
	}
	type alarm struct {
		AlarmName, MetricName, Statistic, ComparisonOperator, TreatMissingData string
		Threshold                                                              any
	}
	// Of a daily watch: the template chooses by !If [EveryHour, an hourly watch's, a daily one's].
	daily := func(value any) float64 {
		if choice, ok := value.([]any); ok && len(choice) == 3 && choice[0] == "EveryHour" {
			value = choice[2]
		}
		return value.(float64)
	}
	for name, a := range properties[alarm](t, template, "AWS::CloudWatch::Alarm") {
		values, there := numbers[a.MetricName]
		if !there {
			if strings.HasPrefix(a.MetricName, "Credit") && a.TreatMissingData == "breaching" {
				names = append(names, a.AlarmName)
			}
			continue
		}
		var got float64
		switch a.Statistic {
		case "Maximum":
			got = slices.Max(values)
		case "SampleCount":
			got = float64(len(values))
		case "Sum":
			for _, value := range values {
				got += value
			}
		default:
			t.Fatalf("%s: %s is not known here", name, a.Statistic)
		}
		threshold := daily(a.Threshold)
		if map[string]bool{"GreaterThanThreshold": got > threshold, "GreaterThanOrEqualToThreshold": got >= threshold, "LessThanThreshold": got < threshold}[a.ComparisonOperator] {
			names = append(names, a.AlarmName)
		}
	}
	return once(names)
}

func watchedLine(account, state, more string) string {
	level := "INFO"
	if state == "failed" || state == "incomplete" {
		level = "ERROR"
	}
	return fmt.Sprintf(`{"level":%q,"msg":"watched","function":"credit","account":%q,"state":%q%s}`+"\n", level, account, state, more)
}

// No account hides behind another that does well, whatever happens to it.
func TestAWSAlarmsSeeEachAccount(t *testing.T) {
	t.Parallel()
	well := watchedLine("north", "done", `,"age_s":42`)
	const missing, notDone, errorLines, notWatched = "${AWS::StackName} credit run missing", "${AWS::StackName} runs not done", "${AWS::StackName} error lines", "${AWS::StackName} credit not watched"
	const undelivered = "${AWS::StackName} notifications undelivered"
	for _, test := range []struct {
		name, log string
		want      []string
	}{
		{"both do well", well + watchedLine("south", "already", `,"age_s":2700`), nil},
		{"the first call of a large store", well + watchedLine("south", "going_on", `,"age_s":86400`), nil},
		{"one has gone on for three days", well + watchedLine("south", "going_on", `,"age_s":259200`), []string{missing}},
		{"the first run of a large store", well + watchedLine("south", "going_on", `,"age_s":0`), nil},
		{"one failed once", well + watchedLine("south", "failed", `,"age_s":86400,"code":"unavailable"`), nil},
		{"one failed again and again", well + strings.Repeat(watchedLine("south", "failed", `,"age_s":97200,"code":"denied"`), 2), []string{missing, notDone}},
		{"the accounts cannot be read", strings.Repeat(watchedLine("all", "failed", `,"code":"misconfigured"`), 4), []string{notWatched, notDone}},
		{"one lacks a digest", well + watchedLine("south", "done", `,"age_s":3,"undelivered":2`) + watchedLine("west", "done", `,"age_s":3,"undelivered":0`), []string{undelivered}},
		{"nothing is lacking", well + watchedLine("south", "already", `,"age_s":3,"undelivered":0`), nil},
		{"one is held", well + strings.Repeat(watchedLine("south", "held", `,"age_s":86400`), 2), []string{notDone}},
		{"one is not proven", well + strings.Repeat(watchedLine("south", "unproven", `,"age_s":86400`), 8), nil},
		{"no call", "", []string{notWatched}},
		{"a delivery failed", well + `{"level":"ERROR","msg":"delivery failed"}` + "\n", []string{errorLines}},
		{"the vendor could not be reached at a question", well + `{"level":"WARN","msg":"request failed","code":"unavailable"}` + "\n", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			slices.Sort(test.want)
			if got := ringing(t, test.log); !slices.Equal(got, test.want) {
				t.Errorf("%q rings, want %q", got, test.want)
			}
		})
	}
}

// docs/operate.md says of each alarm what to do, docs/deploy-aws.md when it rings.
func TestAWSAlarmsAreExplained(t *testing.T) {
	t.Parallel()
	template, _ := readTemplate(t)
	all := properties[struct{ AlarmName string }](t, template, "AWS::CloudWatch::Alarm")
	for _, a := range all {
		name := strings.TrimPrefix(a.AlarmName, "${AWS::StackName} ")
		if !strings.Contains(page(t, "operate.md"), "`"+name+"`") {
			t.Errorf("docs/operate.md does not say what to do about %s", name)
		}
		short := regexp.MustCompile("^(credit|tags) ").ReplaceAllString(name, "")
		if !regexp.MustCompile("(?m)^\\| .*`(… |credit |tags )?" + short + "`").MatchString(page(t, "deploy-aws.md")) {
			t.Errorf("docs/deploy-aws.md does not say when %s rings", name)
		}
	}
	if n := len(all); !strings.Contains(page(t, "deploy-aws.md"), fmt.Sprintf("| 0.10 each | %d → ", n)) {
		t.Errorf("docs/deploy-aws.md does not count %d alarms in what it costs", n)
	}
}
