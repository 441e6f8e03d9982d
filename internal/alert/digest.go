package alert

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"partnerlens/pkg/core"
)

// Summary is the run that a Digest is of.
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
	Counted  *int           // customers by the vendor's count; nil where it gives none
	ReadLate bool           // the list was read after the run's day or hour
	Held     *Held          // why nothing was compared; nil: it was
	Zone     *time.Location // in which people are told moments; nil: core.VendorZone
	Location string         // where the run's files are, as text; no URL that opens them
	Notes    Notes
}

// Held is the count of a list that shrank so much that it is not compared.
type Held struct {
	Known   int `json:"known"`   // customers in the run before
	Missing int `json:"missing"` // of those, the ones that the list lacks
	New     int `json:"new"`     // customers in the list that are not known
	Times   int `json:"times"`   // runs in a row whose list lacks the same customers
}

// Digest is what one run tells: how many alerts of each kind, and the worst of
// them. It holds at most WorstPerKind alerts of a kind, however many are added. Not
// safe for concurrent use while alerts are added.
type Digest struct {
	Summary
	sample bool
	counts map[Kind]int
	worst  map[Kind][]ranked // in order
}

// WorstPerKind is how many alerts of a kind a Digest keeps. It is per kind, so
// that a channel that is told of one kind alone gets as many.
const WorstPerKind = 200

// maxTold is how many alerts a message may hold at most.
const maxTold = 200

type ranked struct {
	Alert
	amount core.Money
	has    bool // an amount
}

// NewDigest begins one.
func NewDigest(s Summary) *Digest {
	valid := func(text string) string { return strings.ToValidUTF8(text, "") } // JSON takes no other
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

// Add adds an alert of the run. The order of adding does not matter.
func (d *Digest) Add(a Alert) {
	a.Name, a.CustomerID, a.ResellerID, a.Value = clean(a.Name), clean(a.CustomerID), clean(a.ResellerID), clean(a.Value)
	d.counts[a.Kind]++
	r := ranked{Alert: a}
	if amount, err := core.ParseMoney(a.Remaining); err == nil {
		r.amount, r.has = amount, true
	}
	kept := d.worst[a.Kind]
	if len(kept) == WorstPerKind && compareAlerts(r, kept[len(kept)-1]) >= 0 {
		return
	}
	at, _ := slices.BinarySearchFunc(kept, r, compareAlerts)
	if len(kept) == WorstPerKind {
		kept = kept[:len(kept)-1]
	}
	d.worst[a.Kind] = slices.Insert(kept, at, r)
}

// Empty says whether there is nothing to tell.
func (d *Digest) Empty() bool { return len(d.counts) == 0 }

// Counts gives how many alerts of each kind were added.
func (d *Digest) Counts() map[Kind]int { return maps.Clone(d.counts) }

// compareAlerts orders alerts: by kind, then the most urgent, then the smallest
// balance (balances first where the kind is about one), then by who it is, so that
// the order never depends on the order of reading.
func compareAlerts(a, b ranked) int {
	days := func() int {
		return compareOptional(a.DaysLeft != nil, b.DaysLeft != nil, func() int { return *a.DaysLeft - *b.DaysLeft })
	}
	amount := func() int { return compareOptional(a.has, b.has, func() int { return a.amount.Cmp(b.amount) }) }
	first, second := amount, days
	switch a.Kind {
	case CreditExpiring, TagLost, TagUnrecognized, TagEndingThisMonth, TagEndingNextMonth, TagQualified, TagEligible:
		first, second = days, amount
	}
	if n := compareKinds(a.Kind, b.Kind); n != 0 {
		return n
	}
	if n := first(); n != 0 {
		return n
	}
	if n := second(); n != 0 {
		return n
	}
	return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.ResellerID, b.ResellerID),
		cmp.Compare(a.CustomerID, b.CustomerID), cmp.Compare(a.ID, b.ID))
}

// compareOptional puts what is not known last.
func compareOptional(a, b bool, compare func() int) int {
	switch {
	case a && b:
		return compare()
	case a:
		return -1
	case b:
		return 1
	}
	return 0
}

// view is a Digest as one channel is told it.
type view struct {
	*Digest
	counts []count
	total  int
	worst  []Alert // at most maxTold
}

type count struct {
	kind Kind
	n    int
}

// viewFor gives what a channel wants of the Digest.
func (d *Digest) viewFor(c *Channel) view {
	v := view{Digest: d}
	for _, kind := range Kinds() {
		n := d.counts[kind]
		if n == 0 || !d.sample && !c.wants(kind) {
			continue
		}
		v.counts = append(v.counts, count{kind, n})
		v.total += n
		for _, r := range d.worst[kind] {
			if len(v.worst) < maxTold {
				v.worst = append(v.worst, r.Alert)
			}
		}
	}
	return v
}

// severity is that of the worst alert, or of the Notes where there is none. A run that
// is held is critical.
func (v view) severity() Severity {
	switch {
	case v.Held != nil:
		return Critical
	case len(v.counts) > 0:
		return v.counts[0].kind.Severity()
	case v.Notes.Notify:
		return Warning
	}
	return Info
}
