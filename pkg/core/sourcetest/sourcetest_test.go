package sourcetest_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"

	"partnerlens/pkg/core"
	"partnerlens/pkg/core/sourcetest"
)

// shelf is a Source over customers in memory: right, until a test breaks it.
type shelf struct {
	world sourcetest.World
	mu    sync.Mutex
	calls int
	reach sync.Once
}

const pageSize = 5

func fact(i int) sourcetest.Fact {
	return sourcetest.Fact{
		ID:  strconv.Itoa(200000000000 + i),
		Row: map[string]string{"remaining": "12345678901234567890.0" + strconv.Itoa(i), "name": "customer " + strconv.Itoa(i)},
	}
}

func facts(n int) (all []sourcetest.Fact) {
	for i := range n {
		all = append(all, fact(i))
	}
	return all
}

func (s *shelf) FetchPage(ctx context.Context, _ core.CreditQuery, at core.Cursor) (core.Page[*core.CustomerCredit], error) {
	var page core.Page[*core.CustomerCredit]
	if err := ctx.Err(); err != nil {
		return page, err
	}
	s.mu.Lock()
	s.calls++
	call := s.calls
	s.mu.Unlock()
	if s.world.Hang {
		s.reach.Do(func() { close(s.world.Reached) })
		<-ctx.Done()
		return page, ctx.Err()
	}
	if s.world.FailFrom > 0 && call >= s.world.FailFrom {
		return page, &core.Error{Code: core.CodeUnavailable, VendorCode: "InternalError"}
	}
	end := min(at.Offset+pageSize, s.world.Customers)
	for i := at.Offset; i < end; i++ {
		f := fact(i)
		remaining, err := core.ParseMoney(f.Row["remaining"])
		if err != nil {
			return page, err
		}
		c := &core.CustomerCredit{CustomerID: f.ID, Name: f.Row["name"], Credit: core.Credit{Remaining: &remaining}}
		if s.world.Odd && i == 3 {
			c.Unreadable = []string{"RecentExpiry"}
		}
		page.Items = append(page.Items, c)
	}
	page.Total = &s.world.Customers
	if end < s.world.Customers {
		page.Next = &core.Cursor{Offset: end}
	}
	return page, nil
}

type (
	fetch  = func(context.Context, core.CreditQuery, core.Cursor) (core.Page[*core.CustomerCredit], error)
	broken struct{ fetch fetch }
)

func (b broken) FetchPage(ctx context.Context, q core.CreditQuery, at core.Cursor) (core.Page[*core.CustomerCredit], error) {
	return b.fetch(ctx, q, at)
}

func harness(breakIt func(fetch) fetch) sourcetest.Harness[core.CreditQuery, *core.CustomerCredit] {
	return sourcetest.Harness[core.CreditQuery, *core.CustomerCredit]{
		Open: func(_ testing.TB, world sourcetest.World) core.Source[core.CreditQuery, *core.CustomerCredit] {
			return broken{breakIt((&shelf{world: world}).FetchPage)}
		},
		Facts: facts, PageSize: pageSize, Odd: true, Columns: core.CreditFunction(nil, nil).Columns,
	}
}

func TestRightSourcePasses(t *testing.T) {
	sourcetest.Run(t, harness(func(right fetch) fetch { return right }))
}

func TestBrokenSourcesAreRefused(t *testing.T) {
	t.Parallel()
	type page = core.Page[*core.CustomerCredit]
	neverDone := t.Context() // until this test is over
	var mu sync.Mutex
	tests := []struct {
		name    string
		rule    string // that must refuse it, among others
		breakIt func(fetch) fetch
	}{
		{"loops for ever", "pages-end", func(right fetch) fetch {
			return func(ctx context.Context, q core.CreditQuery, at core.Cursor) (page, error) {
				p, err := right(ctx, q, at)
				if err == nil && p.Next == nil {
					p.Next = &core.Cursor{}
				}
				return p, err
			}
		}},
		{"never ends", "pages-end", func(right fetch) fetch {
			return func(ctx context.Context, q core.CreditQuery, at core.Cursor) (page, error) {
				p, err := right(ctx, q, at)
				p.Next = &core.Cursor{Offset: at.Offset + 1}
				return p, err
			}
		}},
		{"loses the last page", "every-customer-once", func(right fetch) fetch {
			return func(ctx context.Context, q core.CreditQuery, at core.Cursor) (page, error) {
				p, err := right(ctx, q, at)
				if p.Next != nil && p.Total != nil && p.Next.Offset+pageSize >= *p.Total {
					p.Next = nil
				}
				return p, err
			}
		}},
		{"names nothing", "unread-is-named", func(right fetch) fetch {
			return func(ctx context.Context, q core.CreditQuery, at core.Cursor) (page, error) {
				p, err := right(ctx, q, at)
				for _, c := range p.Items {
					c.Unreadable = nil
				}
				return p, err
			}
		}},
		{"leaves out what it cannot read", "unread-is-named", func(right fetch) fetch {
			return func(ctx context.Context, q core.CreditQuery, at core.Cursor) (page, error) {
				p, err := right(ctx, q, at)
				p.Items = slices.DeleteFunc(p.Items, func(c *core.CustomerCredit) bool { return c.Unreadable != nil })
				return p, err
			}
		}},
		{"loses a row", "every-customer-once", func(right fetch) fetch {
			return func(ctx context.Context, q core.CreditQuery, at core.Cursor) (page, error) {
				p, err := right(ctx, q, at)
				if len(p.Items) > 1 {
					p.Items = p.Items[1:]
				}
				return p, err
			}
		}},
		{"can be ranged once", "range-twice", func(right fetch) fetch {
			var place core.Cursor
			return func(ctx context.Context, q core.CreditQuery, _ core.Cursor) (page, error) {
				mu.Lock()
				defer mu.Unlock()
				p, err := right(ctx, q, place)
				if p.Next != nil {
					place = *p.Next
				}
				return p, err
			}
		}},
		{"swallows the error", "failure-is-an-error", func(right fetch) fetch {
			return func(ctx context.Context, q core.CreditQuery, at core.Cursor) (page, error) {
				p, err := right(ctx, q, at)
				if core.CodeOf(err) == core.CodeUnavailable {
					return page{}, nil
				}
				return p, err
			}
		}},
		{"repeats the vendor's text", "errors-hide-data", func(right fetch) fetch {
			return func(ctx context.Context, q core.CreditQuery, at core.Cursor) (page, error) {
				p, err := right(ctx, q, at)
				if e := core.AsError(err); e != nil {
					e.Detail = "upstream said: " + sourcetest.Planted
					return p, e
				}
				return p, nil
			}
		}},
		{"money through a float", "facts-are-exact", func(right fetch) fetch {
			return func(ctx context.Context, q core.CreditQuery, at core.Cursor) (page, error) {
				p, err := right(ctx, q, at)
				for _, c := range p.Items {
					f, _ := strconv.ParseFloat(c.Credit.Remaining.String(), 64)
					m, _ := core.ParseMoney(strconv.FormatFloat(f, 'f', -1, 64))
					c.Credit.Remaining = &m
				}
				return p, err
			}
		}},
		{"does not listen to its context", "done-is-done", func(right fetch) fetch {
			return func(_ context.Context, q core.CreditQuery, at core.Cursor) (page, error) {
				return right(neverDone, q, at)
			}
		}},
		{"has a total of its own", "total-is-true", func(right fetch) fetch {
			return func(ctx context.Context, q core.CreditQuery, at core.Cursor) (page, error) {
				p, err := right(ctx, q, at)
				n := len(p.Items)
				p.Total = &n
				return p, err
			}
		}},
		{"keeps only the first page's place", "continues-anywhere", func(right fetch) fetch {
			first := true
			return func(ctx context.Context, q core.CreditQuery, at core.Cursor) (page, error) {
				mu.Lock()
				defer mu.Unlock()
				if first {
					at.Offset = 0
				}
				first = false
				return right(ctx, q, at)
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			refused := sourcetest.Broken(t, harness(test.breakIt))
			if !slices.Contains(refused, test.rule) {
				t.Errorf("refused by %q, want it refused by %q", refused, test.rule)
			}
		})
	}
}
