package simulator

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Fault is one thing that can go wrong, by name.
type Fault struct {
	Name string
	Says string // one sentence
}

// fault is a Fault and what it does: either it stands for the whole run (set),
// or it hits a call now and then (act), one in every `every`.
type fault struct {
	Fault
	set   func(*Simulator)
	every int
	act   disturb
}

// disturb does something to a call that was admitted. Unless it is done with
// the call, the answer follows.
type disturb func(s *Simulator, w http.ResponseWriter, r *http.Request, a answer) (done bool)

// faults are all there are. Those that hit now and then get a second form by
// themselves, NAME-always.
var faults = []fault{
	{Fault{"http-500", "One call in seven fails with HTTP 500."}, nil, 7, breakWith(http.StatusInternalServerError)},
	{Fault{"http-502", "One call in seven fails with HTTP 502 and a page of HTML."}, nil, 7, breakWith(http.StatusBadGateway)},
	{Fault{"http-503", "One call in seven fails with HTTP 503, a page of HTML and Retry-After: 1."}, nil, 7, breakWith(http.StatusServiceUnavailable)},
	{Fault{"html-page", "One call in seven is answered with a page of HTML and status 200."}, nil, 7, breakWith(http.StatusOK)},
	{Fault{"error-in-200", "One call in seven fails with an error in a body of status 200: InternalError, CBC.5001."}, nil, 7, errorIn200},
	{Fault{"vendor-busy", "One call in seven fails because the vendor is busy: OperationDenied.ServiceBusy, 429 with CBC.0250."}, nil, 7, vendorBusy},
	{Fault{"empty-object", "One call in seven is answered with {} and status 200."}, nil, 7, replaceBody("{}")},
	{Fault{"empty-body", "One call in seven is answered with nothing and status 200."}, nil, 7, replaceBody("")},
	{Fault{"empty-page", "One call in seven is answered with a list that is null."}, nil, 7, emptyPage},
	{Fault{"malformed-json", "One call in seven is answered with half of its JSON, and the right length."}, nil, 7, malformedJSON},
	{Fault{"truncated-body", "One call in seven breaks off in the middle of the body."}, nil, 7, truncatedBody},
	{Fault{"giant-body", "One call in seven is answered with a page that goes on up to 256 MiB."}, nil, 7, giantBody},
	{Fault{"connection-reset", "One call in seven ends with a reset of the connection."}, nil, 7, connectionReset},
	{Fault{"hang", "One call in seven is never answered."}, nil, 7, hang},
	{Fault{"long-tail", "One call in ten takes half a second longer, and one in ten of those five seconds."}, nil, 10, longTail},

	{Fault: Fault{"page-clamp-10", "Tencent silently cuts pages to ten rows."}, set: func(s *Simulator) { s.creditMax = 10 }},
	{Fault: Fault{"limit-100", "Huawei refuses a limit above 100."}, set: func(s *Simulator) { s.tagsMax = min(s.tagsMax, 100) }},
	{Fault: Fault{"customers-join", "Between two calls a customer joins, until a tenth more have."}, set: func(s *Simulator) { s.standing.joins = true }},
	{Fault: Fault{"customers-leave", "Between two calls a customer leaves, the newest and the oldest by turns, until a tenth have."}, set: func(s *Simulator) { s.standing.leaves = true }},
	{Fault: Fault{"duplicate-rows", "Every tenth customer is listed twice, and the total does not count it."}, set: func(s *Simulator) { s.standing.doubled = true }},
	{Fault: Fault{"total-high", "The total is three too high."}, set: func(s *Simulator) { s.standing.totalOff = func(n, _ int) int { return n + 3 } }},
	{Fault: Fault{"total-low", "The total is a tenth and one too low."}, set: func(s *Simulator) { s.standing.totalOff = func(n, _ int) int { return n - n/10 - 1 } }},
	{Fault: Fault{"total-of-page", "The total counts the page's own rows."}, set: func(s *Simulator) { s.standing.totalOff = func(_, rows int) int { return rows } }},
	{Fault: Fault{"page-beyond", "Tencent refuses a page that begins behind the last row."}, set: func(s *Simulator) { s.standing.pageBeyond = true }},
	{Fault: Fault{"unstable-order", "Rows that stand within thirty of each other trade places at every call, in every list, whatever order is asked for."}, set: func(s *Simulator) { s.standing.disorder = tieRows }},
	{Fault: Fault{"ties", "Thirty customers at a time share the time of association, and trade places at every call."}, set: func(s *Simulator) { s.standing.disorder, s.standing.ties = tieRows, true }},
	{Fault: Fault{"undated", "Neither vendor says when a customer was associated."}, set: func(s *Simulator) { s.standing.odd.undated = true }},
	{Fault: Fault{"no-customer-list", "Huawei refuses the list of a partner's customers for want of permission."}, set: func(s *Simulator) { s.standing.noCustomerList = true }},
	{Fault: Fault{"delay-on-the-way", "Each call takes up to 80 ms, at random, before it arrives, and overtakes others."}, set: func(s *Simulator) { s.transit = 80 * time.Millisecond }},
	{Fault: Fault{"empty-day", "On day 1 the vendors list no customer, with success."}, set: func(s *Simulator) { s.standing.emptyDay = true }},
	{Fault: Fault{"other-account", "On day 1 the vendors list as many customers of another partner."}, set: func(s *Simulator) { s.standing.otherAccount = true }},
	{Fault: Fault{"force-absent", "Tencent leaves out Force."}, set: func(s *Simulator) { s.standing.odd.force = new(Number) }},
	{Fault: Fault{"force-one", "Tencent gives Force its reserved value, 1, for every customer."}, set: func(s *Simulator) { one := Number("1"); s.standing.odd.force = &one }},
	{Fault: Fault{"iso-times", "Tencent writes times in the forms of ISO 8601."}, set: func(s *Simulator) { s.standing.odd.isoTimes = true }},
	{Fault: Fault{"unknown-tag", "Of Huawei's tags one in 28 is a value that the vendor does not document, and from day 1 on as many more."}, set: func(s *Simulator) { s.standing.odd.unknownTags = true }},
	{Fault: Fault{"bad-value", "One customer in sixty has an amount, a flag, a time or a month that is none."}, set: func(s *Simulator) { s.standing.odd.badValues = true }},
	{Fault: Fault{"clock-ahead", "The vendor's clock is an hour ahead, so every signature is stale."}, set: func(s *Simulator) { s.standing.clockAhead = time.Hour }},
	{Fault: Fault{"key-revoked", "The ordinary key is unknown after five calls; the temporary one goes on."}, set: func(s *Simulator) { s.standing.keyRevoked = true }},
	{Fault: Fault{"token-expires", "The temporary key's token expires after five calls."}, set: func(s *Simulator) { s.standing.tokenExpires = true }},
	{Fault: Fault{"second-caller", "Somebody else on the same key uses two calls a second of its rate."}, set: func(s *Simulator) { s.limiter.secondCaller = true }},
	{Fault: Fault{"secrets-down", "Every secret store fails with its vendor's internal error; the two partner APIs do not."}, set: func(s *Simulator) { s.SetStoreDown(true) }},
}

const always = "-always"

// FaultNames returns every fault that Options.Faults may name.
func FaultNames() []Fault {
	var list []Fault
	for _, f := range faults {
		list = append(list, f.Fault)
		if f.every > 0 {
			list = append(list, Fault{f.Name + always, "The same at every call."})
		}
	}
	return list
}

// standing are the faults that stand for the whole run.
type standing struct {
	clockAhead   time.Duration
	keyRevoked   bool
	tokenExpires bool
	joins        bool
	leaves       bool
	doubled      bool
	totalOff     func(total, rows int) int
	pageBeyond   bool

	disorder       disorder
	ties           bool
	noCustomerList bool
	emptyDay       bool
	otherAccount   bool
	odd            odd
}

// revokedAfter is how many signed calls a key is good for, at each vendor,
// before a fault revokes it.
const revokedAfter = 5

// tell returns the total that is told beside a page of some rows.
func (f *standing) tell(total, rows int) int {
	if f.totalOff == nil {
		return total
	}
	return max(f.totalOff(total, rows), 0)
}

// orderOf is who is a customer when the ordinal-th call of an API arrives.
// Between two calls one joins, or one leaves, until a tenth of the customers
// have; under both faults the one joins as the other leaves, and their number
// stays. The newest and the oldest leave by turns, so that a reader is hit
// whichever way it goes; who joined stays.
func (f *standing) orderOf(customers, ordinal int) order {
	o := order{kept: customers, settled: customers, hi: customers, doubled: f.doubled}
	events := max(0, min(ordinal-1, joinersOf(customers)))
	if f.joins {
		o.hi += events
	}
	if f.leaves {
		o.kept -= (events + 1) / 2
		o.lo += events / 2
	}
	return o
}

// joinersOf is how many may join or leave under a fault: a tenth.
func joinersOf(customers int) int { return (customers + 9) / 10 }

// disturbance is a fault as it is in force in one simulator.
type disturbance struct {
	every, phase int
	act          disturb
}

func (d disturbance) hits(ordinal int) bool { return (ordinal+d.phase)%d.every == 0 }

// arrange puts the named faults in force.
func (s *Simulator) arrange(names []string) error {
	for _, name := range names {
		f, isAlways, ok := findFault(name)
		if !ok {
			var known []string
			for _, f := range FaultNames() {
				known = append(known, f.Name)
			}
			return fmt.Errorf("simulator: unknown fault %q; there are: %s", name, strings.Join(known, ", "))
		}
		if f.set != nil {
			f.set(s)
			continue
		}
		d := disturbance{every: f.every, act: f.act}
		if isAlways {
			d.every = 1
		}
		d.phase = int(s.seed.roll(streamFault, len(s.disturbances)) % uint64(d.every))
		s.disturbances = append(s.disturbances, d)
	}
	if s.limiter.secondCaller && s.limiter.rate == 0 {
		return errors.New("simulator: the fault second-caller needs a rate")
	}
	return nil
}

func findFault(name string) (f fault, isAlways, ok bool) {
	base, isAlways := strings.CutSuffix(name, always)
	for _, f := range faults {
		if f.Name == name || isAlways && f.Name == base && f.every > 0 {
			return f, isAlways, true
		}
	}
	return fault{}, false, false
}
