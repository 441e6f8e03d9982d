package simulator

import (
	"fmt"
	"time"
)

// UnknownTag is a value of new_customer_tag that occurs and is not documented.
const UnknownTag = "Y_UNDETERMINED"

// One row in badEvery has a bad value, so a page of ten rows has at most one.
const badEvery, firstBad = 60, 23

// changeCredit applies the faults that change single rows to a customer's.
func (s *Simulator) changeCredit(c *CreditCustomer, i int) {
	if s.faults["force-absent"] {
		c.Force = ""
	}
	if s.faults["force-one"] {
		c.Force = "1"
	}
	if s.faults["iso-times"] {
		c.AssociationTime, c.RecentExpiry = isoTime(c.AssociationTime, i), isoTime(c.RecentExpiry, i+1)
	}
	if s.faults["undated"] {
		c.AssociationTime = ""
	}
	if s.faults["bad-value"] && i%badEvery == firstBad {
		kinds := []struct {
			member string
			change func()
		}{
			{"Credit", func() { c.Credit = `"1,234.50"` }},
			{"RemainingCredit", func() { c.RemainingCredit = `"USD 5.00"` }},
			{"Force", func() { c.Force = "7" }},
			{"RecentExpiry", func() { c.RecentExpiry = "next month" }},
			{"RemainingCredit", func() { c.RemainingCredit = "true" }},
			{"AssociationTime", func() { c.AssociationTime = "2024-02-30 00:00:00" }},
		}
		kind := kinds[i/badEvery%len(kinds)]
		kind.change()
		c.Unreadable = kind.member
	}
}

// isoTime writes a time in +08:00 in one of the forms of ISO 8601.
func isoTime(text string, form int) string {
	at, err := time.Parse(time.DateTime, text)
	if err != nil { // empty, or a day
		return text
	}
	local := at.Format("2006-01-02T15:04:05")
	switch form % 5 {
	case 0:
		return local + "+08:00"
	case 1:
		return at.Add(-8*time.Hour).Format("2006-01-02T15:04:05") + "Z"
	case 2:
		return local + "+0800"
	case 3:
		return fmt.Sprintf("%s.%03d+08:00", local, form%1000)
	}
	return local
}

// changeTag applies the faults that change single rows to a customer's. Under
// unknown-tag one customer in 28 with the tag has an unknown one on every day,
// and as many more from day 1 on.
func (s *Simulator) changeTag(c *TagCustomer, i, day int) {
	if s.faults["unknown-tag"] && c.NewCustomerTag == "Y" && (i%28 == 0 || i%28 == 14 && day > 0) {
		c.NewCustomerTag = UnknownTag
	}
	if s.faults["bad-value"] && i%badEvery == firstBad {
		switch i / badEvery % 3 {
		case 0:
			c.ExpireTime, c.Unreadable = "2027-12-31", "expire_time"
		case 1:
			c.EffectiveTime, c.Unreadable = "2026/01", "effective_time"
		case 2:
			c.ExpireTime, c.Unreadable = "202712", "expire_time"
		}
	}
}
