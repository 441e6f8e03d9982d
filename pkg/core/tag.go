package core

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// CustomerTag is whether one customer counts as a new customer, and until when.
type CustomerTag struct {
	Provider       string     `json:"provider"`
	Account        string     `json:"account"`
	CustomerID     string     `json:"customer_id"`
	ResellerID     *string    `json:"reseller_id"` // null for the account's own customers
	Tag            Tag        `json:"tag"`
	Status         TagStatus  `json:"status"`
	EffectiveMonth *Month     `json:"effective_month"`
	ExpireMonth    *Month     `json:"expire_month"` // as the vendor writes it; Rules.ExpireMonth is its meaning
	ExpiresAt      *time.Time `json:"expires_at"`   // the first instant at which the tag no longer holds, in the vendor's zone
	DaysLeft       *int       `json:"days_left"`    // whole days until then; null: the tag does not hold

	// From the vendor's list of customers, and from the partner's own; null: not read.
	Name         *string      `json:"name"`
	AccountName  *string      `json:"account_name"`
	Email        *string      `json:"email"`
	Mobile       *string      `json:"mobile"`
	Label        *string      `json:"label"`
	Association  *Association `json:"association"`
	AssociatedAt *time.Time   `json:"associated_at"`
	Owner        *string      `json:"owner"` // by default the account manager
	CRMID        *string      `json:"crm_id"`
	ResellerName *string      `json:"reseller_name"`
	Manager      *string      `json:"account_manager,omitempty"` // by the vendor's list; Owner may be another

	Unreadable []string `json:"unreadable,omitempty"` // the vendor's members whose value is not as documented
}

// Tag is the tag as the vendor writes it.
type Tag struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// TagStatus is the meaning of a tag at the date of the Report.
type TagStatus string

// The statuses.
const (
	TagQualified    TagStatus = "qualified"    // a new customer, now
	TagLapsed       TagStatus = "lapsed"       // was one; the tag has expired
	TagNotNew       TagStatus = "not_new"      // not a new customer
	TagUndetermined TagStatus = "undetermined" // eligible, below the threshold: an opportunity
	TagUnverified   TagStatus = "unverified"   // no real-name verification yet
	TagUnknown      TagStatus = "unknown"      // a value that is not documented, or a last month that cannot be read
)

// The tag's values (ListSubCustomerNewTag, read November 2026).
const (
	tagYes          = "Y"
	tagNo           = "N"
	tagUndetermined = "UNDETERMINED"
)

// StatusOfTag returns the status of a tag's value. over is whether the tag's end is
// past.
func StatusOfTag(value string, over bool) TagStatus {
	switch value {
	case tagYes:
		if over {
			return TagLapsed
		}
		return TagQualified
	case tagNo:
		if over {
			return TagLapsed
		}
		return TagNotNew
	case tagUndetermined:
		return TagUndetermined
	case "":
		return TagUnverified
	}
	return TagUnknown
}

// ID returns the customer's id.
func (c *CustomerTag) ID() string { return c.CustomerID }

// Key returns the customer's id within its reseller.
func (c *CustomerTag) Key() string {
	if c.ResellerID == nil {
		return c.CustomerID
	}
	return keyOf(*c.ResellerID, c.CustomerID)
}

// keyOf returns a customer's key within a reseller; "" is the account itself.
func keyOf(resellerID, customerID string) string {
	if resellerID == "" {
		return customerID
	}
	return resellerID + "/" + customerID
}

// StatusText returns the status.
func (c *CustomerTag) StatusText() string { return string(c.Status) }

// Evaluate sets the account, the end of the tag, and the status. The status of a
// tag whose month cannot be read is unknown: without an end it would hold for ever.
func (c *CustomerTag) Evaluate(account string, asOf time.Time, rules Rules) {
	c.Account = account
	c.ExpiresAt, c.DaysLeft = nil, nil
	over := false
	if c.ExpireMonth != nil {
		end := rules.ExpireMonth.end(*c.ExpireMonth).UTC()
		c.ExpiresAt = &end
		over = !asOf.Before(end)
	}
	c.Status = StatusOfTag(c.Tag.Value, over)
	if c.EndUnread() && (c.Tag.Value == tagYes || c.Tag.Value == tagNo) {
		c.Status = TagUnknown
	}
	if c.Status == TagQualified && c.ExpiresAt != nil {
		days := int((c.ExpiresAt.Unix() - asOf.Unix()) / (24 * 60 * 60)) // a Duration ends after 292 years
		c.DaysLeft = &days
	}
}

// EndUnread reports whether the tag has a month that could not be read.
func (c *CustomerTag) EndUnread() bool { return slices.Contains(c.Unreadable, ExpireTimeMember) }

// ValueUnknown reports whether the tag's value is not documented.
func (c *CustomerTag) ValueUnknown() bool { return StatusOfTag(c.Tag.Value, false) == TagUnknown }

// UnreadMembers returns the vendor's members that could not be read.
func (c *CustomerTag) UnreadMembers() []string { return c.Unreadable }

// With returns the record with what is known of the customer beside its tag. The
// account manager is the owner of a customer that has no other.
func (c *CustomerTag) With(d Details) Record {
	joined := *c
	if p := d.Profile; p != nil {
		joined.Name, joined.AccountName, joined.Email, joined.Mobile = p.Name, p.AccountName, p.Email, p.Mobile
		joined.Label, joined.AssociatedAt, joined.Owner, joined.Manager = p.Label, p.AssociatedAt, p.Manager, p.Manager
		joined.Association = nil
		if p.Association != "" {
			joined.Association = &p.Association
		}
	}
	joined.Owner, joined.CRMID = cmp.Or(d.Owner, joined.Owner), cmp.Or(d.CRMID, joined.CRMID)
	joined.ResellerName = cmp.Or(d.ResellerName, joined.ResellerName)
	return &joined
}

// Details returns what With has joined, but for the owner and the CRM id, which are the
// partner's own to keep.
func (c *CustomerTag) Details() Details {
	p := Profile{
		Name: c.Name, AccountName: c.AccountName, Email: c.Email, Mobile: c.Mobile,
		Label: c.Label, AssociatedAt: c.AssociatedAt, Manager: c.Manager,
	}
	if c.Association != nil {
		p.Association = *c.Association
	}
	d := Details{ResellerName: c.ResellerName}
	if p != (Profile{}) {
		d.Profile = &p
	}
	return d
}

// Masked returns the record with names, e-mail address, telephone number and label
// masked: a label is the partner's text, and often a person's name.
func (c *CustomerTag) Masked() Record {
	m := *c
	m.Name, m.AccountName, m.Label = maskedBy(maskText, c.Name), maskedBy(maskText, c.AccountName), maskedBy(maskText, c.Label)
	m.Email, m.Mobile = maskedBy(maskText, c.Email), maskedBy(maskMobile, c.Mobile)
	return &m
}

// tagColumns returns the columns of Row.
func tagColumns() []Column {
	return []Column{
		{Name: "provider"}, {Name: "account"},
		{Name: "customer_id", Brief: true}, {Name: "reseller_id", Brief: true},
		{Name: "tag_type"}, {Name: "tag_value"},
		{Name: "status", Brief: true}, {Name: "effective_month", Brief: true},
		{Name: "expire_month", Brief: true}, {Name: "expires_at", Kind: ColumnEnd, Date: "valid_until"}, {Name: "days_left", Kind: ColumnNumber, Whole: true, Brief: true},
		{Name: "name", Brief: true, Detail: true}, {Name: "account_name", Detail: true}, {Name: "email", Detail: true},
		{Name: "mobile", Detail: true}, {Name: "label", Detail: true}, {Name: "association", Detail: true},
		{Name: "associated_at", Kind: ColumnTime, Date: "associated_date", Detail: true}, {Name: "owner", Brief: true, Detail: true}, {Name: "crm_id", Detail: true},
		{Name: "reseller_name", Detail: true},
	}
}

// Row returns the record as text.
func (c *CustomerTag) Row() []string {
	reseller, days, association := "", "", ""
	if c.Association != nil {
		association = string(*c.Association)
	}
	if c.ResellerID != nil {
		reseller = *c.ResellerID
	}
	if c.DaysLeft != nil {
		days = strconv.Itoa(*c.DaysLeft)
	}
	return []string{
		c.Provider, c.Account, c.CustomerID, reseller, c.Tag.Type, c.Tag.Value, string(c.Status),
		textOf(c.EffectiveMonth), textOf(c.ExpireMonth), timeText(c.ExpiresAt), days,
		stringOf(c.Name), stringOf(c.AccountName), stringOf(c.Email), stringOf(c.Mobile), stringOf(c.Label), association,
		timeText(c.AssociatedAt), stringOf(c.Owner), stringOf(c.CRMID), stringOf(c.ResellerName),
	}
}

// TagQuery asks for the tags of all customers or of some ids, of the account
// itself or of one of its resellers.
type TagQuery struct {
	CustomerIDs []string `json:"customer_ids,omitempty"` // none: all; no id twice
	ResellerID  string   `json:"reseller_id,omitempty"`  // "": the account's own customers
}

// AllResellers, as a TagQuery's ResellerID, asks for the account's own customers
// and those of every reseller below it. TagScopes resolves it; a Source never
// gets it.
const AllResellers = "all"

// AskedIDs returns the ids asked for.
func (q TagQuery) AskedIDs() []string { return q.CustomerIDs }

// ForIDs returns the query for some customers of the same reseller.
func (q TagQuery) ForIDs(ids []string) TagQuery {
	q.CustomerIDs = ids
	return q
}

// KeyOf returns the key of the record about a customer of the query's reseller.
func (q TagQuery) KeyOf(id string) string { return keyOf(q.ResellerID, id) }

// MaxIDsPerQuery is how many ids the vendor accepts in one query
// (ListSubCustomerNewTag, customer_ids, read November 2026).
const MaxIDsPerQuery = 200

// idsPerQuery is how many ids are asked for at once: the size of a page, so that
// one page, read at one moment, answers them all.
const idsPerQuery = 100

// TagScopes splits a query into scopes of at most idsPerQuery ids or of one
// reseller. resellers are those that AllResellers stands for; they are sorted, so
// that a read can be resumed.
func TagScopes(q TagQuery, resellers []string) []Scope[TagQuery] {
	resellerIDs := []string{q.ResellerID}
	if q.ResellerID == AllResellers {
		sorted := slices.Clone(resellers)
		slices.Sort(sorted)
		resellerIDs = append([]string{""}, slices.Compact(sorted)...)
	}
	var all []Scope[TagQuery]
	if len(q.CustomerIDs) == 0 {
		for _, reseller := range resellerIDs {
			all = append(all, Scope[TagQuery]{"reseller " + reseller, []TagQuery{{ResellerID: reseller}}})
		}
		return all
	}
	for i, ids := range slices.Collect(slices.Chunk(q.CustomerIDs, idsPerQuery)) {
		scope := Scope[TagQuery]{Name: "ids " + strconv.Itoa(i)}
		for _, reseller := range resellerIDs {
			scope.Queries = append(scope.Queries, TagQuery{CustomerIDs: ids, ResellerID: reseller})
		}
		all = append(all, scope)
	}
	return all
}

// tagQuery reads the parameters customer_id (or customer_ids) and reseller_id.
func tagQuery(p Params) (q TagQuery, err error) {
	if p.has("customer_id") && p.has("customer_ids") {
		return q, Invalid("customer_ids", "given as customer_id too; use one of the two")
	}
	for _, name := range []string{"customer_id", "customer_ids"} {
		if !p.has(name) {
			continue
		}
		ids := p[name]
		if len(ids) == 0 {
			return q, Invalid(name, "empty; name at least one customer, or leave it out for everyone")
		}
		seen := make(map[string]bool, len(ids))
		for _, id := range ids {
			if err := CheckID(name, id); err != nil {
				return q, err
			}
			if !seen[id] {
				seen[id] = true
				q.CustomerIDs = append(q.CustomerIDs, id)
			}
		}
	}
	reseller, given, err := p.one("reseller_id")
	if err != nil {
		return q, err
	}
	if given {
		if err := CheckID("reseller_id", reseller); err != nil {
			return q, err
		}
	}
	q.ResellerID = strings.Clone(reseller)
	_, err = p.Switch(NamesParam)
	return q, err
}

// NamesParam asks for the names of customers beside their tags. The query is the same with
// it, so that a cursor continues with names or without.
const NamesParam = "names"

// TagFunction returns the function "tags" over the Readers that open returns.
func TagFunction(open Open[TagQuery, *CustomerTag], names Names) *Function {
	return NewFunction(Spec[TagQuery]{
		Name:    "tags",
		Summary: "new-customer tags on Huawei Cloud",
		Params:  []string{"customer_id", "customer_ids", "reseller_id", NamesParam},
		WithID:  []string{"reseller_id", NamesParam},
		Parse:   tagQuery,
		ByID:    func(id string) Params { return Params{"customer_id": {id}} },
		Statuses: []string{
			string(TagQualified), string(TagLapsed), string(TagNotNew),
			string(TagUndetermined), string(TagUnverified), string(TagUnknown),
		},
		Columns: tagColumns(),
	}, open, names)
}
