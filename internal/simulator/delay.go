package simulator

import (
	"context"
	"math"
	"math/rand/v2"
	"time"
)

// Delay draws how long something takes. nil means no time. It does not depend on
// the seed.
type Delay func() time.Duration

// Constant always takes as long.
func Constant(d time.Duration) Delay { return func() time.Duration { return d } }

// Uniform takes from least to most, all times alike.
func Uniform(least, most time.Duration) Delay {
	return func() time.Duration { return least + rand.N(most-least+1) }
}

// LogNormal has a heavy tail: half of the times are longer than median, and with
// sigma 1 one in a hundred is longer than ten times it.
func LogNormal(median time.Duration, sigma float64) Delay {
	return func() time.Duration { return time.Duration(float64(median) * math.Exp(sigma*rand.NormFloat64())) }
}

// delay waits as long as some delays take one after another.
func (s *Simulator) delay(ctx context.Context, delays ...Delay) {
	var sum time.Duration
	for _, d := range delays {
		if d != nil {
			sum += d()
		}
	}
	s.wait(ctx, sum)
}
