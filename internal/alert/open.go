package alert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"partnerlens/pkg/core"
	"partnerlens/pkg/sheet"
)

// maxRows is how many open conditions of an owner a Digest keeps, and an attachment lists.
const maxRows = 10_000

// openRow is an open condition as a row of the attachment.
type openRow struct {
	kind         Kind
	masked, full string // CSV
}

// openColumns are the columns of an attachment.
var openColumns = strings.Fields("kind severity since account customer_id reseller_id name remark owner crm_id currency threshold expires status url remaining allocated days_left")

const openNumbers = 3 // the last columns, which hold numbers

// AddOpen adds an open condition: the alert that opened it. In a first run, it is an alert
// of the opening list unless its customer is muted.
func (d *Digest) AddOpen(a Alert) {
	a = cleaned(a)
	p := d.part(a.Owner)
	p.open[a.Kind]++
	if d.First && a.MutedUntil == "" && (d.Kinds == nil || slices.Contains(d.Kinds, a.Kind)) {
		d.Add(a)
	}
	if len(p.rows) == maxRows {
		return
	}
	row := openRow{kind: a.Kind}
	row.masked = d.openText(a, NamesMasked)
	row.full = row.masked
	if a.FullName != "" || a.Remark != "" {
		row.full = d.openText(a, NamesFull)
	}
	p.rows = append(p.rows, row)
}

// openText is the row of an open condition.
func (d *Digest) openText(a Alert, names Names) string {
	a = selection{Digest: d, scope: scope{channel: &Channel{Names: names}}}.view(a)
	days := ""
	if a.DaysLeft != nil {
		days = strconv.Itoa(*a.DaysLeft)
	}
	return openLine(string(a.Kind), string(a.Severity), a.Since, a.Account, a.CustomerID, a.ResellerID, a.Name, a.Remark, a.Owner, a.CRMID,
		a.Currency, a.Threshold, a.Expires, a.Status, a.URL, a.Remaining, a.Allocated, days)
}

func openLine(cells ...string) string {
	for i, cell := range cells {
		kind := core.ColumnText
		if i >= len(cells)-openNumbers {
			kind = core.ColumnNumber
		}
		cells[i] = sheet.Cell(kind, cell, true)
	}
	return string(sheet.AppendRow(nil, cells))
}

// openCounts are the numbers of open conditions by kind, without those of none.
func (s selection) openCounts() map[Kind]int {
	counts := make(map[Kind]int)
	for _, kind := range s.openKinds {
		counts[kind] = s.open[kind]
	}
	return counts
}

// openTotal is the number of open conditions.
func (s selection) openTotal() (total int) {
	for _, n := range s.open {
		total += n
	}
	return total
}

// openCSV lists the open conditions for a spreadsheet. If there are more than it lists, the
// last row says how many, and where all are.
func (s selection) openCSV(w writer) []byte {
	b := sheet.AppendRow([]byte(sheet.ByteOrderMark), openColumns)
	for _, row := range s.rows {
		if s.channel.Names == NamesFull {
			b = append(b, row.full...)
		} else {
			b = append(b, row.masked...)
		}
	}
	if more := s.openTotal() - len(s.rows); more > 0 {
		last := make([]string, len(openColumns))
		last[0] = message{writer: w, total: more, place: s.Location}.tail(0).plain()
		b = append(b, openLine(last...)...)
	}
	return b
}

// openLines are the last lines of a message: the open conditions by kind, and the customers
// that are muted.
func (s selection) openLines(w writer) (lines []string) {
	var facts []string
	for _, kind := range s.openKinds {
		facts = append(facts, fmt.Sprintf("%s %d", kind.Title(w.language), s.open[kind]))
	}
	if facts != nil && !s.listed() {
		lines = append(lines, w.list(w.text("Open now", "当前未解除"), facts...))
	}
	if s.Muted > 0 && !s.ofOwners() {
		lines = append(lines, w.count("%d customers are muted", "已静音 %d 家客户", s.Muted))
	}
	return lines
}
