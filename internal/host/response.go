package host

import (
	"errors"
	"net/http"
	"strings"
)

// response is the ResponseWriter for API triggers: it keeps the answer until
// the handler is done, since the platforms take it in one piece.
type response struct {
	envelope envelope
	live     http.Header // the handler's
	status   int         // 0: not written yet
	header   http.Header // as it was when the status was written
	body     []byte
	head     bool // the request was HEAD: no body
	overflow bool
}

func newResponse(e envelope, method string) *response {
	return &response{envelope: e, live: http.Header{}, head: method == http.MethodHead}
}

// Budget is how many bytes of Cost the body may have.
func (w *response) Budget() int { return w.envelope.budget() }

// Cost is how many bytes p takes inside the answer. p must be text.
func (w *response) Cost(p []byte) int { return cost(p) }

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

// Flush does nothing: there is no part of an answer to send.
func (w *response) Flush() {}

// finish gives the whole answer; ok is false where it is too large.
func (w *response) finish() (answer []byte, ok bool) {
	w.WriteHeader(http.StatusOK)
	// Trailers become headers: by now all of them are known.
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
	// The platform frames the answer itself.
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
