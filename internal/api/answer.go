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

// answer is an answer that is being written.
type answer struct {
	ctx      context.Context
	w        http.ResponseWriter
	call     *call
	question *core.Question
	accepted map[string]string // parameters of the accepted media type
	format   format
	zone     *time.Location // of local dates
	id       string         // of the customer in the path; "" without one
	started  bool           // the status is written; a problem cannot be written any more
	age      age
}

// age is the greatest age of the parts of an answer that come from earlier reads. The
// accounts of an answer add theirs concurrently; the goroutine that writes the answer puts
// it into the header.
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

// header sets the Age of RFC 9111, unless every part of the answer is new.
func (a *age) header(h http.Header) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known {
		h.Set("Age", strconv.Itoa(int(a.greatest/time.Second)))
	}
}

// answer answers a query. A customer in the path that is not found is an error. answer
// returns an error only while nothing is written.
func (h *handler) answer(w http.ResponseWriter, r *http.Request, c *call) error {
	id := r.PathValue("customer_id")
	w.Header().Add("Vary", "Accept")
	chosen, accepted, err := negotiate(r.Header, formats)
	if err != nil {
		return err
	}
	question, err := c.function.Ask(c.params)
	if err != nil {
		return aboutPath(c.function, id, err)
	}
	c.accepted, c.masked = true, question.Masked()
	if question, err = question.Within(c.caller.rights()); err != nil {
		return c.caller.forbidden(err)
	}
	if names := h.repeatable(r, c.params); id == "" && names != "" {
		question = question.Warned(core.Warning{Code: warnLastValues, Message: names + ": the load balancer passes on only the last value of a parameter that is repeated, so that others may be lost; send the parameters by POST, or switch on lambda.multi_value_headers.enabled for its target group"})
	}
	a := &answer{w: w, call: c, question: question, accepted: accepted, format: chosen, id: id}
	if h.Zone != nil {
		a.zone = h.Zone()
	}
	a.ctx = core.WithTrace(core.WithTrace(r.Context(), h.Trace), &core.Trace{Shared: a.age.add})
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

// warnLastValues is the code of the warning that values of a repeated parameter may be lost.
const warnLastValues = "last_values_only"

// repeatable returns the names of the parameters that may have lost values, or "".
func (h *handler) repeatable(r *http.Request, params core.Params) string {
	if r.Method == http.MethodPost || h.LastValues == nil || !h.LastValues(r) {
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

// logAccounts logs the accounts that failed in an answer for all accounts.
func (h *handler) logAccounts(r *http.Request, c *call) {
	if c.report == nil {
		return
	}
	for _, account := range c.report.Accounts {
		if failed := account.Error; failed != nil {
			h.Logger.LogAttrs(r.Context(), slog.LevelError, "account failed", slog.String("route", r.Pattern),
				slog.String("account", account.Account), slog.String("code", string(failed.Code)), slog.Any("error", failed.Cause))
		}
	}
}

// aboutPath returns an error with customer_id as its parameter if the path has an id: a
// function may query one customer by parameters that the caller did not send.
func aboutPath(f *core.Function, id string, err error) error {
	failure := core.AsError(err)
	if id == "" || slices.Contains(f.WithID, failure.Param) {
		return failure
	}
	about := *failure
	about.Param = "customer_id"
	return &about
}

// start writes the status and the headers. Only the goroutine that writes the body may
// call it, since the header is not safe for concurrent use.
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

// Write starts the answer and writes a part of its body.
func (a *answer) Write(p []byte) (int, error) {
	a.start()
	return a.w.Write(p)
}

// check returns the error to answer in place of a report without customers, if any.
func (a *answer) check(report core.Report) error {
	switch {
	case report.Count > 0:
		return nil
	case report.Stopped != nil && *report.Stopped == core.StoppedSize:
		// The cursor would lead to the same answer.
		return &core.Error{Code: core.CodeTooLarge, Detail: "a customer does not fit in the largest answer that this platform takes"}
	case a.id == "":
		return nil
	case report.Complete:
		return &core.Error{Code: core.CodeNotFound, Param: "customer_id", Detail: a.id + " is not among the account's customers"}
	}
	return incomplete(report)
}

// incomplete returns the reason why a report is incomplete as an error.
func incomplete(report core.Report) error {
	failure := &core.Error{Code: core.CodeIncomplete, Detail: "the customer was not found, and the list could not be proven complete"}
	if len(report.Warnings) == 0 {
		return failure
	}
	last := report.Warnings[len(report.Warnings)-1] // the warning of what stopped the read comes last
	failure.Detail += ": " + last.Message
	if report.Stopped != nil {
		failure.Code = core.Code(last.Code)
	}
	return failure
}

// Budgeted is implemented by the ResponseWriter of a host that limits the size of an
// answer.
type Budgeted interface {
	// Budget is the greatest cost of a body.
	Budget() int
	// Cost is the cost of p as a part of the body. The cost of two adjacent parts is at most
	// the sum of their costs.
	Cost(p []byte) int
}

// room is the budget left for records. A nil room is unlimited.
type room struct {
	budgeted Budgeted
	left     int
}

// newRoom returns the part of w's budget for records, or nil if w has none: it reserves the
// longest possible end of the answer. frame returns what the format writes around the
// records.
func newRoom(w any, f *core.Function, params core.Params, frame func(core.Report) ([]byte, error)) (*room, error) {
	budgeted, ok := w.(Budgeted)
	if !ok {
		return nil, nil
	}
	left := budgeted.Budget()
	for _, complete := range []bool{false, true} { // their ends differ
		report := widestReport(f, params)
		report.Complete = complete
		widest, err := frame(report)
		if err != nil {
			return nil, err
		}
		left = min(left, budgeted.Budget()-budgeted.Cost(widest))
	}
	if left < 0 { // if every id is missing and every account fails, that alone does not fit
		return nil, &core.Error{Code: core.CodeTooLarge, Detail: "the query leaves no room for an answer; ask for fewer ids at once, or for one account"}
	}
	return &room{budgeted, left}, nil
}

// take reserves room for p and reports whether there was enough.
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

// The greatest lengths of the parts of a report that do not come from the request. Core
// bounds their number.
const (
	widestName    = 128 // of an account
	widestNext    = 1024
	widestWarning = 400
	widestID      = 128 // of a request
	widestList    = 20  // warnings, and ids of requests
)

// widestReport returns the longest report of the parameters. Missing ids are ids
// of the query, and each of those is a value of some parameter.
func widestReport(f *core.Function, params core.Params) core.Report {
	text := func(n int) string { return strings.Repeat("x", n) }
	stopped, next, total := core.StoppedDeadline, text(widestNext), math.MaxInt
	var about string // the account of a warning, if there are several
	accounts := 0
	if slices.Contains(params["account"], core.AllAccounts) {
		next, about, accounts = text(core.MaxCursorText), text(core.MaxAccountName), core.MaxAccounts
	}
	report := core.Report{
		Schema: core.Schema(f.Name), Provider: text(widestName), Account: text(widestName),
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
	for _, values := range params {
		report.MissingIDs = append(report.MissingIDs, values...)
	}
	return report
}
