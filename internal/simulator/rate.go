package simulator

import (
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
		b = &budget{recent: make([]time.Time, l.rate), otherNext: at}
		l.budgets[budgetOf{api, key}] = b
	}
	if l.secondCaller {
		b.other(l.counting, at)
	}
	return b.use(l.counting, at)
}

// budget is what one key has used of one API's rate.
type budget struct {
	recent    []time.Time // the last rate counted calls, a ring
	oldest    int
	second    int64 // FixedSecond: the second that used counts for
	used      int
	otherNext time.Time // when the second caller calls next
}

func (b *budget) use(counting RateCounting, at time.Time) bool {
	if counting == FixedSecond {
		if sec := at.Unix(); sec != b.second {
			b.second, b.used = sec, 0
		}
		b.used++
		return b.used <= len(b.recent)
	}
	// The ring's oldest entry is the rate-th last counted call: if even that
	// one is less than a second old, the second is full.
	full := !b.recent[b.oldest].IsZero() && at.Sub(b.recent[b.oldest]) < time.Second
	if !full || counting == SlidingSecondRefusals {
		b.recent[b.oldest] = at
		b.oldest = (b.oldest + 1) % len(b.recent)
	}
	return !full
}

// other makes the calls of the second caller on the same key, one every half
// second, that are due since the last call. It skips those more than a second ago,
// which no longer count.
func (b *budget) other(counting RateCounting, at time.Time) {
	const every = time.Second / 2
	if late := at.Sub(b.otherNext); late > 2*time.Second {
		b.otherNext = b.otherNext.Add(late.Truncate(every) - 2*every)
	}
	for !b.otherNext.After(at) {
		b.use(counting, b.otherNext)
		b.otherNext = b.otherNext.Add(every)
	}
}
