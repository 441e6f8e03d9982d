package core

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// CustomerTag says whether one customer counts as a new customer, and until when.
type CustomerTag struct {
	Provider       string     `json:"provider"`
	Account        string     `json:"account"`
	CustomerID     string     `json:"customer_id"`
	ResellerID     *string    `json:"reseller_id"` // null for the account's own customers
	Tag            Tag        `json:"tag"`
	Status         TagStatus  `json:"status"`
	EffectiveMonth *Month     `json:"effective_month"`
	ExpireMonth    *Month     `json:"expire_month"`         // as the cloud writes it; Rules.ExpireMonth says how it is meant
	ExpiresAt      *time.Time `json:"expires_at"`           // the first instant at which the tag no longer holds, in the vendor's zone
	DaysLeft       *int       `json:"days_left"`            // whole days until then; null where the tag does not hold
	Unreadable     []string   `json:"unreadable,omitempty"` // the cloud's members that hold something else than documented
}

// Tag is the tag as the cloud says it.
type Tag struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// TagStatus is the one word for what a tag means at the moment of reading.
type TagStatus string

// The statuses.
const (
	TagQualified    TagStatus = "qualified"    // a new customer, now
	TagLapsed       TagStatus = "lapsed"       // was one; the validity is over
	TagNotNew       TagStatus = "not_new"      // not a new customer
	TagUndetermined TagStatus = "undetermined" // eligible, below the bar: an opportunity
	TagUnverified   TagStatus = "unverified"   // no real-name verification yet
	TagUnknown      TagStatus = "unknown"      // a value the cloud does not document, or a last month that cannot be read
)

// The tag's values, as the cloud writes them (ListSubCustomerNewTag, read November 2026).
const (
	tagYes          = "Y"
	tagNo           = "N"
	tagUndetermined = "UNDETERMINED"
)

// StatusOfTag is the rule. over says that the tag's end is past.
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

// ID is the customer's id.
func (c *CustomerTag) ID() string { return c.CustomerID }

// Key is the customer's id within its reseller.
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

// StatusText is the status's text.
func (c *CustomerTag) StatusText() string { return string(c.Status) }

// Evaluate fills in the account, the end of the validity, and the status. A tag with a
// month that cannot be read is unknown: without its end it would seem to hold for ever.
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

// EndUnread says whether the tag has a month that could not be read.
func (c *CustomerTag) EndUnread() bool { return slices.Contains(c.Unreadable, ExpireTimeMember) }

// ValueUnknown says whether the tag's value is none that the cloud documents.
func (c *CustomerTag) ValueUnknown() bool { return StatusOfTag(c.Tag.Value, false) == TagUnknown }

// UnreadMembers are the cloud's members that could not be read.
func (c *CustomerTag) UnreadMembers() []string { return c.Unreadable }

// Masked is the record itself: ids and months are nobody's name.
func (c *CustomerTag) Masked() Record { return c }

// tagColumns are the columns of Row.
func tagColumns() []Column {
	return []Column{
		{"provider", ColumnText, false}, {"account", ColumnText, false},
		{"customer_id", ColumnText, true}, {"reseller_id", ColumnText, true},
		{"tag_type", ColumnText, false}, {"tag_value", ColumnText, false},
		{"status", ColumnText, true}, {"effective_month", ColumnText, true},
		{"expire_month", ColumnText, true}, {"expires_at", ColumnText, false}, {"days_left", ColumnNumber, true},
	}
}

// Row are the record as text.
func (c *CustomerTag) Row() []string {
	reseller, days := "", ""
	if c.ResellerID != nil {
		reseller = *c.ResellerID
	}
	if c.DaysLeft != nil {
		days = strconv.Itoa(*c.DaysLeft)
	}
	return []string{
		c.Provider, c.Account, c.CustomerID, reseller, c.Tag.Type, c.Tag.Value, string(c.Status),
		textOf(c.EffectiveMonth), textOf(c.ExpireMonth), timeText(c.ExpiresAt), days,
	}
}

// TagQuery asks for customers' tags: everyone's or those of some ids, of the
// account itself or of one of its resellers.
type TagQuery struct {
	CustomerIDs []string `json:"customer_ids,omitempty"` // none: everyone; without repeats
	ResellerID  string   `json:"reseller_id,omitempty"`  // "": own customers; AllResellers: own and every reseller's
}

// AllResellers, as a TagQuery's ResellerID, walks the account's own customers
// and then those of every reseller below it. Only a Reader knows it: a Source
// is asked for one of them at a time.
const AllResellers = "all"

// AskedIDs are the ids asked for.
func (q TagQuery) AskedIDs() []string { return q.CustomerIDs }

// ForIDs returns the query for some customers of the same reseller.
func (q TagQuery) ForIDs(ids []string) TagQuery {
	q.CustomerIDs = ids
	return q
}

// KeyOf returns the key of the record about a customer of the query's reseller.
func (q TagQuery) KeyOf(id string) string { return keyOf(q.ResellerID, id) }

// MaxIDsPerQuery is how many ids the cloud takes in one query
// (ListSubCustomerNewTag, customer_ids, read November 2026).
const MaxIDsPerQuery = 200

// idsPerQuery is how many ids are asked for at once: as many as a page holds,
// so that one page, which is one moment, answers them all.
const idsPerQuery = 100

// TagScopes splits a query into what the vendor can be asked: at most
// idsPerQuery ids at a time, and one reseller at a time. resellers are those
// that AllResellers stands for; they are put in order of id, so that a read
// can be resumed.
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
			if err := checkID(name, id); err != nil {
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
		if err := checkID("reseller_id", reseller); err != nil {
			return q, err
		}
	}
	q.ResellerID = strings.Clone(reseller)
	return q, nil
}

// TagFunction is the function "tags" over the readers that open gives.
func TagFunction(open Open[TagQuery, *CustomerTag], names Names) *Function {
	return NewFunction(Spec[TagQuery]{
		Name:    "tags",
		Summary: "new-customer tags on Huawei Cloud",
		Params:  []string{"customer_id", "customer_ids", "reseller_id"},
		WithID:  []string{"reseller_id"},
		Parse:   tagQuery,
		ByID:    func(id string) Params { return Params{"customer_id": {id}} },
		Statuses: []string{
			string(TagQualified), string(TagLapsed), string(TagNotNew),
			string(TagUndetermined), string(TagUnverified), string(TagUnknown),
		},
		Columns: tagColumns(),
	}, open, names)
}
