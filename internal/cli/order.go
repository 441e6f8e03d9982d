package cli

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"partnerlens/internal/api"
	"partnerlens/internal/app"
	"partnerlens/pkg/core"
)

// The orders that are not columns.
const (
	byUrgency = "urgency" // by status, and then by the function's least number
	unsorted  = "none"    // as the answer has the records
)

// order is an order of records.
type order struct {
	urgent         []string // statuses
	status, number int      // indexes of cells; -1: not compared
	text           int
	descending     bool
}

// newOrder returns the order of a function's records by a column, byUrgency or unsorted.
func newOrder(entry *app.Function, columns []core.Column, by string, descending bool) (*order, error) {
	index := func(name string) int {
		return slices.IndexFunc(columns, func(c core.Column) bool { return c.Name == name })
	}
	o := &order{urgent: entry.Urgent, status: -1, number: -1, text: -1, descending: descending}
	switch by {
	case unsorted:
		return nil, nil
	case byUrgency:
		o.status, o.number = index("status"), index(entry.Least)
		return o, nil
	}
	i, err := columnNamed(append(slices.Clone(columns), core.Column{Name: byUrgency}, core.Column{Name: unsorted}), "--sort", by)
	switch {
	case err != nil:
		return nil, err
	case by == "status":
		o.status = i
	case columns[i].Kind == core.ColumnNumber:
		o.number = i
	default:
		o.text = i
	}
	return o, nil
}

// sortKey is what is compared of a record. Parsing an amount keeps the order of amounts, but
// two of them may become the same number: text decides between these.
type sortKey struct {
	status int
	none   bool // there is nothing to compare but the status
	number float64
	text   string
}

func (o *order) key(cells []string) (k sortKey) {
	if o.status >= 0 {
		k.status = slices.Index(o.urgent, cells[o.status])
	}
	switch {
	case o.number >= 0:
		number, err := strconv.ParseFloat(cells[o.number], 64)
		k.number, k.text, k.none = number, cells[o.number], err != nil
	case o.text >= 0:
		k.text, k.none = cells[o.text], cells[o.text] == ""
	}
	return k
}

// compare compares two records. One without a value is last in either direction.
func (o *order) compare(a, b sortKey) int {
	sign := map[bool]int{false: 1, true: -1}[o.descending]
	switch {
	case a.status != b.status:
		return sign * cmp.Compare(a.status, b.status)
	case a.none || b.none:
		return map[bool]int{true: 1}[a.none] - map[bool]int{true: 1}[b.none]
	case o.number < 0:
		return sign * cmp.Compare(a.text, b.text)
	case a.number != b.number:
		return sign * cmp.Compare(a.number, b.number)
	}
	x, errX := core.ParseMoney(a.text)
	y, errY := core.ParseMoney(b.text)
	if errX != nil || errY != nil {
		return 0
	}
	return sign * x.Cmp(y)
}

// sorted is a question whose records come in an order. It holds them all in memory.
type sorted struct {
	api.Question
	order *order
}

// Read implements api.Question.
func (s sorted) Read(ctx context.Context, keep func(core.Record) bool) (core.Report, error) {
	type keyed struct {
		core.Record
		key sortKey
	}
	var records []keyed
	report, err := s.Question.Read(ctx, func(record core.Record) bool {
		records = append(records, keyed{record, s.order.key(record.Row())})
		return true
	})
	if err != nil {
		return report, err
	}
	slices.SortStableFunc(records, func(a, b keyed) int { return s.order.compare(a.key, b.key) })
	for _, record := range records {
		if !keep(record.Record) {
			break // the writer has the error
		}
	}
	return report, nil
}
