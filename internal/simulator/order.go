package simulator

import "math/rand/v2"

// order is who is a customer at this moment, and in which order they are
// listed, oldest first. It stays the same all day unless a fault makes customers
// come and go, or rows come twice.
type order struct {
	lo, kept    int   // of those who were there from the beginning, the indexes lo to kept-1 still are
	goers       goers // but for these
	came, until int   // the indexes came to until-1 came as the days went by
	settled, hi int   // the indexes settled to hi-1 joined while the simulator ran
	doubled     bool
	newFirst    bool // those who joined are listed before everyone else
}

func (s *Simulator) creditOrder(day, ordinal int) order {
	return s.orderOn(day, ordinal, s.creditGoers(day))
}

func (s *Simulator) tagOrder(day, ordinal int) order {
	o := s.orderOn(day, ordinal, s.tagGoers(day))
	o.newFirst = true
	return o
}

// orderOn is orderOf with those who have come and gone by a day. Who came does
// not leave under a fault.
func (s *Simulator) orderOn(day, ordinal int, gone goers) order {
	o := s.standing.orderOf(s.customers, ordinal)
	o.goers = gone
	o.came, o.until = s.newcomers().from, s.newcomers().until(day)
	return o
}

// only is the order of so many who neither come nor go.
func (o order) only(customers int) order {
	return order{kept: customers, doubled: o.doubled, newFirst: o.newFirst}
}

// old is how many are left of those who were there from the beginning.
func (o order) old() int { return o.goers.rank(o.kept) - o.goers.rank(o.lo) }

func (o order) customers() int { return o.old() + o.until - o.came + o.hi - o.settled }

// len is how many rows the list has. Where rows come twice, every tenth
// customer has two.
func (o order) len() int {
	n := o.customers()
	if o.doubled && n > 0 {
		n += (n - 1) / 10
	}
	return n
}

func (o order) contains(index int) bool {
	return o.lo <= index && index < o.kept && !o.goers.gone(index) ||
		o.came <= index && index < o.until || o.settled <= index && index < o.hi
}

// index says which customer stands at a row, from 0.
func (o order) index(row int, ascending bool) int {
	if o.doubled {
		row -= row / 11
	}
	if !ascending {
		row = o.customers() - 1 - row
	}
	if o.newFirst {
		if row < o.hi-o.settled {
			return o.hi - 1 - row
		}
		row -= o.hi - o.settled
	}
	if row < o.old() {
		return o.goers.find(o.goers.rank(o.lo) + row)
	}
	if row -= o.old(); row < o.until-o.came {
		return o.came + row
	}
	return o.settled + row - (o.until - o.came)
}

// disorder is how many rows, from each multiple of it on, trade places from one
// call to the next; 0: none. No vendor promises where rows stand that tie.
type disorder int

const tieRows disorder = 30

// of returns where the row of a call is taken from, in a list of so many.
func (d disorder) of(s seed, stream uint64, ordinal, rows int) func(row int) int {
	if d == 0 {
		return func(row int) int { return row }
	}
	groups := make(map[int][]int)
	return func(row int) int {
		first := row / int(d) * int(d)
		places := groups[first]
		if places == nil {
			r := rand.New(rand.NewPCG(s.roll(streamDisorder+stream<<8, ordinal), uint64(first)))
			places = r.Perm(min(int(d), rows-first))
			groups[first] = places
		}
		return first + places[row-first]
	}
}
