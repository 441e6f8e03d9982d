package core

import (
	"testing"
	"time"
)

func TestTagEnds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		before, now string // when the runs began
		was, is     string // "Y 2026-11"; "": not there
		want        TagEnds
	}{
		{"ended with its month", "2026-11-30T01:00:00Z", "2026-12-01T01:00:00Z", "Y 2026-11", "N 2026-11", TagEnds{LastValid: 1, New: 1}},
		{"ended as its month began", "2026-11-30T01:00:00Z", "2026-12-01T01:00:00Z", "Y 2026-12", "N 2026-12", TagEnds{FirstInvalid: 1, New: 1}},
		{"the vendor takes the month away, too", "2026-11-30T01:00:00Z", "2026-12-01T01:00:00Z", "Y 2026-11", "N", TagEnds{LastValid: 1, New: 1}},
		{"turned two days late", "2026-12-02T01:00:00Z", "2026-12-03T01:00:00Z", "Y 2026-11", "N 2026-11", TagEnds{LastValid: 1, New: 1}},
		{"turned two days late, by the other reading", "2026-12-02T01:00:00Z", "2026-12-03T01:00:00Z", "Y 2026-12", "N 2026-12", TagEnds{FirstInvalid: 1, New: 1}},
		{"within the hour", "2026-11-30T15:30:00Z", "2026-11-30T16:30:00Z", "Y 2026-11", "N 2026-11", TagEnds{LastValid: 1, New: 1}},
		{"an hour before the vendor's midnight", "2026-11-30T14:30:00Z", "2026-11-30T15:30:00Z", "Y 2026-11", "N 2026-11", TagEnds{}},
		{"runs a week apart", "2026-11-27T01:00:00Z", "2026-12-04T01:00:00Z", "Y 2026-11", "N 2026-11", TagEnds{LastValid: 1, New: 1}},
		{"runs five weeks apart: either may be", "2026-10-30T01:00:00Z", "2026-12-04T01:00:00Z", "Y 2026-11", "N 2026-11", TagEnds{}},

		{"taken away in mid-month", "2026-11-15T01:00:00Z", "2026-11-16T01:00:00Z", "Y 2026-11", "N 2026-11", TagEnds{}},
		{"taken away long before its month", "2026-11-30T01:00:00Z", "2026-12-01T01:00:00Z", "Y 2027-06", "N 2027-06", TagEnds{}},
		{"taken away long after its month", "2026-12-20T01:00:00Z", "2026-12-21T01:00:00Z", "Y 2026-11", "N 2026-11", TagEnds{}},
		{"another month beside it", "2026-11-30T01:00:00Z", "2026-12-01T01:00:00Z", "Y 2026-11", "N 2026-12", TagEnds{}},
		{"fell below the bar", "2026-11-30T01:00:00Z", "2026-12-01T01:00:00Z", "Y 2026-11", "UNDETERMINED", TagEnds{}},
		{"turned into a value that is not known", "2026-11-30T01:00:00Z", "2026-12-01T01:00:00Z", "Y 2026-11", "Y_UNDETERMINED 2026-11", TagEnds{}},
		{"never was", "2026-11-30T01:00:00Z", "2026-12-01T01:00:00Z", "N", "N 2026-11", TagEnds{}},
		{"has no month", "2026-11-30T01:00:00Z", "2026-12-01T01:00:00Z", "Y", "N", TagEnds{}},
		{"is new", "2026-11-30T01:00:00Z", "2026-12-01T01:00:00Z", "", "N 2026-11", TagEnds{}},
		{"is gone", "2026-11-30T01:00:00Z", "2026-12-01T01:00:00Z", "Y 2026-11", "", TagEnds{}},

		{"still Y in its month", "2026-11-29T01:00:00Z", "2026-11-30T01:00:00Z", "Y 2026-11", "Y 2026-11", TagEnds{}},
		{"still Y a day after it", "2026-11-30T01:00:00Z", "2026-12-01T01:00:00Z", "Y 2026-11", "Y 2026-11", TagEnds{}},
		{"still Y a week after it", "2026-12-06T01:00:00Z", "2026-12-07T01:00:00Z", "Y 2026-11", "Y 2026-11", TagEnds{Unturned: 1}},
		{"new, and Y long after it", "2026-12-06T01:00:00Z", "2026-12-07T01:00:00Z", "", "Y 2026-01", TagEnds{Unturned: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			at := func(text string) time.Time {
				at, err := time.Parse(time.RFC3339, text)
				if err != nil {
					t.Fatal(err)
				}
				return at
			}
			got := (*TagEnds)(nil).Note(tagOf(t, test.was), tagOf(t, test.is), at(test.before), at(test.now))
			if test.is == "" && got == nil {
				got = new(TagEnds)
			}
			if *got != test.want {
				t.Errorf("Note = %+v, want %+v", *got, test.want)
			}
		})
	}
}

// tagOf is a customer whose tag is "Y 2026-11"; nil for "".
func tagOf(t *testing.T, text string) Record {
	t.Helper()
	if text == "" {
		return nil
	}
	c := &CustomerTag{CustomerID: "c"}
	c.Tag.Value = text
	if n := len(text) - len(" 2026-11"); n > 0 && text[n] == ' ' {
		m, err := ParseMonth(text[n+1:])
		if err != nil {
			t.Fatal(err)
		}
		c.Tag.Value, c.ExpireMonth = text[:n], &m
	}
	return c
}

func TestTagEndsShow(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		ends *TagEnds
		want ExpireReading
	}{
		{nil, ""}, {&TagEnds{Unturned: 3}, ""}, {&TagEnds{LastValid: 1}, LastValid}, {&TagEnds{FirstInvalid: 2}, FirstInvalid},
		{&TagEnds{LastValid: 9, FirstInvalid: 1}, ""},
	} {
		if got := test.ends.Shows(); got != test.want {
			t.Errorf("%+v shows %q, want %q", test.ends, got, test.want)
		}
	}
	seen := &TagEnds{LastValid: 2, FirstInvalid: 1, New: 3, Unturned: 4}
	if next := seen.Next(); *next != (TagEnds{LastValid: 2, FirstInvalid: 1}) || (*TagEnds)(nil).Next() != nil {
		t.Errorf("Next = %+v", next)
	}
	if e := (*TagEnds)(nil).Note(nil, new(CustomerCredit), time.Time{}, time.Time{}); e != nil {
		t.Errorf("of a credit: %+v", e)
	}
}
