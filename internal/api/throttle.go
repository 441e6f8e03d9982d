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
	sources map[netip.Prefix]tally
	swept   time.Time
}

type tally struct {
	until time.Time // the end of the count
	wrong int
}

// wrong counts a wrong key and returns how long its source has to wait; 0: not at all.
func (t *throttle) wrong(source netip.Prefix) time.Duration {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	seen, known := t.sources[source]
	if !known && len(t.sources) >= maxSources {
		t.makeRoom(now)
	}
	if !now.Before(seen.until) {
		seen = tally{until: now.Add(wrongKeysWithin)}
	}
	seen.wrong++
	if t.sources == nil {
		t.sources = make(map[netip.Prefix]tally)
	}
	t.sources[source] = seen
	if seen.wrong <= wrongKeys {
		return 0
	}
	return seen.until.Sub(now)
}

// sweepEvery is the least time between sweeps of all sources: a sweep for each wrong key
// would let a caller cause much work.
const sweepEvery = time.Second

// makeRoom removes the sources whose count has ended, or a random one if there are none.
func (t *throttle) makeRoom(now time.Time) {
	if now.Sub(t.swept) >= sweepEvery {
		t.swept = now
		for source, seen := range t.sources {
			if !now.Before(seen.until) {
				delete(t.sources, source)
			}
		}
	}
	for source := range t.sources {
		if len(t.sources) < maxSources {
			return
		}
		delete(t.sources, source)
	}
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
