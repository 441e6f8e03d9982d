package secrets

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"partnerlens/pkg/core"
)

// shelf is a store whose secrets, failures and slowness are set by the test.
type shelf struct {
	mu    sync.Mutex
	texts map[string]string
	err   error
	slow  time.Duration
	reads atomic.Int32
}

func (s *shelf) get(ctx context.Context, ref Reference) (core.Secret, error) {
	s.reads.Add(1)
	s.mu.Lock()
	slow, err, text := s.slow, s.err, s.texts[ref.Name]
	s.mu.Unlock()
	select {
	case <-time.After(slow):
	case <-ctx.Done():
		return core.Secret{}, core.AsError(ctx.Err())
	}
	if err != nil {
		return core.Secret{}, err
	}
	return core.NewSecret(text), nil
}

func (s *shelf) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

var twoOfOne = map[string]string{"id": "aws-sm:partner#id", "key": "aws-sm:partner#key", "zone": "+08:00"}

func newShelf() (*shelf, *Cache, *strings.Builder) {
	s := &shelf{texts: map[string]string{"partner": `{"id":"A","key":"` + planted + `"}`}}
	log := new(strings.Builder)
	return s, NewCache(Options{
		KeepFor: 4 * time.Minute, Stores: map[string]Store{schemeAWSSecrets: s.get},
		Logger: slog.New(slog.NewJSONHandler(log, nil)),
	}), log
}

func resolve(t *testing.T, k *Cache) string {
	t.Helper()
	got, err := k.Resolve(t.Context(), twoOfOne)
	if err != nil {
		t.Fatal(err)
	}
	return got["id"] + " " + got["key"] + " " + got["zone"]
}

func TestOneFetchForAllMembers(t *testing.T) {
	t.Parallel()
	s, k, _ := newShelf()
	if got, want := resolve(t, k), "A "+planted+" +08:00"; got != want {
		t.Errorf("resolved %q", got)
	}
	resolve(t, k)
	if n := s.reads.Load(); n != 1 {
		t.Errorf("%d reads, want 1", n)
	}
}

func TestManyCallersOneFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, k, _ := newShelf()
		s.slow = time.Second
		var under sync.WaitGroup
		for range 20 {
			under.Go(func() { resolve(t, k) })
		}
		under.Wait()
		if n := s.reads.Load(); n != 1 {
			t.Errorf("%d reads, want 1", n)
		}
	})
}

// A secret is read again while no caller waits.
func TestRefreshedInTheBackground(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, k, _ := newShelf()
		resolve(t, k)
		s.set(func() { s.texts["partner"], s.slow = `{"id":"B","key":"k"}`, 2*time.Second })
		time.Sleep(3*time.Minute + time.Second)
		start := time.Now()
		if got := resolve(t, k); got[:1] != "A" || time.Since(start) != 0 {
			t.Errorf("%q after %v", got, time.Since(start))
		}
		time.Sleep(3 * time.Second)
		if got := resolve(t, k); got[:1] != "B" || s.reads.Load() != 2 {
			t.Errorf("%q after %d reads", got, s.reads.Load())
		}
	})
}

// A secret that is too old is read before it is used.
func TestTooOldIsReadFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, k, _ := newShelf()
		resolve(t, k)
		s.set(func() { s.texts["partner"] = `{"id":"B","key":"k"}` })
		time.Sleep(time.Hour)
		if got := resolve(t, k); got[:1] != "B" {
			t.Errorf("%q", got)
		}
	})
}

// A function that holds a value does not wait for a store that is down, and does not
// call it each time.
func TestStoreDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, k, log := newShelf()
		resolve(t, k)
		s.set(func() { s.err = &core.Error{Code: core.CodeUnavailable} })
		time.Sleep(time.Hour)
		for range 50 {
			if got := resolve(t, k); got[:1] != "A" {
				t.Fatalf("%q", got)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := s.reads.Load(); n > 2 {
			t.Errorf("a store that is down was called %d times in 5 s", n-1)
		}
		if !strings.Contains(log.String(), "aws-sm:partner") || strings.Contains(log.String(), planted) {
			t.Errorf("the log says %s", log)
		}
		s.set(func() { s.err, s.texts["partner"] = nil, `{"id":"B","key":"k"}` })
		time.Sleep(time.Minute)
		if got := resolve(t, k); got[:1] != "B" {
			t.Errorf("once it is up again: %q", got)
		}
	})
}

// With a cached value, callers wait for a store that hangs at most patience; without one,
// as long as a fetch may take.
func TestStoreHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, k, _ := newShelf()
		resolve(t, k)
		s.set(func() { s.slow = time.Hour })
		time.Sleep(time.Hour)
		start := time.Now()
		if got := resolve(t, k); got[:1] != "A" || time.Since(start) > patience {
			t.Errorf("%q after %v", got, time.Since(start))
		}
		_, none, _ := newShelf()
		none.stores[schemeAWSSecrets] = s.get
		start = time.Now()
		if _, err := none.Resolve(t.Context(), twoOfOne); core.CodeOf(err) != core.CodeDeadline || time.Since(start) > fetchTimeout {
			t.Errorf("with an empty cache: %v after %v", err, time.Since(start))
		}
		time.Sleep(time.Hour)
	})
}

// A panic in a vendor's SDK is a failure of the store.
func TestStorePanics(t *testing.T) {
	t.Parallel()
	k := NewCache(Options{Stores: map[string]Store{schemeAWSSecrets: func(context.Context, Reference) (core.Secret, error) { panic(planted) }}})
	if _, err := k.Resolve(t.Context(), twoOfOne); core.CodeOf(err) != core.CodeInternal || strings.Contains(fmt.Sprintf("%+v", err), planted) {
		t.Errorf("Resolve = %v", err)
	}
}

func TestRenew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, k, _ := newShelf()
		resolve(t, k)
		time.Sleep(10 * time.Second)
		s.set(func() { s.texts["partner"] = `{"id":"B","key":"k"}` })
		var under sync.WaitGroup
		for range 16 { // concurrent pages find the same key refused
			under.Go(func() { k.Renew(t.Context(), twoOfOne) })
		}
		under.Wait()
		if got := resolve(t, k); got[:1] != "B" || s.reads.Load() != 2 {
			t.Errorf("%q after %d reads", got, s.reads.Load())
		}
		k.Renew(t.Context(), twoOfOne)
		if s.reads.Load() != 2 {
			t.Error("a secret was read again within a second")
		}
		s.set(func() { s.err = &core.Error{Code: core.CodeUnavailable} })
		time.Sleep(5 * time.Second)
		k.Renew(t.Context(), twoOfOne)
		if got := resolve(t, k); got[:1] != "B" {
			t.Errorf("after a renewal that failed: %q", got)
		}
	})
}

// Every setting that cannot be resolved is named, and no value.
func TestAllErrorsAtOnce(t *testing.T) {
	t.Parallel()
	k := NewCache(Options{Getenv: func(string) string { return "" }})
	_, err := k.Resolve(t.Context(), map[string]string{
		"A": "env:NOT_SET", "B": "file:/no/such/file", "C": "aws-sm:partner#", "D": "fine",
	})
	if core.CodeOf(err) != core.CodeMisconfigured || !strings.Contains(err.Error(), "C: ") {
		t.Errorf("written wrongly: %v", err)
	}
	_, err = k.Resolve(t.Context(), map[string]string{"A": "env:NOT_SET", "B": "file:/no/such/file", "D": "fine"})
	for _, want := range []string{"A: env:NOT_SET: the variable is not set", "B: file:/no/such/file: there is no such file"} {
		if core.CodeOf(err) != core.CodeMisconfigured || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q in it", err, want)
		}
	}
	s, k, _ := newShelf()
	s.texts["partner"] = planted
	_, err = k.Resolve(t.Context(), twoOfOne)
	if shown := fmt.Sprintf("%v %+v %#v", err, err, err); err == nil || strings.Contains(shown, planted) {
		t.Errorf("%s", shown)
	}
}
