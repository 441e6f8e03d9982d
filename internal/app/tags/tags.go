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
	envSDKAK     = "HUAWEICLOUD_SDK_AK"
	envSDKSK     = "HUAWEICLOUD_SDK_SK"
)

type reader = core.Reader[core.TagQuery, *core.CustomerTag]

// Function gives the function; a nil env is the process's own. A nil now is time.Now.
func Function(env app.Environment, now func() time.Time) *core.Function {
	names := []string{envAK, envSK, envToken, envAuthToken, envDomainID, envEndpoint, envSDKAK, envSDKSK}
	open := app.WhileSame(env, names, func(s app.Settings) (*reader, error) { return newReader(s, now) })
	return core.TagFunction(func(_ context.Context, account string) (*reader, error) {
		if err := app.OnlyDefault(account); err != nil {
			return nil, err
		}
		return open()
	})
}

func newReader(s app.Settings, now func() time.Time) (*reader, error) {
	ak, sk := s[envAK], s[envSK]
	if ak == "" && sk == "" { // never one of ours with one of the SDK's
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
	config := huawei.Config{
		AK:            ak,
		SK:            core.NewSecret(sk),
		SecurityToken: core.NewSecret(s[envToken]),
		AuthToken:     core.NewSecret(s[envAuthToken]),
		DomainID:      s[envDomainID],
		Endpoint:      s[envEndpoint],
	}
	source, err := huawei.New(config)
	if err != nil {
		return nil, err
	}
	resellers := core.NewReader(source.Resellers(), &core.ReaderOptions[huawei.ResellerQuery]{Provider: huawei.Provider})
	return core.NewReader(source, &core.ReaderOptions[core.TagQuery]{
		Schema: core.Schema("tags"), Provider: huawei.Provider, Passes: huawei.Passes(resellers), Now: now,
	}), nil
}
