package api

import (
	"net/http"

	"partnerlens/pkg/core"
)

// lineFormat writes records as they come, one after another.
type lineFormat struct {
	opening  []byte // before the first record
	record   func(b []byte, record core.Record) ([]byte, error)
	closing  func(report core.Report) ([]byte, error)
	cutShort func(failure *core.Error) ([]byte, error) // in place of closing, where the read gave no report
	trailers func(report core.Report)                  // may be nil
}

// flushEvery is how many records at most wait for the client to get them.
const flushEvery = 100

// writeLines reads the question and writes it in f. Nothing is written before
// the first record, so that a read that fails at once is still a problem.
func (a *answer) writeLines(f lineFormat) error {
	room, err := a.room(func(report core.Report) ([]byte, error) {
		closing, err := f.closing(report)
		return append(closing, f.opening...), err
	})
	if err != nil {
		return err
	}
	out := lineWriter{answer: a, opening: f.opening}
	var line []byte
	var unwritable error
	report, err := a.question.Read(a.ctx, func(record core.Record) bool {
		if line, unwritable = f.record(line[:0], record); unwritable != nil || !room.take(line) {
			return false
		}
		out.write(line)
		if out.lines%flushEvery == 0 {
			out.flush()
		}
		return out.failed == nil // false: the client went away
	})
	if unwritable != nil {
		err = unwritable
	}
	if out.failed != nil {
		return nil
	}
	if err != nil {
		return a.breakOff(f, &out, core.AsError(err))
	}
	if err := a.refuse(report); err != nil {
		return err
	}
	closing, err := f.closing(report)
	if err != nil {
		return a.breakOff(f, &out, core.AsError(err))
	}
	out.write(closing)
	if f.trailers != nil {
		f.trailers(report)
	}
	return nil
}

// breakOff ends an answer without a report. Once records are written that has
// to stand in the answer itself: a list that merely ends looks whole.
func (a *answer) breakOff(f lineFormat, out *lineWriter, failure *core.Error) error {
	if !a.started {
		return failure
	}
	last, err := f.cutShort(failure)
	if err == nil {
		out.write(last)
	}
	if f.trailers != nil {
		f.trailers(core.Report{})
	}
	return nil
}

// lineWriter begins the answer with the first line.
type lineWriter struct {
	answer  *answer
	opening []byte
	lines   int
	failed  error
}

func (w *lineWriter) write(line []byte) {
	if !w.answer.started {
		w.answer.start()
		_, w.failed = w.answer.w.Write(w.opening)
	}
	if w.failed == nil {
		_, w.failed = w.answer.w.Write(line)
	}
	w.lines++
}

// flush hands on what is written. A host that buffers has no such thing.
func (w *lineWriter) flush() {
	_ = http.NewResponseController(w.answer.w).Flush()
}
