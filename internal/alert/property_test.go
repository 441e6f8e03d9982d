package alert

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"partnerlens/pkg/core"
)

// For any sequence of balances, each condition is reported once per crossing: not again
// before it closes, and no condition closes that was not open.
func TestEachCrossingIsReportedOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		amounts := []string{"500", "120", "110.01", "110", "105", "100", "99", "50", "10.01", "10", "1", "0", "-0.01", "-50", "", "forced 500", "forced 50", "forced -1", "unflagged 500", "unflagged -1", "-"}
		days := rapid.SliceOfN(rapid.SampledFrom(amounts), 1, 40).Draw(t, "days")
		r := &Rules{HysteresisPercent: rapid.SampledFrom([]int{0, 1, 10, 50}).Draw(t, "hysteresis")}
		open := make(map[Kind]bool)
		var before, after core.Record
		var state State
		for day, left := range days {
			after = nil
			if left != "-" {
				after = credit(t, left)
			}
			now := runOn(day)
			now.First = day == 0
			alerts, next := evaluate(t, r, now, before, after, state)
			kinds := kindsOf(alerts)
			if !slices.IsSortedFunc(kinds, compareKinds) {
				t.Fatalf("day %d: %v are not worst first", day, kinds)
			}
			for _, kind := range kinds {
				switch kind {
				case CreditLow, CreditExhausted, CreditOverdrawn, CreditForced:
					if open[kind] {
						t.Fatalf("day %d: %s is reported again", day, kind)
					}
				case CreditFreed:
					if !open[CreditForced] {
						t.Fatalf("day %d: freed without having been stopped", day)
					}
				case CreditRecovered:
					if !open[CreditLow] && !open[CreditExhausted] && !open[CreditOverdrawn] {
						t.Fatalf("day %d: recovered from nothing", day)
					}
				}
				if before == nil && kind == CustomerGone || before != nil && kind == CustomerNew {
					t.Fatalf("day %d: %s", day, kind)
				}
			}
			if (before == nil) != (after == nil) && day > 0 && !slices.Contains(kinds, CustomerNew) && !slices.Contains(kinds, CustomerGone) {
				t.Fatalf("day %d: neither new nor gone", day)
			}
			if day == 0 && len(kinds) > 0 {
				t.Fatalf("the baseline reports %v", kinds)
			}
			// A reported condition is open now and was not before.
			for _, kind := range []Kind{CreditLow, CreditExhausted, CreditOverdrawn, CreditForced} {
				_, isOpen := next.Open[kind]
				if slices.Contains(kinds, kind) && !isOpen {
					t.Fatalf("day %d: %s is reported and not remembered", day, kind)
				}
				open[kind] = isOpen
			}
			if c, ok := after.(*core.CustomerCredit); ok && c.Status != core.CreditUnknown {
				// The level is at least the status.
				if level := openLevel(next.Open); c.Status != core.CreditForced && level < levelOf(c.Status) {
					t.Fatalf("day %d: %s is not remembered: %v", day, c.Status, next.Open)
				}
				if _, stopped := next.Open[CreditForced]; c.Forced != nil && stopped != *c.Forced {
					t.Fatalf("day %d: %s and stopped %v", day, c.Status, stopped)
				}
			}
			before, state = after, next
		}
	})
}

// A balance within the margins is reported once for each level, however long it stays.
func TestHoveringIsReportedOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		around := rapid.SampledFrom([][]string{
			{"95", "100", "100.01", "105", "110"},
			{"-10", "-0.01", "0", "0.01", "10"},
		}).Draw(t, "around")
		days := append([]string{"500"}, rapid.SliceOfN(rapid.SampledFrom(around), 1, 30).Draw(t, "days")...)
		reported := make(map[string]int)
		for _, kinds := range play(t, nil, days...) {
			reported[kinds]++
		}
		delete(reported, "")
		for kind, times := range reported {
			if times > 1 || kind == string(CreditRecovered) {
				t.Fatalf("%s %d times over %q", kind, times, days)
			}
		}
	})
}
