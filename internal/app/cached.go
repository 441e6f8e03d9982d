package app

import "sync"

// cached is what was built last, while it is built from the same. A failure is not cached.
// Safe for concurrent use.
type cached[K interface{ Equal(K) bool }, V any] struct {
	mu   sync.Mutex
	from *K
	v    V
}

// of returns what build returns, or has returned for the same from.
func (c *cached[K, V]) of(from K, build func() (V, error)) (v V, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.from != nil && (*c.from).Equal(from) {
		return c.v, nil
	}
	if v, err = build(); err == nil {
		c.from, c.v = &from, v
	}
	return v, err
}
