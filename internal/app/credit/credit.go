// Package credit composes the function "credit": Tencent Cloud's partner API
// under the core's Reader, with settings from the environment.
package credit

import (
	"context"
	"time"

	"partnerlens/internal/app"
	"partnerlens/pkg/core"
	"partnerlens/pkg/tencent"
)

// The settings. The SDK's own names are read too, but on SCF, which keeps them
// for the role's keys.
const (
	envSecretID     = "PARTNERLENS_TENCENT_SECRET_ID"
	envSecretKey    = "PARTNERLENS_TENCENT_SECRET_KEY"
	envToken        = "PARTNERLENS_TENCENT_TOKEN"
	envEndpoint     = "PARTNERLENS_TENCENT_ENDPOINT"
	envZone         = "PARTNERLENS_TENCENT_ZONE"
	envRate         = "PARTNERLENS_TENCENT_RATE"
	envLow          = "PARTNERLENS_CREDIT_LOW"
	envSDKSecretID  = "TENCENTCLOUD_SECRET_ID"
	envSDKSecretKey = "TENCENTCLOUD_SECRET_KEY"
)

// rate is the API's limit, in calls a second (QueryCustomersCredit, read
// November 2026).
const rate = 5

type reader = core.Reader[core.CreditQuery, *core.CustomerCredit]

// Function gives the function; a nil env is the process's own. A nil now is time.Now.
func Function(env app.Environment, now func() time.Time) *core.Function {
	pacer := app.Pace(env, envRate, rate)
	names := []string{envSecretID, envSecretKey, envToken, envEndpoint, envZone, envLow, envRate, envSDKSecretID, envSDKSecretKey, app.ShareForSetting}
	source := app.WhileSame(env, names, newSource)
	open := app.WhileSame(env, names, func(s app.Settings) (*reader, error) {
		pacer, err := pacer()
		if err != nil {
			return nil, err
		}
		source, err := app.Renewing(source)
		if err != nil {
			return nil, err
		}
		return newReader(s, source, pacer, now)
	})
	return core.CreditFunction(func(_ context.Context, account string) (*reader, error) {
		if err := app.OnlyDefault(account); err != nil {
			return nil, err
		}
		return open()
	}, nil)
}

func newSource(s app.Settings) (*tencent.Source, error) {
	id, key := s[envSecretID], s[envSecretKey]
	if id == "" && key == "" { // never one of ours with one of the SDK's
		id, key = s[envSDKSecretID], s[envSDKSecretKey]
	}
	var missing []string
	if id == "" {
		missing = append(missing, envSecretID)
	}
	if key == "" {
		missing = append(missing, envSecretKey)
	}
	if missing != nil {
		return nil, app.Missing("make an API key in the Tencent Cloud console under Cloud Access Management > API Keys, with the partner's account", missing...)
	}
	zone, err := zoneOf(s[envZone])
	if err != nil {
		return nil, err
	}
	return tencent.New(tencent.Config{
		SecretID:  id,
		SecretKey: core.NewSecret(key),
		Token:     core.NewSecret(s[envToken]),
		Endpoint:  s[envEndpoint],
		Zone:      zone,
	})
}

func newReader(s app.Settings, source core.Source[core.CreditQuery, *core.CustomerCredit], pacer *core.Pacer, now func() time.Time) (*reader, error) {
	var rules core.Rules
	var err error
	if text := s[envLow]; text != "" {
		if rules.Low, err = core.ParseThreshold(text); err != nil {
			return nil, &core.Error{Code: core.CodeMisconfigured, Param: envLow, Detail: core.AsError(err).Detail}
		}
	}
	shareFor, err := s.ShareFor()
	if err != nil {
		return nil, err
	}
	return core.NewReader(source, &core.ReaderOptions[core.CreditQuery]{
		Schema: core.Schema("credit"), Provider: tencent.Provider, Rules: rules, Pacer: pacer, ShareFor: shareFor, Now: now,
	}), nil
}

// zoneOf reads "+08:00"; "" is the vendor's zone.
func zoneOf(text string) (*time.Location, error) {
	if text == "" {
		return core.VendorZone, nil
	}
	t, err := time.Parse("-07:00", text)
	if err != nil {
		return nil, &core.Error{Code: core.CodeMisconfigured, Param: envZone, Detail: "not an offset from UTC; write it as +08:00"}
	}
	_, seconds := t.Zone()
	return time.FixedZone("UTC"+text, seconds), nil
}
