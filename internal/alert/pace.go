package alert

import (
	"context"
	"sync"
	"time"
)

// Pace keeps what is sent to one address as far apart as its vendor wants it,
// whichever run or account it is of: some refuse everything for minutes after too much.
// The zero Pace is ready. Safe for concurrent use.
type Pace struct {
	mu   sync.Mutex
	next map[string]time.Time // by address, as idOf
}

// apart is how far apart messages to one address are: the vendors take 20 a
// minute, 100 a minute and one a second (their pages are named where their messages
// are built; "Rate limits", docs.slack.dev, read November 2026).
func (t ChannelType) apart() time.Duration {
	switch t {
	case DingTalk, WeCom:
		return time.Minute / 19
	case Feishu:
		return time.Minute / 95
	case Slack:
		return time.Second
	}
	return 0
}

// wait waits until a message may go to the channel; false where there is no time.
func (p *Pace) wait(ctx context.Context, c *Channel) bool {
	apart := c.Type.apart()
	if apart == 0 {
		return true
	}
	address := idOf("address", c.URL.Reveal())
	p.mu.Lock()
	if p.next == nil {
		p.next = make(map[string]time.Time)
	}
	wait := max(0, time.Until(p.next[address]))
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		p.mu.Unlock()
		return false
	}
	p.next[address] = time.Now().Add(wait + apart)
	p.mu.Unlock()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
