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
	seen := &observedWriter{ResponseWriter: w, control: http.NewResponseController(w), within: within}
	seen.renew() // the connection's last request may have left an old one
	return seen
}

// renew gives the client the whole time again. A connection that has no
// deadlines is for the server to bound.
func (w *observedWriter) renew() { _ = w.control.SetWriteDeadline(time.Now().Add(w.within)) }

// begin notes the status. A connection whose request was not read to its end
// takes no other one: the server would wait for that end otherwise.
func (w *observedWriter) begin(status int) {
	w.renew()
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
	for {
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
	_ = w.control.Flush()
}

// timedBody is a request's body that must come in time. The time runs from the
// headers on, whether the handler reads it or not.
type timedBody struct {
	io.ReadCloser
	control *http.ResponseController
	ended   bool
}

func newTimedBody(body io.ReadCloser, control *http.ResponseController, within time.Duration) *timedBody {
	_ = control.SetReadDeadline(time.Now().Add(within))
	return &timedBody{ReadCloser: body, control: control}
}

// Read lifts the deadline at the body's end: from there on the server reads
// ahead to learn whether the client goes away, and would take a deadline for that.
func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF && !b.ended {
		b.ended = true
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}
