package tencent

import (
	"cmp"
	"errors"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// page is one page as the API answers it, without Next.
type page = core.Page[*core.CustomerCredit]

// decodePage reads an answer: a page, or the error that it reports. Its error is a
// *core.Error.
func decodePage(a transport.Answer, config Config) (page, error) {
	record := func(row *row) (*core.CustomerCredit, error) { return row.customer(config) }
	return decodeList(a, action, true, record, "an amount that is not a decimal number", unreadAmount)
}

// decodeList reads the answer of an action that lists rows, and counts them if counted.
// record, what and unread are those of transport.Records. Its error is a *core.Error.
func decodeList[Row any, T core.Record](a transport.Answer, action string, counted bool, record func(*Row) (T, error), what string, unread func(T) string) (page core.Page[T], err error) {
	var all struct {
		Response struct {
			status
			Total, TotalCount transport.Value // some actions have the one, some the other
			Data              transport.List[Row]
		}
	}
	r := &all.Response
	if err = a.Decode(&all); err == nil {
		err = r.err(a, failuresOf(action))
	}
	if err == nil {
		page.Items, err = transport.Records(r.Data, "Data", record, what, unread)
	}
	switch total, ok := cmp.Or(r.Total, r.TotalCount).Count(); {
	case ok:
		page.Total = &total
	case err == nil && r.Data.Kind == jsontext.KindInvalid:
		err = transport.Malformed("it has no rows (Data)", nil)
	case err == nil && counted:
		err = transport.Malformed("it does not say how many rows there are (Total)", nil)
	}
	if err != nil {
		return core.Page[T]{}, r.withID(err)
	}
	page.RequestID = r.requestID()
	return page, nil
}

// row is a customer as the API writes it (data type QueryCustomersCreditData,
// read November 2026).
type row struct {
	ClientUin       transport.Value
	Name            transport.Value
	Type            transport.Value
	Mobile          transport.Value
	Email           transport.Value
	Remark          transport.Value
	Credit          transport.Value
	RemainingCredit transport.Value
	Arrears         transport.Value
	Force           transport.Value
	IdentifyType    transport.Value
	AssociationTime transport.Value
	RecentExpiry    transport.Value
}

// unreadAmount names the first amount of a customer that could not be read; "" if
// there is none. A time or an enum that could not be read decides no status and
// fails no page.
func unreadAmount(c *core.CustomerCredit) string {
	for _, member := range c.Unreadable {
		if member == "Credit" || member == "RemainingCredit" {
			return member
		}
	}
	return ""
}

// customer makes the record. Its error is for a row without an id. A value of
// another kind than documented is null in the record, which names its member.
func (r *row) customer(config Config) (*core.CustomerCredit, error) {
	id, ok := r.ClientUin.ID()
	if number, err := strconv.ParseUint(id, 10, 64); !ok || err != nil || number == 0 {
		return nil, errors.New("its ClientUin is not an id in plain digits")
	}
	raws := make([]byte, 0, 128) // one allocation for all of Vendor
	raw := func(value transport.Value) jsontext.Value {
		start := len(raws)
		raws = value.AppendRaw(raws)
		return raws[start:len(raws):len(raws)]
	}
	c := &core.CustomerCredit{
		Provider:   Provider,
		CustomerID: id,
		Name:       r.Name.Text(),
		Email:      r.Email.Text(),
		Mobile:     r.Mobile.Text(),
		Remark:     r.Remark.Text(),
		Type:       r.Type.Text(),
		Credit:     core.Credit{Currency: config.Currency},
		Vendor: core.CreditVendor{
			Force:           raw(r.Force),
			IdentifyType:    raw(r.IdentifyType),
			Type:            raw(r.Type),
			Arrears:         raw(r.Arrears),
			AssociationTime: raw(r.AssociationTime),
			RecentExpiry:    raw(r.RecentExpiry),
		},
	}
	unreadable := func(member string) { c.Unreadable = append(c.Unreadable, member) }
	if c.Credit.Allocated, ok = money(r.Credit); !ok {
		unreadable("Credit")
	}
	if c.Credit.Remaining, ok = money(r.RemainingCredit); !ok {
		unreadable("RemainingCredit")
	}
	if c.Forced, ok = forced(r.Force); !ok {
		unreadable("Force")
	}
	if c.Identity, ok = identity(r.IdentifyType); !ok {
		unreadable("IdentifyType")
	}
	if c.AssociatedAt, ok = instant(r.AssociationTime, config.Zone); !ok {
		unreadable("AssociationTime")
	}
	if c.NearestExpiry, ok = instant(r.RecentExpiry, config.Zone); !ok {
		unreadable("RecentExpiry")
	}
	return c, nil
}

// money reads an amount, digit for digit; nil if there is none. false: it is not a
// decimal number. An amount with a thousands comma or a
// currency is none either: which sign separates its decimals would be a guess.
func money(value transport.Value) (amount *core.Money, ok bool) {
	if value.Empty() {
		return nil, true
	}
	m, err := core.ParseMoney(value.Text())
	if err != nil {
		return nil, false
	}
	return &m, true
}

// identity reads IdentifyType, whose values the SDK's source lists. false: it is
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
	return core.IdentityUnknown, value.Empty()
}

// forced reads Force; nil if there is none. Its values are those of the sibling APIs
// (ForceQN, DescribeCustomerInfo): 0 normal, 2 stopped by force, 1 reserved, which
// says neither. false: it is another one.
func forced(value transport.Value) (forced *bool, ok bool) {
	switch value.Text() {
	case "0", "2":
		stopped := value.Text() == "2"
		return &stopped, true
	case "1":
		return nil, true
	}
	return nil, value.Empty()
}

// instant reads a time; nil if there is none. false: it is in no form that
// core.ParseTime knows.
func instant(value transport.Value, zone *time.Location) (instant *time.Time, ok bool) {
	text := value.Text()
	if text == "" {
		return nil, value.Empty()
	}
	at, form, err := core.ParseTime(text, zone)
	switch {
	case err != nil:
		return nil, false
	case form == core.NoTime:
		return nil, true
	}
	return &at, true
}
