package core

import (
	"slices"
	"strings"
	"time"
)

// list is the state of the read of one list of customers: the rows of a query,
// read in passes from the first page to the last. The first pass hands on each
// customer as it comes; later passes hand on those that the ones before missed.
//
// Passes over the list, passes over its witness and rounds of queries by id are
// operations. They are numbered from 1, and no two overlap.
type list[Q Query, T Record] struct {
	*readState[Q, T]
	query   Q
	from    Cursor // where an earlier answer stopped; without Anchor: at the beginning
	partial bool   // earlier answers' customers count as read, and seen does not hold them
	late    bool   // partial, and from does not say which rows were handed on: only the proof is left

	seen *sightings
	rows int    // customers read, including those of earlier answers
	old  int    // of those, the ones associated before the read began
	sum  uint64 // of their keys

	op uint8 // number of the current operation
	operation[T]

	// Of all operations so far:
	counts   []int // the vendor's count when each began, or unknownCount
	total    int   // the first total; the first answer's, if earlier answers returned one
	counted  bool  // there was a total
	moved    bool  // a later total differed
	most     int   // the highest total
	shown    bool  // a pass ended where the total says
	disorder bool  // rows traded places: they came twice in a pass, or in another order than before
	unsorted bool  // rows came out of the list's order, so that answers in parts may overlap
	empty    bool  // the vendor counts customers and lists none
	lost     bool  // the place where an earlier answer stopped was not found
	gap      int   // smallest difference between a count and the customers present at it
	onePage  bool  // the whole list was one page, read at one moment
	longest  int   // rows of the longest page
	passes   int   // over the list
	ranking  int   // number of the pass whose order later ones are compared with

	witness    witness
	mismatched bool     // the witness has not named all customers, or proves nothing
	onlyListed []string // the first few ids that it has not named, once the list is read again
}

// operation is the state of the current operation.
type operation[T Record] struct {
	first  bool   // it is the first pass over the list
	pass   bool   // it is a pass over the list
	fresh  int    // customers that no operation had met
	met    int    // customers that it met
	metSum uint64 // of their keys
	rank   uint32 // of the row before; see sighting
	prev   *T     // the row before
	seam   *T     // the last row of the answer before
}

// created is a record with a time of association.
type created interface {
	// CreatedBetween reports whether the customer may have been associated
	// between two moments; true if that is not known.
	CreatedBetween(from, to time.Time) bool
}

// ordered is a record whose place in the order of its list is known.
type ordered[T Record] interface {
	// Before reports whether that order puts the record before another.
	Before(other T) bool
}

// readList reads a list and proves it complete. It returns false if the read
// stopped before the end.
func (s *readState[Q, T]) readList(query Q, from Cursor) (finished bool, err error) {
	l := &list[Q, T]{
		readState: s, query: query, from: from, partial: from.Unique > 0, late: from.Late && s.opts.Known == nil,
		seen: newSightings(), rows: from.Unique, old: from.Old, sum: from.Sum, disorder: from.Disorder, unsorted: from.Disorder,
		ranking: 1,
	}
	if from.Total != nil {
		l.counted, l.total = true, *from.Total
	}
	s.proving = l.late
	if finished, err = l.firstPass(); err != nil || !finished {
		return false, err
	}
	if l.late {
		l.adopt()
	}
	s.proving = true
	if s.opts.Unproven {
		s.incomplete = true
		return true, nil
	}
	if l.counted {
		return l.proveCounted()
	}
	return l.proveUncounted()
}

// nextOperation starts an operation.
func (l *list[Q, T]) nextOperation() {
	l.op++
	l.counts = append(l.counts, unknownCount)
	l.operation = operation[T]{}
}

// firstPass reads the list from its beginning, or from where an earlier answer
// stopped. It returns false if the read stopped before the end. If rows were
// handed on late, it reads the whole list and hands on none: their places are
// not known.
func (l *list[Q, T]) firstPass() (finished bool, err error) {
	l.nextOperation()
	if l.partial && l.opts.Known != nil {
		if err := l.meetKnown(); err != nil {
			return false, err
		}
	}
	l.first = !l.late
	page, skip, err := l.firstPage()
	if err != nil {
		return false, err
	}
	if page.page.Total != nil {
		return l.countedPass(page.at, page, skip)
	}
	return l.uncountedPass(page.at, page, skip)
}

// meetKnown takes in the list's customers of earlier answers from the caller.
func (l *list[Q, T]) meetKnown() error {
	l.rows, l.sum = 0, 0
	query, scoped := any(l.query).(byIDs[Q])
	for key, err := range l.opts.Known {
		if err != nil {
			return err
		}
		if scoped && query.KeyOf(key[strings.LastIndexByte(key, '/')+1:]) != key {
			continue // of another scope
		}
		if before := l.seen.meet(key, l.op, metListed); before.met&metListed == 0 {
			l.rows++
			l.sum += keySum(key)
		}
	}
	if l.rows != l.from.Unique {
		l.old = 0 // the cursor's counts other customers
	}
	l.partial = false
	l.ranking = 2 // the first pass is not over the whole list
	return nil
}

// firstPage fetches the first page of the first pass. Its first skip rows were
// handed on by an earlier answer.
func (l *list[Q, T]) firstPage() (p *inFlightPage[T], skip int, err error) {
	fetch := func(at Cursor) error {
		p = &inFlightPage[T]{at: at, fetched: make(chan struct{})}
		close(p.fetched)
		p.page, err = l.reader.fetch(l.ctx, l.query, at, &l.retry)
		return err
	}
	if l.from.Anchor == "" || l.late {
		return p, 0, fetch(Cursor{})
	}
	// The row after which the earlier answer stopped is where it was, or a page
	// before or after if customers came or left meanwhile.
	stopped := Cursor{Offset: l.from.Offset, Size: l.from.Size}
	offsets := []int{stopped.Offset}
	if stopped.Size > 0 { // else there was one page
		offsets = append(offsets, stopped.Offset-stopped.Size, stopped.Offset+stopped.Size)
	}
	for _, offset := range offsets {
		if offset < 0 {
			continue
		}
		if err := fetch(Cursor{Offset: offset, Size: stopped.Size}); err != nil {
			return nil, 0, err
		}
		i := slices.IndexFunc(p.page.Items, func(record T) bool { return record.Key() == l.from.Anchor })
		if i >= 0 {
			l.prev = &p.page.Items[i]
			if l.partial {
				l.seam = l.prev
			}
			return p, i + 1, nil
		}
	}
	l.lost = true
	if err := fetch(stopped); err != nil {
		return nil, 0, err
	}
	if l.partial {
		skip = min(l.from.Skip, len(p.page.Items))
	}
	return p, skip, nil
}

// takeRows takes in the rows of a page. It returns false if the read stops at
// one of them. Rows before skip were handed on by an earlier answer, except
// those that are known not to be.
func (l *list[Q, T]) takeRows(rows []T, at Cursor, skip int) bool {
	if l.pass {
		l.longest = max(l.longest, len(rows))
	}
	for i, record := range rows {
		key := record.Key()
		before := l.seen.meet(key, l.op, metListed)
		isNew := before.met&metListed == 0
		l.noteOneSided(record, before)
		again := before.last == l.op && !isNew
		twice := again && i > 0 && rows[i-1].Key() == key // the vendor lists it twice
		sum := keySum(key)
		if !again {
			l.met++
			l.metSum += sum
		}
		if i < skip && (l.partial || !isNew) {
			continue
		}
		if l.pass && !twice {
			l.noteRank(key, before.rank, again)
		}
		if l.first && l.counted {
			l.noteOrder(record)
		}
		switch {
		case !isNew:
			if l.first && key == l.here.Anchor { // its place now; the others are before it
				l.place(key, at, i)
			}
		case l.partial && !l.first: // whether an earlier answer handed it on is not known
		case l.first:
			if !l.handOn(record) {
				return false
			}
			l.add(record, sum)
			l.place(key, at, i)
		default:
			l.fresh++
			l.add(record, sum)
			if !l.handOnLate(record) {
				return false
			}
			l.here.Late = true
			l.placeCounts()
		}
	}
	return true
}

// add counts a customer that was read.
func (l *list[Q, T]) add(record T, sum uint64) {
	l.rows++
	l.sum += sum
	if l.isOld(record) {
		l.old++
	}
}

// isOld reports whether a record's customer was associated before the read
// began.
func (s *readState[Q, T]) isOld(record any) bool {
	c, ok := record.(created)
	return ok && !c.CreatedBetween(time.Unix(s.resumeFrom.Began, 0), s.reader.opts.Now())
}

// noteRank compares the order of a row and the row before with their order in
// the ranking pass. again reports that the row came before in this pass.
func (l *list[Q, T]) noteRank(key string, rank uint32, again bool) {
	switch {
	case again:
		l.disorder = l.disorder || l.counted // pages of an uncounted list overlap
	case l.passes == l.ranking:
		l.rank++
		l.seen.setRank(key, l.rank)
	case rank > 0:
		l.disorder = l.disorder || rank < l.rank
		l.rank = rank
	}
}

// noteOrder checks that a row is behind the row before by the list's own order.
func (l *list[Q, T]) noteOrder(record T) {
	if prev := l.prev; prev != nil {
		row, ok := any(record).(ordered[T])
		l.unsorted = l.unsorted || !ok || row.Before(*prev)
		// A row behind the seam of two answers must not tie with one before it.
		l.unsorted = l.unsorted || l.seam != nil && !any(*l.seam).(ordered[T]).Before(record)
	}
	l.prev = &record
}

// handOnLate hands on a record that the first pass missed. A cursor continues
// in the order of the first pass, so none continues among these records: one
// from further on leads to the proof alone.
func (l *list[Q, T]) handOnLate(record T) bool {
	if !l.evaluate(record) {
		l.notes.Add(record)
		return true
	}
	why := StoppedSize
	if l.full() {
		why = StoppedLimit
	} else if l.keep(record, l.here) {
		l.report.Count++
		l.notes.Add(record)
		return true
	}
	l.noteUnproven(WarnPassedOver, "rows moved while reading, and there is no room for the customers that were passed over; read again with more room")
	l.report.stopWithoutCursor(why)
	return false
}

// place sets the place from which a cursor continues: after row i of a page.
func (l *list[Q, T]) place(key string, at Cursor, i int) {
	if at.Size < minPageSize {
		at.Size = 0
	}
	l.here.Offset, l.here.Size, l.here.Skip, l.here.Anchor = at.Offset, at.Size, i+1, key
	l.placeCounts()
	if l.counted {
		total := l.total
		l.here.Total = &total
	}
}

// placeCounts sets what the cursor says of the customers before its place.
func (l *list[Q, T]) placeCounts() {
	l.here.Unique, l.here.Old, l.here.Sum, l.here.Disorder = l.rows, l.old, l.sum, l.disorder || l.unsorted || l.lost
}

// pageRead counts a page, and its rows if they are read for the first time.
func (l *list[Q, T]) pageRead(page Page[T]) {
	rows := 0
	if l.first {
		rows = len(page.Items)
	}
	l.readState.pageRead(page.RequestID, page.Total, rows)
}
