package alert

import (
	"slices"
	"strconv"

	"partnerlens/pkg/core"
)

const (
	minPoints   = 3   // fewer tell no pace
	minSpan     = 2   // days that they must cover
	maxDaysLeft = 365 // a year or more is told as a year
	maxStep     = 0.6 // of the whole fall: one purchase is no pace
)

// daysLeft estimates in how many whole days nothing of what remains is left, at the
// pace since the last top-up: the median of what was used a day. nil where there are too
// few points, where on most days nothing is used, where one step makes most of the
// fall, and where nothing is left already. It goes through floats, as an estimate may;
// no amount does.
func (h History) daysLeft(remains core.Money) *int {
	if len(h) == 0 || remains.Sign() <= 0 || remains.Cmp(h[len(h)-1].Remaining) > 0 { // topped up today
		return nil
	}
	start := 0
	for i := 1; i < len(h); i++ {
		if h[i].Remaining.Cmp(h[i-1].Remaining) > 0 {
			start = i
		}
	}
	h = h[start:]
	if len(h) < minPoints || h[len(h)-1].Day.Sub(h[0].Day) < minSpan*oneDay {
		return nil
	}
	var used []float64 // on each day; of days without a run, their share
	greatest := 0.0
	for i := 1; i < len(h); i++ {
		step, days := floatOf(h[i-1].Remaining)-floatOf(h[i].Remaining), int(h[i].Day.Sub(h[i-1].Day)/oneDay)
		greatest = max(greatest, step)
		used = append(used, slices.Repeat([]float64{step / float64(days)}, days)...)
	}
	slices.Sort(used)
	pace := (used[(len(used)-1)/2] + used[len(used)/2]) / 2
	if pace <= 0 || greatest > maxStep*(floatOf(h[0].Remaining)-floatOf(h[len(h)-1].Remaining)) {
		return nil
	}
	days := maxDaysLeft
	if estimate := floatOf(remains) / pace; estimate < maxDaysLeft {
		days = int(estimate)
	}
	return &days
}

func floatOf(m core.Money) float64 {
	f, _ := strconv.ParseFloat(m.String(), 64)
	return f
}
