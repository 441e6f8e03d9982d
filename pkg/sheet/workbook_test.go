package sheet

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"partnerlens/pkg/core"
)

// hostile are names that a customer may choose.
var hostile = []string{
	"=1+1", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "a\tb", "a\nb", "a\rb", "\x00x", "x\x01\x1fy", "\x7f\u0085",
	"_x0041_", "_x005F_", "__x0041_", "_x0041", "_xD800_", "_x000d_x", "\ufffe", "\uffffx", "\ufeffx", "\u202eabc", "\u2028",
	"  two  ", "'quoted", `"quoted"`, "<b>&amp;</b>", "]]>", "样本云杉科技有限公司", "😀👩‍👩‍👧", "é", "007", "1e5", "2026-11", "TRUE", "#REF!", "http://example.com/",
}

var testColumns = []core.Column{
	{Name: "customer_id"}, {Name: "name"}, {Name: "remaining", Kind: core.ColumnNumber}, {Name: "days_left", Kind: core.ColumnNumber, Whole: true},
	{Name: "associated_at", Kind: core.ColumnTime, Date: "associated_date"}, {Name: "expires_at", Kind: core.ColumnEnd, Date: "valid_until"},
}

// written is a workbook as another program reads it.
func written(t testing.TB, style Style, h Heading, write func(*Book)) (*excelize.File, []byte) {
	t.Helper()
	var out bytes.Buffer
	b := NewBook(&out, style)
	write(b)
	if err := b.Close(h); err != nil {
		t.Fatal(err)
	}
	file, err := excelize.OpenReader(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file, out.Bytes()
}

func rows(t testing.TB, file *excelize.File, name string) [][]string {
	t.Helper()
	all, err := file.GetRows(name, excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestBook(t *testing.T) {
	t.Parallel()
	write := func(b *Book) {
		b.Begin("", testColumns)
		for i, name := range hostile {
			_ = b.Row([]string{fmt.Sprint(200_000_000_000 + i), name, "-480.5", "12", "2017-02-28T16:00:00Z", "2027-07-31T16:00:00Z"})
		}
		b.Facts("Run", [][2]string{{"as_of", "=1"}})
	}
	heading := Heading{Name: "Customers NOT COMPLETE", Line: "=NOT COMPLETE", Warning: true}
	file, first := written(t, Style{}, heading, write)
	if _, again := written(t, Style{}, heading, write); !bytes.Equal(first, again) {
		t.Error("the same rows give other bytes")
	}
	if got := fmt.Sprint(file.GetSheetList()); got != "[Customers NOT COMPLETE Run]" {
		t.Error(got)
	}
	got := rows(t, file, heading.Name)
	if got[0][0] != heading.Line || rows(t, file, "Run")[0][0] != heading.Line {
		t.Errorf("first lines %q", got[0])
	}
	if titles := fmt.Sprintf("%q", got[1]); titles != `["Customer ID" "Name" "Remaining" "Days left" "Associated (UTC+08:00)" "Valid until (UTC+08:00)"]` {
		t.Error(titles)
	}
	for i, name := range hostile {
		want := []string{fmt.Sprint(200_000_000_000 + i), name, "-480.5", "12", "42795", "46599"}
		if !slices.Equal(got[2+i], want) {
			t.Errorf("%q, want %q", got[2+i], want)
		}
		for column := range want {
			cell, _ := excelize.CoordinatesToCellName(column+1, 3+i)
			formula, _ := file.GetCellFormula(heading.Name, cell)
			kind, _ := file.GetCellType(heading.Name, cell)
			if isText := kind == excelize.CellTypeInlineString; formula != "" || isText != (column < 2) {
				t.Errorf("%s: formula %q, type %v", cell, formula, kind)
			}
		}
	}
	shown, _ := file.GetRows(heading.Name)
	if got := fmt.Sprint(shown[2][2:]); got != "[-480.50 12 2017-03-01 00:00:00 2027-07-31]" {
		t.Errorf("a row is shown as %s", got)
	}
	left, _ := file.GetCellStyle(heading.Name, "A1")
	if right, _ := file.GetCellStyle(heading.Name, "F1"); left == 0 || right != left {
		t.Errorf("the style of line 1 is %d at its beginning, %d farther on", left, right)
	}
	panes, err := file.GetPanes(heading.Name)
	if err != nil || !panes.Freeze || panes.YSplit != 2 {
		t.Errorf("panes %+v, %v", panes, err)
	}
	if narrow, _ := file.GetColWidth(heading.Name, "C"); narrow < minWidth || narrow > 20 {
		t.Errorf("width %v", narrow)
	}
	if wide, _ := file.GetColWidth(heading.Name, "B"); wide < 2*10 || wide > maxWidth {
		t.Errorf("width %v of ten ideographs", wide)
	}
}

func TestBookValues(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	number, at := core.Column{Name: "remaining", Kind: core.ColumnNumber}, core.Column{Name: "associated_at", Kind: core.ColumnTime}
	end, day := core.Column{Name: "expires_at", Kind: core.ColumnEnd, Date: "valid_until"}, core.Column{Name: "day", Kind: core.ColumnDate}
	for _, test := range []struct {
		zone   *time.Location
		column core.Column
		text   string
		want   string // as it is shown
		isText bool
	}{
		{nil, number, "800.00", "800.00", false},
		{nil, number, "1000000.5", "1,000,000.50", false},
		{nil, number, "0.001", "0.001", false},
		{nil, number, "1.000000000000", "1.00", false},
		{nil, number, "-0.00", "0.00", false},
		{nil, number, "9999999999999.99", "9,999,999,999,999.99", false},
		{nil, number, "99999999999999.99", "99999999999999.99", true},
		{nil, number, "12345678901234567890.123456789012", "12345678901234567890.123456789012", true},
		{nil, number, "1e5", "1e5", true},
		{nil, number, "=1", "=1", true},
		{nil, at, "2026-11-22T01:50:08Z", "2026-11-22 09:50:08", false},
		{berlin, at, "2026-07-22T22:50:08Z", "2026-07-23 00:50:08", false},
		{berlin, at, "2026-11-22T23:50:08Z", "2026-11-23 00:50:08", false},
		{nil, at, "1899-11-22T01:50:08Z", "1899-11-22T01:50:08Z", true},
		{nil, at, "9999-12-31T23:00:00Z", "9999-12-31T23:00:00Z", true},
		{nil, at, "yesterday", "yesterday", true},
		{nil, end, "2027-07-31T16:00:00Z", "2027-07-31", false},
		{time.UTC, end, "2027-08-01T00:00:00Z", "2027-07-31", false},
		{time.UTC, end, "2027-07-31T16:00:00Z", "2027-07-31", false},
		{nil, day, "2026-02-28", "2026-02-28", false},
		{nil, day, "2026-02-30", "2026-02-30", true},
	} {
		file, _ := written(t, Style{Zone: test.zone}, Heading{Name: "x"}, func(b *Book) {
			b.Begin("", []core.Column{test.column})
			_ = b.Row([]string{test.text})
		})
		got, _ := file.GetCellValue("x", "A3")
		kind, _ := file.GetCellType("x", "A3")
		if got != test.want && got != "-"+test.want || (kind == excelize.CellTypeInlineString) != test.isText {
			t.Errorf("%s is shown as %s (type %v), want %s", test.text, got, kind, test.want)
		}
	}
	if got := (Style{Zone: berlin}).BookTitle(at); got != "Associated (Europe/Berlin)" {
		t.Error(got)
	}
	if got := (Style{Zone: time.UTC, Language: Chinese}).BookTitle(end); got != "有效期至 (UTC+00:00)" {
		t.Error(got)
	}
}

// A program that reads a workbook as a stream, as Java's do, cannot find the end of a part that
// is stored and whose size follows it.
func TestBookIsReadAsStream(t *testing.T) {
	t.Parallel()
	_, text := written(t, Style{}, Heading{Name: "x"}, func(b *Book) { b.Begin("", testColumns) })
	archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range archive.File {
		const sizeFollows = 8
		if part.Method == zip.Store && part.Flags&sizeFollows != 0 {
			t.Errorf("%s is stored without its size", part.Name)
		}
	}
}

// A list that is longer than a sheet goes on in further ones, which have the same name and first line.
func TestBookGoesOn(t *testing.T) {
	t.Parallel()
	const count = 3*250 + 10
	file, _ := written(t, Style{}, Heading{Name: "Customers", Line: "Complete"}, func(b *Book) {
		b.most = 252
		for _, list := range []string{"", "Changes"} {
			b.Begin(list, testColumns[:1])
			for i := range count {
				_ = b.Row([]string{fmt.Sprint(i)})
			}
		}
	})
	if got := fmt.Sprint(file.GetSheetList()); got != "[Customers Customers 2 Customers 3 Customers 4 Changes Changes 6 Changes 7 Changes 8]" {
		t.Fatal(got)
	}
	for half := range 2 {
		var ids []string
		for _, name := range file.GetSheetList()[4*half : 4*half+4] {
			all := rows(t, file, name)
			if all[0][0] != "Complete" || all[1][0] != "Customer ID" {
				t.Errorf("%s begins with %q", name, all[:2])
			}
			for _, row := range all[2:] {
				ids = append(ids, row[0])
			}
		}
		if len(ids) != count || ids[count-1] != fmt.Sprint(count-1) {
			t.Errorf("%d rows", len(ids))
		}
	}
}

// A list goes on in a further sheet before one is too long in bytes.
func TestBookGoesOnBySize(t *testing.T) {
	t.Parallel()
	file, _ := written(t, Style{}, Heading{Name: "Customers"}, func(b *Book) {
		b.Begin("", testColumns[:1])
		for i := range heldRows + 3 {
			if i == heldRows+1 {
				b.size = maxSize + 1
			}
			_ = b.Row([]string{fmt.Sprint(i)})
		}
	})
	if got := fmt.Sprint(file.GetSheetList(), len(rows(t, file, "Customers")), len(rows(t, file, "Customers 2"))); got != fmt.Sprint("[Customers Customers 2] ", 2+heldRows+1, " ", 2+2) {
		t.Error(got)
	}
}

func TestBookCuts(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("云😀", maxUnits)
	file, _ := written(t, Style{}, Heading{Name: "x"}, func(b *Book) {
		b.Begin("", testColumns[:2])
		_ = b.Row([]string{"1", long})
		_ = b.Row([]string{"2", long[:maxUnits]})
		b.Facts("Run", nil)
	})
	got := rows(t, file, "x")
	if cut := strings.TrimSuffix(got[2][1], "…"); cut == got[2][1] || !strings.HasPrefix(long, cut) || len(cut) < maxUnits || !utf8.ValidString(cut) {
		t.Errorf("%d bytes", len(got[2][1]))
	}
	if facts := rows(t, file, "Run"); len(facts) != 3 || facts[2][0] != "Cut" || facts[2][1] != "1" {
		t.Errorf("facts %q", facts)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestBookCannotBeWritten(t *testing.T) {
	t.Parallel()
	b := NewBook(full{}, Style{})
	b.Begin("", testColumns)
	var failed error
	for range 100_000 {
		if failed = b.Row(make([]string, len(testColumns))); failed != nil {
			break
		}
	}
	if failed == nil || b.Close(Heading{}) == nil {
		t.Error("a disk that is full was not noticed")
	}
}

func TestCSVDates(t *testing.T) {
	t.Parallel()
	cells := []string{"007", "x", "1.50", "1", "2017-02-28T16:00:00Z", "2027-07-31T16:00:00Z"}
	for _, test := range []struct {
		style Style
		want  string
	}{
		{Style{}, "customer_id,name,remaining,days_left,associated_at,associated_date,expires_at,valid_until\r\n007,x,1.50,1,2017-02-28T16:00:00Z,2017-03-01,2027-07-31T16:00:00Z,2027-07-31\r\n"},
		{Style{Zone: time.UTC}, "customer_id,name,remaining,days_left,associated_at,associated_date,expires_at,valid_until\r\n007,x,1.50,1,2017-02-28T16:00:00Z,2017-02-28,2027-07-31T16:00:00Z,2027-07-31\r\n"},
		{Style{Excel: true, Language: Chinese, Values: map[string]func(string) string{"name": strings.ToUpper}},
			"\ufeff客户 ID,客户名称,name_text,可用额度,剩余天数,关联时间,关联日期,失效时间,有效期至\r\n\"=\"\"007\"\"\",x,X,1.50,1,2017-02-28T16:00:00Z,2017-03-01,2027-07-31T16:00:00Z,2027-07-31\r\n"},
	} {
		table := NewCSV(testColumns, test.style)
		if got := string(table.AppendRow(table.Header(), cells)); got != test.want {
			t.Errorf("%+v:\n%q, want\n%q", test.style, got, test.want)
		}
	}
}

// Every column of a function has a Chinese title of its own.
func TestChineseTitles(t *testing.T) {
	t.Parallel()
	for _, f := range []*core.Function{core.CreditFunction(nil, nil), core.TagFunction(nil, nil)} {
		style := Style{Language: Chinese, Values: map[string]func(string) string{"status": strings.ToUpper}}
		seen := make(map[string]string)
		for _, c := range style.columns(f.Columns, true) {
			title := style.Title(c.Name)
			if other := seen[title]; title == c.Name || other != "" {
				t.Errorf("%s: the title of %s is %q, that of %q too", f.Name, c.Name, title, other)
			}
			seen[title] = c.Name
		}
	}
}

// FuzzBook reads a text back as another program does.
func FuzzBook(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "\ufffd")
		if len(text) > maxUnits {
			t.Skip()
		}
		file, _ := written(t, Style{}, Heading{Name: "x", Line: text}, func(b *Book) {
			b.Begin("", testColumns[:2])
			_ = b.Row([]string{"1", text})
		})
		got, err := file.GetCellValue("x", "B3")
		if formula, _ := file.GetCellFormula("x", "B3"); err != nil || got != text || formula != "" {
			t.Errorf("%q is read as %q, formula %q, %v", text, got, formula, err)
		}
	})
}
