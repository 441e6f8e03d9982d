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
	const day, clock = len("2006-01-02"), len("2006-01-02T15:04:05")
	if text == "" || UnsetDate(text) {
		return at, NoTime, nil
	}
	// Rewrite the text as RFC 3339, for which package time has a strict reader,
	// three times as fast as the one for layouts.
	rfc := make([]byte, 0, 64)
	switch {
	case len(text) == day:
		form = ZonelessDay
		rfc = append(append(rfc, text...), "T00:00:00Z"...)
	case len(text) < clock || len(text) > cap(rfc)-len(":00") || text[day] != ' ' && text[day] != 'T' && text[day] != 't':
		return at, NoTime, errTime
	default:
		form = ZonelessTime
		rfc = append(append(append(rfc, text[:day]...), 'T'), text[day+1:clock]...)
		fraction, offset := splitFraction(text[clock:])
		rfc = append(rfc, fraction...)
		if offset == "" {
			rfc = append(rfc, 'Z')
			break
		}
		form = ZonedTime
		rfc = appendOffset(rfc, offset)
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
	const shape = "0000-00"
	if len(text) < len(shape) {
		return false
	}
	for i := range len(shape) {
		if isDigit := '0' <= text[i] && text[i] <= '9'; (shape[i] == '0') != isDigit || !isDigit && text[i] != '-' {
			return false
		}
	}
	year := text[:4]
	return year == "0000" || year == "0001" || year == "1970"
}

// splitFraction splits the text behind the seconds. ISO 8601 also allows a comma
// before the fraction.
func splitFraction(text string) (fraction []byte, offset string) {
	if text == "" || text[0] != '.' && text[0] != ',' {
		return nil, text
	}
	end := 1
	for end < len(text) && '0' <= text[end] && text[end] <= '9' {
		end++
	}
	fraction = append(fraction, text[:end]...)
	fraction[0] = '.'
	return fraction, text[end:]
}

// appendOffset appends an offset from UTC in the form of RFC 3339. Any other text
// stays as it is, and is refused later.
func appendOffset(b []byte, offset string) []byte {
	switch {
	case offset == "z":
		return append(b, 'Z')
	case offset[0] != '+' && offset[0] != '-':
		return append(b, offset...)
	case len(offset) == len("+08"):
		return append(append(b, offset...), ":00"...)
	case len(offset) == len("+0800"):
		return append(append(append(b, offset[:3]...), ':'), offset[3:]...)
	}
	return append(b, offset...)
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
