package core

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
)

// Function is one question that can be asked from outside, whatever carries
// it: an HTTP request, an event or the command line. To those it is the same
// for every cloud. Safe for concurrent use.
type Function struct {
	Name     string   // as in a path and on the command line: "credit"
	Summary  string   // in a few words, for usage texts
	Params   []string // every parameter it knows
	WithID   []string // of those, what may stand beside ByID's
	Statuses []string // every status its records can have
	Columns  []Column // of a record's Row

	ask    func(Params) (*Question, error)
	decode func([]byte) (Record, error)
	byID   func(id string) Params
	names  Names
}

// Column is one column of a record as a row of a table.
type Column struct {
	Name  string
	Kind  ColumnKind
	Brief bool // belongs in a table that a person reads on a screen
}

// ColumnKind says how a spreadsheet should take a cell.
type ColumnKind int

// The kinds.
const (
	ColumnText   ColumnKind = iota // ids too, however many digits they have
	ColumnNumber                   // may be empty
)

// Question is a Function with valid parameters: ready to be read, as often as
// wanted. No call is made before Read.
type Question struct {
	account  string // as asked for; "" where it is left open
	opts     ReadOptions
	masked   bool
	personal bool // searches by what is personal
	ids      []string
	function string // its name
	query    []byte // as JSON
	rights   Rights
	names    Names
	warnings []Warning // of the request; its Report carries them, too
	check    func(ctx context.Context, account, cursor string) error
	read     func(ctx context.Context, account string, opts ReadOptions, keep func(Record) bool) (Report, error)
	walk     func(ctx context.Context, account string, opts ReadOptions, keep func(Record, func() string) bool) (Report, error)
}

// Ask checks the parameters; the error names the one to change.
func (f *Function) Ask(p Params) (*Question, error) { return f.ask(p) }

// ByID gives the parameters that ask for one customer.
func (f *Function) ByID(id string) (Params, error) {
	if err := checkID("customer_id", id); err != nil {
		return nil, err
	}
	return f.byID(id), nil
}

// Read is Reader.Read for the question: for one account, or for all of them
// side by side. Then the records of different accounts come mixed, each account's in
// its own order; keep is called by one at a time.
func (q *Question) Read(ctx context.Context, keep func(Record) bool) (Report, error) {
	report, err := q.readAccounts(ctx, keep)
	if err == nil {
		for _, w := range q.warnings {
			report.addWarning(w)
		}
	}
	return report, err
}

// Warned gives the question with a warning about the request, which its Report carries beside
// its own.
func (q *Question) Warned(w Warning) *Question {
	warned := *q
	warned.warnings = append(slices.Clone(q.warnings), w)
	return &warned
}

func (q *Question) readAccounts(ctx context.Context, keep func(Record) bool) (Report, error) {
	names, err := q.accounts(ctx)
	if err != nil {
		return Report{}, q.told(AsError(err))
	}
	if q.masked {
		whole := keep
		keep = func(record Record) bool { return whole(record.Masked()) }
	}
	if q.account == AllAccounts {
		return q.readAll(ctx, names, keep)
	}
	report, err := q.read(ctx, names[0], q.opts, keep)
	return report, q.told(err)
}

// Check finds what Read would refuse before it reads anything: an account, a cursor.
func (q *Question) Check(ctx context.Context) error {
	names, err := q.accounts(ctx)
	switch {
	case err != nil:
	case q.account == AllAccounts:
		_, _, err = q.parts(names)
	case q.opts.Cursor != "":
		err = q.check(ctx, names[0], q.opts.Cursor)
	}
	return q.told(err)
}

// Walk is Reader.Walk for a question about one account: from a cursor ("" is the
// beginning), of the known customers of the answers before it (nil: not known), as of a
// moment (zero is now).
func (q *Question) Walk(ctx context.Context, from string, known Known, asOf time.Time, keep func(record Record, place func() string) bool) (Report, error) {
	names, err := q.accounts(ctx)
	switch {
	case err != nil:
		return Report{}, AsError(err)
	case q.account == AllAccounts:
		return Report{}, Invalid("account", "one account at a time")
	}
	if q.masked {
		whole := keep
		keep = func(record Record, place func() string) bool { return whole(record.Masked(), place) }
	}
	opts := q.opts
	opts.Cursor, opts.Known, opts.AsOf = from, known, asOf
	return q.walk(ctx, names[0], opts, keep)
}

// Decode reads a record's JSON, as answers hold it.
func (f *Function) Decode(text []byte) (Record, error) { return f.decode(text) }

// Open gives the Reader of an account. It is called at every question, since
// keys and settings may change between two; it returns an *Error.
type Open[Q Query, T Record] func(ctx context.Context, account string) (*Reader[Q, T], error)

// Names lists a function's accounts, as configured: at least one, at most
// MaxAccounts, none called AllAccounts. A nil Names is for DefaultAccount,
// where Open judges what else is asked for.
type Names func(ctx context.Context) ([]string, error)

// Spec is what differs from function to function.
type Spec[Q Query] struct {
	Name, Summary string
	Params        []string                // its own parameters, beside those of every function
	WithID        []string                // of those, the ones that may stand beside an id
	Parse         func(Params) (Q, error) // an error names the parameter to change
	Personal      func(Q) bool            // whether it searches by personal data; nil: no query does
	ByID          func(id string) Params  // the parameters that ask for one customer
	Statuses      []string
	Columns       []Column
}

// Schema is the schema that a function's reports carry.
func Schema(function string) string { return "partnerlens." + function + "/v1" }

// NewFunction returns a function over the Readers that open returns. Names lists its
// accounts; nil is DefaultAccount alone.
func NewFunction[Q Query, T Record](s Spec[Q], open Open[Q, T], names Names) *Function {
	f := &Function{
		Name: s.Name, Summary: s.Summary, Statuses: s.Statuses, Columns: s.Columns,
		Params: append(slices.Clone(s.Params), "account", "status", "limit", "cursor", "pii"),
		WithID: append(slices.Clone(s.WithID), "account", "pii"),
		byID:   s.ByID, names: names,
	}
	f.ask = func(p Params) (*Question, error) {
		if err := p.onlyKnown(f.Params); err != nil {
			return nil, err
		}
		query, err := s.Parse(p)
		if err != nil {
			return nil, err
		}
		q := &Question{names: names, rights: Rights{Personal: true, Inside: true}, ids: query.AskedIDs(), function: s.Name}
		if q.query, err = json.Marshal(query); err != nil {
			return nil, &Error{Code: CodeInternal, Err: fmt.Errorf("a query did not marshal: %w", err)}
		}
		if q.opts, q.account, err = readOptions(p, f.Statuses); err != nil {
			return nil, err
		}
		if q.masked, err = askedMasked(p); err != nil {
			return nil, err
		}
		q.personal = s.Personal != nil && s.Personal(query)
		q.check = func(ctx context.Context, account, cursor string) error {
			reader, err := open(ctx, account)
			if err != nil {
				return err
			}
			fingerprint, err := reader.fingerprint(query)
			if err == nil {
				_, err = decodeCursor(cursor, fingerprint, reader.opts.Now())
			}
			return err
		}
		q.read = func(ctx context.Context, account string, opts ReadOptions, keep func(Record) bool) (Report, error) {
			reader, err := open(ctx, account)
			if err != nil {
				return Report{}, AsError(err)
			}
			return reader.Read(ctx, query, &opts, func(record T) bool { return keep(record) })
		}
		q.walk = func(ctx context.Context, account string, opts ReadOptions, keep func(Record, func() string) bool) (Report, error) {
			reader, err := open(ctx, account)
			if err != nil {
				return Report{}, AsError(err)
			}
			return reader.Walk(ctx, query, &opts, func(record T, place func() string) bool { return keep(record, place) })
		}
		return q, nil
	}
	f.decode = func(text []byte) (Record, error) {
		var record T
		if err := json.Unmarshal(text, &record); err != nil {
			return nil, &Error{Code: CodeInternal, Err: fmt.Errorf("a record cannot be read: %T", err)}
		}
		return record, nil
	}
	return f
}
