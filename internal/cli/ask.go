package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"partnerlens/internal/app"
	"partnerlens/pkg/core"
)

// askFlags are the flags of every query.
type askFlags struct {
	Account *string       `help:"A configured account; all: every account."`
	Status  []string      `help:"Only customers of these statuses."`
	Limit   *string       `help:"At most this many customers, the first that the vendor lists."`
	Cursor  *string       `help:"Resume where an earlier answer stopped: its \"next\"."`
	PII     string        `name:"pii" enum:"full,masked" default:"full" help:"full or masked; masked leaves only the ends of names, e-mail addresses and telephone numbers."`
	Output  string        `short:"o" enum:"auto,table,json,ndjson,csv,xlsx" default:"auto" help:"table, json, ndjson, csv or xlsx; auto is a table on a terminal and json in a pipe."`
	Sort    string        `placeholder:"COLUMN" help:"Sort by a column, by urgency (the default of a table) or none. Sorted records are all held in memory; others are written as they come."`
	Order   *string       `enum:"asc,desc" help:"asc or desc: the direction of --sort; of credit without --sort the vendor's order by time of association."`
	Quiet   bool          `short:"q" help:"Write nothing but errors to stderr."`
	Timeout time.Duration `help:"Stop after this time, such as 90s, and show what was read."`
	tableFlags
	sheetFlags
}

// queryCmd is the command of a function.
type queryCmd struct {
	entry *app.Function

	CustomerID []string `arg:"" optional:"" help:"Only these customers; the exit status is 3 if one does not exist."`
	Own        any      `embed:""` // a struct of the function's own flags
	askFlags
	historyFlags
}

// Help returns examples.
func (c *queryCmd) Help() string { return exampleText(c.entry.Examples) }

// newQueryCmd returns the command of an entry of the table of functions.
func newQueryCmd(entry *app.Function) *queryCmd {
	fields := make([]reflect.StructField, len(entry.Flags))
	for i, flag := range entry.Flags {
		fields[i] = reflect.StructField{
			Name: fmt.Sprint("Flag", i), Type: flagType(flag),
			Tag: reflect.StructTag(fmt.Sprintf("name:%q help:%q", strings.ReplaceAll(flag.Param, "_", "-"), flag.Help)),
		}
	}
	return &queryCmd{entry: entry, Own: reflect.New(reflect.StructOf(fields)).Interface()}
}

// flagType is the type of a flag: a switch is true where it has no value.
func flagType(flag app.Flag) reflect.Type {
	if core.IsSwitch(flag.Param) {
		return reflect.TypeFor[*bool]()
	}
	return reflect.TypeFor[*string]()
}

// Run runs the query.
func (c *queryCmd) Run(ctx context.Context, std streams) error {
	function := c.entry.Compose(std.env, nil).Function
	params := c.params()
	own := reflect.ValueOf(c.Own).Elem()
	for i, flag := range c.entry.Flags {
		switch value := own.Field(i).Interface().(type) {
		case *string:
			set(params, flag.Param, value)
		case *bool:
			if value != nil {
				params[flag.Param] = []string{strconv.FormatBool(*value)}
			}
		}
	}
	if err := c.check(); err != nil {
		return err
	}
	if c.History {
		return c.history(ctx, std, params)
	}
	format := c.format(c.Output, std.out)
	order, err := c.order(c.entry, function, params, format)
	if err != nil {
		return err
	}
	if (format == "table" || format == "xlsx") && len(c.CustomerID) == 0 {
		presetTable(c.entry, params)
	}
	question, err := function.AskIDs(params, c.CustomerID)
	if err != nil {
		return err
	}
	return c.ask(ctx, std, format, function, question, order)
}

// order returns the order of the answer, and sets the parameter order where --order is the
// vendor's.
func (f *askFlags) order(entry *app.Function, function *core.Function, params core.Params, format string) (*order, error) {
	if err := f.refuse(format); err != nil {
		return nil, err
	}
	by := f.Sort
	if f.Order != nil && (by == "" || by == unsorted) {
		if !slices.Contains(function.Params, "order") {
			return nil, core.Invalid("--order", "say what to sort by: add --sort %s, or --sort and a column", byUrgency)
		}
		set(params, "order", f.Order)
		by = unsorted
	}
	if by == "" {
		by = map[bool]string{true: byUrgency, false: unsorted}[format == "table"]
	}
	return newOrder(entry, function.Columns, by, f.Order != nil && *f.Order == "desc")
}

// presetTable sets the parameters of a table that are not given.
func presetTable(entry *app.Function, params core.Params) {
	for name, values := range entry.Table {
		if _, given := params[name]; !given {
			params[name] = values
		}
	}
}

func set(params core.Params, name string, value *string) {
	if value != nil {
		params[name] = []string{*value}
	}
}

func (f *askFlags) params() core.Params {
	params := core.Params{"pii": {f.PII}}
	set(params, "account", f.Account)
	set(params, "limit", f.Limit)
	set(params, "cursor", f.Cursor)
	if f.Status != nil {
		params["status"] = f.Status
	}
	return params
}

func (c *queryCmd) ask(ctx context.Context, std streams, format string, function *core.Function, question *core.Question, order *order) error {
	style, err := c.style(format, std.env)
	if err != nil {
		return err
	}
	ctx, cancel, err := withTimeout(ctx, c.Timeout)
	if err != nil {
		return err
	}
	defer cancel()
	out, keep, err := c.open(std.out, format)
	if err != nil {
		return err
	}
	std.out = out
	debug.SetGCPercent(50)                                                                     // a read waits for the vendor most of the time
	streamed := isTerminal(std.out) && order == nil && (format == "ndjson" || format == "csv") // what arrives is progress
	progress := newProgress(std, c.Quiet || streamed)
	progress.part = c.Limit != nil || c.Cursor != nil || len(c.CustomerID) > 0
	if c.Quiet {
		std.err = io.Discard
	}
	report, err := c.write(ctx, std, format, function, shownFor{question, progress}, question.Params(), style, order)
	if failed := keep(err == nil); err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	interrupted := errors.Is(context.Cause(ctx), core.ErrInterrupted)
	_, _ = fmt.Fprintln(visibleOn(std.err, false), summary(report, interrupted))
	switch {
	case report.Stopped != nil && *report.Stopped == core.StoppedDeadline:
		return exitWith(core.CodeDeadline)
	case !report.Complete && !asAsked(report):
		return exitWith(core.CodeIncomplete)
	case len(c.CustomerID) > 0 && len(report.MissingIDs) > 0:
		return exitWith(core.CodeNotFound)
	}
	return nil
}

// withTimeout returns a context that ends after a time; 0: it does not.
func withTimeout(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc, error) {
	switch {
	case timeout < 0:
		return nil, nil, core.Invalid("--timeout", "must not be negative; leave it out for no limit")
	case timeout == 0:
		return ctx, func() {}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	return ctx, cancel, nil
}

// asAsked reports whether an answer ended where its limit asks for it, and nothing else is in
// doubt.
func asAsked(r core.Report) bool {
	return r.Stopped != nil && *r.Stopped == core.StoppedLimit && !slices.ContainsFunc(r.Warnings, doubts)
}

// formatOf is an output format; auto is a table on a terminal and JSON elsewhere.
func formatOf(output string, out io.Writer) string {
	switch {
	case output != "auto":
		return output
	case isTerminal(out):
		return "table"
	}
	return "json"
}

// summary describes a Report: how many customers, whether they are all, and if not, why and
// how to resume.
func summary(r core.Report, interrupted bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s/%s", count(r.Count, "customer"), r.Provider, r.Account)
	switch {
	case r.Complete:
		b.WriteString(", complete")
	case asAsked(r):
		b.WriteString(", the first ones, as --limit asks")
		if r.Total != nil {
			fmt.Fprintf(&b, "; the vendor counts %d", *r.Total)
		}
	case r.Stopped != nil && *r.Stopped == core.StoppedDeadline && interrupted:
		b.WriteString(", NOT COMPLETE: interrupted")
	case r.Stopped != nil && *r.Stopped == core.StoppedDeadline:
		b.WriteString(", NOT COMPLETE: time ran out")
	case r.Stopped != nil:
		fmt.Fprintf(&b, ", NOT COMPLETE: stopped by %s", *r.Stopped)
	default:
		b.WriteString(", NOT PROVEN COMPLETE")
	}
	if len(r.MissingIDs) > 0 {
		fmt.Fprintf(&b, "\n%s not answered, being no customer of this account: %s", count(len(r.MissingIDs), "id"), some(r.MissingIDs, 10))
	}
	for _, w := range r.Warnings {
		b.WriteString("\nwarning: " + w.Code + ": " + warningText(w))
	}
	if r.Next != nil {
		fmt.Fprintf(&b, "\ngo on with --cursor %s", *r.Next)
	}
	return b.String()
}

// doubts reports whether a warning is about the completeness of the answer.
func doubts(w core.Warning) bool { return !w.AboutRecords() }

// warningText is a warning's message with its account and customer.
func warningText(w core.Warning) string {
	text := w.Message
	if w.Account != "" {
		text = w.Account + ": " + text
	}
	switch {
	case w.CustomerID == "":
	case w.Count > 1:
		text += "; the first customer is " + w.CustomerID
	default:
		text += "; the customer is " + w.CustomerID
	}
	return escape(text)
}

func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

func some(texts []string, n int) string {
	if len(texts) <= n {
		return strings.Join(texts, " ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(texts[:n], " "), len(texts)-n)
}
