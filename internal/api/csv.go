package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"partnerlens/pkg/core"
)

// The rows that are no customers begin with a cell that no customer's row
// begins with: that holds the name of a cloud.
const (
	rowIncomplete = "#incomplete" // why, the cursor to go on from, and in words
	rowMissing    = "#missing"    // an id asked for that the cloud did not answer
	rowWarning    = "#warning"    // of a complete answer, or about what rows hold: the code, the customer, the cloud's member, and in words
)

// The trailers of a CSV answer say what a report would. A host that buffers
// makes them headers.
const (
	trailerComplete = "Partnerlens-Complete"
	trailerStopped  = "Partnerlens-Stopped"
	trailerNext     = "Partnerlens-Next"
	csvTrailers     = trailerComplete + ", " + trailerStopped + ", " + trailerNext
)

// maxNextTrailer is the longest cursor that goes as a trailer: clients and
// proxies bound headers. The last row has every cursor.
const maxNextTrailer = 4 << 10

// WriteCSV reads the question and writes RFC 4180: CRLF, UTF-8, a header row,
// every row as wide. What a report says beside the records is in rows below
// them; a complete answer with no id missing and every value read has none.
//
// A cell is exact, so that a program that reads it gets the id, the amount and
// the month as they are, but for one thing: in a text, whatever a spreadsheet
// would run as a formula gets an apostrophe before it (see inert).
//
// A spreadsheet opened on such a file by a double click does three things that
// no exact file can keep it from: it reads UTF-8 as the local code page, shows
// an id of twelve digits as 2E+11, and a month as a date. Who wants that asks
// over HTTP for "text/csv; profile=excel": a byte order mark comes first, and a
// text that would be taken for a number or a date is written
// ="200000000000", which spreadsheets show, sort and save as that very text.
// Programs should not ask for it.
func WriteCSV(ctx context.Context, w io.Writer, function *core.Function, question *core.Question) (core.Report, error) {
	return (&lines{format: csvTable{columns: function.Columns}.format(), w: w}).read(ctx, question)
}

// Table is the same for a spreadsheet that is opened by a double click: what to
// begin a file with, and a function that appends a record's row. What a report says has
// no place in it.
func Table(columns []core.Column) (opening []byte, row func(b []byte, record core.Record) []byte) {
	table := csvTable{columns: columns, excel: true}
	return table.header(), func(b []byte, record core.Record) []byte { return table.appendRow(b, record.Row()) }
}

func writeCSV(a *answer) error {
	table := csvTable{columns: a.function.Columns, excel: strings.EqualFold(a.accepted["profile"], "excel")}
	report, err := a.writeLines(table.format())
	if err != nil {
		return err
	}
	header := a.w.Header()
	header.Set(trailerComplete, strconv.FormatBool(report.Complete))
	if report.Stopped != nil {
		header.Set(trailerStopped, string(*report.Stopped))
	}
	if report.Next != nil && len(*report.Next) <= maxNextTrailer {
		header.Set(trailerNext, *report.Next)
	}
	return nil
}

// csvTable writes rows of one function's records.
type csvTable struct {
	columns []core.Column
	excel   bool
}

func (t csvTable) format() lineFormat {
	return lineFormat{
		opening: t.header(),
		record:  func(b []byte, record core.Record) ([]byte, error) { return t.appendRow(b, record.Row()), nil },
		closing: func(report core.Report) ([]byte, error) { return t.footer(report), nil },
		cutShort: func(failure *core.Error) ([]byte, error) {
			return t.incomplete(string(failure.Code), "", failure.Public()), nil
		},
	}
}

const byteOrderMark = "\ufeff"

func (t csvTable) header() []byte {
	var b []byte
	if t.excel {
		b = append(b, byteOrderMark...)
	}
	names := make([]string, len(t.columns))
	for i, column := range t.columns {
		names[i] = column.Name
	}
	return appendCSV(b, names)
}

func (t csvTable) appendRow(b []byte, cells []string) []byte {
	safe := make([]string, len(cells))
	for i, cell := range cells {
		safe[i] = t.cell(t.columns[i].Kind, cell)
	}
	return appendCSV(b, safe)
}

// footer is what follows the customers: nothing, where the answer is complete, no id is missing
// and there is no warning.
func (t csvTable) footer(report core.Report) []byte {
	var b []byte
	for _, id := range report.MissingIDs {
		b = t.appendNote(b, rowMissing, id)
	}
	for _, w := range report.Warnings {
		if report.Complete || w.AboutRecords() {
			b = t.appendNote(b, rowWarning, w.Code, w.CustomerID, w.Field, inWords(w))
		}
	}
	if report.Complete {
		return b
	}
	reason, next := "unproven", ""
	if report.Stopped != nil {
		reason = string(*report.Stopped)
	}
	if report.Next != nil {
		next = *report.Next
	}
	var words []string
	for _, w := range report.Warnings {
		if !w.AboutRecords() {
			words = append(words, inWords(w))
		}
	}
	return append(b, t.incomplete(reason, next, strings.Join(words, "; "))...)
}

// inWords is a warning's message, after the account that it is about where there are
// several.
func inWords(w core.Warning) string {
	if w.Account == "" {
		return w.Message
	}
	return w.Account + ": " + w.Message
}

func (t csvTable) incomplete(reason, next, words string) []byte {
	return t.appendNote(nil, rowIncomplete, reason, next, words)
}

// appendNote appends a row that is no customer.
func (t csvTable) appendNote(b []byte, cells ...string) []byte {
	row := make([]string, len(t.columns))
	for i := range min(len(cells), len(row)) {
		row[i] = t.cell(core.ColumnText, cells[i])
	}
	return appendCSV(b, row)
}

// appendCSV appends one row. csv.Writer's own CRLF would drop a lone CR within
// a cell and turn LF into CRLF there.
func appendCSV(b []byte, cells []string) []byte {
	buf := bytes.NewBuffer(b)
	w := csv.NewWriter(buf)
	_ = w.Write(cells) // a bytes.Buffer takes everything
	w.Flush()
	return append(bytes.TrimSuffix(buf.Bytes(), []byte("\n")), "\r\n"...)
}

var (
	decimal = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)
	// What a spreadsheet takes for a number, a date or a time of day. An id
	// that is 32 hexadecimal digits is one too, if its only letter is an e.
	numberLike = regexp.MustCompile(`^[0-9][0-9eE.:/-]*$`)
)

func (t csvTable) cell(kind core.ColumnKind, text string) string {
	if kind == core.ColumnNumber && decimal.MatchString(text) {
		return text
	}
	if t.excel && kind == core.ColumnText && numberLike.MatchString(text) {
		return `="` + text + `"`
	}
	return inert(text)
}

// inert makes a text one that no spreadsheet runs as a formula, by an
// apostrophe before what begins one (OWASP, "CSV Injection"): customers choose
// their names themselves. A formula can also begin within a cell, after a
// semicolon, a tab or a line's end, since a spreadsheet in half of Europe splits at
// semicolons whatever the file says. A control character at the beginning
// counts as well: some programs drop it, and with it what protected the rest.
func inert(text string) string {
	var b strings.Builder
	begins := true // here a spreadsheet could begin a cell
	for i, c := range text {
		switch {
		case i == 0 && unicode.IsControl(c), begins && strings.ContainsRune("=+-@＝＋－＠", c):
			b.WriteByte('\'')
			begins = false
		case begins && (unicode.IsSpace(c) || unicode.In(c, unicode.C) || c == '"'):
		default:
			begins = false
		}
		if strings.ContainsRune(";\t\n\r", c) {
			begins = true
		}
		b.WriteRune(c)
	}
	return b.String()
}
