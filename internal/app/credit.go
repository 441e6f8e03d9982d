package app

import (
	"cmp"
	"context"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/pkg/core"
	"partnerlens/pkg/tencent"
	"partnerlens/pkg/transport"
)

// creditLimit is the vendor's limit, in calls a second (QueryCustomersCredit, read November 2026).
const creditLimit = 5

// Credit is Tencent Cloud's partner API QueryCustomersCredit.
var Credit = Function{
	Name: "credit", Vendor: &Tencent,
	Title:  "CREDIT: what Tencent Cloud customers may spend and have left",
	Urgent: []string{"forced", "overdrawn", "exhausted", "low", "unknown", "ok"}, Least: "remaining",
	Help: "Ask Tencent Cloud what customers may spend and have left.",
	Examples: `
partnerlens credit                               the most urgent first
partnerlens credit --status forced,overdrawn     only those in trouble
partnerlens credit 200000100019 200000100053     these two
partnerlens credit --filter-type name --filter Harbour
partnerlens credit --sort remaining --columns name,remaining,mobile
partnerlens credit --account all -o csv > credit.csv
partnerlens credit 200000100019 --history        day by day
partnerlens credit --limit 100                   then go on with --cursor`,
	Flags: []Flag{
		{"filter_type", "What --filter looks for: customer_id, name, remark or email."},
		{"filter", "What to look for."},
		{core.VouchersParam, "With the vouchers that customers may still use."},
	},
	Alerts: alert.Credit, Open: openCredit, Partner: newSiblings, Probe: probeCredit,
}

type creditReader = core.Reader[core.CreditQuery, *core.CustomerCredit]

func openCredit(accounts *Accounts, now func() time.Time) *core.Function {
	var (
		pacers  = Pacers{Limit: creditLimit}
		readers PerAccount[*creditReader]
	)
	return core.CreditFunction(func(ctx context.Context, account string) (*creditReader, error) {
		settings, err := accounts.Settings(ctx, account)
		if err != nil {
			return nil, err
		}
		return readers.While(settings, func(s Settings) (*creditReader, error) {
			if _, err := tencentKey(s); err != nil {
				return nil, err
			}
			pacer, err := pacers.Of(s)
			if err != nil {
				return nil, err
			}
			source, err := creditSource(s, credentials[tencent.Key]{accounts, account, tencentKey})
			if err != nil {
				return nil, err
			}
			low, err := Parse(s, FieldLow, core.Threshold{}, core.ParseThreshold)
			if err != nil {
				return nil, err
			}
			shareFor, err := Parse(s, FieldShareFor, DefaultShareFor, ParseShareFor)
			if err != nil {
				return nil, err
			}
			return core.NewReader(named[core.CreditQuery, *core.CustomerCredit]{source, s}, &core.ReaderOptions[core.CreditQuery]{
				Schema: core.Schema("credit"), Provider: tencent.Provider, Account: s.Account,
				Rules: core.Rules{Low: low}, Scopes: core.CreditScopes, Pacer: pacer, ShareFor: shareFor, Now: now,
			}), nil
		})
	}, accounts.Names)
}

func tencentKey(s Settings) (tencent.Key, error) {
	key := tencent.Key{ID: s.Get(FieldSecretID), Secret: s.Secret(FieldSecretKey), Token: s.Secret(FieldToken)}
	err := s.Missing("make an API key in the Tencent Cloud console under Cloud Access Management > API Keys, with the partner's account", FieldSecretID, FieldSecretKey)
	if err == nil {
		err = key.Check()
	}
	return key, err
}

func creditSource(s Settings, credentials transport.Credentials[tencent.Key]) (*tencent.Source, error) {
	zone, err := Parse(s, FieldZone, core.VendorZone, ParseZone)
	if err != nil {
		return nil, err
	}
	return tencent.New(tencent.Config{
		Credentials: credentials,
		Endpoint:    s.Get(FieldEndpoint),
		Zone:        zone,
	})
}

func probeCredit(s Settings) (Probe, error) {
	key, err := tencentKey(s)
	if err != nil {
		return Probe{}, err
	}
	source, err := creditSource(s, transport.Static(key))
	if err != nil {
		return Probe{}, err
	}
	low, err := Parse(s, FieldLow, core.Threshold{}, core.ParseThreshold)
	if err != nil {
		return Probe{}, err
	}
	return Probe{
		Endpoint: cmp.Or(s.Get(FieldEndpoint), tencent.DefaultEndpoint), MostSkew: tencent.MostClockSkew, PageSize: tencent.DefaultPageSize, Limit: creditLimit, ClockSkew: source.ClockSkew,
		Fetch: func(ctx context.Context) (Seen, error) {
			page, err := source.FetchPage(ctx, core.CreditQuery{Order: core.OrderAscending}, core.Cursor{})
			return ProbeOf(page, s.Account, core.Rules{Low: low}), err
		},
	}, nil
}
