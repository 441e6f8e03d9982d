package alert

import (
	"fmt"
	"strings"

	"partnerlens/pkg/core"
)

// CustomersPath begins the paths of customers' pages below the base of links:
//
//	/customers/FUNCTION/ACCOUNT/CUSTOMER_ID
//	/customers/FUNCTION/ACCOUNT/CUSTOMER_ID?reseller_id=RESELLER_ID
const CustomersPath = "/customers/"

// pageOf returns the URL of the customer's page; "" if there is none: an alert about no
// customer, and an id that no path can have.
func (d *Digest) pageOf(a Alert) string {
	if d.Public == "" || core.CheckID("", a.CustomerID) != nil || strings.ContainsAny(a.CustomerID, `/\`) || strings.Trim(a.CustomerID, ".") == "" {
		return ""
	}
	url := d.Public + CustomersPath + escapeSegment(d.Function) + "/" + escapeSegment(a.Account) + "/" + escapeSegment(a.CustomerID)
	if a.ResellerID != "" {
		url += "?reseller_id=" + escapeSegment(a.ResellerID)
	}
	return url
}

// escapeSegment escapes all but letters, digits, - and _, so that no markup can interpret a
// character of a URL, and the URL stands alone in any text.
func escapeSegment(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZ"+nameLetters, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
