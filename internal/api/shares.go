package api

import (
	"sync"
	"time"

	"partnerlens/pkg/core"
)

// shares are a number of places that callers take. A caller gets another one only while more
// are free than it holds: one caller alone gets half of them, two a third each, and however
// many take all they can, one that holds none finds one free, up to as many callers as there
// are places. Safe for concurrent use.
type shares struct {
	mu   sync.Mutex
	free int
	held map[string]int // by the caller's share
}

func newShares(places int) *shares { return &shares{free: places, held: make(map[string]int)} }

// retrySoon is how long a caller waits where no place is free for it.
const retrySoon = time.Second

// take takes a place, which release gives back. The error is for a caller that has its share,
// and for the case that no place is free.
func (s *shares) take(c caller) (release func(), err error) {
	share := c.share()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.free == 0:
		return nil, &core.Error{Code: core.CodeTooMany, Detail: "too many requests at once; come back in a moment", RetryAfter: retrySoon}
	case s.held[share] >= s.free:
		return nil, &core.Error{Code: core.CodeTooMany, Detail: "too many requests of this caller at once; ask again when an earlier one is answered", RetryAfter: retrySoon}
	}
	s.free--
	s.held[share]++
	return func() { s.giveBack(share) }, nil
}

func (s *shares) giveBack(share string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free++
	if s.held[share]--; s.held[share] == 0 {
		delete(s.held, share)
	}
}
