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

// Reader is the portable type over a Source: it walks the pages, tells
// customers apart, and says whether what was read is proven whole. What is
// common to every cloud is here, once. Safe for concurrent use.
type Reader[Q Query, T Record] struct {
	source Source[Q, T]
	opts   ReaderOptions[Q]
}

// ReaderOptions are what a Reader is built with. They are copied.
type ReaderOptions[Q Query] struct {
	Schema   string // of the records, as "partnerlens.credit/v1"
	Provider string // as "tencentcloud"
	Account  string // "" is DefaultAccount
	Rules    Rules

	// Passes splits a query into what the cloud can be asked; nil: one pass.
	// It may call the cloud. The passes must come in the same order each time.
	Passes func(context.Context, Q) ([]Pass[Q], error)

	Now func() time.Time // nil is time.Now
}

// ReadOptions say how much of a query's answer is wanted. The zero value is
// everything from the beginning.
type ReadOptions struct {
	Limit    int      // records at most; 0: no limit
	Statuses []string // only these; none: all
	Cursor   string   // a Report's Next, for the same query
}

// NewReader gives a Reader over source. nil options are the zero value.
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
	if r.opts.Passes == nil {
		r.opts.Passes = func(_ context.Context, query Q) ([]Pass[Q], error) {
			return []Pass[Q]{{Queries: []Q{query}}}, nil
		}
	}
	return r
}

// Pages gives the pages of a query as the cloud answers them, unsettled and
// not yet told apart. Ranging twice starts anew each time; an error is the last pair
// and comes once; after a break no further call is made.
func (r *Reader[Q, T]) Pages(ctx context.Context, query Q) iter.Seq2[Page[T], error] {
	return func(yield func(Page[T], error) bool) {
		passes, err := r.opts.Passes(ctx, query)
		if err != nil {
			yield(Page[T]{}, err)
			return
		}
		for step, err := range r.walk(ctx, passes, Cursor{}) {
			if !yield(step.page, err) {
				return
			}
		}
	}
}

// All gives the records of a query, settled, each customer once. The rules of
// Pages hold. Where it ends without an error every page was read; whether the
// answer is proven whole is Read's to say.
func (r *Reader[Q, T]) All(ctx context.Context, query Q) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		asOf := r.opts.Now().UTC().Truncate(time.Second)
		seen := make(map[string]bool)
		for page, err := range r.Pages(ctx, query) {
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, record := range page.Items {
				if seen[record.Key()] {
					continue
				}
				seen[record.Key()] = true
				record.Settle(r.opts.Account, asOf, r.opts.Rules)
				if !yield(record, nil) {
					return
				}
			}
		}
	}
}

// step is one page with its place in the walk.
type step[Q Query, T Record] struct {
	page  Page[T]
	pass  int    // index of the pass
	query int    // index of the query in the pass
	at    Cursor // where the page was asked for
	after Cursor // where the walk goes on: the next page, query or pass
	ended bool   // this page is the pass's last
	last  bool   // and the walk's
}

// walk gives the pages of passes in order, from a place on. Its error is the
// last pair.
func (r *Reader[Q, T]) walk(ctx context.Context, passes []Pass[Q], from Cursor) iter.Seq2[step[Q, T], error] {
	return func(yield func(step[Q, T], error) bool) {
		start := 0
		if from.Pass != "" {
			start = slices.IndexFunc(passes, func(p Pass[Q]) bool { return p.Name == from.Pass })
			if start < 0 {
				yield(step[Q, T]{}, Invalid("cursor", "goes on at a reseller that is no longer there; start again without it"))
				return
			}
		}
		for i := start; i < len(passes); i++ {
			pass := passes[i]
			for j, query := range pass.Queries {
				at := Cursor{Pass: pass.Name}
				if i == start && j == 0 {
					at.Offset, at.Size = from.Offset, from.Size
				}
				for {
					page, err := r.fetch(ctx, query, at)
					s := step[Q, T]{page: page, pass: i, query: j, at: at}
					if err == nil && page.Next != nil && page.Next.Offset <= at.Offset {
						err = &Error{Code: CodeUpstream, RequestID: page.RequestID, Detail: "the pages repeat: a page leads back to itself"}
					}
					if err != nil {
						yield(step[Q, T]{at: at, pass: i, query: j}, err)
						return
					}
					queryEnded := page.Next == nil
					s.ended = queryEnded && j == len(pass.Queries)-1
					s.last = s.ended && i == len(passes)-1
					switch {
					case !queryEnded:
						s.after = Cursor{Pass: pass.Name, Offset: page.Next.Offset, Size: page.Next.Size}
					case s.ended && !s.last:
						s.after = Cursor{Pass: passes[i+1].Name}
					}
					if !yield(s, nil) {
						return
					}
					if queryEnded {
						break
					}
					at = s.after
				}
			}
		}
	}
}

// fetch is one page, with what every page needs whatever the cloud.
func (r *Reader[Q, T]) fetch(ctx context.Context, query Q, at Cursor) (Page[T], error) {
	if err := ctx.Err(); err != nil {
		return Page[T]{}, AsError(err)
	}
	page, err := r.source.FetchPage(ctx, query, at)
	if err != nil {
		if ctxErr := ctx.Err(); ctxErr != nil {
			return Page[T]{}, AsError(ctxErr)
		}
		return Page[T]{}, AsError(err)
	}
	return page, nil
}

// Read runs a query and hands each record on as it comes. keep returns false
// where it has no room: the read stops before that record, as StoppedSize.
//
// The error is for a question that cannot be asked and for a read that got
// nothing; from the first page on, what goes wrong is in the Report, with a
// cursor to go on from. A caller that goes away (ctx canceled) gets an error always.
func (r *Reader[Q, T]) Read(ctx context.Context, query Q, opts *ReadOptions, keep func(T) bool) (Report, error) {
	read, err := r.begin(query, opts)
	if err != nil {
		return Report{}, err
	}
	passes, err := r.opts.Passes(ctx, query)
	if err != nil {
		return Report{}, AsError(err)
	}
	read.passes = passes
	pages, customers, trace := 0, 0, traceOf(ctx)
	for step, err := range r.walk(ctx, passes, read.from) {
		if err != nil {
			failure := AsError(err)
			if pages == 0 || failure.Code == CodeCanceled {
				return Report{}, failure
			}
			read.fail(step.pass, step.at, failure)
			break
		}
		pages++
		customers += len(step.page.Items)
		if trace.PageRead != nil {
			trace.PageRead(pages, customers, step.page.Total)
		}
		if !read.page(step, keep) {
			break
		}
	}
	return read.finish(), nil
}

// reading is the state of one Read.
type reading[Q Query, T Record] struct {
	report      Report
	opts        ReadOptions
	rules       Rules
	fingerprint []byte
	passes      []Pass[Q]
	from        Cursor
	skip        int // rows still to pass over: an earlier answer handed them out

	seen     map[string]bool // keys of the whole read
	answered map[string]bool // ids of the pass, where it is by id
	rows     int             // rows of the pass, in this read
	unique   int             // customers of the query told apart, those before from included
	repeated int             // rows of the query that came again
	total    *int            // the cloud's count for the query
	doubt    bool
}

func (r *Reader[Q, T]) begin(query Q, opts *ReadOptions) (*reading[Q, T], error) {
	fingerprint, err := r.fingerprint(query)
	if err != nil {
		return nil, err
	}
	d := &reading[Q, T]{
		rules: r.opts.Rules, fingerprint: fingerprint,
		seen: make(map[string]bool), answered: make(map[string]bool),
	}
	d.report = Report{
		Schema: r.opts.Schema, Provider: r.opts.Provider, Account: r.opts.Account,
		AsOf:       r.opts.Now().UTC().Truncate(time.Second),
		MissingIDs: []string{}, Warnings: []Warning{}, RequestIDs: []string{},
	}
	if opts != nil {
		d.opts = *opts
	}
	if d.opts.Cursor == "" {
		return d, nil
	}
	if d.from, err = decodeCursor(d.opts.Cursor, fingerprint); err != nil {
		return nil, err
	}
	d.skip, d.unique = d.from.Skip, d.from.Offset
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

// page takes in one page; false where the read stops within or after it.
func (d *reading[Q, T]) page(s step[Q, T], keep func(T) bool) bool {
	d.report.addRequestID(s.page.RequestID)
	d.count(s.page.Total)
	asked := d.passes[s.pass].Queries[s.query].AskedIDs()
	for i, record := range s.page.Items {
		if d.skip == 0 && d.full() {
			d.stop(StoppedLimit, d.place(s.pass, s.at, i))
			return false
		}
		if d.wants(record, asked) {
			if !keep(record) {
				d.stop(StoppedSize, d.place(s.pass, s.at, i))
				return false
			}
			d.report.Count++
		}
		d.rows++
	}
	if s.page.Next == nil {
		d.endQuery()
	}
	next := d.place(s.pass, s.after, 0)
	if s.ended {
		d.endPass(asked)
		next = s.after
	}
	if d.full() && !s.last {
		d.stop(StoppedLimit, next)
		return false
	}
	return true
}

// wants tells a row apart from those before it, settles it, and says whether
// it is to be handed on.
func (d *reading[Q, T]) wants(record T, asked []string) bool {
	if d.seen[record.Key()] {
		d.repeated++
	} else {
		d.unique++
	}
	again := d.seen[record.Key()]
	d.seen[record.Key()] = true
	if asked != nil {
		d.answered[record.ID()] = true
	}
	if d.skip > 0 {
		d.skip--
		return false
	}
	if again || asked != nil && !slices.Contains(asked, record.ID()) { // a cloud's filter may find more than the id
		return false
	}
	record.Settle(d.report.Account, d.report.AsOf, d.rules)
	return len(d.opts.Statuses) == 0 || slices.Contains(d.opts.Statuses, record.StatusText())
}

// count takes in the cloud's count of the customers that match.
func (d *reading[Q, T]) count(total *int) {
	if total == nil {
		return
	}
	if d.total != nil && *d.total != *total {
		d.unproven(WarnTotalMoved, fmt.Sprintf("customers came or went while reading: the cloud counted %d, then %d", *d.total, *total))
	}
	d.total, d.report.Total = total, total
}

func (d *reading[Q, T]) full() bool { return d.opts.Limit > 0 && d.report.Count >= d.opts.Limit }

// place is the cursor for the row skip rows after at. A pass by id is gone over from
// its beginning, its first rows passed over: only so is it known at its end
// which ids are missing.
func (d *reading[Q, T]) place(pass int, at Cursor, skip int) Cursor {
	if d.passes[pass].Queries[0].AskedIDs() != nil {
		return Cursor{Pass: d.passes[pass].Name, Skip: d.rows}
	}
	return Cursor{Pass: at.Pass, Offset: at.Offset, Size: at.Size, Skip: skip}
}

// endQuery holds what was read against the cloud's count.
func (d *reading[Q, T]) endQuery() {
	switch {
	case d.total != nil && d.unique != *d.total:
		d.unproven(WarnTotalMismatch, fmt.Sprintf("%d customers were read, the cloud counts %d", d.unique, *d.total))
	case d.total == nil && d.repeated > 0:
		d.unproven(WarnDuplicateRows, fmt.Sprintf("%d customers came again, so some came or went while reading and others may have been passed over", d.repeated))
	}
	d.total, d.unique, d.repeated = nil, 0, 0
}

// endPass notes which of the ids asked for were not answered.
func (d *reading[Q, T]) endPass(asked []string) {
	for _, id := range asked {
		if !d.answered[id] {
			d.report.MissingIDs = append(d.report.MissingIDs, id)
		}
	}
	d.rows, d.skip = 0, 0
	clear(d.answered)
}

func (d *reading[Q, T]) unproven(code, message string) {
	d.doubt = true
	d.report.warn(code, message)
}

func (d *reading[Q, T]) stop(why Stop, at Cursor) {
	at.Doubt = d.doubt
	next := at.encode(d.fingerprint)
	d.report.Stopped, d.report.Next = &why, &next
}

// fail ends a read that has something to show.
func (d *reading[Q, T]) fail(pass int, at Cursor, failure *Error) {
	why := StoppedUpstream
	if failure.Code == CodeDeadline {
		why = StoppedDeadline
	}
	d.stop(why, d.place(pass, at, 0))
	d.report.warn(string(failure.Code), failure.Public())
}

func (d *reading[Q, T]) finish() Report {
	d.report.Complete = d.report.Stopped == nil && !d.doubt
	return d.report
}
