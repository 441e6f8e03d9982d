package alert

import (
	"cmp"
	"iter"
	"maps"
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
	First    bool           // the baseline: nothing was compared. Its open conditions are its alerts
	Kinds    []Kind         // the kinds to list in a first run; nil: all
	Total    int            // customers read
	Statuses map[string]int // customers by status
	Store    string         // the identity of the store that keeps the run; "": none
	Attempt  string         // the identity of the attempt at the run; "": none
	Unproven bool           // the list could not be proven complete
	Counted  *int           // customers by the vendor's count; nil if it gives none
	ReadLate bool           // the list was read after the run's day or hour
	Held     *Held          // why nothing was compared; nil: it was
	Zone     *time.Location // of the times in messages; nil: core.VendorZone
	Location string         // of the run's files, as text; not a URL that opens them
	Public   string         // the base of links, without a slash at its end; "": no links
	Notes    Notes
	Partner  *core.PartnerCredit // nil: not read
	Owners   []string            // those whose alerts are kept apart, as of Config.Owners; nil: every owner
	Muted    int                 // customers whose conditions open no alert for now
}

// Held counts a list that shrank so much that it is not compared.
type Held struct {
	Known   int `json:"known"`   // customers in the run before
	Missing int `json:"missing"` // of Known, those that the list lacks
	New     int `json:"new"`     // customers in the list that are not Known
	Times   int `json:"times"`   // runs in a row whose list lacks the same customers
}

// Digest summarizes the alerts of one run and its open conditions: how many there are of
// each kind, and the worst alerts, for each owner. It holds at most WorstPerKind alerts of
// an owner and a kind, however many are added. It is not safe for concurrent use while
// alerts are added.
type Digest struct {
	Summary
	sample bool
	source iter.Seq2[Alert, error] // every alert again; nil: only those in parts
	parts  map[string]*part        // by owner
	apart  map[string]bool         // Summary.Owners
}

// part is what a Digest has of one owner.
type part struct {
	counts map[Kind]int
	worst  map[Kind][]ranked // in order
	open   map[Kind]int      // conditions
	rows   []openRow         // at most maxRows
}

// WorstPerKind is how many alerts of an owner and a kind a Digest keeps. The limit is per
// kind, so that a channel for a single kind gets as many as one for all.
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
	d := &Digest{Summary: s, parts: make(map[string]*part), apart: make(map[string]bool)}
	for _, owner := range s.Owners {
		d.apart[owner] = true
	}
	return d
}

// part returns the part of an owner. Owners that Summary.Owners lacks share that of "".
func (d *Digest) part(owner string) *part {
	if d.Owners != nil && !d.apart[owner] {
		owner = ""
	}
	p := d.parts[owner]
	if p == nil {
		p = &part{counts: make(map[Kind]int), worst: make(map[Kind][]ranked), open: make(map[Kind]int)}
		d.parts[owner] = p
	}
	return p
}

// cleaned returns an alert whose foreign texts are clean.
func cleaned(a Alert) Alert {
	for _, text := range []*string{&a.Name, &a.FullName, &a.Remark, &a.CustomerID, &a.ResellerID, &a.Value} {
		*text = clean(*text)
	}
	a.Owner, a.CRMID = CleanOwner(a.Owner), CleanOwner(a.CRMID)
	return a
}

// AddAll adds the alerts of a source. A channel with a message for each customer goes
// through the source again, so that the Digest need not hold every alert.
func (d *Digest) AddAll(source iter.Seq2[Alert, error]) error {
	for a, err := range source {
		if err != nil {
			return err
		}
		d.Add(a)
	}
	d.source = source
	return nil
}

// Add adds an alert. The order of adding does not matter.
func (d *Digest) Add(a Alert) {
	a = cleaned(a)
	p := d.part(a.Owner)
	p.counts[a.Kind]++
	r := ranked{Alert: a}
	if amount, err := core.ParseMoney(a.Remaining); err == nil {
		r.amount = &amount
	}
	worst := p.worst[a.Kind]
	if len(worst) == WorstPerKind && compareAlerts(r, worst[len(worst)-1]) >= 0 {
		return
	}
	at, _ := slices.BinarySearchFunc(worst, r, compareAlerts)
	if len(worst) == WorstPerKind {
		worst = worst[:len(worst)-1]
	}
	p.worst[a.Kind] = slices.Insert(worst, at, r)
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

// selection is the part of a Digest that one delivery has.
type selection struct {
	*Digest
	scope
	counts    map[Kind]int
	kinds     []Kind  // of counts, worst first
	total     int     // alerts of kinds
	worst     []Alert // at most maxShown
	openKinds []Kind  // worst first
	open      map[Kind]int
	rows      []openRow
}

// scope says whose alerts a delivery has.
type scope struct {
	channel *Channel
	owner   string   // ""; of the alerts of all owners but apart
	apart   []string // owners who get a digest of their own
}

// scopeOf returns the scope of a delivery. planned are the deliveries of its run: an owner
// who has one there is not in the channel's own digest, whatever the setting says by now.
func (c *Channel) scopeOf(due Delivery, planned []Delivery) scope {
	s := scope{channel: c, owner: due.Owner}
	for _, other := range planned {
		if due.Owner == "" && other.Owner != "" && other.Channel == c.Name {
			s.apart = append(s.apart, other.Owner)
		}
	}
	return s
}

// covers reports whether the alerts of an owner are in the scope; "" is no owner.
func (s scope) covers(owner string) bool {
	if s.channel.Owners != nil && !slices.Contains(s.channel.Owners, owner) {
		return false
	}
	return s.owner == owner || s.owner == "" && !slices.Contains(s.apart, owner)
}

// ofOwners reports whether a delivery is limited to owners: it shows nothing of all
// customers.
func (s scope) ofOwners() bool { return s.owner != "" || s.channel.Owners != nil }

// selectFor selects the alerts and open conditions of a scope that its channel wants. A
// sample goes to every channel as a whole.
func (d *Digest) selectFor(of scope) selection {
	s := selection{Digest: d, scope: of, counts: make(map[Kind]int), open: make(map[Kind]int)}
	var parts []*part
	for _, owner := range slices.Sorted(maps.Keys(d.parts)) {
		if d.sample || of.covers(owner) {
			parts = append(parts, d.parts[owner])
		}
	}
	for _, kind := range Kinds() {
		if !d.sample && !of.channel.wants(kind) {
			continue
		}
		var worst []ranked
		for _, p := range parts {
			s.open[kind] += p.open[kind]
			if !d.First || s.listed() {
				s.counts[kind] += p.counts[kind]
				worst = append(worst, p.worst[kind]...)
			}
			for _, row := range p.rows {
				if row.kind == kind && len(s.rows) < maxRows {
					s.rows = append(s.rows, row)
				}
			}
		}
		if s.open[kind] > 0 {
			s.openKinds = append(s.openKinds, kind)
		}
		if s.counts[kind] == 0 {
			delete(s.counts, kind)
			continue
		}
		s.kinds = append(s.kinds, kind)
		s.total += s.counts[kind]
		slices.SortFunc(worst, compareAlerts)
		for _, r := range worst[:min(len(worst), WorstPerKind, maxShown-len(s.worst))] {
			s.worst = append(s.worst, s.view(r.Alert))
		}
	}
	return s
}

// listed reports whether the alerts are the opening list of a first run.
func (s selection) listed() bool { return s.First && s.channel.Baseline != BaselineQuiet }

// view returns an alert as the channel gets it.
func (s selection) view(a Alert) Alert {
	switch {
	case s.channel.Names != NamesFull:
		a.Remark = ""
	case a.FullName != "":
		a.Name = a.FullName
	}
	a.FullName, a.URL = "", s.pageOf(a)
	return a
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
