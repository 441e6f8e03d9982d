package simulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sort"
	"strings"
	"testing"
	"time"
)

// now is the time of the tests: a Saturday evening in UTC+8.
var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func newSimulator(t *testing.T, opts Options) *Simulator {
	t.Helper()
	if opts.Now == nil {
		opts.Now = func() time.Time { return now }
	}
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// call is a call to sign. The zero value is an ordinary call.
type call struct {
	body      string
	keyID     string // KeyID
	secret    string // KeySecret
	token     string
	at        time.Time // the simulator's now
	action    string
	version   string
	path      string                // Huawei: tagsPath
	header    map[string]string     // set before signing
	tamper    func(r *http.Request) // after signing
	signOnly  []string              // names of headers to sign
	service   string                // Tencent: intlpartnersmgt
	otherBody string                // sent instead of the one that was signed
	method    string                // Huawei: POST; a GET has no body
	region    string                // AWS: eu-central-1
	scope     string                // AWS: day/region/service/aws4_request
}

func (c *call) defaults() {
	for _, d := range []struct {
		field *string
		value string
	}{
		{&c.body, "{}"}, {&c.keyID, KeyID}, {&c.secret, KeySecret}, {&c.action, "QueryCustomersCredit"},
		{&c.version, "2022-09-28"}, {&c.path, tagsPath}, {&c.service, "intlpartnersmgt"},
		{&c.method, "POST"}, {&c.region, "eu-central-1"},
	} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
	if c.at.IsZero() {
		c.at = now
	}
	if c.method == "GET" {
		c.body = ""
	}
}

func mac(key, text string) string {
	h := hmac.New(sha256.New, []byte(key))
	fmt.Fprint(h, text)
	return string(h.Sum(nil))
}

func digest(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// tencent signs as "Signature v3" describes, step by step and without the
// simulator's own code.
func (c call) tencent(base string) *http.Request {
	c.defaults()
	r := httptest.NewRequest("POST", base+"/", strings.NewReader(c.body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-TC-Action", c.action)
	r.Header.Set("X-TC-Version", c.version)
	r.Header.Set("X-TC-Timestamp", fmt.Sprint(c.at.Unix()))
	if c.token != "" {
		r.Header.Set("X-TC-Token", c.token)
	}
	for k, v := range c.header {
		r.Header.Set(k, v)
	}
	names := c.signOnly
	if names == nil {
		names = []string{"content-type", "host"}
	}
	signed := strings.Join(names, ";")
	canonical := "POST\n/\n\n" + signedLines(r, names, strings.ToLower) + "\n" + signed + "\n" + digest(c.body)
	date := c.at.UTC().Format("2006-01-02")
	scope := date + "/" + c.service + "/tc3_request"
	toSign := fmt.Sprintf("TC3-HMAC-SHA256\n%d\n%s\n%s", c.at.Unix(), scope, digest(canonical))
	signature := mac(mac(mac(mac("TC3"+c.secret, date), c.service), "tc3_request"), toSign)
	r.Header.Set("Authorization", fmt.Sprintf("TC3-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%x", c.keyID, scope, signed, signature))
	return c.finish(r)
}

// huawei signs as the "API Request Signing Guide" describes.
func (c call) huawei(base string) *http.Request {
	c.defaults()
	r := httptest.NewRequest(c.method, base+c.path, strings.NewReader(c.body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Sdk-Date", c.at.UTC().Format("20060102T150405Z"))
	if c.token != "" {
		r.Header.Set("X-Security-Token", c.token)
	}
	for k, v := range c.header {
		r.Header.Set(k, v)
	}
	names := c.signOnly
	if names == nil {
		names = []string{"host"}
		for name := range r.Header {
			names = append(names, strings.ToLower(name))
		}
		sort.Strings(names)
	}
	signed := strings.Join(names, ";")
	path, query, _ := strings.Cut(c.path, "?")
	canonical := c.method + "\n" + path + "/\n" + query + "\n" + signedLines(r, names, func(s string) string { return s }) + "\n" + signed + "\n" + digest(c.body)
	signature := mac(c.secret, "SDK-HMAC-SHA256\n"+r.Header.Get("X-Sdk-Date")+"\n"+digest(canonical))
	r.Header.Set("Authorization", fmt.Sprintf("SDK-HMAC-SHA256 Access=%s, SignedHeaders=%s, Signature=%x", c.keyID, signed, signature))
	return c.finish(r)
}

// aws signs as "Create a signed AWS API request" describes. The action is the
// X-Amz-Target; the service is the one of the action.
func (c call) aws(base string) *http.Request {
	if c.action == "" {
		c.action = "secretsmanager.GetSecretValue"
	}
	if c.service == "" {
		c.service = map[bool]string{true: "ssm", false: "secretsmanager"}[strings.HasPrefix(c.action, "AmazonSSM.")]
	}
	c.defaults()
	r := httptest.NewRequest("POST", base+"/", strings.NewReader(c.body))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", c.action)
	r.Header.Set("X-Amz-Date", c.at.UTC().Format("20060102T150405Z"))
	if c.token != "" {
		r.Header.Set("X-Amz-Security-Token", c.token)
	}
	for k, v := range c.header {
		r.Header.Set(k, v)
	}
	names := c.signOnly
	if names == nil {
		names = []string{"host"}
		for name := range r.Header {
			names = append(names, strings.ToLower(name))
		}
		sort.Strings(names)
	}
	signed := strings.Join(names, ";")
	oneSpace := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	canonical := "POST\n/\n\n" + signedLines(r, names, oneSpace) + "\n" + signed + "\n" + digest(c.body)
	if c.scope == "" {
		c.scope = c.at.UTC().Format("20060102") + "/" + c.region + "/" + c.service + "/aws4_request"
	}
	key := "AWS4" + c.secret
	for _, part := range strings.Split(c.scope, "/") {
		key = mac(key, part)
	}
	signature := mac(key, "AWS4-HMAC-SHA256\n"+r.Header.Get("X-Amz-Date")+"\n"+c.scope+"\n"+digest(canonical))
	r.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%x", c.keyID, c.scope, signed, signature))
	return c.finish(r)
}

func signedLines(r *http.Request, names []string, form func(string) string) string {
	lines := ""
	for _, name := range names {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		lines += name + ":" + form(value) + "\n"
	}
	return lines
}

func (c call) finish(r *http.Request) *http.Request {
	if c.otherBody != "" {
		r.Body = httptest.NewRequest("POST", "/", strings.NewReader(c.otherBody)).Body
		r.ContentLength = int64(len(c.otherBody))
	}
	if c.tamper != nil {
		c.tamper(r)
	}
	return r
}

// got is an answer of either vendor, parsed.
type got struct {
	status    int
	header    http.Header
	body      string
	code      string
	requestID string
	total     int
	rows      []map[string]any // credit or tags or resellers, as they came
	list      json.RawMessage
}

func (s *Simulator) do(t *testing.T, r *http.Request) got {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	g := got{status: w.Code, header: w.Header(), body: w.Body.String()}
	var v struct {
		Response struct {
			Error     struct{ Code, Message string }
			RequestID string `json:"RequestId"`
			Total     int
			Data      json.RawMessage
		}
		ErrorCode string          `json:"error_code"`
		Tags      json.RawMessage `json:"new_customer_tags"`
		Partners  json.RawMessage `json:"indirect_partners"`
		Count     int             `json:"count"`
	}
	if err := json.Unmarshal([]byte(g.body), &v); err != nil {
		return g
	}
	g.code, g.requestID, g.total, g.list = v.Response.Error.Code, v.Response.RequestID, v.Response.Total, v.Response.Data
	if r.URL.Path != "/" {
		g.code, g.requestID, g.total, g.list = v.ErrorCode, w.Header().Get("X-Request-Id"), v.Count, v.Tags
		if v.Partners != nil {
			g.list = v.Partners
		}
	}
	if g.list != nil {
		if err := json.Unmarshal(g.list, &g.rows); err != nil {
			t.Fatalf("list does not decode: %v", err)
		}
	}
	return g
}

func (s *Simulator) askCredit(t *testing.T, body string) got {
	t.Helper()
	return s.do(t, call{body: body}.tencent("http://simulator.example"))
}

func (s *Simulator) askTags(t *testing.T, body string) got {
	t.Helper()
	return s.do(t, call{body: body}.huawei("http://simulator.example"))
}

func (s *Simulator) resellerList(t *testing.T, body string) got {
	t.Helper()
	return s.do(t, call{body: body, path: resellersPath}.huawei("http://simulator.example"))
}

// ids returns the ids of the rows in their order.
func (g got) ids() []string {
	var ids []string
	for _, row := range g.rows {
		for _, key := range []string{"ClientUin", "customer_id", "indirect_partner_id"} {
			switch id := row[key].(type) {
			case float64:
				ids = append(ids, fmt.Sprintf("%.0f", id))
			case string:
				ids = append(ids, id)
			}
		}
	}
	return ids
}
