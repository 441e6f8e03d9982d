package api

import (
	"net/netip"
	"sync"
	"time"
)

// Wrong keys are slowed for each source. What a source has tried is forgotten
// after a minute, so that nobody stays shut out, and right keys are never asked
// about it, so that nobody can shut another out behind the same address.
const (
	wrongKeys       = 10 // answered as such within wrongKeysWithin; further ones are told to wait
	wrongKeysWithin = time.Minute
	// maxSources bounds the memory: some 400 KiB. Beyond it one is forgotten for each new
	// one: a key cannot be guessed with any number of sources anyway.
	maxSources = 4096
)

// throttle counts wrong keys. Safe for concurrent use. The zero throttle has
// counted none.
type throttle struct {
	mu      sync.Mutex
	sources map[netip.Prefix]tally
	swept   time.Time
}

type tally struct {
	until time.Time // when it is forgotten
	wrong int
}

// wrong counts a wrong key, and gives how long its source is to wait; 0: it
// need not.
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

// sweepEvery is how often all sources are looked at, at most: to do so for each
// wrong key would be work that somebody can make us do.
const sweepEvery = time.Second

// makeRoom forgets what may be forgotten, and one at random where nothing may.
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

// sourceOf gives what counts as one source: an address, or the network of an
// IPv6 one, of which one customer of a provider has as many as it likes. All
// whose address is not told are one.
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

// addressOf reads "address:port", or an address alone; the zero Addr is for what is neither.
func addressOf(remoteAddr string) netip.Addr {
	if both, err := netip.ParseAddrPort(remoteAddr); err == nil {
		return both.Addr().Unmap().WithZone("")
	}
	address, _ := netip.ParseAddr(remoteAddr)
	return address.Unmap().WithZone("")
}
