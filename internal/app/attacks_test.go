package app_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"partnerlens/internal/app"
	"partnerlens/internal/host"
	"partnerlens/pkg/core"
)

// What must turn up nowhere: the keys, what a customer is called, and what a
// caller puts where it could be either.
const (
	keyAll     = "plk_PLANTEDALL2222222222222222222222222"
	keyMasked  = "plk_PLANTEDMASKED2222222222222222222222"
	keyTags    = "plk_PLANTEDTAGS222222222222222222222222"
	keyEMEA    = "plk_PLANTEDEMEA222222222222222222222222"
	keyExpired = "plk_PLANTEDEXPIRED222222222222222222222"
	keyNone    = "plk_PLANTEDNONE222222222222222222222222"

	plantedName  = "=PLANTEDNAME(1)"
	plantedEmail = "PLANTEDMAIL@planted.example.com"
	plantedPhone = "13800138000"
	plantedText  = "PLANTEDTEXT"
)

func hashOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "sha256:" + hex.EncodeToString(sum[:])
}

var attackedKeys = fmt.Sprintf(`{"keys":[
	{"name":"all","hash":%q,"pii":true},
	{"name":"masked","hash":%q},
	{"name":"tags-only","hash":%q,"functions":["tags"],"pii":true},
	{"name":"emea-only","hash":%q,"accounts":["emea"],"pii":true},
	{"name":"expired","hash":%q,"expires":"2026-06-30","pii":true},
	{"name":"on-call","principal":"arn:aws:sts::123456789012:assumed-role/on-call/*","functions":["tags"],"pii":true}
]}`, hashOf(keyAll), hashOf(keyMasked), hashOf(keyTags), hashOf(keyEMEA), hashOf(keyExpired))

// besieged is a function over a cloud of two accounts with planted customers.
type besieged struct {
	asked   atomic.Int32  // pages
	blocked chan struct{} // nil: pages come at once
	log     lockedLog
	env     map[string]string

	simulated bool // its customers, as app.HandlerOptions has it
}

type lockedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

type plantedSource struct {
	*besieged
	account string
}

func (s plantedSource) FetchPage(ctx context.Context, _ core.CreditQuery, at core.Cursor) (core.Page[*core.CustomerCredit], error) {
	s.asked.Add(1)
	if s.blocked != nil {
		select {
		case <-s.blocked:
		case <-ctx.Done():
			return core.Page[*core.CustomerCredit]{}, ctx.Err()
		}
	}
	ids := map[string][]string{core.DefaultAccount: {"200000000001", "200000000002"}, "emea": {"300000000001"}}[s.account]
	total := len(ids)
	page := core.Page[*core.CustomerCredit]{Total: &total, RequestID: "00000000-0000-4000-8000-000000000001"}
	for _, id := range ids[min(at.Offset, total):] {
		page.Items = append(page.Items, &core.CustomerCredit{CustomerID: id, Name: plantedName, Email: plantedEmail, Mobile: plantedPhone, Remark: plantedText})
	}
	return page, nil
}

func (b *besieged) handler() http.Handler {
	logger := slog.New(slog.NewJSONHandler(&b.log, nil))
	names := func(context.Context) ([]string, error) { return []string{core.DefaultAccount, "emea"}, nil }
	function := core.CreditFunction(func(_ context.Context, account string) (*core.Reader[core.CreditQuery, *core.CustomerCredit], error) {
		return core.NewReader(plantedSource{b, account}, &core.ReaderOptions[core.CreditQuery]{
			Schema: core.Schema("credit"), Provider: "tencentcloud", Account: account,
		}), nil
	}, names)
	return app.Handler(app.HandlerOptions{Logger: logger, Env: b.getenv, Token: core.NewSecret(startToken), Simulated: b.simulated}, function)
}

func (b *besieged) getenv(name string) string { return b.env[name] }

// serve gives a loopback address where b answers as the product does.
func (b *besieged) serve(t *testing.T, bounds host.ServeOptions) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	bounds.Logger, bounds.Getenv = slog.New(slog.NewJSONHandler(&b.log, nil)), b.getenv
	go func() { done <- host.Serve(ctx, ln, b.handler(), &bounds) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

// dial opens a connection that ends with the test.
func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(2 * time.Minute)) // a machine may be busy
	return conn
}

// send sends bytes as they are and gives all that comes back until the server
// closes the connection.
func send(t *testing.T, address, request string) string {
	t.Helper()
	conn := dial(t, address)
	go func() { _, _ = io.WriteString(conn, request) }() // an answer may come before it is all sent
	answer, _ := io.ReadAll(conn)                        // of what is refused early, the rest is cut off
	return string(answer)
}

// answered reads the first answer.
func answered(t *testing.T, text string) (*http.Response, string) {
	t.Helper()
	answer, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text)), nil)
	if err != nil {
		t.Fatalf("no answer: %v\n%s", err, text)
	}
	body, _ := io.ReadAll(answer.Body)
	return answer, string(body)
}

// request is a request as bytes, from a program on this machine.
func request(line string, headers ...string) string {
	return line + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + strings.Join(append(headers, "\r\n"), "\r\n")
}

func get(target string, headers ...string) string { return request("GET "+target, headers...) }

func post(body string, headers ...string) string {
	return request("POST /v1/credit", append(headers, fmt.Sprintf("Content-Length: %d", len(body)))...) + body
}

func bearer(key string) string { return "Authorization: Bearer " + key }
func apiKey(key string) string { return "X-Api-Key: " + key }

// attack is a row of the table: what is sent, and the answer that it gets.
type attack struct {
	name    string
	open    bool              // no keys are configured
	env     map[string]string // beside them
	send    string            // over a connection; or
	event   string            // as a platform sends it
	status  int
	code    string // of the problem; "": the answer is a report, or none of ours
	says    string // a part of the answer's body
	reads   bool   // the vendor may be asked
	full    bool   // the answer may show customers whole
	echo    bool   // the answer may show what the caller itself sent
	unheard bool   // refused by the server before there is a call
	check   func(t *testing.T, answer *http.Response, body string)
}

const (
	unauthenticated = "unauthenticated"
	forbidden       = "forbidden"
	invalid         = "invalid_request"
	notFound        = "not_found"
	tooLarge        = "too_large"
)

func TestAttacks(t *testing.T) {
	t.Parallel()
	const local, cross = "Host: 127.0.0.1", "Sec-Fetch-Site: cross-site"
	raw := func(lines ...string) string { return strings.Join(append(lines, "\r\n"), "\r\n") }
	longQuery := "/v1/credit?filter_type=customer_id&filter=" + strings.Repeat("1", 33<<10)
	defaultsCursor := cursorOf(t, "")

	for _, a := range []attack{
		// Keys.
		{name: "a key that is right", send: get("/v1/credit", bearer(keyAll)), status: 200, reads: true},
		{name: "a key that is right, twice", send: get("/v1/credit", bearer(keyAll), apiKey(keyAll)), status: 200, reads: true},
		{name: "the scheme in another case", send: get("/v1/credit", "authorization: bEaReR "+keyAll), status: 200, reads: true},
		{name: "unmasked with the permission", send: get("/v1/credit?pii=full", apiKey(keyAll)), status: 200, reads: true, full: true, says: plantedText},
		{name: "no key", send: get("/v1/credit"), status: 401, code: unauthenticated, says: "send a key"},
		{name: "an empty key", send: get("/v1/credit", "X-Api-Key:", "Authorization: Bearer"), status: 401, code: unauthenticated, says: "send a key"},
		{name: "a wrong key", send: get("/v1/credit", bearer(keyNone)), status: 401, code: unauthenticated, says: "the key is not valid"},
		{name: "the key in another case", send: get("/v1/credit", bearer(strings.ToLower(keyAll))), status: 401, code: unauthenticated},
		{name: "a key's beginning", send: get("/v1/credit", bearer(keyAll[:len(keyAll)-1])), status: 401, code: unauthenticated},
		{name: "a key and more", send: get("/v1/credit", bearer(keyAll+"2")), status: 401, code: unauthenticated},
		{name: "the hash for a key", send: get("/v1/credit", bearer(hashOf(keyAll))), status: 401, code: unauthenticated},
		{name: "an expired key", send: get("/v1/credit", bearer(keyExpired)), status: 401, code: unauthenticated, says: "expired at 2026-06-30T00:00:00Z"},
		{name: "a key as the password of Basic", send: get("/v1/credit", "Authorization: Basic "+keyAll), status: 401, code: unauthenticated},
		{name: "a key without a scheme", send: get("/v1/credit", "Authorization: "+keyAll), status: 401, code: unauthenticated},
		{name: "a key in a cookie", send: get("/v1/credit", "Cookie: X-Api-Key="+keyAll), status: 401, code: unauthenticated},
		{name: "a key in the query", send: get("/v1/credit?api_key=" + keyAll), status: 401, code: unauthenticated},
		{name: "a key in the query, with one that is right", send: get("/v1/credit?api_key="+keyAll, bearer(keyMasked)), status: 400, code: invalid, says: "api_key: unknown parameter"},
		{name: "a key for a parameter's name", send: get("/v1/credit?"+keyAll+"=1", bearer(keyMasked)), status: 400, code: invalid, echo: true},
		{name: "a key for a parameter's value", send: get("/v1/credit?account="+keyAll, bearer(keyMasked)), status: 400, code: invalid, says: "account: unknown"},
		{name: "a key in the path", send: get("/v1/credit/"+keyAll, bearer(keyMasked)), status: 400, code: invalid},
		{name: "a key in the body", send: post(`{"api_key":"` + keyAll + `"}`), status: 401, code: unauthenticated},
		{name: "a principal for a key", send: get("/v1/credit", bearer("arn:aws:sts::123456789012:assumed-role/on-call/x")), status: 401, code: unauthenticated},

		// Rights.
		{name: "a key for another function", send: get("/v1/credit", bearer(keyTags)), status: 403, code: forbidden, says: "may not ask for credit"},
		{name: "a key for another account", send: get("/v1/credit?account=default", bearer(keyEMEA)), status: 403, code: forbidden, says: "may ask for: emea"},
		{name: "whether there is an account", send: get("/v1/credit?account=apac", bearer(keyEMEA)), status: 403, code: forbidden, says: "may ask for: emea"},
		{name: "all accounts with a key for one", send: get("/v1/credit?account=all", bearer(keyEMEA)), status: 200, reads: true, check: func(t *testing.T, _ *http.Response, body string) {
			if !strings.Contains(body, "300000000001") || strings.Contains(body, "200000000001") || strings.Contains(body, core.DefaultAccount) {
				t.Errorf("all accounts of a key for emea are %s", body)
			}
		}},
		{name: "whole without the right", send: get("/v1/credit?pii=full", bearer(keyMasked)), status: 403, code: forbidden, says: "pii"},
		{name: "whole without the right, checked", send: request("HEAD /v1/credit?pii=full", bearer(keyMasked)), status: 403},
		{name: "whole without the right, by id", send: get("/v1/credit/200000000001?pii=full", bearer(keyMasked)), status: 403, code: forbidden, says: "pii"},
		{name: "whole twice", send: get("/v1/credit?pii=masked&pii=full", bearer(keyMasked)), status: 400, code: invalid, says: "given 2 times"},
		{name: "a search by e-mail without the right", send: get("/v1/credit?filter_type=email&filter="+plantedEmail, bearer(keyMasked)), status: 403, code: forbidden, says: "filter_type"},
		{name: "a search by name without the right", send: post(`{"filter_type":"name","filter":"`+plantedText+`"}`, bearer(keyMasked)), status: 403, code: forbidden, says: "filter_type"},
		{name: "a search by remark without the right", send: post(`{"filter_type":"remark","filter":"`+plantedText+`"}`, bearer(keyMasked)), status: 403, code: forbidden, says: "filter_type"},

		// Which of two things counts.
		{name: "two Authorizations", send: get("/v1/credit", bearer(keyAll), bearer(keyAll)), status: 400, code: invalid, says: "more than one key"},
		{name: "two X-Api-Keys", send: get("/v1/credit", apiKey(keyMasked), apiKey(keyAll)), status: 400, code: invalid, says: "more than one key"},
		{name: "two that contradict", send: get("/v1/credit", bearer(keyMasked), apiKey(keyAll)), status: 400, code: invalid, says: "more than one key"},
		{name: "a list of keys", send: get("/v1/credit", bearer(keyNone+", "+keyAll)), status: 400, code: invalid, says: "more than one key"},
		{name: "a list in X-Api-Key", send: get("/v1/credit", apiKey(keyNone+","+keyAll)), status: 400, code: invalid, says: "more than one key"},
		{name: "a header that is nearly one", send: get("/v1/credit", "X_Api_Key: "+keyAll), status: 401, code: unauthenticated},
		{name: "a space before the colon", send: get("/v1/credit", "X-Api-Key : "+keyAll), status: 400, unheard: true},
		{name: "a folded header", send: get("/v1/credit", "X-Api-Key:\r\n "+keyAll[:9]), status: 401, code: unauthenticated},
		{name: "a null byte in a header", send: get("/v1/credit", "X-Api-Key: "+keyAll+"\x00"), status: 400, unheard: true},
		{name: "two lengths", send: request("POST /v1/credit", bearer(keyAll), "Content-Length: 2", "Content-Length: 3") + "{}x", status: 400, unheard: true},
		{name: "a length with a sign", send: request("POST /v1/credit", bearer(keyAll), "Content-Length: +2") + "{}", status: 400, unheard: true},
		{name: "a coding that is no chunking", send: request("POST /v1/credit", bearer(keyAll), "Transfer-Encoding: xchunked") + "{}", status: 501, unheard: true},
		{name: "a length and chunks", send: raw("POST /v1/credit HTTP/1.1", local, "Content-Length: 5", "Transfer-Encoding: chunked") + "0\r\n\r\n" + get("/v1/credit"), status: 401, code: unauthenticated, check: nothingRead},
		{name: "a request within a refused body", send: raw("POST /v1/credit HTTP/1.1", local, fmt.Sprintf("Content-Length: %d", len(get("/v1/credit", bearer(keyAll))))) + get("/v1/credit", bearer(keyAll)), status: 401, code: unauthenticated, check: nothingRead},
		{name: "words after the version", send: raw("GET /v1/credit HTTP/1.1 X", local), status: 400, unheard: true},
		{name: "another method by a header", send: get("/v1/credit", bearer(keyMasked), "X-Http-Method-Override: POST", "X-Method-Override: DELETE"), status: 200, reads: true},
		{name: "another method by a parameter", send: get("/v1/credit?_method=POST", bearer(keyMasked)), status: 400, code: invalid, says: "_method: unknown"},
		{name: "another method", send: request("PROPFIND /v1/credit"), status: 401, code: unauthenticated},
		{name: "another method, with a key", send: request("PROPFIND /v1/credit", bearer(keyAll)), status: 405, code: "method_not_allowed"},
		{name: "a preflight", send: request("OPTIONS /v1/credit", "Origin: https://evil.example", "Access-Control-Request-Method: GET"), status: 401, code: unauthenticated, check: func(t *testing.T, answer *http.Response, _ string) {
			if answer.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Error("another site's page is let in")
			}
		}},

		// Loopback, while no keys are configured.
		{name: "this machine", open: true, send: get("/v1/credit"), status: 200, reads: true},
		{name: "this machine, whole", open: true, send: get("/v1/credit?pii=full"), status: 403, code: forbidden, says: "token that partnerlens serve printed"},
		{name: "this machine, whole, of all accounts", open: true, send: get("/v1/credit?pii=full&account=all", "Accept: text/csv"), status: 403, code: forbidden, says: "PARTNERLENS_KEYS"},
		{name: "this machine, a search by name", open: true, send: get("/v1/credit?filter_type=name&filter=" + plantedText), status: 403, code: forbidden, says: "token that partnerlens serve printed"},
		{name: "this machine, whole, with the token", open: true, send: get("/v1/credit?pii=full", bearer(startToken)), status: 200, reads: true, full: true, says: plantedText},
		{name: "this machine, a search by name, with the token", open: true, send: get("/v1/credit?filter_type=name&filter="+plantedText, apiKey(startToken)), status: 200, reads: true},
		{name: "this machine, with a wrong token", open: true, send: get("/v1/credit", bearer(keyNone)), status: 401, code: unauthenticated, says: "not the token"},
		{name: "this machine, with a token that is none", open: true, send: get("/v1/credit", bearer("token")), status: 401, code: unauthenticated, says: "the key is not valid"},
		{name: "a proxy, with the token", open: true, send: get("/v1/credit?pii=full", bearer(startToken), "X-Forwarded-For: 203.0.113.10"), status: 200, reads: true, full: true, says: plantedText},
		{name: "a proxy, with a wrong token", open: true, send: get("/v1/credit", bearer(keyNone), "X-Forwarded-For: 203.0.113.10"), status: 401, code: unauthenticated, says: "PARTNERLENS_KEYS"},
		{name: "the token, once keys are configured", send: get("/v1/credit", bearer(startToken)), status: 401, code: unauthenticated, says: "the key is not valid"},
		{name: "this machine, by name and port", open: true, send: raw("GET /v1/credit HTTP/1.1", "Host: LocalHost:8080", "Connection: close"), status: 200, reads: true},
		{name: "this machine, once keys are configured", send: get("/v1/credit"), status: 401, code: unauthenticated},
		{name: "a proxy: X-Forwarded-For", open: true, send: get("/v1/credit", "X-Forwarded-For: 127.0.0.1"), status: 401, code: unauthenticated, says: "PARTNERLENS_KEYS"},
		{name: "a proxy: Forwarded", open: true, send: get("/v1/credit", "Forwarded: for=127.0.0.1"), status: 401, code: unauthenticated},
		{name: "a proxy: X-Real-IP", open: true, send: get("/v1/credit", "X-Real-IP: 127.0.0.1"), status: 401, code: unauthenticated},
		{name: "a proxy: Via", open: true, send: get("/v1/credit", "Via: 1.1 proxy"), status: 401, code: unauthenticated},
		{name: "a proxy: HTTP/1.0", open: true, send: raw("GET /v1/credit HTTP/1.0", local), status: 401, code: unauthenticated},
		{name: "another name for this machine", open: true, send: raw("GET /v1/credit HTTP/1.1", "Host: rebound.example.com:8080", "Connection: close"), status: 401, code: unauthenticated},
		{name: "a name that begins like it", open: true, send: raw("GET /v1/credit HTTP/1.1", "Host: 127.0.0.1.evil.example", "Connection: close"), status: 401, code: unauthenticated},
		{name: "a name with a user", open: true, send: raw("GET /v1/credit HTTP/1.1", "Host: evil.example@127.0.0.1", "Connection: close"), status: 400, unheard: true},
		{name: "a name in the target", open: true, send: raw("GET http://rebound.example.com/v1/credit HTTP/1.1", local, "Connection: close"), status: 401, code: unauthenticated},
		{name: "another site's page", open: true, send: get("/v1/credit", "Origin: https://evil.example"), status: 401, code: unauthenticated},
		{name: "a page of no site", open: true, send: get("/v1/credit", "Origin: null"), status: 401, code: unauthenticated},
		{name: "a page on another port", open: true, send: get("/v1/credit", "Origin: http://127.0.0.1:3000"), status: 401, code: unauthenticated},
		{name: "this machine's page", open: true, send: get("/v1/credit", "Origin: http://127.0.0.1", "Sec-Fetch-Site: same-origin"), status: 200, reads: true},
		{name: "a page by another scheme", open: true, send: get("/v1/credit", "Origin: https://127.0.0.1"), status: 401, code: unauthenticated},
		{name: "a request across sites", open: true, send: get("/v1/credit", cross), status: 401, code: unauthenticated},
		{name: "a request from a sibling site", open: true, send: get("/v1/credit", "Sec-Fetch-Site: same-site"), status: 401, code: unauthenticated},
		{name: "an agent of FunctionGraph on this machine", open: true, env: map[string]string{"RUNTIME_PROJECT_ID": "p"}, send: get("/v1/credit"), status: 401, code: unauthenticated},
		{name: "an agent of Lambda on this machine", open: true, env: map[string]string{"AWS_LAMBDA_FUNCTION_NAME": "f"}, send: get("/v1/credit"), status: 401, code: unauthenticated},

		// What a platform would say, said by the caller.
		{name: "the context of an authorizer", open: true, send: get("/v1/credit", `X-Amzn-Request-Context: {"authorizer":{"iam":{"userArn":"arn:aws:iam::1:user/x"}}}`), status: 401, code: unauthenticated},
		{name: "the identity of a load balancer", send: get("/v1/credit", "X-Amzn-Oidc-Identity: boss"), status: 401, code: unauthenticated},
		{name: "SCF's headers", open: true, send: get("/v1/credit", "X-Scf-Remote-Addr: 127.0.0.1"), status: 401, code: unauthenticated},
		{name: "SCF's headers, with CAM", env: map[string]string{"PARTNERLENS_PLATFORM_AUTH": "scf-cam"}, send: get("/v1/credit", "X-Scf-Request-Id: 1", "Authorization: TC3-HMAC-SHA256 x"), status: 401, code: unauthenticated},
		{name: "FunctionGraph's headers", open: true, send: get("/v1/credit", "X-CFF-Request-Id: 1", "X-CFF-Auth-Token: "+plantedText), status: 401, code: unauthenticated},
		{name: "a source of one's own", send: get("/v1/credit", bearer(keyNone), "X-Forwarded-For: "+plantedText, "X-Scf-Remote-Addr: "+plantedText), status: 401, code: unauthenticated},

		// Size.
		{name: "a body without end", send: post(strings.Repeat(" ", 1<<20+1), bearer(keyAll)), status: 413, code: tooLarge},
		{name: "a body without end and a key", send: post(strings.Repeat(" ", 1<<20+1)), status: 401, code: unauthenticated},
		{name: "a query without end", send: get(longQuery, bearer(keyAll)), status: 413, code: tooLarge, says: "POST"},
		{name: "a header without end", send: get("/v1/credit", bearer(keyAll), "X-Long: "+strings.Repeat("x", 80<<10)), status: 431, unheard: true},
		{name: "a key without end", send: get("/v1/credit", bearer("plk_"+strings.Repeat("A", 30<<10))), status: 401, code: unauthenticated},

		// Paths.
		{name: "two slashes", send: get("//v1/credit"), status: 404, code: notFound},
		{name: "two slashes within", send: get("/v1//credit"), status: 401, code: unauthenticated},
		{name: "two slashes within, with a key", send: get("/v1//credit", bearer(keyAll)), status: 404, code: notFound},
		{name: "a slash at the end", send: get("/v1/credit/"), status: 401, code: unauthenticated},
		{name: "up and down", send: get("/healthz/../v1/credit"), status: 404, code: notFound},
		{name: "up and down, encoded", send: get("/healthz/..%2fv1/credit"), status: 400, code: invalid},
		{name: "a path out of an authenticated one", send: get("/v1/../healthz"), status: 401, code: unauthenticated},
		{name: "an encoded slash", send: get("/v1%2fcredit"), status: 401, code: unauthenticated},
		{name: "an encoded slash, with a key", send: get("/v1%2fcredit", bearer(keyAll)), status: 400, code: invalid},
		{name: "an encoded letter", send: get("/%761/credit"), status: 401, code: unauthenticated},
		{name: "a letter encoded twice", send: get("/%25761/credit"), status: 404, code: notFound},
		{name: "a backslash", send: get(`/v1\credit`), status: 400, code: invalid},
		{name: "a dot at the end", send: get("/v1./credit"), status: 404, code: notFound},
		{name: "another case", send: get("/V1/credit"), status: 404, code: notFound},
		{name: "a parameter of the path", send: get("/v1;x=1/credit"), status: 404, code: notFound},
		{name: "a null byte", send: get("/v1/credit%00"), status: 401, code: unauthenticated},
		{name: "a null byte before", send: get("/%00/v1/credit"), status: 404, code: notFound},
		{name: "no path", send: get("*"), status: 404, code: notFound},
		{name: "no version", send: get("/credit"), status: 404, code: notFound},
		{name: "the version alone", send: get("/v1"), status: 401, code: unauthenticated},
		{name: "no such function", send: get("/v1/bills"), status: 401, code: unauthenticated},
		{name: "an id that climbs", send: get("/v1/credit/..%2f..%2fhealthz", bearer(keyAll)), status: 400, code: invalid},

		// What is written on.
		{name: "formulas in a masked CSV", send: get("/v1/credit", bearer(keyMasked), "Accept: text/csv"), status: 200, reads: true, check: noFormulas},
		{name: "formulas in a whole CSV", send: get("/v1/credit?pii=full", bearer(keyAll), "Accept: text/csv"), status: 200, reads: true, full: true, check: noFormulas},
		{name: "a log line in the request id", send: get("/v1/credit", `X-Request-Id: "},{"msg":"audit","caller":"all"`), status: 401, code: unauthenticated},
		{name: "a log line in the path", send: get(`/v1/%0a%7b"msg":"audit"%7d` + plantedText), status: 401, code: unauthenticated},
		{name: "a log line in the path, with a key", send: get(`/v1/credit/%0a%7b"msg":"audit"%7d`+plantedText, bearer(keyAll)), status: 400, code: invalid},
		{name: "a log line in a parameter", send: get(`/v1/credit?account=%0a{"msg":"audit"}`+plantedText, bearer(keyAll)), status: 400, code: invalid},
		{name: "a log line in a parameter's name", send: get(`/v1/credit?%0a{"msg":"audit"}`+plantedText, bearer(keyAll)), status: 400, code: invalid, echo: true},
		{name: "a log line in the method", send: request(`{"msg":"audit"} /v1/credit`), status: 400, unheard: true},
		{name: "a header in a parameter", send: get("/v1/credit?account=default%0d%0aX-Injected:%201", bearer(keyAll)), status: 400, code: invalid, check: notInjected},
		{name: "a header in the path", send: get("/v1/credit/1%0d%0aX-Injected:%201", bearer(keyAll)), status: 400, code: invalid, check: notInjected},
		{name: "a header in the format", send: get("/v1/credit", bearer(keyAll), "Accept: text/csv; profile=\"x\\\r\nX-Injected: 1\""), status: 406, code: "not_acceptable", check: notInjected},

		// Cursors.
		{name: "a cursor of one's own", send: get("/v1/credit?cursor="+plantedText, bearer(keyMasked)), status: 400, code: invalid, says: "cursor", reads: false},
		{name: "a cursor of another account", send: get("/v1/credit?limit=1&account=emea&cursor="+defaultsCursor, bearer(keyEMEA)), status: 400, code: invalid, says: "another query"},
		{name: "a cursor of an account that is not the key's", send: get("/v1/credit?limit=1&account=default&cursor="+defaultsCursor, bearer(keyEMEA)), status: 403, code: forbidden},
		{name: "a cursor of one account for all", send: get("/v1/credit?account=all&cursor="+defaultsCursor, bearer(keyEMEA)), status: 400, code: invalid, says: "cursor"},
		{name: "a cursor of all accounts for a key of one", send: get("/v1/credit?account=all&limit=1&cursor="+cursorOf(t, core.AllAccounts), bearer(keyEMEA)), status: 400, code: invalid, says: "cursor"},
		{name: "a cursor without end", send: get("/v1/credit?cursor="+strings.Repeat("A", 20<<10), bearer(keyMasked)), status: 400, code: invalid, says: "cursor"},

		// Platforms.
		{name: "an authorizer of IAM", event: function(`{"iam":{"userArn":"arn:aws:iam::123456789012:user/ops"}}`, ""), status: 200, reads: true},
		{name: "an authorizer of IAM, no keys", open: true, event: function(`{"iam":{"userArn":"arn:aws:iam::123456789012:user/ops"}}`, ""), status: 200, reads: true},
		{name: "an authorizer of IAM, whole", event: function(`{"iam":{"userArn":"arn:aws:iam::123456789012:user/ops"}}`, "pii=full"), status: 403, code: forbidden},
		{name: "an authorizer of IAM, other functions", event: function(`{"iam":{"userArn":"arn:aws:sts::123456789012:assumed-role/on-call/x"}}`, ""), status: 403, code: forbidden},
		{name: "a token's subject that looks like IAM's", event: function(`{"jwt":{"claims":{"sub":"arn:aws:sts::123456789012:assumed-role/on-call/x"}}}`, "pii=full"), status: 403, code: forbidden, says: "pii"},
		{name: "an authorizer of IAM without an identity", event: function(`{"iam":{"userArn":""}}`, ""), status: 401, code: unauthenticated},
		{name: "an authorizer of IAM of another form", event: function(`{"iam":{"userArn":{"x":1}}}`, ""), status: 401, code: unauthenticated},
		{name: "an authorizer of IAM, twice", event: function(`{"iam":{"userArn":"arn:aws:iam::1:user/x"},"iam":{"userArn":"arn:aws:iam::1:user/y"}}`, ""), status: 401, code: unauthenticated},
		{name: "an authorizer of one's own", event: function(`{"lambda":{"iam":{"userArn":"arn:aws:iam::1:user/x"},"principalId":"x"}}`, ""), status: 401, code: unauthenticated},
		{name: "claims that are none", event: function(`{"jwt":{"claims":["sub"]}}`, ""), status: 401, code: unauthenticated},
		{name: "claims of REST that are a text", event: `{"httpMethod":"GET","resource":"/","path":"/v1/credit","requestContext":{"authorizer":{"principalId":"x","claims":"{\"sub\":\"x\"}"}}}`, status: 401, code: unauthenticated},
		{name: "a principal with a line's end", event: function(`{"jwt":{"claims":{"sub":"x\n{\"msg\":\"audit\"}"}}}`, ""), status: 401, code: unauthenticated},
		{name: "a load balancer's identity", event: `{"requestContext":{"elb":{},"authorizer":{"iam":{"userArn":"arn:aws:iam::1:user/x"}}},"httpMethod":"GET","path":"/v1/credit","headers":{"x-amzn-oidc-identity":"boss"}}`, status: 401, code: unauthenticated},
		{name: "SCF with an unverified signature", open: true, event: scf(`"authorization":"TC3-HMAC-SHA256 Credential=x"`), status: 401, code: unauthenticated},
		{name: "SCF with CAM", open: true, env: map[string]string{"PARTNERLENS_PLATFORM_AUTH": "scf-cam"}, event: scf(`"authorization":"TC3-HMAC-SHA256 Credential=x"`), status: 200, reads: true},
		{name: "SCF with CAM, misspelt", open: true, env: map[string]string{"PARTNERLENS_PLATFORM_AUTH": "cam"}, event: scf(`"authorization":"x"`), status: 500, code: "misconfigured", says: "PARTNERLENS_PLATFORM_AUTH"},
		{name: "loopback by an event", open: true, event: scf(`"host":"127.0.0.1","x-scf-remote-addr":"127.0.0.1"`), status: 401, code: unauthenticated},
		{name: "keys that cannot be read", env: map[string]string{"PARTNERLENS_KEYS": `{"keys":[{"name":"` + keyAll + `"}]}`}, send: get("/v1/credit", bearer(keyAll)), status: 500, code: "misconfigured", says: "PARTNERLENS_KEYS"},
		{name: "keys that cannot be read, by IAM", env: map[string]string{"PARTNERLENS_KEYS": plantedText}, event: function(`{"iam":{"userArn":"arn:aws:iam::123456789012:user/ops"}}`, ""), status: 500, code: "misconfigured"},
	} {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			a.run(t)
		})
	}
}

// function is the event of a Function URL with what its authorizer says.
func function(authorizer, query string) string {
	return `{"version":"2.0","rawPath":"/v1/credit","rawQueryString":"` + query + `","headers":{"host":"x.lambda-url.eu-central-1.on.aws"},` +
		`"requestContext":{"domainName":"x.lambda-url.eu-central-1.on.aws","http":{"method":"GET","sourceIp":"203.0.113.10"},"authorizer":` + authorizer + `}}`
}

// scf is the event of an SCF Function URL.
func scf(headers string) string {
	return `{"httpMethod":"GET","path":"/v1/credit","headers":{` + headers + `},"queryString":{},"body":""}`
}

// cursorOf gives a cursor of the first customer, with every right.
func cursorOf(t *testing.T, account string) string {
	t.Helper()
	b := &besieged{env: map[string]string{"PARTNERLENS_KEYS": attackedKeys}}
	target := "/v1/credit?limit=1"
	if account != "" {
		target += "&account=" + account
	}
	_, body := answered(t, send(t, b.serve(t, host.ServeOptions{}), get(target, bearer(keyAll))))
	var report core.Report
	if err := json.Unmarshal([]byte(body), &report); err != nil || report.Next == nil {
		t.Fatalf("no cursor: %v\n%s", err, body)
	}
	return *report.Next
}

func (a *attack) run(t *testing.T) {
	b := &besieged{env: map[string]string{"PARTNERLENS_KEYS": attackedKeys}}
	if a.open {
		clear(b.env)
	}
	for name, value := range a.env {
		b.env[name] = value
	}
	var answer *http.Response
	var body, everything string
	if a.event != "" {
		answer, body = invoke(t, b, a.event)
		everything = body
	} else {
		everything = send(t, b.serve(t, host.ServeOptions{}), a.send)
		answer, body = answered(t, everything)
	}
	if answer.StatusCode != a.status {
		t.Errorf("answered with %d, want %d: %.300s", answer.StatusCode, a.status, body)
	}
	var problem struct{ Code, Detail string }
	if a.code != "" {
		if err := json.Unmarshal([]byte(body), &problem); err != nil || problem.Code != a.code || answer.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("the problem is %q (%v), want %q: %.300s", problem.Code, err, a.code, body)
		}
	}
	if !strings.Contains(body, a.says) {
		t.Errorf("the answer does not say %q: %.300s", a.says, body)
	}
	if got := answer.Header.Get("WWW-Authenticate"); (got == `Bearer realm="partnerlens"`) != (a.status == 401) {
		t.Errorf("WWW-Authenticate is %q", got)
	}
	if got := answer.Header.Get("Cache-Control"); got != "no-store" && !a.unheard {
		t.Errorf("Cache-Control is %q", got)
	}
	if asked := b.asked.Load(); (asked > 0) != a.reads {
		t.Errorf("the vendor was asked %d times", asked)
	}
	if a.check != nil {
		a.check(t, answer, everything)
	}
	a.checkLeaks(t, "answer", everything, a.full, a.echo)
	a.checkLog(t, b.log.String(), problem.Code)
}

func invoke(t *testing.T, b *besieged, event string) (*http.Response, string) {
	t.Helper()
	payload, err := host.Invoke(t.Context(), host.Options{Name: "credit", HTTP: b.handler(), Logger: slog.New(slog.NewJSONHandler(&b.log, nil)), Getenv: b.getenv}, "", []byte(event))
	var envelope struct {
		StatusCode        int                 `json:"statusCode"`
		Headers           map[string]string   `json:"headers"`
		MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
		Body              string              `json:"body"`
	}
	if err == nil {
		err = json.Unmarshal(payload, &envelope)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, payload)
	}
	answer := &http.Response{StatusCode: envelope.StatusCode, Header: envelope.MultiValueHeaders}
	if answer.Header == nil {
		answer.Header = http.Header{}
	}
	for name, value := range envelope.Headers {
		answer.Header.Set(name, value)
	}
	return answer, envelope.Body
}

// checkLeaks looks for what must not turn up.
func (a *attack) checkLeaks(t *testing.T, where, text string, customers, echo bool) {
	t.Helper()
	planted := []string{"plk_", "PLANTEDALL", "PLANTEDMASKED", "PLANTEDTOKEN"}
	if echo {
		planted = nil
	}
	if !customers && !echo {
		planted = append(planted, "PLANTEDNAME", "PLANTEDMAIL", plantedPhone, plantedText)
	}
	for _, private := range planted {
		if strings.Contains(text, private) {
			t.Errorf("the %s holds %s: %.500s", where, private, text)
		}
	}
}

// checkLog wants whole lines, one of them the audit's, and nothing private.
func (a *attack) checkLog(t *testing.T, log, code string) {
	t.Helper()
	a.checkLeaks(t, "log", log, false, false)
	audits := 0
	for line := range strings.Lines(log) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("not a line of the log: %v: %s", err, line)
		}
		if entry["msg"] != "audit" {
			continue
		}
		audits++
		if got, _ := entry["code"].(string); got != code && (code != "" || a.status == 200) { // a HEAD's answer has none
			t.Errorf("the audit line says %q, the answer %q", got, code)
		}
		if status, _ := entry["status"].(float64); int(status) != a.status {
			t.Errorf("the audit line says status %v, the answer %d", entry["status"], a.status)
		}
		if _, masked := entry["masked"]; a.reads && (entry["customers"] == 0.0 || !masked || entry["account"] == "" || entry["upstream_request_ids"] == nil) {
			t.Errorf("the audit line has not caller and answer: %s", line)
		}
	}
	if a.code == unauthenticated && audits == 0 || a.reads && audits != 1 || a.unheard && audits != 0 {
		t.Errorf("%d lines of audit:\n%s", audits, log)
	}
}

// nothingRead is for requests that may hide another.
func nothingRead(t *testing.T, _ *http.Response, everything string) {
	if strings.Contains(everything, "HTTP/1.1 200") {
		t.Errorf("the request within was answered: %s", everything)
	}
}

func notInjected(t *testing.T, answer *http.Response, _ string) {
	if answer.Header.Get("X-Injected") != "" {
		t.Errorf("a header was written: %v", answer.Header)
	}
}

func noFormulas(t *testing.T, answer *http.Response, everything string) {
	_, body := answered(t, everything)
	rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v: %s", len(rows), err, body)
	}
	for _, row := range rows {
		for _, cell := range row {
			if strings.IndexAny(cell, "=+-@\t\r") == 0 {
				t.Errorf("a cell is a formula: %q", cell)
			}
		}
	}
}

// A slow client holds a connection for a bounded time.
func TestSlowAttacks(t *testing.T) {
	t.Parallel()
	slowBody, slowHeader := host.ServeOptions{BodyWithin: 100 * time.Millisecond}, host.ServeOptions{HeaderWithin: 100 * time.Millisecond}
	for _, test := range []struct {
		name, send string
		bounds     host.ServeOptions
		status     int // 0: no answer
	}{
		{"a body that does not come", "POST /v1/credit HTTP/1.1\r\nHost: 127.0.0.1\r\n" + bearer(keyAll) + "\r\nContent-Length: 9\r\n\r\n{", slowBody, 408},
		{"a chunk that does not come", "POST /v1/credit HTTP/1.1\r\nHost: 127.0.0.1\r\n" + bearer(keyAll) + "\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", slowBody, 408},
		{"a body that does not come, and no key", "POST /v1/credit HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n{", slowBody, 401},
		{"an unexpected body", "GET /v1/credit HTTP/1.1\r\nHost: 127.0.0.1\r\n" + bearer(keyAll) + "\r\nContent-Length: 9\r\n\r\n{", slowBody, 200},
		{"headers that do not come", "GET /v1/credit HTTP/1.1\r\nHost: 127", slowHeader, 0},
		{"nothing", "", slowHeader, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := &besieged{env: map[string]string{"PARTNERLENS_KEYS": attackedKeys}}
			conn := dial(t, b.serve(t, test.bounds))
			if _, err := io.WriteString(conn, test.send); err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(conn) // until the server gives up
			if test.status == 0 {
				if len(text) > 0 {
					t.Errorf("answered %s", text)
				}
				return
			}
			if err != nil {
				t.Error(err)
			}
			if answer, body := answered(t, string(text)); answer.StatusCode != test.status || !answer.Close {
				t.Errorf("answered %d, to be closed: %t, want %d: %s", answer.StatusCode, answer.Close, test.status, body)
			}
		})
	}
}

// Wrong keys are slowed, right ones and missing ones are not.
func TestManyWrongKeys(t *testing.T) {
	t.Parallel()
	b := &besieged{env: map[string]string{"PARTNERLENS_KEYS": attackedKeys}}
	address := b.serve(t, host.ServeOptions{})
	var got []int
	for range 12 {
		answer, body := answered(t, send(t, address, get("/v1/credit", bearer(keyNone))))
		got = append(got, answer.StatusCode)
		if answer.StatusCode == 429 && (answer.Header.Get("Retry-After") == "" || !strings.Contains(body, "too_many_requests")) {
			t.Errorf("Retry-After %q: %s", answer.Header.Get("Retry-After"), body)
		}
	}
	if want := append(slices.Repeat([]int{401}, 10), 429, 429); !slices.Equal(got, want) {
		t.Errorf("wrong keys were answered %v, want %v", got, want)
	}
	for key, want := range map[string]int{bearer(keyAll): 200, "X-None: 1": 401, bearer(keyExpired): 401} {
		if answer, _ := answered(t, send(t, address, get("/v1/credit", key))); answer.StatusCode != want {
			t.Errorf("after wrong keys, %s is answered %d, want %d", key, answer.StatusCode, want)
		}
	}
}

// A caller gets half of the places, however many requests it sends; the others go to those
// that hold none.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	b := &besieged{env: map[string]string{"PARTNERLENS_KEYS": attackedKeys}, blocked: make(chan struct{})}
	address := b.serve(t, host.ServeOptions{})
	const most = 32
	answers := make(chan string, most+1)
	start := func(key string, asked int32) {
		go func() { answers <- send(t, address, get("/v1/credit", bearer(key))) }()
		for b.asked.Load() < asked {
			time.Sleep(time.Millisecond)
		}
	}
	for i := range most {
		start(keyAll, int32(i+1))
	}
	answer, body := answered(t, send(t, address, get("/v1/credit", bearer(keyAll))))
	if answer.StatusCode != 429 || answer.Header.Get("Retry-After") != "1" || !strings.Contains(body, "too many requests of this caller") {
		t.Errorf("one too many is answered %d, Retry-After %q: %s", answer.StatusCode, answer.Header.Get("Retry-After"), body)
	}
	start(keyMasked, most+1) // another caller reaches the vendor
	for target, want := range map[string]int{"/healthz": 200, "/v1/credit": 401} {
		if answer, _ := answered(t, send(t, address, get(target))); answer.StatusCode != want {
			t.Errorf("%s without a key is answered %d, want %d", target, answer.StatusCode, want)
		}
	}
	close(b.blocked)
	for range most + 1 {
		if answer, body := answered(t, <-answers); answer.StatusCode != 200 {
			t.Errorf("one of %d at once is answered %d: %s", most, answer.StatusCode, body)
		}
	}
	if answer, _ := answered(t, send(t, address, get("/v1/credit", bearer(keyAll)))); answer.StatusCode != 200 {
		t.Errorf("afterwards one is answered %d", answer.StatusCode)
	}
}

// Bodies that do not come keep no other caller out: without a key they are not waited for, with
// one they take no place among the answers, and only half of the places for bodies.
func TestUnfinishedBodies(t *testing.T) {
	t.Parallel()
	b := &besieged{env: map[string]string{"PARTNERLENS_KEYS": attackedKeys}}
	address := b.serve(t, host.ServeOptions{BodyWithin: 2 * time.Minute})
	unfinished := func(headers ...string) net.Conn {
		conn := dial(t, address)
		if _, err := io.WriteString(conn, strings.TrimSuffix(request("POST /v1/credit", append(headers, "Content-Length: 9")...), "Connection: close\r\n")+"{"); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	for range 100 {
		text, err := io.ReadAll(unfinished())
		if answer, body := answered(t, string(text)); err != nil || answer.StatusCode != 401 {
			t.Fatalf("without a key: %d, %v: %s", answer.StatusCode, err, body)
		}
	}
	const most = 32
	for range most {
		unfinished(bearer(keyAll))
	}
	for until := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) { // until the server has them all
		answer, body := answered(t, send(t, address, post("{}", bearer(keyAll))))
		if answer.StatusCode == 429 {
			if !strings.Contains(body, "too many requests of this caller") || answer.Header.Get("Retry-After") != "1" {
				t.Errorf("Retry-After %q: %s", answer.Header.Get("Retry-After"), body)
			}
			break
		}
		if time.Now().After(until) {
			t.Fatalf("with %d bodies under way one more is answered %d: %s", most, answer.StatusCode, body)
		}
	}
	for _, test := range []struct{ name, send string }{
		{"another caller's GET", get("/v1/credit", bearer(keyMasked))},
		{"another caller's POST", post("{}", bearer(keyMasked))},
		{"the same caller's GET", get("/v1/credit", bearer(keyAll))},
	} {
		if answer, body := answered(t, send(t, address, test.send)); answer.StatusCode != 200 {
			t.Errorf("%s is answered %d: %s", test.name, answer.StatusCode, body)
		}
	}
}

// A flood of wrong keys refuses no valid caller, from whatever source.
func TestFloodOfWrongKeys(t *testing.T) {
	t.Parallel()
	b := &besieged{env: map[string]string{"PARTNERLENS_KEYS": attackedKeys}}
	address := b.serve(t, host.ServeOptions{})
	over := make(chan struct{})
	var flood sync.WaitGroup
	for i := range 100 {
		flood.Go(func() {
			key := []string{keyNone, "plk_short", strings.Repeat("x", 8<<10)}[i%3]
			for {
				select {
				case <-over:
					return
				default:
				}
				answer, body := answered(t, send(t, address, get("/v1/credit", bearer(key))))
				if answer.StatusCode != 401 && answer.StatusCode != 429 {
					t.Errorf("a wrong key is answered %d: %s", answer.StatusCode, body)
				}
			}
		})
	}
	for range 50 {
		if answer, body := answered(t, send(t, address, get("/v1/credit", bearer(keyAll)))); answer.StatusCode != 200 {
			t.Errorf("a valid caller is answered %d: %s", answer.StatusCode, body)
		}
	}
	close(over)
	flood.Wait()
}

// Where every customer is made up, programs on this machine see them whole, whatever key they
// send; once keys are configured, they count.
func TestSimulatedDataIsOpenHere(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, keys, send string
		want             int
	}{
		{"this machine", "", get("/v1/credit?pii=full"), 200},
		{"this machine, with a key", "", get("/v1/credit?pii=full", bearer("anything")), 200},
		{"a proxy", "", get("/v1/credit", "X-Forwarded-For: 203.0.113.10"), 401},
		{"this machine, once keys are configured", attackedKeys, get("/v1/credit"), 401},
	} {
		b := &besieged{env: map[string]string{"PARTNERLENS_KEYS": test.keys}, simulated: true}
		if answer, body := answered(t, send(t, b.serve(t, host.ServeOptions{}), test.send)); answer.StatusCode != test.want {
			t.Errorf("%s is answered %d: %s", test.name, answer.StatusCode, body)
		}
	}
}

// A text that cannot be a key is refused before the keys are looked up.
func TestTextsThatAreNoKeysCostNothing(t *testing.T) {
	t.Parallel()
	looked := 0
	handler := app.Handler(app.HandlerOptions{Env: func(name string) string {
		if name == "PARTNERLENS_KEYS" {
			looked++
		}
		return ""
	}})
	for _, key := range []string{"short", "plk_short", "plk_" + strings.Repeat("2", 200)} {
		r := httptest.NewRequest(http.MethodGet, "/v1/credit", nil)
		r.Header.Set("X-Api-Key", key)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized || looked != 0 {
			t.Errorf("%.20s is answered %d, and the keys were looked up %d times", key, w.Code, looked)
		}
	}
}
