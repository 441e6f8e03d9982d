package simulator

import "testing"

func TestUnmix(t *testing.T) {
	t.Parallel()
	for _, x := range []uint64{0, 1, 2, 1 << 40, 0xdeadbeef, 1<<64 - 1} {
		if got := unmix(mix(x)); got != x {
			t.Errorf("unmix(mix(%d)) = %d", x, got)
		}
	}
}
