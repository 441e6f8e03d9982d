package core

import (
	"context"
	"fmt"
	"time"
)

// Reader is the portable type over a Source: it paces and retries calls, walks
// the pages, tells customers apart, and says whether what was read is proven
// whole. What is common to every cloud is here, once. Safe for concurrent use.
type Reader[Q Query, T Record] struct {
	source Source[Q, T]
	opts   ReaderOptions[Q]
	shared shared[T]
}

// ReaderOptions are what a Reader is built with. They are copied.
type ReaderOptions[Q Query] struct {
	Schema   string // of the records, as "partnerlens.credit/v1"
	Provider string // as "tencentcloud"
	Account  string // "" is DefaultAccount
	Rules    Rules

	// Scopes splits a query into what the vendor can be asked; nil: one scope.
	// It may call the vendor. The scopes must come in the same order each time.
	Scopes func(context.Context, Q) ([]Scope[Q], error)

	// Witness reads a second list of the same customers, which has a total, to
	// prove a list that has none; nil: there is no such list.
	Witness *Reader[Q, *Member]

	// Pacer spaces the calls; share it among all Readers of one account and
	// API. nil: a Pacer of its own, without a limit until the cloud refuses.
	Pacer *Pacer

	// ShareFor is how long a complete answer of at most 2,000 records is given
	// again to who asks the same, and joined by who asks while it is being read; 0: never.
	ShareFor time.Duration

	Tries int              // attempts at a page, where the failure may pass; 0: 6
	Now   func() time.Time // what a Report is dated with; nil is time.Now
}

// ReadOptions say how much of a query's answer is wanted. The zero value is
// everything from the beginning.
type ReadOptions struct {
	Limit    int      // records at most; 0: no limit
	Statuses []string // only these; none: all
	Cursor   string   // a Report's Next, for the same query

	// Known are the customers that the answers before Cursor handed on. With
	// them, an answer that goes on from a cursor can be proven as well as one
	// from the beginning. nil: not known.
	Known Known

	// AsOf dates the Report and settles the records: what goes on from a cursor
	// can so be of the same moment as what came before. Zero: now.
	AsOf time.Time
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
	if r.opts.Tries == 0 {
		r.opts.Tries = attemptsPerPage
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

func errPagesRepeat(requestID string) error {
	return &Error{Code: CodeUpstream, RequestID: requestID, Detail: "the cloud's pages repeat without end"}
}

// Read runs a query and hands each record on as it comes. keep returns false
// where it has no room: the read stops before that record, as StoppedSize.
//
// The error is for a question that cannot be asked and for a read that got
// nothing; from the first page on, what goes wrong is in the Report, with a
// cursor to go on from. A caller that goes away (ctx canceled) gets an error
// always. With a deadline in ctx the read stops, as StoppedDeadline, while
// there is still time to answer.
func (r *Reader[Q, T]) Read(ctx context.Context, query Q, opts *ReadOptions, keep func(T) bool) (Report, error) {
	if opts == nil {
		opts = new(ReadOptions)
	}
	fingerprint, err := r.fingerprint(query)
	if err != nil {
		return Report{}, err
	}
	read := func(keep func(T, Cursor) bool) (Report, error) {
		return r.read(ctx, query, *opts, fingerprint, keep)
	}
	if r.opts.ShareFor == 0 {
		return read(func(record T, _ Cursor) bool { return keep(record) })
	}
	question := fmt.Sprintf("%x %d %q %q", fingerprint, opts.Limit, opts.Statuses, opts.Cursor)
	return r.shared.ask(ctx, question, r.opts.ShareFor, fingerprint, read, keep)
}

// Walk is Read for who takes a long answer in pieces and must be able to go on
// wherever he is interrupted: keep gets, beside each record, what gives the cursor
// that goes on exactly before it. The read is never shared, and while it is not
// interrupted it can be proven whole as any other.
func (r *Reader[Q, T]) Walk(ctx context.Context, query Q, opts *ReadOptions, keep func(record T, place func() string) bool) (Report, error) {
	if opts == nil {
		opts = new(ReadOptions)
	}
	fingerprint, err := r.fingerprint(query)
	if err != nil {
		return Report{}, err
	}
	return r.read(ctx, query, *opts, fingerprint, func(record T, before Cursor) bool {
		return keep(record, func() string { return before.placed().encode(fingerprint) })
	})
}

// read is one read. keep gets, beside each record, the place before it.
func (r *Reader[Q, T]) read(ctx context.Context, query Q, opts ReadOptions, fingerprint []byte, keep func(T, Cursor) bool) (Report, error) {
	d, err := r.newRead(ctx, opts, fingerprint, keep)
	if err != nil {
		return Report{}, err
	}
	report, err := d.run(query)
	d.traceEnd(report, err)
	return report, err
}
