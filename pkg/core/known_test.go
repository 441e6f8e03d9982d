package core_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"partnerlens/pkg/core"
)

// readKnown reads a query in two answers, the first of so many records, the second with
// the customers of the first.
func readKnown[Q core.Query, T core.Record](t *testing.T, reader *core.Reader[Q, T], query Q, first int) (got []string, last core.Report) {
	t.Helper()
	keep := func(record T) bool { got = append(got, record.Key()); return true }
	report, err := reader.Read(t.Context(), query, &core.ReadOptions{Limit: first}, keep)
	if err != nil || report.Next == nil {
		t.Fatalf("%+v, %v", report, err)
	}
	known := slices.Clone(got)
	last, err = reader.Read(t.Context(), query, &core.ReadOptions{Cursor: *report.Next, Known: func(yield func(string, error) bool) {
		for _, key := range known {
			if !yield(key, nil) {
				return
			}
		}
	}}, keep)
	if err != nil {
		t.Fatal(err)
	}
	return got, last
}

// tagRows are the rows of a list of tags, of a reseller's customers, at a call for a page.
type tagRows func(reseller string, at core.Cursor) []string

func (rows tagRows) FetchPage(_ context.Context, q core.TagQuery, at core.Cursor) (page core.Page[*core.CustomerTag], _ error) {
	all := rows(q.ResellerID, at)
	end := min(at.Offset+10, len(all))
	for _, id := range all[min(at.Offset, end):end] {
		tag := &core.CustomerTag{CustomerID: id}
		if q.ResellerID != "" {
			tag.ResellerID = &q.ResellerID
		}
		page.Items = append(page.Items, tag)
	}
	if end < len(all) {
		page.Next = &core.Cursor{Offset: end, Size: 10}
	}
	return page, nil
}

// Rows that trade places show in the passes over the whole list, where the first pass had
// the rest alone.
func TestDisorderAmongKnownCustomers(t *testing.T) {
	t.Parallel()
	passes := 0
	ids := wantKeys("", 45)
	rows := tagRows(func(_ string, at core.Cursor) []string {
		if at.Offset == 0 {
			passes++
		}
		if passes < 3 {
			return ids
		}
		other := slices.Clone(ids)
		other[3], other[4] = other[4], other[3]
		return other
	})
	got, last := readKnown(t, core.NewReader(rows, &core.ReaderOptions[core.TagQuery]{Pacer: core.NewPacer(1000)}), core.TagQuery{}, 30)
	if len(got) != 45 || last.Complete || last.Warnings[0].Code != core.WarnOrderUnstable {
		t.Errorf("%d customers in %d passes, %+v", len(got), passes, last)
	}
}

// memberRows is the second list of the same customers.
type memberRows tagRows

func (rows memberRows) FetchPage(_ context.Context, q core.TagQuery, at core.Cursor) (page core.Page[*core.Member], _ error) {
	all := rows(q.ResellerID, at)
	for _, id := range all[min(at.Offset, len(all)):] {
		page.Items = append(page.Items, &core.Member{MemberID: id, ResellerID: q.ResellerID})
	}
	total := len(all)
	page.Total = &total
	return page, nil
}

// Known customers of another reseller are not of the list that is read.
func TestKnownCustomersOfOtherScopes(t *testing.T) {
	t.Parallel()
	rows := tagRows(func(reseller string, _ core.Cursor) (ids []string) {
		for _, id := range wantKeys("", 25) {
			ids = append(ids, reseller+id)
		}
		return ids
	})
	got, last := readKnown(t, core.NewReader(rows, &core.ReaderOptions[core.TagQuery]{
		Witness: core.NewReader(memberRows(rows), &core.ReaderOptions[core.TagQuery]{}),
		Scopes: func(_ context.Context, q core.TagQuery) ([]core.Scope[core.TagQuery], error) {
			return core.TagScopes(q, []string{"r1", "r2"}), nil
		},
	}), core.TagQuery{ResellerID: core.AllResellers}, 35)
	if len(got) < 50 || !last.Complete || len(last.Warnings) > 0 {
		t.Errorf("%d customers, %+v", len(got), last)
	}
}

// Meeting known customers again where an answer continues is no disorder.
func TestKnownCustomersAreNoDisorder(t *testing.T) {
	t.Parallel()
	for _, first := range []int{11, 15, 19, 20, 21} {
		t.Run(fmt.Sprint(first), func(t *testing.T) {
			t.Parallel()
			s := &scripted{size: 10, orders: func(int) []int { return upTo(45) }, total: func(_, rows int) int { return rows + 2 }}
			got, last := readKnown(t, core.NewReader(s, &core.ReaderOptions[core.CreditQuery]{}), core.CreditQuery{}, first)
			if len(got) != 45 || last.Complete || last.Warnings[0].Code != core.WarnTotalMismatch {
				t.Errorf("%d customers, %+v", len(got), last)
			}
		})
	}
}

// A second list whose rows trade places, of customers whose time of association is not
// known, proves the first: customers that a pass over it missed are asked for by id.
func TestWitnessThatTradesPlaces(t *testing.T) {
	t.Parallel()
	const seeds = 20
	proven := 0
	for seed := range uint64(seeds) {
		rows := func(kind uint64) tagRows {
			return func(_ string, at core.Cursor) []string {
				ids := wantKeys("", 150)
				r := rand.New(rand.NewPCG(seed, kind<<32|uint64(at.Offset)<<16|uint64(at.Size)))
				for from := 0; from < len(ids); from += 30 {
					r.Shuffle(30, func(i, j int) { ids[from+i], ids[from+j] = ids[from+j], ids[from+i] })
				}
				return ids
			}
		}
		reader := core.NewReader(tagsByID{rows(1)}, &core.ReaderOptions[core.TagQuery]{
			Pacer: core.NewPacer(1000), Witness: core.NewReader(memberPages(rows(2)), &core.ReaderOptions[core.TagQuery]{}),
		})
		report, err := reader.Read(t.Context(), core.TagQuery{}, nil, func(*core.CustomerTag) bool { return true })
		if err != nil || report.Count != 150 {
			t.Errorf("seed %d: %+v, %v", seed, report, err)
		}
		if report.Complete {
			proven++
		}
	}
	if proven < seeds {
		t.Errorf("%d of %d are proven", proven, seeds)
	}
}

// tagsByID answers by id as well.
type tagsByID struct{ tagRows }

func (rows tagsByID) FetchPage(ctx context.Context, q core.TagQuery, at core.Cursor) (page core.Page[*core.CustomerTag], _ error) {
	if q.CustomerIDs == nil {
		return rows.tagRows.FetchPage(ctx, q, at)
	}
	for _, id := range q.CustomerIDs[min(at.Offset, len(q.CustomerIDs)):] {
		page.Items = append(page.Items, &core.CustomerTag{CustomerID: id})
	}
	return page, nil
}

// memberPages is the second list, ten rows a page.
type memberPages tagRows

func (rows memberPages) FetchPage(_ context.Context, q core.TagQuery, at core.Cursor) (page core.Page[*core.Member], _ error) {
	all, size := rows(q.ResellerID, at), 40
	if at.Size > 0 {
		size = at.Size
	}
	end := min(at.Offset+size, len(all))
	for _, id := range all[min(at.Offset, end):end] {
		page.Items = append(page.Items, &core.Member{MemberID: id})
	}
	total := len(all)
	page.Total = &total
	if end < total {
		page.Next = &core.Cursor{Offset: end, Size: size}
	}
	return page, nil
}
