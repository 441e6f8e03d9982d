package app

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"partnerlens/pkg/core"
	"partnerlens/pkg/huawei"
)

const (
	profilesFor    = 10 * time.Minute // how long what was read of a list of customers is reused
	profilesRetry  = time.Minute      // after a failure, when the list is asked for again
	maxProfiles    = 100_000          // of an account, in memory
	memberPage     = 100              // customers on a page of their list
	shortestTrial  = 5 * time.Second  // a list that shows no page within it has failed
	noTimeForNames = "there was no time to read them; ask again, or later: what was read is kept"
)

// profiles is the directory of an account's customers: what the vendor's lists of
// customers say of them, as far as they were read. Safe for concurrent use.
type profiles struct {
	customers *core.Reader[core.TagQuery, *core.Member]
	resellers *huawei.ResellerList
	calls     func(context.Context) context.Context // of the function's Reader: CallsOnly
	count     atomic.Int64                          // of all lists

	mu    sync.Mutex
	lists map[string]*profileList // by reseller; "": the account's own customers
}

// profileList is one list of customers, as far as it was read.
type profileList struct {
	turn chan struct{} // holds a token while an answer reads the list, or replaces it

	mu       sync.RWMutex
	profiles map[string]*core.Profile // by the customer's id
	read     time.Time                // when reading began; zero: nothing is there
	total    int                      // by the vendor's count
	next     string                   // the cursor that continues
	whole    bool
	failed   error // why the last call failed; nil: it did not
	failedAt time.Time
}

func (p *profiles) list(reseller string) *profileList {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.lists[reseller]
	if l == nil {
		if p.lists == nil {
			p.lists = make(map[string]*profileList)
		}
		l = &profileList{turn: make(chan struct{}, 1)}
		p.lists[reseller] = l
	}
	return l
}

// get returns a customer's profile. known is false if the list may still show it.
func (l *profileList) get(id string) (profile *core.Profile, known bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.read.IsZero() || time.Since(l.read) >= profilesFor {
		return nil, false
	}
	profile = l.profiles[id]
	return profile, profile != nil || l.whole
}

// state returns what decides how to go on: how many customers were read and how many
// there are, and a failure that is recent.
func (l *profileList) state() (read, total int, failed error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.failed != nil && time.Since(l.failedAt) < profilesRetry {
		failed = l.failed
	}
	if l.read.IsZero() || time.Since(l.read) >= profilesFor {
		return 0, 0, failed
	}
	return len(l.profiles), l.total, failed
}

// dropOld forgets the lists that are too old to be used: they would take the room of others.
func (p *profiles) dropOld() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lists {
		l.mu.Lock()
		if !l.read.IsZero() && time.Since(l.read) >= profilesFor {
			p.count.Add(-int64(len(l.profiles)))
			l.profiles, l.read = make(map[string]*core.Profile), time.Time{}
		}
		l.mu.Unlock()
	}
}

// readOn reads the list on, to its end or until limit more customers are read (0: no
// limit). The caller has the turn.
func (p *profiles) readOn(ctx context.Context, reseller string, l *profileList, limit int) error {
	start := time.Now()
	p.dropOld()
	l.mu.Lock()
	if l.read.IsZero() || time.Since(l.read) >= profilesFor {
		p.count.Add(-int64(len(l.profiles)))
		l.profiles, l.read, l.next, l.whole = make(map[string]*core.Profile), start, "", false
	}
	opts := core.ReadOptions{Cursor: l.next, Limit: limit, Unproven: true}
	l.mu.Unlock()
	report, err := p.customers.Read(ctx, core.TagQuery{ResellerID: reseller}, &opts, func(m *core.Member) bool {
		if p.count.Load() >= maxProfiles {
			return false
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.profiles[m.MemberID] == nil {
			p.count.Add(1)
		}
		l.profiles[m.MemberID] = m.Profile
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		if core.CodeOf(err) == core.CodeInvalid {
			l.next = "" // the cursor is of no use any more
		}
		return l.note(err, start)
	}
	if report.Total != nil {
		l.total = *report.Total
	}
	l.whole, l.next = report.Stopped == nil, ""
	if report.Next != nil {
		l.next = *report.Next
	}
	switch {
	case report.Stopped == nil, *report.Stopped == core.StoppedLimit:
	case *report.Stopped == core.StoppedSize:
		err = &core.Error{Code: core.CodeTooLarge, Detail: fmt.Sprintf("there are more than %d customers, which is as many as names are kept of; ask by id or by reseller, or use the daily run", maxProfiles)}
	case *report.Stopped == core.StoppedDeadline:
		return core.AsError(context.DeadlineExceeded) // what was read is kept
	default:
		last := report.Warnings[len(report.Warnings)-1]
		err = &core.Error{Code: core.Code(last.Code), Detail: last.Message}
	}
	return l.note(err, start)
}

// note keeps the outcome of calls that began at start, and returns it. An answer without
// time for one page says nothing of the list. l.mu is held.
func (l *profileList) note(err error, start time.Time) error {
	code := core.CodeOf(err)
	if code == core.CodeCanceled || code == core.CodeDeadline && time.Since(start) < shortestTrial {
		return err
	}
	l.failed, l.failedAt = err, time.Now()
	return err
}

// naming joins profiles to one answer. It calls the vendor until half of the answer's time
// is over.
type naming struct {
	*profiles
	ctx   context.Context
	until time.Time // zero: no bound
	most  int       // customers that the answer can have, by the ids or the limit asked for; 0: not known

	names    map[string]*string // of resellers; nil: not asked for yet
	unnamed  int                // customers of the answer without a profile
	first    string             // of them
	why      *core.Error        // the last reason
	whyNames *core.Error        // why names of resellers are missing
}

// stage returns the stage of an answer to a question that asks for names.
func (p *profiles) stage(ctx context.Context, params core.Params) *core.Stage {
	n := &naming{profiles: p, ctx: p.calls(ctx), most: len(params["customer_id"]) + len(params["customer_ids"])}
	if limit := params["limit"]; len(limit) == 1 && n.most == 0 {
		n.most, _ = strconv.Atoi(limit[0]) // it was checked
	}
	if deadline, ok := ctx.Deadline(); ok {
		n.until = time.Now().Add(time.Until(deadline) / 2)
	}
	return &core.Stage{Join: n.join, See: n.see, End: n.end}
}

func (n *naming) join(record core.Record) core.Record {
	tag, ok := record.(*core.CustomerTag)
	if !ok {
		return record
	}
	var details core.Details
	reseller := ""
	if tag.ResellerID != nil {
		reseller = *tag.ResellerID
		details.ResellerName = n.nameOf(reseller)
	}
	profile, err := n.profile(reseller, tag.CustomerID)
	if err != nil {
		n.why = core.AsError(err)
		if n.why.Code == core.CodeDeadline { // as a Reader says before the time is over
			n.until = time.Now()
		}
	}
	details.Profile = profile
	return tag.With(details)
}

// within returns a context that ends when calls for names must.
func (n *naming) within() (context.Context, context.CancelFunc) {
	if n.until.IsZero() {
		return context.WithCancel(n.ctx)
	}
	return context.WithDeadline(n.ctx, n.until)
}

// profile returns what a list says of a customer. It reads on in the list, or asks for the
// customer by id, whichever takes fewer calls; the first page says how many there are.
func (n *naming) profile(reseller, id string) (*core.Profile, error) {
	l := n.list(reseller)
	if profile, known := l.get(id); known {
		return profile, nil
	}
	ctx, cancel := n.within()
	defer cancel()
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
	}
	if profile, known := l.get(id); known || ctx.Err() != nil {
		return profile, ctx.Err()
	}
	read, total, failed := l.state()
	if failed != nil && (n.most == 0 || core.CodeOf(failed) != core.CodeTooLarge) {
		return nil, failed
	}
	if n.most > 1 && read == 0 {
		if err := n.readOn(ctx, reseller, l, memberPage); err != nil {
			return nil, err
		}
		if profile, known := l.get(id); known {
			return profile, nil
		}
		read, total, _ = l.state()
	}
	if pages := (total - read + memberPage - 1) / memberPage; n.most == 1 || n.most > 1 && pages > n.most {
		return n.byID(ctx, reseller, id, l)
	}
	err := n.readOn(ctx, reseller, l, 0)
	profile, _ := l.get(id)
	return profile, err
}

// byID asks for one customer.
func (n *naming) byID(ctx context.Context, reseller, id string, l *profileList) (profile *core.Profile, err error) {
	start := time.Now()
	query := core.TagQuery{ResellerID: reseller}.ForIDs([]string{id})
	report, err := n.customers.Read(ctx, query, nil, func(m *core.Member) bool {
		profile = m.Profile
		return true
	})
	if err == nil && report.Stopped != nil {
		err = core.AsError(context.DeadlineExceeded)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return profile, l.note(err, start)
}

// nameOf returns the name of a reseller.
func (n *naming) nameOf(reseller string) *string {
	if n.names == nil {
		ctx, cancel := n.within()
		defer cancel()
		resellers, err := n.resellers.Named(ctx, core.TagQuery{ResellerID: reseller})
		n.names, n.whyNames = make(map[string]*string), core.AsError(err)
		for _, r := range resellers {
			n.names[r.MemberID] = r.Name()
		}
	}
	return n.names[reseller]
}

// see counts the customers of the answer that have no profile.
func (n *naming) see(record core.Record) {
	if tag, ok := record.(*core.CustomerTag); ok && tag.Details().Profile == nil {
		n.first = cmp.Or(n.first, tag.CustomerID)
		n.unnamed++
	}
}

// end returns one warning if names are missing.
func (n *naming) end(core.Report) []core.Warning {
	w := core.Warning{Code: core.WarnNames, CustomerID: n.first, Count: n.unnamed}
	switch {
	case n.unnamed > 0:
		w.Message = fmt.Sprintf("%d customers have no name: %s", n.unnamed, whyNoNames(n.why))
	case n.whyNames != nil:
		w.Message = "resellers have no name: " + whyNoNames(n.whyNames)
	default:
		return nil
	}
	return []core.Warning{w}
}

func whyNoNames(failure *core.Error) string {
	switch {
	case failure == nil:
		return "the vendor's list of customers does not name them"
	case failure.Code == core.CodeDeadline:
		return noTimeForNames
	default:
		return failure.Public()
	}
}
