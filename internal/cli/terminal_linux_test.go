package cli_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"unicode"
	"unsafe"

	"partnerlens/internal/simulator"
)

// pseudoTerminal opens a terminal and gives both of its ends.
func pseudoTerminal(t *testing.T) (screen, terminal *os.File) {
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
	return screen, terminal
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
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := func(format string) *exec.Cmd {
		ask := exec.Command(self, "credit", "--output", format, "--quiet")
		ask.Args[0], ask.Env = "partnerlens", append(simulator.Env(cloud.URL), "PARTNERLENS_TENCENT_RATE=0", "NO_COLOR=1")
		return ask
	}
	for _, format := range []string{"table", "json", "ndjson", "csv"} {
		screen, terminal := pseudoTerminal(t)
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
