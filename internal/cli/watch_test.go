package cli_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
		name, _ := filepath.Rel(store, path)
		all[name] = string(text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range all {
		if filepath.Base(name) != "manifest.json" {
			continue
		}
		var m map[string]any
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		asOf := m["as_of"].(string)
		for _, varies := range []string{"as_of", "finished_at", "attempt", "attempts", "invocations", "read_ms", "finish_ms", "request_ids", "objects"} {
			delete(m, varies)
		}
		same, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(same)
		for other := range all {
			if strings.Contains(other, "/"+m["function"].(string)+"/") {
				all[other] = strings.ReplaceAll(all[other], asOf, "AS-OF")
			}
		}
	}
	return all
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

// The real command, killed at any moment and started again, ends with the bytes
// of one that was left alone.
func TestWatchIsKilled(t *testing.T) {
	t.Parallel()
	sim, err := simulator.New(simulator.Options{Customers: 300, Latency: 15 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); server.Close() })
	env := append(simulator.Env(server.URL), "PARTNERLENS_TENCENT_RATE=0", "PARTNERLENS_HUAWEI_RATE=0")

	calm := t.TempDir()
	began := time.Now()
	watch(t, env, calm, 0)
	took := time.Since(began)
	want := runObjects(t, calm)
	if len(want) != 15 { // six objects and latest.json of either function, and store.json
		t.Fatalf("%d objects", len(want))
	}
	delete(want, "store.json") // which no two stores share
	const kills = 12
	struck := 0
	for i := range kills {
		store := t.TempDir()
		for after := took * time.Duration(i+1) / (kills + 1); watch(t, env, store, after); after += took / 4 {
			struck++
			expireLeases(t, store)
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
