package core

import (
	"fmt"
	"slices"
)

// RecordNotes counts the values of a list's records that could not be read. The
// zero RecordNotes is ready for use.
type RecordNotes struct {
	customers int
	unknown   int // of them, those with the status unknown
	unread    []unreadMember
}

// unreadMember is a member that could not be read.
type unreadMember struct {
	name      string
	first     string // customer met
	customers int
}

// Add adds an evaluated record. Add each customer once.
func (n *RecordNotes) Add(record Record) {
	n.customers++
	if record.StatusText() == string(CreditUnknown) { // the same text as TagUnknown
		n.unknown++
	}
	for _, name := range record.UnreadMembers() {
		i := slices.IndexFunc(n.unread, func(m unreadMember) bool { return m.name == name })
		if i < 0 {
			i = len(n.unread)
			n.unread = append(n.unread, unreadMember{name: name, first: record.ID()})
		}
		n.unread[i].customers++
	}
}

// Warnings returns one warning for each member that could not be read. No message
// quotes a value.
func (n *RecordNotes) Warnings() (warnings []Warning) {
	for _, m := range n.unread {
		warnings = append(warnings, Warning{
			Code: WarnValueUnreadable, CustomerID: m.first, Field: m.name, Count: m.customers,
			Message: fmt.Sprintf("the vendor's %s of %s holds something else than it documents; it is null here", m.name, customerCount(m.customers)),
		})
	}
	return warnings
}

// WholeWarnings returns Warnings for a list of all customers of an account, and
// one more if over a tenth of them have the status unknown.
func (n *RecordNotes) WholeWarnings() []Warning {
	warnings := n.Warnings()
	if n.unknown*10 > n.customers {
		warnings = append(warnings, Warning{
			Code: WarnMostlyUnknown, Count: n.unknown,
			Message: fmt.Sprintf("the status of %d of %s is unknown: what decides it is missing, or is a value that the vendor does not document", n.unknown, customerCount(n.customers)),
		})
	}
	return warnings
}

func customerCount(n int) string {
	if n == 1 {
		return "1 customer"
	}
	return fmt.Sprintf("%d customers", n)
}

// MostUnread returns how many of a page's rows may have an amount or a month that
// cannot be read: a twentieth, and at least one. A page with more fails.
func MostUnread(rows int) int { return max(1, rows/20) }
