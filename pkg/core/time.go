package core

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// TimeForm is how precise a vendor's time is.
type TimeForm int

// The forms.
const (
	NoTime       TimeForm = iota // there is none
	ZonelessDay                  // a day
	ZonelessTime                 // a day and a time of day
	ZonedTime                    // the same with an offset from UTC: an exact moment
)

var errTime = errors.New("not a time in a form that the vendor documents")

// ParseTime reads a time in every form that the vendors document: YYYY-MM-DD,
// optionally with a time of day after a space or a T, a fraction of a second, and
// an offset from UTC (Z, +08:00, +0800 or +08). A time without an offset is in
// zone.
//
// The empty text means that there is no time. So do the years 0000, 0001 and
// 1970: programs write the zero of their type for a date that is not set. at is
// in UTC, and zero if there is no time.
func ParseTime(text string, zone *time.Location) (at time.Time, form TimeForm, err error) {
	const day, clock = len(time.DateOnly), len(time.DateTime)
	if text == "" || UnsetDate(text) {
		return at, NoTime, nil
	}
	// Rewrite the text as RFC 3339, for which package time has a strict reader,
	// three times as fast as the one for layouts.
	rfc := append(make([]byte, 0, 64), text...)
	switch {
	case len(text) == day:
		form = ZonelessDay
		rfc = append(rfc, "T00:00:00Z"...)
	case len(text) < clock || len(text) > 64 || text[day] != ' ' && text[day] != 'T' && text[day] != 't':
		return at, NoTime, errTime
	default:
		form, rfc[day] = ZonedTime, 'T'
		if len(text) > clock && text[clock] == ',' { // before a fraction, as ISO 8601 allows
			rfc[clock] = '.'
		}
		switch offset := strings.TrimLeft(text[clock:], ".,0123456789"); {
		case offset == "":
			form = ZonelessTime
			rfc = append(rfc, 'Z')
		case offset == "z":
			rfc[len(rfc)-1] = 'Z'
		case len(offset) == len("+08"):
			rfc = append(rfc, ":00"...)
		case len(offset) == len("+0800"):
			rfc = append(rfc[:len(rfc)-2], ":"+offset[3:]...)
		}
	}
	if at.UnmarshalText(rfc) != nil {
		return time.Time{}, NoTime, errTime
	}
	if at = at.UTC(); form != ZonedTime {
		// As time.Date does: use the zone's offset at that hour or, if the clocks
		// change in between, the one after the change.
		wall := at
		_, offset := wall.In(zone).Zone()
		at = wall.Add(-time.Duration(offset) * time.Second)
		if _, there := at.In(zone).Zone(); there != offset {
			at = wall.Add(-time.Duration(there) * time.Second)
		}
	}
	switch year := at.Year(); {
	case year == 1970 && form == ZonedTime: // the zero of Unix, written in another zone
		return time.Time{}, NoTime, nil
	case year < 1 || year > 9999: // RFC 3339 has no other years
		return time.Time{}, NoTime, errTime
	}
	return at, form, nil
}

// UnsetDate reports whether text begins with a month of a year that means no
// date.
func UnsetDate(text string) bool {
	year, rest, _ := strings.Cut(text, "-")
	return (year == "0000" || year == "0001" || year == "1970") && len(rest) >= 2 && strings.Trim(rest[:2], "0123456789") == ""
}

// Month is a calendar month without a zone. The instants that it covers depend
// on the zone.
type Month struct {
	year  int
	month time.Month
}

// ParseMonth reads YYYY-MM.
func ParseMonth(text string) (Month, error) {
	// time.Parse takes a tenth of the CPU of a page of tags.
	if year, month, ok := strings.Cut(text, "-"); ok && len(year) == 4 && len(month) == 2 {
		y, badYear := strconv.ParseUint(year, 10, 16)
		m, badMonth := strconv.ParseUint(month, 10, 8)
		if badYear == nil && badMonth == nil && 1 <= m && m <= 12 {
			return Month{int(y), time.Month(m)}, nil
		}
	}
	return Month{}, errors.New("not a month written YYYY-MM")
}

// MonthOf returns the month that t falls in, in t's own zone.
func MonthOf(t time.Time) Month { return Month{t.Year(), t.Month()} }

// String returns YYYY-MM.
func (m Month) String() string { return fmt.Sprintf("%04d-%02d", m.year, int(m.month)) }

// Add returns the month n months later; n may be negative.
func (m Month) Add(n int) Month {
	return MonthOf(time.Date(m.year, m.month+time.Month(n), 1, 0, 0, 0, 0, time.UTC))
}

// Start returns the first instant of the month in zone.
func (m Month) Start(zone *time.Location) time.Time {
	return time.Date(m.year, m.month, 1, 0, 0, 0, 0, zone)
}

// End returns the first instant after the month in zone.
func (m Month) End(zone *time.Location) time.Time { return m.Add(1).Start(zone) }

// MarshalText returns String.
func (m Month) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what ParseMonth reads.
func (m *Month) UnmarshalText(text []byte) (err error) {
	*m, err = ParseMonth(string(text))
	return err
}
