// Package sheet writes tables for spreadsheets, as CSV and as workbooks: no cell can run as
// a formula.
package sheet

import (
	"bytes"
	"encoding/csv"
	"regexp"
	"strings"
	"unicode"

	"partnerlens/pkg/core"
)

// ByteOrderMark begins a file that a spreadsheet opens by a double click: without it the
// spreadsheet reads UTF-8 as the local code page.
const ByteOrderMark = "\ufeff"

// AppendRow appends one row, which ends with CRLF. With UseCRLF, csv.Writer would drop a lone CR within a cell and
// turn LF into CRLF there.
func AppendRow(b []byte, cells []string) []byte {
	buf := bytes.NewBuffer(b)
	w := csv.NewWriter(buf)
	_ = w.Write(cells) // a bytes.Buffer returns no error
	w.Flush()
	return append(bytes.TrimSuffix(buf.Bytes(), []byte("\n")), "\r\n"...)
}

// CSV writes the rows of a table. The header has the names of the columns, which programs
// read, or in Chinese their titles.
type CSV struct {
	columns []column
	style   Style
}

// NewCSV returns the table of a record's columns. A column with the local date follows each
// column of a moment.
func NewCSV(columns []core.Column, style Style) *CSV {
	return &CSV{style.columns(columns, true), style}
}

// Header returns the beginning of the file.
func (t *CSV) Header() []byte {
	var b []byte
	if t.style.Excel {
		b = append(b, ByteOrderMark...)
	}
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		if names[i] = c.Name; t.style.Language == Chinese {
			names[i] = t.style.Title(c.Name)
		}
	}
	return AppendRow(b, names)
}

// AppendRow appends the row of a record.
func (t *CSV) AppendRow(b []byte, cells []string) []byte {
	row := make([]string, len(t.columns))
	for i := range t.columns {
		row[i] = Cell(t.columns[i].Kind, t.columns[i].cell(cells), t.style.Excel)
	}
	return AppendRow(b, row)
}

// AppendNote appends a row that is not a record. Cells that have no column are left out.
func (t *CSV) AppendNote(b []byte, cells ...string) []byte {
	row := make([]string, len(t.columns))
	for i := range min(len(cells), len(row)) {
		row[i] = Cell(core.ColumnText, cells[i], t.style.Excel)
	}
	return AppendRow(b, row)
}

var (
	date    = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	decimal = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)
	// A spreadsheet reads such a text as a number, a date or a time of day, also an id of 32
	// hexadecimal digits whose only letter is an e, and in Chinese 12月31日.
	numberLike = regexp.MustCompile(`^[0-9][0-9eE.,:/%年月日 -]*$`)
)

// Cell returns a cell of a column. excel is for a file that a spreadsheet opens by a double
// click: a text that looks like a number or a date is written ="200000000000", which
// spreadsheets show, sort and save as that text.
func Cell(kind core.ColumnKind, text string, excel bool) string {
	if kind == core.ColumnNumber && decimal.MatchString(text) || kind == core.ColumnDate && date.MatchString(text) {
		return text
	}
	if excel && kind != core.ColumnNumber && numberLike.MatchString(text) {
		return `="` + text + `"`
	}
	return neutralize(text)
}

// neutralize prevents a spreadsheet from running a text as a formula: it puts an apostrophe
// before the beginning of one (OWASP, "CSV Injection"), since customers choose their own
// names. A formula can also begin within a cell, after a semicolon, a tab or a line's end:
// in many European locales a spreadsheet splits at semicolons. A control character at the
// beginning gets an apostrophe as well: some programs remove it and expose the rest.
func neutralize(text string) string {
	var b strings.Builder
	cellStart := true // a spreadsheet may start a cell here
	for i, c := range text {
		switch {
		case i == 0 && unicode.IsControl(c), cellStart && strings.ContainsRune("=+-@＝＋－＠", c):
			b.WriteByte('\'')
			cellStart = false
		case cellStart && (unicode.IsSpace(c) || unicode.In(c, unicode.C) || c == '"'):
		default:
			cellStart = false
		}
		if strings.ContainsRune(";\t\n\r", c) {
			cellStart = true
		}
		b.WriteRune(c)
	}
	return b.String()
}
