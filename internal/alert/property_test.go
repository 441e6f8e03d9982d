package alert

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"partnerlens/pkg/core"
)

// For any course of a balance, each condition is told once per crossing: what was
// told is not told again before it closed, and nothing closes that was not open.
func TestEachCrossingIsToldOnce(t *testing.T) {
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
			now := moment(day)
			now.First = day == 0
			alerts, is := evaluate(t, r, now, before, after, state)
			kinds := kindsOf(alerts)
			if !slices.IsSortedFunc(kinds, compareKinds) {
				t.Fatalf("day %d: %v are not worst first", day, kinds)
			}
			for _, kind := range kinds {
				switch kind {
				case CreditLow, CreditExhausted, CreditOverdrawn, CreditForced:
					if open[kind] {
						t.Fatalf("day %d: %s is told again", day, kind)
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
				t.Fatalf("the baseline tells %v", kinds)
			}
			// What is told is what was not open and is.
			for _, kind := range []Kind{CreditLow, CreditExhausted, CreditOverdrawn, CreditForced} {
				_, isOpen := is.Open[kind]
				if told := slices.Contains(kinds, kind); told && !isOpen {
					t.Fatalf("day %d: %s is told and not remembered", day, kind)
				}
				open[kind] = isOpen
			}
			if c, ok := after.(*core.CustomerCredit); ok && c.Status != core.CreditUnknown {
				// Whatever is worse than all that was told, is told.
				if level := openLevel(is.Open); c.Status != core.CreditForced && level < levelOf(c.Status) {
					t.Fatalf("day %d: %s is not remembered: %v", day, c.Status, is.Open)
				}
				if _, stopped := is.Open[CreditForced]; c.Forced != nil && stopped != *c.Forced {
					t.Fatalf("day %d: %s and stopped %v", day, c.Status, stopped)
				}
			}
			before, state = after, is
		}
	})
}

// Hovering within the margins is told once for each level, however long.
func TestHoveringIsToldOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		around := rapid.SampledFrom([][]string{
			{"95", "100", "100.01", "105", "110"},
			{"-10", "-0.01", "0", "0.01", "10"},
		}).Draw(t, "around")
		days := append([]string{"500"}, rapid.SliceOfN(rapid.SampledFrom(around), 1, 30).Draw(t, "days")...)
		told := make(map[string]int)
		for _, kinds := range play(t, nil, days...) {
			told[kinds]++
		}
		delete(told, "")
		for kind, times := range told {
			if times > 1 || kind == string(CreditRecovered) {
				t.Fatalf("%s %d times over %q", kind, times, days)
			}
		}
	})
}
