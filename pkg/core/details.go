package core

import (
	"time"
)

// Details are facts about a customer that its list does not contain. A nil field
// is not known.
type Details struct {
	Profile      *Profile  // of the vendor's list of customers
	ResellerName *string   // of the reseller that the customer belongs to
	Vouchers     *Vouchers // that the customer may still use
	Owner        *string   // who looks after the customer at the partner
	CRMID        *string   // the customer's id in the partner's own system
}

// Profile is what a vendor's list of customers says of one customer. A nil field
// is one that the list leaves out.
type Profile struct {
	Name         *string     `json:"name,omitempty"` // as verified by the vendor
	AccountName  *string     `json:"account_name,omitempty"`
	Email        *string     `json:"email,omitempty"`
	Mobile       *string     `json:"mobile,omitempty"`
	Label        *string     `json:"label,omitempty"` // given by the partner
	Association  Association `json:"association,omitempty"`
	AssociatedAt *time.Time  `json:"associated_at,omitempty"`
	Manager      *string     `json:"manager,omitempty"` // the account manager at the partner
}

// Association is how a customer is associated with the partner.
type Association string

// The associations; "" is not known.
const (
	AssociationReferral Association = "referral"
	AssociationResale   Association = "resale"
)

// Vouchers sum up the vouchers that a customer may still use.
type Vouchers struct {
	Remaining     Money      `json:"remaining"`      // in the currency of the customer's credit
	NearestExpiry *time.Time `json:"nearest_expiry"` // null: none expires
}

// stringOf returns the text, or "" for nil.
func stringOf(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// maskedBy returns the masked text, or nil for nil.
func maskedBy(mask func(string) string, text *string) *string {
	if text == nil {
		return nil
	}
	masked := mask(*text)
	return &masked
}
