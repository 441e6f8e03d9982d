package transport

import (
	"net/netip"
	"net/url"
	"strings"

	"partnerlens/pkg/core"
)

// Endpoint parses the address of a vendor's API: https://host, optionally with a
// port, or http:// on a loopback address. setting names it in the error.
func Endpoint(setting, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Host == "", u.User != nil, u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "", u.ForceQuery:
	case u.Scheme == "https", u.Scheme == "http" && IsLoopback(u.Hostname()):
		return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
	}
	// The text is not quoted: it may hold a password.
	return nil, &core.Error{
		Code: core.CodeMisconfigured, Param: setting,
		Detail: "not an address that can be used; write https://host or https://host:port (http:// only for this machine itself)",
	}
}

// IsLoopback reports whether a host is this machine itself.
func IsLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && address.IsLoopback()
}

// Key checks a key or a token. setting names it in the error.
func Key(setting string, key core.Secret) error {
	text := key.Reveal()
	var problem string
	switch {
	case text == "":
		problem = "not set"
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		problem = "has a space, a line break or a letter outside ASCII, which no key has; was it pasted whole and alone?"
	default:
		return nil
	}
	return &core.Error{Code: core.CodeMisconfigured, Param: setting, Detail: problem}
}
