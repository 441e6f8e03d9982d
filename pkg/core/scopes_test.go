package core

import (
	"context"
	"slices"
	"testing"
)

const scopedPage = 10

// scopedSource lists two customers in each scope.
type scopedSource struct {
	total map[string]int // by reseller; none: the vendor does not count
	late  string         // the reseller whose list is not proven before the deadline
}

func (s *scopedSource) FetchPage(_ context.Context, q TagQuery, at Cursor) (page Page[*CustomerTag], _ error) {
	if q.ResellerID == s.late && at.Size != 0 && at.Size != scopedPage { // a pass of the proof
		return page, &Error{Code: CodeDeadline}
	}
	all := []*CustomerTag{{CustomerID: "1", ResellerID: &q.ResellerID}, {CustomerID: "2", ResellerID: &q.ResellerID}}
	page.Items = all[min(at.Offset, len(all)):]
	if total, counted := s.total[q.ResellerID]; counted {
		page.Total = &total
	} else if len(page.Items) > 0 {
		page.Next = &Cursor{Offset: len(all), Size: scopedPage}
	}
	return page, nil
}

func scopedReader(source *scopedSource) *Reader[TagQuery, *CustomerTag] {
	return NewReader(source, &ReaderOptions[TagQuery]{Attempts: 1, Scopes: func(_ context.Context, q TagQuery) ([]Scope[TagQuery], error) {
		return []Scope[TagQuery]{{"a", []TagQuery{{ResellerID: "a"}}}, {"b", []TagQuery{{ResellerID: "b"}}}}, nil
	}})
}

func hasWarning(report Report, code string) bool {
	return slices.ContainsFunc(report.Warnings, func(w Warning) bool { return w.Code == code })
}

// A place in a scope knows that an earlier scope is not proven complete.
func TestPlaceKeepsDoubt(t *testing.T) {
	t.Parallel()
	r := scopedReader(&scopedSource{total: map[string]int{"a": 3, "b": 2}})
	var places []string
	report, err := r.walk(t.Context(), TagQuery{}, &ReadOptions{alone: true}, func(_ *CustomerTag, place func() string) bool {
		places = append(places, place())
		return true
	})
	if err != nil || report.Complete || len(places) != 4 {
		t.Fatalf("%d records, %+v, %v", len(places), report, err)
	}
	for i, cursor := range places {
		report, err := r.Read(t.Context(), TagQuery{}, &ReadOptions{Cursor: cursor}, func(*CustomerTag) bool { return true })
		if err != nil || report.Complete || report.Count != 4-i || hasWarning(report, WarnEarlierDoubt) != (i >= 2) {
			t.Errorf("from record %d: %+v, %v", i, report, err)
		}
	}
}

// A deadline during the proof of one scope leaves out no customer of the next.
func TestDeadlineDuringProof(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		limit    int    // of the first answer
		late     string // the scope that the second answer cannot prove
		count    int    // of the second answer
		rest     int    // count of the third answer; -1: there is none
		complete bool   // the third answer
	}{
		{"of the first scope, nothing new", 2, "a", 0, 2, false},
		{"of the first scope, after a record of this answer", 1, "a", 1, 2, true},
		{"of the last scope, nothing new", 4, "b", 0, -1, false},
		{"of the last scope, after records of this answer", 1, "b", 3, 0, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			source := &scopedSource{}
			r := scopedReader(source)
			read := func(cursor string, limit int) Report {
				t.Helper()
				report, err := r.Read(t.Context(), TagQuery{}, &ReadOptions{Cursor: cursor, Limit: limit}, func(*CustomerTag) bool { return true })
				if err != nil {
					t.Fatal(err)
				}
				return report
			}
			first := read("", test.limit)
			source.late = test.late
			second := read(*first.Next, 0)
			if second.Stopped == nil || *second.Stopped != StoppedDeadline || second.Count != test.count || (second.Next == nil) != (test.rest < 0) {
				t.Fatalf("second answer: %+v", second)
			}
			if second.Next == nil {
				return
			}
			source.late = ""
			third := read(*second.Next, 0)
			if third.Stopped != nil || third.Count != test.rest || third.Complete != test.complete || hasWarning(third, WarnEarlierDoubt) == test.complete {
				t.Errorf("third answer: %+v", third)
			}
		})
	}
}
