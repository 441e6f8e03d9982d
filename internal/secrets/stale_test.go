package secrets

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"partnerlens/pkg/core"
)

// guarding returns a Cache of secrets that authenticate callers.
func guarding() (*shelf, *Cache) {
	s, k, _ := newShelf()
	k.opts.StaleFor = time.Hour
	return s, k
}

func (s *shelf) change(slow time.Duration) {
	s.set(func() { s.texts["partner"], s.slow = `{"id":"B","key":"k"}`, slow })
}

// A caller whose key was removed is not authenticated while the store is slow, nor
// because the previous fetch ended while the function was frozen.
func TestStaleIsNotRelied(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T, *shelf, *Cache){
		"the store is slower than patience": func(_ *testing.T, s *shelf, _ *Cache) {
			s.change(800 * time.Millisecond)
			time.Sleep(5 * time.Minute)
		},
		"the previous fetch has ended": func(t *testing.T, s *shelf, k *Cache) {
			time.Sleep(4*time.Minute - 2*time.Second)
			s.change(time.Hour)
			resolve(t, k)
			time.Sleep(fetchTimeout + time.Second)
			s.change(0)
		},
		"the previous fetch is ending": func(t *testing.T, s *shelf, k *Cache) {
			time.Sleep(4*time.Minute - 2*time.Second)
			s.change(time.Hour)
			resolve(t, k)
			time.Sleep(3 * time.Second)
			s.change(0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, k := guarding()
				resolve(t, k)
				test(t, s, k)
				if got := resolve(t, k); got[:1] != "B" {
					t.Errorf("%q", got)
				}
			})
		})
	}
}

// While a platform keeps a function frozen its monotonic clock may stand still:
// ages are measured by the wall clock.
func TestAgesGoByTheWallClock(t *testing.T) {
	t.Parallel()
	if at := now(); at != at.Round(0) {
		t.Errorf("now() = %v, with a reading of the monotonic clock", at)
	}
}

// A fetch that a freeze interrupts brings a secret as old as the freeze is long.
func TestFetchThatWasFrozenIsNotReliedOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, k := guarding()
		resolve(t, k)
		thawed := make(chan struct{})
		k.stores[schemeAWSSecrets] = func(ctx context.Context, ref Reference) (core.Secret, error) {
			secret, err := s.get(ctx, ref)
			<-thawed // the answer is on its way
			return secret, err
		}
		time.Sleep(4*time.Minute - time.Second)
		resolve(t, k) // begins a fetch and does not wait for it
		synctest.Wait()
		s.change(0)
		time.Sleep(10 * time.Minute)
		go func() {
			time.Sleep(time.Millisecond)
			close(thawed)
		}()
		if got := resolve(t, k); got[:1] != "B" {
			t.Errorf("%q", got)
		}
	})
}

func TestStaleWhereTheStoreFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, k := guarding()
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
		s.set(func() { s.slow = time.Hour })
		time.Sleep(time.Minute)
		start := time.Now()
		if got := resolve(t, k); got[:1] != "A" || time.Since(start) != fetchTimeout {
			t.Errorf("of a store that hangs %q, after %v", got, time.Since(start))
		}
		time.Sleep(4 * time.Minute)
		for range 3 {
			if _, err := k.Resolve(t.Context(), twoOfOne); core.CodeOf(err) != core.CodeDeadline {
				t.Errorf("over an hour too old: %v", err)
			}
		}

		// That there is no such secret any more is an answer.
		s, k = guarding()
		resolve(t, k)
		time.Sleep(5 * time.Minute)
		s.set(func() { s.err = broken("there is no such secret") })
		if _, err := k.Resolve(t.Context(), twoOfOne); core.CodeOf(err) != core.CodeMisconfigured {
			t.Errorf("a secret that is gone: %v", err)
		}
	})
}

// A fetch that began before a key was rotated may bring the old one.
func TestRenewReliesOnNoFetchUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, k, _ := newShelf()
		var marked []bool
		k.stores[schemeAWSSecrets] = func(ctx context.Context, ref Reference) (core.Secret, error) {
			marked = append(marked, isRefused(ctx))
			return s.getAsOfNow(ctx, ref)
		}
		resolve(t, k)
		s.set(func() { s.slow = 300 * time.Millisecond })
		time.Sleep(3*time.Minute + time.Second)
		resolve(t, k)
		time.Sleep(50 * time.Millisecond)
		s.change(300 * time.Millisecond)
		k.Renew(t.Context(), twoOfOne)
		if got := resolve(t, k); got[:1] != "B" || len(marked) != 3 || !marked[2] {
			t.Errorf("%q after fetches %v", got, marked)
		}
	})
}

// getAsOfNow is get, except that it reads the secret before it waits.
func (s *shelf) getAsOfNow(ctx context.Context, ref Reference) (core.Secret, error) {
	s.mu.Lock()
	text, slow := s.texts[ref.Name], s.slow
	s.mu.Unlock()
	s.reads.Add(1)
	select {
	case <-time.After(slow):
		return core.NewSecret(text), nil
	case <-ctx.Done():
		return core.Secret{}, ctx.Err()
	}
}

// What fails with a key that came with a request fails for that request alone.
func TestRequestsKeyFailsAlone(t *testing.T) {
	t.Parallel()
	settings := map[string]string{"keys": "huawei-csms:partner"}
	with := func(t *testing.T, ak string) context.Context {
		return WithHuaweiKey(t.Context(), HuaweiKey{AK: ak, SK: core.NewSecret("x")})
	}
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int32
		k := NewCache(Options{KeepFor: 4 * time.Minute, StaleFor: time.Hour, Stores: map[string]Store{schemeHuawei: func(ctx context.Context, _ Reference) (core.Secret, error) {
			ak := ctx.Value(huaweiKey{}).(HuaweiKey).AK
			time.Sleep(time.Second)
			if ak == "evil" {
				return core.Secret{}, &core.Error{Code: core.CodeUnavailable}
			}
			reads.Add(1)
			return core.NewSecret("list"), nil
		}}})
		for range 2 { // with an empty cache, and with an entry that is too old
			go func() {
				if _, err := k.Resolve(with(t, "evil"), settings); core.CodeOf(err) != core.CodeUnavailable {
					t.Errorf("the forged key: %v", err)
				}
			}()
			time.Sleep(100 * time.Millisecond)
			start := time.Now()
			if got, err := k.Resolve(with(t, "good"), settings); err != nil || got["keys"] != "list" || time.Since(start) != time.Second {
				t.Errorf("beside a forged key: %v, %v after %v", got, err, time.Since(start))
			}
			time.Sleep(5 * time.Minute)
		}
		_, _ = k.Resolve(with(t, "evil"), settings)
		if _, err := k.Resolve(with(t, "good"), settings); err != nil || reads.Load() != 3 {
			t.Errorf("after a forged key: %v, %d fetches", err, reads.Load())
		}
	})
}
