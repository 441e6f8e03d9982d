package api

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"partnerlens/pkg/core"
	"partnerlens/pkg/sheet"
)

// answered is a question with one customer in its answer.
type answered struct {
	report core.Report
	err    error
}

func (a answered) Read(_ context.Context, keep func(core.Record) bool) (core.Report, error) {
	keep(&core.CustomerCredit{Provider: "cloud", Account: "north", CustomerID: "200000000001"})
	return a.report, a.err
}

// The workbook of a part of the customers does not look like one of all.
func TestXLSXSaysWhatItLacks(t *testing.T) {
	t.Parallel()
	stopped := core.StoppedLimit
	whole := core.Report{Provider: "cloud", Account: "north", Complete: true, AsOf: time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)}
	unproven, part := whole, whole
	unproven.Complete, part.Complete, part.Stopped = false, false, &stopped
	for _, test := range []struct {
		params     core.Params
		answer     answered
		name, line string
	}{
		{core.Params{"pii": {"full"}, "account": {"north"}, "reseller_id": {"all"}}, answered{report: whole}, "Customers", "Complete: all 1 customers of cloud/north, as of 2026-11-22 09:00:00 (UTC+08:00)"},
		{core.Params{"status": {"forced", "low"}}, answered{report: whole}, "Customers that match", "Complete for status=forced,low: the 1 customers of cloud/north that match; "},
		{core.Params{"customer_id": {strings.Repeat("7", 200)}}, answered{report: whole}, "Customers that match", "Complete for customer_id=" + strings.Repeat("7", 88) + "…: the 1 "},
		{core.Params{"reseller_id": {"r"}}, answered{report: whole}, "Customers that match", "Complete for reseller_id=r: "},
		{core.Params{"status": {"forced"}}, answered{report: unproven}, "Customers NOT PROVEN", "NOT PROVEN COMPLETE: 1 "},
		{core.Params{"limit": {"1"}}, answered{report: part}, "Customers NOT COMPLETE", "NOT COMPLETE (limit): only 1 "},
		{core.Params{"cursor": {"x"}}, answered{report: whole}, "Customers NOT COMPLETE", "NOT COMPLETE: the last 1 "},
		{nil, answered{err: &core.Error{Code: core.CodeCanceled}}, "Customers NOT COMPLETE", "NOT COMPLETE (canceled): only 1 customers of cloud/north; the others are missing here"},
	} {
		var out bytes.Buffer
		_, err := WriteXLSX(t.Context(), &out, core.CreditFunction(nil, nil), test.answer, test.params, sheet.Style{})
		if !errors.Is(err, test.answer.err) {
			t.Error(err)
		}
		file, err := excelize.OpenReader(&out)
		if err != nil {
			t.Fatal(err)
		}
		line, _ := file.GetCellValue(file.GetSheetName(0), "A1")
		if file.GetSheetName(0) != test.name || !strings.HasPrefix(line, test.line) || strings.Contains(line, "0001-01-01") {
			t.Errorf("%v: sheet %q, line %q", test.params, file.GetSheetName(0), line)
		}
		facts, err := file.GetRows("Report")
		if err != nil || strings.Contains(strings.Join(facts[len(facts)-1], " "), "0001-01-01") {
			t.Errorf("%v, %v", facts, err)
		}
		_ = file.Close()
	}
}
