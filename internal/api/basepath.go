package api

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"partnerlens/api"
	"partnerlens/pkg/core"
)

// BasePathSetting names the setting of what stands before the API's paths where no event carries
// it: behind a reverse proxy, or a load balancer that forwards by path.
const BasePathSetting = "PARTNERLENS_BASE_PATH"

var basePathForm = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

// ParseBasePath reads the setting. A slash at the end is dropped.
func ParseBasePath(text string) (string, error) {
	base := strings.TrimSuffix(text, "/")
	if base != "" && (!basePathForm.MatchString(base) || strings.Contains(base+"/", "/./") || strings.Contains(base+"/", "/../")) {
		return "", &core.Error{Code: core.CodeMisconfigured, Param: BasePathSetting, Detail: "not a path of letters, digits and . _ ~ -; write it as /partners"}
	}
	return base, nil
}

// noBasePath is for a handler whose paths nothing stands before.
func noBasePath(*http.Request) (own, outer string, err error) { return "", "", nil }

type baseKey struct{}

// withBase gives the request as the routes know it, with what stands before its path in the
// caller's URL in its context.
func (h *handler) withBase(r *http.Request) (*http.Request, error) {
	own, outer, err := h.basePath(r)
	if err != nil {
		return r, err
	}
	stripped := below(r, own)
	base := outer
	if stripped != r || outer == "" { // a proxy may have taken it off
		base += own
	}
	if base == "" {
		return stripped, nil
	}
	return stripped.WithContext(context.WithValue(stripped.Context(), baseKey{}, base)), nil
}

// below gives the request with base taken off its path. A request without it stays as it is: a
// proxy may have taken it off, and a health check on the machine does not know it.
func below(r *http.Request, base string) *http.Request {
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
	stripped := *r
	stripped.URL = new(url.URL)
	*stripped.URL = *r.URL
	stripped.URL.Path, stripped.URL.RawPath = path, raw
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

// serversEntry is where the document says what its paths are relative to.
var serversEntry = regexp.MustCompile(`(?m)^servers:\n  - url: .*$`)

// openAPI writes the document, with the URL that its reader found it below.
func (h *handler) openAPI(w http.ResponseWriter, r *http.Request) error {
	document := api.OpenAPI
	if base, _ := r.Context().Value(baseKey{}).(string); base != "" {
		document = serversEntry.ReplaceAllLiteral(document, []byte("servers:\n  - url: "+strconv.QuoteToASCII(base)))
	}
	writeWhole(w, r, "application/yaml", document) // RFC 9512
	return nil
}
