package simulator

import (
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestDelay(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, test := range []struct {
		name                         string
		delay                        Delay
		least, tenth, median, ninety time.Duration // of 10,000
	}{
		{"constant", Constant(80 * ms), 80 * ms, 80 * ms, 80 * ms, 80 * ms},
		{"uniform", Uniform(100*ms, 500*ms), 100 * ms, 140 * ms, 300 * ms, 460 * ms},
		{"log-normal", LogNormal(10*ms, 1), 0, 2775 * time.Microsecond, 10 * ms, 36 * ms}, // exp(±1.2816) times the median
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			drawn := make([]time.Duration, 10_000)
			for i := range drawn {
				drawn[i] = test.delay()
			}
			slices.Sort(drawn)
			if drawn[0] < test.least {
				t.Errorf("the least is %v, want at least %v", drawn[0], test.least)
			}
			for i, want := range map[int]time.Duration{1000: test.tenth, 5000: test.median, 9000: test.ninety} {
				if got := drawn[i]; math.Abs(float64(got-want)) > float64(want)/10 {
					t.Errorf("%d of 10,000 are below %v, want about %v", i, got, want)
				}
			}
		})
	}
}

// A call is counted when it has arrived, before the server's work.
func TestCallsAreCountedAtArrival(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const ms = time.Millisecond
		s := newSimulator(t, Options{Customers: 5, There: Constant(20 * ms), Work: Constant(50 * ms), Back: Constant(30 * ms)})
		counted := func() int { return s.Calls().Credit.Accepted }
		go s.askCredit(t, `{}`)
		time.Sleep(19 * ms)
		synctest.Wait()
		if got := counted(); got != 0 {
			t.Errorf("%d calls are counted before their arrival", got)
		}
		time.Sleep(ms)
		synctest.Wait()
		if got := counted(); got != 1 {
			t.Errorf("%d calls are counted at arrival, want 1", got)
		}
		time.Sleep(80 * ms)
		start := time.Now()
		s.askCredit(t, `{}`)
		if got := time.Since(start); got != 100*ms {
			t.Errorf("a call took %v, want 100ms", got)
		}
	})
}
