package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

const (
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 * 1024 // net/http answers a request line and headers beyond it with 431
)

// ServeOptions are the options of Serve, which copies them. nil means all defaults.
type ServeOptions struct {
	Logger *slog.Logger             // nil: nothing is logged
	Getenv func(name string) string // nil: os.Getenv

	// The bounds on a connection, so that an idle client cannot keep one. 0 is the default.
	HeaderWithin time.Duration // for a request's line and headers to arrive: 10 seconds
	BodyWithin   time.Duration // for its body to arrive: 15 seconds
	WriteWithin  time.Duration // for the client to take the next 64 KiB of the answer: a minute
	AnswerWithin time.Duration // for the answer, counted from the headers: 15 minutes, as on Lambda and SCF; on FunctionGraph the function's timeout

	// StopWithin is how long Serve goes on after its context is done. Requests in progress
	// reach their deadline earlier, so that each answer still ends with a cursor. 0: 9 seconds;
	// container platforms kill a process after 10 to 30.
	StopWithin time.Duration
}

func (o *ServeOptions) withDefaults() ServeOptions {
	var opts ServeOptions
	if o != nil {
		opts = *o
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Getenv == nil {
		opts.Getenv = os.Getenv
	}
	opts.HeaderWithin = cmp.Or(opts.HeaderWithin, 10*time.Second)
	opts.BodyWithin = cmp.Or(opts.BodyWithin, 15*time.Second)
	opts.WriteWithin = cmp.Or(opts.WriteWithin, time.Minute)
	opts.StopWithin = cmp.Or(opts.StopWithin, 9*time.Second)
	if seconds, err := strconv.Atoi(opts.Getenv(functionGraphTimeout)); err == nil && seconds > 0 {
		opts.AnswerWithin = cmp.Or(opts.AnswerWithin, time.Duration(seconds)*time.Second)
	}
	opts.AnswerWithin = cmp.Or(opts.AnswerWithin, 15*time.Minute)
	return opts
}

// runHTTP serves until a signal stops it. The first line on stdout has the URL.
func runHTTP(opts Options, listen string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		return &core.Error{Code: core.CodeMisconfigured, Param: "listen", Detail: "cannot listen on that address", Err: err}
	}
	_, _ = fmt.Fprintf(opts.Stdout, "listening on http://%s\n", address(listen, ln))
	return Serve(ctx, ln, opts.HTTP, &ServeOptions{Logger: opts.Logger, Getenv: opts.Getenv})
}

// address returns the address of ln with the host of listen: the listener reports
// [::] for 0.0.0.0.
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

// Serve answers HTTP requests on ln with handler until ctx is done. It then brings the
// deadline of the requests in progress forward, waits for them, and closes ln. A stop by
// ctx is no error. Serve gives each request without an X-Request-Id one, writes one log
// line for each, turns panics into problems, and removes the headers that hold a key of
// the platform's (see PlatformKey).
//
// Reading a body that does not arrive in time fails with os.ErrDeadlineExceeded. A
// request's context ends before AnswerWithin, so that time is left to write the answer.
func Serve(ctx context.Context, ln net.Listener, handler http.Handler, o *ServeOptions) error {
	opts := o.withDefaults()
	requests := &stopContext{context.WithoutCancel(ctx), make(chan struct{})} // requests outlive ctx
	server := &http.Server{
		Handler:           withBounds(handler, opts),
		ReadHeaderTimeout: opts.HeaderWithin,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(opts.Logger.Handler(), slog.LevelWarn),
		BaseContext:       func(net.Listener) context.Context { return requests },
		// No ReadTimeout and no WriteTimeout: a read of every customer takes minutes, and
		// streams. withBounds keeps the bounds.
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	select {
	case err := <-served:
		return &core.Error{Op: "host.Serve", Code: core.CodeInternal, Err: err}
	case <-ctx.Done():
	}
	deadline := time.AfterFunc(opts.StopWithin-stopReserve(opts.StopWithin), func() { close(requests.expired) })
	defer deadline.Stop()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), opts.StopWithin)
	defer cancel()
	if err := server.Shutdown(grace); errors.Is(err, context.DeadlineExceeded) {
		_ = server.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) { // it failed before Shutdown
		return &core.Error{Op: "host.Serve", Code: core.CodeInternal, Err: err}
	}
	return nil
}

// stopReserve is the part of StopWithin for writing the ends of answers.
func stopReserve(within time.Duration) time.Duration { return min(within/4, 2*time.Second) }

// stopContext is the context of every request of a server. When the server stops, it
// ends as at a deadline, so that an answer ends with the customers read so far and a
// cursor; cancellation would mean that the caller is gone.
type stopContext struct {
	context.Context // for its values
	expired         chan struct{}
}

// Done implements context.Context.
func (c *stopContext) Done() <-chan struct{} { return c.expired }

// Err implements context.Context.
func (c *stopContext) Err() error {
	select {
	case <-c.expired:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// withBounds returns handler with the bounds of opts, a request id, a log line, and
// problems in place of panics.
func withBounds(handler http.Handler, opts ServeOptions) http.Handler {
	onFunctionGraph := opts.Getenv(functionGraphProject) != ""
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		requestID := core.RequestID(r.Header.Get(requestIDHeader)) // the caller's, or a proxy's
		log := opts.Logger.With("request_id", requestID)
		bounded := &boundedWriter{ResponseWriter: w, control: http.NewResponseController(w), within: opts.WriteWithin}

		ctx := context.WithValue(r.Context(), originKey{}, Origin{Trigger: TriggerHTTP})
		span, ok := transport.SpanFrom(r.Header)
		if !ok {
			span = transport.NewSpan()
		}
		ctx = transport.WithSpan(ctx, span)
		var invalid error
		if onFunctionGraph {
			ctx, invalid = withPlatformKey(ctx, r.Header)
		}
		ctx, cancelAnswer := context.WithTimeout(ctx, opts.AnswerWithin)
		defer cancelAnswer()
		ctx, cancel := withReserve(ctx)
		defer cancel()
		r = r.WithContext(ctx) // a copy: the server keeps its own body
		dropPlatformKeys(r.Header)
		r.Header.Set(requestIDHeader, requestID)
		if r.ContentLength != 0 { // -1: unknown
			bounded.body = newTimedBody(r.Body, bounded.control, opts.BodyWithin)
			r.Body = bounded.body
		}
		defer func() {
			value := recover()
			if abort, _ := value.(error); value != nil && !errors.Is(abort, http.ErrAbortHandler) {
				failure := panicError(log, value)
				if bounded.status == 0 {
					clear(w.Header())
					writeProblem(bounded, failure, requestID)
					value = nil
				} else {
					value = http.ErrAbortHandler // so that the caller sees that the answer is cut off
				}
			}
			bounded.setStatus(http.StatusOK) // as the server does
			bounded.renew()                  // for the part that the server still buffers
			level := slog.LevelInfo
			if bounded.status >= 500 || value != nil {
				level = slog.LevelError
			}
			log.Log(r.Context(), level, "invocation", "trigger", TriggerHTTP, "route", r.Pattern,
				"status", bounded.status, "aborted", value != nil,
				"duration_ms", time.Since(started).Milliseconds())
			if value != nil {
				panic(value)
			}
		}()
		if invalid != nil {
			writeProblem(bounded, core.AsError(invalid), requestID)
			return
		}
		handler.ServeHTTP(bounded, r)
	})
}
