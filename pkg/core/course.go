package core

import (
	"fmt"
	"slices"
	"time"
)

// course is one query's way through its pages, and what proves that none of
// its customers was passed over while others came and went.
//
// Where the cloud finds pages by row, each is asked for from the last row of
// the one before, and must hold a row that was read already. Rows keep their
// order, so everything up to that row was read, however rows moved. A page
// without one shows that rows moved up: the course steps back until it finds a
// row it knows.
//
// Where it finds them by number (its query is a steadier) and tells a total,
// pages follow each other without a seam. If from the first page to the last
// the total was the same, as many customers were read, and the list's last row,
// read last of all, is of one who was there before the read began, then nobody
// can have left: his place in the count could only be taken by a newcomer, and
// newcomers come last. Otherwise the pages are read again, from the last to the
// first, one after the other: customers can only move towards the first page,
// where they are still to be read.
type course[Q Query, T Record] struct {
	query   Q
	asked   []string
	from    Cursor
	resumed bool // begins where an earlier answer stopped

	unique  int  // customers told apart, those of earlier answers included
	counted bool // the cloud tells a total
	total   int  // the first one it told
	moved   bool // it told another one later
	step    int  // rows from one page to the next
	back    int  // the longest step so far: the last page's few rows are no measure for going back
	backs   int  // steps back
	nobody  bool // the first page was empty, and is asked for again
}

// A course may step back so often, and so often without anything new between,
// before it is given up as moving too fast.
const maxBacks = 40

// steadier is a Query whose pages a cloud finds by number, and whose customers can be had in an order in which
// newcomers come last.
type steadier[Q Query] interface {
	// Steady gives the query in that order, and whether that is its own.
	Steady() (query Q, own bool)
}

// newcomer is a Record that tells when its customer came.
type newcomer interface {
	// JoinedBetween says whether the customer may have come from one moment to
	// another; true too where that is not known.
	JoinedBetween(from, to time.Time) bool
}

// follow reads a query to its end; false where the read stopped before.
func (d *reading[Q, T]) follow(c *course[Q, T]) (ended bool, err error) {
	lane := d.reader.lane(d.ctx, c.query, Cursor{}, &d.tries)
	defer lane.close()
	skip := 0
	page, at, err := Page[T]{}, Cursor{}, error(nil)
	if c.resumed {
		page, at, skip, err = d.pickUp(c, lane)
	} else {
		page, at, err = lane.next()
	}
	for {
		if err != nil {
			return false, err
		}
		d.takenIn(page, len(page.Items))
		if page.Next != nil && page.Next.Offset <= at.Offset {
			return false, errPagesRepeat(page.RequestID)
		}
		if at.Size == 0 && page.Next != nil {
			at.Size = page.Next.Offset - at.Offset // what the Source's own turned out to be
		}
		var on bool
		if _, numbered := any(c.query).(steadier[Q]); numbered && page.Total != nil {
			on, ended, err = d.pageByNumber(c, lane, page, at, skip)
		} else {
			on, ended, err = d.pageByRow(c, lane, page, at, skip)
		}
		if err != nil || !on {
			return ended, err
		}
		skip = 0
		page, at, err = lane.next()
	}
}

// pickUp finds the row after which an earlier answer stopped: where it was, or
// a page before or after, should customers have come or gone meanwhile.
func (d *reading[Q, T]) pickUp(c *course[Q, T], lane *lane[Q, T]) (page Page[T], at Cursor, skip int, err error) {
	was := c.from
	offsets := []int{was.Offset}
	if was.Size > 0 { // else there was one page
		offsets = append(offsets, was.Offset-was.Size, was.Offset+was.Size)
	}
	for _, offset := range offsets {
		if offset < 0 {
			continue
		}
		lane.goOn(Cursor{Offset: offset, Size: was.Size}, view{})
		page, at, err = lane.next()
		if err != nil {
			return page, at, 0, err
		}
		for i, record := range page.Items {
			if record.Key() == was.Anchor {
				return page, at, i + 1, nil
			}
		}
	}
	d.unproven(WarnPlaceLost, "the customer after whom the earlier answer stopped is gone; some may come again or be passed over")
	lane.goOn(Cursor{Offset: was.Offset, Size: was.Size}, view{})
	page, at, err = lane.next()
	return page, at, min(was.Skip, len(page.Items)), err
}

// pageByNumber takes in a page of a cloud that finds pages by number, and says
// where the lane goes on; on is false at the query's end and where the read stops.
func (d *reading[Q, T]) pageByNumber(c *course[Q, T], lane *lane[Q, T], page Page[T], at Cursor, skip int) (on, ended bool, err error) {
	total := *page.Total
	if !c.counted && !c.resumed {
		c.total = total
	}
	c.counted = true
	c.moved = c.moved || total != c.total
	if !d.take(c, page.Items, at, skip) {
		return false, false, nil
	}
	if page.Next != nil {
		c.step = page.Next.Offset - at.Offset
		if d.full() {
			d.stop(StoppedLimit)
			return false, false, nil
		}
		lane.goOn(*page.Next, view{
			step:  c.step,
			end:   d.foreseen(page.Next.Offset, total),
			alone: at.Offset + (total-1-at.Offset)/c.step*c.step, // the last page tells what came meanwhile
		})
		return true, false, nil
	}
	if at.Offset == 0 && len(page.Items) == 0 && total > 0 { // at every try: there is nothing to read again
		d.unproven(WarnTotalMismatch, fmt.Sprintf("the cloud counts %d customers and lists none", total))
		return false, true, nil
	}
	lane.close()
	proven, err := d.proven(c, page, at, total)
	if err != nil || proven {
		return false, err == nil, err
	}
	on, err = d.readAgain(c, total)
	return false, on && err == nil, err
}

// foreseen is the row up to which pages are wanted, of those that there are (0: not known).
func (d *reading[Q, T]) foreseen(next, end int) int {
	if d.opts.Limit == 0 || len(d.opts.Statuses) > 0 {
		return end
	}
	wanted := next + d.opts.Limit - d.report.Count
	if end == 0 {
		return wanted
	}
	return min(wanted, end)
}

// proven says whether the pages that were read, the last one being last, are all
// that there are, and none of their rows moved meanwhile.
func (d *reading[Q, T]) proven(c *course[Q, T], last Page[T], at Cursor, total int) (bool, error) {
	_, own := any(c.query).(steadier[Q]).Steady()
	moment := at.Offset == 0 // one page is one moment
	if c.moved || c.unique != total || !moment && !own {
		return false, nil
	}
	if size := c.roomFor(last, total); size > 0 {
		tail := Cursor{Offset: (total - 1) / size * size, Size: size}
		page, err := d.reader.fetch(d.ctx, c.query, tail, &d.tries)
		if err != nil {
			return false, err
		}
		d.takenIn(page, 0)
		if page.Total == nil || *page.Total != total || len(page.Items) != total-tail.Offset {
			return false, nil
		}
		last = page
	}
	if moment {
		return true, nil
	}
	if len(last.Items) == 0 {
		return false, nil
	}
	joined, ok := any(last.Items[len(last.Items)-1]).(newcomer)
	return ok && !joined.JoinedBetween(time.Unix(d.from.Began, 0), d.reader.opts.Now()), nil
}

// roomFor gives, where the last page is full and so does not show the list's
// end, a page size by which it is shown: one by which the total does not
// divide, so that the page of the last row has room for a further one. 0: the
// last page shows the end.
//
// How long a cloud's pages can be is known from two of them. A list's only page
// is taken for full where its length is a round number, as every limit is.
func (c *course[Q, T]) roomFor(last Page[T], total int) int {
	size := c.step
	if size == 0 {
		size = c.from.Size
	}
	if rows := len(last.Items); size == 0 && rows%10 == 0 {
		size = rows
	}
	if size == 0 || len(last.Items) < size {
		return 0
	}
	return unevenly(total, size)
}

// unevenly gives the largest page size below another by which a total does not
// divide; 0 where there is none.
func unevenly(total, below int) int {
	for size := below - 1; size > 1; size-- {
		if total%size != 0 {
			return size
		}
	}
	return 0
}

// readAgain reads a query's pages once more, from the last to the first, and
// hands on who was passed over. false where the read stops at one of them.
func (d *reading[Q, T]) readAgain(c *course[Q, T], total int) (on bool, err error) {
	if c.resumed {
		message := fmt.Sprintf("customers came or went while reading: %d were read, the cloud counted %d and then %d", c.unique, c.total, total)
		if c.unique == total && !c.moved {
			message = "an answer in parts is proven only from the oldest customer on (order=asc), and only if nobody joined meanwhile"
		}
		d.unproven(WarnTotalMismatch, message)
		return true, nil
	}
	query, _ := any(c.query).(steadier[Q]).Steady()
	size := max(c.step, 1)
	if c.step == 0 {
		size = max(c.unique, 1)
	}
	if uneven := unevenly(total, size+1); uneven > 0 {
		size = uneven // no page is asked for beyond the end: a cloud may refuse it
	}
	again := newKeySet()
	var late []T // handed on only at the end: a cursor from in between would give them again
	fewest, most := total, total
	fetch := func(offset int) (rows int, on bool, err error) {
		page, err := d.reader.fetch(d.ctx, query, Cursor{Offset: offset, Size: size}, &d.tries)
		if err != nil {
			return 0, false, err
		}
		d.takenIn(page, 0)
		if page.Total != nil {
			fewest, most = min(fewest, *page.Total), max(most, *page.Total)
		}
		for _, record := range page.Items {
			again.add(record.Key())
		}
		for _, record := range page.Items {
			if !d.seen.has(record.Key()) {
				d.seen.add(record.Key())
				late = append(late, record)
			}
		}
		return len(page.Items), true, nil
	}
	last := max(total-1, 0) / size * size
	for range maxBacks { // the list may be longer than the cloud counts
		rows, on, err := fetch(last)
		if err != nil || !on {
			return on, err
		}
		if rows < size {
			break
		}
		last += size
	}
	for offset := last - size; offset >= 0; offset -= size {
		if _, on, err := fetch(offset); err != nil || !on {
			return on, err
		}
	}
	for _, record := range late {
		if !d.addLate(c, record) {
			return false, nil
		}
	}
	if found := again.count; found < fewest || found > most {
		d.unproven(WarnTotalMismatch, fmt.Sprintf("%d customers were read, and %d when all pages were read again, but the cloud counts %d", c.unique, found, most))
	}
	return true, nil
}

// addLate hands on a customer who was passed over at first. A cursor leads on
// in the order of pages, so there is none for going on among these.
func (d *reading[Q, T]) addLate(c *course[Q, T], record T) bool {
	if d.wants(c, record) {
		why := StoppedSize
		if d.full() {
			why = StoppedLimit
		} else if d.keep(record, d.here) {
			d.report.Count++
			c.unique++
			return true
		}
		d.unproven(WarnPassedOver, "customers came or went while reading, and there is no room for those who were passed over; read again with more room")
		d.report.Stopped = &why
		return false
	}
	c.unique++
	return true
}

// pageByRow takes in a page of a cloud that finds pages by row, and says where
// the lane goes on; on is false at the query's end and where the read stops. A
// total, where one is told, is held against what was read.
func (d *reading[Q, T]) pageByRow(c *course[Q, T], lane *lane[Q, T], page Page[T], at Cursor, skip int) (on, ended bool, err error) {
	rows := page.Items
	if len(rows) == 0 && at.Offset == 0 && page.Total == nil && !c.nobody {
		// "No customers" is believed when it is said twice: there is no total
		// to hold it against, and a failure must not read so.
		c.nobody = true
		lane.goOn(at, view{})
		return true, false, nil
	}
	from := slices.IndexFunc(rows, func(record T) bool { return d.seen.has(record.Key()) })
	known := at.Offset == 0 || skip > 0 || from >= 0
	if c.resumed && from > 0 && skip == 0 {
		skip = from // an earlier answer gave them, or they came there since
	}
	alone := at.Offset == 1 && c.step == 0 && len(rows) == 0 // after a first page of one row
	if !known && !alone && !(c.resumed && c.step == 0) {
		if c.backs++; c.backs <= maxBacks {
			lane.goOn(Cursor{Offset: max(0, at.Offset-max(c.back, 1)), Size: at.Size}, view{})
			return true, false, nil
		}
		d.unproven(WarnMovedTooFast, "customers came and went faster than their pages could be read; some may have been passed over")
	}
	if !d.take(c, rows, at, skip) {
		return false, false, nil
	}
	end := 0
	if page.Total != nil {
		end = *page.Total
	}
	if page.Next == nil || len(rows) == 0 || len(rows) == 1 && at.Offset > 0 {
		if page.Total != nil && c.unique != end {
			d.unproven(WarnTotalMismatch, fmt.Sprintf("%d were read, the cloud counts %d", c.unique, end))
		}
		return false, true, nil
	}
	if d.full() {
		d.stop(StoppedLimit)
		return false, false, nil
	}
	next := Cursor{Offset: at.Offset + len(rows) - 1, Size: page.Next.Size}
	if len(rows) == 1 {
		next.Offset++ // nothing to overlap with: is there more at all?
	} else {
		c.step = len(rows) - 1
		c.back = max(c.back, c.step)
	}
	lane.goOn(next, view{step: c.step, end: d.foreseen(next.Offset, end)})
	return true, false, nil
}
