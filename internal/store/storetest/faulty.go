// Package storetest has a store.Store for tests that fails on demand.
package storetest

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"

	"partnerlens/internal/store"
)

// Faulty returns a Store that passes operations on to s, except those that refuse fails.
//
// refuse is called once before each operation, with its name and its number, from 1. The
// operations are Get, Put, PutNew, Delete, and List at each of its steps: before each
// object and before the end. If refuse returns nil, the operation goes ahead. Otherwise
// it has no effect, write is not called, and the error is returned as it is, unless Done
// made it.
//
// The Store is safe for concurrent use; calls of refuse do not overlap.
func Faulty(s store.Store, refuse func(op string, n int) error) store.Store {
	return &faulty{store: s, refuse: refuse}
}

// Done wraps an error that is returned after the operation has taken effect, as if its
// answer got lost. The body of a Get ends with the error instead of io.EOF; a List yields
// its object, then the error. If the operation itself fails, its own error is returned.
func Done(err error) error { return done{err} }

type done struct{ error }

type faulty struct {
	store  store.Store
	mu     sync.Mutex
	n      int
	refuse func(op string, n int) error
}

// check calls refuse and returns its error by when to return it: before or after the
// operation.
func (f *faulty) check(op string) (before, after error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	err := f.refuse(op, f.n)
	if d, ok := errors.AsType[done](err); ok {
		return nil, d.error
	}
	return err, nil
}

func (f *faulty) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	before, after := f.check("Get")
	if before != nil {
		return nil, before
	}
	from, err := f.store.Get(ctx, name)
	if err != nil || after == nil {
		return from, err
	}
	return breaksOff{from, after}, nil
}

type breaksOff struct {
	io.ReadCloser
	err error
}

func (b breaksOff) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		err = b.err
	}
	return n, err
}

func (f *faulty) Put(ctx context.Context, name string, write func(w io.Writer) error) error {
	return f.plain("Put", func() error { return f.store.Put(ctx, name, write) })
}

func (f *faulty) PutNew(ctx context.Context, name string, body []byte) error {
	return f.plain("PutNew", func() error { return f.store.PutNew(ctx, name, body) })
}

func (f *faulty) Delete(ctx context.Context, name string) error {
	return f.plain("Delete", func() error { return f.store.Delete(ctx, name) })
}

func (f *faulty) plain(op string, do func() error) error {
	before, after := f.check(op)
	if before != nil {
		return before
	}
	if err := do(); err != nil {
		return err
	}
	return after
}

func (f *faulty) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for object, err := range f.store.List(ctx, prefix) {
			if err != nil {
				yield(object, err)
				return
			}
			before, after := f.check("List")
			if before != nil {
				yield(store.Object{}, before)
				return
			}
			if !yield(object, nil) {
				return
			}
			if after != nil {
				yield(store.Object{}, after)
				return
			}
		}
		if before, after := f.check("List"); before != nil || after != nil {
			yield(store.Object{}, errors.Join(before, after))
		}
	}
}
