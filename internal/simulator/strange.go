package simulator

// strangeDay is the day on which the faults empty-day and other-account show. On every
// other day the partner's own customers are listed, so that a reader that comes daily
// meets a good list, a strange one, and a good one.
const strangeDay = 1

// stranger returns the partner whose customers are listed in place of the own ones; nil:
// they are the own ones.
func (s *Simulator) stranger() *Simulator {
	if s.strange == nil || s.Day() != strangeDay {
		return nil
	}
	return s.strange
}

// makeStrange makes the partner that stranger returns, where a fault wants one: without
// customers, or with as many as the own one, none of whose ids is one of the own
// customers'.
func (s *Simulator) makeStrange() (err error) {
	opts := Options{Customers: -1, Seed: uint64(s.seed), Now: s.now, Today: s.zero}
	switch {
	case s.standing.emptyDay:
	case s.standing.otherAccount:
		for opts.Seed++; seed(opts.Seed).creditUin(0) == s.seed.creditUin(0); {
			opts.Seed++
		}
		if s.customers > 0 {
			opts.Customers = s.customers
		}
	default:
		return nil
	}
	s.strange, err = New(opts)
	return err
}
