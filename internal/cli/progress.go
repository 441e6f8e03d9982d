package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"partnerlens/internal/api"
	"partnerlens/pkg/core"
)

// progress is one line on a terminal, which is rewritten. Elsewhere it is a plain line now and
// then. It is safe for concurrent use.
type progress struct {
	w        io.Writer // nil: nothing is written
	terminal bool
	width    func() int
	every    time.Duration // between two lines
	start    time.Time
	part     bool // the read is to have fewer customers than the vendor counts

	mu    sync.Mutex
	line  string // shown last; "": none
	drawn bool   // the terminal shows a line
	last  time.Time
	timer *time.Timer // draws a line that came too soon after another
}

// newProgress returns the progress of a command, on its stderr.
func newProgress(std streams, quiet bool) *progress {
	now := time.Now()
	p := &progress{w: std.err, terminal: isTerminal(std.err), width: func() int { return screenWidth(std.err, std.env) }, every: 100 * time.Millisecond, start: now}
	if quiet || std.env("TERM") == "dumb" {
		p.w = nil
	}
	if !p.terminal {
		p.every, p.last = 10*time.Second, now
	}
	return p
}

// show replaces the line.
func (p *progress) show(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w == nil {
		return
	}
	p.line = line
	switch wait := p.every - time.Since(p.last); {
	case wait <= 0:
		p.draw()
	case p.timer == nil:
		p.timer = time.AfterFunc(wait, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			if time.Since(p.last) >= p.every { // else another line was drawn just now
				p.draw()
			}
		})
	}
}

// draw writes the line, if there is one. p.mu is held.
func (p *progress) draw() {
	p.timer = nil
	switch {
	case p.line == "":
		return
	case p.terminal: // a line of the full width would wrap on some terminals
		_, _ = fmt.Fprintf(p.w, "\r\x1b[K%s", text.Snip(escape(p.line), max(1, p.width()-1), "…"))
		p.drawn = true
	default:
		_, _ = fmt.Fprintln(p.w, p.line)
	}
	p.last = time.Now()
}

// clear removes the line. Call it before anything else is written to the terminal.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line = ""
	if p.drawn {
		_, _ = fmt.Fprint(p.w, "\r\x1b[K")
		p.drawn = false
	}
}

// shownFor is a question during whose read there is progress.
type shownFor struct {
	api.Question
	progress *progress
}

// Read implements api.Question.
func (s shownFor) Read(ctx context.Context, keep func(core.Record) bool) (core.Report, error) {
	defer s.progress.clear()
	return s.Question.Read(core.WithTrace(ctx, &core.Trace{PageRead: s.progress.read}), keep)
}

// read shows a read under way; a nil total is not known.
func (p *progress) read(pages, customers int, total *int) {
	if p.part {
		total = nil
	}
	p.show(pagesText(pages, customers, total) + paceText(time.Since(p.start), customers, total))
}

// pagesText describes a read under way; a nil total is not known.
func pagesText(pages, customers int, total *int) string {
	if total != nil {
		return fmt.Sprintf("%s, %d of %s", count(pages, "page"), customers, count(*total, "customer"))
	}
	return fmt.Sprintf("%s, %s", count(pages, "page"), count(customers, "customer"))
}

// paceText is the rate of a read, and the time that is left at this rate. A read that has all
// customers is proving that it has.
func paceText(took time.Duration, customers int, total *int) string {
	rate := float64(customers) / took.Seconds()
	pace := fmt.Sprintf(", %.*f/s", map[bool]int{true: 1}[rate < 10], rate)
	switch {
	case total != nil && customers >= *total:
		return ", checking that none is missing"
	case took < time.Second || rate < 0.1:
		return ""
	case total == nil:
		return pace
	}
	left := time.Duration(float64(*total-customers)/rate) * time.Second
	return pace + ", " + strings.ReplaceAll(left.String(), "m0s", "m") + " left"
}
