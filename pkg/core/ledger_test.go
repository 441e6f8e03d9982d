package core_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"partnerlens/pkg/core"
)

// ledger is a Source in memory that has totals and finds pages by number:
// customers by the order in which they came.
type ledger struct {
	size int

	mu     sync.Mutex
	ids    []string
	joined map[string]time.Time
	came   int
	calls  int
	before func(call int)                                        // may change the world
	after  func(call int, page *core.Page[*core.CustomerCredit]) // may change the answer
	fail   func(call int) error
	began  time.Time
	clamp  int // the largest page, which only its length shows
}

func newLedger(n int) *ledger {
	l := &ledger{size: 10, joined: make(map[string]time.Time), began: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	for i := range n {
		l.join(l.began.AddDate(-1, 0, 0).Add(time.Duration(i) * time.Second))
	}
	return l
}

func (l *ledger) join(at time.Time) {
	id := strconv.Itoa(200000000000 + l.came)
	l.came++
	l.ids = append(l.ids, id)
	l.joined[id] = at
}

func (l *ledger) leave(i int) { l.ids = slices.Delete(l.ids, i, i+1) }

func (l *ledger) FetchPage(ctx context.Context, q core.CreditQuery, at core.Cursor) (core.Page[*core.CustomerCredit], error) {
	var page core.Page[*core.CustomerCredit]
	if err := ctx.Err(); err != nil {
		return page, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if l.before != nil {
		l.before(l.calls)
	}
	if l.fail != nil {
		if err := l.fail(l.calls); err != nil {
			return page, err
		}
	}
	ids := l.ids
	if q.Order == core.OrderDescending {
		ids = slices.Clone(ids)
		slices.Reverse(ids)
	}
	size := at.Size
	if size == 0 {
		size = l.size
	}
	given := size
	if l.clamp > 0 {
		given = min(size, l.clamp)
	}
	start := at.Offset / size * given // pages are found by number, with the size that the server lets them have
	if given == size && at.Offset%size != 0 {
		return page, fmt.Errorf("row %d does not begin a page of %d", at.Offset, size)
	}
	end := min(start+given, len(ids))
	for _, id := range ids[min(start, end):end] {
		joined, no := l.joined[id], false
		page.Items = append(page.Items, &core.CustomerCredit{CustomerID: id, AssociatedAt: &joined, Forced: &no})
	}
	total := len(ids)
	page.Total = &total
	rows := len(page.Items)
	switch {
	case rows == 0 || start+rows >= total:
	case start == 0 && rows < size:
		page.Next = &core.Cursor{Offset: rows, Size: rows}
	default:
		page.Next = &core.Cursor{Offset: start + size, Size: size}
	}
	if l.after != nil {
		l.after(l.calls, &page)
	}
	return page, nil
}

func (l *ledger) reader() *core.Reader[core.CreditQuery, *core.CustomerCredit] {
	return core.NewReader(l, &core.ReaderOptions[core.CreditQuery]{Schema: "test/v1", Provider: "test", Now: func() time.Time { return l.began }})
}

func (l *ledger) read(ctx context.Context, q core.CreditQuery, o core.ReadOptions) (ids []string, report core.Report, err error) {
	if q.Order == "" {
		q.Order = core.OrderAscending
	}
	report, err = l.reader().Read(ctx, q, &o, func(c *core.CustomerCredit) bool {
		ids = append(ids, c.CustomerID)
		return true
	})
	return ids, report, err
}

func TestCountedReads(t *testing.T) {
	t.Parallel()
	for _, order := range []core.Order{core.OrderAscending, core.OrderDescending} {
		for _, clamp := range []int{0, 3} {
			for _, n := range []int{0, 1, 2, 9, 10, 11, 20, 99, 100, 101, 500} {
				t.Run(fmt.Sprintf("%s/clamp=%d/%d", order, clamp, n), func(t *testing.T) {
					t.Parallel()
					l := newLedger(n)
					l.clamp = clamp
					ids, report, err := l.read(t.Context(), core.CreditQuery{Order: order}, core.ReadOptions{})
					want := slices.Clone(l.ids)
					if order == core.OrderDescending {
						slices.Reverse(want)
					}
					if err != nil || !slices.Equal(ids, want) || !report.Complete || *report.Total != n || len(report.Warnings) > 0 {
						t.Errorf("%d customers, %+v, %v", len(ids), report, err)
					}
				})
			}
		}
	}
}

// A calm world must cost no more calls than it has pages, and one where the
// last page is full and does not show that it is the last.
func TestCalmReadsCostNothingMore(t *testing.T) {
	t.Parallel()
	for n, calls := range map[int]int{5: 1, 9: 1, 10: 2, 25: 3, 30: 4, 995: 100} {
		l := newLedger(n)
		if _, report, err := l.read(t.Context(), core.CreditQuery{}, core.ReadOptions{}); err != nil || !report.Complete || l.calls != calls {
			t.Errorf("%d customers: %d calls, want %d; %+v, %v", n, l.calls, calls, report, err)
		}
	}
}

// A cloud that counts a page's own rows says of every full page that it is all.
func TestPagesThatCountThemselves(t *testing.T) {
	t.Parallel()
	for _, order := range []core.Order{core.OrderAscending, core.OrderDescending} {
		for _, n := range []int{9, 10, 11, 25, 30, 101} {
			l := newLedger(n)
			l.after = func(_ int, p *core.Page[*core.CustomerCredit]) {
				*p.Total, p.Next = len(p.Items), nil
			}
			ids, report, err := l.read(t.Context(), core.CreditQuery{Order: order}, core.ReadOptions{})
			if err != nil || len(ids) != n || report.Complete != (n < 10) {
				t.Errorf("%s, %d customers: %d, %+v, %v", order, n, len(ids), report, err)
			}
		}
	}
}

// A list that ends with a full page is proven without asking for one beyond
// its end, which a cloud may refuse; a read that has moved is read again so too.
func TestNoPageBeyondTheEndIsAskedFor(t *testing.T) {
	t.Parallel()
	for _, order := range []core.Order{core.OrderAscending, core.OrderDescending} {
		for _, n := range []int{9, 10, 20, 30, 90, 100} {
			l := newLedger(n)
			l.after = func(_ int, p *core.Page[*core.CustomerCredit]) {
				if len(p.Items) == 0 {
					t.Errorf("%s, %d customers: a page beyond the end was asked for", order, n)
				}
			}
			if ids, report, err := l.read(t.Context(), core.CreditQuery{Order: order}, core.ReadOptions{}); err != nil || len(ids) != n || !report.Complete {
				t.Errorf("%s, %d customers: %d, %+v, %v", order, n, len(ids), report, err)
			}
		}
	}
}

func TestCountedReadGoesOnExactly(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 10, 25, 30} {
		for _, cut := range []int{1, 3, 10, 11} {
			l := newLedger(n)
			var got []string
			var o core.ReadOptions
			o.Limit = cut
			for {
				ids, report, err := l.read(t.Context(), core.CreditQuery{}, o)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, ids...)
				if report.Next == nil {
					if !report.Complete {
						t.Errorf("%d by %d: %+v", n, cut, report)
					}
					break
				}
				o.Cursor = *report.Next
			}
			if !slices.Equal(got, l.ids) {
				t.Errorf("%d by %d: got %v", n, cut, got)
			}
		}
	}
}

func TestTotalsThatLie(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		off  int
	}{{"high", 3}, {"low", -3}, {"low by pages", -40}}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newLedger(95)
				l.after = func(_ int, p *core.Page[*core.CustomerCredit]) {
					*p.Total += test.off
					if p.Next != nil && p.Next.Offset >= *p.Total {
						p.Next = nil
					}
				}
				ids, report, err := l.read(t.Context(), core.CreditQuery{}, core.ReadOptions{})
				if err != nil || report.Complete || !slices.Equal(ids, l.ids) {
					t.Errorf("%d customers, %+v, %v: want all, and no claim that they are", len(ids), report, err)
				}
			})
		})
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testRetries)
}

func testRetries(t *testing.T) {
	l := newLedger(95)
	failures := map[int]*core.Error{
		2: {Code: core.CodeUnavailable, Dropped: true}, 4: {Code: core.CodeThrottled}, 5: {Code: core.CodeUnavailable},
	}
	l.fail = func(call int) error {
		if e := failures[call]; e != nil {
			return e
		}
		return nil
	}
	ids, report, err := l.read(t.Context(), core.CreditQuery{}, core.ReadOptions{})
	if err != nil || !report.Complete || !slices.Equal(ids, l.ids) {
		t.Errorf("%d customers, %+v, %v", len(ids), report, err)
	}

	l = newLedger(95)
	l.fail = func(int) error { return &core.Error{Code: core.CodeDenied} }
	if _, _, err := l.read(t.Context(), core.CreditQuery{}, core.ReadOptions{}); core.CodeOf(err) != core.CodeDenied || l.calls != 1 {
		t.Errorf("%v after %d calls: what cannot succeed must not be tried again", err, l.calls)
	}

	// A key that was renewed is tried at once, and once for a page.
	began := time.Now()
	l = newLedger(95)
	l.fail = func(int) error { return &core.Error{Code: core.CodeDenied, StaleKey: true, KeyRenewed: true} }
	if _, _, err := l.read(t.Context(), core.CreditQuery{}, core.ReadOptions{}); core.CodeOf(err) != core.CodeDenied || l.calls != 2 || time.Since(began) > 0 {
		t.Errorf("%v after %d calls and %v: a key that is renewed is tried again once", err, l.calls, time.Since(began))
	}
}

// moves draws what happens before each call: nothing, mostly; a customer joins
// or leaves; or one leaves as another joins, which no total shows.
func moves(t *rapid.T) []move {
	return rapid.SliceOfN(rapid.SampledFrom([]move{5: joins, 6: leaves, 7: swaps, 8: swaps}), 60, 60).Draw(t, "moves")
}

type move struct{ join, leave bool }

var (
	joins  = move{join: true}
	leaves = move{leave: true}
	swaps  = move{join: true, leave: true}
)

// Customers join, leave and swap at random between calls, and totals may be
// off: an answer marked complete holds every customer that was there throughout.
func TestNoPresentCustomerIsMissing(t *testing.T) {
	t.Parallel()
	complete, healed, swapped, off := 0, 0, 0, 0
	bubble := t
	rapid.Check(t, func(t *rapid.T) {
		l := newLedger(rapid.IntRange(0, 120).Draw(t, "customers"))
		moves := moves(t)
		wheres := rapid.SliceOfN(rapid.IntRange(0, 1<<20), 60, 60).Draw(t, "wheres")
		quietAfter := rapid.IntRange(0, 60).Draw(t, "quiet after")
		totalOff := rapid.SampledFrom([]int{5: 1, 6: -1, 7: 2, 8: -3, 9: -12}).Draw(t, "total off by")
		throughout := slices.Clone(l.ids)
		l.before = func(call int) {
			if call >= min(60, quietAfter) {
				return
			}
			if moves[call].leave && len(l.ids) > 0 {
				gone := wheres[call] % len(l.ids)
				throughout = slices.DeleteFunc(throughout, func(id string) bool { return id == l.ids[gone] })
				l.leave(gone)
			}
			if moves[call].join {
				l.join(l.began.Add(time.Second))
			}
		}
		l.after = func(_ int, p *core.Page[*core.CustomerCredit]) {
			*p.Total = max(0, *p.Total+totalOff)
			if p.Next != nil && p.Next.Offset >= *p.Total {
				p.Next = nil
			}
		}
		order := rapid.SampledFrom([]core.Order{core.OrderAscending, core.OrderDescending}).Draw(t, "order")
		var ids []string
		var report core.Report
		var err error
		synctest.Test(bubble, func(t *testing.T) { // waits between tries take no time
			ids, report, err = l.read(t.Context(), core.CreditQuery{Order: order}, core.ReadOptions{})
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(ids) != len(slices.Compact(slices.Sorted(slices.Values(ids)))) {
			t.Fatalf("a customer came twice: %v", ids)
		}
		if totalOff != 0 {
			off++
		}
		if !report.Complete {
			return
		}
		complete++
		if slices.Contains(moves[:min(quietAfter, l.calls, 60)], swaps) {
			swapped++
		}
		if report.Total != nil && l.calls > len(ids)/10+2 {
			healed++
		}
		for _, id := range throughout {
			if !slices.Contains(ids, id) {
				t.Fatalf("complete, and %s, which was there throughout, is missing; %+v", id, report)
			}
		}
	})
	if complete == 0 || healed == 0 || swapped == 0 || off == 0 {
		t.Errorf("%d complete answers, %d of them read again, %d after swaps; %d totals off: the property was not tried", complete, healed, swapped, off)
	}
}

// The same for a vendor without a total, where newcomers come anywhere.
func TestNoPresentCustomerIsMissingUncounted(t *testing.T) {
	t.Parallel()
	complete := 0
	bubble := t
	rapid.Check(t, func(t *rapid.T) {
		c := &shifting{size: 10}
		for i := range rapid.IntRange(0, 120).Draw(t, "customers") {
			c.ids = append(c.ids, "c"+strconv.Itoa(i))
		}
		moves := moves(t)
		burst := rapid.IntRange(1, 3).Draw(t, "leave at once")
		wheres := rapid.SliceOfN(rapid.IntRange(0, 1<<20), 60, 60).Draw(t, "wheres")
		throughout := slices.Clone(c.ids)
		c.before = func(call int) {
			if call >= 60 {
				return
			}
			if moves[call].leave {
				gone := 1
				if !moves[call].join {
					gone = burst
				}
				for range min(gone, len(c.ids)) {
					i := wheres[call] % len(c.ids)
					throughout = slices.DeleteFunc(throughout, func(id string) bool { return id == c.ids[i] })
					c.ids = slices.Delete(c.ids, i, i+1)
				}
			}
			if moves[call].join {
				c.ids = slices.Insert(c.ids, wheres[call]%(len(c.ids)+1), "new"+strconv.Itoa(call))
			}
		}
		var ids []string
		var report core.Report
		var err error
		synctest.Test(bubble, func(t *testing.T) { // waits between tries take no time
			report, err = core.NewReader(c, &core.ReaderOptions[core.TagQuery]{Now: func() time.Time { return noon }}).
				Read(t.Context(), core.TagQuery{}, nil, func(tag *core.CustomerTag) bool {
					ids = append(ids, tag.CustomerID)
					return true
				})
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(ids) != len(slices.Compact(slices.Sorted(slices.Values(ids)))) {
			t.Fatalf("a customer came twice: %v", ids)
		}
		if !report.Complete {
			return
		}
		complete++
		for _, id := range throughout {
			if !slices.Contains(ids, id) {
				t.Fatalf("complete, and %s, which was there throughout, is missing; %+v", id, report)
			}
		}
	})
	if complete == 0 {
		t.Error("no complete answers: the property was not tried")
	}
}

// shifting is a Source without a total whose rows move.
type shifting struct {
	size   int
	mu     sync.Mutex
	ids    []string
	calls  int
	firsts int // of those, the ones for the first page
	offset int // of the last one
	before func(call int)
}

func (c *shifting) FetchPage(ctx context.Context, _ core.TagQuery, at core.Cursor) (core.Page[*core.CustomerTag], error) {
	var page core.Page[*core.CustomerTag]
	if err := ctx.Err(); err != nil {
		return page, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls++; at.Offset == 0 {
		c.firsts++
	}
	c.offset = at.Offset
	c.before(c.calls)
	end := min(at.Offset+c.size, len(c.ids))
	for _, id := range c.ids[min(at.Offset, end):end] {
		page.Items = append(page.Items, &core.CustomerTag{CustomerID: id})
	}
	if len(page.Items) > 0 {
		page.Next = &core.Cursor{Offset: end, Size: c.size}
	}
	return page, nil
}
