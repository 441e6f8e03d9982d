package core

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// counter is a server that counts calls, in one of the ways that vendors may.
type counter struct {
	rate         int
	fixed        bool // by the second of the clock
	refusedCount bool // refused calls count too
	refusals     int

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
	if !accepted {
		c.refusals++
	}
	return accepted
}

var countings = map[string]func(rate int) *counter{
	"sliding second":                func(rate int) *counter { return &counter{rate: rate} },
	"sliding second, refused count": func(rate int) *counter { return &counter{rate: rate, refusedCount: true} },
	"fixed second":                  func(rate int) *counter { return &counter{rate: rate, fixed: true} },
}

// drive makes calls with inFlight at a time until so many were accepted, and
// gives how long it took. Each answer takes 80 ms.
func drive(t *testing.T, p *Pacer, c *counter, calls, inFlight int) time.Duration {
	t.Helper()
	begun := time.Now()
	work := make(chan struct{}, calls)
	for range calls {
		work <- struct{}{}
	}
	close(work)
	var all sync.WaitGroup
	for range inFlight {
		all.Go(func() {
			for range work {
				for {
					started, err := p.Wait(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					accepted := c.call()
					time.Sleep(80 * time.Millisecond)
					if accepted {
						break
					}
					p.Refused(started, 0)
				}
			}
		})
	}
	all.Wait()
	return time.Since(begun)
}

func TestPacerKeepsTheLimit(t *testing.T) {
	t.Parallel()
	for name, counting := range countings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := counting(5)
				took := drive(t, NewPacer(5), c, 100, 5)
				if floor := 19*time.Second + 80*time.Millisecond; took > floor*1035/1000 || c.refusals > 0 {
					t.Errorf("100 calls took %v with %d refusals, want at most 1.035 of %v and none", took, c.refusals, floor)
				}
			})
		})
	}
}

func TestPacerFindsAHiddenLimit(t *testing.T) {
	t.Parallel()
	for name, counting := range countings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := counting(10)
				took := drive(t, NewPacer(0), c, 300, 8)
				if floor := 29*time.Second + 80*time.Millisecond; took > floor*115/100 || c.refusals > 30 {
					t.Errorf("300 calls took %v with %d refusals, want at most 1.15 of %v and a few", took, c.refusals, floor)
				}
			})
		})
	}
}

// Another caller takes two of the five: a Pacer that believes in five must
// settle near three.
func TestPacerGivesWay(t *testing.T) {
	t.Parallel()
	for name, counting := range countings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := counting(5)
				ctx, cancel := context.WithCancel(t.Context())
				var other sync.WaitGroup
				other.Go(func() {
					for ctx.Err() == nil {
						c.call()
						time.Sleep(500 * time.Millisecond)
					}
				})
				took := drive(t, NewPacer(5), c, 90, 5)
				cancel()
				other.Wait()
				if floor := 29 * time.Second; took > 2*floor {
					t.Errorf("90 calls took %v with %d refusals, want at most twice %v", took, c.refusals, floor)
				}
			})
		})
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
		begun := time.Now()
		if _, err := p.Wait(ctx); err != context.DeadlineExceeded || time.Since(begun) > 0 {
			t.Errorf("Wait = %v after %v, want deadline exceeded at once", err, time.Since(begun))
		}
		canceled, stop := context.WithCancel(t.Context())
		stop()
		if _, err := p.Wait(canceled); err != context.Canceled {
			t.Errorf("Wait = %v, want canceled", err)
		}
	})
}
