package simulator

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestCreditPages(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Customers: 250})
	tests := []struct {
		body        string
		first, rows int // index of the first row, and how many
		ascending   bool
	}{
		{`{}`, 249, 10, false},
		{`{"Page":null,"PageSize":null,"Order":null}`, 249, 10, false},
		{`{"Order":""}`, 249, 10, false},
		{`{"Order":"desc","Page":1,"PageSize":100}`, 249, 100, false},
		{`{"Order":"asc","Page":1,"PageSize":100}`, 0, 100, true},
		{`{"Order":"asc","Page":2,"PageSize":100}`, 100, 100, true},
		{`{"Order":"asc","Page":3,"PageSize":100}`, 200, 50, true},
		{`{"Order":"asc","Page":3,"PageSize":1000}`, 200, 50, true}, // cut to 100
		{`{"Order":"asc","Page":250,"PageSize":1}`, 249, 1, true},
		{`{"Order":"asc","Page":4,"PageSize":100}`, 0, 0, true},
		{fmt.Sprintf(`{"Page":%d,"PageSize":%[1]d}`, int64(math.MaxInt64)), 0, 0, true},
	}
	for _, test := range tests {
		g := s.askCredit(t, test.body)
		if g.status != 200 || g.code != "" || g.total != 250 {
			t.Errorf("%s: answer = %d %q with total %d, want 200 with 250", test.body, g.status, g.code, g.total)
		}
		var want []string
		for n := range test.rows {
			i := test.first + n
			if !test.ascending {
				i = test.first - n
			}
			want = append(want, fmt.Sprint(s.CreditCustomer(i).ClientUin))
		}
		if got := g.ids(); !slices.Equal(got, want) {
			t.Errorf("%s: ids = %v, want %v", test.body, got, want)
		}
		if test.rows == 0 && string(g.list) != "null" {
			t.Errorf("%s: Data = %s, want null", test.body, g.list)
		}
		if contentType := g.header.Get("Content-Type"); contentType != "application/json" {
			t.Errorf("%s: Content-Type = %q", test.body, contentType)
		}
	}
	if calls := s.Calls().Credit; calls.Accepted != len(tests) || calls.Rows != 3*10+3*100+2*50+1 {
		t.Errorf("Calls().Credit = %+v", calls)
	}
}

func TestCreditFilters(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Customers: 120})
	c := s.CreditCustomer(70)
	var remarked int
	for i := range 120 {
		if strings.Contains(s.CreditCustomer(i).Remark, "account manager") {
			remarked++
		}
	}
	tests := []struct {
		filterType, filter string
		total              int
		code               string
	}{
		{"ClientUin", fmt.Sprint(c.ClientUin), 1, ""},
		{"ClientUin", fmt.Sprint(c.ClientUin + 1), 0, ""},
		{"ClientUin", fmt.Sprint(s.CreditCustomer(120).ClientUin), 0, ""},
		{"ClientUin", "1", 0, ""},
		{"ClientUin", "2e11", 0, "InvalidParameterValue.InvalidUin"},
		{"ClientUin", "", 0, "InvalidParameterValue.InvalidUin"},
		{"Email", c.FullEmail, 1, ""},
		{"Email", c.Email, 0, ""},
		{"Name", "云杉科技有限公司", 1 + countNames(s, 120, "云杉科技有限公司", 27), ""},
		{"Name", "no such name", 0, ""},
		{"Remark", "account manager", remarked, ""},
		{"email", c.FullEmail, 0, "InvalidParameterValue"},
		{"customer_id", "1", 0, "InvalidParameterValue"},
	}
	for _, test := range tests {
		g := s.askCredit(t, fmt.Sprintf(`{"FilterType":%q,"Filter":%q,"PageSize":100}`, test.filterType, test.filter))
		if g.status != 200 || g.code != test.code || g.total != test.total || len(g.rows) != test.total {
			t.Errorf("%s %q: answer = %q, total %d, %d rows, want %q, %d", test.filterType, test.filter, g.code, g.total, len(g.rows), test.code, test.total)
		}
	}

	// A filtered list has pages too.
	var paged []string
	for page := 1; ; page++ {
		g := s.askCredit(t, fmt.Sprintf(`{"FilterType":"Remark","Filter":"account manager","Page":%d,"PageSize":7}`, page))
		if len(g.rows) == 0 {
			break
		}
		paged = append(paged, g.ids()...)
	}
	if whole := s.askCredit(t, `{"FilterType":"Remark","Filter":"account manager","PageSize":100}`).ids(); !slices.Equal(paged, whole) {
		t.Errorf("pages of 7 = %v, want %v", paged, whole)
	}
}

func countNames(s *Simulator, customers int, text string, except int) int {
	n := 0
	for i := range customers {
		if i != except && strings.Contains(s.CreditCustomer(i).Name, text) {
			n++
		}
	}
	return n
}

func TestCreditRefusals(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{})
	for body, want := range map[string]string{
		`{"Page":0}`:                  "InvalidParameter.Page",
		`{"Page":-1}`:                 "InvalidParameter.Page",
		`{"PageSize":0}`:              "InvalidParameterValue",
		`{"Page":"1"}`:                "InvalidParameter",
		`{"Page":1.5}`:                "InvalidParameter",
		`{"Filter":1,"FilterType":1}`: "InvalidParameter",
		`{"Filter":"x"}`:              "InvalidParameterValue",
		`{"Order":"ASC"}`:             "InvalidParameterValue",
		`{"Limit":1}`:                 "UnknownParameter",
		`{`:                           "InvalidParameter",
		`null`:                        "InvalidParameter",
		`[]`:                          "InvalidParameter",
		`{} {}`:                       "InvalidParameter",
		` `:                           "InvalidParameter",
	} {
		if g := s.askCredit(t, body); g.status != 200 || g.code != want {
			t.Errorf("%s: answer = %d %q, want 200 %q", body, g.status, g.code, want)
		}
	}
	if g := s.askCredit(t, strings.Repeat(" ", maxRequest+1)); g.code != "RequestSizeLimitExceeded" {
		t.Errorf("body of more than 10 MiB: code = %q", g.code)
	}
}

func TestEmptyAccount(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Customers: -1})
	if g := s.askCredit(t, `{}`); g.total != 0 || !strings.Contains(g.body, `"Data":null`) {
		t.Errorf("credit of an empty account = %s", g.body)
	}
	if g := s.askTags(t, `{}`); g.body != `{"new_customer_tags":[]}` {
		t.Errorf("tags of an empty account = %s", g.body)
	}
	if g := s.resellerList(t, `{}`); g.body != `{"count":0,"indirect_partners":[]}` {
		t.Errorf("resellers of an empty account = %s", g.body)
	}
}
