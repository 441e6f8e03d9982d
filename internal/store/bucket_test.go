package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"partnerlens/pkg/core"
)

const (
	keyID  = "AKPLANTED"
	secret = "planted-secret"
)

// canned is a transport that answers by itself and keeps what it was asked.
type canned struct {
	mu     sync.Mutex
	asked  []*http.Request
	bodies []string
	answer func(n int, r *http.Request, body string) *http.Response // n: 1 for the first
}

func (c *canned) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body.Close()
	}
	c.mu.Lock()
	c.asked, c.bodies = append(c.asked, r), append(c.bodies, string(body))
	n := len(c.asked)
	c.mu.Unlock()
	resp := c.answer(n, r, string(body))
	if resp == nil {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	resp.Request, resp.Proto, resp.ProtoMajor, resp.ProtoMinor = r, "HTTP/1.1", 1, 1
	return resp, nil
}

func reply(status int, text string, headers ...string) *http.Response {
	h := http.Header{"X-Amz-Request-Id": {"REQUEST1"}}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	h.Set("Content-Length", fmt.Sprint(len(text)))
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text))}
}

func refusal(status int, code string, headers ...string) *http.Response {
	return reply(status, "<Error><Code>"+code+"</Code><Message>"+keyID+" planted-message</Message></Error>", headers...)
}

// friendly answers as a store does that takes everything.
func friendly(_ int, r *http.Request, _ string) *http.Response {
	query := r.URL.Query()
	switch {
	case r.Method == http.MethodPost && query.Has("uploads"):
		return reply(200, "<InitiateMultipartUploadResult><UploadId>upload-1</UploadId></InitiateMultipartUploadResult>")
	case r.Method == http.MethodPost:
		return reply(200, "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>")
	case r.Method == http.MethodGet && strings.Count(r.URL.Path, "/") <= 2 && !strings.HasSuffix(r.URL.Path, "o"):
		return reply(200, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
	case r.Method == http.MethodHead:
		return reply(404, "")
	case r.Method == http.MethodDelete:
		return reply(204, "")
	}
	return reply(200, "", "ETag", "e")
}

func openCanned(t *testing.T, rawURL string, answer func(n int, r *http.Request, body string) *http.Response) (Store, *canned) {
	t.Helper()
	c := &canned{answer: answer}
	env := map[string]string{own.id: keyID, own.secret: secret, own.token: "planted-token"}
	s, err := Open(rawURL, Options{Getenv: func(name string) string { return env[name] }, Transport: c})
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

const (
	onAWS = "s3://bucket/pre?region=eu-central-1"
	onCOS = "s3://b-125/pre?region=ap-singapore&endpoint=https://cos.ap-singapore.myqcloud.com"
	onOBS = "s3://bucket/pre?region=cn-north-4&endpoint=https://obs.cn-north-4.myhuaweicloud.com"
)

// What leaves for each cloud: the host, the signature's region, and none of the
// headers that COS and OBS choke on.
func TestBucketRequests(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for _, test := range []struct {
		url, host, region string
		forbid, looks     bool
		sse               string
	}{
		{onAWS, "bucket.s3.eu-central-1.amazonaws.com", "eu-central-1", false, false, ""},
		{onAWS + "&sse=aws:kms&kms_key=key-1", "bucket.s3.eu-central-1.amazonaws.com", "eu-central-1", false, false, "aws:kms"},
		{onCOS, "b-125.cos.ap-singapore.myqcloud.com", "ap-singapore", true, false, ""},
		{onOBS + "&sse=AES256", "bucket.obs.cn-north-4.myhuaweicloud.com", "cn-north-4", false, true, "AES256"},
	} {
		s, c := openCanned(t, test.url, friendly)
		_, err := io.Copy(io.Discard, must(s.Get(ctx, "o")))
		err = errors.Join(err, s.Put(ctx, "o", write("x")), s.Put(ctx, "o", write(strings.Repeat("x", 2*partSize+1))), s.PutNew(ctx, "o", []byte("x")), s.Delete(ctx, "o"))
		for _, failed := range s.List(ctx, "a/") {
			err = errors.Join(err, failed)
		}
		if err != nil {
			t.Errorf("%s: %v", test.url, err)
		}
		var got []string
		for _, r := range c.asked {
			query := r.URL.Query()
			query.Del("x-id")
			got = append(got, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+query.Encode()))
			if r.URL.Host != test.host || r.URL.Scheme != "https" {
				t.Errorf("%s: asks %s", test.url, r.URL.Host)
			}
			if auth := r.Header.Get("Authorization"); !strings.Contains(auth, "Credential="+keyID+"/") || !strings.Contains(auth, "/"+test.region+"/s3/aws4_request") || r.Header.Get("X-Amz-Security-Token") != "planted-token" {
				t.Errorf("%s: signed %q", test.url, auth)
			}
			for name := range r.Header {
				if name := strings.ToLower(name); strings.Contains(name, "checksum") || strings.Contains(name, "trailer") || strings.Contains(name, "crc") {
					t.Errorf("%s: %s %s has the header %s", test.url, r.Method, r.URL, name)
				}
			}
			first := r.Header.Get("If-None-Match") == "*"
			if forbid := r.Header.Get("X-Cos-Forbid-Overwrite") == "true"; forbid != (first && test.forbid) {
				t.Errorf("%s: x-cos-forbid-overwrite %t", test.url, forbid)
			}
			begins := r.Method == http.MethodPut && !query.Has("partNumber") || query.Has("uploads")
			if sse := r.Header.Get("X-Amz-Server-Side-Encryption"); begins && sse != test.sse || !begins && sse != "" {
				t.Errorf("%s: %s %s is encrypted by %q, want %q", test.url, r.Method, r.URL, sse, test.sse)
			}
		}
		want := []string{"GET /pre/o", "PUT /pre/o", "POST /pre/o uploads=",
			"PUT /pre/o partNumber=1&uploadId=upload-1", "PUT /pre/o partNumber=2&uploadId=upload-1", "PUT /pre/o partNumber=3&uploadId=upload-1",
			"POST /pre/o uploadId=upload-1", "HEAD /pre/o", "PUT /pre/o", "DELETE /pre/o", "GET / prefix=pre%2Fa%2F"}
		if !test.looks {
			want = slices.DeleteFunc(want, func(line string) bool { return strings.HasPrefix(line, "HEAD") })
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s asks\n%s\nwant\n%s", test.url, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func must(from io.ReadCloser, err error) io.Reader {
	if err != nil {
		return badReader{err}
	}
	return from
}

type badReader struct{ err error }

func (b badReader) Read([]byte) (int, error) { return 0, b.err }

// Each call is signed with the key of that moment.
func TestBucketKeysRotate(t *testing.T) {
	t.Parallel()
	c := &canned{answer: friendly}
	env := map[string]string{}
	s, err := Open(onAWS, Options{Getenv: func(name string) string { return env[name] }, Transport: c})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), "o"); core.CodeOf(err) != core.CodeMisconfigured || !strings.Contains(err.Error(), "store.Delete") || !strings.Contains(err.Error(), "there is no key") {
		t.Errorf("without a key: %v", err)
	}
	for _, id := range []string{"FIRST", "SECOND"} {
		env[amazon.id], env[amazon.secret] = id, secret
		if err := s.Delete(t.Context(), "o"); err != nil {
			t.Fatal(err)
		}
		if last := c.asked[len(c.asked)-1].Header.Get("Authorization"); !strings.Contains(last, "Credential="+id+"/") {
			t.Errorf("signed %q, want by %s", last, id)
		}
	}
}

func TestBucketErrors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status  int
		code    string
		headers []string
		want    core.Code
		text    string
		tries   int
	}{
		{404, "NoSuchKey", nil, core.CodeNotFound, "o: there is no such object", 1},
		{404, "NoSuchBucket", nil, core.CodeMisconfigured, "no such bucket", 1},
		{403, "AccessDenied", nil, core.CodeDenied, "s3:ListBucket", 1},
		{403, "InvalidAccessKeyId", nil, core.CodeDenied, "does not know the key", 1},
		{403, "SignatureDoesNotMatch", nil, core.CodeDenied, "secret key does not belong", 1},
		{400, "ExpiredToken", nil, core.CodeDenied, "has expired", 1},
		{403, "RequestTimeTooSkewed", nil, core.CodeDenied, "clock", 1},
		{301, "PermanentRedirect", []string{"x-amz-bucket-region", "us-west-2", "Location", "https://elsewhere.example/"}, core.CodeMisconfigured, "set region=us-west-2", 1},
		{400, "AuthorizationHeaderMalformed", []string{"x-amz-bucket-region", "us-west-2"}, core.CodeMisconfigured, "set region=us-west-2", 1},
		{400, "AuthorizationHeaderMalformed", nil, core.CodeMisconfigured, "another region", 1},
		{307, "TemporaryRedirect", []string{"Location", "https://elsewhere.example/"}, core.CodeMisconfigured, "another region", 1},
		{503, "SlowDown", nil, core.CodeUnavailable, "slow down", 4},
		{503, "Whatever", nil, core.CodeUnavailable, "HTTP status 503", 4},
		{500, "InternalError", nil, core.CodeUnavailable, "fault of its own", 4},
		{400, "KMS.DisabledException", nil, core.CodeMisconfigured, "kms_key", 1},
		{418, "Planted-Teapot", nil, core.CodeUpstream, "HTTP status 418", 1},
	} {
		synctest.Test(t, func(t *testing.T) { // the waits between attempts
			s, c := openCanned(t, onAWS, func(int, *http.Request, string) *http.Response {
				return refusal(test.status, test.code, test.headers...)
			})
			for op, do := range map[string]func() error{
				"Get": func() error { _, err := s.Get(t.Context(), "o"); return err },
				"Put": func() error { return s.Put(t.Context(), "o", write("planted-content")) },
			} {
				c.asked = nil
				err := do()
				e := core.AsError(err)
				if e.Code != test.want || !strings.Contains(err.Error(), test.text) || e.Op != "store."+op || e.RequestID != "REQUEST1" || e.VendorCode != test.code || len(c.asked) != test.tries || e.Attempts != test.tries {
					t.Errorf("%d %s: %v after %d tries, want %s with %q after %d", test.status, test.code, err, len(c.asked), test.want, test.text, test.tries)
				}
				for _, planted := range []string{keyID, "planted-", "amazonaws", "http"} {
					if shown := fmt.Sprintf("%+v", err); strings.Contains(strings.ReplaceAll(shown, "HTTP", ""), planted) {
						t.Errorf("%d %s: the error shows %q: %s", test.status, test.code, planted, shown)
					}
				}
			}
		})
	}
}

// A call that failed is made again, with the whole of its body.
func TestBucketTriesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := openCanned(t, onAWS, func(n int, r *http.Request, body string) *http.Response {
			if n%2 == 1 {
				return refusal(503, "SlowDown")
			}
			return friendly(n, r, body)
		})
		long := strings.Repeat("0123456789", partSize/10+1)
		if err := s.Put(t.Context(), "o", write(long)); err != nil {
			t.Fatal(err)
		}
		if err := s.Put(t.Context(), "o", write("short")); err != nil {
			t.Fatal(err)
		}
		if len(c.bodies) != 10 || c.bodies[2] != long[:partSize] || c.bodies[3] != long[:partSize] || c.bodies[5] != long[partSize:] || c.bodies[9] != "short" {
			t.Errorf("%d requests, or a body of them is not whole", len(c.bodies))
		}
		// It gives up waiting with its context.
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		c.answer = func(int, *http.Request, string) *http.Response { return refusal(503, "SlowDown") }
		start := time.Now()
		if err := s.Delete(ctx, "o"); core.CodeOf(err) != core.CodeDeadline || time.Since(start) > time.Second {
			t.Errorf("a deadline between attempts: %v after %v", err, time.Since(start))
		}
	})
}

// Every failure aborts an upload that has started.
func TestBucketAbortsUploads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, abortsUploads) // an error in a 200 is tried again
}

func abortsUploads(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	failed := errors.New("the writer's own error")
	long := strings.Repeat("x", partSize+1)
	refuse := func(what func(*http.Request) bool) func(int, *http.Request, string) *http.Response {
		return func(n int, r *http.Request, body string) *http.Response {
			if what(r) {
				return refusal(403, "AccessDenied")
			}
			return friendly(n, r, body)
		}
	}
	isPart := func(r *http.Request) bool { return r.URL.Query().Has("partNumber") }
	isEnd := func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploadId") }
	for _, test := range []struct {
		name   string
		answer func(int, *http.Request, string) *http.Response
		write  func(io.Writer) error
		aborts bool
		want   core.Code // "": the writer's own error
	}{
		{"the writer fails", friendly, func(w io.Writer) error { write(long)(w); return failed }, true, ""},
		{"the writer fails early", friendly, func(w io.Writer) error { write("x")(w); return failed }, false, ""},
		{"a part is refused", refuse(isPart), write(long), true, core.CodeDenied},
		{"a part is refused, and write ignores it", refuse(isPart), func(w io.Writer) error { write(long)(w); return nil }, true, core.CodeDenied},
		{"the end is refused", refuse(isEnd), write(long), true, core.CodeDenied},
		{"the end fails with a 200", func(n int, r *http.Request, body string) *http.Response {
			if isEnd(r) {
				return refusal(200, "AccessDenied")
			}
			return friendly(n, r, body)
		}, write(long), true, core.CodeDenied},
		{"the caller goes away", friendly, func(w io.Writer) error { write(long)(w); cancel(); return nil }, true, core.CodeCanceled}, // the last: ctx is done
	} {
		s, c := openCanned(t, onAWS, test.answer)
		err := s.Put(ctx, "o", test.write)
		//nolint:errorlint // the error itself is returned
		if test.want == "" && err != failed || test.want != "" && core.CodeOf(err) != test.want {
			t.Errorf("%s: %v", test.name, err)
		}
		aborted := slices.ContainsFunc(c.asked, func(r *http.Request) bool {
			return r.Method == http.MethodDelete && r.URL.Query().Get("uploadId") == "upload-1"
		})
		if aborted != test.aborts || !aborted && len(c.asked) > 0 {
			t.Errorf("%s: aborted %t after %d requests", test.name, aborted, len(c.asked))
		}
	}
}

// A conditional write whose answer got lost is not taken for another writer's.
func TestBucketPutNew(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		answers []*http.Response
		want    string
		asked   int
	}{
		{"another writer's", []*http.Response{refusal(412, "PreconditionFailed")}, "exists", 1},
		{"another writer's, on COS", []*http.Response{refusal(409, "FileAlreadyExists")}, "exists", 1},
		{"our own, by the second attempt", []*http.Response{refusal(500, "InternalError"), refusal(412, "PreconditionFailed"), reply(200, "mine")}, "", 3},
		{"another writer's, by the second attempt", []*http.Response{refusal(500, "InternalError"), refusal(412, "PreconditionFailed"), reply(200, "mine, too")}, "exists", 3},
		{"two meet", []*http.Response{refusal(409, "ConditionalRequestConflict"), reply(200, "")}, "", 2},
		{"two meet for ever", []*http.Response{refusal(409, "ConditionalRequestConflict")}, "unavailable", 4},
		{"no such condition", []*http.Response{refusal(501, "NotImplemented"), reply(200, "")}, "", 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, c := openCanned(t, onCOS, func(n int, _ *http.Request, _ string) *http.Response {
				template := test.answers[min(n, len(test.answers))-1]
				text, _ := io.ReadAll(template.Body)
				template.Body = io.NopCloser(bytes.NewReader(text))
				again := *template
				again.Body = io.NopCloser(bytes.NewReader(text))
				return &again
			})
			err := s.PutNew(t.Context(), "o", []byte("mine"))
			got := string(core.CodeOf(err))
			if errors.Is(err, ErrExists) {
				got = "exists"
			}
			if got != test.want || len(c.asked) != test.asked {
				t.Errorf("%s: %v after %d requests, want %q after %d", test.name, err, len(c.asked), test.want, test.asked)
			}
		})
	}
}

// A list that could lose names, or never end, is an error.
func TestBucketListInDisorder(t *testing.T) {
	t.Parallel()
	page := func(truncated bool, names ...string) string {
		text := fmt.Sprintf("<ListBucketResult><IsTruncated>%t</IsTruncated>", truncated)
		for _, name := range names {
			text += "<Contents><Key>" + name + "</Key><Size>1</Size><LastModified>2026-11-22T00:00:00.000Z</LastModified></Contents>"
		}
		return text + "</ListBucketResult>"
	}
	for _, test := range []struct {
		name  string
		pages []string // the last again and again
		want  string
		code  core.Code
	}{
		{"right", []string{page(true, "pre/", "pre/a", "pre/a b", "pre/b"), page(false, "pre/c")}, "a b c", ""},
		{"the same page again", []string{page(true, "pre/a")}, "a", core.CodeUpstream},
		{"backwards", []string{page(false, "pre/b", "pre/a")}, "", core.CodeUpstream},
		{"what was not asked for", []string{page(false, "other/a")}, "", core.CodeUpstream},
		{"empty and going on", []string{page(true)}, "", core.CodeUpstream},
		{"no list", []string{"<html></html>"}, "", core.CodeUpstream},
	} {
		s, _ := openCanned(t, onAWS, func(n int, _ *http.Request, _ string) *http.Response {
			return reply(200, test.pages[min(n, len(test.pages))-1])
		})
		var got []string
		var failed error
		for object, err := range s.List(t.Context(), "") {
			if failed = err; err == nil {
				got = append(got, object.Name)
			}
		}
		if strings.Join(got, " ") != test.want || core.CodeOf(failed) != test.code {
			t.Errorf("%s: %q, %v, want %q, %q", test.name, got, failed, test.want, test.code)
		}
	}
}

// Over a network: bodies that break off, servers that hang, send elsewhere, or are none.
func TestBucketOverANetwork(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a key goes elsewhere: %s", r.Header.Get("Authorization"))
	}))
	t.Cleanup(elsewhere.Close)
	hung := make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case "/bucket/cut":
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, "short")
		case "/bucket/endless": // no Content-Length
			w.(http.Flusher).Flush()
			io.WriteString(w, "whole?")
		case "/bucket/redirect":
			http.Redirect(w, r, elsewhere.URL+"/x", http.StatusTemporaryRedirect)
		case "/bucket/page":
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, "<html>planted")
		default:
			hung <- struct{}{}
			<-r.Context().Done()
		}
	}))
	t.Cleanup(server.Close)
	env := map[string]string{own.id: keyID, own.secret: secret}
	s, err := Open("s3://bucket?region=r&endpoint="+url.QueryEscape(server.URL), Options{Getenv: func(name string) string { return env[name] }})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]core.Code{"cut": core.CodeUnavailable, "endless": core.CodeUpstream, "redirect": core.CodeMisconfigured, "page": core.CodeUpstream} {
		_, err := io.Copy(io.Discard, must(s.Get(t.Context(), name)))
		if core.CodeOf(err) != want || strings.Contains(err.Error(), "planted") || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	for op, do := range map[string]func(context.Context) error{
		"Get":    func(ctx context.Context) error { _, err := s.Get(ctx, "hang"); return err },
		"Put":    func(ctx context.Context) error { return s.Put(ctx, "hang", write("x")) },
		"PutNew": func(ctx context.Context) error { return s.PutNew(ctx, "hang", nil) },
		"Delete": func(ctx context.Context) error { return s.Delete(ctx, "hang") },
		"List": func(ctx context.Context) (failed error) {
			for _, err := range s.List(ctx, "") {
				failed = err
			}
			return failed
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-hung; cancel() }()
		start := time.Now()
		if err := do(ctx); core.CodeOf(err) != core.CodeCanceled || time.Since(start) > 2*time.Second {
			t.Errorf("%s of a server that hangs: %v after %v", op, err, time.Since(start))
		}
		cancel()
	}
}

func TestBucketWithoutServer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(nil)
	address := server.URL
	server.Close()
	env := map[string]string{own.id: keyID, own.secret: secret}
	s, err := Open("s3://bucket?region=r&endpoint="+url.QueryEscape(address), Options{Getenv: func(name string) string { return env[name] }})
	if err != nil {
		t.Fatal(err)
	}
	s.(*bucket).client = s3.New(s.(*bucket).client.Options(), func(o *s3.Options) { o.RetryMaxAttempts = 1 })
	if err := s.Delete(t.Context(), "o"); core.CodeOf(err) != core.CodeUnavailable || !strings.Contains(err.Error(), "refuses connections") {
		t.Errorf("no server: %v", err)
	}
}

// Against the real server: what it says to wrong keys, and that nothing is left of
// uploads that failed.
func TestBucketOfARealServer(t *testing.T) {
	t.Parallel()
	rawURL := os.Getenv("PARTNERLENS_TEST_S3")
	if rawURL == "" {
		t.Skip("there is no S3 server to test with; run it with one: scripts/s3.sh go test ./internal/store/...")
	}
	for _, test := range []struct {
		name, bucket string
		change       map[string]string
		want         core.Code
	}{
		{"a wrong secret", "partnerlens", map[string]string{own.secret: "wrong"}, core.CodeDenied},
		{"no bucket", "missing-bucket", nil, core.CodeMisconfigured},
	} {
		s, err := Open(strings.Replace(rawURL, "partnerlens", test.bucket, 1), Options{Getenv: func(name string) string {
			if text, ok := test.change[name]; ok {
				return text
			}
			return os.Getenv(name)
		}})
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range s.List(t.Context(), "") {
			if core.CodeOf(err) != test.want {
				t.Errorf("%s: %v, want %s", test.name, err, test.want)
			}
		}
		if err := s.Put(t.Context(), "o", write("x")); core.CodeOf(err) != test.want {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
	}
	s, err := Open(strings.Replace(rawURL, "?", "/left-of-failures?", 1), Options{Getenv: os.Getenv})
	if err != nil {
		t.Fatal(err)
	}
	failed := errors.New("the writer's own error")
	if err := s.Put(t.Context(), "o", func(w io.Writer) error { write(strings.Repeat("x", partSize+1))(w); return failed }); !errors.Is(err, failed) {
		t.Errorf("Put = %v", err)
	}
	b := s.(*bucket)
	left, err := b.client.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &b.place.bucket, Prefix: &b.place.prefix})
	if err != nil || len(left.Uploads) != 0 {
		t.Errorf("left of failures: %v, %v", left, err)
	}
}
