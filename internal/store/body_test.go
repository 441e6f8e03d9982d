package store

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"partnerlens/pkg/core"
)

// cutting is a server of one object that cuts bodies after so many bytes.
type cutting struct {
	content  []byte
	noRanges bool
	noTag    bool
	after    func(n int) int // bytes of the n-th answer, from 1; -1: all
	replace  int             // the answer from which on it has another object
	asked    atomic.Int32
	ranges   atomic.Int32
}

func (c *cutting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := int(c.asked.Add(1))
	if r.Header.Get("Range") != "" {
		c.ranges.Add(1)
	}
	content, tag := c.content, `"first"`
	if c.replace > 0 && n >= c.replace {
		content, tag = bytes.ToUpper(content), `"second"`
	}
	if !c.noTag {
		w.Header().Set("ETag", tag)
	}
	if c.noRanges {
		r.Header.Del("Range")
	}
	if limit := c.after(n); limit >= 0 {
		w = &cutWriter{ResponseWriter: w, left: limit}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// cutWriter breaks the connection after so many bytes.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (w *cutWriter) Write(p []byte) (int, error) {
	if len(p) < w.left {
		w.left -= len(p)
		return w.ResponseWriter.Write(p)
	}
	w.ResponseWriter.Write(p[:w.left])
	w.ResponseWriter.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// A body that is cut continues where it was cut, by a range of the same object.
func TestBucketContinuesBodies(t *testing.T) {
	t.Parallel()
	content := make([]byte, 1<<20)
	for i := range content {
		content[i] = 'a' + byte(rand.IntN(26))
	}
	cutBelow := func(cuts, at int) func(int) int {
		return func(n int) int {
			if n <= cuts {
				return at
			}
			return -1
		}
	}
	for _, test := range []struct {
		name   string
		server *cutting
		whole  bool
		asked  int // 0: as often as it takes
	}{
		{"never cut", &cutting{after: cutBelow(0, 0)}, true, 1},
		{"cut once", &cutting{after: cutBelow(1, 1000)}, true, 2},
		{"cut before the first byte", &cutting{after: cutBelow(1, 0)}, true, 2},
		{"cut as often as may be, without progress", &cutting{after: cutBelow(maxCuts, 0)}, true, maxCuts + 1},
		{"cut once more", &cutting{after: cutBelow(maxCuts+1, 0)}, false, maxCuts + 1},
		{"cut at every 100,000 bytes", &cutting{after: cutBelow(1000, 100_000)}, true, 11},
		{"a server that knows no ranges", &cutting{after: cutBelow(1, 300_000), noRanges: true}, true, 2},
		{"replaced meanwhile", &cutting{after: cutBelow(1, 300_000), replace: 2}, false, 2},
		{"replaced, by a server that knows no ranges", &cutting{after: cutBelow(1, 300_000), replace: 2, noRanges: true}, false, 2},
		{"an object without a tag", &cutting{after: cutBelow(1, 1000), noTag: true}, false, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.server.content = content
			server := httptest.NewServer(test.server)
			t.Cleanup(server.Close)
			env := map[string]string{own.id: keyID, own.secret: secret}
			s, err := Open("s3://bucket?region=r&endpoint="+url.QueryEscape(server.URL), Options{Getenv: func(name string) string { return env[name] }})
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(must(s.Get(t.Context(), "o")))
			if whole := err == nil && bytes.Equal(got, content); whole != test.whole {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if !test.whole && (core.CodeOf(err) != core.CodeUnavailable || !strings.Contains(err.Error(), "o: ") || !bytes.HasPrefix(content, got)) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if asked := int(test.server.asked.Load()); test.asked > 0 && asked != test.asked {
				t.Errorf("asked %d times, want %d", asked, test.asked)
			}
			if ranges, most := test.server.ranges.Load(), test.server.asked.Load()-1; ranges != most {
				t.Errorf("%d ranges in %d requests", ranges, most+1)
			}
		})
	}
}

// failsAt is a file whose reads fail at a byte, as on a network's file system.
type failsAt struct {
	io.ReadCloser
	left int
}

var errStale = errors.New("stale file handle")

func (f *failsAt) Read(p []byte) (int, error) {
	if f.left == 0 {
		return 0, errStale
	}
	n, err := f.ReadCloser.Read(p[:min(len(p), f.left)])
	f.left -= n
	return n, err
}

// A file that cannot be read on is opened again, as long as it is the same one.
func TestFolderContinuesBodies(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 50_000)
	for name, meanwhile := range map[string]func(s *folder, path string) error{
		"the same file": func(*folder, string) error { return nil },
		"another file":  func(s *folder, _ string) error { return s.Put(t.Context(), "o", write(strings.ToUpper(long))) },
		"a cut file":    func(_ *folder, path string) error { return os.Truncate(path, 1000) },
		"no file":       func(_ *folder, path string) error { return os.Remove(path) },
	} {
		dir := t.TempDir()
		s := openAt(t, dir)
		if err := s.Put(t.Context(), "o", write(long)); err != nil {
			t.Fatal(err)
		}
		opened, err := s.Get(t.Context(), "o")
		if err != nil {
			t.Fatal(err)
		}
		defer opened.Close()
		opened.(*body).from = &failsAt{opened.(*body).from, 123_456}
		if err := meanwhile(s, filepath.Join(dir, "o")); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(opened)
		if whole := err == nil && string(got) == long; whole != (name == "the same file") {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if err != nil && (core.CodeOf(err) != core.CodeUnavailable || !strings.HasPrefix(long, string(got))) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}
