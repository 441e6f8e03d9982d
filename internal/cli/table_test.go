package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"partnerlens/internal/app"
	"partnerlens/pkg/core"
)

// pipeOf returns streams with these variables, and a pipe in place of a terminal.
func pipeOf(env map[string]string) streams {
	return streams{out: new(bytes.Buffer), env: func(name string) string { return env[name] }}
}

// hostile are names that customers choose.
var hostile = []string{
	"Example", "示例科技有限公司", strings.Repeat("示例", 40), strings.Repeat("x", 200), "a\u200b\u200b\u200bb", strings.Repeat("\u200b", 3000),
	"e\u0301e\u0301e\u0301", "a" + strings.Repeat("\u0301", 1000), "\U000e0041\U000e0042", "a\u202eb", "🚀🚀 Rockets…", "· Ω Я ± ×", "a\nb", "\x00a\x00", "\x1b[31m", "",
}

// creditTable returns the lines of a table of credit with hostile names, and the columns that it
// lacks. A negative screen is that of a terminal.
func creditTable(t *testing.T, screen int, flags tableFlags) (lines, lacking []string) {
	t.Helper()
	table, err := newTable(pipeOf(nil), core.CreditFunction(nil, nil).Columns, flags, false)
	if err != nil {
		t.Fatal(err)
	}
	if !flags.Wide {
		table.screen, table.terminal = max(screen, -screen), screen < 0
	}
	amount, _ := core.ParseMoney("-1234.50")
	for i, name := range hostile {
		table.add(&core.CustomerCredit{CustomerID: fmt.Sprint(200000000000 + i), Name: name, Mobile: name, Status: "ok", Credit: core.Credit{Allocated: &amount, Remaining: &amount, Currency: "USD"}})
	}
	var out bytes.Buffer
	if lacking, err = table.write(&out, len(hostile)); err != nil {
		t.Fatal(err)
	}
	lines = strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != len(hostile)+1 {
		t.Fatalf("%d lines for %d customers:\n%s", len(lines), len(hostile), out.String())
	}
	return lines, lacking
}

// No row is wider than the screen or out of line, whatever customers are called; a narrow table
// leaves out what matters least, and no id, amount or status is cut.
func TestTableFits(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		screen int
		want   string // the columns
	}{
		{800000, "customer_id name mobile allocated remaining currency status nearest_expiry_date"},
		{200, "customer_id name mobile allocated remaining currency status"}, // no customer has an expiry
		{100, "customer_id name mobile allocated remaining currency status"},
		{80, "customer_id name allocated remaining currency status"},
		{60, "customer_id name remaining currency status"},
		{50, "customer_id name remaining status"},
		{40, "customer_id remaining status"},
		{14, "customer_id"},
	} {
		lines, lacking := creditTable(t, -test.screen, tableFlags{})
		if got := strings.Join(strings.Fields(lines[0]), " "); got != test.want {
			t.Errorf("in %d columns there are %s, want %s", test.screen, got, test.want)
		}
		if all := len(strings.Fields(lines[0])) + len(lacking); all != 8 {
			t.Errorf("in %d columns %q are shown and %q lacking", test.screen, lines[0], lacking)
		}
		at := strings.Index(lines[0], "status")
		for i, line := range lines {
			if width := text.StringWidth(line); width > test.screen {
				t.Errorf("in %d columns line %d has %d: %+q", test.screen, i, width, line)
			}
			if i == 0 {
				continue
			}
			if !strings.HasPrefix(line, fmt.Sprint(" ", 200000000000+i-1)) || strings.Contains(test.want, "remaining") && !strings.Contains(line, "-1234.50") {
				t.Errorf("in %d columns an id or amount is cut: %+q", test.screen, line)
			}
			if before, _, found := strings.Cut(line, "ok"); at > 0 && (!found || text.StringWidth(before) != at) {
				t.Errorf("in %d columns the status is not in line: %+q", test.screen, line)
			}
		}
	}
}

// On a terminal even an id is cut rather than wrapped; in a pipe no id is.
func TestTableNarrowerThanAnID(t *testing.T) {
	t.Parallel()
	for screen, want := range map[int]string{-8: " 200000…", 8: " 200000000000"} {
		if lines, _ := creditTable(t, screen, tableFlags{}); lines[1] != want {
			t.Errorf("in %d columns the id is %q, want %q", screen, lines[1], want)
		}
	}
}

func TestTableColumns(t *testing.T) {
	t.Parallel()
	lines, lacking := creditTable(t, 120, tableFlags{Columns: []string{"status", "email", "customer_id", "crm_id"}})
	if lines[0] != " status  email  customer_id   crm_id" || lacking != nil {
		t.Errorf("the header is %q without %q", lines[0], lacking)
	}
	// In full are all columns and whole texts.
	lines, lacking = creditTable(t, 0, tableFlags{Wide: true})
	if len(strings.Fields(lines[0])) < 17 || lacking != nil || !strings.Contains(lines[4], hostile[3]) {
		t.Errorf("the header is %q without %q: %s", lines[0], lacking, lines[4])
	}
	if len(lines[2]) > 1000 {
		t.Errorf("a long name makes every row long: %d", len(lines[2]))
	}
	if _, err := newTable(pipeOf(nil), core.CreditFunction(nil, nil).Columns, tableFlags{Columns: []string{}}, false); core.CodeOf(err) != core.CodeInvalid {
		t.Errorf("--columns '': %v", err)
	}
	_, err := newTable(pipeOf(nil), core.CreditFunction(nil, nil).Columns, tableFlags{Columns: []string{"status", "state"}}, false)
	if want := `--columns: no column is called "state"; there are provider, account, customer_id,`; err == nil || core.CodeOf(err) != core.CodeInvalid || !strings.HasPrefix(core.AsError(err).Public(), want) {
		t.Errorf("the error is %v, want %s", err, want)
	}
}

// A table has local dates in place of moments, and both on demand. Sorting by either is the same.
func TestTableDates(t *testing.T) {
	t.Parallel()
	expiry, credit := time.Date(2017, 2, 28, 16, 0, 0, 0, time.UTC), core.CreditFunction(nil, nil).Columns
	record := &core.CustomerCredit{CustomerID: "1", NearestExpiry: &expiry}
	for _, test := range []struct {
		zone  string
		flags tableFlags
		want  string // within the table
	}{
		{"", tableFlags{}, "nearest_expiry_date 1 2017-03-01"},
		{"-01:00", tableFlags{}, "nearest_expiry_date 1 2017-02-28"},
		{"", tableFlags{Columns: []string{"nearest_expiry", "nearest_expiry_date"}}, "nearest_expiry nearest_expiry_date 2017-02-28T16:00:00Z 2017-03-01"},
		{"", tableFlags{Wide: true}, "2017-02-28T16:00:00Z 2017-03-01"},
		{"+8", tableFlags{Columns: []string{"nearest_expiry"}}, "nearest_expiry 2017-02-28T16:00:00Z"},
		{"+8", tableFlags{}, "PARTNERLENS_WATCH_ZONE"},
	} {
		std := pipeOf(map[string]string{app.WatchZoneSetting: test.zone})
		var out bytes.Buffer
		table, err := newTable(std, credit, test.flags, false)
		if err == nil {
			table.add(record)
			_, err = table.write(&out, 1)
		}
		if got := strings.Join(strings.Fields(out.String()), " "); !strings.Contains(got, test.want) && !strings.Contains(fmt.Sprint(err), test.want) {
			t.Errorf("%+v shows %s, %v", test, got, err)
		}
	}
	tags, err := newTable(pipeOf(nil), core.TagFunction(nil, nil).Columns, tableFlags{Columns: []string{"valid_until"}}, false)
	if err != nil {
		t.Fatal(err)
	}
	end := time.Date(2017, 2, 28, 16, 0, 0, 0, time.UTC)
	tags.add(&core.CustomerTag{ExpiresAt: &end})
	if got := tags.rows[0].cells; got != "2017-02-28" {
		t.Errorf("the last day of a tag that ends with February is %q", got)
	}
	a, err := newOrder(&app.Credit, credit, "nearest_expiry", false)
	b, failure := newOrder(&app.Credit, credit, "nearest_expiry_date", false)
	if err != nil || failure != nil || a.column != b.column {
		t.Errorf("the orders are %+v, %+v: %v, %v", a, b, err, failure)
	}
}

func TestScreenWidth(t *testing.T) {
	t.Parallel()
	for columns, want := range map[string]int{"": 120, "97": 97, "0": 120, "-5": 120, "wide": 120} {
		if std := pipeOf(map[string]string{"COLUMNS": columns}); screenWidth(std.out, std.env) != want {
			t.Errorf("COLUMNS=%s has %d columns, want %d", columns, screenWidth(std.out, std.env), want)
		}
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	function := core.CreditFunction(nil, nil)
	customers := map[string]*core.CustomerCredit{}
	for _, c := range []struct{ id, remaining, status, name string }{
		{"1", "5", "ok", "b"}, {"2", "-1", "overdrawn", ""}, {"3", "-20", "overdrawn", "C"}, {"4", "", "unknown", "a"}, {"5", "9", "forced", "b"},
		{"6", "12345678901234567890.2", "ok", "x"}, {"7", "12345678901234567890.1", "ok", "y"}, {"8", "0.10", "ok", "z"}, {"9", "0.1", "ok", "z"},
	} {
		customer := &core.CustomerCredit{CustomerID: c.id, Name: c.name, Status: core.CreditStatus(c.status)}
		if amount, err := core.ParseMoney(c.remaining); err == nil {
			customer.Credit.Remaining = &amount
		}
		customers[c.id] = customer
	}
	for _, test := range []struct {
		by         string
		descending bool
		want       string
	}{
		{byUrgency, false, "532489176"},
		{byUrgency, true, "671894235"},
		{"remaining", false, "328915764"},
		{"remaining", true, "675189234"},
		{"name", false, "341567892"},
		{"name", true, "897615432"},
		{"status", false, "523416789"},
		{unsorted, false, "123456789"},
	} {
		order, err := newOrder(&app.Credit, function.Columns, test.by, test.descending)
		if err != nil {
			t.Fatal(err)
		}
		table, err := newTable(pipeOf(nil), function.Columns, tableFlags{Columns: []string{"customer_id"}}, false)
		if err != nil {
			t.Fatal(err)
		}
		table.order = order
		for id := '1'; id <= '9'; id++ {
			table.add(customers[string(id)])
		}
		var out bytes.Buffer
		if _, err := table.write(&out, 9); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimPrefix(strings.Join(strings.Fields(out.String()), ""), "customer_id"); got != test.want {
			t.Errorf("by %s, descending %t: %s, want %s", test.by, test.descending, got, test.want)
		}
	}
	if _, err := newOrder(&app.Credit, function.Columns, "rest", false); core.CodeOf(err) != core.CodeInvalid || !strings.Contains(err.Error(), "crm_id, urgency, none") {
		t.Errorf("an unknown column: %v", err)
	}
}
