package core_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"partnerlens/pkg/core"
)

var (
	worlds    = flag.Int("worlds", 1500, "how many random worlds each source is read in")
	worldSeed = flag.Uint64("worldseed", 0, "the one world to read; 0: many")
)

// world is a partner's customers while they are read: they come and go between
// two calls, and the vendor lists them in an order that it does not keep.
type world struct {
	seed uint64
	r    *rand.Rand
	mu   sync.Mutex

	rows       []resident
	came       int
	calls      int
	throughout map[string]bool // by id, of those with a record

	disorder  string // see place
	width     int    // rows that trade places
	pageMax   int    // the server gives no longer pages
	totalOff  int    // what the totals are off by
	churn     float64
	quietFrom int // the call from which on nothing moves
	swaps     bool
	timeless  bool    // the vendor does not say when customers came
	breaks    float64 // share of the first calls that fail

	witness  string // "none", "kept", "refused", "unstable", "blind"
	rowless  float64
	unlisted float64 // share of customers that the witness does not name
}

// resident is one customer.
type resident struct {
	id       string
	joined   time.Time
	rowless  bool // has no record in the list that is read
	unlisted bool // is not named by the witness
}

var worldBegan = time.Date(2026, 11, 28, 6, 0, 0, 0, time.UTC)

func newWorld(seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 1))
	w := &world{
		seed: seed, r: r, throughout: make(map[string]bool),
		disorder: pick(r, "stable", "stable", "ties", "groups", "all", "fixed", "window"),
		width:    2 + r.IntN(12),
		pageMax:  pick(r, 10, 10, 20, 40),
		churn:    pick(r, 0, 0, 0.05, 0.2, 0.6), quietFrom: pick(r, 5, 20, 60, 1000), swaps: r.IntN(2) == 0,
		totalOff: pick(r, 0, 0, 0, 0, 1, -1, 3, -7),
		witness:  pick(r, "kept", "kept", "unstable", "refused", "none", "blind"),
		rowless:  pick(r, 0, 0, 0, 0.1, 0.5),
	}
	w.timeless = r.IntN(4) == 0
	if w.witness == "blind" {
		w.unlisted = 0.2
	}
	for range pick(r, 0, 1, 2, 9, 10, 11, 30, r.IntN(80), r.IntN(80)) {
		w.join(worldBegan.Add(-time.Hour * time.Duration(1000-w.came/pick(r, 1, 4, 9))))
	}
	for _, c := range w.rows {
		w.throughout[c.id] = !c.rowless
	}
	return w
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func (w *world) join(at time.Time) {
	c := resident{id: fmt.Sprintf("%03d", w.came), joined: at, rowless: w.r.Float64() < w.rowless, unlisted: w.r.Float64() < w.unlisted}
	w.came++
	w.rows = slices.Insert(w.rows, w.r.IntN(len(w.rows)+1), c)
}

func (w *world) leave() {
	if len(w.rows) > 0 {
		i := w.r.IntN(len(w.rows))
		delete(w.throughout, w.rows[i].id)
		w.rows = slices.Delete(w.rows, i, i+1)
	}
}

// move is what happens between two calls.
func (w *world) move() {
	if w.calls++; w.calls >= w.quietFrom {
		return
	}
	if w.r.Float64() < w.churn {
		joins, leaves := w.r.IntN(2), w.r.IntN(3)
		if w.swaps {
			leaves = joins
		}
		for range joins {
			w.join(worldBegan.Add(time.Second))
		}
		for range leaves {
			w.leave()
		}
	}
}

// place puts rows in the order in which one call finds them.
func (w *world) place(rows []resident, offset, limit int, tied func(a, b resident) bool) {
	shuffle := func(r *rand.Rand, part []resident) {
		r.Shuffle(len(part), func(i, j int) { part[i], part[j] = part[j], part[i] })
	}
	switch w.disorder {
	case "ties":
		for start := 0; start < len(rows); {
			end := start + 1
			for end < len(rows) && tied(rows[start], rows[end]) {
				end++
			}
			shuffle(w.r, rows[start:end])
			start = end
		}
	case "groups":
		for start := 0; start < len(rows); start += w.width {
			shuffle(w.r, rows[start:min(start+w.width, len(rows))])
		}
	case "all":
		shuffle(w.r, rows)
	case "fixed": // the same at the same call
		r := rand.New(rand.NewPCG(w.seed+uint64(offset), uint64(limit)))
		for start := 0; start < len(rows); start += w.width {
			shuffle(r, rows[start:min(start+w.width, len(rows))])
		}
	case "window":
		at := min(10, len(rows))
		shuffle(w.r, rows[max(0, at-w.width/2):min(at+w.width/2, len(rows))])
	}
}

func (w *world) total(n int) *int {
	n = max(0, n+w.totalOff)
	return &n
}

// creditSide is the world as a list by number with a total.
type creditSide struct{ *world }

func (w creditSide) FetchPage(ctx context.Context, q core.CreditQuery, at core.Cursor) (page core.Page[*core.CustomerCredit], _ error) {
	if err := ctx.Err(); err != nil {
		return page, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.move()
	if w.calls < 60 && w.r.Float64() < w.breaks {
		return page, &core.Error{Code: core.CodeUpstream}
	}
	asked := cmp.Or(at.Size, 20)
	size := min(asked, w.pageMax)
	rows := slices.Clone(w.rows)
	order := func(a, b resident) int { return a.joined.Compare(b.joined) }
	if q.Order == core.OrderDescending {
		order = func(a, b resident) int { return b.joined.Compare(a.joined) }
	}
	slices.SortStableFunc(rows, func(a, b resident) int { return cmp.Or(order(a, b), strings.Compare(a.id, b.id)) })
	number := at.Offset / asked
	w.place(rows, number, size, func(a, b resident) bool { return order(a, b) == 0 })
	start := min(number*size, len(rows))
	end := min(start+size, len(rows))
	for _, c := range rows[start:end] {
		no := false
		row := &core.CustomerCredit{CustomerID: c.id, Forced: &no}
		if !w.timeless {
			row.AssociatedAt = &c.joined
		}
		page.Items = append(page.Items, row)
	}
	page.Total = w.total(len(rows))
	switch got := end - start; {
	case got == 0 || start+got >= *page.Total:
	case number == 0 && got < asked:
		page.Next = &core.Cursor{Offset: got, Size: got}
	default:
		page.Next = &core.Cursor{Offset: (number + 1) * asked, Size: asked}
	}
	if asked == size {
		page.Items = page.Items[min(at.Offset%size, len(page.Items)):]
	}
	return page, nil
}

// tagSide is the world as a list by row without a total.
type tagSide struct{ *world }

func (w tagSide) FetchPage(ctx context.Context, q core.TagQuery, at core.Cursor) (page core.Page[*core.CustomerTag], _ error) {
	if err := ctx.Err(); err != nil {
		return page, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.move()
	if w.calls < 60 && w.r.Float64() < w.breaks {
		return page, &core.Error{Code: core.CodeUpstream}
	}
	size := min(cmp.Or(at.Size, 20), w.pageMax)
	rows := slices.DeleteFunc(slices.Clone(w.rows), func(c resident) bool {
		return c.rowless || q.CustomerIDs != nil && !slices.Contains(q.CustomerIDs, c.id)
	})
	w.place(rows, at.Offset, size, func(a, b resident) bool { return a.joined.Equal(b.joined) })
	end := min(at.Offset+size, len(rows))
	for _, c := range rows[min(at.Offset, end):end] {
		page.Items = append(page.Items, &core.CustomerTag{CustomerID: c.id})
	}
	if len(page.Items) > 0 {
		page.Next = &core.Cursor{Offset: end, Size: size}
	}
	return page, nil
}

// memberSide is the world as the second list of its customers.
type memberSide struct{ *world }

func (w memberSide) FetchPage(ctx context.Context, q core.TagQuery, at core.Cursor) (page core.Page[*core.Member], _ error) {
	if err := ctx.Err(); err != nil {
		return page, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.move()
	if w.witness == "refused" {
		return page, &core.Error{Code: core.CodeDenied}
	}
	size := min(cmp.Or(at.Size, 20), w.pageMax)
	rows := slices.DeleteFunc(slices.Clone(w.rows), func(c resident) bool {
		return c.unlisted || q.CustomerIDs != nil && !slices.Contains(q.CustomerIDs, c.id)
	})
	slices.SortFunc(rows, func(a, b resident) int { return strings.Compare(a.id, b.id) })
	if w.witness == "unstable" {
		w.place(rows, at.Offset, size, func(a, b resident) bool { return a.joined.Equal(b.joined) })
	}
	end := min(at.Offset+size, len(rows))
	for _, c := range rows[min(at.Offset, end):end] {
		member := &core.Member{MemberID: c.id}
		if !w.timeless {
			member.AssociatedAt = &c.joined
		}
		page.Items = append(page.Items, member)
	}
	if page.Total = w.total(len(rows)); len(page.Items) >= size || len(page.Items) > 0 && end < *page.Total {
		page.Next = &core.Cursor{Offset: end, Size: at.Size}
	}
	return page, nil
}

// worldRead is how a world is read: in one answer, or in several, each from a
// Reader of its own.
type worldRead struct {
	parts int  // records an answer; 0: all
	known bool // the caller keeps what it got, and says so
	order core.Order

	breaks float64 // share of the first calls of the list that fail, where the next answer continues
}

// readWorld reads and returns what is wrong with it, and how it ended.
func readWorld[Q core.Query, T core.Record](ctx context.Context, w *world, source core.Source[Q, T], query Q, how worldRead, opts core.ReaderOptions[Q]) (wrong string, last core.Report) {
	var got []string
	mayRepeat := false
	opts.Now = func() time.Time { return worldBegan }
	var o core.ReadOptions
	for answers := 0; ; answers++ {
		if answers > 200 {
			return "no end after 200 answers", last
		}
		if o.Limit = how.parts; how.known && o.Cursor != "" {
			keys := slices.Clone(got)
			o.Known = func(yield func(string, error) bool) {
				for _, key := range keys {
					if !yield(key, nil) {
						return
					}
				}
			}
		}
		before := len(got)
		report, err := core.NewReader(source, &opts).Read(ctx, query, &o, func(record T) bool {
			got = append(got, record.Key())
			return true
		})
		if core.CodeOf(err) == core.CodeUpstream && how.breaks > 0 {
			continue // it got nothing: the same again
		}
		if err != nil {
			return err.Error(), last
		}
		if report.Count != len(got)-before {
			return fmt.Sprintf("count is %d of %d", report.Count, len(got)-before), report
		}
		for _, warning := range report.Warnings {
			mayRepeat = mayRepeat || warning.Code == core.WarnPlaceLost || warning.Code == core.WarnEarlierDoubt
		}
		if last = report; report.Next == nil {
			break
		}
		o.Cursor = *report.Next
	}
	unique := slices.Compact(slices.Sorted(slices.Values(got)))
	if len(unique) != len(got) && (w.disorder == "stable" || how.known) && !mayRepeat {
		return fmt.Sprintf("%d of %d came twice", len(got)-len(unique), len(got)), last
	}
	if !last.Complete {
		if last.Stopped == nil && len(last.Warnings) == 0 {
			return "incomplete, and nothing says why", last
		}
		return "", last
	}
	if len(unique) != len(got) {
		return fmt.Sprintf("complete, and %d of %d came twice", len(got)-len(unique), len(got)), last
	}
	// Where the list and its witness both hide a customer, nothing can show it.
	hidden := slices.DeleteFunc(slices.Clone(w.rows), func(c resident) bool { return !c.unlisted || slices.Contains(got, c.id) })
	for id, there := range w.throughout {
		if slices.ContainsFunc(hidden, func(c resident) bool { return c.id == id }) && !slices.ContainsFunc(w.rows, func(c resident) bool { return c.unlisted && slices.Contains(got, c.id) }) {
			continue
		}
		if there && !slices.Contains(got, id) {
			return fmt.Sprintf("complete, and %s, which was there throughout, is missing from %d", id, len(got)), last
		}
	}
	return "", last
}

// TestNoWrongComplete reads random worlds: rows in no stable order, customers
// that join, leave and swap, totals that are off, a witness that is missing,
// unstable or blind. An answer marked complete must hold every customer that
// was there throughout. The flag worlds says how many; a seed is printed.
func TestNoWrongComplete(t *testing.T) {
	t.Parallel()
	base := uint64(time.Now().UnixNano())
	sides := map[string]func(context.Context, *world, worldRead) (string, core.Report){
		"credit": func(ctx context.Context, w *world, how worldRead) (string, core.Report) {
			return readWorld(ctx, w, creditSide{w}, core.CreditQuery{Order: how.order}, how, core.ReaderOptions[core.CreditQuery]{})
		},
		"tags": func(ctx context.Context, w *world, how worldRead) (string, core.Report) {
			opts := core.ReaderOptions[core.TagQuery]{}
			if w.witness != "none" {
				opts.Witness = core.NewReader(memberSide{w}, &core.ReaderOptions[core.TagQuery]{})
			}
			return readWorld(ctx, w, tagSide{w}, core.TagQuery{}, how, opts)
		},
	}
	for name, side := range sides {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			ended := make(map[string][2]int) // by what makes a world hard: complete, all
			const workers = 8
			var all sync.WaitGroup
			for worker := range uint64(workers) {
				all.Go(func() {
					synctest.Test(t, func(t *testing.T) { // waits between attempts take no time
						for n := range *worlds / workers {
							seed := base + worker*1_000_000 + uint64(n)
							if *worldSeed != 0 && n+int(worker) > 0 {
								return
							}
							seed = cmp.Or(*worldSeed, seed)
							w := newWorld(seed)
							how := worldRead{
								parts: pick(w.r, 0, 0, 0, 0, 7, 20), known: w.r.IntN(2) == 0,
								order:  pick(w.r, core.OrderAscending, core.OrderAscending, core.OrderAscending, core.OrderDescending),
								breaks: pick(w.r, 0, 0, 0, 0.1, 0.3),
							}
							w.breaks = how.breaks
							wrong, last := side(t.Context(), w, how)
							if wrong != "" {
								t.Errorf("seed %d: %s; %+v; order %s, width %d, pages of %d, churn %v until %d, swaps %t, timeless %t, totals off by %d, witness %s, rowless %v; %+v",
									seed, wrong, how, w.disorder, w.width, w.pageMax, w.churn, w.quietFrom, w.swaps, w.timeless, w.totalOff, w.witness, w.rowless, last)
								return
							}
							mu.Lock()
							for _, what := range []string{"order " + w.disorder, fmt.Sprintf("timeless %t", w.timeless), fmt.Sprintf("churn %v", w.churn), "witness " + w.witness, fmt.Sprintf("parts %d known %t", how.parts, how.known), fmt.Sprintf("breaks %v", how.breaks), fmt.Sprintf("totals off %d", w.totalOff), fmt.Sprintf("rowless %v", w.rowless)} {
								was := ended[what]
								if was[1]++; last.Complete {
									was[0]++
								}
								ended[what] = was
							}
							mu.Unlock()
						}
					})
				})
			}
			all.Wait()
			var kinds []string
			for what, n := range ended {
				kinds = append(kinds, fmt.Sprintf("%s: %d of %d complete", what, n[0], n[1]))
			}
			slices.Sort(kinds)
			t.Logf("seed %d\n%s", base, strings.Join(kinds, "\n"))
		})
	}
}
