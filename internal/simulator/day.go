package simulator

import "time"

// daybreak is how a day began.
type daybreak struct {
	day          int
	credit, tags int // calls admitted before
}

// SetDay goes to a day of the customers' lives, forth or back: 0 is the day the
// simulator starts with by default, and any below it. Calls under way may see some
// of either day; so may a reader that is between two pages.
func (s *Simulator) SetDay(day int) {
	s.at.Store(&daybreak{
		day:    max(day, 0),
		credit: int(s.counters.credit.admitted.Load()),
		tags:   int(s.counters.tags.admitted.Load()),
	})
}

// Day returns the day that is set.
func (s *Simulator) Day() int { return s.at.Load().day }

// dayZero is the month-giving moment of day 0 in the zone both vendors keep
// their books in. It does not follow a clock that a fault has set wrong.
func (s *Simulator) dayZero() time.Time {
	if !s.zero.IsZero() {
		return s.zero.In(beijing)
	}
	return s.now().In(beijing)
}

// today is the same time of the day that is set.
func (s *Simulator) today() time.Time { return s.dayZero().AddDate(0, 0, s.Day()) }

var beijing = time.FixedZone("UTC+8", 8*60*60)

func midnight(t time.Time) time.Time {
	year, month, day := t.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, t.Location())
}

// newcomers are who comes as the days go by: so many a day, with indexes from
// `from` on. Those below, from Customers on, are for who joins under a fault, so
// that nobody is ever two.
type newcomers struct{ from, daily int }

func (s *Simulator) newcomers() newcomers {
	n := newcomers{from: s.customers + joinersOf(s.customers)}
	if s.customers > 0 { // an empty account stays empty
		n.daily = 1 + s.customers/80
	}
	return n
}

// dayOf is the day on which an index comes, 0 for one that is no newcomer's.
func (n newcomers) dayOf(i int) int {
	if i < n.from || i >= n.until(eventDays) {
		return 0
	}
	return 1 + (i-n.from)/n.daily
}

// until is the index after the last one who has come by a day.
func (n newcomers) until(day int) int { return n.from + n.daily*min(day, eventDays) }

// bound is when a newcomer was bound: in the first hour of its day, one after
// the other.
func (n newcomers) bound(i int, zero time.Time) time.Time {
	day, nth := n.dayOf(i), (i-n.from)%n.daily
	return midnight(zero).AddDate(0, 0, day).Add(time.Hour * time.Duration(1+nth) / time.Duration(1+n.daily)).Truncate(time.Second)
}

// goers are who goes as the days go by. Of every forty customers behind the
// awkward ones, one of the first half goes on day 1, and one of the second on
// day 2. So who is left can be counted without counting.
type goers struct {
	seed   seed
	stream uint64
	day    int // how far the days have come
}

const goersFrom, goersBlock = 48, 40

func (s *Simulator) creditGoers(day int) goers { return goers{s.seed, streamCreditGoers, day} }
func (s *Simulator) tagGoers(day int) goers    { return goers{s.seed, streamTagGoers, day} }

// of is who goes on a day out of a block.
func (g goers) of(block, day int) int {
	const half = goersBlock / eventDays
	return goersFrom + block*goersBlock + (day-1)*half + int(g.seed.roll(g.stream, block*eventDays+day)%half)
}

// dayOf is the day on which a customer goes, 0 for never.
func (g goers) dayOf(i int) int {
	if i < goersFrom {
		return 0
	}
	for day := 1; day <= eventDays; day++ {
		if g.of((i-goersFrom)/goersBlock, day) == i {
			return day
		}
	}
	return 0
}

// gone says whether a customer has gone.
func (g goers) gone(i int) bool {
	day := 0
	if g.day > 0 {
		day = g.dayOf(i)
	}
	return day > 0 && day <= g.day
}

// rank is how many of the indexes below i are still there.
func (g goers) rank(i int) int {
	if g.day == 0 || i <= goersFrom {
		return i
	}
	days, block := min(g.day, eventDays), (i-goersFrom)/goersBlock
	left := i - block*days
	for day := 1; day <= days; day++ {
		if g.of(block, day) < i {
			left--
		}
	}
	return left
}

// find is the index of a rank: the first with so many below it that is there
// itself.
func (g goers) find(rank int) int {
	i := rank
	for {
		next := i + rank + 1 - g.rank(i+1)
		if next == i {
			return i
		}
		i = next
	}
}
