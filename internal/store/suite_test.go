package store_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"partnerlens/internal/store"
	"partnerlens/internal/store/storetest"
	"partnerlens/pkg/core"
)

// shelf is a Store in memory that tests can break. It validates names with a Store in a
// folder.
type shelf struct {
	names   store.Store
	mu      sync.Mutex
	objects map[string]object
}

type object struct {
	body []byte
	at   time.Time
}

func newShelf(t *testing.T) *shelf {
	names, err := store.Open("file://"+t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &shelf{names: names, objects: map[string]object{}}
}

func (s *shelf) check(ctx context.Context, name string) error {
	if _, err := s.names.Get(ctx, name); core.CodeOf(err) != core.CodeNotFound {
		return err
	}
	return nil
}

func (s *shelf) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := s.check(ctx, name); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.objects[name]
	if !ok {
		return nil, &core.Error{Op: "shelf.Get", Code: core.CodeNotFound}
	}
	return io.NopCloser(&reader{ctx, bytes.NewReader(found.body)}), nil
}

// reader and writer end with their context.
type reader struct {
	ctx  context.Context
	from io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, &core.Error{Op: "shelf.Get", Code: core.CodeCanceled}
	}
	return r.from.Read(p)
}

func (s *shelf) Put(ctx context.Context, name string, write func(w io.Writer) error) error {
	if err := s.check(ctx, name); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return &core.Error{Op: "shelf.Put", Code: core.CodeCanceled}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[name] = object{b.Bytes(), time.Now()}
	return nil
}

func (s *shelf) PutNew(ctx context.Context, name string, body []byte) error {
	if err := s.check(ctx, name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.objects[name]; ok {
		return store.ErrExists
	}
	s.objects[name] = object{bytes.Clone(body), time.Now()}
	return nil
}

func (s *shelf) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for _, err := range s.names.List(ctx, prefix) { // which has none
			yield(store.Object{}, err)
			return
		}
		s.mu.Lock()
		objects := maps.Clone(s.objects)
		s.mu.Unlock()
		for _, name := range slices.Sorted(maps.Keys(objects)) {
			if !strings.HasPrefix(name, prefix) {
				continue
			}
			if ctx.Err() != nil {
				yield(store.Object{}, &core.Error{Op: "shelf.List", Code: core.CodeCanceled})
				return
			}
			if !yield(store.Object{Name: name, Size: int64(len(objects[name].body)), Modified: objects[name].at}, nil) {
				return
			}
		}
	}
}

func (s *shelf) Delete(ctx context.Context, name string) error {
	if err := s.check(ctx, name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, name)
	return nil
}

func TestMemoryStoreConforms(t *testing.T) {
	t.Parallel()
	conforms(t, func(t *testing.T) store.Store { return newShelf(t) })
}

func TestFaultyConforms(t *testing.T) {
	t.Parallel()
	conforms(t, func(t *testing.T) store.Store {
		return storetest.Faulty(newShelf(t).names, func(string, int) error { return nil })
	})
}

// broken is a shelf with some of its methods replaced.
type broken struct {
	*shelf
	get    func(context.Context, string) (io.ReadCloser, error)
	put    func(context.Context, string, func(io.Writer) error) error
	putNew func(context.Context, string, []byte) error
	list   func(context.Context, string) iter.Seq2[store.Object, error]
	delete func(context.Context, string) error
}

func (b *broken) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	return b.get(ctx, name)
}
func (b *broken) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	return b.put(ctx, name, write)
}
func (b *broken) PutNew(ctx context.Context, name string, body []byte) error {
	return b.putNew(ctx, name, body)
}
func (b *broken) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return b.list(ctx, prefix)
}
func (b *broken) Delete(ctx context.Context, name string) error { return b.delete(ctx, name) }

// partly stores what is written at once, before write has returned.
type partly struct {
	*shelf
	ctx  context.Context
	name string
}

func (p *partly) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.objects[p.name] = object{append(slices.Clone(p.objects[p.name].body), b...), time.Now()}
	return len(b), nil
}

func TestSuiteRejectsBrokenStores(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, rule string // that it violates
		breakIt    func(b *broken)
	}{
		{"loses the last byte", "round-trip", func(b *broken) {
			b.get = func(ctx context.Context, name string) (io.ReadCloser, error) {
				from, err := b.shelf.Get(ctx, name)
				if err != nil {
					return nil, err
				}
				defer from.Close()
				all, err := io.ReadAll(from)
				return io.NopCloser(bytes.NewReader(all[:max(len(all)-1, 0)])), err
			}
		}},
		{"appends", "round-trip", func(b *broken) {
			b.put = func(ctx context.Context, name string, write func(io.Writer) error) error {
				return b.shelf.Put(ctx, name, func(w io.Writer) error {
					w.Write(b.objects[name].body)
					return write(w)
				})
			}
		}},
		{"writes again where it failed", "failed-write-stores-nothing", func(b *broken) {
			b.put = func(ctx context.Context, name string, write func(io.Writer) error) error {
				if err := b.shelf.Put(ctx, name, write); err == nil || b.check(ctx, name) != nil {
					return err
				}
				return b.shelf.Put(ctx, name, func(w io.Writer) error { write(w); return nil })
			}
		}},
		{"writes twice", "write-once", func(b *broken) {
			b.put = func(ctx context.Context, name string, write func(io.Writer) error) error {
				return cmp.Or(b.shelf.Put(ctx, name, write), b.shelf.Put(ctx, name, write))
			}
		}},
		{"keeps the body that it was given", "write-once", func(b *broken) {
			b.putNew = func(ctx context.Context, name string, body []byte) error {
				err := b.shelf.PutNew(ctx, name, body)
				if err == nil {
					b.objects[name] = object{body, time.Now()}
				}
				return err
			}
		}},
		{"writes in place", "overwrite-is-atomic", func(b *broken) {
			b.put = func(ctx context.Context, name string, write func(io.Writer) error) error {
				if err := b.check(ctx, name); err != nil {
					return err
				}
				b.mu.Lock()
				b.objects[name] = object{nil, time.Now()}
				b.mu.Unlock()
				return write(&partly{b.shelf, ctx, name})
			}
		}},
		{"lets drafts be seen", "overwrite-is-atomic", func(b *broken) {
			b.put = func(ctx context.Context, name string, write func(io.Writer) error) error {
				draft := ".draft"
				b.shelf.Put(ctx, draft, func(io.Writer) error { return nil })
				defer b.shelf.Delete(ctx, draft)
				return b.shelf.Put(ctx, name, write)
			}
		}},
		{"stores what failed", "failed-write-stores-nothing", func(b *broken) {
			b.put = func(ctx context.Context, name string, write func(io.Writer) error) error {
				var failed error
				return cmp.Or(b.shelf.Put(ctx, name, func(w io.Writer) error { failed = write(w); return nil }), failed)
			}
		}},
		{"stores what panicked", "failed-write-stores-nothing", func(b *broken) {
			b.put = func(ctx context.Context, name string, write func(io.Writer) error) error {
				var copied bytes.Buffer
				defer func() {
					if p := recover(); p != nil {
						b.shelf.Put(ctx, name, func(w io.Writer) error { _, err := w.Write(copied.Bytes()); return err })
						panic(p)
					}
				}()
				return b.shelf.Put(ctx, name, func(w io.Writer) error { return write(io.MultiWriter(w, &copied)) })
			}
		}},
		{"swallows the writer's error", "failed-write-stores-nothing", func(b *broken) {
			b.put = func(ctx context.Context, name string, write func(io.Writer) error) error {
				if err := b.shelf.Put(ctx, name, write); err != nil && b.check(ctx, name) != nil {
					return err
				}
				return nil
			}
		}},
		{"does not see that ctx is done while it writes", "ended-context", func(b *broken) {
			b.put = func(ctx context.Context, name string, write func(io.Writer) error) error {
				if err := b.check(ctx, name); err != nil {
					return err
				}
				return b.shelf.Put(context.WithoutCancel(ctx), name, write)
			}
		}},
		{"does not see that ctx is done while it is read", "ended-context", func(b *broken) {
			b.get = func(ctx context.Context, name string) (io.ReadCloser, error) {
				if err := b.check(ctx, name); err != nil {
					return nil, err
				}
				return b.shelf.Get(context.WithoutCancel(ctx), name)
			}
		}},
		{"ends a canceled list as if it were whole", "ended-context", func(b *broken) {
			b.list = func(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
				return func(yield func(store.Object, error) bool) {
					started := false
					for object, err := range b.shelf.List(ctx, prefix) {
						if started && err != nil || !yield(object, err) {
							return
						}
						started = true
					}
				}
			}
		}},
		{"returns a foreign error", "not-found", func(b *broken) {
			b.get = func(ctx context.Context, name string) (io.ReadCloser, error) {
				from, err := b.shelf.Get(ctx, name)
				if core.CodeOf(err) == core.CodeNotFound {
					return nil, errors.New("404")
				}
				return from, err
			}
		}},
		{"gives an empty object for none", "not-found", func(b *broken) {
			b.get = func(ctx context.Context, name string) (io.ReadCloser, error) {
				from, err := b.shelf.Get(ctx, name)
				if core.CodeOf(err) == core.CodeNotFound {
					return io.NopCloser(strings.NewReader("")), nil
				}
				return from, err
			}
		}},
		{"looks, and then puts", "put-new-wins-once", func(b *broken) {
			var looked atomic.Int32
			two := make(chan struct{})
			b.putNew = func(ctx context.Context, name string, body []byte) error {
				from, err := b.shelf.Get(ctx, name)
				if err == nil {
					from.Close()
					return store.ErrExists
				}
				if core.CodeOf(err) != core.CodeNotFound {
					return err
				}
				if strings.HasPrefix(name, "new/race-") { // two look before either puts
					switch looked.Add(1) {
					case 1:
						<-two
					case 2:
						close(two)
					}
				}
				return b.shelf.Put(ctx, name, func(w io.Writer) error { _, err := w.Write(body); return err })
			}
		}},
		{"overwrites", "put-new-wins-once", func(b *broken) {
			b.putNew = func(ctx context.Context, name string, body []byte) error {
				return b.shelf.Put(ctx, name, func(w io.Writer) error { _, err := w.Write(body); return err })
			}
		}},
		{"stops at a thousand", "list-many", func(b *broken) {
			b.list = func(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
				return func(yield func(store.Object, error) bool) {
					n := 0
					for object, err := range b.shelf.List(ctx, prefix) {
						if n++; n > 1000 || !yield(object, err) {
							return
						}
					}
				}
			}
		}},
		{"lists folder by folder", "list-in-order", func(b *broken) {
			b.list = func(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
				return func(yield func(store.Object, error) bool) {
					var all []store.Object
					for object, err := range b.shelf.List(ctx, prefix) {
						if err != nil {
							yield(object, err)
							return
						}
						all = append(all, object)
					}
					slices.SortFunc(all, func(x, y store.Object) int {
						return slices.Compare(strings.Split(x.Name, "/"), strings.Split(y.Name, "/"))
					})
					for _, object := range all {
						if !yield(object, nil) {
							return
						}
					}
				}
			}
		}},
		{"takes a prefix for a folder", "list-in-order", func(b *broken) {
			b.list = func(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
				if prefix != "" && !strings.HasSuffix(prefix, "/") && b.check(ctx, prefix) == nil {
					prefix += "/"
				}
				return b.shelf.List(ctx, prefix)
			}
		}},
		{"lists once", "list-in-order", func(b *broken) {
			b.list = func(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
				spent := false
				return func(yield func(store.Object, error) bool) {
					if !spent {
						spent = true
						b.shelf.List(ctx, prefix)(yield)
					}
				}
			}
		}},
		{"takes any name", "names-are-refused", func(b *broken) {
			b.delete = func(ctx context.Context, name string) error {
				if err := b.shelf.Delete(ctx, name); core.CodeOf(err) != core.CodeInvalid {
					return err
				}
				return nil
			}
		}},
		{"complains of deleting nothing", "delete-twice", func(b *broken) {
			b.delete = func(ctx context.Context, name string) error {
				from, err := b.shelf.Get(ctx, name)
				if err != nil {
					return err
				}
				from.Close()
				return b.shelf.Delete(ctx, name)
			}
		}},
		{"deletes a folder", "delete-twice", func(b *broken) {
			b.delete = func(ctx context.Context, name string) error {
				if err := b.shelf.Delete(ctx, name); err != nil {
					return err
				}
				b.mu.Lock()
				defer b.mu.Unlock()
				maps.DeleteFunc(b.objects, func(other string, _ object) bool { return strings.HasPrefix(other, name+"/") })
				return nil
			}
		}},
		{"shares one draft", "side-by-side", func(b *broken) {
			var mu sync.Mutex
			var draft bytes.Buffer
			b.put = func(ctx context.Context, name string, write func(io.Writer) error) error {
				mu.Lock()
				draft.Reset()
				mu.Unlock()
				err := b.shelf.Put(ctx, name, func(io.Writer) error {
					return write(writerFunc(func(p []byte) (int, error) {
						mu.Lock()
						defer mu.Unlock()
						return draft.Write(p)
					}))
				})
				b.mu.Lock()
				defer b.mu.Unlock()
				if err == nil {
					mu.Lock()
					b.objects[name] = object{bytes.Clone(draft.Bytes()), time.Now()}
					mu.Unlock()
				}
				return err
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := violation(t, test.rule, func(t *testing.T) store.Store {
				s := newShelf(t)
				b := &broken{s, s.Get, s.Put, s.PutNew, s.List, s.Delete}
				test.breakIt(b)
				return b
			})
			if err == nil {
				t.Errorf("%s accepts it", test.rule)
			}
		})
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
