package core

import "context"

// unknownCount is the count of an operation that shows none, or one that
// contradicts the rows.
const unknownCount = -1

// countedPass is one pass over a list whose vendor returns a total.
type countedPass[Q Query, T Record] struct {
	reader *Reader[Q, T]
	query  Q
	retry  *retryBudget

	start   Cursor
	fetched *inFlightPage[T] // the page at start, if it was fetched already

	// upTo is the row up to which pages are wanted, of a total, at a row.
	upTo func(row, total int) int
	// take is called for each page in order, and for the tail, which repeats the
	// last rows. false ends the pass.
	take func(page Page[T], at Cursor, tail bool) bool
}

// countedResult is what a counted pass has shown.
type countedResult struct {
	start   int // the total of the first page; unknownCount if the list did not end as a total says
	total   int // of the last page
	pages   int
	step    int  // rows from one page to the next; 0: there was one page
	rows    int  // of the last page
	stopped bool // take ended it
}

// run makes the pass.
func (p countedPass[Q, T]) run(ctx context.Context) (r countedResult, err error) {
	r.start = unknownCount
	pages := p.reader.prefetch(ctx, p.query, p.start, p.retry)
	defer pages.close()
	if p.fetched != nil {
		pages.inFlight = append(pages.inFlight, p.fetched)
	}
	start := 0
	for {
		f, err := pages.next()
		if err != nil {
			return r, err
		}
		page, at := f.page, f.at
		if page.Total == nil {
			return r, &Error{Code: CodeUpstream, RequestID: page.RequestID, Detail: "the cloud counts customers on one page and not on another"}
		}
		if r.pages == 0 {
			start = *page.Total
		}
		r.total, r.rows = *page.Total, len(page.Items)
		r.pages++
		if at.Size == 0 && page.Next != nil {
			at.Size = page.Next.Size // what the Source's own turned out to be
		}
		if !p.take(page, at, false) {
			r.stopped = true
			return r, nil
		}
		if page.Next != nil {
			r.step = page.Next.Offset - at.Offset
			if r.step <= 0 || page.Next.Offset > r.total+mostBeyond*r.step {
				return r, nil // pages that lead back, or without end
			}
			pages.continueAt(*page.Next, forecast{
				step: r.step,
				end:  p.upTo(page.Next.Offset, r.total),
			})
			continue
		}
		pages.close()
		if shown, err := p.endShown(ctx, &r, at); err != nil || !shown || r.stopped {
			return r, err
		}
		r.start = start
		return r, nil
	}
}

// endShown reports whether the list ends where its total says. A last page that
// is full does not show it, nor does a total that is only that page's: then a
// page is asked for that holds the last row and has room behind it.
//
// How long a vendor's pages can be is known from two of them. A list's only
// page is taken for full where its length is a round number, as every limit is.
func (p countedPass[Q, T]) endShown(ctx context.Context, r *countedResult, at Cursor) (bool, error) {
	size := max(r.step, at.Size)
	if r.step == 0 && r.rows%10 == 0 {
		size = r.rows
	}
	if size == 0 || r.rows < size {
		return at.Offset+r.rows == r.total, nil
	}
	if size = unevenly(r.total, size); size == 0 {
		return false, nil
	}
	tail := Cursor{Offset: (r.total - 1) / size * size, Size: size}
	for beyond := 0; ; beyond++ {
		page, err := p.reader.fetch(ctx, p.query, tail, p.retry)
		if err != nil {
			return false, err
		}
		if page.Total == nil {
			return false, nil
		}
		if r.stopped = !p.take(page, tail, true); r.stopped {
			return false, nil
		}
		if len(page.Items) < size || beyond == mostBeyond {
			return *page.Total == r.total && len(page.Items) == r.total-tail.Offset, nil
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
