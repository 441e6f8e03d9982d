package core

import (
	"slices"
	"time"
)

// Member is a customer or a reseller of a partner's account, as a list of the
// account's members names it.
type Member struct {
	MemberID   string
	ResellerID string // the reseller whose customer it is; "": the account's own, or a reseller itself
}

// ID returns the member's id.
func (m *Member) ID() string { return m.MemberID }

// Key returns what the key of a record about the same customer is.
func (m *Member) Key() string { return keyOf(m.ResellerID, m.MemberID) }

// Settle does nothing: a member has no status.
func (m *Member) Settle(string, time.Time, Rules) {}

// StatusText returns "".
func (m *Member) StatusText() string { return "" }

// Cells returns the id.
func (m *Member) Cells() []string { return []string{m.MemberID} }

// Masked returns the member: an id is not personal.
func (m *Member) Masked() Record { return m }

// witness is the second list of a list's customers, and what it has shown.
type witness struct {
	refused bool // the vendor does not let the account read it, or fails to
	retry   retryBudget
	passes  int
	op      uint8    // the last operation that read it
	pages   int      // pages of that
	count   int      // what it counts
	step    int      // rows from one page to the next
	ids     []string // of the customers that it named
}

// readWitness makes a pass over the witness. A witness that cannot be read is
// noted and is no error; the end of the context is one.
func (l *list[Q, T]) readWitness() error {
	w := &l.witness
	if w.passes++; w.passes > 1 {
		w.step = max(1, w.step*(8-w.passes%4)/8) // other page boundaries
	}
	l.begin()
	w.op, w.pages = l.op, 0
	pass := countedPass[Q, *Member]{
		reader: l.reader.opts.Witness, query: l.query, retry: &w.retry, start: Cursor{Size: w.step},
		upTo: func(_, total int) int { return total },
		take: func(page Page[*Member], _ Cursor, _ bool) bool {
			w.pages++
			w.count = *page.Total
			l.readState.pageRead(page.RequestID, nil, 0)
			for _, member := range page.Items {
				l.meetMember(member)
			}
			return true
		},
	}
	r, err := pass.run(l.reader.onlyCalls(l.ctx))
	if err == nil {
		l.counts[l.op-1] = r.count
		w.step = max(w.step, r.step)
		return nil
	}
	return l.refuse(err)
}

// meetMember notes that the witness named a customer.
func (l *list[Q, T]) meetMember(member *Member) {
	key := member.Key()
	now, before := l.seen.meet(key, l.op)
	if before.last != l.op {
		l.met++
		l.metSum += keySum(key)
	}
	if before.met&metWitnessed == 0 {
		now.met |= metWitnessed
		l.witness.ids = append(l.witness.ids, member.MemberID)
	}
}

// proveByWitness reads the witness, and the customers that it names by id,
// until the list is proven whole. ended is false where the read stopped; whole
// is false where the witness proves nothing.
func (l *list[Q, T]) proveByWitness() (whole, ended bool, err error) {
	w := &l.witness
	for {
		if w.passes > 0 && !l.partial {
			if ended, err := l.findLacking(); err != nil || !ended {
				return false, false, err
			}
			if l.isWhole() {
				return true, true, nil
			}
		}
		if w.passes == maxWitnessPasses {
			return false, true, nil
		}
		if err := l.readWitness(); err != nil || w.refused {
			return false, true, err
		}
		if l.partial && !l.adopt() {
			return false, true, nil
		}
		if l.isWhole() {
			return true, true, nil
		}
	}
}

// findLacking asks by id for the customers that the witness named and that have
// not been met since; no order of rows can hide one from that. A few without an
// answer are looked up in the witness again: they have no record, or have left.
// false where the read stopped.
func (l *list[Q, T]) findLacking() (ended bool, err error) {
	query, ok := any(l.query).(byIDs[Q])
	if !ok {
		return true, nil
	}
	lacking := l.lacking(query)
	if len(lacking) == 0 {
		return true, nil
	}
	l.begin()
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
	if lacking = l.lacking(query); len(lacking) > min(l.witness.pages, mostLookUps) {
		return true, nil // one more pass over the witness costs less
	}
	l.begin()
	for _, id := range lacking {
		page, err := l.reader.opts.Witness.fetch(l.reader.onlyCalls(l.ctx), query.ForIDs([]string{id}), Cursor{}, &l.witness.retry)
		if err != nil {
			return true, l.refuse(err)
		}
		l.readState.pageRead(page.RequestID, nil, 0)
		for _, member := range page.Items {
			if member.MemberID == id {
				l.meetMember(member)
			}
		}
	}
	return true, nil
}

// mostLookUps is how many customers are looked up one by one.
const mostLookUps = 20

// lacking returns the ids that the witness named and that no operation has met
// since it was last read.
func (l *list[Q, T]) lacking(query byIDs[Q]) (ids []string) {
	for _, id := range l.witness.ids {
		if l.seen.get(query.KeyOf(id)).last <= l.witness.op {
			ids = append(ids, id)
		}
	}
	return ids
}

// refuse notes that the witness cannot be read. Only the end of the context is
// an error.
func (l *list[Q, T]) refuse(err error) error {
	l.witness.refused = true
	if failure := AsError(err); failure.Code == CodeCanceled || failure.Code == CodeDeadline {
		return failure
	}
	return nil
}
