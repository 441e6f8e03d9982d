package app

import (
	"cmp"
	"context"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/pkg/core"
	"partnerlens/pkg/huawei"
	"partnerlens/pkg/transport"
)

// tagsLimit is in calls a second. The vendor's APIs allow 5 to 30, and the page of this one
// names no limit (read November 2026).
const tagsLimit = 5

// Tags is Huawei Cloud's partner API for tags of new customers.
var Tags = Function{
	Name: "tags", Vendor: &Huawei,
	Title:  "TAGS: which Huawei Cloud customers count as new, and until when",
	Urgent: []string{"qualified", "undetermined", "lapsed", "unverified", "unknown", "not_new"}, Least: "days_left",
	Help:   "Ask Huawei Cloud which customers count as new, and until when.",
	Flags:  []Flag{{"reseller_id", "The customers of this cloud reseller; all: own customers and every reseller's."}},
	Alerts: alert.Tags, Open: openTags, Probe: probeTags,
}

type tagReader = core.Reader[core.TagQuery, *core.CustomerTag]

func openTags(accounts *Accounts, now func() time.Time) *core.Function {
	c := &tagComposer{
		accounts: accounts, now: now,
		tags: Pacers{Limit: tagsLimit}, customers: Pacers{Limit: tagsLimit}, resellers: Pacers{Limit: tagsLimit},
	}
	return core.TagFunction(func(ctx context.Context, account string) (*tagReader, error) {
		settings, err := accounts.Settings(ctx, account)
		if err != nil {
			return nil, err
		}
		return c.readers.While(settings, c.reader)
	}, accounts.Names)
}

func huaweiKey(s Settings) (huawei.Key, error) {
	key := huawei.Key{AK: s.Get(FieldAK), SK: s.Secret(FieldSK), SecurityToken: s.Secret(FieldSecurityToken), AuthToken: s.Secret(FieldAuthToken)}
	if key.AuthToken.Empty() {
		err := s.Missing("make an access key in the Huawei Cloud console under My Credentials > Access Keys, with the partner's account", FieldAK, FieldSK)
		if err != nil {
			return key, err
		}
	}
	return key, key.Check()
}

func tagSource(s Settings, credentials transport.Credentials[huawei.Key]) (*huawei.Source, error) {
	return huawei.New(huawei.Config{Credentials: credentials, DomainID: s.Get(FieldDomainID), Endpoint: s.Get(FieldEndpoint)})
}

// tagComposer holds the Sources, Readers and Pacers of all accounts.
type tagComposer struct {
	accounts *Accounts
	readers  PerAccount[*tagReader]
	now      func() time.Time

	tags, customers, resellers Pacers // one for each API: the vendor counts them separately
}

func (c *tagComposer) reader(s Settings) (*tagReader, error) {
	shareFor, err := Parse(s, FieldShareFor, DefaultShareFor, ParseShareFor)
	if err != nil {
		return nil, err
	}
	expires, err := Parse(s, FieldExpireMonth, core.LastValid, core.ParseExpireReading)
	if err != nil {
		return nil, err
	}
	if _, err := huaweiKey(s); err != nil {
		return nil, err
	}
	source, err := tagSource(s, credentials[huawei.Key]{c.accounts, s.Account, huaweiKey})
	if err != nil {
		return nil, err
	}
	scopes, err := c.scopes(s, source)
	if err != nil {
		return nil, err
	}
	witness, err := members(s, &c.customers, source.SubCustomers())
	if err != nil {
		return nil, err
	}
	pacer, err := c.tags.Of(s)
	if err != nil {
		return nil, err
	}
	return core.NewReader(named[core.TagQuery, *core.CustomerTag]{source, s}, &core.ReaderOptions[core.TagQuery]{
		Schema: core.Schema("tags"), Provider: huawei.Provider, Account: s.Account,
		Rules: core.Rules{ExpireMonth: expires}, Scopes: scopes, Witness: witness, Pacer: pacer, ShareFor: shareFor, Now: c.now,
	}), nil
}

// scopes splits a query. core.AllResellers stands for the resellers that the account
// names, or else for those that the vendor lists.
func (c *tagComposer) scopes(s Settings, source *huawei.Source) (func(context.Context, core.TagQuery) ([]core.Scope[core.TagQuery], error), error) {
	ids, err := Parse(s, FieldResellers, nil, ParseResellers)
	if err != nil {
		return nil, err
	}
	if ids != nil {
		return func(_ context.Context, q core.TagQuery) ([]core.Scope[core.TagQuery], error) {
			return core.TagScopes(q, ids), nil
		}, nil
	}
	resellers, err := members(s, &c.resellers, source.Resellers())
	if err != nil {
		return nil, err
	}
	return huawei.Scopes(resellers), nil
}

// members returns a Reader of one of the account's lists of members.
func members[Q core.Query](s Settings, pacers *Pacers, list huawei.Members[Q]) (*core.Reader[Q, *core.Member], error) {
	pacer, err := pacers.Of(s)
	if err != nil {
		return nil, err
	}
	return core.NewReader(named[Q, *core.Member]{list, s}, &core.ReaderOptions[Q]{Provider: huawei.Provider, Pacer: pacer}), nil
}

func probeTags(s Settings) (Probe, error) {
	key, err := huaweiKey(s)
	if err != nil {
		return Probe{}, err
	}
	source, err := tagSource(s, transport.Static(key))
	if err != nil {
		return Probe{}, err
	}
	expires, err := Parse(s, FieldExpireMonth, core.LastValid, core.ParseExpireReading)
	if err != nil {
		return Probe{}, err
	}
	return Probe{
		Endpoint: cmp.Or(s.Get(FieldEndpoint), huawei.DefaultEndpoint), MostSkew: huawei.MostClockSkew, PageSize: huawei.DefaultPageSize, Limit: tagsLimit, ClockSkew: source.ClockSkew,
		Fetch: func(ctx context.Context) (Seen, error) {
			page, err := source.FetchPage(ctx, core.TagQuery{}, core.Cursor{})
			return ProbeOf(page, s.Account, core.Rules{ExpireMonth: expires}), err
		},
	}, nil
}
