package simulator

import (
	"fmt"
	"time"
)

// odd are the faults that change what single rows say, for the whole run.
type odd struct {
	force       *Number // every customer's Force, "" where it is left out; nil: each its own
	isoTimes    bool
	undated     bool
	unknownTags bool
	badValues   bool
}

// UnknownTag is a value of new_customer_tag that a partner has seen and the vendor
// does not document.
const UnknownTag = "Y_UNDETERMINED"

// badEvery is one in how many rows has a bad value: few enough for a page of ten rows to
// have no more than one.
const badEvery, firstBad = 60, 23

// credit changes the row of a customer of an index.
func (f *odd) credit(c *CreditCustomer, i int) {
	if f.force != nil {
		c.Force = *f.force
	}
	if f.isoTimes {
		c.AssociationTime, c.RecentExpiry = isoTime(c.AssociationTime, i), isoTime(c.RecentExpiry, i+1)
	}
	if f.undated {
		c.AssociationTime = ""
	}
	if f.badValues && i%badEvery == firstBad {
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

// isoTime writes a time of day, which is +08:00's, in one of the forms of ISO 8601.
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

// tag changes the row of a customer of an index, on a day. One customer in 28
// with the tag has the unknown one from the beginning, and as many from day 1 on.
func (f *odd) tag(c *TagCustomer, i, day int) {
	if f.unknownTags && c.NewCustomerTag == "Y" && (i%28 == 0 || i%28 == 14 && day > 0) {
		c.NewCustomerTag = UnknownTag
	}
	if f.badValues && i%badEvery == firstBad {
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
