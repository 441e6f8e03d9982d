package core

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"
)

// CustomerCredit is one customer's credit: allocated, and remaining.
type CustomerCredit struct {
	Provider      string       `json:"provider"`
	Account       string       `json:"account"`
	CustomerID    string       `json:"customer_id"`
	Name          string       `json:"name"`
	Email         string       `json:"email"`
	Mobile        string       `json:"mobile"`
	Remark        string       `json:"remark"`
	Type          string       `json:"type"` // as the vendor writes it; it publishes no list of values
	Identity      Identity     `json:"identity"`
	Credit        Credit       `json:"credit"`
	Status        CreditStatus `json:"status"`
	Forced        *bool        `json:"forced"` // service stopped by force; null: not known
	AssociatedAt  *time.Time   `json:"associated_at"`
	NearestExpiry *time.Time   `json:"nearest_expiry"` // the vendor does not say of what
	Vouchers      *Vouchers    `json:"vouchers"`       // null: not read
	Owner         *string      `json:"owner"`          // at the partner; null: none, or not read
	CRMID         *string      `json:"crm_id"`         // in the partner's own system
	Vendor        CreditVendor `json:"vendor"`
	Unreadable    []string     `json:"unreadable,omitempty"` // the vendor's members whose value is not as documented: null above
}

// Credit is three exact amounts. One that the vendor leaves out is null.
type Credit struct {
	Allocated *Money `json:"allocated"`
	Remaining *Money `json:"remaining"` // negative: overdrawn
	Used      *Money `json:"used"`      // allocated - remaining
	Currency  string `json:"currency"`
}

// CreditVendor contains the vendor's enums and times as received; null if the
// vendor leaves one out.
type CreditVendor struct {
	Force           jsontext.Value `json:"Force"`
	IdentifyType    jsontext.Value `json:"IdentifyType"`
	Type            jsontext.Value `json:"Type"`
	Arrears         jsontext.Value `json:"Arrears"`
	AssociationTime jsontext.Value `json:"AssociationTime"`
	RecentExpiry    jsontext.Value `json:"RecentExpiry"`
}

// Identity is how far a customer's identity is verified.
type Identity string

// The identities.
const (
	IdentityUnverified Identity = "unverified"
	IdentityIndividual Identity = "individual"
	IdentityEnterprise Identity = "enterprise"
	IdentityUnknown    Identity = "unknown"
)

// CreditStatus sums up a customer's credit.
type CreditStatus string

// The statuses, worst first but for unknown.
const (
	CreditForced    CreditStatus = "forced"    // service is stopped by force
	CreditOverdrawn CreditStatus = "overdrawn" // less than nothing left: service is at risk
	CreditExhausted CreditStatus = "exhausted" // nothing left
	CreditLow       CreditStatus = "low"       // at or below the threshold
	CreditOK        CreditStatus = "ok"
	CreditUnknown   CreditStatus = "unknown" // an amount that decides it is missing
)

// Threshold is an amount, or a share of the allocated amount, at or below which
// credit is low. The zero Threshold is DefaultLow.
type Threshold struct {
	amount  Money
	percent bool
	set     bool
}

// DefaultLow is a tenth of the allocated amount.
const DefaultLow = "10%"

// ParseThreshold parses an amount in the account's currency, as "250.00", or a
// percentage of the allocated amount from 0 to 100, as "10%".
func ParseThreshold(text string) (Threshold, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	amount, err := ParseMoney(number)
	whole := Money{decimal.New(100, 0)}
	if err != nil || amount.Sign() < 0 || percent && amount.Cmp(whole) > 0 {
		return Threshold{}, Invalid("", "not a threshold; write an amount, as 250.00, or a percentage from 0%% to 100%%, as 10%%")
	}
	return Threshold{amount, percent, true}, nil
}

// String returns a text that ParseThreshold parses.
func (t Threshold) String() string {
	switch {
	case !t.set:
		return DefaultLow
	case t.percent:
		return t.amount.String() + "%"
	}
	return t.amount.String()
}

// Doubt returns what is likely wrong with the threshold; "" if nothing is.
func (t Threshold) Doubt() string {
	switch isSmall := t.amount.Cmp(Money{decimal.New(1, 0)}) < 0; {
	case !t.set || t.amount.Sign() == 0 || !isSmall && (!t.percent || t.amount.Cmp(Money{decimal.New(100, 0)}) < 0):
		return ""
	case !isSmall:
		return "everything that was allocated, so that almost every customer is low; write 10% for a tenth"
	case t.percent:
		return "less than one percent; write 10% for a tenth"
	}
	return "an amount below 1; write 10% for a tenth of the allocated credit"
}

// Of returns the threshold as an amount; false for a percentage of an allocated amount that
// is missing.
func (t Threshold) Of(credit Credit) (limit Money, ok bool) {
	if !t.set {
		t, _ = ParseThreshold(DefaultLow)
	}
	switch {
	case !t.percent:
		return t.amount, true
	case credit.Allocated == nil:
		return Money{}, false
	}
	return credit.Allocated.percent(t.amount), true
}

// StatusOfCredit returns forced if the vendor says so, else overdrawn, exhausted,
// low or ok by the remaining amount. A missing flag does not matter: the vendor
// leaves it out, or writes a reserved value. The status is unknown if the remaining
// amount is missing, or is above zero and the threshold is a percentage of an
// allocated amount that is missing.
func StatusOfCredit(forced *bool, credit Credit, low Threshold) CreditStatus {
	switch {
	case forced != nil && *forced:
		return CreditForced
	case credit.Remaining == nil:
		return CreditUnknown
	case credit.Remaining.Sign() < 0:
		return CreditOverdrawn
	case credit.Remaining.Sign() == 0:
		return CreditExhausted
	}
	switch limit, ok := low.Of(credit); {
	case !ok:
		return CreditUnknown
	case credit.Remaining.Cmp(limit) <= 0:
		return CreditLow
	}
	return CreditOK
}

// ID returns the customer's id.
func (c *CustomerCredit) ID() string { return c.CustomerID }

// Key returns the customer's id.
func (c *CustomerCredit) Key() string { return c.CustomerID }

// StatusText returns the status.
func (c *CustomerCredit) StatusText() string { return string(c.Status) }

// Evaluate sets the account, the used amount and the status.
func (c *CustomerCredit) Evaluate(account string, _ time.Time, rules Rules) {
	c.Account = account
	if c.Credit.Allocated != nil && c.Credit.Remaining != nil {
		used := c.Credit.Allocated.Sub(*c.Credit.Remaining)
		c.Credit.Used = &used
	}
	c.Status = StatusOfCredit(c.Forced, c.Credit, rules.Low)
}

// CreatedBetween reports whether the customer may have been associated between two
// moments; true if that is not known. A time with an offset from UTC is exact. The
// vendor does not document the zone of a time without one: it may be in the
// configured zone or in UTC. A date alone may be any time of its day. Clocks differ
// by up to maxClockSkew.
func (c *CustomerCredit) CreatedBetween(from, to time.Time) bool {
	if c.AssociatedAt == nil {
		return true
	}
	from, to = from.Add(-maxClockSkew), to.Add(maxClockSkew)
	moments := []time.Time{*c.AssociatedAt}
	if c.onlyDay() {
		from = from.Add(-24 * time.Hour)
	}
	if !c.zoned() {
		_, offset := from.In(VendorZone).Zone()
		moments = append(moments, c.AssociatedAt.Add(time.Duration(offset)*time.Second))
	}
	for _, at := range moments {
		if !at.Before(from) && !at.After(to) {
			return true
		}
	}
	return false
}

// Before reports whether the customer was certainly associated before another.
// Customers associated in the same second, or on the same day if one of them has
// no time of day, have no order.
func (c *CustomerCredit) Before(other *CustomerCredit) bool {
	if c.AssociatedAt == nil || other.AssociatedAt == nil {
		return false
	}
	if c.onlyDay() || other.onlyDay() {
		return other.AssociatedAt.Sub(*c.AssociatedAt) >= 24*time.Hour
	}
	return c.AssociatedAt.Before(*other.AssociatedAt)
}

// onlyDay reports whether the time of association is a date alone.
func (c *CustomerCredit) onlyDay() bool {
	return len(c.Vendor.AssociationTime) == len(`"2006-01-02"`)
}

// zoned reports whether the time of association has an offset from UTC.
func (c *CustomerCredit) zoned() bool {
	if len(c.Vendor.AssociationTime) <= len(`"2006-01-02 15:04:05"`) {
		return false
	}
	written, _ := jsontext.AppendUnquote(nil, c.Vendor.AssociationTime)
	_, form, _ := ParseTime(string(written), time.UTC)
	return form == ZonedTime
}

// UnreadMembers returns the vendor's members that could not be read.
func (c *CustomerCredit) UnreadMembers() []string { return c.Unreadable }

// With returns the record with its vouchers, its owner and its id in the partner's
// system, where they are known.
func (c *CustomerCredit) With(d Details) Record {
	joined := *c
	joined.Vouchers = cmp.Or(d.Vouchers, c.Vouchers)
	joined.Owner, joined.CRMID = cmp.Or(d.Owner, c.Owner), cmp.Or(d.CRMID, c.CRMID)
	return &joined
}

// Masked returns the record with name, e-mail address, mobile number and remark
// masked: a remark is the reseller's text, and often a person's name.
func (c *CustomerCredit) Masked() Record {
	m := *c
	m.Name, m.Email, m.Mobile, m.Remark = maskText(c.Name), maskText(c.Email), maskMobile(c.Mobile), maskText(c.Remark)
	return &m
}

// creditColumns returns the columns of Row.
func creditColumns() []Column {
	return []Column{
		{Name: "provider"}, {Name: "account"},
		{Name: "customer_id", Brief: true}, {Name: "name", Brief: true}, {Name: "email"},
		{Name: "mobile", Brief: true}, {Name: "remark"}, {Name: "type"},
		{Name: "identity"}, {Name: "allocated", Kind: ColumnNumber, Brief: true}, {Name: "remaining", Kind: ColumnNumber, Brief: true},
		{Name: "used", Kind: ColumnNumber}, {Name: "currency", Brief: true}, {Name: "status", Brief: true},
		{Name: "forced"}, {Name: "associated_at", Kind: ColumnTime, Date: "associated_date"},
		{Name: "nearest_expiry", Kind: ColumnTime, Date: "nearest_expiry_date", Brief: true},
		{Name: "voucher_remaining", Kind: ColumnNumber, Brief: true, Detail: true},
		{Name: "voucher_expiry", Kind: ColumnTime, Date: "voucher_expiry_date", Brief: true, Detail: true},
		{Name: "owner", Brief: true, Detail: true}, {Name: "crm_id", Detail: true},
	}
}

// Row returns the record as text.
func (c *CustomerCredit) Row() []string {
	vouchers, expiry := "", ""
	if c.Vouchers != nil {
		vouchers, expiry = c.Vouchers.Remaining.String(), timeText(c.Vouchers.NearestExpiry)
	}
	return []string{
		c.Provider, c.Account, c.CustomerID, c.Name, c.Email, c.Mobile, c.Remark, c.Type,
		string(c.Identity), textOf(c.Credit.Allocated), textOf(c.Credit.Remaining), textOf(c.Credit.Used),
		c.Credit.Currency, string(c.Status), boolText(c.Forced), timeText(c.AssociatedAt), timeText(c.NearestExpiry),
		vouchers, expiry, stringOf(c.Owner), stringOf(c.CRMID),
	}
}

func textOf[T interface{ String() string }](v *T) string {
	if v == nil {
		return ""
	}
	return (*v).String()
}

func boolText(b *bool) string {
	if b == nil {
		return ""
	}
	return strconv.FormatBool(*b)
}

func timeText(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339)
}

// CreditQuery asks for the credit of all customers, or of those that a filter
// matches.
type CreditQuery struct {
	FilterType FilterType `json:"filter_type,omitempty"` // "": all customers
	Filter     string     `json:"filter,omitempty"`      // the text to search for
	Order      Order      `json:"order,omitempty"`       // by the time of association; "": the vendor's choice

	CustomerIDs []string `json:"customer_ids,omitempty"` // in place of a filter; CreditScopes resolves them: a Source never gets them
}

// FilterType is the field that a CreditQuery searches.
type FilterType string

// The filter types.
const (
	FilterCustomerID FilterType = "customer_id"
	FilterName       FilterType = "name"
	FilterRemark     FilterType = "remark"
	FilterEmail      FilterType = "email"
)

// Order is the order by time of association.
type Order string

// The orders. Ascending is the default: newcomers are at the end, where a read
// that has begun still finds them.
const (
	OrderAscending  Order = "asc"
	OrderDescending Order = "desc"
)

// AskedIDs returns the ids asked for, or the id of a filter by id.
func (q CreditQuery) AskedIDs() []string {
	if q.CustomerIDs != nil {
		return q.CustomerIDs
	}
	if q.FilterType != FilterCustomerID {
		return nil
	}
	return []string{q.Filter}
}

const maxFilter = 256 // characters; the vendor publishes no bound

// creditQuery reads the parameters filter_type, filter and order.
func creditQuery(p Params) (q CreditQuery, err error) {
	kind, kindGiven, err := p.one("filter_type")
	if err != nil {
		return q, err
	}
	filter, filterGiven, err := p.one("filter")
	if err != nil {
		return q, err
	}
	order, orderGiven, err := p.one("order")
	if err != nil {
		return q, err
	}
	switch q.FilterType = FilterType(kind); {
	case !kindGiven && !filterGiven:
	case kindGiven && q.FilterType != FilterCustomerID && q.FilterType != FilterName && q.FilterType != FilterRemark && q.FilterType != FilterEmail:
		return q, Invalid("filter_type", "unknown; use customer_id, name, remark or email")
	case !kindGiven:
		return q, Invalid("filter_type", "missing; say what filter looks for: customer_id, name, remark or email")
	case filter == "":
		return q, Invalid("filter", "empty; say what to look for, or leave out filter_type for everyone")
	case len([]rune(filter)) > maxFilter:
		return q, Invalid("filter", "longer than %d characters", maxFilter)
	case q.FilterType == FilterCustomerID:
		if err := checkUIN("filter", filter); err != nil {
			return q, err
		}
	}
	q.Filter = filter
	if _, err := p.Switch(VouchersParam); err != nil {
		return q, err
	}
	switch q.Order = Order(order); {
	case !orderGiven:
		q.Order = OrderAscending
	case q.Order != OrderAscending && q.Order != OrderDescending:
		return q, Invalid("order", "unknown; use asc or desc, by time of association")
	}
	return q, nil
}

// checkUIN checks an id of a customer of Tencent Cloud.
func checkUIN(param, id string) error {
	if err := CheckID(param, id); err != nil {
		return err
	}
	if _, err := strconv.ParseUint(id, 10, 64); err != nil {
		return Invalid(param, "not a Tencent Cloud customer id (UIN); those are digits only, as 200000000000")
	}
	return nil
}

// creditForIDs returns the query for some customers.
func creditForIDs(q CreditQuery, ids []string) (CreditQuery, error) {
	if q.FilterType != "" {
		return q, Invalid("filter_type", "give customers' ids, or filter_type and filter")
	}
	for _, id := range ids {
		if err := checkUIN("customer_id", id); err != nil {
			return q, err
		}
		if !slices.Contains(q.CustomerIDs, id) {
			q.CustomerIDs = append(q.CustomerIDs, id)
		}
	}
	return q, nil
}

// CreditScopes splits a query for some customers into one for each: the vendor's filter takes
// one id.
func CreditScopes(_ context.Context, q CreditQuery) ([]Scope[CreditQuery], error) {
	ids := q.CustomerIDs
	if q.CustomerIDs = nil; len(ids) == 0 {
		return []Scope[CreditQuery]{{Queries: []CreditQuery{q}}}, nil
	}
	scopes := make([]Scope[CreditQuery], len(ids))
	for i, id := range ids {
		q.FilterType, q.Filter = FilterCustomerID, id
		scopes[i] = Scope[CreditQuery]{Name: "id " + strconv.Itoa(i), Queries: []CreditQuery{q}}
	}
	return scopes, nil
}

// VouchersParam asks for the vouchers of customers beside their credit. The query is the
// same with it, so that a cursor continues with vouchers or without.
const VouchersParam = "vouchers"

// CreditFunction returns the function "credit" over the Readers that open returns.
func CreditFunction(open Open[CreditQuery, *CustomerCredit], names Names) *Function {
	return NewFunction(Spec[CreditQuery]{
		Name:    "credit",
		Summary: "customers' credit on Tencent Cloud International",
		Params:  []string{"filter_type", "filter", "order", VouchersParam},
		WithID:  []string{VouchersParam},
		Parse:   creditQuery,
		Personal: func(q CreditQuery) bool {
			return q.FilterType != "" && q.FilterType != FilterCustomerID
		},
		ByID: func(id string) Params {
			return Params{"filter_type": {string(FilterCustomerID)}, "filter": {id}}
		},
		ForIDs: creditForIDs,
		Statuses: []string{
			string(CreditOK), string(CreditLow), string(CreditExhausted),
			string(CreditOverdrawn), string(CreditForced), string(CreditUnknown),
		},
		Columns: creditColumns(),
	}, open, names)
}
