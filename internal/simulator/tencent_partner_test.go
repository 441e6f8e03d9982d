package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// askAction makes a signed call of an action, and returns its code, its rows and the whole
// response.
func (s *Simulator) askAction(t *testing.T, action, body string) (code string, rows []map[string]any, response map[string]any) {
	t.Helper()
	g := s.do(t, call{action: action, body: body}.tencent("http://simulator.example")).body
	decoder := json.NewDecoder(strings.NewReader(g))
	decoder.UseNumber()
	var all struct{ Response map[string]any }
	if err := decoder.Decode(&all); err != nil {
		t.Fatalf("%s: %v in %s", action, err, g)
	}
	if failure, ok := all.Response["Error"].(map[string]any); ok {
		code, _ = failure["Code"].(string)
	}
	list, _ := all.Response["Data"].([]any)
	for _, row := range list {
		rows = append(rows, row.(map[string]any))
	}
	return code, rows, all.Response
}

func TestPartnerActions(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Customers: 200})
	for _, test := range []struct {
		action, body string
		code         string
		rows         int
		total        string // of the answer; "": it has none
	}{
		{partnerAction, `{}`, "", 0, ""},
		{partnerAction, `{"Page":1}`, "UnknownParameter", 0, ""},
		{directAction, `{}`, "", 200, ""},
		{directAction, `{"Page":1}`, "UnknownParameter", 0, ""},
		{subAgentsAction, `{"Page":1,"PageSize":5}`, "", 5, "12"},
		{subAgentsAction, `{"Page":3,"PageSize":5,"Order":"acs"}`, "", 2, "12"},
		{subAgentsAction, `{"Page":4,"PageSize":5}`, "", 0, "12"},
		{subAgentsAction, `{"Page":1,"PageSize":101}`, "InvalidParameterValue", 0, ""},
		{subAgentsAction, `{"Page":0,"PageSize":5}`, "InvalidParameter.Page", 0, ""},
		{subAgentsAction, `{"Page":1}`, "MissingParameter", 0, ""},
		{vouchersAction, `{"PageSize":1}`, "MissingParameter", 0, ""},
		{vouchersAction, `{"Page":1,"PageSize":100}`, "", 100, fmt.Sprint(len(s.Vouchers("")))},
		{vouchersAction, `{"Page":1,"PageSize":7,"VoucherStatus":"Used"}`, "", 7, fmt.Sprint(len(s.Vouchers("Used")))},
		{vouchersAction, `{"Page":1,"PageSize":7,"VoucherStatus":"issued"}`, "InvalidParameterValue", 0, ""},
		{vouchersAction, fmt.Sprintf(`{"Page":1,"PageSize":7,"CustomerUin":%d}`, s.CreditCustomer(2).ClientUin), "", 3, "3"},
		{vouchersAction, `{"Page":1,"PageSize":7,"CustomerUin":77}`, "UnauthorizedOperation.NotCustomerUin", 0, ""},
		{vouchersAction, `{"Page":1,"PageSize":7,"CustomerUin":"x"}`, "InvalidParameter", 0, ""},
		{"CreateVoucher", `{}`, "InvalidAction", 0, ""},
	} {
		code, rows, response := s.askAction(t, test.action, test.body)
		total := ""
		for _, name := range []string{"Total", "TotalCount"} {
			if n, ok := response[name].(json.Number); ok {
				total = n.String()
			}
		}
		if code != test.code || len(rows) != test.rows || total != test.total || response["RequestId"] == "" {
			t.Errorf("%s %s: code %q, %d rows of %q, want %q, %d of %q", test.action, test.body, code, len(rows), total, test.code, test.rows, test.total)
		}
	}
	calls := s.Calls()
	if calls.PartnerCredit.Accepted != 2 || calls.Direct.Accepted != 2 || calls.SubAgents.Accepted != 6 || calls.Vouchers.Accepted != 7 || calls.Credit.Accepted != 0 || calls.Direct.Rows != 200 {
		t.Errorf("calls %+v", calls)
	}
	if _, rows, response := newSimulator(t, Options{Customers: -1}).askAction(t, directAction, `{}`); rows != nil || response["Data"] != nil {
		t.Errorf("an empty account: %v", response)
	}
	for _, wrong := range []call{{secret: "wrong"}, {keyID: NoAuthKeyID}, {at: now.Add(-time.Hour)}, {version: "2021-01-01"}} {
		wrong.action = directAction
		if g := s.do(t, wrong.tencent("http://simulator.example")); g.code == "" {
			t.Errorf("%+v: %s", wrong, g.body)
		}
	}
}

func TestPartnerDenied(t *testing.T) {
	t.Parallel()
	bodies := map[string]string{partnerAction: `{}`, directAction: `{}`, subAgentsAction: `{"Page":1,"PageSize":1}`, vouchersAction: `{"Page":1,"PageSize":1}`, creditAction: `{}`}
	for fault, denied := range map[string]string{"no-partner-credit": partnerAction, "no-resellers": subAgentsAction, "no-direct": directAction, "no-vouchers": vouchersAction} {
		s := newSimulator(t, Options{Customers: 9, Faults: []string{fault}})
		for action, body := range bodies {
			if code, _, _ := s.askAction(t, action, body); (code != "") != (action == denied) {
				t.Errorf("%s: %s = %q", fault, action, code)
			}
		}
	}
}

// Among the vouchers is everything that a reader must distinguish, on each day, and two
// simulators have the same.
func TestVouchersOfEveryKind(t *testing.T) {
	t.Parallel()
	opts := Options{Customers: 400, Today: now}
	s, twin := newSimulator(t, opts), newSimulator(t, opts)
	for day := range 3 {
		s.SetDay(day)
		twin.SetDay(day)
		kinds := make(map[string]int)
		for _, n := range s.Vouchers("") {
			v := s.Voucher(int(n))
			if v != twin.Voucher(int(n)) {
				t.Fatalf("voucher %d differs: %+v, %+v", n, v, twin.Voucher(int(n)))
			}
			expires, err := time.ParseInLocation(time.DateTime, v.ExpireTime, beijing)
			if err != nil {
				t.Fatal(err)
			}
			in := expires.Sub(s.today())
			kinds[v.VoucherStatus]++
			switch issued := v.VoucherStatus == "Issued"; {
			case issued && v.RemainingAmount == "0":
				kinds["issued and used up"]++
			case issued && in < 0:
				kinds["issued and expired"]++
			case issued && in < 7*24*time.Hour:
				kinds["issued, within a week"]++
			}
			if i := int(n) / perCustomer; s.seed.leavesOn(streamCreditLeavers, i) > 0 && s.seed.leavesOn(streamCreditLeavers, i) <= day {
				kinds["of a customer that left"]++
			}
		}
		want := []string{"Issued", "Used", "Expired", "Invalidated", "Canceled", "issued and used up", "issued and expired", "issued, within a week"}
		if day > 0 {
			want = append(want, "of a customer that left")
		}
		for _, kind := range want {
			if kinds[kind] == 0 {
				t.Errorf("day %d: none is %s: %v", day, kind, kinds)
			}
		}
	}
}

func TestPartnerFaults(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Customers: 150, Faults: []string{"partner-low", "many-resellers", "direct-lacks", "direct-extra", "number-texts"}})
	share := func() float64 {
		_, _, r := s.askAction(t, partnerAction, `{}`)
		var total, left float64
		fmt.Sscan(r["TotalCredit"].(string), &total) // a text
		fmt.Sscan(r["RemainingCredit"].(string), &left)
		return left / total
	}
	if first := share(); first < 0.19 {
		t.Errorf("on day 0 %v of the credit is left", first)
	}
	s.SetDay(1)
	if second := share(); second > 0.0051 {
		t.Errorf("on day 1 %v of the credit is left", second)
	}
	s.SetDay(0)
	_, rows, _ := s.askAction(t, directAction, `{}`)
	if len(rows) != 150-3+3 {
		t.Errorf("%d direct customers", len(rows))
	}
	kinds := make(map[string]bool)
	for _, row := range rows {
		kinds[fmt.Sprintf("%T", row["Uin"])] = true
	}
	if !kinds["string"] || !kinds["json.Number"] {
		t.Errorf("ids are %v", kinds)
	}
	ids := make(map[any]bool)
	names := ""
	for page := range 3 {
		_, rows, _ := s.askAction(t, subAgentsAction, fmt.Sprintf(`{"Page":%d,"PageSize":100}`, page+1))
		for _, row := range rows {
			ids[fmt.Sprint(row["SubAgentUin"])] = true
			names += row["Name"].(string)
		}
	}
	if len(ids) != 300 || !strings.Contains(names, "=HYPERLINK") || !strings.Contains(names, "🏮") || !strings.Contains(names, "示例") {
		t.Errorf("%d resellers", len(ids))
	}
}

// The rate of the vouchers is four times that of the others, each of which has its own.
func TestRateByAction(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSimulator(t, Options{Customers: 5, Rate: 5})
		for range 25 {
			s.askAction(t, vouchersAction, `{"Page":1,"PageSize":1}`)
			s.askAction(t, subAgentsAction, `{"Page":1,"PageSize":1}`)
			s.askAction(t, partnerAction, `{}`)
			s.askAction(t, directAction, `{}`)
		}
		c := s.Calls()
		if got := []int{c.Vouchers.Accepted, c.SubAgents.Accepted, c.PartnerCredit.Accepted, c.Direct.Accepted, c.Vouchers.Limited}; !slices.Equal(got, []int{20, 5, 5, 5, 5}) {
			t.Errorf("accepted and limited: %v", got)
		}
	})
}
