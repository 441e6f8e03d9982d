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

// Options bound a call. The zero value is useful.
type Options struct {
	AttemptTimeout time.Duration // of one call, from dialling to the last byte; 0: 30 s
	MaxBody        int64         // bytes of an answer, after decompression; 0: 8 MiB
}

const (
	attemptTimeout = 30 * time.Second
	maxBody        = 8 << 20
)

// Transport is a pool of connections and the rules that every call over it keeps.
// Make one for each Source and keep it. Safe for concurrent use.
type Transport struct {
	transport *http.Transport
	opts      Options
	skew      atomic.Pointer[time.Duration]
}

// New gives a Transport with connections of its own.
func New(opts Options) *Transport {
	if opts.AttemptTimeout <= 0 {
		opts.AttemptTimeout = attemptTimeout
	}
	if opts.MaxBody <= 0 {
		opts.MaxBody = maxBody
	}
	opts.MaxBody = min(opts.MaxBody, 1<<30) // far from where a byte more would overflow
	// One call a connection: a connection that breaks then costs one page, and
	// a call that is given up is given up at once.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &Transport{
		transport: &http.Transport{
			Protocols:           protocols,
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
			TLSHandshakeTimeout: 10 * time.Second,
			// net/http keeps 2, and then dials anew for almost every call of
			// more workers than that.
			MaxIdleConns:        64,
			MaxIdleConnsPerHost: 16,
			// The vendors' servers close an idle connection after 60 s; a call
			// on one that is just being closed would fail.
			IdleConnTimeout: 50 * time.Second,
		},
		opts: opts,
	}
}

// CloseIdleConnections closes what the pool keeps open. Calls go on working.
func (w *Transport) CloseIdleConnections() { w.transport.CloseIdleConnections() }

// ClockSkew is how far the clock here is behind the server's by its last
// answer, to within a second and what the answer took; false where no answer told.
func (w *Transport) ClockSkew() (time.Duration, bool) {
	skew := w.skew.Load()
	if skew == nil {
		return 0, false
	}
	return *skew, true
}

func (w *Transport) tellClock(date string) {
	if at, err := http.ParseTime(date); err == nil {
		skew := time.Until(at)
		w.skew.Store(&skew)
	}
}

// Call is one call of a vendor's API.
type Call struct {
	Op              string // what is being done, for errors: "tencent.QueryCustomersCredit"
	RequestIDHeader string // the header in which the vendor names the call
	HandOn          string // the JSON that the SDK gets to see in place of the answer

	// Reads says whether a request is the one that the call is for. No other
	// leaves, whatever the SDK was made to do: this product only ever reads, and
	// both vendors' SDKs can do far more.
	Reads func(*http.Request) bool

	// Send makes the vendor's SDK send its one request through rt.
	Send func(rt http.RoundTripper) error

	// Decode reads a JSON answer, of a success or of a failure, and returns an
	// *core.Error. It may keep the body.
	Decode func(Answer) error
}

// Answer is a JSON answer as it came.
type Answer struct {
	Status    int
	RequestID string // from the header; may be empty
	Body      []byte
}

// Do makes the call: one attempt, over with as soon as ctx is.
func (w *Transport) Do(ctx context.Context, call Call) error {
	within, cancel := context.WithTimeout(ctx, w.opts.AttemptTimeout)
	defer cancel()
	a := &attempt{transport: w, call: &call, ctx: within, outer: ctx}
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
		// Its text stays here: it may quote the request, keys and all.
		return &core.Error{Op: call.Op, Code: core.CodeInternal, Err: fmt.Errorf("the vendor's SDK failed by itself: %T", sdkErr)}
	}
	return nil
}

// attempt is the http.RoundTripper of one call.
type attempt struct {
	transport  *Transport
	call       *Call
	ctx, outer context.Context // with and without the attempt's own time limit

	made    bool
	failure *core.Error
}

// RoundTrip carries the call and keeps what came of it. The SDK gets the same
// failure (and wraps it as it likes), or the harmless body.
func (a *attempt) RoundTrip(req *http.Request) (*http.Response, error) {
	if a.made {
		if req.Body != nil {
			req.Body.Close()
		}
		a.failure = &core.Error{Code: core.CodeInternal, Err: fmt.Errorf("the vendor's SDK tried a second time")}
		return nil, a.failure
	}
	a.made = true
	if a.call.Reads == nil || !a.call.Reads(req) {
		if req.Body != nil {
			req.Body.Close()
		}
		a.failure = &core.Error{Code: core.CodeInternal, Err: errors.New("a request that is not the call's own was stopped")}
		return nil, a.failure
	}
	if a.failure = a.carry(req); a.failure != nil {
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

func (a *attempt) carry(req *http.Request) *core.Error {
	var connected, answered atomic.Bool
	req = req.WithContext(httptrace.WithClientTrace(a.ctx, &httptrace.ClientTrace{
		GotConn:              func(httptrace.GotConnInfo) { connected.Store(true) },
		GotFirstResponseByte: func() { answered.Store(true) },
	}))
	// The vendors' signatures list the headers that they cover, so that one more
	// breaks none.
	if span, ok := SpanOf(a.ctx); ok {
		req.Header = span.Put(req.Header)
	}
	resp, err := a.transport.transport.RoundTrip(req)
	if err != nil {
		failure := a.broken(err)
		if connected.Load() && !answered.Load() && a.ctx.Err() == nil {
			failure.Dropped, failure.Detail = true, "the connection ended before an answer began"
		}
		return failure
	}
	defer resp.Body.Close()
	a.transport.tellClock(resp.Header.Get("Date"))
	requestID := Word(resp.Header.Get(a.call.RequestIDHeader))
	failure := a.answer(resp, requestID)
	if failure != nil {
		failure.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), time.Now())
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
			Detail: "what answered is not the cloud's API: it sent no JSON; check the endpoint, and for a proxy in between",
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

// read takes in the body, up to the bound.
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
		return nil, a.broken(err)
	case n > limit:
		return nil, tooLarge
	}
	return body.Bytes(), nil
}

// isJSON accepts a missing type: the decoder will tell.
func isJSON(header http.Header) bool {
	kind, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return kind == "" || kind == "application/json" || strings.HasPrefix(kind, "application/x-amz-json-") || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")
}
