package core

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// DefaultAccount is the name of the account that the environment configures.
	DefaultAccount = "default"
	// AllAccounts, as the parameter account, asks for every account of a
	// function that the caller may ask for.
	AllAccounts = "all"
	// MaxAccounts is how many accounts a function may have: an answer for all
	// of them has a part about each.
	MaxAccounts = 32
	// MaxAccountName is the longest name of an account, in bytes.
	MaxAccountName = 40
)

// accounts returns the accounts that a question is about: one, unless it is
// about all. An error lists only those that the caller may ask for.
func (q *Question) accounts(ctx context.Context) ([]string, error) {
	names, err := q.function.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	allowed := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !q.rights.allows(name) })
	named := q.account != "" && q.account != AllAccounts
	switch {
	case named && !q.rights.allows(q.account), !named && len(allowed) == 0:
		return nil, &Error{Code: CodeForbidden, Param: "account", Detail: "this key may not ask for it; it may ask for: " + cmp.Or(strings.Join(allowed, ", "), "none")}
	case q.account == AllAccounts:
		return allowed, nil
	case named && q.function.names != nil && !slices.Contains(names, q.account):
		return nil, Invalid("account", "unknown; configured: %s", strings.Join(allowed, ", "))
	case named:
		return []string{q.account}, nil
	case slices.Contains(allowed, DefaultAccount):
		return []string{DefaultAccount}, nil
	case len(allowed) == 1:
		return allowed, nil
	}
	return nil, Invalid("account", "several are configured; name one of %s, or %s", strings.Join(allowed, ", "), AllAccounts)
}

// part is one account's part of a question about all of them.
type part struct {
	name   string
	from   string // cursor; "": the beginning
	report Report
	err    *Error
}

// readAll reads the accounts side by side, each at its own pace. An account
// that fails is marked in the Report, and a cursor continues there too.
func (q *Question) readAll(ctx context.Context, names []string, keep func(Record) bool) (Report, error) {
	parts, doubted, err := q.parts(names)
	if err != nil {
		return Report{}, err
	}
	gate := &gate{keep: keep, limit: q.opts.Limit}
	progress := &progress{outer: tracesOf(ctx)}
	var readers sync.WaitGroup
	for i := range parts {
		p := &parts[i]
		readers.Go(func() {
			defer gate.catch()
			report, err := q.readAccount(progress.trace(ctx), p.name, ReadOptions{Statuses: q.opts.Statuses, Cursor: p.from}, gate.keepOne)
			p.report, p.err = report, AsError(err)
			if p.err != nil && len(q.query.ids) == 1 && p.err.UnknownID { // it may be another account's
				p.report, p.err = Report{AsOf: time.Now().UTC().Truncate(time.Second), Complete: true, MissingIDs: q.query.ids}, nil
			}
		})
	}
	readers.Wait()
	if gate.panicked != nil {
		panic(gate.panicked)
	}
	return q.join(names, parts, doubted, gate.stopped)
}

// gate hands on the records of all accounts, one at a time, while there is room.
type gate struct {
	mu       sync.Mutex
	keep     func(Record) bool
	limit    int // 0: none
	count    int
	stopped  Stop // why no more are handed on; "": they are
	panicked any
}

func (g *gate) keepOne(record Record) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.stopped != "":
	case g.limit > 0 && g.count == g.limit:
		g.stopped = StoppedLimit
	case !g.keep(record):
		g.stopped = StoppedSize
	default:
		g.count++
	}
	return g.stopped == ""
}

// catch keeps a panic for the caller's goroutine.
func (g *gate) catch() {
	if value := recover(); value != nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.panicked, g.stopped = value, StoppedUpstream
	}
}

// progress traces the reads of several accounts as one read.
type progress struct {
	outer            traces
	mu               sync.Mutex
	pages, customers int
}

// trace returns a context for the read of one account.
func (p *progress) trace(ctx context.Context) context.Context {
	pages, customers := 0, 0
	return withTraces(ctx, traces{{
		Called: p.outer.called, Ended: p.outer.ended, // they name the account
		PageRead: func(pagesNow, customersNow int, _ *int) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.pages, p.customers = p.pages+pagesNow-pages, p.customers+customersNow-customers
			pages, customers = pagesNow, customersNow
			p.outer.pageRead(p.pages, p.customers, nil)
		},
		Shared: func(age time.Duration) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.outer.shared(age)
		},
	}})
}

// join makes one Report of the parts' Reports. It returns an error if every
// account failed. stopped is why the records of all together stopped.
func (q *Question) join(names []string, parts []part, doubted []string, stopped Stop) (Report, error) {
	all := Report{Account: AllAccounts, Complete: true, MissingIDs: []string{}, Warnings: []Warning{}, RequestIDs: []string{}}
	total, counted := 0, q.opts.Cursor == "" // later answers leave out accounts that are at their end
	var failures []part
	var aboutRecords []Warning
	for _, p := range parts {
		if p.err != nil {
			if p.err.Code == CodeCanceled || p.err.Param == "cursor" {
				return Report{}, p.err
			}
			failures = append(failures, p)
			p.report = failedReport(p.err)
		}
		r := p.report
		if r.Stopped != nil && *r.Stopped == StoppedSize {
			*r.Stopped = stopped // it is the room for all of them
		}
		all.addAccount(&p)
		if counted = counted && r.Total != nil; counted {
			total += *r.Total
		}
		for _, w := range r.Warnings {
			w.Account = p.name
			if w.AboutRecords() {
				aboutRecords = append(aboutRecords, w)
			} else {
				all.addWarning(w)
			}
		}
	}
	if len(failures) == len(parts) {
		return Report{}, joinedError(failures)
	}
	if stopped != "" {
		all.Stopped = &stopped
	}
	if counted {
		all.Total = &total
	}
	for _, name := range doubted {
		all.Complete = false
		all.addWarning(Warning{Code: WarnEarlierDoubt, Message: "an earlier part of this read could not be proven whole", Account: name})
	}
	if q.query.ids != nil {
		if q.opts.Cursor == "" && all.Stopped == nil {
			all.MissingIDs = missingFromAll(parts)
		} else {
			all.Complete = false
			all.addWarning(Warning{Code: WarnMissingUnknown, Message: "which ids no account answered cannot be reported for an answer in parts; ask for fewer ids at once"})
		}
	}
	all.addNotes(aboutRecords)
	all.Next = q.nextOfAll(names, parts, doubted)
	return all, nil
}

// failedReport returns the Report of an account that failed.
func failedReport(failure *Error) Report {
	stopped := StoppedUpstream
	if failure.Code == CodeDeadline {
		stopped = StoppedDeadline
	}
	return Report{
		AsOf: time.Now().UTC().Truncate(time.Second), Stopped: &stopped,
		Warnings: []Warning{{Code: string(failure.Code), Message: failure.Public()}},
	}
}

// joinedError returns the error of a question that every account failed to
// answer, with the first one's code.
func joinedError(failures []part) error {
	var reasons []string
	var causes []error
	for _, p := range failures {
		reasons, causes = append(reasons, p.name+": "+p.err.Public()), append(causes, p.err.Err)
	}
	e := *failures[0].err
	e.Param, e.VendorCode, e.RequestID, e.Attempts = "", "", "", 0
	e.Detail, e.Err = "no account could be read: "+strings.Join(reasons, "; "), errors.Join(causes...)
	return &e
}

// addAccount adds an account's Report, except its total, warnings and missing ids.
func (r *Report) addAccount(p *part) {
	of := p.report
	account := AccountReport{Account: p.name, AsOf: of.AsOf, Complete: of.Complete, Stopped: of.Stopped, Count: of.Count, Total: of.Total}
	if p.err != nil {
		account.Stopped, account.Error = nil, &AccountError{p.err.Code, p.err.Public(), p.err}
	}
	r.Accounts = append(r.Accounts, account)
	r.Schema, r.Provider = cmp.Or(r.Schema, of.Schema), cmp.Or(r.Provider, of.Provider)
	r.Complete = r.Complete && of.Complete
	r.Stopped = cmp.Or(r.Stopped, of.Stopped)
	r.Count += of.Count
	if r.AsOf.IsZero() || of.AsOf.Before(r.AsOf) {
		r.AsOf = of.AsOf
	}
	for _, id := range of.RequestIDs {
		r.addRequestID(id)
	}
}

// missingFromAll returns the ids that every account lacks, in the order of the
// first account.
func missingFromAll(parts []part) []string {
	lacking := make(map[string]int)
	for _, p := range parts {
		for _, id := range p.report.MissingIDs {
			lacking[id]++
		}
	}
	missing := []string{}
	for _, id := range parts[0].report.MissingIDs {
		if lacking[id] == len(parts) {
			missing = append(missing, id)
		}
	}
	return missing
}

// A cursor for all accounts lists the accounts that are not at their end, each
// with its own cursor, and those that are at their end and could not be proven
// whole. An account that it does not list is at its end. It is bound to the
// question and to the accounts asked: for others it would pass over customers
// that were never read.
const (
	placeSeparator = "."
	nameSeparator  = "~"
	endedInDoubt   = "~" // in place of a cursor
)

// MaxCursorText is the longest text of a cursor, in bytes.
const MaxCursorText = (MaxAccounts*(MaxAccountName+maxCursorText+2) + 16) * 4 / 3

func (q *Question) nextOfAll(names []string, parts []part, doubted []string) *string {
	var places []string
	unfinished := false
	add := func(name, at string) { places = append(places, name+nameSeparator+at) }
	for _, p := range parts {
		switch {
		case p.err != nil:
			unfinished = true
			add(p.name, p.from)
		case p.report.Next != nil:
			unfinished = true
			add(p.name, *p.report.Next)
		case !p.report.Complete:
			add(p.name, endedInDoubt)
		}
	}
	if !unfinished {
		return nil
	}
	for _, name := range doubted {
		add(name, endedInDoubt)
	}
	text := sealCursor(q.fingerprintOfAll(names), []byte(strings.Join(places, placeSeparator)))
	return &text
}

// fingerprintOfAll is what a cursor for all accounts is bound to.
func (q *Question) fingerprintOfAll(names []string) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", q.function.Name, q.query.text, slices.Sorted(slices.Values(q.opts.Statuses)), slices.Sorted(slices.Values(names))))
	return sum[:]
}

// parts returns what to read, and the accounts that are at their end in doubt.
// names are those the caller may ask for: a cursor reaches no other.
func (q *Question) parts(names []string) (parts []part, doubted []string, err error) {
	if q.opts.Cursor == "" {
		for _, name := range names {
			parts = append(parts, part{name: name})
		}
		return parts, nil, nil
	}
	other := Invalid("cursor", "not a cursor for this question to all accounts, or the accounts that this key may ask for are others now; ask the same question as before and pass on its \"next\" unchanged, or start again without it")
	body, err := openCursor(q.opts.Cursor, q.fingerprintOfAll(names), MaxCursorText)
	if err != nil {
		return nil, nil, other
	}
	seen := make(map[string]bool)
	for place := range strings.SplitSeq(string(body), placeSeparator) {
		name, at, found := strings.Cut(place, nameSeparator)
		if !found || seen[name] || !slices.Contains(names, name) {
			return nil, nil, other
		}
		seen[name] = true
		if at == endedInDoubt {
			doubted = append(doubted, name)
		} else {
			parts = append(parts, part{name: name, from: at})
		}
	}
	if len(parts) == 0 {
		return nil, nil, other
	}
	return parts, doubted, nil
}
