package api

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"partnerlens/pkg/core"
)

const problemMedia = "application/problem+json"

// problem is RFC 9457's, with the code that a program switches on.
type problem struct {
	Type      string    `json:"type"`
	Title     string    `json:"title"`
	Status    int       `json:"status"`
	Detail    string    `json:"detail"`
	Code      core.Code `json:"code"`
	Param     string    `json:"param,omitempty"` // the parameter to change, where it is one
	RequestID string    `json:"request_id"`
}

// problemType is the stable name of a code's problems.
func problemType(code core.Code) string { return "urn:partnerlens:problem:" + string(code) }

func problemOf(err *core.Error, requestID string) problem {
	return problem{
		Type: problemType(err.Code), Title: err.Code.Title(), Status: err.Code.HTTPStatus(),
		Detail: err.Public(), Code: err.Code, Param: err.Param, RequestID: requestID,
	}
}

// writeProblem answers with an error. Nothing may be written yet.
func (h *handler) writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	failure := core.AsError(err)
	header := w.Header()
	if c := callOf(r.Context()); c != nil {
		c.failure, c.status = failure, failure.Code.HTTPStatus()
	}
	h.logFailure(r, failure, header.Get(requestIDHeader))
	body, err := core.AppendJSON(nil, problemOf(failure, header.Get(requestIDHeader)))
	if err != nil { // a text that is not UTF-8: still the right status and code
		body, _ = core.AppendJSON(nil, problemOf(&core.Error{Code: failure.Code}, header.Get(requestIDHeader)))
	}
	if failure.RetryAfter > 0 {
		seconds := (failure.RetryAfter + time.Second - 1) / time.Second
		header.Set("Retry-After", strconv.Itoa(int(seconds)))
	}
	if failure.Code == core.CodeUnauthenticated {
		header.Set("WWW-Authenticate", `Bearer realm="partnerlens"`) // RFC 6750
	}
	header.Set("Content-Type", problemMedia)
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(failure.Code.HTTPStatus())
	if r.Method != http.MethodHead {
		_, _ = w.Write(append(body, '\n'))
	}
}

// logFailure tells the operator what is not the caller's doing. What is can
// quote the caller, and is in the answer anyway. Only what we have to mend is an
// error: that a cloud or its answer failed one question is its bad moment.
func (h *handler) logFailure(r *http.Request, failure *core.Error, requestID string) {
	if failure.Code.HTTPStatus() < http.StatusInternalServerError {
		return
	}
	level := slog.LevelWarn
	if failure.Code == core.CodeInternal || failure.Code == core.CodeMisconfigured {
		level = slog.LevelError
	}
	h.log.LogAttrs(r.Context(), level, "request failed",
		slog.String("route", r.Pattern), slog.String("code", string(failure.Code)),
		slog.String("request_id", requestID), slog.String("error", failure.Error()))
}
