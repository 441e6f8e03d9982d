package app

import (
	"testing"

	"partnerlens/internal/alert"
)

// What accounts hold in memory while they are read side by side is bounded for
// all of them together.
func TestPartSizeIsSharedByAccounts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ accounts, want int }{
		{1, 20_000}, {2, 10_000}, {3, 6_666}, {10, 2_000}, {50, 2_000},
	} {
		job, err := new(Watcher).job(t.Context(), Composed{Entry: &Credit}, plan{accounts: test.accounts, alerts: &alert.Config{}}, Settings{}, "2026-11-21")
		if err != nil || job.PartSize != test.want {
			t.Errorf("of %d accounts each holds %d records, want %d; %v", test.accounts, job.PartSize, test.want, err)
		}
	}
}
