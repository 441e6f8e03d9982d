package core

import (
	"context"
	"testing"
)

// TestRefusalsHalveTheLookahead: a vendor that refuses calls gets fewer at once.
func TestRefusalsHalveTheLookahead(t *testing.T) {
	t.Parallel()
	source := sourceFunc(func(context.Context, Cursor) (Page[*CustomerTag], error) { return Page[*CustomerTag]{}, nil })
	var retry retryBudget
	p := NewReader(source, nil).prefetch(t.Context(), TagQuery{}, Cursor{}, &retry)
	defer p.close()
	for range 10 {
		p.continueAt(Cursor{}, forecast{})
	}
	if p.ahead != aheadUnknown {
		t.Fatalf("%d ahead, want that it has grown to %d", p.ahead, aheadUnknown)
	}
	for want := aheadUnknown / 2; want >= 1; want /= 2 {
		retry.throttled.Add(1)
		if p.continueAt(Cursor{}, forecast{}); p.ahead != want {
			t.Errorf("%d ahead after a refusal, want %d", p.ahead, want)
		}
	}
}
