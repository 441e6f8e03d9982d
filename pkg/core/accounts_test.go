package core_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"partnerlens/pkg/core"
)

// fleet is a function with an account for each of its ledgers.
type fleet struct {
	names   []string
	ledgers map[string]*ledger
	closed  map[string]error // accounts that cannot be opened
}

func newFleet(sizes ...int) *fleet {
	h := &fleet{ledgers: make(map[string]*ledger), closed: make(map[string]error)}
	for i, n := range sizes {
		name := string(rune('a' + i))
		l := newLedger(0)
		l.came = i * 1000 // no id is in two accounts
		for range n {
			l.join(l.began.AddDate(-1, 0, 0))
		}
		h.names, h.ledgers[name] = append(h.names, name), l
	}
	return h
}

func (h *fleet) function() *core.Function {
	return core.CreditFunction(func(_ context.Context, account string) (*core.Reader[core.CreditQuery, *core.CustomerCredit], error) {
		if err := h.closed[account]; err != nil {
			return nil, err
		}
		return core.NewReader(h.ledgers[account], &core.ReaderOptions[core.CreditQuery]{
			Schema: core.Schema("credit"), Provider: "tencentcloud", Account: account, Attempts: 1,
		}), nil
	}, func(context.Context) ([]string, error) { return h.names, nil })
}

// ask gives "account/id" of each record.
func (h *fleet) ask(t *testing.T, p core.Params, rights core.Rights, room int) (got []string, report core.Report, err error) {
	t.Helper()
	q, err := h.function().Ask(p)
	if err == nil {
		q, err = q.Within(rights)
	}
	if err != nil {
		return nil, report, err
	}
	report, err = q.Read(t.Context(), func(r core.Record) bool {
		if room > 0 && len(got) == room {
			return false
		}
		got = append(got, r.(*core.CustomerCredit).Account+"/"+r.ID())
		return true
	})
	return got, report, err
}

func (h *fleet) everyone() (all []string) {
	for _, name := range h.names {
		for _, id := range h.ledgers[name].ids {
			all = append(all, name+"/"+id)
		}
	}
	slices.Sort(all)
	return all
}

var allAccounts = core.Params{"account": {core.AllAccounts}}

func TestAllAccounts(t *testing.T) {
	t.Parallel()
	h := newFleet(25, 0, 31)
	got, report, err := h.ask(t, allAccounts, core.Rights{}, 0)
	slices.Sort(got)
	if err != nil || !slices.Equal(got, h.everyone()) {
		t.Fatalf("%d customers, %v; want %d", len(got), err, len(h.everyone()))
	}
	if !report.Complete || report.Account != core.AllAccounts || report.Count != 56 || *report.Total != 56 || report.Next != nil || report.Schema != "partnerlens.credit/v1" || report.Provider != "tencentcloud" {
		t.Errorf("report %+v", report)
	}
	var counts []int
	for _, a := range report.Accounts {
		counts = append(counts, a.Count)
		if !a.Complete || a.Error != nil {
			t.Errorf("account %+v", a)
		}
	}
	if !slices.Equal(counts, []int{25, 0, 31}) {
		t.Errorf("counts %v", counts)
	}
}

// One account that fails is marked, does not affect the others' records, and is
// where the cursor continues.
func TestOneAccountFails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		close func(*fleet)
		code  core.Code
	}{
		{"its settings", func(h *fleet) { h.closed["b"] = &core.Error{Code: core.CodeMisconfigured, Detail: "no key"} }, core.CodeMisconfigured},
		{"its first page", func(h *fleet) {
			h.ledgers["b"].fail = func(int) error { return &core.Error{Code: core.CodeDenied} }
		}, core.CodeDenied},
		{"a later page", func(h *fleet) {
			h.ledgers["b"].fail = func(call int) error {
				if call > 2 {
					return &core.Error{Code: core.CodeUpstream}
				}
				return nil
			}
		}, core.CodeUpstream},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := newFleet(12, 45, 13)
			test.close(h)
			first, report, err := h.ask(t, allAccounts, core.Rights{}, 0)
			if err != nil || report.Complete || report.Next == nil || report.Stopped == nil || *report.Stopped != core.StoppedUpstream {
				t.Fatalf("%v, %+v", err, report)
			}
			w := report.Warnings[len(report.Warnings)-1]
			if w.Account != "b" || w.Code != string(test.code) {
				t.Errorf("warning %+v", w)
			}
			if !report.Accounts[0].Complete || report.Accounts[1].Complete || !report.Accounts[2].Complete {
				t.Errorf("accounts %+v", report.Accounts)
			}
			h.closed, h.ledgers["b"].fail = nil, nil
			rest, report, err := h.ask(t, core.Params{"account": {core.AllAccounts}, "cursor": {*report.Next}}, core.Rights{}, 0)
			if err != nil || !report.Complete || len(report.Accounts) != 1 {
				t.Fatalf("going on: %v, %+v", err, report)
			}
			got := append(first, rest...)
			slices.Sort(got)
			if !slices.Equal(got, h.everyone()) {
				t.Errorf("%d customers in two parts, want %d, each once", len(got), len(h.everyone()))
			}
		})
	}
	h := newFleet(1, 1)
	for name := range h.ledgers {
		h.closed[name] = &core.Error{Code: core.CodeDenied, Detail: "no key of " + name}
	}
	if _, _, err := h.ask(t, allAccounts, core.Rights{}, 0); core.CodeOf(err) != core.CodeDenied || !strings.Contains(err.Error(), "no key of a") || !strings.Contains(err.Error(), "no key of b") {
		t.Errorf("when all fail: %v", err)
	}
}

// However a read of all accounts is cut, by the limit or by the platform's size,
// its parts are everyone, each once.
func TestAllAccountsInParts(t *testing.T) {
	t.Parallel()
	for _, cut := range []struct {
		limit string
		room  int
		why   core.Stop
	}{{"7", 0, core.StoppedLimit}, {"", 7, core.StoppedSize}, {"56", 0, ""}} {
		h := newFleet(25, 0, 31)
		params := core.Params{"account": {core.AllAccounts}}
		if cut.limit != "" {
			params["limit"] = []string{cut.limit}
		}
		var got []string
		for parts := 0; ; parts++ {
			part, report, err := h.ask(t, params, core.Rights{}, cut.room)
			if err != nil || parts > 60 || report.Count != len(part) || len(part) == 0 {
				t.Fatalf("cut %+v, part %d: %d customers, %v, %+v", cut, parts, len(part), err, report)
			}
			got = append(got, part...)
			if report.Next == nil {
				if !report.Complete {
					t.Errorf("cut %+v: the last part is not complete: %+v", cut, report)
				}
				break
			}
			if *report.Stopped != cut.why || len(part) != 7 {
				t.Fatalf("cut %+v: stopped by %s with %d", cut, *report.Stopped, len(part))
			}
			params["cursor"] = []string{*report.Next}
		}
		slices.Sort(got)
		if !slices.Equal(got, h.everyone()) {
			t.Errorf("cut %+v: %d customers, want %d, each once", cut, len(got), len(h.everyone()))
		}
	}
}

// What an account's finished part could not prove, a later part must not forget.
func TestDoubtOutlivesItsPart(t *testing.T) {
	t.Parallel()
	h := newFleet(3, 40)
	h.ledgers["a"].after = func(_ int, page *core.Page[*core.CustomerCredit]) { total := 5; page.Total = &total }
	h.ledgers["b"].fail = func(call int) error {
		if call > 1 {
			return &core.Error{Code: core.CodeUpstream}
		}
		return nil
	}
	_, report, err := h.ask(t, allAccounts, core.Rights{}, 0)
	if err != nil || report.Accounts[0].Complete || report.Accounts[0].Stopped != nil {
		t.Fatalf("%v, %+v", err, report.Accounts)
	}
	h.ledgers["b"].fail = nil
	_, report, err = h.ask(t, core.Params{"account": {"all"}, "cursor": {*report.Next}}, core.Rights{}, 0)
	if err != nil || report.Next != nil {
		t.Fatalf("%v, %+v", err, report)
	}
	if report.Complete || report.Warnings[0].Code != core.WarnEarlierDoubt || report.Warnings[0].Account != "a" {
		t.Errorf("the doubt is forgotten: %+v", report)
	}
}

func TestCursorsOfAllAccountsAreChecked(t *testing.T) {
	t.Parallel()
	h := newFleet(25, 31)
	_, report, err := h.ask(t, core.Params{"account": {"all"}, "limit": {"5"}}, core.Rights{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	next := *report.Next
	changed := []byte(next)
	if i := len(next) - 20; changed[i] == 'A' {
		changed[i] = 'B'
	} else {
		changed[i] = 'A'
	}
	_, single, err := h.ask(t, core.Params{"account": {"a"}, "limit": {"5"}}, core.Rights{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	onlyA := core.Rights{Account: func(name string) bool { return name == "a" }}
	_, ofA, err := h.ask(t, core.Params{"account": {"all"}, "limit": {"5"}}, onlyA, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		params core.Params
		rights core.Rights
	}{
		{"cut short", core.Params{"account": {"all"}, "cursor": {next[:len(next)-4]}}, core.Rights{}},
		{"changed", core.Params{"account": {"all"}, "cursor": {string(changed)}}, core.Rights{}},
		{"of one account", core.Params{"account": {"all"}, "cursor": {*single.Next}}, core.Rights{}},
		{"for one account", core.Params{"account": {"a"}, "cursor": {next}}, core.Rights{}},
		{"of another query", core.Params{"account": {"all"}, "order": {"desc"}, "cursor": {next}}, core.Rights{}},
		{"with another status", core.Params{"account": {"all"}, "status": {"ok"}, "cursor": {next}}, core.Rights{}},
		{"of a key for fewer accounts", core.Params{"account": {"all"}, "cursor": {*ofA.Next}}, core.Rights{}},
		{"of another's key", core.Params{"account": {"all"}, "cursor": {next}}, onlyA},
		{"empty", core.Params{"account": {"all"}, "cursor": {"AAAAAAAAAAAA"}}, core.Rights{}},
	} {
		if got, _, err := h.ask(t, test.params, test.rights, 0); core.CodeOf(err) != core.CodeInvalid || len(got) > 0 {
			t.Errorf("%s: %d customers, %v", test.name, len(got), err)
		}
	}

	// An account that failed at its start has no cursor of its own to bind anything,
	// and one that is at its end is not in the cursor at all.
	h.closed["b"] = &core.Error{Code: core.CodeDenied}
	_, report, err = h.ask(t, core.Params{"account": {"all"}, "status": {"low", "ok"}}, core.Rights{}, 0)
	if err != nil || report.Next == nil {
		t.Fatalf("%v, %+v", err, report)
	}
	h.closed = nil
	if got, report, err := h.ask(t, core.Params{"account": {"all"}, "status": {"overdrawn"}, "cursor": {*report.Next}}, core.Rights{}, 0); core.CodeOf(err) != core.CodeInvalid {
		t.Errorf("another status where an account had failed: %d customers, %v, %+v", len(got), err, report)
	}
	if _, _, err := h.ask(t, core.Params{"account": {"all"}, "status": {"ok,low"}, "cursor": {*report.Next}}, core.Rights{}, 0); err != nil {
		t.Errorf("the same statuses in another order: %v", err)
	}
	h.names = append(h.names, "c")
	if got, report, err := h.ask(t, core.Params{"account": {"all"}, "status": {"low", "ok"}, "cursor": {*report.Next}}, core.Rights{}, 0); core.CodeOf(err) != core.CodeInvalid || !strings.Contains(err.Error(), "start again without it") {
		t.Errorf("an account was added: %d customers, %v, %+v", len(got), err, report)
	}
}

// Only an error that says so means that an id is another account's: any other is an
// account that could not be asked.
func TestRefusedQuestionIsNoMissingID(t *testing.T) {
	t.Parallel()
	h := newFleet(1, 1)
	h.ledgers["b"].fail = func(int) error { return &core.Error{Code: core.CodeInvalid, VendorCode: "InvalidParameter"} }
	_, report, err := h.ask(t, core.Params{"account": {"all"}, "filter_type": {"customer_id"}, "filter": {"1"}}, core.Rights{}, 0)
	if err != nil || report.Complete || report.Accounts[1].Error == nil {
		t.Errorf("%v, %+v", err, report)
	}
}

func TestWhichAccounts(t *testing.T) {
	t.Parallel()
	only := func(names ...string) core.Rights {
		return core.Rights{Account: func(name string) bool { return slices.Contains(names, name) }}
	}
	for _, test := range []struct {
		name   string
		sizes  []int
		params core.Params
		rights core.Rights
		want   string // accounts that were read, or the error's code
		says   string
	}{
		{"one is configured", []int{1}, core.Params{}, core.Rights{}, "a", ""},
		{"several, and none is named", []int{1, 1}, core.Params{}, core.Rights{}, "invalid_request", "name one of a, b, or all"},
		{"one by name", []int{1, 1}, core.Params{"account": {"b"}}, core.Rights{}, "b", ""},
		{"an unknown one", []int{1, 1}, core.Params{"account": {"x"}}, core.Rights{}, "invalid_request", "configured: a, b"},
		{"several, one is the caller's", []int{1, 1}, core.Params{}, only("b"), "b", ""},
		{"all that are the caller's", []int{1, 1, 1}, allAccounts, only("a", "c"), "a c", ""},
		{"another's", []int{1, 1}, core.Params{"account": {"a"}}, only("b"), "forbidden", "may ask for: b"},
		{"an unknown one looks like another's", []int{1, 1}, core.Params{"account": {"x"}}, only("b"), "forbidden", "may ask for: b"},
		{"none is the caller's", []int{1, 1}, core.Params{}, only(), "forbidden", "none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, _, err := newFleet(test.sizes...).ask(t, test.params, test.rights, 0)
			var names []string
			for _, key := range got {
				names = append(names, key[:1])
			}
			slices.Sort(names)
			says := strings.Join(names, " ")
			if err != nil {
				says = string(core.CodeOf(err))
			}
			if says != test.want || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("%q, %v; want %q %q", says, err, test.want, test.says)
			}
		})
	}
}

// An id that one account knows is not missing; one that none knows is.
func TestMissingFromAllAccounts(t *testing.T) {
	t.Parallel()
	function := core.TagFunction(func(_ context.Context, account string) (*core.Reader[core.TagQuery, *core.CustomerTag], error) {
		return core.NewReader(tagsOf{account}, &core.ReaderOptions[core.TagQuery]{
			Schema: core.Schema("tags"), Account: account,
			Scopes: func(_ context.Context, q core.TagQuery) ([]core.Scope[core.TagQuery], error) {
				return core.TagScopes(q, nil), nil
			},
		}), nil
	}, func(context.Context) ([]string, error) { return []string{"a", "b"}, nil })
	q, err := function.Ask(core.Params{"account": {"all"}, "customer_id": {"a-1", "b-1", "c-1"}})
	if err != nil {
		t.Fatal(err)
	}
	report, err := q.Read(t.Context(), func(core.Record) bool { return true })
	if err != nil || !report.Complete || report.Count != 2 || !slices.Equal(report.MissingIDs, []string{"c-1"}) {
		t.Errorf("%v, %+v", err, report)
	}
}

// tagsOf knows the ids that begin with its account's name.
type tagsOf struct{ account string }

func (s tagsOf) FetchPage(_ context.Context, q core.TagQuery, _ core.Cursor) (page core.Page[*core.CustomerTag], _ error) {
	for _, id := range q.CustomerIDs {
		if strings.HasPrefix(id, s.account) {
			page.Items = append(page.Items, &core.CustomerTag{CustomerID: id})
		}
	}
	return page, nil
}

// A panic in one account's read reaches the caller's goroutine and does not end the process.
func TestPanicInOneAccount(t *testing.T) {
	t.Parallel()
	h := newFleet(5, 5)
	defer func() {
		if value := recover(); fmt.Sprint(value) != "boom" {
			t.Errorf("recovered %v", value)
		}
	}()
	q, err := h.function().Ask(allAccounts)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = q.Read(t.Context(), func(core.Record) bool { panic("boom") })
}

// Accounts are read side by side: the answer takes as long as the slowest.
func TestAccountsAreReadSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newFleet(200, 200, 200)
		f := core.CreditFunction(func(_ context.Context, account string) (*core.Reader[core.CreditQuery, *core.CustomerCredit], error) {
			return core.NewReader(h.ledgers[account], &core.ReaderOptions[core.CreditQuery]{Account: account, Pacer: core.NewPacer(5)}), nil
		}, func(context.Context) ([]string, error) { return h.names, nil })
		timed := func(p core.Params) time.Duration {
			q, err := f.Ask(p)
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			if report, err := q.Read(t.Context(), func(core.Record) bool { return true }); err != nil || !report.Complete {
				t.Fatalf("%v, %+v", err, report)
			}
			return time.Since(began)
		}
		one, all := timed(core.Params{"account": {"a"}}), timed(allAccounts)
		if one == 0 || all > one*3/2 {
			t.Errorf("three accounts took %v, one %v", all, one)
		}
	})
}

func TestGoneCallerOfAllAccounts(t *testing.T) {
	t.Parallel()
	h := newFleet(25, 31)
	ctx, cancel := context.WithCancel(t.Context())
	q, err := h.function().Ask(allAccounts)
	if err != nil {
		t.Fatal(err)
	}
	_, err = q.Read(ctx, func(core.Record) bool { cancel(); return true })
	if !errors.Is(err, context.Canceled) && core.CodeOf(err) != core.CodeCanceled {
		t.Errorf("Read = %v", err)
	}
}

// An interrupted answer of all accounts has what was read of each.
func TestInterruptedAllAccounts(t *testing.T) {
	t.Parallel()
	h := newFleet(25, 31)
	ctx, interrupt := context.WithCancelCause(t.Context())
	q, err := h.function().Ask(allAccounts)
	if err != nil {
		t.Fatal(err)
	}
	report, err := q.Read(ctx, func(core.Record) bool { interrupt(core.ErrInterrupted); return true })
	if err != nil || report.Stopped == nil || *report.Stopped != core.StoppedDeadline || report.Next == nil || report.Count == 0 {
		t.Errorf("Read = %v, %+v", err, report)
	}
}

// A walk that is interrupted anywhere continues exactly there.
func TestWalkGoesOnFromAnyPlace(t *testing.T) {
	t.Parallel()
	h := newFleet(57)
	q, err := h.function().Ask(core.Params{})
	if err != nil {
		t.Fatal(err)
	}
	asOf := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	for stop := range 58 {
		var got []string
		from := ""
		report, err := q.Walk(t.Context(), core.WalkOptions{AsOf: asOf}, func(r core.Record, place func() string) bool {
			if len(got) == stop {
				from = place()
				return false
			}
			got = append(got, "a/"+r.ID())
			return true
		})
		if err != nil || !report.AsOf.Equal(asOf) {
			t.Fatalf("%v, %v", err, report.AsOf)
		}
		if stop < 57 {
			report, err = q.Walk(t.Context(), core.WalkOptions{Cursor: from, AsOf: asOf}, func(r core.Record, _ func() string) bool {
				got = append(got, "a/"+r.ID())
				return true
			})
		}
		if err != nil || !report.Complete || !slices.Equal(got, h.everyone()) {
			t.Fatalf("interrupted at %d: %d customers, %v, %+v", stop, len(got), err, report)
		}
	}
}

// What answers hold is what Decode reads.
func TestDecodeReadsWhatAnswersHold(t *testing.T) {
	t.Parallel()
	month := core.MonthOf(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	allocated, err := core.ParseMoney("100.50")
	if err != nil {
		t.Fatal(err)
	}
	yes := true
	for f, record := range map[*core.Function]core.Record{
		core.CreditFunction(nil, nil): &core.CustomerCredit{CustomerID: "1", Name: "a <b>", Credit: core.Credit{Allocated: &allocated, Currency: "USD"}, Forced: &yes, Status: core.CreditForced},
		core.TagFunction(nil, nil):    &core.CustomerTag{CustomerID: "2", Tag: core.Tag{Type: "SMB", Value: "Y"}, ExpireMonth: &month},
	} {
		text, err := core.AppendJSON(nil, record)
		if err != nil {
			t.Fatal(err)
		}
		again, err := f.Decode(text)
		if err != nil || !slices.Equal(again.Row(), record.Row()) || again.Key() != record.Key() {
			t.Errorf("%s reads %v, %v", text, again, err)
		}
		if _, err := f.Decode([]byte(`{"customer_id":"planted`)); core.CodeOf(err) != core.CodeInternal || strings.Contains(err.Error(), "planted") {
			t.Errorf("half a record: %v", err)
		}
	}
}

// strict refuses a list with an id that is not its account's.
type strict struct{ account string }

func (s strict) FetchPage(_ context.Context, q core.TagQuery, _ core.Cursor) (page core.Page[*core.CustomerTag], _ error) {
	for _, id := range q.CustomerIDs {
		if !strings.HasPrefix(id, s.account) {
			return page, &core.Error{Code: core.CodeInvalid, VendorCode: "CBC.99000037", UnknownID: true}
		}
		page.Items = append(page.Items, &core.CustomerTag{CustomerID: id})
	}
	return page, nil
}

// One id that a cloud refuses is not there; of a list that it refuses nothing is known.
func TestCloudRefusesForeignIDs(t *testing.T) {
	t.Parallel()
	function := core.TagFunction(func(_ context.Context, account string) (*core.Reader[core.TagQuery, *core.CustomerTag], error) {
		return core.NewReader(strict{account}, &core.ReaderOptions[core.TagQuery]{
			Account: account, Attempts: 1,
			Scopes: func(_ context.Context, q core.TagQuery) ([]core.Scope[core.TagQuery], error) {
				return core.TagScopes(q, nil), nil
			},
		}), nil
	}, func(context.Context) ([]string, error) { return []string{"a", "b"}, nil })
	for ids, complete := range map[string]bool{"b-1": true, "a-1 b-1": false} {
		q, err := function.Ask(core.Params{"account": {"all"}, "customer_id": strings.Fields(ids)})
		if err != nil {
			t.Fatal(err)
		}
		report, err := q.Read(t.Context(), func(core.Record) bool { return true })
		if err == nil && (report.Complete != complete || len(report.MissingIDs) > 0) || err != nil && complete {
			t.Errorf("%s: %v, %+v", ids, err, report)
		}
	}
}
