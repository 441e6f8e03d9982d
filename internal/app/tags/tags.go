// Package tags composes the function "tags": Huawei Cloud's partner API under
// the core's Reader, with settings from the environment.
package tags

import (
	"context"
	"time"

	"partnerlens/internal/app"
	"partnerlens/pkg/core"
	"partnerlens/pkg/huawei"
)

// The settings. The SDK's own names are read too.
const (
	envAK        = "PARTNERLENS_HUAWEI_AK"
	envSK        = "PARTNERLENS_HUAWEI_SK"
	envToken     = "PARTNERLENS_HUAWEI_SECURITY_TOKEN"
	envAuthToken = "PARTNERLENS_HUAWEI_AUTH_TOKEN"
	envDomainID  = "PARTNERLENS_HUAWEI_DOMAIN_ID"
	envEndpoint  = "PARTNERLENS_HUAWEI_ENDPOINT"
	envRate      = "PARTNERLENS_HUAWEI_RATE"
	envSDKAK     = "HUAWEICLOUD_SDK_AK"
	envSDKSK     = "HUAWEICLOUD_SDK_SK"
)

// rate is how many calls a second are sure to be let through: the vendor's APIs
// allow 5 to 30, and this one's page does not say (read November 2026).
const rate = 5

type reader = core.Reader[core.TagQuery, *core.CustomerTag]

// Function gives the function; a nil env is the process's own. A nil now is time.Now.
func Function(env app.Environment, now func() time.Time) *core.Function {
	pacer, resellers := app.Pace(env, envRate, rate), app.Pace(env, envRate, rate)
	names := []string{envAK, envSK, envToken, envAuthToken, envDomainID, envEndpoint, envRate, envSDKAK, envSDKSK, app.ShareForSetting}
	source := app.WhileSame(env, names, newSource)
	open := app.WhileSame(env, names, func(s app.Settings) (*reader, error) {
		tags, err := pacer()
		if err != nil {
			return nil, err
		}
		list, err := resellers()
		if err != nil {
			return nil, err
		}
		return newReader(s, source, tags, list, now)
	})
	return core.TagFunction(func(_ context.Context, account string) (*reader, error) {
		if err := app.OnlyDefault(account); err != nil {
			return nil, err
		}
		return open()
	}, nil)
}

func newSource(s app.Settings) (*huawei.Source, error) {
	ak, sk := s[envAK], s[envSK]
	if ak == "" && sk == "" && s[envAuthToken] == "" { // never one of ours with one of the SDK's
		ak, sk = s[envSDKAK], s[envSDKSK]
	}
	var missing []string
	if ak == "" {
		missing = append(missing, envAK)
	}
	if sk == "" {
		missing = append(missing, envSK)
	}
	if missing != nil && s[envAuthToken] == "" {
		return nil, app.Missing("make an access key in the Huawei Cloud console under My Credentials > Access Keys, with the partner's account", missing...)
	}
	return huawei.New(huawei.Config{
		AK:            ak,
		SK:            core.NewSecret(sk),
		SecurityToken: core.NewSecret(s[envToken]),
		AuthToken:     core.NewSecret(s[envAuthToken]),
		DomainID:      s[envDomainID],
		Endpoint:      s[envEndpoint],
	})
}

func newReader(s app.Settings, open func() (*huawei.Source, error), pacer, resellerPacer *core.Pacer, now func() time.Time) (*reader, error) {
	shareFor, err := s.ShareFor()
	if err != nil {
		return nil, err
	}
	source, err := app.Renewing(open)
	if err != nil {
		return nil, err
	}
	list, err := app.Renewing(func() (huawei.Resellers, error) { // the same key
		source, err := open()
		if err != nil {
			return huawei.Resellers{}, err
		}
		return source.Resellers(), nil
	})
	if err != nil {
		return nil, err
	}
	resellers := core.NewReader(list, &core.ReaderOptions[huawei.ResellerQuery]{
		Provider: huawei.Provider, Pacer: resellerPacer,
	})
	return core.NewReader(source, &core.ReaderOptions[core.TagQuery]{
		Schema: core.Schema("tags"), Provider: huawei.Provider, Passes: huawei.Passes(resellers), Pacer: pacer, ShareFor: shareFor, Now: now,
	}), nil
}
