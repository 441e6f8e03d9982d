package simulator

import (
	"sync"
	"time"
)

// RateCounting is how a vendor counts the calls of a second. Neither publishes
// which of these it does, so a client has to do well under each.
type RateCounting int

const (
	// SlidingSecond admits a call if fewer than Rate calls were admitted in
	// the second before it.
	SlidingSecond RateCounting = iota

	// SlidingSecondRefusals does the same and counts the refused calls
	// too: who hammers on stays locked out.
	SlidingSecondRefusals

	// FixedSecond counts by the second of the clock: twice Rate may pass
	// around the turn of a second.
	FixedSecond
)

// limiter admits at most rate calls a second for each API and key.
type limiter struct {
	rate         int
	counting     RateCounting
	secondCaller bool

	mu      sync.Mutex
	budgets map[budgetOf]*budget
}

type budgetOf struct{ api, key string }

// admit reports whether a call of the API with the key is within the rate.
func (l *limiter) admit(api, key string, at time.Time) bool {
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
	return b.take(l.counting, at)
}

// budget is what one key has used of one API's rate.
type budget struct {
	recent    []time.Time // the last rate counted calls, a ring
	oldest    int
	second    int64 // FixedSecond: the second that used counts for
	used      int
	otherNext time.Time // when the other caller on this key calls next
}

func (b *budget) take(counting RateCounting, at time.Time) bool {
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

// other lets the second caller on the same key, who calls every half second,
// make the calls that were due since last time. Calls more than a second ago
// count for nothing any more and are skipped.
func (b *budget) other(counting RateCounting, at time.Time) {
	const every = time.Second / 2
	if late := at.Sub(b.otherNext); late > 2*time.Second {
		b.otherNext = b.otherNext.Add((late/every - 2) * every)
	}
	for !b.otherNext.After(at) {
		b.take(counting, b.otherNext)
		b.otherNext = b.otherNext.Add(every)
	}
}
