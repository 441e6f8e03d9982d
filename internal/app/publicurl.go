package app

import (
	"net/url"
	"strings"

	"partnerlens/internal/api"
	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// PublicURLSetting names the setting of the address at which people reach the HTTP API, with
// its base path. Links in digests begin with it.
const PublicURLSetting = "PARTNERLENS_PUBLIC_URL"

const maxPublicURL = 200 // bytes: each line of a digest has it

// ParsePublicURL reads the setting and removes a slash at its end. Its error quotes nothing:
// the text may hold a password.
func ParsePublicURL(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	u, err := url.Parse(text)
	if err == nil && len(text) <= maxPublicURL && u.Opaque == "" && u.RawPath == "" && !strings.HasSuffix(u.Path, "//") {
		base, wrong := api.ParseBasePath(u.Path)
		host, unusable := transport.Endpoint(PublicURLSetting, strings.TrimSuffix(text, u.Path))
		if wrong == nil && unusable == nil && strings.Trim(host.Host, hostLetters) == "" && host.Hostname() != "" {
			return host.String() + base, nil
		}
	}
	return "", &core.Error{Code: core.CodeMisconfigured, Param: PublicURLSetting, Detail: "not an address that links can begin with; write https://host/path (http:// only for this machine itself), without user, question mark or #"}
}

// hostLetters are the characters of hosts and ports. Others could end a link.
const hostLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.:[]"
