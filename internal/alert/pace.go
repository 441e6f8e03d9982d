package alert

import (
	"context"
	"sync"
	"time"
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
	chat := chats[c.Type]
	if chat == nil {
		return true
	}
	address := hashID("address", c.URL.Reveal())
	p.mu.Lock()
	wait := max(0, time.Until(p.next[address]))
	inTime := !endsWithin(ctx, wait)
	if inTime {
		if p.next == nil {
			p.next = make(map[string]time.Time)
		}
		p.next[address] = time.Now().Add(wait + chat.every)
	}
	p.mu.Unlock()
	return inTime && sleep(ctx, wait)
}

// endsWithin reports whether ctx's deadline is no later than after a wait.
func endsWithin(ctx context.Context, wait time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) <= wait
}

// sleep waits. It returns false if ctx ends before.
func sleep(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
