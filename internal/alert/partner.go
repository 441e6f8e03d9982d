package alert

import (
	"cmp"
	"slices"
	"strings"

	"partnerlens/pkg/core"
)

// Conditions are the open conditions of a partner and of its resellers, as a run leaves
// them to the next.
type Conditions struct {
	// Known are PartnerLow or ResellerLow, or both: those that were evaluated before. The
	// first evaluation opens conditions without an alert.
	Known []Kind `json:"known"`
	// Open are the open conditions in the order of Kinds and resellers, each as it was last read.
	Open []Alert `json:"open"`
}

// EvaluatePartner returns the alerts about the partner's own credit and the credit of its
// resellers, and the Conditions for the next run. A condition opens at or below its threshold,
// with an alert, and closes without one as credit recovers; see Rules.credit. What state
// lacks, and an amount that the vendor leaves out, keep their condition. The condition of a
// reseller that the list lacks ends.
func (r *Rules) EvaluatePartner(run RunContext, state core.PartnerState, prev Conditions) ([]Alert, Conditions) {
	if r == nil {
		r = new(Rules)
	}
	p := partnerEvaluation{rules: r, run: run, prev: prev, open: make(map[[2]string]Alert)}
	p.next = Conditions{Known: append([]Kind{}, prev.Known...), Open: []Alert{}}
	for _, a := range prev.Open {
		p.open[[2]string{string(a.Kind), a.ResellerID}] = a
	}
	if state.Pool == nil {
		p.keep(PartnerLow)
	} else {
		p.evaluate(PartnerLow, r.PartnerLow, "", "", core.Credit{Allocated: state.Pool.Total, Remaining: state.Pool.Remaining, Currency: state.Pool.Currency})
		p.know(PartnerLow)
	}
	if state.Resellers == nil {
		p.keep(ResellerLow)
	} else {
		byID := func(a, b core.ResellerCredit) int { return cmp.Compare(a.ResellerID, b.ResellerID) }
		for _, reseller := range slices.SortedFunc(slices.Values(state.Resellers), byID) {
			p.evaluate(ResellerLow, r.ResellerLow, reseller.ResellerID, reseller.Masked().Name, core.Credit{Allocated: reseller.Allocated, Remaining: reseller.Remaining, Currency: reseller.Currency})
		}
		p.know(ResellerLow)
	}
	return r.wanted(run, p.alerts), p.next
}

// partnerEvaluation is an EvaluatePartner under way.
type partnerEvaluation struct {
	rules      *Rules
	run        RunContext
	prev, next Conditions
	open       map[[2]string]Alert // prev.Open by kind and reseller
	alerts     []Alert
}

// know records that the conditions of a kind were evaluated.
func (p *partnerEvaluation) know(kind Kind) {
	if !slices.Contains(p.next.Known, kind) {
		p.next.Known = append(p.next.Known, kind)
	}
}

// keep leaves the conditions of a kind as they were.
func (p *partnerEvaluation) keep(kind Kind) {
	for _, a := range p.prev.Open {
		if a.Kind == kind {
			p.next.Open = append(p.next.Open, a)
		}
	}
}

// evaluate evaluates one condition.
func (p *partnerEvaluation) evaluate(kind Kind, low core.Threshold, id, name string, credit core.Credit) {
	status := core.StatusOfCredit(nil, credit, low)
	a := Alert{
		ID: hashID("alert", p.run.Store, p.run.Function, p.run.Account, p.run.Run, string(kind), id), Kind: kind, Severity: kind.Severity(),
		Account: p.run.Account, Provider: p.run.Provider, ResellerID: clean(id), Name: clean(name), Currency: clean(credit.Currency),
		Threshold: low.String(), Since: formatTime(p.run.AsOf), Status: string(status),
	}
	if credit.Remaining != nil {
		a.Remaining = credit.Remaining.String()
	}
	if credit.Allocated != nil {
		a.Allocated = credit.Allocated.String()
	}
	prev, isOpen := p.open[[2]string{string(kind), a.ResellerID}]
	if isOpen {
		a.ID, a.Since = prev.ID, prev.Since
	}
	switch {
	case status == core.CreditUnknown && isOpen:
		a = prev
	case status == core.CreditUnknown, status == core.CreditOK && !isOpen:
		return
	case status == core.CreditOK && p.rules.recovered(credit, low, prev.Status == a.Status):
		return
	case !isOpen && slices.Contains(p.prev.Known, kind):
		p.alerts = append(p.alerts, a)
	}
	p.next.Open = append(p.next.Open, a)
}

// recovered reports whether credit that was low, and is not any more, is clearly above the
// threshold; see closeLevels.
func (r *Rules) recovered(credit core.Credit, low core.Threshold, lasting bool) bool {
	balance := core.CustomerCredit{Credit: credit, Status: core.CreditOK}
	_, recovered := r.closeLevels(&balance, low, lasting, &State{Open: map[Kind]string{CreditLow: "-"}})
	return recovered
}

// partner is the line about the partner's own credit, if it is known.
func (w writer) partner(pool *core.PartnerCredit) []string {
	if pool == nil || pool.Remaining == nil {
		return nil
	}
	remaining, currency := grouped(*pool.Remaining), strings.TrimSuffix(" "+ownText(pool.Currency), " ")
	if pool.Total == nil {
		return []string{w.text("partner credit: %s left to allocate", "伙伴额度：剩余可分配 %s", remaining+currency)}
	}
	return []string{w.text("partner credit: %s of %s left to allocate", "伙伴额度：剩余可分配 %s / 总额 %s", remaining, grouped(*pool.Total)+currency)}
}

// grouped writes an amount with a comma between thousands.
func grouped(m core.Money) string {
	text := m.String()
	sign := text[:len(text)-len(strings.TrimPrefix(text, "-"))]
	whole, fraction, found := strings.Cut(text[len(sign):], ".")
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	if found {
		fraction = "." + fraction
	}
	return sign + whole + fraction
}
