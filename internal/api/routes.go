package api

import (
	"net/http"
	"net/url"
	"strings"

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

// ServeHTTP is the way in for every request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(requestIDHeader, requestID(r))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if err := checkPath(r.URL); err != nil {
		h.writeProblem(w, r, err)
		return
	}
	h.mux.ServeHTTP(w, r)
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
