package alert

import (
	"context"
	"sync"
	"time"

	"partnerlens/pkg/core"
)

// Pace keeps messages to one address as far apart as its vendor requires, whatever run or
// account they are of: some vendors refuse all messages for minutes after too many. The
// zero Pace is ready, and is safe for concurrent use.
type Pace struct {
	mu   sync.Mutex
	next map[string]time.Time // by address, hashed
}

// wait waits until a message may go to the channel. It returns false if ctx ends before.
func (p *Pace) wait(ctx context.Context, c *Channel) bool {
	every := mailEvery
	if chat := chats[c.Type]; chat != nil {
		every = chat.every
	} else if c.Type != Email {
		return true
	}
	wait, ok := p.reserve(ctx, hashID("address", c.URL.Reveal()), every)
	return ok && core.Sleep(ctx, wait) == nil
}

// reserve returns how long to wait for the next message to an address. ok is false, and
// nothing is reserved, if ctx ends before.
func (p *Pace) reserve(ctx context.Context, address string, every time.Duration) (wait time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wait = max(0, time.Until(p.next[address]))
	if deadline, limited := ctx.Deadline(); limited && time.Until(deadline) <= wait {
		return 0, false
	}
	if p.next == nil {
		p.next = make(map[string]time.Time)
	}
	p.next[address] = time.Now().Add(wait + every)
	return wait, true
}
