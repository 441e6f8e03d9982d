package alert

import "strconv"

const (
	minPoints   = 3   // fewer make no line
	minSpan     = 2   // days that they must cover
	maxDaysLeft = 365 // a year or more is told as a year
)

// daysLeft estimates in how many whole days nothing is left, at the pace since
// the last top-up: a line through the points by least squares. nil where there are too
// few points, where nothing is used, and where nothing is left already. It goes
// through floats, as an estimate may; no amount does.
func (h History) daysLeft() *int {
	if len(h) == 0 || h[len(h)-1].Remaining.Sign() <= 0 {
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
	n, x, y, xx, xy, left := float64(len(h)), 0.0, 0.0, 0.0, 0.0, 0.0
	for _, point := range h {
		day := point.Day.Sub(h[0].Day).Hours() / 24
		left, _ = strconv.ParseFloat(point.Remaining.String(), 64)
		x, y, xx, xy = x+day, y+left, xx+day*day, xy+day*left
	}
	slope := (n*xy - x*y) / (n*xx - x*x)
	if !(slope < 0) {
		return nil
	}
	days := maxDaysLeft
	if estimate := left / -slope; estimate < maxDaysLeft {
		days = int(estimate)
	}
	return &days
}
