package api_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestPaths sends raw request lines, which an http.Client would clean first. None may be
// redirected.
func TestPaths(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(clouds()["steady"].handler())
	t.Cleanup(server.Close)
	contract := loadContract(t)
	const ok = "" // an answer, no problem
	tests := []struct {
		line string
		want int
		says string // of the problem's detail; "": no problem of ours
	}{
		{"GET /v1/credit", 200, ok},
		{"GET /v1/credit?", 200, ok},
		{"GET /v1/credit?&&", 200, ok},
		{"GET http://other.example.com/v1/credit", 200, ok},
		{"GET /v1/credit/20000000000%31", 200, ok},
		{"GET /?", 200, ok},
		{"POST /", 405, "GET, HEAD"},
		{"GET /v1", 404, "no such path"},
		{"GET /v1/bills", 404, "no such path"},
		{"GET /V1/credit", 404, "no such path"},
		{"GET /v1/credit/", 404, "at its end"},
		{"GET /v1/credit//", 404, "two slashes"},
		{"GET //v1/credit", 404, "two slashes"},
		{"GET /v1//credit", 404, "two slashes"},
		{"POST /v1/credit/", 404, "at its end"},
		{"GET /healthz/", 404, "at its end"},
		{"GET /v1/../v1/credit", 404, ".."},
		{"GET /v1/./credit", 404, "is ."},
		{"GET /v1/%2e%2e/v1/credit", 404, ".."},
		{"GET /v1/credit/..", 404, ".."},
		{"GET /v1/credit/%2E", 404, "is ."},
		{"GET /v1/credit/1/2", 404, "no such path"},
		{"GET /v1/credit/1%2F2", 400, "slash"},
		{"GET /v1/credit/..%2F..%2Fhealthz", 400, "slash"},
		{`GET /v1/tags/1%5C2`, 400, "backslash"},
		{"GET /v1/credit%2F1", 400, "slash"},
		{"GET /v1/tags/%00", 400, "control character"},
		{"GET /v1/tags/%0d%0aX-Injected:1", 400, "control character"},
		{"GET /v1/tags/%E7%A4%BA", 400, "outside ASCII"},
		{"GET /v1/tags/%20", 400, "space"},
		{"GET /v1/tags/1;a=b", 404, "1;a=b is not among"},
		{"GET /v1/tags/a%2Bb", 404, "a+b is not among"},
		{"GET /v1/tags/100%25", 404, "100% is not among"},
		{"GET /v1/tags/{customer_id}", 404, "{customer_id} is not among"},
		{"GET *", 404, "not a path"},
		{"CONNECT /v1/credit", 405, "GET, HEAD, POST"},
		{"CONNECT example.com:443", 404, "not a path"},
		{"OPTIONS /v1/credit", 405, "GET, HEAD, POST"},
		{"get /v1/credit", 405, "GET, HEAD, POST"},
		{"BREW /v1/credit/1", 405, "GET, HEAD"},
		{"POST /v1/credit/1", 405, "GET, HEAD"},
		{"POST /healthz", 405, "GET, HEAD"},
		{"DELETE /openapi.yaml", 405, "GET, HEAD"},
		{"POST /nowhere", 404, "no such path"},
		{"GET /v1/tags/%zz", 400, ok}, // net/http rejects it before the handler
	}
	for _, test := range tests {
		t.Run(test.line, func(t *testing.T) {
			t.Parallel()
			answer := sendLine(t, server.Listener.Addr().String(), test.line)
			if answer.StatusCode != test.want || answer.Header.Get("Location") != "" {
				t.Errorf("%s = %d, Location %q; want %d", test.line, answer.StatusCode, answer.Header.Get("Location"), test.want)
			}
			if answer.Header.Get("X-Injected") != "" {
				t.Errorf("%s wrote a header", test.line)
			}
			if test.says == ok {
				return
			}
			if p := problemIn(t, answer); !strings.Contains(p.Detail, test.says) {
				t.Errorf("%s: detail %q does not say %q", test.line, p.Detail, test.says)
			}
			if test.want == 405 && answer.Header.Get("Allow") != test.says {
				t.Errorf("%s: Allow %q", test.line, answer.Header.Get("Allow"))
			}
			if err := contract.valid(decodeBody(t, answer), "components", "schemas", "Problem"); err != nil {
				t.Error(err)
			}
		})
	}
}

// sendLine sends one raw request line.
func sendLine(t *testing.T, address, line string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", line)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}
