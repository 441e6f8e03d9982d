package core_test

import (
	"context"
	"slices"
	"testing"

	"partnerlens/pkg/core"
)

// oneByOne answers one id a query, as the vendor's filter does, and knows those that are even.
type oneByOne struct{ t *testing.T }

func (s oneByOne) FetchPage(_ context.Context, q core.CreditQuery, _ core.Cursor) (page core.Page[*core.CustomerCredit], _ error) {
	if q.FilterType != core.FilterCustomerID || q.CustomerIDs != nil {
		s.t.Errorf("the Source gets the query %+v", q)
	}
	if (q.Filter[len(q.Filter)-1]-'0')%2 == 0 {
		page.Items = append(page.Items, &core.CustomerCredit{CustomerID: q.Filter})
	}
	return page, nil
}

// Several customers are asked for one after another, each once; a cursor continues between two.
func TestAskIDs(t *testing.T) {
	t.Parallel()
	function := core.CreditFunction(func(_ context.Context, account string) (*core.Reader[core.CreditQuery, *core.CustomerCredit], error) {
		return core.NewReader(oneByOne{t}, &core.ReaderOptions[core.CreditQuery]{Schema: core.Schema("credit"), Account: account, Scopes: core.CreditScopes}), nil
	}, func(context.Context) ([]string, error) { return []string{"a", "b"}, nil })
	asked := []string{"104", "101", "102", "104", "103", "106"}
	read := func(p core.Params) (ids []string, report core.Report) {
		t.Helper()
		q, err := function.AskIDs(p, asked)
		if err != nil {
			t.Fatal(err)
		}
		report, err = q.Read(t.Context(), func(r core.Record) bool { ids = append(ids, r.ID()); return true })
		if err != nil {
			t.Fatal(err)
		}
		return ids, report
	}
	ids, report := read(core.Params{"account": {"a"}})
	if !report.Complete || !slices.Equal(ids, []string{"104", "102", "106"}) || !slices.Equal(report.MissingIDs, []string{"101", "103"}) {
		t.Errorf("%v, %+v", ids, report)
	}
	ids, report = read(core.Params{"account": {"a"}, "limit": {"1"}})
	if report.Complete || report.Next == nil || !slices.Equal(ids, []string{"104"}) {
		t.Fatalf("%v, %+v", ids, report)
	}
	ids, report = read(core.Params{"account": {"a"}, "cursor": {*report.Next}})
	if !slices.Equal(ids, []string{"102", "106"}) || report.Next != nil {
		t.Errorf("%v, %+v", ids, report)
	}
	if _, report = read(core.Params{"account": {"all"}}); !report.Complete || !slices.Equal(report.MissingIDs, []string{"101", "103"}) {
		t.Errorf("of all accounts: %+v", report)
	}
	for _, test := range []struct {
		p     core.Params
		ids   []string
		param string
	}{
		{core.Params{}, []string{"1", "x"}, "customer_id"},
		{core.Params{}, []string{"1", ""}, "customer_id"},
		{core.Params{"filter_type": {"name"}, "filter": {"x"}}, []string{"1"}, "filter_type"},
	} {
		if _, err := function.AskIDs(test.p, test.ids); core.CodeOf(err) != core.CodeInvalid || core.AsError(err).Param != test.param {
			t.Errorf("%v %q: %v, want an error about %s", test.p, test.ids, err, test.param)
		}
	}
	// Where ids are a parameter they are that.
	tags := core.TagFunction(nil, nil)
	if _, err := tags.AskIDs(core.Params{}, []string{"1", "2"}); err != nil {
		t.Error(err)
	}
	if _, err := tags.AskIDs(core.Params{"customer_id": {"3"}}, []string{"1"}); core.CodeOf(err) != core.CodeInvalid {
		t.Errorf("ids beside ids: %v", err)
	}
}
