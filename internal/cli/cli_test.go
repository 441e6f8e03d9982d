package cli_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"partnerlens/internal/cli"
	"partnerlens/internal/paralleltest"
	"partnerlens/internal/simulator"
)

// partnerlens is the real command: the test binary, run under its name.
func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){
		"partnerlens": func() { os.Exit(cli.Main(os.Args[1:])) },
	})
}

// tests are the package's, which wait for the programs that they run.
type tests struct{ *testing.M }

func (t tests) Run() int {
	paralleltest.Raise(8)
	return t.M.Run()
}

// TestScripts runs the folders of testdata/script against simulated clouds.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			sim, err := simulator.New(simulator.Options{Customers: 60})
			if err != nil {
				return err
			}
			server := httptest.NewServer(sim)
			env.Defer(func() { sim.Close(); server.Close() })
			// The keys lie in a file, as a container platform mounts them: what a
			// script prints of its environment then holds none.
			key := filepath.Join(env.WorkDir, "key")
			if err := os.WriteFile(key, []byte(simulator.KeySecret+"\n"), 0o600); err != nil {
				return err
			}
			odd, err := simulator.New(simulator.Options{Customers: 60, Faults: []string{"bad-value", "force-absent", "unknown-tag"}})
			if err != nil {
				return err
			}
			oddServer := httptest.NewServer(odd)
			env.Defer(func() { odd.Close(); oddServer.Close() })
			env.Vars = append(env.Vars, "ODD="+oddServer.URL)
			for _, setting := range simulator.Env(server.URL) {
				env.Vars = append(env.Vars, strings.Replace(setting, "="+simulator.KeySecret, "=file:"+key, 1))
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"status": status},
	})
}

// status N COMMAND…: the command ends with exit status N.
func status(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// start runs the command until the test is over and gives its first line's address.
func start(t *testing.T, env []string, args ...string) (address string, c *exec.Cmd, out *bufio.Reader) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	c = exec.CommandContext(ctx, self, args...)
	c.Args[0] = "partnerlens" // testscript.Main looks at the name
	c.Env = append(os.Environ(), env...)
	pipe, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = c.Wait() })
	out = bufio.NewReader(pipe)
	line, err := out.ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		t.Fatalf("%v: the first line is %q, %v", args, line, err)
	}
	return address, c, out
}

// end interrupts a command and gives its exit status.
func end(t *testing.T, c *exec.Cmd) int {
	t.Helper()
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	return c.ProcessState.ExitCode()
}

func TestSimulatePrintsHowToReachIt(t *testing.T) {
	t.Parallel()
	address, simulate, out := start(t, nil, "simulate", "--customers", "30", "--print-env")
	var env []string
	for len(env) < len(simulator.Env("")) {
		line, err := out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, strings.TrimSpace(line))
	}
	if !strings.HasPrefix(address, "http://127.0.0.1:") {
		t.Errorf("listens on %s", address)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"credit", "tags"} {
		ask := exec.Command(self, command, "--quiet")
		ask.Args[0], ask.Env = "partnerlens", env
		answer, err := ask.Output()
		if err != nil || !strings.Contains(string(answer), `"complete":true`) || !strings.Contains(string(answer), `"count":30`) {
			t.Errorf("%s: %v\n%s", command, err, answer)
		}
	}
	if got := end(t, simulate); got != 0 {
		t.Errorf("interrupted, it ends with %d", got)
	}
}

func TestSimulateServesTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	address, _, _ := start(t, nil, "simulate", "--tls", dir)
	if !strings.HasPrefix(address, "https://") {
		t.Fatalf("listens on %s", address)
	}
	env := append(simulator.Env(address), "SSL_CERT_FILE="+dir+"/ca.pem")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"credit", "tags"} {
		for _, test := range []struct {
			env  []string
			want int
		}{{env, 0}, {simulator.Env(address), 6}} { // without trust in the certificate there is no call
			ask := exec.Command(self, command, "--quiet", "--limit", "1")
			ask.Args[0], ask.Env = "partnerlens", test.env
			answer, _ := ask.CombinedOutput()
			if got := ask.ProcessState.ExitCode(); got != test.want {
				t.Errorf("%s ends with %d, want %d\n%s", command, got, test.want, answer)
			}
		}
	}
}

func TestServeDemo(t *testing.T) {
	t.Parallel()
	address, server, _ := start(t, nil, "serve", "--demo", "--listen", "127.0.0.1:0")
	for _, path := range []string{
		"/healthz", "/openapi.yaml", "/v1/credit?limit=3", "/v1/tags?limit=3",
		"/v1/credit?filter_type=name&filter=Harbour&limit=10", "/v1/credit?limit=1&pii=full",
	} {
		answer, err := http.Get(address + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Errorf("GET %s: %s", path, answer.Status)
		}
	}
	if got := end(t, server); got != 0 {
		t.Errorf("interrupted, it ends with %d", got)
	}
}

// serve prints a token, which gets what programs on this machine do not get without it; not
// where keys are configured, nor into the log of a container.
func TestServeToken(t *testing.T) {
	t.Parallel()
	clouds, _, _ := start(t, nil, "simulate", "--customers", "30")
	env := simulator.Env(clouds)
	ask := func(address, key string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/v1/credit?limit=1&pii=full", nil)
		if err != nil {
			t.Fatal(err)
		}
		if key != "" {
			r.Header.Set("Authorization", "Bearer "+key)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	address, _, out := start(t, env, "serve", "--listen", "127.0.0.1:0")
	line, err := out.ReadString('\n')
	token, ok := strings.CutPrefix(strings.TrimSpace(line), "token ")
	if err != nil || !ok {
		t.Fatalf("the second line is not the token: %v", err)
	}
	if without, with := ask(address, ""), ask(address, token); without != http.StatusForbidden || with != http.StatusOK {
		t.Errorf("without the token the answer is %d, with it %d", without, with)
	}
	for _, test := range []struct {
		name string
		env  []string
		args []string
	}{
		{"keys are configured", append(env, `PARTNERLENS_KEYS={"keys":[]}`), []string{"serve", "--listen", "127.0.0.1:0"}},
		{"other machines reach it", env, []string{"serve", "--listen", "0.0.0.0:0"}},
		{"simulated data", nil, []string{"serve", "--demo", "--listen", "127.0.0.1:0"}},
	} {
		_, server, out := start(t, test.env, test.args...)
		if got := end(t, server); got != 0 {
			t.Errorf("%s: it ends with %d", test.name, got)
		}
		if rest, _ := io.ReadAll(out); len(rest) > 0 {
			t.Errorf("%s: more than the address is printed", test.name)
		}
	}
}

// A demonstration never reads the user's own accounts.
func TestDemoReadsNoAccountOfTheUsers(t *testing.T) {
	t.Parallel()
	own := `PARTNERLENS_ACCOUNTS={"north":{"vendor":"tencentcloud","secret_id":"x","secret_key":"x","endpoint":"http://127.0.0.1:1"}}`
	address, _, _ := start(t, []string{own}, "serve", "--demo", "--listen", "127.0.0.1:0")
	answer, err := http.Get(address + "/v1/credit?account=all")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || strings.Contains(string(body), "north") || !strings.Contains(string(body), `"complete":true`) {
		t.Errorf("%v: %.300s", err, body)
	}
}

// Interrupt ends a read at once, with the exit status of an interrupt.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	reached := make(chan struct{}, 8)
	hung := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the caller goes
		reached <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(hung.Close)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"credit", "tags"} {
		ask := exec.Command(self, command)
		ask.Args[0], ask.Env = "partnerlens", simulator.Env(hung.URL)
		if err := ask.Start(); err != nil {
			t.Fatal(err)
		}
		<-reached
		if got := end(t, ask); got != 130 {
			t.Errorf("%s ends with %d, want 130", command, got)
		}
	}
	// The terminal is closed; and timeout(1) signals twice.
	for _, signals := range [][]os.Signal{{syscall.SIGHUP}, {syscall.SIGTERM, syscall.SIGTERM}} {
		if signal.Ignored(signals[0]) { // nohup runs the tests
			continue
		}
		ask := exec.Command(self, "credit")
		ask.Args[0], ask.Env = "partnerlens", simulator.Env(hung.URL)
		if err := ask.Start(); err != nil {
			t.Fatal(err)
		}
		<-reached
		for _, s := range signals {
			_ = ask.Process.Signal(s) // it may have ended by now
		}
		if _ = ask.Wait(); ask.ProcessState.ExitCode() != 130 {
			t.Errorf("%v: %s, want exit status 130", signals, ask.ProcessState)
		}
	}
}
