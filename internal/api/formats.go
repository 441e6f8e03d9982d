package api

import (
	"context"
	"io"
	"net/http"

	"partnerlens/pkg/core"
)

// format is one form of an answer.
type format struct {
	media       string // compared with Accept
	contentType string
	trailers    string // names; over HTTP/1 a short answer has trailers only if they are announced
	write       func(*answer) error
}

// formats are the formats of an answer, in order of preference.
var formats = []format{
	{media: "application/json", contentType: "application/json", write: writeJSON},
	{media: "application/x-ndjson", contentType: "application/x-ndjson", write: writeNDJSON},
	{media: "text/csv", contentType: "text/csv; charset=utf-8; header=present", trailers: csvTrailers, write: writeCSV},
}

// writeJSON writes the report with its records. The report comes first, so that nothing is
// written before the read has finished.
func writeJSON(a *answer) error {
	room, err := newRoom(a.w, a.call.function, a.call.params, jsonFrame)
	if err != nil {
		return err
	}
	body, report, err := a.question.JSON(a.ctx, room.take)
	if err != nil {
		return err
	}
	a.call.report = &report
	if err := a.check(report); err != nil {
		return err
	}
	a.call.customers = report.Count
	_, _ = a.Write(body) // fails only if the client is gone
	return nil
}

// byteBudget is a budget in bytes.
type byteBudget int

func (b byteBudget) Budget() int     { return int(b) }
func (byteBudget) Cost(p []byte) int { return len(p) }

// JSON reads the question, which has the parameters params, and returns the answer as one
// JSON document of at most budget bytes.
func JSON(ctx context.Context, f *core.Function, question *core.Question, params core.Params, budget int) ([]byte, core.Report, error) {
	room, err := newRoom(byteBudget(budget), f, params, jsonFrame)
	if err != nil {
		return nil, core.Report{}, err
	}
	return question.JSON(ctx, room.take)
}

// jsonFrame returns the JSON around the records.
func jsonFrame(report core.Report) ([]byte, error) {
	return jsonLine(nil, struct {
		core.Report `json:",inline"`
		Items       []core.Record `json:"items"`
	}{Report: report})
}

// Question is a core.Question, or the like: something whose records and report can be read.
type Question interface {
	Read(ctx context.Context, keep func(core.Record) bool) (core.Report, error)
}

// WriteJSON reads the question and writes one JSON object: the records as "items", as they
// arrive, and after them the members of the report. If the read fails after the first record,
// "complete" is false and "problem" has the reason.
func WriteJSON(ctx context.Context, w io.Writer, question Question) (core.Report, error) {
	return (&lines{format: new(jsonItems), w: w}).read(ctx, question)
}

// jsonItems is the lineFormat of WriteJSON.
type jsonItems struct{ started bool }

func (*jsonItems) opening() []byte { return []byte(`{"items":[`) }

func (j *jsonItems) record(b []byte, record core.Record) ([]byte, error) {
	if j.started {
		b = append(b, ',')
	}
	j.started = true
	return core.AppendJSON(b, record)
}

func (*jsonItems) closing(report core.Report) ([]byte, error) { return afterItems(report) }

func (*jsonItems) cutShort(failure *core.Error) ([]byte, error) {
	return afterItems(map[string]any{"complete": false, "problem": failure.Problem("")})
}

// afterItems returns the members of v as the end of an object.
func afterItems(v any) ([]byte, error) {
	b, err := jsonLine(nil, v)
	if err != nil {
		return nil, err
	}
	return append([]byte("],"), b[1:]...), nil
}

// WriteNDJSON reads the question and writes one record a line, as they arrive, and the
// report as the last line. If the last line is a problem, or no report, the list was cut
// short; the error has the reason.
func WriteNDJSON(ctx context.Context, w io.Writer, question Question) (core.Report, error) {
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

// lineFormat formats records one after another.
type lineFormat interface {
	opening() []byte // before the first record
	record(b []byte, record core.Record) ([]byte, error)
	closing(report core.Report) ([]byte, error)
	cutShort(failure *core.Error) ([]byte, error) // in place of closing, if the read returned no report
}

// lines writes an answer in a lineFormat to w. The other options may be zero.
type lines struct {
	format lineFormat
	w      io.Writer
	room   *room
	flush  func()                         // sends what is written
	check  func(report core.Report) error // returns the error in place of a report without records

	written int // records
	started bool
	failed  error // of writing
}

// flushEvery is the number of records between flushes.
const flushEvery = 100

// read reads the question and writes the answer. It writes nothing before the first
// record, so that a read that fails at once can still become a problem. After that, the
// list itself has to state that it was cut short: otherwise it would look complete.
func (l *lines) read(ctx context.Context, question Question) (core.Report, error) {
	var line []byte
	var unwritable error
	report, err := question.Read(ctx, func(record core.Record) bool {
		if line, unwritable = l.format.record(line[:0], record); unwritable != nil || !l.room.take(line) {
			return false
		}
		l.write(line)
		if l.written++; l.written%flushEvery == 0 && l.flush != nil {
			l.flush()
		}
		return l.failed == nil // false: the client is gone
	})
	if unwritable != nil {
		err = unwritable
	}
	if err == nil && l.check != nil {
		err = l.check(report)
	}
	if l.failed != nil {
		return report, l.failed
	}
	var last []byte
	if err == nil {
		last, err = l.format.closing(report)
	}
	if err != nil {
		if !l.started {
			return report, err
		}
		last, _ = l.format.cutShort(core.AsError(err))
	}
	l.write(last)
	if err == nil {
		err = l.failed
	}
	return report, err
}

func (l *lines) write(line []byte) {
	if !l.started {
		l.started = true
		_, l.failed = l.w.Write(l.format.opening())
	}
	if l.failed == nil {
		_, l.failed = l.w.Write(line)
	}
}

// writeLines answers over HTTP in the format f. It returns an error only while nothing is
// written: after that, the end of the answer states the error.
func (a *answer) writeLines(f lineFormat) (core.Report, error) {
	room, err := newRoom(a.w, a.call.function, a.call.params, func(report core.Report) ([]byte, error) {
		closing, err := f.closing(report)
		return append(closing, f.opening()...), err
	})
	if err != nil {
		return core.Report{}, err
	}
	l := lines{
		format: f, w: a, room: room, check: a.check,
		// On a host that buffers, Flush does nothing.
		flush: func() { _ = http.NewResponseController(a.w).Flush() },
	}
	report, err := l.read(a.ctx, a.question)
	a.call.customers = l.written
	if report.Schema != "" {
		a.call.report = &report
	}
	switch {
	case err == nil:
		return report, nil
	case a.started:
		a.call.failure = core.AsError(err)
		if l.failed != nil { // the client is gone, or read nothing for too long
			a.call.failure = &core.Error{Code: core.CodeCanceled, Err: err}
		}
		return core.Report{}, nil
	}
	return core.Report{}, err
}
