package alert

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"partnerlens/pkg/core"
)

// Credit evaluates the records of the function "credit".
var Credit = NewEvaluator((*Rules).credit, describeCredit, (*Rules).overrideCredit)

func describeCredit(a *Alert, c *core.CustomerCredit) {
	a.Provider, a.Name, a.Currency = c.Provider, clean(c.Name), clean(c.Credit.Currency)
	a.Remaining, a.Allocated = moneyText(c.Credit.Remaining), moneyText(c.Credit.Allocated)
}

func (r *Rules) overrideCredit(c *core.CustomerCredit) *core.CustomerCredit {
	low, own := r.line(RunContext{}, c.CustomerID)
	if !own {
		return c
	}
	evaluated := *c // c may be shared with other readers
	evaluated.Status = core.StatusOfCredit(c.Forced, c.Credit, low)
	return &evaluated
}

// levels are the conditions of a balance, mildest first: at most one is the
// level, and what is open of the milder ones only says since when.
func levels() []Kind { return []Kind{CreditLow, CreditExhausted, CreditOverdrawn} }

// credit judges a customer's credit. A forced stop and the balance are two
// conditions. The stop is a flag and opens and closes as it is set. The balance
// climbs by crossing (low, exhausted, overdrawn, each told) and comes down by margins:
//
//	line + margin ─────  above it: over, told as recovered; or everything allocated, where that is less
//	line          ─────  at or below it: low
//	zero + margin ─────  above it, or everything allocated: no longer exhausted or overdrawn; not told, but the next time it falls is
//	zero          ─────  at it exhausted, below it overdrawn
//
// While service is stopped, the balance is not news: nothing of it is told or
// closed. A customer who is freed with a worse level than the one known at the stop is
// reported with that level. A flag that the cloud leaves out says nothing about the stop,
// and the balance is judged by its amount.
func (r *Rules) credit(now RunContext, c *core.CustomerCredit, is *State) []Alert {
	low, _ := r.line(now, c.CustomerID)
	status := c.Status
	var estimate *int
	if c.Credit.Remaining != nil {
		is.History = is.History.add(now.AsOf, *c.Credit.Remaining)
		estimate = is.History.daysLeft(*c.Credit.Remaining)
	}
	was := is.Status
	var alerts []Alert
	tell := func(kind Kind, since string) {
		a := NewAlert(now, kind, c, was, string(status))
		a.Threshold, a.DaysLeft = low.String(), estimate
		if since != "" {
			a.Since = since
		}
		alerts = append(alerts, a)
	}
	if r.expiring(now, c, is) {
		tell(CreditExpiring, "")
		alerts[0].Expires = textOf(*c.NearestExpiry)
		days := int(c.NearestExpiry.Sub(now.AsOf) / oneDay)
		alerts[0].DaysLeft = &days
	}
	if status != core.CreditUnknown && status != "" {
		is.Status = string(status)
	}
	_, wasForced := is.Open[CreditForced]
	switch {
	case c.Forced == nil: // neither opens nor closes a stop
	case *c.Forced && !wasForced:
		is.Open[CreditForced] = textOf(now.AsOf)
		tell(CreditForced, "")
		no := false
		is.AtStop = string(core.StatusOfCredit(&no, c.Credit, low)) // what the alert says
	case !*c.Forced && wasForced:
		tell(CreditFreed, is.Open[CreditForced])
		delete(is.Open, CreditForced)
	}
	if status == core.CreditForced || status == core.CreditUnknown || status == "" {
		return alerts
	}
	level, reached := levelOf(is.Open), rankOf(status)
	atStop := rankOf(core.CreditStatus(is.AtStop))
	if _, forced := is.Open[CreditForced]; !forced {
		is.AtStop = ""
	}
	switch {
	case reached > level:
		kind := levels()[reached]
		is.Open[kind] = textOf(now.AsOf)
		if reached > atStop {
			tell(kind, "")
		}
	case reached < level:
		r.descend(c, low, status, was, is, tell)
	}
	return alerts
}

// descend closes what is clearly over.
func (r *Rules) descend(c *core.CustomerCredit, low core.Threshold, status core.CreditStatus, was string, is *State, tell func(Kind, string)) {
	left := decimalOf(*c.Credit.Remaining)
	line := lineOf(low, c.Credit)
	margin := line.Mul(decimal.New(int64(r.hysteresis()), -2))
	// Without a margin (a line of 0, nothing allocated) a single better day at
	// zero means nothing: two in a row do.
	stays := margin.Sign() > 0 || was == string(status)
	// Above everything allocated no balance need ever come.
	clearlyAbove := func(floor decimal.Decimal) bool {
		if allocated := c.Credit.Allocated; allocated != nil {
			if all := decimalOf(*allocated); all.Cmp(floor) > 0 && left.Cmp(all) >= 0 {
				return true
			}
		}
		return left.Cmp(floor.Add(margin)) > 0
	}
	since := earliest(is.Open, levels()...)
	switch {
	case status == core.CreditOK && clearlyAbove(line) && stays:
		tell(CreditRecovered, since)
		maps.DeleteFunc(is.Open, func(kind Kind, _ string) bool { return slices.Contains(levels(), kind) })
	case clearlyAbove(decimal.Zero) && stays:
		delete(is.Open, CreditExhausted)
		delete(is.Open, CreditOverdrawn)
		is.Open[CreditLow] = since
	}
}

// expiring says whether the nearest expiry is within its days, or passed since the run
// before, and was not told.
func (r *Rules) expiring(now RunContext, c *core.CustomerCredit, is *State) bool {
	if c.NearestExpiry == nil {
		return false
	}
	until := c.NearestExpiry.Sub(now.AsOf)
	passed := until < 0 && (now.Since.IsZero() || c.NearestExpiry.Before(now.Since)) // long ago, by whatever runs there were
	if passed || until > time.Duration(r.expiryDays())*oneDay {
		return false
	}
	return is.Told.add(textOf(*c.NearestExpiry))
}

// levelOf is the worst level that is open, -1 where none is.
func levelOf(open map[Kind]string) int {
	for i, kind := range slices.Backward(levels()) {
		if _, is := open[kind]; is {
			return i
		}
	}
	return -1
}

// rankOf is the level that a status reaches, -1 for none.
func rankOf(status core.CreditStatus) int {
	switch status {
	case core.CreditOverdrawn:
		return 2
	case core.CreditExhausted:
		return 1
	case core.CreditLow:
		return 0
	}
	return -1
}

// lineOf is the line as an amount; 0 for a share of an allocation that is not
// known.
func lineOf(low core.Threshold, credit core.Credit) decimal.Decimal {
	number, percent := strings.CutSuffix(low.String(), "%")
	line, err := decimal.NewFromString(number)
	switch {
	case err != nil, percent && credit.Allocated == nil:
		return decimal.Zero
	case percent:
		return decimalOf(*credit.Allocated).Mul(line).Shift(-2)
	}
	return line
}

// decimalOf is an amount to reckon with, exactly: core's Money only subtracts.
func decimalOf(m core.Money) decimal.Decimal {
	d, err := decimal.NewFromString(m.String())
	if err != nil {
		return decimal.Zero // no Money writes what is no number
	}
	return d
}
