package core

import (
	"strings"
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		form       TimeForm
		want       string // RFC 3339; "": none
	}{
		{"the usual form", "2026-12-01 00:00:00", ZonelessTime, "2026-11-30T16:00:00Z"},
		{"a day", "2026-12-01", ZonelessDay, "2026-11-30T16:00:00Z"},
		{"a T and no zone", "2026-12-01T00:00:00", ZonelessTime, "2026-11-30T16:00:00Z"},
		{"ISO 8601 with an offset", "2026-12-01T00:00:00+08:00", ZonedTime, "2026-11-30T16:00:00Z"},
		{"an offset without a colon", "2026-12-01T00:00:00+0800", ZonedTime, "2026-11-30T16:00:00Z"},
		{"an offset in hours", "2026-12-01T00:00:00+08", ZonedTime, "2026-11-30T16:00:00Z"},
		{"an offset after a space", "2026-12-01 00:00:00+08:00", ZonedTime, "2026-11-30T16:00:00Z"},
		{"another offset", "2026-11-30T11:00:00-05:00", ZonedTime, "2026-11-30T16:00:00Z"},
		{"half an hour", "2026-11-30T21:30:00+05:30", ZonedTime, "2026-11-30T16:00:00Z"},
		{"Z", "2026-11-30T16:00:00Z", ZonedTime, "2026-11-30T16:00:00Z"},
		{"small letters", "2026-11-30t16:00:00z", ZonedTime, "2026-11-30T16:00:00Z"},
		{"a fraction", "2026-12-01T00:00:00.250+08:00", ZonedTime, "2026-11-30T16:00:00.25Z"},
		{"a fraction without a zone", "2026-12-01 00:00:00.5", ZonelessTime, "2026-11-30T16:00:00.5Z"},
		{"a fraction after a comma", "2026-12-01T00:00:00,123456789Z", ZonedTime, "2026-12-01T00:00:00.123456789Z"},
		{"a leap day", "2028-02-29 23:59:59", ZonelessTime, "2028-02-29T15:59:59Z"},
		{"the last year there is", "9999-12-31 23:59:59", ZonelessTime, "9999-12-31T15:59:59Z"},

		{"empty", "", NoTime, ""},
		{"zeros", "0000-00-00", NoTime, ""},
		{"zeros with a time of day", "0000-00-00 00:00:00", NoTime, ""},
		{"zeros in ISO 8601", "0000-00-00T00:00:00Z", NoTime, ""},
		{"the year 0", "0000-01-01", NoTime, ""},
		{"the year 1", "0001-01-01T00:00:00Z", NoTime, ""},
		{"the zero of Unix", "1970-01-01 00:00:00", NoTime, ""},
		{"the zero of Unix, by another clock", "1970-01-01 08:00:00", NoTime, ""},
		{"the zero of Unix, west of Greenwich", "1969-12-31T19:00:00-05:00", NoTime, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			at, form, err := ParseTime(test.text, VendorZone)
			got := ""
			if !at.IsZero() {
				got = at.Format(time.RFC3339Nano)
			}
			if err != nil || form != test.form || got != test.want || at.Location() != time.UTC {
				t.Errorf("ParseTime(%q) = %s, %d, %v, want %s, %d", test.text, at, form, err, test.want, test.form)
			}
		})
	}
}

func TestParseTimeRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"-", "0", "2026", "2026-12", "2026-13-01", "2023-02-29", "2026-12-01 24:00:00", "2026-12-01 00:00", "2026-12-01T00:00Z",
		"2026-12-01 00:00:60", "2026-12-01 0:00:00", "2026/12/01", "20261201", "01.12.2026", " 2026-12-01", "2026-12-01 ",
		"2026-12-01 00:00:00 +08:00", "2026-12-01T00:00:00+08:00[Asia/Shanghai]", "2026-12-01T00:00:00+25:00", "2026-12-01T00:00:00+8",
		"2026-12-01T00:00:00.", "2026-12-01T00:00:00.Z", "2026-12-01T00:00:00CST", "2026-12-01+08:00", "1700000000", "1700000000000",
		"19x0-01-01", "٢٠٢٦-١٢-٠١", "9999-12-31T23:59:59-05:00", "10000-01-01", "2026-12-01T00:00:00." + strings.Repeat("0", 80) + "Z",
	} {
		if at, form, err := ParseTime(text, VendorZone); err == nil || !at.IsZero() {
			t.Errorf("ParseTime(%q) = %s, %d, want an error", text, at, form)
		}
	}
}

// FuzzParseTime holds what is read to package time's own reading of the same forms.
func FuzzParseTime(f *testing.F) {
	for _, seed := range []string{"", "2026-12-01", "2026-12-01 00:00:00", "2026-12-01T00:00:00.5+0800", "0000-00-00", "1969-12-31T19:00:00-05:00", "9999-12-31"} {
		f.Add(seed)
	}
	layouts := []string{
		time.DateOnly, time.DateTime, "2006-01-02T15:04:05", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07",
		"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z0700", "2006-01-02 15:04:05Z07",
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, form, err := ParseTime(text, VendorZone)
		if (form == NoTime) != at.IsZero() || err != nil && form != NoTime {
			t.Fatalf("ParseTime(%q) = %s, %d, %v", text, at, form, err)
		}
		if form == NoTime {
			return
		}
		if _, err := at.MarshalText(); err != nil {
			t.Fatalf("ParseTime(%q) cannot be written: %v", text, err)
		}
		upper := strings.ReplaceAll(strings.ReplaceAll(text, "t", "T"), "z", "Z")
		for _, layout := range layouts {
			if want, err := time.ParseInLocation(layout, upper, VendorZone); err == nil && want.Equal(at) {
				return
			}
		}
		t.Fatalf("ParseTime(%q) = %s, which package time does not read so", text, at)
	})
}
