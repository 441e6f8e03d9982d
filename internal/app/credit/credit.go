// Package credit composes the function "credit": Tencent Cloud's partner API
// under the core's Reader, with settings from the environment.
package credit

import (
	"context"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/app"
	"partnerlens/pkg/core"
	"partnerlens/pkg/tencent"
)

// limit is the API's, in calls a second (QueryCustomersCredit, read November 2026).
const limit = 5

type reader = core.Reader[core.CreditQuery, *core.CustomerCredit]

// Function gives the function; a nil env is the process's own. A nil now is time.Now.
func Function(env app.Environment, now func() time.Time) *core.Function {
	return Compose(env, now).Function
}

// Compose gives the function with its accounts.
func Compose(env app.Environment, now func() time.Time) app.Composed {
	var (
		accounts = Accounts(env)
		pacers   = app.Pacers{Limit: limit}
		sources  app.PerAccount[*tencent.Source]
		readers  app.PerAccount[*reader]
	)
	source := func(s app.Settings) (*tencent.Source, error) { return sources.While(s, Source) }
	function := core.CreditFunction(func(ctx context.Context, account string) (*reader, error) {
		settings, err := accounts.Settings(ctx, account)
		if err != nil {
			return nil, err
		}
		return readers.While(settings, func(s app.Settings) (*reader, error) {
			pacer, err := pacers.Of(s)
			if err != nil {
				return nil, err
			}
			source, err := app.Renewing(accounts, s, source)
			if err != nil {
				return nil, err
			}
			return newReader(s, source, pacer, now)
		})
	}, accounts.Names)
	return app.Composed{Function: function, Accounts: accounts, Evaluator: alert.Credit}
}

// Accounts are the function's; a nil env is the process's own.
func Accounts(env app.Environment) *app.Accounts {
	return &app.Accounts{Resolver: app.NewResolver(env, nil), Vendor: &app.Tencent}
}

// Source gives the Source of an account.
func Source(s app.Settings) (*tencent.Source, error) {
	err := s.Missing("make an API key in the Tencent Cloud console under Cloud Access Management > API Keys, with the partner's account", app.FieldSecretID, app.FieldSecretKey)
	if err != nil {
		return nil, err
	}
	zone, err := app.Parse(s, app.FieldZone, core.VendorZone, app.ParseZone)
	if err != nil {
		return nil, err
	}
	return tencent.New(tencent.Config{
		SecretID:  s.Get(app.FieldSecretID),
		SecretKey: s.Secret(app.FieldSecretKey),
		Token:     s.Secret(app.FieldToken),
		Endpoint:  s.Get(app.FieldEndpoint),
		Zone:      zone,
	})
}

func newReader(s app.Settings, source core.Source[core.CreditQuery, *core.CustomerCredit], pacer *core.Pacer, now func() time.Time) (*reader, error) {
	low, err := app.Parse(s, app.FieldLow, core.Threshold{}, core.ParseThreshold)
	if err != nil {
		return nil, err
	}
	shareFor, err := app.Parse(s, app.FieldShareFor, app.DefaultShareFor, app.ParseShareFor)
	if err != nil {
		return nil, err
	}
	return core.NewReader(source, &core.ReaderOptions[core.CreditQuery]{
		Schema: core.Schema("credit"), Provider: tencent.Provider, Account: s.Account,
		Rules: core.Rules{Low: low}, Pacer: pacer, ShareFor: shareFor, Now: now,
	}), nil
}

// Probe asks for one page.
func Probe(s app.Settings) (app.Probe, error) {
	source, err := Source(s)
	if err != nil {
		return app.Probe{}, err
	}
	low, err := app.Parse(s, app.FieldLow, core.Threshold{}, core.ParseThreshold)
	if err != nil {
		return app.Probe{}, err
	}
	endpoint := s.Get(app.FieldEndpoint)
	if endpoint == "" {
		endpoint = tencent.DefaultEndpoint
	}
	return app.Probe{
		Endpoint: endpoint, MostSkew: tencent.MostClockSkew, PageSize: tencent.DefaultPageSize, ClockSkew: source.ClockSkew,
		Fetch: func(ctx context.Context) (app.Seen, error) {
			page, err := source.FetchPage(ctx, core.CreditQuery{Order: core.OrderAscending}, core.Cursor{})
			return app.ProbeOf(page, s.Account, core.Rules{Low: low}), err
		},
	}, nil
}
