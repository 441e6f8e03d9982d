// Package tags composes the function "tags": Huawei Cloud's partner API under
// the core's Reader, with settings from the environment.
package tags

import (
	"context"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/app"
	"partnerlens/pkg/core"
	"partnerlens/pkg/huawei"
)

// limit is how many calls a second are sure to be let through: the vendor's APIs
// allow 5 to 30, and this one's page does not say (read November 2026).
const limit = 5

type reader = core.Reader[core.TagQuery, *core.CustomerTag]

// Function gives the function; a nil env is the process's own. A nil now is time.Now.
func Function(env app.Environment, now func() time.Time) *core.Function {
	return Compose(env, now).Function
}

// Compose gives the function with its accounts.
func Compose(env app.Environment, now func() time.Time) app.Composed {
	c := &composer{
		accounts: Accounts(env), now: now,
		tags: app.Pacers{Limit: limit}, customers: app.Pacers{Limit: limit}, resellers: app.Pacers{Limit: limit},
	}
	function := core.TagFunction(func(ctx context.Context, account string) (*reader, error) {
		settings, err := c.accounts.Settings(ctx, account)
		if err != nil {
			return nil, err
		}
		return c.readers.While(settings, c.reader)
	}, c.accounts.Names)
	return app.Composed{Function: function, Accounts: c.accounts, Evaluator: alert.Tags}
}

// Accounts are the function's; a nil env is the process's own.
func Accounts(env app.Environment) *app.Accounts {
	return &app.Accounts{Resolver: app.NewResolver(env, nil), Vendor: &app.Huawei}
}

// Source gives the Source of an account.
func Source(s app.Settings) (*huawei.Source, error) {
	if s.Get(app.FieldAuthToken) == "" {
		err := s.Missing("make an access key in the Huawei Cloud console under My Credentials > Access Keys, with the partner's account", app.FieldAK, app.FieldSK)
		if err != nil {
			return nil, err
		}
	}
	return huawei.New(huawei.Config{
		AK:            s.Get(app.FieldAK),
		SK:            s.Secret(app.FieldSK),
		SecurityToken: s.Secret(app.FieldSecurityToken),
		AuthToken:     s.Secret(app.FieldAuthToken),
		DomainID:      s.Get(app.FieldDomainID),
		Endpoint:      s.Get(app.FieldEndpoint),
	})
}

// composer puts the Readers of all accounts together.
type composer struct {
	accounts *app.Accounts
	sources  app.PerAccount[*huawei.Source]
	readers  app.PerAccount[*reader]
	now      func() time.Time

	tags, customers, resellers app.Pacers // of each API: the vendor counts calls of one by themselves
}

func (c *composer) source(s app.Settings) (*huawei.Source, error) { return c.sources.While(s, Source) }

func (c *composer) reader(s app.Settings) (*reader, error) {
	shareFor, err := app.Parse(s, app.FieldShareFor, app.DefaultShareFor, app.ParseShareFor)
	if err != nil {
		return nil, err
	}
	expires, err := app.Parse(s, app.FieldExpireMonth, core.LastValid, core.ParseExpireReading)
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
	source, err := app.Renewing(c.accounts, s, c.source)
	if err != nil {
		return nil, err
	}
	return core.NewReader(source, &core.ReaderOptions[core.TagQuery]{
		Schema: core.Schema("tags"), Provider: huawei.Provider, Account: s.Account,
		Rules: core.Rules{ExpireMonth: expires}, Scopes: scopes, Witness: witness, Pacer: pacer, ShareFor: shareFor, Now: c.now,
	}), nil
}

// scopes splits a query. The resellers that core.AllResellers stands for are
// those that the account names, or else those that the cloud lists.
func (c *composer) scopes(s app.Settings) (func(context.Context, core.TagQuery) ([]core.Scope[core.TagQuery], error), error) {
	ids, err := app.Parse(s, app.FieldResellers, nil, app.ParseResellers)
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

// members returns the Reader of a list of the account's members.
func members[Q core.Query](c *composer, s app.Settings, pacers *app.Pacers, list func(*huawei.Source) huawei.Members[Q]) (*core.Reader[Q, *core.Member], error) {
	pacer, err := pacers.Of(s)
	if err != nil {
		return nil, err
	}
	source, err := app.Renewing(c.accounts, s, func(s app.Settings) (huawei.Members[Q], error) { // the same key
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

// Probe asks for one page.
func Probe(s app.Settings) (app.Probe, error) {
	source, err := Source(s)
	if err != nil {
		return app.Probe{}, err
	}
	expires, err := app.Parse(s, app.FieldExpireMonth, core.LastValid, core.ParseExpireReading)
	if err != nil {
		return app.Probe{}, err
	}
	endpoint := s.Get(app.FieldEndpoint)
	if endpoint == "" {
		endpoint = huawei.DefaultEndpoint
	}
	return app.Probe{
		Endpoint: endpoint, MostSkew: huawei.MostClockSkew, PageSize: huawei.DefaultPageSize, ClockSkew: source.ClockSkew,
		Fetch: func(ctx context.Context) (app.Seen, error) {
			page, err := source.FetchPage(ctx, core.TagQuery{}, core.Cursor{})
			return app.ProbeOf(page, s.Account, core.Rules{ExpireMonth: expires}), err
		},
	}, nil
}
