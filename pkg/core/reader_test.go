package core_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"partnerlens/pkg/core"
)

// cloud is a Source in memory without totals: customers c0…cN-1 of each
// scope, pages of size.
type cloud struct {
	scopes map[string]int // customers by reseller; "" is the account's own
	size   int
	mu     sync.Mutex
	calls  int
	before func(call int, c *cloud) error                     // may change the world
	deny   map[int]error                                      // by the first row asked for; once each
	after  func(call int, page *core.Page[*core.CustomerTag]) // may change the answer
}

func (c *cloud) FetchPage(ctx context.Context, q core.TagQuery, at core.Cursor) (core.Page[*core.CustomerTag], error) {
	var page core.Page[*core.CustomerTag]
	if err := ctx.Err(); err != nil {
		return page, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	if c.before != nil {
		if err := c.before(c.calls, c); err != nil {
			return page, err
		}
	}
	if err := c.deny[at.Offset]; err != nil {
		delete(c.deny, at.Offset)
		return page, err
	}
	var ids []string
	for i := range c.scopes[q.ResellerID] {
		id := q.ResellerID + "c" + strconv.Itoa(i)
		if q.CustomerIDs == nil || slices.Contains(q.CustomerIDs, id) {
			ids = append(ids, id)
		}
	}
	end := min(at.Offset+c.size, len(ids))
	for _, id := range ids[min(at.Offset, end):end] {
		tag := &core.CustomerTag{Provider: "test", CustomerID: id, Tag: core.Tag{Type: "SMB", Value: "Y"}}
		if strings.HasSuffix(id, "3") {
			tag.Tag.Value = "N"
		}
		if q.ResellerID != "" {
			tag.ResellerID = &q.ResellerID
		}
		page.Items = append(page.Items, tag)
	}
	page.RequestID = "request-" + strconv.Itoa(c.calls)
	if end > at.Offset {
		page.Next = &core.Cursor{Offset: end, Size: c.size}
	}
	if c.after != nil {
		c.after(c.calls, &page)
	}
	return page, nil
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 123, time.UTC)

func readerOver(c *cloud) *core.Reader[core.TagQuery, *core.CustomerTag] {
	return core.NewReader(c, &core.ReaderOptions[core.TagQuery]{
		Schema: "test/v1", Provider: "test", Now: func() time.Time { return noon },
		Scopes: func(_ context.Context, q core.TagQuery) ([]core.Scope[core.TagQuery], error) {
			return core.TagScopes(q, []string{"r2", "r1"}), nil
		},
	})
}

// read gives the keys of one answer; room bounds their number as a platform's size would.
func read(t *testing.T, r *core.Reader[core.TagQuery, *core.CustomerTag], q core.TagQuery, o core.ReadOptions, room int) ([]string, core.Report) {
	t.Helper()
	keys, report, err := tryRead(t.Context(), r, q, o, room)
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	if report.Count != len(keys) {
		t.Errorf("count = %d, and %d records came", report.Count, len(keys))
	}
	return keys, report
}

func tryRead(ctx context.Context, r *core.Reader[core.TagQuery, *core.CustomerTag], q core.TagQuery, o core.ReadOptions, room int) (keys []string, _ core.Report, _ error) {
	report, err := r.Read(ctx, q, &o, func(c *core.CustomerTag) bool {
		if room > 0 && len(keys) == room {
			return false
		}
		keys = append(keys, c.Key())
		return true
	})
	return keys, report, err
}

func wantKeys(scope string, n int) (keys []string) {
	for i := range n {
		key := "c" + strconv.Itoa(i)
		if scope != "" {
			key = scope + "/" + scope + key
		}
		keys = append(keys, key)
	}
	return keys
}

func TestReadEverything(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 9, 10, 11, 19, 20, 30, 500} {
		c := &cloud{scopes: map[string]int{"": n}, size: 10}
		keys, report := read(t, readerOver(c), core.TagQuery{}, core.ReadOptions{}, 0)
		if !slices.Equal(keys, wantKeys("", n)) {
			t.Errorf("%d customers: got %v", n, keys)
		}
		if !report.Complete || report.Stopped != nil || report.Next != nil || len(report.Warnings) > 0 || report.Total != nil {
			t.Errorf("%d customers: report %+v", n, report)
		}
		if !report.AsOf.Equal(noon.Truncate(time.Second)) || report.Account != "default" {
			t.Errorf("report %+v", report)
		}
	}
}

// Following next must give every customer once, wherever the answers were cut.
func TestNextGoesOnExactly(t *testing.T) {
	t.Parallel()
	asked := []string{"c1", "c7", "unknown", "r1c2", "r2c0", "c29"}
	queries := map[string]struct {
		query   core.TagQuery
		want    []string
		missing []string
	}{
		"own":           {core.TagQuery{}, wantKeys("", 33), nil},
		"one reseller":  {core.TagQuery{ResellerID: "r1"}, wantKeys("r1", 20), nil},
		"all resellers": {core.TagQuery{ResellerID: "all"}, slices.Concat(wantKeys("", 33), wantKeys("r1", 20), wantKeys("r2", 1)), nil},
		"ids":           {core.TagQuery{CustomerIDs: asked}, []string{"c1", "c7", "c29"}, []string{"unknown", "r1c2", "r2c0"}},
		"ids everywhere": {core.TagQuery{CustomerIDs: asked, ResellerID: "all"},
			[]string{"c1", "c7", "c29", "r1/r1c2", "r2/r2c0"}, []string{"unknown"}},
	}
	for name, test := range queries {
		{
			for _, cut := range []int{1, 3, 10, 11, 1000} {
				for _, bySize := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s/cut=%d/size=%t", name, cut, bySize), func(t *testing.T) {
						t.Parallel()
						c := &cloud{scopes: map[string]int{"": 33, "r1": 20, "r2": 1}, size: 10}
						var got, missing []string
						var o core.ReadOptions
						for answers := 0; ; answers++ {
							if answers > len(test.want)+2 {
								t.Fatalf("no end after %d answers", answers)
							}
							room := 0
							if o.Limit = cut; bySize {
								o.Limit, room = 0, cut
							}
							keys, report := read(t, readerOver(c), test.query, o, room)
							got = append(got, keys...)
							missing = append(missing, report.MissingIDs...)
							if report.Next == nil {
								if !report.Complete || report.Stopped != nil {
									t.Errorf("the last answer: %+v", report)
								}
								break
							}
							if want := map[bool]core.Stop{false: core.StoppedLimit, true: core.StoppedSize}[bySize]; report.Complete || *report.Stopped != want {
								t.Errorf("an answer that continues: complete %t, stopped %s", report.Complete, *report.Stopped)
							}
							o.Cursor = *report.Next
						}
						if !slices.Equal(got, test.want) {
							t.Errorf("got %v, want %v", got, test.want)
						}
						if !slices.Equal(missing, test.missing) {
							t.Errorf("missing %v, want %v", missing, test.missing)
						}
					})
				}
			}
		}
	}
}

func TestManyIDsAreChunked(t *testing.T) {
	t.Parallel()
	c := &cloud{scopes: map[string]int{"": 1000}, size: 100}
	ids := wantKeys("", 1005)
	keys, report := read(t, readerOver(c), core.TagQuery{CustomerIDs: ids}, core.ReadOptions{}, 0)
	if len(keys) != 1000 || !slices.Equal(report.MissingIDs, ids[1000:]) || !report.Complete {
		t.Errorf("%d customers, missing %v, complete %t", len(keys), report.MissingIDs, report.Complete)
	}
	if len(report.RequestIDs) != 12 { // eleven queries, and one more for what the last one lacked
		t.Errorf("%d request ids, want 12", len(report.RequestIDs))
	}
}

func TestStatusFilter(t *testing.T) {
	t.Parallel()
	c := &cloud{scopes: map[string]int{"": 33}, size: 10}
	keys, report := read(t, readerOver(c), core.TagQuery{}, core.ReadOptions{Statuses: []string{"not_new"}}, 0)
	if !slices.Equal(keys, []string{"c3", "c13", "c23"}) || !report.Complete {
		t.Errorf("got %v, %+v", keys, report)
	}
	keys, report = read(t, readerOver(c), core.TagQuery{}, core.ReadOptions{Statuses: []string{"not_new"}, Limit: 2}, 0)
	if !slices.Equal(keys, []string{"c3", "c13"}) || report.Next == nil {
		t.Errorf("got %v, %+v", keys, report)
	}
	keys, _ = read(t, readerOver(c), core.TagQuery{}, core.ReadOptions{Statuses: []string{"not_new"}, Cursor: *report.Next}, 0)
	if !slices.Equal(keys, []string{"c23"}) {
		t.Errorf("the rest: %v", keys)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	broken := &core.Error{Code: core.CodeUpstream, VendorCode: "FailedOperation", Detail: "cannot be read"}
	failAt := func(row int, err error) *cloud {
		return &cloud{scopes: map[string]int{"": 35}, size: 10, deny: map[int]error{row: err}}
	}
	t.Run("on the first page is an error", func(t *testing.T) {
		t.Parallel()
		if _, _, err := tryRead(t.Context(), readerOver(failAt(0, broken)), core.TagQuery{}, core.ReadOptions{}, 0); core.CodeOf(err) != core.CodeUpstream {
			t.Errorf("Read = %v", err)
		}
	})
	t.Run("later keeps what was read and says where to go on", func(t *testing.T) {
		t.Parallel()
		c := failAt(18, broken)
		keys, report := read(t, readerOver(c), core.TagQuery{}, core.ReadOptions{}, 0)
		if !slices.Equal(keys, wantKeys("", 19)) || report.Complete || *report.Stopped != core.StoppedUpstream || report.Warnings[0].Code != "upstream_broken" {
			t.Fatalf("%d customers, %+v", len(keys), report)
		}
		rest, report := read(t, readerOver(c), core.TagQuery{}, core.ReadOptions{Cursor: *report.Next}, 0)
		if !slices.Equal(append(keys, rest...), wantKeys("", 35)) || !report.Complete {
			t.Errorf("the rest: %v, %+v", rest, report)
		}
	})
	t.Run("a deadline keeps what was read", func(t *testing.T) {
		t.Parallel()
		keys, report := read(t, readerOver(failAt(9, context.DeadlineExceeded)), core.TagQuery{}, core.ReadOptions{}, 0)
		if !slices.Equal(keys, wantKeys("", 10)) || *report.Stopped != core.StoppedDeadline || report.Next == nil {
			t.Errorf("%d customers, %+v", len(keys), report)
		}
	})
	t.Run("a caller that goes away gets an error", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		c := failAt(-1, nil)
		c.before = func(call int, _ *cloud) error {
			if call == 2 {
				cancel()
			}
			return nil
		}
		if _, _, err := tryRead(ctx, readerOver(c), core.TagQuery{}, core.ReadOptions{}, 0); core.CodeOf(err) != core.CodeCanceled {
			t.Errorf("Read = %v", err)
		}
	})
	t.Run("pages that lead back end", func(t *testing.T) {
		t.Parallel()
		c := failAt(-1, nil)
		c.after = func(_ int, p *core.Page[*core.CustomerTag]) {
			if len(p.Items) > 0 && p.Items[0].CustomerID == "c18" {
				p.Next = &core.Cursor{Offset: 10}
			}
		}
		_, report := read(t, readerOver(c), core.TagQuery{}, core.ReadOptions{}, 0)
		if report.Complete || report.Stopped == nil || *report.Stopped != core.StoppedUpstream || c.calls > 8 {
			t.Errorf("%d calls, %+v", c.calls, report)
		}
	})
	t.Run("a foreign error shows nothing", func(t *testing.T) {
		t.Parallel()
		_, report := read(t, readerOver(failAt(9, errors.New("Zhang owes 5"))), core.TagQuery{}, core.ReadOptions{}, 0)
		if strings.Contains(fmt.Sprintf("%+v", report), "Zhang") {
			t.Errorf("%+v", report)
		}
	})
}

func TestCursorsAreBound(t *testing.T) {
	t.Parallel()
	r := readerOver(&cloud{scopes: map[string]int{"": 35, "r1": 35}, size: 10})
	_, report := read(t, r, core.TagQuery{}, core.ReadOptions{Limit: 5}, 0)
	edited := []byte(*report.Next)
	edited[len(edited)-3] ^= 1
	for name, test := range map[string]struct {
		query  core.TagQuery
		cursor string
	}{
		"another query":   {core.TagQuery{ResellerID: "r1"}, *report.Next},
		"edited":          {core.TagQuery{}, string(edited)},
		"cut":             {core.TagQuery{}, (*report.Next)[:10]},
		"not a cursor":    {core.TagQuery{}, "next please"},
		"longer than any": {core.TagQuery{}, strings.Repeat("A", 5000)},
	} {
		_, _, err := tryRead(t.Context(), r, test.query, core.ReadOptions{Cursor: test.cursor}, 0)
		if e := core.AsError(err); e == nil || e.Code != core.CodeInvalid || e.Param != "cursor" {
			t.Errorf("%s: %v", name, err)
		}
	}
	another := core.NewReader(&cloud{scopes: map[string]int{"": 35}, size: 10}, &core.ReaderOptions[core.TagQuery]{Schema: "test/v1", Provider: "test", Account: "north"})
	if _, _, err := tryRead(t.Context(), another, core.TagQuery{}, core.ReadOptions{Cursor: *report.Next}, 0); core.CodeOf(err) != core.CodeInvalid {
		t.Errorf("another account's cursor: %v", err)
	}
}

func TestTraceOfPages(t *testing.T) {
	t.Parallel()
	var reported []string
	ctx := core.WithTrace(t.Context(), &core.Trace{PageRead: func(pages, customers int, total *int) {
		reported = append(reported, fmt.Sprint(pages, customers, *total))
	}})
	l := newLedger(25)
	if _, _, err := l.read(ctx, core.CreditQuery{}, core.ReadOptions{}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"1 10 25", "2 20 25", "3 25 25"}; !slices.Equal(reported[:3], want) {
		t.Errorf("reported %q, want %q", reported, want)
	}
}

// "No customers" is believed only when it is said twice.
func TestAnEmptyFirstPageIsAskedForAgain(t *testing.T) {
	t.Parallel()
	c := &cloud{scopes: map[string]int{"": 25}, size: 10, after: func(call int, p *core.Page[*core.CustomerTag]) {
		if call == 1 {
			p.Items, p.Next = nil, nil
		}
	}}
	if keys, report := read(t, readerOver(c), core.TagQuery{}, core.ReadOptions{}, 0); !slices.Equal(keys, wantKeys("", 25)) || !report.Complete {
		t.Errorf("%v, %+v", keys, report)
	}
	c = &cloud{scopes: map[string]int{}, size: 10}
	if keys, report := read(t, readerOver(c), core.TagQuery{}, core.ReadOptions{}, 0); len(keys) > 0 || !report.Complete || c.calls != 2 {
		t.Errorf("%v, %d calls, %+v", keys, c.calls, report)
	}
}
