package simulator

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// TagCustomer is one row of Huawei's new-customer tags as it is sent, and what a
// test needs to know beside it. It depends on the seed, the index, the month of
// day 0 and the day.
type TagCustomer struct {
	CustomerID      string
	CustomerTagType string
	NewCustomerTag  string
	EffectiveTime   string // YYYY-MM, or "" for none
	ExpireTime      string // YYYY-MM, or "" for none

	Note       string // what is awkward about this customer, "" for most
	Unreadable string // the member that a fault makes unreadable, "" for most

	empty emptyForm
}

// emptyForm is how an empty value is sent. The vendor says that a tag may be
// empty, and not how that is written.
type emptyForm int

const (
	emptyString emptyForm = iota
	emptyNull
	emptyAbsent
)

// MarshalJSON writes the row as the vendor does.
func (c TagCustomer) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	b.WriteString(`{"customer_id":"` + c.CustomerID + `"`) // no text of a row needs an escape
	for _, f := range []struct{ name, value string }{
		{"customer_tag_type", c.CustomerTagType},
		{"new_customer_tag", c.NewCustomerTag},
		{"effective_time", c.EffectiveTime},
		{"expire_time", c.ExpireTime},
	} {
		switch {
		case f.value != "" || c.empty == emptyString:
			b.WriteString(`,"` + f.name + `":"` + f.value + `"`)
		case c.empty == emptyNull:
			b.WriteString(`,"` + f.name + `":null`)
		}
	}
	return []byte(b.String() + "}"), nil
}

// TagCustomer returns Huawei's customer of an index from 0, of the partner's own,
// as it is on the day that is set. The indexes are those of CreditCustomer.
func (s *Simulator) TagCustomer(i int) TagCustomer { return s.tagOn(s.Day(), i) }

func (s *Simulator) tagOn(day, i int) TagCustomer {
	zero := s.dayZero()
	c := s.seed.plainTag(i, 0, zero)
	switch {
	case s.joinsOn(i) > 0:
		setTag(&c, "", "", "") // not verified yet
	case i < len(awkwardTags):
		c.Note = awkwardTags[i].note
		awkwardTags[i].change(&c, monthsFrom(zero))
	case day > 0 && i < s.customers:
		liveTag(&c, s.tagLife(i, c, monthsFrom(zero)), day, zero)
	}
	s.changeTag(&c, i, day)
	return c
}

// ResellerTagCustomer returns the customer of an index from 0 of a reseller, by its
// index in Resellers.
func (s *Simulator) ResellerTagCustomer(reseller, i int) TagCustomer {
	c := s.seed.plainTag(i, reseller+1, s.dayZero())
	s.changeTag(&c, i, s.Day())
	return c
}

// plainTag returns a customer with nothing awkward of an owner: 0 is the partner,
// n is the n-th reseller from 1. About 60 % have the tag, 15 % never had it, 10 %
// lost it, the others are below the bar or not verified.
func (s seed) plainTag(i, owner int, today time.Time) TagCustomer {
	month := monthsFrom(today)
	r := s.roll(streamTag+uint64(owner)<<8, i)
	roll := func(n uint64) int {
		v := r % n
		r = mix(r)
		return int(v)
	}
	c := TagCustomer{CustomerID: s.tagID(owner, i), CustomerTagType: "SMB"}
	switch p := roll(100); {
	case p < 60:
		since := roll(12)
		c.NewCustomerTag, c.EffectiveTime, c.ExpireTime = "Y", month(-since), month(11-since)
	case p < 75:
		c.NewCustomerTag = "N"
	case p < 85:
		ago := 1 + roll(24)
		c.NewCustomerTag, c.EffectiveTime, c.ExpireTime = "N", month(-ago-11), month(-ago)
	case p < 93:
		c.NewCustomerTag = "UNDETERMINED"
	default: // no real-name verification
	}
	c.empty = emptyForm(roll(3))
	return c
}

// monthsFrom returns a function from a number to the month that many months from
// today.
func monthsFrom(today time.Time) func(int) string {
	first := time.Date(today.Year(), today.Month(), 1, 0, 0, 0, 0, time.UTC)
	return func(n int) string { return first.AddDate(0, n, 0).Format("2006-01") }
}

// awkwardTags are the first of the partner's own customers, in every run.
var awkwardTags = [...]struct {
	note   string
	change func(c *TagCustomer, month func(int) string)
}{
	0:  {"nothing awkward: qualified since last month", tagged("Y", -1, 10)},
	1:  {"ends with this month", tagged("Y", -11, 0)},
	2:  {"ends with next month", tagged("Y", -10, 1)},
	3:  {"valid for ever, or nearly", func(c *TagCustomer, month func(int) string) { setTag(c, "Y", month(-1), "2099-12") }},
	4:  {"never qualified", untagged("N", emptyString)},
	5:  {"lapsed with last month", tagged("N", -12, -1)},
	6:  {"lapsed long ago", tagged("N", -60, -49)},
	7:  {"eligible, below the bar", untagged("UNDETERMINED", emptyString)},
	8:  {"not verified: the tag is an empty text", untagged("", emptyString)},
	9:  {"not verified: the tag is null", untagged("", emptyNull)},
	10: {"not verified: the tag is absent", untagged("", emptyAbsent)},
	11: {"an unknown type of tag", func(c *TagCustomer, month func(int) string) {
		tagged("Y", -2, 9)(c, month)
		c.CustomerTagType = "SAMPLE-TYPE"
	}},
	12: {"an unknown value", untagged("PENDING", emptyString)},
	13: {"an empty type of tag", func(c *TagCustomer, month func(int) string) {
		tagged("Y", -3, 8)(c, month)
		c.CustomerTagType, c.empty = "", emptyString
	}},
	14: {"qualified, without months", untagged("Y", emptyAbsent)},
	15: {"qualified from next month on", tagged("Y", 1, 12)},
	16: {"never qualified: months null", untagged("N", emptyNull)},
	17: {"below the bar: months absent", untagged("UNDETERMINED", emptyAbsent)},
	18: {"valid for this month only", tagged("Y", 0, 0)},
}

func tagged(value string, from, to int) func(*TagCustomer, func(int) string) {
	return func(c *TagCustomer, month func(int) string) { setTag(c, value, month(from), month(to)) }
}

func untagged(value string, empty emptyForm) func(*TagCustomer, func(int) string) {
	return func(c *TagCustomer, _ func(int) string) {
		setTag(c, value, "", "")
		c.empty = empty
	}
}

func setTag(c *TagCustomer, value, from, to string) {
	c.NewCustomerTag, c.EffectiveTime, c.ExpireTime = value, from, to
}

// tagID returns a customer's id, 32 hexadecimal digits. The first half is owner
// and index, scrambled; the second half is a check of the first. So an id gives
// its customer without a table.
func (s seed) tagID(owner, i int) string {
	var b [16]byte
	first := mix(uint64(owner)<<40|uint64(i)) ^ s.roll(streamID, 0)
	binary.BigEndian.PutUint64(b[:8], first)
	binary.BigEndian.PutUint64(b[8:], s.roll(streamID, int(first)))
	return hex.EncodeToString(b[:])
}

func (s seed) tagIndex(id string) (owner, i int, ok bool) {
	b, err := hex.DecodeString(id)
	if err != nil || len(b) != 16 {
		return 0, 0, false
	}
	packed := unmix(binary.BigEndian.Uint64(b[:8]) ^ s.roll(streamID, 0))
	owner, i = int(packed>>40), int(packed&(1<<40-1))
	return owner, i, s.tagID(owner, i) == id
}

// Reseller is one row of the list of cloud resellers (indirect partners).
type Reseller struct {
	IndirectPartnerID  string `json:"indirect_partner_id"`
	MobilePhone        string `json:"mobile_phone"`
	Email              string `json:"email"`
	AccountName        string `json:"account_name"`
	Name               string `json:"name"`
	AssociatedOn       string `json:"associated_on"`
	AccountManagerID   string `json:"account_manager_id"`
	AccountManagerName string `json:"account_manager_name"`

	Customers int `json:"-"` // how many customers the reseller has
}

// Resellers returns the partner's resellers in the order of their list: one for
// every fifty customers, but at least 3 and at most 40. The first has some dozens
// of customers, the second none, the third more than a page of 200 holds.
func (s *Simulator) Resellers() []Reseller { return append([]Reseller(nil), s.resellers...) }

func makeResellers(s seed, customers int) []Reseller {
	if customers == 0 {
		return nil
	}
	list := make([]Reseller, min(max(customers/50, 3), 40))
	for n := range list {
		r := s.roll(streamReseller, n)
		list[n] = Reseller{
			IndirectPartnerID:  s.tagID(n+1, 1<<39),
			MobilePhone:        fmt.Sprintf("0086-000-%08d", n),
			Email:              fmt.Sprintf("reseller%d@example.cn", n),
			AccountName:        fmt.Sprintf("example_reseller_%d", n),
			Name:               "示例经销商" + fmt.Sprint(n) + "有限公司",
			AssociatedOn:       time.Date(2021, 1, 1+7*n, 16, int(r%60), 0, 0, time.UTC).Format(time.RFC3339),
			AccountManagerID:   fmt.Sprintf("%032x", 0xacc0+n%3),
			AccountManagerName: "Example Manager " + string(rune('A'+n%3)),
			Customers:          20 + int(r>>8%60),
		}
		switch n {
		case 1:
			list[n].Customers = 0
		case 2:
			list[n].Customers = 250
			list[n].Name = "=虚构\"经销商\" 🏮 <b>"
		}
	}
	return list
}
