package api

import (
	"context"
	"io"
	"maps"
	"slices"
	"strings"

	"partnerlens/pkg/core"
	"partnerlens/pkg/sheet"
)

// notConditions are the parameters that leave no customer out, or whose effect the report has.
var notConditions = []string{"account", "cursor", "limit", "order", "pii", core.NamesParam, core.VouchersParam}

// WriteXLSX reads the question, which has these parameters, and writes a workbook of two sheets: the
// customers, as they arrive, and what the report says. The name and the first line of the first
// sheet say whether the list is complete. If the read fails after the first customer, the
// workbook ends with the error, which is returned, too; before that nothing is written.
func WriteXLSX(ctx context.Context, w io.Writer, function *core.Function, question Question, params core.Params, style sheet.Style) (core.Report, error) {
	book := sheet.NewBook(w, style)
	book.Begin("", function.Columns)
	var list sheet.List
	report, err := question.Read(ctx, func(record core.Record) bool {
		row := record.Row()
		if list.Count++; list.Count == 1 {
			list.Of = row[0] + "/" + row[1] // the provider and the account, if there is no report
		}
		return book.Row(row) == nil
	})
	if err != nil && list.Count == 0 {
		return report, err
	}
	var facts [][2]string
	if err == nil {
		facts, err = style.Facts(report, "provider", "account", "complete", "stopped", "as_of", "count", "total", "missing_ids", "warnings", "next")
		list.Of, list.AsOf = report.Provider+"/"+report.Account, report.AsOf
	}
	var conditions []string
	for _, name := range slices.Sorted(maps.Keys(params)) {
		condition := name + "=" + strings.Join(params[name], ",")
		facts = append(facts, [2]string{"query", condition})
		if !slices.Contains(notConditions, name) && condition != "reseller_id=all" {
			conditions = append(conditions, condition)
		}
	}
	switch {
	case err != nil:
		failure := core.AsError(err)
		list.State, list.Why = sheet.ListPart, string(failure.Code)
		facts = append(facts, [2]string{"complete", "false"}, [2]string{"detail", failure.Public()})
	case report.Stopped != nil:
		list.State, list.Why = sheet.ListPart, string(*report.Stopped)
	case !report.Complete:
		list.State = sheet.ListUnproven
	case len(params["cursor"]) > 0:
		list.State = sheet.ListRest
	case len(conditions) > 0:
		list.State, list.Why = sheet.ListMatching, strings.Join(conditions, " ")
	}
	book.Facts(style.Text("Report", "说明"), facts)
	if closing := book.Close(style.Heading(list)); err == nil {
		err = closing
	}
	return report, err
}
