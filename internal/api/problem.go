package api

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"partnerlens/pkg/core"
)

const problemMedia = "application/problem+json"

// writeProblem answers with an error. Nothing must be written before.
func (h *handler) writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	failure := core.AsError(err)
	header := w.Header()
	if c := callOf(r.Context()); c != nil {
		c.failure, c.status = failure, failure.Code.HTTPStatus()
	}
	h.logFailure(r, failure, header.Get(requestIDHeader))
	body, err := core.AppendJSON(nil, failure.Problem(header.Get(requestIDHeader)))
	if err != nil { // a text is not UTF-8: keep the status and the code
		body, _ = core.AppendJSON(nil, (&core.Error{Code: failure.Code}).Problem(header.Get(requestIDHeader)))
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

// logFailure logs an error that is not the caller's. The caller's errors can quote the
// caller, and the answer has them. Only errors that the operator or the maintainers have
// to fix are of level error; a vendor that fails one query is not.
func (h *handler) logFailure(r *http.Request, failure *core.Error, requestID string) {
	if failure.Code.HTTPStatus() < http.StatusInternalServerError {
		return
	}
	level := slog.LevelWarn
	if failure.Code == core.CodeInternal || failure.Code == core.CodeMisconfigured {
		level = slog.LevelError
	}
	h.Logger.LogAttrs(r.Context(), level, "request failed",
		slog.String("route", r.Pattern), slog.String("code", string(failure.Code)),
		slog.String("request_id", requestID), slog.String("error", failure.Error()))
}
