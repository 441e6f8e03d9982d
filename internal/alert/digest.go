package alert

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"partnerlens/pkg/core"
)

// Summary is the run of a Digest.
type Summary struct {
	Function string
	Account  string
	Run      string
	AsOf     time.Time
	First    bool           // the baseline: nothing was compared
	Total    int            // customers read
	Statuses map[string]int // customers by status
	Store    string         // the identity of the store that keeps the run; "": none
	Attempt  string         // the identity of the attempt at the run; "": none
	Unproven bool           // the list could not be proven complete
	Counted  *int           // customers by the vendor's count; nil if it gives none
	ReadLate bool           // the list was read after the run's day or hour
	Held     *Held          // why nothing was compared; nil: it was
	Muted    int            // customers that are muted
	Zone     *time.Location // of the times in messages; nil: core.VendorZone
	Location string         // of the run's files, as text; not a URL that opens them
	Notes    Notes
	Partner  *core.PartnerCredit // nil: not read
}

// Held counts a list that shrank so much that it is not compared.
type Held struct {
	Known   int `json:"known"`   // customers in the run before
	Missing int `json:"missing"` // of Known, those that the list lacks
	New     int `json:"new"`     // customers in the list that are not Known
	Times   int `json:"times"`   // runs in a row whose list lacks the same customers
}

// Digest summarizes the alerts of one run: how many of each kind, and the worst. It holds at
// most WorstPerKind alerts of a kind, however many are added. It is not safe for concurrent
// use while alerts are added.
type Digest struct {
	Summary
	sample bool
	counts map[Kind]int
	worst  map[Kind][]ranked // in order
	open   map[Kind]int      // conditions that are open
}

// WorstPerKind is how many alerts of a kind a Digest keeps. The limit is per kind, so that
// a channel for a single kind gets as many as one for all.
const WorstPerKind = 200

// maxShown is how many alerts a message shows at most.
const maxShown = 200

type ranked struct {
	Alert
	amount *core.Money // Remaining
}

// NewDigest returns an empty Digest.
func NewDigest(s Summary) *Digest {
	valid := func(text string) string { return strings.ToValidUTF8(text, "") } // JSON accepts no other
	for _, text := range []*string{&s.Function, &s.Account, &s.Run, &s.Location, &s.Store, &s.Attempt} {
		*text = valid(*text)
	}
	statuses := make(map[string]int, len(s.Statuses))
	for status, n := range s.Statuses {
		statuses[valid(status)] += n
	}
	s.Statuses = statuses
	return &Digest{Summary: s, counts: make(map[Kind]int), worst: make(map[Kind][]ranked)}
}

// Add adds an alert. The order of adding does not matter.
func (d *Digest) Add(a Alert) {
	a.Name, a.CustomerID, a.ResellerID, a.Value = clean(a.Name), clean(a.CustomerID), clean(a.ResellerID), clean(a.Value)
	d.counts[a.Kind]++
	r := ranked{Alert: a}
	if amount, err := core.ParseMoney(a.Remaining); err == nil {
		r.amount = &amount
	}
	worst := d.worst[a.Kind]
	if len(worst) == WorstPerKind && compareAlerts(r, worst[len(worst)-1]) >= 0 {
		return
	}
	at, _ := slices.BinarySearchFunc(worst, r, compareAlerts)
	if len(worst) == WorstPerKind {
		worst = worst[:len(worst)-1]
	}
	d.worst[a.Kind] = slices.Insert(worst, at, r)
}

// compareAlerts orders alerts by kind, then by balance and days left (for kinds about a date,
// by days left and balance), smallest first, and last by the customer, so that the order
// does not depend on the order of reading.
func compareAlerts(a, b ranked) int {
	first := compareOptional(a.amount, b.amount, core.Money.Cmp)
	second := compareOptional(a.DaysLeft, b.DaysLeft, cmp.Compare)
	switch a.Kind {
	case CreditExpiring, VoucherExpiring, TagLost, TagUnrecognized, TagEndingThisMonth, TagEndingNextMonth, TagQualified, TagEligible:
		first, second = second, first
	}
	return cmp.Or(compareKinds(a.Kind, b.Kind), first, second, cmp.Compare(a.Account, b.Account),
		cmp.Compare(a.ResellerID, b.ResellerID), cmp.Compare(a.CustomerID, b.CustomerID), cmp.Compare(a.ID, b.ID))
}

// compareOptional sorts unknown values last.
func compareOptional[T any](a, b *T, compare func(a, b T) int) int {
	switch {
	case a != nil && b != nil:
		return compare(*a, *b)
	case a != nil:
		return -1
	case b != nil:
		return 1
	}
	return 0
}

// selection is the part of a Digest that one channel gets.
type selection struct {
	*Digest
	kinds []Kind  // worst first
	total int     // alerts of kinds
	worst []Alert // at most maxShown
}

// selectFor selects the alerts that a channel wants. A sample goes to every channel as a whole.
func (d *Digest) selectFor(c *Channel) selection {
	s := selection{Digest: d}
	for _, kind := range Kinds() {
		n := d.counts[kind]
		if n == 0 || !d.sample && !c.wants(kind) {
			continue
		}
		s.kinds = append(s.kinds, kind)
		s.total += n
		for _, r := range d.worst[kind][:min(len(d.worst[kind]), maxShown-len(s.worst))] {
			s.worst = append(s.worst, r.Alert)
		}
	}
	return s
}

// severity is that of the worst alert, or Warning for new warnings alone. A held run is
// critical.
func (s selection) severity() Severity {
	switch {
	case s.Held != nil:
		return Critical
	case len(s.kinds) > 0:
		return s.kinds[0].Severity()
	case s.Notes.Notify:
		return Warning
	}
	return Info
}
