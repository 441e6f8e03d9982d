package host

import (
	"fmt"
	"log/slog"
	"runtime"
	"strings"

	"partnerlens/pkg/core"
)

// guard runs what, and makes of a panic a coded error, so that the process
// lives on: a new one costs a cold start, and on Lambda the reserve of others.
func guard(log *slog.Logger, what func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = panicked(log, value)
		}
	}()
	return what()
}

// panicked logs where a panic came from. Of its value it logs the type only:
// the value may hold a customer's data or a key.
func panicked(log *slog.Logger, value any) *core.Error {
	log.Error("panic", "type", fmt.Sprintf("%T", value), "stack", stack())
	return &core.Error{Code: core.CodeInternal}
}

const maxFrames = 32

// stack is what led to the panic under recovery, innermost first. debug.Stack
// would print arguments, too.
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
