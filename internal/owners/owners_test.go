package owners

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"partnerlens/pkg/core"
)

var (
	zone = time.FixedZone("", 8*60*60)
	now  = time.Date(2026, 12, 1, 1, 0, 0, 0, time.UTC)
)

// lines are a table's customers as "id=owner/crm_id/mute", in the order of the file.
func lines(t *Table) string {
	texts := make([]string, t.Len())
	for id, i := range t.byID {
		e := &t.entries[i]
		texts[i] = id + "=" + e.owner + "/" + e.crmID
		if until := e.MutedUntil(zone); !until.IsZero() {
			texts[i] += "/" + until.UTC().Format(time.RFC3339)
		}
	}
	return strings.Join(texts, " ")
}

func messages(warnings []core.Warning) string {
	var texts []string
	for _, w := range warnings {
		_, message, _ := strings.Cut(w.Message, Setting+": ")
		texts = append(texts, w.Code+": "+message)
	}
	return strings.Join(texts, "\n")
}

func TestParse(t *testing.T) {
	t.Parallel()
	many := "customer_id,owner\n" + strings.Repeat("1,x\n", 8)
	for name, test := range map[string]struct{ text, want, warns string }{
		"plain":                 {"customer_id,owner\n1,alice\n2,bob\n", "1=alice/ 2=bob/", ""},
		"all, in another order": {"owner,mute_reason,mute_until,note,CRM_ID, Customer_ID\nalice,paid,2026-12-31,n,c7,1\n", "1=alice/c7/2026-12-31T16:00:00Z", ""},
		"as Excel writes it":    {"\ufeffcustomer_id;owner;mute_until\r\n1;alice;2026/12/5\r\n;;\r\n2;\"bob; \"\"b\"\"\";\r\n", "1=alice//2026-12-05T16:00:00Z 2=bob; \"b\"/", ""},
		"tabs, no last newline": {"customer_id\towner\n1\talice", "1=alice/", ""},
		"a line for Excel":      {"sep=;\ncustomer_id;owner\n1;alice\n1;bob\n", "1=alice/", "owners_twice: lines about a customer of an earlier line, which holds (1): line 4"},
		"old newlines":          {"customer_id,owner\r1,alice\r2,bob", "1=alice/ 2=bob/", ""},
		"ids kept as text":      {"customer_id,owner\n=\"200000000001\",alice\n'200000000002,bob\n\"=\"\"200000000003\"\"\",carol\n", "200000000001=alice/ 200000000002=bob/ 200000000003=carol/", ""},
		"ids in the middle":     {"owner,customer_id\nalice,=\"200000000001\"\n", "200000000001=alice/", ""},
		"ids as numbers":        {"customer_id,owner\n2E+11,alice\n2.0e+11,bob\n3,carol\n", "3=carol/", "owners_mangled: ids that a spreadsheet turned into numbers (as 2E+11), not used (2); format the column as text and paste the ids again: lines 2, 3"},
		"no ids":                {"customer_id,owner\n,alice\nein Kunde,bob\n3,carol\n", "3=carol/", "owners_ids: lines without a customer's id in customer_id, not used (2): lines 2, 3"},
		"more than five":        {many, "1=x/", "owners_twice: lines about a customer of an earlier line, which holds (7): lines 3, 4, 5, 6, 7 and 2 more"},
		"unknown columns":       {"customer_id,owner,phone,,city\n1,alice,5,,x\n", "1=alice/", "owners_columns: columns that are not known, and not used (2): columns 3, 5"},
		"short lines":           {"customer_id,owner,crm_id\n1\n2,bob\n", "1=/ 2=bob/", ""},
		"mutes":                 {"customer_id,owner,mute_until\n1,,2026-12-01\n2,,2026-11-30\n3,b,tomorrow\n4,,31.12.2026\n", "1=//2026-12-01T16:00:00Z 2=//2026-11-30T16:00:00Z 3=b/ 4=/", "owners_mute_date: values of mute_until that are not dates, and mute nothing (2); write them as 2026-12-31: lines 4, 5\nowners_mute_past: dates of mute_until that are over (1); remove or change them: line 3"},
		"a broken line":         {"customer_id,owner\n1,al\"ice\n2,bob\n", "2=bob/", "owners_lines: lines with a quote in the middle of a value, not used (1): line 2"},
		"a value of two lines":  {"customer_id,owner,note\n1,\"al\nice\",\"x\ny\"\n2,bob,\n2,bob,\n", "1=al ice/ 2=bob/", "owners_twice: lines about a customer of an earlier line, which holds (1): line 6"},
		"hostile":               {"customer_id,owner\n1,\"a\x1b[2J\u202e\tb\r\nc\"\n", "1=a [2J b c/", ""},
		"too long":              {"customer_id,owner\n1," + strings.Repeat("x", 201) + "\n", "1=/", "owners_long: owners or crm_ids longer than 200 bytes, not used (1): line 2"},
		"nothing in it":         {"customer_id,owner\n", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			table, err := Parse([]byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := lines(table); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
			if got := messages(table.Warnings(now, zone)); got != test.warns {
				t.Errorf("warns\n%s, want\n%s", got, test.warns)
			}
		})
	}
}

func TestUnusable(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"empty":              {"", "its first line cannot be read; write customer_id,owner"},
		"no header":          {"200000000001,alice\n", "its first line does not name the columns customer_id and owner"},
		"no owner":           {"customer_id\n1\n", "its first line does not name the columns customer_id and owner"},
		"a column twice":     {"customer_id,owner,Owner\n", "two columns are owner; remove one"},
		"UTF-16":             {"\xff\xfec\x00u\x00", "in UTF-16, or not a text; save it as CSV UTF-8"},
		"UTF-16, big-endian": {"\xfe\xff\x00c", "in UTF-16, or not a text; save it as CSV UTF-8"},
		"UTF-16, unmarked":   {"c\x00u\x00", "in UTF-16, or not a text; save it as CSV UTF-8"},
		"GBK":                {"customer_id,owner\n1,\ufffd\n2,\xd6\xdc\n", "not in UTF-8 (perhaps in GBK): line 3; save it as CSV UTF-8"},
		"a workbook":         {"PK\x03\x04…", "a workbook, not CSV; save it as CSV UTF-8"},
		"an open quote":      {"customer_id,owner\n1,\"alice\n2,bob\n3,carol\n", "the quote that opens in line 2 is not closed; close it"},
		"a quote too many":   {"customer_id,owner\n1,\"alice\n2,bob\n3,\"carol\"\n", "the quote that opens in line 2 is not closed; close it"},
		"too large":          {strings.Repeat(" ", MaxSize+1), "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(test.text))
			if core.CodeOf(err) != core.CodeMisconfigured || !strings.Contains(core.AsError(err).Public(), Setting) || !strings.Contains(core.AsError(err).Public(), test.want) {
				t.Errorf("%v, want %s", err, test.want)
			}
			for _, text := range []string{"alice", "bob", "carol", "200000000001"} {
				if err != nil && strings.Contains(err.Error(), text) {
					t.Errorf("%v quotes the table", err)
				}
			}
		})
	}
}

func TestMuteEndsWithItsDay(t *testing.T) {
	t.Parallel()
	table, err := Parse([]byte("customer_id,owner,mute_until\n1,,2026-03-29\n2,,\n"))
	if err != nil {
		t.Fatal(err)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	if got := table.Find("1").MutedUntil(berlin).UTC().Format(time.RFC3339); got != "2026-03-29T22:00:00Z" { // summer time began
		t.Error(got)
	}
	end := table.Find("1").MutedUntil(berlin)
	for at, want := range map[time.Time]int{end.Add(-time.Second): 1, end: 0} {
		if got := table.Muted(at, berlin); got != want {
			t.Errorf("%s: %d are muted, want %d", at, got, want)
		}
	}
	if until := table.Find("2").MutedUntil(berlin); !until.IsZero() {
		t.Error(until)
	}
	if d := table.Find("2").Details(); d != (core.Details{}) || table.Find("3") != nil {
		t.Errorf("%+v", d)
	}
}

func TestCensus(t *testing.T) {
	t.Parallel()
	table, err := Parse([]byte("customer_id,owner\n200000000001,a\n66a3424b6d0cdd74fc82f1cf2fdc1b51,b\n200000000002,c\n20000000003,d\n66a3424b6d0cdd74fc82f1cf2fdc1b52,e\n"))
	if err != nil {
		t.Fatal(err)
	}
	for list, want := range map[string]string{
		"":             "",
		"200000000001": "owners_unknown: customers that are in no list that was read (2); check their ids: lines 4, 5",
		"200000000001 200000000002 20000000003 7": "",
		"66a3424b6d0cdd74fc82f1cf2fdc1b51":        "owners_unknown: customers that are in no list that was read (1); check their ids: line 6",
		"7 f":                                     "owners_unknown: customers that are in no list that was read (5); check their ids: lines 2, 3, 4, 5, 6",
	} {
		c := table.Census()
		for id := range strings.FieldsSeq(list) {
			c.See(id)
		}
		if got := messages(c.Unknown()); got != want {
			t.Errorf("%s: %s, want %s", list, got, want)
		}
	}
}

func big(lines int) []byte {
	var b strings.Builder
	b.WriteString("customer_id,owner,crm_id,note,mute_until,mute_reason\r\n")
	for i := range lines {
		fmt.Fprintf(&b, "%d,\"Owner %d, Sales\",CRM-%d,\"some note\",2026-12-31,on holiday\r\n", 200000000000+i, i%50, i)
	}
	return []byte(b.String())
}

func TestLarge(t *testing.T) {
	t.Parallel()
	const many = 100_000
	table, err := Parse(big(many))
	if err != nil || table.Len() != many || table.Muted(now, zone) != many || table.Warnings(now, zone) != nil {
		t.Fatalf("%v, %d", err, table.Len())
	}
	if e := table.Find("200000099999"); e == nil || *e.Details().Owner != "Owner 49, Sales" || *e.Details().CRMID != "CRM-99999" {
		t.Errorf("%+v", e)
	}
}

func BenchmarkParse(b *testing.B) {
	text := big(100_000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"customer_id,owner\n1,alice\n", "\ufeffcustomer_id;owner;mute_until\r\n=\"1\";\"a;b\";2026/1/5\r\n", "sep=;\ncustomer_id;owner\n2E+11;x\n",
		"customer_id\towner\r1\tx", "customer_id,owner\n1,\"x\n", "customer_id,owner\n1,\xd6\xdc\n", "owner,customer_id,crm_id\n'x,\"=\"\"7\"\"\",\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		table, err := Parse(text)
		if err != nil {
			if table != nil || core.CodeOf(err) != core.CodeMisconfigured {
				t.Fatalf("%v, %v", table, err)
			}
			return
		}
		for id, i := range table.byID {
			e := table.Find(id)
			if e != &table.entries[i] || core.CheckID("", id) != nil || !utf8.ValidString(e.owner+e.crmID) || len(e.owner) > maxText || strings.ContainsAny(e.owner+e.crmID, "\r\n\x00") {
				t.Fatalf("%q: %+v", id, e)
			}
		}
		for _, w := range table.Warnings(now, zone) {
			if len(w.Message) > 400 {
				t.Fatal(w.Message)
			}
		}
	})
}
