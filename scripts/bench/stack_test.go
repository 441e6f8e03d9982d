package bench

import (
	"encoding/json"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	yaml "github.com/oasdiff/yaml3"

	"partnerlens/internal/emulator"
	"partnerlens/internal/simulator"
)

const (
	// The last of 100 pages is not full, and so shows the end.
	pacedCustomers = 9990
	pacedPages     = 100
	pacedLimit     = 5
)

// BenchmarkStack reports how long a function of template.yaml takes to finish a
// run that works alone: the artefact for Lambda, with the environment of a stack
// whose parameters have their defaults, under a limit of 5 calls a second for each
// API.
func BenchmarkStack(b *testing.B) {
	const most = 1.05
	paced := func(pages int) time.Duration {
		return time.Duration((pages+pacedLimit-1)/pacedLimit-1)*time.Second + calm.call
	}
	for _, test := range []struct {
		function, resource, endpoint string
		floor                        time.Duration
	}{
		{"credit", "CreditFunction", "TencentEndpoint", paced(pacedPages)},
		// Each page of tags but the first begins with the last row of the one before.
		// The list of customers follows, and then a query by id.
		{"tags", "TagsFunction", "HuaweiEndpoint", paced(pacedPages+1) + paced(pacedPages) + calm.call},
	} {
		b.Run(test.function, func(b *testing.B) {
			binary := filepath.Join(b.TempDir(), test.function)
			build(b, "partnerlens/functions/"+test.function, binary)
			for b.Loop() {
				up := serve(b, simulator.Options{Customers: pacedCustomers, Rate: pacedLimit, Secrets: map[string]string{
					"partnerlens/tencent": `{"secret_id":"` + simulator.KeyID + `","secret_key":"` + simulator.KeySecret + `"}`,
					"partnerlens/huawei":  `{"ak":"` + simulator.KeyID + `","sk":"` + simulator.KeySecret + `"}`,
				}, There: calm.there, Back: calm.back})
				stack := readStack(b, map[string]string{test.endpoint: up.url, "Bucket": "partnerlens", "AlertTopic": "arn:aws:sns:us-east-1:123456789012:alerts"})
				env := stack.environment(test.resource)
				store := b.TempDir()
				env["PARTNERLENS_STORE"] = "file://" + store // for the bucket
				delete(env, "PARTNERLENS_ALERTS")            // whose topic is not here
				maps.Copy(env, map[string]string{            // the role's key, and where the secrets are
					"AWS_ACCESS_KEY_ID": simulator.KeyID, "AWS_SECRET_ACCESS_KEY": simulator.KeySecret,
					"AWS_ENDPOINT_URL_SECRETS_MANAGER": up.url,
				})
				took, finish := watchOnce(b, binary, env, stack.timeout(), store)
				calls := up.Calls()
				refused := calls.Credit.Limited + calls.Tags.Limited + calls.SubCustomers.Limited
				b.ReportMetric(float64(refused), "refused")
				b.ReportMetric(finish.Seconds()*1000, "finish-ms")
				reportRatio(b, took-finish, test.floor, most)
			}
		})
	}
}

// watchOnce returns how long an artefact takes on Lambda from its start until it
// has finished a run, and how much of it is after the last customer was read: the
// run is then compared and written.
func watchOnce(b *testing.B, binary string, env map[string]string, timeout time.Duration, store string) (took, finish time.Duration) {
	b.Helper()
	var variables []string
	for name, value := range env {
		variables = append(variables, name+"="+value)
	}
	start := time.Now()
	result, err := emulator.Lambda(b.Context(), emulator.Options{
		Binary: binary, Env: variables, Timeout: timeout,
		Invocations: []emulator.Invocation{{Event: []byte(`{"watch":"now"}`)}},
	})
	took = time.Since(start)
	if err != nil {
		b.Fatal(err)
	}
	var watched struct {
		Complete bool
		Accounts []struct {
			Count    int
			Manifest string
		}
	}
	answer := result.Answers[0]
	if answer.Failure != nil {
		b.Fatalf("the invocation failed: %v\n%s", answer.Failure, result.Output)
	}
	if err := json.Unmarshal(answer.Payload, &watched); err != nil || !watched.Complete || len(watched.Accounts) != 1 || watched.Accounts[0].Count != pacedCustomers {
		b.Fatalf("the run is not one of %d customers, finished: %v, %s\n%s", pacedCustomers, err, answer.Payload, result.Output)
	}
	var manifest struct {
		ReadMS   int64 `json:"read_ms"`
		FinishMS int64 `json:"finish_ms"`
	}
	text, err := os.ReadFile(filepath.Join(store, watched.Accounts[0].Manifest))
	if err == nil {
		err = json.Unmarshal(text, &manifest)
	}
	if err != nil {
		b.Fatal(err)
	}
	return took, time.Duration(manifest.FinishMS) * time.Millisecond
}

// stack is template.yaml with values for its parameters and resources. It knows
// the functions of CloudFormation that the settings of a function use.
type stack struct {
	b      *testing.B
	root   *yaml.Node
	values map[string]string // what Ref returns
}

// readStack reads template.yaml. A parameter without a value has its default.
func readStack(b *testing.B, values map[string]string) *stack {
	b.Helper()
	text, err := os.ReadFile("../../template.yaml")
	if err != nil {
		b.Fatal(err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		b.Fatalf("template.yaml: %v", err)
	}
	s := &stack{b, document.Content[0], map[string]string{"AWS::Region": "us-east-1"}}
	for name := range members(s.at("Parameters")) {
		s.values[name] = s.at("Parameters", name, "Default").Value
	}
	maps.Copy(s.values, values)
	return s
}

// members iterates over a mapping.
func members(n *yaml.Node) iter.Seq2[string, *yaml.Node] {
	return func(yield func(string, *yaml.Node) bool) {
		for pair := range slices.Chunk(n.Content, 2) {
			if !yield(pair[0].Value, pair[1]) {
				return
			}
		}
	}
}

// at returns the node at a path of names.
func (s *stack) at(path ...string) *yaml.Node {
	s.b.Helper()
	n := s.root
	for _, name := range path {
		of := maps.Collect(members(n))
		if n = of[name]; n == nil {
			s.b.Fatalf("template.yaml has no %s", strings.Join(path, "."))
		}
	}
	return n
}

// timeout returns the time limit of the functions.
func (s *stack) timeout() time.Duration {
	s.b.Helper()
	seconds, err := strconv.Atoi(s.at("Globals", "Function", "Timeout").Value)
	if err != nil {
		s.b.Fatal(err)
	}
	return time.Duration(seconds) * time.Second
}

// environment returns the variables of a function.
func (s *stack) environment(function string) map[string]string {
	s.b.Helper()
	env := map[string]string{}
	for _, path := range [][]string{{"Globals", "Function"}, {"Resources", function, "Properties"}} {
		for name, n := range members(s.at(append(path, "Environment", "Variables")...)) {
			if value, set := s.value(n); set {
				env[name] = value
			}
		}
	}
	return env
}

// value evaluates a text; set is false for AWS::NoValue.
func (s *stack) value(n *yaml.Node) (value string, set bool) {
	s.b.Helper()
	switch n.Tag {
	case "!!str":
		return n.Value, true
	case "!Ref":
		value, set = s.values[n.Value]
		if !set && n.Value != "AWS::NoValue" {
			s.b.Fatalf("template.yaml, line %d: %s has no value here", n.Line, n.Value)
		}
		return value, set
	case "!If":
		if s.holds(s.at("Conditions", n.Content[0].Value)) {
			return s.value(n.Content[1])
		}
		return s.value(n.Content[2])
	case "!Sub":
		text, values := n, maps.Clone(s.values)
		if n.Kind == yaml.SequenceNode {
			text = n.Content[0]
			for name, n := range members(n.Content[1]) {
				values[name], _ = s.value(n)
			}
		}
		return os.Expand(text.Value, func(name string) string { return values[name] }), true
	}
	s.b.Fatalf("template.yaml, line %d: a text cannot be %s here", n.Line, n.Tag)
	return "", false
}

// holds evaluates a condition.
func (s *stack) holds(n *yaml.Node) bool {
	s.b.Helper()
	switch n.Tag {
	case "!Equals":
		a, _ := s.value(n.Content[0])
		b, _ := s.value(n.Content[1])
		return a == b
	case "!Not":
		return !s.holds(n.Content[0])
	case "!And":
		return !slices.ContainsFunc(n.Content, func(n *yaml.Node) bool { return !s.holds(n) })
	case "!Condition":
		return s.holds(s.at("Conditions", n.Value))
	}
	s.b.Fatalf("template.yaml, line %d: a condition cannot be %s here", n.Line, n.Tag)
	return false
}
