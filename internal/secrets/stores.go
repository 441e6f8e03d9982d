package secrets

import (
	"cmp"
	"context"
	"crypto/sha256"
	"strings"

	"partnerlens/pkg/awsconfig"
	"partnerlens/pkg/core"
	"partnerlens/pkg/huawei"
	"partnerlens/pkg/tencent"
	"partnerlens/pkg/transport"
)

// Stores returns every Store by scheme. getenv is called at each read.
func Stores(getenv func(string) string) map[string]Store {
	calls := transport.New(transport.Options{AttemptTimeout: fetchTimeout, MaxBody: 1 << 20})
	aws := &aws{getenv: getenv, config: awsconfig.New(getenv), transport: calls}
	return map[string]Store{
		schemeEnv:        fromEnv(getenv),
		schemeFile:       fromFile,
		schemeAWSSecrets: aws.secret,
		schemeAWSParams:  aws.parameter,
		schemeTencent:    fromTencent(getenv, calls),
		schemeHuawei:     fromHuawei(getenv, calls),
	}
}

// fromTencent reads with the key of SCF's execution role, which SCF sets in the
// environment at each invocation, or elsewhere with the SDK's own variables.
func fromTencent(getenv func(string) string, calls *transport.Transport) Store {
	const setting = "PARTNERLENS_TENCENT_SSM_ENDPOINT"
	return func(ctx context.Context, ref Reference) (core.Secret, error) {
		key := tencent.Key{
			ID:     cmp.Or(getenv("TENCENTCLOUD_SECRETID"), getenv("TENCENTCLOUD_SECRET_ID")),
			Secret: core.NewSecret(cmp.Or(getenv("TENCENTCLOUD_SECRETKEY"), getenv("TENCENTCLOUD_SECRET_KEY"))),
			Token:  core.NewSecret(cmp.Or(getenv("TENCENTCLOUD_SESSIONTOKEN"), getenv("TENCENTCLOUD_TOKEN"))),
		}
		if key.ID == "" || key.Secret.Empty() {
			return core.Secret{}, broken("there is no key to call the store with; on SCF give the function an execution role, elsewhere set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY")
		}
		region := cmp.Or(getenv("PARTNERLENS_TENCENT_SSM_REGION"), getenv("TENCENTCLOUD_REGION"))
		if region == "" {
			return core.Secret{}, broken("the secret's region is not known; set PARTNERLENS_TENCENT_SSM_REGION, as ap-singapore")
		}
		endpoint, err := transport.Endpoint(setting, cmp.Or(getenv(setting), tencent.DefaultSecretsEndpoint))
		if err != nil {
			return core.Secret{}, err
		}
		return tencent.Secrets{Endpoint: endpoint, Region: region, Transport: calls}.Get(ctx, key, ref.Name, ref.Version)
	}
}

// HuaweiKey is the temporary key of a FunctionGraph function's agency, which the
// platform sends with each request.
type HuaweiKey = huawei.Key

type huaweiKey struct{}

// WithHuaweiKey returns a context in which Huawei Cloud's store is called with a key.
func WithHuaweiKey(ctx context.Context, key HuaweiKey) context.Context {
	return context.WithValue(ctx, huaweiKey{}, key)
}

// principalOf returns the principal of a call for a secret.
func principalOf(ctx context.Context, ref Reference) principal {
	key, ok := ctx.Value(huaweiKey{}).(HuaweiKey)
	if !ok || ref.Scheme != schemeHuawei {
		return principal{}
	}
	return sha256.Sum256([]byte(strings.Join([]string{key.AK, key.SK.Reveal(), key.SecurityToken.Reveal()}, "\n")))
}

// fromHuawei reads with the key of FunctionGraph's agency, or elsewhere with the SDK's
// own variables.
func fromHuawei(getenv func(string) string, calls *transport.Transport) Store {
	const setting = "PARTNERLENS_HUAWEI_CSMS_ENDPOINT"
	return func(ctx context.Context, ref Reference) (core.Secret, error) {
		key, ok := ctx.Value(huaweiKey{}).(HuaweiKey)
		if !ok {
			key = HuaweiKey{
				AK:            getenv("HUAWEICLOUD_SDK_AK"),
				SK:            core.NewSecret(getenv("HUAWEICLOUD_SDK_SK")),
				SecurityToken: core.NewSecret(getenv("HUAWEICLOUD_SDK_SECURITY_TOKEN")),
			}
		}
		if key.AK == "" || key.SK.Empty() {
			return core.Secret{}, broken("there is no key to call the store with; on FunctionGraph give the function an agency and switch on Include Keys, elsewhere set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK")
		}
		project := cmp.Or(getenv("PARTNERLENS_HUAWEI_CSMS_PROJECT_ID"), getenv("RUNTIME_PROJECT_ID"), getenv("HUAWEICLOUD_SDK_PROJECT_ID"))
		if project == "" {
			return core.Secret{}, broken("the secret's project is not known; set PARTNERLENS_HUAWEI_CSMS_PROJECT_ID to its id")
		}
		if getenv(setting) == "" {
			return core.Secret{}, broken("the store's address is not known; set %s, as https://csms.cn-north-4.myhuaweicloud.com", setting)
		}
		endpoint, err := transport.Endpoint(setting, getenv(setting))
		if err != nil {
			return core.Secret{}, err
		}
		return huawei.Secrets{Endpoint: endpoint, Project: project, Transport: calls}.Get(ctx, key, ref.Name, ref.Version)
	}
}
