package core

import (
	"context"
	"iter"
	"slices"
)

// unknownCount is the count of a pass that shows none, or one that contradicts
// the rows.
const unknownCount = -1

// pager reads the pages of one pass over a list whose vendor returns a total,
// of customers or of the witness's members.
type pager[Q Query, T Record] struct {
	reader *Reader[Q, T]
	query  Q
	retry  *retryBudget
	start  Cursor
	first  *inFlightPage[T] // the page at start, if it was fetched already

	unproven bool // whether the list ends where its total says is not asked

	prefetchEnd func(row, total int) int // where prefetching ends; nil: at the total

	// What the pass has shown, after its last page:
	count int // the first page's total; unknownCount unless the list ends where its total says
	step  int // rows from one page to the next; 0: there was one page
	err   error
}

// pageAt is a page and its place.
type pageAt[T Record] struct {
	Page[T]
	at   Cursor
	tail bool // it repeats the end of the list, to show that the list ends there
}

// pages yields the pages in order. Look at err when it is done.
func (p *pager[Q, T]) pages(ctx context.Context) iter.Seq[pageAt[T]] {
	return func(yield func(pageAt[T]) bool) {
		p.count, p.err = p.read(ctx, yield)
	}
}

func (p *pager[Q, T]) read(ctx context.Context, yield func(pageAt[T]) bool) (count int, err error) {
	pages := p.reader.prefetch(ctx, p.query, p.start, p.retry)
	defer pages.close()
	if p.first != nil {
		pages.inFlight = append(pages.inFlight, p.first)
	}
	count = unknownCount
	for {
		f, err := pages.next()
		if err != nil {
			return unknownCount, err
		}
		page := pageAt[T]{f.page, f.at, false}
		if page.Total == nil {
			return unknownCount, &Error{Code: CodeUpstream, RequestID: page.RequestID, Detail: "the vendor counts customers on one page and not on another"}
		}
		if count == unknownCount {
			count = *page.Total
		}
		if page.at.Size == 0 && page.Next != nil {
			page.at.Size = page.Next.Size // the Source's own
		}
		if !yield(page) {
			return unknownCount, nil
		}
		if page.Next == nil && p.unproven {
			return unknownCount, nil
		}
		if page.Next == nil {
			pages.close()
			if shown, err := p.endShown(ctx, page, yield); err != nil || !shown {
				return unknownCount, err
			}
			return count, nil
		}
		p.step = page.Next.Offset - page.at.Offset
		if p.step <= 0 || page.Next.Offset > *page.Total+mostBeyond*p.step {
			return unknownCount, nil // pages that lead back, or without end
		}
		end := *page.Total
		if p.prefetchEnd != nil {
			end = p.prefetchEnd(page.Next.Offset, end)
		}
		pages.continueAt(*page.Next, forecast{step: p.step, end: end})
	}
}

// endShown reports whether the list ends where the total of its last page says.
// A last page that is full does not show it, nor does a total that counts only
// that page's rows. Then endShown reads a page that holds the last row and has
// room behind it.
//
// Two pages show how long a vendor's pages can be. An only page is taken as
// full if its length is a round number, as every limit is.
func (p *pager[Q, T]) endShown(ctx context.Context, last pageAt[T], yield func(pageAt[T]) bool) (bool, error) {
	rows, total := len(last.Items), *last.Total
	size := max(p.step, last.at.Size)
	if p.step == 0 && rows%10 == 0 {
		size = rows
	}
	if size == 0 || rows < size {
		return last.at.Offset+rows == total, nil
	}
	if size = unevenly(total, size); size == 0 {
		return false, nil
	}
	tail := Cursor{Offset: (total - 1) / size * size, Size: size}
	for beyond := 0; ; beyond++ {
		page, err := p.reader.fetch(ctx, p.query, tail, p.retry)
		if err != nil || page.Total == nil || !yield(pageAt[T]{page, tail, true}) {
			return false, err
		}
		if len(page.Items) < size || beyond == mostBeyond {
			return *page.Total == total && len(page.Items) == total-tail.Offset, nil
		}
		tail.Offset += size // there are more than the vendor counts
	}
}

// mostBeyond is how many pages beyond its total a list is read.
const mostBeyond = 40

// unevenly returns the largest page size below another by which a total does
// not divide; 0 if there is none.
func unevenly(total, below int) int {
	for size := below - 1; size > 1; size-- {
		if total%size != 0 {
			return size
		}
	}
	return 0
}

// countedPass makes a pass over a list whose vendor returns a total, from a
// place on. The first skip rows were handed on by an earlier answer. It returns
// false if the read stopped before the end.
func (l *list[Q, T]) countedPass(start Cursor, first *inFlightPage[T], skip int) (finished bool, err error) {
	l.pass = true
	l.passes++
	isFirst := l.first
	p := pager[Q, T]{reader: l.reader, query: l.query, retry: &l.retry, start: start, first: first, unproven: l.opts.Unproven, prefetchEnd: l.prefetchEnd}
	for page := range p.pages(l.ctx) {
		if page.tail { // its rows come again, and not where a cursor would look for them
			l.first, l.pass = false, false
		}
		if !l.counted {
			l.counted, l.total = true, *page.Total
		}
		l.moved = l.moved || *page.Total != l.total
		l.most = max(l.most, *page.Total)
		l.pageRead(page.Page)
		l.empty = page.at.Offset == 0 && len(page.Items) == 0 && *page.Total > 0 // at every attempt
		if !l.takeRows(page.Items, page.at, skip) {
			return false, nil
		}
		skip = 0
		if l.first && l.full() && page.Next != nil {
			l.stop(StoppedLimit)
			return false, nil
		}
	}
	if p.err != nil {
		return false, p.err
	}
	l.counts[l.op-1] = p.count
	l.shown = l.shown || p.count != unknownCount
	l.onePage = isFirst && p.step == 0 && !l.partial && l.from.Anchor == ""
	return true, nil
}

// overlapping is the state of an uncounted pass.
type overlapping struct {
	resumed bool // the pass continues from a cursor
	stopped bool // the read stopped
	empty   bool // the first page was empty, and is fetched again
	step    int  // rows from one page to the next
	longest int  // the longest step so far, to go back by: the last page may have few rows
	repeats int  // pages in a row without a customer new to the pass
	backs   int  // steps back
}

const (
	maxBacks   = 40           // steps back of a pass
	maxRepeats = 4 * maxBacks // pages in a row without a new customer
)

// uncountedPass makes a pass over a list without a total, whose pages the
// vendor finds by row. It returns false if the read stopped before the end.
//
// Each page is requested from the last row of the page before, and should begin
// with it. A page that holds no row of this pass shows that rows moved up: the
// pass steps back until it finds one. Any other difference is disorder. The end
// is a page that holds nothing behind a row of this pass.
func (l *list[Q, T]) uncountedPass(start Cursor, first *inFlightPage[T], skip int) (finished bool, err error) {
	pages := l.reader.prefetch(l.ctx, l.query, start, &l.retry)
	defer pages.close()
	if first != nil {
		pages.inFlight = append(pages.inFlight, first)
	}
	l.pass = true
	l.passes++
	o := overlapping{resumed: l.first && l.from.Anchor != ""}
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
		next, more := l.overlappingPage(&o, f.page, f.at, skip)
		if o.repeats++; l.met > met {
			o.repeats = 0
		}
		switch {
		case o.stopped:
			return false, nil
		case o.repeats > maxRepeats:
			return false, errPagesRepeat(f.page.RequestID)
		case !more:
			return true, nil
		}
		skip = 0
		pages.continueAt(next, forecast{step: o.step, end: l.prefetchEnd(next.Offset, 0)})
	}
}

func errPagesRepeat(requestID string) error {
	return &Error{Code: CodeUpstream, RequestID: requestID, Detail: "the vendor's pages repeat without end"}
}

// overlappingPage takes in a page and returns where the next one begins.
func (l *list[Q, T]) overlappingPage(o *overlapping, page Page[T], at Cursor, skip int) (next Cursor, more bool) {
	rows := page.Items
	if at.Size == 0 && page.Next != nil {
		at.Size = page.Next.Size // the Source's own
	}
	if len(rows) == 0 && at.Offset == 0 && !o.empty {
		// An empty list has no total to check it against, and must not be a
		// failure in disguise: it is read twice.
		o.empty = true
		return at, true
	}
	isMet := func(record T) bool {
		k := l.seen.get(record.Key())
		return k.last == l.op && k.met&metListed != 0
	}
	from := slices.IndexFunc(rows, isMet)
	alone := at.Offset == 1 && o.step == 0 && len(rows) == 0 // after a first page of one row
	if at.Offset > 0 && skip == 0 && from < 0 && !alone && !(o.resumed && o.step == 0) {
		if o.backs++; o.backs <= maxBacks {
			return Cursor{Offset: max(0, at.Offset-max(o.longest, 1)), Size: at.Size}, true
		}
		l.lost = true
	}
	if l.partial && from > 0 && skip == 0 {
		skip = from // an earlier answer handed them on, or they came there since
	}
	unmet := slices.IndexFunc(rows[skip:], func(record T) bool { return !isMet(record) })
	if unmet >= 0 && slices.ContainsFunc(rows[skip+unmet:], isMet) {
		l.disorder = true // a row that was met is behind one that was not
	}
	if !l.takeRows(rows, at, skip) {
		o.stopped = true
		return Cursor{}, false
	}
	if page.Next == nil || len(rows) == 0 || len(rows) == 1 && at.Offset > 0 {
		return Cursor{}, false
	}
	if l.first && l.full() {
		l.stop(StoppedLimit)
		o.stopped = true
		return Cursor{}, false
	}
	next = Cursor{Offset: at.Offset + len(rows) - 1, Size: page.Next.Size}
	if len(rows) == 1 {
		next.Offset++ // there is nothing to overlap with
	} else {
		o.step = len(rows) - 1
		o.longest = max(o.longest, o.step)
	}
	return next, true
}
