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

// Reader reads all customers of a query from a Source, page by page, and reports
// whether the answer is proven complete. It is the same for every vendor. Safe
// for concurrent use.
//
// A read takes these steps; each is a file:
//
//   - Each call waits for a permit of the account's Pacer (pace.go), and a call
//     that fails for a passing reason is repeated (retry.go).
//   - A prefetcher keeps several pages in flight and returns them in order
//     (prefetch.go).
//   - A list hands on each customer once, whatever rows move between pages
//     (list.go), in one or more passes over its pages (pass.go). Customers asked
//     for by id are read without pages (ids.go).
//   - The proof shows that no customer is missing, or says why it cannot
//     (proof.go, witness.go).
//   - A read that stops early returns a cursor, from which another read
//     continues (cursor.go).
type Reader[Q Query, T Record] struct {
	source Source[Q, T]
	opts   ReaderOptions[Q]
	shared shared[T]
}

// ReaderOptions are the options of NewReader. They are copied.
type ReaderOptions[Q Query] struct {
	Schema   string // of the records, as "partnerlens.credit/v1"
	Provider string // as "tencentcloud"
	Account  string // "": DefaultAccount
	Rules    Rules

	// Scopes splits a query into the lists that the vendor has; nil: one scope.
	// It may call the vendor. It must return the scopes in the same order each
	// time.
	Scopes func(context.Context, Q) ([]Scope[Q], error)

	// Witness reads a second list of the same customers, one with a total, which
	// proves a list that has none; nil: there is no such list.
	Witness *Reader[Q, *Member]

	// Pacer spaces the calls. All Readers of one account and API share it. nil:
	// a new Pacer without a limit.
	Pacer *Pacer

	// ShareFor is how long a complete answer of at most 2,000 records may be
	// reused for identical queries, including queries that arrive while it is
	// still being read; 0: never.
	ShareFor time.Duration

	Attempts int              // attempts at a page whose failure may pass; 0: 6
	Now      func() time.Time // dates Reports; nil: time.Now
}

// ReadOptions are the options of a read. The zero value reads everything from
// the beginning.
type ReadOptions struct {
	Limit    int      // records at most; 0: no limit
	Statuses []string // only records with one of these; none: all
	Cursor   string   // a Report's Next, for the same query

	// Known are the customers of the answers before Cursor. With them, an answer
	// from a cursor is proven like one from the beginning. nil: not known.
	Known Known

	// AsOf dates the Report and evaluates the records, so that an answer from a
	// cursor can have the date of the one before. Zero: now.
	AsOf time.Time

	alone     bool // the answer is not shared
	checkOnly bool // only the cursor is checked
}

// Known yields the keys of the customers that earlier answers of a read
// contained, as Record.Key returns them.
type Known = iter.Seq2[string, error]

// NewReader returns a Reader over source. nil options are the zero value.
func NewReader[Q Query, T Record](source Source[Q, T], opts *ReaderOptions[Q]) *Reader[Q, T] {
	r := &Reader[Q, T]{source: source}
	if opts != nil {
		r.opts = *opts
	}
	if r.opts.Account == "" {
		r.opts.Account = DefaultAccount
	}
	if r.opts.Now == nil {
		r.opts.Now = time.Now
	}
	if r.opts.Attempts == 0 {
		r.opts.Attempts = attemptsPerPage
	}
	if r.opts.Pacer == nil {
		r.opts.Pacer = NewPacer(0)
	}
	if r.opts.Scopes == nil {
		r.opts.Scopes = func(_ context.Context, query Q) ([]Scope[Q], error) {
			return []Scope[Q]{{Queries: []Q{query}}}, nil
		}
	}
	return r
}

// Read runs a query and calls keep for each record. keep returns false if it has
// no room: the read then stops before that record, as StoppedSize.
//
// Read returns an error for a query that cannot be asked, for a canceled
// context, and if not a single page could be read. After the first page a
// failure is in the Report, with a cursor. If ctx has a deadline, the read stops
// as StoppedDeadline while there is still time to answer.
func (r *Reader[Q, T]) Read(ctx context.Context, query Q, opts *ReadOptions, keep func(T) bool) (Report, error) {
	return r.walk(ctx, query, opts, func(record T, _ func() string) bool { return keep(record) })
}

// walk is Read with a place for each record: the cursor that continues before
// it. place is valid until keep returns; it is nil if the answer may be shared.
func (r *Reader[Q, T]) walk(ctx context.Context, query Q, opts *ReadOptions, keep func(record T, place func() string) bool) (Report, error) {
	if opts == nil {
		opts = new(ReadOptions)
	}
	fingerprint, err := r.fingerprint(query)
	if err != nil {
		return Report{}, err
	}
	read := func(keep func(T, Cursor) bool) (Report, error) { return r.read(ctx, query, *opts, fingerprint, keep) }
	if r.opts.ShareFor > 0 && !opts.alone && !opts.checkOnly {
		question := fmt.Sprintf("%x %d %q %q", fingerprint, opts.Limit, opts.Statuses, opts.Cursor)
		return r.shared.ask(ctx, question, r.opts.ShareFor, fingerprint, read, func(record T) bool { return keep(record, nil) })
	}
	var next Cursor
	place := func() string { return next.placed().encode(fingerprint) }
	return read(func(record T, before Cursor) bool {
		next = before
		return keep(record, place)
	})
}

// fingerprint returns what a cursor is bound to: the schema, the account and
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

// readState is the state of one read. It belongs to one goroutine.
type readState[Q Query, T Record] struct {
	ctx         context.Context
	reader      *Reader[Q, T]
	opts        ReadOptions
	keep        func(record T, before Cursor) bool
	fingerprint []byte
	from        Cursor // where the earlier answer stopped
	scopes      []Scope[Q]
	retry       retryBudget
	report      Report
	unproved    bool        // some of the answer is not proven complete
	pages, rows int         // taken in
	notes       RecordNotes // of every customer handed on or filtered out

	here    Cursor // after the last record handed on
	noneNew bool   // the list is at its end, and nothing was handed on since the cursor
}

// read reads the scopes of a query in order, from a cursor on, and completes the
// Report.
func (r *Reader[Q, T]) read(ctx context.Context, query Q, opts ReadOptions, fingerprint []byte, keep func(T, Cursor) bool) (Report, error) {
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
	if opts.Cursor != "" {
		var err error
		if d.from, err = decodeCursor(opts.Cursor, fingerprint, now); err != nil {
			return Report{}, err
		}
		if d.from.Doubt {
			d.unproven(WarnEarlierDoubt, "an earlier part of this read could not be proven whole")
		}
	}
	if opts.checkOnly {
		return Report{}, nil
	}
	err := d.readScopes(query)
	end := ReadEnd{
		Schema: r.opts.Schema, Provider: r.opts.Provider, Account: r.opts.Account,
		Pages: d.pages, Customers: d.rows,
	}
	defer func() { tracesOf(ctx).ended(ctx, end) }()
	if failure := AsError(err); failure != nil {
		if d.pages == 0 || failure.Code == CodeCanceled {
			end.Code = failure.Code
			return Report{}, failure
		}
		d.fail(failure)
	}
	d.report.Complete = d.report.Stopped == nil && !d.unproved
	d.report.addNotes(d.notes.Warnings())
	end.Complete = d.report.Complete
	if d.report.Stopped != nil {
		end.Stopped = *d.report.Stopped
	}
	return d.report, nil
}

func (d *readState[Q, T]) readScopes(query Q) (err error) {
	if d.scopes, err = d.reader.opts.Scopes(d.reader.callsOnly(d.ctx), query); err != nil {
		return err
	}
	first := 0
	if d.from.Scope != "" {
		first = slices.IndexFunc(d.scopes, func(s Scope[Q]) bool { return s.Name == d.from.Scope })
		if first < 0 {
			return Invalid("cursor", "goes on at a reseller that is no longer there; start again without it")
		}
	}
	from := d.from
	for i, scope := range d.scopes[first:] {
		from.Scope = scope.Name
		d.here = from
		ids := scope.Queries[0].AskedIDs()
		if ids == nil && from.Anchor == "" && from.Skip > 0 || ids != nil && (from.Anchor != "" || from.Late || from.Skip >= len(ids)*len(scope.Queries)) {
			return errImpossible()
		}
		var finished bool
		if ids == nil {
			finished, err = d.readList(scope.Queries[0], from)
		} else {
			finished, err = d.readIDs(scope, from.Skip)
		}
		if err != nil || !finished {
			return err
		}
		from = Cursor{Began: d.from.Began}
		if d.full() && first+i < len(d.scopes)-1 {
			d.here = Cursor{Scope: d.scopes[first+i+1].Name, Began: d.from.Began}
			d.stop(StoppedLimit)
			return nil
		}
	}
	return nil
}

// pageRead counts a page, and so many rows of it.
func (d *readState[Q, T]) pageRead(requestID string, total *int, rows int) {
	d.pages++
	d.rows += rows
	d.report.addRequestID(requestID)
	if total != nil && len(d.scopes) == 1 {
		d.report.Total = total
	}
	tracesOf(d.ctx).pageRead(d.pages, d.rows, total)
}

// wanted evaluates a record and reports whether its status is asked for.
func (d *readState[Q, T]) wanted(record T) bool {
	record.Evaluate(d.report.Account, d.report.AsOf, d.reader.opts.Rules)
	return len(d.opts.Statuses) == 0 || slices.Contains(d.opts.Statuses, record.StatusText())
}

// full reports whether the limit is reached.
func (d *readState[Q, T]) full() bool { return d.opts.Limit > 0 && d.report.Count >= d.opts.Limit }

// upTo returns the row up to which pages are needed, from a row on, of a list
// that ends at row end. 0 is unknown, for both.
func (d *readState[Q, T]) upTo(row, end int) int {
	if d.opts.Limit == 0 || len(d.opts.Statuses) > 0 {
		return end
	}
	needed := row + d.opts.Limit - d.report.Count
	if end == 0 {
		return needed
	}
	return min(needed, end)
}

// handOn hands on a new record. It returns false if the read stops before it.
func (d *readState[Q, T]) handOn(record T) bool {
	if d.full() {
		d.stop(StoppedLimit)
		return false
	}
	if d.wanted(record) {
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
	d.unproved = true
	d.report.warn(code, message)
}

// stop ends the read; a cursor continues here.
func (d *readState[Q, T]) stop(why Stop) {
	d.here.Doubt = d.unproved
	d.report.stop(why, d.here, d.fingerprint)
}

// fail ends a read that has read some pages.
func (d *readState[Q, T]) fail(failure *Error) {
	why := StoppedUpstream
	if failure.Code == CodeDeadline {
		why = StoppedDeadline
	}
	if why == StoppedDeadline && d.noneNew && d.opts.Cursor != "" {
		// This call did nothing but prove, and was too short for it. The next
		// would be as well.
		d.report.Stopped = &why
		d.unproven(string(failure.Code), "every customer was read, and there was no time to prove that; read in one answer, or with a longer time limit")
		return
	}
	d.stop(why)
	d.report.warn(string(failure.Code), failure.Public())
}
