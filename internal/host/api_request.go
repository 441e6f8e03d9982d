package host

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"partnerlens/pkg/core"
)

// apiRequest is an HTTP request as an API trigger tells it.
type apiRequest struct {
	trigger  string
	method   string
	path     string // as the caller encoded it, or decoded: platforms differ
	query    string // encoded
	header   http.Header
	host     string // where header has none
	sourceIP string
	body     []byte
	failure  error    // why there is no request to answer; nil: there is one
	envelope envelope // how the trigger wants its answer

	within     time.Duration // what carries the answer gives up after that; 0: it does not
	base       string        // what the platform took off the path, or has to be
	lastValues bool          // of a parameter that was repeated, query has the last value only
	principal  string        // the caller, as the platform authenticated it; "" where it did not
}

func (r *apiRequest) setBody(e *event) {
	if !e.IsBase64Encoded {
		r.body = []byte(e.Body)
		return
	}
	body, err := base64.StdEncoding.DecodeString(e.Body)
	if err != nil {
		r.failure = core.Invalid("body", "said to be base64, and is not")
	}
	r.body = body
}

// requestIDHeader carries the platform's id of the invocation to the handler.
const requestIDHeader = "X-Request-Id"

// http gives the request as a server would have read it.
func (r *apiRequest) http(ctx context.Context, requestID string) (*http.Request, error) {
	if r.failure != nil {
		return nil, r.failure
	}
	target := url.URL{Path: r.path, RawQuery: r.query}
	if decoded, err := url.PathUnescape(r.path); err == nil {
		target.Path, target.RawPath = decoded, r.path // RawPath counts where it is an encoding of Path
	}
	if target.Path == "" || target.Path[0] != '/' {
		target.Path, target.RawPath = "/"+target.Path, ""
	}
	var body io.Reader
	if len(r.body) > 0 {
		body = bytes.NewReader(r.body)
	}
	if r.method == "" {
		return nil, core.Invalid("", "the event names no method")
	}
	ctx = context.WithValue(ctx, originKey{}, origin{r.trigger, r.principal, r.base, r.lastValues})
	req, err := http.NewRequestWithContext(ctx, r.method, "/", body)
	if err != nil { // the URL is ours
		return nil, core.Invalid("", "the event's method is not one of HTTP's")
	}
	if req.Body == nil {
		req.Body = http.NoBody
	}
	req.URL = &target
	req.RequestURI = target.RequestURI()
	req.Header = r.header
	req.Host = r.header.Get("Host")
	if req.Host == "" {
		req.Host = r.host
	}
	req.Header.Del("Host")
	dropPlatformKeys(req.Header)
	req.Header.Set(requestIDHeader, requestID)
	if r.sourceIP != "" {
		req.RemoteAddr = net.JoinHostPort(r.sourceIP, "0") // the port is not told
	}
	return req, nil
}
