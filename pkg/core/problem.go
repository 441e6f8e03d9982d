package core

import (
	"crypto/rand"
	"strings"
)

// Problem is the HTTP answer to an Error, as RFC 9457 defines it.
type Problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Code      Code   `json:"code"`
	Param     string `json:"param,omitempty"` // the parameter to change, if it is one
	RequestID string `json:"request_id"`
}

// Problem returns the problem that answers the request with the given id.
func (e *Error) Problem(requestID string) Problem {
	return Problem{
		Type: "urn:partnerlens:problem:" + string(e.Code), Title: e.Code.Title(), Status: e.Code.HTTPStatus(),
		Detail: e.Public(), Code: e.Code, Param: e.Param, RequestID: requestID,
	}
}

// MaxRequestID is the longest id of a request, in bytes.
const MaxRequestID = 128

// RequestID returns the id that a caller gave its request, so that both sides' logs
// can be joined, or a new id if the given one is empty or not fit for a log.
func RequestID(given string) string {
	if given == "" || len(given) > MaxRequestID || strings.ContainsFunc(given, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return rand.Text()
	}
	return given
}
