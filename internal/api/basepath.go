package api

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"partnerlens/api"
	"partnerlens/pkg/core"
)

// BasePathSetting names the setting of the path before the API's paths, for platforms
// whose events do not have it: behind a reverse proxy, or a load balancer that forwards by
// path.
const BasePathSetting = "PARTNERLENS_BASE_PATH"

var basePathForm = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

// ParseBasePath reads the setting and removes a slash at its end.
func ParseBasePath(text string) (string, error) {
	base := strings.TrimSuffix(text, "/")
	if base != "" && (!basePathForm.MatchString(base) || strings.Contains(base+"/", "/./") || strings.Contains(base+"/", "/../")) {
		return "", &core.Error{Code: core.CodeMisconfigured, Param: BasePathSetting, Detail: "not a path of letters, digits and . _ ~ -; write it as /partners"}
	}
	return base, nil
}

type baseKey struct{}

// withBase returns the request with the path that the routes have. Its context has the
// path before it in the caller's URL.
func (h *handler) withBase(r *http.Request) (*http.Request, error) {
	if h.BasePath == nil {
		return r, nil
	}
	own, outer, err := h.BasePath(r)
	if err != nil {
		return r, err
	}
	stripped := withoutBase(r, own)
	base := outer
	if stripped != r || outer == "" { // a proxy may have removed own
		base += own
	}
	if base == "" {
		return stripped, nil
	}
	return stripped.WithContext(context.WithValue(stripped.Context(), baseKey{}, base)), nil
}

// withoutBase returns the request without base in its path. A request that does not have
// it stays unchanged: a proxy may have removed it, and a health check on the machine does
// not use it.
func withoutBase(r *http.Request, base string) *http.Request {
	path, ok := cutBase(r.URL.Path, base)
	if !ok {
		return r
	}
	raw := ""
	if r.URL.RawPath != "" {
		if raw, ok = cutBase(r.URL.RawPath, base); !ok {
			return r
		}
	}
	stripped, u := *r, *r.URL
	u.Path, u.RawPath = path, raw
	stripped.URL = &u
	return &stripped
}

func cutBase(path, base string) (string, bool) {
	rest, ok := strings.CutPrefix(path, base)
	switch {
	case base == "" || !ok || rest != "" && rest[0] != '/':
		return path, false
	case rest == "":
		rest = "/"
	}
	return rest, true
}

// serversEntry is the entry of the document that its paths are relative to.
var serversEntry = regexp.MustCompile(`(?m)^servers:\n  - url: .*$`)

// openAPI answers with the document, relative to the base path of its own URL.
func (h *handler) openAPI(w http.ResponseWriter, r *http.Request) error {
	document := api.OpenAPI
	if base, _ := r.Context().Value(baseKey{}).(string); base != "" {
		document = serversEntry.ReplaceAllLiteral(document, []byte("servers:\n  - url: "+strconv.QuoteToASCII(base)))
	}
	writeWhole(w, r, "application/yaml", document) // RFC 9512
	return nil
}
