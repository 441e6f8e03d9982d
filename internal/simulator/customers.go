package simulator

import (
	"fmt"
	"strings"
	"time"
)

// CreditCustomer is one row of QueryCustomersCredit as it is sent, and what a
// test needs to know beside it. It depends on seed, index and day alone, but for
// two times: the association of a customer that joins, and an expiry that a Life
// brings near, are dated by the clock.
type CreditCustomer struct {
	ClientUin       uint64
	Name            string
	Type            string
	Mobile          string
	Email           string // masked by the vendor
	Arrears         string
	AssociationTime string
	RecentExpiry    string
	Credit          Number `json:",omitempty"`
	RemainingCredit Number `json:",omitempty"`
	IdentifyType    Number `json:",omitempty"`
	Remark          string
	Force           Number `json:",omitempty"`

	FullEmail  string `json:"-"` // the address behind the mask, which a filter matches
	Note       string `json:"-"` // what is awkward about this customer, "" for most
	Unreadable string `json:"-"` // the member that a fault makes unreadable, "" for most
}

// Number is the text of a JSON number, sent digit for digit. "" is left out,
// "null" is sent as null, and any other text of a fault as it is.
type Number string

// MarshalJSON returns the text as it is.
func (n Number) MarshalJSON() ([]byte, error) { return []byte(n), nil }

// Customers returns how many customers the partner has at either vendor on day
// 0, before any joins or leaves.
func (s *Simulator) Customers() int { return s.customers }

// CreditCustomer returns Tencent's customer of an index from 0, the one that is
// associated longest, as it is on the day that is set. The indexes from Customers
// on are those of customers that join under a fault, then of those that join on a
// day. Before it joins, a customer is associated now.
func (s *Simulator) CreditCustomer(i int) CreditCustomer { return s.creditOn(s.Day(), i) }

func (s *Simulator) creditOn(day, i int) CreditCustomer {
	bound := boundAt(i)
	switch {
	case s.joinsOn(i) > 0:
		bound = s.joinedOn(i)
	case i >= s.customers:
		bound = s.credit.joinedAt(i-s.customers, s.today())
	case s.faults["ties"]:
		bound = boundAt(i / tieRows * tieRows)
	}
	c, left := s.seed.plainCredit(i, bound)
	life := Unchanged
	switch {
	case s.joinsOn(i) > 0:
		s.seed.join(&c, i, left)
	case i < len(awkwardCredit):
		c.Note = awkwardCredit[i].note
		awkwardCredit[i].change(&c)
		life, left = awkwardLife(i)
	case i < s.customers && day > 0:
		life = s.creditLife(i, c.Force, left)
	}
	if i < s.customers && day > 0 {
		s.seed.live(&c, i, left, life, day, s.dayZero())
	}
	s.changeCredit(&c, i)
	return c
}

// Ids have twelve digits, as the vendor's do in practice, and equal distances,
// so that an id gives its index.
const (
	uinBase = 200000100000
	uinStep = 17
)

func (s seed) creditUin(i int) uint64 {
	return uinBase + s.roll(streamUin, 0)%uinStep + uint64(i)*uinStep
}

func (s seed) creditIndex(uin uint64) (int, bool) {
	zero := s.creditUin(0)
	if uin < zero || (uin-zero)%uinStep != 0 {
		return 0, false
	}
	return int((uin - zero) / uinStep), true
}

// plainCredit returns a customer with nothing awkward: about 8 % are low, 2 %
// have nothing left, 2 % are overdrawn, 1 % are stopped by force, and the others
// are well.
func (s seed) plainCredit(i int, bound time.Time) (CreditCustomer, balance) {
	r := s.roll(streamCredit, i)
	roll := func(n uint64) uint64 { // from 0 to n-1
		v := r % n
		r = mix(r)
		return v
	}
	c := CreditCustomer{
		ClientUin: s.creditUin(i),
		Type:      []string{"new", "new", "new", "1"}[roll(4)],
		Mobile:    fmt.Sprintf("86-000-%08d", i),
		FullEmail: fmt.Sprintf("billing%d@%s", i, []string{"example.com", "example.cn"}[roll(2)]),
		// The vendor's own sample shows this text.
		Arrears: "Fixed as -",
		Force:   "0",
	}
	c.Email = mask(c.FullEmail)
	c.Name = s.company(i)
	if roll(8) == 0 {
		c.Name = c.FullEmail
	}
	if roll(4) == 0 {
		c.Remark = fmt.Sprintf("account manager %c, contract %d", 'A'+rune(roll(26)), 1000+roll(9000))
	}
	c.IdentifyType = Number([]string{"2", "2", "2", "2", "2", "1", "1", "0"}[roll(8)])

	c.AssociationTime = bound.Format(time.DateTime)
	expiry := bound.AddDate(0, 0, 365*int(1+roll(10))).Add(time.Duration(roll(86400)) * time.Second)
	switch roll(10) {
	case 0: // nothing that could expire
	case 1, 2:
		c.RecentExpiry = expiry.Format(time.DateOnly)
	default:
		c.RecentExpiry = expiry.Format(time.DateTime)
	}

	allocated := int64([]uint64{500, 1000, 2000, 5000, 10000, 50000, 200000}[roll(7)]) * 100 // cents
	share := func(percent uint64) int64 { return allocated * int64(percent) / 100 }
	remaining := share(20+roll(81)) - int64(roll(2)*roll(100))
	switch p := roll(100); {
	case p < 1:
		c.Force = "2"
		remaining = -share(1 + roll(30))
	case p < 3:
		remaining = -share(1+roll(15)) - int64(roll(100))
	case p < 5:
		remaining = 0
	case p < 13:
		remaining = share(1+roll(9)) - int64(roll(100))
	}
	c.Credit, c.RemainingCredit = cents(allocated), cents(remaining)
	return c, balance{allocated, remaining}
}

// boundAt returns when a customer was associated. It never decreases with the
// index, so the order by AssociationTime is that of the indexes. Of every sixteen
// customers three share a second; of a million, many do.
func boundAt(i int) time.Time {
	if k := i % 16; k == 9 || k == 10 {
		i -= k - 8
	}
	const span = 300_000_000 // about nine and a half years, in seconds
	return time.Date(2016, 3, 1, 9, 0, 0, 0, time.UTC).Add(time.Duration(span*int64(i)/int64(i+2000)) * time.Second)
}

// cents writes an amount as a vendor might: with two decimals, or with none where
// both are zero.
func cents(n int64) Number {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	if n%100 == 0 && n%300 != 0 {
		return Number(fmt.Sprintf("%s%d", sign, n/100))
	}
	return Number(fmt.Sprintf("%s%d.%02d", sign, n/100, n%100))
}

// mask hides most of an address. The vendor's sample is masked; the exact rule
// is not published.
func mask(email string) string {
	local, domain, _ := strings.Cut(email, "@")
	return local[:min(2, len(local))] + "****@" + domain
}

// company returns a name that is plainly made up.
func (s seed) company(i int) string {
	r := s.roll(streamName, i)
	pick := func(from ...string) string {
		v := from[r%uint64(len(from))]
		r = mix(r)
		return v
	}
	if r%3 == 0 {
		return pick("示例", "样本", "虚构", "演示", "假想") + pick("青竹", "海风", "石桥", "云杉", "灯塔", "白鹭") +
			pick("科技", "贸易", "网络", "物流", "教育") + fmt.Sprint(i) + pick("有限公司", "有限公司", "工作室")
	}
	return pick("Example", "Sample", "Fictional", "Placeholder", "Imaginary") + " " +
		pick("Lantern", "Harbour", "Juniper", "Pebble", "Heron", "Windmill", "Copper") + " " +
		pick("Trading", "Networks", "Logistics", "Games", "Studio", "Foods") + " " + fmt.Sprint(i) + " " +
		pick("Ltd", "Inc", "GmbH", "Pte Ltd")
}

// awkwardCredit are the first customers, whatever the seed. Each shows one thing
// that has broken a reader somewhere.
var awkwardCredit = [...]struct {
	note   string
	change func(*CreditCustomer)
}{
	0: {"nothing awkward: 1000.00 allocated, 800.00 left", amounts("1000.00", "800.00")},
	1: {"overdrawn", amounts("500.00", "-123.45")},
	2: {"more digits than a float64 holds", amounts("12345678901234567890.123456789012", "12345678901234567889.123456789012")},
	3: {"overdrawn by the smallest amount", amounts("100.00", "-0.01")},
	4: {"exhausted", amounts("100.00", "0")},
	5: {"nothing allocated", amounts("0", "0")},
	6: {"a trailing zero that is a digit", amounts("0.10", "0.10")},
	7: {"trailing zeros", amounts("100.00", "100.00")},
	8: {"stopped by force, overdrawn", func(c *CreditCustomer) {
		amounts("200.00", "-50.00")(c)
		c.Force = "2"
	}},
	9: {"Force has its reserved value", func(c *CreditCustomer) {
		amounts("200.00", "150.00")(c)
		c.Force = "1"
	}},
	10: {"Force is absent", func(c *CreditCustomer) {
		amounts("200.00", "150.00")(c)
		c.Force = ""
	}},
	11: {"IdentifyType is absent", func(c *CreditCustomer) { c.IdentifyType = "" }},
	12: {"identity not verified", func(c *CreditCustomer) { c.IdentifyType = "0" }},
	13: {"an individual", func(c *CreditCustomer) { c.IdentifyType = "1" }},
	14: {"Type is 1", func(c *CreditCustomer) { c.Type = "1" }},
	15: {"Type is empty", func(c *CreditCustomer) { c.Type = "" }},
	16: {"both times without a time of day", func(c *CreditCustomer) {
		c.AssociationTime = c.AssociationTime[:len(time.DateOnly)]
		c.RecentExpiry = "2027-02-28"
	}},
	17: {"RecentExpiry is empty", func(c *CreditCustomer) { c.RecentExpiry = "" }},
	18: {"all texts are empty", func(c *CreditCustomer) {
		c.Name, c.Mobile, c.Email, c.FullEmail, c.Remark = "", "", "", "", ""
	}},
	19: {"the name is a formula", named("=SUM(A1:A9)")},
	20: {"the name starts with a plus", named("+Plus Example Ltd")},
	21: {"the name starts with a minus", named("-Minus Example Ltd")},
	22: {"the name starts with an at sign", named("@Sample Ltd")},
	23: {"the name starts with a tab", named("\tTab Example Ltd")},
	24: {"the name has quotes", named(`Example "Quoted" Ltd`)},
	25: {"the name has a comma", named("Example, Sample and Sons, Ltd")},
	26: {"the name has a line break", named("Example\nTwo Lines Ltd")},
	27: {"a Chinese name", named("虚构云杉科技有限公司")},
	28: {"the name has emoji", named("Sample 🏮 Lantern 👩‍💻 Ltd")},
	29: {"a name from right to left", named("شركة وهمية للتجارة")},
	30: {"more left than allocated", amounts("100.00", "130.00")},
	31: {"the noise of a float64", amounts("0.3", "0.30000000000000004")},
	32: {"an amount with an exponent", amounts("1000", "1e-7")},
	33: {"stopped by force with credit left", func(c *CreditCustomer) {
		amounts("300.00", "250.00")(c)
		c.Force = "2"
	}},
	34: {"a name of 300 characters", named(strings.Repeat("Long Example ", 23) + "X")},
	35: {"the name is an unmasked e-mail address", named("owner35@example.com")},
	36: {"the remark has markup and a line separator", func(c *CreditCustomer) {
		c.Remark = "<b>\\ & </b>\u2028\r\nsecond line"
	}},
	37: {"RemainingCredit is absent", amounts("400.00", "")},
	38: {"both amounts are null", amounts("null", "null")},
	39: {"low: one percent left", amounts("1000.00", "10.00")},
	40: {"low: a cent left", amounts("1000.00", "0.01")},
}

func amounts(allocated, remaining Number) func(*CreditCustomer) {
	return func(c *CreditCustomer) {
		c.Credit, c.RemainingCredit, c.Force = allocated, remaining, "0"
	}
}

func named(name string) func(*CreditCustomer) {
	return func(c *CreditCustomer) { c.Name = name }
}
