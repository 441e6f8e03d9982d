package cli

import (
	"bufio"
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"partnerlens/internal/api"
	"partnerlens/pkg/core"
	"partnerlens/pkg/sheet"
)

// tableFlags are the flags of every table.
type tableFlags struct {
	Columns []string `placeholder:"NAME" help:"The columns of a table, in this order."`
	Wide    bool     `help:"All columns of a table, in full, however wide the screen is."`
}

// refuse refuses the flags of a table in another format.
func (f *tableFlags) refuse(format string) error {
	if format != "table" && (f.Columns != nil || f.Wide) {
		return core.Invalid("", "--columns and --wide belong to a table; add --output table")
	}
	return nil
}

// table is a table for a person, no wider than the screen. It holds its rows as text: many
// customers must not need much memory.
type table struct {
	screen   int // columns; 0: no bound
	terminal bool
	colours  bool
	columns  []*tableColumn
	style    sheet.Style // of local dates
	order    *order      // nil: as added
	rows     []tableRow
}

type tableColumn struct {
	core.Column
	index    int  // in a row's cells
	date     bool // it has the local dates of the cells
	natural  int  // width of the widest cell, or of the header
	width    int  // in the table; 0: it is left out
	optional bool // it is left out without cells
	hasCells bool
}

type tableRow struct {
	cells string // of the columns, separated by cellSeparator
	key   sortKey
}

const (
	cellSeparator = "\x00" // escape leaves none in a cell
	columnGap     = "  "
	rowMargin     = " "
	comfortable   = 16 // width to which a text may be shortened before a column is left out
	widestPad     = 64 // a wider cell of --wide moves the rest of its row
)

// important are the columns that a narrow table keeps longest, the most important first.
var important = []string{
	"customer_id", "day", "of", "status", "kind", "state", "remaining", "days_left", "name", "account", "owner",
	"voucher_remaining", "granted", "alerts", "currency", "allocated", "expire_month",
}

// statusColours are the colours of statuses and severities, as SGR parameters.
var statusColours = map[string]string{
	"forced": "31", "overdrawn": "31", "exhausted": "31", "critical": "31",
	"low": "33", "lapsed": "33", "undetermined": "33", "unverified": "33", "unknown": "33", "warning": "33",
	"ok": "32", "qualified": "32",
}

// newTable returns a table for std.out of the columns that are chosen: by default the brief ones, a
// moment as its local date, and the account if there are several. A column of details that has no
// cell is left out.
func newTable(std streams, columns []core.Column, flags tableFlags, accounts bool) (*table, error) {
	t := &table{screen: screenWidth(std.out, std.env), terminal: isTerminal(std.out)}
	t.colours = t.terminal && std.env("NO_COLOR") == "" && std.env("TERM") != "dumb"
	if flags.Wide {
		t.screen = 0
	}
	zone, err := std.env.Zone()
	t.style.Zone = zone
	names := flags.Columns
	if names != nil && len(names) == 0 {
		names = []string{""} // is no column
	}
	for _, c := range columns {
		if flags.Columns != nil || !flags.Wide && !c.Brief && (!accounts || c.Name != "account") {
			continue
		}
		if c.Date == "" || flags.Wide {
			names = append(names, c.Name)
		}
		if c.Date != "" {
			names = append(names, c.Date)
		}
	}
	for _, name := range names {
		i, unknown := columnNamed(columns, "--columns", name)
		if unknown != nil {
			return nil, unknown
		}
		c := &tableColumn{Column: columns[i], index: i, optional: columns[i].Detail && flags.Columns == nil && !flags.Wide}
		if c.date = name == c.Date; c.date && err != nil {
			return nil, err // of the zone
		}
		c.Name = name
		t.columns = append(t.columns, c)
	}
	return t, nil
}

// columnNamed returns the index of a column that a flag names, or of the one whose local dates it
// names.
func columnNamed(columns []core.Column, flag, name string) (int, error) {
	var names []string
	for i, column := range columns {
		if name == column.Name || name != "" && name == column.Date {
			return i, nil
		}
		if names = append(names, column.Name); column.Date != "" {
			names = append(names, column.Date)
		}
	}
	return 0, core.Invalid(flag, "no column is called %q; there are %s", name, strings.Join(names, ", "))
}

func (t *table) add(record api.Row) {
	cells := record.Row()
	shown := make([]string, len(t.columns))
	for i, c := range t.columns {
		if shown[i] = escape(cells[c.index]); c.date {
			shown[i] = t.style.Date(c.Kind, cells[c.index])
		}
	}
	row := tableRow{cells: strings.Join(shown, cellSeparator)}
	if t.order != nil {
		row.key = t.order.key(cells)
	}
	t.rows = append(t.rows, row)
}

// write writes the table, at most so many rows, and returns the names of the columns for which
// there was no room. A table without rows is empty.
func (t *table) write(w io.Writer, most int) (lacking []string, err error) {
	if len(t.rows) == 0 {
		return nil, nil
	}
	if t.order != nil {
		slices.SortStableFunc(t.rows, func(a, b tableRow) int { return t.order.compare(a.key, b.key) })
	}
	t.rows = t.rows[:min(max(0, most), len(t.rows))]
	lacking = t.fit(t.measure())
	out := bufio.NewWriterSize(w, 1<<16)
	var header []string
	for _, c := range t.columns {
		header = append(header, c.Name)
	}
	t.writeRow(out, header, false)
	for _, row := range t.rows {
		t.writeRow(out, strings.Split(row.cells, cellSeparator), t.colours)
	}
	return lacking, out.Flush()
}

func (t *table) writeRow(out *bufio.Writer, cells []string, colours bool) {
	line, gap := rowMargin, ""
	for i, c := range t.columns {
		if c.width == 0 {
			continue
		}
		cell := cells[i]
		if t.screen > 0 {
			cell = text.Snip(cell, c.width, "…")
		}
		pad := strings.Repeat(" ", max(0, c.width-text.StringWidthWithoutEscSequences(cell)))
		if colour := statusColours[cell]; colours && colour != "" && (c.Name == "status" || c.Name == "severity") {
			cell = "\x1b[" + colour + "m" + cell + "\x1b[0m"
		}
		if c.Kind == core.ColumnNumber {
			cell, pad = pad, cell
		}
		line, gap = line+gap+cell+pad, columnGap
	}
	_, _ = out.WriteString(strings.TrimRight(line, " ") + "\n") // Flush has the error
}

// measure sets the natural widths of the columns, and returns those that are not left out.
func (t *table) measure() (shown []*tableColumn) {
	for _, c := range t.columns {
		c.natural = len(c.Name)
	}
	for _, row := range t.rows {
		for i, cell := range strings.Split(row.cells, cellSeparator) {
			c := t.columns[i]
			c.hasCells = c.hasCells || cell != ""
			c.natural = max(c.natural, text.StringWidthWithoutEscSequences(cell))
		}
	}
	for _, c := range t.columns {
		if c.hasCells || !c.optional {
			c.width, shown = c.natural, append(shown, c)
		}
	}
	return shown
}

// fit sets the widths of columns: it leaves out the least important ones until the rest fits if
// texts are shortened, and then shortens as much as is needed. It returns the names of those that
// it leaves out.
func (t *table) fit(shown []*tableColumn) (lacking []string) {
	if t.screen == 0 {
		for _, c := range shown {
			c.width = min(c.width, widestPad)
		}
		return nil
	}
	for len(shown) > 1 {
		last := slices.MaxFunc(shown, func(a, b *tableColumn) int { return cmp.Compare(a.rank(), b.rank()) })
		if rowWidth(shown, least) <= t.screen && last.hasCells || rowWidth(shown, width) <= t.screen {
			break
		}
		last.width = 0
		lacking = append(lacking, last.Name)
		shown = slices.DeleteFunc(shown, func(c *tableColumn) bool { return c == last })
	}
	for rowWidth(shown, width) > t.screen {
		widest := slices.MaxFunc(shown, func(a, b *tableColumn) int { return cmp.Compare(a.width-least(a), b.width-least(b)) })
		if widest.width == least(widest) {
			break
		}
		widest.width--
	}
	if len(shown) == 1 && t.terminal {
		shown[0].width = min(shown[0].width, max(1, t.screen-len(rowMargin)))
	}
	return lacking
}

// rank is the place of the column among those that a narrow table keeps: those without cells go
// first, even before a text is shortened.
func (c *tableColumn) rank() int {
	rank := slices.Index(important, c.Name)
	if rank < 0 {
		rank = len(important) + c.index
	}
	if !c.hasCells {
		rank += 1000
	}
	return rank
}

func width(c *tableColumn) int { return c.width }

// least is the width to which a column may be shortened: an id is for asking with it, and an
// amount, a date or a status is wrong without its end.
func least(c *tableColumn) int {
	if c.Kind != core.ColumnText || c.Name == "status" || strings.Contains(c.Name, "_") && !strings.HasSuffix(c.Name, "_name") {
		return c.natural
	}
	return min(c.natural, comfortable)
}

func rowWidth(columns []*tableColumn, width func(*tableColumn) int) int {
	sum := len(rowMargin) + len(columnGap)*(len(columns)-1)
	for _, c := range columns {
		sum += width(c)
	}
	return sum
}

// lackingText says which columns a table lacks, and how to see them; "" for none.
func lackingText(lacking []string, how string) string {
	if len(lacking) == 0 {
		return ""
	}
	return "no room for " + strings.Join(lacking, ", ") + "; " + how + "\n"
}
