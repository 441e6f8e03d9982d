package host

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// A client that reads nothing of an answer is disconnected; a slow client is not.
func TestWritesAreBounded(t *testing.T) {
	t.Parallel()
	const within = 150 * time.Millisecond
	failed := make(chan error, 1)
	s := serveWith(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		part := make([]byte, 1<<20)
		for range 1 << 10 { // more than any buffer on the way
			if _, err := w.Write(part); err != nil {
				failed <- err
				<-r.Context().Done() // the context ends too
				return
			}
		}
		failed <- nil
	}), ServeOptions{WriteWithin: within})
	conn := s.dial(t)
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("writing to a client that reads nothing = %v", err)
	}

	slow := serveWith(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 4 {
			time.Sleep(within / 2)
			_, _ = io.WriteString(w, "part ")
			_ = http.NewResponseController(w).Flush()
		}
	}), ServeOptions{WriteWithin: within})
	if _, body := get(t, slow.url, nil); strings.Count(body, "part") != 4 {
		t.Errorf("the slow client got %q", body)
	}
}

// Each part of a large write has the whole time.
func TestLargeWritesHaveTheirTime(t *testing.T) {
	t.Parallel()
	const size, step, pause = 8 << 20, 256 << 10, 20 * time.Millisecond
	s := serveWith(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, size))
	}), ServeOptions{WriteWithin: size / step * pause / 2})
	conn := s.dial(t)
	_ = conn.(*net.TCPConn).SetReadBuffer(step)
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	got, part := 0, make([]byte, step)
	for {
		time.Sleep(pause)
		n, err := io.ReadFull(conn, part)
		if got += n; err != nil {
			break
		}
	}
	if got < size {
		t.Errorf("a steady reader got %d bytes of %d", got, size)
	}
}

// A client whose body is not read gets the answer at once.
func TestUnreadBodiesHoldNothingUp(t *testing.T) {
	t.Parallel()
	s := serveWith(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "rejected")
	}), ServeOptions{BodyWithin: time.Minute})
	conn := s.dial(t)
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(answer.Body); err != nil || string(body) != "rejected" || !answer.Close {
		t.Errorf("answered %q, %v, to be closed: %t", body, err, answer.Close)
	}
}

// A deadline of one request does not apply to the next one on the same connection.
func TestWriteDeadlinesEndWithTheRequest(t *testing.T) {
	t.Parallel()
	const within = 50 * time.Millisecond
	s := serveWith(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusNoContent)
	}), ServeOptions{WriteWithin: within})
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
	defer client.CloseIdleConnections()
	for range 2 {
		req, err := http.NewRequestWithContext(t.Context(), "POST", s.url, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Expect", "100-continue")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusNoContent {
			t.Errorf("answered %d", resp.StatusCode)
		}
		time.Sleep(2 * within)
	}
}

// After the body there is no read deadline: the answer may take far longer.
func TestBodyDeadlinesEndWithTheBody(t *testing.T) {
	t.Parallel()
	const within = 50 * time.Millisecond
	s := serveWith(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		select {
		case <-time.After(3 * within):
		case <-r.Context().Done():
			err = r.Context().Err()
		}
		if err != nil {
			t.Errorf("a request whose body arrived in time ends early: %v", err)
		}
		w.WriteHeader(http.StatusNoContent)
	}), ServeOptions{BodyWithin: within})
	resp, err := http.Post(s.url, "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent || resp.Close {
		t.Errorf("answered %d, to be closed: %t", resp.StatusCode, resp.Close)
	}
	http.DefaultClient.CloseIdleConnections()
}

// A request's context ends before AnswerWithin.
func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	s := serveWith(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		deadline, ok := r.Context().Deadline()
		if left := time.Until(deadline); !ok || left > time.Second/2 {
			t.Errorf("there are %s left, %t", left, ok)
		}
		<-r.Context().Done()
		_, _ = io.WriteString(w, "what there is")
	}), ServeOptions{AnswerWithin: 200 * time.Millisecond})
	if _, body := get(t, s.url, nil); body != "what there is" {
		t.Errorf("answered %q", body)
	}
	s = serveWith(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		deadline, _ := r.Context().Deadline()
		if left := time.Until(deadline); left > 10*time.Minute-10*time.Second {
			t.Errorf("of ten minutes %s are left, and none to answer", left)
		}
	}), ServeOptions{AnswerWithin: 10 * time.Minute})
	get(t, s.url, nil)
	var o *ServeOptions
	if got := o.withDefaults(); got.HeaderWithin != 10*time.Second || got.BodyWithin != 15*time.Second || got.WriteWithin != time.Minute || got.AnswerWithin != 15*time.Minute {
		t.Errorf("the defaults are %+v", got)
	}
}
