package host

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// pairs are a JSON object's names and texts in their order: headers, or the
// parameters of a query. A member may be a text or a list of texts.
type pairs []pair

type pair struct{ name, value string }

var errNotPairs = errors.New("not an object of texts or of lists of texts")

// UnmarshalJSONFrom reads an object or null.
func (p *pairs) UnmarshalJSONFrom(in *jsontext.Decoder) error {
	*p = nil
	switch in.PeekKind() {
	case 'n':
		return in.SkipValue()
	case '{':
	default:
		return errNotPairs
	}
	if _, err := in.ReadToken(); err != nil {
		return err
	}
	*p = pairs{} // an empty object is not a missing one
	for in.PeekKind() != '}' {
		token, err := in.ReadToken()
		if err != nil {
			return err
		}
		name := token.String()
		if in.PeekKind() != '[' {
			if err := p.read(in, name); err != nil {
				return err
			}
			continue
		}
		if _, err := in.ReadToken(); err != nil {
			return err
		}
		for in.PeekKind() != ']' {
			if err := p.read(in, name); err != nil {
				return err
			}
		}
		if _, err := in.ReadToken(); err != nil {
			return err
		}
	}
	_, err := in.ReadToken()
	return err
}

func (p *pairs) read(in *jsontext.Decoder, name string) error {
	token, err := in.ReadToken()
	if err != nil {
		return err
	}
	switch token.Kind() {
	case '"', '0':
		*p = append(*p, pair{name, token.String()})
	case 't', 'f', 'n':
		// SCF's API Gateway sends true for a parameter without a value
		// (scf-go-lib, events/apigw.go).
		*p = append(*p, pair{name, ""})
	default:
		return errNotPairs
	}
	return nil
}

// header gives the pairs as HTTP headers.
func (p pairs) header() http.Header {
	h := make(http.Header, len(p)+2)
	for _, pair := range p {
		h.Add(pair.name, pair.value)
	}
	return h
}

// query gives the pairs as a URL's query, in their order.
func (p pairs) query() string {
	return p.join(url.QueryEscape)
}

// encodedQuery is query where the texts are encoded already.
func (p pairs) encodedQuery() string {
	return p.join(func(text string) string { return text })
}

func (p pairs) join(encode func(string) string) string {
	var b strings.Builder
	for _, pair := range p {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(encode(pair.name) + "=" + encode(pair.value))
	}
	return b.String()
}
