package core

import (
	"slices"
	"time"
)

// Report is the envelope of every function's answer. The records are beside it,
// as "items": they may be many, and are handed on as they come.
type Report struct {
	Schema     string    `json:"schema"`      // "partnerlens.credit/v1"
	Provider   string    `json:"provider"`    // "tencentcloud", "huaweicloud"
	Account    string    `json:"account"`     // the reseller's account, as configured
	AsOf       time.Time `json:"as_of"`       // when reading began, UTC, whole seconds
	Complete   bool      `json:"complete"`    // every customer that matched was read, and that is proven
	Stopped    *Stop     `json:"stopped"`     // why the read ended early; null: it did not
	Next       *string   `json:"next"`        // the cursor that continues; null: there is no more
	Count      int       `json:"count"`       // records in this answer
	Total      *int      `json:"total"`       // customers that match by the vendor's count; null: it has none
	MissingIDs []string  `json:"missing_ids"` // ids asked for that the vendor does not know
	Warnings   []Warning `json:"warnings"`    // why the answer is not complete, and more; at most the last 20
	RequestIDs []string  `json:"request_ids"` // the vendor's, at most the last 20

	Accounts []AccountReport `json:"accounts,omitempty"` // each account's part of an answer for all; none otherwise
}

// AccountReport is one account's part of an answer for all of them.
type AccountReport struct {
	Account  string        `json:"account"`
	AsOf     time.Time     `json:"as_of"`
	Complete bool          `json:"complete"`
	Stopped  *Stop         `json:"stopped"`
	Count    int           `json:"count"`
	Total    *int          `json:"total"`
	Error    *AccountError `json:"error"` // why nothing could be read; null: something was
}

// AccountError is why an account could not be read.
type AccountError struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Cause   error  `json:"-"` // for the operator's log
}

// Stop is the reason why a read ended early.
type Stop string

// The reasons to stop.
const (
	StoppedLimit    Stop = "limit"    // the number of records asked for
	StoppedSize     Stop = "size"     // the bytes that the platform accepts
	StoppedDeadline Stop = "deadline" // time ran out
	StoppedUpstream Stop = "upstream" // the vendor failed; a warning says how
)

// Warning is a remark about an answer.
type Warning struct {
	Code       string `json:"code"`
	Message    string `json:"message"`
	Account    string `json:"account,omitempty"`     // in an answer for all accounts
	CustomerID string `json:"customer_id,omitempty"` // the first customer concerned, if it concerns some
	Field      string `json:"field,omitempty"`       // the vendor's name of the member concerned
	Count      int    `json:"count,omitzero"`        // customers concerned
}

// AboutRecords reports whether the warning is about values of records. Every
// other one is about whether the answer is complete.
func (w Warning) AboutRecords() bool {
	switch w.Code {
	case WarnValueUnreadable, WarnMostlyUnknown, WarnVouchersUnavailable, WarnNames, WarnOwnersUnavailable:
		return true
	}
	return false
}

// The codes of warnings, beside those of errors: an answer that a failure stopped
// has a warning with its code.
const (
	WarnTotalMismatch  = "total_mismatch"   // fewer or more customers were read than the vendor counts
	WarnMovedTooFast   = "moved_too_fast"   // customers came and went faster than their pages could be read
	WarnPassedOver     = "passed_over"      // there was no room for customers that the first pass missed
	WarnPlaceLost      = "place_lost"       // the customer after which the answer before stopped is gone
	WarnMissingUnknown = "missing_untold"   // which ids no account knows can only be reported in one answer
	WarnEarlierDoubt   = "earlier_part"     // an earlier part of this read, or the parts together, could not be proven complete
	WarnOrderUnstable  = "order_unstable"   // rows traded places while reading, and nothing proves that none was missed
	WarnShrunken       = "list_shrunken"    // many customers of the newest complete run are missing
	WarnWitness        = "witness_mismatch" // the two lists of the same customers differ

	WarnValueUnreadable = "value_unreadable"  // a value is not as documented; one warning for each member
	WarnMostlyUnknown   = "mostly_unknown"    // more than a tenth of the customers have the status unknown
	WarnNames           = "names_unavailable" // names were asked for, and not all could be read

	WarnOwnersUnavailable = "owners_unavailable" // the partner's table of owners cannot be read
)

// The size of a Report is bounded: a caller with room for so many bytes must know
// it in advance.
const (
	maxRequestIDs    = 20
	maxRequestIDText = 128 // bytes; a longer one is no id
	maxWarnings      = 20
)

func (r *Report) addRequestID(id string) {
	if id == "" || len(id) > maxRequestIDText {
		return
	}
	if len(r.RequestIDs) == maxRequestIDs {
		r.RequestIDs = append(r.RequestIDs[:0], r.RequestIDs[1:]...)
	}
	r.RequestIDs = append(r.RequestIDs, id)
}

func (r *Report) warn(code, message string) {
	r.addWarning(Warning{Code: code, Message: message})
}

// warnNames adds the warning WarnNames, once: the first reason is that of the others too.
func (r *Report) warnNames(message string) {
	if !slices.ContainsFunc(r.Warnings, func(w Warning) bool { return w.Code == WarnNames }) {
		r.warn(WarnNames, message)
	}
}

func (r *Report) addWarning(w Warning) { r.insertWarning(len(r.Warnings), w) }

// insertWarning puts a warning before those from an index on. The first ones make room.
func (r *Report) insertWarning(at int, w Warning) {
	r.Warnings = slices.Insert(r.Warnings, min(at, len(r.Warnings)), w)
	r.Warnings = r.Warnings[max(0, len(r.Warnings)-maxWarnings):]
}

// addNotes puts warnings about records or the question before those about the read, the
// last of which says what stopped it.
func (r *Report) addNotes(about []Warning) {
	r.Warnings = slices.Insert(r.Warnings, 0, about...)
	r.Warnings = r.Warnings[max(0, len(r.Warnings)-maxWarnings):]
}

// stop records why a read ended early, and where a cursor continues.
func (r *Report) stop(why Stop, at Cursor, fingerprint []byte) {
	next := at.encode(fingerprint)
	r.Complete, r.Stopped, r.Next = false, &why, &next
}

// stopWithoutCursor records why a read ended early where no cursor can continue.
func (r *Report) stopWithoutCursor(why Stop) { r.Stopped = &why }
