package host

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// maxAnswer is the most that Lambda and SCF take from a function at once, as
// JSON. Both document "6 MB" ("Lambda quotas", SCF's "Quota Management", gathered
// November 2026); of the two ways to read that, this is the smaller.
const maxAnswer = 6 * 1000 * 1000

// envelopeRoom is left of it for what is around the body, headers included.
const envelopeRoom = 16 * 1024

// envelope is how a trigger wants an HTTP answer, as JSON.
type envelope struct {
	limit      int  // bytes of JSON
	lists      bool // headers as lists of values, under multiValueHeaders
	cookies    bool // Set-Cookie apart from the other headers
	statusText bool // the status in words, too
	flag       bool // isBase64Encoded even where it is false
}

// budget is how many bytes the body may cost.
func (e envelope) budget() int { return e.limit - envelopeRoom }

// encode gives the answer. A body that is not text goes as base64.
func (e envelope) encode(status int, header http.Header, body []byte) []byte {
	text := utf8.Valid(body)
	b := make([]byte, 0, len(body)+len(body)/8+1024)
	b = append(b, `{"statusCode":`...)
	b = strconv.AppendInt(b, int64(status), 10)
	if e.statusText {
		b = append(b, `,"statusDescription":`...)
		b = appendText(b, strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status))))
	}
	b = e.appendHeaders(b, header)
	if e.flag || !text {
		b = append(b, `,"isBase64Encoded":`...)
		b = strconv.AppendBool(b, !text)
	}
	b = append(b, `,"body":`...)
	if text {
		b, _ = jsontext.AppendQuote(b, body) // fails on what is not UTF-8 only
	} else {
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, body)
		b = append(b, '"')
	}
	return append(b, '}')
}

func (e envelope) appendHeaders(b []byte, header http.Header) []byte {
	member := `,"headers":{`
	if e.lists {
		member = `,"multiValueHeaders":{`
	}
	b = append(b, member...)
	first := true
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if e.cookies && name == "Set-Cookie" {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendText(b, name), ':')
		if e.lists {
			b = appendTexts(b, header[name])
		} else {
			b = appendText(b, strings.Join(header[name], ", "))
		}
	}
	b = append(b, '}')
	if cookies := header["Set-Cookie"]; e.cookies && len(cookies) > 0 {
		b = append(b, `,"cookies":`...)
		b = appendTexts(b, cookies)
	}
	return b
}

func appendTexts(b []byte, texts []string) []byte {
	b = append(b, '[')
	for i, text := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, text)
	}
	return append(b, ']')
}

func appendText(b []byte, text string) []byte {
	b, _ = jsontext.AppendQuote(b, text) // what is not UTF-8 becomes U+FFFD
	return b
}

// cost is how many bytes p, being text, takes between the quotation marks that
// encode writes (RFC 8785, section 3.2.2.2: the shortest form).
func cost(p []byte) int {
	n := len(p)
	for _, c := range p {
		switch {
		case c == '"' || c == '\\':
			n++
		case c >= ' ':
		case c == '\b' || c == '\f' || c == '\n' || c == '\r' || c == '\t':
			n++
		default:
			n += len(`\u0000`) - 1
		}
	}
	return n
}
