package api

import (
	"net/netip"
	"sync"
	"time"
)

// Each source is limited to some wrong keys a minute. Valid keys are not limited, so that
// a source cannot lock out other callers behind the same address.
const (
	wrongKeys       = 10 // within wrongKeysWithin; each further one gets status 429
	wrongKeysWithin = time.Minute
	// maxSources bounds the memory to some 400 KiB. Beyond it, each new source replaces
	// another: a key cannot be guessed with any number of sources.
	maxSources = 4096
)

// throttle counts wrong keys. The zero value is ready to use. Safe for concurrent use.
type throttle struct {
	mu      sync.Mutex
	sources map[netip.Prefix]int
	until   time.Time // when all counts end
}

// wrong counts a wrong key and returns how long its source has to wait; 0: not at all.
func (t *throttle) wrong(source netip.Prefix) time.Duration {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if !now.Before(t.until) {
		t.sources, t.until = make(map[netip.Prefix]int), now.Add(wrongKeysWithin)
	}
	if _, known := t.sources[source]; !known && len(t.sources) >= maxSources {
		for other := range t.sources {
			delete(t.sources, other)
			break
		}
	}
	t.sources[source]++
	if t.sources[source] <= wrongKeys {
		return 0
	}
	return t.until.Sub(now)
}

// sourceOf returns the source of a request: an IPv4 address, or the /64 network of an IPv6
// address, since one subscriber has a whole network. Unknown addresses are one source.
func sourceOf(remoteAddr string) netip.Prefix {
	address := addressOf(remoteAddr)
	bits := 32
	if address.Is6() {
		bits = 64
	}
	network, err := address.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return network
}

// addressOf reads "address:port" or an address. It returns the zero Addr for any other text.
func addressOf(remoteAddr string) netip.Addr {
	if both, err := netip.ParseAddrPort(remoteAddr); err == nil {
		return both.Addr().Unmap().WithZone("")
	}
	address, _ := netip.ParseAddr(remoteAddr)
	return address.Unmap().WithZone("")
}
