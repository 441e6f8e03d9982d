package simulator

import (
	"strconv"
	"strings"
	"time"
)

// Life is how one customer changes from day to day. Customers change on the first
// two days. After that only SpendsSlowly and Hovers go on, and a little credit is
// spent at a time.
type Life string

// The lives at both vendors.
const (
	Unchanged Life = "unchanged"
	ComesDay1 Life = "comes-on-day-1"
	ComesDay2 Life = "comes-on-day-2"
	GoesDay1  Life = "goes-on-day-1" // unchanged before
	GoesDay2  Life = "goes-on-day-2"
)

// The lives of Tencent's customers. "Well" is clearly above a tenth of what is
// allocated. All customers but the unchanged spend a little on the days on which
// nothing else happens, without crossing a threshold.
const (
	SpendsSlowly   Life = "spends-slowly"
	LowDay1        Life = "runs-low-on-day-1" // well, then at most a tenth left
	LowDay2        Life = "runs-low-on-day-2"
	ExhaustedDay1  Life = "exhausted-on-day-1" // well or low, then zero
	ExhaustedDay2  Life = "exhausted-on-day-2"
	OverdrawnDay1  Life = "overdrawn-on-day-1" // not overdrawn, then below zero
	OverdrawnDay2  Life = "overdrawn-on-day-2"
	Sinks          Life = "sinks"              // well, low on day 1, overdrawn on day 2
	ToppedUpDay1   Life = "topped-up-on-day-1" // low, exhausted or overdrawn, then well
	ToppedUpDay2   Life = "topped-up-on-day-2"
	ForcedDay1     Life = "forced-on-day-1" // well or overdrawn, then stopped by force, overdrawn
	ForcedDay2     Life = "forced-on-day-2"
	ForcedAndFreed Life = "forced-and-freed" // well, stopped by force on day 1, well on day 2
	FreedDay1      Life = "freed-on-day-1"   // stopped by force, then well
	FreedDay2      Life = "freed-on-day-2"
	Hovers         Life = "hovers"           // low on even days, just above the threshold on odd ones
	ExpiresDay1    Life = "expires-on-day-1" // well; RecentExpiry is within a week from that day on
	ExpiresDay2    Life = "expires-on-day-2"
)

// The lives of Huawei's customers.
const (
	TagBeginsDay1        Life = "tag-begins-on-day-1" // not Y, then Y for twelve months
	TagBeginsDay2        Life = "tag-begins-on-day-2"
	TagLapsesDay1        Life = "tag-lapses-on-day-1" // Y, then N with a validity in the past
	TagLapsesDay2        Life = "tag-lapses-on-day-2"
	TagFallsBackDay1     Life = "tag-falls-back-on-day-1" // Y, then UNDETERMINED
	TagFallsBackDay2     Life = "tag-falls-back-on-day-2"
	TagEligibleDay1      Life = "tag-eligible-on-day-1" // N or empty, then UNDETERMINED
	TagEligibleDay2      Life = "tag-eligible-on-day-2"
	TagEndsThisMonthDay1 Life = "tag-ends-this-month-on-day-1" // Y until a later month, then until that day's month
	TagEndsThisMonthDay2 Life = "tag-ends-this-month-on-day-2"
	TagEndsNextMonthDay1 Life = "tag-ends-next-month-on-day-1" // Y until a later month, then until the one after that day's
	TagEndsNextMonthDay2 Life = "tag-ends-next-month-on-day-2"
)

// event splits a life into what happens and on which day, 0 if it has no day.
func (l Life) event() (what string, day int) {
	what, on, _ := strings.Cut(string(l), "-on-day-")
	day, _ = strconv.Atoi(on)
	return what, day
}

// CreditLife returns the life of Tencent's customer of an index. A customer that
// joins under a fault is unchanged.
func (s *Simulator) CreditLife(i int) Life {
	switch {
	case s.joinsOn(i) > 0:
		return []Life{ComesDay1, ComesDay2}[s.joinsOn(i)-1]
	case i >= s.customers:
		return Unchanged
	case i < len(awkwardCredit):
		life, _ := awkwardLife(i)
		return life
	}
	c, left := s.seed.plainCredit(i, time.Time{})
	return s.creditLife(i, c.Force, left)
}

// awkwardLife frees two of the awkward customers that are stopped by force, since
// few others are. The other awkward ones are unchanged.
func awkwardLife(i int) (Life, balance) {
	switch i {
	case 8:
		return FreedDay2, balance{200_00, -50_00}
	case 33:
		return FreedDay1, balance{300_00, 250_00}
	}
	return Unchanged, balance{}
}

// creditLife chooses the life of a customer with nothing awkward by its state on
// day 0.
func (s *Simulator) creditLife(i int, force Number, left balance) Life {
	if day := s.seed.leavesOn(streamCreditLeavers, i); day > 0 {
		return []Life{GoesDay1, GoesDay2}[day-1]
	}
	r := s.seed.roll(streamLife, i)
	switch {
	case force == "2":
		return choose(r, 400, FreedDay1, FreedDay2)
	case left.remaining < 0:
		return choose(r, 180, ToppedUpDay1, ToppedUpDay2, ForcedDay1, ForcedDay2, SpendsSlowly)
	case left.remaining == 0:
		return choose(r, 160, ToppedUpDay1, ToppedUpDay2, OverdrawnDay1, OverdrawnDay2)
	case left.remaining*10 <= left.allocated:
		return choose(r, 80, ToppedUpDay1, ToppedUpDay2, Hovers, Hovers, ExhaustedDay1, ExhaustedDay2, OverdrawnDay1, OverdrawnDay2, SpendsSlowly)
	}
	life := choose(r, 13, LowDay1, LowDay2, ExhaustedDay1, ExhaustedDay2, OverdrawnDay1, OverdrawnDay2, Sinks,
		ForcedDay1, ForcedDay2, ForcedAndFreed, ExpiresDay1, ExpiresDay2)
	if life == Unchanged && mix(r)%8 < 5 {
		return SpendsSlowly
	}
	return life
}

// choose returns each of the lives for so many in a thousand, else Unchanged.
func choose(r uint64, each int, lives ...Life) Life {
	if n := int(r%1000) / each; n < len(lives) {
		return lives[n]
	}
	return Unchanged
}

// balance is two amounts in cents.
type balance struct{ allocated, remaining int64 }

// live turns a customer of day 0 into that of a later day. zero is the date of
// day 0.
func (s seed) live(c *CreditCustomer, i int, left balance, life Life, day int, zero time.Time) {
	r := s.roll(streamLived, i)
	roll := func(n int64) int64 { // from 0 to n-1
		v := int64(r % uint64(n))
		r = mix(r)
		return v
	}
	share := func(permille int64) int64 { return left.allocated * permille / 1000 }
	well, low, debt := share(600+roll(350)), share(20+roll(60))-roll(100), -share(5+roll(120))-1-roll(99)
	pace := 1 + roll(3)

	what, on := life.event()
	since := 0 // the day after which only a little is spent
	if on > 0 && day >= on {
		since = on
	}
	switch {
	case life == Unchanged || what == "goes":
		return
	case life == Hovers:
		left.remaining, since = share([]int64{92, 101}[day%2]+roll(8)), day
	case life == Sinks:
		left.remaining, since = low, 1
		if day >= 2 {
			left.remaining, since = debt, 2
		}
	case life == ForcedAndFreed:
		c.Force, left.remaining, since = "2", debt, 1
		if day >= 2 {
			c.Force, left.remaining, since = "0", well, 2
		}
	case since == 0: // not yet
	case what == "runs-low":
		left.remaining = low
	case what == "exhausted":
		left.remaining = 0
	case what == "overdrawn":
		left.remaining = debt
	case what == "topped-up":
		left.remaining = well
	case what == "forced":
		if c.Force = "2"; left.remaining < 0 {
			since = 0 // stopped for what it already owes
		} else {
			left.remaining = debt
		}
	case what == "freed":
		c.Force, c.Note, left.remaining = "0", "", max(left.remaining, well)
	case what == "expires":
		// About noon in three or four days by the clock of that day, within
		// seven days by the clock of day 0.
		soon := midnight(zero).AddDate(0, 0, on+3+int(roll(2))).Add(time.Duration(6*3600+roll(8*3600)) * time.Second)
		c.RecentExpiry, since = soon.Format(time.DateTime), 0
	}
	// What is spent is restored every two weeks, so no customer runs out.
	size := max(left.remaining, -left.remaining)
	left.remaining -= size * pace * int64((day-since)%14) / 256
	c.RemainingCredit = cents(left.remaining)
}

// join turns a plain customer into one that has just joined and is well.
func (s seed) join(c *CreditCustomer, i int, left balance) {
	r := s.roll(streamLived, i)
	c.Force = "0"
	c.RemainingCredit = cents(left.allocated*int64(850+r%150)/1000 - int64(mix(r)%100))
}

// TagLife returns the life of Huawei's customer of an index, of the partner's
// own. A reseller's customers are unchanged.
func (s *Simulator) TagLife(i int) Life {
	switch {
	case s.joinsOn(i) > 0:
		return []Life{ComesDay1, ComesDay2}[s.joinsOn(i)-1]
	case i < len(awkwardTags) || i >= s.customers:
		return Unchanged
	}
	zero := s.dayZero()
	return s.tagLife(i, s.seed.plainTag(i, 0, zero), monthsFrom(zero))
}

func (s *Simulator) tagLife(i int, c TagCustomer, month func(int) string) Life {
	if day := s.seed.leavesOn(streamTagLeavers, i); day > 0 {
		return []Life{GoesDay1, GoesDay2}[day-1]
	}
	r := s.seed.roll(streamTagLife, i)
	switch {
	case c.NewCustomerTag == "Y" && c.ExpireTime >= month(2): // sooner ends are events without a life
		return choose(r, 30, TagLapsesDay1, TagLapsesDay2, TagFallsBackDay1, TagFallsBackDay2,
			TagEndsThisMonthDay1, TagEndsThisMonthDay2, TagEndsNextMonthDay1, TagEndsNextMonthDay2)
	case c.NewCustomerTag == "UNDETERMINED":
		return choose(r, 80, TagBeginsDay1, TagBeginsDay2)
	case c.NewCustomerTag != "Y" && c.ExpireTime == "":
		return choose(r, 80, TagBeginsDay1, TagBeginsDay2, TagEligibleDay1, TagEligibleDay2)
	}
	return Unchanged
}

// liveTag turns a customer of day 0 into that of a later day. Months count from
// the day of the event, so later days do not move them.
func liveTag(c *TagCustomer, life Life, day int, zero time.Time) {
	what, on := life.event()
	if on == 0 || day < on {
		return
	}
	month := monthsFrom(zero.AddDate(0, 0, on))
	switch what {
	case "tag-begins":
		setTag(c, "Y", month(0), month(11))
	case "tag-lapses":
		setTag(c, "N", month(-12), month(-1))
	case "tag-falls-back", "tag-eligible":
		setTag(c, "UNDETERMINED", "", "")
	case "tag-ends-this-month":
		c.ExpireTime = month(0)
	case "tag-ends-next-month":
		c.ExpireTime = month(1)
	}
}
