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

// limiter bounds the calls a second for each API and key.
type limiter struct {
	counting     RateCounting
	secondCaller bool

	mu      sync.Mutex
	budgets map[budgetOf]*budget
}

type budgetOf struct{ api, key string }

// allow reports whether a call of the API with the key is within its rate, and
// returns how many calls of the second caller came before it.
func (l *limiter) allow(api, key string, rate int, at time.Time) (allowed bool, foreign int) {
	if rate == 0 {
		return true, 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.budgets == nil {
		l.budgets = make(map[budgetOf]*budget)
	}
	b := l.budgets[budgetOf{api, key}]
	if b == nil {
		b = &budget{rate: rate, otherDue: at, otherNext: at}
		l.budgets[budgetOf{api, key}] = b
	}
	if l.secondCaller {
		foreign = l.other(b, at)
	}
	allowed = !l.full(b, at)
	if allowed || l.counting == SlidingSecondRefusals {
		b.counted = append(b.counted, at)
	}
	return allowed, foreign
}

// budget is what one key has used of one API's rate.
type budget struct {
	rate      int
	counted   []time.Time // the calls that count for the current second
	otherDue  time.Time   // when the second caller's next call is due
	otherNext time.Time   // when it tries that call next
}

// full reports whether the rate is used up, and drops the calls that no longer
// count.
func (l *limiter) full(b *budget, at time.Time) bool {
	start := at.Add(-time.Second)
	if l.counting == FixedSecond {
		start = at.Truncate(time.Second).Add(-1)
	}
	b.counted = slices.DeleteFunc(b.counted, func(t time.Time) bool { return !t.After(start) })
	return len(b.counted) >= b.rate
}

// other makes the calls of the second caller on the same key that are due since
// the last call: one every half second, tried again every 50 ms until there is
// room. Its refused calls do not count, or with SlidingSecondRefusals it would lock
// out everyone. Calls more than a second ago, which no longer count, are not made
// one by one.
func (l *limiter) other(b *budget, at time.Time) (made int) {
	const every, again = time.Second / 2, 50 * time.Millisecond
	if late := at.Sub(b.otherNext); late > 2*time.Second {
		made = int((late - time.Second) / every)
		b.otherDue = b.otherDue.Add(time.Duration(made) * every)
		b.otherNext = b.otherNext.Add(time.Duration(made) * every)
	}
	for !b.otherNext.After(at) {
		if l.full(b, b.otherNext) {
			b.otherNext = b.otherNext.Add(again)
			continue
		}
		b.counted = append(b.counted, b.otherNext)
		b.otherDue = b.otherDue.Add(every)
		if b.otherNext.Before(b.otherDue) {
			b.otherNext = b.otherDue
		}
		made++
	}
	return made
}
