// Package sourcetest is the conformance suite of core.Source: a Source is ready
// when Run passes. Its own tests run it over broken Sources, each of which must
// fail a certain rule.
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

// World is the state of a vendor for one rule.
type World struct {
	Customers int           // their number
	FailFrom  int           // the first call that fails, from 1, as do all after it; 0: none
	Odd       bool          // some customers, at most a twentieth of a page, have a value that is not documented
	Hang      bool          // calls are accepted and never answered
	Reached   chan struct{} // closed when a call hangs; nil if Hang is false
}

// Planted is a customer's data in the vendor's message of a World's failures. No
// error of a Source may repeat it.
const Planted = "Zhang-Planted <planted@example.com>"

// Fact is the truth about one customer.
type Fact struct {
	ID  string
	Row map[string]string // by column name; other columns are not checked
}

// Harness connects the suite to a Source.
type Harness[Q core.Query, T core.Record] struct {
	// Open returns a Source over a new vendor, which ends with t.Cleanup.
	Open func(t testing.TB, world World) core.Source[Q, T]
	// Facts returns the customers of a vendor with n of them, in its order.
	Facts func(n int) []Fact
	// Query asks for all customers.
	Query Q
	// Columns are those of the records' Row.
	Columns []core.Column
	// PageSize is how many customers a page of the Source holds. A Source of an API
	// without pages, which makes them of one answer, holds all where a Cursor has no Size.
	PageSize int
	// Odd reports that Open supports World.Odd, which a row of an id alone cannot.
	Odd bool
}

// Run checks a Source, each rule in a subtest.
func Run[Q core.Query, T core.Record](t *testing.T, h Harness[Q, T]) {
	for _, rule := range rules[Q, T]() {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			if err := rule.check(t, h); err != nil {
				t.Errorf("%s: %v", rule.text, err)
			}
		})
	}
}

// Broken returns the names of the rules that a Source breaks.
func Broken[Q core.Query, T core.Record](t testing.TB, h Harness[Q, T]) (names []string) {
	for _, rule := range rules[Q, T]() {
		if rule.check(t, h) != nil {
			names = append(names, rule.name)
		}
	}
	return names
}

type rule[Q core.Query, T core.Record] struct {
	name  string
	text  string
	check func(testing.TB, Harness[Q, T]) error
}

func rules[Q core.Query, T core.Record]() []rule[Q, T] {
	return []rule[Q, T]{
		{"every-customer-once", "every customer must come once, in the vendor's order, whatever the number", everyCustomerOnce[Q, T]},
		{"pages-end", "the pages must end, each must lead on, and the last must lead nowhere", pagesEnd[Q, T]},
		{"facts-are-exact", "a record must have the vendor's values, to the last digit", factsAreExact[Q, T]},
		{"range-twice", "the same arguments must return the same page every time", rangeTwice[Q, T]},
		{"continues-anywhere", "another Source must continue from a cursor", continuesAnywhere[Q, T]},
		{"side-by-side", "pages requested at the same time must not disturb each other", sideBySide[Q, T]},
		{"failure-is-an-error", "a failing vendor must be an error with a code, on any page, never an empty page", failureIsAnError[Q, T]},
		{"errors-hide-data", "an error must not repeat a customer's data", errorsHideData[Q, T]},
		{"done-is-done", "a context that is done must end a call with its own code, before and during the call", doneIsDone[Q, T]},
		{"unread-is-named", "a value that cannot be read must be named in its record, and affect no other", unreadIsNamed[Q, T]},
		{"total-is-true", "if the vendor counts the customers, the page must have the count", totalIsTrue[Q, T]},
	}
}

// walk reads all pages. It fails if there are too many.
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

// read reads all pages of a Source over a new world.
func (h Harness[Q, T]) read(t testing.TB, world World) ([]core.Page[T], error) {
	return walk(h.Open(t, world), h.Query, core.Cursor{}, world.Customers)
}

// readExactly is read, which fails unless the customers are the world's.
func (h Harness[Q, T]) readExactly(t testing.TB, world World) ([]core.Page[T], error) {
	pages, err := h.read(t, world)
	if err == nil {
		err = wantIDs(ids(pages), h.Facts(world.Customers))
	}
	return pages, err
}

func everyCustomerOnce[Q core.Query, T core.Record](t testing.TB, h Harness[Q, T]) error {
	for _, n := range []int{0, 1, h.PageSize - 1, h.PageSize, h.PageSize + 1, 2 * h.PageSize, 2*h.PageSize + 1} {
		if _, err := h.readExactly(t, World{Customers: n}); err != nil {
			return fmt.Errorf("of %d customers: %w", n, err)
		}
	}
	return nil
}

func pagesEnd[Q core.Query, T core.Record](t testing.TB, h Harness[Q, T]) error {
	pages, err := h.read(t, World{Customers: 2 * h.PageSize})
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
	pages, err := h.readExactly(t, World{Customers: h.PageSize})
	if err != nil {
		return err
	}
	facts := h.Facts(h.PageSize)
	i := 0
	for _, page := range pages {
		for _, record := range page.Items {
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
	return nil
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

func continuesAnywhere[Q core.Query, T core.Record](t testing.TB, h Harness[Q, T]) error {
	n := 3 * h.PageSize
	first, err := h.Open(t, World{Customers: n}).FetchPage(context.Background(), h.Query, core.Cursor{Size: h.PageSize})
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
	for failFrom := 1; failFrom <= 2; failFrom++ {
		world := World{Customers: 2 * h.PageSize, FailFrom: failFrom}
		pages, err := walk(h.Open(t, world), h.Query, core.Cursor{Size: h.PageSize}, world.Customers)
		if err == nil {
			return fmt.Errorf("call %d failed, and %d pages came without an error", failFrom, len(pages))
		}
		if len(pages) != failFrom-1 {
			return fmt.Errorf("call %d failed, and %d pages came", failFrom, len(pages))
		}
		var coded *core.Error
		if !errors.As(err, &coded) || coded.Code == core.CodeInternal || coded.Code == "" {
			return fmt.Errorf("a failing vendor returned %T without a code that says so", err)
		}
	}
	return nil
}

func errorsHideData[Q core.Query, T core.Record](t testing.TB, h Harness[Q, T]) error {
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
	for _, odd := range []bool{false, true} {
		pages, err := h.readExactly(t, World{Customers: 4 * h.PageSize, Odd: odd})
		if err != nil {
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

// prompt is how soon a call must return once its context is done. The aim is
// 10 ms, which make bench measures; the rest is for a busy machine.
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
		return fmt.Errorf("the call did not wait for a hanging vendor: %w", err)
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
	pages, err := h.read(t, World{Customers: n})
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
