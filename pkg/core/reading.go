package core

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
)

// reading is the state of one Read. It belongs to one goroutine.
type reading[Q Query, T Record] struct {
	ctx         context.Context
	reader      *Reader[Q, T]
	opts        ReadOptions
	keep        func(record T, before Cursor) bool
	passes      []Pass[Q]
	fingerprint []byte
	from        Cursor // where an earlier answer stopped
	tries       tries
	report      Report
	doubt       bool
	pages, rows int

	seen *keySet // customers told apart so far
	here Cursor  // after the last row taken in

	// Of the pass under way, where it is by id:
	answered map[string]bool
	idRows   int // customers so far
	skip     int // of them, to pass over: an earlier answer handed them out
}

func (r *Reader[Q, T]) begin(ctx context.Context, opts ReadOptions, fingerprint []byte, keep func(T, Cursor) bool) (*reading[Q, T], error) {
	d := &reading[Q, T]{
		ctx: ctx, reader: r, opts: opts, keep: keep, fingerprint: fingerprint,
		seen: newKeySet(), answered: make(map[string]bool),
	}
	d.report = Report{
		Schema: r.opts.Schema, Provider: r.opts.Provider, Account: r.opts.Account,
		AsOf:       r.opts.Now().UTC().Truncate(time.Second),
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
	if d.from, err = decodeCursor(opts.Cursor, fingerprint); err != nil {
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

// whole is the read from its beginning to its end.
func (d *reading[Q, T]) whole(query Q) (report Report, err error) {
	if d.passes, err = d.reader.passes(d.ctx, query); err != nil {
		return Report{}, AsError(err)
	}
	if err := d.run(); err != nil {
		return Report{}, AsError(err)
	}
	return d.finish(), nil
}

// run reads the passes. Its error is for a read that has nothing to show.
func (d *reading[Q, T]) run() error {
	start := 0
	if d.from.Pass != "" {
		start = slices.IndexFunc(d.passes, func(p Pass[Q]) bool { return p.Name == d.from.Pass })
		if start < 0 {
			return Invalid("cursor", "goes on at a reseller that is no longer there; start again without it")
		}
	}
	for i := start; i < len(d.passes); i++ {
		pass := d.passes[i]
		from := d.from
		if i > start {
			from = Cursor{Began: d.from.Began}
		}
		from.Pass = pass.Name
		d.here = from
		d.skip, d.idRows = 0, 0
		clear(d.answered)
		if pass.Queries[0].AskedIDs() != nil {
			d.skip = from.Skip
			from = Cursor{Pass: pass.Name, Began: from.Began}
		}
		for _, query := range pass.Queries {
			c := &course[Q, T]{query: query, asked: query.AskedIDs(), from: from, unique: from.Unique}
			if from.Total != nil {
				c.total = *from.Total
			}
			c.resumed = from.Anchor != ""
			ended, err := d.follow(c)
			if failure := AsError(err); failure != nil {
				if d.pages == 0 || failure.Code == CodeCanceled {
					return failure
				}
				d.fail(failure)
				return nil
			}
			if !ended {
				return nil
			}
		}
		for _, id := range pass.Queries[0].AskedIDs() {
			if !d.answered[id] {
				d.report.MissingIDs = append(d.report.MissingIDs, id)
			}
		}
		if d.full() && i < len(d.passes)-1 {
			d.here = Cursor{Pass: d.passes[i+1].Name, Began: d.from.Began}
			d.stop(StoppedLimit)
			return nil
		}
	}
	return nil
}

// takenIn notes that a page was read, and how many rows of it were not before.
func (d *reading[Q, T]) takenIn(page Page[T], rows int) {
	d.pages++
	d.rows += rows
	d.report.addRequestID(page.RequestID)
	if page.Total != nil && len(d.passes) == 1 {
		d.report.Total = page.Total
	}
	if trace := traceOf(d.ctx); trace.PageRead != nil {
		trace.PageRead(d.pages, d.rows, page.Total)
	}
}

// take hands on those of a page's rows that are new; false where the read
// stops at one of them. Rows before skip were handed out by an earlier answer.
func (d *reading[Q, T]) take(c *course[Q, T], rows []T, at Cursor, skip int) bool {
	for i, record := range rows {
		key := record.Key()
		if i < skip {
			d.seen.add(key)
			continue
		}
		if d.seen.has(key) {
			if c.asked == nil && key == d.here.Anchor { // where he stands now; others are before him
				d.passed(c, key, at, i)
			}
			continue
		}
		if d.skip == 0 && d.full() {
			d.stop(StoppedLimit)
			return false
		}
		if d.wants(c, record) {
			if !d.keep(record, d.here) {
				d.stop(StoppedSize)
				return false
			}
			d.report.Count++
		}
		d.seen.add(key)
		c.unique++
		d.passed(c, key, at, i)
	}
	return true
}

// passed moves the place that a cursor would go on from to after row i of the
// page at at. A pass by id goes on by going over it from its beginning, its first rows
// passed over: only so is it known at its end which ids are missing.
func (d *reading[Q, T]) passed(c *course[Q, T], key string, at Cursor, i int) {
	if c.asked != nil {
		d.idRows++
		d.here.Skip = max(d.here.Skip, d.idRows)
		return
	}
	d.here.Offset, d.here.Size, d.here.Skip, d.here.Anchor = at.Offset, at.Size, i+1, key
	d.here.Unique = c.unique
	if c.counted {
		total := c.total
		d.here.Total = &total
	}
}

// wants settles a new row and says whether it is to be handed on.
func (d *reading[Q, T]) wants(c *course[Q, T], record T) bool {
	if c.asked != nil {
		d.answered[record.ID()] = true
	}
	if d.skip > 0 {
		d.skip--
		return false
	}
	if c.asked != nil && !slices.Contains(c.asked, record.ID()) { // a cloud's filter may find more than the id
		return false
	}
	record.Settle(d.report.Account, d.report.AsOf, d.reader.opts.Rules)
	return len(d.opts.Statuses) == 0 || slices.Contains(d.opts.Statuses, record.StatusText())
}

func (d *reading[Q, T]) full() bool { return d.opts.Limit > 0 && d.report.Count >= d.opts.Limit }

func (d *reading[Q, T]) unproven(code, message string) {
	d.doubt = true
	d.report.warn(code, message)
}

// stop ends the read, to go on from here.
func (d *reading[Q, T]) stop(why Stop) {
	d.here.Doubt = d.doubt
	d.report.stop(why, d.here, d.fingerprint)
}

// fail ends a read that has something to show.
func (d *reading[Q, T]) fail(failure *Error) {
	if failure.Code == CodeDeadline {
		d.stop(StoppedDeadline)
	} else {
		d.stop(StoppedUpstream)
	}
	d.report.warn(string(failure.Code), failure.Public())
}

func (d *reading[Q, T]) finish() Report {
	d.report.Complete = d.report.Stopped == nil && !d.doubt
	return d.report
}
