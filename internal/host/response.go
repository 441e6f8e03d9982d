package host

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
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
	// Trailers, which Trailer names, become headers: all of them are known now.
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
	answer := struct {
		StatusCode        int               `json:"statusCode"`
		StatusDescription string            `json:"statusDescription,omitempty"`
		Headers           map[string]string `json:"headers,omitzero"`
		MultiValueHeaders http.Header       `json:"multiValueHeaders,omitzero"`
		Cookies           []string          `json:"cookies,omitempty"`
		IsBase64Encoded   *bool             `json:"isBase64Encoded,omitempty"`
		Body              string            `json:"body"`
	}{StatusCode: status, Body: string(body)}
	isBase64 := !utf8.Valid(body)
	if isBase64 {
		answer.Body = base64.StdEncoding.EncodeToString(body)
	}
	if isBase64 || e.flag {
		answer.IsBase64Encoded = &isBase64
	}
	if e.statusText {
		answer.StatusDescription = strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
	}
	if e.cookies {
		answer.Cookies = header["Set-Cookie"]
		header.Del("Set-Cookie")
	}
	if e.lists {
		answer.MultiValueHeaders = header
	} else {
		answer.Headers = make(map[string]string, len(header))
		for name, values := range header {
			answer.Headers[name] = strings.Join(values, ", ")
		}
	}
	b, _ := json.Marshal(answer, json.Deterministic(true), jsontext.AllowInvalidUTF8(true)) // texts and a number: cannot fail
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
