package functions_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"partnerlens/internal/simulator"
)

// What stands in for commands that need an account, an engine or another server: they are written
// down and answer what the page goes on with. All else on the pages is run, so that a new line is
// either run, or begins with one of these names, or fails the test.
const (
	away = `#!/bin/bash
case "$(basename "$0") $*" in "curl "*//127.0.0.1*) PATH=${PATH#*:} exec curl "$@" ;; esac
printf '%s\n' "$(basename "$0") $(printf '%q ' "$@")" >>"$CALLS"
case "$(basename "$0") $*" in
"aws configure export-credentials"*) echo "export AWS_ACCESS_KEY_ID=AKSAMPLE AWS_SECRET_ACCESS_KEY=sample-secret AWS_SESSION_TOKEN=sample-token" ;;
"aws cloudformation"*Url*) echo https://sample.lambda-url.example.com/ ;;
"aws cloudformation"*Runs*) echo s3://sample/runs/ ;;
"aws cloudformation"*) echo arn:aws:sample ;;
"aws iam list-entities-for-policy"*) echo somebody else ;;
esac
`
	// The functions and the command line are built already.
	goInstead = `#!/bin/bash
case "$*" in
"run ./cmd/partnerlens alert test") printf 'go %s\n' "$*" >>"$CALLS" ;; # its channels are elsewhere
"run ./cmd/partnerlens simulate "*) shift 2; exec serves "$PARTNERLENS" "$@" ;;
"run ./cmd/partnerlens "*) shift 2; exec "$PARTNERLENS" "$@" ;;
*) echo "the test does not know: go $*" >&2; exit 1 ;;
esac
`
	// What serves until it is stopped is asked once.
	serves = `#!/bin/bash
: >served # which the one before filled
"$@" >>served 2>served.log &
server=$!
for _ in $(seq 300); do
	url=$(sed -n 's/^listening on //p' served)
	[ -n "$url" ] && break
	kill -0 $server 2>/dev/null || break
	sleep 0.1
done
if [ -z "$url" ]; then cat served.log >&2; exit 1; fi
case "$*" in *tags*) curl -sS --fail --noproxy '*' "$url/v1/tags?limit=5" ;; esac
kill $server
wait $server
exit 0
`
	// scripts/check.sh runs these themselves.
	built    = "#!/bin/bash\n[ $# = 0 ] && [ -d dist ]\n"
	samLocal = `#!/bin/bash
case $1 in check | events | api) ;; invoke) [ -f "$3" ] && [ -d "functions/$2" ] ;; *) exit 2 ;; esac
`
	scfLocal = `#!/bin/bash
case $1 in check | events) ;; invoke) [ -f "$3" ] && [ -d "functions/$2" ] ;; *) exit 2 ;; esac
`
)

// aLog is what docs/operate.md searches: lines of others are among ours.
const aLog = `START RequestId: 1
{"time":"2026-11-22T01:05:09Z","level":"INFO","msg":"watched","account":"north","run":"2026-11-22","state":"done","customers":60,"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}
{"time":"2026-11-22T01:05:10Z","level":"INFO","msg":"audit","code":"unauthenticated","source":"192.0.2.1"}
{"time":"2026-11-22T01:05:11Z","level":"INFO","msg":"audit","code":"unauthenticated","source":"192.0.2.1"}
`

var elsewhere = []string{"aws", "sam", "tccli", "scf", "npm", "docker", "curl"}

// pageFolder is a copy of the clone as a page leaves it after scripts/build.sh, with
// what stands in for others first in its path.
func pageFolder(t *testing.T, binary string) (folder string, env []string) {
	t.Helper()
	folder = t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, name string) {
		t.Helper()
		to, err := filepath.Abs(to)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o755)
		}
		if err == nil {
			err = os.Symlink(to, filepath.Join(folder, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"samconfig.toml", "template.yaml", "serverless.yml", "deploy", "functions", "scripts/tencent-url.sh", "Dockerfile"} {
		link(filepath.Join("..", name), name)
	}
	write("scripts/build.sh", built)
	write("log", aLog)
	write("scripts/sam-local.sh", samLocal)
	write("scripts/scf-local.sh", scfLocal)
	for _, name := range elsewhere {
		write("bin/"+name, away)
	}
	write("bin/go", goInstead)
	write("bin/serves", serves)
	if os.Getenv("PARTNERLENS_DIST") != "" {
		link(dist, "dist")
	} else {
		link(scfPackage(t, readDeployed(t)), "dist/scf/package")
		pack := exec.Command("go", "run", "../scripts/pack", filepath.Join(folder, "tags.zip"), "../deploy/functiongraph/bootstrap", "tags="+filepath.Join(dist, "lambda", "tags", "bootstrap"))
		if out, err := pack.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		link(filepath.Join(folder, "tags.zip"), "dist/functiongraph/tags.zip")
	}
	return folder, []string{"PATH=" + filepath.Join(folder, "bin") + ":" + os.Getenv("PATH"), "HOME=" + folder, "PARTNERLENS=" + binary, "CALLS=" + filepath.Join(folder, "calls")}
}

// follow types what a page says, all of it in one shell, and gives what that printed
// and which calls went elsewhere.
func follow(t *testing.T, page, folder string, env []string, instead ...string) (printed string, calls []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	script.WriteString("set -euo pipefail\n")
	for _, block := range regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		if block[1] == "" && !strings.HasPrefix(block[2], "filter ") { // which is for the console of CloudWatch
			script.WriteString(block[2])
		}
	}
	for i := 0; i < len(instead); i += 2 {
		if !strings.Contains(script.String(), instead[i]) {
			t.Errorf("docs/%s does not say %s any more", page, instead[i])
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash")
	shell.Dir, shell.Env = folder, env
	shell.Args = append(shell.Args, "-c", strings.NewReplacer(instead...).Replace(script.String()))
	out, err := shell.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("docs/%s: %v\n%s", page, err, out)
	}
	written, err := os.ReadFile(filepath.Join(folder, "calls"))
	if err != nil && page != "operate.md" {
		t.Fatal(err)
	}
	return string(out), strings.Split(strings.TrimSpace(string(written)), "\n")
}

// called returns how often a command that starts so was called.
func called(calls []string, start string) (n int) {
	for _, call := range calls {
		if strings.HasPrefix(call, start) {
			n++
		}
	}
	return n
}

// Every command of a page works, as far as can be seen without an account.
func TestPagesCanBeFollowed(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "curl", "unzip", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the pages use %s, which is not installed", tool)
		}
	}
	sim, err := simulator.New(simulator.Options{Customers: 60})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); server.Close() })
	binary, err := filepath.Abs(commandLine())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		page    string
		instead []string // of what the page says: ports and folders that others may have
		prints  []string
		calls   map[string]int // that go elsewhere
		left    func(t *testing.T, folder string)
	}{
		{page: "deploy-aws.md", calls: map[string]int{
			"sam build": 2, "sam deploy": 2, "aws secretsmanager create-secret": 2, "aws lambda invoke": 2, "curl --aws-sigv4": 1,
			"aws iam detach-user-policy --user-name somebody --policy-arn arn:aws:sample": 1, "aws iam detach-role-policy": 2,
			"aws s3 rm --recursive s3://sample/runs/": 1, "aws secretsmanager delete-secret": 4, "go run ./cmd/partnerlens alert test": 1,
		}, left: keysAreGone},
		{page: "deploy-tencent.md", instead: []string{"--listen 127.0.0.1:9090", "--listen 127.0.0.1:0", "http://127.0.0.1:9090", server.URL},
			prints: []string{`"count":5`, "tccli scf CreateTrigger --FunctionName partnerlens-credit"},
			calls: map[string]int{
				"tccli cam CreatePolicy": 2, "tccli scf CreateTrigger --FunctionName partnerlens-tags": 1, "tccli cls CreateIndex": 1, "scf deploy": 1, "tccli scf CreateFunction": 1,
			}, left: policiesAreFilledIn},
		{page: "deploy-huawei.md", instead: []string{"--listen 127.0.0.1:9090", "--listen 127.0.0.1:0", "http://127.0.0.1:9090", server.URL,
			"  /tmp/tags/bootstrap 127.0.0.1:8000", "  serves unpacked/tags/bootstrap 127.0.0.1:0", "/tmp/tags", "unpacked/tags"},
			prints: []string{`"count":5`},
			calls:  map[string]int{"docker build -t partnerlens .": 1, "docker run": 2, "curl https": 1}},
		{page: "operate.md", prints: []string{
			"2026-11-22T01:05:09Z\tnorth\t2026-11-22\tdone\t60\t\n", `"calls": 2`, "\n{\"time\":\"2026-11-22T01:05:09Z\""}},
	} {
		t.Run(test.page, func(t *testing.T) {
			t.Parallel()
			folder, env := pageFolder(t, binary)
			printed, calls := follow(t, test.page, folder, env, test.instead...)
			for _, want := range test.prints {
				if !strings.Contains(printed, want) {
					t.Errorf("nothing prints %q", want)
				}
			}
			for start, want := range test.calls {
				if got := called(calls, start); got != want {
					t.Errorf("%d calls of %s, want %d; all are\n%s", got, start, want, strings.Join(calls, "\n"))
				}
			}
			if test.left != nil {
				test.left(t, folder)
			}
		})
	}
}

func keysAreGone(t *testing.T, folder string) {
	for _, name := range []string{"tencent.json", "huawei.json"} {
		if _, err := os.Stat(filepath.Join(folder, name)); err == nil {
			t.Errorf("%s, which holds a key, is left behind", name)
		}
	}
}

func policiesAreFilledIn(t *testing.T, folder string) {
	for function, cloud := range map[string]string{"credit": "tencent", "tags": "huawei"} {
		text, err := os.ReadFile(filepath.Join(folder, "policy-"+function+".json"))
		if err != nil || !json.Valid(text) {
			t.Errorf("%s: %v\n%s", function, err, text)
		}
		for _, want := range []string{"/partnerlens-" + cloud + `"`, "/partnerlens-keys", "runs/" + function + "/*", "uid/1250000000:partnerlens-1250000000/"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("the policy of %s has no %s: %s", function, want, text)
			}
		}
		if left := regexp.MustCompile(`\b(FUNCTION|CLOUD|REGION|APP_ID|OWNER_UIN|CREATOR_UIN)\b`).Find(text); left != nil {
			t.Errorf("the policy of %s still says %s", function, left)
		}
	}
}

// A page may go on to what CI runs by itself.
func TestWhatThePagesLeaveToCI(t *testing.T) {
	t.Parallel()
	check, err := os.ReadFile("../scripts/check.sh")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(check), "\n")
	for _, want := range []string{"scripts/build.sh", "scripts/sam-local.sh all", "scripts/scf-local.sh all", "scripts/container.sh"} {
		if !slices.Contains(lines, want) {
			t.Errorf("scripts/check.sh does not run %s", want)
		}
	}
}
