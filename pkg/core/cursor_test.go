package core

import (
	"context"
	"strings"
	"testing"
	"time"
)

// TestForgedCursorsAreRefused: a cursor's sum is no signature, so that anyone
// can make one. What no read can have produced could make an answer claim more
// than was read, or cost calls.
func TestForgedCursorsAreRefused(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	print := []byte("fingerprint")
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
		"an id longer than any":       {func(c *Cursor) { c.Anchor = strings.Repeat("x", 200) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := good
			test.forge(&c)
			got, err := decodeCursor(c.encode(print), print, now)
			if test.ok && (err != nil || got.encode(print) != c.encode(print)) {
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
		"a customer among ids":    {TagQuery{CustomerIDs: []string{"a", "b"}}, Cursor{Scope: "ids 0", Began: began, Skip: 1, Anchor: "a", Unique: 1}},
		"behind all ids":          {TagQuery{CustomerIDs: []string{"a", "b"}}, Cursor{Scope: "ids 0", Began: began, Skip: 2}},
		"a row without customers": {TagQuery{}, Cursor{Scope: "reseller ", Began: began, Skip: 7}},
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
