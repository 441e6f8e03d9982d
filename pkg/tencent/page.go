package tencent

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// page is one page as the API answers it.
type page struct {
	customers []*core.CustomerCredit
	total     int
	requestID string
}

// decodePage reads an answer: a page, or the error that the API tells, also
// inside an HTTP 200.
func decodePage(a transport.Answer, config Config) (page, error) {
	var (
		total  transport.Value
		answer page
		bad    error // what is wrong with a row
	)
	done := decodeAnswer(a, failures, func(body *transport.Body, name string) {
		switch name {
		case "Total":
			total = body.Value()
		case "Data":
			answer.customers, bad = readRows(body, config)
		}
	})
	answer.requestID = done.requestID
	err := done.err
	switch {
	case err == nil && bad != nil:
		err = bad
	case err == nil:
		answer.total, err = strconv.Atoi(total.Text())
		if err != nil || answer.total < 0 {
			err = transport.Malformed("it does not say how many customers there are (Total)", nil)
		}
	}
	if err != nil {
		e := core.AsError(err)
		e.RequestID = answer.requestID
		return page{}, e
	}
	return answer, nil
}

// The members of a row that are read (data type QueryCustomersCreditData, read
// November 2026).
const (
	clientUin = iota
	name
	kind
	mobile
	email
	remark
	credit
	remainingCredit
	arrears
	force
	identifyType
	associationTime
	recentExpiry
	members
)

// row is a customer as the API writes it.
type row [members]transport.Value

// place gives the place for a member; nil where nobody asks for it.
func (r *row) place(member string) *transport.Value {
	switch member {
	case "ClientUin":
		return &r[clientUin]
	case "Name":
		return &r[name]
	case "Type":
		return &r[kind]
	case "Mobile":
		return &r[mobile]
	case "Email":
		return &r[email]
	case "Remark":
		return &r[remark]
	case "Credit":
		return &r[credit]
	case "RemainingCredit":
		return &r[remainingCredit]
	case "Arrears":
		return &r[arrears]
	case "Force":
		return &r[force]
	case "IdentifyType":
		return &r[identifyType]
	case "AssociationTime":
		return &r[associationTime]
	case "RecentExpiry":
		return &r[recentExpiry]
	}
	return nil
}

// perPiece is how many records share a piece of memory: one that is kept keeps
// those beside it.
const perPiece = 20

// readRows reads Data. Its error is a *core.Error: a row without an id, or too many
// with an amount that is none.
func readRows(body *transport.Body, config Config) (customers []*core.CustomerCredit, err error) {
	customers = make([]*core.CustomerCredit, 0, config.PageSize)
	var records []record // of the page, a piece of memory at a time
	unread, first := 0, ""
	isList := body.Array(func() {
		if len(records) == 0 {
			records = make([]record, perPiece)
		}
		var r row
		body.Object(func(member string) {
			if place := r.place(member); place != nil {
				*place = body.Value()
			}
		})
		customer, bad := r.customer(body, config, &records[0])
		if bad != nil && err == nil {
			err = transport.Malformed(fmt.Sprintf("row %d: %v", len(customers)+1, bad), nil)
		}
		if amount := unreadAmount(customer); amount != "" {
			if unread++; unread == 1 {
				first = fmt.Sprintf("row %d: %s", len(customers)+1, amount)
			}
		}
		customers = append(customers, customer)
		records = records[1:]
	})
	if !isList {
		return nil, transport.Malformed("Data is no list", nil)
	}
	if err == nil && unread > core.MostUnread(len(customers)) {
		err = transport.Malformed(fmt.Sprintf("%d of %d rows have an amount that is no decimal number, the first in %s", unread, len(customers), first), nil)
	}
	return customers, err
}

// unreadAmount names the first amount of a customer that could not be read; "" where
// none is. What is wrong with a time or an enum decides no status and fails no page.
func unreadAmount(c *core.CustomerCredit) string {
	if c != nil {
		for _, member := range c.Unreadable {
			if member == "Credit" || member == "RemainingCredit" {
				return member
			}
		}
	}
	return ""
}

// record is a customer's record with what it points to, in one piece of memory.
type record struct {
	core.CustomerCredit
	allocated, remaining core.Money
	associated, expiry   time.Time
	forced               bool
}

// customer makes the record. Its error is for a row without an id. A value of another
// kind than documented is null in the record, which names its member.
func (r *row) customer(body *transport.Body, config Config, c *record) (*core.CustomerCredit, error) {
	id, ok := r[clientUin].ID()
	if number, err := strconv.ParseUint(id, 10, 64); !ok || err != nil || number == 0 {
		return nil, errors.New("its ClientUin is not an id in plain digits")
	}
	unreadable := func(member string) { c.Unreadable = append(c.Unreadable, member) }
	if c.Credit.Allocated, ok = money(r[credit], &c.allocated); !ok {
		unreadable("Credit")
	}
	if c.Credit.Remaining, ok = money(r[remainingCredit], &c.remaining); !ok {
		unreadable("RemainingCredit")
	}
	if c.Forced, ok = forced(r[force], &c.forced); !ok {
		unreadable("Force")
	}
	if c.Identity, ok = identity(r[identifyType]); !ok {
		unreadable("IdentifyType")
	}
	if c.AssociatedAt, ok = instant(r[associationTime], config.Zone, &c.associated); !ok {
		unreadable("AssociationTime")
	}
	if c.NearestExpiry, ok = instant(r[recentExpiry], config.Zone, &c.expiry); !ok {
		unreadable("RecentExpiry")
	}
	c.Provider = Provider
	c.CustomerID = id
	c.Name = r[name].Text()
	c.Email = r[email].Text()
	c.Mobile = r[mobile].Text()
	c.Remark = r[remark].Text()
	c.Type = r[kind].Text()
	c.Credit.Currency = config.Currency
	c.Vendor = core.CreditVendor{
		Force:           body.Raw(r[force]),
		IdentifyType:    body.Raw(r[identifyType]),
		Type:            body.Raw(r[kind]),
		Arrears:         body.Raw(r[arrears]),
		AssociationTime: body.Raw(r[associationTime]),
		RecentExpiry:    body.Raw(r[recentExpiry]),
	}
	return &c.CustomerCredit, nil
}

// isEmpty says whether there is no value: none, null or the empty text.
func isEmpty(value transport.Value) bool {
	return value.Missing() || value.IsText() && value.Text() == ""
}

// money reads an amount into place, digit for digit; nil where there is none. false: it
// is no decimal number. An amount with a thousands comma or a currency is none, too: how
// its writer separates decimals would be a guess.
func money(value transport.Value, place *core.Money) (amount *core.Money, ok bool) {
	if isEmpty(value) {
		return nil, true
	}
	var err error
	if *place, err = core.ParseMoney(value.Text()); err != nil {
		return nil, false
	}
	return place, true
}

// identity reads IdentifyType, whose values the SDK's source tells. false: it is
// another one.
func identity(value transport.Value) (identity core.Identity, ok bool) {
	switch value.Text() {
	case "0":
		return core.IdentityUnverified, true
	case "1":
		return core.IdentityIndividual, true
	case "2":
		return core.IdentityEnterprise, true
	}
	return core.IdentityUnknown, isEmpty(value)
}

// forced reads Force. Its values are those of the sibling APIs (ForceQN,
// DescribeCustomerInfo): 0 normal, 2 stopped by force, 1 reserved, which says neither.
// false: it is another one.
func forced(value transport.Value, place *bool) (forced *bool, ok bool) {
	switch value.Text() {
	case "0":
		return place, true
	case "1":
		return nil, true
	case "2":
		*place = true
		return place, true
	}
	return nil, isEmpty(value)
}

// instant reads a time into place; nil where there is none. false: it is in no form that
// core.ParseTime knows.
func instant(value transport.Value, zone *time.Location, place *time.Time) (at *time.Time, ok bool) {
	text := value.Text()
	if text == "" {
		return nil, isEmpty(value)
	}
	t, form, err := core.ParseTime(text, zone)
	if err != nil {
		return nil, false
	}
	if form == core.NoTime {
		return nil, true
	}
	*place = t
	return place, true
}
