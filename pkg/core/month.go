package core

import (
	"fmt"
	"time"
)

// Month is a calendar month without a zone: which instants it covers depends
// on whose month it is, so the zone is asked for where it matters.
type Month struct {
	year  int
	month time.Month
}

// ParseMonth reads YYYY-MM.
func ParseMonth(text string) (Month, error) {
	t, err := time.Parse("2006-01", text)
	if err != nil || len(text) != len("2006-01") {
		return Month{}, fmt.Errorf("not a month written YYYY-MM")
	}
	return Month{t.Year(), t.Month()}, nil
}

// MonthOf is the month that t falls in, in t's own zone.
func MonthOf(t time.Time) Month { return Month{t.Year(), t.Month()} }

// String gives YYYY-MM.
func (m Month) String() string { return fmt.Sprintf("%04d-%02d", m.year, int(m.month)) }

// Add gives the month n months later; n may be negative.
func (m Month) Add(n int) Month {
	return MonthOf(time.Date(m.year, m.month+time.Month(n), 1, 0, 0, 0, 0, time.UTC))
}

// Start is the first instant of the month in zone.
func (m Month) Start(zone *time.Location) time.Time {
	return time.Date(m.year, m.month, 1, 0, 0, 0, 0, zone)
}

// End is the first instant after the month in zone.
func (m Month) End(zone *time.Location) time.Time { return m.Add(1).Start(zone) }

// MarshalText gives String.
func (m Month) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what ParseMonth reads.
func (m *Month) UnmarshalText(text []byte) (err error) {
	*m, err = ParseMonth(string(text))
	return err
}
