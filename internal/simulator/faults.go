package simulator

import (
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
	set   func(*standing)
	every int
	act   func(s *Simulator, w http.ResponseWriter, r *http.Request, a answer) (done bool)
}

// faults are all there are. Those that hit now and then get a second form by
// themselves, NAME-always.
var faults = []fault{}

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
	totalOff     func(int) int
}

// revokedAfter is how many signed calls a key is good for, at each vendor,
// before a fault revokes it.
const revokedAfter = 5

// tell returns the total that is told.
func (f *standing) tell(total int) int {
	if f.totalOff == nil {
		return total
	}
	return max(f.totalOff(total), 0)
}

// orderOf is who is a customer when the ordinal-th call of an API arrives.
// Between two calls one joins, or one leaves, until a tenth of the customers
// have. The newest and the oldest leave by turns, so that a reader is hit
// whichever way it goes.
func (f *standing) orderOf(customers, ordinal int) order {
	o := order{lo: 0, hi: customers, settled: customers, doubled: f.doubled}
	events := min(ordinal-1, (customers+9)/10)
	if f.joins {
		o.hi += events
	}
	if f.leaves {
		o.hi -= (events + 1) / 2
		o.lo += events / 2
	}
	return o
}

// disturbance is a fault as it is in force in one simulator.
type disturbance struct {
	every, phase int
	act          func(s *Simulator, w http.ResponseWriter, r *http.Request, a answer) (done bool)
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
			f.set(&s.standing)
			continue
		}
		d := disturbance{every: f.every, act: f.act}
		if isAlways {
			d.every = 1
		}
		d.phase = int(s.seed.roll(streamFault, len(s.disturbances)) % uint64(d.every))
		s.disturbances = append(s.disturbances, d)
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
