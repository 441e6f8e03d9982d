package api

import (
	"sync"
	"time"

	"partnerlens/pkg/core"
)

// shares divide a number of places among callers. A caller gets another place only while
// more are free than it holds: a single caller gets half of them, two get a third each, and
// a caller that holds none finds one free, up to as many callers as there are places. Safe
// for concurrent use.
type shares struct {
	mu   sync.Mutex
	free int
	held map[string]int // by caller.share
}

func newShares(places int) *shares { return &shares{free: places, held: make(map[string]int)} }

// retrySoon is the Retry-After of a caller that gets no place.
const retrySoon = time.Second

// take takes a place; release returns it. take returns an error if the caller has its share
// or no place is free.
func (s *shares) take(c caller) (release func(), err error) {
	share := c.share()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.free == 0:
		return nil, &core.Error{Code: core.CodeTooMany, Detail: "too many requests at once; try again in a moment", RetryAfter: retrySoon}
	case s.held[share] >= s.free:
		return nil, &core.Error{Code: core.CodeTooMany, Detail: "too many requests of this caller at once; try again when an earlier one is answered", RetryAfter: retrySoon}
	}
	s.free--
	s.held[share]++
	return func() { s.release(share) }, nil
}

func (s *shares) release(share string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free++
	if s.held[share]--; s.held[share] == 0 {
		delete(s.held, share)
	}
}
