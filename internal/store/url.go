package store

import (
	"errors"
	"fmt"
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

const smallLetters, digits = "abcdefghijklmnopqrstuvwxyz", "0123456789"

// isOf reports whether a text has only these characters.
func isOf(text, characters string) bool { return strings.Trim(text, characters) == "" }

func parse(rawURL string, opts Options) (*place, error) {
	p, err := parsePlace(rawURL, opts.Getenv)
	if err != nil {
		return nil, &core.Error{Op: "store.Open", Code: core.CodeMisconfigured, Param: opts.Setting, Detail: err.Error()}
	}
	return p, nil
}

// parsePlace parses a URL. Its error does not quote the URL.
func parsePlace(rawURL string, getenv func(string) string) (*place, error) {
	u, err := url.Parse(rawURL)
	switch {
	case err != nil: // err quotes the URL
		return nil, fmt.Errorf("not a URL; %s", shapes)
	case u.User != nil:
		return nil, fmt.Errorf("it holds a user or a key; keys come from the environment (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or %s and %s)", own.id, own.secret)
	case u.Fragment != "" || u.Opaque != "":
	case u.Scheme == "file":
		return parseFolder(u)
	case u.Scheme == "s3":
		return parseBucket(u, getenv)
	}
	return nil, fmt.Errorf("not the URL of a store; %s", shapes)
}

func parseFolder(u *url.URL) (*place, error) {
	switch {
	case u.Host != "" && u.Host != "localhost":
		return nil, errors.New("a file: URL needs a whole path, with three slashes: file:///folder")
	case u.RawQuery != "" || u.ForceQuery:
		return nil, errors.New("a file: URL takes no parameters")
	case u.Path == "" || u.Path == "/" || strings.ContainsRune(u.Path, 0):
		return nil, errors.New("a file: URL needs a folder: file:///folder")
	}
	return &place{folder: filepath.Clean(filepath.FromSlash(u.Path))}, nil
}

func parseBucket(u *url.URL, getenv func(string) string) (*place, error) {
	p := &place{bucket: u.Host, prefix: strings.Trim(u.Path, "/")}
	switch {
	case !isBucket(p.bucket):
		return nil, errors.New("s3:// is followed by the bucket's name: 3 to 63 small letters, digits, . and -")
	case strings.HasSuffix(p.bucket, "--x-s3"):
		return nil, errors.New("a directory bucket cannot be used, since it lists in no order; name a general purpose bucket")
	case p.prefix != "" && checkName(p.prefix) != nil:
		return nil, errors.New("the prefix after the bucket is made of letters, digits and ._=- between single slashes")
	case p.prefix != "":
		p.prefix += "/"
	}
	query, err := bucketQuery(u.RawQuery)
	if err != nil {
		return nil, err
	}
	if query.Has("endpoint") {
		if p.endpoint, err = transport.Endpoint("endpoint", query.Get("endpoint")); err != nil {
			return nil, errors.New(core.AsError(err).Public())
		}
		if rest, found := strings.CutPrefix(p.endpoint.Host, p.bucket+"."); found {
			return nil, fmt.Errorf("endpoint begins with the bucket's name, which is put there by itself; write endpoint=https://%s", rest)
		}
	}
	// AWS_REGION is not the region of another cloud's store.
	if p.region = query.Get("region"); p.region == "" && (p.endpoint == nil || p.isLocal()) {
		p.region = getenv("AWS_REGION")
	}
	pathStyle := query.Get("path_style")
	p.pathStyle = pathStyle == "true" || pathStyle == "" && p.isLocal()
	p.sse, p.kmsKey = query.Get("sse"), query.Get("kms_key")
	switch {
	case p.region == "" || !isOf(p.region, smallLetters+digits+"-"):
		return nil, errors.New("the bucket's region is not known; add region=, as region=eu-central-1")
	case !slices.Contains([]string{"", "true", "false"}, pathStyle):
		return nil, errors.New("path_style is true or false")
	case !slices.Contains([]string{"", "AES256", "aws:kms"}, p.sse):
		return nil, errors.New("sse is AES256 or aws:kms")
	case p.kmsKey != "" && p.sse != "aws:kms":
		return nil, errors.New("kms_key needs sse=aws:kms")
	case strings.ContainsFunc(p.kmsKey, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, errors.New("kms_key is the key's id or ARN")
	}
	return p, nil
}

// parameters are the parameters of an s3:// URL.
var parameters = []string{"endpoint", "kms_key", "path_style", "region", "sse"}

// bucketQuery parses the parameters of an s3:// URL: each at most once, with a value.
func bucketQuery(text string) (url.Values, error) {
	query, err := url.ParseQuery(text)
	if err != nil {
		return nil, fmt.Errorf("the parameters after ? cannot be read; %s", shapes)
	}
	for name, values := range query {
		switch {
		case !slices.Contains(parameters, name):
			// Do not quote the name: it can be a misplaced key.
			return nil, fmt.Errorf("it has a parameter that is not known; there are %s", strings.Join(parameters, ", "))
		case len(values) > 1:
			return nil, fmt.Errorf("%s is given twice", name)
		case values[0] == "":
			return nil, fmt.Errorf("%s is empty; leave it out or give a value", name)
		}
	}
	return query, nil
}

func isBucket(name string) bool {
	return len(name) >= 3 && len(name) <= 63 && strings.Trim(name, ".-") == name && !strings.Contains(name, "..") && isOf(name, smallLetters+digits+".-")
}

func (p *place) isLocal() bool {
	return p.endpoint != nil && transport.IsLoopback(p.endpoint.Hostname())
}

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
