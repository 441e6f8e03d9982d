package api

import (
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"partnerlens/pkg/core"
)

// maxBody is the longest body that is read: some 60,000 ids.
const maxBody = 1 << 20

// maxQuery is the longest query string that is read: some 800 ids.
const maxQuery = 32 << 10

// params reads the parameters of a query from the URL or the body.
func (h *handler) params(w http.ResponseWriter, r *http.Request, c *call) (core.Params, error) {
	if r.Method != http.MethodPost {
		return paramsFromURL(c.function, r)
	}
	release, err := h.bodies.take(c.caller)
	if err != nil {
		return nil, err
	}
	defer release()
	return paramsFromBody(w, r)
}

// paramsFromQuery reads a query string and rejects what url.ParseQuery skips: a skipped
// parameter could turn a query for some customers into one for all.
func paramsFromQuery(query string) (core.Params, error) {
	if len(query) > maxQuery {
		return nil, &core.Error{Code: core.CodeTooLarge, Detail: "the query string is over 32 KiB; send the parameters by POST, as JSON"}
	}
	params := core.Params{}
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		if strings.Contains(pair, ";") {
			return nil, core.Invalid("", "the query string has a ;: separate parameters by & and write ; as %%3B")
		}
		escapedName, escapedValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(escapedName)
		if err != nil || !utf8.ValidString(name) {
			return nil, core.Invalid("", "the name of a parameter is not percent-encoded UTF-8; write %% as %%25")
		}
		value, err := url.QueryUnescape(escapedValue)
		if err != nil || !utf8.ValidString(value) {
			return nil, core.Invalid(printable(name), "the value is not percent-encoded UTF-8; write %% as %%25")
		}
		params[name] = append(params[name], value)
	}
	return params, nil
}

// printable returns a name for an error's text, or "" if it cannot be a parameter's.
func printable(name string) string {
	if len(name) > 64 || strings.ContainsFunc(name, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') }) {
		return ""
	}
	return name
}

// paramsFromBody reads the JSON object of a POST.
func paramsFromBody(w http.ResponseWriter, r *http.Request) (core.Params, error) {
	if r.URL.RawQuery != "" {
		return nil, core.Invalid("", "a POST has its parameters in the body only; move those of the query string there")
	}
	if contentType := r.Header.Get("Content-Type"); contentType != "" {
		if mediaType, _, err := mime.ParseMediaType(contentType); err != nil || mediaType != "application/json" {
			return nil, &core.Error{Code: core.CodeUnsupportedMedia, Detail: "send the parameters as application/json"}
		}
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, &core.Error{Code: core.CodeUnsupportedMedia, Detail: "send the body without a Content-Encoding"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return nil, &core.Error{Code: core.CodeTooLarge, Detail: "the body is over 1 MiB; ask in several requests"}
	case errors.Is(err, os.ErrDeadlineExceeded): // the host's bound; checked before the context, which may have ended with the same connection
		return nil, &core.Error{Code: core.CodeSlowRequest, Detail: "the body did not arrive in time"}
	case err != nil && r.Context().Err() != nil:
		return nil, core.AsError(r.Context().Err())
	case err != nil:
		return nil, core.Invalid("", "the body could not be read to its end")
	}
	return core.ParamsFromJSON(body)
}

// paramsFromURL reads the query string, and the id of a path that has one. The function
// decides which parameters an id allows: a limit, a cursor or a status mean nothing for
// one customer.
func paramsFromURL(f *core.Function, r *http.Request) (core.Params, error) {
	params, err := paramsFromQuery(r.URL.RawQuery)
	id := r.PathValue("customer_id")
	if err != nil || id == "" {
		return params, err
	}
	for name := range params {
		if !slices.Contains(f.WithID, name) {
			return nil, core.Invalid(printable(name), "not a parameter of this path; beside an id there may be %s", strings.Join(f.WithID, ", "))
		}
	}
	byID, err := f.ByID(id)
	if err != nil {
		return nil, err
	}
	maps.Copy(params, byID)
	return params, nil
}
