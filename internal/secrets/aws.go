package secrets

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"partnerlens/pkg/awsconfig"
	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// aws reads Secrets Manager by the SDK's client, and Parameter Store by one call of the
// JSON 1.1 protocol with the SDK's signer: linking ssm's client would lengthen every
// cold start by 0.84 of a hello world's, since its schemas are built before main.
type aws struct {
	getenv    func(string) string
	config    *awsconfig.Config
	transport *transport.Transport
}

func (a *aws) secret(ctx context.Context, ref Reference) (core.Secret, error) {
	if secret, ok := a.viaExtension(ctx, "/secretsmanager/get?secretId="+url.QueryEscape(ref.Name)); ok {
		return secret, nil
	}
	return a.call(ctx, "SECRETS_MANAGER", "secretsmanager.GetSecretValue", ref.Name, func(c awsCall) error {
		_, err := secretsmanager.New(secretsmanager.Options{
			Region: c.region, BaseEndpoint: c.endpoint, Credentials: c, HTTPClient: c.client, Retryer: sdk.NopRetryer{},
		}).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &ref.Name})
		return err
	})
}

func (a *aws) parameter(ctx context.Context, ref Reference) (core.Secret, error) {
	if secret, ok := a.viaExtension(ctx, "/systemsmanager/parameters/get?withDecryption=true&name="+url.QueryEscape(ref.Name)); ok {
		return secret, nil
	}
	const target = "AmazonSSM.GetParameter"
	return a.call(ctx, "SSM", target, ref.Name, func(c awsCall) error {
		endpoint := "https://ssm." + c.region + ".amazonaws.com"
		switch {
		case c.endpoint != nil:
			endpoint = *c.endpoint
		case strings.HasPrefix(c.region, "cn-"):
			endpoint += ".cn"
		}
		body, err := core.AppendJSON(nil, struct {
			Name           string
			WithDecryption bool
		}{ref.Name, true})
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/", bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-amz-json-1.1")
		req.Header.Set("X-Amz-Target", target)
		sum := sha256.Sum256(body)
		if err := v4.NewSigner().SignHTTP(ctx, c.key, req, hex.EncodeToString(sum[:]), "ssm", c.region, time.Now()); err != nil {
			return err
		}
		return carry(c.client.Transport, req)
	})
}

// awsCall is what a call is made with. It is the aws.CredentialsProvider of its key.
type awsCall struct {
	client   *http.Client
	region   string
	endpoint *string // nil: the region's own
	key      sdk.Credentials
}

func (c awsCall) Retrieve(context.Context) (sdk.Credentials, error) { return c.key, nil }

// call makes one call of a service, as its variable names it.
func (a *aws) call(ctx context.Context, service, target, name string, send func(awsCall) error) (core.Secret, error) {
	var c awsCall
	var err error
	if c.key, err = a.config.Retrieve(ctx); err != nil {
		return core.Secret{}, err
	}
	if c.region, err = a.config.Region(ctx, name); err != nil {
		return core.Secret{}, err
	}
	if c.endpoint, err = a.config.Endpoint(service); err != nil {
		return core.Secret{}, err
	}
	return transport.Fetch(ctx, a.transport, transport.Call{
		Op: "aws." + target, RequestIDHeader: "X-Amzn-RequestId", HandOn: "{}",
		Reads: func(r *http.Request) bool {
			return r.Method == http.MethodPost && r.URL.Path == "/" && r.Header.Get("X-Amz-Target") == target
		},
		Send: func(rt http.RoundTripper) error {
			c.client = &http.Client{Transport: rt}
			return send(c)
		},
	}, decodeAWS)
}

// carry sends a request whose answer the transport reads.
func carry(rt http.RoundTripper, req *http.Request) error {
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// viaExtension reads from the AWS Parameters and Secrets Lambda Extension on this
// machine, where its port is set. The caller reads from the store itself what the
// extension lacks, for the reason; and a key that a cloud has just refused, since the
// extension returns the old one for up to five minutes.
func (a *aws) viaExtension(ctx context.Context, target string) (core.Secret, bool) {
	port := a.getenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT")
	if _, err := strconv.ParseUint(port, 10, 16); err != nil || isRefused(ctx) {
		return core.Secret{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second) // it is on this machine; the store needs time, too
	defer cancel()
	secret, err := transport.Fetch(ctx, a.transport, transport.Call{
		Op: "aws.extension", HandOn: "{}",
		Reads: func(r *http.Request) bool { return r.Method == http.MethodGet },
		Send: func(rt http.RoundTripper) error {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost:"+port+target, nil)
			if err != nil {
				return err
			}
			req.Header.Set("X-Aws-Parameters-Secrets-Token", a.getenv("AWS_SESSION_TOKEN"))
			return carry(rt, req)
		},
	}, decodeAWS)
	return secret, err == nil
}

// decodeAWS reads {"SecretString"|"SecretBinary"} or {"Parameter":{"Value"}}.
func decodeAWS(a transport.Answer) (core.Secret, error) {
	var all struct {
		Type         transport.Value `json:"__type"`
		SecretString transport.Value
		SecretBinary transport.Value
		Parameter    struct{ Value transport.Value }
	}
	if err := a.Decode(&all); err != nil {
		return core.Secret{}, err
	}
	if kind := all.Type.Text(); kind != "" {
		// "com.amazonaws.secretsmanager#ResourceNotFoundException" at times
		return core.Secret{}, awsFailures.Error(a.Status, kind[strings.LastIndexByte(kind, '#')+1:])
	}
	if err := a.Err(); err != nil {
		return core.Secret{}, err
	}
	text := all.SecretString
	if text.Empty() {
		text = all.Parameter.Value
	}
	return transport.Secret(text, all.SecretBinary)
}

// awsFailures is what the codes mean (GetSecretValue, GetParameter, Errors, and
// Common Errors; read November 2026).
var awsFailures = transport.Failures{
	{Prefix: "ResourceNotFoundException", Code: core.CodeMisconfigured, Detail: "AWS Secrets Manager has no such secret in this region"},
	{Prefix: "ParameterNotFound", Code: core.CodeMisconfigured, Detail: "AWS Parameter Store has no such parameter in this region"},
	{Prefix: "ParameterVersionNotFound", Code: core.CodeMisconfigured, Detail: "AWS Parameter Store has no such version of the parameter"},
	{Prefix: "InvalidRequestException", Code: core.CodeMisconfigured, Detail: "the secret is about to be deleted, or has no current version; look at it in AWS Secrets Manager"},
	{Prefix: "DecryptionFailure", Code: core.CodeDenied, Detail: "the secret's encryption key may not be used by the function's role; allow it kms:Decrypt for that key"},
	{Prefix: "AccessDeniedException", Code: core.CodeDenied, Detail: "the function's role may not read it; allow secretsmanager:GetSecretValue or ssm:GetParameter for just this name (and kms:Decrypt where a key of your own encrypts it)"},
	{Prefix: "UnrecognizedClientException", Code: core.CodeDenied, Detail: "AWS does not know the key that the secret was requested with"},
	{Prefix: "InvalidSignatureException", Code: core.CodeDenied, Detail: "AWS does not accept the signature: the secret key does not belong to the key id, or this machine's clock is off"},
	{Prefix: "ExpiredTokenException", Code: core.CodeDenied, Detail: "the temporary key that the secret was requested with has expired"},
	{Prefix: "ThrottlingException", Code: core.CodeThrottled},
	{Prefix: "InternalServiceError", Code: core.CodeUnavailable, Detail: "AWS has a fault of its own"},
	{Prefix: "InternalServerError", Code: core.CodeUnavailable, Detail: "AWS has a fault of its own"},
}
