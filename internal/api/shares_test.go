package api

import (
	"fmt"
	"testing"

	"partnerlens/pkg/core"
)

// Callers that take as many places as they get have equal shares, and leave as many free.
func TestShares(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ places, callers, each int }{
		{64, 1, 32}, {64, 2, 21}, {64, 3, 16}, {64, 31, 2}, {64, 63, 1}, {64, 64, 1}, {1, 1, 1}, {2, 1, 1}, {3, 1, 2},
	} {
		s := newShares(test.places)
		held := make(map[string]int)
		var release []func()
		for took := true; took; {
			took = false
			for i := range test.callers {
				c := caller{method: authKey, name: fmt.Sprint(i)}
				free, err := s.take(c)
				if err == nil {
					held[c.name]++
					release, took = append(release, free), true
				} else if core.CodeOf(err) != core.CodeTooMany || core.AsError(err).RetryAfter == 0 {
					t.Fatalf("%+v: take = %v", test, err)
				}
			}
		}
		for name, n := range held {
			if n < test.each || n > test.each+1 {
				t.Errorf("%+v: caller %s holds %d", test, name, n)
			}
		}
		if test.callers < test.places {
			if _, err := s.take(caller{method: authKey, name: "new"}); err != nil {
				t.Errorf("%+v: a caller that holds none gets no place: %v", test, err)
			} else {
				s.release("key new")
			}
		}
		for _, free := range release {
			free()
		}
		if s.free != test.places || len(s.held) != 0 {
			t.Errorf("%+v: afterwards %d are free, held are %v", test, s.free, s.held)
		}
	}
}

// A key and a principal of the same name are different callers.
func TestSharesDistinguishCallers(t *testing.T) {
	t.Parallel()
	s := newShares(2)
	if _, err := s.take(caller{method: authKey, name: "x"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.take(caller{method: authKey, name: "x"}); err == nil {
		t.Error("one caller gets the last place beside its own")
	}
	if _, err := s.take(caller{method: authPlatform, name: "x"}); err != nil {
		t.Errorf("another caller gets no place: %v", err)
	}
}
