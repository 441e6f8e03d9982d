package core_test

import (
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"partnerlens/pkg/core"
)

// chain follows next until there is none, each answer from a Reader of its own.
func chain[Q core.Query, T core.Record](t *testing.T, source core.Source[Q, T], query Q, now time.Time, limits []int) (ids []string, last core.Report) {
	var o core.ReadOptions
	for i := range 200 {
		o.Limit = limits[i%len(limits)]
		reader := core.NewReader(source, &core.ReaderOptions[Q]{Schema: "test/v1", Provider: "test", Now: func() time.Time { return now }})
		report, err := reader.Read(t.Context(), query, &o, func(record T) bool {
			ids = append(ids, record.ID())
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		if report.Next == nil {
			return ids, report
		}
		o.Cursor = *report.Next
	}
	t.Fatal("no end after 200 answers")
	return nil, last
}

// The answers that next leads through must together hold every customer that was there
// throughout, if the last of them is marked complete.
func TestNoPresentCustomerIsMissingFromAChain(t *testing.T) {
	t.Parallel()
	bubble := t
	complete := map[bool]int{}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 60).Draw(t, "customers")
		joins := rapid.SliceOfN(rapid.IntRange(0, 40), 80, 80).Draw(t, "joins")
		leaves := rapid.SliceOfN(rapid.IntRange(0, 40), 80, 80).Draw(t, "leaves")
		wheres := rapid.SliceOfN(rapid.IntRange(0, 1<<20), 80, 80).Draw(t, "wheres")
		limits := rapid.SliceOfN(rapid.IntRange(1, 25), 3, 3).Draw(t, "limits")
		counted := rapid.Bool().Draw(t, "counted")

		l, c := newLedger(0), &shifting{size: 10}
		list, join := &c.ids, func(call int) {
			c.ids = slices.Insert(c.ids, wheres[call]%(len(c.ids)+1), "new"+strconv.Itoa(call))
		}
		if counted {
			list, join = &l.ids, func(int) { l.join(l.began.Add(time.Second)) }
		}
		for i := range n {
			if counted {
				l.join(l.began.AddDate(-1, 0, 0))
			} else {
				c.ids = append(c.ids, "c"+strconv.Itoa(i))
			}
		}
		throughout := slices.Clone(*list)
		move := func(call int) {
			if call >= 80 {
				return
			}
			if joins[call] == 1 {
				join(call)
			}
			if leaves[call] == 1 && len(*list) > 0 {
				gone := wheres[call] % len(*list)
				throughout = slices.DeleteFunc(throughout, func(id string) bool { return id == (*list)[gone] })
				*list = slices.Delete(*list, gone, gone+1)
			}
		}
		l.before, c.before = move, move

		var ids []string
		var last core.Report
		synctest.Test(bubble, func(t *testing.T) {
			if counted {
				ids, last = chain(t, l, core.CreditQuery{Order: core.OrderAscending}, l.began, limits)
			} else {
				ids, last = chain(t, c, core.TagQuery{}, noon, limits)
			}
		})
		if !last.Complete {
			return
		}
		complete[counted]++
		for _, id := range throughout {
			if !slices.Contains(ids, id) {
				t.Fatalf("complete, and %s, which was there throughout, is missing from %v; %+v", id, ids, last)
			}
		}
	})
	if complete[true] == 0 || complete[false] == 0 {
		t.Errorf("complete chains: %v; the property was not tried", complete)
	}
}
