package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
)

const (
	partnerAPI   = "QueryPartnerCredit"
	resellersAPI = "QuerySubAgentsDetailV2"
	directAPI    = "QueryDirectCustomersCredit"
	vouchersAPI  = "DescribeCustomerVoucherList"
)

// tencentFront is a simulator of which some actions have troubles of their own.
type tencentFront struct {
	sim  *simulator.Simulator
	env  app.Environment
	now  atomic.Pointer[time.Time] // of the functions; nil: the real time
	hang atomic.Pointer[string]    // the action that is never answered
	once atomic.Int64              // calls of it that are answered first
}

func openFront(t *testing.T, opts simulator.Options, more ...string) *tencentFront {
	t.Helper()
	sim, err := simulator.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	f := &tencentFront{sim: sim}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hang := f.hang.Load(); hang != nil && r.Header.Get("X-TC-Action") == *hang && f.once.Add(-1) < 0 {
			_, _ = http.MaxBytesReader(w, r.Body, 1<<20).Read(make([]byte, 1<<16)) // net/http then sees the caller go
			<-r.Context().Done()
			return
		}
		sim.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		sim.Close()
		server.Close()
	})
	env := map[string]string{"PARTNERLENS_TENCENT_RATE": "0", "PARTNERLENS_SHARE_FOR": "0s"}
	for _, setting := range append(simulator.Env(server.URL), more...) {
		name, value, _ := strings.Cut(setting, "=")
		env[name] = value
	}
	f.env = with(env)
	return f
}

func (f *tencentFront) compose() app.Composed {
	return app.Credit.Compose(f.env, func() time.Time {
		if now := f.now.Load(); now != nil {
			return *now
		}
		return time.Now()
	})
}

func plainNumber(n simulator.Number) string { return strings.Trim(string(n), `"`) }

// vouchersOf adds up the simulator's vouchers by customer, by fractions and not by our
// decimals: what is left, and the nearest time at which some of it expires.
func (f *tencentFront) vouchersOf(t *testing.T, now time.Time) map[string]string {
	t.Helper()
	left, nearest := make(map[string]*big.Rat), make(map[string]time.Time)
	for _, n := range f.sim.Vouchers("") {
		v := f.sim.Voucher(int(n))
		expires, err := time.ParseInLocation(time.DateTime, v.ExpireTime, time.FixedZone("", 8*60*60))
		if err != nil {
			t.Fatal(err)
		}
		rest, ok := new(big.Rat).SetString(plainNumber(v.RemainingAmount))
		if !ok {
			t.Fatal(v.RemainingAmount)
		}
		if v.VoucherStatus != "Issued" || rest.Sign() == 0 || !expires.After(now) {
			continue
		}
		id := plainNumber(v.CustomerUin)
		if left[id] == nil {
			left[id], nearest[id] = new(big.Rat), expires
		}
		left[id].Add(left[id], rest)
		if expires.Before(nearest[id]) {
			nearest[id] = expires
		}
	}
	sums := make(map[string]string)
	for id, rest := range left {
		sums[id] = rest.RatString() + " " + nearest[id].UTC().Format(time.RFC3339)
	}
	return sums
}

func sumText(v core.Vouchers) string {
	rest, _ := new(big.Rat).SetString(v.Remaining.String())
	expiry := ""
	if v.NearestExpiry != nil {
		expiry = v.NearestExpiry.Format(time.RFC3339)
	}
	return rest.RatString() + " " + expiry
}

func sameSums(got map[string]core.Vouchers, want map[string]string) string {
	for id, sum := range want {
		if text := sumText(got[id]); text != sum {
			return fmt.Sprintf("customer %s has %s, want %s", id, text, sum)
		}
	}
	if len(got) != len(want) {
		return fmt.Sprintf("%d customers have vouchers, want %d", len(got), len(want))
	}
	return ""
}

func TestPartnerState(t *testing.T) {
	t.Parallel()
	today := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	for _, faults := range [][]string{nil, {"number-texts", "direct-lacks"}, {"many-resellers", "direct-extra"}, {"vendor-busy", "http-502"}} {
		t.Run(strings.Join(faults, " "), func(t *testing.T) {
			t.Parallel()
			f := openFront(t, simulator.Options{Customers: 600, Today: today, Faults: faults})
			f.now.Store(&today)
			state, warnings := f.compose().PartnerState(t.Context(), core.DefaultAccount)
			if len(warnings) > 0 || state.Pool == nil {
				t.Fatalf("warnings %+v, pool %v", warnings, state.Pool)
			}
			if pool := f.sim.PartnerCredit(); state.Pool.Remaining.String() != plainNumber(pool.RemainingCredit) || state.Pool.Total.String() != plainNumber(pool.TotalCredit) {
				t.Errorf("pool %+v, want %+v", state.Pool, pool)
			}
			if len(state.Resellers) != f.sim.SubAgents() {
				t.Errorf("%d resellers, want %d", len(state.Resellers), f.sim.SubAgents())
			}
			var direct []string
			for _, c := range f.sim.DirectCustomers() {
				direct = append(direct, plainNumber(c.Uin))
			}
			if !slices.Equal(state.Direct, direct) {
				t.Errorf("%d direct customers, want %d", len(state.Direct), len(direct))
			}
			if wrong := sameSums(state.Vouchers, f.vouchersOf(t, today)); wrong != "" || len(state.Vouchers) < 100 {
				t.Errorf("vouchers: %s, of %d", wrong, len(state.Vouchers))
			}
		})
	}
}

// Whatever the key may not read is nil, without a warning, and the rest is there.
func TestPartnerStateDenied(t *testing.T) {
	t.Parallel()
	faults := []string{"no-partner-credit", "no-resellers", "no-direct", "no-vouchers"}
	for denied := range 1 << len(faults) {
		var names []string
		for i, fault := range faults {
			if denied>>i&1 == 1 {
				names = append(names, fault)
			}
		}
		f := openFront(t, simulator.Options{Customers: 30, Faults: names})
		state, warnings := f.compose().PartnerState(t.Context(), core.DefaultAccount)
		read := [...]bool{state.Pool != nil, state.Resellers != nil, state.Direct != nil, state.Vouchers != nil}
		for i, fault := range faults {
			if read[i] == slices.Contains(names, fault) {
				t.Errorf("%v: list %d is read: %t", names, i, read[i])
			}
		}
		if len(warnings) > 0 {
			t.Errorf("%v: %+v", names, warnings)
		}
	}
}

// Whatever cannot be read, or is not proven, is nil with one warning that names the API and
// why. It takes no longer than the context allows.
func TestPartnerStateUnavailable(t *testing.T) {
	t.Parallel()
	all := []string{partnerAPI, resellersAPI, directAPI, vouchersAPI}
	for _, test := range []struct {
		name   string
		faults []string
		hang   string
		env    []string
		failed []string // the APIs
		once   int64    // calls of the list that hangs that are answered first
		says   string   // of each
	}{
		{"the vendor fails", []string{"error-in-200-always"}, "", nil, all, 0, "InternalError"},
		{"the vendor hangs", []string{"hang-always"}, "", nil, all, 0, "deadline"},
		{"one list hangs", nil, vouchersAPI, nil, []string{vouchersAPI}, 0, "deadline"},
		{"one list hangs after its first page", nil, vouchersAPI, nil, []string{vouchersAPI}, 1, "(deadline)"},
		{"counts lie", []string{"total-high"}, "", nil, []string{resellersAPI, vouchersAPI}, 0, "incomplete"},
		{"nothing in any answer", []string{"empty-object-always"}, "", nil, all, 0, "upstream"},
		{"lists are null", []string{"empty-page-always"}, "", nil, []string{resellersAPI, vouchersAPI}, 0, "incomplete"},
		{"the key is wrong", nil, "", []string{"PARTNERLENS_TENCENT_SECRET_KEY=wrong"}, all, 0, "AuthFailure.SignatureFailure"},
		{"an empty account", []string{"empty-day"}, "", nil, nil, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := openFront(t, simulator.Options{Customers: 400, Faults: test.faults, Day: 1}, test.env...)
			f.hang.Store(&test.hang)
			f.once.Store(test.once)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			state, warnings := f.compose().PartnerState(ctx, core.DefaultAccount)
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %v, with a second to go", took)
			}
			read := map[string]bool{partnerAPI: state.Pool != nil, resellersAPI: state.Resellers != nil, directAPI: state.Direct != nil, vouchersAPI: state.Vouchers != nil}
			for api, is := range read {
				if is == slices.Contains(test.failed, api) {
					t.Errorf("%s is read: %t", api, is)
				}
			}
			if len(warnings) != len(test.failed) {
				t.Fatalf("warnings %+v, want %d", warnings, len(test.failed))
			}
			for i, w := range warnings {
				if w.Code != core.WarnPartnerUnavailable || !strings.Contains(w.Message, test.failed[i]) || !strings.Contains(w.Message, test.says) {
					t.Errorf("warning %+v, want one of %s that says %q", w, test.failed[i], test.says)
				}
			}
		})
	}

	f := openFront(t, simulator.Options{Customers: 1}, "PARTNERLENS_TENCENT_SECRET_ID=", "PARTNERLENS_TENCENT_ZONE=nowhere")
	state, warnings := f.compose().PartnerState(t.Context(), core.DefaultAccount)
	if len(warnings) != 1 || !strings.Contains(warnings[0].Message, "PARTNERLENS_TENCENT_SECRET_ID") || state.Direct != nil {
		t.Errorf("without a key: %+v", warnings)
	}
	if state, warnings := app.Tags.Compose(f.env, nil).PartnerState(t.Context(), core.DefaultAccount); warnings != nil || state.Pool != nil {
		t.Errorf("of tags: %+v, %+v", state, warnings)
	}
}

// A value that cannot be read is nil, and there is a warning of it. Of a customer with such
// a voucher nothing is said.
func TestPartnerStateOfOddValues(t *testing.T) {
	t.Parallel()
	f := openFront(t, simulator.Options{Customers: 600, Faults: []string{"bad-value", "many-resellers"}})
	composed := f.compose()
	state, warnings := composed.PartnerState(t.Context(), core.DefaultAccount)
	said := make(map[string]int)
	for _, w := range warnings {
		if w.Code != core.WarnValueUnreadable || strings.Contains(w.Message, "USD 5") {
			t.Errorf("warning %+v", w)
		}
		said[w.Field] = w.Count
	}
	odd, resellers := make(map[string]bool), 0
	for _, n := range f.sim.Vouchers("Issued") {
		if v := f.sim.Voucher(int(n)); strings.Contains(string(v.RemainingAmount), "USD") {
			odd[plainNumber(v.CustomerUin)] = true
		}
	}
	for i := range f.sim.SubAgents() {
		if strings.HasPrefix(string(f.sim.SubAgent(i).RemainingCredit), `"`) {
			resellers++
		}
	}
	if len(odd) == 0 || said[vouchersAPI+".RemainingAmount"] != len(odd) || resellers == 0 || said[resellersAPI+".RemainingCredit"] != resellers || len(said) != 2 {
		t.Errorf("warnings %+v, want %d vouchers and %d resellers", warnings, len(odd), resellers)
	}
	for id := range odd {
		if sum, there := state.Vouchers[id]; there {
			t.Errorf("customer %s, with a voucher that cannot be read, has %v", id, sum)
		}
	}
	_, report := f.ask(t, t.Context(), composed, core.Params{"vouchers": {"true"}}, func(c *core.CustomerCredit) {
		if (c.Vouchers == nil) != odd[c.CustomerID] {
			t.Errorf("customer %s: vouchers %v", c.CustomerID, c.Vouchers)
		}
	})
	if !slices.ContainsFunc(report.Warnings, func(w core.Warning) bool { return w.Field == vouchersAPI+".RemainingAmount" }) {
		t.Errorf("the answer's warnings: %+v", report.Warnings)
	}
}

// The list of vouchers is read at its own rate, which is four times that of the others.
func TestPaceOfVouchers(t *testing.T) {
	t.Parallel()
	for rate, want := range map[string]int{"": 20, "0": 0, "50": 20, "10": 10, "3": 3, "50%": 10} {
		f := openFront(t, simulator.Options{Customers: 1}, "PARTNERLENS_TENCENT_RATE="+rate)
		if got, err := app.VouchersRate(f.compose(), t.Context()); err != nil || got != want {
			t.Errorf("rate %q: %d calls a second, %v, want %d", rate, got, err, want)
		}
	}
	f := openFront(t, simulator.Options{Customers: 2500, Rate: 5}, "PARTNERLENS_TENCENT_RATE=")
	ctx := core.WithTrace(t.Context(), &core.Trace{
		Called: func(_ context.Context, call core.Call) {
			if call.Schema != "partnerlens.credit/v1" || call.Account != core.DefaultAccount {
				t.Errorf("a call is traced as %+v", call)
			}
		},
		PageRead: func(int, int, *int) { t.Error("pages of another list are traced as pages of the answer") },
		Ended:    func(context.Context, core.ReadEnd) { t.Error("a read of another list is traced") },
	})
	start := time.Now()
	_, err := app.VouchersOnly(f.compose(), ctx)
	calls, took := f.sim.Calls().Vouchers, time.Since(start)
	// At five calls a second they would take four.
	if err != nil || calls.Limited > 3 || calls.Accepted < 20 || took > 3500*time.Millisecond {
		t.Errorf("%v, calls %+v in %v", err, calls, took)
	}
}

// ask asks for customers' credit.
func (f *tencentFront) ask(t *testing.T, ctx context.Context, composed app.Composed, p core.Params, keep func(*core.CustomerCredit)) (count int, report core.Report) {
	t.Helper()
	q, err := composed.Function.Ask(p)
	if err != nil {
		t.Fatal(err)
	}
	report, err = q.Read(ctx, func(r core.Record) bool {
		count++
		keep(r.(*core.CustomerCredit))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return count, report
}

func TestVouchersOnRequest(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	f := openFront(t, simulator.Options{Customers: 300, Today: now})
	f.now.Store(&now)
	composed, want := f.compose(), f.vouchersOf(t, now)
	ask := func(p core.Params, joined bool) core.Report {
		t.Helper()
		_, report := f.ask(t, t.Context(), composed, p, func(c *core.CustomerCredit) {
			switch sum, has := want[c.CustomerID]; {
			case !joined && c.Vouchers != nil, joined && c.Vouchers == nil:
				t.Errorf("%v: customer %s has %v", p, c.CustomerID, c.Vouchers)
			case joined && has && sumText(*c.Vouchers) != sum, joined && !has && sumText(*c.Vouchers) != "0 ":
				t.Errorf("%v: customer %s has %v, want %s", p, c.CustomerID, c.Vouchers, sum)
			}
		})
		if len(report.Warnings) > 0 {
			t.Errorf("%v: %+v", p, report.Warnings)
		}
		return report
	}
	calls := func() int { return f.sim.Calls().Vouchers.Accepted }

	ask(core.Params{}, false)
	ask(core.Params{"vouchers": {"false"}}, false)
	if calls() != 0 {
		t.Errorf("%d calls for vouchers that are not asked for", calls())
	}
	byID := core.Params{"filter_type": {"customer_id"}, "filter": {fmt.Sprint(f.sim.CreditCustomer(3).ClientUin)}, "vouchers": {"true"}}
	ask(byID, true)
	if calls() != 1 {
		t.Errorf("%d calls for the vouchers of one customer", calls())
	}
	if report := ask(core.Params{"filter_type": {"customer_id"}, "filter": {"77"}, "vouchers": {"true"}}, true); len(report.MissingIDs) != 1 {
		t.Errorf("an id of no customer: %+v", report)
	}
	before := calls()
	question, err := composed.Function.AskIDs(core.Params{"vouchers": {"true"}}, byID["filter"])
	if err == nil {
		_, err = question.Read(t.Context(), func(core.Record) bool { return true })
	}
	if err != nil || calls() != before+1 {
		t.Errorf("%v, %d calls for the vouchers of one id", err, calls()-before)
	}
	ask(core.Params{"vouchers": {"true"}}, true)
	whole := calls()
	ask(core.Params{"vouchers": {"true"}, "account": {"all"}}, true)
	ask(byID, true)
	if calls() != whole || whole < 4 {
		t.Errorf("%d calls, then %d: the vouchers are not reused", whole, calls())
	}
	// A cursor continues with vouchers or without.
	first := ask(core.Params{"vouchers": {"true"}, "limit": {"10"}}, true)
	ask(core.Params{"limit": {"10"}, "cursor": {*first.Next}}, false)
	first = ask(core.Params{"limit": {"10"}}, false)
	ask(core.Params{"vouchers": {"true"}, "limit": {"10"}, "cursor": {*first.Next}}, true)

	later := now.Add(10*time.Minute - time.Second)
	f.now.Store(&later)
	ask(core.Params{"vouchers": {"true"}}, true)
	if calls() != whole {
		t.Error("the vouchers are not reused for 10 minutes")
	}
	later = now.Add(10 * time.Minute)
	ask(core.Params{"vouchers": {"true"}}, true)
	if calls() == whole {
		t.Error("the vouchers are reused after 10 minutes")
	}
}

// With each trouble of the vouchers the credit is answered, and whole.
func TestVouchersUnavailable(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name   string
		faults []string
		hang   string
		says   string
		calls  int // for two answers, with the same time; 0: any number
	}{
		{"denied", []string{"no-vouchers"}, "", "intlpartnersmgt:DescribeCustomerVoucherList", 1},
		{"hanging", nil, vouchersAPI, "there was no time", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := openFront(t, simulator.Options{Customers: 300, Faults: test.faults})
			f.hang.Store(&test.hang)
			f.now.Store(&now)
			composed := f.compose()
			for range 2 {
				ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
				start := time.Now()
				count, report := f.ask(t, ctx, composed, core.Params{"vouchers": {"true"}}, func(c *core.CustomerCredit) {
					if c.Vouchers != nil {
						t.Errorf("customer %s has %v", c.CustomerID, c.Vouchers)
					}
				})
				cancel()
				if took := time.Since(start); took > 3500*time.Millisecond {
					t.Errorf("it took %v of 4s", took)
				}
				if count != 300 || !report.Complete || len(report.Warnings) != 1 || report.Warnings[0].Code != core.WarnVouchersUnavailable || !strings.Contains(report.Warnings[0].Message, test.says) {
					t.Errorf("%d customers, complete %t, %+v", count, report.Complete, report.Warnings)
				}
			}
			if calls := f.sim.Calls().Vouchers.Accepted; test.calls > 0 && calls != test.calls {
				t.Errorf("%d calls, want %d: a failure is remembered", calls, test.calls)
			}
			// After a minute they are asked for again.
			none, later := "", now.Add(time.Minute)
			f.hang.Store(&none)
			f.now.Store(&later)
			before := f.sim.Calls().Vouchers.Accepted
			_, report := f.ask(t, t.Context(), composed, core.Params{"vouchers": {"true"}}, func(*core.CustomerCredit) {})
			if f.sim.Calls().Vouchers.Accepted == before || (len(report.Warnings) == 0) != (test.hang != "") {
				t.Errorf("after a minute: %+v", report.Warnings)
			}
		})
	}
}

// An answer that failed for want of time is no reason for one that has more of it.
func TestVouchersAfterAShortAnswer(t *testing.T) {
	t.Parallel()
	f := openFront(t, simulator.Options{Customers: 30})
	api, none := vouchersAPI, ""
	f.hang.Store(&api)
	composed := f.compose()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, report := f.ask(t, ctx, composed, core.Params{"vouchers": {"true"}}, func(*core.CustomerCredit) {}); len(report.Warnings) != 1 {
		t.Errorf("%+v", report.Warnings)
	}
	f.hang.Store(&none)
	if _, report := f.ask(t, t.Context(), composed, core.Params{"vouchers": {"true"}}, func(c *core.CustomerCredit) {
		if c.Vouchers == nil {
			t.Errorf("customer %s has none", c.CustomerID)
		}
	}); len(report.Warnings) > 0 {
		t.Errorf("%+v", report.Warnings)
	}
}

// Answers side by side read the vouchers once.
func TestVouchersSideBySide(t *testing.T) {
	t.Parallel()
	alone := openFront(t, simulator.Options{Customers: 300})
	alone.ask(t, t.Context(), alone.compose(), core.Params{"vouchers": {"true"}}, func(*core.CustomerCredit) {})
	f := openFront(t, simulator.Options{Customers: 300})
	composed := f.compose()
	done := make(chan int, 8)
	for range cap(done) {
		go func() {
			count, _ := f.ask(t, t.Context(), composed, core.Params{"vouchers": {"true"}}, func(*core.CustomerCredit) {})
			done <- count
		}()
	}
	for range cap(done) {
		if count := <-done; count != 300 {
			t.Errorf("%d customers", count)
		}
	}
	if got, want := f.sim.Calls().Vouchers.Accepted, alone.sim.Calls().Vouchers.Accepted; got != want {
		t.Errorf("%d calls, want %d", got, want)
	}
}

func TestVouchersParameter(t *testing.T) {
	t.Parallel()
	f := openFront(t, simulator.Options{Customers: 20})
	composed := f.compose()
	for _, text := range []string{`{"vouchers":"yes"}`, `{"vouchers":""}`, `{"vouchers":1}`, `{"vouchers":["true","false"]}`, `{"vouchers":null}`} {
		params, err := core.ParamsFromJSON([]byte(text))
		if err == nil {
			_, err = composed.Function.Ask(params)
		}
		if e := core.AsError(err); e == nil || e.Code != core.CodeInvalid || e.Param != "vouchers" {
			t.Errorf("%s: %v", text, err)
		}
	}
	params, err := core.ParamsFromJSON([]byte(`{"vouchers":true}`))
	if err != nil {
		t.Fatal(err)
	}
	f.ask(t, t.Context(), composed, params, func(c *core.CustomerCredit) {
		if c.Vouchers == nil {
			t.Errorf("customer %s has none", c.CustomerID)
		}
	})
	server := serveApp(t, f.env, composed.Function)
	var one struct {
		Items []struct {
			Vouchers *struct{ Remaining string }
		}
	}
	status, body := server.get(t, fmt.Sprintf("/v1/credit/%d?vouchers=true", f.sim.CreditCustomer(0).ClientUin), nil)
	if err := json.Unmarshal([]byte(body), &one); err != nil || status != http.StatusOK || len(one.Items) != 1 || one.Items[0].Vouchers == nil {
		t.Errorf("%d %s", status, body)
	}
}

// A question for vouchers is about all customers too: its answer is compared with the
// newest run.
func TestVouchersAndTheNewestRun(t *testing.T) {
	t.Parallel()
	today := time.Date(2026, 11, 11, 12, 0, 0, 0, time.UTC)
	f := openFront(t, simulator.Options{Customers: 200, Today: today, Faults: []string{"empty-day"}}, "PARTNERLENS_STORE=file://"+t.TempDir())
	f.now.Store(&today)
	done, err := (&app.Watcher{Env: f.env, Now: func() time.Time { return today }}).Watch(t.Context(), f.compose(), app.WatchRequest{})
	if err != nil || !done.Complete {
		t.Fatal(done, err)
	}
	f.sim.SetDay(1)
	server := serveApp(t, f.env, f.compose().Function)
	if _, body := server.get(t, "/v1/credit?vouchers=true", nil); !strings.Contains(body, core.WarnShrunken) {
		t.Errorf("no warning in %s", body)
	}
}
