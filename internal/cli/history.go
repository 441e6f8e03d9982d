package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"partnerlens/internal/api"
	"partnerlens/internal/app"
	"partnerlens/pkg/core"
)

// historyFlags are the flags of a query for the history of one customer.
type historyFlags struct {
	History bool    `help:"Show the customer's history from the runs of the watch, day by day; the vendor is not asked."`
	From    *string `placeholder:"DAY" help:"First day of --history, such as 2026-11-22; by default 30 days are shown."`
	To      *string `placeholder:"DAY" help:"Last day of --history; by default today."`
	storeFlags
}

// check refuses flags that belong to a history without one.
func (f *historyFlags) check() error {
	if !f.History && (f.From != nil || f.To != nil || f.Store != "") {
		return core.Invalid("", "--from, --to and --store belong to --history")
	}
	return nil
}

// history shows the history of the command's customer.
func (c *queryCmd) history(ctx context.Context, std streams, params core.Params) error {
	if len(c.CustomerID) != 1 {
		return core.Invalid("", "--history takes one customer's id")
	}
	if c.Sort != "" || c.Order != nil {
		return core.Invalid("--sort, --order", "do not go with --history, whose days are in order")
	}
	if c.sheetFlags != (sheetFlags{}) || c.Output == "xlsx" {
		return core.Invalid("--file, --profile, --lang, --output xlsx", "do not go with --history; write --output csv > history.csv")
	}
	set(params, "from", c.From)
	set(params, "to", c.To)
	for name := range params {
		if !slices.Contains([]string{"account", "pii", "from", "to"}, name) {
			return core.Invalid("--"+name, "does not go with --history")
		}
	}
	ctx, cancel, err := withTimeout(ctx, c.Timeout)
	if err != nil {
		return err
	}
	defer cancel()
	if c.Quiet {
		std.err = io.Discard
	}
	return c.read(ctx, std, app.HistoryPath(c.entry.Name), api.ResourceQuery{Params: params, CustomerID: c.CustomerID[0]}, formatOf(c.Output, std.out), c.tableFlags, false, historySummary)
}

// historySummary says how many days the history has, by state.
func historySummary(doc api.Document) string {
	of := doc.More.(app.HistoryOf)
	var states []string
	for _, state := range slices.Sorted(maps.Keys(of.ByState)) {
		states = append(states, fmt.Sprintf("%d %s", of.ByState[state], state))
	}
	text := fmt.Sprintf("%s of %s, %s to %s: %s", of.CustomerID, of.Account, of.From, of.To, strings.Join(states, ", "))
	if !doc.Complete {
		text += ", NOT COMPLETE"
	}
	return text
}
