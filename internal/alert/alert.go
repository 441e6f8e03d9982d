package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strconv"
	"time"

	"partnerlens/pkg/core"
)

// Alert is one thing about one customer that is worth telling. Amounts, months
// and times are texts; what is not known, or not of the kind, is left out.
type Alert struct {
	ID         string   `json:"id"` // the same for the same run of a store, however often it is run
	Kind       Kind     `json:"kind"`
	Severity   Severity `json:"severity"`
	Account    string   `json:"account"`
	Provider   string   `json:"provider,omitempty"`
	CustomerID string   `json:"customer_id"`
	ResellerID string   `json:"reseller_id,omitempty"`
	Name       string   `json:"name,omitempty"` // masked
	Remaining  string   `json:"remaining,omitempty"`
	Allocated  string   `json:"allocated,omitempty"`
	Currency   string   `json:"currency,omitempty"`
	Threshold  string   `json:"threshold,omitempty"` // the line below which credit is low, as configured
	Expires    string   `json:"expires,omitempty"`   // RFC 3339: the nearest expiry, or the end of the tag
	Month      string   `json:"month,omitempty"`     // the last month in which the tag holds
	Value      string   `json:"value,omitempty"`     // the tag's, of tag_unrecognized
	DaysLeft   *int     `json:"days_left"`           // whole days: to Expires for a tag and for credit_expiring, else an estimate of when nothing is left; null where not known
	Since      string   `json:"since"`               // RFC 3339: when the run began that first saw it; of what is over, when it began
	Previous   string   `json:"previous_status,omitempty"`
	Status     string   `json:"status,omitempty"`
}

const idLength = 24 // hex digits: 96 bits

// idOf is the id of what the parts name: the same parts give the same id.
func idOf(parts ...string) string {
	sum := sha256.New()
	for _, part := range parts {
		io.WriteString(sum, strconv.Itoa(len(part))+":"+part)
	}
	return hex.EncodeToString(sum.Sum(nil))[:idLength]
}

// NewAlert returns the alert of a kind about the customer of a record.
func NewAlert(now RunContext, kind Kind, record core.Record, was, is string) Alert {
	a := Alert{
		ID: idOf("alert", now.Store, now.Function, now.Account, now.Run, string(kind), record.Key()), Kind: kind, Severity: kind.Severity(),
		Account: now.Account, CustomerID: clean(record.ID()), Since: textOf(now.AsOf), Previous: was, Status: is,
	}
	now.Evaluator.describe(&a, record.Masked())
	return a
}

func moneyText(m *core.Money) string {
	if m == nil {
		return ""
	}
	return m.String()
}

// textOf is a moment as it is written everywhere: UTC, whole seconds.
func textOf(t time.Time) string { return t.UTC().Format(time.RFC3339) }
