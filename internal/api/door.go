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
	byToken    = "token" // that serve printed when it started
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

// share names what the caller's places are counted by.
func (c *caller) share() string { return c.kind + " " + c.name }

func (c *caller) rights() core.Rights {
	rights := core.Rights{Personal: c.grant.personal, Inside: c.kind == byToken}
	if accounts := c.grant.accounts; accounts != nil {
		rights.Account = func(name string) bool { return slices.Contains(accounts, name) }
	}
	return rights
}

// forbidden is the refusal of a question beyond the caller's rights. For a program on this
// machine it says how to get them.
func (c *caller) forbidden(err error) error {
	failure := core.AsError(err)
	if c.kind != byLoopback || failure.Code != core.CodeForbidden {
		return err
	}
	explained := *failure
	explained.Detail = sayMaskedHere
	return &explained
}

// The refusals. None says whether there is such a key; only the caller that shows the right one
// learns that it has expired.
const (
	sayClosed     = "no key is configured, so that only programs on this machine may ask, by the name localhost and through no proxy; set " + KeysSetting + ", see partnerlens key new"
	sayNeeded     = "send a key, as Authorization: Bearer KEY or as X-Api-Key: KEY"
	sayWrong      = "the key does not open this door; ask the operator for one that does"
	sayWrongToken = "no key is configured, and this one is not the token that partnerlens serve printed when it started; send that, leave the key out for masked data, or set " + KeysSetting + ", see partnerlens key new"
	sayAmbiguous  = "more than one key was sent; send one, as Authorization: Bearer KEY or as X-Api-Key: KEY"
	sayMaskedHere = "without a key, names, e-mail addresses and numbers are masked and cannot be searched, since a proxy on this machine looks like its own programs; send the token that partnerlens serve printed when it started, as Authorization: Bearer TOKEN, or configure a key: set " + KeysSetting + ", see partnerlens key new"
)

func unauthenticated(detail string) *core.Error {
	return &core.Error{Code: core.CodeUnauthenticated, Detail: detail}
}

// authenticate finds out which caller a request is from, by its headers alone: no body is read
// for a caller that is not known. A text that cannot be a key is refused before the keys are
// looked up, which may take a call of their store. The caller counts for the log even beside an
// error.
func (h *handler) authenticate(r *http.Request) (caller, error) {
	unknown := caller{kind: byNothing}
	principal, byPrincipal := h.platform(r)
	var key string
	if !byPrincipal {
		var err error
		if key, err = presented(r.Header); err != nil {
			return unknown, err
		}
		if key != "" && !isKey(key) && !h.simulated {
			return h.wrongKey(r, sayWrong)
		}
	}
	keys, err := h.keys(r.Context())
	switch {
	case err != nil:
		return unknown, closed(err)
	case byPrincipal:
		return admitPrincipal(keys, principal)
	case keys == nil:
		return h.withoutKeys(r, key)
	case key == "":
		return unknown, unauthenticated(sayNeeded)
	}
	found, ok := keys.byKey(key)
	if !ok {
		return h.wrongKey(r, sayWrong)
	}
	c := caller{kind: byKey, name: found.name, grant: found}
	if found.expired(time.Now()) {
		return c, unauthenticated("the key expired at " + found.expires.Format(time.RFC3339) + "; ask the operator for a new one")
	}
	return c, nil
}

// withoutKeys authenticates while no keys are configured. Programs on this machine get masked
// data: no header proves that a request comes from one of them and not through a proxy there.
// The token gets everything, and so does everyone on this machine where all data is simulated.
func (h *handler) withoutKeys(r *http.Request, key string) (caller, error) {
	local := h.loopback && isLocal(r)
	found, isToken := h.token.byKey(key)
	switch {
	case isToken:
		return caller{kind: byToken, name: found.name, grant: found}, nil
	case local && (key == "" || h.simulated):
		return caller{kind: byLoopback, name: "loopback", grant: grant{personal: h.simulated}}, nil
	case local:
		return h.wrongKey(r, sayWrongToken)
	}
	return caller{kind: byNothing}, unauthenticated(sayClosed)
}

// wrongKey refuses a key that opens nothing.
func (h *handler) wrongKey(r *http.Request, detail string) (caller, error) {
	c := caller{kind: byNothing, wrongKey: true}
	if wait := h.wrong.wrong(sourceOf(r.RemoteAddr)); wait > 0 {
		return c, &core.Error{Code: core.CodeTooMany, Detail: "too many wrong keys from this address; a right one is taken at any time", RetryAfter: wait}
	}
	return c, unauthenticated(detail)
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

// isLocal says whether a request may come from a program on this machine that means to ask
// here. It refuses what is known not to: a page of another site in a browser on this machine,
// and what a proxy marks as forwarded. A proxy need not mark anything, so that a request that
// passes proves nothing, and gets no personal data (see withoutKeys).
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
