package core_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"partnerlens/pkg/core"
)

// unreadLedger is a ledger of n customers; every tenth has a Credit, and every
// twentieth a RecentExpiry, that cannot be read.
func unreadLedger(n int) *ledger {
	l := newLedger(n)
	l.after = func(_ int, page *core.Page[*core.CustomerCredit]) {
		for _, c := range page.Items {
			remaining, _ := core.ParseMoney("5")
			c.Credit.Remaining = &remaining // without an allocation: unknown
			switch i := slices.Index(l.ids, c.CustomerID); {
			case i%20 == 0:
				c.Unreadable = []string{"Credit", "RecentExpiry"}
			case i%10 == 0:
				c.Unreadable = []string{"Credit"}
			default:
				c.Credit.Allocated = &remaining
			}
		}
	}
	return l
}

func unreadWarnings(report core.Report) (found []string) {
	for _, w := range report.Warnings {
		if w.Code == core.WarnValueUnreadable {
			found = append(found, fmt.Sprintf("%s %d %s", w.Field, w.Count, w.CustomerID))
		}
	}
	return found
}

// There is one warning for each member that could not be read, with how many customers it is of
// and the first of them, however the read goes.
func TestUnreadValuesAreReported(t *testing.T) {
	t.Parallel()
	const first = "200000000000"
	for _, test := range []struct {
		name   string
		change func(*ledger)
		opts   core.ReadOptions
		query  core.CreditQuery
		want   []string
	}{
		{"everyone", nil, core.ReadOptions{}, core.CreditQuery{}, []string{"Credit 5 " + first, "RecentExpiry 3 " + first}},
		{"only some of them are handed out", nil, core.ReadOptions{Statuses: []string{"low"}}, core.CreditQuery{}, []string{"Credit 5 " + first, "RecentExpiry 3 " + first}},
		{"those up to a limit", nil, core.ReadOptions{Limit: 15}, core.CreditQuery{}, []string{"Credit 2 " + first, "RecentExpiry 1 " + first}},
		{"every page is read twice", func(l *ledger) {
			after := l.after
			l.after = func(call int, page *core.Page[*core.CustomerCredit]) {
				if after(call, page); call == 5 {
					*page.Total++ // so that it has to be proven again
				}
			}
		}, core.ReadOptions{}, core.CreditQuery{}, []string{"Credit 5 " + first, "RecentExpiry 3 " + first}},
		{"by another id", nil, core.ReadOptions{}, core.CreditQuery{FilterType: core.FilterCustomerID, Filter: "200000000001"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := unreadLedger(50)
			if test.change != nil {
				test.change(l)
			}
			_, report, err := l.read(t.Context(), test.query, test.opts)
			if got := unreadWarnings(report); err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q (%+v, %v)", got, test.want, report.Warnings, err)
			}
			for _, w := range report.Warnings {
				if w.AboutRecords() != (w.Code == core.WarnValueUnreadable) {
					t.Errorf("%+v: AboutRecords = %t", w, w.AboutRecords())
				}
			}
		})
	}
}

// Over the parts of a read each customer counts once, whether a part ends by its limit or
// for lack of room.
func TestUnreadValuesOfParts(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"limit", "size"} {
		for _, cut := range []int{1, 7, 10, 11, 20} {
			l := unreadLedger(50)
			var opts core.ReadOptions
			credit, expiry := 0, 0
			for range 60 {
				room := cut
				if by == "limit" {
					opts.Limit, room = cut, 1000
				}
				report, err := l.reader().Read(t.Context(), core.CreditQuery{Order: core.OrderAscending}, &opts, func(*core.CustomerCredit) bool {
					room--
					return room >= 0
				})
				if err != nil {
					t.Fatal(err)
				}
				for _, w := range report.Warnings {
					switch w.Field {
					case "Credit":
						credit += w.Count
					case "RecentExpiry":
						expiry += w.Count
					}
				}
				if report.Next == nil {
					break
				}
				opts.Cursor = *report.Next
			}
			if credit != 5 || expiry != 3 {
				t.Errorf("by %s of %d: %d and %d customers, want 5 and 3", by, cut, credit, expiry)
			}
		}
	}
}

// What stopped a read stays the last warning: answers and runs read it there.
func TestUnreadValuesComeFirst(t *testing.T) {
	t.Parallel()
	l := unreadLedger(50)
	l.fail = func(call int) error {
		if call > 2 {
			return &core.Error{Code: core.CodeDenied}
		}
		return nil
	}
	_, report, err := l.read(t.Context(), core.CreditQuery{}, core.ReadOptions{})
	if err != nil || len(report.Warnings) != 3 || report.Warnings[2].Code != string(core.CodeDenied) || report.Warnings[0].Code != core.WarnValueUnreadable {
		t.Errorf("%+v, %v", report.Warnings, err)
	}
}

func TestRecordNotes(t *testing.T) {
	t.Parallel()
	list := func(customers, unknown int, unread ...string) (n core.RecordNotes) {
		for i := range customers {
			c := &core.CustomerTag{CustomerID: fmt.Sprint("c", i), Status: core.TagQualified}
			if i < unknown {
				c.Status, c.Unreadable = core.TagUnknown, unread
			}
			n.Add(c)
		}
		return n
	}
	for _, test := range []struct {
		name  string
		notes core.RecordNotes
		want  []core.Warning // without messages
	}{
		{"nothing", list(0, 0), nil},
		{"a tenth is unknown", list(100, 10), nil},
		{"more than a tenth is", list(100, 11), []core.Warning{{Code: "mostly_unknown", Count: 11}}},
		{"the only one is", list(1, 1, "expire_time"), []core.Warning{
			{Code: "value_unreadable", CustomerID: "c0", Field: "expire_time", Count: 1}, {Code: "mostly_unknown", Count: 1},
		}},
		{"two members", list(100, 2, "expire_time", "effective_time"), []core.Warning{
			{Code: "value_unreadable", CustomerID: "c0", Field: "expire_time", Count: 2}, {Code: "value_unreadable", CustomerID: "c0", Field: "effective_time", Count: 2},
		}},
	} {
		got := test.notes.WholeWarnings()
		for i := range got {
			if got[i].Message == "" || strings.Contains(got[i].Message, "c0") {
				t.Errorf("%s: message %q", test.name, got[i].Message)
			}
			got[i].Message = ""
		}
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

func TestMostUnread(t *testing.T) {
	t.Parallel()
	for rows, want := range map[int]int{0: 1, 1: 1, 20: 1, 39: 1, 40: 2, 100: 5, 200: 10} {
		if got := core.MostUnread(rows); got != want {
			t.Errorf("MostUnread(%d) = %d, want %d", rows, got, want)
		}
	}
}
