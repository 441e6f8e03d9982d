package core

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
)

// Function is a query by name and parameters, for the HTTP API, events and the
// command line. It looks the same for every vendor. Safe for concurrent use.
type Function struct {
	Name     string   // as in a path and on the command line: "credit"
	Summary  string   // in a few words, for usage texts
	Params   []string // all parameters
	WithID   []string // of those, the ones that may stand beside ByID's
	Statuses []string // all statuses of its records
	Columns  []Column // of a record's Row

	byID   func(id string) Params
	forIDs bool
	names  Names
	stages []OpenStage
	parse  func(p Params, ids []string) (boundQuery, error)
	decode func([]byte) (Record, error)
}

// Spec is what differs from function to function.
type Spec[Q Query] struct {
	Name, Summary string
	Params        []string                               // its own parameters, beside those of every function
	WithID        []string                               // of those, the ones that may stand beside an id
	Parse         func(Params) (Q, error)                // an error names the parameter to change
	Personal      func(Q) bool                           // whether it searches by personal data; nil: no query does
	ByID          func(id string) Params                 // the parameters that ask for one customer
	ForIDs        func(query Q, ids []string) (Q, error) // the query for several customers; nil: ids are a parameter, or one at a time
	Statuses      []string
	Columns       []Column
}

// Column is one column of a record as a row of a table.
type Column struct {
	Name   string
	Kind   ColumnKind
	Brief  bool // belongs in a table on a screen; a Detail only where it is not empty
	Detail bool // shows one of the Details: an empty cell may be a value that was not read

	Date  string // of a moment: the name of the column with its local date that a spreadsheet adds
	Whole bool   // of numbers: they have no decimals
}

// ColumnKind is the type of a column's cells in a spreadsheet.
type ColumnKind int

// The kinds.
const (
	ColumnText   ColumnKind = iota // includes ids, however many digits they have
	ColumnNumber                   // may be empty
	ColumnTime                     // a moment in UTC, in the form of RFC 3339, or empty
	ColumnEnd                      // the same, of the first moment after a period: its local date is the last day of the period
	ColumnDate                     // a day, as 2026-11-22, or empty
)

// Open returns the Reader of an account. It is called for each question, since
// keys and settings may change between two. It returns an *Error.
type Open[Q Query, T Record] func(ctx context.Context, account string) (*Reader[Q, T], error)

// Names lists a function's configured accounts: from one to MaxAccounts, none
// called AllAccounts. A nil Names is DefaultAccount, and leaves it to Open to
// accept or refuse any other.
type Names func(ctx context.Context) ([]string, error)

// boundQuery is a query without its type.
type boundQuery struct {
	ids      []string // AskedIDs
	personal bool     // searches by personal data
	text     []byte   // JSON
	read     readFunc
}

// readFunc reads one account. With opts.checkOnly it only opens the account and
// checks the cursor.
type readFunc func(ctx context.Context, account string, opts ReadOptions, keep func(record Record, place func() string) bool) (Report, error)

// Schema returns the schema of a function's reports.
func Schema(function string) string { return "partnerlens." + function + "/v1" }

// NewFunction returns a function over the Readers that open returns.
func NewFunction[Q Query, T Record](s Spec[Q], open Open[Q, T], names Names) *Function {
	return &Function{
		Name: s.Name, Summary: s.Summary, Statuses: s.Statuses, Columns: s.Columns,
		Params: append(slices.Clone(s.Params), "account", "status", "limit", "cursor", "pii"),
		WithID: append(slices.Clone(s.WithID), "account", "pii"),
		byID:   s.ByID, forIDs: s.ForIDs != nil, names: names,
		parse: func(p Params, ids []string) (b boundQuery, err error) {
			query, err := s.Parse(p)
			if err == nil && ids != nil {
				query, err = s.ForIDs(query, ids)
			}
			if err != nil {
				return b, err
			}
			if b.text, err = json.Marshal(query); err != nil {
				return b, &Error{Code: CodeInternal, Err: fmt.Errorf("a query did not marshal: %w", err)}
			}
			b.ids = query.AskedIDs()
			b.personal = s.Personal != nil && s.Personal(query)
			b.read = func(ctx context.Context, account string, opts ReadOptions, keep func(Record, func() string) bool) (Report, error) {
				reader, err := open(ctx, account)
				if err != nil {
					return Report{}, AsError(err)
				}
				return reader.walk(ctx, query, &opts, func(record T, place func() string) bool { return keep(record, place) })
			}
			return b, nil
		},
		decode: func(text []byte) (Record, error) {
			var record T
			if err := json.Unmarshal(text, &record); err != nil {
				return nil, &Error{Code: CodeInternal, Err: fmt.Errorf("a record cannot be read: %T", err)}
			}
			return record, nil
		},
	}
}

// Ask checks the parameters of a question; the error names the one to change.
func (f *Function) Ask(p Params) (*Question, error) { return f.ask(p, nil) }

// AskIDs is Ask about some customers, which the parameters do not name; no ids: about all.
func (f *Function) AskIDs(p Params, ids []string) (*Question, error) {
	if f.forIDs || len(ids) == 0 {
		return f.ask(p, ids)
	}
	byID, err := f.ByID(ids[0])
	if err != nil {
		return nil, err
	}
	for name := range byID {
		if p.has(name) {
			return nil, Invalid(name, "does not go with ids")
		}
		if name == "customer_id" {
			byID[name] = ids
		} else if len(ids) > 1 {
			return nil, Invalid("customer_id", "%s takes one id at a time", f.Name)
		}
	}
	maps.Copy(byID, p)
	return f.ask(byID, nil)
}

func (f *Function) ask(p Params, ids []string) (*Question, error) {
	if err := p.onlyKnown(f.Params); err != nil {
		return nil, err
	}
	query, err := f.parse(p, ids)
	if err != nil {
		return nil, err
	}
	if len(ids) > 0 { // for the stages
		p = maps.Clone(p)
		p["customer_id"] = ids
	}
	q := &Question{function: f, params: p, query: query, rights: Rights{Personal: true, Inside: true}}
	if q.opts, q.account, err = readOptions(p, f.Statuses); err != nil {
		return nil, err
	}
	if q.masked, err = askedMasked(p); err != nil {
		return nil, err
	}
	return q, nil
}

// ByID returns the parameters that ask for one customer.
func (f *Function) ByID(id string) (Params, error) {
	if err := CheckID("customer_id", id); err != nil {
		return nil, err
	}
	return f.byID(id), nil
}

// Decode reads a record's JSON, as answers contain it.
func (f *Function) Decode(text []byte) (Record, error) { return f.decode(text) }

// Accounts returns the function's accounts, in the order of the configuration.
func (f *Function) Accounts(ctx context.Context) ([]string, error) {
	if f.names == nil {
		return []string{DefaultAccount}, nil
	}
	return f.names(ctx)
}

// Stage works on the records of one account's answer on their way to the caller.
// Its functions are not called concurrently, and may be nil.
type Stage struct {
	Join func(Record) Record    // returns the record with what the stage adds; it is called before personal data is masked
	See  func(Record)           // is called for each record that was handed on
	End  func(Report) []Warning // returns the warnings to add to the Report
}

// OpenStage returns the Stage of an answer about an account to a question with
// these parameters, or nil if the stage does not concern it.
type OpenStage func(ctx context.Context, account string, params Params) *Stage

// WithStage returns a copy of the function whose answers also go through a stage,
// after the stages that it has.
func (f *Function) WithStage(open OpenStage) *Function {
	staged := *f
	staged.stages = append(slices.Clone(f.stages), open)
	return &staged
}
