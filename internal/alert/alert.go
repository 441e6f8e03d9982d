package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"

	"partnerlens/pkg/core"
)

// Alert is one change of one customer, or of the partner or a reseller of it, which have no
// CustomerID. Amounts, months and times are texts; a field that is not known, or does not
// apply to the kind, is left out.
type Alert struct {
	ID         string   `json:"id"` // the same for the same run of a store, however often the run is repeated
	Kind       Kind     `json:"kind"`
	Severity   Severity `json:"severity"`
	Account    string   `json:"account"`
	Provider   string   `json:"provider,omitempty"`
	CustomerID string   `json:"customer_id,omitempty"` // "" of PartnerLow and ResellerLow only
	ResellerID string   `json:"reseller_id,omitempty"`
	Name       string   `json:"name,omitempty"`      // masked, but in a digest with NamesFull
	FullName   string   `json:"full_name,omitempty"` // in a run's files, if RunContext.FullNames
	Remark     string   `json:"remark,omitempty"`    // in a run's files, if RunContext.FullNames, and in a digest with NamesFull
	URL        string   `json:"url,omitempty"`       // in a digest: the customer's page
	Owner      string   `json:"owner,omitempty"`     // at the partner
	CRMID      string   `json:"crm_id,omitempty"`    // in the partner's own system
	Remaining  string   `json:"remaining,omitempty"`
	Allocated  string   `json:"allocated,omitempty"`
	Currency   string   `json:"currency,omitempty"`
	Vouchers   string   `json:"vouchers,omitempty"`  // what remains of the customer's vouchers
	Threshold  string   `json:"threshold,omitempty"` // below which credit is low, as configured
	Expires    string   `json:"expires,omitempty"`   // RFC 3339: the nearest expiry, of a voucher for voucher_expiring, or the end of the tag
	Month      string   `json:"month,omitempty"`     // the last month in which the tag is valid
	Value      string   `json:"value,omitempty"`     // the tag's, of tag_unrecognized
	DaysLeft   *int     `json:"days_left"`           // whole days to Expires for a tag, credit_expiring and voucher_expiring, else an estimate of the days until the credit is used up; null if not known
	Since      string   `json:"since"`               // RFC 3339: the start of the run that first saw the condition
	Previous   string   `json:"previous_status,omitempty"`
	Status     string   `json:"status,omitempty"`
	MutedUntil string   `json:"muted_until,omitempty"` // RFC 3339: the end of the customer's mute
	Seen       *bool    `json:"seen,omitempty"`        // of an open condition: false if the run's list, which is not proven, lacks the customer, or if the run could not read the partner's credit; then the amounts are of an earlier run
	Reason     Reason   `json:"reason,omitempty"`      // of a silent transition: why it is not delivered
}

// Reason is why a transition of a condition is recorded and not delivered.
type Reason string

// The reasons. A transition with ReasonMilder, ReasonEnded or ReasonNotAsked is about the state
// of its kind's condition; one with another reason is what an Alert of its kind is.
const (
	ReasonMuted    Reason = "muted"     // the customer is muted, or its mute kept back what this would end
	ReasonKindOff  Reason = "kind_off"  // the kind is not among Rules.Kinds
	ReasonReported Reason = "reported"  // an earlier alert reported the same: the date, or at a forced stop the balance
	ReasonFirst    Reason = "first"     // the condition was there when the customer was first evaluated
	ReasonMilder   Reason = "milder"    // the worse levels of the balance ended, and this milder one is still open
	ReasonEnded    Reason = "ended"     // the condition ended
	ReasonNotAsked Reason = "not_asked" // the run did not ask for the customer, whose condition is forgotten
)

const idLength = 24 // hex digits: 96 bits

// hashID returns the id of a list of parts. Equal parts have equal ids.
func hashID(parts ...string) string {
	sum := sha256.New()
	for _, part := range parts {
		sum.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return hex.EncodeToString(sum.Sum(nil))[:idLength]
}

// NewAlert returns the alert of a kind about the customer of a record.
func NewAlert(run RunContext, kind Kind, record core.Record, prev, status string) Alert {
	a := Alert{
		ID: hashID("alert", run.Store, run.Function, run.Account, run.Run, string(kind), record.Key()), Kind: kind, Severity: kind.Severity(),
		Account: run.Account, CustomerID: clean(record.ID()), Since: formatTime(run.AsOf), Previous: prev, Status: status,
	}
	run.Evaluator.describe(&a, record.Masked())
	a.Remark = ""
	if run.FullNames {
		var full Alert
		run.Evaluator.describe(&full, record)
		a.FullName, a.Remark = full.Name, full.Remark
	}
	return a
}

func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (a *Alert) setOwner(owner, crmID *string) {
	if owner != nil {
		a.Owner = CleanOwner(*owner)
	}
	if crmID != nil {
		a.CRMID = CleanOwner(*crmID)
	}
}
