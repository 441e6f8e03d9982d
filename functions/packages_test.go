package functions_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oasdiff/yaml"

	"partnerlens/internal/simulator"
)

// commandLine is the command line of the container.
func commandLine() string { return filepath.Join(dist, "container", runtime.GOARCH, "partnerlens") }

// deployed is what serverless.yml says of the functions; the test in the
// root holds its form to the documentation.
type deployed struct {
	Inputs struct {
		Src          struct{ Src string }
		Environments []struct{ Key, Value string }
		Functions    map[string]struct{ Handler string }
		Triggers     []struct {
			Function   string
			Parameters struct{ Name, Argument string }
		}
	}
}

func readDeployed(t *testing.T) (d deployed) {
	t.Helper()
	text, err := os.ReadFile("../serverless.yml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := yaml.Unmarshal(text, &d, yaml.DecodeOpts{}); err != nil {
		t.Fatal(err)
	}
	return d
}

// scfPackage is the folder that serverless.yml uploads: of the build, or made like it.
func scfPackage(t *testing.T, d deployed) string {
	t.Helper()
	if os.Getenv("PARTNERLENS_DIST") != "" {
		return filepath.Join(dist, strings.TrimPrefix(d.Inputs.Src.Src, "./dist/"))
	}
	folder := t.TempDir()
	for _, name := range []string{"credit", "tags"} {
		if err := os.Link(filepath.Join(dist, "scf", name, "main"), filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// What is uploaded to SCF: the handlers' binaries, executable, and nothing else.
func TestSCFPackageHoldsTheHandlers(t *testing.T) {
	t.Parallel()
	d := readDeployed(t)
	entries, err := os.ReadDir(scfPackage(t, d))
	if err != nil {
		t.Fatal(err)
	}
	var files, handlers []string
	var size int64
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s %10d %s", info.Mode(), info.Size(), entry.Name())
		if info.Mode().Perm()&0o111 != 0o111 {
			t.Errorf("%s is not executable", entry.Name())
		}
		files, size = append(files, entry.Name()), size+info.Size()
	}
	for _, function := range d.Inputs.Functions {
		handlers = append(handlers, function.Handler)
	}
	slices.Sort(handlers)
	if !slices.Equal(files, handlers) {
		t.Errorf("the package holds %q, and the handlers are %q", files, handlers)
	}
	if size > 500<<20 { // "Quota Limits", 2025-03-28
		t.Errorf("%d bytes; SCF takes 500 MB", size)
	}
}

// secretsOfSCF are what the references in serverless.yml lead to.
func secretsOfSCF() map[string]string {
	_, keys, _ := strings.Cut(sampleKeys, "=")
	return map[string]string{
		"partnerlens-tencent": `{"secret_id":"` + simulator.KeyID + `","secret_key":"` + simulator.KeySecret + `"}`,
		"partnerlens-huawei":  `{"ak":"` + simulator.KeyID + `","sk":"` + simulator.KeySecret + `"}`,
		"partnerlens-keys":    keys,
		"partnerlens-alerts":  `{}`,
	}
}

// The package, under the settings of serverless.yml, its secrets read from a secret
// store with the role's key: run by `partnerlens invoke`, as docs/deploy-tencent.md
// describes. The answers are those of the same events elsewhere.
func TestSCFPackageUnderItsSettings(t *testing.T) {
	t.Parallel()
	binary := commandLine()
	d := readDeployed(t)
	folder := scfPackage(t, d)
	sim, err := simulator.New(simulator.Options{Customers: 60, Secrets: secretsOfSCF()})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); server.Close() })

	env := make(map[string]string)
	for _, v := range d.Inputs.Environments {
		env[v.Key] = v.Value
	}
	env["PARTNERLENS_STORE"] = "file://" + t.TempDir() // for the bucket
	maps.Copy(env, map[string]string{                  // where the clouds are, and the role
		"PARTNERLENS_TENCENT_ENDPOINT": server.URL, "PARTNERLENS_HUAWEI_ENDPOINT": server.URL, "PARTNERLENS_HUAWEI_DOMAIN_ID": simulator.DomainID,
		"PARTNERLENS_TENCENT_SSM_ENDPOINT": server.URL, "TENCENTCLOUD_REGION": "ap-singapore",
		"TENCENTCLOUD_SECRETID": simulator.KeyID, "TENCENTCLOUD_SECRETKEY": simulator.KeySecret,
	})
	invoke := func(t *testing.T, handler string, event []byte) []byte {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		args := []string{"invoke", "--platform", "scf", "--binary", filepath.Join(folder, handler), "--event", "-"}
		for _, name := range slices.Sorted(maps.Keys(env)) {
			args = append(args, "--env", name+"="+env[name])
		}
		command := exec.CommandContext(ctx, binary, args...)
		command.Stdin = bytes.NewReader(event)
		var log bytes.Buffer
		command.Stderr = &log
		answer, err := command.Output()
		t.Logf("printed:\n%s\nand answered %s", log.Bytes(), answer)
		if err != nil {
			t.Fatalf("%v\n%s", err, log.Bytes())
		}
		return answer
	}
	for name, function := range d.Inputs.Functions {
		t.Run(name, func(t *testing.T) {
			samples, invocations := events(t, name, "scf-")
			for i, sample := range samples {
				answer := invoke(t, function.Handler, invocations[i].Event)
				compare(t, filepath.Join(name, "events", "golden", sample+".json"), steady(t, answer))
			}
		})
	}
	for _, trigger := range d.Inputs.Triggers {
		t.Run(trigger.Parameters.Name, func(t *testing.T) {
			event, err := json.Marshal(map[string]string{"Type": "Timer", "TriggerName": trigger.Parameters.Name, "Time": "2026-11-22T01:05:00Z", "Message": trigger.Parameters.Argument})
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"done", "already"} {
				var watched struct {
					Run      string
					Complete bool
					Accounts []struct{ State string }
				}
				answer := invoke(t, d.Inputs.Functions[trigger.Function].Handler, event)
				if err := json.Unmarshal(answer, &watched); err != nil || !watched.Complete || watched.Run != "2026-11-22" || len(watched.Accounts) != 1 || watched.Accounts[0].State != want {
					t.Errorf("want %s: %s", want, answer)
				}
			}
		})
	}
}

// functionGraphPackage unpacks a zip of the build, or makes the folder like it.
func functionGraphPackage(t *testing.T, name string) string {
	t.Helper()
	folder := t.TempDir()
	function, timer := strings.CutSuffix(name, "-timer")
	if os.Getenv("PARTNERLENS_DIST") == "" {
		if timer {
			if err := os.Link(filepath.Join(dist, "timer"), filepath.Join(folder, "bootstrap")); err != nil {
				t.Fatal(err)
			}
		} else {
			text, err := os.ReadFile("../deploy/functiongraph/bootstrap")
			if err == nil {
				err = os.WriteFile(filepath.Join(folder, "bootstrap"), text, 0o755)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Link(filepath.Join(dist, "lambda", function, "bootstrap"), filepath.Join(folder, function)); err != nil {
			t.Fatal(err)
		}
		return folder
	}
	archive, err := zip.OpenReader(filepath.Join(dist, "functiongraph", name+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	var names []string
	for _, file := range archive.File {
		names = append(names, file.Name)
		in, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		in.Close()
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, file.Name), text, file.Mode().Perm())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"bootstrap", function}; !slices.Equal(names, want) {
		t.Errorf("%s.zip holds %q, want %q", name, names, want)
	}
	return folder
}

// printed keeps what a process writes, from several goroutines.
type printed struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *printed) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(text)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

const contractAddress = "127.0.0.1:8000"

// startHTTPFunction starts a package's bootstrap as FunctionGraph does: without
// arguments, so that it listens on port 8000. Where another process has that port
// here, another is named.
func startHTTPFunction(t *testing.T, folder string, env []string) (url string, log *printed) {
	t.Helper()
	command := exec.CommandContext(t.Context(), filepath.Join(folder, "bootstrap"))
	want := "http://" + contractAddress
	if ln, err := net.Listen("tcp", contractAddress); err != nil {
		t.Logf("port 8000 is taken here: %v", err)
		command.Args, want = append(command.Args, "127.0.0.1:0"), "http://127.0.0.1:"
	} else {
		ln.Close()
	}
	command.Env = append([]string{"PATH=/usr/local/bin:/usr/bin:/bin", "RUNTIME_PROJECT_ID=" + simulator.ProjectID}, env...)
	log = new(printed)
	command.Stderr = log
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() }) // bootstrap became the server: exec
	line, err := bufio.NewReader(out).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok || !strings.HasPrefix(url, want) {
		t.Fatalf("the first line is %q, %v; want an address of %s\n%s", line, err, want, log)
	}
	return url, log
}

// The packages for Huawei FunctionGraph's HTTP functions: started by bootstrap, asked
// over HTTP with the agency's key in each request's headers ("Include Keys"), with
// which they read their own secrets. No caller gets an answer without a key of ours, and
// the agency's key is nowhere in what they print or answer.
func TestFunctionGraphHTTPFunctions(t *testing.T) {
	sim, err := simulator.New(simulator.Options{Customers: 60, Secrets: secretsOfSCF()})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); server.Close() })
	binary := commandLine()
	const planted = "planted-agency-auth-token"
	for _, function := range []string{"credit", "tags"} { // one after the other: there is one port 8000
		t.Run(function, func(t *testing.T) {
			_, keys, _ := strings.Cut(sampleKeys, "=")
			url, log := startHTTPFunction(t, functionGraphPackage(t, function), []string{
				"PARTNERLENS_TENCENT_SECRET_ID=huawei-csms:partnerlens-tencent#secret_id", "PARTNERLENS_TENCENT_SECRET_KEY=huawei-csms:partnerlens-tencent#secret_key",
				"PARTNERLENS_HUAWEI_AK=huawei-csms:partnerlens-huawei#ak", "PARTNERLENS_HUAWEI_SK=huawei-csms:partnerlens-huawei#sk",
				"PARTNERLENS_TENCENT_ENDPOINT=" + server.URL, "PARTNERLENS_HUAWEI_ENDPOINT=" + server.URL, "PARTNERLENS_HUAWEI_DOMAIN_ID=" + simulator.DomainID,
				"PARTNERLENS_HUAWEI_CSMS_ENDPOINT=" + server.URL, "PARTNERLENS_KEYS=" + keys,
			})
			ask := func(path, key string, agency bool) (int, string) {
				t.Helper()
				request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				request.Header.Set("X-Cff-Request-Id", "2b7c676e-0000-4000-8000-000000000000")
				if key != "" {
					request.Header.Set("X-Api-Key", key)
				}
				if agency {
					request.Header.Set("X-CFF-Security-Access-Key", simulator.KeyID)
					request.Header.Set("X-CFF-Security-Secret-Key", simulator.KeySecret)
					request.Header.Set("X-CFF-Auth-Token", planted)
				}
				answer, err := http.DefaultClient.Do(request)
				if err != nil {
					t.Fatal(err)
				}
				defer answer.Body.Close()
				body, err := io.ReadAll(answer.Body)
				if err != nil {
					t.Fatal(err)
				}
				return answer.StatusCode, string(body)
			}
			if out, err := exec.Command(binary, "health", url+"/healthz").CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("health: %v %s", err, out)
			}
			unwell := exec.Command(binary, "health", url+"/v1/"+function) // 401
			if out, _ := unwell.CombinedOutput(); unwell.ProcessState.ExitCode() != 5 || !strings.Contains(string(out), "401") {
				t.Errorf("health of what does not answer 200: %s %s", unwell.ProcessState, out)
			}
			question := "/v1/" + function + "?limit=5"
			if status, body := ask(question, "", true); status != http.StatusUnauthorized {
				t.Errorf("without a key of ours: %d %s", status, body)
			}
			if status, body := ask(question, sampleKey, false); status == http.StatusOK || !strings.Contains(body, "misconfigured") {
				t.Errorf("without the agency's key, which is to open the secret: %d %s", status, body)
			}
			status, body := ask(question, sampleKey, true)
			if status != http.StatusOK || !strings.Contains(body, `"count":5`) {
				t.Errorf("%d %s", status, body)
			}
			t.Logf("it printed:\n%s", log)
			for _, secret := range []string{simulator.KeySecret, planted, sampleKey} {
				if strings.Contains(log.String()+body, secret) {
					t.Error("a key is in what it printed or answered")
				}
			}
		})
	}
}

// graphAnswer is the answer that FunctionGraph received for an event.
type graphAnswer struct {
	id, kind string
	body     []byte
}

// functionGraphRuntime is the runtime API that a custom runtime is given: events out
// of a channel, each with the agency's key; answers into another.
func functionGraphRuntime(t *testing.T, events <-chan []byte) (address string, answers <-chan graphAnswer) {
	t.Helper()
	received := make(chan graphAnswer, 8)
	var mu sync.Mutex
	next := 0
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/runtime/invocation/request", func(w http.ResponseWriter, r *http.Request) {
		select {
		case event := <-events:
			mu.Lock()
			next++
			w.Header().Set("X-Cff-Request-Id", fmt.Sprintf("request-%d", next))
			mu.Unlock()
			w.Header().Set("X-CFF-Access-Key", simulator.KeyID)
			w.Header().Set("X-CFF-Secret-Key", simulator.KeySecret)
			_, _ = w.Write(event)
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("POST /v1/runtime/invocation/{kind}/{id}", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		received <- graphAnswer{r.PathValue("id"), r.PathValue("kind"), body}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), received
}

// The packages for FunctionGraph's timers: event functions with a custom runtime,
// whose events a relay hands to the artefact.
func TestFunctionGraphTimers(t *testing.T) {
	t.Parallel()
	for _, function := range []string{"credit", "tags"} {
		t.Run(function, func(t *testing.T) {
			t.Parallel()
			sim, err := simulator.New(simulator.Options{Customers: 60, Secrets: secretsOfSCF()})
			if err != nil {
				t.Fatal(err)
			}
			cloud := httptest.NewServer(sim)
			t.Cleanup(func() { sim.Close(); cloud.Close() })
			events := make(chan []byte)
			address, answers := functionGraphRuntime(t, events)
			command := exec.CommandContext(t.Context(), filepath.Join(functionGraphPackage(t, function+"-timer"), "bootstrap"))
			var log printed
			command.Stdout, command.Stderr = &log, &log
			command.Env = []string{
				"RUNTIME_API_ADDR=" + address, "RUNTIME_TIMEOUT=60", "RUNTIME_PROJECT_ID=" + simulator.ProjectID,
				"PARTNERLENS_TENCENT_SECRET_ID=huawei-csms:partnerlens-tencent#secret_id", "PARTNERLENS_TENCENT_SECRET_KEY=huawei-csms:partnerlens-tencent#secret_key",
				"PARTNERLENS_HUAWEI_AK=huawei-csms:partnerlens-huawei#ak", "PARTNERLENS_HUAWEI_SK=huawei-csms:partnerlens-huawei#sk",
				"PARTNERLENS_TENCENT_ENDPOINT=" + cloud.URL, "PARTNERLENS_HUAWEI_ENDPOINT=" + cloud.URL, "PARTNERLENS_HUAWEI_DOMAIN_ID=" + simulator.DomainID,
				"PARTNERLENS_HUAWEI_CSMS_ENDPOINT=" + cloud.URL, "PARTNERLENS_STORE=file://" + t.TempDir(),
			}
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
			ask := func(event []byte) graphAnswer {
				t.Helper()
				late := time.After(time.Minute)
				select {
				case events <- event:
				case <-late:
					t.Fatalf("no event was fetched\n%s", &log)
				}
				select {
				case answer := <-answers:
					return answer
				case <-late:
					t.Fatalf("no answer\n%s", &log)
				}
				return graphAnswer{}
			}
			sample, err := os.ReadFile(filepath.Join(function, "events", "functiongraph-timer.json"))
			if err != nil {
				t.Fatal(err)
			}
			if got := ask(sample); got.kind != "response" || got.id != "request-1" {
				t.Errorf("the sample: %+v %s", got, got.body)
			} else {
				compare(t, filepath.Join(function, "events", "golden", "functiongraph-timer.json"), steady(t, got.body))
			}
			timer := `{"version":"v1.0","time":"2026-11-22T09:05:00+08:00","trigger_type":"TIMER","trigger_name":"watch","user_event":"{\"watch\":\"now\"}"}`
			for i, state := range []string{"done", "already"} {
				got := ask([]byte(timer))
				if got.kind != "response" || got.id != fmt.Sprintf("request-%d", i+2) || !strings.Contains(string(got.body), `"state":"`+state+`"`) || !strings.Contains(string(got.body), `"run":"2026-11-22"`) {
					t.Errorf("want %s: %s %s %s", state, got.id, got.kind, got.body)
				}
			}
			if got := ask([]byte(`{"trigger_type":"OBS"}`)); got.kind != "error" || !strings.Contains(string(got.body), "trigger_type") {
				t.Errorf("an event of another trigger: %s %s", got.kind, got.body)
			}
			if got := ask([]byte(timer)); got.kind != "response" {
				t.Errorf("after a failure: %s %s", got.kind, got.body)
			}
			t.Logf("it printed:\n%s", &log)
			if strings.Contains(log.String(), simulator.KeySecret) {
				t.Error("a key is in what it printed")
			}
		})
	}
}

// The image holds what scripts/build.sh makes and nothing else, without a user's name.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	said := make(map[string][]string)
	for line := range strings.Lines(string(text)) {
		if instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " "); instruction != "" && instruction != "#" {
			said[instruction] = append(said[instruction], rest)
		}
	}
	for instruction, want := range map[string][]string{
		"FROM": {"scratch"},
		"USER": {"65532:65532"}, // a number, and not 0: orchestrators look at it
		"COPY": {"dist/container/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt", "dist/container/${TARGETARCH}/partnerlens /partnerlens",
			"--chown=65532:65532 dist/container/runs /runs"}, // a new volume there may be written to
		"RUN": nil, "ADD": nil, "ENV": nil, // nothing to run it with, nothing fetched, no key
		"ENTRYPOINT": {`["/partnerlens"]`},
	} {
		if !slices.Equal(said[instruction], want) {
			t.Errorf("%s %q, want %q", instruction, said[instruction], want)
		}
	}
	if check := said["HEALTHCHECK"]; len(check) != 1 || !strings.HasSuffix(check[0], `CMD ["/partnerlens", "health"]`) {
		t.Errorf("HEALTHCHECK %q", check)
	}
	if os.Getenv("PARTNERLENS_DIST") == "" {
		return
	}
	for _, file := range []string{"ca-certificates.crt", "runs", "amd64/partnerlens", "arm64/partnerlens"} {
		if _, err := os.Stat(filepath.Join(dist, "container", file)); err != nil {
			t.Error(err)
		}
	}
	binary, err := os.ReadFile(filepath.Join(dist, "container", "amd64", "partnerlens"))
	if err != nil || bytes.Contains(binary, []byte("/lib64/ld-linux")) {
		t.Errorf("the binary wants a loader that scratch has not: %v", err)
	}
}
