package cli

import (
	"fmt"
	"io"
)

// progress rewrites one line on a terminal. Elsewhere it writes nothing.
type progress struct {
	w     io.Writer
	shown bool
}

// newProgress returns the progress of a command, on its stderr.
func newProgress(std streams, quiet bool) *progress {
	if quiet || !isTerminal(std.err) {
		return &progress{w: io.Discard}
	}
	return &progress{w: std.err}
}

// show replaces the line.
func (p *progress) show(line string) {
	p.shown = true
	_, _ = fmt.Fprintf(p.w, "\r\x1b[K%s", line)
}

// clear removes the line. Call it before anything else is written to the terminal.
func (p *progress) clear() {
	if p.shown {
		_, _ = fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// pagesText describes a read under way; a nil total is not known.
func pagesText(pages, customers int, total *int) string {
	if total != nil {
		return fmt.Sprintf("%d pages, %d of %d customers", pages, customers, *total)
	}
	return fmt.Sprintf("%d pages, %d customers", pages, customers)
}
