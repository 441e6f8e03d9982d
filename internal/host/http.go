package host

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

const (
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 * 1024 // net/http answers a request line and headers beyond it with 431
)

// ServeOptions are how Serve serves. They are copied; nil is all defaults.
type ServeOptions struct {
	Logger *slog.Logger             // nil: nothing is logged
	Getenv func(name string) string // nil: os.Getenv

	// What holds a connection is bounded, so that nobody keeps one by doing
	// nothing. 0 is the default.
	HeaderWithin time.Duration // a request's line and headers must have come: 10 seconds
	BodyWithin   time.Duration // its body must have come: 15 seconds
	WriteWithin  time.Duration // the client must have taken the next 64 KiB of the answer: a minute
	AnswerWithin time.Duration // the answer must be ready, counted from the headers: 15 minutes, as on Lambda and SCF; on FunctionGraph the function's timeout

	// StopWithin is how long Serve goes on once its context is done. Answers under way reach
	// their deadline before that, so that each still says where to go on. 0: 9 seconds; container
	// platforms kill after 10 to 30.
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

// runHTTP serves until a signal stops it. The first line on stdout says where.
func runHTTP(opts Options, listen string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		return &core.Error{Code: core.CodeMisconfigured, Param: "listen", Detail: "cannot listen on that address", Err: err}
	}
	fmt.Fprintf(opts.Stdout, "listening on http://%s\n", address(listen, ln))
	return Serve(ctx, ln, opts.HTTP, &ServeOptions{Logger: opts.Logger, Getenv: opts.Getenv})
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

// Serve answers HTTP requests on ln with handler until ctx is done, and then lets the requests
// under way finish, of which the deadline is brought forward so that they do. It gives each that has none an X-Request-Id,
// leaves one line in the log for each, turns panics into problems, and takes the
// headers away that hold a key of the platform's (see PlatformKey). It closes
// ln. A stop by ctx is no error.
//
// A body that does not come in time fails to be read with
// os.ErrDeadlineExceeded. A request's context ends a little before AnswerWithin, so
// that there is time left to answer.
func Serve(ctx context.Context, ln net.Listener, handler http.Handler, o *ServeOptions) error {
	opts := o.withDefaults()
	requests := newStopContext(ctx) // they outlive ctx
	server := &http.Server{
		Handler:           observed(handler, opts),
		ReadHeaderTimeout: opts.HeaderWithin,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(opts.Logger.Handler(), slog.LevelWarn),
		BaseContext:       func(net.Listener) context.Context { return requests },
		// No ReadTimeout and no WriteTimeout: a read of every customer takes
		// minutes, and streams. The bounds are kept by observed.
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	select {
	case err := <-served:
		return &core.Error{Op: "host.Serve", Code: core.CodeInternal, Err: err}
	case <-ctx.Done():
	}
	deadline := time.AfterFunc(opts.StopWithin-stopReserve(opts.StopWithin), requests.expire)
	defer deadline.Stop()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), opts.StopWithin)
	defer cancel()
	if err := server.Shutdown(grace); errors.Is(err, context.DeadlineExceeded) {
		_ = server.Close()
	}
	<-served
	return nil
}

// stopReserve is the part of the time to stop that is left for writing the ends of answers.
func stopReserve(within time.Duration) time.Duration { return min(within/4, 2*time.Second) }

// stopContext is the context of every request of a server. When the server stops it expires as
// at a deadline, which ends an answer with what was read and a cursor; a canceled context would
// mean that the caller went away.
type stopContext struct {
	context.Context // for its values
	done            chan struct{}
}

func newStopContext(values context.Context) *stopContext {
	return &stopContext{context.WithoutCancel(values), make(chan struct{})}
}

func (c *stopContext) expire() { close(c.done) }

// Done implements context.Context.
func (c *stopContext) Done() <-chan struct{} { return c.done }

// Err implements context.Context.
func (c *stopContext) Err() error {
	select {
	case <-c.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// observed is handler within the bounds of opts, with a request id, a line in
// the log and no panics.
func observed(handler http.Handler, opts ServeOptions) http.Handler {
	onFunctionGraph := opts.Getenv(functionGraphProject) != ""
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		requestID := callersID(r)
		log := opts.Logger.With("request_id", requestID)
		seen := newObservedWriter(w, opts.WriteWithin)

		ctx := context.WithValue(r.Context(), originKey{}, origin{trigger: TriggerHTTP})
		span, ok := transport.SpanFrom(r.Header)
		if !ok {
			span = transport.NewSpan()
		}
		ctx = transport.WithSpan(ctx, span)
		var refused error
		if onFunctionGraph {
			ctx, refused = withPlatformKey(ctx, r.Header)
		}
		ctx, cancelAnswer := context.WithTimeout(ctx, opts.AnswerWithin)
		defer cancelAnswer()
		ctx, cancel := withReserve(ctx)
		defer cancel()
		r = r.WithContext(ctx) // a copy: the server goes on with the body as it is
		dropPlatformKeys(r.Header)
		r.Header.Set(requestIDHeader, requestID)
		if r.ContentLength != 0 { // -1: not told
			seen.body = newTimedBody(r.Body, seen.control, opts.BodyWithin)
			r.Body = seen.body
		}
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
			seen.begin(http.StatusOK) // the server would
			seen.renew()              // for what it still holds back
			level := slog.LevelInfo
			if seen.status >= 500 || value != nil {
				level = slog.LevelError
			}
			log.Log(r.Context(), level, "invocation", "trigger", TriggerHTTP, "route", r.Pattern,
				"status", seen.status, "aborted", value != nil,
				"duration_ms", time.Since(started).Milliseconds())
			if value != nil {
				panic(value)
			}
		}()
		if refused != nil {
			writeProblem(seen, core.AsError(refused), requestID)
			return
		}
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
