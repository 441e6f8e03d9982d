package tencent

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
	"partnerlens/pkg/core/sourcetest"
	"partnerlens/pkg/transport"
	"partnerlens/pkg/transport/transporttest"
)

// testSibling runs the conformance suite over a list of the simulator's rows. An API
// without pages has all of them in one answer.
func testSibling[T core.Record](t *testing.T, pageSize int, odd bool, open func(*Source) Sibling[T], row func(*simulator.Simulator, int) (id string, row any), answer func(sim *simulator.Simulator, rows []any, total int) map[string]any) {
	t.Parallel()
	sim, _ := simulate(t, simulator.Options{})
	bad, _ := simulate(t, simulator.Options{Faults: []string{"bad-value"}})
	sourcetest.Run(t, sourcetest.Harness[SiblingQuery, T]{
		Open: func(tb testing.TB, world sourcetest.World) core.Source[SiblingQuery, T] {
			of := sim
			if world.Odd {
				of = bad
			}
			url := transporttest.ServeWorld(tb, world, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var asked struct{ Page, PageSize int }
				if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
					tb.Error(err)
				}
				from, to := 0, world.Customers
				if asked.PageSize > 0 {
					from, to = min((asked.Page-1)*asked.PageSize, to), min(asked.Page*asked.PageSize, to)
				}
				var rows []any
				for i := from; i < to; i++ {
					_, r := row(of, i)
					rows = append(rows, r)
				}
				w.Header().Set("Content-Type", "application/json")
				json.NewEncoder(w).Encode(map[string]any{"Response": answer(of, rows, world.Customers)})
			}), vendorFailure)
			return open(newSource(tb, Config{Endpoint: url}))
		},
		Facts: func(n int) (facts []sourcetest.Fact) {
			for i := range n {
				id, _ := row(sim, i)
				facts = append(facts, sourcetest.Fact{ID: id, Row: map[string]string{"id": id}})
			}
			return facts
		},
		Columns:  []core.Column{{Name: "id"}},
		PageSize: pageSize,
		Odd:      odd,
	})
}

func TestConformanceOfResellers(t *testing.T) {
	testSibling(t, maxSiblingPage, true, (*Source).Resellers, func(sim *simulator.Simulator, i int) (string, any) {
		a := sim.SubAgent(i)
		return string(a.SubAgentUin), a
	}, func(_ *simulator.Simulator, rows []any, total int) map[string]any {
		return map[string]any{"Total": total, "Data": rows, "RequestId": "id-1"}
	})
}

func TestConformanceOfVouchers(t *testing.T) {
	testSibling(t, maxSiblingPage, true, (*Source).Vouchers, func(sim *simulator.Simulator, i int) (string, any) {
		v := sim.Voucher(i)
		return string(v.CustomerUin + "/" + v.VoucherID), v
	}, func(_ *simulator.Simulator, rows []any, total int) map[string]any {
		return map[string]any{"TotalCount": total, "Data": rows, "RequestId": "id-1"}
	})
}

func TestConformanceOfDirectCustomers(t *testing.T) {
	testSibling(t, 45, false, (*Source).DirectCustomers, func(sim *simulator.Simulator, i int) (string, any) {
		id := fmt.Sprint(sim.CreditCustomer(i).ClientUin)
		return id, map[string]any{"Uin": json.Number(id), "TotalCredit": 1.5, "RemainingCredit": nil}
	}, func(_ *simulator.Simulator, rows []any, _ int) map[string]any {
		return map[string]any{"Data": rows, "RequestId": "id-1"}
	})
}

// readSibling reads a list to its end.
func readSibling[T core.Record](t *testing.T, sibling Sibling[T]) (rows []T, report core.Report) {
	t.Helper()
	reader := core.NewReader(sibling, &core.ReaderOptions[SiblingQuery]{Provider: Provider})
	report, err := reader.Read(t.Context(), SiblingQuery{}, nil, func(row T) bool {
		rows = append(rows, row)
		return true
	})
	if err != nil || !report.Complete {
		t.Fatalf("%s: complete %t, %v, %v", sibling.Action, report.Complete, report.Warnings, err)
	}
	return rows, report
}

// plain returns the digits of a number that the simulator sends as one or as a text.
func plain(n simulator.Number) string { return strings.Trim(string(n), `"`) }

func amountText(m *core.Money) string {
	if m == nil {
		return "nil"
	}
	return m.String()
}

func timeOf(at *time.Time) string {
	if at == nil {
		return ""
	}
	return at.Format(time.RFC3339)
}

// Each list has the simulator's values to the last digit, whether they come as numbers or
// as texts, and is proven complete.
func TestSiblingsOfTheSimulator(t *testing.T) {
	t.Parallel()
	for _, faults := range [][]string{nil, {"number-texts"}, {"many-resellers", "unstable-order"}, {"page-clamp-10", "total-low"}} {
		t.Run(strings.Join(faults, " "), func(t *testing.T) {
			t.Parallel()
			sim, url := simulate(t, simulator.Options{Customers: 300, Faults: faults})
			source := newSource(t, Config{Endpoint: url})
			if len(faults) > 0 && faults[len(faults)-1] == "total-low" { // a count that lies proves nothing
				report, err := core.NewReader(source.Vouchers(), nil).Read(t.Context(), SiblingQuery{}, nil, func(*Item[Voucher]) bool { return true })
				if err != nil || report.Complete {
					t.Errorf("with a total that is too low: complete %t, %v", report.Complete, err)
				}
				return
			}

			pools, _ := readSibling(t, source.PartnerCredit())
			pool, truth := pools[0].Value, sim.PartnerCredit()
			for name, pair := range map[string][2]string{
				"total": {amountText(pool.Total), plain(truth.TotalCredit)}, "allocated": {amountText(pool.Allocated), plain(truth.AllocatedCredit)},
				"remaining": {amountText(pool.Remaining), plain(truth.RemainingCredit)}, "customers": {amountText(pool.CustomersTotal), plain(truth.CustomerTotalCredit)},
				"customers' rest": {amountText(pool.CustomersRemaining), plain(truth.CustomerRemainingCredit)}, "currency": {pool.Currency, "USD"},
			} {
				if pair[0] != pair[1] || len(pools) != 1 {
					t.Errorf("pool: %s = %s, want %s", name, pair[0], pair[1])
				}
			}

			resellers, _ := readSibling(t, source.Resellers())
			byID := make(map[string]core.ResellerCredit)
			for _, r := range resellers {
				byID[r.ID()] = r.Value
			}
			if len(byID) != sim.SubAgents() {
				t.Errorf("%d resellers, want %d", len(byID), sim.SubAgents())
			}
			for i := range sim.SubAgents() {
				a := sim.SubAgent(i)
				r := byID[plain(a.SubAgentUin)]
				got := []string{r.ResellerID, r.Name, r.Remark, fmt.Sprint(*r.Customers), amountText(r.Allocated), amountText(r.Remaining), amountText(r.Voucher), amountText(r.VoucherRemaining), timeOf(r.BoundAt)}
				want := []string{plain(a.SubAgentUin), a.Name, a.Remark, string(a.CountOfCustomers), plain(a.Credit), plain(a.RemainingCredit), plain(a.Voucher), plain(a.RemainingVoucher), instantOf(a.BindTime)}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("reseller %d = %q, want %q", i, got, want)
				}
			}

			direct, _ := readSibling(t, source.DirectCustomers())
			listed := make(map[string]bool)
			for _, c := range sim.DirectCustomers() {
				listed[plain(c.Uin)] = true
			}
			got := make(map[string]bool)
			for _, m := range direct {
				got[m.MemberID] = true
			}
			if !maps.Equal(got, listed) || len(direct) != len(listed) {
				t.Errorf("%d direct customers, want %d", len(direct), len(listed))
			}

			vouchers, _ := readSibling(t, source.Vouchers())
			if want := len(sim.Vouchers("Issued")); len(vouchers) != want || want < 100 {
				t.Errorf("%d vouchers, want %d, and more than a page", len(vouchers), want)
			}
		})
	}
}

func TestSiblingRequests(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		action string
		want   map[string]any
		call   func(context.Context, *Source) error
	}{
		{"QueryPartnerCredit", map[string]any{}, fetchOf((*Source).PartnerCredit, SiblingQuery{}, core.Cursor{})},
		{"QueryDirectCustomersCredit", map[string]any{}, fetchOf((*Source).DirectCustomers, SiblingQuery{}, core.Cursor{Offset: 20, Size: 10})},
		{"QuerySubAgentsDetailV2", map[string]any{"Page": 1., "PageSize": 100.}, fetchOf((*Source).Resellers, SiblingQuery{}, core.Cursor{})},
		{"QuerySubAgentsDetailV2", map[string]any{"Page": 3., "PageSize": 50.}, fetchOf((*Source).Resellers, SiblingQuery{}, core.Cursor{Offset: 100, Size: 50})},
		{"DescribeCustomerVoucherList", map[string]any{"Page": 1., "PageSize": 100., "VoucherStatus": "Issued"}, fetchOf((*Source).Vouchers, SiblingQuery{}, core.Cursor{})},
		{"DescribeCustomerVoucherList", map[string]any{"Page": 2., "PageSize": 100., "VoucherStatus": "Issued", "CustomerUin": 200000000000.}, fetchOf((*Source).Vouchers, SiblingQuery{CustomerID: "200000000000"}, core.Cursor{Offset: 100})},
	} {
		var calls int
		url := transporttest.Handle(t, func(w http.ResponseWriter, r *http.Request) {
			calls++
			var got map[string]any
			if err := json.NewDecoder(r.Body).Decode(&got); err != nil || !maps.Equal(got, test.want) {
				t.Errorf("%s: body = %v, %v, want %v", test.action, got, err, test.want)
			}
			if r.Header.Get("X-TC-Action") != test.action || r.Header.Get("X-TC-Version") != "2022-09-28" || r.Header.Get("X-TC-Token") != "simulator-token" {
				t.Errorf("%s: headers %q", test.action, r.Header)
			}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"Response":{"Total":0,"TotalCount":0,"Data":null,"TotalCredit":1}}`)
		})
		if err := test.call(t.Context(), newSource(t, Config{Endpoint: url, Credentials: temporary})); err != nil || calls != 1 {
			t.Errorf("%s: %d calls, %v", test.action, calls, err)
		}
	}
	source := newSource(t, Config{Endpoint: "http://127.0.0.1:1"})
	if err := fetchOf((*Source).Vouchers, SiblingQuery{}, core.Cursor{Size: maxSiblingPage + 1})(t.Context(), source); core.CodeOf(err) != core.CodeInvalid {
		t.Errorf("a forged size: %v", err)
	}
	if err := fetchOf((*Source).Vouchers, SiblingQuery{CustomerID: "x"}, core.Cursor{})(t.Context(), source); core.CodeOf(err) != core.CodeInvalid {
		t.Errorf("an id that is none: %v", err)
	}
}

func fetchOf[T core.Record](open func(*Source) Sibling[T], query SiblingQuery, at core.Cursor) func(context.Context, *Source) error {
	return func(ctx context.Context, s *Source) error {
		_, err := open(s).FetchPage(ctx, query, at)
		return err
	}
}

// siblingCalls has one call of each action.
var siblingCalls = map[string]func(context.Context, *Source) error{
	partnerAction:   fetchOf((*Source).PartnerCredit, SiblingQuery{}, core.Cursor{}),
	resellersAction: fetchOf((*Source).Resellers, SiblingQuery{}, core.Cursor{}),
	directAction:    fetchOf((*Source).DirectCustomers, SiblingQuery{}, core.Cursor{}),
	vouchersAction:  fetchOf((*Source).Vouchers, SiblingQuery{}, core.Cursor{}),
}

func TestSiblingFailures(t *testing.T) {
	t.Parallel()
	for action, call := range siblingCalls {
		for _, test := range []struct {
			vendor       string
			want         core.Code
			detail       string // a part of it
			notPermitted bool
		}{
			{"UnauthorizedOperation", core.CodeDenied, "intlpartnersmgt:" + action, true},
			{"UnauthorizedOperation.UinNoAuth", core.CodeDenied, "intlpartnersmgt:" + action, true},
			{"UnauthorizedOperation.NotCustomerUin", core.CodeInvalid, "UIN", false},
			{"AuthFailure.UnauthorizedOperation", core.CodeDenied, "intlpartnersmgt:" + action, true},
			{"FailedOperation.UinNotAgent", core.CodeDenied, "must be a distributor", true},
			{"FailedOperation.UinNotReseller", core.CodeDenied, "must be a distributor", true},
			{"UnauthorizedOperations", core.CodeUpstream, "", false},
			{"AuthFailure.SecretIdNotFound", core.CodeDenied, "deleted", false},
			{"AuthFailure.SignatureExpire", core.CodeDenied, "clock", false},
			{"FailedOperation", core.CodeUpstream, "could not carry out", false},
			{"InvalidParameter.Page", core.CodeInvalid, "no such page", false},
			{"OperationDenied.ServiceBusy", core.CodeUnavailable, "busy", false},
			{"OperationDenied", core.CodeUpstream, "", false},
			{"RequestLimitExceeded", core.CodeThrottled, "", false},
			{"InternalError", core.CodeUnavailable, "fault of its own", false},
			{"InvalidAction", core.CodeUpstream, "", false},
		} {
			url := transporttest.Serve(t, transporttest.JSON(fmt.Sprintf(`{"Response":{"Error":{"Code":%q,"Message":%q},"RequestId":"id-1","TotalCredit":1,"Total":0,"TotalCount":0,"Data":[]}}`, test.vendor, sourcetest.Planted)))
			e := core.AsError(call(t.Context(), newSource(t, Config{Endpoint: url})))
			if e == nil || e.Code != test.want || !strings.Contains(e.Detail, test.detail) || e.VendorCode != test.vendor || e.RequestID != "id-1" || e.Op != "tencent."+action {
				t.Errorf("%s: %s = %+v, want code %q and detail %q", action, test.vendor, e, test.want, test.detail)
				continue
			}
			if NotPermitted(e) != test.notPermitted {
				t.Errorf("%s: %s: NotPermitted = %t", action, test.vendor, !test.notPermitted)
			}
			if strings.Contains(fmt.Sprintf("%+v %v", e, e), "lanted") {
				t.Errorf("%s: error repeats the vendor's message: %v", action, e)
			}
		}
	}
	if NotPermitted(nil) {
		t.Error("no error is NotPermitted")
	}
}

func TestHangingSiblings(t *testing.T) {
	t.Parallel()
	for action, call := range siblingCalls {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			transporttest.TestHangs(t, func(ctx context.Context, tb testing.TB, url string) error {
				return call(ctx, newSource(tb, Config{Endpoint: url}))
			})
		})
	}
}

// vendorSamples are the sample answers of the actions' pages (read November 2026) in
// their shape, with made-up values; that of the vouchers lacks a comma there.
var vendorSamples = map[string]string{
	partnerAction:   `{"Response":{"RemainingCredit":1000.1,"RequestId":"id-1","TotalCredit":1050.10,"AllocatedCredit":50}}`,
	resellersAction: `{"Response":{"Total":1,"Data":[{"SubAgentUin":100001,"Name":"example","Remark":"dd","CountOfCustomers":0,"BindTime":"","Credit":0,"RemainingCredit":0,"Voucher":0,"RemainingVoucher":0,"Email":"a@example.com","Mobile":"151xxx"}],"RequestId":"id-1"}}`,
	directAction:    `{"Response":{"Data":[{"RemainingCredit":0.01,"TotalCredit":100.01,"Uin":1},{"RemainingCredit":0.01,"TotalCredit":100.01,"Uin":1}],"RequestId":"id-1"}}`,
	vouchersAction:  `{"Response":{"Data":[{"ApplyReason":"For tests","CustomerUin":800000000000,"EffectiveTime":"2025-07-21 06:10:24","ExpireTime":"2025-10-19 23:59:59","PaymentMode":"AllPayment","ProductScope":"AllProducts","RemainingAmount":0.797104,"TotalAmount":1,"Usage":"CustomerOffer","VoucherId":12342356,"VoucherStatus":"Canceled"}],"RequestId":"id-1","TotalCount":1}}`,
}

// decoded is an answer of any action in JSON: its rows and their unread members.
func decoded(action, body string) (text string, rows int, err error) {
	a := transport.Answer{Status: 200, Body: []byte(body)}
	switch action {
	case partnerAction:
		page, err := decodePartner(a, testConfig)
		return textOf(page, func(i *Item[core.PartnerCredit]) any { return []any{i.Value, i.Unreadable} }), len(page.Items), err
	case resellersAction:
		page, err := decodeResellers(a, testConfig)
		return textOf(page, func(i *Item[core.ResellerCredit]) any { return []any{i.Value, i.Unreadable} }), len(page.Items), err
	case directAction:
		page, err := decodeDirect(a, Config{})
		return textOf(page, func(m *core.Member) any { return m.MemberID }), len(page.Items), err
	}
	page, err := decodeVouchers(a, testConfig)
	return textOf(page, func(i *Item[Voucher]) any { return []any{i.ID(), i.Value, i.Unreadable} }), len(page.Items), err
}

func textOf[T core.Record](page core.Page[T], row func(T) any) string {
	rows := []any{}
	for _, record := range page.Items {
		rows = append(rows, row(record))
	}
	text, _ := core.AppendJSON(nil, rows)
	return string(text)
}

func TestDecodeSiblings(t *testing.T) {
	t.Parallel()
	answer := func(members string) string { return `{"Response":{` + members + `,"RequestId":"id-1"}}` }
	for _, test := range []struct {
		name, action, body string
		want               string
		code               core.Code
	}{
		{"the sample", partnerAction, vendorSamples[partnerAction], `[[{"total":"1050.10","allocated":"50","remaining":"1000.1","customers_total":null,"customers_remaining":null,"currency":"USD"},[]]]`, ""},
		{"amounts as texts", partnerAction, answer(`"TotalCredit":"100.00","AllocatedCredit":"-0.50","RemainingCredit":""`), `[[{"total":"100.00","allocated":"-0.50","remaining":null,"customers_total":null,"customers_remaining":null,"currency":"USD"},[]]]`, ""},
		{"more digits than a float has", partnerAction, answer(`"TotalCredit":12345678901234567890.123456789012`), `[[{"total":"12345678901234567890.123456789012","allocated":null,"remaining":null,"customers_total":null,"customers_remaining":null,"currency":"USD"},[]]]`, ""},
		{"an odd amount", partnerAction, answer(`"TotalCredit":1,"RemainingCredit":"1,000.00","CustomerTotalCredit":{}`), `[[{"total":"1","allocated":null,"remaining":null,"customers_total":null,"customers_remaining":null,"currency":"USD"},["RemainingCredit","CustomerTotalCredit"]]]`, ""},
		{"no amounts", partnerAction, answer(`"TotalCredit":null`), `[]`, core.CodeUpstream},
		{"an empty object", partnerAction, `{}`, `[]`, core.CodeUpstream},
		{"another kind", partnerAction, `{"Response":[]}`, `[]`, core.CodeUpstream},
		{"half", partnerAction, `{"Response":{"TotalCredit":1`, `[]`, core.CodeUnavailable},

		{"the sample", resellersAction, vendorSamples[resellersAction], `[[{"reseller_id":"100001","name":"example","remark":"dd","customers":0,"allocated":"0","remaining":"0","voucher":"0","voucher_remaining":"0","currency":"USD","bound_at":null},[]]]`, ""},
		{"texts, a time, and nothing else", resellersAction, answer(`"Total":"1","Data":[{"SubAgentUin":"7","Credit":"1.50","CountOfCustomers":"3","BindTime":"2025-01-01 12:21:10"}]`), `[[{"reseller_id":"7","name":"","remark":"","customers":3,"allocated":"1.50","remaining":null,"voucher":null,"voucher_remaining":null,"currency":"USD","bound_at":"2025-01-01T04:21:10Z"},[]]]`, ""},
		{"odd values", resellersAction, answer(`"Total":1,"Data":[{"SubAgentUin":7,"Credit":"x","CountOfCustomers":-1,"BindTime":"soon"}]`), `[[{"reseller_id":"7","name":"","remark":"","customers":null,"allocated":null,"remaining":null,"voucher":null,"voucher_remaining":null,"currency":"USD","bound_at":null},["Credit","BindTime","CountOfCustomers"]]]`, ""},
		{"no id", resellersAction, answer(`"Total":1,"Data":[{"Name":"x"}]`), `[]`, core.CodeUpstream},
		{"an id through a float", resellersAction, answer(`"Total":1,"Data":[{"SubAgentUin":2e+11}]`), `[]`, core.CodeUpstream},
		{"no total", resellersAction, answer(`"Data":[]`), `[]`, core.CodeUpstream},
		{"null", resellersAction, answer(`"Total":0,"Data":null`), `[]`, ""},
		{"no list", resellersAction, answer(`"Total":1,"Data":"x"`), `[]`, core.CodeUpstream},

		{"the sample, which has a customer twice", directAction, vendorSamples[directAction], `["1","1"]`, ""},
		{"ids as texts", directAction, answer(`"Data":[{"Uin":"200000000000"},{"Uin":3}]`), `["200000000000","3"]`, ""},
		{"odd amounts", directAction, answer(`"Data":[{"Uin":3,"TotalCredit":[],"RemainingCredit":"x"}]`), `["3"]`, ""},
		{"no customers", directAction, answer(`"Data":[]`), `[]`, ""},
		{"null", directAction, answer(`"Data":null`), `[]`, ""},
		{"no rows", directAction, answer(`"Extra":1`), `[]`, core.CodeUpstream},
		{"an empty object", directAction, `{}`, `[]`, core.CodeUpstream},
		{"an id of zero", directAction, answer(`"Data":[{"Uin":0}]`), `[]`, core.CodeUpstream},
		{"no id", directAction, answer(`"Data":[{"Uin":null}]`), `[]`, core.CodeUpstream},

		{"the sample", vouchersAction, vendorSamples[vouchersAction], `[["800000000000/12342356",{"CustomerID":"800000000000","Done":true,"Remaining":"0.797104","ExpiresAt":"2025-10-19T15:59:59Z"},[]]]`, ""},
		{"texts", vouchersAction, answer(`"TotalCount":"1","Data":[{"VoucherId":"1","CustomerUin":"2","VoucherStatus":"Issued","RemainingAmount":"3.50","ExpireTime":""}]`), `[["2/1",{"CustomerID":"2","Done":false,"Remaining":"3.50","ExpiresAt":null},[]]]`, ""},
		{"odd values", vouchersAction, answer(`"TotalCount":1,"Data":[{"VoucherId":1,"CustomerUin":2,"VoucherStatus":"issued","RemainingAmount":"USD 1","ExpireTime":"never"}]`), `[["2/1",{"CustomerID":"2","Done":false,"Remaining":null,"ExpiresAt":null},["RemainingAmount","ExpireTime","VoucherStatus"]]]`, ""},
		{"no amount", vouchersAction, answer(`"TotalCount":1,"Data":[{"VoucherId":1,"CustomerUin":2,"VoucherStatus":"Issued"}]`), `[["2/1",{"CustomerID":"2","Done":false,"Remaining":null,"ExpiresAt":null},["RemainingAmount"]]]`, ""},
		{"no customer", vouchersAction, answer(`"TotalCount":1,"Data":[{"VoucherId":1,"VoucherStatus":"Issued"}]`), `[]`, core.CodeUpstream},
		{"no id", vouchersAction, answer(`"TotalCount":1,"Data":[{"CustomerUin":1,"VoucherStatus":"Issued"}]`), `[]`, core.CodeUpstream},
		{"no total", vouchersAction, answer(`"Data":[]`), `[]`, core.CodeUpstream},
		{"two odd values in two rows", vouchersAction, answer(`"TotalCount":2,"Data":[{"VoucherId":1,"CustomerUin":2},{"VoucherId":2,"CustomerUin":2}]`), `[]`, core.CodeUpstream},
	} {
		got, _, err := decoded(test.action, test.body)
		if got != test.want || core.CodeOf(err) != test.code {
			t.Errorf("%s: %s = %s, %v\nwant %s, code %q", test.action, test.name, got, err, test.want, test.code)
		}
	}
}

func TestVoucherSums(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	row := func(id, customer int, status, remaining, expires string) string {
		return fmt.Sprintf(`{"VoucherId":%d,"CustomerUin":%d,"VoucherStatus":%q,"RemainingAmount":%s,"ExpireTime":%q}`, id, customer, status, remaining, expires)
	}
	page, err := decodeVouchers(transport.Answer{Status: 200, Body: []byte(`{"Response":{"TotalCount":1,"Data":[` + strings.Join(append([]string{
		row(1, 1, "Issued", "0.10", "2026-12-24 07:59:59"), row(2, 1, "Issued", "0.2", "2026-12-02 08:00:00"), row(3, 1, "Issued", "1.000001", ""),
		row(4, 1, "Used", "50", "2027-01-01"), row(5, 1, "Canceled", "50", "2027-01-01"), row(6, 1, "Issued", "0", "2026-12-01 09:00:00"),
		row(7, 2, "Issued", "5", "2026-12-01 08:00:00"), // this very moment
		row(8, 3, "Issued", "5", "2026-12-01 08:00:01"),
		row(9, 4, "Issued", "5", "2027-01-01"), row(10, 4, "Issued", `"?"`, "2027-01-01"), row(11, 4, "Issued", "5", "2027-01-01"),
		row(12, 5, "Used", `"?"`, "2027-01-01"), row(13, 5, "Issued", "7", "0000-00-00 00:00:00"),
		row(14, 6, "Issued", "-3", "2027-01-01"),
	}, strings.Split(strings.Repeat(row(99, 9, "Used", "0", "")+"|", 30)+row(99, 9, "Used", "0", ""), "|")...), ",") + `]}}`)}, testConfig)
	if err != nil {
		t.Fatal(err)
	}
	sums := NewVoucherSums(now)
	for _, item := range page.Items {
		sums.Add(item)
	}
	state := core.PartnerState{Vouchers: sums.Known, VouchersUnread: sums.Unread}
	for id, want := range map[string]string{
		"1": `{"remaining":"1.300001","nearest_expiry":"2026-12-02T00:00:00Z"}`,
		"2": `{"remaining":"0","nearest_expiry":null}`,
		"3": `{"remaining":"5","nearest_expiry":"2026-12-01T00:00:01Z"}`,
		"4": `null`,
		"5": `{"remaining":"7","nearest_expiry":null}`,
		"6": `{"remaining":"0","nearest_expiry":null}`,
		"7": `{"remaining":"0","nearest_expiry":null}`,
	} {
		if got, _ := core.AppendJSON(nil, state.VouchersOf(id)); string(got) != want {
			t.Errorf("customer %s: %s, want %s", id, got, want)
		}
	}
	if len(sums.Known) != 3 || !maps.Equal(sums.Unread, map[string]bool{"4": true}) {
		t.Errorf("known %v, unread %v", sums.Known, sums.Unread)
	}
}

// A customer may come twice in the list of direct customers, as in the vendor's sample. An
// empty list is read again, since it may be a failure.
func TestReadDirectCustomers(t *testing.T) {
	t.Parallel()
	const null = `{"Response":{"Data":null,"RequestId":"id-1"}}`
	for _, test := range []struct {
		name    string
		answers []string
		want    int
	}{
		{"twice", []string{vendorSamples[directAction]}, 1},
		{"empty, then not", []string{null, vendorSamples[directAction]}, 1},
		{"empty", []string{null}, 0},
	} {
		var answers []transporttest.Answer
		for _, body := range test.answers {
			answers = append(answers, transporttest.JSON(body))
		}
		source := newSource(t, Config{Endpoint: transporttest.Serve(t, answers...)})
		if rows, _ := readSibling(t, source.DirectCustomers()); len(rows) != test.want {
			t.Errorf("%s: %d customers, want %d", test.name, len(rows), test.want)
		}
	}
}

// FuzzDecodeSiblings requires of any answer an error, or a row with an id for each row.
func FuzzDecodeSiblings(f *testing.F) {
	for _, sample := range vendorSamples {
		f.Add([]byte(sample))
	}
	f.Add([]byte(`{"Response":{"Error":{"Code":"UnauthorizedOperation"},"RequestId":"x"}}`))
	f.Add([]byte(`{"Response":{"Total":1,"TotalCount":2,"Data":[{"Uin":"1","SubAgentUin":1,"VoucherId":1,"CustomerUin":1}],"TotalCredit":"1e9"}}`))
	f.Add([]byte(`{"Response":{"Data":{},"Data":null}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		for action := range vendorSamples {
			_, rows, err := decoded(action, string(text))
			if err != nil {
				if core.CodeOf(err) == core.CodeInternal || rows != 0 {
					t.Fatalf("%s: %d rows and error %v", action, rows, err)
				}
				continue
			}
			if action == partnerAction {
				continue
			}
			var all struct{ Response struct{ Data jsontext.Value } }
			if want := transporttest.Rows(t, text, &all, &all.Response.Data); rows != want {
				t.Fatalf("%s: %d records of %d rows", action, rows, want)
			}
		}
	})
}
