package alert

import "slices"

// Kind is what an Alert tells. The list is closed: receivers may switch on it.
type Kind string

// The kinds.
const (
	CreditForced       Kind = "credit_forced"         // service was stopped by force
	CreditFreed        Kind = "credit_freed"          // and no longer is
	CreditOverdrawn    Kind = "credit_overdrawn"      // less than nothing left
	CreditExhausted    Kind = "credit_exhausted"      // nothing left
	CreditLow          Kind = "credit_low"            // at or below the line
	CreditRecovered    Kind = "credit_recovered"      // clearly above the line again, after one of the three above
	CreditExpiring     Kind = "credit_expiring"       // the nearest expiry is within Rules.ExpiryDays
	TagLost            Kind = "tag_lost"              // was a qualified new customer
	TagUnrecognized    Kind = "tag_unrecognized"      // has a value that the cloud does not document; once for each value
	TagEndingThisMonth Kind = "tag_ending_this_month" // this month is the tag's last
	TagEndingNextMonth Kind = "tag_ending_next_month" // next month is
	TagQualified       Kind = "tag_qualified"         // newly a qualified new customer
	TagEligible        Kind = "tag_eligible"          // newly undetermined: eligible, below the bar
	CustomerNew        Kind = "customer_new"          // was not there in the last complete run
	CustomerGone       Kind = "customer_gone"         // no longer there
)

// Severity says how bad an Alert is.
type Severity string

// The severities.
const (
	Critical Severity = "critical"
	Warning  Severity = "warning"
	Info     Severity = "info"
)

// rank is 0 for the worst.
func (s Severity) rank() int {
	switch s {
	case Critical:
		return 0
	case Warning:
		return 1
	}
	return 2
}

type kindFacts struct {
	kind     Kind
	severity Severity
	en, zh   string
}

// kinds is the closed list, worst first: the order of a digest. A function, so
// that nothing is built before main.
func kinds() []kindFacts {
	return []kindFacts{
		{CreditForced, Critical, "Service stopped by force", "强制停服"},
		{CreditOverdrawn, Critical, "Overdrawn", "已透支"},
		{CreditExhausted, Critical, "Credit exhausted", "额度已用尽"},
		{CreditLow, Warning, "Credit low", "额度偏低"},
		{CreditExpiring, Warning, "Expires soon", "即将到期"},
		{TagLost, Warning, "New-customer tag lost", "新客标签已失效"},
		{TagUnrecognized, Warning, "New-customer tag not recognized", "新客标签取值无法识别"},
		{TagEndingThisMonth, Warning, "New-customer tag ends this month", "新客标签本月到期"},
		// Early enough for the other reading of the month, too (core.ExpireReading).
		{TagEndingNextMonth, Warning, "New-customer tag ends next month", "新客标签下月到期"},
		{CustomerGone, Warning, "Customer gone", "客户已不在名单中"},
		{TagQualified, Info, "New-customer tag gained", "新获新客标签"},
		{TagEligible, Info, "Newly eligible for the tag", "新符合新客条件"},
		{CustomerNew, Info, "New customer", "新增客户"},
		{CreditFreed, Info, "Service no longer stopped by force", "强制停服已解除"},
		{CreditRecovered, Info, "Credit recovered", "额度已恢复"},
	}
}

// Kinds lists every kind, worst first.
func Kinds() []Kind {
	all := kinds()
	list := make([]Kind, len(all))
	for i, f := range all {
		list[i] = f.kind
	}
	return list
}

func (k Kind) facts() (facts kindFacts, rank int) {
	all := kinds()
	rank = slices.IndexFunc(all, func(f kindFacts) bool { return f.kind == k })
	if rank < 0 {
		return kindFacts{k, Info, string(k), string(k)}, len(all)
	}
	return all[rank], rank
}

// Known says whether k is on the list.
func (k Kind) Known() bool {
	_, rank := k.facts()
	return rank < len(kinds())
}

// Severity is the kind's.
func (k Kind) Severity() Severity {
	facts, _ := k.facts()
	return facts.severity
}

// Title is the kind in a few words of a language.
func (k Kind) Title(language string) string {
	facts, _ := k.facts()
	if language == Chinese {
		return facts.zh
	}
	return facts.en
}
