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

// call is a request that requires authentication, with the fields of its audit line. The
// line has the caller, the query and the number of customers, and no customer's data: no
// filter, id, cursor, unknown parameter's name, path or header.
type call struct {
	start    time.Time
	caller   caller
	function *core.Function // nil if no query was reached
	resource *Resource      // nil if none was reached
	params   core.Params    // nil if they could not be read
	accepted bool           // the parameters are valid
	masked   bool

	report    *core.Report // nil if there is none
	customers int          // in the answer
	status    int
	failure   *core.Error // also of an answer that was cut short
	finished  bool        // without a panic
}

type callKey struct{}

// callOf returns the call of a request, or nil if its path does not require authentication.
func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// outcome returns the outcome for Options.Observe.
func (c *call) outcome() Outcome {
	o := Outcome{WrongKey: c.caller.wrongKey, Took: time.Since(c.start)}
	if c.function != nil {
		o.Function = c.function.Name
	}
	switch {
	case !c.finished:
		o.Code = core.CodeInternal
	case c.failure != nil:
		o.Code = c.failure.Code
	}
	return o
}

// audit writes the audit line of a call. For successful requests to /metrics, which come
// every few seconds, it has the level debug.
func (h *handler) audit(r *http.Request, c *call, requestID string) {
	attrs := []slog.Attr{
		slog.String("caller", c.caller.name),
		slog.String("auth_method", c.caller.method),
		slog.String("source", sourceText(r.RemoteAddr)),
		slog.String("method", clean(r.Method, 16)),
		slog.String("route", r.Pattern),
	}
	if c.params != nil {
		attrs = append(attrs, c.query()...)
	}
	attrs = append(attrs, slog.Int("customers", c.customers))
	if c.report != nil {
		attrs = append(attrs, slog.String("account", c.report.Account),
			slog.Bool("complete", c.report.Complete), slog.Any("stopped", c.report.Stopped))
		if len(c.report.Accounts) > 0 {
			attrs = append(attrs, slog.Int("accounts", len(c.report.Accounts)))
		}
	}
	if c.accepted {
		attrs = append(attrs, slog.Bool("masked", c.masked))
	}
	if ids := c.upstream(); len(ids) > 0 {
		attrs = append(attrs, slog.Any("upstream_request_ids", ids))
	}
	outcome, status := c.outcome(), c.status
	if !c.finished && status == 0 {
		status = http.StatusInternalServerError
	}
	attrs = append(attrs, slog.Int("status", status))
	if outcome.Code != "" {
		attrs = append(attrs, slog.String("code", string(outcome.Code)))
	}
	attrs = append(attrs,
		slog.Int64("duration_ms", outcome.Took.Milliseconds()),
		slog.String("request_id", requestID))
	level := slog.LevelInfo
	if isMetrics(r.URL.Path) && status == http.StatusOK {
		level = slog.LevelDebug
	}
	h.Logger.LogAttrs(r.Context(), level, "audit", attrs...)
}

// upstream returns the vendor's ids of the calls made for the answer.
func (c *call) upstream() []string {
	var ids []string
	if c.report != nil {
		for _, id := range c.report.RequestIDs {
			ids = append(ids, clean(id, core.MaxRequestID))
		}
	} else if c.failure != nil && c.failure.RequestID != "" {
		ids = append(ids, clean(c.failure.RequestID, core.MaxRequestID))
	}
	return ids
}

// loggedValues are the parameters whose values the log has: they contain no customer's data.
var loggedValues = []string{"account", "filter_type", "from", "function", "kind", "limit", "live", "order", "pii", "severity", "since", "status", "to"}

// countedValues are the parameters of which the log has the number of values.
var countedValues = []string{"customer_id", "customer_ids"}

// query returns the attributes of the query: the names of the path's parameters, and if
// the parameters are valid, the values of some.
func (c *call) query() []slog.Attr {
	names := []string{}
	var values []any
	known := c.known()
	unknown, ids := 0, 0
	for _, name := range slices.Sorted(maps.Keys(c.params)) {
		switch {
		case name != "customer_id" && !slices.Contains(known, name):
			unknown++
			continue
		case slices.Contains(countedValues, name):
			ids += len(c.params[name])
		case c.accepted && slices.Contains(loggedValues, name):
			values = append(values, slog.String(name, loggedValue(c.params[name])))
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

// known returns the parameters of the path.
func (c *call) known() []string {
	if c.resource != nil {
		return c.resource.Params
	}
	return c.function.Params
}

// loggedValue returns a value for the log. An account is the only one that can be any
// text; it is redacted unless it has the form of a name.
func loggedValue(values []string) string {
	text := strings.Join(values, ",")
	if len(text) > core.MaxAccountName*4 || !isName(text) {
		return "(redacted)"
	}
	return text
}

// clean escapes a text from outside for a log line: the result has no control, invisible
// or bidirectional characters, is valid UTF-8, and has at most limit bytes.
func clean(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '·'
		}
		return r
	}, text)
	if len(text) <= limit {
		return text
	}
	end := limit - len("…")
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
