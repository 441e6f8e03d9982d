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

// order is an order of records: by the urgency of a status, and then by a column.
type order struct {
	urgent         []string
	status, column int // indexes of cells; -1: not compared
	numbers        bool
	sign           int // -1: descending
}

// newOrder returns the order of a function's records by a column or byUrgency; nil for unsorted.
func newOrder(entry *app.Function, columns []core.Column, by string, descending bool) (*order, error) {
	o := &order{urgent: entry.Urgent, status: -1, column: -1, sign: map[bool]int{false: 1, true: -1}[descending]}
	column := by
	switch by {
	case unsorted:
		return nil, nil
	case byUrgency:
		o.status, column = slices.IndexFunc(columns, func(c core.Column) bool { return c.Name == "status" }), entry.Least
	}
	i, err := columnNamed(append(slices.Clone(columns), core.Column{Name: byUrgency}, core.Column{Name: unsorted}), "--sort", column)
	if err != nil {
		return nil, err
	}
	if o.column, o.numbers = i, columns[i].Kind == core.ColumnNumber; by == "status" {
		o.status, o.column = i, -1
	}
	return o, nil
}

// sortKey is what is compared of a record. Different amounts may have the same number: text
// decides between these.
type sortKey struct {
	status int
	number float64
	text   string // "": there is nothing to compare
}

func (o *order) key(cells []string) (k sortKey) {
	if o.status >= 0 {
		k.status = slices.Index(o.urgent, cells[o.status])
	}
	if o.column >= 0 {
		k.text = cells[o.column]
		k.number, _ = strconv.ParseFloat(k.text, 64) // keeps the order of amounts
	}
	return k
}

// compare compares two records. One without a value is last in either direction.
func (o *order) compare(a, b sortKey) int {
	switch {
	case a.status != b.status:
		return o.sign * cmp.Compare(a.status, b.status)
	case a.text == "" || b.text == "":
		return cmp.Compare(min(1, len(b.text)), min(1, len(a.text)))
	case !o.numbers:
		return o.sign * cmp.Compare(a.text, b.text)
	case a.number != b.number:
		return o.sign * cmp.Compare(a.number, b.number)
	}
	x, _ := core.ParseMoney(a.text)
	y, _ := core.ParseMoney(b.text)
	return o.sign * x.Cmp(y)
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
	slices.SortStableFunc(records, func(a, b keyed) int { return s.order.compare(a.key, b.key) })
	for _, record := range records {
		if err != nil || !keep(record.Record) {
			break // the writer has its error
		}
	}
	return report, err
}
