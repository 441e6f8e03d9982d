package app

import (
	"strings"
	"testing"

	"partnerlens/internal/watch"
)

// doctor says which of the two reasons for refusals a run has seen.
func TestRefusalsText(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		calls watch.Calls
		want  string // a part; "": nothing is said
	}{
		{"none", watch.Calls{Made: 1000, PerSecond: 5}, ""},
		{"a few", watch.Calls{Made: 1000, Refused: 30, RefusedLate: 4, PerSecond: 5}, ""},
		{"a short run", watch.Calls{Made: 10, Refused: 5, PerSecond: 5}, ""},
		{"another program", watch.Calls{Made: 100, Refused: 12, RefusedLate: 2, PerSecond: 3}, "12 of 100 calls were refused, and 3 a second were left at the end: another program"},
		{"jitter", watch.Calls{Made: 100, Refused: 12, RefusedLate: 11, PerSecond: 5}, "11 of 100 calls were refused because earlier calls had arrived late"},
	} {
		if got := refusalsText(test.calls); (test.want == "") != (got == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
