package core

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// AllAccounts, as the parameter account, asks for every account of a function
// that the caller may ask for.
const AllAccounts = "all"

// MaxAccounts is how many accounts a function may have: an answer for all of
// them must have room for what is to be said of each.
const MaxAccounts = 32

// MaxAccountName is the longest name of an account, in bytes.
const MaxAccountName = 40

// Accounts gives the accounts that a function can be asked for, in the order of
// the configuration.
func (f *Function) Accounts(ctx context.Context) ([]string, error) {
	if f.names == nil {
		return []string{DefaultAccount}, nil
	}
	return f.names(ctx)
}

// accounts gives the accounts that a question is about: one, unless it is about
// all. A caller learns the names only of those it may ask for.
func (q *Question) accounts(ctx context.Context) ([]string, error) {
	if q.names == nil {
		return q.choose([]string{DefaultAccount}, true)
	}
	names, err := q.names(ctx)
	if err != nil {
		return nil, err
	}
	return q.choose(names, false)
}

// choose picks from the names that are configured; open says that there may be
// others.
func (q *Question) choose(names []string, open bool) ([]string, error) {
	var allowed []string
	for _, name := range names {
		if q.rights.allows(name) {
			allowed = append(allowed, name)
		}
	}
	named := q.account != "" && q.account != AllAccounts
	switch {
	case named && !q.rights.allows(q.account), !named && len(allowed) == 0:
		return nil, &Error{Code: CodeForbidden, Param: "account", Detail: "this key may not ask for it; it may ask for: " + or(strings.Join(allowed, ", "), "none")}
	case q.account == AllAccounts:
		return allowed, nil
	case named && !open && !slices.Contains(names, q.account):
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

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// part is one account's part of a question for all of them.
type part struct {
	name   string
	from   string // the cursor to begin at; "": the beginning
	report Report
	err    *Error
}

// readAll reads the accounts side by side, each at its own pace. One that fails
// is marked in the Report, and is where a cursor goes on too.
func (q *Question) readAll(ctx context.Context, names []string, keep func(Record) bool) (Report, error) {
	parts, doubtful, err := q.parts(names)
	if err != nil {
		return Report{}, err
	}
	gate := &gate{keep: keep, limit: q.opts.Limit}
	tracer := newJoinedTrace(ctx)
	var under sync.WaitGroup
	for i := range parts {
		p := &parts[i]
		under.Go(func() {
			defer gate.panicked()
			opts := ReadOptions{Statuses: q.opts.Statuses, Cursor: p.from}
			report, err := q.read(tracer.of(i), p.name, opts, gate.take)
			p.report, p.err = report, AsError(q.told(err))
			if p.err != nil && len(q.ids) == 1 && p.err.UnknownID { // another account may know it
				p.report, p.err = Report{AsOf: time.Now().UTC().Truncate(time.Second), Complete: true, MissingIDs: q.ids}, nil
			}
		})
	}
	under.Wait()
	if gate.panic != nil {
		panic(gate.panic)
	}
	return q.join(names, parts, doubtful, gate)
}

// gate lets the records of all accounts through, one at a time, until there is
// no more room.
type gate struct {
	mu    sync.Mutex
	keep  func(Record) bool
	limit int // 0: none
	count int
	full  Stop // why no more are let through; "": they are
	panic any
}

func (g *gate) take(record Record) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.full != "":
	case g.limit > 0 && g.count == g.limit:
		g.full = StoppedLimit
	case !g.keep(record):
		g.full = StoppedSize
	default:
		g.count++
	}
	return g.full == ""
}

// panicked keeps a panic for the goroutine that asked, where somebody catches it.
func (g *gate) panicked() {
	if value := recover(); value != nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.panic, g.full = value, StoppedUpstream
	}
}

// join makes one Report of the parts'. It is an error where no part has
// anything to show.
func (q *Question) join(names []string, parts []part, doubtful []string, gate *gate) (Report, error) {
	all := Report{Account: AllAccounts, Complete: true, MissingIDs: []string{}, Warnings: []Warning{}, RequestIDs: []string{}}
	total, failed, reasons, causes := 0, 0, []string(nil), []error(nil)
	var missing [][]string
	var about []Warning // records
	for i := range parts {
		p := &parts[i]
		told := AccountReport{Account: p.name}
		if p.err != nil {
			if p.err.Code == CodeCanceled || p.err.Param == "cursor" {
				return Report{}, p.err
			}
			failed++
			reasons, causes = append(reasons, p.name+": "+p.err.Public()), append(causes, p.err.Err)
			told.AsOf = time.Now().UTC().Truncate(time.Second)
			told.Error = &AccountError{p.err.Code, p.err.Public(), p.err}
			all.Complete = false
			all.addWarning(Warning{Code: string(p.err.Code), Message: p.err.Public(), Account: p.name})
			if all.Stopped == nil {
				all.stoppedBy(StoppedUpstream)
			}
			total = -1
		} else {
			r := &p.report
			if r.Stopped != nil && *r.Stopped == StoppedSize {
				*r.Stopped = gate.full // room for what all of them gave
			}
			told.AsOf, told.Complete, told.Stopped, told.Count, told.Total = r.AsOf, r.Complete, r.Stopped, r.Count, r.Total
			all.Schema, all.Provider = or(all.Schema, r.Schema), or(all.Provider, r.Provider)
			all.Complete = all.Complete && r.Complete
			all.Count += r.Count
			if r.Stopped != nil && all.Stopped == nil {
				all.stoppedBy(*r.Stopped)
			}
			for _, w := range r.Warnings {
				w.Account = p.name
				if w.AboutRecords() {
					about = append(about, w)
				} else {
					all.addWarning(w)
				}
			}
			for _, id := range r.RequestIDs {
				all.addRequestID(id)
			}
			if r.Total == nil || total < 0 {
				total = -1
			} else {
				total += *r.Total
			}
			missing = append(missing, r.MissingIDs)
		}
		if all.AsOf.IsZero() || told.AsOf.Before(all.AsOf) {
			all.AsOf = told.AsOf
		}
		all.Accounts = append(all.Accounts, told)
	}
	if gate.full != "" {
		all.stoppedBy(gate.full)
	}
	if failed == len(parts) {
		first := *parts[0].err
		first.Param, first.Detail, first.VendorCode, first.RequestID, first.Tries, first.Err = "", "no account could be read: "+strings.Join(reasons, "; "), "", "", 0, errors.Join(causes...)
		return Report{}, &first
	}
	if total >= 0 && q.opts.Cursor == "" { // later answers do not tell of accounts that are at their end
		all.Total = &total
	}
	for _, name := range doubtful {
		all.Complete = false
		all.addWarning(Warning{Code: WarnEarlierDoubt, Message: "an earlier part of this read could not be proven whole", Account: name})
	}
	if q.ids != nil {
		if q.opts.Cursor == "" && all.Stopped == nil {
			all.MissingIDs = inAll(missing)
		} else {
			all.Complete = false
			all.addWarning(Warning{Code: WarnMissingUntold, Message: "which ids no account answered cannot be told of an answer in parts; ask for fewer ids at once"})
		}
	}
	all.Warnings = slices.Insert(all.Warnings, 0, about...) // as in a Report of one account
	all.Warnings = all.Warnings[max(0, len(all.Warnings)-maxWarnings):]
	all.Next = q.nextOfAll(names, parts, doubtful)
	return all, nil
}

func (r *Report) stoppedBy(why Stop) { r.Stopped = &why }

// inAll gives what is in every list, in the order of the first.
func inAll(lists [][]string) []string {
	common := []string{}
	if len(lists) == 0 {
		return common
	}
	in := make(map[string]int)
	for _, list := range lists {
		for _, id := range list {
			in[id]++
		}
	}
	for _, id := range lists[0] {
		if in[id] == len(lists) {
			common = append(common, id)
		}
	}
	return common
}

// A cursor for all accounts lists those that are not at their end, each with a
// cursor of its own; and those that are, where a part of theirs could not be
// proven whole. Those that it does not list are at their end, so that it is bound to the
// question and to the accounts that this was about: asked another question, or for
// more accounts, it would pass over what was never read.
const (
	placeSeparator = "."
	nameSeparator  = "~"
	doubtful       = "~"
)

// MaxCursorText is the longest text of a cursor, in bytes.
const MaxCursorText = (MaxAccounts*(MaxAccountName+maxCursorText+2) + 16) * 4 / 3

func (q *Question) nextOfAll(names []string, parts []part, doubted []string) *string {
	var places []string
	unfinished := false
	for _, p := range parts {
		switch {
		case p.err != nil:
			unfinished = true
			places = append(places, p.name+nameSeparator+p.from)
		case p.report.Next != nil:
			unfinished = true
			places = append(places, p.name+nameSeparator+*p.report.Next)
		case !p.report.Complete:
			places = append(places, p.name+nameSeparator+doubtful)
		}
	}
	if !unfinished {
		return nil
	}
	for _, name := range doubted {
		places = append(places, name+nameSeparator+doubtful)
	}
	body := []byte(strings.Join(places, placeSeparator))
	text := base64.RawURLEncoding.EncodeToString(append(cursorSum(q.fingerprintOfAll(names), body), body...))
	return &text
}

// fingerprintOfAll is what a cursor for all accounts is bound to.
func (q *Question) fingerprintOfAll(names []string) []byte {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q %q", q.function, q.query, slices.Sorted(slices.Values(q.opts.Statuses)), slices.Sorted(slices.Values(names)))
	return h.Sum(nil)
}

// parts gives what is to be read, and the accounts that are at their end with a
// doubt. names are those the caller may ask for: a cursor reaches no other.
func (q *Question) parts(names []string) (parts []part, doubted []string, err error) {
	if q.opts.Cursor == "" {
		for _, name := range names {
			parts = append(parts, part{name: name})
		}
		return parts, nil, nil
	}
	notOne := Invalid("cursor", "not a cursor for this question to all accounts, or the accounts that this key may ask for are others now; ask the same question as before and pass on its \"next\" unchanged, or start again without it")
	raw, decodeErr := base64.RawURLEncoding.Strict().DecodeString(q.opts.Cursor)
	if len(q.opts.Cursor) > MaxCursorText || decodeErr != nil || len(raw) < cursorSumBytes {
		return nil, nil, notOne
	}
	sum, body := raw[:cursorSumBytes], raw[cursorSumBytes:]
	if subtle.ConstantTimeCompare(sum, cursorSum(q.fingerprintOfAll(names), body)) != 1 {
		return nil, nil, notOne
	}
	seen := make(map[string]bool)
	for place := range strings.SplitSeq(string(body), placeSeparator) {
		name, at, found := strings.Cut(place, nameSeparator)
		if !found || seen[name] || !slices.Contains(names, name) {
			return nil, nil, notOne
		}
		seen[name] = true
		if at == doubtful {
			doubted = append(doubted, name)
		} else {
			parts = append(parts, part{name: name, from: at})
		}
	}
	if len(parts) == 0 {
		return nil, nil, notOne
	}
	return parts, doubted, nil
}

// joinedTrace tells one Trace of several reads, as if they were one.
type joinedTrace struct {
	ctx   context.Context
	to    *Trace
	mu    sync.Mutex
	pages map[int]int
	rows  map[int]int
}

func newJoinedTrace(ctx context.Context) *joinedTrace {
	return &joinedTrace{ctx: ctx, to: traceOf(ctx), pages: make(map[int]int), rows: make(map[int]int)}
}

// of gives the context for the read of a number.
func (j *joinedTrace) of(i int) context.Context {
	one := &Trace{
		Called: j.to.Called, Ended: j.to.Ended, // they tell accounts apart by themselves
		PageRead: func(pages, customers int, _ *int) {
			j.mu.Lock()
			defer j.mu.Unlock()
			j.pages[i], j.rows[i] = pages, customers
			if j.to.PageRead == nil {
				return
			}
			pages, customers = 0, 0
			for i, n := range j.pages {
				pages, customers = pages+n, customers+j.rows[i]
			}
			j.to.PageRead(pages, customers, nil)
		},
		Shared: func(age time.Duration) {
			j.mu.Lock()
			defer j.mu.Unlock()
			if j.to.Shared != nil {
				j.to.Shared(age)
			}
		},
	}
	return one.only(j.ctx)
}
