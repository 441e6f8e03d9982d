package core_test

import (
	"errors"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"partnerlens/pkg/core"
)

// An answer that goes on from another does not know whom that one handed on.
// Where newcomers push everyone down at each call, it must still find its place
// again, and hand on nobody whom the other did.
func TestNobodyTwiceWhereNewcomersComeFirst(t *testing.T) {
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

// Who is found only when the pages are read again has no place in their order:
// where that breaks off, the cursor must not lead to him a second time.
func TestNobodyTwiceWhereReadingAgainBreaksOff(t *testing.T) {
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
