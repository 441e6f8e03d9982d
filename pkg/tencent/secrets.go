package tencent

import (
	"cmp"
	"context"
	"net/url"

	tchttp "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/http"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// DefaultSecretsEndpoint is the address of Secrets Manager (SSM) for accounts of
// Tencent Cloud International; those of the China site have theirs at
// ssm.tencentcloudapi.com (GetSecretValue, 2026-05-14).
const DefaultSecretsEndpoint = "https://ssm.intl.tencentcloudapi.com"

// CurrentVersion is the version of a secret that is in use (the same page).
const CurrentVersion = "SSM_Current"

const (
	secretsService = "ssm"
	secretsVersion = "2019-09-23"
	secretsAction  = "GetSecretValue"
)

// Secrets is Tencent Cloud's Secrets Manager in a region.
type Secrets struct {
	Endpoint  *url.URL
	Region    string
	Transport *transport.Transport
}

type secretRequest struct {
	*tchttp.BaseRequest
	SecretName *string `json:"SecretName,omitempty"`
	VersionID  *string `json:"VersionId,omitempty"`
}

// Get reads one version of a secret, in one attempt. "" is CurrentVersion.
func (s Secrets) Get(ctx context.Context, key Key, name, version string) (core.Secret, error) {
	version = cmp.Or(version, CurrentVersion)
	req := &secretRequest{BaseRequest: new(tchttp.BaseRequest), SecretName: &name, VersionID: &version}
	req.Init().WithApiInfo(secretsService, secretsVersion, secretsAction)
	return transport.Fetch(ctx, s.Transport, call(ctx, s.Endpoint, s.Region, key, req), decodeSecret)
}

func decodeSecret(a transport.Answer) (core.Secret, error) {
	var all struct {
		Response struct {
			status
			SecretString, SecretBinary transport.Value
		}
	}
	r := &all.Response
	err := a.Decode(&all)
	if err == nil {
		err = r.err(a, secretFailures)
	}
	if err != nil {
		return core.Secret{}, r.withID(err)
	}
	return transport.Secret(r.SecretString, r.SecretBinary)
}

// secretFailures is what the codes mean (Secrets Manager, Error Codes, read
// November 2026).
var secretFailures = transport.Failures{
	{Prefix: "ResourceNotFound", Code: core.CodeMisconfigured, Detail: "Tencent Cloud's Secrets Manager has no such secret, or no such version of it, in this region; a secret of your own may want its version named, as NAME@v1"},
	{Prefix: "ResourceUnavailable", Code: core.CodeMisconfigured, Detail: "the secret is disabled or about to be deleted; enable it in Tencent Cloud's Secrets Manager"},
	{Prefix: "InvalidParameter", Code: core.CodeMisconfigured, Detail: "Tencent Cloud's Secrets Manager does not take that name or version"},
	{Prefix: "MissingParameter", Code: core.CodeMisconfigured, Detail: "Tencent Cloud's Secrets Manager wants a region; set TENCENTCLOUD_REGION"},
	{Prefix: "UnauthorizedOperation", Code: core.CodeDenied, Detail: "the function's role may not read the secret; allow it ssm:GetSecretValue for this one secret in Access Management (CAM)"},
	{Prefix: "AuthFailure", Code: core.CodeDenied, Detail: "Tencent Cloud does not accept the key that the secret was requested with; on SCF that is the function's execution role"},
	{Prefix: "AuthFailure.UnauthorizedOperation", Code: core.CodeDenied, Detail: "the function's role may not read the secret; allow it ssm:GetSecretValue for this one secret in Access Management (CAM)"},
	{Prefix: "OperationDenied", Code: core.CodeDenied, Detail: "Tencent Cloud does not let the secret be read"},
	{Prefix: "RequestLimitExceeded", Code: core.CodeThrottled},
	{Prefix: "LimitExceeded", Code: core.CodeThrottled},
	{Prefix: "InternalError", Code: core.CodeUnavailable, Detail: "Tencent Cloud's Secrets Manager has a fault of its own"},
	{Prefix: "FailedOperation", Code: core.CodeUnavailable, Detail: "Tencent Cloud's Secrets Manager could not read the secret"},
}
