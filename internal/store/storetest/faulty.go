package storetest

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"

	"partnerlens/internal/store"
)

// Faulty gives a Store that is the one under it, save where refuse says otherwise.
//
// refuse is asked once before each operation, with its name and its number; the first
// is 1, whichever it is. The operations are Get, Put, PutNew, Delete, and List at each of its
// steps: before each object and before the end. nil lets it through. Any other error
// refuses it: nothing is done, write is not called, and the error is returned as it is.
// Lost and Done refuse it in other ways.
//
// It is safe for concurrent use; refuse is asked by one goroutine at a time.
func Faulty(s store.Store, refuse func(op string, n int) error) store.Store {
	return &faulty{store: s, refuse: refuse}
}

// Done makes of an error for Faulty one that is reported after the operation has
// taken effect, as where its answer got lost. The body of a Get then ends with the
// error, after all of it, in place of io.EOF, and a List has its object, and then the
// error. An operation that fails by itself reports that.
func Done(err error) error { return refusal{err, true} }

// Lost makes of an error for Faulty one that a Put reports after write has written
// everything, of which nothing is stored. Other operations are just refused.
func Lost(err error) error { return refusal{err, false} }

type refusal struct {
	error
	done bool
}

func (r refusal) Unwrap() error { return r.error }

type faulty struct {
	store  store.Store
	mu     sync.Mutex
	n      int
	refuse func(op string, n int) error
}

// ask gives the error to report and how: at once, after write, or when it is done.
func (f *faulty) ask(op string) (now, lost, done error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	err := f.refuse(op, f.n)
	r, is := errors.AsType[refusal](err)
	switch {
	case !is:
		return err, nil, nil
	case r.done:
		return nil, nil, r.error
	case op == "Put":
		return nil, r.error, nil
	default:
		return r.error, nil, nil
	}
}

func (f *faulty) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	now, _, done := f.ask("Get")
	if now != nil {
		return nil, now
	}
	from, err := f.store.Get(ctx, name)
	if err != nil || done == nil {
		return from, err
	}
	return breaksOff{from, done}, nil
}

type breaksOff struct {
	io.ReadCloser
	err error
}

func (b breaksOff) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		err = b.err
	}
	return n, err
}

func (f *faulty) Put(ctx context.Context, name string, write func(w io.Writer) error) error {
	now, lost, done := f.ask("Put")
	if now != nil {
		return now
	}
	err := f.store.Put(ctx, name, func(w io.Writer) error {
		if err := write(w); err != nil {
			return err
		}
		return lost
	})
	if err == nil {
		err = done
	}
	return err
}

func (f *faulty) PutNew(ctx context.Context, name string, body []byte) error {
	return f.plain("PutNew", func() error { return f.store.PutNew(ctx, name, body) })
}

func (f *faulty) Delete(ctx context.Context, name string) error {
	return f.plain("Delete", func() error { return f.store.Delete(ctx, name) })
}

func (f *faulty) plain(op string, do func() error) error {
	now, _, done := f.ask(op)
	if now != nil {
		return now
	}
	if err := do(); err != nil {
		return err
	}
	return done
}

func (f *faulty) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for object, err := range f.store.List(ctx, prefix) {
			if err != nil {
				yield(object, err)
				return
			}
			now, _, done := f.ask("List")
			if now != nil {
				yield(store.Object{}, now)
				return
			}
			if !yield(object, nil) {
				return
			}
			if done != nil {
				yield(store.Object{}, done)
				return
			}
		}
		if now, _, done := f.ask("List"); now != nil || done != nil {
			yield(store.Object{}, errors.Join(now, done))
		}
	}
}
