package api

import (
	"context"
	"io"

	"partnerlens/pkg/core"
)

// WriteNDJSON reads the question and writes one record a line, as they arrive, and the
// report as the last line. If the last line is a problem, or no report, the list was cut
// short; the error has the reason.
func WriteNDJSON(ctx context.Context, w io.Writer, question *core.Question) (core.Report, error) {
	return (&lines{format: ndjson(""), w: w}).read(ctx, question)
}

func writeNDJSON(a *answer) error {
	_, err := a.writeLines(ndjson(a.w.Header().Get(requestIDHeader)))
	return err
}

// ndjson is the lineFormat of NDJSON: the id of the request.
type ndjson string

func (ndjson) opening() []byte { return nil }

func (ndjson) record(b []byte, record core.Record) ([]byte, error) { return jsonLine(b, record) }

func (ndjson) closing(report core.Report) ([]byte, error) { return jsonLine(nil, report) }

func (n ndjson) cutShort(failure *core.Error) ([]byte, error) {
	return jsonLine(nil, failure.Problem(string(n)))
}

func jsonLine(b []byte, v any) ([]byte, error) {
	b, err := core.AppendJSON(b, v)
	return append(b, '\n'), err
}
