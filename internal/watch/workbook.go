package watch

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/internal/alert"
	"partnerlens/pkg/core"
	"partnerlens/pkg/sheet"
)

// writeWorkbook stores customers.xlsx, which has the run's other objects and its manifest for a
// person, and adds it to the manifest. It is read from those objects, so it takes no memory
// however long they are, and the same objects give the same workbook.
func (r *invocation) writeWorkbook(ctx context.Context, m *Manifest) error {
	style := sheet.Style{Zone: r.Zone, Language: r.Language, Values: maps.Clone(alert.Titles(r.Language))}
	if style.Values != nil {
		style.Values["change"] = func(change string) string {
			return map[string]string{"new": "新增", "gone": "消失", "changed": "变化"}[change]
		}
	}
	objects, err := r.writeObjects(ctx, m.State, []string{workbookName}, func(out outputs) error {
		w := workbook{run: r, m: m, style: style, Book: sheet.NewBook(adder{out[workbookName]}, style)}
		out[workbookName].Rows = m.Count
		return w.write(ctx)
	})
	m.Objects = append(m.Objects, objects...)
	return err
}

// workbook is customers.xlsx while it is written.
type workbook struct {
	*sheet.Book
	run   *invocation
	m     *Manifest
	style sheet.Style
}

func (w *workbook) write(ctx context.Context) error {
	w.Begin("", w.run.Function.Columns)
	for line, err := range w.lines(ctx, customersName, w.run.identifyRecord) {
		if err == nil {
			err = w.Row(line.record.Row())
		}
		if err != nil {
			return err
		}
	}
	if err := w.changes(ctx); err != nil {
		return err
	}
	for _, list := range []struct{ object, title string }{
		{alertsName, w.style.Text("Alerts", "告警")},
		{openName, w.style.Text("Open alerts", "未解除的告警")},
	} {
		if err := w.alerts(ctx, list.object, list.title); err != nil {
			return err
		}
	}
	facts, err := w.style.Facts(w.m, "function", "provider", "account", "run", "state", "complete", "proven", "as_of", "previous", "count", "total",
		"by_status", "changes", "alerts", "open", "muted", "warnings", "version")
	if err != nil {
		return err
	}
	w.Facts(w.style.Text("Run", "批次"), facts)
	return w.Close(w.heading())
}

// lines are the lines of one of the run's objects; none if the run does not have it.
func (w *workbook) lines(ctx context.Context, name string, identify func(*line) error) lines {
	if _, has := w.m.object(name); !has {
		return func(func(line, error) bool) {}
	}
	return w.run.linesOf(ctx, w.m, name, identify)
}

// unidentified leaves a line without a key.
func unidentified(*line) error { return nil }

// changes writes a row for each customer that came or left, and for each column of one that changed.
func (w *workbook) changes(ctx context.Context) error {
	w.Begin(w.style.Text("Changes", "变化"), []core.Column{
		{Name: "change"}, {Name: "customer_id"}, {Name: "reseller_id"}, {Name: "name"}, {Name: "field"}, {Name: "before"}, {Name: "after"},
	})
	names := w.names(ctx)
	defer names.stop()
	for text, err := range w.lines(ctx, changesName, unidentified) {
		if err != nil {
			return err
		}
		var change change
		if json.Unmarshal(text.text, &change) != nil {
			return damaged(changesName, "a line of it is not what was stored")
		}
		var name string
		if change.Record != nil {
			record, err := w.run.Function.Decode(change.Record)
			if err != nil {
				return err
			}
			name = names.of(record)
		} else if name, err = names.find(change.Key); err != nil {
			return err
		}
		cells := []string{change.Change, change.CustomerID, resellerOf(change.Key), name, "", "", ""}
		if change.Fields == nil {
			if err := w.Row(cells); err != nil {
				return err
			}
		}
		for _, column := range w.run.Function.Columns {
			field, changed := change.Fields[column.Name]
			if !changed {
				continue
			}
			cells[4], cells[5], cells[6] = w.style.BookTitle(column), w.value(column, field.Old), w.value(column, field.New)
			if err := w.Row(cells, column, column); err != nil {
				return err
			}
		}
	}
	return nil
}

// value is a value of a column in the workbook's language.
func (w *workbook) value(column core.Column, value string) string {
	if translate := w.style.Values[column.Name]; translate != nil {
		return translate(value)
	}
	return value
}

// alerts writes the first list of alerts.json or open.json. The customers have their names in full, as
// in the list.
func (w *workbook) alerts(ctx context.Context, object, title string) error {
	columns := []core.Column{
		{Name: "severity"}, {Name: "kind"}, {Name: "since", Kind: core.ColumnTime}, {Name: "customer_id"}, {Name: "reseller_id"}, {Name: "name"},
		{Name: "remaining", Kind: core.ColumnNumber}, {Name: "allocated", Kind: core.ColumnNumber}, {Name: "currency"}, {Name: "vouchers", Kind: core.ColumnNumber},
		{Name: "expires", Kind: core.ColumnTime}, {Name: "days_left", Kind: core.ColumnNumber, Whole: true}, {Name: "previous_status"}, {Name: "status"},
		{Name: "owner"}, {Name: "crm_id"}, {Name: "muted_until", Kind: core.ColumnEnd, Date: "mute_until"}, {Name: "seen"},
	}
	const nameColumn, expiresColumn = 5, 10
	if slices.ContainsFunc(w.run.Function.Columns, func(c core.Column) bool { return c.Date == "valid_until" }) {
		columns[expiresColumn].Kind, columns[expiresColumn].Date = core.ColumnEnd, "valid_until" // the end of a tag
	}
	w.Begin(title, columns)
	names := w.names(ctx)
	defer names.stop()
	for text, err := range w.lines(ctx, object, unidentified) {
		if err != nil {
			return err
		}
		if bytes.HasPrefix(text.text, []byte("]")) { // the end of the list
			break
		}
		if bytes.HasSuffix(text.text, []byte("[")) { // its beginning
			continue
		}
		var members map[string]jsontext.Value
		if json.Unmarshal(bytes.TrimSuffix(text.text, []byte(",")), &members) != nil {
			return damaged(object, "a line of it is not what was stored")
		}
		key := sheet.Text(members["customer_id"])
		if reseller := sheet.Text(members["reseller_id"]); key != "" && reseller != "" {
			key = reseller + "/" + key
		}
		name, err := names.find(key)
		if err != nil {
			return err
		}
		cells := make([]string, len(columns))
		for i, column := range columns {
			cells[i] = sheet.Text(members[column.Name])
		}
		cells[nameColumn] = cmp.Or(name, cells[nameColumn])
		if err := w.Row(cells); err != nil {
			return err
		}
	}
	return nil
}

// nameFinder finds the names of customers by their keys, which are asked for in order.
type nameFinder struct {
	column int // of the name; -1: records have none
	next   func() (line, error, bool)
	stop   func()
	at     line
}

func (w *workbook) names(ctx context.Context) *nameFinder {
	n := new(nameFinder)
	n.column = slices.IndexFunc(w.run.Function.Columns, func(c core.Column) bool { return c.Name == "name" })
	n.next, n.stop = iter.Pull2(w.run.linesOf(ctx, w.m, customersName, w.run.identifyRecord))
	return n
}

func (n *nameFinder) of(record core.Record) string {
	if n.column < 0 {
		return ""
	}
	return record.Row()[n.column]
}

// find returns the name of the customer of a key; "" if the list does not have it, and for the key "".
func (n *nameFinder) find(key string) (string, error) {
	if key == "" {
		return "", nil
	}
	for n.at.key < key {
		line, err, more := n.next()
		if err != nil || !more {
			return "", err
		}
		n.at = line
	}
	if n.at.key != key {
		return "", nil
	}
	return n.of(n.at.record), nil
}

func (w *workbook) heading() sheet.Heading {
	list := sheet.List{Of: w.m.Provider + "/" + w.m.Account, AsOf: w.m.AsOf, Count: w.m.Count}
	switch w.m.State {
	case Unproven:
		list.State = sheet.ListUnproven
	case Held:
		list.State = sheet.ListHeld
	}
	if w.m.ReadLate {
		list.Late = w.m.Run
	}
	return w.style.Heading(list)
}
