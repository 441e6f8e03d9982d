package core

import (
	"context"
	"sync"
	"time"
)

// Pacer spaces the calls of one account to one API, so that the vendor refuses
// none. All Readers of the account and API share it. Safe for concurrent use.
//
// It starts at most so many calls in any window of a second and a margin. A
// token bucket would not do: a server that counts a sliding second refuses some
// of the calls that an evenly refilled bucket permits.
//
// The vendor still refuses calls if the same key is used elsewhere, or if the
// limit is not known. Each refusal halves the number of calls in a window. Each
// window without a refusal doubles it, up to the ceiling: what the vendor
// accepted before the refusal. From there it grows by one, rarely.
type Pacer struct {
	queue chan struct{} // held by the caller that waits for the next permit, so that calls start in order

	mu      sync.Mutex
	most    int // calls in a window as configured; 0: no bound
	ceiling int // calls in a window that the vendor accepted; 0: no refusal yet
	allowed int // calls in a window now; 0: no bound
	recent  []*Permit
	refused time.Time // the last refusal
	learned bool      // the last refusal showed a ceiling
	raised  time.Time // when allowed or ceiling last changed
	notTill time.Time // the vendor asked to wait until then
}

// Permit is the permission for one call.
type Permit struct {
	at      time.Time
	refused bool
}

const (
	// paceWindow is a second and a margin, since a call may overtake another on
	// its way to the server.
	paceWindow = 1020 * time.Millisecond
	// probeEvery is how many windows pass before the ceiling is raised.
	probeEvery = 20
	// unboundedMemory is how many permits are kept if there is no bound.
	unboundedMemory = 1024
)

// NewPacer returns a Pacer for at most perSecond calls a second. With 0 there is
// no bound until the first refusal.
func NewPacer(perSecond int) *Pacer {
	return &Pacer{
		queue: make(chan struct{}, 1),
		most:  max(perSecond, 0), allowed: max(perSecond, 0),
	}
}

// Wait waits until the next call may start, and counts it as started. The Permit
// names the call to Refused. The error is ctx's; it is
// context.DeadlineExceeded at once if the wait would end after ctx's deadline.
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
		p.mu.Lock()
		now := time.Now()
		wait := p.next(now).Sub(now)
		if wait <= 0 {
			permit := &Permit{at: now}
			p.recent = append(p.recent, permit)
			p.mu.Unlock()
			return permit, nil
		}
		p.mu.Unlock()
		if err := Sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// Sleep waits. It returns context.DeadlineExceeded at once if the wait would end
// after ctx's deadline.
func Sleep(ctx context.Context, wait time.Duration) error {
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

// next returns when the next call may start.
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

// forget drops the permits that neither a window nor a late refusal can reach.
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

// grow raises what refusals lowered.
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

// Refused reports that the vendor refused a call as one too many. after is how
// long the vendor asked to wait, or 0. The refusals of one burst count once.
func (p *Pacer) Refused(permit *Permit, after time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if until := now.Add(after); after > 0 && until.After(p.notTill) {
		p.notTill = until
	}
	permit.refused = true
	ceiling := max(1, p.mostAccepted())
	if p.most > 0 {
		ceiling = min(ceiling, p.most)
	}
	if !permit.at.After(p.refused) { // another of the same burst
		if p.learned {
			p.ceiling = min(p.ceiling, ceiling)
			p.allowed = min(p.allowed, max(1, p.ceiling/2))
		}
		return
	}
	p.refused, p.raised = now, now
	// A refusal below the ceiling shows no ceiling: no more calls were allowed
	// than the vendor accepted.
	if p.learned = p.ceiling == 0 || p.allowed == p.ceiling; p.learned {
		p.ceiling = ceiling
		p.allowed = ceiling
	}
	p.allowed = max(1, p.allowed/2)
}

// mostAccepted returns the most calls of any recent window that the vendor
// accepted. The refused call's own window is not enough: if the call overtook
// others, most of the accepted calls are just before that window.
func (p *Pacer) mostAccepted() (most int) {
	for i, first := range p.recent {
		accepted := 0
		for _, other := range p.recent[i:] {
			if !other.refused && other.at.Sub(first.at) < paceWindow {
				accepted++
			}
		}
		most = max(most, accepted)
	}
	return most
}
