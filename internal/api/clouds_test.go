package api_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/internal/api"
	"partnerlens/internal/app"
	"partnerlens/pkg/core"
)

// now is the time of every query of the tests.
var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// cloud is both vendors in memory, with their failures.
type cloud struct {
	credits  []core.CustomerCredit
	tags     map[string][]core.CustomerTag // by reseller; "" are the account's own
	pageSize int
	total    int                       // added to the vendor's count of customers
	fail     func(offset int) error    // of a page; may be nil
	open     error                     // of the account, whatever its name
	fetched  func(ctx context.Context) // may be nil
	shareFor time.Duration
	runs     func() string // the URL of the store of runs; nil: goldenRuns

	partner func(context.Context) (core.PartnerState, []core.Warning) // for runs; nil: they read none
}

// insider returns options for a caller with all rights.
func insider() api.Options {
	const principal = "arn:aws:iam::123456789012:user/tests"
	keys, err := api.ParseKeys([]byte(`{"keys":[{"name":"tests","principal":"` + principal + `","pii":true}]}`))
	if err != nil {
		panic(err)
	}
	return api.Options{
		Keys:     func(context.Context) (*api.Keys, error) { return keys, nil },
		Platform: func(*http.Request) (string, bool) { return principal, true },
	}
}

// handler returns the API for an insider.
func (c *cloud) handler() http.Handler { return c.handlerWith(insider()) }

// handlerWith returns the API with the given options.
func (c *cloud) handlerWith(opts api.Options) http.Handler {
	if c.pageSize == 0 {
		c.pageSize = 2
	}
	opts.Version = "1.2.3"
	opts.Functions = c.functions()
	opts.Resources = append(opts.Resources, app.Resources(&app.Watcher{Env: c.environment(), Now: func() time.Time { return now }}, opts.Functions...)...)
	return api.New(opts)
}

// functions returns the functions over the vendors.
func (c *cloud) functions() []*core.Function {
	var shared *core.Reader[core.CreditQuery, *core.CustomerCredit]
	names := func(context.Context) ([]string, error) { return []string{core.DefaultAccount, "emea"}, nil }
	return []*core.Function{
		core.CreditFunction(func(_ context.Context, account string) (*core.Reader[core.CreditQuery, *core.CustomerCredit], error) {
			if err := c.account(account); err != nil || shared != nil {
				return shared, err
			}
			reader := core.NewReader(creditSource{c}, &core.ReaderOptions[core.CreditQuery]{
				Schema: core.Schema("credit"), Provider: "tencentcloud", Account: account, Attempts: 1, ShareFor: c.shareFor, Now: func() time.Time { return now },
			})
			if c.shareFor > 0 {
				shared = reader
			}
			return reader, nil
		}, names),
		core.TagFunction(func(_ context.Context, account string) (*core.Reader[core.TagQuery, *core.CustomerTag], error) {
			if err := c.account(account); err != nil {
				return nil, err
			}
			return core.NewReader(tagSource{c}, &core.ReaderOptions[core.TagQuery]{
				Schema: core.Schema("tags"), Provider: "huaweicloud", Account: account, Attempts: 1, Now: func() time.Time { return now },
				Scopes: func(_ context.Context, q core.TagQuery) ([]core.Scope[core.TagQuery], error) {
					return core.TagScopes(q, []string{"reseller-b", "reseller-a"}), nil
				},
			}), nil
		}, names),
	}
}

func (c *cloud) account(name string) error {
	if c.open != nil {
		return c.open
	}
	if name != core.DefaultAccount && name != "emea" {
		return core.Invalid("account", "unknown; configured: default, emea")
	}
	return nil
}

type creditSource struct{ *cloud }

func (s creditSource) FetchPage(ctx context.Context, q core.CreditQuery, at core.Cursor) (core.Page[*core.CustomerCredit], error) {
	var found []core.CustomerCredit
	for _, c := range s.credits {
		if map[core.FilterType]bool{
			"":                    true,
			core.FilterCustomerID: c.CustomerID == q.Filter,
			core.FilterName:       strings.Contains(c.Name, q.Filter),
			core.FilterRemark:     strings.Contains(c.Remark, q.Filter),
			core.FilterEmail:      c.Email == q.Filter,
		}[q.FilterType] {
			found = append(found, c)
		}
	}
	if q.Order == core.OrderDescending {
		slices.Reverse(found)
	}
	return page[core.CustomerCredit](ctx, s.cloud, found, at, true)
}

type tagSource struct{ *cloud }

func (s tagSource) FetchPage(ctx context.Context, q core.TagQuery, at core.Cursor) (core.Page[*core.CustomerTag], error) {
	var found []core.CustomerTag
	for _, c := range s.tags[q.ResellerID] {
		if len(q.CustomerIDs) == 0 || slices.Contains(q.CustomerIDs, c.CustomerID) {
			found = append(found, c)
		}
	}
	return page[core.CustomerTag](ctx, s.cloud, found, at, false)
}

func page[T any, P interface {
	*T
	core.Record
}](ctx context.Context, c *cloud, found []T, at core.Cursor, counted bool) (core.Page[P], error) {
	if c.fetched != nil {
		c.fetched(ctx)
	}
	if c.fail != nil {
		if err := c.fail(at.Offset); err != nil {
			return core.Page[P]{}, err
		}
	}
	total := len(found) + c.total
	p := core.Page[P]{RequestID: fmt.Sprintf("00000000-0000-4000-8000-%012d", at.Offset)}
	if counted {
		p.Total = &total
	}
	end := min(at.Offset+c.pageSize, len(found))
	for i := min(at.Offset, len(found)); i < end; i++ {
		record := found[i] // a copy: the Reader writes to what it is given
		p.Items = append(p.Items, &record)
	}
	if counted && end < len(found) || !counted && len(p.Items) > 0 {
		p.Next = &core.Cursor{Offset: end, Size: c.pageSize}
	}
	return p, nil
}

// failFrom returns a function that fails every page from an offset on.
func failFrom(offset int, err error) func(int) error {
	return func(at int) error {
		if at >= offset {
			return err
		}
		return nil
	}
}

// The failures of the vendors.
var (
	errThrottled = &core.Error{
		Op: "tencent.QueryCustomersCredit", Code: core.CodeThrottled, VendorCode: "RequestLimitExceeded",
		RequestID: "00000000-0000-4000-8000-00000000f001", RetryAfter: 1500 * time.Millisecond, Err: fmt.Errorf("cause for the operator"),
	}
	errUnavailable = &core.Error{Op: "huawei.ListSubCustomerNewTag", Code: core.CodeUnavailable, Detail: "no answer after 4 tries"}
	errDenied      = &core.Error{Code: core.CodeDenied, VendorCode: "AuthFailure.SignatureFailure", RequestID: "00000000-0000-4000-8000-00000000f002"}
	errSetting     = &core.Error{Code: core.CodeMisconfigured, Param: "PARTNERLENS_TENCENT_SECRET_ID", Detail: "not set"}
)

// clouds returns the vendors that golden answers name.
func clouds() map[string]*cloud {
	return map[string]*cloud{
		"steady":        {credits: fewCredits(), tags: fewTags()},
		"empty":         {},
		"moving":        {credits: fewCredits(), tags: fewTags(), total: 1},
		"throttled":     {fail: failFrom(0, errThrottled)},
		"denied":        {fail: failFrom(0, errDenied)},
		"misconfigured": {open: errSetting},
		"slow":          {fail: failFrom(0, context.DeadlineExceeded)},
		"foreign":       {fail: failFrom(0, fmt.Errorf("dial tcp 192.0.2.1:443: what only an operator may see"))},
		"breaks":        {credits: fewCredits(), tags: fewTags(), fail: failFrom(2, errUnavailable)},
	}
}

func money(text string) *core.Money {
	if text == "" {
		return nil
	}
	m, err := core.ParseMoney(text)
	if err != nil {
		panic(text)
	}
	return &m
}

// credit returns a customer's credit with all members.
func credit(id, name, allocated, remaining string) core.CustomerCredit {
	bound := time.Date(2025, 3, 3, 4, 5, 6, 0, core.VendorZone).UTC()
	ends := time.Date(2027, 1, 1, 0, 0, 0, 0, core.VendorZone).UTC()
	forced := false
	return core.CustomerCredit{
		Provider: "tencentcloud", CustomerID: id, Name: name, Email: "ops@customer" + id[len(id)-1:] + ".example.com",
		Type: "Resale", Identity: core.IdentityEnterprise,
		Credit: core.Credit{Allocated: money(allocated), Remaining: money(remaining), Currency: "USD"},
		Forced: &forced, AssociatedAt: &bound, NearestExpiry: &ends,
		Vendor: core.CreditVendor{
			Force: jsontext.Value("0"), IdentifyType: jsontext.Value("2"), Type: jsontext.Value(`"Resale"`),
			Arrears: jsontext.Value(`"Fixed as -"`), AssociationTime: jsontext.Value(`"2025-03-03 04:05:06"`), RecentExpiry: jsontext.Value(`"2027-01-01"`),
		},
	}
}

func fewCredits() []core.CustomerCredit {
	formula := credit("200000000002", "=HYPERLINK(\"https://example.com\")", "1000.00", "-12.50")
	formula.Remark = "first line\n+ second, line; =third"
	bare := credit("200000000003", "示例科技有限公司", "", "")
	bare.Email, bare.Type, bare.Identity, bare.Forced, bare.AssociatedAt, bare.NearestExpiry = "", "", core.IdentityUnknown, nil, nil, nil
	bare.Vendor = core.CreditVendor{}
	return []core.CustomerCredit{credit("200000000001", "Example One", "1000.00", "950.10"), formula, bare}
}

// tag returns a customer's tag; a month may be "".
func tag(id, reseller, value, from, to string) core.CustomerTag {
	c := core.CustomerTag{Provider: "huaweicloud", CustomerID: id, Tag: core.Tag{Type: "SMB", Value: value}}
	if reseller != "" {
		c.ResellerID = &reseller
	}
	if from != "" {
		first, err1 := core.ParseMonth(from)
		last, err2 := core.ParseMonth(to)
		if err1 != nil || err2 != nil {
			panic(from + " " + to)
		}
		c.EffectiveMonth, c.ExpireMonth = &first, &last
	}
	return c
}

func fewTags() map[string][]core.CustomerTag {
	return map[string][]core.CustomerTag{
		"": {
			tag("0e4a00000000000000000000000000a1", "", "Y", "2026-02", "2027-01"),
			tag("0e4a00000000000000000000000000a2", "", "N", "2025-02", "2026-01"),
			tag("0e4a00000000000000000000000000a3", "", "", "", ""),
		},
		"reseller-a": {tag("0e4a00000000000000000000000000b1", "reseller-a", "UNDETERMINED", "", "")},
		"reseller-b": {tag("0e4a00000000000000000000000000c1", "reseller-b", "N", "", "")},
	}
}
