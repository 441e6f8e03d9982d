package simulator

import (
	"sync"
	"time"
)

// joinings are the moments at which customers joined under a fault, in their
// order: a customer's never changes again.
type joinings struct {
	mu    sync.Mutex
	times []time.Time
}

// note takes in that so many have joined by now.
func (j *joinings) note(joined int, now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.times) < joined {
		j.times = append(j.times, now)
	}
}

// at gives the moment at which the n-th from 0 joined; now for one who has not.
func (j *joinings) at(n int, now time.Time) time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	if n < len(j.times) {
		return j.times[n]
	}
	return now
}

// Presence is which of the partner's own customers one vendor's calls so far
// could meet, by index: what a reader of their lists must have found, and what
// it may have. Only the calls since the day was set count. Resellers' customers
// neither come nor go.
type Presence struct{ first, last order }

// Throughout says whether a customer was there at every call so far.
func (p Presence) Throughout(i int) bool { return p.first.contains(i) && p.last.contains(i) }

// Ever says whether a customer was there at one of the calls so far.
func (p Presence) Ever(i int) bool { return p.first.contains(i) || p.last.contains(i) }

// Most is the number that all indexes are below.
func (p Presence) Most() int {
	if p.last.until > p.last.came {
		return max(p.last.hi, p.last.until)
	}
	return p.last.hi
}

// CreditPresence is Tencent's Presence. Ask for it while no call is under way.
func (s *Simulator) CreditPresence() Presence {
	at := s.at.Load()
	first, calls := at.credit+1, int(s.counters.credit.admitted.Load())
	return Presence{s.creditOrder(at.day, first), s.creditOrder(at.day, max(first, calls))}
}

// TagPresence is Huawei's Presence. Ask for it while no call is under way.
func (s *Simulator) TagPresence() Presence {
	at := s.at.Load()
	first, calls := at.tags+1, int(s.counters.tags.admitted.Load())
	return Presence{s.tagOrder(at.day, first), s.tagOrder(at.day, max(first, calls))}
}
