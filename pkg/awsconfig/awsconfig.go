// Package awsconfig finds the key, the region and the endpoints that AWS is called
// with, as the AWS SDK does everywhere: from variables, profiles, SSO, and the roles
// of Lambda, ECS, EKS and EC2.
package awsconfig

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/smithy-go"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// Config is an aws.CredentialsProvider over a key among variables and, where there is
// none, AWS's default chain. The chain is loaded at its first use. Safe for concurrent
// use.
type Config struct {
	getenv func(name string) string

	mu    sync.Mutex
	chain *aws.Config // nil: not loaded
}

// New returns a Config. getenv is called at each use, since a platform may change the
// key under a running process; the default chain reads the environment of the process.
func New(getenv func(name string) string) *Config { return &Config{getenv: getenv} }

func (c *Config) load(ctx context.Context) (*aws.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.chain != nil {
		return c.chain, nil
	}
	chain, err := config.LoadDefaultConfig(ctx)
	if err != nil { // its text can quote the files
		return nil, &core.Error{
			Code: core.CodeMisconfigured, Err: fmt.Errorf("%T", err),
			Detail: "AWS's settings cannot be loaded; check AWS_PROFILE, ~/.aws/config and ~/.aws/credentials",
		}
	}
	c.chain = &chain
	return c.chain, nil
}

// Retrieve returns the key. The error is a *core.Error without the text of its cause.
func (c *Config) Retrieve(ctx context.Context) (aws.Credentials, error) {
	key := aws.Credentials{
		AccessKeyID: c.getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: c.getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: c.getenv("AWS_SESSION_TOKEN"),
	}
	if key.HasKeys() {
		return key, nil
	}
	chain, err := c.load(ctx)
	if err != nil {
		return aws.Credentials{}, err
	}
	if key, err = chain.Credentials.Retrieve(ctx); err != nil {
		return aws.Credentials{}, noKey(ctx, chain, err)
	}
	return key, nil
}

// noKey returns the error for a chain that returned none. The chain ends with EC2's
// metadata service, so an error from there means that no source is configured.
func noKey(ctx context.Context, chain *aws.Config, err error) error {
	if ctx.Err() != nil {
		return core.AsError(ctx.Err())
	}
	failure := &core.Error{Code: core.CodeUnavailable, Detail: "the source of AWS's key does not answer", Err: fmt.Errorf("%T", err)}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		failure.Code, failure.VendorCode = core.CodeDenied, transport.Word(api.ErrorCode())
		failure.Detail = "AWS gives no key for the configured role or profile; check its trust policy"
	}
	if _, ok := errors.AsType[*ssocreds.InvalidTokenError](err); ok {
		failure.Code, failure.Detail = core.CodeDenied, "the SSO session has expired; run aws sso login"
	}
	sources, _ := chain.Credentials.(aws.CredentialProviderSource)
	if sources != nil && len(sources.ProviderSources()) == 1 && sources.ProviderSources()[0] == aws.CredentialSourceIMDS {
		failure.Code = core.CodeMisconfigured
		failure.Detail = "there is no key for AWS; give the Lambda function, the ECS task, the EKS pod or the EC2 instance a role, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
	}
	return failure
}

// Region returns the region that a resource's ARN names, or for any other name the
// region of the settings.
func (c *Config) Region(ctx context.Context, name string) (string, error) {
	named, _ := arn.Parse(name)
	region := cmp.Or(named.Region, c.getenv("AWS_REGION"), c.getenv("AWS_DEFAULT_REGION"))
	if region == "" {
		chain, err := c.load(ctx)
		if err != nil {
			return "", err
		}
		region = chain.Region
	}
	if region == "" || strings.ContainsAny(region, "/?#@:") {
		return "", &core.Error{Code: core.CodeMisconfigured, Detail: "the region is not known; set AWS_REGION, or write the ARN"}
	}
	return region, nil
}

// Endpoint returns the address that AWS's variables give for a service, as SNS; nil for
// the region's own ("Service-specific endpoints", AWS SDKs and Tools Reference Guide,
// read November 2026).
func (c *Config) Endpoint(service string) (*string, error) {
	for _, setting := range []string{"AWS_ENDPOINT_URL_" + service, "AWS_ENDPOINT_URL"} {
		if address := c.getenv(setting); address != "" {
			u, err := transport.Endpoint(setting, address)
			if err != nil {
				return nil, err
			}
			return aws.String(u.String()), nil
		}
	}
	return nil, nil
}
