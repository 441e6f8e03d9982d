package simulator

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// What Tencent Cloud says of the partner beside its customers: QueryPartnerCredit,
// QuerySubAgentsDetailV2, QueryDirectCustomersCredit and DescribeCustomerVoucherList
// (International Partners, version 2022-09-28, read November 2026).

const (
	partnerAction   = "QueryPartnerCredit"
	subAgentsAction = "QuerySubAgentsDetailV2"
	directAction    = "QueryDirectCustomersCredit"
	vouchersAction  = "DescribeCustomerVoucherList"

	siblingPageMax = 100 // of the two actions that have pages
)

// vouchersRate is how many times the rate of the other actions that of the vouchers is:
// 20 calls a second to 5.
const vouchersRate = 4

// The refusals of each action under its fault are those that vendors and their gateways
// use for want of a permission or of a role.
var tencentDenied = map[string]*refusal{
	"no-partner-credit": tencentRefusal("AuthFailure.UnauthorizedOperation", "You are not authorized to perform operation (intlpartnersmgt:QueryPartnerCredit)."),
	"no-resellers":      tencentRefusal("UnauthorizedOperation.UinNoAuth", "The account is not authorized."),
	"no-direct":         tencentRefusal("FailedOperation.UinNotReseller", "The uin is not a reseller."),
	"no-vouchers":       tencentRefusal("UnauthorizedOperation", "You are not authorized to perform operation (intlpartnersmgt:DescribeCustomerVoucherList)."),
}

func (s *Simulator) tencentDenied(fault string) *refusal {
	if s.faults[fault] {
		return tencentDenied[fault]
	}
	return nil
}

// PartnerCredit is the answer of QueryPartnerCredit.
type PartnerCredit struct {
	AllocatedCredit, TotalCredit, RemainingCredit Number
	CustomerTotalCredit, CustomerRemainingCredit  Number
}

// PartnerCredit returns the partner's own credit on the day that is set.
func (s *Simulator) PartnerCredit() PartnerCredit {
	r := s.seed.roll(streamPartner, 0)
	total := int64(1_000_000_00 + r%9_000_000_00) // cents
	left := total / 5 * int64(1+r>>32%3)
	if s.faults["partner-low"] && s.Day() > 0 {
		left = total / 200
	}
	allocated := total - left
	return PartnerCredit{
		AllocatedCredit: s.amount(cents(allocated)), TotalCredit: s.amount(cents(total)), RemainingCredit: s.amount(cents(left)),
		CustomerTotalCredit: s.amount(cents(allocated)), CustomerRemainingCredit: s.amount(cents(allocated / 3)),
	}
}

func (s *Simulator) partnerPage(c request) (any, int, *refusal) {
	if refused := s.tencentDenied("no-partner-credit"); refused != nil {
		return nil, 0, refused
	}
	if _, refused := tencentParams(c.body, nil); refused != nil {
		return nil, 0, refused
	}
	p := s.PartnerCredit()
	return map[string]any{
		"AllocatedCredit": p.AllocatedCredit, "TotalCredit": p.TotalCredit, "RemainingCredit": p.RemainingCredit,
		"CustomerTotalCredit": p.CustomerTotalCredit, "CustomerRemainingCredit": p.CustomerRemainingCredit,
	}, 1, nil
}

// DirectCustomer is one row of QueryDirectCustomersCredit.
type DirectCustomer struct {
	Uin                          Number
	TotalCredit, RemainingCredit Number `json:",omitempty"`
}

func (s *Simulator) directPage(c request) (any, int, *refusal) {
	if refused := s.tencentDenied("no-direct"); refused != nil {
		return nil, 0, refused
	}
	if _, refused := tencentParams(c.body, nil); refused != nil {
		return nil, 0, refused
	}
	rows := s.DirectCustomers()
	return map[string]any{"Data": rows}, len(rows), nil
}

// DirectCustomers returns the direct customers of the day that is set, as the calls for
// their credit have left them.
func (s *Simulator) DirectCustomers() (rows []DirectCustomer) {
	day := s.Day()
	list := s.credit.at(day, max(1, s.Calls().Credit.Accepted))
	for n := range list.rows() {
		if s.faults["direct-lacks"] && n%50 == 7 {
			continue
		}
		c := s.creditOn(day, list.customer(n, true))
		rows = append(rows, DirectCustomer{s.uin(c.ClientUin, n), c.Credit, c.RemainingCredit})
	}
	for n := range 3 {
		if s.faults["direct-extra"] {
			rows = append(rows, DirectCustomer{Uin: s.uin(s.seed.creditUin(10*s.customers+1000+n), n), TotalCredit: "0", RemainingCredit: "0"})
		}
	}
	return rows
}

// SubAgent is one row of QuerySubAgentsDetailV2: a reseller below the distributor.
type SubAgent struct {
	SubAgentUin                 Number
	Name, Remark, Mobile, Email string
	CountOfCustomers            Number
	BindTime                    string
	Credit, RemainingCredit     Number
	Voucher, RemainingVoucher   Number
}

// awkwardSubAgents are the names of the first resellers.
var awkwardSubAgents = []string{
	"示例石桥分销有限公司", "Sample 🏮 Reseller", "=HYPERLINK(\"http://example.com\")", "@Sample Resale", "Example\nTwo Lines", "",
}

// SubAgents returns how many resellers the distributor has. An empty account has none.
func (s *Simulator) SubAgents() int {
	switch {
	case s.customers == 0:
		return 0
	case s.faults["many-resellers"]:
		return 300
	}
	return 12
}

// SubAgent returns the reseller of an index from 0 on the day that is set. One in five
// has hardly any credit left, and another in five has so from day 1 on.
func (s *Simulator) SubAgent(i int) SubAgent {
	r := s.seed.roll(streamSubAgent, i)
	credit := int64(10_000_00 + r%90_000_00)
	left := credit / 4 * int64(1+r>>16%3)
	if i%5 == 3 || i%5 == 1 && s.Day() > 0 {
		left = credit/100 - int64(r>>32%3)*credit/100
	}
	voucher := int64(r >> 40 % 5_000_00)
	a := SubAgent{
		SubAgentUin: s.uin(subAgentBase+uint64(i)*uinStep, i), Name: s.seed.company(1<<21 + i), Remark: fmt.Sprintf("region %d", i%7),
		Mobile: fmt.Sprintf("86-000-9%07d", i), Email: fmt.Sprintf("reseller%d@example.com", i),
		CountOfCustomers: Number(fmt.Sprint(r >> 8 % 400)), BindTime: boundAt(i).Format(time.DateTime),
		Credit: s.amount(cents(credit)), RemainingCredit: s.amount(cents(left)),
		Voucher: s.amount(cents(voucher)), RemainingVoucher: s.amount(cents(voucher / 2)),
	}
	if i < len(awkwardSubAgents) {
		a.Name = awkwardSubAgents[i]
	}
	if i == len(awkwardSubAgents)-1 { // as the sample of the action's page
		a.Remark, a.BindTime, a.CountOfCustomers, a.Credit, a.RemainingCredit = "", "", "0", "0", "0"
	}
	if s.faults["bad-value"] && i%badEvery == firstBad {
		a.RemainingCredit = `"1.234,50"`
	}
	return a
}

const subAgentBase = 200900000000

func (s *Simulator) subAgentPage(c request) (any, int, *refusal) {
	var order string
	p, refused := s.siblingParams(c, "no-resellers", map[string]any{"Order": &order})
	if refused != nil {
		return nil, 0, refused
	}
	agents := roster{customers: s.SubAgents(), doubled: s.faults["duplicate-rows"]}
	list := agents.at(0, 0)
	var rows []SubAgent
	for _, i := range s.page(list, streamSubAgent, c.ordinal, p.from, p.size, strings.EqualFold(order, "acs") || strings.EqualFold(order, "asc")) {
		rows = append(rows, s.SubAgent(i))
	}
	return map[string]any{"Total": s.total(len(list.customers), len(rows)), "Data": rows}, len(rows), nil
}

// siblingPage is the page that a call asks for: size rows from a row on.
type siblingPage struct{ from, size int }

// siblingParams reads the body of a call of an action with pages. params are its other
// parameters.
func (s *Simulator) siblingParams(c request, denied string, params map[string]any) (p siblingPage, refused *refusal) {
	if refused := s.tencentDenied(denied); refused != nil {
		return p, refused
	}
	var page, size int64
	params["Page"], params["PageSize"] = &page, &size
	given, refused := tencentParams(c.body, params)
	switch {
	case refused != nil:
		return p, refused
	case !given["Page"] || !given["PageSize"]:
		return p, tencentRefusal("MissingParameter", "The request is missing a required parameter `Page` or `PageSize`.")
	case page < 1 || page > 1<<30:
		return p, tencentRefusal("InvalidParameter.Page", "The page number is invalid.")
	case size < 1 || size > siblingPageMax:
		return p, tencentRefusal("InvalidParameterValue", "The value of parameter `PageSize` is not valid.")
	}
	p.size = int(min(size, int64(s.creditMax)))
	p.from = (int(page) - 1) * p.size
	return p, nil
}

// Voucher is one row of DescribeCustomerVoucherList.
type Voucher struct {
	VoucherID                                                   Number `json:"VoucherId"`
	CustomerUin                                                 Number
	VoucherStatus                                               string
	RemainingAmount, TotalAmount                                Number
	Usage, PaymentMode, ProductScope, EffectiveTime, ExpireTime string
	ApplyReason                                                 string
}

// perCustomer is how many vouchers a customer may have.
const perCustomer = 3

// Vouchers returns the indexes of all vouchers on the day that is set, in the order of
// their ids. Customers that have left keep theirs. A status selects the vouchers that
// have it; "" selects all.
func (s *Simulator) Vouchers(status string) []int32 {
	s.vouchers.mu.Lock()
	defer s.vouchers.mu.Unlock()
	key := fmt.Sprint(s.Day(), status)
	if all, ok := s.vouchers.lists[key]; ok {
		return all
	}
	var all []int32
	for n := range s.customers * perCustomer {
		// Two customers in five have a voucher, one has all three; the first five have all.
		r := s.seed.roll(streamVoucherOf, n/perCustomer) % 5
		has := r == 0 || r == 1 && n%perCustomer == 0 || n < 5*perCustomer
		if has && (status == "" || s.Voucher(n).VoucherStatus == status) {
			all = append(all, int32(n))
		}
	}
	if s.vouchers.lists == nil {
		s.vouchers.lists = make(map[string][]int32)
	}
	s.vouchers.lists[key] = all
	return all
}

// voucherLists are the lists of vouchers by day and status.
type voucherLists struct {
	mu    sync.Mutex
	lists map[string][]int32
}

// Voucher returns the voucher of an index on the day that is set. Of the issued ones some
// are used up, some expire within a week, and some have expired although the status does
// not say so.
func (s *Simulator) Voucher(n int) Voucher {
	r := s.seed.roll(streamVoucher, n)
	micro := int64(1_000_000 + r%500_000_000) // millionths
	v := Voucher{
		VoucherID: s.uin(uint64(12_000_000+n*7), n), CustomerUin: s.uin(s.seed.creditUin(n/perCustomer), n+1),
		VoucherStatus: []string{"Issued", "Issued", "Issued", "Issued", "Issued", "Used", "Used", "Expired", "Invalidated", "Canceled"}[r>>32%10],
		Usage:         []string{"CustomerOffer", "ProductTrial"}[r>>36%2], PaymentMode: []string{"AllPayment", "Prepaid", "Postpaid"}[r>>38%3],
		ProductScope: []string{"AllProducts", "SpecifyProducts", "SpecifyProductsBlacklist"}[r>>40%3],
		ApplyReason:  []string{"", "=1+1", "试用 🎁", "welcome offer"}[r>>42%4],
	}
	days := 8 + int(r>>44%400)
	left := micro
	switch r >> 53 % 16 {
	case 0:
		left = 0
	case 1, 2:
		days = 1 + int(r>>44%7)
	case 3:
		days = -int(r >> 44 % 30)
	case 4, 5, 6, 7:
		left = micro / 3
	}
	if v.VoucherStatus == "Used" {
		left = 0
	}
	expires := midnight(s.dayZero()).AddDate(0, 0, days).Add(-time.Second)
	if v.VoucherStatus == "Issued" && days > 0 && expires.Before(s.today()) {
		v.VoucherStatus = "Expired"
	}
	v.ExpireTime, v.EffectiveTime = expires.Format(time.DateTime), expires.AddDate(0, -6, 0).Format(time.DateTime)
	v.TotalAmount, v.RemainingAmount = s.amount(millionths(micro)), s.amount(millionths(left))
	if s.faults["bad-value"] && n%badEvery == firstBad {
		v.RemainingAmount = `"USD 5.00"`
	}
	return v
}

// millionths writes an amount with up to six decimals, as the sample of the action does.
func millionths(n int64) Number {
	text := strings.TrimRight(fmt.Sprintf("%d.%06d", n/1_000_000, n%1_000_000), "0")
	return Number(strings.TrimSuffix(text, "."))
}

func (s *Simulator) voucherPage(c request) (any, int, *refusal) {
	var status string
	var uin uint64
	p, refused := s.siblingParams(c, "no-vouchers", map[string]any{"VoucherStatus": &status, "CustomerUin": &uin})
	if refused != nil {
		return nil, 0, refused
	}
	if status != "" && !slices.Contains([]string{"Issued", "Used", "Expired", "Invalidated"}, status) {
		return nil, 0, tencentRefusal("InvalidParameterValue", "The value of parameter `VoucherStatus` is not valid.")
	}
	all := s.Vouchers(status)
	if uin != 0 {
		// What the vendor does with the id of another account's customer is not published.
		wanted, known := s.seed.creditIndex(uin)
		if !known || wanted >= s.customers {
			return nil, 0, tencentRefusal("UnauthorizedOperation.NotCustomerUin", "The uin is not a customer.")
		}
		all = slices.DeleteFunc(slices.Clone(all), func(n int32) bool { return int(n)/perCustomer != wanted })
	}
	var rows []Voucher
	for _, n := range s.page(&list{customers: all, doubled: s.faults["duplicate-rows"]}, streamVoucher, c.ordinal, p.from, p.size, true) {
		rows = append(rows, s.Voucher(n))
	}
	return map[string]any{"TotalCount": s.total(len(all), len(rows)), "Data": rows}, len(rows), nil
}

// amount and uin write a value as the vendor documents it, as a number; under the fault
// number-texts amounts are texts, and so is every other id.
func (s *Simulator) amount(n Number) Number {
	if s.faults["number-texts"] {
		return `"` + n + `"`
	}
	return n
}

func (s *Simulator) uin(id uint64, row int) Number {
	if s.faults["number-texts"] && row%2 == 1 {
		return Number(fmt.Sprintf("%q", fmt.Sprint(id)))
	}
	return Number(fmt.Sprint(id))
}
