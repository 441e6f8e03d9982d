// Package functions_test runs the built artefacts, each under the runtime that
// its platform has, on the sample events beside them.
package functions_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"partnerlens/internal/emulator"
	"partnerlens/internal/paralleltest"
	"partnerlens/internal/simulator"
)

var update = flag.Bool("update", false, "write the golden answers beside the events")

// dist is where the artefacts are, laid out as scripts/build.sh does.
var dist string

// TestMain takes the artefacts from the folder that PARTNERLENS_DIST names, as
// CI does with what it would ship, or builds them for this machine.
func TestMain(m *testing.M) {
	paralleltest.Raise(6)
	if dist = os.Getenv("PARTNERLENS_DIST"); dist != "" {
		os.Exit(m.Run())
	}
	folder, err := os.MkdirTemp("", "partnerlens")
	if err != nil {
		panic(err)
	}
	dist = folder
	code := 1
	if err := build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	os.RemoveAll(folder)
	os.Exit(code)
}

func build() error {
	for _, artefact := range []struct{ path, tags, main string }{
		{"lambda/credit/bootstrap", "lambda.norpc", "./credit"},
		{"lambda/tags/bootstrap", "lambda.norpc", "./tags"},
		{"scf/credit/main", "scf", "./credit"},
		{"scf/tags/main", "scf", "./tags"},
		{"container/" + runtime.GOARCH + "/partnerlens", "", "../cmd/partnerlens"},
		{"timer", "", "../deploy/functiongraph/timer"}, // the bootstrap of functiongraph/*-timer.zip
	} {
		b := exec.Command("go", "build", "-ldflags", "-s -w", "-tags", artefact.tags, "-o", filepath.Join(dist, artefact.path), artefact.main)
		if out, err := b.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", b, err, out)
		}
	}
	return nil
}

// The key of the sample events, and the setting of functions that it opens.
const (
	sampleKey  = "plk_SAMPLEKEYSAMPLEKEYSAMPLEKEYSAMPLEKEY"
	sampleKeys = `PARTNERLENS_KEYS={"keys":[{"name":"sample","hash":"sha256:24de9022a74e6a01e6100b499ae5aa83d0aae3e7280f678796f48e2261d048b6"}]}`
)

// clouds starts both clouds and gives the settings that point a function there,
// and let the sample events in.
func clouds(t *testing.T) (*simulator.Simulator, []string) {
	t.Helper()
	sim, err := simulator.New(simulator.Options{Customers: 60})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); server.Close() })
	return sim, append(simulator.Env(server.URL), sampleKeys)
}

func byName(settings []string) map[string]string {
	env := make(map[string]string)
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		env[name] = value
	}
	return env
}

// events gives the sample events of a function whose names begin so.
func events(t *testing.T, function string, prefixes ...string) (names []string, invocations []emulator.Invocation) {
	t.Helper()
	for _, prefix := range prefixes {
		paths, err := filepath.Glob(filepath.Join(function, "events", prefix+"*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			event, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, strings.TrimSuffix(filepath.Base(path), ".json"))
			invocations = append(invocations, emulator.Invocation{Event: event})
		}
	}
	if len(names) == 0 {
		t.Fatalf("no events %v", prefixes)
	}
	return names, invocations
}

func run(t *testing.T, platform, function string, env []string, invocations []emulator.Invocation) []emulator.Answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	opts := emulator.Options{Name: function, Env: env, Invocations: invocations, Binary: filepath.Join(dist, "lambda", function, "bootstrap")}
	runtime := emulator.Lambda
	if platform == "scf" {
		runtime, opts.Env, opts.Binary = emulator.SCF, nil, filepath.Join(dist, "scf", function, "main")
		for i := range opts.Invocations {
			opts.Invocations[i].Env = byName(env)
		}
	}
	result, err := runtime(ctx, opts)
	if err != nil {
		t.Fatalf("%v\n%s", err, result.Output)
	}
	// What a function prints is part of what a test run prints, which
	// scripts/leaks.sh searches for keys.
	t.Logf("%s on %s printed:\n%s", function, platform, result.Output)
	for _, answer := range result.Answers {
		t.Logf("and answered %s %v", answer.Payload, answer.Failure)
	}
	return result.Answers
}

// Each sample event must be answered as the golden file of its name says.
func TestSampleEvents(t *testing.T) {
	t.Parallel()
	for _, function := range []string{"credit", "tags"} {
		for platform, prefixes := range map[string][]string{"lambda": {"lambda-", "functiongraph-"}, "scf": {"scf-"}} {
			t.Run(function+"/"+platform, func(t *testing.T) {
				t.Parallel()
				_, env := clouds(t)
				names, invocations := events(t, function, prefixes...)
				for i, answer := range run(t, platform, function, env, invocations) {
					if answer.Failure != nil {
						t.Errorf("%s failed: %v", names[i], answer.Failure)
						continue
					}
					compare(t, filepath.Join(function, "events", "golden", names[i]+".json"), steady(t, answer.Payload))
				}
			})
		}
	}
}

func compare(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(golden), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil || got != string(want) {
		t.Errorf("%s (-update accepts it): %v; got\n%s", golden, err, got)
	}
}

// steady is an answer as the golden files hold it: the body laid open, and
// what differs from call to call, or with today's date, made the same.
func steady(t *testing.T, payload []byte) string {
	t.Helper()
	var answer any
	if err := json.Unmarshal(payload, &answer); err != nil {
		t.Fatalf("the answer is no JSON: %v\n%s", err, payload)
	}
	if envelope, ok := answer.(map[string]any); ok {
		if body, ok := envelope["body"].(string); ok && strings.HasPrefix(body, "{") {
			var inner any
			if err := json.Unmarshal([]byte(body), &inner); err != nil {
				t.Fatalf("the body is no JSON: %v\n%s", err, body)
			}
			envelope["body"] = inner
		}
	}
	text, err := json.MarshalIndent(answer, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for _, changing := range []struct{ pattern, with string }{
		{`("request_ids": )\[[^]]*\]`, `$1[]`},
		{`("next": )"[^"]*"`, `$1"cursor"`},
		{`("as_of": )"[^"]*"`, `$1"2026-11-21T12:00:00Z"`},
		{`"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"`, `"00000000-0000-4000-8000-000000000000"`},
		{`("(effective|expire)_month": )"[^"]*"`, `$1"2026-11"`},
		{`("expires_at": )"[^"]*"`, `$1"2026-11-30T16:00:00Z"`},
		{`("days_left": )\d+`, `${1}9`},
	} {
		text = regexp.MustCompile(changing.pattern).ReplaceAll(text, []byte(changing.with))
	}
	return string(text) + "\n"
}

// Without keys, only callers that the platform authenticated get answers.
func TestClosedWithoutKeys(t *testing.T) {
	t.Parallel()
	for _, function := range []string{"credit", "tags"} {
		for platform, names := range map[string]map[string]int{
			"lambda": {"lambda-alb": 401, "lambda-function-url": 200, "lambda-http-api-v2": 200, "lambda-rest-v1": 200},
			"scf":    {"scf-function-url": 401, "scf-api-gateway": 401},
		} {
			t.Run(function+"/"+platform, func(t *testing.T) {
				t.Parallel()
				sim, env := clouds(t)
				env = slices.DeleteFunc(env, func(setting string) bool { return setting == sampleKeys })
				for name, want := range names {
					asked := calls(sim)
					_, invocations := events(t, function, name)
					var answer struct {
						StatusCode int    `json:"statusCode"`
						Body       string `json:"body"`
					}
					payload := run(t, platform, function, env, invocations)[0].Payload
					if err := json.Unmarshal(payload, &answer); err != nil || answer.StatusCode != want {
						t.Errorf("%s is answered %d, want %d: %v\n%s", name, answer.StatusCode, want, err, payload)
					}
					if got := calls(sim) > asked; got != (want == 200) {
						t.Errorf("%s: the vendor was asked: %t", name, got)
					}
					if want == 401 && !strings.Contains(answer.Body, "PARTNERLENS_KEYS") {
						t.Errorf("%s: the answer does not say what to set: %s", name, answer.Body)
					}
				}
			})
		}
	}
}

func calls(sim *simulator.Simulator) int {
	return sim.Calls().Credit.Accepted + sim.Calls().Tags.Accepted
}

// The same question must get the same bytes, whatever carries it.
func TestOneBodyEverywhere(t *testing.T) {
	t.Parallel()
	for _, function := range []string{"credit", "tags"} {
		t.Run(function, func(t *testing.T) {
			t.Parallel()
			bodies := make(map[string]string)
			for platform, names := range map[string][]string{
				"lambda": {"lambda-http-api-v2", "lambda-function-url", "lambda-rest-v1", "lambda-alb"},
				"scf":    {"scf-function-url", "scf-api-gateway"},
			} {
				_, env := clouds(t)
				for _, name := range names {
					_, invocations := events(t, function, name)
					var answer struct {
						StatusCode int    `json:"statusCode"`
						Body       string `json:"body"`
					}
					payload := run(t, platform, function, env, invocations[:1])[0].Payload
					if err := json.Unmarshal(payload, &answer); err != nil || answer.StatusCode != 200 {
						t.Fatalf("%s: status %d, %v\n%s", name, answer.StatusCode, err, payload)
					}
					bodies[name] = answer.Body
				}
			}
			_, env := clouds(t)
			bodies["http"] = get(t, serve(t, function, env)+"/v1/"+function+"?limit=5")
			want := sameMoment(bodies["http"])
			if !strings.Contains(want, `"count":5`) {
				t.Fatalf("not an answer to the question: %s", want)
			}
			for name, body := range bodies {
				if got := sameMoment(body); got != want {
					t.Errorf("%s answers\n%s\nand plain HTTP\n%s", name, got, want)
				}
			}
		})
	}
}

var (
	asOf       = regexp.MustCompile(`"as_of":"[^"]*"`)
	requestIDs = regexp.MustCompile(`"request_ids":\[[^]]*\]`)
)

// sameMoment removes what differs from call to call.
func sameMoment(body string) string {
	body = asOf.ReplaceAllString(body, `"as_of":""`)
	return requestIDs.ReplaceAllString(body, `"request_ids":[]`)
}

// serve runs the artefact as a local server and gives its address.
func serve(t *testing.T, function string, env []string) string {
	t.Helper()
	server := exec.CommandContext(t.Context(), filepath.Join(dist, "lambda", function, "bootstrap"), "serve", "--listen", "127.0.0.1:0")
	server.Env = env
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		t.Fatalf("the first line is %q, %v", line, err)
	}
	return address
}

func get(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+sampleKey)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 200 {
		t.Fatalf("GET %s: %s, %v\n%s", url, answer.Status, err, body)
	}
	return string(body)
}

// SCF hands keys over with each invocation: one process must ask with those of the
// invocation at hand, and must not die of an invocation that goes wrong.
func TestSCFReadsItsEnvironmentAtEveryInvocation(t *testing.T) {
	t.Parallel()
	for _, function := range []string{"credit", "tags"} {
		t.Run(function, func(t *testing.T) {
			t.Parallel()
			_, invocations := events(t, function, "scf-direct")
			event := invocations[0].Event
			north, northEnv := clouds(t)
			south, southEnv := clouds(t)
			wrongKey := byName(northEnv)
			for name := range wrongKey {
				if strings.HasSuffix(name, "_SECRET_KEY") || strings.HasSuffix(name, "_SK") {
					wrongKey[name] = "wrong-sample-key"
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			result, err := emulator.SCF(ctx, emulator.Options{Binary: filepath.Join(dist, "scf", function, "main"), Invocations: []emulator.Invocation{
				{Event: event},
				{Event: event, Env: byName(northEnv)},
				{Event: event, Env: byName(southEnv)},
				{Event: event, Env: wrongKey},
				{Event: []byte(`{"requestContext":{"an":"unknown form"}}`), Env: byName(northEnv)},
				{Event: event, Env: byName(northEnv)},
			}})
			if err != nil {
				t.Fatalf("%v\n%s", err, result.Output)
			}
			for i, want := range []string{"misconfigured", "", "", "denied", "invalid_request", ""} {
				got := ""
				if failure := result.Answers[i].Failure; failure != nil {
					got, _, _ = strings.Cut(failure.Message, ":")
				}
				if got != want {
					t.Errorf("invocation %d ended in %q, want %q: %v", i, got, want, result.Answers[i].Failure)
				}
			}
			if north.Calls().Credit.Accepted+north.Calls().Tags.Accepted == 0 || south.Calls().Credit.Accepted+south.Calls().Tags.Accepted == 0 {
				t.Error("an invocation asked elsewhere than its environment says")
			}
			for _, secret := range []string{simulator.KeySecret, "wrong-sample-key"} {
				if strings.Contains(string(result.Output), secret) {
					t.Errorf("the log holds %q", secret)
				}
			}
		})
	}
}

// A schedule brings the day's run to its end where there is a store; delivered
// again, it does nothing.
func TestSchedulesWatch(t *testing.T) {
	t.Parallel()
	for _, function := range []string{"credit", "tags"} {
		for platform, name := range map[string]string{"lambda": "lambda-eventbridge-rule", "scf": "scf-timer"} {
			t.Run(function+"/"+platform, func(t *testing.T) {
				t.Parallel()
				sim, env := clouds(t)
				env = append(env, "PARTNERLENS_STORE=file://"+t.TempDir())
				_, invocations := events(t, function, name)
				scheduled := `{"watch":"now","scheduled_time":"2026-11-22T06:00:00Z"}`
				invocations = []emulator.Invocation{{Event: []byte(scheduled)}, {Event: []byte(scheduled)}, {Event: invocations[0].Event}}
				asked := 0
				for i, answer := range run(t, platform, function, env, invocations) {
					var done struct {
						Run      string
						Complete bool
						Accounts []struct{ State string }
					}
					if answer.Failure != nil || json.Unmarshal(answer.Payload, &done) != nil || !done.Complete && i < 2 {
						t.Fatalf("invocation %d: %s %v", i, answer.Payload, answer.Failure)
					}
					if want := []string{"done", "already"}; i < 2 && (done.Run != "2026-11-22" || done.Accounts[0].State != want[i]) {
						t.Errorf("invocation %d: %s", i, answer.Payload)
					}
					asked++
				}
				if calls(sim) == 0 || asked != 3 {
					t.Errorf("%d calls, %d answers", calls(sim), asked)
				}
			})
		}
	}
}
