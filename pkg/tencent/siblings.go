package tencent

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// The other actions that read (API Overview and the page of each, read November 2026).
const (
	partnerAction   = "QueryPartnerCredit"
	resellersAction = "QuerySubAgentsDetailV2"
	directAction    = "QueryDirectCustomersCredit"
	vouchersAction  = "DescribeCustomerVoucherList"
)

// maxSiblingPage is the bound of PageSize of the actions that have one.
const maxSiblingPage = 100

// Sibling is the Source of what another action of the API lists, over the connections
// and with the key of a Source.
type Sibling[T core.Record] struct {
	// Action is the name of the action, and of the permission that it takes.
	Action string

	source  *Source
	paged   bool // else one answer holds all rows
	request func(query SiblingQuery) (request, error)
	decode  func(transport.Answer, Config) (core.Page[T], error)
}

// FetchPage reads the page that begins at a row. It implements core.Source.
func (s Sibling[T]) FetchPage(ctx context.Context, query SiblingQuery, at core.Cursor) (page core.Page[T], err error) {
	if s.paged && at.Size > maxSiblingPage {
		return page, core.Invalid("cursor", "beyond what the vendor can be asked for; start again without it")
	}
	var req request
	if s.request != nil {
		if req, err = s.request(query); err != nil {
			return page, err
		}
	}
	decode := func(a transport.Answer) (core.Page[T], error) { return s.decode(a, s.source.config) }
	if s.paged {
		return fetchPage(ctx, s.source, s.Action, req, maxSiblingPage, at, decode)
	}
	page, err = send(ctx, s.source, s.Action, req, decode)
	return part(page, at), err
}

// SiblingQuery asks for everything that an action lists.
type SiblingQuery struct {
	CustomerID string `json:"customer_id,omitempty"` // of Vouchers: only those of this customer; "": of all
}

// AskedIDs returns nil: the rows are not asked for by their ids.
func (SiblingQuery) AskedIDs() []string { return nil }

// Item is a row of a Sibling. As a core.Record it is the Member of its id: it has no
// status, and is not handed on.
type Item[V any] struct {
	core.Member
	Value      V
	Unreadable []string // the vendor's members whose value is not as documented: nil in Value
}

// UnreadMembers returns the vendor's members that could not be read.
func (i *Item[V]) UnreadMembers() []string { return i.Unreadable }

func (i *Item[V]) firstUnread() string {
	if i.Unreadable == nil {
		return ""
	}
	return i.Unreadable[0]
}

// money reads an amount, and names the member if it cannot be read.
func (i *Item[V]) money(member string, value transport.Value) *core.Money {
	amount, ok := money(value)
	if !ok {
		i.Unreadable = append(i.Unreadable, member)
	}
	return amount
}

// instant reads a time, and names the member if it cannot be read.
func (i *Item[V]) instant(member string, value transport.Value, zone *time.Location) *time.Time {
	at, ok := instant(value, zone)
	if !ok {
		i.Unreadable = append(i.Unreadable, member)
	}
	return at
}

// uin reads an id, which some answers write as a number and some as a text.
func uin(member string, value transport.Value) (string, error) {
	id, ok := value.ID()
	if number, err := strconv.ParseUint(id, 10, 64); !ok || err != nil || number == 0 {
		return "", errors.New("its " + member + " is not an id in plain digits")
	}
	return id, nil
}

// PartnerCredit returns the Source of the partner's own credit, which is one row.
func (s *Source) PartnerCredit() Sibling[*Item[core.PartnerCredit]] {
	return Sibling[*Item[core.PartnerCredit]]{Action: partnerAction, source: s, decode: decodePartner}
}

func decodePartner(a transport.Answer, config Config) (page core.Page[*Item[core.PartnerCredit]], err error) {
	var all struct {
		Response struct {
			status
			TotalCredit, AllocatedCredit, RemainingCredit transport.Value
			CustomerTotalCredit, CustomerRemainingCredit  transport.Value // not in every answer
		}
	}
	r := &all.Response
	if err = a.Decode(&all); err == nil {
		err = r.err(a, failuresOf(partnerAction))
	}
	item := &Item[core.PartnerCredit]{Member: core.Member{MemberID: "partner"}}
	item.Value = core.PartnerCredit{
		Total:              item.money("TotalCredit", r.TotalCredit),
		Allocated:          item.money("AllocatedCredit", r.AllocatedCredit),
		Remaining:          item.money("RemainingCredit", r.RemainingCredit),
		CustomersTotal:     item.money("CustomerTotalCredit", r.CustomerTotalCredit),
		CustomersRemaining: item.money("CustomerRemainingCredit", r.CustomerRemainingCredit),
		Currency:           config.Currency,
	}
	if v := item.Value; err == nil && v.Total == nil && v.Allocated == nil && v.Remaining == nil {
		err = transport.Malformed("it has none of the partner's amounts", nil)
	}
	if err != nil {
		return page, r.withID(err)
	}
	page.Items, page.RequestID = []*Item[core.PartnerCredit]{item}, r.requestID()
	return page, nil
}

// DirectCustomers returns the Source of the ids of all direct customers, which come in
// one answer.
func (s *Source) DirectCustomers() Sibling[*core.Member] {
	return Sibling[*core.Member]{Action: directAction, source: s, decode: decodeDirect}
}

func decodeDirect(a transport.Answer, _ Config) (core.Page[*core.Member], error) {
	type row struct{ Uin transport.Value }
	record := func(row *row) (*core.Member, error) {
		id, err := uin("Uin", row.Uin)
		return &core.Member{MemberID: id}, err
	}
	return decodeList(a, directAction, false, record, "", func(*core.Member) string { return "" })
}

// part returns the rows of an answer that holds all of them from a row on, each once. Their
// number is the count, since an answer is made at one moment. An answer without rows has no
// count: it may be a failure in disguise, and a Reader reads it again.
func part[T core.Record](page core.Page[T], at core.Cursor) core.Page[T] {
	seen := make(map[string]bool, len(page.Items))
	page.Items = slices.DeleteFunc(page.Items, func(record T) bool {
		again := seen[record.ID()]
		seen[record.ID()] = true
		return again
	})
	total := len(page.Items)
	if page.Total = nil; total > 0 {
		page.Total = &total
	}
	from, to := min(at.Offset, total), total
	if at.Size > 0 && at.Size < total-from {
		to = from + at.Size
		page.Next = &core.Cursor{Offset: to, Size: at.Size}
	}
	page.Items = page.Items[from:to]
	return page
}

// Resellers returns the Source of the resellers below a distributor, the newest first.
func (s *Source) Resellers() Sibling[*Item[core.ResellerCredit]] {
	return Sibling[*Item[core.ResellerCredit]]{Action: resellersAction, source: s, paged: true, decode: decodeResellers}
}

// resellerRow is a reseller as the API writes it (QuerySubAgentsDetailV2ResponseData).
// Its e-mail address and mobile number are not read.
type resellerRow struct {
	SubAgentUin, Name, Remark, CountOfCustomers, BindTime transport.Value
	Credit, RemainingCredit, Voucher, RemainingVoucher    transport.Value
}

func decodeResellers(a transport.Answer, config Config) (core.Page[*Item[core.ResellerCredit]], error) {
	return decodeList(a, resellersAction, true, func(r *resellerRow) (*Item[core.ResellerCredit], error) {
		id, err := uin("SubAgentUin", r.SubAgentUin)
		item := &Item[core.ResellerCredit]{Member: core.Member{MemberID: id}}
		item.Value = core.ResellerCredit{
			ResellerID:       id,
			Name:             r.Name.Text(),
			Remark:           r.Remark.Text(),
			Allocated:        item.money("Credit", r.Credit),
			Remaining:        item.money("RemainingCredit", r.RemainingCredit),
			Voucher:          item.money("Voucher", r.Voucher),
			VoucherRemaining: item.money("RemainingVoucher", r.RemainingVoucher),
			Currency:         config.Currency,
			BoundAt:          item.instant("BindTime", r.BindTime, config.Zone),
		}
		if n, ok := r.CountOfCustomers.Count(); ok {
			item.Value.Customers = &n
		} else if !r.CountOfCustomers.Empty() {
			item.Unreadable = append(item.Unreadable, "CountOfCustomers")
		}
		return item, err
	}, "a value that is not as documented", (*Item[core.ResellerCredit]).firstUnread)
}

// Voucher is a voucher of a customer.
type Voucher struct {
	CustomerID string
	Done       bool        // used up, expired or withdrawn, as the vendor says
	Remaining  *core.Money // nil: could not be read
	ExpiresAt  *time.Time  // nil: never, or could not be read
}

// Vouchers returns the Source of the customers' vouchers of the status Issued.
func (s *Source) Vouchers() Sibling[*Item[Voucher]] {
	return Sibling[*Item[Voucher]]{Action: vouchersAction, source: s, paged: true, decode: decodeVouchers, request: func(query SiblingQuery) (request, error) {
		status := voucherIssued
		req := request{VoucherStatus: &status}
		if query.CustomerID != "" {
			id, err := strconv.ParseUint(query.CustomerID, 10, 64)
			if err != nil {
				return req, core.Invalid("customer_id", "not a Tencent Cloud customer id (UIN); those are digits only, as 200000000000")
			}
			req.CustomerUin = &id
		}
		return req, nil
	}}
}

const voucherIssued = "Issued"

// doneStatuses are those of vouchers that can no longer be used. The last is in the
// sample of the API's page alone.
var doneStatuses = map[string]bool{"Used": true, "Expired": true, "Invalidated": true, "Canceled": true}

// voucherRow is a voucher as the API writes it (DescribeCustomerVoucherItem).
type voucherRow struct {
	VoucherId, CustomerUin, VoucherStatus, RemainingAmount, ExpireTime transport.Value //nolint:revive // the vendor's name
}

func decodeVouchers(a transport.Answer, config Config) (core.Page[*Item[Voucher]], error) {
	return decodeList(a, vouchersAction, true, func(r *voucherRow) (*Item[Voucher], error) {
		id, err := uin("VoucherId", r.VoucherId)
		if err != nil {
			return nil, err
		}
		customer, err := uin("CustomerUin", r.CustomerUin)
		if err != nil {
			return nil, err
		}
		// Whether customers may share the id of a voucher is not documented.
		item := &Item[Voucher]{Member: core.Member{MemberID: customer + "/" + id}}
		item.Value.CustomerID = customer
		item.Value.Remaining = item.money("RemainingAmount", r.RemainingAmount)
		if r.RemainingAmount.Empty() { // without it the voucher says nothing
			item.Unreadable = append(item.Unreadable, "RemainingAmount")
		}
		item.Value.ExpiresAt = item.instant("ExpireTime", r.ExpireTime, config.Zone)
		status := r.VoucherStatus.Text()
		if item.Value.Done = doneStatuses[status]; !item.Value.Done && status != voucherIssued {
			item.Unreadable = append(item.Unreadable, "VoucherStatus")
		}
		return item, nil
	}, "a value that is not as documented", (*Item[Voucher]).firstUnread)
}

// VoucherSums adds up by customer the vouchers that may still be used at a moment.
type VoucherSums struct {
	Now   time.Time
	Known map[string]core.Vouchers // by the id of the customer; customers without a usable voucher are left out
	// Unread are the customers with a voucher that could not be read. Known leaves them out.
	Unread map[string]bool
}

// NewVoucherSums returns empty sums.
func NewVoucherSums(now time.Time) *VoucherSums {
	return &VoucherSums{now, make(map[string]core.Vouchers), make(map[string]bool)}
}

// Add adds a voucher. Add each once.
func (s *VoucherSums) Add(item *Item[Voucher]) {
	v := item.Value
	switch sum := s.Known[v.CustomerID]; {
	case v.Done, s.Unread[v.CustomerID]:
	case item.Unreadable != nil:
		s.Unread[v.CustomerID] = true
		delete(s.Known, v.CustomerID)
	case v.Remaining.Sign() > 0 && (v.ExpiresAt == nil || v.ExpiresAt.After(s.Now)):
		sum.Remaining = sum.Remaining.Add(*v.Remaining)
		if v.ExpiresAt != nil && (sum.NearestExpiry == nil || v.ExpiresAt.Before(*sum.NearestExpiry)) {
			sum.NearestExpiry = v.ExpiresAt
		}
		s.Known[v.CustomerID] = sum
	}
}
