package store

import (
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// place is a parsed URL: of a folder or of a bucket.
type place struct {
	folder string

	bucket    string
	prefix    string // of every key: "" or with a slash at its end
	region    string
	endpoint  *url.URL // nil: AWS's for the region
	pathStyle bool
	sse       string
	kmsKey    string
}

const shapes = "write file:///folder or s3://bucket/prefix?region=REGION&endpoint=https://host"

// parameters are the parameters of an s3:// URL.
var parameters = []string{"endpoint", "kms_key", "path_style", "region", "sse"}

func parse(rawURL string, opts Options) (*place, error) {
	wrong := func(format string, args ...any) (*place, error) {
		return nil, &core.Error{Op: "store.Open", Code: core.CodeMisconfigured, Param: opts.Setting, Detail: fmt.Sprintf(format, args...)}
	}
	u, err := url.Parse(rawURL)
	switch {
	case err != nil: // err quotes the URL
		return wrong("not a URL; %s", shapes)
	case u.User != nil:
		return wrong("it holds a user or a key; keys come from the environment (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or %s and %s)", own.id, own.secret)
	case u.Fragment != "" || u.Opaque != "":
		return wrong("not the URL of a store; %s", shapes)
	}
	switch u.Scheme {
	case "file":
		switch {
		case u.Host != "" && u.Host != "localhost":
			return wrong("a file: URL needs a whole path, with three slashes: file:///folder")
		case u.RawQuery != "" || u.ForceQuery:
			return wrong("a file: URL takes no parameters")
		case u.Path == "" || u.Path == "/" || strings.ContainsRune(u.Path, 0):
			return wrong("a file: URL needs a folder: file:///folder")
		}
		return &place{folder: filepath.Clean(filepath.FromSlash(u.Path))}, nil
	case "s3":
	default:
		return wrong("not the URL of a store; %s", shapes)
	}

	p := &place{bucket: u.Host, prefix: strings.Trim(u.Path, "/")}
	switch {
	case !isBucket(p.bucket):
		return wrong("s3:// is followed by the bucket's name: 3 to 63 small letters, digits, - and .")
	case strings.HasSuffix(p.bucket, "--x-s3"):
		return wrong("a directory bucket cannot be used, since it lists in no order; name a general purpose bucket")
	case p.prefix != "" && checkName(p.prefix) != nil:
		return wrong("the prefix after the bucket is made of letters, digits and ._=- between single slashes")
	case p.prefix != "":
		p.prefix += "/"
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return wrong("the parameters after ? cannot be read; %s", shapes)
	}
	for name, values := range query {
		switch {
		case !slices.Contains(parameters, name):
			// Do not quote the name: it can be a misplaced key.
			return wrong("it has a parameter that is not known; there are %s", strings.Join(parameters, ", "))
		case len(values) > 1:
			return wrong("%s stands there twice", name)
		case values[0] == "":
			return wrong("%s is empty; leave it out or give a value", name)
		}
	}
	if text := query.Get("endpoint"); text != "" {
		if p.endpoint, err = transport.Endpoint("endpoint", text); err != nil {
			return wrong("%s", core.AsError(err).Public())
		}
		if rest, found := strings.CutPrefix(p.endpoint.Host, p.bucket+"."); found {
			return wrong("endpoint begins with the bucket's name, which is put there by itself; write endpoint=https://%s", rest)
		}
		p.pathStyle = isLoopback(p.endpoint.Hostname())
	}
	// AWS_REGION is not the region of another cloud's store.
	if p.region = query.Get("region"); p.region == "" && (p.endpoint == nil || p.isLocal()) {
		p.region = opts.Getenv("AWS_REGION")
	}
	if p.region == "" || strings.ContainsFunc(p.region, func(r rune) bool { return r != '-' && (r < 'a' || r > 'z') && (r < '0' || r > '9') }) {
		return wrong("the bucket's region is not known; add region=, as region=eu-central-1")
	}
	switch query.Get("path_style") {
	case "true":
		p.pathStyle = true
	case "false":
		p.pathStyle = false
	case "":
	default:
		return wrong("path_style is true or false")
	}
	switch p.sse, p.kmsKey = query.Get("sse"), query.Get("kms_key"); {
	case p.sse != "" && p.sse != "AES256" && p.sse != "aws:kms":
		return wrong("sse is AES256 or aws:kms")
	case p.kmsKey != "" && p.sse != "aws:kms":
		return wrong("kms_key needs sse=aws:kms")
	case strings.ContainsFunc(p.kmsKey, func(r rune) bool { return r <= ' ' || r > '~' }):
		return wrong("kms_key is the key's id or ARN")
	}
	return p, nil
}

func isBucket(name string) bool {
	if len(name) < 3 || len(name) > 63 || strings.Trim(name, ".-") != name || strings.Contains(name, "..") {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return r != '.' && r != '-' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && address.IsLoopback()
}

func (p *place) isLocal() bool { return p.endpoint != nil && isLoopback(p.endpoint.Hostname()) }

// inDomain reports whether the endpoint is in one of the domains. The default endpoint is
// AWS's.
func (p *place) inDomain(domains ...string) bool {
	host := ".amazonaws.com"
	if p.endpoint != nil {
		host = "." + strings.ToLower(p.endpoint.Hostname())
	}
	return slices.ContainsFunc(domains, func(domain string) bool { return strings.HasSuffix(host, domain) })
}

func (p *place) isAWS() bool { return p.inDomain(".amazonaws.com", ".amazonaws.com.cn") }
func (p *place) isCOS() bool { return p.inDomain(".myqcloud.com", ".tencentcos.cn") }
func (p *place) isOBS() bool { return p.inDomain(".myhuaweicloud.com") }
