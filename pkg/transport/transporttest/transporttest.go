// Package transporttest is what the tests of transport and of the vendor packages share:
// small servers that answer, hang or break off as told, and a way to weigh two
// programs against each other.
//
// Only tests may import it.
package transporttest

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
)

// Answer is what a server says.
type Answer struct {
	Status int // 0 is 200
	Header map[string]string
	Body   string
}

// JSON is an answer with status 200.
func JSON(body string) Answer { return Answer{Body: body} }

// Serve starts a server that gives one answer after another, the last one for
// ever, and returns its address.
func Serve(tb testing.TB, answers ...Answer) (url string) {
	tb.Helper()
	next := make(chan Answer, 1)
	next <- answers[0]
	answers = answers[1:]
	return Handle(tb, func(w http.ResponseWriter, _ *http.Request) {
		answer := <-next
		after := answer
		if len(answers) > 0 {
			after, answers = answers[0], answers[1:]
		}
		next <- after
		w.Header().Set("Content-Type", "application/json")
		for name, value := range answer.Header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(max(answer.Status, http.StatusOK))
		fmt.Fprint(w, answer.Body)
	})
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

// Hangs are all of them.
var Hangs = []Hang{HangBeforeAccept, HangBeforeHeader, HangInBody}

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
			fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
		}
		close(reached)
		bufio.NewReader(conn).ReadByte() // until the caller goes away
	})
	if where == HangBeforeAccept {
		close(reached)
	}
	return url, reached
}

// ServeRaw starts a server that answers every request with the same bytes,
// header and all, and closes the connection then unless keep is true. It does
// as little as a server can.
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
		listener.Close()
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
				defer conn.Close()
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
