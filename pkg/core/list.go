package core

import (
	"slices"
	"strings"
	"time"
)

// list is one list of customers under way: the rows of a query, read in passes
// from the first page to the last. The first pass hands on every record as it
// comes; later ones hand on those that were passed over before. What proves
// that none is missing is in proof.go.
//
// A read of a list is a sequence of operations that do not overlap: passes
// over the list, passes over its witness, and rounds of queries by id.
type list[Q Query, T Record] struct {
	*readState[Q, T]
	query   Q
	from    Cursor // where an earlier answer stopped; without Anchor: at the beginning
	partial bool   // earlier answers' customers count as read, and seen does not hold them
	late    bool   // partial, and from does not say which rows were handed on; only the proof is left

	seen *sightings
	rows int    // customers read, those of earlier answers included
	old  int    // of those, the ones that came before the read began
	sum  uint64 // of the keys of all

	op uint8 // number of the operation under way, from 1
	operation[T]

	// Of all operations so far:
	counts   []int // the vendor's count when each began, or unknownCount
	total    int   // the first total; of the list that earlier answers began
	counted  bool  // there was one
	moved    bool  // there was another one later
	most     int   // the highest
	shown    bool  // a pass ended where the total says
	disorder bool  // rows traded places: they came twice in a pass, or in another order than before
	unsorted bool  // rows came out of the list's order, so that answers in parts may overlap
	empty    bool  // the vendor counts customers and lists none
	lost     bool  // the place where an earlier answer stopped was not found
	gap      int   // how many customers the best moment to count them lacks
	onePage  bool  // the whole list came on one page, which is one moment
	longest  int   // rows of the longest page
	passes   int   // over the list
	ranking  int   // number of the pass whose order later ones are held against

	witness witness
}

// operation is the state of the operation under way.
type operation[T Record] struct {
	first  bool   // it is the first pass over the list
	pass   bool   // it is a pass over the list
	fresh  int    // customers that it found first
	met    int    // customers that it met
	metSum uint64 // of their keys
	rank   uint32 // of the row before; see sighting
	prev   *T     // the row before
	seam   *T     // the last row of the answer before
}

// created is a record that says when its customer came.
type created interface {
	// CreatedBetween reports whether the customer may have come from one
	// moment to another; true too if that is not known.
	CreatedBetween(from, to time.Time) bool
}

// ordered is a record whose place in the order of its list is known.
type ordered[T Record] interface {
	// Before reports whether that order puts the record before another.
	Before(other T) bool
}

// begin starts the next operation.
func (l *list[Q, T]) begin() {
	l.op++
	l.counts = append(l.counts, unknownCount)
	l.operation = operation[T]{}
}

// readList reads a list to its end and proves it; false where the read stopped
// before the end.
func (d *readState[Q, T]) readList(query Q, from Cursor) (ended bool, err error) {
	l := &list[Q, T]{
		readState: d, query: query, from: from, partial: from.Unique > 0, late: from.Late && d.opts.Known == nil,
		seen: newSightings(), rows: from.Unique, old: from.Old, sum: from.Sum, disorder: from.Disorder, unsorted: from.Disorder,
		ranking: 1,
	}
	if from.Total != nil {
		l.counted, l.total = true, *from.Total
	}
	d.noneNew = l.late
	if ended, err = l.firstPass(); err != nil || !ended {
		return false, err
	}
	if l.late {
		l.adopt()
	}
	d.noneNew = l.late || l.rows == from.Unique
	if l.counted {
		return l.proveCounted()
	}
	return l.proveUncounted()
}

// firstPass reads the list from its beginning, or from where an earlier answer
// stopped; false where the read stopped before the end. If rows were handed on
// late, it reads the whole list and hands on none: their places are not known.
func (l *list[Q, T]) firstPass() (ended bool, err error) {
	l.begin()
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

// meetKnown takes in the list's customers of earlier answers, as the caller kept them.
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
		now, before := l.seen.meet(key, l.op)
		if before.met&metListed == 0 {
			now.met |= metListed
			l.rows++
			l.sum += keySum(key)
		}
	}
	if l.rows != l.from.Unique {
		l.old = 0 // which of them are old was counted for others
	}
	l.partial = false
	l.ranking = 2 // the first pass has not the whole list
	return nil
}

// firstPage fetches the page at which the first pass begins. Its first skip
// rows were handed on by an earlier answer.
func (l *list[Q, T]) firstPage() (p *inFlightPage[T], skip int, err error) {
	fetch := func(at Cursor) error {
		p = &inFlightPage[T]{at: at, done: make(chan struct{})}
		close(p.done)
		p.page, err = l.reader.fetch(l.ctx, l.query, at, &l.retry)
		return err
	}
	if l.from.Anchor == "" || l.late {
		return p, 0, fetch(Cursor{})
	}
	// The row after which the earlier answer stopped is where it was, or a page
	// before or after, should customers have come or gone meanwhile.
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

// countedPass makes a pass over a list whose vendor returns a total, from a place
// on; the page there may have been fetched already. false where the read
// stopped before the end.
func (l *list[Q, T]) countedPass(start Cursor, fetched *inFlightPage[T], skip int) (ended bool, err error) {
	l.pass = true
	l.passes++
	isFirst := l.first
	pass := countedPass[Q, T]{
		reader: l.reader, query: l.query, retry: &l.retry, start: start, fetched: fetched, upTo: l.upTo,
		take: func(page Page[T], at Cursor, tail bool) bool {
			if tail { // its rows come again, and are not where a cursor would look for them
				l.first, l.pass = false, false
			}
			if !l.counted {
				l.counted, l.total = true, *page.Total
			}
			l.moved = l.moved || *page.Total != l.total
			l.most = max(l.most, *page.Total)
			l.pageRead(page)
			l.empty = at.Offset == 0 && len(page.Items) == 0 && *page.Total > 0 // at every attempt
			if !l.takeRows(page.Items, at, skip) {
				return false
			}
			skip = 0
			if l.first && l.full() && page.Next != nil {
				l.stop(StoppedLimit)
				return false
			}
			return true
		},
	}
	r, err := pass.run(l.ctx)
	if err != nil || r.stopped {
		return false, err
	}
	l.counts[l.op-1] = r.start
	l.shown = l.shown || r.start != unknownCount
	l.onePage = isFirst && r.step == 0 && !l.partial && l.from.Anchor == ""
	return true, nil
}

// uncountedPass makes a pass over a list without a total, whose pages the
// vendor finds by row; false where the read stopped before the end.
//
// Each page is asked for from the last row of the page before, and should
// begin with it. One that holds no row of this pass shows that rows moved up:
// the pass steps back until it finds one. What else is not as it should be is
// disorder. The end is a page that holds nothing behind such a row.
func (l *list[Q, T]) uncountedPass(start Cursor, fetched *inFlightPage[T], skip int) (ended bool, err error) {
	pages := l.reader.prefetch(l.ctx, l.query, start, &l.retry)
	defer pages.close()
	if fetched != nil {
		pages.inFlight = append(pages.inFlight, fetched)
	}
	l.pass = true
	l.passes++
	u := uncounted{resumed: l.first && l.from.Anchor != ""}
	for {
		f, err := pages.next()
		if err != nil {
			return false, err
		}
		if f.page.Next != nil && f.page.Next.Offset <= f.at.Offset {
			return false, errPagesRepeat(f.page.RequestID)
		}
		l.pageRead(f.page)
		met := l.met
		next, more := l.uncountedPage(&u, f.page, f.at, skip)
		if u.repeats++; l.met > met {
			u.repeats = 0
		}
		switch {
		case u.stopped:
			return false, nil
		case u.repeats > maxRepeats:
			return false, errPagesRepeat(f.page.RequestID)
		case !more:
			return true, nil
		}
		skip = 0
		pages.continueAt(next, forecast{step: u.step, end: l.upTo(next.Offset, 0)})
	}
}

// uncounted is the state of an uncounted pass.
type uncounted struct {
	resumed bool // it continues from a cursor
	stopped bool // the read stopped
	empty   bool // the first page was empty, and is asked for again
	step    int  // rows from one page to the next
	repeats int  // pages in a row without a customer that the pass had not met
	back    int  // the longest step so far: the last page's few rows are no measure for going back
	backs   int  // steps back
}

const (
	maxBacks   = 40           // steps back of a pass
	maxRepeats = 4 * maxBacks // pages in a row that bring nothing
)

// uncountedPage takes in a page and returns where the next one begins.
func (l *list[Q, T]) uncountedPage(u *uncounted, page Page[T], at Cursor, skip int) (next Cursor, more bool) {
	rows := page.Items
	if at.Size == 0 && page.Next != nil {
		at.Size = page.Next.Size // what the Source's own turned out to be
	}
	if len(rows) == 0 && at.Offset == 0 && !u.empty {
		// "No customers" is believed when it comes twice: there is no total to
		// hold it against, and a failure must not read so.
		u.empty = true
		return at, true
	}
	isMet := func(record T) bool {
		k := l.seen.get(record.Key())
		return k.last == l.op && k.met&metListed != 0
	}
	from := slices.IndexFunc(rows, isMet)
	alone := at.Offset == 1 && u.step == 0 && len(rows) == 0 // after a first page of one row
	if at.Offset > 0 && skip == 0 && from < 0 && !alone && !(u.resumed && u.step == 0) {
		if u.backs++; u.backs <= maxBacks {
			return Cursor{Offset: max(0, at.Offset-max(u.back, 1)), Size: at.Size}, true
		}
		l.lost = true
	}
	if l.partial && from > 0 && skip == 0 {
		skip = from // an earlier answer handed them on, or they came there since
	}
	unmet := slices.IndexFunc(rows[skip:], func(record T) bool { return !isMet(record) })
	if unmet >= 0 && slices.ContainsFunc(rows[skip+unmet:], isMet) {
		l.disorder = true // a row that was met stands behind one that was not
	}
	if !l.takeRows(rows, at, skip) {
		u.stopped = true
		return Cursor{}, false
	}
	if page.Next == nil || len(rows) == 0 || len(rows) == 1 && at.Offset > 0 {
		return Cursor{}, false
	}
	if l.first && l.full() {
		l.stop(StoppedLimit)
		u.stopped = true
		return Cursor{}, false
	}
	next = Cursor{Offset: at.Offset + len(rows) - 1, Size: page.Next.Size}
	if len(rows) == 1 {
		next.Offset++ // nothing to overlap with: is there more at all?
	} else {
		u.step = len(rows) - 1
		u.back = max(u.back, u.step)
	}
	return next, true
}

// takeRows takes in the rows of a page; false where the read stops at one of
// them. Rows before skip were handed on by an earlier answer, except those that are
// known not to be.
func (l *list[Q, T]) takeRows(rows []T, at Cursor, skip int) bool {
	if l.pass {
		l.longest = max(l.longest, len(rows))
	}
	for i, record := range rows {
		key := record.Key()
		now, before := l.seen.meet(key, l.op)
		now.met |= metListed
		isNew := before.met&metListed == 0
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
		if l.pass {
			l.noteOrder(record, now, before.rank, again, twice)
		}
		switch {
		case !isNew:
			if l.first && key == l.here.Anchor { // where it stands now; others are before it
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

// isOld reports whether a record's customer came before the read began.
func (d *readState[Q, T]) isOld(record any) bool {
	c, ok := record.(created)
	return ok && !c.CreatedBetween(time.Unix(d.from.Began, 0), d.reader.opts.Now())
}

// noteOrder holds the place of a row against the row before and against the
// ranking pass. again reports that the row came before in this pass, twice that
// it came just before.
func (l *list[Q, T]) noteOrder(record T, now *sighting, rank uint32, again, twice bool) {
	switch {
	case twice:
	case again:
		l.disorder = l.disorder || l.counted // pages of an uncounted list overlap
	case l.passes == l.ranking:
		l.rank++
		now.rank = l.rank
	case rank > 0:
		l.disorder = l.disorder || rank < l.rank
		l.rank = rank
	}
	if !l.first || !l.counted {
		return
	}
	if prev := l.prev; prev != nil {
		row, ok := any(record).(ordered[T])
		l.unsorted = l.unsorted || !ok || row.Before(*prev)
		// Behind the seam between two answers rows must not tie with those before it.
		l.unsorted = l.unsorted || l.seam != nil && !any(*l.seam).(ordered[T]).Before(record)
	}
	l.prev = &record
}

// handOnLate hands on a record that was passed over before. A cursor continues
// in the order of the first pass, so none continues among these: one from
// further on leads to the proof alone.
func (l *list[Q, T]) handOnLate(record T) bool {
	if !l.wanted(record) {
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
	l.unproven(WarnPassedOver, "rows moved while reading, and there is no room for the customers that were passed over; read again with more room")
	l.report.Stopped = &why
	return false
}

// place moves the place from which a cursor continues to after row i of a page.
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

// placeCounts sets what was handed on before that place.
func (l *list[Q, T]) placeCounts() {
	l.here.Unique, l.here.Old, l.here.Sum, l.here.Disorder = l.rows, l.old, l.sum, l.disorder || l.unsorted || l.lost
}

// pageRead notes a page of the first pass, or one that was read once more.
func (l *list[Q, T]) pageRead(page Page[T]) {
	rows := 0
	if l.first {
		rows = len(page.Items)
	}
	l.readState.pageRead(page.RequestID, page.Total, rows)
}

func errPagesRepeat(requestID string) error {
	return &Error{Code: CodeUpstream, RequestID: requestID, Detail: "the cloud's pages repeat without end"}
}
