package alert

import "slices"

// Kind is the kind of an Alert. The list is closed: receivers may switch on it.
type Kind string

// The kinds.
const (
	CreditForced       Kind = "credit_forced"         // the vendor stopped the service by force
	CreditFreed        Kind = "credit_freed"          // the forced stop is over
	CreditOverdrawn    Kind = "credit_overdrawn"      // the balance is below zero
	CreditExhausted    Kind = "credit_exhausted"      // the balance is zero
	CreditLow          Kind = "credit_low"            // the balance is at or below the threshold
	CreditRecovered    Kind = "credit_recovered"      // clearly above the threshold again, after one of the three above
	CreditExpiring     Kind = "credit_expiring"       // the nearest expiry is within Rules.ExpiryDays
	PartnerLow         Kind = "partner_low"           // what the partner can still allocate is at or below Rules.PartnerLow
	ResellerLow        Kind = "reseller_low"          // what a reseller has left is at or below Rules.ResellerLow
	VoucherExpiring    Kind = "voucher_expiring"      // a customer's voucher expires within Rules.ExpiryDays
	TagLost            Kind = "tag_lost"              // no longer a qualified new customer
	TagUnrecognized    Kind = "tag_unrecognized"      // a value that the vendor does not document; once for each value
	TagEndingThisMonth Kind = "tag_ending_this_month" // this month is the tag's last
	TagEndingNextMonth Kind = "tag_ending_next_month" // next month is the tag's last
	TagQualified       Kind = "tag_qualified"         // newly a qualified new customer
	TagEligible        Kind = "tag_eligible"          // newly undetermined: eligible, below the bar
	CustomerNew        Kind = "customer_new"          // absent from the last complete run
	CustomerGone       Kind = "customer_gone"         // present in the last complete run, and absent now
)

// Severity is how urgent an Alert is.
type Severity string

// The severities.
const (
	Critical Severity = "critical"
	Warning  Severity = "warning"
	Info     Severity = "info"
)

var severities = []Severity{Critical, Warning, Info}

// rank is the place among severities, 0 for the worst; that of Info for any other text.
func (s Severity) rank() int {
	if i := slices.Index(severities, s); i >= 0 {
		return i
	}
	return 2
}

// kinds is the closed list, worst first: the order of a digest.
var kinds = []struct {
	kind     Kind
	severity Severity
	title    text
}{
	{PartnerLow, Critical, text{"Partner credit low", "伙伴可分配额度偏低"}}, // first: it concerns every customer
	{CreditForced, Critical, text{"Service stopped by force", "强制停服"}},
	{CreditOverdrawn, Critical, text{"Overdrawn", "已透支"}},
	{CreditExhausted, Critical, text{"Credit exhausted", "额度已用尽"}},
	{ResellerLow, Warning, text{"Reseller's credit low", "经销商额度偏低"}},
	{CreditLow, Warning, text{"Credit low", "额度偏低"}},
	{CreditExpiring, Warning, text{"Expires soon", "即将到期"}},
	{VoucherExpiring, Warning, text{"Voucher expires soon", "代金券即将到期"}},
	{TagLost, Warning, text{"New-customer tag lost", "新客标签已失效"}},
	{TagUnrecognized, Warning, text{"New-customer tag not recognized", "新客标签取值无法识别"}},
	{TagEndingThisMonth, Warning, text{"New-customer tag ends this month", "新客标签本月到期"}},
	// Early enough for the other reading of the month, too (core.ExpireReading).
	{TagEndingNextMonth, Warning, text{"New-customer tag ends next month", "新客标签下月到期"}},
	{CustomerGone, Warning, text{"Customer gone", "客户已不在名单中"}},
	{TagQualified, Info, text{"New-customer tag gained", "新获新客标签"}},
	{TagEligible, Info, text{"Newly eligible for the tag", "新符合新客条件"}},
	{CustomerNew, Info, text{"New customer", "新增客户"}},
	{CreditFreed, Info, text{"Service no longer stopped by force", "强制停服已解除"}},
	{CreditRecovered, Info, text{"Credit recovered", "额度已恢复"}},
}

// Kinds lists every kind, worst first.
func Kinds() []Kind {
	list := make([]Kind, len(kinds))
	for i, k := range kinds {
		list[i] = k.kind
	}
	return list
}

// rank is the kind's place among kinds; an unknown kind comes last.
func (k Kind) rank() int {
	for i := range kinds {
		if kinds[i].kind == k {
			return i
		}
	}
	return len(kinds)
}

// Known reports whether k is one of Kinds.
func (k Kind) Known() bool { return k.rank() < len(kinds) }

// Severity returns the kind's severity; Info for an unknown kind.
func (k Kind) Severity() Severity {
	if !k.Known() {
		return Info
	}
	return kinds[k.rank()].severity
}

// Title returns the kind's title in a language; an unknown kind is its own title.
func (k Kind) Title(language string) string {
	if !k.Known() {
		return string(k)
	}
	return kinds[k.rank()].title.in(language)
}

// ofDate reports whether an alert of the kind is about an expiry that comes near.
func (k Kind) ofDate() bool { return k == CreditExpiring || k == VoucherExpiring }

func compareKinds(a, b Kind) int { return a.rank() - b.rank() }
