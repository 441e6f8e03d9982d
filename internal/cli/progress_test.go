package cli

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
)

// screen is what a progress wrote.
type screen struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.String()
}

// shown returns a progress and its screen; a terminal has 20 columns.
func shown(env map[string]string, quiet, terminal bool) (*progress, *screen) {
	std := pipeOf(env)
	out := new(screen)
	std.err = out
	p := newProgress(std, quiet)
	if terminal {
		p.terminal, p.every, p.last = true, 100*time.Millisecond, time.Time{}
		p.width = func() int { return 20 }
	}
	return p, out
}

// Where stderr is no terminal there is a plain line every ten seconds, and none of a short command.
func TestPlainProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, out := shown(nil, false, false)
		for i := range 350 { // 35 s
			p.show(fmt.Sprint("line ", i))
			time.Sleep(100 * time.Millisecond)
		}
		p.clear()
		if !regexp.MustCompile(`^line (99|100)\nline (199|200)\nline (299|300)\n$`).MatchString(out.String()) {
			t.Errorf("35 s say %q", out)
		}
		time.Sleep(time.Minute)
		if strings.Count(out.String(), "\n") != 3 {
			t.Errorf("a cleared line is shown: %q", out)
		}
	})
	synctest.Test(t, func(t *testing.T) { // a wait is no reason to say nothing
		p, out := shown(nil, false, false)
		time.Sleep(time.Second)
		p.show("one")
		time.Sleep(time.Minute)
		if p.clear(); out.String() != "one\n" {
			t.Errorf("a minute says %q", out)
		}
	})
}

// On a terminal the line is redrawn at most ten times a second, its last state is shown, it is
// never wider than the terminal, and clear leaves nothing.
func TestProgressOnATerminal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, out := shown(nil, false, true)
		for i := range 1000 { // 1 s
			p.show(fmt.Sprintf("示例科技有限公司 %d customers", i))
			time.Sleep(time.Millisecond)
		}
		if n := strings.Count(out.String(), "\r"); n < 9 || n > 11 {
			t.Errorf("a second has %d lines", n)
		}
		p.show("last")
		time.Sleep(time.Second)
		lines := strings.Split(out.String(), "\r\x1b[K")
		for _, line := range lines {
			if text.StringWidth(line) > 19 {
				t.Errorf("the line is wider than the terminal: %q", line)
			}
		}
		if lines[len(lines)-1] != "last" {
			t.Errorf("the last line is %q", lines[len(lines)-1])
		}
		p.show("a\x1b[2J")
		time.Sleep(time.Second)
		if !strings.HasSuffix(out.String(), `a\x1b[2J`) {
			t.Errorf("a line steers the terminal: %q", out)
		}
		p.show("more")
		p.clear()
		cleared := out.String()
		if time.Sleep(time.Second); !strings.HasSuffix(cleared, "\r\x1b[K") || out.String() != cleared {
			t.Errorf("clear leaves %q", out)
		}
		p.clear()
		if out.String() != cleared {
			t.Error("clear without a line writes")
		}
	})
}

func TestNoProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, p := range []struct {
			env   map[string]string
			quiet bool
		}{{nil, true}, {map[string]string{"TERM": "dumb"}, false}} {
			for _, terminal := range []bool{false, true} {
				progress, out := shown(p.env, p.quiet, terminal)
				progress.show("line")
				time.Sleep(time.Minute)
				if progress.clear(); out.String() != "" {
					t.Errorf("%+v says %q", p, out)
				}
			}
		}
	})
}

func TestProgressIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, out := shown(nil, false, true)
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				for range 50 {
					p.show(fmt.Sprint(i))
					time.Sleep(7 * time.Millisecond)
					p.clear()
				}
			})
		}
		group.Wait()
		p.clear()
		time.Sleep(time.Second)
		if !strings.HasSuffix(out.String(), "\r\x1b[K") {
			t.Errorf("the end is %q", out)
		}
	})
}

func TestPaceText(t *testing.T) {
	t.Parallel()
	total := func(n int) *int { return &n }
	for _, test := range []struct {
		took      time.Duration
		customers int
		total     *int
		want      string
	}{
		{500 * time.Millisecond, 50, total(100), "1 page, 50 of 100 customers"},
		{2 * time.Second, 1000, total(31000), "1 page, 1000 of 31000 customers, 500/s, 1m left"},
		{2 * time.Second, 1000, total(6000), "1 page, 1000 of 6000 customers, 500/s, 10s left"},
		{2 * time.Second, 1000, nil, "1 page, 1000 customers, 500/s"},
		{10 * time.Second, 45, nil, "1 page, 45 customers, 4.5/s"},
		{time.Hour, 0, total(9), "1 page, 0 of 9 customers"},
		{time.Hour, 9, total(9), "1 page, 9 of 9 customers, checking that none is missing"},
		{time.Hour, 1, total(1), "1 page, 1 of 1 customer, checking that none is missing"},
		{time.Second, 12, total(10), "1 page, 12 of 10 customers, checking that none is missing"},
	} {
		if got := pagesText(1, test.customers, test.total) + paceText(test.took, test.customers, test.total); got != test.want {
			t.Errorf("%s: %q, want %q", test.took, got, test.want)
		}
	}
}
