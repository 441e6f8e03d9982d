package cli_test

import (
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"partnerlens/internal/simulator"
)

// A terminal shows how far each account is, and the progress is gone before the summary; with
// --quiet there is nothing on stderr.
func TestWatchOnATerminal(t *testing.T) {
	t.Parallel()
	sim, err := simulator.New(simulator.Options{Customers: 1500, Work: simulator.Constant(10 * time.Millisecond)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); server.Close() })
	env := append(os.Environ(), simulator.Env(server.URL)...)
	env = append(env, "PARTNERLENS_TENCENT_RATE=0", "PARTNERLENS_HUAWEI_RATE=0", "TERM=xterm")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, quiet := range []bool{false, true} {
		screen, terminal := pseudoTerminal(t, 200)
		c := exec.Command(self, "watch", "--store", "file://"+t.TempDir(), "--run", "2026-11-22")
		if quiet {
			c.Args = append(c.Args, "--quiet")
		}
		var out strings.Builder
		c.Args[0], c.Env, c.Stdout, c.Stderr = "partnerlens", env, &out, terminal
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		_ = terminal.Close()
		shown, _ := io.ReadAll(screen) // ends with an error when the command does
		if err := c.Wait(); err != nil {
			t.Fatalf("%v: %s", err, shown)
		}
		text := string(shown)
		switch {
		case quiet && text != "":
			t.Errorf("with --quiet: %q", text)
		case quiet:
		case !strings.Contains(text, "credit default ") || !strings.Contains(text, " of 1500 customers") || !strings.Contains(text, "tags default "):
			t.Errorf("no progress: %q", text)
		case !strings.HasSuffix(text, "\r\x1b[K"):
			t.Errorf("the progress stays: %q", text)
		}
		if !strings.Contains(out.String(), "credit default 2026-11-22: 1500 customers, complete") || strings.Contains(out.String()+text, "msg=") {
			t.Errorf("%s", &out)
		}
	}
}
