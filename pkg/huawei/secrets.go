package huawei

import (
	"cmp"
	"context"
	"net/http"
	"net/url"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	csms "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/csms/v1"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/csms/v1/model"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// LatestVersion is the newest version of a secret ("Querying the Secret Version
// and Value", Cloud Secret Management Service, read November 2026).
const LatestVersion = "latest"

// Secrets is Huawei Cloud's Cloud Secret Management Service (CSMS) in a project, by its id.
// https://csms.REGION.myhuaweicloud.com and kms.REGION… both answer.
type Secrets struct {
	Endpoint  *url.URL
	Project   string
	Transport *transport.Transport
}

// Get reads one version of a secret, in one attempt. "" is LatestVersion.
func (s Secrets) Get(ctx context.Context, key Key, name, version string) (core.Secret, error) {
	version = cmp.Or(version, LatestVersion)
	call := newCall("huawei.ShowSecretVersion", http.MethodGet, "/v1/"+s.Project+"/secrets/"+name+"/versions/"+version)
	call.Send = func(rt http.RoundTripper) error {
		builder := basic.NewCredentialsBuilder().WithAk(key.AK).WithSk(key.SK.Reveal()).WithProjectId(s.Project)
		if !key.SecurityToken.Empty() {
			builder = builder.WithSecurityToken(key.SecurityToken.Reveal())
		}
		credential, err := builder.SafeBuild()
		if err != nil {
			return err
		}
		_, err = csms.NewCsmsClient(client(rt, s.Endpoint, credential)).
			ShowSecretVersion(&model.ShowSecretVersionRequest{SecretName: name, VersionId: version})
		return err
	}
	return transport.Fetch(ctx, s.Transport, call, decodeSecret)
}

func decodeSecret(a transport.Answer) (core.Secret, error) {
	var all struct {
		Code    transport.Value `json:"error_code"`
		Version struct {
			Text   transport.Value `json:"secret_string"`
			Binary transport.Value `json:"secret_binary"`
		} `json:"version"`
	}
	if err := a.Decode(&all); err != nil {
		return core.Secret{}, err
	}
	if code := all.Code.Text(); code != "" {
		return core.Secret{}, secretFailure(a.Status, code)
	}
	if err := a.Err(); err != nil {
		return core.Secret{}, err
	}
	return transport.Secret(all.Version.Text, all.Version.Binary)
}

// secretFailure is what a code means. The service has dozens for what is wrong
// with a secret (Error Codes, Data Encryption Workshop API Reference, read November
// 2026), and all of them ask for the same: look at the secret. Beside
// them the status says enough.
func secretFailure(status int, code string) *core.Error {
	e := transport.StatusError(status)
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		e.Code, e.Detail = core.CodeDenied, "the function's agency may not read the secret; allow it csms:secretVersion:get for this one secret, in IAM"
	case e.Code.Retryable():
	default:
		e.Code, e.Detail = core.CodeMisconfigured, "Huawei Cloud's secret service cannot give the secret: it is not there in this project, disabled, or about to be deleted"
	}
	e.VendorCode = transport.Word(code)
	return e
}
