package sheet

import (
	"archive/zip"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"partnerlens/pkg/core"
)

// Book writes a workbook in the form of Office Open XML (ECMA-376), which Excel, WPS and
// LibreOffice open: a sheet for each call of Begin, row by row, as a stream. It holds the
// first rows of a sheet in memory, and no file. The same rows give the same bytes.
//
// A text is always a text cell, whatever it begins with, and a text that is edited stays
// one. A number is a number cell where 15 digits hold it, which is what spreadsheets know of a number, and
// a text otherwise. A moment is a date in the Style's zone. Line 1 of each sheet has
// Heading.Line, and line 2 the titles of its columns.
type Book struct {
	style Style
	zip   *zip.Writer
	names []string // of the sheets
	err   error    // the first

	part    io.Writer // the sheet's; nil until its first rows are written
	columns []column
	letters []string
	held    [][]cell // the first rows, by which the columns' widths are chosen
	line    int      // the last line that was written
	buffer  []byte
	lists   int   // sheets of the first list
	most    int   // lines of a sheet
	size    int64 // bytes of the sheet that were written

	Cut int // cells whose text is longer than a cell can hold, and was cut
}

const (
	maxLines  = 1 << 20       // of a sheet, in Excel
	maxUnits  = 32_767        // of UTF-16 in a cell, in Excel
	maxSize   = 4_000_000_000 // of a sheet: of one beyond 4 GiB that was written as a stream, Excel says that it is damaged
	heldRows  = 200
	maxDigits = 15
	minWidth  = 8
	maxWidth  = 48
	mainSpace = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
	relations = `http://schemas.openxmlformats.org/officeDocument/2006/relationships`
	xmlHeader = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
)

// The formats of cells, by their places in styles.xml.
const (
	styleGeneral = iota
	styleText
	styleAmount
	styleWhole
	styleTime
	styleDate
	styleTitle
	styleLine
	styleNumberText
)

// NewBook returns a workbook that is written to w.
func NewBook(w io.Writer, style Style) *Book {
	return &Book{style: style, zip: zip.NewWriter(w), most: maxLines}
}

// Begin begins a sheet. The name of the first is Heading.Name.
func (b *Book) Begin(name string, columns []core.Column) {
	b.end()
	b.names, b.columns, b.letters = append(b.names, name), b.style.columns(columns, false), nil
	for i := range b.columns {
		b.letters = append(b.letters, letters(i))
	}
	if len(b.names) == 1 {
		b.lists = 1
	}
}

// Row adds a record's row to the sheet; its last cells are values of the columns last. A list
// that is longer than a sheet goes on in the next.
func (b *Book) Row(cells []string, last ...core.Column) error {
	row := make([]cell, len(b.columns))
	for i := range b.columns {
		row[i] = cell{b.columns[i].cell(cells), &b.columns[i].Column}
		if at := len(last) - len(row) + i; at >= 0 {
			row[i].of = &last[at]
		}
	}
	switch {
	case b.part == nil && len(b.held) < heldRows:
		b.held = append(b.held, row)
	case b.part != nil && (b.line == b.most || b.size > maxSize):
		b.flush()
		b.write(b.closing())
		if b.lists == len(b.names) {
			b.lists++
		}
		b.names = append(b.names, b.names[len(b.names)-1])
		b.part, b.held, b.line = nil, [][]cell{row}, 0
	default:
		b.flush()
		b.row(row)
	}
	return b.err
}

// Facts adds a sheet of names and values. The names are titled as those of columns.
func (b *Book) Facts(name string, facts [][2]string) {
	b.Begin(name, []core.Column{{Name: "fact"}, {Name: "value"}})
	for _, fact := range facts {
		_ = b.Row([]string{b.style.Title(fact[0]), fact[1]}) // Close returns the error
	}
	if b.Cut > 0 {
		_ = b.Row([]string{b.style.Title("cut"), strconv.Itoa(b.Cut)})
	}
}

// Close writes the rest of the workbook.
func (b *Book) Close(h Heading) error {
	b.end()
	for i := range b.names {
		if b.names[i] = clip(b.names[i], 25); i < b.lists {
			b.names[i] = clip(h.Name, 25)
		}
		if i > 0 && strings.HasPrefix(b.names[i-1], b.names[i]) { // the list goes on
			b.names[i] += " " + strconv.Itoa(1+i)
		}
	}
	var types, sheets, rels strings.Builder
	for i, name := range b.names {
		n := strconv.Itoa(i + 1)
		types.WriteString(`<Override PartName="/xl/worksheets/sheet` + n + `.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>`)
		sheets.WriteString(`<sheet name="` + escaped(name) + `" sheetId="` + n + `" r:id="rId` + n + `"/>`)
		rels.WriteString(`<Relationship Id="rId` + n + `" Type="` + relations + `/worksheet" Target="worksheets/sheet` + n + `.xml"/>`)
	}
	fill := "FFDDEBF7"
	if h.Warning {
		fill = "FFFF5050"
	}
	for _, part := range []struct{ name, text string }{
		{"xl/sharedStrings.xml", `<sst ` + mainSpace + ` count="` + strconv.Itoa(len(b.names)) + `" uniqueCount="1"><si><t xml:space="preserve">` + escaped(h.Line) + `</t></si></sst>`},
		{"xl/styles.xml", fmt.Sprintf(stylesXML, fill)},
		{"xl/workbook.xml", `<workbook ` + mainSpace + ` xmlns:r="` + relations + `"><bookViews><workbookView/></bookViews><sheets>` + sheets.String() + `</sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` + rels.String() +
			`<Relationship Id="strings" Type="` + relations + `/sharedStrings" Target="sharedStrings.xml"/><Relationship Id="styles" Type="` + relations + `/styles" Target="styles.xml"/></Relationships>`},
		{"_rels/.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="` + relations + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
		{"[Content_Types].xml", fmt.Sprintf(typesXML, types.String())},
	} {
		b.create(part.name)
		b.write([]byte(xmlHeader + part.text))
	}
	if b.err == nil {
		b.err = b.zip.Close()
	}
	return b.err
}

// end ends the sheet that is being written.
func (b *Book) end() {
	if len(b.names) > 0 {
		b.flush()
		b.write(b.closing())
	}
	b.part, b.held, b.line = nil, nil, 0
}

// closing is what follows the last row of a sheet.
func (b *Book) closing() []byte {
	last := b.letters[len(b.letters)-1] + strconv.Itoa(max(b.line, 2))
	return []byte(`</sheetData><autoFilter ref="A2:` + last + `"/><ignoredErrors><ignoredError sqref="A1:` + last + `" numberStoredAsText="1"/></ignoredErrors></worksheet>`)
}

// flush writes the beginning of a sheet, with the rows that are held.
func (b *Book) flush() {
	if b.part != nil {
		return
	}
	b.create("xl/worksheets/sheet" + strconv.Itoa(len(b.names)) + ".xml")
	b.size = 0
	titles := make([]string, len(b.columns))
	selected := ""
	if len(b.names) == 1 {
		selected = ` tabSelected="1"`
	}
	head := xmlHeader + `<worksheet ` + mainSpace + `><sheetViews><sheetView` + selected + ` workbookViewId="0"><pane ySplit="2" topLeftCell="A3" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><cols>`
	for i, c := range b.columns {
		titles[i] = b.style.BookTitle(c.Column)
		widest := width(titles[i]) + 3 // the button of the filter
		for _, row := range b.held {
			widest = max(widest, width(row[i].text))
		}
		n := strconv.Itoa(i + 1)
		head += `<col min="` + n + `" max="` + n + `" width="` + strconv.Itoa(min(max(widest+1, minWidth), maxWidth)) + `" customWidth="1"/>`
	}
	head += `</cols><sheetData><row r="1" s="` + strconv.Itoa(styleLine) + `" customFormat="1"><c r="A1" s="` + strconv.Itoa(styleLine) + `" t="s"><v>0</v></c></row><row r="2">`
	b.buffer = append(b.buffer[:0], head...)
	for i, title := range titles {
		b.text(i, 2, styleTitle, title)
	}
	b.buffer = append(b.buffer, "</row>"...)
	b.write(b.buffer)
	b.line = 2
	for _, row := range b.held {
		b.row(row)
	}
	b.held = nil
}

// row writes a row.
func (b *Book) row(cells []cell) {
	b.line++
	b.buffer = append(strconv.AppendInt(append(b.buffer[:0], `<row r="`...), int64(b.line), 10), `">`...)
	for i, cell := range cells {
		if cell.text != "" {
			b.cell(i, *cell.of, cell.text)
		}
	}
	b.write(append(b.buffer, "</row>"...))
}

// cell is a value of a column.
type cell struct {
	text string
	of   *core.Column
}

// cell appends a cell as its column's kind has it, or as a text where it is none of it.
func (b *Book) cell(i int, c core.Column, text string) {
	switch c.Kind {
	case core.ColumnNumber:
		if !isNumber(text) {
			b.text(i, b.line, styleNumberText, text)
			return
		}
		style := styleAmount
		if _, decimals, _ := strings.Cut(text, "."); c.Whole {
			style = styleWhole
		} else if len(strings.TrimRight(decimals, "0")) > 2 {
			style = styleGeneral
		}
		b.number(i, style, text)
		return
	case core.ColumnTime:
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			_, seconds := at.In(b.style.zone()).Zone()
			if days, ok := serial(at.Unix() + int64(seconds)); ok {
				b.number(i, styleTime, days)
				return
			}
		}
	case core.ColumnEnd, core.ColumnDate:
		day := text
		if c.Kind == core.ColumnEnd {
			day = b.style.Date(c.Kind, text)
		}
		if at, err := time.Parse(time.DateOnly, day); err == nil {
			if days, ok := serial(at.Unix()); ok {
				b.number(i, styleDate, days)
				return
			}
		}
	}
	b.text(i, b.line, styleText, text)
}

// isNumber reports whether a number cell has exactly the text's value.
func isNumber(text string) bool {
	whole, decimals, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	digits := strings.TrimLeft(whole+strings.TrimRight(decimals, "0"), "0")
	return decimal.MatchString(text) && len(digits) <= maxDigits
}

// serial returns a spreadsheet's number for a local time, in seconds of a clock that began in
// 1970: days since the end of 1899. False before March 1900, since Excel has a 29 February of that year, and
// after the year 9999.
func serial(seconds int64) (string, bool) {
	const day, epoch, first, last = 24 * 60 * 60, 25_569, 61, 2_958_466
	days := float64(seconds)/day + epoch
	return strconv.FormatFloat(days, 'f', -1, 64), first <= days && days < last
}

func (b *Book) number(i, style int, value string) {
	b.reference(i, b.line, style)
	b.buffer = append(append(append(b.buffer, `"><v>`...), value...), "</v></c>"...)
}

func (b *Book) text(i, line, style int, text string) {
	if len(text) > maxUnits && len(utf16.Encode([]rune(text))) > maxUnits {
		text = clip(text, maxUnits-1) + "…"
		b.Cut++
	}
	b.reference(i, line, style)
	b.buffer = append(b.buffer, `" t="inlineStr"><is><t xml:space="preserve">`...)
	b.buffer = append(appendEscaped(b.buffer, text), "</t></is></c>"...)
}

func (b *Book) reference(i, line, style int) {
	b.buffer = strconv.AppendInt(append(append(b.buffer, `<c r="`...), b.letters[i]...), int64(line), 10)
	b.buffer = strconv.AppendInt(append(b.buffer, `" s="`...), int64(style), 10)
}

// create begins a part. Its size follows it, and programs that read a stream find the end of a
// part only where it is compressed.
func (b *Book) create(name string) {
	if b.err == nil {
		b.part, b.err = b.zip.Create(name) // without a time: the same rows give the same bytes
	}
}

func (b *Book) write(text []byte) {
	if b.err == nil {
		_, b.err = b.part.Write(text)
		b.size += int64(len(text))
	}
}

// escape is what ST_Xstring escapes are read from.
var escape = regexp.MustCompile(`^_x[0-9A-Fa-f]{4}_`)

// letters is the name of a column: A, …, Z, AA, ….
func letters(i int) string {
	if i < 26 {
		return string(rune('A' + i))
	}
	return letters(i/26-1) + letters(i%26)
}

// width is how many characters of a Latin font a text is wide: the first ideograph is U+2E80.
func width(text string) int {
	n := 0
	for _, c := range text {
		if n++; c >= '\u2e80' {
			n++
		}
	}
	return n
}

// clip returns the beginning of a text that has more than so many units of UTF-16.
func clip(text string, units int) string {
	for i, c := range text {
		if units -= max(utf16.RuneLen(c), 1); units < 0 {
			return text[:i]
		}
	}
	return text
}

func escaped(text string) string { return string(appendEscaped(nil, text)) }

// appendEscaped appends a text as XML. What XML cannot hold, and a carriage return, which it
// reads as a line's end, is written _x000D_ (ST_Xstring), and so is a text that looks
// like that.
func appendEscaped(b []byte, text string) []byte {
	for i, c := range text {
		switch {
		case c == '&':
			b = append(b, "&amp;"...)
		case c == '<':
			b = append(b, "&lt;"...)
		case c == '>':
			b = append(b, "&gt;"...)
		case c == '"':
			b = append(b, "&quot;"...)
		case c == '_' && escape.MatchString(text[i:min(i+7, len(text))]):
			b = append(b, "_x005F_"...)
		case c < ' ' && c != '\t' && c != '\n', c == '\ufffe', c == '\uffff':
			b = fmt.Appendf(b, "_x%04X_", c)
		default:
			b = utf8.AppendRune(b, c) // what is not UTF-8 becomes U+FFFD
		}
	}
	return b
}
