package core

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Pacer spaces the calls of one account to one API, at the vendor's limit and
// with few refusals. All Readers of the account and API share it. Safe for
// concurrent use.
//
// The vendor counts the calls that arrive within a second. So a call holds a
// slot from when it is sent until it no longer counts: a second and a margin. A
// token bucket would not do: a server that counts a sliding second refuses some
// of the calls that an evenly refilled bucket permits. Two things are learned:
//
//   - The margin. A call may arrive late, and then counts for longer. Its answer
//     bounds how late: by the time that its round trip took beyond the shortest
//     one. How much of that was spent on the way there is not seen, so the share
//     is raised by a refusal that late calls explain, and falls with each answer.
//   - The number of slots. Any other refusal shows that another program uses the
//     key, or that the limit is lower: the slot is lost. A Pacer starts with two
//     slots and tries one more at a time.
//
// Pacers of several processes share the limit without knowing of each other: at
// the same moments of the clock each gives up some slots and then tries others,
// those with the fewest first.
type Pacer struct {
	queue   chan struct{} // held by the caller that waits for the next permit, so that calls start in order
	changed chan struct{} // an answer came: the next permit may be earlier

	mu        sync.Mutex
	limit     int // slots at most; 0: not known
	slots     int // slots now; 0: no bound, until the first refusal
	calls     []*Permit
	notBefore time.Time // no call starts before

	// The margin.
	shortest  time.Duration // the shortest round trip; 0: none yet
	lateShare float64       // the share of a delay that is spent on the way there, 0 to mostShare
	lateDecay float64       // how much lateShare falls with each answer

	// The slots.
	trying  bool // slots are tried, one at a time
	tryAt   time.Time
	lowered time.Time // when slots was last lowered
	round   time.Time // when a slot was last given up
	started int       // calls
	shared  bool      // another program uses the key
	row     int       // refusals in a row while no other call of the last second stood; 0 after an accepted call
	misses  int       // the same, but 0 only after three accepted calls
	hits    int       // calls accepted since misses was last raised

	random func(n time.Duration) time.Duration // from 0 up to n, so that Pacers do not move together
}

// Permit is the permission for one call.
type Permit struct {
	at      time.Time
	took    time.Duration // the round trip; 0: no answer yet
	refused bool
	try     bool // it is the first call in a slot
}

const (
	// leastMargin covers the jitter of timers.
	leastMargin = 10 * time.Millisecond
	// mostLate bounds how late a call is taken to arrive.
	mostLate = 250 * time.Millisecond
	// mostShare bounds lateShare. It is above 1 because the shortest round trip
	// seen may be longer than the shortest possible.
	mostShare = 1.5
	// tryEvery is how long a try waits for the answer to the one before.
	tryEvery = 100 * time.Millisecond
	// roundEvery is how often slots are given up. Each round costs a refusal and
	// a slot for a second; between rounds nothing shows that a slot is free.
	roundEvery = 20 * time.Second
	// missedEvery is how often a Pacer tries again while the vendor accepts none of
	// its calls. It divides roundEvery.
	missedEvery = 5 * time.Second
	// aloneSeconds is how long a Pacer calls at its limit before it gives up a
	// slot without having seen another program: a read of 100 pages keeps all.
	aloneSeconds = 25
	// unboundedMemory is how many calls are kept while there is no bound.
	unboundedMemory = 1024
)

// NewPacer returns a Pacer for at most perSecond calls a second. With 0 there is
// no bound until the first refusal.
func NewPacer(perSecond int) *Pacer {
	limit := max(perSecond, 0)
	return &Pacer{
		queue: make(chan struct{}, 1), changed: make(chan struct{}, 1),
		limit: limit, slots: min(limit, 2), trying: limit > 2,
		lateShare: 0.5, lateDecay: 0.01, random: rand.N[time.Duration],
	}
}

// Wait waits until the next call may start, and counts it as started. The caller
// passes the Permit to Accepted or Refused if the vendor accepted or refused the
// call, and to neither after any other failure: the call then holds its slot as if
// it had no answer. The error is ctx's; it is context.DeadlineExceeded at once if
// the wait would end after ctx's deadline.
func (p *Pacer) Wait(ctx context.Context) (*Permit, error) {
	select {
	case p.queue <- struct{}{}:
		defer func() { <-p.queue }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		permit, wait := p.start(time.Now())
		if permit != nil {
			return permit, nil
		}
		if err := sleep(ctx, wait, p.changed); err != nil {
			return nil, err
		}
	}
}

// Sleep waits. It returns context.DeadlineExceeded at once if the wait would end
// after ctx's deadline.
func Sleep(ctx context.Context, wait time.Duration) error { return sleep(ctx, wait, nil) }

// sleep waits, or returns early if wake is ready. It returns
// context.DeadlineExceeded at once if the wait would end after ctx's deadline.
func sleep(ctx context.Context, wait time.Duration, wake <-chan struct{}) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
		return context.DeadlineExceeded
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-wake:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// start starts a call, or returns how long to wait for one.
func (p *Pacer) start(now time.Time) (*Permit, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(now)
	p.startRound(now)
	free := p.freeAt(p.slots, now)
	at := free
	if p.trying && p.slots != p.limit && p.tryAt.Before(free) {
		at = latest(p.freeAt(p.slots+1, now), p.tryAt)
	}
	if at = latest(at, p.notBefore); at.After(now) {
		return nil, at.Sub(now)
	}
	c := &Permit{at: now, try: free.After(now)}
	if c.try {
		p.slots++
		p.trying = p.slots != p.limit
		p.tryAt = now.Add(tryEvery)
	}
	p.calls = append(p.calls, c)
	p.started++
	return c, 0
}

// forget drops the calls that neither a slot nor a late refusal can reach.
func (p *Pacer) forget(now time.Time) {
	p.calls = slices.DeleteFunc(p.calls, func(c *Permit) bool { return now.Sub(c.at) >= 3*time.Second })
	if p.slots == 0 {
		p.calls = slices.Delete(p.calls, 0, max(0, len(p.calls)-unboundedMemory))
	}
}

// freeAt returns the first moment, now or later, at which fewer than slots calls
// hold a slot.
func (p *Pacer) freeAt(slots int, now time.Time) time.Time {
	if p.slots == 0 || len(p.calls) < slots {
		return now
	}
	ends := make([]time.Time, len(p.calls))
	for i, c := range p.calls {
		ends[i] = p.ends(c, p.lateShare, now)
	}
	slices.SortFunc(ends, time.Time.Compare)
	return latest(now, ends[len(ends)-slots])
}

// ends returns when a call no longer counts at the vendor, if share of its delay
// was spent on the way there.
func (p *Pacer) ends(c *Permit, share float64, now time.Time) time.Time {
	took := c.took
	if took == 0 {
		took = now.Sub(c.at)
	}
	var late time.Duration
	if p.shortest > 0 {
		late = min(max(0, took-p.shortest), mostLate)
	}
	return c.at.Add(time.Second + leastMargin + time.Duration(share*float64(late)))
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// startRound gives up a slot at the beginning of each round, and then tries others.
func (p *Pacer) startRound(now time.Time) {
	round := now.Truncate(roundEvery)
	if round.Equal(p.round) { // not Before: the clock may be set back
		return
	}
	first := p.round.IsZero()
	p.round = round
	all := p.slots == p.limit
	if first || p.slots == 0 || p.trying || p.row > 0 || all && !p.shared && p.started < aloneSeconds*p.limit {
		return
	}
	// A slot is free a second after it was given up. The fewer slots a Pacer has,
	// the earlier it tries.
	p.tryAt = now.Add(1100*time.Millisecond + time.Duration(min(p.slots, 5))*200*time.Millisecond + p.random(200*time.Millisecond))
	if p.slots > 1 {
		p.slots--
	} else if all { // the only one: a Pacer that has none may take it
		p.notBefore = latest(p.notBefore, p.tryAt)
	}
	p.trying = p.slots != p.limit
	p.shared = p.shared && !all // until a refusal shows another program again
}

// Accepted reports that the vendor accepted a call.
func (p *Pacer) Accepted(c *Permit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.wake()
	now := time.Now()
	c.took = max(1, now.Sub(c.at))
	if p.shortest == 0 || c.took < p.shortest {
		p.shortest = c.took
	}
	p.lateShare = max(0, p.lateShare-p.lateDecay)
	if p.lateShare > 1 {
		p.lateShare -= 0.01
	}
	if c.try && p.trying {
		p.tryAt = now
	}
	p.row = 0
	switch p.hits++; {
	case p.misses == 1 && p.hits == 1: // one miss, then accepted: what took the limit is gone
		p.trying, p.tryAt = p.slots != p.limit, now
	case p.hits > 2:
		p.misses = 0
	}
}

// Refusal is what a Pacer concludes from a refused call.
type Refusal struct {
	// Late reports that calls of this Pacer which arrived late can be the reason:
	// the margin was widened. Otherwise another program uses the key, or the limit
	// is lower than configured: a slot was given up.
	Late bool
	// InARow is how many calls in a row the vendor refused while it accepted none.
	// The refusals of one burst count once.
	InARow int
}

// Refused reports that the vendor refused a call as one too many. after is how
// long the vendor asked to wait, or 0.
func (p *Pacer) Refused(c *Permit, after time.Duration) Refusal {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.wake()
	now := time.Now()
	c.took, c.refused = max(1, now.Sub(c.at)), true
	if after > 0 {
		p.notBefore = latest(p.notBefore, now.Add(after))
	}
	late := p.lateShare < 1.1 && p.explains(c, now)
	if late {
		p.lateShare = min(max(1, 2*p.lateShare), mostShare)
		p.lateDecay = 0.001
	} else {
		p.lose(c, now)
	}
	return Refusal{Late: late, InARow: p.row}
}

// Rate returns how many calls a second the Pacer allows now; 0: no bound.
func (p *Pacer) Rate() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.slots
}

// explains reports whether a call that arrived late can be why c was refused: c
// started after lateShare said that the late call no longer counts, and before
// that was certain (mostShare).
func (p *Pacer) explains(c *Permit, now time.Time) bool {
	return slices.ContainsFunc(p.calls, func(other *Permit) bool {
		return other.at.Before(c.at) && p.ends(other, mostShare, now).After(c.at) && !p.ends(other, p.lateShare, now).After(c.at)
	})
}

// lose gives up the slot of a refused call. The refusals of one burst leave as
// many slots as there are calls of the last second that were not refused.
func (p *Pacer) lose(c *Permit, now time.Time) {
	notRefused := 0 // calls of the last second, with or without an answer
	for _, other := range p.calls {
		if !other.refused && now.Sub(other.at) < time.Second {
			notRefused++
		}
	}
	another := c.at.After(p.lowered) // not of the burst that lowered slots last
	// A slot lost by a Pacer that had all is tried again once: the reason may
	// have passed.
	p.trying, p.tryAt = notRefused > 0 && p.slots == p.limit && !c.try, now.Add(time.Second+leastMargin)
	switch {
	case p.slots == 0 || notRefused == 0 || !another && notRefused < p.slots:
		p.slots = max(1, notRefused)
	case another:
		p.slots = max(1, p.slots-1)
	}
	p.shared, p.lowered = true, now
	if notRefused > 0 || !another {
		return
	}
	// The vendor accepts nothing: the next call starts when this one's slot ends.
	// If that is refused as well, the next ones start at moments that include those
	// at which others give up slots.
	p.hits = 0
	p.row++
	if p.misses++; p.misses > 1 {
		next := now.Truncate(missedEvery).Add(missedEvery)
		// now.Add keeps the monotonic clock: a clock that is set back must not
		// make the wait longer.
		p.notBefore = latest(p.notBefore, now.Add(next.Sub(now)+1100*time.Millisecond+p.random(200*time.Millisecond)))
	}
}

// wake makes Wait compute anew when the next call may start.
func (p *Pacer) wake() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}
