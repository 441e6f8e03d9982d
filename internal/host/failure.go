package host

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"

	"partnerlens/pkg/core"
)

// publicMessage is the text of a failed invocation that the platform, and through it
// the caller, gets.
func publicMessage(failure *core.Error) string {
	return string(failure.Code) + ": " + failure.Public()
}

// writeProblem answers with an error of this package, in the form of the API's problems.
func writeProblem(w http.ResponseWriter, failure *core.Error, requestID string) {
	body, err := core.AppendJSON(nil, failure.Problem(requestID))
	if err != nil {
		body = []byte("{}") // unreachable: texts and a number
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(failure.Code.HTTPStatus())
	_, _ = w.Write(body) // fails only if the caller is gone
}

// tooLarge is the error for an answer that no platform accepts.
func tooLarge() *core.Error {
	return &core.Error{Code: core.CodeInternal, Detail: "the answer is larger than the platform takes; ask for less, with limit"}
}

// guard runs f and turns a panic into a coded error. The process goes on: a new one
// costs a cold start, and on Lambda it takes from the concurrency of other functions.
func guard(log *slog.Logger, f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = panicError(log, value)
		}
	}()
	return f()
}

// panicError logs a panic and returns its error. The log has the type of the panic's
// value only: the value may hold a customer's data or a key.
func panicError(log *slog.Logger, value any) *core.Error {
	log.Error("panic", "type", fmt.Sprintf("%T", value), "stack", stack())
	return &core.Error{Code: core.CodeInternal}
}

const maxFrames = 32

// stack returns the calls that led to the panic, innermost first. debug.Stack would
// print their arguments.
func stack() []string {
	var pcs [2 * maxFrames]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	var lines []string
	for more := true; more && len(lines) < maxFrames; {
		var frame runtime.Frame
		frame, more = frames.Next()
		if frame.Function == "" || strings.HasPrefix(frame.Function, "runtime.") {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s (%s:%d)", frame.Function, frame.File, frame.Line))
	}
	return lines
}
