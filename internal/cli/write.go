package cli

import (
	"bytes"
	"context"
	"io"
	"math"

	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/internal/api"
	"partnerlens/pkg/core"
	"partnerlens/pkg/sheet"
)

// write runs the query and writes its answer in the format, escaped on a terminal. Only a table
// needs all records at once, unless they are sorted.
func (f *askFlags) write(ctx context.Context, std streams, format string, function *core.Function, question api.Question, params core.Params, style sheet.Style, order *order) (report core.Report, err error) {
	w := visibleOn(std.out, format != "csv")
	if order != nil && format != "table" {
		question = sorted{question, order}
	}
	switch format {
	case "xlsx":
		return api.WriteXLSX(ctx, std.out, function, question, params, style)
	case "json":
		err = writeJSON(std.out, func(w io.Writer) (err error) {
			report, err = api.WriteJSON(ctx, w, question)
			return err
		})
		return report, err
	case "ndjson":
		return api.WriteNDJSON(ctx, w, question)
	case "csv":
		return api.WriteCSV(ctx, w, function, question, style)
	}
	table, err := newTable(std, function.Columns, f.tableFlags, f.Account != nil && *f.Account == core.AllAccounts)
	if err != nil {
		return report, err
	}
	table.order = order
	report, err = question.Read(ctx, func(record core.Record) bool {
		table.add(record)
		return true
	})
	if err != nil {
		return report, err
	}
	return report, table.show(std)
}

// show writes the table to stdout, and what it lacks to stderr.
func (t *table) show(std streams) error {
	lacking, err := t.write(std.out, math.MaxInt)
	_, _ = io.WriteString(visibleOn(std.err, false), lackingText(lacking, "--wide shows all columns, --columns those that you choose"))
	return err
}

// writeJSON writes a JSON document: on a terminal in many lines, once it is whole.
func writeJSON(w io.Writer, write func(w io.Writer) error) error {
	if !isTerminal(w) {
		return write(w)
	}
	var body bytes.Buffer
	failure := write(&body)
	if body.Len() == 0 {
		return failure
	}
	value := jsontext.Value(body.Bytes())
	if err := value.Indent(jsontext.WithIndent("  ")); err != nil {
		return &core.Error{Code: core.CodeInternal, Err: err}
	}
	if _, err := visibleOn(w, true).Write(append(value, '\n')); err != nil {
		return err
	}
	return failure
}
