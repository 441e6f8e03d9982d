package host

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// pairs are the members of a JSON object in their order: headers, or the parameters of
// a query. A member is a text or a list of texts.
type pairs []pair

type pair struct{ name, value string }

var errNotPairs = errors.New("not an object of texts or of lists of texts")

// UnmarshalJSONFrom reads an object or null. An empty object gives pairs that are not nil.
func (p *pairs) UnmarshalJSONFrom(in *jsontext.Decoder) error {
	*p = nil
	if in.PeekKind() == 'n' {
		return in.SkipValue()
	}
	outer := in.StackDepth()
	var name string
	for {
		token, err := in.ReadToken()
		if err != nil {
			return err
		}
		depth := in.StackDepth() - outer // 1 within the object, 2 within a list
		_, length := in.StackIndex(in.StackDepth())
		isName := depth == 1 && length%2 == 1
		switch kind := token.Kind(); {
		case kind == '}':
			return nil
		case kind == '{' && depth == 1:
			*p = pairs{}
		case *p == nil:
			return errNotPairs
		case isName:
			name = token.String()
		case kind == '[' && depth == 2, kind == ']':
		case kind == '"' || kind == '0':
			*p = append(*p, pair{name, token.String()})
		case kind == 't' || kind == 'f' || kind == 'n':
			// SCF's API Gateway sends true for a parameter without a value
			// (scf-go-lib, events/apigw.go).
			*p = append(*p, pair{name, ""})
		default:
			return errNotPairs
		}
	}
}

// header returns the pairs as HTTP headers.
func (p pairs) header() http.Header {
	h := make(http.Header, len(p)+2)
	for _, pair := range p {
		h.Add(pair.name, pair.value)
	}
	return h
}

// query returns the pairs as a URL's query, in their order.
func (p pairs) query() string {
	return p.join(url.QueryEscape)
}

// encodedQuery is query for texts that are encoded already.
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
