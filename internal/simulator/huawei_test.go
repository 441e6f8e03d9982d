package simulator

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestTagPages(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Customers: 250})
	tests := []struct {
		body        string
		first, rows int
	}{
		{`{}`, 0, 10},
		{`{"customer_ids":null,"offset":null,"limit":null,"indirect_partner_id":null}`, 0, 10},
		{`{"customer_ids":[],"indirect_partner_id":""}`, 0, 10},
		{`{"limit":200}`, 0, 200},
		{`{"offset":200,"limit":200}`, 200, 50},
		{`{"offset":249,"limit":1}`, 249, 1},
		{`{"offset":7,"limit":5}`, 7, 5}, // an offset is a row, not a page
		{`{"offset":250}`, 0, 0},
		{`{"offset":2147483647,"limit":200}`, 0, 0},
	}
	for _, test := range tests {
		g := s.askTags(t, test.body)
		var want []string
		for n := range test.rows {
			want = append(want, s.TagCustomer(test.first+n).CustomerID)
		}
		if got := g.ids(); g.status != 200 || !slices.Equal(got, want) {
			t.Errorf("%s: %d, ids = %v, want %v", test.body, g.status, got, want)
		}
		if test.rows == 0 && string(g.list) != "[]" {
			t.Errorf("%s: list = %s, want []", test.body, g.list)
		}
	}
	if calls := s.Calls().Tags; calls.Accepted != len(tests) || calls.Rows != 3*10+200+50+1+5 {
		t.Errorf("Calls().Tags = %+v", calls)
	}
}

func TestTagsOfIDs(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Customers: 250})
	quoted := func(ids ...string) string { return `["` + strings.Join(ids, `","`) + `"]` }
	a, b := s.TagCustomer(3).CustomerID, s.TagCustomer(200).CustomerID
	stranger, theirs := s.TagCustomer(250).CustomerID, s.ResellerTagCustomer(0, 1).CustomerID

	g := s.askTags(t, `{"customer_ids":`+quoted(b, stranger, theirs, a, strings.Repeat("0", 32), "x", a)+`}`)
	if got := g.ids(); !slices.Equal(got, []string{a, b}) {
		t.Errorf("ids = %v, want those of the own customers, once: %v", got, []string{a, b})
	}
	first := s.Resellers()[0].IndirectPartnerID
	g = s.askTags(t, `{"customer_ids":`+quoted(a, theirs)+`,"indirect_partner_id":"`+first+`"}`)
	if got := g.ids(); !slices.Equal(got, []string{theirs}) {
		t.Errorf("ids with a reseller = %v, want %v", got, []string{theirs})
	}

	// Two hundred may be asked for, and ten come unless more are asked for.
	var many []string
	for i := range 200 {
		many = append(many, s.TagCustomer(i).CustomerID)
	}
	if g := s.askTags(t, `{"customer_ids":`+quoted(many...)+`}`); len(g.rows) != 10 {
		t.Errorf("200 ids without a limit: %d rows, want 10", len(g.rows))
	}
	if g := s.askTags(t, `{"customer_ids":`+quoted(many...)+`,"limit":200,"offset":150}`); len(g.rows) != 50 {
		t.Errorf("200 ids from row 150: %d rows, want 50", len(g.rows))
	}
	for _, ids := range []string{
		quoted(append(many, a)...), quoted(""), quoted(strings.Repeat("客", 65)), "[1]", "[null]", `"` + a + `"`,
	} {
		if g := s.askTags(t, `{"customer_ids":`+ids+`}`); g.status != 400 || g.code != "CBC.0100" {
			t.Errorf("customer_ids %.40s: answer = %d %q, want 400 CBC.0100", ids, g.status, g.code)
		}
	}
	if g := s.askTags(t, `{"customer_ids":`+quoted(strings.Repeat("客", 64))+`}`); g.status != 200 || len(g.rows) != 0 {
		t.Errorf("an id of 64 characters: %d, %d rows", g.status, len(g.rows))
	}
}

func TestTagRefusals(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{})
	for body, want := range map[string]string{
		`{"limit":0}`:                           "CBC.0100",
		`{"limit":201}`:                         "CBC.0100",
		`{"limit":"10"}`:                        "CBC.0100",
		`{"offset":-1}`:                         "CBC.0100",
		`{"offset":1.5}`:                        "CBC.0100",
		`{"offset":2147483648}`:                 "CBC.0100",
		`{`:                                     "CBC.0100",
		`[]`:                                    "CBC.0100",
		`{"indirect_partner_id":"not-of-ours"}`: "CBC.99000037",
	} {
		if g := s.askTags(t, body); g.status != 400 || g.code != want {
			t.Errorf("%s: answer = %d %q, want 400 %q", body, g.status, g.code, want)
		}
	}
}

func TestResellers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ customers, want int }{{1, 3}, {150, 3}, {1000, 20}, {1_000_000, 40}} {
		if got := len(newSimulator(t, Options{Customers: test.customers}).Resellers()); got != test.want {
			t.Errorf("resellers of %d customers = %d, want %d", test.customers, got, test.want)
		}
	}

	s := newSimulator(t, Options{Customers: 1000})
	list := s.Resellers()
	var ids []string
	for n, r := range list {
		ids = append(ids, r.IndirectPartnerID)
		var seen []string
		for {
			g := s.askTags(t, fmt.Sprintf(`{"indirect_partner_id":%q,"limit":200,"offset":%d}`, r.IndirectPartnerID, len(seen)))
			if len(g.rows) == 0 {
				break
			}
			seen = append(seen, g.ids()...)
		}
		if len(seen) != r.Customers || len(slices.Compact(slices.Sorted(slices.Values(seen)))) != r.Customers {
			t.Errorf("reseller %d: %d customers, want %d", n, len(seen), r.Customers)
		}
		if r.Customers > 0 && seen[0] != s.ResellerTagCustomer(n, 0).CustomerID {
			t.Errorf("reseller %d: first customer = %s", n, seen[0])
		}
	}
	if list[0].Customers < 20 || list[1].Customers != 0 || list[2].Customers <= 200 {
		t.Errorf("customers of the first resellers = %d, %d, %d", list[0].Customers, list[1].Customers, list[2].Customers)
	}

	tests := []struct {
		body  string
		count int
		want  []string
	}{
		{`{}`, 20, ids[:10]},
		{`{"limit":100}`, 20, ids},
		{`{"offset":15,"limit":10}`, 20, ids[15:]},
		{`{"offset":20}`, 20, nil},
		{`{"account_name":"example_reseller_4"}`, 1, ids[4:5]},
		{`{"account_name":""}`, 20, ids[:10]},
		{`{"indirect_partner_id":"` + ids[7] + `"}`, 1, ids[7:8]},
		{`{"indirect_partner_id":"unknown"}`, 0, nil},
		{`{"associated_on_begin":"` + list[5].AssociatedOn + `","associated_on_end":"` + list[6].AssociatedOn + `"}`, 2, ids[5:7]},
	}
	for _, test := range tests {
		g := s.resellerList(t, test.body)
		if got := g.ids(); g.status != 200 || g.total != test.count || !slices.Equal(got, test.want) {
			t.Errorf("%s: %d, count %d, ids %v, want %d, %v", test.body, g.status, g.total, got, test.count, test.want)
		}
	}
	for _, body := range []string{`{"limit":101}`, `{"limit":0}`, `{"offset":-1}`, `{"associated_on_begin":"2021-01-01"}`, `{"associated_on_end":""}`, `x`} {
		if g := s.resellerList(t, body); g.status != 400 || g.code != "CBC.0100" {
			t.Errorf("%s: answer = %d %q, want 400 CBC.0100", body, g.status, g.code)
		}
	}
}
