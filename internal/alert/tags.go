package alert

import (
	"slices"

	"partnerlens/pkg/core"
)

// Tags evaluates the records of the function "tags".
var Tags = NewEvaluator((*Rules).tags, describeTag, nil)

func describeTag(a *Alert, c *core.CustomerTag) {
	a.Provider, a.DaysLeft = c.Provider, c.DaysLeft
	if c.Name != nil {
		a.Name = clean(*c.Name)
	}
	if c.Label != nil {
		a.Remark = clean(*c.Label)
	}
	a.setOwner(c.Owner, c.CRMID)
	if c.ResellerID != nil {
		a.ResellerID = clean(*c.ResellerID)
	}
	if last, ok := lastMonth(c); ok {
		a.Month, a.Expires = last.String(), formatTime(*c.ExpiresAt)
	}
	if a.Kind == TagUnrecognized {
		a.Value = clean(c.Tag.Value)
	}
}

// maxValues is how many undocumented values of one customer are remembered.
const maxValues = 8

// tags evaluates a customer's tag. There is an alert for each status that it reaches, for
// each end of the tag as its last month comes near, and for each value that the vendor does
// not document. Such a value, and a month that cannot be read, leave the tag as it was.
func (*Rules) tags(run RunContext, c *core.CustomerTag, next *State) []Alert {
	prev := next.Status
	var alerts []Alert
	report := func(kind Kind) { alerts = append(alerts, NewAlert(run, kind, c, prev, string(c.Status))) }
	if c.ValueUnknown() {
		if !slices.Contains(next.Values, c.Tag.Value) {
			next.Values = append(next.Values, c.Tag.Value)
			next.Values = next.Values[max(0, len(next.Values)-maxValues):]
			report(TagUnrecognized)
		}
		return alerts
	}
	status := c.Status
	if status == core.TagUnknown { // the month is missing; a value of N needs none
		status = core.StatusOfTag(c.Tag.Value, false)
		if status == core.TagQualified {
			return nil
		}
	}
	switch wasQualified := prev == string(core.TagQualified); {
	case status == "":
		return nil
	case status == core.TagQualified && !wasQualified:
		report(TagQualified)
	case status != core.TagQualified && wasQualified:
		report(TagLost) // the alert has the new status, too
	case status == core.TagUndetermined && prev != string(core.TagUndetermined):
		report(TagEligible)
	}
	next.Status = string(status)
	if status != core.TagQualified {
		next.Reported = nil
	}
	if _, ok := lastMonth(c); ok || status != core.TagQualified {
		if ending := tagEnding(run, c, status, next); ending != "" {
			report(ending)
		}
	}
	return alerts
}

// tagEnding updates the condition of a tag that ends this month or next. It returns the
// condition if it was not reported yet, otherwise "".
func tagEnding(run RunContext, c *core.CustomerTag, status core.TagStatus, next *State) Kind {
	var ending Kind
	last, _ := lastMonth(c)
	if status == core.TagQualified {
		switch current := core.MonthOf(run.AsOf.In(core.VendorZone)); last {
		case current:
			ending = TagEndingThisMonth
		case current.Add(1):
			ending = TagEndingNextMonth
		}
	}
	since, open := next.Open[ending]
	delete(next.Open, TagEndingThisMonth)
	delete(next.Open, TagEndingNextMonth)
	if ending == "" {
		return ""
	}
	month := last.String()
	reportedBefore := open && slices.Contains(next.Reported, month) // in the form of an earlier version
	isNew := next.Reported.add(month+"/"+string(ending)) && !reportedBefore
	if isNew || !open {
		since = formatTime(run.AsOf)
	}
	next.Open[ending] = since
	if !isNew {
		return ""
	}
	return ending
}

// lastMonth returns the last month in which the tag is valid, by the reading of
// core.ExpireReading that its record was evaluated with; false if it has no end.
func lastMonth(c *core.CustomerTag) (core.Month, bool) {
	if c.ExpiresAt == nil {
		return core.Month{}, false
	}
	return core.MonthOf(c.ExpiresAt.In(core.VendorZone)).Add(-1), true
}
