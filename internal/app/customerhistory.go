package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/api"
	"partnerlens/internal/store"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

const (
	historyDays    = 30 // without from
	maxHistoryDays = 400
)

// HistoryPath is the path below /v1/ of the history of a function's customer.
func HistoryPath(function string) string { return function + "/{customer_id}/history" }

// HistorySchema is the schema of its answer.
func HistorySchema(function string) string { return "partnerlens." + function + "-history/v1" }

// customerHistory is the Resource of the history of one customer of a function.
func customerHistory(w *Watcher, f *core.Function) api.Resource {
	return api.Resource{
		Path: HistoryPath(f.Name), Function: f.Name, List: "days", Columns: historyColumns(f),
		Params: []string{"from", "to", "account", "pii"},
		Ask: func(ctx context.Context, q api.ResourceQuery) (func(context.Context) (api.Document, error), error) {
			query := watch.HistoryQuery{Function: f, CustomerID: q.CustomerID}
			question, err := askAboutOne(f, q)
			if err != nil {
				return nil, err
			}
			if query.From, query.To, err = w.historyDays(q.Params); err != nil {
				return nil, err
			}
			s, err := w.readableStore()
			if err != nil {
				return nil, err
			}
			if query.Account, err = accountOf(ctx, f, question, q); err != nil {
				return nil, err
			}
			return func(ctx context.Context) (api.Document, error) { return readHistory(ctx, s, query, question.Masked()) }, nil
		},
	}
}

// askAboutOne checks the customer, the account and pii as the function's own query does.
func askAboutOne(f *core.Function, q api.ResourceQuery) (*core.Question, error) {
	params, err := f.ByID(q.CustomerID)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"account", "pii"} {
		if values, given := q.Params[name]; given {
			params[name] = values
		}
	}
	question, err := f.Ask(params)
	if failure := core.AsError(err); failure != nil {
		if _, sent := q.Params[failure.Param]; !sent {
			about := *failure
			about.Param = "customer_id"
			failure = &about
		}
		return nil, failure
	}
	return question.Within(q.Rights)
}

// accountOf returns the one account that a query is about.
func accountOf(ctx context.Context, f *core.Function, question *core.Question, q api.ResourceQuery) (string, error) {
	if err := question.Check(ctx); err != nil {
		return "", err
	}
	named, err := single(q.Params, "account")
	if err != nil || named == core.AllAccounts {
		return "", core.Invalid("account", "the answer is of one account; name it")
	}
	if named != "" {
		return named, nil
	}
	names, err := f.Accounts(ctx)
	if err != nil {
		return "", err
	}
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !q.Sees(f.Name, name) })
	if slices.Contains(names, core.DefaultAccount) {
		return core.DefaultAccount, nil
	}
	return names[0], nil // Check has refused none, and several
}

// historyDays returns the days that a query is about. There is no run after today.
func (w *Watcher) historyDays(p core.Params) (from, to string, err error) {
	plan, _ := w.plan() // the default zone if a setting is wrong, which the watch reports
	today, _ := time.Parse(time.DateOnly, watch.RunID(w.Now(), watch.EveryDay, plan.zone))
	day := func(name string, preset time.Time) (time.Time, error) {
		text, err := single(p, name)
		if err != nil || text == "" {
			return preset, err
		}
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return at, core.Invalid(name, "not a day; write it as 2026-11-22")
		}
		return at, nil
	}
	last, err := day("to", today)
	if err != nil {
		return "", "", err
	}
	if last.After(today) {
		last = today
	}
	first, err := day("from", last.AddDate(0, 0, 1-historyDays))
	switch {
	case err != nil:
		return "", "", err
	case first.After(last):
		return "", "", core.Invalid("from", "after %s, the last day that is asked for", last.Format(time.DateOnly))
	case !first.After(last.AddDate(0, 0, -maxHistoryDays)):
		return "", "", core.Invalid("from", "more than %d days; ask for fewer at once", maxHistoryDays)
	}
	return first.Format(time.DateOnly), last.Format(time.DateOnly), nil
}

// historyDay is a row of the answer.
type historyDay struct {
	Day    string         `json:"day"`
	Run    *string        `json:"run"` // null: there is none
	AsOf   *time.Time     `json:"as_of"`
	State  watch.DayState `json:"state"`
	Detail string         `json:"detail"` // why there is no item; may be empty
	Item   core.Record    `json:"item"`   // the customer as the run has it; null: it does not
	Alerts []alert.Alert  `json:"alerts"` // of the run, about the customer

	columns int
}

// historyColumns are the columns of historyDay's Row: the run's, and the function's.
func historyColumns(f *core.Function) []core.Column {
	columns := []core.Column{{Name: "day", Kind: core.ColumnDate, Brief: true}, {Name: "run"}, {Name: "as_of", Kind: core.ColumnTime, Date: "as_of_date"}, {Name: "state", Brief: true}, {Name: "detail"}, {Name: "alerts", Brief: true}}
	for _, column := range f.Columns {
		column.Brief = column.Name == "owner" || column.Brief && !slices.Contains([]string{"customer_id", "reseller_id", "name", "mobile"}, column.Name)
		columns = append(columns, column)
	}
	return columns
}

// Row implements api.Row.
func (d historyDay) Row() []string {
	run, at, cells := "", "", make([]string, d.columns)
	if d.Run != nil {
		run = *d.Run
	}
	if d.AsOf != nil {
		at = d.AsOf.Format(time.RFC3339)
	}
	if d.Item != nil {
		cells = d.Item.Row()
	}
	kinds := make([]string, len(d.Alerts))
	for i, a := range d.Alerts {
		kinds[i] = string(a.Kind)
	}
	return append([]string{d.Day, run, at, string(d.State), d.Detail, strings.Join(kinds, " ")}, cells...)
}

// HistoryOf are the further members of the answer.
type HistoryOf struct {
	Account    string                 `json:"account"`
	CustomerID string                 `json:"customer_id"`
	From       string                 `json:"from"`
	To         string                 `json:"to"`
	ByState    map[watch.DayState]int `json:"by_state"`
}

// readHistory returns the answer. A customer that no run of the days has is not found.
func readHistory(ctx context.Context, s store.Store, q watch.HistoryQuery, masked bool) (api.Document, error) {
	days, err := watch.ReadHistory(ctx, s, q)
	if err != nil {
		return api.Document{}, storeError(err)
	}
	of := HistoryOf{q.Account, q.CustomerID, q.From, q.To, make(map[watch.DayState]int)}
	doc := api.Document{Schema: HistorySchema(q.Function.Name), Complete: true, Total: len(days), More: of}
	found := false
	for _, day := range days {
		row := historyDay{Day: day.Day, State: day.State, Detail: day.Detail, Item: day.Record, Alerts: []alert.Alert{}, columns: len(q.Function.Columns)}
		if day.Run != "" {
			row.Run = &day.Run
		}
		if !day.AsOf.IsZero() {
			row.AsOf = &day.AsOf
		}
		if row.Alerts = append(row.Alerts, day.Alerts...); day.Record != nil && masked {
			row.Item = day.Record.Masked()
		}
		found = found || day.Record != nil || len(day.Alerts) > 0
		of.ByState[day.State]++
		doc.Rows = append(doc.Rows, row)
	}
	doubt(&doc, of.ByState, ctx.Err() != nil)
	if !found && doc.Complete {
		runs := len(days) - of.ByState[watch.DayNoRun]
		return api.Document{}, &core.Error{Code: core.CodeNotFound, Param: "customer_id",
			Detail: fmt.Sprintf("%s is in none of the %d runs from %s to %s", q.CustomerID, runs, q.From, q.To)}
	}
	return doc, nil
}

// doubt says in an answer that runs could not be read.
func doubt(doc *api.Document, states map[watch.DayState]int, late bool) {
	if n := states[watch.DayDamaged]; n > 0 {
		doc.Complete = false
		doc.Warnings = append(doc.Warnings, core.Warning{Code: string(watch.DayDamaged), Message: fmt.Sprintf("%d of the runs are damaged: their days say what; docs/operate.md says how to repair it", n)})
	}
	if n := states[watch.DayNotRead]; n > 0 {
		stopped := core.StoppedUpstream
		if late {
			stopped = core.StoppedDeadline
		}
		doc.Complete, doc.Stopped = false, &stopped
		doc.Warnings = append(doc.Warnings, core.Warning{Code: string(watch.DayNotRead), Message: fmt.Sprintf("%d of the runs were not read: their days say why; ask for them by from and to", n)})
	}
}
