package alert

import (
	"slices"

	"partnerlens/pkg/core"
)

// tags judges a customer's tag. A status is told as it is reached; a month's turn
// once for every last month, when it comes up or when the tag is first seen.
func tags(now Moment, c *core.CustomerTag, is *State) []Alert {
	was := is.Status
	var alerts []Alert
	tell := func(kind Kind) { alerts = append(alerts, alertOf(now, kind, c, was, string(c.Status))) }
	switch {
	case c.Status == core.TagUnknown || c.Status == "":
		return nil
	case c.Status == core.TagQualified && was != string(core.TagQualified):
		tell(TagQualified)
	case c.Status != core.TagQualified && was == string(core.TagQualified):
		tell(TagLost) // whatever it is now, the alert says so
	case c.Status == core.TagUndetermined && was != string(core.TagUndetermined):
		tell(TagEligible)
	}
	is.Status = string(c.Status)
	if c.Status != core.TagQualified || c.ExpireMonth == nil {
		if c.Status != core.TagQualified {
			is.Told = nil
			delete(is.Open, TagEndingThisMonth)
			delete(is.Open, TagEndingNextMonth)
		}
		return alerts
	}
	month := core.MonthOf(now.AsOf.In(core.VendorZone))
	ending := Kind("")
	switch *c.ExpireMonth {
	case month:
		ending = TagEndingThisMonth
	case month.Add(1):
		ending = TagEndingNextMonth
	}
	since, open := is.Open[ending]
	delete(is.Open, TagEndingThisMonth)
	delete(is.Open, TagEndingNextMonth)
	if ending == "" {
		return alerts
	}
	last := c.ExpireMonth.String()
	before := open && slices.Contains(is.Told, last) // as versions before this one remember it
	if is.Told.add(last+"/"+string(ending)) && !before {
		tell(ending)
		open = false
	}
	if is.Open[ending] = since; !open {
		is.Open[ending] = textOf(now.AsOf)
	}
	return alerts
}
