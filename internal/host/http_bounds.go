package host

import (
	"io"
	"net/http"
	"time"
)

// boundedWriter records the status and bounds the time for each part of the answer. The
// whole answer may take long; a client that stops reading loses its connection.
type boundedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	within  time.Duration
	body    *timedBody // of the request; nil: none
	status  int
}

// renew restarts the client's time. net/http removes the deadline after the answer
// (server.go, go1.26).
func (w *boundedWriter) renew() { _ = w.control.SetWriteDeadline(time.Now().Add(w.within)) }

// setStatus records the first status. It closes the connection of a request whose body
// was not read to its end: the server would wait for that end.
func (w *boundedWriter) setStatus(status int) {
	if w.status != 0 {
		return
	}
	w.status = status
	if w.body != nil && !w.body.complete {
		w.Header().Set("Connection", "close")
	}
}

func (w *boundedWriter) WriteHeader(status int) {
	if status >= 200 {
		w.setStatus(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

// writePart is the part of an answer that a client must take within the time.
const writePart = 64 << 10

func (w *boundedWriter) Write(p []byte) (n int, err error) {
	w.setStatus(http.StatusOK)
	for { // at least once: an empty Write writes the headers
		part := p[:min(len(p), writePart)]
		w.renew()
		written, err := w.ResponseWriter.Write(part)
		n, p = n+written, p[len(part):]
		if err != nil || len(p) == 0 {
			return n, err
		}
	}
}

// Unwrap serves http.ResponseController.
func (w *boundedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush implements http.Flusher.
func (w *boundedWriter) Flush() {
	w.setStatus(http.StatusOK)
	w.renew()
	_ = w.control.Flush()
}

// timedBody is a request's body with a deadline, which starts with the headers, whether
// the handler reads the body or not. At the body's end net/http removes the deadline and
// reads ahead to notice a client that disconnects.
type timedBody struct {
	io.ReadCloser
	complete bool
}

func newTimedBody(body io.ReadCloser, control *http.ResponseController, within time.Duration) *timedBody {
	_ = control.SetReadDeadline(time.Now().Add(within))
	return &timedBody{ReadCloser: body}
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.complete = b.complete || err == io.EOF
	return n, err
}
