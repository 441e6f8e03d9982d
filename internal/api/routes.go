package api

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"partnerlens/pkg/core"
)

// serveFunc answers a request. It returns an error only while nothing is written.
type serveFunc func(http.ResponseWriter, *http.Request) error

// route serves a pattern. An error of serve becomes a problem.
func (h *handler) route(pattern string, serve serveFunc) {
	h.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if err := serve(w, r); err != nil {
			h.writeProblem(w, r, err)
		}
	})
}

// get serves a path that has GET and HEAD only.
func (h *handler) get(path string, serve serveFunc) {
	h.route("GET "+path, serve)
	h.otherMethods(path, "GET, HEAD")
}

// otherMethods answers the methods that a path does not have. ServeMux would answer them
// in plain text.
func (h *handler) otherMethods(path, allow string) {
	h.route(path, func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Allow", allow)
		return &core.Error{Code: core.CodeMethodNotAllowed, Detail: "this path has " + allow}
	})
}

// authenticated returns a serveFunc for paths of requiresAuth. On any other path it fails:
// the caller would be unknown.
func authenticated(serve func(http.ResponseWriter, *http.Request, *call) error) serveFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		c := callOf(r.Context())
		if c == nil {
			return &core.Error{Op: "api.authenticated", Code: core.CodeInternal, Detail: "this path does not require authentication"}
		}
		return serve(w, r, c)
	}
}

// requiresAuth reports whether a path can show customers. The routes look at the same
// path: checkPath rejects any path that they would clean first.
func requiresAuth(path string) bool {
	return path == "/v1" || strings.HasPrefix(path, "/v1/") || isMetrics(path)
}

func isMetrics(path string) bool {
	return path == metricsPath || strings.HasPrefix(path, metricsPath+"/")
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	requestID := core.RequestID(r.Header.Get(requestIDHeader))
	w.Header().Set(requestIDHeader, requestID)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	outer := r
	c := &call{start: time.Now(), caller: caller{method: authNone}}
	r, err := h.withBase(r)
	if err == nil && requiresAuth(r.URL.Path) {
		r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
		finish := h.observe(r)
		defer func() {
			finish(c)
			h.audit(r, c, requestID)
		}()
		c.caller, err = h.authenticate(r)
	}
	defer func() { outer.Pattern = r.Pattern }() // for the host's log line
	if err == nil {
		err = checkPath(r.URL)
	}
	if err != nil {
		h.writeProblem(w, r, err)
	} else {
		h.mux.ServeHTTP(w, r)
	}
	c.finished = true
}

// observe calls Options.Observe and returns the function to call at the request's end.
func (h *handler) observe(r *http.Request) (finish func(*call)) {
	switch {
	case h.Observe == nil:
		return func(*call) {}
	case isMetrics(r.URL.Path):
		return func(c *call) {
			if c.caller.wrongKey {
				h.Observe(r)(c.outcome())
			}
		}
	}
	observed := h.Observe(r)
	return func(c *call) { observed(c.outcome()) }
}

// query answers a query of a function. The body is read before a place among the answers
// is taken: a caller whose body does not arrive takes no place from another caller.
func (h *handler) query(w http.ResponseWriter, r *http.Request, c *call, f *core.Function) error {
	c.function = f
	if err := c.caller.mayQuery(f.Name); err != nil {
		return err
	}
	var err error
	if c.params, err = h.params(w, r, c); err != nil {
		return err
	}
	release, err := h.answers.take(c.caller)
	if err != nil {
		return err
	}
	defer release()
	return h.answer(w, r, c)
}

// checkPath rejects the paths that ServeMux would clean and redirect. A redirect hides
// the caller's mistake, loses a POST's body with some clients, and loops behind gateways
// that add a stage name to the path.
func checkPath(u *url.URL) error {
	path, absolute := strings.CutPrefix(u.EscapedPath(), "/")
	if !absolute {
		return &core.Error{Code: core.CodeNotFound, Detail: "not a path; paths begin with a slash"}
	}
	if path == "" {
		return nil
	}
	for segment := range strings.SplitSeq(path, "/") {
		text, err := url.PathUnescape(segment)
		switch {
		case err != nil:
			return core.Invalid("", "the path has a %% that is not followed by two hexadecimal digits")
		case strings.ContainsAny(text, `/\`):
			return core.Invalid("", "the path has an encoded slash or a backslash; no id has one")
		case text == "":
			return &core.Error{Code: core.CodeNotFound, Detail: "no such path: it has two slashes in a row, or one at its end"}
		case text == "." || text == "..":
			return &core.Error{Code: core.CodeNotFound, Detail: "no such path: it has a part that is . or .."}
		}
	}
	return nil
}
