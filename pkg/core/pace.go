package core

import (
	"context"
	"time"
)

// Pacer spaces the calls of one account to one API so that none is refused:
// one Pacer for each, shared by all that read with it. Safe for concurrent use.
//
// It starts at most so many calls in any window of a second and a margin. A
// bucket that refills evenly would be refused: it lets calls through that a server which counts a
// sliding second sees as one too many.
//
// Refusals come all the same where the same key is used elsewhere, or where the limit is not
// known. Each halves the number; every window without one doubles it, up
// to what was let through before the refusal, and from there it grows by one, ever more seldom.
type Pacer struct {
	turn chan struct{} // held by the one that waits for its start: calls start in the order they came
	in   chan struct{} // guards what follows

	most    int // calls in a window as configured; 0: no bound
	ceiling int // what was let through before the last refusal; 0: no refusal yet
	allowed int // calls in a window now; 0: no bound
	recent  []*Permit
	refused time.Time // the last refusal
	learned bool      // it told a ceiling
	raised  time.Time // when allowed or ceiling last changed
	notTill time.Time // the cloud asked to wait until then
}

// Permit is one call that a Pacer let go.
type Permit struct {
	at      time.Time
	refused bool
}

const (
	// paceWindow is a second and a margin for calls that overtake each other on
	// their way to the server.
	paceWindow = 1020 * time.Millisecond
	// probeEvery is how many windows go by before the ceiling is tried again.
	probeEvery = 20
	// unboundedMemory is how many starts are kept where nothing bounds them.
	unboundedMemory = 1024
)

// NewPacer gives a Pacer for at most perSecond calls a second; 0 is for a
// limit that is not known: no bound until the first refusal.
func NewPacer(perSecond int) *Pacer {
	return &Pacer{
		turn: make(chan struct{}, 1), in: make(chan struct{}, 1),
		most: max(perSecond, 0), allowed: max(perSecond, 0),
	}
}

func (p *Pacer) lock()   { p.in <- struct{}{} }
func (p *Pacer) unlock() { <-p.in }

// Wait returns when the next call may start, and counts it as started; what
// it gives names the call to Refused. Its error is ctx's. Where the wait would end after ctx's deadline it returns
// context.DeadlineExceeded at once: there is nothing to wait for.
func (p *Pacer) Wait(ctx context.Context) (*Permit, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p.lock()
		now := time.Now()
		wait := p.next(now).Sub(now)
		if wait <= 0 {
			call := &Permit{at: now}
			p.recent = append(p.recent, call)
			p.unlock()
			return call, nil
		}
		p.unlock()
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// sleep waits, or says at once that there is no time to.
func sleep(ctx context.Context, wait time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
		return context.DeadlineExceeded
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// next is when the next call may start.
func (p *Pacer) next(now time.Time) time.Time {
	p.forget(now)
	p.grow(now)
	at := now
	if p.allowed > 0 && len(p.recent) >= p.allowed {
		at = p.recent[len(p.recent)-p.allowed].at.Add(paceWindow)
	}
	if p.notTill.After(at) {
		at = p.notTill
	}
	return at
}

// forget drops the starts that no window reaches any more, and that no refusal
// of a call of the last two does.
func (p *Pacer) forget(now time.Time) {
	drop := 0
	for drop < len(p.recent) && now.Sub(p.recent[drop].at) >= 3*paceWindow {
		drop++
	}
	if p.allowed == 0 {
		drop = max(drop, len(p.recent)-unboundedMemory)
	}
	p.recent = append(p.recent[:0], p.recent[drop:]...)
}

// grow gives back what refusals took.
func (p *Pacer) grow(now time.Time) {
	if p.ceiling == 0 {
		return
	}
	switch {
	case p.allowed < p.ceiling && now.Sub(p.raised) >= paceWindow:
		p.allowed = min(p.allowed*2, p.ceiling)
		p.raised = now
	case p.allowed == p.ceiling && (p.most == 0 || p.ceiling < p.most) && now.Sub(p.raised) >= probeEvery*paceWindow:
		p.ceiling++
		p.allowed = p.ceiling
		p.raised = now
	}
}

// Refused tells of a call that the cloud refused as one too many; after is how
// long it asked to wait, 0 where it did not say. The refusals of one burst count
// once.
func (p *Pacer) Refused(call *Permit, after time.Duration) {
	p.lock()
	defer p.unlock()
	now := time.Now()
	if until := now.Add(after); after > 0 && until.After(p.notTill) {
		p.notTill = until
	}
	call.refused = true
	ceiling := max(1, p.mostLet())
	if p.most > 0 {
		ceiling = min(ceiling, p.most)
	}
	if !call.at.After(p.refused) { // of the burst that was refused already
		if p.learned {
			p.ceiling = min(p.ceiling, ceiling)
			p.allowed = min(p.allowed, max(1, p.ceiling/2))
		}
		return
	}
	p.refused, p.raised = now, now
	// Below the ceiling a refusal tells nothing about it: what was let through
	// was what was allowed.
	if p.learned = p.ceiling == 0 || p.allowed == p.ceiling; p.learned {
		p.ceiling = ceiling
		p.allowed = ceiling
	}
	p.allowed = max(1, p.allowed/2)
}

// mostLet is the most calls of any window lately that were not refused. It is not
// those of the refused call's own window alone: where a call was refused because it
// overtook others, most of what was let through lies just before that.
func (p *Pacer) mostLet() (most int) {
	for i, first := range p.recent {
		let := 0
		for _, other := range p.recent[i:] {
			if !other.refused && other.at.Sub(first.at) < paceWindow {
				let++
			}
		}
		most = max(most, let)
	}
	return most
}
