package api

import (
	"context"
	"io"
	"strconv"
	"strings"

	"partnerlens/pkg/core"
	"partnerlens/pkg/sheet"
)

// The first cells of the rows that are not customers. A customer's row begins with the
// name of a vendor.
const (
	rowIncomplete = "#incomplete" // the reason, the cursor to continue from, and the messages
	rowMissing    = "#missing"    // an id of the query that the vendor did not answer
	rowWarning    = "#warning"    // of a complete answer, or about its rows: the code, the customer, the vendor's member, and the message
)

// The trailers of a CSV answer have the values of a report. A host that buffers turns them
// into headers.
const (
	trailerComplete = "Partnerlens-Complete"
	trailerStopped  = "Partnerlens-Stopped"
	trailerNext     = "Partnerlens-Next"
	csvTrailers     = trailerComplete + ", " + trailerStopped + ", " + trailerNext
)

// maxNextTrailer is the longest cursor in a trailer: clients and proxies bound headers. The
// last row has a cursor of any length.
const maxNextTrailer = 4 << 10

// WriteCSV reads the question and writes RFC 4180: CRLF, UTF-8, a header row, every row
// with the same number of cells. The report follows the records in rows of its own; a
// complete answer without missing ids and warnings has none.
//
// A cell has the exact id, amount or month, with one exception: in a text, an apostrophe
// precedes what a spreadsheet would run as a formula (see package sheet).
//
// A column with the local date follows each column of a moment, which is in UTC; that of the
// first moment after a period has the last day of the period.
//
// A spreadsheet that opens such a file by a double click reads UTF-8 as the local code
// page, shows an id of twelve digits as 2E+11, and a month as a date. Over HTTP
// "text/csv; profile=excel" avoids this: the file begins with a byte order mark, and a
// text that looks like a number or a date is written ="200000000000", which spreadsheets
// show, sort and save as that text. Programs should not use it.
func WriteCSV(ctx context.Context, w io.Writer, function *core.Function, question Question, style sheet.Style) (core.Report, error) {
	return (&lines{format: csvTable{sheet.NewCSV(function.Columns, style)}, w: w}).read(ctx, question)
}

func writeCSV(a *answer) error {
	style := sheet.Style{Zone: a.zone, Excel: strings.EqualFold(a.accepted["profile"], "excel")}
	report, err := a.writeLines(csvTable{sheet.NewCSV(a.call.function.Columns, style)})
	if err != nil {
		return err
	}
	header := a.w.Header()
	header.Set(trailerComplete, strconv.FormatBool(report.Complete))
	if report.Stopped != nil {
		header.Set(trailerStopped, string(*report.Stopped))
	}
	if report.Next != nil && len(*report.Next) <= maxNextTrailer {
		header.Set(trailerNext, *report.Next)
	}
	return nil
}

// csvTable is the lineFormat of CSV.
type csvTable struct{ *sheet.CSV }

func (t csvTable) opening() []byte { return t.Header() }

func (t csvTable) record(b []byte, record core.Record) ([]byte, error) {
	return t.AppendRow(b, record.Row()), nil
}

// closing returns the rows of the report after the customers.
func (t csvTable) closing(report core.Report) ([]byte, error) {
	var b []byte
	for _, id := range report.MissingIDs {
		b = t.AppendNote(b, rowMissing, id)
	}
	for _, w := range report.Warnings {
		if report.Complete || w.AboutRecords() {
			b = t.AppendNote(b, rowWarning, w.Code, w.CustomerID, w.Field, warningText(w))
		}
	}
	if report.Complete {
		return b, nil
	}
	reason, next := "unproven", ""
	if report.Stopped != nil {
		reason = string(*report.Stopped)
	}
	if report.Next != nil {
		next = *report.Next
	}
	var messages []string
	for _, w := range report.Warnings {
		if !w.AboutRecords() {
			messages = append(messages, warningText(w))
		}
	}
	return t.AppendNote(b, rowIncomplete, reason, next, strings.Join(messages, "; ")), nil
}

func (t csvTable) cutShort(failure *core.Error) ([]byte, error) {
	return t.AppendNote(nil, rowIncomplete, string(failure.Code), "", failure.Public()), nil
}

// warningText returns a warning's message, after its account if there are several.
func warningText(w core.Warning) string {
	if w.Account == "" {
		return w.Message
	}
	return w.Account + ": " + w.Message
}
