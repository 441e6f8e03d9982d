package cli_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"partnerlens/internal/simulator"
)

// watch runs the real command until it ends, or kills it after a time.
func watch(t *testing.T, env []string, store string, killAfter time.Duration) (killed bool) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, self, "watch", "--run", "2026-11-22", "--store", "file://"+store)
	c.Args[0] = "partnerlens"
	c.Env = append(os.Environ(), env...)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if killAfter > 0 {
		timer := time.AfterFunc(killAfter, func() { _ = c.Process.Kill() }) // SIGKILL
		defer timer.Stop()
	}
	err = c.Wait()
	if err != nil && (killAfter == 0 || c.ProcessState.ExitCode() != -1) {
		t.Fatalf("%v\n%s", err, &out)
	}
	return err != nil
}

// runObjects are the objects of all runs, unpacked; what differs from time to time
// is made the same.
func runObjects(t *testing.T, store string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(store, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), ".") {
			return fs.SkipDir // what a process that was killed left half written, which is no object
		}
		if err != nil || entry.IsDir() || entry.Name() == "lease.json" { // of one that was killed: it expires
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.HasSuffix(path, ".gz") {
			packed, err := gzip.NewReader(bytes.NewReader(text))
			if err != nil {
				return err
			}
			if text, err = io.ReadAll(packed); err != nil {
				return err
			}
		}
		if strings.HasSuffix(path, ".xlsx") {
			text = partsOf(t, text)
		}
		name, _ := filepath.Rel(store, path)
		all[name] = string(text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	id := regexp.MustCompile(`"id":"[0-9a-f]+"`) // of the store, too
	for name, text := range all {
		text = id.ReplaceAllString(text, `"id":"ID"`)
		all[name] = text
		if filepath.Base(name) != "manifest.json" {
			continue
		}
		var m map[string]any
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		asOf := m["as_of"].(string)
		at, err := time.Parse(time.RFC3339, asOf)
		if err != nil {
			t.Fatal(err)
		}
		at = at.Add(8 * time.Hour) // as a workbook has it
		days := strconv.FormatFloat(float64(at.Unix())/86_400+25_569, 'f', -1, 64)
		times := strings.NewReplacer(asOf, "AS-OF", at.Format(time.DateTime), "AS-OF", "<v>"+days+"</v>", "AS-OF")
		for _, varies := range []string{"as_of", "finished_at", "attempt", "attempts", "invocations", "calls", "read_ms", "finish_ms", "request_ids", "objects"} {
			delete(m, varies)
		}
		same, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(same)
		for other := range all {
			if strings.Contains(other, "/"+m["function"].(string)+"/") {
				all[other] = times.Replace(all[other])
			}
		}
	}
	return all
}

// partsOf is the text of a workbook.
func partsOf(t *testing.T, workbook []byte) (text []byte) {
	t.Helper()
	parts, err := zip.NewReader(bytes.NewReader(workbook), int64(len(workbook)))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range parts.File {
		file, err := part.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(file)
		if err != nil {
			t.Fatal(err)
		}
		text = append(append(text, part.Name...), content...)
	}
	return text
}

// expireLeases is what 15 seconds do to the leases of a process that was killed.
func expireLeases(t *testing.T, store string) {
	t.Helper()
	leases, err := filepath.Glob(filepath.Join(store, "runs", "*", "*", "lease.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, lease := range leases {
		if err := os.Remove(lease); err != nil {
			t.Fatal(err)
		}
	}
}

// What the command prints and ends with where a run is not as it should be: held,
// unproven, or not delivered. What a shell reads is the status.
func TestWatchSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	var status atomic.Int64
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(status.Load())) }))
	t.Cleanup(hook.Close)
	good := `{"channels":[{"name":"ops","type":"webhook","url":"` + hook.URL + `"}]}`
	bad := `{"channels":[{"name":"ops","type":"webhook","url":"` + hook.URL + `"},{"name":"crm","type":"pigeon"}]}`
	for name, test := range map[string]struct {
		faults []string
		steps  []step
	}{
		"held": {[]string{"empty-day"}, []step{
			{200, 0, good, nil, 0, []string{": 60 customers, complete\n  changes    the first run"}},
			{200, 1, good, nil, 7, []string{": HELD, 0 customers: 60 of 60 known customers are missing", "partnerlens watch --accept --run "}},
			{200, 1, good, []string{"-o", "json"}, 7, []string{`"complete":false`, `"state":"held"`}},
			{200, 1, good, []string{"--accept"}, 0, []string{": 0 customers, complete\n  changes    since ", "60 gone", "60 customer_gone"}},
			{200, 1, good, []string{"--redeliver", "-o", "json"}, 0, []string{`"complete":true`, `"state":"redelivered"`, `"undelivered":[]`}},
		}},
		"unproven": {[]string{"total-high"}, []step{
			{200, 0, good, nil, 7, []string{": 60 customers, NOT PROVEN COMPLETE (the vendor counts 6", "  changes    the first run"}},
			{200, 0, good, []string{"-o", "json"}, 7, []string{`"complete":false`, `"state":"unproven"`}},
		}},
		"unreadable": {[]string{"bad-value"}, []step{
			{200, 0, good, nil, 0, []string{": 60 customers, complete", "  warning    value_unreadable: ", "; the customer is 2000001"}},
		}},
		"not delivered": {nil, []step{
			{404, 0, good, nil, 2, []string{": 60 customers, complete\n  changes    the first run", "NOT DELIVERED: ops (webhook): ", "the next call tries again"}},
			{400, 0, good, nil, 6, []string{"done before, ", "NOT DELIVERED: ops (webhook): ", "partnerlens watch --redeliver tries again"}},
			{400, 0, good, []string{"--redeliver"}, 6, []string{"redelivered, 1 message lacking", "NOT DELIVERED: ops (webhook): "}},
			{200, 0, good, []string{"--redeliver"}, 0, []string{"redelivered, 0 messages lacking"}},
			{200, 1, bad, nil, 2, []string{"complete\n  changes    since ", "NOT DELIVERED: PARTNERLENS_ALERTS", "is delivered once the setting is right"}},
			{200, 1, bad, []string{"-o", "json"}, 2, []string{`"complete":true,"accounts":[{"account":"default","state":"already","count":6`, `"undelivered":[{"channel":""`}},
			{200, 1, good, nil, 0, []string{"done before, "}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			sim, err := simulator.New(simulator.Options{Customers: 60, Faults: test.faults})
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(sim)
			t.Cleanup(func() { sim.Close(); server.Close() })
			store := t.TempDir()
			for _, step := range test.steps {
				sim.SetDay(step.day)
				status.Store(step.hook)
				// Two zones that are a day apart have two dates at every moment.
				zone := [...]string{"-11:00", "+13:00"}[step.day]
				out, exit := run(t, append(simulator.Env(server.URL), "PARTNERLENS_TENCENT_RATE=0", "PARTNERLENS_ALERTS="+step.alerts, "PARTNERLENS_WATCH_ZONE="+zone),
					append([]string{"watch", "--function", "credit", "--store", "file://" + store}, step.args...)...)
				if exit != step.exit {
					t.Errorf("%q: exit status %d, want %d", step.args, exit, step.exit)
				}
				for _, want := range step.want {
					if !strings.Contains(out, want) {
						t.Errorf("%q: no %q in\n%s", step.args, want, out)
					}
				}
				if strings.Contains(out, "level=") || strings.Count(out, "NOT DELIVERED") > 1 {
					t.Errorf("%q: a log, or the same twice: %s", step.args, out)
				}
				if strings.Contains(out, hook.URL) || strings.Contains(out, `"complete":true,"accounts":[]`) {
					t.Errorf("%q: %s", step.args, out)
				}
			}
		})
	}
}

// step is a call of the command, and what it says.
type step struct {
	hook   int64 // what the channel answers
	day    int
	alerts string
	args   []string
	exit   int
	want   []string
}

// run runs the real command, and gives what it printed.
func run(t *testing.T, env []string, args ...string) (out string, exit int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self, args...)
	c.Args[0] = "partnerlens"
	c.Env = append(os.Environ(), env...)
	text, err := c.CombinedOutput()
	if c.ProcessState == nil {
		t.Fatal(err)
	}
	return string(text), c.ProcessState.ExitCode()
}

// The real command, killed at any moment and started again, ends with the bytes
// of one that was left alone.
func TestWatchIsKilled(t *testing.T) {
	t.Parallel()
	sim, err := simulator.New(simulator.Options{Customers: 300, Work: simulator.Constant(15 * time.Millisecond)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); server.Close() })
	env := append(simulator.Env(server.URL), "PARTNERLENS_TENCENT_RATE=0", "PARTNERLENS_HUAWEI_RATE=0")

	calm := t.TempDir()
	start := time.Now()
	watch(t, env, calm, 0)
	took := time.Since(start)
	want := runObjects(t, calm)
	if len(want) != 20 { // eight objects and latest.json of either function, resellers.json of credit, and store.json
		t.Fatalf("%d objects", len(want))
	}
	delete(want, "store.json") // which no two stores share
	const kills = 12
	struck := 0
	for i := range kills {
		store := t.TempDir()
		start, before := time.Now(), struck
		for after := took * time.Duration(i+1) / (kills + 1); watch(t, env, store, after); after += took / 4 {
			struck++
			expireLeases(t, store)
		}
		if struck == before {
			took = time.Since(start) // the calm run was slower, as on a busy machine
		}
		watch(t, env, store, 0) // tidies up after one that was killed at its very end
		got := runObjects(t, store)
		delete(got, "store.json")
		if !maps.Equal(got, want) {
			for name, text := range got {
				if want[name] != text {
					t.Errorf("killed at %d of %d: %s differs", i+1, kills+1, name)
				}
			}
			if len(got) != len(want) {
				t.Errorf("killed at %d of %d: %d objects, want %d", i+1, kills+1, len(got), len(want))
			}
		}
	}
	if struck < kills/2 {
		t.Errorf("only %d kills struck", struck)
	}
}

// The real command, interrupted in the middle of a slow read: it says so, and the next call
// reads only the rest and ends with the bytes of one that was left alone.
func TestWatchIsInterrupted(t *testing.T) {
	t.Parallel()
	const customers = 600 // few: the days left of each follow from the second of the read
	sim, err := simulator.New(simulator.Options{Customers: customers, PageMax: 15, Work: simulator.Constant(30 * time.Millisecond)})
	if err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int64
	reached := make(chan struct{}, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		sim.ServeHTTP(w, r)
		reached <- struct{}{}
	}))
	t.Cleanup(func() { sim.Close(); server.Close() })
	env := append(simulator.Env(server.URL), "PARTNERLENS_TENCENT_RATE=0", "PARTNERLENS_HUAWEI_RATE=0")
	calm := t.TempDir()
	args := func(store string, more ...string) []string {
		return append([]string{"watch", "--function", "credit", "--run", "2026-11-22", "--store", "file://" + store}, more...)
	}
	if out, exit := run(t, env, args(calm)...); exit != 0 {
		t.Fatalf("%d: %s", exit, out)
	}
	want, all := runObjects(t, calm), calls.Load()
	delete(want, "store.json")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for signal, mode := range map[os.Signal]string{os.Interrupt: "", syscall.SIGTERM: "--force"} {
		store := t.TempDir()
		resume := "the next call resumes"
		if mode != "" { // of a run that has ended
			resume = "the next call with --force resumes"
			if err := os.CopyFS(store, os.DirFS(calm)); err != nil {
				t.Fatal(err)
			}
		}
		calls.Store(0)
		for len(reached) > 0 {
			<-reached
		}
		c := exec.Command(self, args(store, append(strings.Fields(mode), "--function", "all")...)...)
		c.Args[0], c.Env = "partnerlens", append(os.Environ(), env...)
		var out bytes.Buffer
		c.Stdout, c.Stderr = &out, &out
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		for range all / 2 {
			<-reached
		}
		if err := c.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait()
		if got := c.ProcessState.ExitCode(); got != 130 || !strings.Contains(out.String(), " of 600 customers; "+resume) || !strings.Contains(out.String(), "NOT FINISHED: interrupted after ") || !strings.Contains(out.String(), "tags: NOT STARTED: interrupted") {
			t.Errorf("%v: exit status %d, %s", signal, got, &out)
		}
		if leases, _ := filepath.Glob(filepath.Join(store, "runs", "*", "*", "lease.json")); leases != nil {
			t.Errorf("%v: the lease is kept", signal)
		}
		before := calls.Load()
		if out, exit := run(t, env, args(store, strings.Fields(mode)...)...); exit != 0 {
			t.Errorf("%d: %s", exit, out)
		}
		if rest := calls.Load() - before; rest > all*3/4 || calls.Load() > all+20 {
			t.Errorf("%v: %d calls of %d, and %d of them after the interruption", signal, calls.Load(), all, rest)
		}
		got := runObjects(t, store)
		if delete(got, "store.json"); !maps.Equal(got, want) {
			for name, text := range want {
				if got[name] != text {
					t.Errorf("%v: %s differs:\n%.1000s\n%.1000s", signal, name, got[name], text)
				}
			}
			t.Errorf("%v: %d objects, want %d", signal, len(got), len(want))
		}
	}

	// --force makes the run anew as often as it is given.
	for range 2 {
		calls.Store(0)
		if out, exit := run(t, env, args(calm, "--force")...); exit != 0 || calls.Load() < all || !strings.Contains(out, ": 600 customers, complete") {
			t.Errorf("%d, %d calls: %s", exit, calls.Load(), out)
		}
	}
}
