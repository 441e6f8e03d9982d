package huawei

import (
	"errors"
	"fmt"

	"partnerlens/pkg/core"
	"partnerlens/pkg/wire"
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
func decodePage(a wire.Answer, reseller string) (page, error) {
	var (
		failure told
		answer  = page{requestID: a.RequestID}
		bad     error // what is wrong with a row
	)
	body := wire.NewBody(a.Body)
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
		err = wire.Malformed("it is no object", nil)
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
type row [members]wire.Value

// place gives the place for a member; nil where nobody asks for it.
func (r *row) place(member string) *wire.Value {
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

// readRows reads new_customer_tags. Its error is a *core.Error.
func readRows(body *wire.Body, reseller string) (_ list, customers []*core.CustomerTag, err error) {
	if body.AtNull() {
		return listNull, nil, nil
	}
	customers = make([]*core.CustomerTag, 0, DefaultPageSize)
	var records []record // of the page, a piece of memory at a time
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
			err = wire.Malformed(fmt.Sprintf("row %d: %v", len(customers)+1, bad), nil)
		}
		customers = append(customers, customer)
		records = records[1:]
	})
	if !isList {
		err = wire.Malformed("new_customer_tags is no list", nil)
	}
	return listThere, customers, err
}

// record is a customer's record with what it points to, in one piece of memory.
type record struct {
	core.CustomerTag
	reseller          string
	effective, expire core.Month
}

// customer makes the record. Its error names the member that cannot be used
// and quotes nothing.
func (r *row) customer(reseller string, c *record) (*core.CustomerTag, error) {
	id, ok := r[customerID].ID()
	if !ok {
		return nil, errors.New("its customer_id is not an id")
	}
	var err error
	if c.EffectiveMonth, err = month(r[effectiveTime], &c.effective); err != nil {
		return nil, fmt.Errorf("in effective_time: %w", err)
	}
	if c.ExpireMonth, err = month(r[expireTime], &c.expire); err != nil {
		return nil, fmt.Errorf("in expire_time: %w", err)
	}
	c.Provider = Provider
	c.CustomerID = id
	if reseller != "" {
		c.reseller = reseller
		c.ResellerID = &c.reseller
	}
	c.Tag = core.Tag{Type: r[tagType].Text(), Value: r[newCustomerTag].Text()}
	return &c.CustomerTag, nil
}

// month reads a month into place; nil where there is none. One that cannot be
// read is an error: without its last month a tag would seem to hold for ever.
func month(value wire.Value, place *core.Month) (m *core.Month, err error) {
	text := value.Text()
	if text == "" && (value.Missing() || value.IsText()) {
		return nil, nil
	}
	*place, err = core.ParseMonth(text)
	return place, err
}
