package simulator

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// An event changes one vendor's customers: a customer joins or leaves. It holds
// from its day on, and from its call of the vendor's API on.
type event struct {
	day, call int
	customer  int32
	leaves    bool
}

// roster is one vendor's customers: those of day 0, which have the indexes below
// customers, and the events that change them. Events with a call come last.
type roster struct {
	customers   int
	events      []event
	newestFirst bool // list a customer that joins at a call before all others
	doubled     bool // list every tenth customer twice

	mu     sync.Mutex
	latest *list       // the list that at returned last
	joined []time.Time // when the first customer joined at a call, the second, and so on
}

// list is a vendor's customers at one call. It does not change.
type list struct {
	day, call int
	customers []int32 // indexes, the oldest customer first
	listed    []bool  // by index
	joined    int     // how many joined at a call
	doubled   bool
}

// at returns the list that the call-th call of a day sees.
func (r *roster) at(day, call int) *list {
	day = min(day, eventDays)
	if n := len(r.events); n > 0 {
		call = min(call, r.events[n-1].call)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.latest == nil || r.latest.day != day || r.latest.call != call {
		r.latest = r.build(day, call)
	}
	return r.latest
}

func (r *roster) build(day, call int) *list {
	l := &list{day: day, call: call, listed: make([]bool, r.customers), doubled: r.doubled}
	for i := range l.listed {
		l.listed[i] = true
	}
	var first, last []int32
	for _, e := range r.events {
		if e.day > day || e.call > call {
			continue
		}
		if e.leaves {
			l.listed[e.customer] = false
			continue
		}
		if missing := int(e.customer) + 1 - len(l.listed); missing > 0 {
			l.listed = append(l.listed, make([]bool, missing)...)
		}
		l.listed[e.customer] = true
		if e.call > 0 {
			l.joined++
		}
		if e.call > 0 && r.newestFirst {
			first = append(first, e.customer)
		} else {
			last = append(last, e.customer)
		}
	}
	slices.Reverse(first)
	l.customers = append(make([]int32, 0, r.customers+len(first)+len(last)), first...)
	for i, listed := range l.listed[:r.customers] {
		if listed {
			l.customers = append(l.customers, int32(i))
		}
	}
	l.customers = append(l.customers, last...)
	return l
}

// noteJoined records that n customers have joined at calls by now.
func (r *roster) noteJoined(n int, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.joined) < n {
		r.joined = append(r.joined, now)
	}
}

// joinedAt returns when the n-th customer from 0 joined at a call; now if it has
// not joined yet.
func (r *roster) joinedAt(n int, now time.Time) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n < len(r.joined) {
		return r.joined[n]
	}
	return now
}

// lackEvery is how many customers there are for each one that a list lacks under a fault.
const lackEvery = 20

// lacking returns the list without the customers whose index divides by every.
func (l *list) lacking(every int) *list {
	rest := &list{day: l.day, call: l.call, listed: make([]bool, len(l.listed)), doubled: l.doubled}
	for _, i := range l.customers {
		if int(i)%every != 0 {
			rest.customers = append(rest.customers, i)
			rest.listed[i] = true
		}
	}
	return rest
}

func (l *list) has(i int) bool { return i < len(l.listed) && l.listed[i] }

// rows returns how many rows the list has.
func (l *list) rows() int {
	n := len(l.customers)
	if l.doubled && n > 0 {
		n += (n - 1) / 10
	}
	return n
}

// customer returns the index of the customer at a row.
func (l *list) customer(row int, ascending bool) int {
	if l.doubled {
		row -= row / 11
	}
	if !ascending {
		row = len(l.customers) - 1 - row
	}
	return int(l.customers[row])
}

// tieRows is how many rows trade places between calls where a fault makes them,
// and how many customers share a time of association under another.
const tieRows = 30

// page returns the indexes of the customers at size rows from a row on. Under a
// fault the rows of each group of tieRows trade places at every call: no vendor
// promises an order among customers that tie.
func (s *Simulator) page(l *list, stream uint64, ordinal, from, size int, ascending bool) []int {
	var page []int
	for row := from; row < min(from+size, l.rows()); row++ {
		place := row
		if s.faults["unstable-order"] || s.faults["ties"] {
			first := row / tieRows * tieRows
			r := rand.New(rand.NewPCG(s.seed.roll(streamDisorder+stream<<8, ordinal), uint64(first)))
			place = first + r.Perm(min(tieRows, l.rows()-first))[row-first]
		}
		page = append(page, l.customer(place, ascending))
	}
	return page
}

// Presence says which of the partner's own customers, by index, one vendor's
// calls since the last SetDay could see: a reader of the lists must have found
// those present throughout, and may have found those ever present.
type Presence struct{ first, last *list }

// Throughout reports whether a customer was present at every call.
func (p Presence) Throughout(i int) bool { return p.first.has(i) && p.last.has(i) }

// Ever reports whether a customer was present at some call.
func (p Presence) Ever(i int) bool { return p.first.has(i) || p.last.has(i) }

// Most returns the number that all indexes are below.
func (p Presence) Most() int { return len(p.last.listed) }

// CreditPresence returns Tencent's Presence. No call may be in progress.
func (s *Simulator) CreditPresence() Presence {
	start := s.start.Load()
	return presence(s.credit, start.day, start.credit, s.Calls().Credit)
}

// TagPresence returns Huawei's Presence. No call may be in progress.
func (s *Simulator) TagPresence() Presence {
	start := s.start.Load()
	return presence(s.tags, start.day, start.tags, s.Calls().Tags)
}

func presence(r *roster, day, before int, calls APICalls) Presence {
	return Presence{r.at(day, before+1), r.at(day, max(before+1, calls.Accepted))}
}
