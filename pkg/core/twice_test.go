package core_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"partnerlens/pkg/core"
)

// An answer that continues another does not know which customers that one handed
// on. If newcomers move every row down at each call, it still finds its place again,
// and hands on no customer twice.
func TestNoCustomerTwiceWhereNewcomersComeFirst(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{37, 99, 100, 120, 197} {
		t.Run(strconv.Itoa(limit), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &shifting{size: 100}
				for i := range 199 {
					c.ids = append(c.ids, "c"+strconv.Itoa(i))
				}
				throughout := slices.Clone(c.ids)
				c.before = func(call int) {
					if call <= 40 {
						c.ids = slices.Insert(c.ids, 0, "new"+strconv.Itoa(call))
					}
				}
				var got []string
				var report core.Report
				for o := (core.ReadOptions{Limit: limit}); ; o.Cursor = *report.Next {
					var err error
					report, err = core.NewReader(c, &core.ReaderOptions[core.TagQuery]{Now: func() time.Time { return noon }}).
						Read(t.Context(), core.TagQuery{}, &o, func(tag *core.CustomerTag) bool {
							got = append(got, tag.CustomerID)
							return true
						})
					if err != nil {
						t.Fatal(err)
					}
					if report.Next == nil {
						break
					}
				}
				if len(got) != len(slices.Compact(slices.Sorted(slices.Values(got)))) {
					t.Errorf("a customer came twice: %v", got)
				}
				for _, id := range throughout {
					if report.Complete && !slices.Contains(got, id) {
						t.Errorf("complete, and %s is missing", id)
					}
				}
			})
		})
	}
}

// A customer that only a later pass finds has no place in the order of the first:
// if that pass breaks off, the cursor does not lead to the customer a second time.
func TestNoCustomerTwiceWhereReadingAgainBreaksOff(t *testing.T) {
	t.Parallel()
	l := newLedger(15)
	l.before = func(call int) {
		if call <= 4 {
			l.join(l.began)
		}
	}
	broken := true
	l.fail = func(call int) error {
		if call == 4 && broken {
			return &core.Error{Code: core.CodeUpstream, Err: errors.New("broken")}
		}
		return nil
	}
	got, report, err := l.read(t.Context(), core.CreditQuery{}, core.ReadOptions{})
	if err != nil || report.Next == nil {
		t.Fatalf("%+v, %v: want a cursor", report, err)
	}
	broken = false
	more, report, err := l.read(t.Context(), core.CreditQuery{}, core.ReadOptions{Cursor: *report.Next})
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, more...)
	if len(got) != len(slices.Compact(slices.Sorted(slices.Values(got)))) || !slices.Equal(got, l.ids) {
		t.Errorf("got %v of %v; %+v", got, l.ids, report)
	}
}

// A customer that is handed on after the first pass may stand behind the place
// where that pass ended. Wherever the read breaks off, the cursor must not lead
// to the customer again, and the chain must end.
func TestLateCustomersComeOnce(t *testing.T) {
	t.Parallel()
	for _, order := range []core.Order{core.OrderAscending, core.OrderDescending} {
		for breaks := 2; breaks <= 8; breaks++ {
			t.Run(fmt.Sprintf("%s/%d", order, breaks), func(t *testing.T) {
				t.Parallel()
				l := newLedger(10) // a full page, so that a tail is asked for
				l.before = func(call int) {
					if call <= 6 {
						l.join(l.began)
					}
				}
				l.fail = func(call int) error {
					if call == breaks {
						return &core.Error{Code: core.CodeUpstream}
					}
					return nil
				}
				var got []string
				for o := (core.ReadOptions{}); ; {
					ids, report, err := l.read(t.Context(), core.CreditQuery{Order: order}, o)
					if err != nil {
						t.Fatal(err)
					}
					if got = append(got, ids...); report.Next == nil {
						break
					}
					o.Cursor = *report.Next
				}
				if len(got) != len(slices.Compact(slices.Sorted(slices.Values(got)))) {
					t.Errorf("a customer came twice: %v", got)
				}
			})
		}
	}
}

// script is a Source without a total that answers by the row asked for and by
// how often it was asked for.
type script struct {
	mu    sync.Mutex
	asked map[int]int
	page  func(offset, time int) (first, rows int, ok bool) // rows of the customers by number; not ok: the vendor fails
}

func (s *script) FetchPage(ctx context.Context, _ core.TagQuery, at core.Cursor) (core.Page[*core.CustomerTag], error) {
	var page core.Page[*core.CustomerTag]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked == nil {
		s.asked = make(map[int]int)
	}
	s.asked[at.Offset]++
	first, rows, ok := s.page(at.Offset, s.asked[at.Offset])
	if !ok {
		return page, &core.Error{Code: core.CodeUpstream}
	}
	for i := range rows {
		page.Items = append(page.Items, &core.CustomerTag{CustomerID: strconv.Itoa(first + i)})
	}
	if rows > 0 {
		page.Next = &core.Cursor{Offset: at.Offset + rows, Size: 10}
	}
	return page, nil
}

// A read that steps back meets customers again that it handed on; its cursor does
// not continue there.
func TestACursorNeverGoesBack(t *testing.T) {
	t.Parallel()
	const customers = 30
	moving := &script{page: func(offset, time int) (first, rows int, ok bool) {
		switch {
		case offset == 0 && time == 1:
			return 0, 10, true
		case offset == 9 && time == 1:
			return 9, 10, true // to 18
		case offset == 18 && time == 1:
			return 20, 10, true // two have left: this page does not begin with 18
		case offset == 9 && time == 2:
			return 6, 10, true // and three have come: to 15
		}
		return 0, 0, false
	}}
	calm := &script{page: func(offset, _ int) (first, rows int, ok bool) { // the three are there still
		first = max(0, offset-3)
		return first, max(0, min(10, customers-first)), true
	}}
	var got []string
	var cursor string
	for _, source := range []*script{moving, calm} {
		report, err := core.NewReader(source, nil).Read(t.Context(), core.TagQuery{}, &core.ReadOptions{Cursor: cursor}, func(tag *core.CustomerTag) bool {
			got = append(got, tag.CustomerID)
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		if report.Next != nil {
			cursor = *report.Next
		}
	}
	var want []string
	for i := range customers {
		want = append(want, strconv.Itoa(i))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want each of %d once", got, customers)
	}
}
