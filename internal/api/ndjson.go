package api

import "partnerlens/pkg/core"

// writeNDJSON writes a record a line, and the report as the last.
func writeNDJSON(a *answer) error {
	return a.writeLines(lineFormat{
		record:  func(b []byte, record core.Record) ([]byte, error) { return jsonLine(b, record) },
		closing: func(report core.Report) ([]byte, error) { return jsonLine(nil, report) },
		cutShort: func(failure *core.Error) ([]byte, error) {
			return jsonLine(nil, problemOf(failure, a.w.Header().Get(requestIDHeader)))
		},
	})
}

func jsonLine(b []byte, v any) ([]byte, error) {
	b, err := core.AppendJSON(b, v)
	return append(b, '\n'), err
}
