package core

import (
	"slices"
	"time"
)

// Report is the one envelope that every function answers with. The records go
// beside it, as "items": they may be many, so they are handed on as they come.
type Report struct {
	Schema     string    `json:"schema"`      // "partnerlens.credit/v1"
	Provider   string    `json:"provider"`    // "tencentcloud", "huaweicloud"
	Account    string    `json:"account"`     // the reseller's account, as configured
	AsOf       time.Time `json:"as_of"`       // when reading began, UTC, whole seconds
	Complete   bool      `json:"complete"`    // every customer that matched was read up to here, and that was proven
	Stopped    *Stop     `json:"stopped"`     // why the read ended early; null where it did not
	Next       *string   `json:"next"`        // the cursor to go on from; null where there is no more
	Count      int       `json:"count"`       // records in this answer
	Total      *int      `json:"total"`       // customers that match by the cloud's count; null where it tells none
	MissingIDs []string  `json:"missing_ids"` // ids asked for that the cloud did not answer
	Warnings   []Warning `json:"warnings"`    // why the answer is not complete, and what else to know; at most the last 20
	RequestIDs []string  `json:"request_ids"` // the cloud's, at most the last 20

	Accounts []AccountReport `json:"accounts,omitempty"` // each account's part of an answer for all; none otherwise
}

// AccountReport is how one account fared in an answer for all of them.
type AccountReport struct {
	Account  string        `json:"account"`
	AsOf     time.Time     `json:"as_of"`
	Complete bool          `json:"complete"`
	Stopped  *Stop         `json:"stopped"`
	Count    int           `json:"count"`
	Total    *int          `json:"total"`
	Error    *AccountError `json:"error"` // why nothing of it could be read; null where something was
}

// AccountError is why an account could not be read.
type AccountError struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Cause   error  `json:"-"` // for the operator's log
}

// Stop says why a read ended before its end.
type Stop string

// The reasons to stop.
const (
	StoppedLimit    Stop = "limit"    // as many records as were asked for
	StoppedSize     Stop = "size"     // as many bytes as the platform takes
	StoppedDeadline Stop = "deadline" // time ran out
	StoppedUpstream Stop = "upstream" // the cloud failed; a warning says how
)

// Warning is something about an answer that its reader should know.
type Warning struct {
	Code       string `json:"code"`
	Message    string `json:"message"`
	Account    string `json:"account,omitempty"`     // in an answer for all accounts, the one it is about
	CustomerID string `json:"customer_id,omitempty"` // the first customer it is about, where it is about some
	Field      string `json:"field,omitempty"`       // the member of the cloud's that it is about, as the cloud names it
	Count      int    `json:"count,omitzero"`        // how many customers it is about
}

// AboutRecords says whether the warning is about what some records hold. Every other
// one is about whether the answer is complete.
func (w Warning) AboutRecords() bool {
	return w.Code == WarnValueUnreadable || w.Code == WarnMostlyUnknown
}

// The codes of warnings, beside those of errors (an answer that stopped
// carries the code of what stopped it).
const (
	WarnTotalMismatch = "total_mismatch"   // fewer or more customers were read than the cloud counts
	WarnMovedTooFast  = "moved_too_fast"   // customers came and went faster than their pages could be read
	WarnPassedOver    = "passed_over"      // there was no room for customers whom others' coming and going had hidden at first
	WarnPlaceLost     = "place_lost"       // the customer after whom the answer before stopped is gone
	WarnMissingUntold = "missing_untold"   // which ids no account answered can only be told by an answer that is read in one go
	WarnEarlierDoubt  = "earlier_part"     // an earlier part of this read, or the read in parts, could not be proven whole
	WarnOrderUnstable = "order_unstable"   // rows traded places while reading, and nothing proves that none was passed over
	WarnShrunken      = "list_shrunken"    // many customers of the newest complete run are missing
	WarnWitness       = "witness_mismatch" // the two lists of the same customers do not name the same ones

	WarnValueUnreadable = "value_unreadable" // a member holds something else than the cloud documents; one warning a member
	WarnMostlyUnknown   = "mostly_unknown"   // more than a tenth of the customers have the status unknown
)

// What grows with the read is bounded: a caller that can take only so many
// bytes has to know beforehand how large a Report can get.
const (
	maxRequestIDs    = 20
	maxRequestIDText = 128 // bytes; a longer one is not an id that a cloud's support could look up
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

func (r *Report) addWarning(w Warning) {
	if len(r.Warnings) == maxWarnings {
		r.Warnings = append(r.Warnings[:0], r.Warnings[1:]...)
	}
	r.Warnings = append(r.Warnings, w)
}

// addNotes puts warnings about records before those about the read: the last one says
// what stopped it.
func (r *Report) addNotes(about []Warning) {
	r.Warnings = slices.Insert(r.Warnings, 0, about...)
	r.Warnings = r.Warnings[max(0, len(r.Warnings)-maxWarnings):]
}

// stop says why a read ended before its end, and where to go on.
func (r *Report) stop(why Stop, at Cursor, fingerprint []byte) {
	next := at.placed().encode(fingerprint)
	r.Complete, r.Stopped, r.Next = false, &why, &next
}
