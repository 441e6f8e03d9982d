package core

import "slices"

// byIDs is a Query that can be narrowed to some customers.
type byIDs[Q Query] interface {
	// ForIDs returns the query for those ids; there is at least one.
	ForIDs(ids []string) Q
	// KeyOf returns the key of the record about a customer.
	KeyOf(id string) string
}

// readIDs reads the customers of a scope by id, query by query, in the order in
// which they are asked for. The first skip were handed on by an earlier answer.
// It returns false if the read stopped before the end.
func (s *readState[Q, T]) readIDs(scope Scope[Q], skip int) (finished bool, err error) {
	ids := scope.Queries[0].AskedIDs()
	answered := make(map[string]bool, len(ids))
	for i, query := range scope.Queries {
		found, err := s.find(query)
		if err != nil {
			return false, err
		}
		for j, id := range ids {
			record, ok := found[id]
			if !ok {
				continue
			}
			answered[id] = true
			if at := i*len(ids) + j; at >= skip {
				if !s.handOn(record) {
					return false, nil
				}
				s.here.Skip = at + 1
			}
		}
	}
	for _, id := range ids {
		if !answered[id] {
			s.report.MissingIDs = append(s.report.MissingIDs, id)
		}
	}
	return true, nil
}

// find returns the customers that a query asks for by id and that the vendor
// knows.
//
// It does not depend on the order of rows: it asks again for the ids that a page
// lacks, instead of the next page. An id is missing once a second or later page
// has none of the ids asked for.
func (s *readState[Q, T]) find(query Q) (map[string]T, error) {
	found := make(map[string]T)
	at, calls := Cursor{}, 0
	for ids := query.AskedIDs(); ; calls++ {
		page, err := s.reader.fetch(s.ctx, query, at, &s.retry)
		if err != nil {
			return nil, err
		}
		before := len(found)
		for _, record := range page.Items {
			if id := record.ID(); slices.Contains(ids, id) { // a vendor's filter may match more than the id
				found[id] = record
			}
		}
		s.pageRead(page.RequestID, page.Total, len(found)-before)
		ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { _, ok := found[id]; return ok })
		narrower, ok := any(query).(byIDs[Q])
		switch {
		case len(ids) == 0:
			return found, nil
		case !ok && page.Next != nil && page.Next.Offset > at.Offset:
			at = *page.Next
		case !ok, calls > 0 && len(found) == before:
			return found, nil
		default:
			query = narrower.ForIDs(ids)
		}
	}
}
