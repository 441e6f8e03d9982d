package huawei

import (
	"net/http"
	"net/url"

	sdk "github.com/huaweicloud/huaweicloud-sdk-go-v3/core"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/global"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/config"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/impl"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/request"
	bss "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/bss/v2"
)

// sender gives the function that makes the SDK send one call. The SDK's client
// lives as long as the call, since it keeps the key in plain text, and since it
// knows no context: the call's own transport is the only way in for one.
//
// The client is put together from its parts and not by BssClientBuilder, whose
// region lookup is what makes the SDK ask IAM for the account's id.
func (s *Source) sender(call func(*bss.BssClient) error) func(http.RoundTripper) error {
	return func(rt http.RoundTripper) error {
		key, err := s.credential()
		if err != nil {
			return err
		}
		return call(bss.NewBssClient(client(rt, s.endpoint, key)))
	}
}

// client is the SDK's client for one call.
func client(rt http.RoundTripper, endpoint *url.URL, key auth.ICredential) *sdk.HcHttpClient {
	settings := config.DefaultHttpConfig().WithHttpRoundTripper(rt).WithTimeout(0) // the transport bounds a call
	return sdk.NewHcHttpClient(impl.NewDefaultHttpClient(settings)).
		WithEndpoints([]string{endpoint.String()}).
		WithCredential(key)
}

// reads gives the check that a request is for one API.
func reads(method, path string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == method && r.URL.Path == path }
}

func (s *Source) credential() (auth.ICredential, error) {
	if !s.config.AuthToken.Empty() {
		return token{s.config.AuthToken.Reveal()}, nil
	}
	builder := global.NewCredentialsBuilder().WithAk(s.config.AK).WithSk(s.config.SK.Reveal())
	if !s.config.SecurityToken.Empty() {
		builder = builder.WithSecurityToken(s.config.SecurityToken.Reveal())
	}
	// Without the account's id the SDK sends no X-Domain-Id, and the gateway
	// takes the key's own account.
	return builder.WithDomainId(s.config.DomainID).SafeBuild()
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
