package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"partnerlens/internal/api"
	"partnerlens/internal/app"
	"partnerlens/pkg/core"
)

type alertsCmd struct {
	Kind     []string `help:"Only conditions of these kinds, such as credit_overdrawn."`
	Owner    []string `sep:"none" help:"Only customers of this owner; may be repeated."`
	Account  *string  `help:"Only this account; by default every account."`
	Severity []string `help:"Only these severities: critical, warning, info."`
	Since    *string  `placeholder:"MOMENT" help:"Only conditions that began then or later, such as 2026-11-22."`
	Function []string `help:"Only these queries: ${functions}."`
	Limit    *string  `help:"At most this many conditions, the worst first."`
	Output   string   `short:"o" enum:"auto,table,json,ndjson,csv" default:"auto" help:"table, json, ndjson or csv; auto is a table on a terminal and json in a pipe."`
	tableFlags
	storeFlags
}

// Run lists the open conditions of customers.
func (c *alertsCmd) Run(ctx context.Context, std streams) error {
	params := core.Params{}
	for name, values := range map[string][]string{"kind": c.Kind, "owner": c.Owner, "severity": c.Severity, "function": c.Function} {
		if values != nil {
			params[name] = values
		}
	}
	set(params, "account", c.Account)
	set(params, "since", c.Since)
	set(params, "limit", c.Limit)
	return c.read(ctx, std, app.AlertsPath, api.ResourceQuery{Params: params}, formatOf(c.Output, std.out), c.tableFlags, c.Account == nil, openSummary)
}

// openSummary says how many conditions there are, and of which runs.
func openSummary(doc api.Document) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", count(len(doc.Rows), "open condition"))
	if len(doc.Rows) < doc.Total {
		fmt.Fprintf(&b, " of %d", doc.Total)
	}
	for _, run := range doc.More.(app.OpenRuns).Runs {
		fmt.Fprintf(&b, "\n%s %s: ", run.Function, run.Account)
		if run.Error != nil {
			b.WriteString("NOT READ: " + escape(run.Error.Message))
			continue
		}
		fmt.Fprintf(&b, "%d, of the run %s, %s", run.Count, *run.Run, ageText(time.Duration(*run.AgeSeconds)*time.Second))
		if run.Stale {
			b.WriteString(", STALE")
		}
		if !run.Proven {
			b.WriteString(", NOT PROVEN COMPLETE")
		}
	}
	return b.String()
}
