package api

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"partnerlens/pkg/core"
)

// caller is who asks, and how far it may.
type caller struct {
	kind  string // how it is known; one of those below
	name  string // of the key or its entry, or the principal; for the log
	grant grant

	wrongKey bool // it shows a key that opens nothing
}

// How a caller is known.
const (
	byNothing  = "none"
	byKey      = "key"
	byPlatform = "platform"
	byLoopback = "loopback"
)

// maxPrincipal is the longest principal, in bytes.
const maxPrincipal = 1024

// mayAsk refuses a function that is not among the caller's.
func (c *caller) mayAsk(function string) error {
	if c.grant.functions == nil || slices.Contains(c.grant.functions, function) {
		return nil
	}
	return &core.Error{Code: core.CodeForbidden, Detail: "this key may not ask for " + function + "; it may ask for: " + strings.Join(c.grant.functions, ", ")}
}

// sees says whether numbers of a function and an account are the caller's to
// see. Those of neither are everybody's who comes in.
func (c *caller) sees(function, account string) bool {
	return (function == "" || c.grant.functions == nil || slices.Contains(c.grant.functions, function)) &&
		(account == "" || c.grant.accounts == nil || slices.Contains(c.grant.accounts, account))
}

func (c *caller) rights() core.Rights {
	rights := core.Rights{Personal: c.grant.personal, Inside: c.kind == byLoopback}
	if accounts := c.grant.accounts; accounts != nil {
		rights.Account = func(name string) bool { return slices.Contains(accounts, name) }
	}
	return rights
}

// The refusals of the door. None says whether there is such a key; only who shows
// the right one learns that it has expired.
const (
	sayClosed    = "no key is configured, so that only programs on this machine may ask, by the name localhost and through no proxy; set " + KeysSetting + ", see partnerlens key new"
	sayNeeded    = "send a key, as Authorization: Bearer KEY or as X-Api-Key: KEY"
	sayWrong     = "the key does not open this door; ask the operator for one that does"
	sayAmbiguous = "more than one key was sent; send one, as Authorization: Bearer KEY or as X-Api-Key: KEY"
)

func unauthenticated(detail string) *core.Error {
	return &core.Error{Code: core.CodeUnauthenticated, Detail: detail}
}

// admit finds out who asks. Nothing of the request but its headers is looked at.
// The caller counts for the log even beside an error.
func (h *handler) admit(r *http.Request) (caller, error) {
	nobody := caller{kind: byNothing}
	keys, err := h.keys(r.Context())
	if err != nil {
		return nobody, closed(err)
	}
	if principal, ok := h.platform(r); ok {
		return admitPrincipal(keys, principal)
	}
	key, err := presented(r.Header)
	switch {
	case err != nil:
		return nobody, err
	case keys == nil && h.loopback && isLocal(r):
		return caller{kind: byLoopback, name: "loopback", grant: grant{personal: true}}, nil
	case keys == nil:
		return nobody, unauthenticated(sayClosed)
	case key == "":
		return nobody, unauthenticated(sayNeeded)
	}
	found, ok := keys.byKey(key)
	if !ok {
		nobody.wrongKey = true
		if wait := h.wrong.wrong(sourceOf(r.RemoteAddr)); wait > 0 {
			return nobody, &core.Error{Code: core.CodeTooMany, Detail: "too many wrong keys from this address; a right one is taken at any time", RetryAfter: wait}
		}
		return nobody, unauthenticated(sayWrong)
	}
	c := caller{kind: byKey, name: found.name, grant: found}
	if found.expired(time.Now()) {
		return c, unauthenticated("the key expired at " + found.expires.Format(time.RFC3339) + "; ask the operator for a new one")
	}
	return c, nil
}

// admitPrincipal lets in whom the platform let in: with the rights of its entry,
// or else to ask everything, masked.
func admitPrincipal(keys *Keys, principal string) (caller, error) {
	c := caller{kind: byPlatform, name: clean(principal, maxPrincipal)}
	if keys == nil {
		return c, nil
	}
	var ok bool
	if c.grant, ok = keys.byPrincipal(principal); !ok {
		return c, nil
	}
	if c.grant.expired(time.Now()) { // to go on without the entry could be to go further
		return c, &core.Error{Code: core.CodeForbidden, Detail: "this caller's rights expired at " + c.grant.expires.Format(time.RFC3339) + "; ask the operator to renew them"}
	}
	return c, nil
}

// closed is the answer where the keys cannot be had. What is wrong with them is
// for the operator's log: it names those who have a key. A store that refuses us
// is no cloud that refuses the reseller, so that here it is one that cannot be
// reached.
func closed(err error) error {
	failure := core.AsError(err)
	code, detail := failure.Code, "cannot be used, so nobody may ask; the operator's log says what to change"
	switch code {
	case core.CodeMisconfigured, core.CodeInternal, core.CodeCanceled:
	default:
		code, detail = core.CodeUnavailable, "cannot be read now, so nobody may ask; the operator's log says why"
	}
	return &core.Error{Op: "api.door", Code: code, Param: failure.Param, Detail: detail, RetryAfter: failure.RetryAfter, Err: err}
}

// presented gives the key that a request shows; "" where it shows none. An
// Authorization of another scheme than Bearer is somebody else's: a proxy's, or
// the signature that a platform checks.
//
// Two keys are refused, even where one of them is right: what stands before us
// may have looked at the other. So are values that are lists, which is what
// some make of two headers.
func presented(header http.Header) (string, error) {
	var key string
	for _, name := range []string{"Authorization", "X-Api-Key"} {
		values := header.Values(name)
		if len(values) > 1 {
			return "", core.Invalid("", sayAmbiguous)
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
			return "", core.Invalid("", sayAmbiguous)
		}
		key = value
	}
	return key, nil
}

// isLocal says whether a request comes from a program on this machine that means
// to ask here. A page of another site in a browser on this machine does not
// mean to, and what a proxy on this machine hands on comes from elsewhere.
func isLocal(r *http.Request) bool {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if local == nil || !addressOf(local.String()).IsLoopback() || !addressOf(r.RemoteAddr).IsLoopback() {
		return false
	}
	// A name that leads to 127.0.0.1 may be anybody's (DNS rebinding).
	if !isLocalName(r.Host) {
		return false
	}
	// nginx, unless told otherwise, names itself no more than this.
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

// What only a proxy or a platform puts into a request.
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

// noKeys is for a handler that is given none.
func noKeys(context.Context) (*Keys, error) { return nil, nil }

// noPlatform is for a handler that stands behind none.
func noPlatform(*http.Request) (string, bool) { return "", false }

// sourceText is a request's source for the log.
func sourceText(remoteAddr string) string {
	if address := addressOf(remoteAddr); address != (netip.Addr{}) {
		return address.String()
	}
	return ""
}
