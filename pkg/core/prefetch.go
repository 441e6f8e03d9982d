package core

import (
	"context"
	"sync"
)

// prefetcher fetches the pages of one query ahead of its caller, and returns them
// in order. It forecasts where pages begin from the place and the length of the
// last one; if the forecast is wrong, continueAt drops the pages in flight.
//
// A prefetcher belongs to one goroutine.
type prefetcher[Q Query, T Record] struct {
	reader *Reader[Q, T]
	query  Q
	retry  *retryBudget

	outer  context.Context
	ctx    context.Context // of the pages in flight
	cancel context.CancelFunc
	calls  sync.WaitGroup

	at       Cursor // where the next page in order begins
	forecast forecast
	inFlight []*inFlightPage[T] // in order; the first is the one at at
	ahead    int                // how many may be in flight
	refused  int64              // refusals when ahead was last set
}

// forecast is what to expect after a page.
type forecast struct {
	step int // rows from one page's beginning to the next's; 0: not known
	end  int // no page that begins here or later is prefetched; 0: not known
}

// inFlightPage is one page that is being fetched.
type inFlightPage[T Record] struct {
	at      Cursor
	page    Page[T]
	err     error
	fetched chan struct{}

	panicked any // re-raised in the reading goroutine
}

// How many pages are in flight at once. If the end is known, all are needed. If
// it is not, the last prefetched pages are wasted, and the vendor's limit may be
// unknown too, so start with two and add one for each page.
const (
	aheadKnown   = 5
	aheadUnknown = 8
	aheadAtFirst = 2
)

func (r *Reader[Q, T]) prefetch(ctx context.Context, query Q, at Cursor, retry *retryBudget) *prefetcher[Q, T] {
	p := &prefetcher[Q, T]{reader: r, query: query, retry: retry, outer: ctx, at: at, ahead: aheadAtFirst, refused: retry.throttled.Load()}
	p.ctx, p.cancel = context.WithCancel(ctx)
	return p
}

// close ends the calls in flight and waits for them: a Source returns within
// moments of its context's end.
func (p *prefetcher[Q, T]) close() {
	p.cancel()
	p.calls.Wait()
	p.inFlight = nil
}

// next returns the next page in order, or the error of fetching it.
func (p *prefetcher[Q, T]) next() (*inFlightPage[T], error) {
	p.launch()
	first := p.inFlight[0]
	<-first.fetched
	p.inFlight = p.inFlight[1:]
	if first.panicked != nil {
		panic(first.panicked)
	}
	return first, first.err
}

// continueAt sets where the next page begins, and what to expect after it. It
// drops the pages in flight if they begin elsewhere.
func (p *prefetcher[Q, T]) continueAt(at Cursor, f forecast) {
	if len(p.inFlight) > 0 && (p.inFlight[0].at != at || f.step != p.forecast.step) {
		p.close()
		p.ctx, p.cancel = context.WithCancel(p.outer)
	}
	p.at, p.forecast = at, f
	refused := p.retry.throttled.Load()
	switch {
	case refused > p.refused:
		p.ahead = max(1, p.ahead/2)
	case f.end > 0:
		p.ahead = max(p.ahead, aheadKnown)
	default:
		p.ahead = min(p.ahead+1, aheadUnknown)
	}
	p.refused = refused
}

// launch starts calls until as many are in flight as may be.
func (p *prefetcher[Q, T]) launch() {
	for {
		at := p.at
		n := len(p.inFlight)
		if n > 0 {
			f := p.forecast
			at = p.inFlight[n-1].at
			at.Offset += f.step
			if n >= p.ahead || f.step <= 0 || f.end > 0 && at.Offset >= f.end {
				return
			}
		}
		f := &inFlightPage[T]{at: at, fetched: make(chan struct{})}
		p.inFlight = append(p.inFlight, f)
		ctx := p.ctx
		p.calls.Go(func() {
			defer close(f.fetched)
			defer func() { f.panicked = recover() }()
			f.page, f.err = p.reader.fetch(ctx, p.query, at, p.retry)
		})
	}
}
