package core

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Every attempt is traced with its result, and the read once.
func TestTraceOfCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const pages, customers = 3, 5
		refused := map[int]int{1: 2} // page: times
		answered := 0
		var mu sync.Mutex
		source := sourceFunc(func(_ context.Context, at Cursor) (Page[*CustomerTag], error) {
			mu.Lock()
			defer mu.Unlock()
			page := at.Offset / 2
			if refused[page] > 0 {
				refused[page]--
				return Page[*CustomerTag]{}, &Error{Code: CodeThrottled}
			}
			answered++
			total := customers
			p := Page[*CustomerTag]{Total: &total}
			for i := at.Offset; i < min(at.Offset+2, customers); i++ {
				p.Items = append(p.Items, &CustomerTag{CustomerID: string(rune('a' + i))})
			}
			if page < pages-1 {
				p.Next = &Cursor{Offset: at.Offset + 2}
			}
			return p, nil
		})
		r := NewReader(source, &ReaderOptions[TagQuery]{
			Schema: "s", Provider: "p", Account: "a",
			Scopes: func(ctx context.Context, q TagQuery) ([]Scope[TagQuery], error) { // which asks the vendor, too
				lists := NewReader(sourceFunc(func(context.Context, Cursor) (Page[*CustomerTag], error) {
					answered++
					return Page[*CustomerTag]{Items: []*CustomerTag{{CustomerID: "reseller"}}}, nil
				}), &ReaderOptions[TagQuery]{Schema: "other", Account: "other"})
				if _, err := lists.Read(ctx, TagQuery{}, nil, func(*CustomerTag) bool { return true }); err != nil {
					return nil, err
				}
				return []Scope[TagQuery]{{Queries: []TagQuery{q}}}, nil
			},
		})
		var calls []Call
		var ends []ReadEnd
		pagesTraced := 0
		ctx := WithTrace(t.Context(), &Trace{
			Called: func(_ context.Context, c Call) {
				mu.Lock()
				defer mu.Unlock()
				calls = append(calls, c)
			},
			Ended:    func(_ context.Context, e ReadEnd) { ends = append(ends, e) },
			PageRead: func(int, int, *int) { pagesTraced++ },
		})
		report, err := r.Read(WithTrace(ctx, nil), TagQuery{}, nil, func(*CustomerTag) bool { return true })
		if err != nil || !report.Complete {
			t.Fatalf("%+v, %v", report, err)
		}
		made, retried := make(map[Code]int), 0
		for _, c := range calls {
			made[c.Code]++
			if c.Attempt > 1 {
				retried++
			}
			if c.Schema != "s" || c.Provider != "p" || c.Account != "a" {
				t.Errorf("a call of %+v", c)
			}
		}
		if made[""] != answered || made[CodeThrottled] != 2 || len(made) != 2 || retried != 2 {
			t.Errorf("calls %v, %d of them again; %d were answered", made, retried, answered)
		}
		want := ReadEnd{Schema: "s", Provider: "p", Account: "a", Pages: pagesTraced, Customers: customers, Complete: true}
		if len(ends) != 1 || ends[0] != want || pagesTraced < pages || pagesTraced >= answered {
			t.Errorf("ends %+v, want %+v of %d answers", ends, want, answered)
		}
	})
}

// A failed read is traced, too, and a stopped one with its reason.
func TestTraceOfBadEnds(t *testing.T) {
	t.Parallel()
	var ends []ReadEnd
	ctx := WithTrace(t.Context(), &Trace{Ended: func(_ context.Context, e ReadEnd) { ends = append(ends, e) }})
	denied := NewReader(sourceFunc(func(context.Context, Cursor) (Page[*CustomerTag], error) {
		return Page[*CustomerTag]{}, &Error{Code: CodeDenied}
	}), nil)
	_, _ = denied.Read(ctx, TagQuery{}, nil, func(*CustomerTag) bool { return true })
	one := NewReader(sourceFunc(func(context.Context, Cursor) (Page[*CustomerTag], error) {
		return Page[*CustomerTag]{Items: []*CustomerTag{{CustomerID: "a"}, {CustomerID: "b"}}}, nil
	}), nil)
	_, _ = one.Read(ctx, TagQuery{}, &ReadOptions{Limit: 1}, func(*CustomerTag) bool { return true })
	if len(ends) != 2 || ends[0].Code != CodeDenied || ends[0].Complete || ends[1].Stopped != StoppedLimit || ends[1].Code != "" || ends[1].Pages != 1 {
		t.Errorf("%+v", ends)
	}
}

// Both traces are called, the later one first.
func TestTracesAreJoined(t *testing.T) {
	t.Parallel()
	var traced string
	trace := func(name string) *Trace {
		return &Trace{
			PageRead: func(int, int, *int) { traced += name + "p" },
			Shared:   func(time.Duration) { traced += name + "s" },
			Called:   func(context.Context, Call) { traced += name + "c" },
			Ended:    func(context.Context, ReadEnd) { traced += name + "e" },
		}
	}
	both := tracesOf(WithTrace(WithTrace(t.Context(), trace("1")), trace("2")))
	both.pageRead(0, 0, nil)
	both.shared(0)
	both.called(t.Context(), Call{})
	both.ended(t.Context(), ReadEnd{})
	if want := "2p1p2s1s2c1c2e1e"; traced != want {
		t.Errorf("traced %s, want %s", traced, want)
	}
}

type sourceFunc func(context.Context, Cursor) (Page[*CustomerTag], error)

func (f sourceFunc) FetchPage(ctx context.Context, _ TagQuery, at Cursor) (Page[*CustomerTag], error) {
	return f(ctx, at)
}
