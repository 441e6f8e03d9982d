package api

import (
	"context"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"partnerlens/pkg/core"
)

// format is one way to write an answer.
type format struct {
	media       string // what Accept is held against
	contentType string
	trailers    string // names; a short answer over HTTP/1 has trailers only if they are announced
	write       func(*answer) error
}

// answer is one answer on its way out.
type answer struct {
	ctx      context.Context
	w        http.ResponseWriter
	function *core.Function
	question *core.Question
	params   core.Params
	accepted map[string]string // parameters beside the accepted media type
	format   format
	id       string // of the one customer asked for; "" where it is not by id
	started  bool   // the status is written; no problem can be told any more
	call     *call  // which this is, for the log
	age      age    // of what it takes from earlier reads
}

// age is the greatest age among the parts of an answer that come from earlier reads. The
// accounts of an answer add theirs side by side, so that it is kept here until the goroutine
// that writes the answer puts it into the header.
type age struct {
	mu       sync.Mutex
	known    bool
	greatest time.Duration
}

func (a *age) add(age time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known, a.greatest = true, max(a.greatest, age)
}

// header writes the Age of RFC 9111; nothing where the whole answer is new.
func (a *age) header(h http.Header) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known {
		h.Set("Age", strconv.Itoa(int(a.greatest/time.Second)))
	}
}

// ask answers a question; where it is for one customer by id, not finding that
// one is an error. Its error comes only while nothing is written.
func (h *handler) ask(w http.ResponseWriter, r *http.Request, c *call, params core.Params, id string) error {
	f := c.function
	w.Header().Add("Vary", "Accept")
	chosen, accepted, err := negotiate(r.Header)
	if err != nil {
		return err
	}
	question, err := f.Ask(params)
	if err != nil {
		return aboutPath(f, id, err)
	}
	c.accepted, c.masked = true, question.Masked()
	if question, err = question.Within(c.caller.rights()); err != nil {
		return c.caller.forbidden(err)
	}
	if names := h.repeatable(r, params); id == "" && names != "" {
		question = question.Warned(core.Warning{Code: warnLastValues, Message: names + ": the load balancer passes on only the last value of a parameter that is repeated, so that others may be lost; send the parameters by POST, or switch on lambda.multi_value_headers.enabled for its target group"})
	}
	a := &answer{
		w: w, function: f, question: question,
		params: params, accepted: accepted, format: chosen, id: id, call: c,
	}
	a.ctx = core.WithTrace(core.WithTrace(r.Context(), h.trace), &core.Trace{Shared: a.age.add})
	if r.Method == http.MethodHead {
		if err := question.Check(a.ctx); err != nil {
			return err
		}
		a.start()
		return nil
	}
	err = chosen.write(a)
	h.logAccounts(r, c)
	return err
}

// warnLastValues is the code of the warning that values of a repeated parameter may be lost on
// the way.
const warnLastValues = "last_values_only"

// repeatable gives the parameters of a query that may have lost values on the way; "" where there
// are none.
func (h *handler) repeatable(r *http.Request, params core.Params) string {
	if r.Method == http.MethodPost || !h.lastValues(r) {
		return ""
	}
	var names []string
	for _, name := range []string{"customer_id", "customer_ids", "status"} {
		if _, given := params[name]; given {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// logAccounts tells the operator of the accounts that failed in an answer for all.
func (h *handler) logAccounts(r *http.Request, c *call) {
	if c.report == nil {
		return
	}
	for _, account := range c.report.Accounts {
		if failed := account.Error; failed != nil {
			h.log.LogAttrs(r.Context(), slog.LevelError, "account failed", slog.String("route", r.Pattern),
				slog.String("account", account.Account), slog.String("code", string(failed.Code)), slog.Any("error", failed.Cause))
		}
	}
}

// aboutPath makes an error about the id in a path name the id: a function may
// ask for one customer by parameters that the caller never wrote.
func aboutPath(f *core.Function, id string, err error) error {
	failure := core.AsError(err)
	if id == "" || slices.Contains(f.WithID, failure.Param) {
		return failure
	}
	about := *failure
	about.Param = "customer_id"
	return &about
}

// start writes the status and the headers. Only the goroutine that writes the answer's body
// calls it: no other one may touch the header.
func (a *answer) start() {
	if a.started {
		return
	}
	a.started = true
	a.age.header(a.w.Header())
	a.w.Header().Set("Content-Type", a.format.contentType)
	a.w.Header().Set("Cache-Control", "no-store") // customers' data
	if a.format.trailers != "" {
		a.w.Header().Set("Trailer", a.format.trailers)
	}
	a.call.status = http.StatusOK
	a.w.WriteHeader(http.StatusOK)
}

// refuse says why a report is not fit to be an answer, as long as nothing of
// it is written.
func (a *answer) refuse(report core.Report) error {
	switch {
	case report.Count > 0:
		return nil
	case report.Stopped != nil && *report.Stopped == core.StoppedSize:
		// The cursor would lead here again, for ever.
		return &core.Error{Code: core.CodeTooLarge, Detail: "a customer does not fit in the largest answer that this platform takes"}
	case a.id == "":
		return nil
	case report.Complete:
		return &core.Error{Code: core.CodeNotFound, Param: "customer_id", Detail: a.id + " is not among the account's customers"}
	}
	return incomplete(report)
}

// incomplete gives what kept a report from being complete as an error.
func incomplete(report core.Report) error {
	failure := &core.Error{Code: core.CodeIncomplete, Detail: "the customer was not found, and that it is not there could not be proven"}
	if len(report.Warnings) == 0 {
		return failure
	}
	last := report.Warnings[len(report.Warnings)-1] // what stopped the read is told last
	failure.Detail += ": " + last.Message
	if report.Stopped != nil {
		failure.Code = core.Code(last.Code)
	}
	return failure
}

// Budgeted is what the ResponseWriter of a host can be that takes answers of
// so many bytes and not one more.
type Budgeted interface {
	// Budget is the cost of a body that still fits.
	Budget() int
	// Cost is what p costs as a part of the body. The cost of two parts in a
	// row is never more than that of each added up.
	Cost(p []byte) int
}

// room is what is left for records. nil has no end.
type room struct {
	budgeted Budgeted
	left     int
}

// room gives what the host's budget leaves for records once the answer's end
// is written, however long that turns out. frame gives what the format writes
// around the records for a report.
func (a *answer) room(frame func(core.Report) ([]byte, error)) (*room, error) {
	budgeted, ok := a.w.(Budgeted)
	if !ok {
		return nil, nil
	}
	left := budgeted.Budget()
	for _, complete := range []bool{false, true} { // their ends are written differently
		report := a.widestReport()
		report.Complete = complete
		widest, err := frame(report)
		if err != nil {
			return nil, err
		}
		left = min(left, budgeted.Budget()-budgeted.Cost(widest))
	}
	if left < 0 { // all ids might be missing, and each account fail, and that alone would not fit
		return nil, &core.Error{Code: core.CodeTooLarge, Detail: "what was asked for leaves no room for an answer; ask for fewer ids at once, or for one account"}
	}
	return &room{budgeted, left}, nil
}

// take says whether p still has room, and if so takes it.
func (r *room) take(p []byte) bool {
	if r == nil {
		return true
	}
	cost := r.budgeted.Cost(p)
	if cost > r.left {
		return false
	}
	r.left -= cost
	return true
}

// How long the parts of a report get that do not come from the request. Core
// bounds how many there are.
const (
	widestName    = 128 // of an account
	widestNext    = 1024
	widestWarning = 400
	widestID      = 128 // of a request
	widestList    = 20  // warnings, and ids of requests
)

// widestReport is as long as the report of these parameters can get: the ids
// that are missing at the end are some of those asked for, and those are
// among the parameters' values, whatever the parameter's name.
func (a *answer) widestReport() core.Report {
	text := func(n int) string { return strings.Repeat("x", n) }
	stopped, next, total := core.StoppedDeadline, text(widestNext), math.MaxInt
	var about string // the account of a warning, where there are several
	accounts := 0
	if slices.Contains(a.params["account"], core.AllAccounts) {
		next, about, accounts = text(core.MaxCursorText), text(core.MaxAccountName), core.MaxAccounts
	}
	report := core.Report{
		Schema: core.Schema(a.function.Name), Provider: text(widestName), Account: text(widestName),
		Stopped: &stopped, Next: &next, Count: total, Total: &total, MissingIDs: []string{},
	}
	for range widestList {
		report.Warnings = append(report.Warnings, core.Warning{
			Code: text(widestName), Message: text(widestWarning), Account: about,
			CustomerID: text(widestName), Field: text(widestName), Count: total,
		})
		report.RequestIDs = append(report.RequestIDs, text(widestID))
	}
	for range accounts {
		report.Accounts = append(report.Accounts, core.AccountReport{
			Account: about, Stopped: &stopped, Count: total, Total: &total,
			Error: &core.AccountError{Code: core.Code(text(widestName)), Message: text(widestWarning)},
		})
	}
	for _, values := range a.params {
		report.MissingIDs = append(report.MissingIDs, values...)
	}
	return report
}
