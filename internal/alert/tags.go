package alert

import (
	"slices"

	"partnerlens/pkg/core"
)

// Tags evaluates the records of the function "tags".
var Tags = NewEvaluator((*Rules).tags, describeTag, nil)

func describeTag(a *Alert, c *core.CustomerTag) {
	a.Provider, a.DaysLeft = c.Provider, c.DaysLeft
	if c.ResellerID != nil {
		a.ResellerID = clean(*c.ResellerID)
	}
	if last, ends := lastMonth(c); ends {
		a.Month, a.Expires = last.String(), textOf(*c.ExpiresAt)
	}
	if a.Kind == TagUnrecognized {
		a.Value = clean(c.Tag.Value)
	}
}

// maxValues is how many unknown values of one customer are remembered.
const maxValues = 8

// tags evaluates a customer's tag. There is an alert for each status as it is reached; one
// for each month of an end, when it comes up or when the tag is first seen; and one for each
// value that the cloud does not document. Such a value, and a month that cannot be read, end
// no tag: what was known stays.
func (*Rules) tags(now RunContext, c *core.CustomerTag, is *State) []Alert {
	was := is.Status
	var alerts []Alert
	tell := func(kind Kind) { alerts = append(alerts, NewAlert(now, kind, c, was, string(c.Status))) }
	if c.ValueUnknown() {
		if !slices.Contains(is.Values, c.Tag.Value) {
			is.Values = append(is.Values, c.Tag.Value)
			is.Values = is.Values[max(0, len(is.Values)-maxValues):]
			tell(TagUnrecognized)
		}
		return alerts
	}
	status := c.Status
	if status == core.TagUnknown { // for want of its month; a value of N says enough
		status = core.StatusOfTag(c.Tag.Value, false)
	}
	switch {
	case c.Status == core.TagUnknown && status == core.TagQualified || status == "":
		return nil
	case status == core.TagQualified && was != string(core.TagQualified):
		tell(TagQualified)
	case status != core.TagQualified && was == string(core.TagQualified):
		tell(TagLost) // whatever it is now, the alert says so
	case status == core.TagUndetermined && was != string(core.TagUndetermined):
		tell(TagEligible)
	}
	is.Status = string(status)
	last, ends := lastMonth(c)
	if status != core.TagQualified || !ends {
		if status != core.TagQualified {
			is.Told = nil
			delete(is.Open, TagEndingThisMonth)
			delete(is.Open, TagEndingNextMonth)
		}
		return alerts
	}
	current := core.MonthOf(now.AsOf.In(core.VendorZone))
	ending := Kind("")
	switch last {
	case current:
		ending = TagEndingThisMonth
	case current.Add(1):
		ending = TagEndingNextMonth
	}
	since, open := is.Open[ending]
	delete(is.Open, TagEndingThisMonth)
	delete(is.Open, TagEndingNextMonth)
	if ending == "" {
		return alerts
	}
	month := last.String()
	before := open && slices.Contains(is.Told, month) // as versions before this one remember it
	if is.Told.add(month+"/"+string(ending)) && !before {
		tell(ending)
		open = false
	}
	if is.Open[ending] = since; !open {
		is.Open[ending] = textOf(now.AsOf)
	}
	return alerts
}

// lastMonth is the last month in which the tag holds, by the reading that its record was
// settled by; false where it has no end.
func lastMonth(c *core.CustomerTag) (core.Month, bool) {
	if c.ExpiresAt == nil {
		return core.Month{}, false
	}
	return core.MonthOf(c.ExpiresAt.In(core.VendorZone)).Add(-1), true
}
