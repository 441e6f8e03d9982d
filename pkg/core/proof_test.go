package core_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"partnerlens/pkg/core"
)

// scripted is a list in memory whose rows are laid down anew for each call.
type scripted struct {
	size    int
	orders  func(call int) []int     // the customers, in order, at a call from 1
	recent  map[int]bool             // those that came while it was read
	spread  bool                     // each came at another time, by number
	endless bool                     // every page leads on
	total   func(call, rows int) int // nil: the truth
	mu      sync.Mutex
	calls   int
}

func (s *scripted) window(at core.Cursor) (ids []int, total, start, end int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	ids = s.orders(s.calls)
	size := at.Size
	if size == 0 {
		size = s.size
	}
	start = min(at.Offset/size*size, len(ids))
	total = len(ids)
	if s.total != nil {
		total = s.total(s.calls, total)
	}
	return ids, total, start, min(start+min(size, s.size), len(ids))
}

func (s *scripted) FetchPage(_ context.Context, _ core.CreditQuery, at core.Cursor) (page core.Page[*core.CustomerCredit], _ error) {
	ids, total, start, end := s.window(at)
	for _, id := range ids[start:end] {
		came := worldBegan.AddDate(-1, 0, 0)
		if s.spread {
			came = came.Add(time.Duration(id) * time.Second)
		}
		if s.recent[id] {
			came = worldBegan.Add(time.Second)
		}
		page.Items = append(page.Items, &core.CustomerCredit{CustomerID: strconv.Itoa(id), AssociatedAt: &came})
	}
	page.Total = &total
	if size := max(at.Size, s.size); end < total || s.endless {
		page.Next = &core.Cursor{Offset: start + min(size, s.size), Size: min(size, s.size)}
		if at.Size > 0 {
			page.Next.Offset, page.Next.Size = start+at.Size, at.Size
		}
	}
	return page, nil
}

// readParts reads a scripted list in answers of so many records (0: all); the
// last limit is that of all further ones.
func readParts(t *testing.T, s *scripted, limits ...int) (got []string, last core.Report) {
	t.Helper()
	var o core.ReadOptions
	for i := range 20 {
		o.Limit = limits[min(i, len(limits)-1)]
		reader := core.NewReader(s, &core.ReaderOptions[core.CreditQuery]{Now: func() time.Time { return worldBegan }})
		report, err := reader.Read(t.Context(), core.CreditQuery{}, &o, func(c *core.CustomerCredit) bool {
			got = append(got, c.CustomerID)
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		if last = report; report.Next == nil {
			return got, last
		}
		o.Cursor = *report.Next
	}
	t.Fatal("no end after 20 answers")
	return nil, last
}

func upTo(n int) (ids []int) {
	for i := range n {
		ids = append(ids, i)
	}
	return ids
}

// hold fails the test if an answer claims to be complete and is not.
func hold(t *testing.T, got []string, last core.Report, want []int) {
	t.Helper()
	if !last.Complete {
		return
	}
	for _, id := range want {
		if n := len(slices.DeleteFunc(slices.Clone(got), func(g string) bool { return g != strconv.Itoa(id) })); n != 1 {
			t.Errorf("complete, and customer %d came %d times in %v; %+v", id, n, got, last)
		}
	}
}

// A customer leaves and another joins: the total stays, as many customers are
// read as it counts, and one was passed over.
func TestSwapIsNoProof(t *testing.T) {
	t.Parallel()
	s := &scripted{size: 10, recent: map[int]bool{99: true}, orders: func(call int) []int {
		if call == 1 {
			return upTo(30)
		}
		return append(upTo(30)[1:], 99)
	}}
	got, last := readParts(t, s, 0)
	hold(t, got, last, upTo(30)[1:])
	if !last.Complete || s.calls < 6 {
		t.Errorf("%d calls, %+v: want that it is read again, and proven", s.calls, last)
	}
}

// Customers that join while a list is read, and those that leave after they
// were read, cost no further pass.
func TestComingAndGoingCostsNothing(t *testing.T) {
	t.Parallel()
	for name, later := range map[string][]int{"joined": append(upTo(25), 97, 98), "left": upTo(25)[:24]} {
		s := &scripted{size: 10, recent: map[int]bool{97: true, 98: true}, orders: func(call int) []int {
			if name == "joined" && call < 2 || name == "left" && call < 4 {
				return upTo(25)
			}
			return later
		}}
		got, last := readParts(t, s, 0)
		hold(t, got, last, upTo(24))
		if !last.Complete || s.calls != 3 {
			t.Errorf("%s: %d calls for %d customers, %+v", name, s.calls, len(got), last)
		}
	}
}

// Two answers meet among customers that share a time of association. The last
// one of the first answer stands elsewhere in the second, with one behind it
// that was handed on and one before it that was not: the number is right.
func TestTiesBetweenAnswersAreNoProof(t *testing.T) {
	t.Parallel()
	s := &scripted{size: 10, orders: func(call int) []int {
		if call == 1 {
			return []int{0, 1, 2, 3}
		}
		return []int{0, 3, 2, 1}
	}}
	got, last := readParts(t, s, 3)
	hold(t, got, last, upTo(4))
}

// The last customer of an answer is not found again, and comes a second time
// where another was to come: the number is right.
func TestPlaceThatIsLostIsNoProof(t *testing.T) {
	t.Parallel()
	order := func(from ...[]int) []int { return slices.Concat(from...) }
	rest := upTo(40)
	for _, limits := range [][]int{{10, 0}, {10, 10, 0}} { // it is lost in the last answer, and before it
		s := &scripted{size: 10, spread: true, orders: func(call int) []int {
			switch call {
			case 1: // the first answer
				return rest
			case 2, 3, 4: // where is 9?
				return order([]int{10}, rest[:9], rest[11:31], []int{9}, rest[31:])
			}
			return order([]int{10}, rest[:9], []int{9}, rest[11:])
		}}
		got, last := readParts(t, s, limits...)
		if len(got) < 40 {
			t.Fatalf("%d customers", len(got))
		}
		hold(t, got, last, rest)
	}
}

// A row before the place where an earlier answer stopped is taken for one that
// it handed on. A later pass misses the same customer: what both read is the
// same set. When another pass meets it, it must be handed on.
func TestCustomerTakenForHandedOn(t *testing.T) {
	t.Parallel()
	s := &scripted{size: 20, orders: func(call int) []int {
		switch call {
		case 1:
			return []int{0, 1, 2, 3, 5, 4, 7, 6, 8, 9, 10, 11}
		case 2: // 6 has come before the last one handed on
			return []int{0, 1, 2, 3, 5, 4, 6, 7, 8, 9, 10, 11}
		case 3: // a pass in pages of less than 12: 6 is on none
			return []int{0, 1, 2, 3, 5, 4, 7, 8, 9, 10, 11, 6}
		case 4:
			return []int{0, 1, 2, 3, 5, 4, 7, 6, 9, 10, 8, 11}
		}
		return upTo(12)
	}}
	got, last := readParts(t, s, 7)
	hold(t, got, last, upTo(12))
}

// A list whose customers never stay ends, and says that it is not proven; so
// does one whose pages have no end.
func TestListsWithoutRestEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{size: 10, recent: make(map[int]bool), orders: func(call int) []int {
			return upTo(25 + call)[call:] // one leaves and one joins at each call
		}}
		for i := 25; i < 500; i++ {
			s.recent[i] = true
		}
		if got, last := readParts(t, s, 0); last.Complete || len(last.Warnings) != 1 || s.calls > 60 {
			t.Errorf("%d calls, %d customers, %+v", s.calls, len(got), last)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{size: 10, endless: true, orders: func(int) []int { return slices.Repeat(upTo(10), 3000) }, total: func(int, int) int { return 20 }}
		if _, last := readParts(t, s, 0); last.Complete || s.calls > 500 {
			t.Errorf("pages without end: %d calls, %+v", s.calls, last)
		}
	})
}

// Without a witness, a row out of order leaves a doubt: within a page, and from
// one pass to the next.
func TestDisorderWithoutWitness(t *testing.T) {
	t.Parallel()
	calm := wantKeys("", 25)
	swapped := func(i, j int) []string {
		ids := slices.Clone(calm)
		ids[i], ids[j] = ids[j], ids[i]
		return ids
	}
	for _, test := range []struct {
		name  string
		order func(pass, offset int) []string // calls ahead may overtake each other
		want  string
	}{
		{"calm", func(int, int) []string { return calm }, ""},
		// The page from row 9 holds 10, which is new, and behind it 9.
		{"within a page", func(pass, offset int) []string {
			if pass == 1 && offset == 9 {
				return swapped(9, 10)
			}
			return calm
		}, core.WarnOrderUnstable},
		// Two rows in the middle of the first page have traded places when the list is read again.
		{"between passes", func(pass, _ int) []string {
			if pass == 1 {
				return calm
			}
			return swapped(3, 4)
		}, core.WarnOrderUnstable},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &shifting{size: 10}
				c.before = func(int) { c.ids = test.order(c.firsts, c.offset) }
				keys := 0
				report, err := core.NewReader(c, &core.ReaderOptions[core.TagQuery]{Pacer: core.NewPacer(1)}).
					Read(t.Context(), core.TagQuery{}, nil, func(*core.CustomerTag) bool { keys++; return true })
				if err != nil || keys != 25 || report.Complete != (test.want == "") || test.want != "" && report.Warnings[0].Code != test.want {
					t.Errorf("%d customers, %+v, %v; want the warning %q", keys, report, err, test.want)
				}
				if c.firsts != 3 {
					t.Errorf("%d passes, want 3", c.firsts)
				}
			})
		})
	}
}

// A server that asks to wait is waited for, and one that fails again and again
// is left alone.
func TestRetriesAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(25)
		l.fail = func(call int) error {
			if call == 2 {
				return &core.Error{Code: core.CodeUnavailable, RetryAfter: 30 * time.Second}
			}
			return nil
		}
		start := time.Now()
		if _, report, err := l.read(t.Context(), core.CreditQuery{}, core.ReadOptions{}); err != nil || !report.Complete || time.Since(start) < 30*time.Second {
			t.Errorf("%v, %+v after %v", err, report, time.Since(start))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(5000)
		l.fail = func(call int) error { // every page once
			if call%2 == 0 {
				return &core.Error{Code: core.CodeUnavailable}
			}
			return nil
		}
		_, report, err := l.read(t.Context(), core.CreditQuery{}, core.ReadOptions{})
		if err != nil || report.Stopped == nil || *report.Stopped != core.StoppedUpstream || l.calls > 200 {
			t.Errorf("%v, %+v after %d calls", err, report, l.calls)
		}
	})
}

// An answer that is not complete is not shared.
func TestIncompleteAnswersAreNotShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{size: 10, orders: func(int) []int { return upTo(5) }, total: func(_, rows int) int { return rows + 1 }}
		reader := core.NewReader(s, &core.ReaderOptions[core.CreditQuery]{ShareFor: time.Minute, Now: func() time.Time { return worldBegan }})
		for n := range 3 {
			before := s.calls
			report, err := reader.Read(t.Context(), core.CreditQuery{}, nil, func(*core.CustomerCredit) bool { return true })
			if err != nil || report.Complete || s.calls == before {
				t.Errorf("read %d: %v, complete %t after %d calls", n, err, report.Complete, s.calls-before)
			}
		}
	})
}

// A total that is too low by as many as were missed is no proof, with pages of
// any size.
func TestLowTotalsOfSmallPages(t *testing.T) {
	t.Parallel()
	for size := 1; size <= 12; size++ {
		for missed := 1; missed <= 3; missed++ {
			t.Run(fmt.Sprintf("%d/%d", size, missed), func(t *testing.T) {
				t.Parallel()
				n := 4 * size
				s := &scripted{size: size, orders: func(int) []int { return upTo(n + missed) }, total: func(_, rows int) int { return rows - missed }}
				if _, last := readParts(t, s, 0); last.Complete {
					t.Errorf("complete: %+v", last)
				}
			})
		}
	}
}

// laid is a counted list whose rows lie in an order of their own for each page.
type laid struct {
	rows   func(at core.Cursor) []int
	low    int  // how many customers the total does not count
	recent bool // the customers came while the list was read
}

func (l laid) FetchPage(_ context.Context, _ core.CreditQuery, at core.Cursor) (page core.Page[*core.CustomerCredit], _ error) {
	ids, size := l.rows(at), cmp.Or(at.Size, 10)
	came := worldBegan.AddDate(-1, 0, 0)
	if l.recent {
		came = worldBegan
	}
	for _, id := range ids[min(at.Offset, len(ids)):min(at.Offset+size, len(ids))] {
		page.Items = append(page.Items, &core.CustomerCredit{CustomerID: strconv.Itoa(id), AssociatedAt: &came})
	}
	total := len(ids) - l.low
	page.Total = &total
	if at.Offset+size < total {
		page.Next = &core.Cursor{Offset: at.Offset + size, Size: size}
	}
	return page, nil
}

func (l laid) read(t *testing.T) (got []string, report core.Report) {
	t.Helper()
	report, err := core.NewReader(l, &core.ReaderOptions[core.CreditQuery]{Now: func() time.Time { return worldBegan }}).
		Read(t.Context(), core.CreditQuery{}, nil, func(c *core.CustomerCredit) bool {
			got = append(got, c.CustomerID)
			return true
		})
	if err != nil {
		t.Fatal(err)
	}
	return got, report
}

// A total that is too low by as many as were missed shows at the end of the
// list alone: more rows stand there than the total leaves room for, and those
// beyond it were all met before.
func TestLowTotalShowsAtTheEnd(t *testing.T) {
	t.Parallel()
	const low = 3
	for _, test := range []struct {
		name  string
		total int
		end   core.Cursor // the page at which the list ends
	}{
		{"the last page has room", 25, core.Cursor{Offset: 20, Size: 10}},
		{"the last page is full", 30, core.Cursor{Offset: 27, Size: 9}},
		{"the only page is full", 10, core.Cursor{Offset: 9, Size: 9}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := laid{low: low, rows: func(at core.Cursor) []int {
				ids := upTo(test.total + low)
				if at == test.end { // the first customers and the last ones trade places
					for i := range low {
						ids[i], ids[test.total+i] = ids[test.total+i], ids[i]
					}
				}
				return ids
			}}
			if got, report := l.read(t); report.Complete {
				t.Errorf("complete with %d of %d customers: %+v", len(got), test.total+low, report)
			}
		})
	}
}

// A count is the one that was returned when a pass began. Customer 10 trades
// places and is on no page of two passes. Customer 0 leaves during the second
// one, after it was met: as many customers were met in both passes as the
// vendor counts at the end of the second one, and one fewer than at its beginning.
func TestCountAtTheEndOfAPassIsNoProof(t *testing.T) {
	t.Parallel()
	stayed := append([]int{10, 1, 2, 3, 4, 5, 6, 7, 8, 9}, upTo(30)[11:]...)
	l := laid{recent: true, rows: func(at core.Cursor) []int {
		all := upTo(30)
		switch {
		case at == core.Cursor{Offset: 10, Size: 10}: // of the first pass
			all[9], all[10] = 10, 9
		case at.Size == 8 && at.Offset > 0, at.Size > 0 && at.Size < 8: // of the second one, after its first page, and of later ones
			return stayed
		}
		return all
	}}
	got, report := l.read(t)
	hold(t, got, report, upTo(30)[1:])
	if !report.Complete {
		t.Errorf("%+v: want that it is read again, and proven", report)
	}
}

// A customer leaves and another joins while the witness is read: it names as
// many as it counts, and passes one over that the list has not shown either.
func TestSwapInTheWitnessIsNoProof(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		joined *time.Time // when the newcomer joined, as the witness says
	}{
		{"while the list was read", &noon},
		{"not known when", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			all := wantKeys("", 30)
			hiding := tagRows(func(string, core.Cursor) []string { return slices.Delete(slices.Clone(all), 10, 11) })
			witness := memberFunc(func(at core.Cursor) (page core.Page[*core.Member], _ error) {
				ids := all
				if at != (core.Cursor{}) { // after the first page
					ids = append(slices.Clone(all)[1:], "newcomer")
				}
				size := cmp.Or(at.Size, 10)
				for _, id := range ids[min(at.Offset, 30):min(at.Offset+size, 30)] {
					joined := test.joined
					if old := noon.AddDate(-1, 0, 0); id != "newcomer" {
						joined = &old
					}
					page.Items = append(page.Items, &core.Member{MemberID: id, AssociatedAt: joined})
				}
				total := len(ids)
				page.Total = &total
				if at.Offset+size < total {
					page.Next = &core.Cursor{Offset: at.Offset + size, Size: size}
				}
				return page, nil
			})
			reader := core.NewReader(tagsByID{hiding}, &core.ReaderOptions[core.TagQuery]{
				Pacer: core.NewPacer(1000), Now: func() time.Time { return noon },
				Witness: core.NewReader(witness, &core.ReaderOptions[core.TagQuery]{}),
			})
			var got []string
			report, err := reader.Read(t.Context(), core.TagQuery{}, nil, func(tag *core.CustomerTag) bool {
				got = append(got, tag.CustomerID)
				return true
			})
			if err != nil || !report.Complete || !slices.Contains(got, "c10") {
				t.Errorf("%d customers, c10 among them %t, %+v, %v", len(got), slices.Contains(got, "c10"), report, err)
			}
		})
	}
}

// memberFunc is a witness.
type memberFunc func(core.Cursor) (core.Page[*core.Member], error)

func (f memberFunc) FetchPage(_ context.Context, _ core.TagQuery, at core.Cursor) (core.Page[*core.Member], error) {
	return f(at)
}

// A first count that is too low, as out of a cache, is no proof where later ones are higher
// by more than the newcomers that were read.
func TestStaleFirstCountIsNoProof(t *testing.T) {
	t.Parallel()
	first := upTo(30)
	later := append([]int{27, 28, 29}, upTo(27)...) // moves three customers to the page that was read
	s := &scripted{size: 10,
		orders: func(call int) []int {
			if call == 1 {
				return first
			}
			return later
		},
		total: func(call, rows int) int {
			if call == 1 {
				return rows - 3
			}
			return rows
		}}
	got, last := readParts(t, s, 0)
	hold(t, got, last, upTo(30))
	if len(got) != 30 {
		t.Errorf("%d customers, %+v", len(got), last)
	}
}

// Nor is that of the witness.
func TestStaleFirstCountOfTheWitnessIsNoProof(t *testing.T) {
	t.Parallel()
	all := wantKeys("", 30)
	hiding := tagRows(func(string, core.Cursor) []string { return slices.Clone(all)[:27] })
	var calls atomic.Int64
	witness := memberFunc(func(at core.Cursor) (page core.Page[*core.Member], _ error) {
		ids, total := slices.Clone(all), 30
		if calls.Add(1) == 1 {
			total = 27
		} else { // three customers move to the page that was read
			ids = append(slices.Clone(all)[27:], all[:27]...)
		}
		size, old := cmp.Or(at.Size, 10), noon.AddDate(-1, 0, 0)
		for _, id := range ids[min(at.Offset, 30):min(at.Offset+size, 30)] {
			page.Items = append(page.Items, &core.Member{MemberID: id, AssociatedAt: &old})
		}
		page.Total = &total
		if at.Offset+size < total {
			page.Next = &core.Cursor{Offset: at.Offset + size, Size: size}
		}
		return page, nil
	})
	got := 0
	report, err := core.NewReader(tagsByID{hiding}, &core.ReaderOptions[core.TagQuery]{
		Pacer: core.NewPacer(1000), Now: func() time.Time { return noon }, Witness: core.NewReader(witness, &core.ReaderOptions[core.TagQuery]{}),
	}).Read(t.Context(), core.TagQuery{}, nil, func(*core.CustomerTag) bool { got++; return true })
	if err != nil || report.Complete && got != 30 {
		t.Errorf("complete with %d customers: %+v, %v", got, report, err)
	}
}
