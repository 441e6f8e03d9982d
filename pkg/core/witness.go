package core

import (
	"cmp"
	"slices"
	"time"
)

// Member is a customer or a reseller in a list of a partner account's members.
type Member struct {
	MemberID     string
	ResellerID   string     // of the customer; "": the account's own customer, or a reseller
	AssociatedAt *time.Time // nil: not known
	Reseller     bool       // it is a reseller
	Profile      *Profile   // what the list says of the member beside its id; nil: nothing
}

// Name returns the member's name or, if the list leaves it out, that of its account.
func (m *Member) Name() *string {
	if m.Profile == nil {
		return nil
	}
	return cmp.Or(m.Profile.Name, m.Profile.AccountName)
}

// ID returns the member's id.
func (m *Member) ID() string { return m.MemberID }

// Key returns the key of a record about the same customer.
func (m *Member) Key() string { return keyOf(m.ResellerID, m.MemberID) }

// Evaluate does nothing: a member has no status.
func (m *Member) Evaluate(string, time.Time, Rules) {}

// StatusText returns "".
func (m *Member) StatusText() string { return "" }

// UnreadMembers returns nil: a member without an id fails its page.
func (m *Member) UnreadMembers() []string { return nil }

// Row returns the id.
func (m *Member) Row() []string { return []string{m.MemberID} }

// With returns the member: it has no details.
func (m *Member) With(Details) Record { return m }

// Masked returns the member: an id is not personal data.
func (m *Member) Masked() Record { return m }

// CreatedBetween reports whether the member may have been associated between two
// moments; true if that is not known.
func (m *Member) CreatedBetween(from, to time.Time) bool {
	return m.AssociatedAt == nil || !m.AssociatedAt.Before(from.Add(-maxClockSkew)) && !m.AssociatedAt.After(to.Add(maxClockSkew))
}

// witness is what the second list of a list's customers has shown.
type witness struct {
	refused *Error // why it cannot be read
	retry   retryBudget
	passes  int
	longest int      // rows of the longest page
	total   int      // the first one
	most    int      // the highest one
	shown   bool     // a pass ended where the total says
	old     int      // of the ids, the customers associated before the read began
	ids     []string // of all customers that it listed
}

// stale reports whether the first count was too low: a later one is higher by
// more than the newcomers.
func (w *witness) stale() bool { return w.most-w.total > len(w.ids)-w.old }

// readWitness makes a pass over the witness. A witness that cannot be read is
// recorded and is not an error, unless ctx is done.
func (l *list[Q, T]) readWitness() error {
	w := &l.witness
	size := w.longest * (7 - (w.passes-1)%3) / 8 // 0 at first, then other page boundaries
	l.nextOperation()
	w.retry.slowest.Store(max(w.retry.slowest.Load(), l.retry.slowest.Load())) // so that its first page is not begun too late
	p := pager[Q, *Member]{reader: l.reader.opts.Witness, query: l.query, retry: &w.retry, start: Cursor{Size: size}}
	for page := range p.pages(l.reader.CallsOnly(l.ctx)) {
		if w.passes == 0 && page.at.Offset == 0 {
			w.total = *page.Total
		}
		w.most = max(w.most, *page.Total)
		w.longest = max(w.longest, len(page.Items))
		l.readState.pageRead(page.RequestID, nil, 0)
		for _, member := range page.Items {
			l.meetMember(member)
		}
	}
	if p.err == nil {
		w.passes++
		if w.passes > 1 || !w.stale() {
			l.counts[l.op-1] = p.count
		}
		w.shown = w.shown || p.count != unknownCount
		return nil
	}
	w.refused = AsError(p.err)
	if w.refused.Code == CodeCanceled || w.refused.Code == CodeDeadline {
		return w.refused
	}
	if l.opts.Members != nil {
		l.report.warnNames("the vendor's list of customers could not be read: " + w.refused.Public())
	}
	return nil
}

// meetMember records that the witness lists a customer.
func (l *list[Q, T]) meetMember(member *Member) {
	key := member.Key()
	before := l.seen.meet(key, l.op, metWitnessed)
	if before.last != l.op {
		l.met++
		l.metSum += keySum(key)
	}
	if before.met&metWitnessed == 0 {
		l.witness.ids = append(l.witness.ids, member.MemberID)
		if l.opts.Members != nil {
			l.opts.Members(member)
		}
		if l.isOld(member) {
			l.witness.old++
		}
	}
}

// proveByWitness reads the witness, and by id the customers that it lists and the
// list has not shown. whole is false if the witness proves nothing; finished is false
// if the read stopped.
func (l *list[Q, T]) proveByWitness() (whole, finished bool, err error) {
	query, ok := any(l.query).(byIDs[Q])
	if !ok {
		return false, true, nil
	}
	w := &l.witness
	whole = true
	for !(w.shown && w.old == w.total && !w.stale()) && !l.allPresent(metWitnessed) {
		if w.passes == maxWitnessPasses {
			whole = false // its customers are read by id all the same
			break
		}
		if err := l.readWitness(); err != nil || w.refused != nil {
			return false, true, err
		}
		if l.partial {
			l.adopt()
			continue
		}
		if w.passes > 1 && !l.allPresent(metWitnessed) { // are the customers that this pass missed still there?
			pass := l.op
			if finished, err := l.readByID(query, func(k sighting) bool { return k.last != pass }); err != nil || !finished {
				return false, false, err
			}
		}
	}
	if finished, err := l.readByID(query, func(k sighting) bool { return l.partial || k.met&metListed == 0 }); err != nil || !finished {
		return false, false, err
	}
	return whole && (!l.partial || l.adopt()), true, nil
}

// readByID reads those customers of the witness by id, which does not depend on
// the order of rows. It returns false if the read stopped.
func (l *list[Q, T]) readByID(query byIDs[Q], lacks func(sighting) bool) (finished bool, err error) {
	var lacking []string
	for _, id := range l.witness.ids {
		if lacks(l.seen.get(query.KeyOf(id))) {
			lacking = append(lacking, id)
		}
	}
	l.nextOperation()
	for ids := range slices.Chunk(lacking, idsPerQuery) {
		found, err := l.find(query.ForIDs(ids))
		if err != nil {
			return false, err
		}
		rows := make([]T, 0, len(found))
		for _, id := range ids {
			if record, ok := found[id]; ok {
				rows = append(rows, record)
			}
		}
		if !l.takeRows(rows, Cursor{}, 0) {
			return false, nil
		}
	}
	return true, nil
}
