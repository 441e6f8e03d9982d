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
	Help: "Ask Huawei Cloud which customers count as new, and until when.",
	Examples: `
partnerlens tags                                 the most urgent first
partnerlens tags --reseller-id all               of every reseller, too
partnerlens tags --status qualified --sort expire_month
partnerlens tags 1589c79e9f134c1a694015b700055453
partnerlens tags --names -o csv > tags.csv       with names
partnerlens tags -o ndjson | jq -r .customer_id  one customer a line
partnerlens tags 1589c79e9f134c1a694015b700055453 --history`,
	Flags: []Flag{
		{"reseller_id", "The customers of this cloud reseller; all: own customers and every reseller's."},
		{core.NamesParam, "With the customers' names and account managers; by default in a table that is not by id; --names=false: without."},
	},
	Table:  core.Params{core.NamesParam: {"true"}},
	Alerts: alert.Tags, Open: openTags, Probe: probeTags,
}

type tagReader = core.Reader[core.TagQuery, *core.CustomerTag]

func openTags(accounts *Accounts, now func() time.Time) *core.Function {
	c := &tagComposer{
		accounts: accounts, now: now,
		tags: Pacers{Limit: tagsLimit}, customers: Pacers{Limit: tagsLimit}, resellers: Pacers{Limit: tagsLimit},
	}
	open := func(ctx context.Context, account string) (tagAccount, error) {
		settings, err := accounts.Settings(ctx, account)
		if err != nil {
			return tagAccount{}, err
		}
		return c.opened.While(settings, c.open)
	}
	return core.TagFunction(func(ctx context.Context, account string) (*tagReader, error) {
		a, err := open(ctx, account)
		return a.tags, err
	}, accounts.Names).WithStage(func(ctx context.Context, account string, params core.Params) *core.Stage {
		if asked, err := params.Switch(core.NamesParam); err != nil || !asked {
			return nil
		}
		a, err := open(ctx, account)
		if err != nil { // it is the answer's error
			return nil
		}
		return a.profiles.stage(ctx, params)
	})
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
	opened   PerAccount[tagAccount]
	now      func() time.Time

	tags, customers, resellers Pacers // one for each API: the vendor counts them separately
}

// tagAccount is what reads one account.
type tagAccount struct {
	tags     *tagReader
	profiles *profiles
}

func (c *tagComposer) open(s Settings) (none tagAccount, err error) {
	shareFor, err := Parse(s, FieldShareFor, DefaultShareFor, ParseShareFor)
	if err != nil {
		return none, err
	}
	expires, err := Parse(s, FieldExpireMonth, core.LastValid, core.ParseExpireReading)
	if err != nil {
		return none, err
	}
	if _, err := huaweiKey(s); err != nil {
		return none, err
	}
	source, err := tagSource(s, credentials[huawei.Key]{c.accounts, s.Account, huaweiKey})
	if err != nil {
		return none, err
	}
	resellers, err := c.resellerList(s, source)
	if err != nil {
		return none, err
	}
	customers, err := members(s, &c.customers, source.SubCustomers())
	if err != nil {
		return none, err
	}
	pacer, err := c.tags.Of(s)
	if err != nil {
		return none, err
	}
	tags := core.NewReader(named[core.TagQuery, *core.CustomerTag]{source, s}, &core.ReaderOptions[core.TagQuery]{
		Schema: core.Schema("tags"), Provider: huawei.Provider, Account: s.Account,
		Rules: core.Rules{ExpireMonth: expires}, Scopes: resellers.Scopes, Resellers: resellers.Named, Witness: customers,
		Pacer: pacer, ShareFor: shareFor, Now: c.now,
	})
	return tagAccount{tags, &profiles{customers: customers, resellers: resellers, calls: tags.CallsOnly}}, nil
}

// resellerList returns the resellers that the account names, or else those that the vendor
// lists.
func (c *tagComposer) resellerList(s Settings, source *huawei.Source) (*huawei.ResellerList, error) {
	ids, err := Parse(s, FieldResellers, nil, ParseResellers)
	if err != nil {
		return nil, err
	}
	resellers, err := members(s, &c.resellers, source.Resellers())
	if err != nil {
		return nil, err
	}
	return huawei.NewResellerList(resellers, ids), nil
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
