package core_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"partnerlens/pkg/core"
)

// twoLists are the two lists of a vendor's customers. Both answer by id too.
type twoLists struct {
	tags, members []string
	denied        error // of the list of members
	breaks        int   // the row from which on it fails; 0: none
	left          bool  // by id the list of members names no one: they have left meanwhile
}

func (w *twoLists) rows(all []string, q core.TagQuery, at core.Cursor) []string {
	all = slices.DeleteFunc(slices.Clone(all), func(id string) bool { return q.CustomerIDs != nil && !slices.Contains(q.CustomerIDs, id) })
	from := min(at.Offset, len(all))
	return all[from:min(from+10, len(all))]
}

type tagList struct{ *twoLists }

func (w tagList) FetchPage(_ context.Context, q core.TagQuery, at core.Cursor) (page core.Page[*core.CustomerTag], _ error) {
	for _, id := range w.rows(w.tags, q, at) {
		page.Items = append(page.Items, &core.CustomerTag{CustomerID: id})
	}
	if len(page.Items) > 0 {
		page.Next = &core.Cursor{Offset: at.Offset + len(page.Items), Size: 10}
	}
	return page, nil
}

type memberList struct{ *twoLists }

func (w memberList) FetchPage(_ context.Context, q core.TagQuery, at core.Cursor) (page core.Page[*core.Member], _ error) {
	if w.denied != nil && at.Offset >= w.breaks {
		return page, w.denied
	}
	total := len(w.members)
	if q.CustomerIDs != nil && w.left {
		total = 0
	} else {
		for _, id := range w.rows(w.members, q, at) {
			name := "Customer " + id
			page.Items = append(page.Items, &core.Member{MemberID: id, AssociatedAt: &longAgo, Profile: &core.Profile{Name: &name}})
		}
	}
	page.Total = &total
	if end := at.Offset + len(page.Items); q.CustomerIDs == nil && end < total {
		page.Next = &core.Cursor{Offset: end, Size: 10}
	}
	return page, nil
}

var longAgo = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

func (w *twoLists) read(t *testing.T) (report core.Report, names map[string]string) {
	t.Helper()
	names = make(map[string]string)
	reader := core.NewReader(tagList{w}, &core.ReaderOptions[core.TagQuery]{
		Schema:  "partnerlens.tags/v1",
		Witness: core.NewReader(memberList{w}, &core.ReaderOptions[core.TagQuery]{Attempts: 1}),
	})
	report, err := reader.Read(t.Context(), core.TagQuery{}, &core.ReadOptions{Members: func(m *core.Member) {
		if _, twice := names[m.MemberID]; twice {
			t.Errorf("%s comes twice", m.MemberID)
		}
		names[m.MemberID] = *m.Profile.Name
	}}, func(*core.CustomerTag) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	return report, names
}

func customers(from, to int) (ids []string) {
	for i := from; i < to; i++ {
		ids = append(ids, fmt.Sprintf("c%02d", i))
	}
	return ids
}

// A warning says which customers one of the two lists lacks, and a proven list stays so.
func TestOneSidedCustomers(t *testing.T) {
	t.Parallel()
	const moreTags, moreMembers = "only in the list that was read: ", "lacks some, even by id; only in the list of the account's customers: "
	for _, test := range []struct {
		name  string
		lists twoLists
		says  string // "": no warning
	}{
		{"the same", twoLists{tags: customers(0, 35), members: customers(0, 35)}, ""},
		{"two tags more", twoLists{tags: customers(0, 35), members: customers(2, 35)}, moreTags + "c00, c01"},
		{"eight tags more", twoLists{tags: customers(0, 35), members: customers(8, 35)}, moreTags + "c00, c01, c02, c03, c04 and 3 more"},
		{"no members", twoLists{tags: customers(0, 12)}, moreTags + "c00, c01, c02, c03, c04 and 7 more"},
		{"one member more", twoLists{tags: customers(1, 35), members: customers(0, 35)}, moreMembers + "c00"},
		{"seven members more", twoLists{tags: customers(7, 35), members: customers(0, 35)}, moreMembers + "c00, c01, c02, c03, c04 and 2 more"},
		{"seven have left", twoLists{tags: customers(7, 35), members: customers(0, 35), left: true}, ""},
		{"both", twoLists{tags: customers(0, 30), members: customers(3, 35)}, moreTags + "c00, c01, c02; only in the list of the account's customers: c30, c31, c32, c33, c34"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			report, names := test.lists.read(t)
			if !report.Complete || len(names) != len(test.lists.members) || report.Count != len(test.lists.tags) {
				t.Errorf("%+v, %d names", report, len(names))
			}
			if (test.says == "") != (len(report.Warnings) == 0) || len(report.Warnings) > 1 {
				t.Fatalf("%+v", report.Warnings)
			}
			if test.says != "" && (report.Warnings[0].Code != core.WarnWitness || !strings.HasSuffix(report.Warnings[0].Message, test.says)) {
				t.Errorf("%q, want %q", report.Warnings[0].Message, test.says)
			}
		})
	}
}

// A list of customers that cannot be read costs the names that it did not show, one warning,
// and nothing else.
func TestMembersThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for breaks, names := range map[int]int{0: 0, 20: 20} {
		w := twoLists{tags: customers(0, 35), members: customers(0, 35), denied: &core.Error{Code: core.CodeDenied, Detail: "not permitted"}, breaks: breaks}
		report, got := w.read(t)
		if !report.Complete || report.Count != 35 || len(got) != names || len(report.Warnings) != 1 || report.Warnings[0].Code != core.WarnNames || !report.Warnings[0].AboutRecords() ||
			!strings.Contains(report.Warnings[0].Message, "not permitted") {
			t.Errorf("from row %d: %d names, %+v", breaks, len(got), report)
		}
	}
}

// A read that proves nothing reads each page once, and says that it is not complete.
func TestUnprovenReads(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 10, 35, 40} {
		w, members := twoLists{members: customers(0, n)}, 0
		var pages atomic.Int32
		ctx := core.WithTrace(t.Context(), &core.Trace{Called: func(context.Context, core.Call) { pages.Add(1) }})
		report, err := core.NewReader(memberList{&w}, &core.ReaderOptions[core.TagQuery]{}).Read(ctx, core.TagQuery{}, &core.ReadOptions{Unproven: true}, func(*core.Member) bool { members++; return true })
		if err != nil || report.Complete || report.Stopped != nil || len(report.Warnings) > 0 || members != n || int(pages.Load()) != max(1, (n+9)/10) {
			t.Errorf("%d: %d members by %d calls, %v, %+v", n, members, pages.Load(), err, report)
		}
	}
}

// Details returns what With joined, so that a run can keep it; the owner and the CRM id are
// not among it, and masking leaves no personal data.
func TestDetailsOfTags(t *testing.T) {
	t.Parallel()
	text := func(s string) *string { return &s }
	profile := core.Profile{
		Name: text("Example Customer"), AccountName: text("example_account"), Email: text("billing@example.com"), Mobile: text("86-000-1234567"),
		Label: text("key account"), Association: core.AssociationReferral, AssociatedAt: &longAgo, Manager: text("manager"),
	}
	joined, ok := new(core.CustomerTag).With(core.Details{Profile: &profile, ResellerName: text("Reseller"), Owner: text("alice"), CRMID: text("7")}).(*core.CustomerTag)
	if !ok || *joined.Owner != "alice" || *joined.CRMID != "7" || *joined.Manager != "manager" {
		t.Fatalf("%+v", joined)
	}
	details := joined.Details()
	if *details.Profile != profile || *details.ResellerName != "Reseller" || details.Owner != nil || details.CRMID != nil {
		t.Errorf("%+v, %+v", details, details.Profile)
	}
	again, _ := new(core.CustomerTag).With(details).(*core.CustomerTag)
	if *again.Owner != "manager" || again.CRMID != nil {
		t.Errorf("%+v", again)
	}
	if none := new(core.CustomerTag).Details(); none != (core.Details{}) {
		t.Errorf("%+v", none)
	}
	masked := strings.Join(joined.Masked().Row(), " ")
	for _, personal := range []string{"Example Customer", "example_account", "billing", "1234567", "key account"} {
		if strings.Contains(masked, personal) {
			t.Errorf("%s is not masked: %s", personal, masked)
		}
	}
}

// In a JSON body names may be true; nothing else may.
func TestNamesInJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"names":true}`: "", `{"names":false}`: "", `{"names":"true"}`: "", `{"names":null}`: "names", `{"names":1}`: "names", `{"names":[true,true]}`: "names",
		`{"customer_ids":[true]}`: "customer_ids", `{"limit":true}`: "limit",
	} {
		params, err := core.ParamsFromJSON([]byte(text))
		if err == nil {
			_, err = core.TagFunction(nil, nil).Ask(params)
		}
		if (err == nil) != (want == "") || err != nil && core.AsError(err).Param != want {
			t.Errorf("%s: %v, want an error about %q", text, err, want)
		}
	}
}
