package alert

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"partnerlens/pkg/core"
)

// Conditions are the open conditions of a partner and of its resellers, as a run leaves
// them to the next.
type Conditions struct {
	// Known are those of PartnerLow, ResellerLow and VoucherExpiring that were evaluated
	// before. The first evaluation opens conditions without an alert.
	Known []Kind `json:"known"`
	// Open are the open conditions in the order of Kinds and resellers, each as it was last read.
	Open []Alert `json:"open"`
}

// EvaluatePartner evaluates the partner's own credit and the credit of its resellers. The
// State of the Evaluation is empty: the Conditions are what the next run needs.
//
// A condition opens at or below its threshold, with an alert, and ends without one when the
// credit has recovered; see Rules.credit. What state lacks, and an amount that the vendor
// leaves out, keep their condition. The condition of a reseller that the list lacks ends, and that of a
// reseller to which nothing is allocated.
func (r *Rules) EvaluatePartner(run RunContext, state core.PartnerState, prev Conditions) (Evaluation, Conditions) {
	if r == nil {
		r = new(Rules)
	}
	p := partnerEvaluation{rules: r, run: run, known: append([]Kind{}, prev.Known...), prev: make(map[[2]string]Alert)}
	for _, a := range prev.Open {
		p.prev[conditionOf(a)] = a
	}
	if state.Pool != nil {
		p.evaluate(PartnerLow, r.PartnerLow, core.ResellerCredit{}, core.Credit{Allocated: state.Pool.Total, Remaining: state.Pool.Remaining, Currency: state.Pool.Currency})
	}
	p.finish(PartnerLow, state.Pool != nil)
	byID := func(a, b core.ResellerCredit) int { return cmp.Compare(a.ResellerID, b.ResellerID) }
	for _, reseller := range slices.SortedFunc(slices.Values(state.Resellers), byID) {
		if isZero(reseller.Allocated) && isZero(reseller.Remaining) {
			continue // it is given no credit, which is not low; finish ends its condition
		}
		p.evaluate(ResellerLow, r.ResellerLow, reseller, core.Credit{Allocated: reseller.Allocated, Remaining: reseller.Remaining, Currency: reseller.Currency})
	}
	p.finish(ResellerLow, state.Resellers != nil)
	p.finish(VoucherExpiring, state.Vouchers != nil) // a condition of customers
	next := Conditions{Known: p.known, Open: append([]Alert{}, p.Open...)}
	for i := range next.Open {
		next.Open[i].FullName, next.Open[i].Remark = "", "" // the manifest has no personal data
	}
	return p.Evaluation, next
}

func isZero(m *core.Money) bool { return m != nil && m.Sign() == 0 }

// partnerEvaluation is an EvaluatePartner under way.
type partnerEvaluation struct {
	Evaluation
	rules *Rules
	run   RunContext
	known []Kind
	prev  map[[2]string]Alert // the conditions that were open, less those that are evaluated
}

// conditionOf identifies a condition.
func conditionOf(a Alert) [2]string { return [2]string{string(a.Kind), a.ResellerID} }

// evaluate evaluates one condition, of a reseller or, with the zero one, of the partner.
func (p *partnerEvaluation) evaluate(kind Kind, low core.Threshold, reseller core.ResellerCredit, credit core.Credit) {
	a := Alert{
		ID: p.id(kind, reseller.ResellerID), Kind: kind, Severity: kind.Severity(),
		Account: p.run.Account, Provider: p.run.Provider, ResellerID: clean(reseller.ResellerID), Name: clean(reseller.Masked().Name), Currency: clean(credit.Currency),
		Threshold: low.String(), Since: formatTime(p.run.AsOf), Status: string(core.StatusOfCredit(nil, credit, low)),
	}
	if p.run.FullNames {
		a.FullName, a.Remark = clean(reseller.Name), clean(reseller.Remark)
	}
	if credit.Remaining != nil {
		a.Remaining = credit.Remaining.String()
	}
	if credit.Allocated != nil {
		a.Allocated = credit.Allocated.String()
	}
	prev, isOpen := p.prev[conditionOf(a)]
	delete(p.prev, conditionOf(a))
	switch status := core.CreditStatus(a.Status); {
	case status == core.CreditUnknown && isOpen:
		p.keep(prev)
	case status == core.CreditUnknown, status == core.CreditOK && !isOpen:
	case status == core.CreditOK && p.rules.recovered(credit, low, prev.Status == a.Status):
		a.Since = prev.Since
		p.end(a)
	case isOpen:
		a.ID, a.Since = prev.ID, prev.Since
		p.Open = append(p.Open, a)
	default:
		p.begin(a)
	}
}

// id is the id of a transition.
func (p *partnerEvaluation) id(kind Kind, reseller string) string {
	return hashID("alert", p.run.Store, p.run.Function, p.run.Account, p.run.Run, string(kind), reseller)
}

// begin opens a condition.
func (p *partnerEvaluation) begin(a Alert) {
	open := a
	open.ID = hashID("open", p.run.Store, p.run.Function, p.run.Account, string(a.Kind), a.ResellerID, a.Since)
	p.Open = append(p.Open, open)
	switch {
	case !slices.Contains(p.known, a.Kind):
		a.Reason = ReasonFirst
	case !p.rules.delivers(a.Kind):
		a.Reason = ReasonKindOff
	default:
		p.Alerts = append(p.Alerts, a)
		return
	}
	p.Silent = append(p.Silent, a)
}

// keep leaves a condition open as it was read before.
func (p *partnerEvaluation) keep(open Alert) {
	open.Seen = new(false)
	p.Open = append(p.Open, open)
}

// end ends a condition.
func (p *partnerEvaluation) end(a Alert) {
	a.Reason = ReasonEnded
	p.Silent = append(p.Silent, a)
}

// finish ends the other conditions of a kind if the kind was read, and keeps them if not.
func (p *partnerEvaluation) finish(kind Kind, read bool) {
	for _, key := range slices.SortedFunc(maps.Keys(p.prev), func(a, b [2]string) int { return cmp.Compare(a[1], b[1]) }) {
		switch a := p.prev[key]; {
		case a.Kind != kind:
		case read:
			a.ID, a.Remaining, a.Allocated, a.Status, a.Seen = p.id(kind, a.ResellerID), "", "", "", nil
			p.end(a)
		default:
			p.keep(a)
		}
	}
	if read && !slices.Contains(p.known, kind) {
		p.known = append(p.known, kind)
	}
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
	remaining, currency := grouped(pool.Remaining.String()), strings.TrimSuffix(" "+ownText(pool.Currency), " ")
	if pool.Total == nil {
		return []string{w.text("Partner credit: %s left to allocate", "伙伴额度：剩余可分配 %s", remaining+currency)}
	}
	return []string{w.text("Partner credit: %s of %s left to allocate", "伙伴额度：剩余可分配 %s / 总额 %s", remaining, grouped(pool.Total.String())+currency)}
}

// grouped writes an amount with a comma between thousands.
func grouped(text string) string {
	sign := text[:len(text)-len(strings.TrimPrefix(text, "-"))]
	whole, fraction, found := strings.Cut(text[len(sign):], ".")
	if strings.Trim(whole, "0123456789") != "" { // a percentage
		return text
	}
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	if found {
		fraction = "." + fraction
	}
	return sign + whole + fraction
}
