package huawei

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// page is one page as the API answers it.
type page struct {
	core.Page[*core.CustomerTag]               // without Next
	list                         jsontext.Kind // of new_customer_tags; the API's page does not show an empty list
}

// decodePage reads an answer: a page, or the error that it reports. reseller is
// the reseller whose customers were asked for, "" for the account's own. Its error
// is a *core.Error.
func decodePage(a transport.Answer, reseller string) (page, error) {
	var all struct {
		failure `json:",inline"`
		Tags    transport.List[row] `json:"new_customer_tags"`
	}
	if err := a.Decode(&all); err != nil {
		return page{}, err
	}
	if err := all.err(a); err != nil {
		return page{}, err
	}
	record := func(row *row) (*core.CustomerTag, error) { return row.customer(reseller) }
	customers, err := transport.Records(all.Tags, "new_customer_tags", record, "a month that is not written YYYY-MM", unreadEnd)
	if err != nil {
		return page{}, err
	}
	return page{core.Page[*core.CustomerTag]{Items: customers, RequestID: a.RequestID}, all.Tags.Kind}, nil
}

// unreadEnd names the member with the end of a tag if it could not be read. Other
// members decide no status and fail no page.
func unreadEnd(c *core.CustomerTag) string {
	if c.EndUnread() {
		return core.ExpireTimeMember
	}
	return ""
}

// row is a customer as the API writes it (data type NewCustomerTagItem, read
// November 2026).
type row struct {
	CustomerID     transport.Value `json:"customer_id"`
	TagType        transport.Value `json:"customer_tag_type"`
	NewCustomerTag transport.Value `json:"new_customer_tag"`
	EffectiveTime  transport.Value `json:"effective_time"`
	ExpireTime     transport.Value `json:"expire_time"`
}

// customer makes the record. Its error is for a row without an id. A value of
// another kind than documented is null in the record, which names its member.
func (r *row) customer(reseller string) (*core.CustomerTag, error) {
	id, ok := r.CustomerID.ID()
	if !ok {
		return nil, errors.New("its customer_id is not an id")
	}
	c := &core.CustomerTag{Provider: Provider, CustomerID: id}
	if reseller != "" {
		c.ResellerID = &reseller
	}
	unreadable := func(member string) { c.Unreadable = append(c.Unreadable, member) }
	if c.Tag.Type, ok = text(r.TagType); !ok {
		unreadable("customer_tag_type")
	}
	if c.Tag.Value, ok = text(r.NewCustomerTag); !ok {
		unreadable("new_customer_tag")
	}
	if c.EffectiveMonth, ok = month(r.EffectiveTime); !ok {
		unreadable("effective_time")
	}
	if c.ExpireMonth, ok = month(r.ExpireTime); !ok {
		unreadable(core.ExpireTimeMember)
	}
	return c, nil
}

// maxOddText is how much of a value that is not a text is used in place of one.
const maxOddText = 40 // bytes

// text returns a text, and the digits of a number. Of any other value it returns
// the start of its JSON, and false: an empty text would be the tag of a customer
// without real-name verification.
func text(value transport.Value) (text string, ok bool) {
	if text = value.Text(); text != "" || value.Empty() {
		return text, true
	}
	return strings.ToValidUTF8(string(value[:min(len(value), maxOddText)]), ""), false
}

// month reads a month; nil if there is none: absent, null, empty, or in one of the
// years 0000, 0001 and 1970, which stand for a date that is not set. false: it is not
// written YYYY-MM. A day (2026-12-31) is not a month either: whether it is the last
// day on which a tag holds, or the first on which it does not, decides the month.
func month(value transport.Value) (m *core.Month, ok bool) {
	text := value.Text()
	if text == "" {
		return nil, value.Empty()
	}
	if core.UnsetDate(text) {
		return nil, true
	}
	at, err := core.ParseMonth(text)
	if err != nil {
		return nil, false
	}
	return &at, true
}
