package core

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Question is a Function with valid parameters. It may be read any number of
// times; no call is made before.
type Question struct {
	function *Function
	params   Params
	query    boundQuery
	account  string // "": not named
	opts     ReadOptions
	masked   bool
	rights   Rights
	warnings []Warning // about the request
}

// Rights limit what a caller may ask. The zero Rights are every account, and no
// personal data.
type Rights struct {
	Account  func(name string) bool // whether the caller may ask for an account; nil: for every one
	Personal bool                   // may see personal data, and search by it
	Inside   bool                   // may see where keys are kept, as the operator may
}

func (r Rights) allows(account string) bool { return r.Account == nil || r.Account(account) }

// Within returns the question as a caller with these rights may ask it, or an
// error of CodeForbidden. Searching by a name or an address needs the right to
// see it: trying one after the other reveals the one that matches. Read refuses
// an account outside the rights, and takes AllAccounts as all within them.
func (q *Question) Within(rights Rights) (*Question, error) {
	switch {
	case rights.Personal:
	case !q.masked:
		return nil, &Error{Code: CodeForbidden, Param: "pii", Detail: "this key may not see names, addresses and numbers whole; leave pii out, or ask for a key that may"}
	case q.query.personal:
		return nil, &Error{Code: CodeForbidden, Param: "filter_type", Detail: "this key may not search by what it may not see; search by customer_id, or ask for a key that may see personal data"}
	}
	within := *q
	within.rights = rights
	return &within, nil
}

// Params returns the question's parameters, which must not be changed. The ids of AskIDs are
// "customer_id", or a parameter of ByID.
func (q *Question) Params() Params { return q.params }

// Masked reports whether personal data in the records is masked.
func (q *Question) Masked() bool { return q.masked }

// Warned returns a copy of the question whose Report also carries w, a warning
// about the request.
func (q *Question) Warned(w Warning) *Question {
	warned := *q
	warned.warnings = append(slices.Clone(q.warnings), w)
	return &warned
}

// Check returns the error that Read would return before it reads anything, for
// an account or a cursor.
func (q *Question) Check(ctx context.Context) error {
	names, err := q.accounts(ctx)
	switch {
	case err != nil:
	case q.account == AllAccounts:
		_, _, err = q.parts(names)
	case q.opts.Cursor != "":
		opts := q.opts
		opts.checkOnly = true
		_, err = q.query.read(ctx, names[0], opts, nil)
	}
	return q.redacted(err)
}

// Read reads one account as Reader.Read does, or all of them side by side: then
// the records of the accounts come mixed, each account's in its own order. keep
// is not called concurrently.
func (q *Question) Read(ctx context.Context, keep func(Record) bool) (report Report, err error) {
	names, err := q.accounts(ctx)
	if err != nil {
		return Report{}, q.redacted(AsError(err))
	}
	if q.account == AllAccounts {
		report, err = q.readAll(ctx, names, keep)
	} else {
		report, err = q.readAccount(ctx, names[0], q.opts, keep)
	}
	if err == nil {
		report.addNotes(q.warnings)
	}
	return report, err
}

// readAccount reads one account.
func (q *Question) readAccount(ctx context.Context, account string, opts ReadOptions, keep func(Record) bool) (Report, error) {
	var stages []*Stage
	for _, open := range q.function.stages {
		if stage := open(ctx, account, q.params); stage != nil {
			stages = append(stages, stage)
		}
	}
	report, err := q.query.read(ctx, account, opts, func(record Record, _ func() string) bool {
		for _, stage := range stages {
			if stage.Join != nil {
				record = stage.Join(record)
			}
		}
		shown := record
		if q.masked {
			shown = record.Masked()
		}
		if !keep(shown) {
			return false
		}
		for _, stage := range stages {
			if stage.See != nil {
				stage.See(record)
			}
		}
		return true
	})
	if err == nil {
		var notes []Warning
		for _, stage := range stages {
			if stage.End != nil {
				notes = append(notes, stage.End(report)...)
			}
		}
		report.Warnings = slices.Clone(report.Warnings) // it may be shared
		report.addNotes(notes)
	}
	return report, q.redacted(err)
}

// WalkOptions are the options of Walk. They are as in ReadOptions.
type WalkOptions struct {
	Cursor  string
	Known   Known
	AsOf    time.Time
	Members func(*Member)
}

// Walk reads one account like Read. place returns the cursor that continues before the
// record; it is valid until keep is called again. The answer is not shared, goes through no
// stage, and the records are not masked.
func (q *Question) Walk(ctx context.Context, walk WalkOptions, keep func(record Record, place func() string) bool) (Report, error) {
	names, err := q.accounts(ctx)
	switch {
	case err != nil:
		return Report{}, AsError(err)
	case q.account == AllAccounts:
		return Report{}, Invalid("account", "one account at a time")
	}
	opts := q.opts
	opts.Cursor, opts.Known, opts.AsOf, opts.Members, opts.alone = walk.Cursor, walk.Known, walk.AsOf, walk.Members, true
	return q.query.read(ctx, names[0], opts, keep)
}

// redacted returns an error as the caller may see it. Where keys are kept stays
// in the cause, for the operator's log.
func (q *Question) redacted(err error) error {
	failure := AsError(err)
	if failure == nil || q.rights.Inside || !failure.Inside {
		return err
	}
	return &Error{
		Op: failure.Op, Code: failure.Code, RetryAfter: failure.RetryAfter, Err: failure,
		Detail: "a setting cannot be read from where it is kept; the operator's log says why",
	}
}

// JSON reads the question and returns the answer as one JSON document: the
// Report with its records as "items". The read stops before the first record
// whose JSON does not fit; a nil fits accepts every record. All records are
// held in memory; for a long answer use Read.
func (q *Question) JSON(ctx context.Context, fits func(record []byte) bool) ([]byte, Report, error) {
	var failure error
	items := []byte{'['}
	report, err := q.Read(ctx, func(record Record) bool {
		start := len(items)
		if start > 1 {
			items = append(items, ',')
		}
		grown, err := AppendJSON(items, record)
		if failure = err; err != nil || fits != nil && !fits(grown[start:]) {
			items = items[:start]
			return false
		}
		items = grown
		return true
	})
	if err == nil {
		err = failure
	}
	if err != nil {
		return nil, Report{}, err
	}
	document := struct {
		Report `json:",inline"`
		Items  jsontext.Value `json:"items"`
	}{report, append(items, ']')}
	body, err := AppendJSON(nil, document)
	if err != nil {
		return nil, Report{}, err
	}
	return append(body, '\n'), report, nil
}

// AppendJSON appends v as JSON in the form of every answer: on one line,
// members in the order of the contract (map keys sorted), with no needless
// escapes.
func AppendJSON(b []byte, v any) ([]byte, error) {
	buf := bytes.NewBuffer(b)
	if err := json.MarshalWrite(buf, v, json.Deterministic(true)); err != nil {
		return b, &Error{Code: CodeInternal, Err: fmt.Errorf("an answer did not marshal: %w", err)}
	}
	return buf.Bytes(), nil
}
