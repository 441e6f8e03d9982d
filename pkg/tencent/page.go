package tencent

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"partnerlens/pkg/core"
	"partnerlens/pkg/wire"
)

// page is one page as the API answers it.
type page struct {
	customers []*core.CustomerCredit
	total     int
	requestID string
}

// decodePage reads an answer: a page, or the error that the API tells, also
// inside an HTTP 200.
func decodePage(a wire.Answer, config Config) (page, error) {
	var (
		total  wire.Value
		answer page
		bad    error // what is wrong with a row
	)
	done := decodeAnswer(a, failures, func(body *wire.Body, name string) {
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
			err = wire.Malformed("it does not say how many customers there are (Total)", nil)
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
type row [members]wire.Value

// place gives the place for a member; nil where nobody asks for it.
func (r *row) place(member string) *wire.Value {
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

// readRows reads Data. Its error is a *core.Error.
func readRows(body *wire.Body, config Config) (customers []*core.CustomerCredit, err error) {
	customers = make([]*core.CustomerCredit, 0, config.PageSize)
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
		customer, bad := r.customer(body, config, &records[0])
		if bad != nil && err == nil {
			err = wire.Malformed(fmt.Sprintf("row %d: %v", len(customers)+1, bad), nil)
		}
		customers = append(customers, customer)
		records = records[1:]
	})
	if !isList {
		return nil, wire.Malformed("Data is no list", nil)
	}
	return customers, err
}

// record is a customer's record with what it points to, in one piece of memory.
type record struct {
	core.CustomerCredit
	allocated, remaining core.Money
	associated, expiry   time.Time
	forced               bool
}

// customer makes the record. Its error names the member that cannot be used
// and quotes nothing.
func (r *row) customer(body *wire.Body, config Config, c *record) (*core.CustomerCredit, error) {
	id, ok := r[clientUin].ID()
	if number, err := strconv.ParseUint(id, 10, 64); !ok || err != nil || number == 0 {
		return nil, errors.New("its ClientUin is not an id in plain digits")
	}
	var err error
	if c.Credit.Allocated, err = money(r[credit], &c.allocated); err != nil {
		return nil, fmt.Errorf("in Credit: %w", err)
	}
	if c.Credit.Remaining, err = money(r[remainingCredit], &c.remaining); err != nil {
		return nil, fmt.Errorf("in RemainingCredit: %w", err)
	}
	c.Provider = Provider
	c.CustomerID = id
	c.Name = r[name].Text()
	c.Email = r[email].Text()
	c.Mobile = r[mobile].Text()
	c.Remark = r[remark].Text()
	c.Type = r[kind].Text()
	c.Identity = identity(r[identifyType])
	c.Credit.Currency = config.Currency
	c.Forced = forced(r[force], &c.forced)
	c.AssociatedAt = instant(r[associationTime], config.Zone, &c.associated)
	c.NearestExpiry = instant(r[recentExpiry], config.Zone, &c.expiry)
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

// money reads an amount into place, digit for digit; nil where there is none.
func money(value wire.Value, place *core.Money) (amount *core.Money, err error) {
	text := value.Text()
	if text == "" && (value.Missing() || value.IsText()) {
		return nil, nil
	}
	*place, err = core.ParseMoney(text)
	return place, err
}

// identity reads IdentifyType, whose values the SDK's source tells.
func identity(value wire.Value) core.Identity {
	switch value.Text() {
	case "0":
		return core.IdentityUnverified
	case "1":
		return core.IdentityIndividual
	case "2":
		return core.IdentityEnterprise
	}
	return core.IdentityUnknown
}

// forced reads Force. Its values are those of the sibling APIs (ForceQN,
// DescribeCustomerInfo): 0 normal, 2 stopped by force, 1 reserved.
func forced(value wire.Value, place *bool) *bool {
	switch value.Text() {
	case "0":
	case "2":
		*place = true
	default:
		return nil
	}
	return place
}

// instant reads a time of day or a day, without a zone; nil where it is empty
// or cannot be read, since its text stays in the record anyway.
func instant(value wire.Value, zone *time.Location, place *time.Time) *time.Time {
	// Made RFC 3339, for which package time has a reader three times as fast
	// as for a layout.
	text := []byte("0000-00-00T00:00:00Z")
	switch given := value.Text(); {
	case len(given) == len(time.DateOnly), len(given) == len(time.DateTime) && given[len(time.DateOnly)] == ' ':
		copy(text, given[:len(time.DateOnly)])
		copy(text[len(time.DateOnly)+1:], given[min(len(time.DateOnly)+1, len(given)):])
	default:
		return nil
	}
	var t time.Time
	if t.UnmarshalText(text) != nil {
		return nil
	}
	if year := t.Year(); year < 2 || year > 9998 { // RFC 3339 writes 0 to 9999, in any zone
		return nil
	}
	// As time.Date does: the zone's offset at that hour, or, where the clocks
	// change in between, the one that holds then.
	_, offset := t.In(zone).Zone()
	*place = t.Add(-time.Duration(offset) * time.Second)
	if _, there := place.In(zone).Zone(); there != offset {
		*place = t.Add(-time.Duration(there) * time.Second)
	}
	return place
}
