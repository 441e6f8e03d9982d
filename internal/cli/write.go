package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"partnerlens/internal/api"
	"partnerlens/pkg/core"
	"partnerlens/pkg/sheet"
)

// write runs the query and writes its answer in the format, escaped on a terminal.
func write(ctx context.Context, w io.Writer, format string, function *core.Function, question *core.Question, params core.Params, style sheet.Style) (core.Report, error) {
	if format == "xlsx" {
		return api.WriteXLSX(ctx, w, function, question, params, style)
	}
	w = visibleOn(w, format != "csv")
	switch format {
	case "json":
		body, report, err := question.JSON(ctx, nil)
		if err != nil {
			return report, err
		}
		_, err = w.Write(body)
		return report, err
	case "ndjson":
		return api.WriteNDJSON(ctx, w, question)
	case "csv":
		return api.WriteCSV(ctx, w, function, question, style)
	}
	rows := newTable(function, slices.Equal(params["account"], []string{core.AllAccounts}))
	report, err := question.Read(ctx, func(record core.Record) bool {
		rows.add(record)
		return true
	})
	if err != nil {
		return report, err
	}
	_, err = fmt.Fprintln(w, rows)
	return report, err
}

// maxCellWidth is the widest text in a table, in columns of the terminal.
const maxCellWidth = 36

// shortened cuts a text that is wider than this many columns.
func shortened(cell string, columns int) string { return text.Snip(cell, columns, "…") }

// rows is a table for a person: the brief columns, and the account if there are several.
// A brief column of details that has no cell is left out.
type rows struct {
	table   table.Writer
	brief   []int
	configs []table.ColumnConfig // one for each
}

func newTable(function *core.Function, accounts bool) *rows {
	return tableOf(function.Columns, accounts)
}

func tableOf(columns []core.Column, accounts bool) *rows {
	r := &rows{table: table.NewWriter()}
	r.table.SetStyle(table.StyleLight)
	r.table.Style().Options = table.OptionsNoBordersAndSeparators
	r.table.Style().Format.Header = text.FormatDefault
	var header table.Row
	for i, column := range columns {
		if !column.Brief && !(accounts && column.Name == "account") {
			continue
		}
		r.brief = append(r.brief, i)
		header = append(header, column.Name)
		config := table.ColumnConfig{Number: len(r.brief), Hidden: column.Detail}
		switch {
		case column.Kind == core.ColumnNumber:
			config.Align, config.AlignHeader = text.AlignRight, text.AlignRight
		case !strings.HasSuffix(column.Name, "_id"): // an id is for asking with it
			config.WidthMax, config.WidthMaxEnforcer = maxCellWidth, shortened
		}
		r.configs = append(r.configs, config)
	}
	r.table.AppendHeader(header)
	return r
}

func (r *rows) add(record api.Row) {
	cells := record.Row()
	row := make(table.Row, len(r.brief))
	for i, c := range r.brief {
		row[i] = escape(cells[c])
		r.configs[i].Hidden = r.configs[i].Hidden && cells[c] == ""
	}
	r.table.AppendRow(row)
}

// String is the whole table.
func (r *rows) String() string {
	r.table.SetColumnConfigs(r.configs)
	return r.table.Render()
}
