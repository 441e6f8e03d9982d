package api

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"partnerlens/pkg/core"
)

// route serves a pattern by a function whose error becomes a problem. Such a
// function returns an error only as long as nothing is written.
func (h *handler) route(method, path string, serve func(http.ResponseWriter, *http.Request) error) {
	h.mux.HandleFunc(strings.TrimSpace(method+" "+path), func(w http.ResponseWriter, r *http.Request) {
		if err := serve(w, r); err != nil {
			h.writeProblem(w, r, err)
		}
	})
}

// otherMethods answers those that a path does not have. ServeMux would by
// itself, but in plain text.
func (h *handler) otherMethods(path, allow string) {
	h.route("", path, func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Allow", allow)
		return &core.Error{Code: core.CodeMethodNotAllowed, Detail: "this path has " + allow}
	})
}

// question serves a pattern that answers a function's question. read gives its
// parameters, and the id that the path names.
func (h *handler) question(method, path string, f *core.Function, read func(http.ResponseWriter, *http.Request) (params core.Params, id string, err error)) {
	h.route(method, path, func(w http.ResponseWriter, r *http.Request) error {
		c := callOf(r.Context())
		if c == nil {
			return &core.Error{Op: "api.question", Code: core.CodeInternal, Detail: "this path is not behind the door"}
		}
		c.function = f
		if err := c.caller.mayAsk(f.Name); err != nil {
			return err
		}
		params, id, err := read(w, r)
		if err != nil {
			return err
		}
		c.params = params
		release, err := h.answers.take(c.caller)
		if err != nil {
			return err
		}
		defer release()
		return h.ask(w, r, c, params, id)
	})
}

// ServeHTTP is the way in for every request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(requestIDHeader, requestID(r))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	outer := r
	r, err := h.withBase(r)
	if err != nil {
		h.writeProblem(w, r, err)
		return
	}
	defer func() { outer.Pattern = r.Pattern }() // for the host's own line
	if behindDoor(r.URL.Path) {
		h.call(w, r)
		return
	}
	h.open(w, r)
}

// behindDoor is for paths that could hold customers. The routes look at the same
// path; one that they would clean first is refused by checkPath.
func behindDoor(path string) bool {
	return path == "/v1" || strings.HasPrefix(path, "/v1/") || isMetrics(path)
}

func isMetrics(path string) bool {
	return path == metricsPath || strings.HasPrefix(path, metricsPath+"/")
}

// open answers who may be anybody, or came through the door.
func (h *handler) open(w http.ResponseWriter, r *http.Request) {
	if err := checkPath(r.URL); err != nil {
		h.writeProblem(w, r, err)
		return
	}
	h.mux.ServeHTTP(w, r)
}

// call answers a request that takes a key: it counts it, finds out which caller asks, and leaves
// the one line in the log, however it ends. The caller is known before it takes a place, and a
// body is read before a place among the answers is taken: a caller without a key, or with a body
// that does not come, keeps no other one out.
func (h *handler) call(w http.ResponseWriter, r *http.Request) {
	c := &call{began: time.Now(), caller: caller{kind: byNothing}}
	outer := r
	r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
	defer func() {
		outer.Pattern = r.Pattern // for the host's own line
		h.audit(r, c, w.Header().Get(requestIDHeader))
	}()
	if isMetrics(r.URL.Path) {
		h.authenticated(w, r, c)
		if c.caller.wrongKey {
			h.observe(r)(c.outcome())
		}
		return
	}
	observed := h.observe(r)
	defer func() { observed(c.outcome()) }()
	h.authenticated(w, r, c)
}

// authenticated answers a request whose caller is known.
func (h *handler) authenticated(w http.ResponseWriter, r *http.Request, c *call) {
	var err error
	if c.caller, err = h.authenticate(r); err != nil {
		h.writeProblem(w, r, err)
	} else {
		h.open(w, r)
	}
	c.ended = true
}

// checkPath refuses the paths that ServeMux would clean and redirect. A
// redirect hides the caller's mistake, loses a POST's body with some clients,
// and loops behind gateways that put a stage name before the path.
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
			return core.Invalid("", "the path has an encoded slash or a backslash; no id holds one")
		case text == "":
			return &core.Error{Code: core.CodeNotFound, Detail: "no such path: it has two slashes in a row, or one at its end"}
		case text == "." || text == "..":
			return &core.Error{Code: core.CodeNotFound, Detail: "no such path: it has a part that is . or .."}
		}
	}
	return nil
}
