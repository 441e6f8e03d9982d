package store

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

func codeOf(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return ""
}

func statusOf(err error) int {
	if e, ok := errors.AsType[*awshttp.ResponseError](err); ok && e.Response != nil {
		return e.HTTPStatusCode()
	}
	return 0
}

// fail translates an error of the SDK. It drops the text, which quotes URLs and messages
// of the service, and those can quote keys.
func (b *bucket) fail(ctx context.Context, op, name string, tries int, err error) error {
	if err := over(ctx, op); err != nil {
		return err
	}
	var e *core.Error
	status := statusOf(err)
	switch code := codeOf(err); {
	case errors.As(err, &e): // of keys
		copied := *e
		e = &copied
		name = ""
	case code == "" && (status == 0 || isBroken(err)):
		e = networkError(err)
	case status < 300: // a 200 that cannot be read
		e = noStore()
	default:
		e = failures.Error(status, code)
	}
	if resp, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		e.RequestID = transport.Word(resp.RequestID)
		if region := transport.Word(resp.Response.Header.Get("X-Amz-Bucket-Region")); region != "" && region != b.place.region && e.Param == "region" {
			e.Detail = fmt.Sprintf("the bucket is in another region; set region=%s", region)
		}
	}
	if e.Attempts = tries; e.Code == core.CodeMisconfigured || e.Code == core.CodeDenied {
		name = "" // the error is not about this object
	}
	return failure(op, name, e)
}

func noStore() *core.Error {
	return &core.Error{Code: core.CodeUpstream, Detail: "what answered is not an object store; check the endpoint, and for a proxy in between"}
}

const (
	elsewhere = "the bucket is in another region; set region= (and the endpoint's) to the bucket's"
	clock     = "this machine's clock is off; set it right"
)

// failures are the service's error codes ("Error responses", Amazon S3 API Reference, read
// November 2026; COS and OBS use the same codes).
var failures = transport.Failures{
	{Prefix: "NoSuchKey", Code: core.CodeNotFound, Detail: "there is no such object"},
	{Prefix: "NoSuchBucket", Code: core.CodeMisconfigured, Detail: "no such bucket; make it, or correct its name, region or endpoint"},
	{Prefix: "InvalidBucketName", Code: core.CodeMisconfigured, Detail: "the bucket's name cannot be used with this endpoint (on COS it ends with the account's APPID)"},
	{Prefix: "PermanentRedirect", Code: core.CodeMisconfigured, Param: "region", Detail: elsewhere},
	{Prefix: "TemporaryRedirect", Code: core.CodeMisconfigured, Param: "region", Detail: elsewhere},
	{Prefix: "AuthorizationHeaderMalformed", Code: core.CodeMisconfigured, Param: "region", Detail: elsewhere},
	{Prefix: "IllegalLocationConstraintException", Code: core.CodeMisconfigured, Param: "region", Detail: elsewhere},
	{Prefix: "AccessDenied", Code: core.CodeDenied, Detail: "the key may not do this; allow it s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on the prefix's objects and s3:ListBucket on the bucket, without which an object that is not there looks like this, too (with sse=aws:kms also kms:GenerateDataKey and kms:Decrypt on the key)"},
	{Prefix: "AllAccessDisabled", Code: core.CodeDenied, Detail: "the store has shut the bucket; look at the account's state"},
	{Prefix: "AccountProblem", Code: core.CodeDenied, Detail: "the store has shut the account; look at its state and its bills"},
	{Prefix: "UserDisable", Code: core.CodeDenied, Detail: "the store has shut the account; look at its state and its bills"},
	{Prefix: "InvalidAccessKeyId", Code: core.CodeDenied, StaleKey: true, Detail: "the store does not know the key"},
	{Prefix: "SignatureDoesNotMatch", Code: core.CodeDenied, StaleKey: true, Detail: "the secret key does not belong to the key id (or a proxy in between changes requests)"},
	{Prefix: "ExpiredToken", Code: core.CodeDenied, StaleKey: true, Detail: "the temporary key has expired"},
	{Prefix: "InvalidToken", Code: core.CodeDenied, StaleKey: true, Detail: "the temporary key's token is not its own, or has expired"},
	{Prefix: "TokenRefreshRequired", Code: core.CodeDenied, StaleKey: true, Detail: "the temporary key has expired"},
	{Prefix: "RequestTimeTooSkewed", Code: core.CodeDenied, Detail: clock},
	{Prefix: "RequestExpired", Code: core.CodeDenied, Detail: clock},
	{Prefix: "KMS", Code: core.CodeMisconfigured, Param: "kms_key", Detail: "the encryption key cannot be used; check its state and its policy"},
	{Prefix: "InvalidEncryptionAlgorithmError", Code: core.CodeMisconfigured, Param: "sse", Detail: "the store does not know this encryption"},
	{Prefix: "PathStyleDomainForbidden", Code: core.CodeMisconfigured, Param: "path_style", Detail: "the store takes the bucket in the host's name only; leave path_style out"},
	{Prefix: "NotImplemented", Code: core.CodeMisconfigured, Detail: "the store does not know an operation or a header that is needed; check the endpoint"},
	{Prefix: "MethodNotAllowed", Code: core.CodeMisconfigured, Detail: "the store does not take this operation there; check the endpoint and the bucket's kind"},
	{Prefix: "QuotaExceeded", Code: core.CodeUnavailable, Detail: "the bucket is full; raise its quota"},
	{Prefix: "SlowDown", Code: core.CodeUnavailable, Detail: "the store asks to slow down"},
	{Prefix: "ServiceUnavailable", Code: core.CodeUnavailable, Detail: "the store is unavailable for the moment"},
	{Prefix: "InternalError", Code: core.CodeUnavailable, Detail: "the store has a fault of its own"},
	{Prefix: "RequestTimeout", Code: core.CodeUnavailable, Detail: "the store timed out while it waited for the body"},
	{Prefix: "NoSuchUpload", Code: core.CodeUnavailable, Detail: "the upload was aborted, or is complete already"},
	{Prefix: "BadDigest", Code: core.CodeUnavailable, Detail: "the store received other bytes than were sent"},
	{Prefix: "ConditionalRequestConflict", Code: core.CodeUnavailable, Detail: "another request is writing to it"},
	{Prefix: "OperationAborted", Code: core.CodeUnavailable, Detail: "another request is writing to it"},
}

// networkError translates the error of a request without an answer.
func networkError(err error) *core.Error {
	e := transport.NetworkError(err)
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		e.Detail = "the store's name cannot be looked up; check the bucket's name, the region and the endpoint"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		e.Detail += ", and that the bucket's name has no dot"
	}
	return e
}

func isBroken(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
