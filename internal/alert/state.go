package alert

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"partnerlens/pkg/core"
)

// State is what Evaluate remembers of a customer from run to run. The zero State is that of
// a customer not seen before; a zero State from Evaluate means that there is nothing to store.
// Every customer has one, so empty fields are left out; a typical State takes 300 bytes.
type State struct {
	Key      string          `json:"key,omitempty"`
	Status   string          `json:"status,omitempty"`   // the last known one
	Open     map[Kind]string `json:"open,omitempty"`     // the conditions that are not over: since when
	Muted    []Kind          `json:"muted,omitempty"`    // of Open, those that were not reported because the customer was muted
	AtStop   string          `json:"at_stop,omitempty"`  // during a forced stop: the balance's status at its start
	Reported Dates           `json:"told,omitempty"`     // the last reported expiries: times, or a tag's months
	Vouchers Dates           `json:"vouchers,omitempty"` // the last reported expiries of vouchers
	History  History         `json:"history,omitempty"`  // of the balance
	Values   []string        `json:"values,omitempty"`   // the tag's undocumented values that were reported
}

// Empty reports whether there is nothing to remember.
func (s State) Empty() bool { return s.Key == "" }

// clone returns a copy that shares nothing with s.
func (s State) clone() State {
	open := make(map[Kind]string, len(s.Open)+1)
	maps.Copy(open, s.Open)
	s.Open, s.Muted, s.History, s.Values = open, slices.Clone(s.Muted), slices.Clone(s.History), slices.Clone(s.Values)
	return s
}

// Dates are the dates that were reported last, oldest first: a vendor's "nearest" date can
// alternate between several. Their text separates them by spaces.
type Dates []string

const maxDates = 4

// add adds a date and reports whether it is new.
func (d *Dates) add(date string) bool {
	if slices.Contains(*d, date) {
		return false
	}
	*d = append(slices.Clone((*d)[max(0, len(*d)-maxDates+1):]), date)
	return true
}

// MarshalText implements encoding.TextMarshaler.
func (d Dates) MarshalText() ([]byte, error) { return []byte(strings.Join(d, " ")), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Dates) UnmarshalText(text []byte) error {
	*d = strings.Fields(string(text))
	return nil
}

// Point is the balance at the first run of a day.
type Point struct {
	Day       time.Time // midnight UTC of the day's date in the vendor's zone
	Remaining core.Money
}

// History has the balances of the last days with a run, oldest first. Its text is
// "2026-11-09=100.00 +1=99.50 +3=98.00": each later day as the distance from the one before.
type History []Point

const (
	maxPoints    = 14
	dayLayout    = "2006-01-02"
	oneDay       = 24 * time.Hour
	maxPointText = 24 // characters; a longer amount is left out, so that State stays small
)

// add adds the balance at a time. Only the first balance of a day counts: points are then
// a day apart, however often runs are, and the current day does not count as a whole one.
func (h History) add(at time.Time, remaining core.Money) History {
	year, month, date := at.In(core.VendorZone).Date()
	day := time.Date(year, month, date, 0, 0, 0, 0, time.UTC)
	for len(h) > 0 && h[len(h)-1].Day.After(day) { // from a clock that was ahead
		h = h[:len(h)-1]
	}
	if len(h) > 0 && h[len(h)-1].Day.Equal(day) || len(remaining.String()) > maxPointText {
		return h
	}
	h = append(h, Point{day, remaining})
	return h[max(0, len(h)-maxPoints):]
}

// MarshalText implements encoding.TextMarshaler.
func (h History) MarshalText() ([]byte, error) {
	var b []byte
	for i, point := range h {
		if i == 0 {
			b = point.Day.AppendFormat(b, dayLayout)
		} else {
			b = append(b, " +"...)
			b = strconv.AppendInt(b, int64(point.Day.Sub(h[i-1].Day)/oneDay), 10)
		}
		b = append(b, '=')
		b = append(b, point.Remaining.String()...)
	}
	return b, nil
}

var errHistory = errors.New("not a history")

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *History) UnmarshalText(text []byte) error {
	*h = nil
	for i, field := range strings.Fields(string(text)) {
		at, amount, ok := strings.Cut(field, "=")
		remaining, err := core.ParseMoney(amount)
		if !ok || err != nil || i >= maxPoints {
			return errHistory
		}
		var day time.Time
		if i == 0 {
			day, err = time.Parse(dayLayout, at)
		} else {
			var days int
			days, err = strconv.Atoi(strings.TrimPrefix(at, "+"))
			if days < 1 || days > 10_000 {
				return errHistory
			}
			day = (*h)[i-1].Day.AddDate(0, 0, days)
		}
		if err != nil {
			return errHistory
		}
		*h = append(*h, Point{day, remaining})
	}
	return nil
}

const (
	minPoints   = 3   // fewer show no rate of use
	minSpan     = 2   // days that they must cover
	maxDaysLeft = 365 // larger estimates are cut to this
	maxStep     = 0.6 // of the whole fall: a larger step is a single purchase
)

// daysLeft estimates in how many whole days the balance is used up, by the median use a day
// since the last top-up. It is nil where there are too few points, where most days use
// nothing, where one step is most of the fall, and where nothing remains. It is an estimate
// and uses floats; amounts never do.
func (h History) daysLeft(remaining core.Money) *int {
	if len(h) == 0 || remaining.Sign() <= 0 || remaining.Cmp(h[len(h)-1].Remaining) > 0 { // a top-up today
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
	var used []float64 // on each day; days without a run get an equal share
	greatest := 0.0
	for i := 1; i < len(h); i++ {
		step, days := floatOf(h[i-1].Remaining)-floatOf(h[i].Remaining), int(h[i].Day.Sub(h[i-1].Day)/oneDay)
		greatest = max(greatest, step)
		used = append(used, slices.Repeat([]float64{step / float64(days)}, days)...)
	}
	slices.Sort(used)
	median := (used[(len(used)-1)/2] + used[len(used)/2]) / 2
	if median <= 0 || greatest > maxStep*(floatOf(h[0].Remaining)-floatOf(h[len(h)-1].Remaining)) {
		return nil
	}
	return new(int(min(floatOf(remaining)/median, maxDaysLeft)))
}

func floatOf(m core.Money) float64 {
	f, _ := strconv.ParseFloat(m.String(), 64)
	return f
}
