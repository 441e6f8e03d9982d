package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"partnerlens/internal/app"
	"partnerlens/pkg/core"
)

// askFlags are the flags of every query.
type askFlags struct {
	Account *string       `help:"A configured account; all: every account."`
	Status  []string      `help:"Only customers of these statuses."`
	Limit   *string       `help:"At most this many customers."`
	Cursor  *string       `help:"Resume where an earlier answer stopped: its \"next\"."`
	PII     string        `name:"pii" enum:"full,masked" default:"full" help:"full or masked; masked leaves only the ends of names, e-mail addresses and telephone numbers."`
	Output  string        `short:"o" enum:"auto,table,json,ndjson,csv,xlsx" default:"auto" help:"table, json, ndjson, csv or xlsx; auto is a table on a terminal and json in a pipe."`
	Quiet   bool          `short:"q" help:"Write nothing but errors to stderr."`
	Timeout time.Duration `help:"Stop after this time, such as 90s, and show what was read."`
	sheetFlags
}

// queryCmd is the command of a function.
type queryCmd struct {
	entry *app.Function

	CustomerID []string `arg:"" optional:"" help:"Only these customers."`
	Own        any      `embed:""` // a struct of the function's own flags
	askFlags
	historyFlags
}

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
	switch {
	case c.History:
		return c.history(ctx, std, params)
	case len(c.CustomerID) == 0:
		if format := c.format(c.Output, std.out); format == "table" || format == "xlsx" {
			presetTable(c.entry, params)
		}
	case slices.Contains(function.Params, "customer_id"):
		params["customer_id"] = c.CustomerID
	case len(c.CustomerID) > 1:
		return core.Invalid("", "%s takes one id at a time", c.entry.Name)
	default:
		byID, err := function.ByID(c.CustomerID[0])
		if err != nil {
			return err
		}
		for name := range byID {
			if _, given := params[name]; given {
				return core.Invalid("", "give a customer's id, or %s", flagNames(byID))
			}
		}
		maps.Copy(params, byID)
	}
	return c.ask(ctx, std, function, params)
}

// presetTable sets the parameters of a table that are not given.
func presetTable(entry *app.Function, params core.Params) {
	for name, values := range entry.Table {
		if _, given := params[name]; !given {
			params[name] = values
		}
	}
}

// flagNames returns the flags of parameters: "--filter-type and --filter".
func flagNames(params core.Params) string {
	names := slices.Sorted(maps.Keys(params))
	for i, name := range names {
		names[i] = "--" + strings.ReplaceAll(name, "_", "-")
	}
	return strings.Join(names, " and ")
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

func (f *askFlags) ask(ctx context.Context, std streams, function *core.Function, params core.Params) error {
	question, err := function.Ask(params)
	if err != nil {
		return err
	}
	format := f.format(f.Output, std.out)
	style, err := f.style(format, std.env)
	if err != nil {
		return err
	}
	out, keep, err := f.open(std.out, format)
	if err != nil {
		return err
	}
	if f.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.Timeout)
		defer cancel()
	}
	progress := newProgress(std, f.Quiet)
	if f.Quiet {
		std.err = io.Discard
	}
	ctx = core.WithTrace(ctx, &core.Trace{PageRead: func(pages, customers int, total *int) { progress.show(pagesText(pages, customers, total)) }})
	report, err := write(ctx, out, format, function, question, params, style)
	progress.clear()
	if failed := keep(err == nil); err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(visibleOn(std.err, false), summary(report))
	switch {
	case report.Complete, report.Stopped != nil && *report.Stopped == core.StoppedLimit && !slices.ContainsFunc(report.Warnings, doubts):
		return nil
	case report.Stopped != nil && *report.Stopped == core.StoppedDeadline:
		return exitWith(core.CodeDeadline)
	}
	return exitWith(core.CodeIncomplete)
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

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// summary describes a Report: how many customers, whether they are all, and if not, why and
// how to resume.
func summary(r core.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s/%s", count(r.Count, "customer"), r.Provider, r.Account)
	switch {
	case r.Complete:
		b.WriteString(", complete")
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
		fmt.Fprintf(&b, "\nresume with --cursor %s", *r.Next)
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
