package api

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestThrottle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var throttle throttle
		here, there := sourceOf("203.0.113.10:1"), sourceOf("203.0.113.11:1")
		for i := range wrongKeys {
			if wait := throttle.wrong(here); wait != 0 {
				t.Fatalf("wrong key %d has to wait %s", i+1, wait)
			}
			time.Sleep(time.Second)
		}
		if wait := throttle.wrong(here); wait != wrongKeysWithin-wrongKeys*time.Second {
			t.Errorf("one too many has to wait %s", wait)
		}
		if wait := throttle.wrong(there); wait != 0 {
			t.Errorf("another source has to wait %s", wait)
		}
		time.Sleep(throttle.wrong(here) - 1)
		if wait := throttle.wrong(here); wait != 1 {
			t.Errorf("too early by a nanosecond has to wait %s", wait)
		}
		time.Sleep(time.Nanosecond)
		for i := range wrongKeys {
			if wait := throttle.wrong(here); wait != 0 {
				t.Errorf("wrong key %d after the wait has to wait %s", i+1, wait)
			}
		}
		if wait := throttle.wrong(here); wait != wrongKeysWithin {
			t.Errorf("one too many after the wait has to wait %s", wait)
		}
	})
}

func TestThrottleIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var throttle throttle
		old := sourceOf("203.0.113.10:1")
		throttle.wrong(old)
		time.Sleep(wrongKeysWithin)
		for i := range 2 * maxSources {
			throttle.wrong(sourceOf(fmt.Sprintf("[2001:db8:%x:%x::1]:1", i>>16, i&0xffff)))
			if len(throttle.sources) > maxSources {
				t.Fatalf("%d sources are remembered", len(throttle.sources))
			}
		}
		if _, still := throttle.sources[old]; still || len(throttle.sources) != maxSources {
			t.Errorf("%d sources are remembered, the old one among them: %t", len(throttle.sources), still)
		}
	})
}

func TestSourceOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ a, b string }{
		{"203.0.113.10:1", "203.0.113.10:2"},
		{"203.0.113.10:1", "203.0.113.10"},
		{"203.0.113.10:1", "[::ffff:203.0.113.10]:1"},
		{"[2001:db8::1]:1", "[2001:db8::ffff:2]:1"},
		{"[fe80::1%eth0]:1", "[fe80::1%eth1]:1"},
		{"", "nonsense"},
	} {
		if sourceOf(test.a) != sourceOf(test.b) {
			t.Errorf("%q and %q are not one source", test.a, test.b)
		}
	}
	for _, test := range []struct{ a, b string }{
		{"203.0.113.10:1", "203.0.113.11:1"},
		{"[2001:db8::1]:1", "[2001:db8:0:1::1]:1"},
		{"", "0.0.0.0:1"},
	} {
		if sourceOf(test.a) == sourceOf(test.b) {
			t.Errorf("%q and %q are one source", test.a, test.b)
		}
	}
}
