package secrets

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// aws reads Secrets Manager and Parameter Store with the SDK's signer. The
// services' own clients would do the same at a price: linking Secrets Manager's
// makes a cold start 1.27 times as long as a hello world's, Parameter Store's 1.83
// times (its schemas are built before main), the signer 1.02 times. Each store is one
// call of the JSON 1.1 protocol.
type aws struct {
	getenv    func(string) string
	transport *transport.Transport
	signer    *v4.Signer
}

func (a *aws) secret(ctx context.Context, ref Reference) (core.Secret, error) {
	if secret, ok := a.viaExtension(ctx, "/secretsmanager/get?secretId="+url.QueryEscape(ref.Name), ""); ok {
		return secret, nil
	}
	return a.call(ctx, "secretsmanager", "secretsmanager.GetSecretValue", ref.Name,
		struct{ SecretId string }{ref.Name}, "")
}

func (a *aws) parameter(ctx context.Context, ref Reference) (core.Secret, error) {
	if secret, ok := a.viaExtension(ctx, "/systemsmanager/parameters/get?withDecryption=true&name="+url.QueryEscape(ref.Name), "Parameter"); ok {
		return secret, nil
	}
	return a.call(ctx, "ssm", "AmazonSSM.GetParameter", ref.Name, struct {
		Name           string
		WithDecryption bool
	}{ref.Name, true}, "Parameter")
}

// call makes one call. within is the member that the secret stands in; "": none.
func (a *aws) call(ctx context.Context, service, target, name string, input any, within string) (core.Secret, error) {
	key := sdk.Credentials{
		AccessKeyID: a.getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: a.getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: a.getenv("AWS_SESSION_TOKEN"),
	}
	if !key.HasKeys() {
		return core.Secret{}, broken("there is no key to ask the store with; on Lambda the function's role has one, elsewhere set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (aws configure export-credentials --format env)")
	}
	region := regionOf(name)
	if region == "" {
		region = first(a.getenv, "AWS_REGION", "AWS_DEFAULT_REGION")
	}
	if region == "" || strings.ContainsAny(region, "/?#@:") {
		return core.Secret{}, broken("the secret's region is not known; set AWS_REGION, or write the secret's ARN")
	}
	endpoint, err := a.endpoint(service, region)
	if err != nil {
		return core.Secret{}, err
	}
	body, err := core.AppendJSON(nil, input)
	if err != nil {
		return core.Secret{}, err
	}
	var secret core.Secret
	err = a.transport.Do(ctx, transport.Call{
		Op: "aws." + target, RequestIDHeader: "X-Amzn-RequestId", HandOn: "{}",
		Reads: func(r *http.Request) bool {
			return r.Method == http.MethodPost && r.URL.Path == "/" && r.Header.Get("X-Amz-Target") == target
		},
		Send: func(rt http.RoundTripper) error {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint.String()+"/", bytes.NewReader(body))
			if err != nil {
				return err
			}
			req.Header.Set("Content-Type", "application/x-amz-json-1.1")
			req.Header.Set("X-Amz-Target", target)
			sum := sha256.Sum256(body)
			if err := a.signer.SignHTTP(ctx, key, req, hex.EncodeToString(sum[:]), service, region, time.Now()); err != nil {
				return err
			}
			return carry(rt, req)
		},
		Decode: func(answer transport.Answer) (err error) {
			secret, err = decodeAWS(answer, within)
			return err
		},
	})
	return secret, err
}

// carry sends a request whose answer the transport reads.
func carry(rt http.RoundTripper, req *http.Request) error {
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// regionOf gives the region that an ARN names: arn:aws:secretsmanager:REGION:…
func regionOf(name string) string {
	parts := strings.SplitN(name, ":", 5)
	if len(parts) < 5 || parts[0] != "arn" {
		return ""
	}
	return parts[3]
}

// endpoint is the service's address in a region, or the one that AWS's own
// variables name ("Service-specific endpoints", AWS SDKs and Tools Reference Guide,
// read November 2026).
func (a *aws) endpoint(service, region string) (*url.URL, error) {
	setting := map[string]string{"secretsmanager": "AWS_ENDPOINT_URL_SECRETS_MANAGER", "ssm": "AWS_ENDPOINT_URL_SSM"}[service]
	if address := first(a.getenv, setting, "AWS_ENDPOINT_URL"); address != "" {
		return transport.Endpoint(setting, address)
	}
	domain := "amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		domain = "amazonaws.com.cn"
	}
	return transport.Endpoint(setting, fmt.Sprintf("https://%s.%s.%s", service, region, domain))
}

// viaExtension asks the AWS Parameters and Secrets Lambda Extension on this
// machine, where its port is set. What it cannot give is asked of the store itself,
// which says why; and so is a key that a cloud has just refused, since the
// extension gives the old one for up to five minutes.
func (a *aws) viaExtension(ctx context.Context, target, within string) (core.Secret, bool) {
	port := a.getenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT")
	if _, err := strconv.ParseUint(port, 10, 16); err != nil || isRefused(ctx) {
		return core.Secret{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second) // it is on this machine; the store wants time, too
	defer cancel()
	var secret core.Secret
	err := a.transport.Do(ctx, transport.Call{
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
		Decode: func(answer transport.Answer) (err error) {
			secret, err = decodeAWS(answer, within)
			return err
		},
	})
	return secret, err == nil
}

// decodeAWS reads {"SecretString"|"SecretBinary"} or {"Parameter":{"Value"}}.
func decodeAWS(a transport.Answer, within string) (core.Secret, error) {
	var text, binary, kind transport.Value
	body := transport.NewBody(a.Body)
	member := func(name string) {
		switch name {
		case "SecretString", "Value":
			text = body.Value()
		case "SecretBinary":
			binary = body.Value()
		}
	}
	body.Object(func(name string) {
		switch {
		case name == "__type":
			kind = body.Value()
		case within == "":
			member(name)
		case name == within:
			body.Object(member)
		}
	})
	err := a.Err(body)
	switch {
	case body.End() == nil && kind.Text() != "":
		// "com.amazonaws.secretsmanager#ResourceNotFoundException" at times
		return core.Secret{}, awsFailures.Error(a.Status, kind.Text()[strings.LastIndexByte(kind.Text(), '#')+1:])
	case err != nil:
		return core.Secret{}, err
	}
	return transport.Secret(text, binary)
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
	{Prefix: "UnrecognizedClientException", Code: core.CodeDenied, Detail: "AWS does not know the key that the secret was asked for with"},
	{Prefix: "InvalidSignatureException", Code: core.CodeDenied, Detail: "AWS does not accept the signature: the secret key does not belong to the key id, or this machine's clock is off"},
	{Prefix: "ExpiredTokenException", Code: core.CodeDenied, Detail: "the temporary key that the secret was asked for with has expired"},
	{Prefix: "ThrottlingException", Code: core.CodeThrottled},
	{Prefix: "InternalServiceError", Code: core.CodeUnavailable, Detail: "AWS has a fault of its own"},
	{Prefix: "InternalServerError", Code: core.CodeUnavailable, Detail: "AWS has a fault of its own"},
}
