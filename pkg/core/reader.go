package core

import (
	"context"
	"crypto/sha256"
	"errors"
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
//     that fails for a transient reason is retried (retry.go).
//   - A prefetcher keeps several pages in flight and returns them in order
//     (prefetch.go).
//   - A list hands on each customer once, whatever rows move between pages
//     (list.go), in one or more passes over its pages (pass.go). Customers asked
//     for by id are read without pages (ids.go).
//   - The proof shows that no customer is missing, or says why it cannot
//     (proof.go, witness.go).
//   - A read that stops early returns a cursor, from which another read
//     continues (cursor.go).
//   - Identical queries may be answered from one read (shared.go).
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

	// Scopes splits a query into scopes, such as one list for each reseller; nil:
	// one scope. It may call the vendor. It must return the scopes in the same
	// order each time.
	Scopes func(context.Context, Q) ([]Scope[Q], error)

	// Witness reads a second list of the same customers, one with a total, which
	// proves a list that has none; nil: there is no such list.
	Witness *Reader[Q, *Member]

	// Resellers returns the resellers that a query asks for, with their names, for
	// ReadOptions.Members; nil: there are none. It may call the vendor, and is called after
	// Scopes.
	Resellers func(context.Context, Q) ([]*Member, error)

	// Pacer spaces the calls. All Readers of one account and API share it. nil:
	// a new Pacer without a limit.
	Pacer *Pacer

	// ShareFor is how long a complete answer of at most 2,000 records may be
	// reused for identical queries, including queries that arrive while it is
	// still being read; 0: never.
	ShareFor time.Duration

	Attempts int              // attempts at a page, if its failures are retryable; 0: 6
	Now      func() time.Time // dates Reports; nil: time.Now
}

// ReadOptions are the options of a read. The zero value reads everything from
// the beginning.
type ReadOptions struct {
	Limit    int      // records at most; 0: no limit
	Statuses []string // only records with one of these; none: all
	Cursor   string   // a Report's Next, for the same query

	// Known are all customers of the earlier answers of this read. With them, an answer
	// from a cursor is proven like one from the beginning. nil: not known.
	Known Known

	// AsOf dates the Report and evaluates the records, so that an answer from a
	// cursor can have the date of the one before. Zero: now.
	AsOf time.Time

	// Members is called for each customer that the witness lists, once for each pass of an
	// answer over its list or less often, and for each reseller of the query: their profiles
	// are read without a further call, or with one for the resellers. The Report has the
	// warning WarnNames if a list cannot be read. nil: profiles are not wanted. An answer
	// with Members is not shared.
	Members func(*Member)

	// Unproven reads each list once and proves nothing, for lists of which a part is as
	// welcome as the whole. The Report is not complete, and has no warning of that.
	Unproven bool

	alone     bool // neither reuse an answer nor share this one; walk then passes a place
	checkOnly bool // check Cursor, read nothing, and return an empty Report
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
// Read returns an error for an invalid query or cursor, for a canceled context,
// and if no page could be read. After the first page any other failure is in the
// Report, with a cursor; see fail for the one exception. If ctx has a deadline, the
// read stops before an attempt that would probably end after it: as
// StoppedDeadline, or as StoppedUpstream if an attempt at that page had failed.
func (r *Reader[Q, T]) Read(ctx context.Context, query Q, opts *ReadOptions, keep func(T) bool) (Report, error) {
	return r.walk(ctx, query, opts, func(record T, _ func() string) bool { return keep(record) })
}

// walk is Read whose keep also receives place, which returns the cursor that
// continues with the record. place is valid until keep is called again. It is nil if the
// answer may be shared, which opts.alone, AsOf and Known prevent.
func (r *Reader[Q, T]) walk(ctx context.Context, query Q, opts *ReadOptions, keep func(record T, place func() string) bool) (Report, error) {
	if opts == nil {
		opts = new(ReadOptions)
	}
	fingerprint, err := r.fingerprint(query)
	if err != nil {
		return Report{}, err
	}
	start, err := r.startingCursor(opts.Cursor, fingerprint)
	if err != nil || opts.checkOnly {
		return Report{}, err
	}
	readOnce := func(keep func(T, Cursor) bool) (Report, error) {
		return r.read(ctx, query, *opts, fingerprint, start, keep)
	}
	if r.opts.ShareFor > 0 && !opts.alone && opts.AsOf.IsZero() && opts.Known == nil && opts.Members == nil {
		key := fmt.Sprintf("%x %d %q %q", fingerprint, opts.Limit, opts.Statuses, opts.Cursor)
		return r.shared.ask(ctx, key, r.opts.ShareFor, fingerprint, readOnce, func(record T) bool { return keep(record, nil) })
	}
	var before Cursor
	place := func() string { return before.encode(fingerprint) }
	return readOnce(func(record T, at Cursor) bool {
		before = at
		return keep(record, place)
	})
}

// fingerprint returns what a cursor is bound to: the schema, the provider, the
// account and the query.
func (r *Reader[Q, T]) fingerprint(query Q) ([]byte, error) {
	text, err := json.Marshal(query)
	if err != nil {
		return nil, &Error{Code: CodeInternal, Err: fmt.Errorf("a query did not marshal: %w", err)}
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %s", r.opts.Schema, r.opts.Provider, r.opts.Account, text))
	return sum[:], nil
}

// startingCursor returns the cursor that text holds, or for no text the beginning
// of a read that begins now.
func (r *Reader[Q, T]) startingCursor(text string, fingerprint []byte) (Cursor, error) {
	now := r.opts.Now()
	if text == "" {
		return Cursor{Began: now.Unix()}, nil
	}
	return decodeCursor(text, fingerprint, now)
}

// readState is the state of one answer. It belongs to one goroutine.
type readState[Q Query, T Record] struct {
	ctx         context.Context
	reader      *Reader[Q, T]
	opts        ReadOptions
	keep        func(record T, before Cursor) bool
	fingerprint []byte // binds cursors to the query, see Reader.fingerprint
	resumeFrom  Cursor // where the answer starts; Began is when the first answer of the read started
	scopes      []Scope[Q]
	retry       retryBudget
	report      Report
	incomplete  bool        // a list of this answer, or an earlier answer of the read, is not proven complete; not set by a stop
	pages       int         // received, including those of later passes and of the witness
	customers   int         // rows of first passes, and customers found by id
	notes       RecordNotes // of every customer handed on or filtered out

	scope   int    // index of the current scope
	here    Cursor // where a cursor continues: behind the last record of the first pass that was handed on or filtered out
	proving bool   // only the proof of the current list is left: no first pass will hand on more
}

// read reads the scopes of a query in order, from a cursor on.
func (r *Reader[Q, T]) read(ctx context.Context, query Q, opts ReadOptions, fingerprint []byte, start Cursor, keep func(T, Cursor) bool) (Report, error) {
	asOf := opts.AsOf
	if asOf.IsZero() {
		asOf = r.opts.Now()
	}
	s := &readState[Q, T]{
		ctx: ctx, reader: r, opts: opts, keep: keep, fingerprint: fingerprint, resumeFrom: start,
		report: Report{
			Schema: r.opts.Schema, Provider: r.opts.Provider, Account: r.opts.Account,
			AsOf:       asOf.UTC().Truncate(time.Second),
			MissingIDs: []string{}, Warnings: []Warning{}, RequestIDs: []string{},
		},
	}
	if start.Doubt { // Complete is about the whole read, not about this answer alone
		s.noteUnproven(WarnEarlierDoubt, "an earlier part of this read could not be proven whole")
	}
	failure := s.finish(AsError(s.readScopes(query)))
	end := ReadEnd{
		Schema: r.opts.Schema, Provider: r.opts.Provider, Account: r.opts.Account,
		Pages: s.pages, Customers: s.customers, Complete: s.report.Complete, Code: failure.code(),
	}
	if s.report.Stopped != nil {
		end.Stopped = *s.report.Stopped
	}
	tracesOf(ctx).ended(ctx, end)
	if failure != nil {
		return Report{}, failure
	}
	return s.report, nil
}

// ErrInterrupted is a cause with which a context is canceled to end a read early: the
// answer is then what was read, as at a deadline.
var ErrInterrupted = errors.New("interrupted")

// finish completes the Report. It returns a failure if no page was read or if the
// context was canceled, and puts any other into the Report.
func (s *readState[Q, T]) finish(failure *Error) *Error {
	if failure != nil {
		if failure.Code == CodeCanceled && errors.Is(context.Cause(s.ctx), ErrInterrupted) {
			failure = &Error{Code: CodeDeadline, Detail: "interrupted; go on from next", Err: failure}
		}
		if s.pages == 0 || failure.Code == CodeCanceled {
			return failure
		}
		s.fail(failure)
	}
	s.report.Complete = s.report.Stopped == nil && !s.incomplete
	s.report.addNotes(s.notes.Warnings())
	return nil
}

// readScopes reads the scopes of the query in order, from the cursor's on. It
// returns nil if it read them all, and after stop.
func (s *readState[Q, T]) readScopes(query Q) (err error) {
	if s.scopes, err = s.reader.opts.Scopes(s.reader.CallsOnly(s.ctx), query); err != nil {
		return err
	}
	s.nameResellers(query)
	first, start := 0, s.resumeFrom
	if start.Scope != "" {
		first = slices.IndexFunc(s.scopes, func(scope Scope[Q]) bool { return scope.Name == start.Scope })
		if first < 0 {
			return Invalid("cursor", "goes on at a reseller that is no longer there; start again without it")
		}
	}
	for s.scope = first; s.scope < len(s.scopes); s.scope++ {
		scope := s.scopes[s.scope]
		if s.scope > first {
			start = s.scopeStart()
		}
		s.here, s.proving = start, false
		s.here.Scope = scope.Name
		if s.scope > first && s.full() {
			s.stop(StoppedLimit)
			return nil
		}
		if !scope.contains(start) {
			return errImpossible()
		}
		var finished bool
		if scope.Queries[0].AskedIDs() == nil {
			finished, err = s.readList(scope.Queries[0], start)
		} else {
			finished, err = s.readIDs(scope, start.Skip)
		}
		if err != nil || !finished {
			return err
		}
	}
	return nil
}

// namesWithin bounds the wait for the names of resellers: a list that hangs must not
// take the time of the read.
const namesWithin = 20 * time.Second

// nameResellers passes the resellers of the query to Members.
func (s *readState[Q, T]) nameResellers(query Q) {
	if s.opts.Members == nil || s.reader.opts.Resellers == nil {
		return
	}
	ctx, cancel := context.WithTimeout(s.reader.CallsOnly(s.ctx), namesWithin)
	defer cancel()
	resellers, err := s.reader.opts.Resellers(ctx, query)
	if err != nil {
		s.report.warnNames("the vendor's list of resellers could not be read: " + AsError(err).Public())
	}
	for _, reseller := range resellers {
		s.opts.Members(reseller)
	}
}

// scopeStart returns the cursor at the beginning of the current scope.
func (s *readState[Q, T]) scopeStart() Cursor {
	return Cursor{Scope: s.scopes[s.scope].Name, Began: s.resumeFrom.Began, Doubt: s.incomplete}
}

// pageRead counts a page and the customers that it adds.
func (s *readState[Q, T]) pageRead(requestID string, total *int, customers int) {
	s.pages++
	s.customers += customers
	s.report.addRequestID(requestID)
	if total != nil && len(s.scopes) == 1 { // one scope's total is not the answer's
		s.report.Total = total
	}
	tracesOf(s.ctx).pageRead(s.pages, s.customers, total)
}

// evaluate evaluates a record and reports whether its status is asked for.
func (s *readState[Q, T]) evaluate(record T) (wanted bool) {
	record.Evaluate(s.report.Account, s.report.AsOf, s.reader.opts.Rules)
	return len(s.opts.Statuses) == 0 || slices.Contains(s.opts.Statuses, record.StatusText())
}

// full reports whether the limit is reached.
func (s *readState[Q, T]) full() bool { return s.opts.Limit > 0 && s.report.Count >= s.opts.Limit }

// prefetchEnd returns the row at which prefetching ends, for a page that begins at
// row, in a list of total rows (0: not known). It returns 0 if no bound is known.
// Pages behind it are still fetched when they are next. With a filter by status
// the number of rows needed is not known.
func (s *readState[Q, T]) prefetchEnd(row, total int) int {
	if s.opts.Limit == 0 || len(s.opts.Statuses) > 0 {
		return total
	}
	needed := row + s.opts.Limit - s.report.Count
	if total == 0 {
		return needed
	}
	return min(needed, total)
}

// handOn passes a new record to keep, unless its status is not asked for. It
// returns false if the read stops before the record.
func (s *readState[Q, T]) handOn(record T) bool {
	if s.full() {
		s.stop(StoppedLimit)
		return false
	}
	if s.evaluate(record) {
		if !s.keep(record, s.here) {
			s.stop(StoppedSize)
			return false
		}
		s.report.Count++
	}
	s.notes.Add(record)
	return true
}

// noteUnproven records that the answer is not proven complete, and why.
func (s *readState[Q, T]) noteUnproven(code, message string) {
	s.incomplete = true
	s.report.warn(code, message)
}

// stop records why the read ends, and the cursor that continues here. The caller
// returns.
func (s *readState[Q, T]) stop(why Stop) {
	s.here.Doubt = s.incomplete
	s.report.stop(why, s.here, s.fingerprint)
}

// fail records a failure after the first page, and the cursor that continues. If time
// ran out in an answer that only proved its list, the next answer would do the same:
// then the list is unproven, and the cursor continues at the next scope; after the last
// scope there is no cursor.
func (s *readState[Q, T]) fail(failure *Error) {
	switch {
	case failure.Code != CodeDeadline:
		s.stop(StoppedUpstream)
	case !s.onlyProved(), errors.Is(context.Cause(s.ctx), ErrInterrupted): // an interruption need not come again
		s.stop(StoppedDeadline)
	case s.scope+1 < len(s.scopes):
		s.noteUnproven(string(failure.Code), "every customer of one reseller was read, and there was no time to prove that; read with a longer time limit")
		s.scope++
		s.here = s.scopeStart()
		s.stop(StoppedDeadline)
		return
	default:
		s.report.stopWithoutCursor(StoppedDeadline)
		s.noteUnproven(string(failure.Code), "every customer was read, and there was no time to prove that; read in one answer, or with a longer time limit")
		return
	}
	s.report.warn(string(failure.Code), failure.Public())
}

// onlyProved reports whether this answer, which continues an earlier one, did
// nothing but prove the list at which it started: notes counts no customer. The next
// answer would do the same.
func (s *readState[Q, T]) onlyProved() bool {
	return s.proving && s.notes.customers == 0 && s.opts.Cursor != "" && s.here.Scope == s.resumeFrom.Scope
}
