package simulator

import (
	"slices"
	"sync"
	"time"
)

// RateCounting is how a vendor counts the calls of a second. Neither vendor
// publishes it, so a client must work under each.
type RateCounting int

const (
	// SlidingSecond allows a call if fewer than Rate calls were allowed in
	// the second before it.
	SlidingSecond RateCounting = iota

	// SlidingSecondRefusals counts the refused calls as well: a client that does
	// not pause stays locked out.
	SlidingSecondRefusals

	// FixedSecond counts by the second of the clock: twice Rate may be allowed
	// around its start.
	FixedSecond
)

// limiter allows at most rate calls a second for each API and key.
type limiter struct {
	rate         int
	counting     RateCounting
	secondCaller bool

	mu      sync.Mutex
	budgets map[budgetOf]*budget
}

type budgetOf struct{ api, key string }

// allow reports whether a call of the API with the key is within the rate.
func (l *limiter) allow(api, key string, at time.Time) bool {
	if l.rate == 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.budgets == nil {
		l.budgets = make(map[budgetOf]*budget)
	}
	b := l.budgets[budgetOf{api, key}]
	if b == nil {
		b = &budget{otherNext: at}
		l.budgets[budgetOf{api, key}] = b
	}
	if l.secondCaller {
		l.other(b, at)
	}
	return l.use(b, at)
}

// budget is what one key has used of one API's rate.
type budget struct {
	counted   []time.Time // the calls that count for the current second
	otherNext time.Time   // when the second caller calls next
}

func (l *limiter) use(b *budget, at time.Time) bool {
	start := at.Add(-time.Second)
	if l.counting == FixedSecond {
		start = at.Truncate(time.Second).Add(-1)
	}
	b.counted = slices.DeleteFunc(b.counted, func(t time.Time) bool { return !t.After(start) })
	full := len(b.counted) >= l.rate
	if !full || l.counting == SlidingSecondRefusals {
		b.counted = append(b.counted, at)
	}
	return !full
}

// other makes the calls of the second caller on the same key, one every half
// second, that are due since the last call. It skips those more than a second ago,
// which no longer count.
func (l *limiter) other(b *budget, at time.Time) {
	const every = time.Second / 2
	if late := at.Sub(b.otherNext); late > 2*time.Second {
		b.otherNext = b.otherNext.Add(late.Truncate(every) - 2*every)
	}
	for !b.otherNext.After(at) {
		l.use(b, b.otherNext)
		b.otherNext = b.otherNext.Add(every)
	}
}
