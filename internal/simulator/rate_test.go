package simulator

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestRate(t *testing.T) {
	t.Parallel()
	// Each step waits, then calls, and states how many of the calls are
	// accepted.
	type step struct {
		wait        time.Duration
		calls, want int
	}
	const ms = time.Millisecond
	tests := []struct {
		name     string
		counting RateCounting
		faults   []string
		steps    []step
		foreign  int
	}{
		{"sliding", SlidingSecond, nil, []step{
			{0, 7, 5}, {999 * ms, 3, 0}, {1 * ms, 7, 5}, {500 * ms, 1, 0}, {500 * ms, 2, 2}, {500 * ms, 3, 3}, {500 * ms, 3, 2},
		}, 0},
		{"sliding, refusals count", SlidingSecondRefusals, nil, []step{
			{0, 7, 5}, {900 * ms, 5, 0}, {500 * ms, 1, 0}, {600 * ms, 4, 4}, {1000 * ms, 6, 5},
		}, 0},
		{"fixed", FixedSecond, nil, []step{
			{900 * ms, 7, 5}, {99 * ms, 1, 0}, {1 * ms, 7, 5}, {999 * ms, 1, 0}, {1 * ms, 5, 5},
		}, 0},
		{"a second caller", SlidingSecond, []string{"second-caller"}, []step{
			{0, 5, 4}, {900 * ms, 1, 0}, {100 * ms, 5, 3}, {10000 * ms, 5, 3}, {500 * ms, 1, 0}, {500 * ms, 5, 3},
		}, 25},
		{"a second caller, refusals count", SlidingSecondRefusals, []string{"second-caller"}, []step{
			{0, 5, 4}, {500 * ms, 1, 0}, {1000 * ms, 5, 2},
		}, 4},
		{"a second caller, fixed", FixedSecond, []string{"second-caller"}, []step{
			{0, 5, 4}, {500 * ms, 1, 0}, {500 * ms, 5, 3}, {500 * ms, 1, 0},
		}, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSimulator(t, Options{Customers: 5, Rate: 5, RateCounting: test.counting, Faults: test.faults})
				for n, step := range test.steps {
					time.Sleep(step.wait)
					before := s.Calls()
					for range step.calls {
						if g := s.askCredit(t, `{}`); g.status != 200 || g.code != "" && g.code != "RequestLimitExceeded" {
							t.Fatalf("step %d: answer = %d %q", n, g.status, g.code)
						}
						if g := s.askTags(t, `{}`); g.status != 200 && (g.status != 429 || g.code != "APIGW.0308") {
							t.Fatalf("step %d: answer = %d %q", n, g.status, g.code)
						}
					}
					after := s.Calls()
					if got := after.Credit.Accepted - before.Credit.Accepted; got != step.want {
						t.Errorf("step %d: Tencent accepted %d of %d calls, want %d", n, got, step.calls, step.want)
					}
					if got := after.Tags.Accepted - before.Tags.Accepted; got != step.want {
						t.Errorf("step %d: Huawei accepted %d of %d calls, want %d", n, got, step.calls, step.want)
					}
					if got := after.Credit.Limited - before.Credit.Limited; got != step.calls-step.want {
						t.Errorf("step %d: Limited = %d, want %d", n, got, step.calls-step.want)
					}
				}
				if got := s.Calls(); got.Credit.Foreign != test.foreign || got.Tags.Foreign != test.foreign {
					t.Errorf("the second caller has made %d and %d calls, want %d", got.Credit.Foreign, got.Tags.Foreign, test.foreign)
				}
			})
		})
	}
}

// Each API and each key has a rate of its own, and a call that is not authenticated
// uses none of it.
func TestRateOfEachKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSimulator(t, Options{Customers: 5, Rate: 1})
		s.do(t, call{secret: "wrong"}.tencent("http://simulator.example"))
		if g := s.askCredit(t, `{}`); g.code != "" {
			t.Errorf("first call: %q", g.code)
		}
		if g := s.askCredit(t, `{}`); g.code != "RequestLimitExceeded" {
			t.Errorf("second call: %q", g.code)
		}
		if g := s.do(t, call{keyID: TempKeyID, secret: TempKeySecret, token: Token}.tencent("http://simulator.example")); g.code != "" {
			t.Errorf("another key: %q", g.code)
		}
		if g := s.askTags(t, `{}`); g.code != "" {
			t.Errorf("another API: %q", g.code)
		}
		if g := s.resellerList(t, `{}`); g.code != "" {
			t.Errorf("yet another API: %q", g.code)
		}
	})
}

func TestLatency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSimulator(t, Options{Customers: 5, Work: Constant(80 * time.Millisecond)})
		start := time.Now()
		s.askCredit(t, `{}`)
		s.askTags(t, `{}`)
		if got := time.Since(start); got != 160*time.Millisecond {
			t.Errorf("two calls took %v, want 160ms", got)
		}
		s.Close()
		s.Close()
		start = time.Now()
		if g := s.askCredit(t, `{}`); len(g.rows) != 5 || time.Since(start) != 0 {
			t.Errorf("after Close: %d rows in %v, want 5 at once", len(g.rows), time.Since(start))
		}
	})
}

func TestMaxConcurrent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSimulator(t, Options{Customers: 5, Work: Constant(time.Second)})
		for range 3 {
			go s.askCredit(t, `{}`)
		}
		synctest.Wait()
		time.Sleep(2 * time.Second)
		s.askTags(t, `{}`)
		if got := s.Calls().MaxConcurrent; got != 3 {
			t.Errorf("MaxConcurrent = %d, want 3", got)
		}
	})
}
