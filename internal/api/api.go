// Package api is the HTTP API as one net/http handler: routes, parameters,
// content negotiation, the three formats of an answer, and problem+json.
//
// It knows functions only as core.Functions: a third one needs no edit here.
// It does not know where it runs. A host that buffers an answer, and can only
// take so much, tells so through its ResponseWriter (see Budgeted); the answer
// then ends early with a cursor instead of not arriving at all.
//
// Nobody gets past its door (door.go) whom the platform did not let in and who
// shows no key, and each call behind it leaves one line in the log (audit.go).
//
// It reads no environment and calls no cloud itself. It logs failures by their
// code, and never a query's values, a header or a body.
//
// internal/app and the command line may import it, and tests.
package api

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"partnerlens/pkg/core"
)

// Options are what a handler is built with. They are copied.
type Options struct {
	Functions []*core.Function
	Version   string       // of the program, for /healthz
	Logger    *slog.Logger // nil: nothing is logged

	// Keys gives who may ask, at each request. nil, or a nil *Keys: no keys are
	// configured, and only programs on this machine may ask, masked. An error
	// closes the door for everybody.
	Keys func(ctx context.Context) (*Keys, error)

	// BasePath gives what stands before the API's own paths in the URLs of callers, without a
	// slash at its end: own is taken off a request's path if it is there, outer is taken off
	// already. nil: nothing stands there.
	BasePath func(r *http.Request) (own, outer string, err error)

	// LastValues says whether a request's query holds only the last value of a parameter that the
	// caller repeated. nil: no query does.
	LastValues func(r *http.Request) bool

	// Token is a key that may ask everything while no keys are configured; empty: there is none.
	Token core.Secret

	// Simulated says that no customer of the functions is real: while no keys are configured,
	// programs on this machine may ask everything, whatever key they send.
	Simulated bool

	// Platform gives whom the platform let in, by what no caller can write
	// itself. Who it names needs no key, and may ask everything, masked, unless Keys
	// say otherwise. nil: there is no such platform.
	Platform func(r *http.Request) (principal string, ok bool)

	// NoLoopback is for where a platform's own agent on the same machine hands
	// requests over: then nobody is let in for being on this machine.
	NoLoopback bool

	// InFlight is how many questions are answered at once, and how many bodies are read at
	// once; 0: 64. One caller gets at most half of them (see shares).
	InFlight int

	// Metrics gives the body of /metrics, in Prometheus's text format: the numbers
	// of functions and accounts that sees lets through. nil: there are none.
	Metrics func(ctx context.Context, sees func(function, account string) bool) []byte

	// Observe is told of each request to /v1 as it begins, and the function that
	// it gives of how it went; of /metrics, of wrong keys only. nil: nobody is.
	Observe func(r *http.Request) func(Outcome)

	// Trace is told of what is read for an answer. May be nil.
	Trace *core.Trace
}

// Outcome is how a request went.
type Outcome struct {
	Function string    // "" where it reached none
	Code     core.Code // of why not, or why not all; "": it is answered
	WrongKey bool      // it showed a key that opens nothing
	Took     time.Duration
}

// handler is the API. Safe for concurrent use.
type handler struct {
	version   string
	log       *slog.Logger
	mux       *http.ServeMux
	keys      func(context.Context) (*Keys, error)
	platform  func(*http.Request) (string, bool)
	loopback  bool
	token     *Keys // without a key: there is no token
	simulated bool
	wrong     throttle
	bodies    *shares // of bodies that are being read
	answers   *shares // of questions that are being answered
	metrics   func(context.Context, func(function, account string) bool) []byte
	observe   func(*http.Request) func(Outcome)
	trace     *core.Trace

	basePath   func(*http.Request) (own, outer string, err error)
	lastValues func(*http.Request) bool
}

// defaultInFlight is more than a resellers' callers need at the clouds' pace of a
// few calls a second, and few enough to be held in memory at once.
const defaultInFlight = 64

// New gives the handler:
//
//	GET  /v1/{function}                answers a question
//	POST /v1/{function}                the same, its parameters as a JSON body
//	GET  /v1/{function}/{customer_id}  asks for one customer
//	GET  /metrics                      the numbers of this process
//	GET  /healthz                      this program answers; no cloud is called
//	GET  /                             the same, for load balancers, which ask for it unless set up otherwise
//	GET  /openapi.yaml                 all this, precisely
//
// HEAD goes wherever GET goes: it checks the request, and reads nothing. All
// paths below /v1 are behind the door, and /metrics is.
func New(opts Options) http.Handler {
	h := &handler{
		version: opts.Version, log: opts.Logger, mux: http.NewServeMux(),
		keys: opts.Keys, platform: opts.Platform, loopback: !opts.NoLoopback,
		token: tokenKeys(opts.Token), simulated: opts.Simulated,
		bodies: newShares(cmp.Or(opts.InFlight, defaultInFlight)), answers: newShares(cmp.Or(opts.InFlight, defaultInFlight)),
		metrics: opts.Metrics, observe: opts.Observe, trace: opts.Trace,
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.keys == nil {
		h.keys = noKeys
	}
	if h.platform == nil {
		h.platform = noPlatform
	}
	if h.metrics == nil {
		h.metrics = func(context.Context, func(string, string) bool) []byte { return nil }
	}
	h.basePath, h.lastValues = opts.BasePath, opts.LastValues
	if h.basePath == nil {
		h.basePath = noBasePath
	}
	if h.lastValues == nil {
		h.lastValues = func(*http.Request) bool { return false }
	}
	if h.observe == nil {
		h.observe = func(*http.Request) func(Outcome) { return func(Outcome) {} }
	}
	for _, f := range opts.Functions {
		all, one := "/v1/"+f.Name, "/v1/"+f.Name+"/{customer_id}"
		h.question("GET", all, f, func(_ http.ResponseWriter, r *http.Request) (core.Params, string, error) {
			params, err := paramsFromQuery(r.URL.RawQuery)
			return params, "", err
		})
		h.question("POST", all, f, func(w http.ResponseWriter, r *http.Request) (core.Params, string, error) {
			release, err := h.bodies.take(callOf(r.Context()).caller)
			if err != nil {
				return nil, "", err
			}
			defer release()
			params, err := paramsFromBody(w, r)
			return params, "", err
		})
		h.question("GET", one, f, func(_ http.ResponseWriter, r *http.Request) (core.Params, string, error) {
			return paramsByID(f, r)
		})
		h.otherMethods(all, "GET, HEAD, POST")
		h.otherMethods(one, "GET, HEAD")
	}
	h.route("GET", metricsPath, h.numbers)
	h.otherMethods(metricsPath, "GET, HEAD")
	h.route("GET", "/healthz", h.healthz)
	h.route("GET", "/{$}", h.healthz)
	h.route("GET", "/openapi.yaml", h.openAPI)
	h.otherMethods("/{$}", "GET, HEAD")
	h.otherMethods("/healthz", "GET, HEAD")
	h.otherMethods("/openapi.yaml", "GET, HEAD")
	h.route("", "/", func(http.ResponseWriter, *http.Request) error {
		return &core.Error{Code: core.CodeNotFound, Detail: "no such path; /openapi.yaml lists those there are"}
	})
	return h
}

func (h *handler) healthz(w http.ResponseWriter, r *http.Request) error {
	body, err := core.AppendJSON(nil, struct {
		Status  string `json:"status"`
		Version string `json:"version"`
	}{"ok", h.version})
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	writeWhole(w, r, "application/json", append(body, '\n'))
	return nil
}

const (
	metricsPath = "/metrics"
	// metricsMedia is the media type of Prometheus's text format.
	metricsMedia = "text/plain; version=0.0.4; charset=utf-8"
)

// numbers are this process's: no customer, but how many there are, so that a
// key is needed, and shows those of the functions and accounts that it is for.
func (h *handler) numbers(w http.ResponseWriter, r *http.Request) error {
	c := callOf(r.Context())
	if c == nil {
		return &core.Error{Op: "api.numbers", Code: core.CodeInternal, Detail: "this path is not behind the door"}
	}
	w.Header().Set("Cache-Control", "no-store")
	c.status = http.StatusOK
	var body []byte
	if r.Method != http.MethodHead {
		body = h.metrics(r.Context(), c.caller.sees)
	}
	writeWhole(w, r, metricsMedia, body)
	return nil
}

// writeWhole writes a body that is at hand. A client that went away is nobody
// to tell about it, so the error of writing is dropped.
func writeWhole(w http.ResponseWriter, r *http.Request, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}
