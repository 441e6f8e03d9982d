package host

import (
	"net/http"

	"partnerlens/pkg/core"
)

// publicMessage is all that a platform, and through it a caller, learns of a
// failed invocation.
func publicMessage(failure *core.Error) string {
	return string(failure.Code) + ": " + failure.Public()
}

// writeProblem answers with a failure of host's own, as RFC 9457 has it and the
// API writes its own.
func writeProblem(w http.ResponseWriter, failure *core.Error, requestID string) {
	body, err := core.AppendJSON(nil, struct {
		Type      string `json:"type"`
		Title     string `json:"title"`
		Status    int    `json:"status"`
		Detail    string `json:"detail"`
		Code      string `json:"code"`
		RequestID string `json:"request_id"`
	}{
		"urn:partnerlens:problem:" + string(failure.Code), failure.Code.Title(), failure.Code.HTTPStatus(),
		failure.Public(), string(failure.Code), requestID,
	})
	if err != nil {
		body = []byte("{}") // texts and a number: cannot happen
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(failure.Code.HTTPStatus())
	_, _ = w.Write(body) // the caller may be gone
}

// tooLarge is the failure of an answer that no platform would take.
func tooLarge() *core.Error {
	return &core.Error{Code: core.CodeInternal, Detail: "the answer is larger than the platform takes; ask for less, with limit"}
}
