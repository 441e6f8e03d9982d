package host

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// response is the ResponseWriter for API triggers. It buffers the answer, since the
// platforms accept it in one piece.
type response struct {
	envelope envelope
	live     http.Header // the map that the handler changes
	status   int         // 0: not written yet
	header   http.Header // a copy of live, made when the status was written
	body     []byte
	head     bool // the request was HEAD: no body
	overflow bool
}

func newResponse(e envelope, method string) *response {
	return &response{envelope: e, live: http.Header{}, head: method == http.MethodHead}
}

// Budget returns how many bytes of Cost the body may have.
func (w *response) Budget() int { return w.envelope.limit - envelopeRoom }

func (w *response) Header() http.Header { return w.live }

func (w *response) WriteHeader(status int) {
	if w.status != 0 || status < 200 { // 1xx cannot be sent
		return
	}
	w.status = status
	w.header = w.live.Clone()
}

var errAnswerTooLarge = errors.New("the answer is larger than the platform takes")

func (w *response) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.head {
		return len(p), nil
	}
	// No form of the body is shorter than the body itself.
	if len(w.body)+len(p) > w.envelope.limit {
		w.overflow = true
	}
	if w.overflow {
		return 0, errAnswerTooLarge
	}
	w.body = append(w.body, p...)
	return len(p), nil
}

// Flush does nothing: an answer cannot be sent in parts.
func (w *response) Flush() {}

// finish returns the whole answer; ok is false if it is too large.
func (w *response) finish() (answer []byte, ok bool) {
	w.WriteHeader(http.StatusOK)
	// Trailers become headers: all of them are known now.
	for name, values := range w.live {
		if trailer, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			w.header[http.CanonicalHeaderKey(trailer)] = values
		}
	}
	for name := range w.header {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			delete(w.header, name)
		}
	}
	for _, names := range w.header["Trailer"] {
		for name := range strings.SplitSeq(names, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			if values := w.live[name]; len(values) > 0 {
				w.header[name] = values
			}
		}
	}
	// The platform frames the answer.
	for _, name := range []string{"Trailer", "Content-Length", "Transfer-Encoding", "Connection"} {
		w.header.Del(name)
	}
	if w.header.Get("Content-Type") == "" && len(w.body) > 0 {
		w.header.Set("Content-Type", http.DetectContentType(w.body))
	}
	if w.overflow {
		return nil, false
	}
	answer = w.envelope.encode(w.status, w.header, w.body)
	return answer, len(answer) <= w.envelope.limit
}

// maxAnswer is the largest JSON document that Lambda and SCF accept from a function.
// Both document "6 MB" ("Lambda quotas", SCF's "Quota Management", gathered November
// 2026); this is the smaller of the two ways to read that.
const maxAnswer = 6 * 1000 * 1000

// envelopeRoom is the part of it for the headers and the other members around the body.
const envelopeRoom = 16 * 1024

// envelope is the form in which a trigger expects an HTTP answer, as JSON.
type envelope struct {
	limit      int  // bytes of JSON
	lists      bool // headers as lists of values, under multiValueHeaders
	cookies    bool // Set-Cookie under cookies
	statusText bool // statusDescription too
	flag       bool // isBase64Encoded even if it is false
}

// encode returns the answer. A body that is not UTF-8 is encoded as base64.
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
		b, _ = jsontext.AppendQuote(b, body) // fails only on invalid UTF-8
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
	b, _ = jsontext.AppendQuote(b, text) // invalid UTF-8 becomes U+FFFD
	return b
}

// Cost returns how many bytes p, which must be UTF-8, takes within the body that encode
// writes (RFC 8785, section 3.2.2.2: the shortest form).
func (w *response) Cost(p []byte) int {
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
