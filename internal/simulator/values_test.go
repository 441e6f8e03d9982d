package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// The faults of single rows send what CreditCustomer and TagCustomer return.
func TestOddRows(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		fault  string
		credit []string // what is in the answer
		tags   []string
		not    string // what is not
	}{
		{"force-absent", nil, nil, `"Force"`},
		{"force-one", []string{`"Force":1}`}, nil, `"Force":0`},
		{"iso-times", []string{`+08:00"`, `Z"`, `+0800"`, `.003+08:00"`}, nil, ""},
		{"unknown-tag", nil, []string{`"Y_UNDETERMINED"`}, ""},
		{"bad-value", []string{`"Credit":"1,234.50"`, `"RemainingCredit":"USD 5.00"`, `"Force":7`, `"RecentExpiry":"next month"`, `"RemainingCredit":true`, `"AssociationTime":"2024-02-30 00:00:00"`}, []string{`"2027-12-31"`, `"2026/01"`, `"202712"`}, ""},
	} {
		t.Run(test.fault, func(t *testing.T) {
			t.Parallel()
			s := newSimulator(t, Options{Customers: 400, Faults: []string{test.fault}, PageMax: 500})
			credit, tags := s.askCredit(t, `{"Order":"asc","PageSize":500}`), s.askTags(t, `{"limit":500}`)
			for _, want := range test.credit {
				if !strings.Contains(credit.body, want) {
					t.Errorf("no %s among credits", want)
				}
			}
			for _, want := range test.tags {
				if !strings.Contains(tags.body, want) {
					t.Errorf("no %s among tags", want)
				}
			}
			if test.not != "" && strings.Contains(credit.body, test.not) {
				t.Errorf("there is %s", test.not)
			}
			if !json.Valid([]byte(credit.body)) || len(credit.rows) != 400 || len(tags.rows) != 400 {
				t.Fatalf("%d and %d rows", len(credit.rows), len(tags.rows))
			}
			for i, id := range credit.ids() {
				if c := s.CreditCustomer(i); fmt.Sprint(c.ClientUin) != id || (c.Unreadable != "") != (test.fault == "bad-value" && i%60 == 23) {
					t.Errorf("customer %d: %s, unreadable %q", i, id, c.Unreadable)
				}
			}
		})
	}
}

// A time in another form is the same time.
func TestISOTimes(t *testing.T) {
	t.Parallel()
	plain, odd := newSimulator(t, Options{}), newSimulator(t, Options{Faults: []string{"iso-times"}})
	for i := range 100 {
		want, err := time.ParseInLocation(time.DateTime, plain.CreditCustomer(i).AssociationTime, time.FixedZone("", 8*60*60))
		text := odd.CreditCustomer(i).AssociationTime
		if err != nil {
			continue
		}
		var got time.Time
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700"} {
			if got, err = time.Parse(layout, text); err == nil {
				break
			}
		}
		if err != nil {
			got, err = time.ParseInLocation("2006-01-02T15:04:05", text, want.Location())
		}
		if err != nil || !got.Truncate(time.Second).Equal(want) {
			t.Errorf("customer %d: %s, want %s (%v)", i, text, want, err)
		}
	}
}

// Half of the unknown tags appear on day 1.
func TestUnknownTags(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Customers: 400, Faults: []string{"unknown-tag"}})
	was := func(day int) (ids []string) {
		s.SetDay(day)
		for i := range s.Customers() {
			if c := s.TagCustomer(i); c.NewCustomerTag == UnknownTag {
				ids = append(ids, c.CustomerID)
			}
		}
		return ids
	}
	first, second := was(0), was(1)
	came := slices.DeleteFunc(slices.Clone(second), func(id string) bool { return slices.Contains(first, id) })
	if len(first) < 3 || len(came) < 3 {
		t.Errorf("%d on day 0, %d more on day 1", len(first), len(came))
	}
}
