package alert

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"partnerlens/pkg/core"
)

// State is what is remembered of a customer from run to run. The zero State is
// of a customer not seen before, and means forget where Evaluate gives it. It is kept
// for everyone: what is empty is left out, and a typical one takes 300 bytes.
type State struct {
	Key     string          `json:"key,omitempty"`
	Status  string          `json:"status,omitempty"`  // the last one that was known
	Open    map[Kind]string `json:"open,omitempty"`    // conditions that were told and are not over: since when
	AtStop  string          `json:"at_stop,omitempty"` // while stopped by force: what the balance was at the stop
	Told    Dates           `json:"told,omitempty"`    // the expiries that were reported last: moments, or a tag's months
	History History         `json:"history,omitempty"` // what remained
	Values  []string        `json:"values,omitempty"`  // unknown values of the tag that were alerted
}

// Empty says whether there is nothing to remember.
func (s State) Empty() bool { return s.Key == "" }

// clone is a State that may be changed without changing s.
func (s State) clone() State {
	open := make(map[Kind]string, len(s.Open)+1)
	for kind, since := range s.Open {
		open[kind] = since
	}
	s.Open = open
	s.History = append(History(nil), s.History...)
	s.Values = append([]string(nil), s.Values...)
	return s
}

// Dates are the last dates that were reported, oldest first: a vendor's "nearest" date
// can alternate between two. In JSON they are one text, with blanks between.
type Dates []string

const maxDates = 4

// add adds a date, and says whether it was not among them.
func (d *Dates) add(date string) bool {
	if slices.Contains(*d, date) {
		return false
	}
	*d = append(slices.Clone((*d)[max(0, len(*d)-maxDates+1):]), date)
	return true
}

// MarshalText writes them.
func (d Dates) MarshalText() ([]byte, error) { return []byte(strings.Join(d, " ")), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Dates) UnmarshalText(text []byte) error {
	*d = strings.Fields(string(text))
	return nil
}

// Point is what remained when a day was first seen.
type Point struct {
	Day       time.Time // midnight UTC of the day's date in the vendor's zone
	Remaining core.Money
}

// History is what remained on the last days on which there was a run, oldest
// first. In JSON it is one text: "2026-11-09=100.00 +1=99.50 +3=98.00", each day told
// by its distance from the one before.
type History []Point

const (
	maxPoints    = 14
	dayLayout    = "2006-01-02"
	oneDay       = 24 * time.Hour
	maxPointText = 24 // characters; an amount that takes more is not kept: State stays small
)

// add puts in what remained at a moment. There is one point a day, the first: so
// points are a day apart, however often there is a run, and today's, which is under way,
// does not count as a whole one.
func (h History) add(at time.Time, remaining core.Money) History {
	year, month, date := at.In(core.VendorZone).Date()
	day := time.Date(year, month, date, 0, 0, 0, 0, time.UTC)
	for len(h) > 0 && h[len(h)-1].Day.After(day) { // a clock that was ahead
		h = h[:len(h)-1]
	}
	if len(h) > 0 && h[len(h)-1].Day.Equal(day) {
		return h
	}
	if len(remaining.String()) > maxPointText {
		return h
	}
	h = append(h, Point{day, remaining})
	return h[max(0, len(h)-maxPoints):]
}

// MarshalText writes it.
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

// UnmarshalText reads what MarshalText writes.
func (h *History) UnmarshalText(text []byte) error {
	*h = nil
	var last time.Time
	for i, word := range strings.Fields(string(text)) {
		day, amount, ok := strings.Cut(word, "=")
		remaining, err := core.ParseMoney(amount)
		if !ok || err != nil || i >= maxPoints {
			return errHistory
		}
		if i == 0 {
			last, err = time.Parse(dayLayout, day)
		} else {
			var days int
			days, err = strconv.Atoi(strings.TrimPrefix(day, "+"))
			if days < 1 || days > 10_000 {
				err = errHistory
			}
			last = last.AddDate(0, 0, days)
		}
		if err != nil {
			return errHistory
		}
		*h = append(*h, Point{last, remaining})
	}
	return nil
}
