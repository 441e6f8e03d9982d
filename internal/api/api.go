// Package api is the HTTP API as one net/http handler: routes, parameters, content
// negotiation, the three formats of an answer, and problem+json.
//
// It serves any core.Function: a third one needs no change here. It is independent of the
// platform. A host that buffers answers up to a size states the size through its
// ResponseWriter (see Budgeted); an answer that would be larger ends early with a cursor.
//
// A caller is authenticated by the platform or by a key (auth.go). Each authenticated path
// writes one audit line a request (audit.go).
//
// The package reads no environment and calls no vendor itself. It logs failures by their
// code, and never a query's values, a header or a body.
package api

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"partnerlens/pkg/core"
)

// Options are the options of New, which copies them.
type Options struct {
	Functions []*core.Function
	Version   string       // of the program, for /healthz
	Logger    *slog.Logger // nil: nothing is logged

	// Keys returns the configured keys; it is called for each request. nil, or a nil *Keys:
	// no keys are configured, and only programs on this machine may query, masked. After an
	// error no caller may.
	Keys func(ctx context.Context) (*Keys, error)

	// BasePath returns the path before the API's own paths in the caller's URL, without a
	// slash at its end: the handler removes own from a request's path if it is there; outer is
	// removed already. nil: there is none.
	BasePath func(r *http.Request) (own, outer string, err error)

	// LastValues reports whether a request's query has only the last value of a repeated
	// parameter. nil: no query does.
	LastValues func(r *http.Request) bool

	// Token is a key with all rights while no keys are configured; empty: there is none.
	Token core.Secret

	// Simulated means that no customer of the functions is real: while no keys are configured,
	// programs on this machine have all rights, with any key or none.
	Simulated bool

	// Platform returns the principal that the platform authenticated, from data that no caller
	// can write. A principal needs no key, and may query everything, masked, unless Keys has
	// an entry for it. nil: the platform authenticates no caller.
	Platform func(r *http.Request) (principal string, ok bool)

	// NoLoopback is set if a platform's agent on the same machine passes requests on: then a
	// loopback address authenticates no caller.
	NoLoopback bool

	// InFlight is how many queries are answered at once, and how many bodies are read at once;
	// 0: 64. One caller gets at most half of them (see shares).
	InFlight int

	// Metrics returns the body of /metrics, in Prometheus's text format, for the functions and
	// accounts that sees accepts. nil: there are no metrics.
	Metrics func(ctx context.Context, sees func(function, account string) bool) []byte

	// Zone returns the zone of the local dates in CSV. nil: core.VendorZone.
	Zone func() *time.Location

	// Observe is called at the start of each request to /v1, and the function that it returns
	// at its end; for /metrics, for wrong keys only. May be nil.
	Observe func(r *http.Request) func(Outcome)

	// Trace observes the reads of an answer. May be nil.
	Trace *core.Trace

	// Resources are further paths, which answer from what is stored.
	Resources []Resource
}

// Outcome is the result of a request.
type Outcome struct {
	Function string    // "" if it reached none
	Code     core.Code // of the error, also of one that cut the answer short; "": none
	WrongKey bool      // it has a key that is not valid
	Took     time.Duration
}

// handler is the API. Safe for concurrent use.
type handler struct {
	Options
	mux     *http.ServeMux
	token   *Keys // without an entry if there is no token
	wrong   throttle
	bodies  *shares // of bodies that are being read
	answers *shares // of queries that are being answered
}

// defaultInFlight is more than a reseller's callers need at the vendors' pace of a few
// calls a second, and few enough to be held in memory at once.
const defaultInFlight = 64

const (
	requestIDHeader = "X-Request-Id"
	metricsPath     = "/metrics"
	metricsMedia    = "text/plain; version=0.0.4; charset=utf-8" // Prometheus's text format
)

// New returns the handler of
//
//	GET  /v1/{function}                answers a query
//	POST /v1/{function}                the same, with the parameters as a JSON body
//	GET  /v1/{function}/{customer_id}  answers for one customer
//	GET  /v1/{resource}                answers from what is stored: see Resource
//	GET  /customers/{function}/{account}/{customer_id}  leads to the customer's history
//	GET  /metrics                      the metrics of this process
//	GET  /healthz                      the program answers; no vendor is called
//	GET  /                             the same, for load balancers, which request it by default
//	GET  /openapi.yaml                 the description of this API
//
// Each path with GET has HEAD, which checks the request and reads nothing. The paths below
// /v1, and /metrics, require authentication.
func New(opts Options) http.Handler {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	inFlight := cmp.Or(opts.InFlight, defaultInFlight)
	h := &handler{
		Options: opts, mux: http.NewServeMux(), token: tokenKeys(opts.Token),
		bodies: newShares(inFlight), answers: newShares(inFlight),
	}
	for _, f := range opts.Functions {
		all, one := "/v1/"+f.Name, "/v1/"+f.Name+"/{customer_id}"
		query := authenticated(func(w http.ResponseWriter, r *http.Request, c *call) error { return h.query(w, r, c, f) })
		h.route("GET "+all, query)
		h.route("POST "+all, query)
		h.otherMethods(all, "GET, HEAD, POST")
		h.get(one, query)
	}
	for _, res := range opts.Resources {
		h.get("/v1/"+res.Path, authenticated(func(w http.ResponseWriter, r *http.Request, c *call) error { return h.resource(w, r, c, &res) }))
	}
	h.get("/customers/{function}/{account}/{customer_id}", h.customer)
	h.get(metricsPath, authenticated(h.metrics))
	h.get("/healthz", h.healthz)
	h.get("/{$}", h.healthz)
	h.get("/openapi.yaml", h.openAPI)
	h.route("/", func(http.ResponseWriter, *http.Request) error {
		return &core.Error{Code: core.CodeNotFound, Detail: "no such path; see /openapi.yaml"}
	})
	return h
}

func (h *handler) healthz(w http.ResponseWriter, r *http.Request) error {
	body, err := jsonLine(nil, struct {
		Status  string `json:"status"`
		Version string `json:"version"`
	}{"ok", h.Version})
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	writeWhole(w, r, "application/json", body)
	return nil
}

// customer leads the links of digests to the customer's history. The address is relative to
// the caller's, whose base path may not be known.
func (h *handler) customer(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("function")
	if !slices.ContainsFunc(h.Functions, func(f *core.Function) bool { return f.Name == name }) {
		return &core.Error{Code: core.CodeNotFound, Detail: "no such function; see /openapi.yaml"}
	}
	w.Header().Set("Location", "../../../v1/"+name+"/"+url.PathEscape(r.PathValue("customer_id"))+"/history?account="+url.QueryEscape(r.PathValue("account")))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// metrics answers with the metrics of this process. They hold no customer's data but the
// numbers of customers, so that the caller must be authenticated, and gets the metrics of
// the functions and accounts that it may query.
func (h *handler) metrics(w http.ResponseWriter, r *http.Request, c *call) error {
	w.Header().Set("Cache-Control", "no-store")
	c.status = http.StatusOK
	var body []byte
	if r.Method != http.MethodHead && h.Metrics != nil {
		body = h.Metrics(r.Context(), c.caller.sees)
	}
	writeWhole(w, r, metricsMedia, body)
	return nil
}

// writeWhole writes a complete body. It ignores the error of writing, which only means
// that the client is gone.
func writeWhole(w http.ResponseWriter, r *http.Request, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}
