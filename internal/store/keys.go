package store

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"partnerlens/pkg/awsconfig"
	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// keyNames are the environment variables of a key.
type keyNames struct{ id, secret, token string }

var (
	own     = keyNames{"PARTNERLENS_STORE_ACCESS_KEY", "PARTNERLENS_STORE_SECRET_KEY", "PARTNERLENS_STORE_TOKEN"}
	amazon  = keyNames{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
	tencent = keyNames{"TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN"} // SCF sets them at every invocation
	huawei  = keyNames{"HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN"}
)

// keysFor returns the variables to look in for the key of a place, in order.
func keysFor(p *place, getenv func(string) string) []keyNames {
	names := []keyNames{own}
	switch {
	case p.isCOS():
		names = append(names, tencent)
	case p.isOBS():
		names = append(names, huawei)
	}
	// On Lambda these are the credentials of the function's role, which must not be sent
	// to another cloud.
	if p.isAWS() || getenv("AWS_LAMBDA_FUNCTION_NAME") == "" {
		names = append(names, amazon)
	}
	return names
}

// keys reads the key at each use: platforms replace it while the process runs. Without a
// variable for it, a bucket on AWS uses AWS's default chain.
func keys(p *place, getenv func(string) string) aws.CredentialsProvider {
	chain := awsconfig.New(getenv)
	return aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		names := keysFor(p, getenv)
		for _, n := range names {
			key := aws.Credentials{AccessKeyID: getenv(n.id), SecretAccessKey: getenv(n.secret), SessionToken: getenv(n.token)}
			if key.AccessKeyID == "" && key.SecretAccessKey == "" {
				continue
			}
			for _, name := range []string{n.id, n.secret, n.token} {
				if name == n.token && key.SessionToken == "" {
					continue
				}
				if err := transport.Key(name, core.NewSecret(getenv(name))); err != nil {
					return aws.Credentials{}, err
				}
			}
			return key, nil
		}
		if p.isAWS() {
			return chain.Retrieve(ctx)
		}
		detail := fmt.Sprintf("there is no key for the bucket; set %s and %s", own.id, own.secret)
		if names[len(names)-1] != own {
			detail += fmt.Sprintf(", or %s and %s (a function's role sets them by itself)", names[1].id, names[1].secret)
		}
		return aws.Credentials{}, &core.Error{Code: core.CodeMisconfigured, Detail: detail}
	})
}
