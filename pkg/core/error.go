package core

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// A Code says what kind of thing went wrong. The list is closed: callers may
// switch on it, and every code has one row in the table below.
type Code string

// The codes.
const (
	CodeInvalid          Code = "invalid_request"        // the question cannot be asked like that
	CodeUnauthenticated  Code = "unauthenticated"        // the caller showed no key that opens this door
	CodeForbidden        Code = "forbidden"              // the caller's key does not reach that far
	CodeNotFound         Code = "not_found"              // no such customer, route or account
	CodeMethodNotAllowed Code = "method_not_allowed"     // the route has no such method
	CodeNotAcceptable    Code = "not_acceptable"         // none of the accepted media types can be had
	CodeSlowRequest      Code = "request_timeout"        // the request's body took too long to arrive
	CodeTooLarge         Code = "too_large"              // the request's body is over its bound
	CodeUnsupportedMedia Code = "unsupported_media_type" // the request's body is not JSON
	CodeTooMany          Code = "too_many_requests"      // more requests, or more wrong keys, than this program takes at once
	CodeMisconfigured    Code = "misconfigured"          // a setting is missing or cannot be used
	CodeDenied           Code = "denied"                 // the cloud refused our key or our right to ask
	CodeThrottled        Code = "throttled"              // the cloud asks us to slow down
	CodeUnavailable      Code = "unavailable"            // the cloud cannot be reached or says to come back
	CodeUpstream         Code = "upstream_broken"        // the cloud answered something that cannot be trusted
	CodeIncomplete       Code = "incomplete"             // an answer, but not proven whole
	CodeDeadline         Code = "deadline"               // time ran out
	CodeCanceled         Code = "canceled"               // the caller went away
	CodeInternal         Code = "internal"               // our own mistake
)

// codeFacts is what follows from a Code, whoever asks.
type codeFacts struct {
	title  string // the same words for every error of the code
	status int    // HTTP
	exit   int    // command line
	retry  bool   // may another attempt at the same page succeed?
}

// The one table from code to title, HTTP status, exit status and retry.
// A refusal by the cloud is 502, never 401 or 403: those would tell the HTTP
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
	CodeDenied:           {"The cloud refused the reseller's key", http.StatusBadGateway, 4, false},
	CodeThrottled:        {"The cloud asks to slow down", http.StatusServiceUnavailable, 5, true},
	CodeUnavailable:      {"The cloud cannot be reached", http.StatusServiceUnavailable, 5, true},
	CodeUpstream:         {"The cloud's answer cannot be used", http.StatusBadGateway, 6, false},
	CodeIncomplete:       {"The answer is not complete", http.StatusBadGateway, 7, false},
	CodeDeadline:         {"Time ran out", http.StatusGatewayTimeout, 124, false},
	CodeCanceled:         {"The caller went away", 499, 130, false}, // 499: nginx's, there is no registered one
	CodeInternal:         {"Internal error", http.StatusInternalServerError, 1, false},
}

// Codes lists every code, for documents and tests. The order is not defined.
func Codes() []Code {
	all := make([]Code, 0, len(codes))
	for c := range codes {
		all = append(all, c)
	}
	return all
}

func (c Code) facts() codeFacts {
	if f, ok := codes[c]; ok {
		return f
	}
	return codes[CodeInternal]
}

// Title is the code in a few words.
func (c Code) Title() string { return c.facts().title }

// HTTPStatus is the status an HTTP answer carries for the code.
func (c Code) HTTPStatus() int { return c.facts().status }

// ExitStatus is the status the command line ends with for the code.
func (c Code) ExitStatus() int { return c.facts().exit }

// Retryable says whether another attempt at the same page may succeed.
func (c Code) Retryable() bool { return c.facts().retry }

// Error is the one error type that crosses a package's border.
//
// Detail is for callers: our own words, never a vendor's message, since those
// can quote a customer's data. Err is for the operator's log and must be as
// free of customers' data and of keys as everything else that is logged.
type Error struct {
	Op         string        // what was being done, as "tencent.QueryCustomersCredit"; may be empty
	Code       Code          // what kind of thing went wrong
	Param      string        // the parameter or setting to change; may be empty
	Detail     string        // what to change, for the caller; may be empty
	VendorCode string        // the cloud's own code; may be empty
	RequestID  string        // the cloud's id of the call; may be empty
	RetryAfter time.Duration // how long the cloud asks to wait; 0 where it does not say
	Dropped    bool          // the connection ended before an answer began: another attempt may go at once
	StaleKey   bool          // the cloud does not know the key, or its token has expired
	KeyRenewed bool          // the key has been read again and has changed: another attempt may go at once
	Inside     bool          // Detail tells where keys are kept: it is for the operator alone
	UnknownID  bool          // the cloud has no such id below this account; it may be another account's
	Tries      int           // attempts made; 0 where it was not retried
	Err        error         // the cause; may be nil
}

// Public is the text a caller may see: what to change, the cloud's code and
// the cloud's request id, and nothing of the cause.
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
	if e.Tries > 1 {
		fmt.Fprintf(&b, ", after %d tries", e.Tries)
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

// Error is the text for the operator's log.
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

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// AsError gives err as an *Error. What is not one already becomes canceled or
// deadline where the context says so, and internal otherwise: a foreign
// error's text stays with the operator. nil gives nil.
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

// Invalid is the error for a parameter that cannot be used: its name, and what
// would be right.
func Invalid(param, format string, args ...any) *Error {
	return &Error{Code: CodeInvalid, Param: param, Detail: fmt.Sprintf(format, args...)}
}
