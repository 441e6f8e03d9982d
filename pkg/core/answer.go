package core

import (
	"bytes"
	"context"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// AppendJSON appends v as the JSON that every answer is written in: one line,
// members in the order of the contract (of a map in the order of its keys), nothing escaped that need not be.
func AppendJSON(b []byte, v any) ([]byte, error) {
	buf := bytes.NewBuffer(b)
	if err := json.MarshalWrite(buf, v, json.Deterministic(true)); err != nil {
		return b, &Error{Code: CodeInternal, Err: fmt.Errorf("an answer did not marshal: %w", err)}
	}
	return buf.Bytes(), nil
}

// JSON reads the question and gives the whole answer as one JSON document: the
// Report with its records as "items". fits says whether a record's JSON still
// has room in the answer; the read stops before the first that has none. nil:
// room without end. The records are held in memory; for many use Read.
func (q *Question) JSON(ctx context.Context, fits func(record []byte) bool) ([]byte, Report, error) {
	var failure error
	items := []byte{'['}
	report, err := q.Read(ctx, func(record Record) bool {
		start := len(items)
		if start > 1 {
			items = append(items, ',')
		}
		grown, err := AppendJSON(items, record)
		if err != nil {
			failure = err
			items = items[:start]
			return false
		}
		if fits != nil && !fits(grown[start:]) {
			items = grown[:start]
			return false
		}
		items = grown
		return true
	})
	if err == nil {
		err = failure
	}
	if err != nil {
		return nil, Report{}, err
	}
	document := struct {
		Report `json:",inline"`
		Items  jsontext.Value `json:"items"`
	}{report, append(items, ']')}
	body, err := AppendJSON(nil, document)
	if err != nil {
		return nil, Report{}, err
	}
	return append(body, '\n'), report, nil
}
