package simulator

import "time"

// eventDays is the last day on which customers join, leave, or change.
const eventDays = 2

// dayStart is a day and how many calls were accepted before it.
type dayStart struct{ day, credit, tags int }

// SetDay sets the day of the customers' lives: 0, or any below it, is the first.
// A call in progress, or a reader between two pages, may see both days.
func (s *Simulator) SetDay(day int) {
	calls := s.Calls()
	s.start.Store(&dayStart{max(day, 0), calls.Credit.Accepted, calls.Tags.Accepted})
}

// Day returns the day that is set.
func (s *Simulator) Day() int { return s.start.Load().day }

// dayZero returns the time on day 0 in the vendors' time zone. The fault
// clock-ahead does not change it.
func (s *Simulator) dayZero() time.Time {
	if !s.opts.Today.IsZero() {
		return s.opts.Today.In(beijing)
	}
	return s.opts.Now().In(beijing)
}

// today returns the same time on the day that is set.
func (s *Simulator) today() time.Time { return s.dayZero().AddDate(0, 0, s.Day()) }

var beijing = time.FixedZone("UTC+8", 8*60*60)

func midnight(t time.Time) time.Time {
	year, month, day := t.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, t.Location())
}

// events returns what changes the customers of the vendor with a stream: some
// leave and others join on days 1 and 2, and under two faults one joins or
// leaves between two calls. Of those it is the newest and the oldest in turn
// that leave, so that a reader meets the change in either order.
func (s *Simulator) events(stream uint64) []event {
	events := make([]event, 0, s.customers/leaversOf+eventDays*s.perDay())
	for n := 0; ; n++ {
		i, day := s.seed.leaver(stream, n)
		if i >= s.customers {
			break
		}
		events = append(events, event{day: day, customer: int32(i), leaves: true})
	}
	for i := s.newcomers(); i < s.newcomers()+eventDays*s.perDay(); i++ {
		events = append(events, event{day: s.joinsOn(i), customer: int32(i)})
	}
	for n := range tenth(s.customers) {
		if s.faults["customers-join"] {
			events = append(events, event{call: n + 2, customer: int32(s.customers + n)})
		}
		if s.faults["customers-leave"] {
			leaves := n / 2
			if n%2 == 0 {
				leaves = s.customers - 1 - n/2
			}
			events = append(events, event{call: n + 2, customer: int32(leaves), leaves: true})
		}
	}
	return events
}

// tenth is how many customers join or leave at calls.
func tenth(customers int) int { return (customers + 9) / 10 }

// newcomers returns the index of the first customer that joins on a day. The
// indexes from Customers up to it are those of customers that join at calls.
func (s *Simulator) newcomers() int { return s.customers + tenth(s.customers) }

// perDay is how many customers join on a day. An empty account stays empty.
func (s *Simulator) perDay() int {
	if s.customers == 0 {
		return 0
	}
	return 1 + s.customers/80
}

// joinsOn returns the day on which a customer joins, 0 for one that does not.
func (s *Simulator) joinsOn(i int) int {
	if n := i - s.newcomers(); n >= 0 && n < eventDays*s.perDay() {
		return 1 + n/s.perDay()
	}
	return 0
}

// joinedOn returns when a customer that joins on a day is associated: within the
// day's first hour, one after the other.
func (s *Simulator) joinedOn(i int) time.Time {
	hour, nth := midnight(s.dayZero()).AddDate(0, 0, s.joinsOn(i)), (i-s.newcomers())%s.perDay()
	return hour.Add(time.Hour * time.Duration(1+nth) / time.Duration(1+s.perDay())).Truncate(time.Second)
}

// Of every twenty customers after the first 48, one leaves: on day 1, of the next
// twenty on day 2, and so on.
const leaversFrom, leaversOf = 48, 20

// leaver returns the customer of the n-th twenty that leaves, and its day.
func (s seed) leaver(stream uint64, n int) (customer, day int) {
	return leaversFrom + n*leaversOf + int(s.roll(stream, n+1)%leaversOf), n%eventDays + 1
}

// leavesOn returns the day on which a customer leaves, 0 for never.
func (s seed) leavesOn(stream uint64, i int) int {
	if i < leaversFrom {
		return 0
	}
	if customer, day := s.leaver(stream, (i-leaversFrom)/leaversOf); customer == i {
		return day
	}
	return 0
}

// strangeDay is the day of the faults empty-day and other-account. The days
// before and after it are as always, so a daily reader sees a good list, a
// strange one, and a good one.
const strangeDay = 1

// partner returns the simulator of the partner whose customers are listed today.
func (s *Simulator) partner() *Simulator {
	if s.stranger != nil && s.Day() == strangeDay {
		return s.stranger
	}
	return s
}

// newStranger returns the partner of the strange day: one without customers, or
// one with as many, none of which has the id of an own one; nil without the
// faults.
func (s *Simulator) newStranger() (*Simulator, error) {
	opts := Options{Customers: -1, Seed: uint64(s.seed), Now: s.opts.Now, Today: s.opts.Today}
	switch {
	case s.faults["empty-day"]:
	case s.faults["other-account"]:
		for opts.Seed++; seed(opts.Seed).creditUin(0) == s.seed.creditUin(0); {
			opts.Seed++
		}
		if s.customers > 0 {
			opts.Customers = s.customers
		}
	default:
		return nil, nil
	}
	return New(opts)
}
