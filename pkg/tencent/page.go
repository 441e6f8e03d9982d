package tencent

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

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
		answer page
		total  jsontext.Value
		code   string
		failed bool
	)
	body := wire.NewBody(a.Body)
	err := body.Object(func(name []byte) error {
		if string(name) != "Response" {
			return body.Skip()
		}
		return body.Object(func(name []byte) (err error) {
			switch string(name) {
			case "Error":
				failed = true
				code, err = readCode(body)
			case "RequestId":
				var id jsontext.Value
				id, err = body.Value()
				answer.requestID = wire.Word(wire.Text(id))
			case "Total":
				total, err = body.Value()
			case "Data":
				answer.customers, err = readRows(body, config)
			default:
				err = body.Skip()
			}
			return err
		})
	})
	if err == nil {
		err = body.End()
	}
	switch {
	case failed:
		return page{}, failures.Error(code, answer.requestID)
	case a.Status != http.StatusOK:
		return page{}, wire.StatusError(a.Status)
	case err == nil:
		answer.total, err = strconv.Atoi(wire.Text(total))
		if err != nil || answer.total < 0 {
			err = &core.Error{Code: core.CodeUpstream, Detail: "the cloud's page does not say how many customers there are (Total)"}
		}
	}
	if err != nil {
		e := wire.Malformed(err)
		e.RequestID = answer.requestID
		return page{}, e
	}
	return answer, nil
}

func readCode(body *wire.Body) (code string, err error) {
	err = body.Object(func(name []byte) error {
		if string(name) != "Code" {
			return body.Skip()
		}
		value, err := body.Value()
		code = wire.Text(value)
		return err
	})
	return code, err
}

// row is a customer as the API writes it (data type QueryCustomersCreditData,
// read November 2026): the JSON of each member, nil where there is none.
type row struct {
	ClientUin, Name, Type, Mobile, Email, Remark jsontext.Value
	Credit, RemainingCredit, Arrears             jsontext.Value
	Force, IdentifyType                          jsontext.Value
	AssociationTime, RecentExpiry                jsontext.Value
}

// member gives the place for a member; nil where nobody asks for it.
func (r *row) member(name []byte) *jsontext.Value {
	switch string(name) {
	case "ClientUin":
		return &r.ClientUin
	case "Name":
		return &r.Name
	case "Type":
		return &r.Type
	case "Mobile":
		return &r.Mobile
	case "Email":
		return &r.Email
	case "Remark":
		return &r.Remark
	case "Credit":
		return &r.Credit
	case "RemainingCredit":
		return &r.RemainingCredit
	case "Arrears":
		return &r.Arrears
	case "Force":
		return &r.Force
	case "IdentifyType":
		return &r.IdentifyType
	case "AssociationTime":
		return &r.AssociationTime
	case "RecentExpiry":
		return &r.RecentExpiry
	}
	return nil
}

func readRows(body *wire.Body, config Config) ([]*core.CustomerCredit, error) {
	customers := make([]*core.CustomerCredit, 0, config.PageSize)
	err := body.Array(func() error {
		var r row
		if err := body.Object(func(name []byte) (err error) {
			place := r.member(name)
			if place == nil {
				return body.Skip()
			}
			*place, err = body.Value()
			return err
		}); err != nil {
			return err
		}
		customer, err := r.customer(config)
		if err != nil {
			return wire.BadRow(len(customers)+1, err.Error())
		}
		customers = append(customers, customer)
		return nil
	})
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
func (r *row) customer(config Config) (*core.CustomerCredit, error) {
	id, ok := wire.ID(r.ClientUin)
	if number, err := strconv.ParseUint(id, 10, 64); !ok || err != nil || number == 0 {
		return nil, errors.New("ClientUin is not an id in plain digits")
	}
	c := new(record)
	var err error
	if c.Credit.Allocated, err = money(r.Credit, &c.allocated); err != nil {
		return nil, fmt.Errorf("Credit: %w", err)
	}
	if c.Credit.Remaining, err = money(r.RemainingCredit, &c.remaining); err != nil {
		return nil, fmt.Errorf("RemainingCredit: %w", err)
	}
	c.Provider = Provider
	c.CustomerID = id
	c.Name = wire.Text(r.Name)
	c.Email = wire.Text(r.Email)
	c.Mobile = wire.Text(r.Mobile)
	c.Remark = wire.Text(r.Remark)
	c.Type = wire.Text(r.Type)
	c.Identity = identity(r.IdentifyType)
	c.Credit.Currency = config.Currency
	c.Forced = forced(r.Force, &c.forced)
	c.AssociatedAt = instant(r.AssociationTime, config.Zone, &c.associated)
	c.NearestExpiry = instant(r.RecentExpiry, config.Zone, &c.expiry)
	c.Vendor = core.CreditVendor{
		Force:           raw(r.Force),
		IdentifyType:    raw(r.IdentifyType),
		Type:            raw(r.Type),
		Arrears:         raw(r.Arrears),
		AssociationTime: raw(r.AssociationTime),
		RecentExpiry:    raw(r.RecentExpiry),
	}
	return &c.CustomerCredit, nil
}

// money reads an amount into place, digit for digit; nil where there is none.
func money(value jsontext.Value, place *core.Money) (amount *core.Money, err error) {
	text := wire.Text(value)
	switch kind := value.Kind(); {
	case value == nil, kind == 'n', kind == '"' && text == "":
		return nil, nil
	}
	*place, err = core.ParseMoney(text)
	return place, err
}

// identity reads IdentifyType, whose values the SDK's source tells.
func identity(value jsontext.Value) core.Identity {
	switch wire.Text(value) {
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
func forced(value jsontext.Value, place *bool) *bool {
	switch wire.Text(value) {
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
func instant(value jsontext.Value, zone *time.Location, place *time.Time) *time.Time {
	text := wire.Text(value)
	for _, layout := range []string{time.DateTime, time.DateOnly} {
		if len(text) != len(layout) {
			continue
		}
		t, err := time.ParseInLocation(layout, text, zone)
		if t = t.UTC(); err == nil && t.Year() >= 1 && t.Year() <= 9999 { // what RFC 3339 can write
			*place = t
			return place
		}
	}
	return nil
}

var null = jsontext.Value("null")

// raw gives a member as it came, for handing on; null where there is none. A
// text that is no UTF-8 is mended: an answer with it could not be written.
func raw(value jsontext.Value) jsontext.Value {
	switch value.Kind() {
	case '0', 't', 'f':
		return value.Clone()
	case '"':
		if value.IsValid() {
			return value.Clone()
		}
		mended, _ := jsontext.AppendQuote(nil, wire.Text(value))
		return mended
	}
	return null
}
