package host

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"partnerlens/pkg/transport"
)

// serving is a running Serve.
type serving struct {
	url  string
	log  *lockedBuffer
	stop context.CancelFunc
	done chan error
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func serve(t *testing.T, handler http.Handler) *serving {
	t.Helper()
	return serveWith(t, handler, ServeOptions{})
}

func serveWith(t *testing.T, handler http.Handler, opts ServeOptions) *serving {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	s := &serving{url: "http://" + ln.Addr().String(), log: &lockedBuffer{}, stop: stop, done: make(chan error, 1)}
	opts.Logger = slog.New(slog.NewJSONHandler(s.log, nil))
	go func() { s.done <- Serve(ctx, ln, handler, &opts) }()
	return s
}

// dial opens a connection that ends with the test.
func (s *serving) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// end stops the server and waits for it, so that the log is complete.
func (s *serving) end(t *testing.T) {
	t.Helper()
	s.stop()
	if err := <-s.done; err != nil {
		t.Errorf("Serve = %v, want nil", err)
	}
}

func get(t *testing.T, url string, header http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(resp.Body) // an answer that is cut off is for the caller to see
	return resp, string(body)
}

func TestServe(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/credit/{id}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("X-Request-Id"))
	})
	s := serve(t, mux)
	for _, test := range []struct{ name, sent, want string }{
		{"none", "", ""},
		{"the caller's", "caller-1", "caller-1"},
		{"too long", strings.Repeat("x", 129), ""},
		{"with a space", "a b", ""},
	} {
		header := http.Header{"Authorization": {"Bearer hush"}}
		if test.sent != "" {
			header.Set("X-Request-Id", test.sent)
		}
		_, got := get(t, s.url+"/v1/credit/200000000003?email=a%40example.com", header)
		if got == "" || test.want != "" && got != test.want || test.want == "" && got == test.sent {
			t.Errorf("%s: the handler saw the id %q, want %q or a new one", test.name, got, test.want)
		}
	}
	s.end(t)
	log := s.log.String()
	if strings.Count(log, "\n") != 4 || !strings.Contains(log, `"route":"GET /v1/credit/{id}","status":200`) {
		t.Errorf("the log is not a line for each request: %s", log)
	}
	for _, hush := range []string{"hush", "200000000003", "example.com"} {
		if strings.Contains(log, hush) {
			t.Errorf("the log holds %s: %s", hush, log)
		}
	}
}

func TestServePanic(t *testing.T) {
	t.Parallel()
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
		}
		w.Header().Set("Content-Encoding", "gzip")
		panic("hush")
	}))
	resp, body := get(t, s.url+"/early", nil)
	if resp.StatusCode != 500 || resp.Header.Get("Content-Type") != "application/problem+json" || resp.Header.Get("Content-Encoding") != "" || !strings.Contains(body, `"code":"internal"`) {
		t.Errorf("a panic answered %d %v %s, want a problem with status 500", resp.StatusCode, resp.Header, body)
	}
	resp, body = get(t, s.url+"/late", nil)
	if resp.StatusCode != 200 || body != "half" {
		t.Errorf("a late panic answered %d %q, want what was sent before", resp.StatusCode, body)
	}
	s.end(t)
	log := s.log.String()
	if strings.Contains(log, "hush") || strings.Contains(body, "hush") {
		t.Errorf("the panic's value is in the log: %s", log)
	}
	if strings.Count(log, `"msg":"panic"`) != 2 || strings.Count(log, `"aborted":true`) != 1 {
		t.Errorf("the log lacks the panics, or that one answer was cut off: %s", log)
	}
}

// A request in progress finishes; new ones are not accepted.
func TestServeStopsGracefully(t *testing.T) {
	t.Parallel()
	started, finish := make(chan struct{}), make(chan struct{})
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(started)
		<-finish
		if r.Context().Err() != nil {
			w.WriteHeader(http.StatusTeapot)
		}
		_, _ = io.WriteString(w, "whole")
	}))
	answered := make(chan string, 1)
	go func() {
		_, body := get(t, s.url, nil)
		answered <- body
	}()
	<-started
	s.stop()
	for { // until the listener is closed
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			break
		}
		_ = conn.Close()
	}
	close(finish)
	if got := <-answered; got != "whole" {
		t.Errorf("the request under way got %q, want whole", got)
	}
	s.end(t)
}

// A request that is in progress near the end of StopWithin ends as at a deadline, and its
// answer arrives, also if the handler derives contexts from the request's.
func TestServeStopsAtADeadline(t *testing.T) {
	t.Parallel()
	running := make(chan struct{})
	s := serveWith(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		close(running)
		<-ctx.Done()
		_, _ = io.WriteString(w, ctx.Err().Error())
	}), ServeOptions{StopWithin: 400 * time.Millisecond})
	answered := make(chan string, 1)
	go func() {
		_, body := get(t, s.url, nil)
		answered <- body
	}()
	<-running
	s.stop()
	if got := <-answered; got != context.DeadlineExceeded.Error() {
		t.Errorf("the request under way ends with %q", got)
	}
	s.end(t)
}

// A request that does not end delays the server by StopWithin at most.
func TestServeStopsInTime(t *testing.T) {
	t.Parallel()
	running, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	s := serveWith(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(running)
		<-release
	}), ServeOptions{StopWithin: 200 * time.Millisecond})
	conn := s.dial(t)
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-running
	started := time.Now()
	s.end(t)
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("it stopped after %s", took)
	}
}

// On FunctionGraph an answer ends before the function's timeout.
func TestAnswersEndWithinTheFunctionsTimeout(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"": 15 * time.Minute, "60": time.Minute, "0": 15 * time.Minute, "x": 15 * time.Minute} {
		opts := &ServeOptions{Getenv: func(name string) string { return map[string]string{"RUNTIME_TIMEOUT": text}[name] }}
		if got := opts.withDefaults().AnswerWithin; got != want {
			t.Errorf("with a timeout of %q s an answer gets %s, want %s", text, got, want)
		}
	}
}

func TestServeFails(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	if err := Serve(t.Context(), ln, http.NotFoundHandler(), nil); err == nil {
		t.Error("Serve on a closed listener is no error")
	}
}

// TestMain makes the test binary the function that TestRunHTTP starts.
func TestMain(m *testing.M) {
	if os.Getenv("HOST_TEST_RUN") == "" {
		os.Exit(m.Run())
	}
	os.Exit(Run(Options{
		Name: "probe",
		HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "here") }),
	}))
}

func TestRunHTTP(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		env    string
		args   []string
		prefix string
		signal os.Signal
	}{
		{"serve", "", []string{"serve", "--listen", "127.0.0.1:0"}, "http://127.0.0.1:", os.Interrupt},
		{"PORT", "PORT=0", nil, "http://0.0.0.0:", syscall.SIGTERM},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], test.args...)
			cmd.Env = []string{"HOST_TEST_RUN=1", test.env}
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			first, err := bufio.NewReader(stdout).ReadString('\n')
			url, ok := strings.CutPrefix(strings.TrimSpace(first), "listening on ")
			if err != nil || !ok || !strings.HasPrefix(url, test.prefix) {
				t.Fatalf("the first line is %q, %v, want listening on %s", first, err, test.prefix)
			}
			if _, body := get(t, url, nil); body != "here" {
				t.Errorf("it answers %q, want here", body)
			}
			if err := cmd.Process.Signal(test.signal); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("after %v: %v, want exit status 0", test.signal, err)
			}
		})
	}
}

// A request's span is below the one in its headers, or starts a new trace.
func TestServeTraces(t *testing.T) {
	t.Parallel()
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, _ := transport.SpanOf(r.Context())
		_, _ = io.WriteString(w, got.TraceID+" "+got.Parent)
	}))
	for sent, want := range map[string]string{"00-" + trace + "-" + span + "-01": trace + " " + span, "": "", "01-" + trace + "-" + span + "-01": ""} {
		_, got := get(t, s.url, http.Header{"Traceparent": {sent}})
		if want != "" && got != want || want == "" && (len(got) != 33 || strings.Contains(got, trace)) {
			t.Errorf("of %q the handler sees %q", sent, got)
		}
	}
	s.end(t)
}

// Finished runs after the log line of the invocation; a panic in it does not fail the invocation.
func TestEnded(t *testing.T) {
	t.Parallel()
	h := newHosted(nil, func(context.Context, Job) ([]byte, error) { return nil, nil })
	var line, id string
	h.opts.Finished = func(_ context.Context, requestID string) { line, id = h.log.String(), requestID; panic("hush") }
	if _, err := Invoke(t.Context(), h.opts, "id-1", []byte(`{}`)); err != nil || id != "id-1" || !strings.Contains(line, `"msg":"invocation"`) || strings.Contains(h.log.String(), "hush") {
		t.Errorf("%v, Finished has the id %q after the log %s; then %s", err, id, line, h.log)
	}
}
