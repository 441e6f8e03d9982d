package host

import (
	"io"
	"net/http"
	"time"
)

// observedWriter remembers the status, and gives the client a while for each
// part of the answer: however long the whole takes, who takes none of it holds
// no connection.
type observedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	within  time.Duration
	body    *timedBody // of the request; nil: none
	status  int
}

func newObservedWriter(w http.ResponseWriter, within time.Duration) *observedWriter {
	return &observedWriter{ResponseWriter: w, control: http.NewResponseController(w), within: within}
}

// renew gives the client the whole time again. net/http lifts it once the
// answer is written (server.go, go1.26).
func (w *observedWriter) renew() { _ = w.control.SetWriteDeadline(time.Now().Add(w.within)) }

// begin notes the status. A connection whose request was not read to its end
// takes no other one: the server would wait for that end otherwise.
func (w *observedWriter) begin(status int) {
	if w.status != 0 {
		return
	}
	w.status = status
	if w.body != nil && !w.body.ended {
		w.Header().Set("Connection", "close")
	}
}

func (w *observedWriter) WriteHeader(status int) {
	if status >= 200 {
		w.begin(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

// writePart is what a client must have taken within the time.
const writePart = 64 << 10

func (w *observedWriter) Write(p []byte) (n int, err error) {
	w.begin(http.StatusOK)
	for { // at least once: to write nothing is to write the headers
		part := p[:min(len(p), writePart)]
		w.renew()
		written, err := w.ResponseWriter.Write(part)
		n, p = n+written, p[len(part):]
		if err != nil || len(p) == 0 {
			return n, err
		}
	}
}

// Unwrap is for http.ResponseController.
func (w *observedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush is for handlers that ask for an http.Flusher.
func (w *observedWriter) Flush() {
	w.begin(http.StatusOK)
	w.renew()
	_ = w.control.Flush()
}

// timedBody is a request's body that must come in time. The time runs from the
// headers on, whether the handler reads it or not. At the body's end net/http
// lifts it: from there on it reads ahead, to learn whether the client goes away.
type timedBody struct {
	io.ReadCloser
	ended bool
}

func newTimedBody(body io.ReadCloser, control *http.ResponseController, within time.Duration) *timedBody {
	_ = control.SetReadDeadline(time.Now().Add(within))
	return &timedBody{ReadCloser: body}
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.ended = b.ended || err == io.EOF
	return n, err
}
