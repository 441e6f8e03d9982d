package api

import (
	"context"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"partnerlens/pkg/core"
	"partnerlens/pkg/sheet"
)

// WriteXLSX reads the question, which has these parameters, and writes a workbook of two sheets: the
// customers, as they arrive, and what the report says. The name and the first line of the first
// sheet say whether the list is complete. If the read fails after the first customer, the
// workbook ends with the error, which is returned, too; before that nothing is written.
func WriteXLSX(ctx context.Context, w io.Writer, function *core.Function, question *core.Question, params core.Params, style sheet.Style) (core.Report, error) {
	book := sheet.NewBook(w, style)
	book.Begin("", function.Columns)
	var list sheet.List
	report, err := question.Read(ctx, func(record core.Record) bool {
		list.Count++
		return book.Row(record.Row()) == nil
	})
	if err != nil && list.Count == 0 {
		return report, err
	}
	facts := reportFacts(function.Name, report, params, style)
	list.Of, list.AsOf = report.Provider+"/"+report.Account, report.AsOf
	switch {
	case err != nil:
		failure := core.AsError(err)
		list.State, list.Why = sheet.ListPart, string(failure.Code)
		facts = append(facts, [2]string{"detail", failure.Public()})
	case report.Stopped != nil:
		list.State, list.Why = sheet.ListPart, string(*report.Stopped)
	case !report.Complete:
		list.State = sheet.ListUnproven
	case len(params["cursor"]) > 0:
		list.State = sheet.ListRest
	}
	book.Facts(style.Text("Report", "说明"), facts)
	if closing := book.Close(style.Heading(list)); err == nil {
		err = closing
	}
	return report, err
}

// reportFacts are the names and values of a report.
func reportFacts(function string, report core.Report, params core.Params, style sheet.Style) [][2]string {
	facts := [][2]string{
		{"function", function}, {"provider", report.Provider}, {"account", report.Account},
		{"complete", strconv.FormatBool(report.Complete)},
	}
	add := func(name, value string) { facts = append(facts, [2]string{name, value}) }
	if report.Stopped != nil {
		add("stopped", string(*report.Stopped))
	}
	if !report.AsOf.IsZero() {
		add("as_of", style.Time(report.AsOf))
	}
	add("count", strconv.Itoa(report.Count))
	if report.Total != nil {
		add("total", strconv.Itoa(*report.Total))
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if name != "cursor" {
			add("query", name+"="+strings.Join(params[name], ","))
		}
	}
	for _, id := range report.MissingIDs {
		add("missing_id", id)
	}
	for _, w := range report.Warnings {
		add("warning", strings.Join(slices.DeleteFunc([]string{w.Code, w.CustomerID, w.Field, warningText(w)}, func(s string) bool { return s == "" }), ": "))
	}
	if report.Next != nil {
		add("next", *report.Next)
	}
	return facts
}
