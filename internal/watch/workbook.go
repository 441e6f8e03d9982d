package watch

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

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
			return map[string]string{"new": "新增", "gone": "移除", "changed": "变更"}[change]
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
	for line, err := range w.lines(ctx, customersName) {
		if err != nil {
			return err
		}
		record, err := w.run.decode(line.text)
		if err == nil {
			err = w.Row(record.Row())
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
		{openName, w.style.Text("Open alerts", "未恢复的告警")},
	} {
		if err := w.alerts(ctx, list.object, list.title); err != nil {
			return err
		}
	}
	w.Facts(w.style.Text("Run", "运行"), w.facts())
	return w.Close(w.heading())
}

// lines are the lines of one of the run's objects; none if the run does not have it.
func (w *workbook) lines(ctx context.Context, name string) lines {
	if _, has := w.m.object(name); !has {
		return func(func(line, error) bool) {}
	}
	return w.run.linesOf(ctx, w.m, name, func([]byte) (string, error) { return "", nil })
}

// changes writes a row for each customer that came or left, and for each column of one that changed.
func (w *workbook) changes(ctx context.Context) error {
	w.Begin(w.style.Text("Changes", "变更"), []core.Column{
		{Name: "change"}, {Name: "customer_id"}, {Name: "reseller_id"}, {Name: "name"}, {Name: "field"}, {Name: "before"}, {Name: "after"},
	})
	names := w.names(ctx)
	defer names.stop()
	for text, err := range w.lines(ctx, changesName) {
		if err != nil {
			return err
		}
		var change change
		if json.Unmarshal(text.text, &change) != nil {
			return damaged(changesName, "a line of it is not what was stored")
		}
		var name string
		if change.Record != nil {
			record, err := w.run.decode(change.Record)
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
	expires := core.Column{Name: "expires", Kind: core.ColumnTime}
	if slices.ContainsFunc(w.run.Function.Columns, func(c core.Column) bool { return c.Name == "expires_at" && c.Kind == core.ColumnEnd }) {
		expires = core.Column{Name: "expires_at", Kind: core.ColumnEnd, Date: "valid_until"}
	}
	w.Begin(title, []core.Column{
		{Name: "severity"}, {Name: "kind"}, {Name: "since", Kind: core.ColumnTime}, {Name: "customer_id"}, {Name: "reseller_id"}, {Name: "name"},
		{Name: "remaining", Kind: core.ColumnNumber}, {Name: "allocated", Kind: core.ColumnNumber}, {Name: "currency"}, {Name: "vouchers", Kind: core.ColumnNumber},
		expires, {Name: "days_left", Kind: core.ColumnNumber, Whole: true}, {Name: "previous_status"}, {Name: "status"},
		{Name: "owner"}, {Name: "crm_id"}, {Name: "muted_until", Kind: core.ColumnEnd, Date: "mute_until"}, {Name: "seen"},
	})
	names := w.names(ctx)
	defer names.stop()
	for text, err := range w.lines(ctx, object) {
		if err != nil {
			return err
		}
		if bytes.HasPrefix(text.text, []byte("]")) { // the end of the list
			break
		}
		if bytes.HasSuffix(text.text, []byte("[")) { // its beginning
			continue
		}
		var a alert.Alert
		if len(text.text) == 0 || json.Unmarshal(bytes.TrimSuffix(text.text, []byte(",")), &a) != nil {
			return damaged(object, "a line of it is not what was stored")
		}
		name := a.Name
		if a.CustomerID != "" {
			key := a.CustomerID
			if a.ResellerID != "" {
				key = a.ResellerID + "/" + key
			}
			full, err := names.find(key)
			if err != nil {
				return err
			}
			if full != "" {
				name = full
			}
		}
		days, seen := "", ""
		if a.DaysLeft != nil {
			days = strconv.Itoa(*a.DaysLeft)
		}
		if a.Seen != nil {
			seen = strconv.FormatBool(*a.Seen)
		}
		if err := w.Row([]string{
			string(a.Severity), string(a.Kind), a.Since, a.CustomerID, a.ResellerID, name, a.Remaining, a.Allocated, a.Currency, a.Vouchers,
			a.Expires, days, a.Previous, a.Status, a.Owner, a.CRMID, a.MutedUntil, seen,
		}); err != nil {
			return err
		}
	}
	return nil
}

// nameFinder finds the names of customers by their keys, which are asked for in order.
type nameFinder struct {
	column int // of the name; -1: records have none
	decode func([]byte) (core.Record, error)
	next   func() (line, error, bool)
	stop   func()
	at     line
}

func (w *workbook) names(ctx context.Context) *nameFinder {
	n := &nameFinder{decode: w.run.decode}
	n.column = slices.IndexFunc(w.run.Function.Columns, func(c core.Column) bool { return c.Name == "name" })
	n.next, n.stop = iter.Pull2(w.run.linesOf(ctx, w.m, customersName, w.run.keyOfRecord))
	return n
}

func (n *nameFinder) of(record core.Record) string {
	if n.column < 0 {
		return ""
	}
	return record.Row()[n.column]
}

// find returns the name of the customer of a key; "" if the list does not have it.
func (n *nameFinder) find(key string) (string, error) {
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
	record, err := n.decode(n.at.text)
	if err != nil {
		return "", err
	}
	return n.of(record), nil
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

// facts are what the manifest says of the run.
func (w *workbook) facts() (facts [][2]string) {
	m := w.m
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, [2]string{name, value})
		}
	}
	counts := func(name string, of map[string]int) {
		for _, key := range slices.Sorted(maps.Keys(of)) {
			add(name, fmt.Sprintf("%s: %d", key, of[key]))
		}
	}
	add("function", m.Function)
	add("provider", m.Provider)
	add("account", m.Account)
	add("run", m.Run)
	add("state", string(m.State))
	add("complete", strconv.FormatBool(m.Complete))
	add("proven", strconv.FormatBool(m.Proven))
	add("as_of", w.style.Time(m.AsOf))
	if m.Previous != nil {
		add("previous", *m.Previous)
	}
	add("count", strconv.Itoa(m.Count))
	if m.Total != nil {
		add("total", strconv.Itoa(*m.Total))
	}
	counts("by_status", m.ByStatus)
	counts("changes", map[string]int{"new": m.Changes.New, "gone": m.Changes.Gone, "changed": m.Changes.Changed})
	counts("alerts", m.Alerts)
	counts("open", m.Open)
	add("muted", strconv.Itoa(m.Muted))
	for _, warning := range m.Warnings {
		add("warning", strings.TrimSuffix(warning.Code+": "+warning.CustomerID, ": ")+": "+warning.Message)
	}
	add("version", m.Version)
	return facts
}
