package alert

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"partnerlens/pkg/core"
)

// Credit evaluates the records of the function "credit".
var Credit = newCredit()

func newCredit() *Evaluator {
	e := NewEvaluator((*Rules).credit, describeCredit, (*Rules).overrideCredit)
	e.complete = func(r *Rules, run RunContext, a *Alert, record core.Record, state *State) {
		r.completeCredit(run, a, record.(*core.CustomerCredit), state)
	}
	return e
}

func describeCredit(a *Alert, c *core.CustomerCredit) {
	a.Provider, a.Name, a.Remark, a.Currency = c.Provider, clean(c.Name), clean(c.Remark), clean(c.Credit.Currency)
	a.setOwner(c.Owner, c.CRMID)
	if c.Credit.Remaining != nil {
		a.Remaining = c.Credit.Remaining.String()
	}
	if c.Credit.Allocated != nil {
		a.Allocated = c.Credit.Allocated.String()
	}
	if c.Vouchers != nil && c.Vouchers.Remaining.Sign() > 0 {
		a.Vouchers = c.Vouchers.Remaining.String()
	}
}

// completeCredit adds the threshold and the days left, and the expiry of CreditExpiring and
// VoucherExpiring.
func (r *Rules) completeCredit(run RunContext, a *Alert, c *core.CustomerCredit, state *State) {
	a.Threshold = r.low(run, c).String()
	expiry := c.NearestExpiry
	if a.Kind == VoucherExpiring {
		expiry = voucherExpiry(c)
	}
	switch {
	case !a.Kind.ofDate():
		if c.Credit.Remaining != nil {
			a.DaysLeft = state.History.daysLeft(*c.Credit.Remaining)
		}
	case expiry != nil:
		a.Expires = formatTime(*expiry)
		a.DaysLeft = new(int(expiry.Sub(run.AsOf) / oneDay))
	}
}

// low is the threshold of a customer: its own, or its account's.
func (r *Rules) low(run RunContext, c *core.CustomerCredit) core.Threshold {
	if low, ok := r.Overrides[c.CustomerID]; ok {
		return low
	}
	return run.Low
}

func (r *Rules) overrideCredit(c *core.CustomerCredit) *core.CustomerCredit {
	low, ok := r.Overrides[c.CustomerID]
	if !ok {
		return c
	}
	evaluated := *c // c may be shared with other readers
	evaluated.Status = core.StatusOfCredit(c.Forced, c.Credit, low)
	return &evaluated
}

// levels are the conditions of a balance, mildest first. The worst open one is the level;
// a milder one only keeps since when it is open.
var levels = []Kind{CreditLow, CreditExhausted, CreditOverdrawn}

// credit evaluates a customer's credit. A forced stop and the balance are two conditions.
// The stop opens and closes with its flag. A falling balance alerts at each level that it
// reaches; a rising one closes levels by margins:
//
//	threshold + margin ──  above it, or with everything allocated if that is less: recovered, with an alert
//	threshold ───────────  at or below it: low
//	zero + margin ───────  above it, or with everything allocated: no longer exhausted or overdrawn, without an alert
//	zero ────────────────  at it exhausted, below it overdrawn
//
// While service is stopped, the balance opens and closes nothing. After the stop, a level
// worse than the one at the stop is alerted. A missing flag leaves the stop as it was, and
// the balance is evaluated by its amount.
func (r *Rules) credit(run RunContext, c *core.CustomerCredit, next *State) []Alert {
	low := r.low(run, c)
	if c.Credit.Remaining != nil {
		next.History = next.History.add(run.AsOf, *c.Credit.Remaining)
	}
	prev := next.Status
	var alerts []Alert
	report := func(kind Kind) *Alert {
		a := NewAlert(run, kind, c, prev, string(c.Status))
		r.completeCredit(run, &a, c, next)
		alerts = append(alerts, a)
		return &alerts[len(alerts)-1]
	}
	if r.expiring(run, CreditExpiring, c.NearestExpiry, &next.Reported, next) {
		report(CreditExpiring)
	}
	if c.Vouchers != nil && c.Vouchers.NearestExpiry == nil {
		delete(next.Open, VoucherExpiring)
	} else if r.expiring(run, VoucherExpiring, voucherExpiry(c), &next.Vouchers, next) {
		report(VoucherExpiring)
	}
	unknown := c.Status == core.CreditUnknown || c.Status == ""
	if !unknown {
		next.Status = string(c.Status)
	}
	stoppedSince, stopped := next.Open[CreditForced]
	switch {
	case c.Forced == nil:
	case *c.Forced && !stopped:
		next.Open[CreditForced] = formatTime(run.AsOf)
		report(CreditForced)
		next.AtStop = string(core.StatusOfCredit(nil, c.Credit, low)) // the alert reports the balance, too
	case !*c.Forced && stopped:
		report(CreditFreed).Since = stoppedSince
		delete(next.Open, CreditForced)
		if slices.Contains(next.Muted, CreditForced) {
			next.AtStop = "" // no alert reported the balance at the stop
		}
	}
	if unknown || c.Status == core.CreditForced {
		return alerts
	}
	atStop := levelOf(core.CreditStatus(next.AtStop))
	if _, stopped := next.Open[CreditForced]; !stopped {
		next.AtStop = ""
	}
	switch open, reached := openLevel(next.Open), levelOf(c.Status); {
	case reached > open:
		next.Open[levels[reached]] = formatTime(run.AsOf)
		if reached > atStop {
			report(levels[reached])
		}
	case reached < open:
		if since, recovered := r.closeLevels(c, low, prev == string(c.Status), next); recovered {
			report(CreditRecovered).Since = since
		}
	}
	return alerts
}

// closeLevels closes the levels that the balance is clearly above. It reports whether all
// are closed, and since when the first of them was open. lasting is whether the status was
// the same in the run before.
func (r *Rules) closeLevels(c *core.CustomerCredit, low core.Threshold, lasting bool, next *State) (since string, recovered bool) {
	limit, _ := low.Of(c.Credit)
	remaining, threshold := decimalOf(*c.Credit.Remaining), decimalOf(limit)
	margin := threshold.Mul(decimal.New(int64(cmp.Or(r.HysteresisPercent, DefaultHysteresis)), -2))
	if margin.Sign() <= 0 && !lasting {
		return "", false // without a margin, it takes two runs in a row
	}
	clearlyAbove := func(floor decimal.Decimal) bool {
		if c.Credit.Allocated != nil { // the balance need never exceed it
			if allocated := decimalOf(*c.Credit.Allocated); allocated.Cmp(floor) > 0 && remaining.Cmp(allocated) >= 0 {
				return true
			}
		}
		return remaining.Cmp(floor.Add(margin)) > 0
	}
	for _, kind := range levels {
		if at, open := next.Open[kind]; open && (since == "" || at < since) {
			since = at
		}
	}
	switch {
	case c.Status == core.CreditOK && clearlyAbove(threshold):
		maps.DeleteFunc(next.Open, func(kind Kind, _ string) bool { return slices.Contains(levels, kind) })
		return since, true
	case clearlyAbove(decimal.Zero):
		delete(next.Open, CreditExhausted)
		delete(next.Open, CreditOverdrawn)
		next.Open[CreditLow] = since
	}
	return "", false
}

// voucherExpiry is the nearest expiry of a customer's vouchers; nil if it is not known.
func voucherExpiry(c *core.CustomerCredit) *time.Time {
	if c.Vouchers == nil {
		return nil
	}
	return c.Vouchers.NearestExpiry
}

// expiring updates the condition of a kind, whose expiry is within the days of the rules,
// or passed since the run before. It reports whether the date was not reported yet. A
// missing date ends the condition once the dates that were reported have passed.
func (r *Rules) expiring(run RunContext, kind Kind, expiry *time.Time, reported *Dates, next *State) bool {
	if expiry == nil {
		if len(*reported) == 0 || slices.Max(*reported) < formatTime(run.AsOf) {
			delete(next.Open, kind)
		}
		return false
	}
	until := expiry.Sub(run.AsOf)
	passedBefore := until < 0 && (run.Since.IsZero() || expiry.Before(run.Since))
	if passedBefore || until > time.Duration(cmp.Or(r.ExpiryDays, DefaultExpiryDays))*oneDay {
		delete(next.Open, kind)
		return false
	}
	isNew := reported.add(formatTime(*expiry))
	if _, open := next.Open[kind]; isNew || !open {
		next.Open[kind] = formatTime(run.AsOf)
	}
	return isNew
}

// openLevel is the index in levels of the worst open condition, -1 if none is open.
func openLevel(open map[Kind]string) int {
	for i, kind := range slices.Backward(levels) {
		if _, ok := open[kind]; ok {
			return i
		}
	}
	return -1
}

// levelOf is the index in levels of a status, -1 if it is none of them.
func levelOf(status core.CreditStatus) int {
	return slices.Index([]core.CreditStatus{core.CreditLow, core.CreditExhausted, core.CreditOverdrawn}, status)
}

func decimalOf(m core.Money) decimal.Decimal { return decimal.RequireFromString(m.String()) }
