package simulator

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// ListSubCustomers, Huawei Cloud partner center API reference, China site
// (read November 2026).

const (
	subCustomersPath = "/v2/partners/sub-customers/query"
	subCustomersMax  = 100
)

// SubCustomer is one row of the list of a partner's customers.
type SubCustomer struct {
	Customer        string           `json:"customer"` // the verified name
	AccountName     string           `json:"account_name"`
	CustomerID      string           `json:"customer_id"`
	AssociatedOn    string           `json:"associated_on"` // UTC
	AssociationType string           `json:"association_type"`
	Label           string           `json:"label"`
	Telephone       string           `json:"telephone"`
	VerifiedStatus  string           `json:"verified_status"`
	CountryCode     string           `json:"country_code"`
	CustomerType    int              `json:"customer_type"`
	AccountManagers []accountManager `json:"account_managers"`
	CustomerLevel   string           `json:"customer_level"`
	Email           string           `json:"email"`

	Note string            `json:"-"` // what is awkward about this customer, "" for most
	odd  map[string]string // members that are sent as another JSON; "": left out
}

// MarshalJSON writes the row as the vendor does.
func (c SubCustomer) MarshalJSON() ([]byte, error) {
	type plain SubCustomer
	if len(c.odd) == 0 {
		return json.Marshal(plain(c))
	}
	members := make(map[string]json.RawMessage)
	if err := json.Unmarshal(mustJSON(plain(c)), &members); err != nil {
		return nil, err
	}
	for name, value := range c.odd {
		if members[name] = json.RawMessage(value); value == "" {
			delete(members, name)
		}
	}
	return json.Marshal(members)
}

type accountManager struct {
	AccountName string `json:"account_name"`
}

// SubCustomer returns the row of the partner's own customer of an index from 0,
// the one of TagCustomer.
func (s *Simulator) SubCustomer(i int) SubCustomer { return s.subCustomer(0, i) }

func (s *Simulator) subCustomer(owner, i int) SubCustomer {
	r := s.seed.roll(streamSubCustomer+uint64(owner)<<8, i)
	associated := boundAt(i).UTC().Format(time.RFC3339)
	if s.faults["undated"] {
		associated = ""
	}
	c := SubCustomer{
		Customer:        s.seed.company(owner<<20 + i),
		AccountName:     fmt.Sprintf("example_account_%d_%d", owner, i),
		CustomerID:      s.seed.tagID(owner, i),
		AssociatedOn:    associated,
		AssociationType: []string{"1", "2"}[r%2],
		Label:           []string{"", "", "key-account", "trial"}[r>>8%4],
		Telephone:       fmt.Sprintf("0086-000-%08d", i),
		VerifiedStatus:  []string{"-1", "0", "1", "2"}[r>>16%4],
		CountryCode:     "CN",
		CustomerType:    int(r>>24%3) - 1,
		AccountManagers: []accountManager{{"example_manager_" + string(rune('a'+r>>32%3))}},
		CustomerLevel:   "V" + string(rune('0'+r>>40%6)),
		Email:           fmt.Sprintf("tag%d@example.cn", i),
	}
	if awkward, ok := awkwardMembers[i]; ok && owner == 0 {
		c.Note = awkward.note
		awkward.change(&c)
	}
	return c
}

// awkwardMembers are some of the partner's own customers, by index. A member whose value
// is of another kind than documented is empty here: it cannot be read.
var awkwardMembers = map[int]struct {
	note   string
	change func(*SubCustomer)
}{
	19: {"the name is a formula", called("=SUM(A1:A9)")},
	20: {"the name starts with a plus", called("+Plus Example Ltd")},
	21: {"the name starts with a minus", called("-Minus Example Ltd")},
	22: {"the name starts with an at sign", called("@Sample Ltd")},
	23: {"the name starts with a tab", called("\tTab Example Ltd")},
	24: {"the name has quotes and a comma", called(`Example "Quoted", Ltd`)},
	25: {"the name has a line break", called("Example\r\nTwo Lines Ltd")},
	26: {"a Chinese name", called("虚构云杉科技有限公司")},
	27: {"the name has emoji", called("Sample 🏮 Lantern 👩‍💻 Ltd")},
	28: {"a name from right to left", called("شركة وهمية للتجارة")},
	29: {"the name turns the writing direction", called("Example \u202etxt.exe Ltd")},
	30: {"a name of 300 characters", called(strings.Repeat("样", 300))},
	31: {"the name has markup", called("<b>Example</b> & <img src=x onerror=alert(1)> *Ltd* [x](http://example.com)")},
	32: {"the name has control characters", called("Example\x00 \x1b[31mRed\x07 Ltd")},
	33: {"the name is null", odd("customer", "null", func(c *SubCustomer) { c.Customer = "" })},
	34: {"the name is absent", odd("customer", "", func(c *SubCustomer) { c.Customer = "" })},
	35: {"the name is empty", called("")},
	36: {"the name is an object", odd("customer", `{"name":"Example"}`, func(c *SubCustomer) { c.Customer = "" })},
	37: {"the name is a number", odd("customer", "20260101", func(c *SubCustomer) { c.Customer = "20260101" })},
	38: {"the name has half a surrogate pair", odd("customer", `"Example \ud83c Ltd"`, func(c *SubCustomer) { c.Customer = "Example \ufffd Ltd" })},
	39: {"the telephone is a number", odd("telephone", "86000", func(c *SubCustomer) { c.Telephone = "86000" })},
	40: {"the telephone is true", odd("telephone", "true", func(c *SubCustomer) { c.Telephone = "" })},
	41: {"the label is a formula", func(c *SubCustomer) { c.Label = "@SUM(1)" }},
	42: {"an unknown association", func(c *SubCustomer) { c.AssociationType = "9" }},
	43: {"the association is a number", odd("association_type", "2", func(c *SubCustomer) { c.AssociationType = "2" })},
	44: {"no list of account managers", odd("account_managers", "null", unmanaged)},
	45: {"no account manager", func(c *SubCustomer) { c.AccountManagers = []accountManager{} }},
	46: {"the first account manager has no name", func(c *SubCustomer) {
		c.AccountManagers = []accountManager{{""}, {"example_manager_z"}}
	}},
	47: {"the account managers are a text", odd("account_managers", `"example_manager_a"`, unmanaged)},
	48: {"account managers of several kinds", odd("account_managers", `["a",7,null,{"account_name":true},{"account_name":"example_manager_z"}]`, func(c *SubCustomer) {
		c.AccountManagers = []accountManager{{"example_manager_z"}}
	})},
	49: {"the account manager's name is a formula", func(c *SubCustomer) { c.AccountManagers = []accountManager{{"=1+1"}} }},
}

func called(name string) func(*SubCustomer) {
	return func(c *SubCustomer) { c.Customer = name }
}

func unmanaged(c *SubCustomer) { c.AccountManagers = nil }

func odd(member, value string, truth func(*SubCustomer)) func(*SubCustomer) {
	return func(c *SubCustomer) {
		truth(c)
		c.odd = map[string]string{member: value}
	}
}

// subCustomerPage answers one page of the partner's customers. The filters by
// names, labels and dates are refused.
func (s *Simulator) subCustomerPage(c request) (page any, rows int, refused *refusal) {
	if s.faults["no-customer-list"] {
		return nil, 0, noAccess
	}
	if s.faults["customer-list-slow"] {
		s.wait(context.Background(), time.Second)
	}
	p, refused := parseHuawei(c.body, subCustomersMax)
	if refused != nil {
		return nil, 0, refused
	}
	for name, filter := range map[string]string{"account_name": p.AccountName, "customer": p.Customer, "label": p.Label, "association_type": p.AssociationType} {
		if filter != "" {
			return nil, 0, badParameter(name)
		}
	}
	// The events of this list are those of the calls of the tags.
	owner, of, refused := s.owner(p.IndirectPartnerID, s.Day(), max(1, s.Calls().Tags.Accepted))
	if refused != nil {
		return nil, 0, refused
	}
	if s.faults["customer-list-breaks"] && p.Offset > 0 {
		return nil, 0, &refusal{http.StatusInternalServerError, "CBC.0999", "Other errors."}
	}
	if s.faults["customer-list-lacks"] {
		of = of.lacking(lackEvery)
	}
	count, indexes := len(of.customers), []int{}
	if p.CustomerID == "" {
		indexes = s.page(of, streamSubCustomer, c.ordinal, int(p.Offset), int(p.Limit), true)
	} else {
		if by, i, ok := s.seed.tagIndex(p.CustomerID); ok && by == owner && of.has(i) {
			indexes = append(indexes, i)
		}
		count = len(indexes)
		indexes = cut(p, indexes)
	}
	list := []SubCustomer{}
	for _, i := range indexes {
		list = append(list, s.subCustomer(owner, i))
	}
	return map[string]any{"count": s.total(count, len(list)), "customer_infos": list}, len(list), nil
}
