package transport

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// planted is what a customer's data looks like; no error may hold any of it.
const planted = "Zhang-Planted"

func newTransport(t *testing.T, opts Options) *Transport {
	t.Helper()
	w := New(opts)
	t.Cleanup(w.CloseIdleConnections)
	return w
}

// every lets every request out.
func every(*http.Request) bool { return true }

// get makes a call as an SDK does, and returns the answer that Decode gets.
func get(ctx context.Context, w *Transport, url string) (Answer, error) {
	var got Answer
	err := w.Do(ctx, Call{
		Op: "test.Get", RequestIDHeader: "X-Request-Id", HandOn: `{"constant":true}`, Reads: every,
		Send: func(rt http.RoundTripper) error {
			resp, err := (&http.Client{Transport: rt}).Post(url, "application/json", strings.NewReader("{}"))
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			if body, err := io.ReadAll(resp.Body); err != nil || string(body) != `{"constant":true}` {
				return fmt.Errorf("the SDK sees %q, %w", body, err)
			}
			return nil
		},
		Decode: func(a Answer) error {
			got = a
			if err := a.Decode(new(Value)); err != nil {
				return err
			}
			return a.Err()
		},
	})
	return got, err
}

func wantError(t *testing.T, err error, want core.Code) *core.Error {
	t.Helper()
	var e *core.Error
	if !errors.As(err, &e) || e.Code != want {
		t.Fatalf("error %v, want code %q", err, want)
	}
	if e.Op != "test.Get" {
		t.Errorf("Op = %q", e.Op)
	}
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		if text := fmt.Sprintf("%v %+v %#v", cause, cause, cause); strings.Contains(text, planted) {
			t.Errorf("an error repeats what came over the transport: %s", text)
		}
	}
	return e
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	html := map[string]string{"Content-Type": "text/html"}
	body := `{"customer":"` + planted + `"}`
	for _, test := range []struct {
		name   string
		answer transporttest.Answer
		want   core.Code // "": none
	}{
		{"JSON", transporttest.JSON(body), ""},
		{"JSON with a charset", transporttest.Answer{Body: body, Header: map[string]string{"Content-Type": "application/json;charset=UTF-8"}}, ""},
		{"JSON of some kind", transporttest.Answer{Body: body, Header: map[string]string{"Content-Type": "application/problem+json"}}, ""},
		{"HTML", transporttest.Answer{Body: planted, Header: html}, core.CodeUpstream},
		{"no JSON", transporttest.JSON(planted), core.CodeUpstream},
		{"nothing", transporttest.JSON(""), core.CodeUnavailable},
		{"half", transporttest.JSON(body[:20]), core.CodeUnavailable},
		{"another status of success", transporttest.Answer{Status: 202, Body: body}, core.CodeUpstream},
		{"a redirect", transporttest.Answer{Status: 302, Header: map[string]string{"Location": "/" + planted}}, core.CodeUpstream},
		{"400", transporttest.Answer{Status: 400, Body: body}, core.CodeUpstream},
		{"401 in HTML", transporttest.Answer{Status: 401, Body: planted, Header: html}, core.CodeDenied},
		{"403", transporttest.Answer{Status: 403, Body: body}, core.CodeDenied},
		{"404", transporttest.Answer{Status: 404, Body: body}, core.CodeUpstream},
		{"407", transporttest.Answer{Status: 407, Body: planted, Header: html}, core.CodeUpstream},
		{"408", transporttest.Answer{Status: 408, Body: body}, core.CodeUnavailable},
		{"429 in HTML", transporttest.Answer{Status: 429, Body: planted, Header: html}, core.CodeThrottled},
		{"500 that is no JSON", transporttest.Answer{Status: 500, Body: planted}, core.CodeUnavailable},
		{"502 in HTML", transporttest.Answer{Status: 502, Body: planted, Header: html}, core.CodeUnavailable},
		{"a compression of its own", transporttest.Answer{Body: planted, Header: map[string]string{"Content-Encoding": "br"}}, core.CodeUpstream},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := get(context.Background(), newTransport(t, Options{}), transporttest.Serve(t, test.answer))
			if test.want != "" {
				wantError(t, err, test.want)
				return
			}
			if err != nil || string(got.Body) != body || got.Status != http.StatusOK {
				t.Errorf("Do = %v, %d, %q", err, got.Status, got.Body)
			}
		})
	}
}

func TestRawAnswers(t *testing.T) {
	t.Parallel()
	const header = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	for _, test := range []struct {
		name, answer string
		want         core.Code
	}{
		{"the connection closes", "", core.CodeUnavailable},
		{"no HTTP", planted + "\r\n\r\n", core.CodeUnavailable},
		{"a header that is none", "HTTP/1.1 200 OK\r\n" + planted + "\r\n\r\n", core.CodeUnavailable},
		{"less than promised", header + "Content-Length: 100\r\n\r\n{\"a\":\"" + planted, core.CodeUnavailable},
		{"chunks that stop", header + "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n", core.CodeUnavailable},
		{"chunks that are none", header + "Transfer-Encoding: chunked\r\n\r\n" + planted, core.CodeUnavailable},
		{"until the connection closes, whole", header + "Connection: close\r\n\r\n{}", ""},
		{"until the connection closes, half", header + "Connection: close\r\n\r\n{", core.CodeUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := get(context.Background(), newTransport(t, Options{}), transporttest.ServeRaw(t, false, []byte(test.answer)))
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, test.want)
		})
	}
}

func TestBodyBound(t *testing.T) {
	t.Parallel()
	const limit = 1000
	exact := `"` + strings.Repeat("x", limit-2) + `"`
	compress := func(text string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		io.WriteString(w, text)
		w.Close()
		return b.String()
	}
	for _, test := range []struct {
		name       string
		body       string
		compressed bool
		flush      bool
		want       core.Code
	}{
		{"as large as may be", exact, false, false, ""},
		{"a byte more", exact + " ", false, false, core.CodeUpstream},
		{"a byte more, of unknown length", exact + " ", false, true, core.CodeUpstream},
		{"compressed", exact, true, false, ""},
		{"small only while compressed", `"` + strings.Repeat("x", 100*limit) + `"`, true, false, core.CodeUpstream},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			url := transporttest.Handle(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				body := test.body
				if test.compressed {
					if r.Header.Get("Accept-Encoding") != "gzip" {
						t.Errorf("Accept-Encoding = %q", r.Header.Get("Accept-Encoding"))
					}
					w.Header().Set("Content-Encoding", "gzip")
					body = compress(body)
				}
				if test.flush {
					w.(http.Flusher).Flush()
				}
				io.WriteString(w, body)
			})
			_, err := get(context.Background(), newTransport(t, Options{MaxBody: limit}), url)
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, test.want)
		})
	}
}

// soon is long enough for a busy machine.
const soon = 5 * time.Second

func TestHangingServer(t *testing.T) {
	t.Parallel()
	for _, where := range transporttest.Hangs {
		t.Run(string(where), func(t *testing.T) {
			t.Parallel()
			for _, test := range []struct {
				name string
				opts Options
				ctx  func() (context.Context, context.CancelFunc)
				want core.Code
			}{
				{"canceled", Options{}, func() (context.Context, context.CancelFunc) {
					return context.WithCancel(context.Background())
				}, core.CodeCanceled},
				{"deadline", Options{}, func() (context.Context, context.CancelFunc) {
					return context.WithTimeout(context.Background(), 20*time.Millisecond)
				}, core.CodeDeadline},
				{"attempt too long", Options{AttemptTimeout: 20 * time.Millisecond}, func() (context.Context, context.CancelFunc) {
					return context.WithTimeout(context.Background(), time.Hour)
				}, core.CodeUnavailable},
			} {
				t.Run(test.name, func(t *testing.T) {
					t.Parallel()
					url, hanging := transporttest.ServeHang(t, where)
					ctx, cancel := test.ctx()
					defer cancel()
					done := make(chan error, 1)
					w := newTransport(t, test.opts)
					go func() {
						_, err := get(ctx, w, url)
						done <- err
					}()
					if test.want == core.CodeCanceled {
						<-hanging
						cancel()
					}
					select {
					case err := <-done:
						wantError(t, err, test.want)
					case <-time.After(soon):
						t.Fatal("the call hangs with the server")
					}
				})
			}
		})
	}
}

func TestCanceledBefore(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := get(ctx, newTransport(t, Options{}), transporttest.Serve(t, transporttest.JSON("{}")))
	wantError(t, err, core.CodeCanceled)
}

func TestRefusedAndReset(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	_, err = get(context.Background(), newTransport(t, Options{}), "http://"+listener.Addr().String())
	wantError(t, err, core.CodeUnavailable)

	url := transporttest.Handle(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	})
	_, err = get(context.Background(), newTransport(t, Options{}), url)
	wantError(t, err, core.CodeUnavailable)
}

// TestDropped: only a connection that ends before the first byte of an answer
// is one that another attempt may do better on at once.
func TestDropped(t *testing.T) {
	t.Parallel()
	const started = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
	for _, test := range []struct {
		name  string
		after int // answers that come whole, over the same connection
		say   string
		reset bool
		want  bool
	}{
		{"an idle connection closes", 2, "", false, true},
		{"an idle connection is reset", 2, "", true, true},
		{"a new connection closes", 0, "", false, true},
		{"a new connection is reset", 0, "", true, true},
		{"in the status", 1, started[:5], false, false},
		{"in the header", 1, started[:30], false, false},
		{"in the body", 1, started, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			url := transporttest.Handle(t, func(w http.ResponseWriter, r *http.Request) {
				if int(calls.Add(1)) <= test.after {
					w.Header().Set("Content-Type", "application/json")
					io.WriteString(w, "{}")
					return
				}
				io.Copy(io.Discard, r.Body)
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				io.WriteString(conn, test.say)
				if test.reset {
					conn.(*net.TCPConn).SetLinger(0)
				}
				conn.Close()
			})
			w := newTransport(t, Options{})
			for range test.after {
				if _, err := get(context.Background(), w, url); err != nil {
					t.Fatal(err)
				}
			}
			_, err := get(context.Background(), w, url)
			if e := wantError(t, err, core.CodeUnavailable); e.Dropped != test.want {
				t.Errorf("Dropped = %t of %v, want %t", e.Dropped, e, test.want)
			}
			if int(calls.Load()) != test.after+1 {
				t.Errorf("%d calls, want %d: another attempt is not for the transport", calls.Load(), test.after+1)
			}
		})
	}
	for name, call := range map[string]func() (url string, opts Options){
		"a server that hangs": func() (string, Options) {
			url, _ := transporttest.ServeHang(t, transporttest.HangBeforeHeader)
			return url, Options{AttemptTimeout: 20 * time.Millisecond}
		},
		"no listener": func() (string, Options) { return "http://127.0.0.1:1", Options{} },
	} {
		url, opts := call()
		_, err := get(context.Background(), newTransport(t, opts), url)
		if e := wantError(t, err, core.CodeUnavailable); e.Dropped {
			t.Errorf("%s: Dropped of %v", name, e)
		}
	}
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	_, err := get(context.Background(), newTransport(t, Options{}), server.URL)
	if e := wantError(t, err, core.CodeUpstream); !strings.Contains(e.Detail, "certificate is not trusted") {
		t.Errorf("Detail = %q", e.Detail)
	}
	_, err = get(context.Background(), newTransport(t, Options{}), strings.Replace(transporttest.Serve(t, transporttest.JSON("{}")), "http:", "https:", 1))
	if e := wantError(t, err, core.CodeUpstream); !strings.Contains(e.Detail, "does not speak TLS") {
		t.Errorf("Detail = %q", e.Detail)
	}
}

func TestNetworkErrorQuotesNothing(t *testing.T) {
	t.Parallel()
	a := &attempt{transport: New(Options{}), ctx: context.Background(), outer: context.Background()}
	for _, test := range []struct {
		err    error
		detail string
	}{
		{&net.DNSError{Err: "no such host", Name: "api.invalid", IsNotFound: true}, "cannot be looked up"},
		{&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}, "refuses"},
		{&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}, "broke off"},
		{&net.OpError{Op: "proxyconnect", Net: "tcp", Err: errors.New(planted)}, "connection failed"},
		{fmt.Errorf("malformed HTTP response %q", planted), "connection failed"},
		{fmt.Errorf("%s: %w", planted, io.ErrUnexpectedEOF), "broke off"},
	} {
		e := a.networkError(test.err)
		if !strings.Contains(e.Detail, test.detail) || strings.Contains(e.Error(), planted) || e.Code != core.CodeUnavailable {
			t.Errorf("networkError(%v) = %v, want %q", test.err, e, test.detail)
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	url := transporttest.Handle(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	_, err := get(context.Background(), newTransport(t, Options{}), url)
	wantError(t, err, core.CodeUpstream)
	if calls.Load() != 1 {
		t.Errorf("%d calls, want 1", calls.Load())
	}
}

func TestConnectionIsKept(t *testing.T) {
	t.Parallel()
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, "{}")
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	w := newTransport(t, Options{})
	for range 5 {
		if _, err := get(context.Background(), w, server.URL); err != nil {
			t.Fatal(err)
		}
	}
	if opened.Load() != 1 {
		t.Errorf("%d connections for calls one after another, want 1", opened.Load())
	}
}

func TestRequestIDAndRetryAfter(t *testing.T) {
	t.Parallel()
	answer := transporttest.Answer{Status: 503, Body: "{}", Header: map[string]string{"X-Request-Id": "id-1 <x@y>", "Retry-After": "7"}}
	_, err := get(context.Background(), newTransport(t, Options{}), transporttest.Serve(t, answer))
	if e := wantError(t, err, core.CodeUnavailable); e.RequestID != "id-1xy" || e.RetryAfter != 7*time.Second {
		t.Errorf("RequestID = %q, RetryAfter = %v", e.RequestID, e.RetryAfter)
	}
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		text string
		want time.Duration
	}{
		{"", 0}, {"0", 0}, {"3", 3 * time.Second}, {" 3 ", 3 * time.Second}, {"-3", 0}, {"soon", 0},
		{"99999999999", 24 * time.Hour}, {"99999999999999999999999", 0},
		{"Sat, 21 Nov 2026 12:00:09 GMT", 9 * time.Second}, {"Sat, 21 Nov 2026 11:00:00 GMT", 0},
	} {
		if got := RetryAfter(test.text, now); got != test.want {
			t.Errorf("RetryAfter(%q) = %v, want %v", test.text, got, test.want)
		}
	}
}

func TestSDKThatMisbehaves(t *testing.T) {
	t.Parallel()
	w := newTransport(t, Options{})
	url := transporttest.Serve(t, transporttest.JSON("{}"))
	call := Call{Op: "test.Get", HandOn: "{}", Reads: every, Decode: func(Answer) error { return nil }}

	call.Send = func(http.RoundTripper) error { return errors.New(planted) }
	wantError(t, w.Do(context.Background(), call), core.CodeInternal)

	call.Send = func(rt http.RoundTripper) error {
		for range 2 {
			resp, err := (&http.Client{Transport: rt}).Post(url, "", strings.NewReader("{}"))
			if err != nil {
				return err
			}
			resp.Body.Close()
		}
		return nil
	}
	wantError(t, w.Do(context.Background(), call), core.CodeInternal)
}

// A request of the SDK other than the call's own must not be sent: it might change
// something.
func TestNoOtherRequestIsSent(t *testing.T) {
	t.Parallel()
	w := newTransport(t, Options{})
	url := transporttest.Handle(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	for name, reads := range map[string]func(*http.Request) bool{
		"another": func(r *http.Request) bool { return r.URL.Path == "/read" },
		"unsaid":  nil,
	} {
		decoded := false
		err := w.Do(context.Background(), Call{
			Op: "test.Get", HandOn: "{}", Reads: reads,
			Send: func(rt http.RoundTripper) error {
				_, err := (&http.Client{Transport: rt}).Post(url+"/delete", "application/json", strings.NewReader("{}"))
				return err
			},
			Decode: func(Answer) error { decoded = true; return nil },
		})
		wantError(t, err, core.CodeInternal)
		if decoded {
			t.Errorf("%s: something was decoded", name)
		}
	}
}

func TestClockSkew(t *testing.T) {
	t.Parallel()
	w := newTransport(t, Options{})
	if _, ok := w.ClockSkew(); ok {
		t.Error("a skew before any answer")
	}
	url := transporttest.Handle(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		rw.Header().Set("Content-Type", "application/json")
		fmt.Fprint(rw, "{}")
	})
	if _, err := get(t.Context(), w, url); err != nil {
		t.Fatal(err)
	}
	if skew, ok := w.ClockSkew(); !ok || (skew-time.Hour).Abs() > time.Minute {
		t.Errorf("ClockSkew() = %v, %v", skew, ok)
	}
}
