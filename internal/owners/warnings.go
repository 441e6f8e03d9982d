package owners

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"partnerlens/pkg/core"
)

// fault is a kind of mistake in a Table.
type fault int

const (
	faultColumn fault = iota
	faultLine
	faultID
	faultMangled
	faultTwice
	faultLong
	faultDate
	faultPast
)

// The codes of warnings.
const (
	WarnUnavailable = core.WarnOwnersUnavailable // the table cannot be read
	WarnUnknown     = "owners_unknown"           // customers that no list has
)

var faults = [...]struct{ code, message, what string }{
	faultColumn:  {"owners_columns", "columns that are not known, and not used (%d): %s", "column"},
	faultLine:    {"owners_lines", "lines with a quote in the middle of a value, not used (%d): %s", "line"},
	faultID:      {"owners_ids", "lines without a customer's id in customer_id, not used (%d): %s", "line"},
	faultMangled: {"owners_mangled", "ids that a spreadsheet turned into numbers (as 2E+11), not used (%d); format the column as text and paste the ids again: %s", "line"},
	faultTwice:   {"owners_twice", "lines about a customer of an earlier line, which holds (%d): %s", "line"},
	faultLong:    {"owners_long", "owners or crm_ids longer than 200 bytes, not used (%d): %s", "line"},
	faultDate:    {"owners_mute_date", "values of mute_until that are not dates, and mute nothing (%d); write them as 2026-12-31: %s", "line"},
	faultPast:    {"owners_mute_past", "dates of mute_until that are over (%d); remove or change them: %s", "line"},
}

// maxLines is how many lines a warning names.
const maxLines = 5

func warning(code, message, what string, lines []int) core.Warning {
	var numbers []string
	for _, line := range lines[:min(len(lines), maxLines)] {
		numbers = append(numbers, strconv.Itoa(line))
	}
	if len(lines) > 1 {
		what += "s"
	}
	where := what + " " + strings.Join(numbers, ", ")
	if left := len(lines) - maxLines; left > 0 {
		where += fmt.Sprintf(" and %d more", left)
	}
	return core.Warning{Code: code, Message: Setting + ": " + fmt.Sprintf(message, len(lines), where)}
}

// Warnings returns the mistakes in the table, one warning for each kind. A mute is over if
// its last day in the zone is.
func (t *Table) Warnings(at time.Time, zone *time.Location) (all []core.Warning) {
	var past []int
	for i := range t.entries {
		if until := t.entries[i].MutedUntil(zone); !until.IsZero() && !at.Before(until) {
			past = append(past, int(t.entries[i].line))
		}
	}
	for f, texts := range faults {
		lines := t.faults[fault(f)]
		if fault(f) == faultPast {
			lines = past
		}
		if len(lines) > 0 {
			all = append(all, warning(texts.code, texts.message, texts.what, lines))
		}
	}
	return all
}

// Census notes which customers of a Table are in lists. It is safe for concurrent use.
type Census struct {
	table *Table

	mu    sync.Mutex
	seen  []bool        // by entry
	forms map[bool]bool // the forms of ids in the lists; see isNumber
}

// Census returns a Census without any list.
func (t *Table) Census() *Census {
	return &Census{table: t, seen: make([]bool, len(t.entries)), forms: make(map[bool]bool)}
}

// See notes that a list has a customer.
func (c *Census) See(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forms[isNumber(id)] = true
	if i, ok := c.table.byID[id]; ok {
		c.seen[i] = true
	}
}

// Unknown returns a warning about the customers that no list has; nil if there are none.
// One table serves several clouds, and only numbers are ids of one of them: customers
// whose ids have another form than those in the lists do not count.
func (c *Census) Unknown() []core.Warning {
	c.mu.Lock()
	defer c.mu.Unlock()
	var lines []int
	for id, i := range c.table.byID {
		if !c.seen[i] && c.forms[isNumber(id)] {
			lines = append(lines, int(c.table.entries[i].line))
		}
	}
	if lines == nil {
		return nil
	}
	slices.Sort(lines)
	return []core.Warning{warning(WarnUnknown, "customers that are in no list that was read (%d); check their ids: %s", "line", lines)}
}

// isNumber reports whether an id has only digits.
func isNumber(id string) bool { return strings.Trim(id, "0123456789") == "" }
