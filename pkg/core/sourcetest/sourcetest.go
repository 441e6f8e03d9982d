// Package sourcetest is the law that every core.Source keeps, as subtests. It
// imports testing, so only tests import it.
//
// A new Source is ready when Run passes. The suite itself is proven: its own tests hold a
// handful of deliberately broken sources against it, and each must be refused by name.
package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"partnerlens/pkg/core"
)

// World is what a cloud holds and does, for one law.
type World struct {
	Customers int           // how many there are
	FailFrom  int           // the call from which on each fails, as the cloud fails; 1 is the first, 0 none
	Odd       bool          // some customers, at most a twentieth of a page, have a value that the cloud does not document
	Hang      bool          // calls are taken and never answered
	Reached   chan struct{} // closed when a call that hangs has been taken; nil where Hang is false
}

// Planted must be in the message of the failures that a World makes: a
// customer's data in a vendor's error text, which no error of ours may repeat.
const Planted = "Zhang-Planted <planted@example.com>"

// Fact is what is true of one customer.
type Fact struct {
	ID  string
	Row map[string]string // by column name; those not named are not looked at
}

// Harness tells the suite how to reach a Source.
type Harness[Q core.Query, T core.Record] struct {
	// Open gives a Source over a new cloud. What it starts it ends with t.Cleanup.
	Open func(t testing.TB, world World) core.Source[Q, T]
	// Facts are the customers of a cloud that has n, in its order.
	Facts func(n int) []Fact
	// Query asks for everyone.
	Query Q
	// Columns are those of the records' Row.
	Columns []core.Column
	// PageSize is how many customers a page of the Source holds.
	PageSize int
	// Odd says that Open makes a World's Odd. It is false where a row has nothing but an id.
	Odd bool
}

// Run holds a Source to the law, each law a subtest.
func Run[Q core.Query, T core.Record](t *testing.T, h Harness[Q, T]) {
	for _, law := range laws[Q, T]() {
		t.Run(law.name, func(t *testing.T) {
			t.Parallel()
			if err := law.check(t, h); err != nil {
				t.Errorf("%s: %v", law.text, err)
			}
		})
	}
}

// Broken gives the names of the laws that a Source breaks.
func Broken[Q core.Query, T core.Record](t testing.TB, h Harness[Q, T]) (names []string) {
	for _, law := range laws[Q, T]() {
		if law.check(t, h) != nil {
			names = append(names, law.name)
		}
	}
	return names
}

type law[Q core.Query, T core.Record] struct {
	name  string
	text  string
	check func(testing.TB, Harness[Q, T]) error
}

func laws[Q core.Query, T core.Record]() []law[Q, T] {
	return []law[Q, T]{
		{"every-customer-once", "every customer must come once, in the cloud's order, whatever the number", everyCustomerOnce[Q, T]},
		{"pages-end", "the pages must end, each must lead on, and the last must lead nowhere", pagesEnd[Q, T]},
		{"facts-are-exact", "what a record says must be what the cloud said, to the last digit", factsAreExact[Q, T]},
		{"range-twice", "the same arguments must give the same page, as often as they are asked", rangeTwice[Q, T]},
		{"goes-on-anywhere", "another Source must go on from a cursor as if it had been there", goesOnAnywhere[Q, T]},
		{"side-by-side", "pages asked for at the same time must not disturb each other", sideBySide[Q, T]},
		{"failure-is-an-error", "a failing cloud must be an error with a code, on any page, never an empty page", failureIsAnError[Q, T]},
		{"errors-are-silent-on-data", "an error must not repeat a customer's data", errorsAreSilentOnData[Q, T]},
		{"done-is-done", "a context that is done must end a call with its own code, before and during it", doneIsDone[Q, T]},
		{"unread-is-named", "a value that cannot be read must be named in its record, and cost no other", unreadIsNamed[Q, T]},
		{"total-is-true", "where the cloud tells how many match, the page must say so", totalIsTrue[Q, T]},
	}
}

// walk reads all pages. It gives up where there are more of them than there
// can be.
func walk[Q core.Query, T core.Record](source core.Source[Q, T], query Q, from core.Cursor, customers int) ([]core.Page[T], error) {
	var pages []core.Page[T]
	at := from
	for range customers + 3 {
		page, err := source.FetchPage(context.Background(), query, at)
		if err != nil {
			return pages, err
		}
		pages = append(pages, page)
		if page.Next == nil {
			return pages, nil
		}
		if page.Next.Offset <= at.Offset {
			return pages, fmt.Errorf("page %d leads from row %d back to row %d", len(pages), at.Offset, page.Next.Offset)
		}
		at = *page.Next
	}
	return pages, fmt.Errorf("%d customers, and no end after %d pages", customers, len(pages))
}

func ids[T core.Record](pages []core.Page[T]) (ids []string) {
	for _, page := range pages {
		for _, record := range page.Items {
			ids = append(ids, record.ID())
		}
	}
	return ids
}

func wantIDs(got []string, facts []Fact) error {
	for i := range max(len(got), len(facts)) {
		switch {
		case i >= len(got):
			return fmt.Errorf("%d customers came, want %d", len(got), len(facts))
		case i >= len(facts):
			return fmt.Errorf("%d customers came, want %d; the first too many is %s", len(got), len(facts), got[i])
		case got[i] != facts[i].ID:
			return fmt.Errorf("customer %d is %s, want %s", i, got[i], facts[i].ID)
		}
	}
	return nil
}

func everyCustomerOnce[Q core.Query, T core.Record](t testing.TB, h Harness[Q, T]) error {
	for _, n := range []int{0, 1, h.PageSize - 1, h.PageSize, h.PageSize + 1, 2 * h.PageSize, 2*h.PageSize + 1} {
		pages, err := walk(h.Open(t, World{Customers: n}), h.Query, core.Cursor{}, n)
		if err != nil {
			return fmt.Errorf("of %d customers: %w", n, err)
		}
		if err := wantIDs(ids(pages), h.Facts(n)); err != nil {
			return fmt.Errorf("of %d customers: %w", n, err)
		}
	}
	return nil
}

func pagesEnd[Q core.Query, T core.Record](t testing.TB, h Harness[Q, T]) error {
	n := 2 * h.PageSize
	pages, err := walk(h.Open(t, World{Customers: n}), h.Query, core.Cursor{}, n)
	if err != nil {
		return err
	}
	for i, page := range pages[:len(pages)-1] {
		if len(page.Items) == 0 {
			return fmt.Errorf("page %d is empty and leads on", i)
		}
	}
	return nil
}

func factsAreExact[Q core.Query, T core.Record](t testing.TB, h Harness[Q, T]) error {
	n := h.PageSize
	pages, err := walk(h.Open(t, World{Customers: n}), h.Query, core.Cursor{}, n)
	if err != nil {
		return err
	}
	facts := h.Facts(n)
	i := 0
	for _, page := range pages {
		for _, record := range page.Items {
			if i >= len(facts) {
				return fmt.Errorf("more customers than %d", len(facts))
			}
			record.Evaluate("default", time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), core.Rules{})
			cells := record.Row()
			if len(cells) != len(h.Columns) {
				return fmt.Errorf("%d cells for %d columns", len(cells), len(h.Columns))
			}
			for c, column := range h.Columns {
				if want, looked := facts[i].Row[column.Name]; looked && cells[c] != want {
					return fmt.Errorf("customer %s: %s = %q, want %q", facts[i].ID, column.Name, cells[c], want)
				}
			}
			i++
		}
	}
	return wantIDs(ids(pages), facts)
}

func rangeTwice[Q core.Query, T core.Record](t testing.TB, h Harness[Q, T]) error {
	n := h.PageSize + 1
	source := h.Open(t, World{Customers: n})
	for range 2 {
		pages, err := walk(source, h.Query, core.Cursor{}, n)
		if err != nil {
			return err
		}
		if err := wantIDs(ids(pages), h.Facts(n)); err != nil {
			return err
		}
	}
	return nil
}

func goesOnAnywhere[Q core.Query, T core.Record](t testing.TB, h Harness[Q, T]) error {
	n := 3 * h.PageSize
	first, err := h.Open(t, World{Customers: n}).FetchPage(context.Background(), h.Query, core.Cursor{})
	if err != nil {
		return err
	}
	if first.Next == nil {
		return errors.New("the first of three pages leads nowhere")
	}
	pages, err := walk(h.Open(t, World{Customers: n}), h.Query, *first.Next, n)
	if err != nil {
		return err
	}
	return wantIDs(ids(pages), h.Facts(n)[len(first.Items):])
}

func sideBySide[Q core.Query, T core.Record](t testing.TB, h Harness[Q, T]) error {
	const pages = 4
	n := pages * h.PageSize
	source := h.Open(t, World{Customers: n})
	var got [pages]core.Page[T]
	var errs [pages]error
	var all sync.WaitGroup
	for i := range pages {
		all.Go(func() {
			at := core.Cursor{Offset: i * h.PageSize, Size: h.PageSize}
			got[i], errs[i] = source.FetchPage(context.Background(), h.Query, at)
		})
	}
	all.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	return wantIDs(ids(got[:]), h.Facts(n))
}

func failureIsAnError[Q core.Query, T core.Record](t testing.TB, h Harness[Q, T]) error {
	n := 2 * h.PageSize
	for failFrom := 1; failFrom <= 2; failFrom++ {
		pages, err := walk(h.Open(t, World{Customers: n, FailFrom: failFrom}), h.Query, core.Cursor{}, n)
		if err == nil {
			return fmt.Errorf("call %d failed, and %d pages came without an error", failFrom, len(pages))
		}
		if len(pages) != failFrom-1 {
			return fmt.Errorf("call %d failed, and %d pages came", failFrom, len(pages))
		}
		var coded *core.Error
		if !errors.As(err, &coded) || coded.Code == core.CodeInternal || coded.Code == "" {
			return fmt.Errorf("a failing cloud gave %T without a code that says so", err)
		}
	}
	return nil
}

func errorsAreSilentOnData[Q core.Query, T core.Record](t testing.TB, h Harness[Q, T]) error {
	_, err := h.Open(t, World{Customers: 1, FailFrom: 1}).FetchPage(context.Background(), h.Query, core.Cursor{})
	if err == nil {
		return errors.New("no error")
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		for _, text := range []string{e.Error(), fmt.Sprintf("%+v", e), fmt.Sprintf("%#v", e)} {
			for _, planted := range strings.Fields(Planted) {
				if strings.Contains(text, planted) {
					return fmt.Errorf("the error's text holds %q", planted)
				}
			}
		}
	}
	return nil
}

func unreadIsNamed[Q core.Query, T core.Record](t testing.TB, h Harness[Q, T]) error {
	if !h.Odd {
		return nil
	}
	n := 4 * h.PageSize
	for _, odd := range []bool{false, true} {
		pages, err := walk(h.Open(t, World{Customers: n, Odd: odd}), h.Query, core.Cursor{}, n)
		if err != nil {
			return err
		}
		if err := wantIDs(ids(pages), h.Facts(n)); err != nil {
			return err
		}
		named := 0
		for _, page := range pages {
			for _, record := range page.Items {
				named += len(record.UnreadMembers())
			}
		}
		if (named > 0) != odd {
			return fmt.Errorf("%d members are named, with values that cannot be read: %t", named, odd)
		}
	}
	return nil
}

// prompt is how soon a call must be back once its context is done, with room
// for a busy machine: what is aimed at is 10 ms, and make bench measures it.
const prompt = 2 * time.Second

func doneIsDone[Q core.Query, T core.Record](t testing.TB, h Harness[Q, T]) error {
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := h.Open(t, World{Customers: 1}).FetchPage(canceled, h.Query, core.Cursor{}); core.CodeOf(err) != core.CodeCanceled {
		return fmt.Errorf("canceled before: code %q, want %q", core.CodeOf(err), core.CodeCanceled)
	}

	world := World{Customers: 1, Hang: true, Reached: make(chan struct{})}
	source := h.Open(t, world)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	failed := make(chan error, 1)
	go func() {
		_, err := source.FetchPage(ctx, h.Query, core.Cursor{})
		failed <- err
	}()
	select {
	case <-world.Reached:
	case err := <-failed:
		return fmt.Errorf("a hanging cloud was not waited for: %w", err)
	}
	cancel()
	select {
	case err := <-failed:
		if core.CodeOf(err) != core.CodeCanceled {
			return fmt.Errorf("canceled during: code %q, want %q", core.CodeOf(err), core.CodeCanceled)
		}
	case <-time.After(prompt):
		return fmt.Errorf("not back %v after its context was canceled", prompt)
	}
	return nil
}

func totalIsTrue[Q core.Query, T core.Record](t testing.TB, h Harness[Q, T]) error {
	n := h.PageSize + 1
	pages, err := walk(h.Open(t, World{Customers: n}), h.Query, core.Cursor{}, n)
	if err != nil {
		return err
	}
	for i, page := range pages {
		if page.Total != nil && *page.Total != n {
			return fmt.Errorf("page %d says %d customers match, want %d", i, *page.Total, n)
		}
	}
	return nil
}
