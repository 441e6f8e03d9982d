package cli

import (
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"

	"partnerlens/internal/app"
)

// A customer chooses its own name, and a name can hold characters that control a terminal or are
// invisible: controls of ISO 6429, marks that change the direction of writing, characters without
// width, and the block of tags, which can spell invisible text. On a terminal these are escaped as
// in Go or JSON. A file or a pipe gets every text unchanged.

func init() {
	// Terminals show characters of ambiguous width in one column, whatever the locale.
	text.OverrideRuneWidthEastAsianWidth(false)
}

// isVisible reports whether a terminal shows a character as itself.
func isVisible(r rune) bool {
	return (unicode.IsPrint(r) || unicode.Is(unicode.Zs, r)) &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) && r != brailleBlank
}

const brailleBlank = '\u2800'

// maxMarks is the largest number of combining marks that one character has in any language. More of
// them would grow into the rows above and below.
const maxMarks = 4

// escape returns the text as a terminal can show it in one line.
func escape(cell string) string { return string(appendEscaped(nil, cell, false, false)) }

// appendEscaped appends a text with escapes for invisible characters and excess marks. It keeps
// line breaks if lines is set. With json the escapes are JSON's, so that its values stay the same.
func appendEscaped(b []byte, text string, lines, json bool) []byte {
	marks := 0
	for i, r := range text {
		if marks++; !unicode.Is(unicode.M, r) {
			marks = 0
		}
		lineBreak := r == '\n' || r == '\r' && strings.HasPrefix(text[i+1:], "\n")
		switch {
		case lines && lineBreak, isVisible(r) && marks <= maxMarks:
			b = utf8.AppendRune(b, r) // what is not UTF-8 becomes U+FFFD
		case json:
			b = appendJSONEscape(b, r)
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			b = append(b, quoted[1:len(quoted)-1]...)
		}
	}
	return b
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// screenWidth is the number of columns for what is written to w: those of the terminal, else those
// of the variable COLUMNS, else what pagers and logs have room for.
func screenWidth(w io.Writer, env app.Environment) int {
	if file, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(file.Fd())); err == nil && columns > 0 {
			return columns
		}
	}
	if columns, err := strconv.Atoi(env("COLUMNS")); err == nil && columns > 0 {
		return columns
	}
	return map[bool]int{true: 80, false: 120}[isTerminal(w)]
}

// terminalWriter escapes text for a terminal, but for line breaks. Each Write must have whole
// characters.
type terminalWriter struct {
	w    io.Writer
	json bool // as in appendEscaped
}

// visibleOn returns the writer for text, or for JSON, that is shown on w.
func visibleOn(w io.Writer, json bool) io.Writer {
	if isTerminal(w) {
		return terminalWriter{w, json}
	}
	return w
}

func (t terminalWriter) Write(p []byte) (int, error) {
	if _, err := t.w.Write(appendEscaped(nil, string(p), true, t.json)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// appendJSONEscape appends \uXXXX, twice for a character beyond the basic plane.
func appendJSONEscape(b []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	for _, unit := range utf16.AppendRune(nil, r) {
		b = append(b, '\\', 'u', digits[unit>>12], digits[unit>>8&0xf], digits[unit>>4&0xf], digits[unit&0xf])
	}
	return b
}
