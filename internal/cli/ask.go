package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"partnerlens/internal/app"
	"partnerlens/pkg/core"
)

// askFlags are what both queries take.
type askFlags struct {
	Account *string       `help:"The account, as configured; all: every one."`
	Status  []string      `help:"Only customers of these statuses."`
	Limit   *string       `help:"This many customers at most."`
	Cursor  *string       `help:"Go on from where an earlier answer stopped: its \"next\"."`
	PII     string        `name:"pii" enum:"full,masked" default:"full" help:"masked hides names, e-mail addresses and telephone numbers but for their ends."`
	Output  string        `short:"o" enum:"auto,table,json,ndjson,csv" default:"auto" help:"table, json, ndjson or csv; auto is a table on a terminal and json in a pipe."`
	Quiet   bool          `short:"q" help:"No talk on stderr, errors aside."`
	Timeout time.Duration `help:"Stop after this time and show what was read, as 90s."`
}

type creditCmd struct {
	CustomerID *string `arg:"" optional:"" help:"Only this customer."`

	FilterType *string `help:"What --filter looks for: customer_id, name, remark or email."`
	Filter     *string `help:"What to look for."`
	Order      *string `help:"asc or desc, by time of association."`
	askFlags
}

// Run asks.
func (c *creditCmd) Run(ctx context.Context, std streams) error {
	if c.CustomerID != nil {
		if c.FilterType != nil || c.Filter != nil {
			return core.Invalid("", "give a customer's id, or --filter-type and --filter")
		}
		byID := "customer_id"
		c.FilterType, c.Filter = &byID, c.CustomerID
	}
	params := c.params()
	set(params, "filter_type", c.FilterType)
	set(params, "filter", c.Filter)
	set(params, "order", c.Order)
	return c.ask(ctx, std, app.Credit.Compose(nil, nil).Function, params)
}

type tagsCmd struct {
	CustomerID []string `arg:"" optional:"" help:"Only these customers."`
	ResellerID *string  `help:"The customers of this cloud reseller; all: own customers and every reseller's."`
	askFlags
}

// Run asks.
func (c *tagsCmd) Run(ctx context.Context, std streams) error {
	params := c.params()
	if c.CustomerID != nil {
		params["customer_id"] = c.CustomerID
	}
	set(params, "reseller_id", c.ResellerID)
	return c.ask(ctx, std, app.Tags.Compose(nil, nil).Function, params)
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
	if f.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.Timeout)
		defer cancel()
	}
	if f.Quiet {
		std.err = io.Discard
	}
	progress := newProgress(std.err)
	ctx = core.WithTrace(ctx, &core.Trace{PageRead: progress.pageRead})
	report, err := write(ctx, std.out, f.format(std.out), function, question, f.Account != nil && *f.Account == core.AllAccounts)
	progress.clear()
	if err != nil {
		return err
	}
	fmt.Fprintln(visibleOn(std.err, false), summary(report))
	switch {
	case report.Complete, report.Stopped != nil && *report.Stopped == core.StoppedLimit && !slices.ContainsFunc(report.Warnings, doubts):
		return nil
	case report.Stopped != nil && *report.Stopped == core.StoppedDeadline:
		return told(core.CodeDeadline)
	}
	return told(core.CodeIncomplete)
}

// format is what was asked for, or what suits where stdout goes.
func (f *askFlags) format(out io.Writer) string {
	if f.Output != "auto" {
		return f.Output
	}
	if isTerminal(out) {
		return "table"
	}
	return "json"
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// summary is the Report for a person: how many, whether they are all, and if
// not, why and how to go on.
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
		fmt.Fprintf(&b, "\ngo on with --cursor %s", *r.Next)
	}
	return b.String()
}

// doubts says whether a warning is about whether the answer is complete.
func doubts(w core.Warning) bool { return !w.AboutRecords() }

// warningText is a warning's message with the account and the customer that it names.
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
	return harmless(text)
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

// progress rewrites one line on a terminal, and writes nothing elsewhere.
type progress struct {
	w     io.Writer
	shown bool
}

func newProgress(w io.Writer) *progress {
	if !isTerminal(w) {
		w = io.Discard
	}
	return &progress{w: w}
}

func (p *progress) pageRead(pages, customers int, total *int) {
	p.shown = true
	if total != nil {
		fmt.Fprintf(p.w, "\r\x1b[K%d pages, %d of %d customers", pages, customers, *total)
		return
	}
	fmt.Fprintf(p.w, "\r\x1b[K%d pages, %d customers", pages, customers)
}

func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
