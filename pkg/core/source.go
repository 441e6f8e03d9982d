package core

import (
	"context"
	"time"
)

// Source is the driver: one paginated query of one cloud.
//
// FetchPage asks for one page in one attempt. It must not loop, retry, sleep or
// log: all that is the Reader's, once for every cloud. It must
//
//   - return within moments of ctx being done, whatever the server does;
//   - give every customer of the page, in the cloud's order, or an error: never
//     a page with rows left out, and never an empty page for a failure;
//   - give null for a value that it cannot read and name its member in the record, and
//     fail the page only for a row without an id, or where more rows than MostUnread
//     lack a value that a status follows from;
//   - say in Page.Next where to go on, nil only where the end is certain;
//   - take any row as Cursor.Offset, and any number from 1 to its own page size as
//     Cursor.Size, unless the cloud finds pages by number; then it tells a total,
//     and a page's first row will do;
//   - give the same page again for the same arguments: it keeps no place of its own;
//   - return an *Error, or ctx's own error;
//   - be safe for concurrent use.
//
// pkg/core/sourcetest holds every Source to this.
type Source[Q Query, T Record] interface {
	FetchPage(ctx context.Context, query Q, at Cursor) (Page[T], error)
}

// Page is one answer of a cloud.
type Page[T Record] struct {
	Items     []T     // never holds a nil
	Next      *Cursor // where to go on; nil where the end is certain
	Total     *int    // customers that match, where the cloud tells; nil where it does not
	RequestID string  // the cloud's id of this call; may be empty
}

// Query is what a cloud is asked, without how much of it (that is ReadOptions).
// It must marshal to JSON: a cursor is bound to that text.
type Query interface {
	// AskedIDs are the customers asked for by id; nil where the query is not by id.
	AskedIDs() []string
}

// Record is one customer's state, as it is handed out.
type Record interface {
	// ID is the customer's id.
	ID() string
	// Key tells records of one query apart: no two customers share it.
	Key() string
	// Evaluate fills in what follows from the reseller's own settings and from
	// the moment of reading: the account and the status.
	Evaluate(account string, asOf time.Time, rules Rules)
	// StatusText is the status's text, for filtering.
	StatusText() string
	// UnreadMembers names the cloud's members that hold something else than the cloud
	// documents: the record has null in their place, and the Report a warning.
	UnreadMembers() []string
	// Row are the record as text, one cell a Column of its function.
	Row() []string
	// Masked is the record with what is personal masked; itself where nothing
	// is. It must not change the record: others may hold it too.
	Masked() Record
}

// Rules are the reseller's own settings for judging a customer. The zero Rules
// is DefaultLow and the vendors' zone.
type Rules struct {
	Low         Threshold     // at or below it a credit is low; the zero Threshold is DefaultLow
	ExpireMonth ExpireReading // how the month in which a tag expires is meant; "": LastValid
}

// VendorZone is UTC+08:00, in which both clouds write times and end months.
// Neither API's page says so; Tencent's CreateAndSendClientInvitationMail
// sibling pages and Huawei's bill pages do (read November 2026).
var VendorZone = time.FixedZone("UTC+08:00", 8*60*60)

// Scope is one part of a query: one list that the vendor can be asked for, or
// for customers asked for by id, the queries that together settle which of the
// ids are missing.
type Scope[Q Query] struct {
	Name    string // the same from run to run: cursors carry it
	Queries []Q    // one, unless the scope is by id
}
