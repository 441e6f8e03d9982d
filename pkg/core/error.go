package core

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A Code is a kind of error. The list is closed: callers may switch on it, and
// every code has one row in the table below.
type Code string

// The codes.
const (
	CodeInvalid          Code = "invalid_request"        // the request is not valid
	CodeUnauthenticated  Code = "unauthenticated"        // the request has no valid key
	CodeForbidden        Code = "forbidden"              // the caller's key does not allow it
	CodeNotFound         Code = "not_found"              // no such customer, route or account
	CodeMethodNotAllowed Code = "method_not_allowed"     // the route has no such method
	CodeNotAcceptable    Code = "not_acceptable"         // none of the accepted media types is available
	CodeSlowRequest      Code = "request_timeout"        // the request body took too long to arrive
	CodeTooLarge         Code = "too_large"              // the request body is over its bound
	CodeUnsupportedMedia Code = "unsupported_media_type" // the request body is not JSON
	CodeTooMany          Code = "too_many_requests"      // more requests, or more wrong keys, than are accepted at once
	CodeMisconfigured    Code = "misconfigured"          // a setting is missing or invalid
	CodeDenied           Code = "denied"                 // the vendor refused the reseller's key or its permission
	CodeThrottled        Code = "throttled"              // the vendor refused a call as one too many
	CodeUnavailable      Code = "unavailable"            // the vendor cannot be reached, or asks to try later
	CodeUpstream         Code = "upstream_broken"        // the vendor's answer is not as documented
	CodeIncomplete       Code = "incomplete"             // there is an answer, and it is not proven complete
	CodeDeadline         Code = "deadline"               // time ran out
	CodeCanceled         Code = "canceled"               // the caller went away
	CodeInternal         Code = "internal"               // a bug of this program
)

// codeFacts are the properties of a Code.
type codeFacts struct {
	title  string // the same for every error of the code
	status int    // HTTP
	exit   int    // command line
	retry  bool   // another attempt at the same page may succeed
}

// A refusal by the vendor is 502, never 401 or 403: those would ask the HTTP
// caller to change its own key.
var codes = map[Code]codeFacts{
	CodeInvalid:          {"The request is not valid", http.StatusBadRequest, 2, false},
	CodeUnauthenticated:  {"A key is needed", http.StatusUnauthorized, 4, false},
	CodeForbidden:        {"The key does not allow this", http.StatusForbidden, 4, false},
	CodeNotFound:         {"Not found", http.StatusNotFound, 3, false},
	CodeMethodNotAllowed: {"Method not allowed", http.StatusMethodNotAllowed, 2, false},
	CodeNotAcceptable:    {"No acceptable media type", http.StatusNotAcceptable, 2, false},
	CodeSlowRequest:      {"The request took too long to arrive", http.StatusRequestTimeout, 2, false},
	CodeTooLarge:         {"The request is too large", http.StatusRequestEntityTooLarge, 2, false},
	CodeUnsupportedMedia: {"Unsupported media type", http.StatusUnsupportedMediaType, 2, false},
	CodeTooMany:          {"Too many requests", http.StatusTooManyRequests, 5, false},
	CodeMisconfigured:    {"A setting is missing or wrong", http.StatusInternalServerError, 2, false},
	CodeDenied:           {"The vendor refused the reseller's key", http.StatusBadGateway, 4, false},
	CodeThrottled:        {"The vendor asks to slow down", http.StatusServiceUnavailable, 5, true},
	CodeUnavailable:      {"The vendor cannot be reached", http.StatusServiceUnavailable, 5, true},
	CodeUpstream:         {"The vendor's answer cannot be used", http.StatusBadGateway, 6, false},
	CodeIncomplete:       {"The answer is not complete", http.StatusBadGateway, 7, false},
	CodeDeadline:         {"Time ran out", http.StatusGatewayTimeout, 124, false},
	CodeCanceled:         {"The caller went away", 499, 130, false}, // 499: nginx's, there is no registered one
	CodeInternal:         {"Internal error", http.StatusInternalServerError, 1, false},
}

// Codes returns every code, in no defined order.
func Codes() []Code { return slices.Collect(maps.Keys(codes)) }

func (c Code) facts() codeFacts {
	if f, ok := codes[c]; ok {
		return f
	}
	return codes[CodeInternal]
}

// Title returns the code in a few words.
func (c Code) Title() string { return c.facts().title }

// HTTPStatus returns the code's HTTP status.
func (c Code) HTTPStatus() int { return c.facts().status }

// ExitStatus returns the exit status of a command that fails with the code.
func (c Code) ExitStatus() int { return c.facts().exit }

// Retryable reports whether another attempt at the same page may succeed.
func (c Code) Retryable() bool { return c.facts().retry }

// Error is the only type of error that the packages of this module return to each
// other.
//
// Detail is for callers. It never quotes a vendor's message, which may contain a
// customer's data. Err is for the operator's log, and like all that is logged
// contains neither customers' data nor keys.
type Error struct {
	Op         string        // the operation, as "tencent.QueryCustomersCredit"; may be empty
	Code       Code          // the kind of error
	Param      string        // the parameter or setting to change; may be empty
	Detail     string        // what to change, for the caller; may be empty
	VendorCode string        // the vendor's code; may be empty
	RequestID  string        // the vendor's id of the call; may be empty
	RetryAfter time.Duration // how long the vendor asks to wait; 0: not given
	Dropped    bool          // the connection ended before an answer began: retry at once
	StaleKey   bool          // the vendor does not know the key, or its token has expired
	KeyRenewed bool          // the key was read again and has changed: retry at once
	Inside     bool          // Detail says where keys are kept: only for the operator
	UnknownID  bool          // the vendor has no such id below this account; another account may have it
	Attempts   int           // attempts made; 0: not retried
	Err        error         // the cause; may be nil
}

// Public returns the text for callers: what to change, the vendor's code and
// request id, and nothing of the cause.
func (e *Error) Public() string {
	var b strings.Builder
	if e.Param != "" {
		b.WriteString(e.Param + ": ")
	}
	if e.Detail != "" {
		b.WriteString(e.Detail)
	} else {
		b.WriteString(strings.ToLower(e.Code.Title()))
	}
	if e.Attempts > 1 {
		fmt.Fprintf(&b, ", after %d attempts", e.Attempts)
	}
	switch {
	case e.VendorCode != "" && e.RequestID != "":
		fmt.Fprintf(&b, " (%s, request %s)", e.VendorCode, e.RequestID)
	case e.VendorCode != "":
		fmt.Fprintf(&b, " (%s)", e.VendorCode)
	case e.RequestID != "":
		fmt.Fprintf(&b, " (request %s)", e.RequestID)
	}
	return b.String()
}

// Error returns the text for the operator's log.
func (e *Error) Error() string {
	s := string(e.Code) + ": " + e.Public()
	if e.Op != "" {
		s = e.Op + ": " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// AsError returns err as an *Error, and nil for nil. It wraps any other error: a
// context's as canceled or deadline, the rest as internal, so that its text is
// only in the operator's log.
func AsError(err error) *Error {
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.Canceled):
		return &Error{Code: CodeCanceled, Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: CodeDeadline, Err: err}
	default:
		return &Error{Code: CodeInternal, Err: err}
	}
}

// CodeOf returns err's code; "" for nil.
func CodeOf(err error) Code { return AsError(err).code() }

func (e *Error) code() Code {
	if e == nil {
		return ""
	}
	return e.Code
}

// Invalid returns the error for an invalid parameter: its name, and what to
// change.
func Invalid(param, format string, args ...any) *Error {
	return &Error{Code: CodeInvalid, Param: param, Detail: fmt.Sprintf(format, args...)}
}
