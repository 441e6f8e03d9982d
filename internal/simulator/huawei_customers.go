package simulator

import (
	"fmt"
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
	return SubCustomer{
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
}

// subCustomerPage answers one page of the partner's customers. The filters by
// names, labels and dates are refused.
func (s *Simulator) subCustomerPage(c request) (page any, rows int, refused *refusal) {
	if s.faults["no-customer-list"] {
		return nil, 0, noAccess
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
