package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"unicode"
	"unsafe"

	"github.com/jedib0t/go-pretty/v6/text"

	"partnerlens/internal/simulator"
)

// pseudoTerminal opens a terminal of so many columns and gives both of its ends.
func pseudoTerminal(t *testing.T, columns uint16) (screen, terminal *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("there are no pseudo-terminals: %v", err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	var number, unlocked uint32
	for request, argument := range map[uintptr]*uint32{syscall.TIOCSPTLCK: &unlocked, syscall.TIOCGPTN: &number} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, screen.Fd(), request, uintptr(unsafe.Pointer(argument))); errno != 0 {
			t.Fatal(errno)
		}
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	size := [4]uint16{40, columns}
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, terminal.Fd(), syscall.TIOCSWINSZ, uintptr(unsafe.Pointer(&size))); errno != 0 {
		t.Fatal(errno)
	}
	return screen, terminal
}

// onTerminal runs a command on a terminal and gives what it writes there, stderr included, and
// its exit status.
func onTerminal(t *testing.T, columns uint16, env []string, args ...string) (shown string, status int) {
	t.Helper()
	screen, terminal := pseudoTerminal(t, columns)
	command := self(t, env, args...)
	command.Stdout, command.Stderr = terminal, terminal
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	_ = terminal.Close()
	all, _ := io.ReadAll(screen) // ends with an error once the command has closed the terminal
	_ = command.Wait()
	return string(all), command.ProcessState.ExitCode()
}

// self returns the real command, which is this binary.
func self(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	file, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), file, args...)
	command.Args[0], command.Env = "partnerlens", append(env, "PARTNERLENS_TENCENT_RATE=0", "PARTNERLENS_HUAWEI_RATE=0")
	return command
}

// simulated returns the environment of simulated clouds. hang answers no more than so many calls
// and then says on reached that it has one more; 0: every call.
func simulated(t *testing.T, customers, hang int) (env []string, reached chan struct{}) {
	t.Helper()
	sim, err := simulator.New(simulator.Options{Customers: customers})
	if err != nil {
		t.Fatal(err)
	}
	reached = make(chan struct{}, 1000)
	var calls atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) > int64(hang) && hang > 0 {
			_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the caller goes
			reached <- struct{}{}
			<-r.Context().Done()
			return
		}
		sim.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { server.Close(); sim.Close() })
	return simulator.Env(server.URL), reached
}

const (
	erase  = "\r\x1b[K"
	colour = "\x1b[3" // the beginning of one
)

// screenLines returns the lines that a terminal shows in the end, without colours.
func screenLines(t *testing.T, shown string) []string {
	t.Helper()
	lines := strings.Split(strings.ReplaceAll(shown, "\r\n", "\n"), "\n")
	for i, line := range lines {
		line = line[strings.LastIndex(line, erase)+1:]
		line = strings.TrimRight(strings.TrimPrefix(line, erase[1:]), "\r")
		line = regexp.MustCompile(`\x1b\[(3[123]|0)m`).ReplaceAllString(line, "")
		if strings.ContainsFunc(line, unicode.IsControl) {
			t.Errorf("what is shown steers the terminal: %+q", line)
		}
		lines[i] = line
	}
	return lines
}

// On a terminal no row of a table wraps, the header has a line of its own, progress is gone in
// the end, and statuses have colours unless the user does not want them.
func TestTableOnATerminal(t *testing.T) {
	t.Parallel()
	env, _ := simulated(t, 60, 0)
	for _, test := range []struct {
		command, env string
		columns      uint16
		colours      bool
		header       string
	}{
		{"credit", "", 80, true, "customer_id name remaining status"},
		{"credit", "", 200, true, "customer_id name mobile allocated remaining currency status nearest_expiry_date"},
		{"tags", "", 80, true, "customer_id status days_left name"},
		{"tags", "NO_COLOR=1", 200, false, "customer_id status effective_month expire_month days_left name owner"},
		{"tags", "TERM=dumb", 80, false, "customer_id status days_left name"},
	} {
		shown, status := onTerminal(t, test.columns, append(env, "TERM=xterm", test.env), test.command)
		lines := screenLines(t, shown)
		if status != 0 || len(lines) < 62 || strings.Join(strings.Fields(lines[0]), " ") != test.header {
			t.Fatalf("%+v ends with %d and shows %+q", test, status, shown)
		}
		for _, line := range lines[:61] {
			if width := text.StringWidth(line); width > int(test.columns) || !strings.HasPrefix(line, " ") {
				t.Errorf("%+v shows a row of %d columns: %q", test, width, line)
			}
		}
		if got := strings.Contains(shown, colour); got != test.colours {
			t.Errorf("%+v shows colours: %t", test, got)
		}
		if last := lines[len(lines)-2]; !strings.HasPrefix(last, "60 customers of ") || strings.Contains(strings.Join(lines, " "), "page") {
			t.Errorf("%+v leaves %q", test, lines[60:])
		}
		if progress := strings.Contains(shown, " page"); progress != (test.env != "TERM=dumb") {
			t.Errorf("%+v shows progress: %t", test, progress)
		}
	}
	if shown, _ := onTerminal(t, 80, env, "credit", "--quiet"); strings.Contains(shown, "page") || strings.Contains(shown, "complete") {
		t.Errorf("--quiet says %+q", shown)
	}
}

// JSON on a terminal is indented, and other formats are not mixed with progress.
func TestFormatsOnATerminal(t *testing.T) {
	t.Parallel()
	env, _ := simulated(t, 60, 0)
	for format, want := range map[string]string{"json": "{\n  \"items\": [\n    {\n      \"provider\"", "ndjson": `{"provider":`, "csv": "provider,account,"} {
		shown, status := onTerminal(t, 80, env, "tags", "--output", format)
		if got := strings.Join(screenLines(t, shown), "\n"); status != 0 || !strings.HasPrefix(got, want) || strings.Contains(got, " page") {
			t.Errorf("%s ends with %d and shows %.300q", format, status, got)
		}
		if i := strings.LastIndex(shown, erase); i > strings.Index(shown, "provider") && !strings.Contains(shown[:i], "page") {
			t.Errorf("%s: progress goes on among the records", format)
		}
	}
}

// The first interrupt ends a read like a deadline: what was read is written in every format, with
// a cursor that continues there.
func TestInterruptKeepsWhatWasRead(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"credit", "tags"} {
		for _, format := range []string{"json", "ndjson", "csv", "table"} {
			t.Run(command+" "+format, func(t *testing.T) {
				t.Parallel()
				const customers = 600
				env, reached := simulated(t, customers, 4)
				screen, terminal := pseudoTerminal(t, 80)
				ask := self(t, env, command, "--output", format, "--columns", "customer_id")
				if format != "table" {
					ask.Args = ask.Args[:4]
				}
				var out bytes.Buffer
				ask.Stdout, ask.Stderr = &out, terminal
				if err := ask.Start(); err != nil {
					t.Fatal(err)
				}
				_ = terminal.Close()
				said := readUntil(t, screen, "customers")
				<-reached
				if err := ask.Process.Signal(os.Interrupt); err != nil {
					t.Fatal(err)
				}
				rest, _ := io.ReadAll(screen)
				_ = ask.Wait()
				said += string(rest)
				if status := ask.ProcessState.ExitCode(); status != 130 || !strings.Contains(said, "NOT COMPLETE: interrupted") {
					t.Fatalf("it ends with %d and says %+q", status, said)
				}
				_, cursor, found := strings.Cut(said, "go on with --cursor ")
				cursor = strings.TrimSpace(cursor)
				if format != "table" && !strings.Contains(out.String(), cursor) || !found {
					t.Fatalf("the cursor is missing: %.300s", &out)
				}
				if format == "json" && !json.Valid(out.Bytes()) {
					t.Errorf("the JSON cannot be read: %.300s", &out)
				}
				customer := regexp.MustCompile(`"customer_id":"|,default,[0-9a-f]|(?m)^ [0-9a-f]{12}`)
				first := len(customer.FindAll(out.Bytes(), -1))
				env, _ = simulated(t, customers, 0)
				more, err := self(t, env, command, "--output", "csv", "--quiet", "--cursor", cursor).Output()
				if second := len(customer.FindAll(more, -1)); err != nil || first == 0 || first+second != customers {
					t.Errorf("%v: %d and then %d of %d customers", err, first, second, customers)
				}
			})
		}
	}
}

// readUntil reads until the terminal has shown a text.
func readUntil(t *testing.T, screen *os.File, want string) string {
	t.Helper()
	var shown []byte
	for b := make([]byte, 256); !bytes.Contains(shown, []byte(want)); {
		n, err := screen.Read(b)
		if err != nil {
			t.Fatalf("%v after %+q", err, shown)
		}
		shown = append(shown, b[:n]...)
	}
	return string(shown)
}

// On a terminal no format passes on what a customer's name could do there; in a pipe every name
// is as it is.
func TestNamesOnATerminal(t *testing.T) {
	t.Parallel()
	const name = "A\u009b31m\u202e\u200b\U000e0041\x7fZ"
	cloud := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		quoted, _ := json.Marshal(name)
		fmt.Fprintf(w, `{"Response":{"RequestId":"00000000-0000-4000-8000-000000000001","Total":1,"Data":[{"ClientUin":200000000001,"Name":%s,"Credit":10,"RemainingCredit":5,"Force":0}]}}`, quoted)
	}))
	t.Cleanup(cloud.Close)
	command := func(format string) *exec.Cmd {
		return self(t, append(simulator.Env(cloud.URL), "NO_COLOR=1"), "credit", "--output", format, "--quiet")
	}
	for _, format := range []string{"table", "json", "ndjson", "csv"} {
		screen, terminal := pseudoTerminal(t, 80)
		ask := command(format)
		var said strings.Builder
		ask.Stdout, ask.Stderr = terminal, &said
		if err := ask.Start(); err != nil {
			t.Fatal(err)
		}
		_ = terminal.Close()
		shown, _ := io.ReadAll(screen) // ends with an error once the command has closed the terminal
		if err := ask.Wait(); err != nil {
			t.Fatalf("%s: %v, %s", format, err, &said)
		}
		for _, r := range strings.NewReplacer("\r", "", "\n", "").Replace(string(shown)) {
			if !unicode.IsPrint(r) {
				t.Errorf("%s on a terminal: %+q", format, shown)
				break
			}
		}
		if !strings.Contains(string(shown), `\u009b31m\u202e\u200b`) {
			t.Errorf("%s on a terminal does not show what is in the name: %+q", format, shown)
		}
		if format == "table" {
			continue
		}
		piped, err := command(format).Output()
		if err != nil || !strings.Contains(string(piped), "A\u009b31m\u202e\u200b\U000e0041") {
			t.Errorf("%s in a pipe changes the name: %v, %+q", format, err, piped)
		}
	}
}
