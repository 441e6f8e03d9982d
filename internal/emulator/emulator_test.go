package emulator

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// The artefacts are one real function, built as the deployed ones are. It is
// named by its path: the emulator imports no package of this module.
const probe = "partnerlens/internal/host/testdata/probe"

var artefacts string // a folder of the whole run

func TestMain(m *testing.M) {
	if misbehave(os.Getenv("MISBEHAVE")) {
		os.Exit(1)
	}
	var err error
	if artefacts, err = os.MkdirTemp("", "emulator"); err != nil {
		panic(err)
	}
	status := m.Run()
	_ = os.RemoveAll(artefacts)
	os.Exit(status)
}

var (
	buildLambda = sync.OnceValues(func() (string, error) { return build("lambda", "lambda.norpc") })
	buildSCF    = sync.OnceValues(func() (string, error) { return build("scf", "scf,lambda.norpc") })
)

func build(name, tags string) (string, error) {
	binary := filepath.Join(artefacts, name)
	out, err := exec.Command("go", "build", "-ldflags", "-s -w", "-tags", tags, "-o", binary, probe).CombinedOutput()
	if err != nil {
		err = &Failure{"build", string(out)}
	}
	return binary, err
}

type platform struct {
	name  string
	build func() (string, error)
	run   func(context.Context, Options) (Result, error)
}

var platforms = []platform{
	{"lambda", buildLambda, Lambda},
	{"scf", buildSCF, SCF},
}

// onEach runs a test on both platforms.
func onEach(t *testing.T, test func(t *testing.T, run func(Options) (Result, error))) {
	t.Parallel()
	for _, p := range platforms {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			binary, err := p.build()
			if err != nil {
				t.Fatal(err)
			}
			test(t, func(o Options) (Result, error) {
				o.Binary = binary
				return p.run(t.Context(), o)
			})
		})
	}
}

func events(texts ...string) []Invocation {
	var all []Invocation
	for _, text := range texts {
		all = append(all, Invocation{Event: []byte(text)})
	}
	return all
}

type echo struct {
	Trigger string            `json:"trigger"`
	ID      string            `json:"id"`
	PID     int               `json:"pid"`
	Env     map[string]string `json:"env"`
	LeftMS  int64             `json:"left_ms"`
}

func read(t *testing.T, a Answer) echo {
	t.Helper()
	if a.Failure != nil {
		t.Fatalf("the invocation failed: %v", a.Failure)
	}
	var got echo
	if err := json.Unmarshal(a.Payload, &got); err != nil {
		t.Fatalf("payload %q: %v", a.Payload, err)
	}
	return got
}

// One process answers all invocations: a panic and an error fail the invocation, not
// the process, and the panic's value is not printed.
func TestFailuresLeaveTheProcessAlive(t *testing.T) {
	onEach(t, func(t *testing.T, run func(Options) (Result, error)) {
		result, err := run(Options{Invocations: events(`{"do":"echo"}`, `{"do":"panic"}`, `{"do":"fail"}`, `[1]`, `{"do":"echo"}`)})
		if err != nil {
			t.Fatalf("error %v; output:\n%s", err, result.Output)
		}
		first, last := read(t, result.Answers[0]), read(t, result.Answers[4])
		if first.PID != last.PID {
			t.Errorf("the process changed from %d to %d", first.PID, last.PID)
		}
		if first.ID != result.Answers[0].RequestID || first.Trigger != "direct" {
			t.Errorf("the function saw trigger %q and id %q, want direct and %q", first.Trigger, first.ID, result.Answers[0].RequestID)
		}
		for i, want := range map[int]Failure{
			1: {"internal", "internal: internal error"},
			2: {"denied", "denied: the key has no right to ask"},
		} {
			if got := result.Answers[i].Failure; got == nil || *got != want {
				t.Errorf("answer %d failed with %v, want %v", i, got, want)
			}
		}
		if got := result.Answers[3].Failure; got == nil || got.Type != "invalid_request" || !strings.Contains(got.Message, "SCF timer") {
			t.Errorf("answer 3 failed with %v, want an invalid_request that names the known shapes", got)
		}
		if strings.Contains(string(result.Output), "200000000003") {
			t.Errorf("the panic's value is in the output:\n%s", result.Output)
		}
		if !strings.Contains(string(result.Output), `"msg":"prepared"`) {
			t.Errorf("Prepare did not run; output:\n%s", result.Output)
		}
		if result.Exit != Ended {
			t.Errorf("Exit = %q, want %q", result.Exit, Ended)
		}
	})
}

func TestNothingOfThisProcessIsInTheEnvironment(t *testing.T) {
	onEach(t, func(t *testing.T, run func(Options) (Result, error)) {
		result, err := run(Options{Env: []string{"GIVEN=yes"}, Invocations: events(`{"do":"echo"}`)})
		if err != nil {
			t.Fatal(err)
		}
		env := read(t, result.Answers[0]).Env
		if env["GIVEN"] != "yes" {
			t.Errorf("GIVEN = %q, want yes", env["GIVEN"])
		}
		for _, name := range []string{"PATH", "HOME", "GOCACHE"} {
			if value, ok := env[name]; ok {
				t.Errorf("%s = %q came through", name, value)
			}
		}
	})
}

func TestSCFSetsTheEnvironmentEveryTime(t *testing.T) {
	t.Parallel()
	binary, err := buildSCF()
	if err != nil {
		t.Fatal(err)
	}
	event := []byte(`{"names":["KEY"]}`)
	result, err := SCF(t.Context(), Options{Binary: binary, Env: []string{"KEY=at start"}, Invocations: []Invocation{
		{Event: event},
		{Event: event, Env: map[string]string{"KEY": "first"}},
		{Event: event, Env: map[string]string{"KEY": "second"}},
		{Event: event},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"at start", "first", "second", "second"} {
		if got := read(t, result.Answers[i]).Env["KEY"]; got != want {
			t.Errorf("invocation %d saw KEY=%q, want %q", i, got, want)
		}
	}
}

func TestLambdaCannotChangeTheEnvironment(t *testing.T) {
	t.Parallel()
	_, err := Lambda(t.Context(), Options{Binary: "unused", Invocations: []Invocation{{Event: []byte(`{}`), Env: map[string]string{"K": "v"}}}})
	if err == nil || !strings.Contains(err.Error(), "Options.Env") {
		t.Errorf("error = %v, want one that names Options.Env", err)
	}
}

// The function's context ends before the platform's deadline does.
func TestDeadlineKeepsAReserve(t *testing.T) {
	onEach(t, func(t *testing.T, run func(Options) (Result, error)) {
		result, err := run(Options{Timeout: 3 * time.Second, Invocations: events(`{"do":"echo"}`)})
		if err != nil {
			t.Fatal(err)
		}
		if left := read(t, result.Answers[0]).LeftMS; left < 1000 || left > 2000 {
			t.Errorf("the function had %d ms of 3 s, want at most 2000", left)
		}
	})
}

func TestDeadlineIsAnswered(t *testing.T) {
	onEach(t, func(t *testing.T, run func(Options) (Result, error)) {
		result, err := run(Options{Timeout: time.Second, Invocations: events(`{"do":"wait"}`, `{"do":"echo"}`)})
		if err != nil {
			t.Fatal(err)
		}
		if got := result.Answers[0].Failure; got == nil || got.Type != "deadline" {
			t.Errorf("failed with %v, want the function's own deadline", got)
		}
		read(t, result.Answers[1])
	})
}

func TestTimeout(t *testing.T) {
	onEach(t, func(t *testing.T, run func(Options) (Result, error)) {
		result, err := run(Options{Timeout: 200 * time.Millisecond, Invocations: events(`{"do":"hang"}`, `{"do":"echo"}`)})
		if err == nil || len(result.Answers) != 1 {
			t.Fatalf("%d answers and error %v, want one answer, and an error that there was no second", len(result.Answers), err)
		}
		want := Failure{FailureTimeout, "Task timed out after 0.20 seconds"}
		if got := result.Answers[0].Failure; got == nil || *got != want {
			t.Errorf("failed with %v, want %v", got, want)
		}
	})
}

func TestExit(t *testing.T) {
	onEach(t, func(t *testing.T, run func(Options) (Result, error)) {
		result, err := run(Options{Invocations: events(`{"do":"exit"}`)})
		if err != nil {
			t.Fatal(err)
		}
		if got := result.Answers[0].Failure; got == nil || got.Type != FailureExit || !strings.Contains(got.Message, "exit status 3") {
			t.Errorf("failed with %v, want %s with exit status 3", got, FailureExit)
		}
		if result.Exit != "exit status 3" {
			t.Errorf("Exit = %q, want exit status 3", result.Exit)
		}
	})
}

// The function refuses an answer before the platform would.
func TestAnswerTooLarge(t *testing.T) {
	onEach(t, func(t *testing.T, run func(Options) (Result, error)) {
		result, err := run(Options{Invocations: events(`{"do":"fill","size":5999998}`, `{"do":"fill","size":5999999}`, `{"do":"echo"}`)})
		if err != nil {
			t.Fatal(err)
		}
		if got := result.Answers[0]; got.Failure != nil || len(got.Payload) != 6000000 {
			t.Errorf("an answer of 6000000 bytes failed: %v, %d bytes came", got.Failure, len(got.Payload))
		}
		if got := result.Answers[1].Failure; got == nil || got.Type != "internal" || !strings.Contains(got.Message, "limit") {
			t.Errorf("an answer of 6000001 bytes failed with %v, want internal, and what to do", got)
		}
		read(t, result.Answers[2])
	})
}

// An artefact on the other platform prints so and exits.
func TestWrongArtefact(t *testing.T) {
	t.Parallel()
	lambda, err := buildLambda()
	if err != nil {
		t.Fatal(err)
	}
	scf, err := buildSCF()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		binary string
		run    func(context.Context, Options) (Result, error)
		want   string
	}{
		{"scf on lambda", scf, Lambda, "built for Tencent SCF"},
		{"lambda on scf", lambda, SCF, "built for AWS Lambda"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			result, err := test.run(t.Context(), Options{Binary: test.binary, Invocations: events(`{}`)})
			if err == nil || !strings.Contains(err.Error(), "exit status 2") || result.Exit != "exit status 2" {
				t.Errorf("error %v and exit %q, want exit status 2 in both", err, result.Exit)
			}
			if !strings.Contains(string(result.Output), test.want) {
				t.Errorf("output %q, want %q in it", result.Output, test.want)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	for _, p := range platforms {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			binary, err := p.build()
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			output := &onFirstWrite{do: cancel} // Prepare's line, or the first of the log
			result, err := p.run(ctx, Options{Binary: binary, Stderr: output, Invocations: events(`{"do":"hang"}`)})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error = %v, want %v", err, context.Canceled)
			}
			if len(result.Answers) != 0 {
				t.Errorf("%d answers, want none", len(result.Answers))
			}
		})
	}
}

type onFirstWrite struct {
	once sync.Once
	do   func()
}

func (w *onFirstWrite) Write(p []byte) (int, error) {
	w.once.Do(w.do)
	return len(p), nil
}

func TestNotAnArtefact(t *testing.T) {
	t.Parallel()
	for _, p := range platforms {
		if _, err := p.run(t.Context(), Options{Binary: filepath.Join(t.TempDir(), "missing"), Invocations: events(`{}`)}); err == nil {
			t.Errorf("%s: a missing artefact ran", p.name)
		}
		if _, err := p.run(t.Context(), Options{Binary: "unused"}); err == nil {
			t.Errorf("%s: no invocations are no error", p.name)
		}
		if _, err := p.run(t.Context(), Options{Binary: "unused", Invocations: events(strings.Repeat(" ", 6<<20+1))}); err == nil {
			t.Errorf("%s: an event over the platform's bound was accepted", p.name)
		}
	}
}
