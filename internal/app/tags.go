package app

import (
	"context"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/pkg/core"
	"partnerlens/pkg/huawei"
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

func tagSource(s Settings) (*huawei.Source, error) {
	if s.Get(FieldAuthToken) == "" {
		err := s.Missing("make an access key in the Huawei Cloud console under My Credentials > Access Keys, with the partner's account", FieldAK, FieldSK)
		if err != nil {
			return nil, err
		}
	}
	return huawei.New(huawei.Config{
		AK:            s.Get(FieldAK),
		SK:            s.Secret(FieldSK),
		SecurityToken: s.Secret(FieldSecurityToken),
		AuthToken:     s.Secret(FieldAuthToken),
		DomainID:      s.Get(FieldDomainID),
		Endpoint:      s.Get(FieldEndpoint),
	})
}

// tagComposer holds the Sources, Readers and Pacers of all accounts.
type tagComposer struct {
	accounts *Accounts
	sources  PerAccount[*huawei.Source]
	readers  PerAccount[*tagReader]
	now      func() time.Time

	tags, customers, resellers Pacers // one for each API: the vendor counts them separately
}

func (c *tagComposer) source(s Settings) (*huawei.Source, error) {
	return c.sources.While(s, tagSource)
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
	scopes, err := c.scopes(s)
	if err != nil {
		return nil, err
	}
	witness, err := members(c, s, &c.customers, (*huawei.Source).SubCustomers)
	if err != nil {
		return nil, err
	}
	pacer, err := c.tags.Of(s)
	if err != nil {
		return nil, err
	}
	source, err := Renewing(c.accounts, s, c.source)
	if err != nil {
		return nil, err
	}
	return core.NewReader(source, &core.ReaderOptions[core.TagQuery]{
		Schema: core.Schema("tags"), Provider: huawei.Provider, Account: s.Account,
		Rules: core.Rules{ExpireMonth: expires}, Scopes: scopes, Witness: witness, Pacer: pacer, ShareFor: shareFor, Now: c.now,
	}), nil
}

// scopes splits a query. core.AllResellers stands for the resellers that the account
// names, or else for those that the vendor lists.
func (c *tagComposer) scopes(s Settings) (func(context.Context, core.TagQuery) ([]core.Scope[core.TagQuery], error), error) {
	ids, err := Parse(s, FieldResellers, nil, ParseResellers)
	if err != nil {
		return nil, err
	}
	if ids != nil {
		return func(_ context.Context, q core.TagQuery) ([]core.Scope[core.TagQuery], error) {
			return core.TagScopes(q, ids), nil
		}, nil
	}
	resellers, err := members(c, s, &c.resellers, (*huawei.Source).Resellers)
	if err != nil {
		return nil, err
	}
	return huawei.Scopes(resellers), nil
}

// members returns a Reader of one of the account's lists of members.
func members[Q core.Query](c *tagComposer, s Settings, pacers *Pacers, list func(*huawei.Source) huawei.Members[Q]) (*core.Reader[Q, *core.Member], error) {
	pacer, err := pacers.Of(s)
	if err != nil {
		return nil, err
	}
	source, err := Renewing(c.accounts, s, func(s Settings) (huawei.Members[Q], error) { // the same key
		source, err := c.source(s)
		if err != nil {
			return huawei.Members[Q]{}, err
		}
		return list(source), nil
	})
	if err != nil {
		return nil, err
	}
	return core.NewReader(source, &core.ReaderOptions[Q]{Provider: huawei.Provider, Pacer: pacer}), nil
}

func probeTags(s Settings) (Probe, error) {
	source, err := tagSource(s)
	if err != nil {
		return Probe{}, err
	}
	expires, err := Parse(s, FieldExpireMonth, core.LastValid, core.ParseExpireReading)
	if err != nil {
		return Probe{}, err
	}
	endpoint := s.Get(FieldEndpoint)
	if endpoint == "" {
		endpoint = huawei.DefaultEndpoint
	}
	return Probe{
		Endpoint: endpoint, MostSkew: huawei.MostClockSkew, PageSize: huawei.DefaultPageSize, ClockSkew: source.ClockSkew,
		Fetch: func(ctx context.Context) (Seen, error) {
			page, err := source.FetchPage(ctx, core.TagQuery{}, core.Cursor{})
			return ProbeOf(page, s.Account, core.Rules{ExpireMonth: expires}), err
		},
	}, nil
}
