package core

import (
	"cmp"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestForgedCursorsAreRefused: a cursor's sum is no signature, so that anyone
// can make one. What no read can have produced could make an answer claim more
// than was read, or cost calls.
func TestForgedCursorsAreRefused(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	fingerprint := []byte("fingerprint")
	total := func(n int) *int { return &n }
	good := Cursor{Offset: 200, Size: 100, Skip: 37, Anchor: "reseller/customer", Began: now.Unix(), Unique: 237, Sum: 1 << 60, Total: total(500)}
	for name, test := range map[string]struct {
		forge func(*Cursor)
		ok    bool
	}{
		"as it was":                   {func(*Cursor) {}, true},
		"rows that moved up":          {func(c *Cursor) { c.Offset, c.Unique = 100, 237 }, true},
		"an empty list's":             {func(c *Cursor) { *c = Cursor{Began: now.Unix()} }, true},
		"among ids":                   {func(c *Cursor) { *c = Cursor{Began: now.Unix(), Scope: "ids 3", Skip: 150} }, true},
		"another machine's clock":     {func(c *Cursor) { c.Began = now.Add(4 * time.Minute).Unix() }, true},
		"begun in the future":         {func(c *Cursor) { c.Began = now.Add(time.Hour).Unix() }, false},
		"begun never":                 {func(c *Cursor) { c.Began = 0 }, false},
		"pages of one":                {func(c *Cursor) { c.Size = 1 }, false},
		"pages of a million":          {func(c *Cursor) { c.Size = 1_000_000 }, false},
		"a negative page":             {func(c *Cursor) { c.Size = -100 }, false},
		"a negative row":              {func(c *Cursor) { c.Offset = -1 }, false},
		"a row beyond any list":       {func(c *Cursor) { c.Offset = 1 << 31 }, false},
		"more of a page than a page":  {func(c *Cursor) { c.Skip = 5000 }, false},
		"nothing of a page":           {func(c *Cursor) { c.Skip = 0 }, false},
		"a negative total":            {func(c *Cursor) { c.Total = total(-1) }, false},
		"a total beyond any":          {func(c *Cursor) { c.Total = total(1 << 31) }, false},
		"customers without the last":  {func(c *Cursor) { c.Anchor = "" }, false},
		"the last without customers":  {func(c *Cursor) { c.Unique = 0 }, false},
		"everyone read, and no place": {func(c *Cursor) { *c = Cursor{Began: now.Unix(), Unique: 500, Total: total(500)} }, false},
		"late customers":              {func(c *Cursor) { c.Late = true }, true},
		"late ones of an empty list":  {func(c *Cursor) { *c = Cursor{Began: now.Unix(), Unique: 5, Sum: 7, Late: true} }, true},
		"late ones and no customers":  {func(c *Cursor) { *c = Cursor{Began: now.Unix(), Late: true} }, false},
		"late ones and a page":        {func(c *Cursor) { c.Anchor, c.Late = "", true }, false},
		"an id longer than any":       {func(c *Cursor) { c.Anchor = strings.Repeat("x", 200) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := good
			test.forge(&c)
			got, err := decodeCursor(c.encode(fingerprint), fingerprint, now)
			if test.ok && (err != nil || got.encode(fingerprint) != c.encode(fingerprint)) {
				t.Errorf("refused, or read as %+v: %v", got, err)
			}
			if e := AsError(err); !test.ok && (e == nil || e.Code != CodeInvalid || e.Param != "cursor") {
				t.Errorf("taken as %+v, %v", got, err)
			}
		})
	}
}

// TestCursorsOfAnotherScopeAreRefused: a place in a list is none among ids, and
// the reverse.
func TestCursorsOfAnotherScopeAreRefused(t *testing.T) {
	t.Parallel()
	source := sourceFunc(func(context.Context, Cursor) (Page[*CustomerTag], error) {
		return Page[*CustomerTag]{}, nil
	})
	reader := NewReader(source, &ReaderOptions[TagQuery]{Scopes: func(_ context.Context, q TagQuery) ([]Scope[TagQuery], error) {
		return TagScopes(q, nil), nil
	}})
	began := time.Now().Unix()
	for name, test := range map[string]struct {
		query TagQuery
		from  Cursor
	}{
		"a customer among ids":     {TagQuery{CustomerIDs: []string{"a", "b"}}, Cursor{Scope: "ids 0", Began: began, Skip: 1, Anchor: "a", Unique: 1}},
		"late customers among ids": {TagQuery{CustomerIDs: []string{"a", "b"}}, Cursor{Scope: "ids 0", Began: began, Unique: 1, Late: true}},
		"behind all ids":           {TagQuery{CustomerIDs: []string{"a", "b"}}, Cursor{Scope: "ids 0", Began: began, Skip: 2}},
		"a row without customers":  {TagQuery{}, Cursor{Scope: "reseller ", Began: began, Skip: 7}},
	} {
		fingerprint, err := reader.fingerprint(test.query)
		if err != nil {
			t.Fatal(err)
		}
		_, err = reader.Read(t.Context(), test.query, &ReadOptions{Cursor: test.from.encode(fingerprint)}, func(*CustomerTag) bool { return true })
		if e := AsError(err); e == nil || e.Code != CodeInvalid || e.Param != "cursor" {
			t.Errorf("%s: %v, want that the cursor is refused", name, err)
		}
	}
}

// TestNoTimeToProveLateCustomers: where only the proof is left and there is no
// time for it, the answer says so and has no cursor that would lead to the same.
func TestNoTimeToProveLateCustomers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := sourceFunc(func(ctx context.Context, at Cursor) (Page[*CustomerTag], error) {
			if at.Offset > 0 {
				<-ctx.Done()
				return Page[*CustomerTag]{}, ctx.Err()
			}
			return Page[*CustomerTag]{Items: []*CustomerTag{{CustomerID: "a"}, {CustomerID: "b"}}, Next: &Cursor{Offset: 2, Size: 10}}, nil
		})
		reader := NewReader(source, &ReaderOptions[TagQuery]{})
		fingerprint, err := reader.fingerprint(TagQuery{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		from := Cursor{Began: time.Now().Unix(), Unique: 3, Skip: 2, Anchor: "b", Late: true}
		report, err := reader.Read(ctx, TagQuery{}, &ReadOptions{Cursor: from.encode(fingerprint)}, func(c *CustomerTag) bool {
			t.Errorf("customer %s came again", c.CustomerID)
			return true
		})
		if err != nil || report.Complete || report.Next != nil || report.Stopped == nil || *report.Stopped != StoppedDeadline {
			t.Errorf("%v, %+v; want that it stopped at the deadline, without a cursor", err, report)
		}
	})
}

// TestLateCustomersAreHeldToAnOrder: the pass behind such a cursor is the first
// of its answer, and rows of later ones that stand otherwise are out of order.
func TestLateCustomersAreHeldToAnOrder(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		later    []string // in the passes after the first
		complete bool
	}{
		"as they stood":       {[]string{"a", "b", "c"}, true},
		"two rows are turned": {[]string{"b", "a", "c"}, false},
	} {
		passes := 0
		source := sourceFunc(func(_ context.Context, at Cursor) (page Page[*CustomerTag], _ error) {
			if at.Offset == 0 {
				passes++
			}
			rows := []string{"a", "b", "c"}
			if passes > 1 {
				rows = test.later
			}
			size := cmp.Or(at.Size, 10)
			for _, id := range rows[min(at.Offset, 3):min(at.Offset+size, 3)] {
				page.Items = append(page.Items, &CustomerTag{CustomerID: id})
				page.Next = &Cursor{Offset: at.Offset + len(page.Items), Size: size}
			}
			return page, nil
		})
		reader := NewReader(source, &ReaderOptions[TagQuery]{})
		fingerprint, err := reader.fingerprint(TagQuery{})
		if err != nil {
			t.Fatal(err)
		}
		from := Cursor{Began: time.Now().Unix(), Unique: 3, Sum: keySum("a") + keySum("b") + keySum("c"), Skip: 2, Anchor: "b", Late: true}
		report, err := reader.Read(t.Context(), TagQuery{}, &ReadOptions{Cursor: from.encode(fingerprint)}, func(*CustomerTag) bool { return true })
		if err != nil || report.Complete != test.complete || report.Count != 0 {
			t.Errorf("%s: %v, %+v; want complete %t", name, err, report, test.complete)
		}
	}
}
