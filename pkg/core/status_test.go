package core

import (
	"strconv"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

func TestStatusOfCredit(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	tests := []struct {
		name                 string
		forced               *bool
		allocated, remaining string
		low                  string
		want                 CreditStatus
	}{
		{"plenty", &no, "100.00", "99", "", CreditOK},
		{"at a tenth, the default", &no, "100.00", "10.00", "", CreditLow},
		{"a hair above a tenth", &no, "100.00", "10.000000000001", "", CreditOK},
		{"at the amount", &no, "1000", "50", "50.00", CreditLow},
		{"above the amount", &no, "1000", "50.01", "50.00", CreditOK},
		{"a percentage with a fraction", &no, "1000", "125", "12.5%", CreditLow},
		{"nothing left", &no, "100", "0.00", "", CreditExhausted},
		{"nothing given, nothing left", &no, "0", "0", "", CreditExhausted},
		{"a cent below nothing", &no, "100", "-0.01", "", CreditOverdrawn},
		{"forced wins over overdrawn", &yes, "100", "-50", "", CreditForced},
		{"forced, and nothing else known", &yes, "", "", "", CreditForced},
		{"the flag is missing: plenty", nil, "100", "99", "", CreditOK},
		{"the flag is missing: low", nil, "100", "10", "", CreditLow},
		{"the flag is missing: nothing left", nil, "100", "0", "", CreditExhausted},
		{"the flag is missing: overdrawn", nil, "1000", "-480", "", CreditOverdrawn},
		{"the flag is missing, and what remains", nil, "100", "", "", CreditUnknown},
		{"overdrawn needs no allocation", &no, "", "-5", "", CreditOverdrawn},
		{"what remains is missing", &no, "100", "", "", CreditUnknown},
		{"a percentage of what is missing", &no, "", "5", "10%", CreditUnknown},
		{"an amount needs no allocation", &no, "", "5", "10", CreditLow},
		{"more left than given", &no, "10", "100", "", CreditOK},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var low Threshold
			if test.low != "" {
				var err error
				if low, err = ParseThreshold(test.low); err != nil {
					t.Fatal(err)
				}
			}
			credit := Credit{}
			if test.allocated != "" {
				m := money(t, test.allocated)
				credit.Allocated = &m
			}
			if test.remaining != "" {
				m := money(t, test.remaining)
				credit.Remaining = &m
			}
			if got := StatusOfCredit(test.forced, credit, low); got != test.want {
				t.Errorf("StatusOfCredit = %s, want %s", got, test.want)
			}
		})
	}
}

func TestParseThreshold(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"10%", "0", "250.00", "0.5%", "100%"} {
		if got, err := ParseThreshold(text); err != nil || got.String() != text {
			t.Errorf("ParseThreshold(%q) = %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "%", "-1", "101%", "ten", "10 %", "1e99"} {
		if got, err := ParseThreshold(text); err == nil {
			t.Errorf("ParseThreshold(%q) = %s, want an error", text, got)
		}
	}
}

func TestSettleTag(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, value, expire, asOf string
		want                      TagStatus
		expiresAt                 string
		days                      int // -1: null
		rules                     Rules
	}{
		{"holds", "Y", "2026-12", "2026-11-21T12:00:00Z", TagQualified, "2026-12-31T16:00:00Z", 40, Rules{}},
		{"last second", "Y", "2026-11", "2026-11-30T15:59:59Z", TagQualified, "2026-11-30T16:00:00Z", 0, Rules{}},
		{"a second later, by the vendor's clock", "Y", "2026-11", "2026-11-30T16:00:00Z", TagLapsed, "2026-11-30T16:00:00Z", -1, Rules{}},
		{"holds without an end", "Y", "", "2026-11-21T12:00:00Z", TagQualified, "", -1, Rules{}},
		{"lapsed", "N", "2026-10", "2026-11-21T12:00:00Z", TagLapsed, "2026-10-31T16:00:00Z", -1, Rules{}},
		{"never was", "N", "", "2026-11-21T12:00:00Z", TagNotNew, "", -1, Rules{}},
		{"taken away early", "N", "2027-03", "2026-11-21T12:00:00Z", TagNotNew, "2027-03-31T16:00:00Z", -1, Rules{}},
		{"below the bar", "UNDETERMINED", "", "2026-11-21T12:00:00Z", TagUndetermined, "", -1, Rules{}},
		{"no real name", "", "", "2026-11-21T12:00:00Z", TagUnverified, "", -1, Rules{}},
		{"a new word", "MAYBE", "", "2026-11-21T12:00:00Z", TagUnknown, "", -1, Rules{}},
		{"leap day", "Y", "2028-02", "2028-02-29T12:00:00Z", TagQualified, "2028-02-29T16:00:00Z", 0, Rules{}},
		{"for ever, or nearly", "Y", "9999-12", "2026-11-21T12:00:00Z", TagQualified, "9999-12-31T16:00:00Z", 2912118, Rules{}},
		{"by the other reading: holds", "Y", "2026-12", "2026-11-21T12:00:00Z", TagQualified, "2026-11-30T16:00:00Z", 9, Rules{ExpireMonth: FirstInvalid}},
		{"by the other reading: last second", "Y", "2026-12", "2026-11-30T15:59:59Z", TagQualified, "2026-11-30T16:00:00Z", 0, Rules{ExpireMonth: FirstInvalid}},
		{"by the other reading: a second later", "Y", "2026-12", "2026-11-30T16:00:00Z", TagLapsed, "2026-11-30T16:00:00Z", -1, Rules{ExpireMonth: FirstInvalid}},
		{"by the other reading: lapsed", "N", "2026-11", "2026-11-21T12:00:00Z", TagLapsed, "2026-10-31T16:00:00Z", -1, Rules{ExpireMonth: FirstInvalid}},
		{"the reading, written out", "Y", "2026-12", "2026-11-21T12:00:00Z", TagQualified, "2026-12-31T16:00:00Z", 40, Rules{ExpireMonth: LastValid}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			asOf, err := time.Parse(time.RFC3339, test.asOf)
			if err != nil {
				t.Fatal(err)
			}
			c := CustomerTag{CustomerID: "c", Tag: Tag{"SMB", test.value}}
			if test.expire != "" {
				m, err := ParseMonth(test.expire)
				if err != nil {
					t.Fatal(err)
				}
				c.ExpireMonth = &m
			}
			c.Evaluate("default", asOf, test.rules)
			days := -1
			if c.DaysLeft != nil {
				days = *c.DaysLeft
			}
			if c.Status != test.want || timeText(c.ExpiresAt) != test.expiresAt || days != test.days {
				t.Errorf("Evaluate: %s, %s, %d days, want %s, %s, %d", c.Status, timeText(c.ExpiresAt), days, test.want, test.expiresAt, test.days)
			}
		})
	}
}

// A tag with a month that cannot be read is neither one that holds for ever nor one that
// never was.
func TestSettleTagOfAnUnreadMonth(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]TagStatus{"Y": TagUnknown, "N": TagUnknown, "UNDETERMINED": TagUndetermined, "": TagUnverified, "Y_UNDETERMINED": TagUnknown} {
		c := CustomerTag{CustomerID: "c", Tag: Tag{"SMB", value}, Unreadable: []string{ExpireTimeMember}}
		if c.Evaluate("default", time.Now(), Rules{}); c.Status != want || c.ExpiresAt != nil || c.DaysLeft != nil {
			t.Errorf("%q: %s, %v, %v, want %s", value, c.Status, c.ExpiresAt, c.DaysLeft, want)
		}
		if c.ValueUnknown() != (value == "Y_UNDETERMINED") {
			t.Errorf("%q: ValueUnknown = %t", value, c.ValueUnknown())
		}
	}
}

func TestParseExpireReading(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]ExpireReading{"last_valid": LastValid, "first_invalid": FirstInvalid, "": "", "Last_Valid": "", "both": ""} {
		if got, err := ParseExpireReading(text); got != want || (err == nil) != (want != "") {
			t.Errorf("ParseExpireReading(%q) = %q, %v", text, got, err)
		}
	}
}

// A time with an offset is a moment; without one it is taken as the configured zone's and
// as UTC's, and a day as all of it.
func TestCreatedBetween(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC) // 12:00 in the vendor's zone
	end := start.Add(10 * time.Minute)
	for _, test := range []struct {
		written string
		want    bool
	}{
		{"2026-11-21 12:05:00", true},
		{"2026-11-21 11:44:00", false},
		{"2026-11-21 11:46:00", true}, // clocks differ
		{"2026-11-21 12:26:00", false},
		{"2026-11-21 04:05:00", true}, // in UTC
		{"2026-11-21 03:44:00", false},
		{"2026-11-21T12:05:00+08:00", true},
		{"2026-11-21T04:05:00Z", true},
		{"2026-11-21T04:05:00+08:00", false}, // the same digits, and no doubt
		{"2026-11-21T12:05:00Z", false},
		{"2026-11-21", true},
		{"2026-11-20", false},
		{"2026-11-19", false},
		{"2026-11-22", false},
	} {
		at, _, err := ParseTime(test.written, VendorZone)
		if err != nil {
			t.Fatal(err)
		}
		c := CustomerCredit{AssociatedAt: &at, Vendor: CreditVendor{AssociationTime: jsontext.Value(strconv.Quote(test.written))}}
		if got := c.CreatedBetween(start, end); got != test.want {
			t.Errorf("CreatedBetween of %s = %t, want %t", test.written, got, test.want)
		}
	}
	if c := new(CustomerCredit); !c.CreatedBetween(start, end) {
		t.Error("a time that is not known cannot be ruled out")
	}
}

func TestMonth(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "2026", "2026-13", "2026-00", "2026-1", "26-01", "2026-01-01", "2026/01", "٢٠٢٦-٠١"} {
		if m, err := ParseMonth(text); err == nil {
			t.Errorf("ParseMonth(%q) = %s, want an error", text, m)
		}
	}
	m, err := ParseMonth("2026-12")
	if err != nil || m.Add(1).String() != "2027-01" || m.Add(-12).String() != "2025-12" {
		t.Errorf("2026-12 + 1 = %s, - 12 = %s, %v", m.Add(1), m.Add(-12), err)
	}
}
