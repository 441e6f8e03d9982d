// Package transporttest is shared by the tests of transport and of the vendor
// packages: small servers that answer, hang or break off, and a benchmark that
// compares the CPU of two functions.
//
// Only tests may import it.
package transporttest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
	"partnerlens/pkg/core/sourcetest"
)

// Answer is a server's answer.
type Answer struct {
	Status int // 0 is 200
	Header map[string]string
	Body   string
}

// JSON is an answer with status 200.
func JSON(body string) Answer { return Answer{Body: body} }

// Serve starts a server that gives one answer after another, the last one
// repeatedly, and returns its address.
func Serve(tb testing.TB, answers ...Answer) (url string) {
	tb.Helper()
	var calls atomic.Int64
	return Handle(tb, func(w http.ResponseWriter, _ *http.Request) {
		answer := answers[min(int(calls.Add(1)), len(answers))-1]
		w.Header().Set("Content-Type", "application/json")
		for name, value := range answer.Header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(max(answer.Status, http.StatusOK))
		_, _ = fmt.Fprint(w, answer.Body)
	})
}

// Rows counts the elements of list, a member of all, into which it reads an
// answer: the last one counts if the name comes twice.
func Rows(tb testing.TB, answer []byte, all any, list *jsontext.Value) int {
	tb.Helper()
	lenient := json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var rows []jsontext.Value
	err := json.Unmarshal(bytes.ToValidUTF8(answer, []byte("\uFFFD")), all, lenient)
	if err == nil && *list != nil {
		err = json.Unmarshal(*list, &rows, lenient)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return len(rows)
}

// Handle starts a server with a handler and returns its address.
func Handle(tb testing.TB, handler http.HandlerFunc) (url string) {
	tb.Helper()
	server := httptest.NewServer(handler)
	tb.Cleanup(server.Close)
	return server.URL
}

// Hang is where a server stops for good.
type Hang string

// The places.
const (
	HangBeforeAccept Hang = "before it accepts the connection"
	HangBeforeHeader Hang = "before the header"
	HangInBody       Hang = "in the middle of the body"
)

// Hangs are all places.
var Hangs = []Hang{HangBeforeAccept, HangBeforeHeader, HangInBody}

// TestHangs requires of a call to a server that hangs, at each place, that it
// returns as soon as its context is canceled.
func TestHangs(t *testing.T, call func(ctx context.Context, tb testing.TB, url string) error) {
	for _, where := range Hangs {
		t.Run(string(where), func(t *testing.T) {
			t.Parallel()
			url, hanging := ServeHang(t, where)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			finished := make(chan error, 1)
			go func() { finished <- call(ctx, t, url) }()
			<-hanging
			cancel()
			select {
			case err := <-finished:
				if core.CodeOf(err) != core.CodeCanceled {
					t.Errorf("the call returns %v, want code %q", err, core.CodeCanceled)
				}
			case <-time.After(5 * time.Second): // it takes a millisecond; a machine may be busy
				t.Fatal("the call hangs with the server")
			}
		})
	}
}

// ServeWorld starts a server with the troubles of a world before a cloud, and
// returns its address. failure is the JSON of a failure, inside an HTTP 200, with a
// %q for its message.
func ServeWorld(tb testing.TB, world sourcetest.World, cloud http.Handler, failure string) (url string) {
	tb.Helper()
	var calls atomic.Int32
	return Handle(tb, func(w http.ResponseWriter, r *http.Request) {
		call := int(calls.Add(1))
		switch {
		case world.Hang:
			_, _ = io.Copy(io.Discard, r.Body)
			if call == 1 {
				close(world.Reached)
			}
			<-r.Context().Done()
		case world.FailFrom > 0 && call >= world.FailFrom:
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, failure, sourcetest.Planted)
		default:
			cloud.ServeHTTP(w, r)
		}
	})
}

// ServeHang starts a server that hangs, and returns its address and a channel
// that is closed once it does: with HangBeforeAccept at once.
func ServeHang(tb testing.TB, where Hang) (url string, hanging <-chan struct{}) {
	tb.Helper()
	reached := make(chan struct{})
	url = listen(tb, where != HangBeforeAccept, func(conn net.Conn) {
		if skipRequest(bufio.NewReader(conn)) != nil {
			return
		}
		if where == HangInBody {
			_, _ = fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
		}
		close(reached)
		_, _ = bufio.NewReader(conn).ReadByte() // until the caller closes the connection
	})
	if where == HangBeforeAccept {
		close(reached)
	}
	return url, reached
}

// ServeRaw starts a server that answers every request with the same bytes, header
// included, and then closes the connection unless keep is true. It takes little CPU.
func ServeRaw(tb testing.TB, keep bool, answer []byte) (url string) {
	tb.Helper()
	return listen(tb, true, func(conn net.Conn) {
		requests := bufio.NewReader(conn)
		for skipRequest(requests) == nil {
			if _, err := conn.Write(answer); err != nil || !keep {
				return
			}
		}
	})
}

// Raw is a JSON answer of status 200 as ServeRaw wants it.
func Raw(body []byte) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func listen(tb testing.TB, accept bool, serve func(net.Conn)) (url string) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	stopped := make(chan struct{})
	tb.Cleanup(func() {
		_ = listener.Close()
		<-stopped
	})
	go func() {
		defer close(stopped)
		for accept {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				serve(conn)
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

// skipRequest reads one request to its end.
func skipRequest(from *bufio.Reader) error {
	length := 0
	for {
		line, err := from.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= len("\r\n") {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	_, err := from.Discard(length)
	return err
}
