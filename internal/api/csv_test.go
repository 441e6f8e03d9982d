package api

import (
	"encoding/csv"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"partnerlens/pkg/core"
	"partnerlens/pkg/sheet"
)

// decimal is what a cell of numbers holds as it is.
var decimal = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

func TestCells(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		kind               core.ColumnKind
		text, plain, excel string
	}{
		{core.ColumnNumber, "", "", ""},
		{core.ColumnNumber, "0", "0", "0"},
		{core.ColumnNumber, "-12.50", "-12.50", "-12.50"},
		{core.ColumnNumber, "100000000000000000000.01", "100000000000000000000.01", "100000000000000000000.01"},
		{core.ColumnNumber, "-1+1", "'-1+1", "'-1+1"},
		{core.ColumnNumber, "-", "'-", "'-"},
		{core.ColumnNumber, "-.5", "'-.5", "'-.5"},
		{core.ColumnNumber, "-1\n", "'-1\n", "'-1\n"},
		{core.ColumnNumber, "=1", "'=1", "'=1"},
		{core.ColumnText, "-12.50", "'-12.50", "'-12.50"},
		{core.ColumnText, "200000000001", "200000000001", `="200000000001"`},
		{core.ColumnText, "007", "007", `="007"`},
		{core.ColumnText, "12345678901234567890e12345678901", "12345678901234567890e12345678901", `="12345678901234567890e12345678901"`},
		{core.ColumnText, "2026-11", "2026-11", `="2026-11"`},
		{core.ColumnText, "12月31日", "12月31日", `="12月31日"`},
		{core.ColumnText, "1,234", "1,234", `="1,234"`},
		{core.ColumnText, "50%", "50%", `="50%"`},
		{core.ColumnText, "2026-11-21T12:00:00Z", "2026-11-21T12:00:00Z", "2026-11-21T12:00:00Z"},
		{core.ColumnText, "0e4a00000000000000000000000000a1", "0e4a00000000000000000000000000a1", "0e4a00000000000000000000000000a1"},
		{core.ColumnText, `1"&CMD`, `1"&CMD`, `1"&CMD`},
	} {
		if got := sheet.Cell(test.kind, test.text, false); got != test.plain {
			t.Errorf("cell(%d, %q) = %q, want %q", test.kind, test.text, got, test.plain)
		}
		if got := sheet.Cell(test.kind, test.text, true); got != test.excel {
			t.Errorf("for Excel, cell(%d, %q) = %q, want %q", test.kind, test.text, got, test.excel)
		}
	}
}

// FuzzCSV writes a row as a CSV answer does and reads it as a spreadsheet does, split at
// commas, at semicolons and at tabs.
func FuzzCSV(f *testing.F) {
	for _, seed := range []string{"", "=1+1", "-12.5", " @x", "a;=1", "a\n+1", "\"=1", "a\",\"=1", "\t=1", "\x00=1", "＝1", "\ufeff-1", "x\r=1", "a\t\"-1", "1e9", `\.`} {
		f.Add(seed, seed)
		f.Add("x", seed)
	}
	f.Fuzz(func(t *testing.T, text, number string) {
		if !utf8.ValidString(text) || !utf8.ValidString(number) {
			t.Skip() // a record with such a text does not marshal, and so is never written
		}
		columns := []core.Column{{Name: "first"}, {Name: "text"}, {Name: "number", Kind: core.ColumnNumber}, {Name: "last"}}
		table := sheet.NewCSV(columns, sheet.Style{})
		row := table.AppendRow(nil, []string{"cloud", text, number, "end"})
		if !strings.HasSuffix(string(row), "\r\n") {
			t.Fatalf("row %q does not end in CRLF", row)
		}
		parsed, err := csv.NewReader(strings.NewReader(string(row))).ReadAll()
		if err != nil || len(parsed) != 1 || len(parsed[0]) != 4 {
			t.Fatalf("row %q reads as %q: %v", row, parsed, err)
		}
		// encoding/csv reads CRLF within a cell as LF.
		normal := func(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }
		for i, written := range []string{text, number} {
			got := parsed[0][1+i]
			if dangerous(got) && (i == 0 || !decimal.MatchString(got)) {
				t.Errorf("cell %q of %q would be run", got, written)
			}
			if got != normal(written) && strings.ReplaceAll(got, "'", "") != strings.ReplaceAll(normal(written), "'", "") {
				t.Errorf("%q is read as %q", written, got)
			}
		}
		if decimal.MatchString(number) && parsed[0][2] != number {
			t.Errorf("the number %q is read as %q", number, parsed[0][2])
		}
		if decimal.MatchString(number) {
			number = "" // a negative number is no formula
		}
		row = table.AppendRow(nil, []string{"cloud", text, number, "end"})
		for _, separator := range []string{";", "\t"} {
			// A careless reader ignores quotes and splits at every separator.
			for _, cell := range strings.FieldsFunc(string(row), func(r rune) bool { return strings.ContainsRune(separator+"\r\n", r) }) {
				if formula(cell) {
					t.Errorf("row %q, split at %q, holds the cell %q", row, separator, cell)
				}
			}
		}
		excel := sheet.NewCSV(columns, sheet.Style{Excel: true})
		parsed, err = csv.NewReader(strings.NewReader(string(excel.AppendRow(nil, []string{"cloud", text, number, "end"})))).ReadAll()
		if err != nil || len(parsed) != 1 {
			t.Fatalf("for Excel: %q, %v", parsed, err)
		}
		if cell := parsed[0][1]; dangerous(cell) && cell != `="`+text+`"` || strings.HasPrefix(cell, "=") && strings.Trim(text, "0123456789eE.,:/%年月日 -") != "" {
			t.Errorf("for Excel, cell %q would be run", cell)
		}
	})
}

// dangerous reports whether a cell must be neutralized: it is a formula, or begins with a
// control character.
func dangerous(cell string) bool {
	first, _ := utf8.DecodeRuneInString(cell)
	return cell != "" && unicode.IsControl(first) || formula(cell)
}

// formula reports whether some spreadsheet could run a cell as a formula.
func formula(cell string) bool {
	rest := []rune(strings.TrimLeftFunc(cell, func(r rune) bool { return unicode.IsSpace(r) || unicode.In(r, unicode.C) || r == '"' }))
	return len(rest) > 0 && slices.Contains([]rune("=+-@＝＋－＠"), rest[0])
}
