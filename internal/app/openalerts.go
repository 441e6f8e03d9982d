package app

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/api"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// OpenAlertsSchema is the schema of the answer that lists the open conditions of customers.
const OpenAlertsSchema = "partnerlens.open-alerts/v1"

// AlertsPath is its path below /v1/.
const AlertsPath = "alerts"

// The codes of warnings about the runs of the answer, beside those of package watch.
const (
	warnNoRun       = "run_missing"  // an account has no run with open conditions
	warnStaleRun    = "run_stale"    // no run was made when one was due
	warnUnprovenRun = "run_unproven" // the list may lack customers
)

// openAlerts is the Resource that lists the open conditions of customers.
func openAlerts(w *Watcher, functions []*core.Function) api.Resource {
	return api.Resource{
		Path: AlertsPath, List: "alerts", Columns: openColumns,
		Params: []string{"kind", "owner", "account", "severity", "since", "function", "limit"},
		Ask: func(ctx context.Context, q api.ResourceQuery) (func(context.Context) (api.Document, error), error) {
			filter, err := parseOpenFilter(q.Params, functions)
			if err != nil {
				return nil, err
			}
			s, err := w.readableStore()
			if err != nil {
				return nil, err
			}
			visible, err := w.visibleRuns(ctx, q, functions, filter.wantsFunction, filter.account)
			if err != nil {
				return nil, err
			}
			return func(ctx context.Context) (api.Document, error) {
				answer := openAnswer{watcher: w, inside: q.Rights.Inside, named: filter.account != "" && filter.account != core.AllAccounts || filter.functions != nil}
				for _, of := range visible {
					open, err := watch.ReadOpen(ctx, s, of.function.Name, of.account, w.Now(), filter.keep)
					answer.add(ctx, of, open, storeError(err))
				}
				return answer.document(filter.limit)
			}, nil
		},
	}
}

// openFilter is the parameters of a query for open conditions.
type openFilter struct {
	kinds, owners, severities, functions []string // nil: all
	account                              string
	since                                time.Time
	limit                                int // 0: none
}

func parseOpenFilter(p core.Params, functions []*core.Function) (f openFilter, err error) {
	var kinds, names []string
	for _, kind := range alert.Kinds() {
		kinds = append(kinds, string(kind))
	}
	for _, function := range functions {
		names = append(names, function.Name)
	}
	if f.kinds, err = among(p, "kind", kinds...); err != nil {
		return f, err
	}
	if f.severities, err = among(p, "severity", string(alert.Critical), string(alert.Warning), string(alert.Info)); err != nil {
		return f, err
	}
	if f.functions, err = among(p, "function", names...); err != nil {
		return f, err
	}
	if f.account, err = single(p, "account"); err != nil {
		return f, err
	}
	for _, owner := range p["owner"] {
		f.owners = append(f.owners, alert.CleanOwner(owner))
	}
	if slices.Contains(f.owners, "") {
		return f, core.Invalid("owner", "empty; give a value or leave it out")
	}
	since, err := single(p, "since")
	if err != nil {
		return f, err
	}
	if since != "" {
		if f.since, err = parseMoment(since); err != nil {
			return f, core.Invalid("since", "not a moment; write it as 2026-11-22T06:00:00Z, or 2026-11-22")
		}
	}
	limit, err := single(p, "limit")
	if err != nil {
		return f, err
	}
	if limit != "" {
		if f.limit, err = strconv.Atoi(limit); err != nil || f.limit < 1 || strings.HasPrefix(limit, "+") {
			return f, core.Invalid("limit", "must be a whole number from 1 up; leave it out for all")
		}
	}
	return f, nil
}

// parseMoment reads a moment, or a date, which is its beginning in UTC.
func parseMoment(text string) (at time.Time, err error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err = time.Parse(layout, text); err == nil {
			break
		}
	}
	return at, err
}

func (f *openFilter) wantsFunction(name string) bool {
	return f.functions == nil || slices.Contains(f.functions, name)
}

// keep reports whether a condition matches. One whose beginning cannot be read matches any
// since.
func (f *openFilter) keep(a alert.Alert) bool {
	has := func(list []string, value string) bool { return list == nil || slices.Contains(list, value) }
	if !has(f.kinds, string(a.Kind)) || !has(f.severities, string(a.Severity)) || !has(f.owners, a.Owner) {
		return false
	}
	since, err := time.Parse(time.RFC3339, a.Since)
	return err != nil || !since.Before(f.since)
}

// openAlert is a row of the answer.
type openAlert struct {
	Function string `json:"function"`
	alert.Alert
}

// openColumns are the columns of openAlert's Row.
var openColumns = []core.Column{
	{Name: "function"}, {Name: "account"}, {Name: "customer_id", Brief: true}, {Name: "reseller_id", Brief: true, Detail: true}, {Name: "name", Brief: true},
	{Name: "owner", Brief: true}, {Name: "crm_id"}, {Name: "kind", Brief: true}, {Name: "severity"}, {Name: "since", Kind: core.ColumnTime, Date: "since_date", Brief: true},
	{Name: "remaining", Kind: core.ColumnNumber, Brief: true}, {Name: "allocated", Kind: core.ColumnNumber}, {Name: "currency", Brief: true},
	{Name: "vouchers", Kind: core.ColumnNumber}, {Name: "threshold"}, {Name: "expires"}, {Name: "days_left", Kind: core.ColumnNumber, Whole: true, Brief: true},
	{Name: "status"}, {Name: "muted_until", Kind: core.ColumnEnd, Date: "mute_until"}, {Name: "seen"}, {Name: "provider"},
}

// Row implements api.Row.
func (a openAlert) Row() []string {
	days, seen := "", ""
	if a.DaysLeft != nil {
		days = strconv.Itoa(*a.DaysLeft)
	}
	if a.Seen != nil {
		seen = strconv.FormatBool(*a.Seen)
	}
	return []string{
		a.Function, a.Account, a.CustomerID, a.ResellerID, a.Name, a.Owner, a.CRMID, string(a.Kind), string(a.Severity), a.Since,
		a.Remaining, a.Allocated, a.Currency, a.Vouchers, a.Threshold, a.Expires, days, a.Status, a.MutedUntil, seen, a.Provider,
	}
}

// OpenRun describes the run whose conditions an answer lists.
type OpenRun struct {
	Function   string             `json:"function"`
	Account    string             `json:"account"`
	Run        *string            `json:"run"` // null: there is none
	AsOf       *time.Time         `json:"as_of"`
	AgeSeconds *int64             `json:"age_seconds"`
	Proven     bool               `json:"proven"` // its list is proven to be every customer
	Stale      bool               `json:"stale"`  // no run was made when one was due
	Count      int                `json:"count"`  // conditions that match
	Error      *core.AccountError `json:"error"`  // why they cannot be read, or that there are none yet; null: they were read
}

// OpenRuns are the further members of the answer.
type OpenRuns struct {
	Runs []OpenRun `json:"runs"`
}

// openAnswer collects the answer from the accounts.
type openAnswer struct {
	watcher  *Watcher
	named    bool // the query names an account or a function
	inside   bool // the caller may see where the store is
	runs     []OpenRun
	alerts   []openAlert
	warnings []core.Warning
	partial  bool
	failure  error // of the first account that cannot be read
	missing  error // of the first account without open conditions
}

func (o *openAnswer) warn(of accountRuns, code, message string) {
	o.warnings = append(o.warnings, core.Warning{Code: code, Account: of.account, Message: of.function.Name + ": " + message})
}

// add adds what was read of an account. A default account that is not configured and has no
// run is of a vendor that is not in use.
func (o *openAnswer) add(ctx context.Context, of accountRuns, open watch.OpenConditions, err error) {
	w := o.watcher
	run := OpenRun{Function: of.function.Name, Account: of.account}
	failure := core.AsError(err)
	switch {
	case err == nil:
		m := open.Manifest
		age := max(0, w.Now().Sub(m.AsOf))
		seconds := int64(age / time.Second)
		run.Run, run.AsOf, run.AgeSeconds, run.Proven, run.Count = &m.Run, &m.AsOf, &seconds, m.Proven, len(open.Alerts)
		if run.Stale = age > w.staleAfter(); run.Stale {
			o.warn(of, warnStaleRun, "no run since "+m.AsOf.Format(time.RFC3339)+"; look at partnerlens watch or its schedule")
		}
		if !m.Proven {
			o.warn(of, warnUnprovenRun, "the list of the run "+m.Run+" is not proven complete: it may lack customers")
			o.partial = true
		}
		for _, a := range open.Alerts {
			o.alerts = append(o.alerts, openAlert{of.function.Name, a})
		}
	case failure.Code == core.CodeNotFound:
		if !of.configured && !o.named && errors.Is(err, watch.ErrNoRun) {
			return
		}
		o.warn(of, warnNoRun, failure.Public())
		o.partial = true
		if o.missing == nil {
			o.missing = failure
		}
		run.Error = &core.AccountError{Code: failure.Code, Message: failure.Public()}
	default:
		w.Logger.ErrorContext(ctx, "open conditions cannot be read", "function_name", of.function.Name, "account", of.account, "code", failure.Code, "error", failure.Error())
		message := failure.Public()
		if failure.Inside && !o.inside {
			message = "the store cannot be used; the operator's log says why"
		}
		o.warn(of, string(failure.Code), message)
		o.partial = true
		if o.failure == nil {
			o.failure = failure
		}
		run.Error = &core.AccountError{Code: failure.Code, Message: message, Cause: failure}
	}
	for _, warning := range open.Warnings {
		o.warn(of, warning.Code, warning.Message)
	}
	o.runs = append(o.runs, run)
}

// document returns the answer. It is an error if an account cannot be read and the others
// have no condition: the list would be empty for the wrong reason; and if no account has one
// that could be read.
func (o *openAnswer) document(limit int) (api.Document, error) {
	read := slices.ContainsFunc(o.runs, func(run OpenRun) bool { return run.Error == nil })
	switch {
	case o.failure != nil && len(o.alerts) == 0:
		return api.Document{}, o.failure
	case !read && o.missing != nil:
		return api.Document{}, o.missing
	case !read:
		return api.Document{}, &core.Error{Code: core.CodeNotFound, Detail: "no run has been completed yet; partnerlens watch makes one"}
	}
	slices.SortStableFunc(o.alerts, func(a, b openAlert) int { return watch.CompareOpen(a.Alert, b.Alert) })
	doc := api.Document{Schema: OpenAlertsSchema, Complete: !o.partial, Warnings: o.warnings, Total: len(o.alerts), More: OpenRuns{o.runs}}
	shown := o.alerts
	if limit > 0 && len(shown) > limit {
		stopped := core.StoppedLimit
		shown, doc.Complete, doc.Stopped = shown[:limit], false, &stopped
	}
	doc.Rows = make([]api.Row, len(shown))
	for i, a := range shown {
		doc.Rows[i] = a
	}
	return doc, nil
}
