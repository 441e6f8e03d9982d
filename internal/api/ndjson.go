package api

import (
	"context"
	"io"

	"partnerlens/pkg/core"
)

// WriteNDJSON reads the question and writes a record a line, as they come, and
// the report as the last line. If it is a problem, or missing, the list was cut
// short; the error says by what.
func WriteNDJSON(ctx context.Context, w io.Writer, question *core.Question) (core.Report, error) {
	return (&lines{format: ndjson(""), w: w}).read(ctx, question)
}

func writeNDJSON(a *answer) error {
	_, err := a.writeLines(ndjson(a.w.Header().Get(requestIDHeader)))
	return err
}

func ndjson(requestID string) lineFormat {
	return lineFormat{
		record:   func(b []byte, record core.Record) ([]byte, error) { return jsonLine(b, record) },
		closing:  func(report core.Report) ([]byte, error) { return jsonLine(nil, report) },
		cutShort: func(failure *core.Error) ([]byte, error) { return jsonLine(nil, problemOf(failure, requestID)) },
	}
}

func jsonLine(b []byte, v any) ([]byte, error) {
	b, err := core.AppendJSON(b, v)
	return append(b, '\n'), err
}
