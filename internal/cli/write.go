package cli

import (
	"context"
	"io"
	"math"

	"partnerlens/internal/api"
	"partnerlens/pkg/core"
)

// write runs the query and writes its answer in the format, escaped on a terminal. Only a table
// needs all records at once, unless they are sorted.
func (f *askFlags) write(ctx context.Context, std streams, format string, function *core.Function, question api.Question, order *order) (core.Report, error) {
	w := visibleOn(std.out, format != "csv")
	if order != nil && format != "table" {
		question = sorted{question, order}
	}
	switch format {
	case "json":
		return api.WriteJSON(ctx, w, question, isTerminal(std.out))
	case "ndjson":
		return api.WriteNDJSON(ctx, w, question)
	case "csv":
		return api.WriteCSV(ctx, w, function, question)
	}
	table, err := newTable(std, function.Columns, f.tableFlags, f.Account != nil && *f.Account == core.AllAccounts)
	if err != nil {
		return core.Report{}, err
	}
	table.order = order
	report, err := question.Read(ctx, func(record core.Record) bool {
		table.add(record)
		return true
	})
	if err != nil {
		return report, err
	}
	return report, table.show(std, math.MaxInt)
}

// show writes the table to stdout, and what it lacks to stderr.
func (t *table) show(std streams, most int) error {
	lacking, err := t.write(std.out, most)
	_, _ = io.WriteString(visibleOn(std.err, false), lackingText(lacking, "--wide shows all columns, --columns those that you choose"))
	return err
}
