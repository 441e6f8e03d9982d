package huawei

import (
	"context"
	"net/http"
	"net/url"

	sdk "github.com/huaweicloud/huaweicloud-sdk-go-v3/core"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/global"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/config"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/impl"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/request"
	bss "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/bss/v2"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// Key is an access key of Huawei Cloud, lasting or temporary, or a token in its place.
type Key struct {
	AK            string
	SK            core.Secret
	SecurityToken core.Secret // of a temporary key; empty for a lasting one
	AuthToken     core.Secret // of a partner's account alone: lives for 24 hours, signs nothing
}

// Check returns an error that names the setting to change.
func (k Key) Check() error {
	if !k.AuthToken.Empty() {
		if k.AK != "" || !k.SK.Empty() || !k.SecurityToken.Empty() {
			return &core.Error{
				Code: core.CodeMisconfigured, Param: settingAuthToken,
				Detail: "given beside a key (" + settingAK + "); use one of the two",
			}
		}
		return transport.Key(settingAuthToken, k.AuthToken)
	}
	if err := transport.Key(settingAK, core.NewSecret(k.AK)); err != nil {
		return err
	}
	if err := transport.Key(settingSK, k.SK); err != nil || k.SecurityToken.Empty() {
		return err
	}
	return transport.Key(settingSecurityToken, k.SecurityToken)
}

// Equal reports whether both are the same key.
func (k Key) Equal(other Key) bool {
	return k.AK == other.AK && k.SK.Equal(other.SK) && k.SecurityToken.Equal(other.SecurityToken) && k.AuthToken.Equal(other.AuthToken)
}

// post makes one call of an API of the account, which send has the SDK make. The SDK's
// client lives as long as the call, since it keeps the key in plain text, and since it
// knows no context: the call's own transport is the only way in for one.
//
// The client is put together from its parts and not by BssClientBuilder, whose
// region lookup is what makes the SDK ask IAM for the account's id.
func post[A any](ctx context.Context, s *Source, op, path string, send func(*bss.BssClient) error, decode func(transport.Answer) (A, error)) (answer A, err error) {
	call := newCall(op, http.MethodPost, path)
	err = transport.WithKey(ctx, s.config.Credentials, func(key Key) error {
		call.Send = func(rt http.RoundTripper) error {
			credential, err := key.credential(s.config.DomainID)
			if err != nil {
				return err
			}
			return send(bss.NewBssClient(client(rt, s.endpoint, credential)))
		}
		answer, err = transport.Fetch(ctx, s.transport, call, decode)
		return err
	})
	return answer, err
}

// newCall returns a call of one API, which is yet to be sent.
func newCall(op, method, path string) transport.Call {
	return transport.Call{
		Op: op, RequestIDHeader: "X-Request-Id", HandOn: `{}`,
		Reads: func(r *http.Request) bool { return r.Method == method && r.URL.Path == path },
	}
}

// client is the SDK's client for one call.
func client(rt http.RoundTripper, endpoint *url.URL, key auth.ICredential) *sdk.HcHttpClient {
	settings := config.DefaultHttpConfig().WithHttpRoundTripper(rt).WithTimeout(0) // the transport limits a call
	return sdk.NewHcHttpClient(impl.NewDefaultHttpClient(settings)).
		WithEndpoints([]string{endpoint.String()}).
		WithCredential(key)
}

func (k Key) credential(domainID string) (auth.ICredential, error) {
	if !k.AuthToken.Empty() {
		return token{k.AuthToken.Reveal()}, nil
	}
	builder := global.NewCredentialsBuilder().WithAk(k.AK).WithSk(k.SK.Reveal())
	if !k.SecurityToken.Empty() {
		builder = builder.WithSecurityToken(k.SecurityToken.Reveal())
	}
	// Without the account's id the SDK sends no X-Domain-Id, and the gateway
	// takes the key's own account.
	return builder.WithDomainId(domainID).SafeBuild()
}

// token is a credential that sends X-Auth-Token and signs nothing, which the
// SDK itself cannot.
type token struct{ value string }

func (t token) ProcessAuthParams(*impl.DefaultHttpClient, string) (auth.ICredential, error) {
	return t, nil
}

func (t token) ProcessAuthRequest(_ *impl.DefaultHttpClient, req *request.DefaultHttpRequest) (*request.DefaultHttpRequest, error) {
	req.AddHeaderParam("X-Auth-Token", t.value)
	return req, nil
}
