package api

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"partnerlens/pkg/core"
)

// call is one request to /v1 while it is answered, and what the audit line will
// say of it: who asked what, and how much it got. Never a customer's data, nor
// what could be some: no filter, no id, no cursor, no name of a parameter that is not
// ours, no path, no header.
type call struct {
	began    time.Time
	caller   caller
	function *core.Function // nil where no question was reached
	params   core.Params    // nil where they could not be read
	accepted bool           // the parameters' values are ours, too
	masked   bool

	report    *core.Report // nil where nothing was read to its end
	customers int          // handed out
	status    int
	failure   *core.Error // why not, or why not all
	ended     bool        // without a panic
}

type callKey struct{}

// callOf gives the call that a request is. There is none but behind the door.
func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// outcome is what is told of a call to Observe.
func (c *call) outcome() Outcome {
	o := Outcome{WrongKey: c.caller.wrongKey, Took: time.Since(c.began)}
	if c.function != nil {
		o.Function = c.function.Name
	}
	switch {
	case !c.ended:
		o.Code = core.CodeInternal
	case c.failure != nil:
		o.Code = c.failure.Code
	}
	return o
}

// audit writes the one line of a call. The request is as the routes left it. Of
// numbers that are asked for every few seconds, and are given, it is for who wants all lines.
func (h *handler) audit(r *http.Request, c *call, requestID string) {
	attrs := []slog.Attr{
		slog.String("caller", c.caller.name),
		slog.String("known_by", c.caller.kind),
		slog.String("source", sourceText(r.RemoteAddr)),
		slog.String("method", clean(r.Method, 16)),
		slog.String("route", r.Pattern),
	}
	if c.params != nil {
		attrs = append(attrs, c.question()...)
	}
	if c.report != nil {
		attrs = append(attrs,
			slog.String("account", c.report.Account), slog.Int("customers", c.customers),
			slog.Bool("complete", c.report.Complete), slog.Any("stopped", c.report.Stopped))
		if len(c.report.Accounts) > 0 {
			attrs = append(attrs, slog.Int("accounts", len(c.report.Accounts)))
		}
	} else {
		attrs = append(attrs, slog.Int("customers", c.customers))
	}
	if c.accepted {
		attrs = append(attrs, slog.Bool("masked", c.masked))
	}
	if ids := c.upstream(); len(ids) > 0 {
		attrs = append(attrs, slog.Any("upstream_request_ids", ids))
	}
	code, status := "", c.status
	if c.failure != nil {
		code = string(c.failure.Code)
	}
	if !c.ended {
		code = string(core.CodeInternal)
		if status == 0 {
			status = http.StatusInternalServerError
		}
	}
	attrs = append(attrs, slog.Int("status", status))
	if code != "" {
		attrs = append(attrs, slog.String("code", code))
	}
	attrs = append(attrs,
		slog.Int64("duration_ms", time.Since(c.began).Milliseconds()),
		slog.String("request_id", requestID))
	level := slog.LevelInfo
	if isMetrics(r.URL.Path) && status == http.StatusOK {
		level = slog.LevelDebug
	}
	h.log.LogAttrs(r.Context(), level, "audit", attrs...)
}

// upstream gives the cloud's ids of the calls that were made.
func (c *call) upstream() []string {
	var ids []string
	if c.report != nil {
		for _, id := range c.report.RequestIDs {
			ids = append(ids, clean(id, maxRequestID))
		}
	} else if c.failure != nil && c.failure.RequestID != "" {
		ids = append(ids, clean(c.failure.RequestID, maxRequestID))
	}
	return ids
}

// toldValues are the parameters whose values say nothing about a customer.
var toldValues = []string{"account", "filter_type", "limit", "order", "pii", "status"}

// countedValues are those of which the log says how many there are.
var countedValues = []string{"customer_id", "customer_ids"}

// question says what was asked: the names of the parameters, as far as they are
// the function's, and the values of some, once they were accepted.
func (c *call) question() []slog.Attr {
	names := []string{}
	var values []any
	unknown, ids := 0, 0
	for _, name := range slices.Sorted(maps.Keys(c.params)) {
		switch {
		case name != "customer_id" && !slices.Contains(c.function.Params, name):
			unknown++
			continue
		case slices.Contains(countedValues, name):
			ids += len(c.params[name])
		case c.accepted && slices.Contains(toldValues, name):
			values = append(values, slog.String(name, toldValue(c.params[name])))
		}
		names = append(names, name)
	}
	attrs := []slog.Attr{slog.Any("params", names)}
	if unknown > 0 {
		attrs = append(attrs, slog.Int("unknown_params", unknown))
	}
	if ids > 0 {
		values = append(values, slog.Int("ids", ids))
	}
	if len(values) > 0 {
		attrs = append(attrs, slog.Group("asked", values...))
	}
	return attrs
}

// toldValue is a value for the log. The name of an account is the only one that
// a caller can make up: what is no name is not told.
func toldValue(values []string) string {
	text := strings.Join(values, ",")
	if len(text) > core.MaxAccountName*4 || !isName(text) {
		return "(not told)"
	}
	return text
}

// clean makes a text from outside fit for a line of a log: no control
// characters, nothing that turns the direction of writing, nothing invisible,
// nothing that is not UTF-8, and not longer than max bytes.
func clean(text string, max int) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '·'
		}
		return r
	}, text)
	if len(text) <= max {
		return text
	}
	end := max - len("…")
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
