package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"partnerlens/pkg/core"
)

// networkError returns the error for a call that the network failed.
func (a *attempt) networkError(err error) *core.Error {
	// ctx comes first: a canceled call fails in many ways.
	switch outer := a.outer.Err(); {
	case errors.Is(outer, context.Canceled):
		return &core.Error{Code: core.CodeCanceled, Err: context.Canceled}
	case outer != nil:
		return &core.Error{Code: core.CodeDeadline, Err: context.DeadlineExceeded}
	case a.ctx.Err() != nil:
		return &core.Error{
			Code:   core.CodeUnavailable,
			Detail: fmt.Sprintf("no whole answer within %v", a.transport.opts.AttemptTimeout),
			Err:    cause(err),
		}
	}
	return NetworkError(err)
}

// NetworkError returns the error for a request that the network failed. It quotes neither
// the URL nor a proxy's password.
func NetworkError(err error) *core.Error {
	e := &core.Error{Code: core.CodeUnavailable, Detail: "the connection failed", Err: cause(err)}
	var (
		dns       *net.DNSError
		unknownCA x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		untrusted *tls.CertificateVerificationError
		notTLS    tls.RecordHeaderError
		timeout   net.Error
	)
	switch {
	case errors.As(err, &hostname):
		e.Code, e.Detail = core.CodeUpstream, "the server's certificate is for another host; check the endpoint, and for a proxy in between"
	case errors.As(err, &invalid):
		e.Code, e.Detail = core.CodeUpstream, "the server's certificate cannot be used; check that this machine's clock is right, and for a proxy in between"
	case errors.As(err, &unknownCA), errors.As(err, &untrusted):
		e.Code, e.Detail = core.CodeUpstream, "the server's certificate is not trusted; check the endpoint, for a proxy in between, and that this machine's root certificates (SSL_CERT_FILE) are there"
	case errors.As(err, &notTLS), errors.Is(err, http.ErrSchemeMismatch):
		e.Code, e.Detail = core.CodeUpstream, "the server does not speak TLS; check the endpoint, and for a proxy in between"
	case errors.As(err, &dns):
		e.Detail = "the endpoint's name cannot be looked up; check the endpoint and the network"
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Detail = "the endpoint refuses connections"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		e.Detail = "the connection broke off before the answer was whole"
	case errors.As(err, &timeout) && timeout.Timeout():
		e.Detail = "the endpoint cannot be reached in time"
	}
	return e
}

// cause returns the part of an error that quotes neither an answer nor a proxy's
// password: a text of net or the operating system. net/http, for one, quotes what it
// cannot parse.
func cause(err error) error {
	var (
		op        *net.OpError
		dns       *net.DNSError
		untrusted *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &dns):
		return dns
	case errors.As(err, &op) && op.Op != "proxyconnect":
		return op
	case errors.As(err, &untrusted):
		return untrusted.Err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return io.ErrUnexpectedEOF
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.Is(err, syscall.ECONNRESET):
		return syscall.ECONNRESET
	}
	return fmt.Errorf("net/http: %T", err)
}

// StatusError is the error for an answer that reports nothing but its status.
func StatusError(status int) *core.Error {
	e := &core.Error{Code: core.CodeUpstream, Err: fmt.Errorf("HTTP status %d", status)}
	switch {
	case status == http.StatusTooManyRequests:
		e.Code = core.CodeThrottled
	case status == http.StatusRequestTimeout, status >= 500:
		e.Code, e.Detail = core.CodeUnavailable, fmt.Sprintf("the vendor has a fault of its own (HTTP status %d)", status)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		e.Code, e.Detail = core.CodeDenied, fmt.Sprintf("the key or its right to ask was refused (HTTP status %d)", status)
	case status == http.StatusProxyAuthRequired:
		e.Detail = "a proxy in between wants a password (HTTP status 407); check HTTPS_PROXY"
	case status >= 300 && status < 400:
		e.Detail = fmt.Sprintf("the endpoint sends callers elsewhere (HTTP status %d), which is not followed; check the endpoint", status)
	case status == http.StatusNotFound:
		e.Detail = "the endpoint has no such API (HTTP status 404); check the endpoint"
	default:
		e.Detail = fmt.Sprintf("unexpected HTTP status %d", status)
	}
	return e
}

// RetryAfter parses the header: seconds or a date. 0 if it is neither.
func RetryAfter(text string, now time.Time) time.Duration {
	const longest = 24 * time.Hour // no wait of ours is longer, and more could overflow
	text = strings.TrimSpace(text)
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil {
		wait = time.Duration(min(seconds, uint64(longest/time.Second))) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), longest)
}
