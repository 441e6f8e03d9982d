package core

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
)

// readState is the state of one Read. It belongs to one goroutine.
type readState[Q Query, T Record] struct {
	ctx         context.Context
	reader      *Reader[Q, T]
	opts        ReadOptions
	keep        func(record T, before Cursor) bool
	scopes      []Scope[Q]
	fingerprint []byte
	from        Cursor // where an earlier answer stopped
	retry       retryBudget
	report      Report
	doubt       bool
	pages, rows int
	notes       RecordNotes // of every new record, whether or not it is handed on

	here Cursor // after the last record handed on
	idle bool   // nothing was handed on since the cursor, and the list is at its end
}

func (r *Reader[Q, T]) newRead(ctx context.Context, opts ReadOptions, fingerprint []byte, keep func(T, Cursor) bool) (*readState[Q, T], error) {
	d := &readState[Q, T]{ctx: ctx, reader: r, opts: opts, keep: keep, fingerprint: fingerprint}
	now := r.opts.Now().UTC()
	d.report = Report{
		Schema: r.opts.Schema, Provider: r.opts.Provider, Account: r.opts.Account,
		AsOf:       now.Truncate(time.Second),
		MissingIDs: []string{}, Warnings: []Warning{}, RequestIDs: []string{},
	}
	d.from.Began = d.report.AsOf.Unix()
	if !opts.AsOf.IsZero() {
		d.report.AsOf = opts.AsOf.UTC().Truncate(time.Second)
	}
	if opts.Cursor == "" {
		return d, nil
	}
	var err error
	if d.from, err = decodeCursor(opts.Cursor, fingerprint, now); err != nil {
		return nil, err
	}
	if d.from.Doubt {
		d.unproven(WarnEarlierDoubt, "an earlier part of this read could not be proven whole")
	}
	return d, nil
}

// fingerprint is what a cursor is bound to: the records' kind, the account and
// the query.
func (r *Reader[Q, T]) fingerprint(query Q) ([]byte, error) {
	text, err := json.Marshal(query)
	if err != nil {
		return nil, &Error{Code: CodeInternal, Err: fmt.Errorf("a query did not marshal: %w", err)}
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q ", r.opts.Schema, r.opts.Provider, r.opts.Account)
	h.Write(text)
	return h.Sum(nil), nil
}

// run reads the scopes of a query and closes the Report. Its error is for a
// read that has nothing to show.
func (d *readState[Q, T]) run(query Q) (report Report, err error) {
	if d.scopes, err = d.reader.scopes(d.ctx, query); err != nil {
		return Report{}, AsError(err)
	}
	if err := d.readScopes(); err != nil {
		failure := AsError(err)
		if d.pages == 0 || failure.Code == CodeCanceled {
			return Report{}, failure
		}
		d.fail(failure)
	}
	d.report.Complete = d.report.Stopped == nil && !d.doubt
	d.report.addNotes(d.notes.Warnings())
	return d.report, nil
}

// readScopes reads the scopes in order, from the cursor's on.
func (d *readState[Q, T]) readScopes() error {
	start := 0
	if d.from.Scope != "" {
		start = slices.IndexFunc(d.scopes, func(s Scope[Q]) bool { return s.Name == d.from.Scope })
		if start < 0 {
			return Invalid("cursor", "goes on at a reseller that is no longer there; start again without it")
		}
	}
	from := d.from
	for i, scope := range d.scopes[start:] {
		from.Scope, d.here = scope.Name, from
		d.here.Scope = scope.Name
		read := func() (bool, error) { return d.readList(scope.Queries[0], from) }
		ids := scope.Queries[0].AskedIDs()
		if ids != nil {
			read = func() (bool, error) { return d.readIDs(scope, from.Skip) }
		}
		if ids == nil && from.Anchor == "" && from.Skip > 0 || ids != nil && (from.Anchor != "" || from.Late || from.Skip >= len(ids)*len(scope.Queries)) {
			return errImpossible()
		}
		if ended, err := read(); err != nil || !ended {
			return err
		}
		from = Cursor{Began: d.from.Began}
		if d.full() && start+i < len(d.scopes)-1 {
			d.here = Cursor{Scope: d.scopes[start+i+1].Name, Began: d.from.Began}
			d.stop(StoppedLimit)
			return nil
		}
	}
	return nil
}

// pageRead notes that a page was read, and how many rows of it were new.
func (d *readState[Q, T]) pageRead(requestID string, total *int, rows int) {
	d.pages++
	d.rows += rows
	d.report.addRequestID(requestID)
	if total != nil && len(d.scopes) == 1 {
		d.report.Total = total
	}
	if trace := traceOf(d.ctx); trace.PageRead != nil {
		trace.PageRead(d.pages, d.rows, total)
	}
}

// wants evaluates a new record and reports whether it is to be handed on.
func (d *readState[Q, T]) wants(record T) bool {
	record.Evaluate(d.report.Account, d.report.AsOf, d.reader.opts.Rules)
	return len(d.opts.Statuses) == 0 || slices.Contains(d.opts.Statuses, record.StatusText())
}

// full reports whether as many records as were asked for have been handed on.
func (d *readState[Q, T]) full() bool { return d.opts.Limit > 0 && d.report.Count >= d.opts.Limit }

// upTo is the row up to which pages are wanted, from a row on, of those that
// there are (0: not known); 0: all.
func (d *readState[Q, T]) upTo(row, end int) int {
	if d.opts.Limit == 0 || len(d.opts.Statuses) > 0 {
		return end
	}
	wanted := row + d.opts.Limit - d.report.Count
	if end == 0 {
		return wanted
	}
	return min(wanted, end)
}

// handOn hands on a new record; false where the read stops before it.
func (d *readState[Q, T]) handOn(record T) bool {
	if d.full() {
		d.stop(StoppedLimit)
		return false
	}
	if d.wants(record) {
		if !d.keep(record, d.here) {
			d.stop(StoppedSize)
			return false
		}
		d.report.Count++
	}
	d.notes.Add(record)
	return true
}

func (d *readState[Q, T]) unproven(code, message string) {
	d.doubt = true
	d.report.warn(code, message)
}

// stop ends the read, to continue from here.
func (d *readState[Q, T]) stop(why Stop) {
	d.here.Doubt = d.doubt
	d.report.stop(why, d.here, d.fingerprint)
}

// fail ends a read that has something to show.
func (d *readState[Q, T]) fail(failure *Error) {
	why := StoppedUpstream
	if failure.Code == CodeDeadline {
		why = StoppedDeadline
	}
	if why == StoppedDeadline && d.idle && d.opts.Cursor != "" {
		// All records are handed on, and a second call had no more time to prove
		// it than this one: a third would not either.
		d.report.Stopped = &why
		d.unproven(string(failure.Code), "every customer was read, and there was no time to prove that; read in one answer, or with a longer time limit")
		return
	}
	d.stop(why)
	d.report.warn(string(failure.Code), failure.Public())
}

// Known is the keys of the customers that earlier answers of a read handed on,
// as Record.Key returns them.
type Known = iter.Seq2[string, error]
