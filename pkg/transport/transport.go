package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"partnerlens/pkg/core"
)

// Options are the limits of a call. The zero value is useful.
type Options struct {
	AttemptTimeout time.Duration // of one call, from dialling to the last byte; 0: 30 s
	MaxBody        int64         // bytes of an answer, after decompression; 0: 8 MiB
}

const (
	attemptTimeout = 30 * time.Second
	maxBody        = 8 << 20
)

// Transport is a pool of connections with limits for every call. Create one for
// each Source and reuse it. It is safe for concurrent use.
type Transport struct {
	transport *http.Transport
	opts      Options
	skew      atomic.Pointer[time.Duration]
}

// New returns a Transport with its own connections.
func New(opts Options) *Transport {
	if opts.AttemptTimeout <= 0 {
		opts.AttemptTimeout = attemptTimeout
	}
	if opts.MaxBody <= 0 {
		opts.MaxBody = maxBody
	}
	opts.MaxBody = min(opts.MaxBody, 1<<30) // far from where a byte more would overflow
	return &Transport{transport: NewPool(), opts: opts}
}

// NewPool returns a pool of connections, without limits for the calls.
func NewPool() *http.Transport {
	// With HTTP/1.1 a connection carries one call: one that breaks costs one page,
	// and a canceled call returns at once.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Protocols:           protocols,
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		// With the default of 2, more workers than that dial for almost
		// every call.
		MaxIdleConns:        64,
		MaxIdleConnsPerHost: 16,
		// The vendors' servers close an idle connection after 60 s; a call
		// on one that is being closed would fail.
		IdleConnTimeout: 50 * time.Second,
	}
}

// CloseIdleConnections closes the idle connections of the pool. Later calls dial again.
func (t *Transport) CloseIdleConnections() { t.transport.CloseIdleConnections() }

// ClockSkew returns how far the local clock is behind the server's, by the Date of
// its last answer, to within a second and the answer's duration; false if no answer
// had one.
func (t *Transport) ClockSkew() (time.Duration, bool) {
	skew := t.skew.Load()
	if skew == nil {
		return 0, false
	}
	return *skew, true
}

func (t *Transport) noteDate(date string) {
	if at, err := http.ParseTime(date); err == nil {
		skew := time.Until(at)
		t.skew.Store(&skew)
	}
}

// Call is one call of a vendor's API.
type Call struct {
	Op              string // the operation, for errors: "tencent.QueryCustomersCredit"
	RequestIDHeader string // the header in which the vendor names the call
	HandOn          string // the JSON that the SDK reads in place of the answer

	// Reads reports whether a request is the one that the call is for. No other
	// request is sent: this product only reads, and both SDKs can do far more.
	Reads func(*http.Request) bool

	// Send makes the vendor's SDK send its one request through rt.
	Send func(rt http.RoundTripper) error

	// Decode reads a JSON answer, of a success or of a failure. Its error is a
	// *core.Error.
	Decode func(Answer) error
}

// Answer is a JSON answer as it came.
type Answer struct {
	Status    int
	RequestID string // from the header; may be empty
	Body      []byte
}

// Do makes the call, in one attempt, and returns as soon as ctx is done.
func (t *Transport) Do(ctx context.Context, call Call) error {
	within, cancel := context.WithTimeout(ctx, t.opts.AttemptTimeout)
	defer cancel()
	a := &attempt{transport: t, call: &call, ctx: within, outer: ctx}
	sdkErr := call.Send(a)
	switch {
	case a.failure != nil:
		a.failure.Op = call.Op
		return a.failure
	case !a.made && ctx.Err() != nil: // some SDKs look before they send
		failure := *core.AsError(ctx.Err())
		failure.Op = call.Op
		return &failure
	case !a.made, sdkErr != nil:
		// The text is dropped: it may quote the request with its keys.
		return &core.Error{Op: call.Op, Code: core.CodeInternal, Err: fmt.Errorf("the vendor's SDK failed by itself: %T", sdkErr)}
	}
	return nil
}

// Fetch makes the call with decode as its Decode, and returns what decode returns.
func Fetch[A any](ctx context.Context, t *Transport, call Call, decode func(Answer) (A, error)) (answer A, err error) {
	call.Decode = func(a Answer) (err error) {
		answer, err = decode(a)
		return err
	}
	err = t.Do(ctx, call)
	return answer, err
}

// attempt is the http.RoundTripper of one call.
type attempt struct {
	transport  *Transport
	call       *Call
	ctx, outer context.Context // with and without the attempt's own time limit

	made    bool
	failure *core.Error
}

// RoundTrip makes the call and records its failure, which it returns to the SDK too;
// a call that succeeds has the body HandOn for the SDK.
func (a *attempt) RoundTrip(req *http.Request) (*http.Response, error) {
	var fault error
	switch {
	case a.made:
		fault = errors.New("the vendor's SDK tried a second time")
	case a.call.Reads == nil || !a.call.Reads(req):
		fault = errors.New("a request that is not the call's own was stopped")
	}
	a.made = true
	if fault == nil {
		a.failure = a.send(req)
	} else {
		a.failure = &core.Error{Code: core.CodeInternal, Err: fault}
		if req.Body != nil {
			_ = req.Body.Close()
		}
	}
	if a.failure != nil {
		return nil, a.failure
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(strings.NewReader(a.call.HandOn)),
		ContentLength: int64(len(a.call.HandOn)),
		Request:       req,
	}, nil
}

func (a *attempt) send(req *http.Request) *core.Error {
	var connected, answered atomic.Bool
	req = req.WithContext(httptrace.WithClientTrace(a.ctx, &httptrace.ClientTrace{
		GotConn:              func(httptrace.GotConnInfo) { connected.Store(true) },
		GotFirstResponseByte: func() { answered.Store(true) },
	}))
	// The vendors' signatures list the headers that they cover, so another header
	// does not break them.
	if span, ok := SpanOf(a.ctx); ok {
		req.Header = span.Put(req.Header)
	}
	resp, err := a.transport.transport.RoundTrip(req)
	if err != nil {
		failure := a.networkError(err)
		if connected.Load() && !answered.Load() && a.ctx.Err() == nil {
			failure.Dropped, failure.Detail = true, "the connection ended before an answer began"
		}
		return failure
	}
	defer func() { _ = resp.Body.Close() }()
	a.transport.noteDate(resp.Header.Get("Date"))
	requestID := Word(resp.Header.Get(a.call.RequestIDHeader))
	failure := a.answer(resp, requestID)
	if failure != nil {
		failure.RetryAfter = RetryAfter(resp.Header.Get("Retry-After"), time.Now())
		if failure.RequestID == "" {
			failure.RequestID = requestID
		}
	}
	return failure
}

func (a *attempt) answer(resp *http.Response, requestID string) *core.Error {
	if resp.StatusCode != http.StatusOK && (resp.StatusCode < 400 || !isJSON(resp.Header)) {
		return StatusError(resp.StatusCode)
	}
	if !isJSON(resp.Header) {
		return &core.Error{
			Code:   core.CodeUpstream,
			Detail: "what answered is not the vendor's API: it sent no JSON; check the endpoint, and for a proxy in between",
		}
	}
	if encoding := resp.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return &core.Error{Code: core.CodeUpstream, Detail: "the answer came in a compression that was not asked for"}
	}
	body, failure := a.read(resp)
	if failure != nil {
		return failure
	}
	if err := a.call.Decode(Answer{resp.StatusCode, requestID, body}); err != nil {
		return core.AsError(err)
	}
	return nil
}

// read reads the body, up to the limit.
func (a *attempt) read(resp *http.Response) ([]byte, *core.Error) {
	limit := a.transport.opts.MaxBody
	tooLarge := &core.Error{
		Code:   core.CodeUpstream,
		Detail: fmt.Sprintf("the answer is larger than %d bytes, which no page is", limit),
	}
	if resp.ContentLength > limit {
		return nil, tooLarge
	}
	var body bytes.Buffer
	if resp.ContentLength > 0 {
		body.Grow(int(resp.ContentLength) + bytes.MinRead)
	}
	n, err := body.ReadFrom(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return nil, a.networkError(err)
	case n > limit:
		return nil, tooLarge
	}
	return body.Bytes(), nil
}

// isJSON accepts a missing type: decoding fails if it is not JSON.
func isJSON(header http.Header) bool {
	kind, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return kind == "" || kind == "application/json" || strings.HasPrefix(kind, "application/x-amz-json-") || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")
}
