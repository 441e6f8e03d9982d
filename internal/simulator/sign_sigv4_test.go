package simulator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// awsGot is an answer of AWS, taken apart.
type awsGot struct {
	status    int
	body      string
	code      string
	requestID string
	value     map[string]any
}

func (s *Simulator) aws(t *testing.T, c call) awsGot {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, c.aws("http://simulator.example:8080"))
	g := awsGot{status: w.Code, body: w.Body.String(), requestID: w.Header().Get("x-amzn-RequestId")}
	if err := json.Unmarshal(w.Body.Bytes(), &g.value); err != nil {
		t.Fatalf("the answer is not JSON: %v\n%s", err, g.body)
	}
	g.code, _ = g.value["__type"].(string)
	if got := w.Header().Get("Content-Type"); got != "application/x-amz-json-1.1" {
		t.Errorf("Content-Type = %q", got)
	}
	if len(g.requestID) != 36 {
		t.Errorf("request id = %q, want a UUID", g.requestID)
	}
	return g
}

func TestSigV4(t *testing.T) {
	t.Parallel()
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	replace := func(from, to string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), from, to, 1))
		}
	}
	const invalid, unknown = "InvalidSignatureException", "UnrecognizedClientException"
	tests := []struct {
		name string
		call call
		want string // code
	}{
		{"as documented", call{}, ""},
		{"another region", call{region: "ap-southeast-1"}, ""},
		{"content type unsigned", call{signOnly: []string{"host", "x-amz-date", "x-amz-target"}}, ""},
		{"spaces inside a value", call{header: map[string]string{"X-Note": "a   b  c"}}, ""},
		// As SDKs do, while a server may keep the header apart.
		{"length signed", call{header: map[string]string{"Content-Length": "16"}, tamper: func(r *http.Request) { r.Header.Del("Content-Length") }}, ""},
		{"five minutes late", call{at: now.Add(-5 * time.Minute)}, ""},
		{"five minutes early", call{at: now.Add(5 * time.Minute)}, ""},
		{"temporary key", call{keyID: TempKeyID, secret: TempKeySecret, token: Token}, ""},

		{"wrong secret", call{secret: "wrong"}, invalid},
		{"changed body", call{otherBody: `{"SecretId":"b"}`}, invalid},
		{"changed host", call{tamper: func(r *http.Request) { r.Host = "elsewhere.example" }}, invalid},
		{"changed query", call{tamper: func(r *http.Request) { r.URL.RawQuery = "a=1" }}, invalid},
		{"changed header", call{header: map[string]string{"X-Note": "a"}, tamper: set("X-Note", "b")}, invalid},
		{"changed date", call{tamper: set("X-Amz-Date", "20261121T120001Z")}, invalid},
		{"changed target", call{tamper: set("X-Amz-Target", "AmazonSSM.GetParameter")}, invalid},
		{"host unsigned", call{signOnly: []string{"x-amz-date", "x-amz-target"}}, invalid},
		{"date unsigned", call{signOnly: []string{"host", "x-amz-target"}}, invalid},
		{"target unsigned", call{signOnly: []string{"host", "x-amz-date"}}, invalid},
		{"token unsigned", call{keyID: TempKeyID, secret: TempKeySecret, token: Token, signOnly: []string{"host", "x-amz-date", "x-amz-target"}}, invalid},
		{"signed headers unsorted", call{signOnly: []string{"x-amz-date", "host", "x-amz-target"}}, invalid},
		{"signed header absent", call{signOnly: []string{"host", "x-absent", "x-amz-date", "x-amz-target"}}, invalid},
		{"another service", call{service: "s3"}, invalid},
		{"the other service", call{service: "ssm"}, invalid},
		{"another region in the scope", call{tamper: replace("eu-central-1", "eu-central-2")}, invalid},
		{"another day in the scope", call{tamper: replace("/20261121/", "/20261120/")}, invalid},
		{"signed for another day", call{scope: "20261120/eu-central-1/secretsmanager/aws4_request"}, invalid},
		{"signed for no region", call{scope: "20261121//secretsmanager/aws4_request"}, invalid},
		{"signed with another end", call{scope: "20261121/eu-central-1/secretsmanager/aws5_request"}, invalid},
		{"signed for more", call{scope: "20261121/eu-central-1/secretsmanager/aws4_request/more"}, "IncompleteSignatureException"},
		{"late", call{at: now.Add(-5*time.Minute - time.Second)}, invalid},
		{"early", call{at: now.Add(5*time.Minute + time.Second)}, invalid},
		{"unknown key", call{keyID: "SIMULATORNOBODY"}, unknown},
		{"temporary key without token", call{keyID: TempKeyID, secret: TempKeySecret}, unknown},
		{"temporary key with another token", call{keyID: TempKeyID, secret: TempKeySecret, token: "another"}, unknown},
		{"token of another key", call{token: Token}, unknown},
		{"expired token", call{keyID: TempKeyID, secret: TempKeySecret, token: ExpiredToken}, "ExpiredTokenException"},
		{"expired token of another key", call{token: ExpiredToken}, unknown},
		{"no right", call{keyID: NoAuthKeyID}, "AccessDeniedException"},
		{"no right, wrong secret", call{keyID: NoAuthKeyID, secret: "wrong"}, invalid},
		{"no authorization", call{tamper: func(r *http.Request) { r.Header.Del("Authorization") }}, "MissingAuthenticationTokenException"},
		{"another algorithm", call{tamper: replace("AWS4-", "AWS5-")}, "IncompleteSignatureException"},
		{"no signature", call{tamper: replace("Signature=", "X=")}, "IncompleteSignatureException"},
		{"no scope", call{tamper: replace("/20261121/eu-central-1/secretsmanager/aws4_request", "")}, "IncompleteSignatureException"},
		{"no date", call{tamper: set("X-Amz-Date", "")}, "IncompleteSignatureException"},
		{"not JSON", call{body: `SecretId=a`}, "SerializationException"},
		{"another type", call{body: `{"SecretId":1}`}, "SerializationException"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newSimulator(t, Options{Customers: 3, Secrets: map[string]string{"a": "text"}})
			if test.call.body == "" {
				test.call.body = `{"SecretId":"a"}`
			}
			g := s.aws(t, test.call)
			status := http.StatusOK
			if test.want != "" {
				status = http.StatusBadRequest
			}
			if g.status != status || g.code != test.want {
				t.Errorf("answer = %d %q, want %d %q\n%s", g.status, g.code, status, test.want, g.body)
			}
			if got := g.value["SecretString"] == "text"; got != (test.want == "") {
				t.Errorf("with code %q the answer is\n%s", test.want, g.body)
			}
		})
	}
}

// Calls that every service of AWS refuses.
func TestAWSUnknownOperations(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Customers: 3, Secrets: map[string]string{"a": "text"}})
	for name, c := range map[string]call{
		"another call":         {action: "secretsmanager.PutSecretValue"},
		"another service":      {action: "DynamoDB_20120810.GetItem"},
		"another content type": {header: map[string]string{"Content-Type": "application/json"}},
		"GET":                  {tamper: func(r *http.Request) { r.Method = "GET" }},
	} {
		c.body = `{"SecretId":"a"}`
		if g := s.aws(t, c); g.status != http.StatusNotFound || g.code != "UnknownOperationException" {
			t.Errorf("%s: %d %q", name, g.status, g.code)
		}
	}
}

// The example that AWS publishes: ListUsers of IAM, signed with the key and on
// the day of its signature test suite.
func TestPublishedSigV4(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest("GET", "https://iam.amazonaws.com/?Version=2010-05-08&Action=ListUsers", nil)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	r.Header.Set("X-Amz-Date", "20150830T123600Z")
	canonical, ok := sigV4CanonicalRequest(r, []string{"content-type", "host", "x-amz-date"}, nil)
	if got, want := hexSHA256([]byte(canonical)), "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59"; !ok || got != want {
		t.Errorf("hash of sigV4CanonicalRequest = %s, want %s\n%s", got, want, canonical)
	}
	signature := "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
	scope := []string{"20150830", "us-east-1", "iam", "aws4_request"}
	at := time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
	if got := sigV4Signature("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", scope, at, canonical); got != signature {
		t.Errorf("sigV4Signature = %s, want %s", got, signature)
	}

	// The same over HTTP, and with one character changed.
	key := func(id string) (string, string, bool) {
		return "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "", id == "AKIDEXAMPLE"
	}
	for _, given := range []string{signature, "4" + signature[1:]} {
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature="+given)
		_, region, refusal := verifySigV4(r, nil, "iam", at, key)
		if (refusal == nil) != (given == signature) || refusal == nil && region != "us-east-1" {
			t.Errorf("verifySigV4 of %s = %q, %+v", given, region, refusal)
		}
	}
}
