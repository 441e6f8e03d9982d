package core

import "time"

// PartnerState is what a vendor says of the partner itself, beside the list of its
// customers. A nil member was not read: the key may not, or the vendor has no such API.
type PartnerState struct {
	Pool      *PartnerCredit      `json:"pool"`
	Resellers []ResellerCredit    `json:"resellers"`
	Vouchers  map[string]Vouchers `json:"vouchers"` // by the id of the customer; customers without a usable voucher are left out
	Direct    []string            `json:"direct"`   // the ids of all direct customers, by a list of their own

	// VouchersUnread are the customers with a voucher that could not be read. Vouchers leaves them out.
	VouchersUnread map[string]bool `json:"vouchers_unread"`
}

// VouchersOf returns the sum of a customer's vouchers; nil if it is not known.
func (s *PartnerState) VouchersOf(id string) *Vouchers {
	if s.Vouchers == nil || s.VouchersUnread[id] {
		return nil
	}
	sum := s.Vouchers[id]
	return &sum
}

// PartnerCredit is the partner's own credit, from which it allocates credit to
// customers. An amount that the vendor leaves out is nil.
type PartnerCredit struct {
	Total              *Money `json:"total"`               // granted by the vendor
	Allocated          *Money `json:"allocated"`           // to customers
	Remaining          *Money `json:"remaining"`           // still to be allocated
	CustomersTotal     *Money `json:"customers_total"`     // the credit of all customers
	CustomersRemaining *Money `json:"customers_remaining"` // of which they have left
	Currency           string `json:"currency"`
}

// ResellerCredit is the credit of a reseller below a distributor.
type ResellerCredit struct {
	ResellerID       string     `json:"reseller_id"`
	Name             string     `json:"name"`
	Remark           string     `json:"remark"`
	Customers        *int       `json:"customers"`
	Allocated        *Money     `json:"allocated"`
	Remaining        *Money     `json:"remaining"`
	Voucher          *Money     `json:"voucher"`
	VoucherRemaining *Money     `json:"voucher_remaining"`
	Currency         string     `json:"currency"`
	BoundAt          *time.Time `json:"bound_at"`
}

// Masked returns a copy of the reseller without personal data.
func (r ResellerCredit) Masked() ResellerCredit {
	r.Name, r.Remark = maskText(r.Name), maskText(r.Remark)
	return r
}

// The codes of warnings about what could not be read of the partner.
const (
	WarnPartnerUnavailable  = "partner_unavailable"  // a list about the partner, or a part of what it says
	WarnVouchersUnavailable = "vouchers_unavailable" // the vouchers that the caller asked for
)
