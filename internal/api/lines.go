package api

import (
	"context"
	"io"
	"net/http"

	"partnerlens/pkg/core"
)

// lineFormat writes records as they come, one after another.
type lineFormat struct {
	opening  []byte // before the first record
	record   func(b []byte, record core.Record) ([]byte, error)
	closing  func(report core.Report) ([]byte, error)
	cutShort func(failure *core.Error) ([]byte, error) // in place of closing, where the read gave no report
}

// lines is one answer in a lineFormat on its way to w. The zero fields but for
// format and w mean nothing special.
type lines struct {
	format lineFormat
	w      io.Writer
	room   *room
	flush  func()                         // hands on what is written
	refuse func(report core.Report) error // says why a report without records is no answer

	written int // records
	begun   bool
	failed  error // of writing
}

// flushEvery is how many records at most wait for the client to get them.
const flushEvery = 100

// read reads the question and writes it. Nothing is written before the first
// record, so that a read that fails at once can still be told as a problem.
// Once records are written, that the list ends too early has to stand in the
// list itself, since one that merely ends looks whole.
func (l *lines) read(ctx context.Context, question *core.Question) (core.Report, error) {
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
		return l.failed == nil // false: the client went away
	})
	if unwritable != nil {
		err = unwritable
	}
	if err == nil && l.refuse != nil {
		err = l.refuse(report)
	}
	if l.failed != nil {
		return report, l.failed
	}
	var last []byte
	if err == nil {
		last, err = l.format.closing(report)
	}
	if err != nil {
		if !l.begun {
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
	if !l.begun {
		l.begun = true
		_, l.failed = l.w.Write(l.format.opening)
	}
	if l.failed == nil {
		_, l.failed = l.w.Write(line)
	}
}

// writeLines answers over HTTP in f. Its error comes only while nothing is
// written: after that the answer tells by itself.
func (a *answer) writeLines(f lineFormat) (core.Report, error) {
	room, err := a.room(func(report core.Report) ([]byte, error) {
		closing, err := f.closing(report)
		return append(closing, f.opening...), err
	})
	if err != nil {
		return core.Report{}, err
	}
	l := lines{
		format: f, w: startingWriter{a}, room: room, refuse: a.refuse,
		// A host that buffers has nothing to flush.
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
		if l.failed != nil { // the client went away, or took nothing for too long
			a.call.failure = &core.Error{Code: core.CodeCanceled, Err: err}
		}
		return core.Report{}, nil
	}
	return core.Report{}, err
}

// startingWriter writes an answer's body, the status before it.
type startingWriter struct{ answer *answer }

func (w startingWriter) Write(p []byte) (int, error) {
	w.answer.start()
	return w.answer.w.Write(p)
}
