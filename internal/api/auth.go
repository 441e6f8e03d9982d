package api

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"partnerlens/pkg/core"
)

// caller is the caller of a request and its rights.
type caller struct {
	method string // one of the constants below
	name   string // of the key's entry, or the principal; for the log
	grant  grant

	wrongKey bool // its key is not valid
}

// The methods of authentication, as the log names them.
const (
	authNone     = "none"
	authKey      = "key"
	authPlatform = "platform"
	authLoopback = "loopback"
	authToken    = "token" // printed by serve at its start
)

// maxPrincipal is the longest principal, in bytes.
const maxPrincipal = 1024

// mayQuery returns an error if the caller may not query the function.
func (c *caller) mayQuery(function string) error {
	if c.sees(function, "") {
		return nil
	}
	return &core.Error{Code: core.CodeForbidden, Detail: "this key may not ask for " + function + "; it may ask for: " + strings.Join(c.grant.functions, ", ")}
}

// sees reports whether the caller may see metrics of a function and an account. Every
// caller may see those of neither.
func (c *caller) sees(function, account string) bool {
	return (function == "" || c.grant.functions == nil || slices.Contains(c.grant.functions, function)) &&
		(account == "" || c.grant.accounts == nil || slices.Contains(c.grant.accounts, account))
}

// share returns the name under which the caller's places are counted.
func (c *caller) share() string { return c.method + " " + c.name }

func (c *caller) rights() core.Rights {
	rights := core.Rights{Personal: c.grant.personal, Inside: c.method == authToken}
	if accounts := c.grant.accounts; accounts != nil {
		rights.Account = func(name string) bool { return slices.Contains(accounts, name) }
	}
	return rights
}

// forbidden returns the error for a query beyond the caller's rights. For a program on
// this machine it explains how to get them.
func (c *caller) forbidden(err error) error {
	failure := core.AsError(err)
	if c.method != authLoopback || failure.Code != core.CodeForbidden {
		return err
	}
	explained := *failure
	explained.Detail = detailMasked
	return &explained
}

// Error texts. None reveals whether a key exists; only a request with the key itself
// learns that it has expired.
const (
	detailNoKeys     = "no key is configured, so that only programs on this machine may query, by the name localhost and through no proxy; set " + KeysSetting + ", see partnerlens key new"
	detailNeeded     = "send a key, as Authorization: Bearer KEY or as X-Api-Key: KEY"
	detailWrong      = "the key is not valid; ask the operator for a valid one"
	detailWrongToken = "no key is configured, and this one is not the token that partnerlens serve printed when it started; send that, leave the key out for masked data, or set " + KeysSetting + ", see partnerlens key new"
	detailAmbiguous  = "more than one key was sent; send one, as Authorization: Bearer KEY or as X-Api-Key: KEY"
	detailMasked     = "without a key, names, e-mail addresses and numbers are masked and cannot be searched, since a proxy on this machine looks like its own programs; send the token that partnerlens serve printed when it started, as Authorization: Bearer TOKEN, or configure a key: set " + KeysSetting + ", see partnerlens key new"
)

func unauthenticated(detail string) *core.Error {
	return &core.Error{Code: core.CodeUnauthenticated, Detail: detail}
}

// authenticate returns the caller of a request. It uses the headers alone: the body of an
// unknown caller is not read. It rejects a text that cannot be a key before it reads the
// keys, which may take a call of their store. The log has the caller even with an error.
func (h *handler) authenticate(r *http.Request) (caller, error) {
	unknown := caller{method: authNone}
	var principal, key string
	var isPrincipal bool
	if h.Platform != nil {
		principal, isPrincipal = h.Platform(r)
	}
	if !isPrincipal {
		var err error
		if key, err = requestKey(r.Header); err != nil {
			return unknown, err
		}
		if key != "" && !isKey(key) && !h.Simulated {
			return h.wrongKey(r, detailWrong)
		}
	}
	var keys *Keys
	if h.Keys != nil {
		var err error
		if keys, err = h.Keys(r.Context()); err != nil {
			return unknown, keysUnusable(err)
		}
	}
	switch {
	case isPrincipal:
		return authorizePrincipal(keys, principal)
	case keys == nil:
		return h.withoutKeys(r, key)
	case key == "":
		return unknown, unauthenticated(detailNeeded)
	}
	found, ok := keys.byKey(key)
	if !ok {
		return h.wrongKey(r, detailWrong)
	}
	c := caller{method: authKey, name: found.name, grant: found}
	if found.expired(time.Now()) {
		return c, unauthenticated("the key expired at " + found.expires.Format(time.RFC3339) + "; ask the operator for a new one")
	}
	return c, nil
}

// withoutKeys authenticates while no keys are configured. Programs on this machine get
// masked data: no header proves that a request does not come through a proxy there. The
// token has all rights, and if all data is simulated, so has every program on this machine.
func (h *handler) withoutKeys(r *http.Request, key string) (caller, error) {
	local := !h.NoLoopback && isLocal(r)
	found, isToken := h.token.byKey(key)
	switch {
	case isToken:
		return caller{method: authToken, name: found.name, grant: found}, nil
	case local && (key == "" || h.Simulated):
		return caller{method: authLoopback, name: "loopback", grant: grant{personal: h.Simulated}}, nil
	case local:
		return h.wrongKey(r, detailWrongToken)
	}
	return caller{method: authNone}, unauthenticated(detailNoKeys)
}

// wrongKey returns the caller and the error for a key that is not valid.
func (h *handler) wrongKey(r *http.Request, detail string) (caller, error) {
	c := caller{method: authNone, wrongKey: true}
	if wait := h.wrong.wrong(sourceOf(r.RemoteAddr)); wait > 0 {
		return c, &core.Error{Code: core.CodeTooMany, Detail: "too many wrong keys from this address; a valid one is accepted at any time", RetryAfter: wait}
	}
	return c, unauthenticated(detail)
}

// authorizePrincipal returns the caller that the platform authenticated: with the rights of
// its entry, or else the right to query everything, masked.
func authorizePrincipal(keys *Keys, principal string) (caller, error) {
	c := caller{method: authPlatform, name: clean(principal, maxPrincipal)}
	if keys == nil {
		return c, nil
	}
	var ok bool
	if c.grant, ok = keys.byPrincipal(principal); !ok {
		return c, nil
	}
	if c.grant.expired(time.Now()) { // without the entry, the rights could be greater
		return c, &core.Error{Code: core.CodeForbidden, Detail: "this caller's rights expired at " + c.grant.expires.Format(time.RFC3339) + "; ask the operator to renew them"}
	}
	return c, nil
}

// keysUnusable returns the error of a request while the keys cannot be read. The reason
// goes to the operator's log only, since it names callers. A store that denies access is
// reported as unavailable: denied means that a vendor denies the reseller.
func keysUnusable(err error) error {
	failure := core.AsError(err)
	code, detail := failure.Code, "cannot be used, so no caller may query; the operator's log says what to change"
	switch code {
	case core.CodeMisconfigured, core.CodeInternal, core.CodeCanceled:
	default:
		code, detail = core.CodeUnavailable, "cannot be read now, so no caller may query; the operator's log says why"
	}
	return &core.Error{Op: "api.authenticate", Code: code, Param: failure.Param, Detail: detail, RetryAfter: failure.RetryAfter, Err: err}
}

// requestKey returns the key of a request, or "". It ignores an Authorization of a scheme
// other than Bearer: it belongs to a proxy, or is the signature that a platform checks.
//
// Two different keys are an error, even if one is valid: a proxy may have checked the
// other. So is a list, which some proxies make of two headers.
func requestKey(header http.Header) (string, error) {
	var key string
	for _, name := range []string{"Authorization", "X-Api-Key"} {
		values := header.Values(name)
		if len(values) > 1 {
			return "", core.Invalid("", detailAmbiguous)
		}
		if len(values) == 0 {
			continue
		}
		value := strings.TrimSpace(values[0])
		if name == "Authorization" {
			scheme, credentials, _ := strings.Cut(value, " ")
			if !strings.EqualFold(scheme, "Bearer") {
				continue
			}
			value = strings.TrimSpace(credentials)
		}
		if value == "" {
			continue
		}
		if strings.Contains(value, ",") || key != "" && key != value {
			return "", core.Invalid("", detailAmbiguous)
		}
		key = value
	}
	return key, nil
}

// isLocal reports whether a request may come from a program on this machine. It is false
// for a request of another site's page in a browser on this machine, and for one that a
// proxy marks as forwarded. A proxy need not mark requests, so that true proves nothing,
// and the request gets no personal data (see withoutKeys).
func isLocal(r *http.Request) bool {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if local == nil || !addressOf(local.String()).IsLoopback() || !addressOf(r.RemoteAddr).IsLoopback() {
		return false
	}
	// Any domain can resolve to 127.0.0.1 (DNS rebinding).
	if !isLocalName(r.Host) {
		return false
	}
	// By default nginx forwards with HTTP/1.0 and no header that marks a proxy.
	if !r.ProtoAtLeast(1, 1) {
		return false
	}
	for name := range r.Header {
		if slices.Contains(proxyHeaders, name) || slices.ContainsFunc(proxyPrefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			return false
		}
	}
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "same-origin" && site != "none" {
			return false
		}
	}
	for _, origin := range r.Header.Values("Origin") {
		if u, err := url.Parse(origin); err != nil || u.Scheme != "http" || !strings.EqualFold(u.Host, r.Host) {
			return false
		}
	}
	return true
}

// The headers that only a proxy or a platform adds to a request.
var (
	proxyHeaders  = []string{"Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "True-Client-Ip"}
	proxyPrefixes = []string{"X-Forwarded", "X-Original-", "X-Envoy-", "Cf-", "X-Amzn-", "X-Amz-", "X-Scf-", "X-Cff-"}
)

func isLocalName(host string) bool {
	if u, err := url.Parse("http://" + host); err == nil && u.Host == host {
		return strings.EqualFold(u.Hostname(), "localhost") || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1"
	}
	return false
}

// sourceText returns a request's source for the log.
func sourceText(remoteAddr string) string {
	if address := addressOf(remoteAddr); address != (netip.Addr{}) {
		return address.String()
	}
	return ""
}
