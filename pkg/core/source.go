package core

import (
	"context"
	"time"
)

// Source is the driver: one paginated query of one vendor.
//
// FetchPage requests one page in one attempt. It must not loop, retry, sleep or
// log; the Reader does that for every vendor. It must
//
//   - return within moments of ctx being done, whatever the server does;
//   - return every customer of the page, in the vendor's order, or an error: it
//     never leaves out a row, and never returns an empty page for a failure;
//   - return null for a value that it cannot read and name its member in the
//     record. It fails the page only for a row without an id, or if more rows
//     than MostUnread lack a value that decides a status;
//   - set Page.Next unless the list certainly ends with the page;
//   - accept any row as Cursor.Offset, and any number from 1 to its own page size
//     as Cursor.Size. If the vendor finds pages by number, it may accept only a
//     page's first row, and must return a total;
//   - return the same page for the same arguments: it has no position;
//   - return an *Error, or ctx's error;
//   - be safe for concurrent use.
//
// pkg/core/sourcetest checks a Source for all of this.
type Source[Q Query, T Record] interface {
	FetchPage(ctx context.Context, query Q, at Cursor) (Page[T], error)
}

// Page is one answer of a vendor.
type Page[T Record] struct {
	Items     []T     // never holds a nil
	Next      *Cursor // the next page; nil only if the list certainly ends here
	Total     *int    // customers that match; nil if the vendor does not count them
	RequestID string  // the vendor's id of the call; may be empty
}

// Query selects customers. ReadOptions say how much of the answer is wanted. It
// must marshal to JSON: a cursor is bound to that text.
type Query interface {
	// AskedIDs returns the customers asked for by id; nil if the query is not by
	// id.
	AskedIDs() []string
}

// Record is one customer's state.
type Record interface {
	// ID returns the customer's id.
	ID() string
	// Key identifies the customer among the records of a query.
	Key() string
	// Evaluate sets the account, and what depends on the reseller's settings and
	// on the date, such as the status.
	Evaluate(account string, asOf time.Time, rules Rules)
	// StatusText returns the status.
	StatusText() string
	// UnreadMembers names the vendor's members whose value is not as documented:
	// the record has null in their place, and the Report a warning.
	UnreadMembers() []string
	// Row returns the record as text, one cell for each Column of its function.
	Row() []string
	// With returns the record with the details that concern it. Like Masked it
	// must not change the record, which may be shared.
	With(Details) Record
	// Masked returns the record with personal data masked.
	Masked() Record
}

// Rules are the reseller's settings for evaluating a customer.
type Rules struct {
	Low         Threshold     // at or below it credit is low; zero: DefaultLow
	ExpireMonth ExpireReading // the meaning of the month in which a tag expires; "": LastValid
}

// VendorZone is UTC+08:00, in which both vendors write times and end months.
// Neither API's page says so; Tencent's CreateAndSendClientInvitationMail
// sibling pages and Huawei's bill pages do (read November 2026).
var VendorZone = time.FixedZone("UTC+08:00", 8*60*60)

// Scope is one part of a query: one list of the vendor's, or the queries by id
// that together show which of the ids are missing.
type Scope[Q Query] struct {
	Name    string // the same in every read: cursors contain it
	Queries []Q    // one, unless the scope is by id
}

// contains reports whether a cursor can be a place in the scope. In a list, Skip
// counts rows up to Anchor. Among ids it counts pairs of a query and an id, and no
// cursor points behind the last.
func (s Scope[Q]) contains(at Cursor) bool {
	ids := s.Queries[0].AskedIDs()
	if ids == nil {
		return at.Anchor != "" || at.Skip == 0
	}
	return at.Anchor == "" && !at.Late && at.Skip < len(ids)*len(s.Queries)
}
