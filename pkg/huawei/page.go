package huawei

import (
	"errors"
	"fmt"
	"strings"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// page is one page as the API answers it.
type page struct {
	customers []*core.CustomerTag
	list      list
	requestID string
}

// list is how an answer's list came. The API's page shows none that is empty.
type list int

const (
	listAbsent list = iota
	listNull
	listThere
)

// decodePage reads an answer: a page, or the error that the API tells, also
// inside an HTTP 200. reseller is whose customers were asked for, "" for the
// account's own.
func decodePage(a transport.Answer, reseller string) (page, error) {
	var (
		failure told
		answer  = page{requestID: a.RequestID}
		bad     error // what is wrong with a row
	)
	body := transport.NewBody(a.Body)
	isObject := body.Object(func(name string) {
		switch {
		case name == "new_customer_tags":
			answer.list, answer.customers, bad = readRows(body, reseller)
		case failure.member(body, name):
		}
	})
	err := failure.error(body, a)
	switch {
	case err == nil && bad != nil:
		err = bad
	case err == nil && !isObject:
		err = transport.Malformed("it is no object", nil)
	}
	if err != nil {
		return page{}, err
	}
	return answer, nil
}

// The members of a row that are read (data type NewCustomerTagItem, read
// November 2026).
const (
	customerID = iota
	tagType
	newCustomerTag
	effectiveTime
	expireTime
	members
)

// row is a customer as the API writes it.
type row [members]transport.Value

// place gives the place for a member; nil where nobody asks for it.
func (r *row) place(member string) *transport.Value {
	switch member {
	case "customer_id":
		return &r[customerID]
	case "customer_tag_type":
		return &r[tagType]
	case "new_customer_tag":
		return &r[newCustomerTag]
	case "effective_time":
		return &r[effectiveTime]
	case "expire_time":
		return &r[expireTime]
	}
	return nil
}

// perPiece is how many records share a piece of memory: one that is kept keeps
// those beside it.
const perPiece = 16

// readRows reads new_customer_tags. Its error is a *core.Error: a row without an id, or
// too many with a month that is none.
func readRows(body *transport.Body, reseller string) (_ list, customers []*core.CustomerTag, err error) {
	if body.AtNull() {
		return listNull, nil, nil
	}
	customers = make([]*core.CustomerTag, 0, DefaultPageSize)
	var records []record // of the page, a piece of memory at a time
	unread, first := 0, 0
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
		customer, bad := r.customer(reseller, &records[0])
		if bad != nil && err == nil {
			err = transport.Malformed(fmt.Sprintf("row %d: %v", len(customers)+1, bad), nil)
		}
		if customer != nil && customer.EndUnread() {
			if unread++; unread == 1 {
				first = len(customers) + 1
			}
		}
		customers = append(customers, customer)
		records = records[1:]
	})
	if !isList {
		err = transport.Malformed("new_customer_tags is no list", nil)
	}
	if err == nil && unread > core.MostUnread(len(customers)) {
		err = transport.Malformed(fmt.Sprintf("%d of %d rows have an %s that is no month written YYYY-MM, the first in row %d", unread, len(customers), core.ExpireTimeMember, first), nil)
	}
	return listThere, customers, err
}

// record is a customer's record with what it points to, in one piece of memory.
type record struct {
	core.CustomerTag
	reseller          string
	effective, expire core.Month
}

// customer makes the record. Its error is for a row without an id. A value of another
// kind than documented is null in the record, which names its member.
func (r *row) customer(reseller string, c *record) (*core.CustomerTag, error) {
	id, ok := r[customerID].ID()
	if !ok {
		return nil, errors.New("its customer_id is not an id")
	}
	unreadable := func(member string) { c.Unreadable = append(c.Unreadable, member) }
	if c.Tag.Type, ok = text(r[tagType]); !ok {
		unreadable("customer_tag_type")
	}
	if c.Tag.Value, ok = text(r[newCustomerTag]); !ok {
		unreadable("new_customer_tag")
	}
	if c.EffectiveMonth, ok = month(r[effectiveTime], &c.effective); !ok {
		unreadable("effective_time")
	}
	if c.ExpireMonth, ok = month(r[expireTime], &c.expire); !ok {
		unreadable(core.ExpireTimeMember)
	}
	c.Provider = Provider
	c.CustomerID = id
	if reseller != "" {
		c.reseller = reseller
		c.ResellerID = &c.reseller
	}
	return &c.CustomerTag, nil
}

// maxOddText is how much of a value that is no text stands in for one.
const maxOddText = 40 // bytes

// text gives a text, and the digits of a number. Of anything else it gives the JSON, cut
// short, and false: read as empty, it would be the tag of a customer without real-name
// verification.
func text(value transport.Value) (text string, ok bool) {
	if text = value.Text(); text != "" || value.Missing() || value.IsText() {
		return text, true
	}
	return strings.ToValidUTF8(string(value[:min(len(value), maxOddText)]), ""), false
}

// month reads a month into place; nil where there is none: none, null, empty, or one of
// the years 0000, 0001 and 1970, which stand for a date that is not set. false: it is
// none written YYYY-MM. A day (2026-12-31) is none, too: whether it is the last one on
// which a tag holds, or the first on which it does not, decides the month.
func month(value transport.Value, place *core.Month) (m *core.Month, ok bool) {
	text := value.Text()
	if text == "" {
		return nil, value.Missing() || value.IsText()
	}
	if core.UnsetDate(text) {
		return nil, true
	}
	var err error
	if *place, err = core.ParseMonth(text); err != nil {
		return nil, false
	}
	return place, true
}
