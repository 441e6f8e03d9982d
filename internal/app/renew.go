package app

import (
	"context"
	"sync"
	"time"

	"partnerlens/pkg/core"
)

// Renewing is a Source over the one that open gives, asking open again where the
// cloud refuses the key as stale: a key that is rotated in the middle of a read
// loses no page. open is asked from WhileSame, which gives the same Source while
// its settings stay the same.
func Renewing[Q core.Query, T core.Record, S interface {
	comparable
	core.Source[Q, T]
}](open func() (S, error)) (core.Source[Q, T], error) {
	source, err := open()
	if err != nil {
		return nil, err
	}
	return &renewing[Q, T, S]{open: open, source: source}, nil
}

type renewing[Q core.Query, T core.Record, S interface {
	comparable
	core.Source[Q, T]
}] struct {
	open func() (S, error)

	mu      sync.Mutex
	source  S
	renewed time.Time
}

func (r *renewing[Q, T, S]) FetchPage(ctx context.Context, query Q, at core.Cursor) (core.Page[T], error) {
	r.mu.Lock()
	source := r.source
	r.mu.Unlock()
	return source.FetchPage(ctx, query, at)
}

// Renew keeps core.Renewer's rules. Pages that are under way side by side find
// that one of them has renewed the key already.
func (r *renewing[Q, T, S]) Renew(_ context.Context, since time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.renewed.After(since) {
		return true
	}
	fresh, err := r.open()
	if err != nil || fresh == r.source {
		return false
	}
	r.source, r.renewed = fresh, time.Now()
	return true
}
