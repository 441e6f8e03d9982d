package host

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"partnerlens/pkg/core"
)

const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 * 1024
	// stopTimeout is how long requests under way may take once the server is
	// told to stop; container platforms kill after 10 to 30 seconds.
	stopTimeout = 10 * time.Second
)

// runHTTP serves until a signal stops it. The first line on stdout says where.
func runHTTP(opts Options, listen string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		return &core.Error{Code: core.CodeMisconfigured, Param: "listen", Detail: "cannot listen on that address", Err: err}
	}
	fmt.Fprintf(opts.Stdout, "listening on http://%s\n", address(listen, ln))
	return Serve(ctx, ln, opts.HTTP, opts.Logger)
}

// address is where ln can be reached, in the words of listen: the listener
// itself says [::] for 0.0.0.0.
func address(listen string, ln net.Listener) string {
	host, _, err := net.SplitHostPort(listen)
	_, port, err2 := net.SplitHostPort(ln.Addr().String())
	if err != nil || err2 != nil {
		return ln.Addr().String()
	}
	if host == "" {
		host = "0.0.0.0"
	}
	return net.JoinHostPort(host, port)
}

// Serve answers HTTP requests on ln with handler until ctx is done, and then
// lets the requests under way finish. It gives each that has none an X-Request-Id,
// leaves one line in the log for each, and turns panics into problems. It
// closes ln. A stop by ctx is no error.
func Serve(ctx context.Context, ln net.Listener, handler http.Handler, logger *slog.Logger) error {
	// Requests outlive ctx, but not the server.
	requests, endRequests := context.WithCancel(context.WithoutCancel(ctx))
	defer endRequests()
	server := &http.Server{
		Handler:           observed(handler, logger),
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
		BaseContext:       func(net.Listener) context.Context { return requests },
		// No ReadTimeout and no WriteTimeout: a read of every customer takes
		// minutes, and streams.
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	select {
	case err := <-served:
		return &core.Error{Op: "host.Serve", Code: core.CodeInternal, Err: err}
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err := server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		endRequests()
		_ = server.Close()
	}
	<-served
	return nil
}

// observed is handler with a request id, a line in the log and no panics.
func observed(handler http.Handler, logger *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		requestID := callersID(r)
		log := logger.With("request_id", requestID)
		r.Header.Set(requestIDHeader, requestID)
		seen := &observedWriter{ResponseWriter: w}
		defer func() {
			value := recover()
			if value != nil && value != http.ErrAbortHandler {
				failure := panicked(log, value)
				if seen.status == 0 {
					clear(w.Header())
					writeProblem(seen, failure, requestID)
					value = nil
				} else {
					value = http.ErrAbortHandler // the caller must see that the answer is cut off
				}
			}
			level := slog.LevelInfo
			if seen.status >= 500 || value != nil {
				level = slog.LevelError
			}
			log.Log(r.Context(), level, "invocation", "trigger", TriggerHTTP, "route", r.Pattern,
				"status", max(seen.status, http.StatusOK), "aborted", value != nil,
				"duration_ms", time.Since(started).Milliseconds())
			if value != nil {
				panic(value)
			}
		}()
		handler.ServeHTTP(seen, r)
	})
}

const maxRequestID = 128

// callersID is the id that the caller, or a proxy before it, gave the request,
// so that both sides' logs meet; a new one where it is not fit for a log. Here
// is no platform that gives ids.
func callersID(r *http.Request) string {
	id := r.Header.Get(requestIDHeader)
	if id == "" || len(id) > maxRequestID || strings.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return rand.Text()
	}
	return id
}

// observedWriter remembers the status.
type observedWriter struct {
	http.ResponseWriter
	status int
}

func (w *observedWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *observedWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (w *observedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush is for handlers that ask for an http.Flusher.
func (w *observedWriter) Flush() {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}
