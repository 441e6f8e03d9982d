package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"partnerlens/internal/api"
	"partnerlens/internal/app"
	"partnerlens/internal/store"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

type runsCmd struct {
	List runsListCmd `cmd:"" help:"List the stored runs, the newest first."`
	Show runsShowCmd `cmd:"" help:"Show what a run found, and check its objects."`
	Diff runsDiffCmd `cmd:"" help:"Show which customers are new, gone or changed between two runs, field by field."`
}

// runsFlags select the runs of a store, whatever accounts are configured.
type runsFlags struct {
	Function string `enum:",${functions}" default:"" placeholder:"NAME" help:"Only runs of this query: ${functions}."`
	Account  string `help:"Only runs of this account."`
	storeFlags

	opened store.Store
	where  string // its URL
}

func (f *runsFlags) open(std streams) error {
	env, err := storeEnvironment(f.Store, std.env)
	if err == nil {
		f.where = env(app.StoreSetting)
		f.opened, err = (&app.Watcher{Env: env}).Store()
	}
	return err
}

// runs returns the manifests of a run, one for each function and account that has it.
func (f *runsFlags) runs(ctx context.Context, run string) ([]watch.Manifest, error) {
	all, _, damaged, err := watch.StoredRuns(ctx, f.opened, f.Function, f.Account, run, 0)
	switch {
	case err != nil:
		return nil, err
	case damaged != nil:
		return nil, &core.Error{Code: core.CodeUpstream, Detail: damaged[0].Message}
	case all != nil:
		return all, nil
	}
	newest, _, _, err := watch.StoredRuns(ctx, f.opened, f.Function, f.Account, "", 10)
	if err != nil {
		return nil, err
	}
	detail := "there is no such run, nor any other; partnerlens watch makes one"
	if newest != nil {
		detail = "there is no such run; the newest are"
	}
	for i, m := range newest {
		if i == 0 || m.Run != newest[i-1].Run {
			detail += " " + m.Run
		}
	}
	return nil, &core.Error{Code: core.CodeNotFound, Param: run, Detail: detail}
}

type runsListCmd struct {
	runsFlags
	Limit  uint   `default:"20" help:"At most this many runs; 0: all."`
	Output string `short:"o" enum:"auto,table,json,ndjson" default:"auto" help:"table, json or ndjson; auto is a table on a terminal and json in a pipe."`
	tableFlags
}

// Run lists runs.
func (c *runsListCmd) Run(ctx context.Context, std streams) error {
	format := formatOf(c.Output, std.out)
	if err := c.refuse(format); err != nil {
		return err
	}
	table, err := newTable(std, runColumns, c.tableFlags, false)
	if err != nil {
		return err
	}
	if err := c.open(std); err != nil {
		return err
	}
	all, total, damaged, err := watch.StoredRuns(ctx, c.opened, c.Function, c.Account, "", int(c.Limit))
	if err != nil {
		return err
	}
	rows := make([]api.Row, len(all))
	for i, m := range all {
		rows[i] = runRow{m}
		table.add(rows[i])
	}
	doc := api.Document{Schema: "partnerlens.runs/v1", Complete: damaged == nil, Warnings: damaged, Total: total, Rows: rows}
	found := count(total, "run")
	if len(all) < total {
		limit := core.StoppedLimit
		doc.Complete, doc.Stopped = false, &limit
		found = fmt.Sprintf("the newest %d of %s", len(all), found)
	}
	err = writeDocument(std, &api.Resource{List: "runs", Columns: runColumns}, doc, table, format)
	where, _, _ := strings.Cut(c.where, "?")
	_, _ = fmt.Fprintf(visibleOn(std.err, false), "%s in %s%s\n", found, where, warningsText(damaged))
	if err == nil && damaged != nil {
		err = exitWith(core.CodeIncomplete)
	}
	return err
}

var runColumns = []core.Column{
	{Name: "function", Brief: true}, {Name: "account", Brief: true}, {Name: "run", Brief: true}, {Name: "state", Brief: true},
	{Name: "customers", Kind: core.ColumnNumber, Brief: true}, {Name: "new", Kind: core.ColumnNumber, Brief: true}, {Name: "gone", Kind: core.ColumnNumber, Brief: true},
	{Name: "changed", Kind: core.ColumnNumber, Brief: true}, {Name: "alerts", Kind: core.ColumnNumber, Brief: true}, {Name: "duration", Kind: core.ColumnNumber, Brief: true},
}

// runRow is a row of the list of runs. As JSON it is the manifest.
type runRow struct{ watch.Manifest }

// Row implements api.Row.
func (r runRow) Row() []string {
	row := []string{r.Function, r.Account, r.Run, string(r.State), strconv.Itoa(r.Count), "", "", "", "", ""}
	if r.Previous != nil {
		row[5], row[6], row[7] = strconv.Itoa(r.Changes.New), strconv.Itoa(r.Changes.Gone), strconv.Itoa(r.Changes.Changed)
	}
	if r.Open != nil {
		sum := 0
		for _, n := range r.Alerts {
			sum += n
		}
		row[8] = strconv.Itoa(sum)
	}
	if !r.FinishedAt.IsZero() {
		row[9] = r.FinishedAt.Sub(r.AsOf).String()
	}
	return row
}

type runsShowCmd struct {
	ID string `arg:"" name:"run" help:"Run, such as 2026-11-22 or 2026-11-22T06."`
	runsFlags
	Output string `short:"o" enum:"text,json" default:"text" help:"text, or json: the manifest."`
}

// Run shows a run of each function and account that has it.
func (c *runsShowCmd) Run(ctx context.Context, std streams) error {
	if err := c.open(std); err != nil {
		return err
	}
	all, err := c.runs(ctx, c.ID)
	if err != nil {
		return err
	}
	for _, m := range all {
		damaged, failure := watch.CheckObjects(ctx, c.opened, &m)
		if failure != nil {
			return failure
		}
		if c.Output == "json" {
			failure = printJSON(visibleOn(std.out, true), m)
		} else {
			showRun(runSummary{out: visibleOn(std.out, false), store: c.where, stored: true}, &m)
		}
		if failure != nil {
			return failure
		}
		for _, mistake := range damaged {
			_, _ = fmt.Fprintf(visibleOn(std.err, false), "partnerlens: %s\n", core.AsError(mistake).Public())
			err = exitWith(core.CodeUpstream)
		}
	}
	return err
}

// showRun describes a stored run.
func showRun(s runSummary, m *watch.Manifest) {
	run := app.WatchedRun{Account: m.Account, State: m.State, Count: m.Count, Warnings: m.Warnings, Details: *m}
	for _, d := range m.Deliveries {
		if d.Undelivered() {
			run.Undelivered = append(run.Undelivered, d)
		}
	}
	s.watched(app.Watched{Function: m.Function, Run: m.Run, Accounts: []app.WatchedRun{run}})
	if !m.FinishedAt.IsZero() {
		s.item("made", fmt.Sprintf("from %s to %s, in %s and %s", m.AsOf.Format(time.RFC3339), m.FinishedAt.Format(time.RFC3339), count(m.Attempts, "attempt"), count(m.Calls.Made, "call")))
	}
	for _, object := range m.Objects {
		s.item("object", fmt.Sprintf("%s, %d bytes, %s", object.Name, object.Bytes, count(object.Rows, "row")))
	}
}

type runsDiffCmd struct {
	From string `arg:"" help:"Run to compare with."`
	To   string `arg:"" help:"Run to compare."`
	runsFlags
	Output string `short:"o" enum:"auto,table,json,ndjson" default:"auto" help:"table, json or ndjson; auto is a table on a terminal and json in a pipe."`
	tableFlags
}

// Run compares two runs.
func (c *runsDiffCmd) Run(ctx context.Context, std streams) error {
	format := formatOf(c.Output, std.out)
	if err := c.refuse(format); err != nil {
		return err
	}
	table, err := newTable(std, diffColumns, c.tableFlags, false)
	if err != nil {
		return err
	}
	if err := c.open(std); err != nil {
		return err
	}
	f, from, to, err := c.pair(ctx)
	if err != nil {
		return err
	}
	doc := api.Document{Schema: "partnerlens.difference/v1", Complete: from.Proven && to.Proven}
	counts, warnings, err := watch.Compare(ctx, c.opened, f, from, to, func(change watch.Change, record core.Record) error {
		if format == "table" {
			for _, row := range diffRows(f, change, record) {
				table.add(row)
			}
		} else {
			doc.Rows = append(doc.Rows, changeRow{change})
		}
		return nil
	})
	if err != nil {
		return err
	}
	doc.Warnings, doc.Total = warnings, len(doc.Rows)
	doc.More = struct {
		Function string             `json:"function"`
		Account  string             `json:"account"`
		From     string             `json:"from"`
		To       string             `json:"to"`
		Counts   watch.ChangeCounts `json:"counts"`
	}{to.Function, to.Account, from.Run, to.Run, counts}
	err = writeDocument(std, &api.Resource{List: "changes", Columns: diffColumns}, doc, table, format)
	_, _ = fmt.Fprintf(visibleOn(std.err, false), "%s %s, from %s to %s: %d new, %d gone, %d changed%s\n",
		to.Function, to.Account, from.Run, to.Run, counts.New, counts.Gone, counts.Changed, warningsText(warnings))
	if err == nil && !doc.Complete {
		err = exitWith(core.CodeIncomplete)
	}
	return err
}

// pair returns the two runs of the one account that has both.
func (c *runsDiffCmd) pair(ctx context.Context) (f *core.Function, from, to *watch.Manifest, err error) {
	before, err := c.runs(ctx, c.From)
	if err != nil {
		return nil, nil, nil, err
	}
	after, err := c.runs(ctx, c.To)
	if err != nil {
		return nil, nil, nil, err
	}
	var names []string
	for i := range before {
		for j := range after {
			if a, b := &before[i], &after[j]; a.Function == b.Function && a.Account == b.Account {
				from, to = a, b
				names = append(names, a.Function+" "+a.Account)
			}
		}
	}
	switch {
	case names == nil:
		return nil, nil, nil, &core.Error{Code: core.CodeNotFound, Param: c.To, Detail: "no account has this run and " + c.From}
	case len(names) > 1:
		return nil, nil, nil, core.Invalid("", "several accounts have both runs; add --function and --account for one of: %s", strings.Join(names, ", "))
	}
	i := slices.Index(app.FunctionNames(), to.Function)
	if i < 0 {
		return nil, nil, nil, &core.Error{Code: core.CodeNotFound, Param: "--function", Detail: "this version has no " + to.Function}
	}
	return app.Functions[i].Compose(func(string) string { return "" }, nil).Function, from, to, nil // for its records alone
}

var diffColumns = []core.Column{
	{Name: "change", Brief: true}, {Name: "customer_id", Brief: true}, {Name: "reseller_id", Brief: true, Detail: true}, {Name: "name", Brief: true},
	{Name: "field", Brief: true}, {Name: "old", Brief: true}, {Name: "new", Brief: true},
}

// diffRow is a row of the table of changes: one field.
type diffRow []string

// Row implements api.Row.
func (r diffRow) Row() []string { return r }

// changeRow is a change, as JSON.
type changeRow struct{ watch.Change }

// Row implements api.Row.
func (changeRow) Row() []string { return nil }

// diffRows returns the rows of a change.
func diffRows(f *core.Function, c watch.Change, record core.Record) (rows []api.Row) {
	name, reseller := "", strings.TrimSuffix(strings.TrimSuffix(c.Key, c.CustomerID), "/")
	if i := slices.IndexFunc(f.Columns, func(c core.Column) bool { return c.Name == "name" }); i >= 0 {
		name = record.Row()[i]
	}
	if c.Fields == nil {
		rows = append(rows, diffRow{c.Change, c.CustomerID, reseller, name, "", "", ""})
	}
	for _, field := range slices.Sorted(maps.Keys(c.Fields)) {
		rows = append(rows, diffRow{c.Change, c.CustomerID, reseller, name, field, c.Fields[field].Old, c.Fields[field].New})
	}
	return rows
}
