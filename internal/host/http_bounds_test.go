package host

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// Who takes nothing of an answer is let go; who takes it slowly is not.
func TestWritesAreBounded(t *testing.T) {
	t.Parallel()
	const within = 150 * time.Millisecond
	failed := make(chan error, 1)
	s := serveWith(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		part := make([]byte, 1<<20)
		for range 1 << 10 { // more than any buffer on the way
			if _, err := w.Write(part); err != nil {
				failed <- err
				<-r.Context().Done() // who reads for the answer learns of it, too
				return
			}
		}
		failed <- nil
	}), ServeOptions{WriteWithin: within})
	conn := s.dial(t)
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("writing to who takes nothing = %v", err)
	}

	slow := serveWith(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 4 {
			time.Sleep(within / 2)
			_, _ = io.WriteString(w, "part ")
			_ = http.NewResponseController(w).Flush()
		}
	}), ServeOptions{WriteWithin: within})
	if _, body := get(t, slow.url, nil); strings.Count(body, "part") != 4 {
		t.Errorf("a slow answer came as %q", body)
	}
}

// A deadline of one request is not the next one's on the same connection.
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

// A body that came leaves no deadline behind: an answer may take far longer.
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
			t.Errorf("a request that came in time ends early: %v", err)
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

// An answer ends a little before its time is over.
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
	var o *ServeOptions
	if got := o.withDefaults(); got.HeaderWithin != 10*time.Second || got.BodyWithin != 15*time.Second || got.WriteWithin != time.Minute || got.AnswerWithin != 15*time.Minute {
		t.Errorf("the defaults are %+v", got)
	}
}
