package core

import (
	"context"
	"sync"
)

// lane fetches the pages of one query ahead of the one that reads them, and
// gives them in order. It foresees where pages begin from the last one's place
// and length; where that proves wrong, its reader turns it elsewhere.
//
// A lane belongs to one goroutine.
type lane[Q Query, T Record] struct {
	reader *Reader[Q, T]
	query  Q
	tries  *tries

	outer  context.Context
	ctx    context.Context // of the pages under way
	cancel context.CancelFunc
	calls  sync.WaitGroup

	at      Cursor // where the next page in order begins
	view    view
	flights []*flight[T] // pages under way, in order; the first is at at
	ahead   int          // how many may be under way
	refused int64        // refusals when ahead was last set
}

// view is what is foreseen after a page.
type view struct {
	step  int // rows from one page's beginning to the next's; 0: nothing is foreseen
	end   int // no page is fetched ahead that begins here or later; 0: not known
	alone int // the page that begins here waits for all before it; 0: none does
}

// flight is one page under way.
type flight[T Record] struct {
	at   Cursor
	page Page[T]
	err  error
	done chan struct{}

	panicked any // goes on in the goroutine that reads: there it is recovered from
}

// How many pages are under way at once. Where the end is known all are wanted;
// where it is not, the last ones are in vain, and the cloud's limit may be
// unknown too: there it begins with few and grows page by page.
const (
	aheadKnown   = 5
	aheadUnknown = 8
	aheadAtFirst = 2
)

func (r *Reader[Q, T]) lane(ctx context.Context, query Q, at Cursor, t *tries) *lane[Q, T] {
	l := &lane[Q, T]{reader: r, query: query, tries: t, outer: ctx, at: at, ahead: aheadAtFirst, refused: t.throttled.Load()}
	l.ctx, l.cancel = context.WithCancel(ctx)
	return l
}

// close ends what is under way. After it no call is made, and no goroutine is
// left: a Source returns within moments of its context's end.
func (l *lane[Q, T]) close() {
	l.cancel()
	l.calls.Wait()
	l.flights = nil
}

// next gives the next page in order, and where it was asked for.
func (l *lane[Q, T]) next() (Page[T], Cursor, error) {
	l.launch()
	first := l.flights[0]
	<-first.done
	l.flights = l.flights[1:]
	if first.panicked != nil {
		panic(first.panicked)
	}
	return first.page, first.at, first.err
}

// goOn says where the next page begins, and how pages go on from there. Those
// under way that begin elsewhere are given up.
func (l *lane[Q, T]) goOn(at Cursor, v view) {
	if len(l.flights) > 0 && (l.flights[0].at != at || v.step != l.view.step) {
		l.close()
		l.ctx, l.cancel = context.WithCancel(l.outer)
	}
	l.at, l.view = at, v
	refused := l.tries.throttled.Load()
	switch {
	case refused > l.refused:
		l.ahead = max(1, l.ahead/2)
	case v.end > 0:
		l.ahead = max(l.ahead, aheadKnown)
	default:
		l.ahead = min(l.ahead+1, aheadUnknown)
	}
	l.refused = refused
}

// launch gets as many pages under way as may be.
func (l *lane[Q, T]) launch() {
	for {
		at := l.at
		if n := len(l.flights); n > 0 {
			at = l.flights[n-1].at
			at.Offset += l.view.step
			if n >= l.ahead || l.view.step <= 0 || l.view.end > 0 && at.Offset >= l.view.end || l.view.alone > 0 && at.Offset >= l.view.alone {
				return
			}
		}
		f := &flight[T]{at: at, done: make(chan struct{})}
		l.flights = append(l.flights, f)
		ctx := l.ctx
		l.calls.Go(func() {
			defer close(f.done)
			defer func() { f.panicked = recover() }()
			f.page, f.err = l.reader.fetch(ctx, l.query, at, l.tries)
		})
	}
}
