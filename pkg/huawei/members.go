package huawei

import (
	"cmp"
	"context"
	"errors"
	"math"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	bss "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/bss/v2"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/bss/v2/model"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// Members reads pages of the members of a partner's account, over the connections
// and with the key of a Source. The lists have a count.
type Members[Q core.Query] struct {
	source *Source
	api    *memberAPI[Q]
}

// memberAPI is one list of members.
type memberAPI[Q core.Query] struct {
	op, path string
	list     func(*memberAnswer) (name string, list transport.List[memberRow])
	id       func(*memberRow) transport.Value
	profile  func(*memberRow) core.Profile // but for what both lists call the same
	send     func(client *bss.BssClient, query Q, offset, limit *int32) error
	reseller func(Q) string // whose customers are asked for
}

// maxMemberPage is the bound of limit of both lists (pages read November 2026).
const maxMemberPage = 100

const (
	resellersOp      = "huawei.ListIndirectPartners"
	resellersPath    = "/v2/partners/indirect-partners/query"
	subCustomersPath = "/v2/partners/sub-customers/query"
)

// ResellerQuery asks for every cloud reseller below the account.
type ResellerQuery struct{}

// AskedIDs returns nil: resellers are not asked for by id.
func (ResellerQuery) AskedIDs() []string { return nil }

// Resellers returns the Source of the account's cloud resellers.
func (s *Source) Resellers() Members[ResellerQuery] { return Members[ResellerQuery]{s, &resellers} }

// SubCustomers returns the Source of the customers that a TagQuery is about, as
// the account's own list names them: all of the account or of one reseller, or
// the one whose id is asked for.
func (s *Source) SubCustomers() Members[core.TagQuery] {
	return Members[core.TagQuery]{s, &subCustomers}
}

var resellers = memberAPI[ResellerQuery]{
	op: resellersOp, path: resellersPath,
	list: func(a *memberAnswer) (string, transport.List[memberRow]) { return "indirect_partners", a.Resellers },
	id:   func(row *memberRow) transport.Value { return row.ResellerID },
	profile: func(row *memberRow) core.Profile {
		return core.Profile{Name: fact(row.Name), Mobile: fact(row.MobilePhone), Manager: fact(row.AccountManagerName)}
	},
	send: func(client *bss.BssClient, _ ResellerQuery, offset, limit *int32) error {
		_, err := client.ListIndirectPartners(&model.ListIndirectPartnersRequest{
			Body: &model.QueryIndirectPartnersReq{Offset: offset, Limit: limit},
		})
		return err
	},
	reseller: func(ResellerQuery) string { return "" },
}

var subCustomers = memberAPI[core.TagQuery]{
	op: "huawei.ListSubCustomers", path: subCustomersPath,
	list: func(a *memberAnswer) (string, transport.List[memberRow]) { return "customer_infos", a.Customers },
	id:   func(row *memberRow) transport.Value { return row.CustomerID },
	profile: func(row *memberRow) core.Profile {
		return core.Profile{
			Name: fact(row.Customer), Mobile: fact(row.Telephone), Label: fact(row.Label),
			Association: associations[row.AssociationType.Text()], Manager: manager(row.AccountManagers),
		}
	},
	send: func(client *bss.BssClient, query core.TagQuery, offset, limit *int32) error {
		body := &model.QuerySubCustomerListReq{Offset: offset, Limit: limit}
		if query.ResellerID != "" {
			body.IndirectPartnerId = &query.ResellerID
		}
		if len(query.CustomerIDs) == 1 {
			body.CustomerId = &query.CustomerIDs[0]
		}
		_, err := client.ListSubCustomers(&model.ListSubCustomersRequest{Body: body})
		return err
	},
	reseller: func(query core.TagQuery) string { return query.ResellerID },
}

// FetchPage reads the page that begins at a row. It implements core.Source.
func (m Members[Q]) FetchPage(ctx context.Context, query Q, at core.Cursor) (core.Page[*core.Member], error) {
	size := cmp.Or(at.Size, maxMemberPage)
	if at.Offset > math.MaxInt32 || size > maxMemberPage {
		return memberPage{}, core.Invalid("cursor", "beyond what the vendor can be asked for; start again without it")
	}
	offset, limit := int32(at.Offset), int32(size)
	page, err := post(ctx, m.source, m.api.op, m.api.path,
		func(client *bss.BssClient) error { return m.api.send(client, query, &offset, &limit) },
		func(a transport.Answer) (memberPage, error) { return m.api.decode(a, m.api.reseller(query)) })
	if err != nil {
		return memberPage{}, err
	}
	// After a full page the list continues whatever the count: it may be the page's.
	if after := at.Offset + len(page.Items); len(page.Items) >= size || len(page.Items) > 0 && after < *page.Total {
		page.Next = &core.Cursor{Offset: after, Size: at.Size}
	}
	return page, nil
}

// memberPage is one page as the API answers it, without Next.
type memberPage = core.Page[*core.Member]

// memberAnswer is an answer of either list.
type memberAnswer struct {
	failure   `json:",inline"`
	Count     transport.Value           `json:"count"`
	Resellers transport.List[memberRow] `json:"indirect_partners"`
	Customers transport.List[memberRow] `json:"customer_infos"`
}

// memberRow is a member as the APIs write it.
type memberRow struct {
	AccountName  transport.Value `json:"account_name"`
	AssociatedOn transport.Value `json:"associated_on"` // in UTC
	Email        transport.Value `json:"email"`

	// Of a customer.
	CustomerID      transport.Value `json:"customer_id"`
	Customer        transport.Value `json:"customer"` // the name of the real-name verification
	Telephone       transport.Value `json:"telephone"`
	Label           transport.Value `json:"label"`
	AssociationType transport.Value `json:"association_type"`
	AccountManagers transport.Value `json:"account_managers"` // "currently one only"

	// Of a reseller.
	ResellerID         transport.Value `json:"indirect_partner_id"`
	Name               transport.Value `json:"name"`
	MobilePhone        transport.Value `json:"mobile_phone"`
	AccountManagerName transport.Value `json:"account_manager_name"`
}

// decode reads an answer as decodePage does. Here the count, which is there
// "only on success", distinguishes an empty list from no answer.
func (api *memberAPI[Q]) decode(a transport.Answer, reseller string) (memberPage, error) {
	var all memberAnswer
	if err := a.Decode(&all); err != nil {
		return memberPage{}, err
	}
	if err := all.err(a); err != nil {
		return memberPage{}, err
	}
	name, list := api.list(&all)
	record := func(row *memberRow) (*core.Member, error) { return api.member(row, reseller) }
	members, err := transport.Records(list, name, record, "", func(*core.Member) string { return "" })
	if err != nil {
		return memberPage{}, err
	}
	count, ok := all.Count.Count()
	if !ok {
		return memberPage{}, transport.Malformed("it does not say how many there are (count)", nil)
	}
	return memberPage{Items: members, Total: &count, RequestID: a.RequestID}, nil
}

// member makes the record. Its error is for a row without an id.
func (api *memberAPI[Q]) member(row *memberRow, reseller string) (*core.Member, error) {
	id, ok := api.id(row).ID()
	if !ok {
		return nil, errors.New("it has no id")
	}
	profile := api.profile(row)
	profile.AccountName, profile.Email = fact(row.AccountName), fact(row.Email)
	m := &core.Member{MemberID: id, ResellerID: reseller, Reseller: api.op == resellersOp, Profile: &profile}
	// The API's page gives the time as UTC; one without an offset is not proof.
	if at, form, _ := core.ParseTime(row.AssociatedOn.Text(), time.UTC); form == core.ZonedTime {
		m.AssociatedAt, profile.AssociatedAt = &at, &at
	}
	return m, nil
}

// associations are the values of association_type (model CustomerInformation of the SDK,
// read November 2026).
var associations = map[string]core.Association{"1": core.AssociationReferral, "2": core.AssociationResale}

// fact returns a text, or the digits of a number; nil if there is none, or a value of
// another kind: a list that proves others must not fail for a name.
func fact(value transport.Value) *string {
	text := value.Text()
	if text == "" {
		return nil
	}
	return &text
}

// manager returns the first account manager with a name.
func manager(list transport.Value) *string {
	var managers []transport.Value
	lenient := json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if list == "" || json.Unmarshal([]byte(list), &managers, lenient) != nil {
		return nil
	}
	for _, row := range managers {
		var of struct {
			AccountName transport.Value `json:"account_name"`
		}
		if json.Unmarshal([]byte(row), &of, lenient) != nil {
			continue
		}
		if name := fact(of.AccountName); name != nil {
			return name
		}
	}
	return nil
}
