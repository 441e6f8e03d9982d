package core

import (
	"context"
	"errors"
	"flag"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var networks = flag.Int("networks", 12, "random networks for each situation of TestPacer")

// counting is one of the ways in which vendors may count calls.
type counting struct {
	rate         int
	fixed        bool // by the second of the clock
	refusedCount bool // refused calls count too
}

// counter is a server that counts calls.
type counter struct {
	counting
	mu   sync.Mutex
	seen []time.Time
}

func (c *counter) call() (accepted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.seen = slices.DeleteFunc(c.seen, func(at time.Time) bool {
		if c.fixed {
			return at.Unix() != now.Unix()
		}
		return now.Sub(at) >= time.Second
	})
	accepted = len(c.seen) < c.rate
	if accepted || c.refusedCount {
		c.seen = append(c.seen, now)
	}
	return accepted
}

// delay is a time that varies from call to call.
type delay func(*rand.Rand) time.Duration

func always(d time.Duration) delay { return func(*rand.Rand) time.Duration { return d } }

func uniform(least, most time.Duration) delay {
	return func(r *rand.Rand) time.Duration { return least + time.Duration(r.Float64()*float64(most-least)) }
}

func logNormal(median time.Duration, sigma float64) delay {
	return func(r *rand.Rand) time.Duration {
		return time.Duration(float64(median) * math.Exp(sigma*r.NormFloat64()))
	}
}

// network is what lies between a Pacer and the vendor. A call counts between
// there and work; a refusal takes no work.
type network struct{ there, work, back delay }

const ms = time.Millisecond

var (
	calm    = network{always(20 * ms), always(0), always(60 * ms)}
	jittery = network{uniform(20*ms, 100*ms), always(0), always(20 * ms)}
	tails   = network{logNormal(10*ms, 1), always(0), logNormal(10*ms, 1)}
	slow    = network{always(20 * ms), uniform(100*ms, 500*ms), always(20 * ms)}
)

// reads is a read of some pages by one process: the first page alone, then five
// at once.
type reads struct {
	pages int
	after time.Duration // when it begins

	took    time.Duration
	refused int
	starts  []time.Time
	misses  int // the most InARow of a Refusal
}

func (r *reads) run(ctx context.Context, p *Pacer, n network, c *counter, random *rand.Rand) {
	own := rand.New(rand.NewPCG(random.Uint64(), 0)) // which the Pacer guards, and mu does not
	p.random = func(n time.Duration) time.Duration { return time.Duration(own.Int64N(int64(n))) }
	time.Sleep(r.after)
	start := time.Now()
	var mu sync.Mutex
	wait := func(d delay) {
		mu.Lock()
		took := d(random)
		mu.Unlock()
		time.Sleep(took)
	}
	page := func() {
		for {
			permit, err := p.Wait(ctx)
			if err != nil {
				return
			}
			mu.Lock()
			r.starts = append(r.starts, permit.at)
			mu.Unlock()
			wait(n.there)
			accepted := c.call()
			if accepted {
				wait(n.work)
			}
			wait(n.back)
			if accepted {
				p.Accepted(permit)
				return
			}
			misses := p.Refused(permit, 0).InARow
			mu.Lock()
			r.refused++
			r.misses = max(r.misses, misses)
			mu.Unlock()
		}
	}
	page()
	pages := make(chan struct{}, r.pages)
	for range r.pages - 1 {
		pages <- struct{}{}
	}
	close(pages)
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			for range pages {
				page()
			}
		})
	}
	all.Wait()
	r.took = time.Since(start)
}

// TestPacer reads over random networks. The bounds are on the means of several
// networks; a single read may do worse. Run it with -networks 100 -v for figures.
func TestPacer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		network network
		counter counting
		rate    int
		pages   []int
		after   time.Duration // when the last of several processes begins
		before  bool          // another process made five calls just before
		foreign int           // calls a second that another caller makes, whatever is refused
		floor   time.Duration
		ratio   float64 // of the time to the floor, at most
		refused float64 // percent of the calls, at most
		spread  float64 // of the slowest process to the fastest, at most
	}{
		{"calm", calm, counting{rate: 5}, 5, []int{100}, 0, false, 0, 19 * time.Second, 1.03, 0, 1},
		{"calm, refused calls count", calm, counting{rate: 5, refusedCount: true}, 5, []int{100}, 0, false, 0, 19 * time.Second, 1.03, 0, 1},
		{"calm, fixed second", calm, counting{rate: 5, fixed: true}, 5, []int{100}, 0, false, 0, 19 * time.Second, 1.03, 0, 1},
		{"one a second", calm, counting{rate: 1}, 1, []int{200}, 0, false, 0, 199 * time.Second, 1.09, 0, 1},
		{"one a second, two processes", calm, counting{rate: 1}, 1, []int{400, 100}, 10 * time.Second, false, 0, 499 * time.Second, 1.25, 14, 3.5},
		{"jittery", jittery, counting{rate: 5}, 5, []int{100}, 0, false, 0, 19 * time.Second, 1.17, 3, 1},
		{"jittery, refused calls count", jittery, counting{rate: 5, refusedCount: true}, 5, []int{100}, 0, false, 0, 19 * time.Second, 1.2, 4, 1},
		{"tails", tails, counting{rate: 5}, 5, []int{100}, 0, false, 0, 19 * time.Second, 1.15, 3, 1},
		{"slow server", slow, counting{rate: 5}, 5, []int{100}, 0, false, 0, 19 * time.Second, 1.10, 0, 1},
		{"two processes", calm, counting{rate: 5}, 5, []int{200, 200}, 0, false, 0, 79 * time.Second, 1.25, 4, 2},
		{"four processes", calm, counting{rate: 5}, 5, []int{200, 200, 200, 200}, 0, false, 0, 159 * time.Second, 1.25, 7, 2},
		{"four processes, jittery", jittery, counting{rate: 5}, 5, []int{200, 200, 200, 200}, 0, false, 0, 159 * time.Second, 1.35, 12, 2.5},
		{"a process joins", calm, counting{rate: 5}, 5, []int{400, 200}, 20 * time.Second, false, 0, 119 * time.Second, 1.25, 4, 3},
		{"a read after another", calm, counting{rate: 5}, 5, []int{20}, 300 * ms, true, 0, 3*time.Second + 300*ms, 1.55, 5, 1},
		{"another caller", calm, counting{rate: 5}, 5, []int{200}, 0, false, 2, 65600 * ms, 1.2, 4, 1},
		{"another caller, jittery", jittery, counting{rate: 5}, 5, []int{200}, 0, false, 2, 65600 * ms, 1.35, 8, 1},
		{"hidden limit", calm, counting{rate: 10}, 0, []int{200}, 0, false, 0, 19 * time.Second, 1.10, 4, 1},
		{"hidden limit, jittery", jittery, counting{rate: 10}, 0, []int{200}, 0, false, 0, 19 * time.Second, 1.4, 7, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var ratio, refused, spread float64
			for range *networks {
				seed := rand.Uint64()
				synctest.Test(t, func(t *testing.T) {
					random := rand.New(rand.NewPCG(seed, 0))
					c := counter{counting: test.counter}
					time.Sleep(time.Duration(random.Int64N(int64(roundEvery))))
					ctx, cancel := context.WithCancel(t.Context())
					var others, all sync.WaitGroup
					if test.foreign > 0 {
						others.Go(func() {
							for ctx.Err() == nil {
								c.call()
								time.Sleep(time.Second / time.Duration(test.foreign))
							}
						})
					}
					for i := 0; test.before && i < test.counter.rate; i++ {
						c.call()
					}
					start := time.Now()
					processes := make([]*reads, len(test.pages))
					for i, pages := range test.pages {
						processes[i] = &reads{pages: pages}
						if i == len(test.pages)-1 {
							processes[i].after = test.after
						}
						all.Go(func() {
							processes[i].run(ctx, NewPacer(test.rate), test.network, &c, rand.New(rand.NewPCG(seed, uint64(i+1))))
						})
					}
					all.Wait()
					took := time.Since(start)
					cancel()
					others.Wait()
					calls, lost, fastest, slowest := 0, 0, processes[0].took, processes[0].took
					for i, r := range processes {
						calls, lost = calls+r.pages+r.refused, lost+r.refused
						fastest, slowest = min(fastest, r.took), max(slowest, r.took)
						slices.SortFunc(r.starts, time.Time.Compare)
						for j := test.rate; test.rate > 0 && j < len(r.starts); j++ {
							if r.starts[j].Sub(r.starts[j-test.rate]) < time.Second {
								t.Errorf("seed %d: process %d started %d calls within a second", seed, i, test.rate+1)
								break
							}
						}
						if r.misses >= 2*attemptsPerPage {
							t.Errorf("seed %d: process %d was refused %d times in a row: a Reader gives up after %d", seed, i, r.misses, 2*attemptsPerPage)
						}
					}
					ratio += took.Seconds() / (test.floor + 80*ms).Seconds() / float64(*networks)
					refused += 100 * float64(lost) / float64(calls) / float64(*networks)
					spread += slowest.Seconds() / fastest.Seconds() / float64(*networks)
					t.Logf("seed %d: %v, %d of %d refused, slowest %v, fastest %v", seed, took, lost, calls, slowest, fastest)
				})
			}
			if ratio > test.ratio || refused > test.refused || spread > test.spread+1e-9 {
				t.Errorf("%.3f of the floor, %.1f%% refused, spread %.2f; want at most %.3f, %.1f%%, %.2f", ratio, refused, spread, test.ratio, test.refused, test.spread)
			}
			t.Logf("%.3f of the floor, %.1f%% refused, spread %.2f", ratio, refused, spread)
		})
	}
}

// TestPacerDoesNotSpin counts the calls of a Pacer that is refused all of them.
func TestPacerDoesNotSpin(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{0, 5} {
		synctest.Test(t, func(t *testing.T) {
			p := NewPacer(rate)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			calls := 0
			for {
				permit, err := p.Wait(ctx)
				if err != nil {
					break
				}
				calls++
				time.Sleep(10 * ms)
				p.Refused(permit, 0)
			}
			if calls < 10 || calls > 14 {
				t.Errorf("rate %d: %d calls in a minute in which all are refused, want 10 to 14", rate, calls)
			}
		})
	}
}

// TestPacerOutlivesASetClock: a wait does not depend on the time of day once it is
// known, and a clock that is set back does not end the rounds.
func TestPacerOutlivesASetClock(t *testing.T) {
	t.Parallel()
	p := NewPacer(5)
	for p.notBefore.IsZero() {
		now := time.Now()
		c := &Permit{at: now}
		p.lowered = time.Time{}
		p.lose(c, now)
	}
	if p.notBefore == p.notBefore.Round(0) {
		t.Error("the next call waits for a time of day alone")
	}
	p = NewPacer(5)
	later := time.Now().Add(time.Hour)
	p.startRound(later)
	p.slots, p.trying, p.shared = 3, false, true
	p.startRound(later.Add(-time.Hour))
	if p.slots != 2 {
		t.Errorf("%d slots after a round of a clock that was set back, want 2", p.slots)
	}
}

func TestPacerWaitsAsLongAsAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(5)
		started, err := p.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		p.Refused(started, 7*time.Second)
		again, err := p.Wait(t.Context())
		if err != nil || again.at.Sub(started.at) != 7*time.Second {
			t.Errorf("waited %v, %v, want 7s", again.at.Sub(started.at), err)
		}
	})
}

func TestPacerDoesNotWaitPastTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(1)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if _, err := p.Wait(ctx); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := p.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 0 {
			t.Errorf("Wait = %v after %v, want deadline exceeded at once", err, time.Since(start))
		}
		canceled, stop := context.WithCancel(t.Context())
		stop()
		if _, err := p.Wait(canceled); !errors.Is(err, context.Canceled) {
			t.Errorf("Wait = %v, want canceled", err)
		}
	})
}
