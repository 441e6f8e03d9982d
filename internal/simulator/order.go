package simulator

// order is who is a customer at this moment, and in which order they are
// listed, oldest first. It stays the same for ever unless a fault makes
// customers come and go, or rows come twice.
type order struct {
	lo, kept    int // of those who were there from the beginning, the indexes lo to kept-1 still are
	settled, hi int // the indexes settled to hi-1 joined while the simulator ran
	doubled     bool
	newFirst    bool // those who joined are listed before everyone else
}

func (s *Simulator) creditOrder(ordinal int) order {
	return s.standing.orderOf(s.customers, ordinal)
}

func (s *Simulator) tagOrder(ordinal int) order {
	o := s.standing.orderOf(s.customers, ordinal)
	o.newFirst = true
	return o
}

func (o order) customers() int { return o.kept - o.lo + o.hi - o.settled }

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
	return o.lo <= index && index < o.kept || o.settled <= index && index < o.hi
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
		joined := o.hi - o.settled
		if row < joined {
			return o.hi - 1 - row
		}
		return o.lo + row - joined
	}
	if old := o.kept - o.lo; row >= old {
		return o.settled + row - old
	}
	return o.lo + row
}
