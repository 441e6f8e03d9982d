package simulator

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// stored is what a store answered: a text and the version it has, or a code.
type stored struct {
	status        int
	text, version string
	code          string
	stages        []string
	body          string
}

// reader asks one store for a secret; version "" is the current one. The call's
// key, time and so on are those of the reader.
type reader func(t *testing.T, s *Simulator, c call, name, version string) stored

const sessionToken = "session-token-of-a-function"

// readers are all stores, each by its own transport.
var readers = map[string]reader{
	"secrets manager": func(t *testing.T, s *Simulator, c call, name, version string) stored {
		c.body = string(mustJSON(map[string]string{"SecretId": name, "VersionId": version}))
		if version == "" {
			c.body = string(mustJSON(map[string]string{"SecretId": name}))
		}
		g := s.aws(t, c)
		var v struct {
			SecretString, VersionID string
			VersionStages           []string
		}
		decode(t, g.body, &v)
		return stored{g.status, v.SecretString, v.VersionID, g.code, v.VersionStages, g.body}
	},
	"parameter store": func(t *testing.T, s *Simulator, c call, name, version string) stored {
		c.action = "AmazonSSM.GetParameter"
		if version != "" {
			name += ":" + version
		}
		c.body = string(mustJSON(map[string]any{"Name": name, "WithDecryption": true}))
		g := s.aws(t, c)
		var v struct {
			Parameter struct {
				Value   string
				Version int
			}
		}
		decode(t, g.body, &v)
		return stored{status: g.status, text: v.Parameter.Value, version: fmt.Sprint(v.Parameter.Version), code: g.code, body: g.body}
	},
	"tencent": func(t *testing.T, s *Simulator, c call, name, version string) stored {
		if version == "" {
			version = "SSM_Current"
		}
		c = ssmCall(c, string(mustJSON(map[string]string{"SecretName": name, "VersionId": version})))
		g := s.do(t, c.tencent("http://simulator.example"))
		var v struct {
			Response struct{ SecretName, VersionID, SecretString string }
		}
		decode(t, g.body, &v)
		if g.code == "" && v.Response.SecretName != name || len(g.requestID) != 36 {
			t.Errorf("the answer to %s is\n%s", name, g.body)
		}
		return stored{status: g.status, text: v.Response.SecretString, version: v.Response.VersionID, code: g.code, body: g.body}
	},
	"huawei": func(t *testing.T, s *Simulator, c call, name, version string) stored {
		if version == "" {
			version = "latest"
		}
		c.method, c.path = "GET", "/v1/"+ProjectID+"/secrets/"+name+"/versions/"+version
		g := s.do(t, c.huawei("http://simulator.example"))
		var v struct {
			Version struct {
				Metadata struct {
					ID     string   `json:"id"`
					Name   string   `json:"secret_name"`
					Stages []string `json:"version_stages"`
				} `json:"version_metadata"`
				Text string `json:"secret_string"`
			} `json:"version"`
		}
		decode(t, g.body, &v)
		m := v.Version.Metadata
		if g.code == "" && m.Name != name || len(g.requestID) != 32 {
			t.Errorf("the answer to %s is\n%s", name, g.body)
		}
		return stored{g.status, v.Version.Text, m.ID, g.code, m.Stages, g.body}
	},
}

func ssmCall(c call, body string) call {
	c.body, c.action, c.version, c.service = body, "GetSecretValue", "2019-09-23", "ssm"
	if c.header == nil {
		c.header = map[string]string{"X-TC-Region": "ap-singapore"}
	}
	return c
}

func decode(t *testing.T, body string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), v); err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
}

// What holds at every store.
func TestEveryStore(t *testing.T) {
	t.Parallel()
	type codes struct {
		unknown, noRight, down, wrongSecret, unknownKey, late string
		unknownStatus, noRightStatus, downStatus, keyStatus   int
	}
	wants := map[string]codes{
		"secrets manager": {"ResourceNotFoundException", "AccessDeniedException", "InternalServiceError", "InvalidSignatureException", "UnrecognizedClientException", "InvalidSignatureException", 400, 400, 500, 400},
		"parameter store": {"ParameterNotFound", "AccessDeniedException", "InternalServerError", "InvalidSignatureException", "UnrecognizedClientException", "InvalidSignatureException", 400, 400, 500, 400},
		"tencent":         {"ResourceNotFound.SecretNotExist", "UnauthorizedOperation", "InternalError", "AuthFailure.SignatureFailure", "AuthFailure.SecretIdNotFound", "AuthFailure.SignatureExpire", 200, 200, 200, 200},
		"huawei":          {"CSMS.0005", "APIGW.0302", "APIGW.0601", "APIGW.0301", "APIGW.0301", "APIGW.0301", 404, 403, 500, 401},
	}
	for name, read := range readers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := wants[name]
			s := newSimulator(t, Options{Customers: 3, Rate: 1, Secrets: map[string]string{"credit": "the key of credit", "empty": ""},
				// No fault hits a store, and what they do to a key does not matter there.
				Faults: []string{"http-500-always", "clock-ahead", "key-revoked", "token-expires", "second-caller"}})
			check := func(what string, got stored, status int, code, text string) {
				t.Helper()
				if got.status != status || got.code != code || got.text != text {
					t.Errorf("%s: %d %q %q, want %d %q %q\n%s", what, got.status, got.code, got.text, status, code, text, got.body)
				}
				if code != "" && strings.Contains(got.body, "the key of credit") {
					t.Errorf("%s: the text is in an error\n%s", what, got.body)
				}
			}
			for range 2 * revokedAfter {
				check("a secret", read(t, s, call{}, "credit", ""), 200, "", "the key of credit")
				check("with the temporary key", read(t, s, call{keyID: TempKeyID, secret: TempKeySecret, token: Token}, "credit", ""), 200, "", "the key of credit")
			}
			if got := s.SecretReads(); got != 4*revokedAfter {
				t.Errorf("SecretReads = %d, want %d", got, 4*revokedAfter)
			}
			check("an empty secret", read(t, s, call{}, "empty", ""), 200, "", "")
			reads := s.SecretReads()

			check("unknown secret", read(t, s, call{}, "tags", ""), want.unknownStatus, want.unknown, "")
			check("another case", read(t, s, call{}, "Credit", ""), want.unknownStatus, want.unknown, "")
			check("no right", read(t, s, call{keyID: NoAuthKeyID}, "credit", ""), want.noRightStatus, want.noRight, "")
			check("wrong secret", read(t, s, call{secret: "wrong"}, "credit", ""), want.keyStatus, want.wrongSecret, "")
			check("unknown key", read(t, s, call{keyID: "SIMULATORNOBODY"}, "credit", ""), want.keyStatus, want.unknownKey, "")
			check("an hour ago", read(t, s, call{at: now.Add(-time.Hour)}, "credit", ""), want.keyStatus, want.late, "")
			s.SetStoreDown(true)
			check("down", read(t, s, call{}, "credit", ""), want.downStatus, want.down, "")
			check("down, unknown key", read(t, s, call{keyID: "SIMULATORNOBODY"}, "credit", ""), want.downStatus, want.down, "")
			if got := s.SecretReads(); got != reads {
				t.Errorf("SecretReads = %d after calls without an answer, want %d", got, reads)
			}
			s.SetStoreDown(false)
			check("up again", read(t, s, call{}, "credit", ""), 200, "", "the key of credit")
			s.RemoveSecret("credit")
			check("removed", read(t, s, call{}, "credit", ""), want.unknownStatus, want.unknown, "")

			// The partner APIs' counters know nothing of it.
			if calls := s.Calls(); calls != (Calls{}) {
				t.Errorf("Calls = %+v, want none", calls)
			}
		})
	}
}

func TestSecretVersions(t *testing.T) {
	t.Parallel()
	for name, read := range readers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSimulator(t, Options{Secrets: map[string]string{"credit": "text 0"}})
			ids, seen := []string{read(t, s, call{}, "credit", "").version}, map[string]bool{}
			for n := 1; n < 4; n++ {
				s.SetSecret("credit", fmt.Sprintf("text %d", n))
				current := read(t, s, call{}, "credit", "")
				if want := fmt.Sprintf("text %d", n); current.text != want {
					t.Errorf("after SetSecret the current text is %q, want %q", current.text, want)
				}
				ids = append(ids, current.version)
			}
			for n, id := range ids {
				got := read(t, s, call{}, "credit", id)
				if want := fmt.Sprintf("text %d", n); got.text != want || got.version != id || id == "" || seen[id] {
					t.Errorf("version %q has %q and id %q, want %q", id, got.text, got.version, want)
				}
				if labels := len(got.stages); got.stages != nil && (labels > 0) != (n >= 2) {
					t.Errorf("version %q is labelled %q", id, got.stages)
				}
				seen[id] = true
			}
			if got := read(t, s, call{}, "credit", "v9"); got.code == "" || got.text != "" {
				t.Errorf("an unknown version: %d %q %q", got.status, got.code, got.text)
			}
			s.RemoveSecret("credit")
			s.SetSecret("credit", "anew")
			if got := read(t, s, call{}, "credit", ""); got.text != "anew" || got.version != ids[0] {
				t.Errorf("removed and set again: %q, version %q, want %q", got.text, got.version, ids[0])
			}
		})
	}
}

func TestSecretsManager(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Secrets: map[string]string{"partnerlens/credit": "old", "ends-secret": "hyphen"}})
	s.SetSecret("partnerlens/credit", "new")
	arn := "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"
	get := func(body string) awsGot { t.Helper(); return s.aws(t, call{body: body}) }

	g := get(`{"SecretId":"partnerlens/credit"}`)
	if g.value["Name"] != "partnerlens/credit" || fmt.Sprint(g.value["VersionStages"]) != "[AWSCURRENT]" || g.value["CreatedDate"] != float64(now.Unix()) {
		t.Errorf("the answer is\n%s", g.body)
	}
	whole, _ := g.value["ARN"].(string)
	if !strings.HasPrefix(whole, arn+"partnerlens/credit-") || len(whole) != len(arn)+len("partnerlens/credit")+7 {
		t.Errorf("ARN = %q", whole)
	}
	current, _ := g.value["VersionId"].(string)
	for body, want := range map[string]string{
		`{"SecretId":"` + whole + `"}`:                                                                 "new",
		`{"SecretId":"` + arn + `partnerlens/credit"}`:                                                 "new",
		`{"SecretId":"` + arn + `partnerlens/credit-X1y2Z3"}`:                                          "new",
		`{"SecretId":"` + arn + `ends-secret"}`:                                                        "hyphen",
		`{"SecretId":"partnerlens/credit","VersionStage":"AWSCURRENT"}`:                                "new",
		`{"SecretId":"partnerlens/credit","VersionStage":null}`:                                        "new",
		`{"SecretId":"partnerlens/credit","VersionStage":"AWSPREVIOUS"}`:                               "old",
		`{"SecretId":"partnerlens/credit","VersionId":"` + current + `","Other":{}}`:                   "new",
		`{"SecretId":"partnerlens/credit","VersionId":"` + current + `","VersionStage":"AWSPREVIOUS"}`: "InvalidRequestException",
		`{"SecretId":"partnerlens/credit","VersionStage":"AWSPENDING"}`:                                "ResourceNotFoundException",
		`{"SecretId":"partnerlens/credit-AbCdEf"}`:                                                     "ResourceNotFoundException",
		`{"SecretId":"` + arn + `partnerlens/tags-AbCdEf"}`:                                            "ResourceNotFoundException",
		`{"SecretId":"` + strings.Replace(whole, "eu-central-1", "eu-west-1", 1) + `"}`:                "ResourceNotFoundException",
		`{"SecretId":"` + strings.Replace(whole, "123456789012", "210987654321", 1) + `"}`:             "ResourceNotFoundException",
		`{"SecretId":"arn:aws:ssm:eu-central-1:123456789012:parameter/partnerlens/credit"}`:            "ResourceNotFoundException",
		`{"SecretId":"arn:aws:secretsmanager"}`:                                                        "ResourceNotFoundException",
		`{"secretid":"partnerlens/credit"}`:                                                            "ValidationException",
		`{}`:                                                                                           "ValidationException",
	} {
		g := get(body)
		if text, _ := g.value["SecretString"].(string); text+g.code != want {
			t.Errorf("%s: %q %q, want %s", body, text, g.code, want)
		}
	}
	// Names of the key that holds the message differ, as they do at AWS.
	if g := get(`{"SecretId":"nothing"}`); g.value["Message"] == nil || g.value["message"] != nil {
		t.Errorf("the service's error is\n%s", g.body)
	}
	if g := s.aws(t, call{keyID: "SIMULATORNOBODY"}); g.value["message"] == nil || g.value["Message"] != nil {
		t.Errorf("the error in front of the service is\n%s", g.body)
	}
}

func TestParameterStore(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Secrets: map[string]string{"/partnerlens/credit": "a key", "bare": "without a slash"}})
	get := func(body string) awsGot {
		t.Helper()
		return s.aws(t, call{action: "AmazonSSM.GetParameter", body: body})
	}
	param := func(g awsGot) map[string]any {
		p, _ := g.value["Parameter"].(map[string]any)
		return p
	}
	p := param(get(`{"Name":"/partnerlens/credit","WithDecryption":true}`))
	for key, want := range map[string]any{
		"Name": "/partnerlens/credit", "Type": "SecureString", "Value": "a key", "Version": 1.0, "DataType": "text", "LastModifiedDate": float64(now.Unix()),
		"ARN": "arn:aws:ssm:eu-central-1:123456789012:parameter/partnerlens/credit", "Selector": nil,
	} {
		if p[key] != want {
			t.Errorf("%s = %v, want %v", key, p[key], want)
		}
	}
	reads := s.SecretReads()
	for _, body := range []string{`{"Name":"/partnerlens/credit"}`, `{"Name":"/partnerlens/credit","WithDecryption":false}`} {
		g := get(body)
		value, _ := param(g)["Value"].(string)
		if g.status != 200 || value == "" || strings.Contains(g.body, "a key") {
			t.Errorf("%s: %d\n%s", body, g.status, g.body)
		}
	}
	if got := s.SecretReads(); got != reads {
		t.Errorf("SecretReads counts a ciphertext: %d, want %d", got, reads)
	}
	arn := "arn:aws:ssm:eu-central-1:123456789012:parameter"
	for name, want := range map[string]string{
		"bare":                        "without a slash",
		"/partnerlens/credit:1":       "a key",
		arn + "/partnerlens/credit":   "a key",
		arn + "/partnerlens/credit:1": "a key",
		arn + "/bare":                 "without a slash",
		"/bare":                       "ParameterNotFound",
		"partnerlens/credit":          "ParameterNotFound",
		arn + "/nothing":              "ParameterNotFound",
		"arn:aws:ssm":                 "ParameterNotFound",
		"/partnerlens/credit:2":       "ParameterVersionNotFound",
		"/partnerlens/credit:label":   "ParameterVersionNotFound",
		"":                            "ValidationException",
		strings.Replace(arn, "central", "west", 1) + "/bare": "ParameterNotFound",
	} {
		g := get(string(mustJSON(map[string]any{"Name": name, "WithDecryption": true})))
		value, _ := param(g)["Value"].(string)
		if value+g.code != want {
			t.Errorf("%s: %q %q, want %s", name, value, g.code, want)
		}
	}
	if g := get(`{"Name":"bare","WithDecryption":"true"}`); g.code != "SerializationException" {
		t.Errorf("WithDecryption as a text: %d %q", g.status, g.code)
	}
}

func TestTencentSSM(t *testing.T) {
	t.Parallel()
	const good = `{"SecretName":"credit","VersionId":"SSM_Current"}`
	tests := []struct {
		name, body string
		call       call
		want       string
	}{
		{"as documented", good, call{}, ""},
		{"a version", `{"SecretName":"credit","VersionId":"v1"}`, call{}, ""},
		{"another version", `{"SecretName":"credit","VersionId":"v2"}`, call{}, "ResourceNotFound"},
		{"no version", `{"SecretName":"credit"}`, call{}, "MissingParameter"},
		{"no name", `{"VersionId":"v1"}`, call{}, "MissingParameter"},
		{"empty name", `{"SecretName":"","VersionId":"v1"}`, call{}, "InvalidParameterValue"},
		{"a number", `{"SecretName":"credit","VersionId":1}`, call{}, "InvalidParameter"},
		{"more", `{"SecretName":"credit","VersionId":"v1","A":1}`, call{}, "UnknownParameter"},
		{"no JSON", `credit`, call{}, "InvalidParameter"},
		{"no region", good, call{header: map[string]string{"X-TC-Language": "en-US"}}, "MissingParameter"},
		{"changed body", good, call{otherBody: strings.Replace(good, "credit", "tags", 1)}, "AuthFailure.SignatureFailure"},
		{"temporary key without token", good, call{keyID: TempKeyID, secret: TempKeySecret}, "AuthFailure.TokenFailure"},
		{"expired token", good, call{keyID: TempKeyID, secret: TempKeySecret, token: ExpiredToken}, "AuthFailure.TokenFailure"},
		{"another action", good, call{tamper: func(r *http.Request) { r.Header.Set("X-TC-Action", "PutSecretValue") }}, "InvalidAction"},
		{"another version of the API", good, call{tamper: func(r *http.Request) { r.Header.Set("X-TC-Version", "2022-09-28") }}, "NoSuchVersion"},
		{"GET", good, call{tamper: func(r *http.Request) { r.Method = "GET" }}, "UnsupportedProtocol"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newSimulator(t, Options{Secrets: map[string]string{"credit": "text"}})
			g := s.do(t, ssmCall(test.call, test.body).tencent("http://simulator.example"))
			if g.status != 200 || g.code != test.want || strings.Contains(g.body, `"SecretString":"text"`) != (test.want == "") {
				t.Errorf("%d %q, want 200 %q\n%s", g.status, g.code, test.want, g.body)
			}
			if test.want == "" && !strings.Contains(g.body, `"SecretBinary":""`) {
				t.Errorf("no SecretBinary in\n%s", g.body)
			}
		})
	}

	// Each service refuses the scope of the other.
	s := newSimulator(t, Options{Secrets: map[string]string{"credit": "text"}})
	c := ssmCall(call{}, good)
	c.service = "intlpartnersmgt"
	if g := s.do(t, c.tencent("http://simulator.example")); g.code != "AuthFailure.SignatureFailure" {
		t.Errorf("GetSecretValue signed for intlpartnersmgt: %q", g.code)
	}
	if g := s.do(t, call{service: "ssm"}.tencent("http://simulator.example")); g.code != "AuthFailure.SignatureFailure" {
		t.Errorf("QueryCustomersCredit signed for ssm: %q", g.code)
	}
}

func TestHuaweiCSMS(t *testing.T) {
	t.Parallel()
	const good = "/v1/" + ProjectID + "/secrets/credit/versions/latest"
	tests := []struct {
		name   string
		call   call
		status int
		want   string
	}{
		{"as documented", call{path: good}, 200, ""},
		{"project id in a header", call{path: good, header: map[string]string{"X-Project-Id": ProjectID}}, 200, ""},
		{"token instead of a signature", call{path: good, tamper: func(r *http.Request) {
			r.Header.Del("Authorization")
			r.Header.Set("X-Auth-Token", AuthToken)
		}}, 200, ""},
		{"another project", call{path: strings.Replace(good, "0a", "0b", 1)}, 400, "CSMS.0002"},
		{"another project in the header", call{path: good, header: map[string]string{"X-Project-Id": DomainID}}, 400, "CSMS.0002"},
		{"another path", call{path: "/v1/" + ProjectID + "/secrets/credit"}, 404, "APIGW.0101"},
		{"stages", call{path: "/v1/" + ProjectID + "/secrets/credit/stages/SYSCURRENT"}, 404, "APIGW.0101"},
		{"POST", call{path: good, method: "POST"}, 404, "APIGW.0101"},
		{"changed path", call{path: good, tamper: func(r *http.Request) { r.URL.Path = strings.Replace(good, "latest", "v1", 1) }}, 401, "APIGW.0301"},
		{"changed header", call{path: good, header: map[string]string{"X-Project-Id": DomainID}, tamper: func(r *http.Request) { r.Header.Set("X-Project-Id", ProjectID) }}, 401, "APIGW.0301"},
		{"changed body", call{path: good, otherBody: "{}"}, 401, "APIGW.0301"},
		{"temporary key without token", call{path: good, keyID: TempKeyID, secret: TempKeySecret}, 401, "APIGW.0301"},
		{"expired token", call{path: good, keyID: TempKeyID, secret: TempKeySecret, token: ExpiredToken}, 401, "APIGW.0301"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.call.method == "" {
				test.call.method = "GET"
			}
			s := newSimulator(t, Options{Secrets: map[string]string{"credit": "text"}})
			g := s.do(t, test.call.huawei("http://simulator.example"))
			if g.status != test.status || g.code != test.want || strings.Contains(g.body, `"secret_string":"text"`) != (test.want == "") {
				t.Errorf("%d %q, want %d %q\n%s", g.status, g.code, test.status, test.want, g.body)
			}
			if test.want == "" && !strings.Contains(g.body, fmt.Sprintf(`"create_time":%d`, now.UnixMilli())) {
				t.Errorf("no create_time in\n%s", g.body)
			}
		})
	}
}

func TestExtension(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Secrets: map[string]string{"partnerlens/credit": "old", "/partnerlens/tags": "tags"}})
	s.SetSecret("partnerlens/credit", "new")
	server := httptest.NewServer(s.Extension(sessionToken))
	t.Cleanup(server.Close)
	get := func(method, path, token string) stored {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			r.Header.Set("X-Aws-Parameters-Secrets-Token", token)
		}
		resp, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		got := stored{status: resp.StatusCode, body: string(body)}
		if resp.StatusCode == 200 {
			var v struct {
				SecretString string
				CreatedDate  time.Time
				Parameter    struct{ Value string }
			}
			decode(t, got.body, &v)
			got.text = v.SecretString + v.Parameter.Value
		} else if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s: Content-Type = %q", path, resp.Header.Get("Content-Type"))
		}
		return got
	}
	const credit = "/secretsmanager/get?secretId=partnerlens/credit"
	const tags = "/systemsmanager/parameters/get?name=%2Fpartnerlens%2Ftags"
	tests := []struct {
		method, path, token string
		status              int
		text                string // of the secret, or in the error
	}{
		{"GET", credit, sessionToken, 200, "new"},
		{"GET", "/secretsmanager/get?secretId=partnerlens%2Fcredit", sessionToken, 200, "new"},
		{"GET", credit + "&versionStage=AWSPREVIOUS", sessionToken, 200, "old"},
		{"GET", "/secretsmanager/get?secretId=arn:aws:secretsmanager:us-east-1:123456789012:secret:partnerlens/credit-AbCdEf", sessionToken, 200, "new"},
		{"GET", tags + "&withDecryption=true", sessionToken, 200, "tags"},
		{"GET", "/systemsmanager/parameters/get/?name=%2Fpartnerlens%2Ftags&withDecryption=true&version=1", sessionToken, 200, "tags"},
		{"GET", tags + "&withDecryption=true&version=2", sessionToken, 400, "ParameterVersionNotFound"},
		{"GET", "/secretsmanager/get?secretId=nothing", sessionToken, 400, "ResourceNotFoundException"},
		{"GET", "/secretsmanager/get", sessionToken, 400, "ValidationException"},
		{"GET", "/systemsmanager/parameters/get?name=nothing&withDecryption=true", sessionToken, 400, "ParameterNotFound"},
		{"GET", credit, "", 403, ""},
		{"GET", credit, "another", 403, ""},
		{"GET", "/secretsmanager/list", sessionToken, 404, ""},
		{"POST", credit, sessionToken, 405, ""},
	}
	for _, test := range tests {
		got := get(test.method, test.path, test.token)
		if got.status != test.status || test.status == 200 && got.text != test.text || !strings.Contains(got.body, test.text) {
			t.Errorf("%s %s: %d, want %d with %q\n%s", test.method, test.path, got.status, test.status, test.text, got.body)
		}
	}
	if got := s.SecretReads(); got != 6 {
		t.Errorf("SecretReads = %d, want 6", got)
	}
	if got := get("GET", tags, sessionToken); got.status != 200 || got.text == "" || got.text == "tags" {
		t.Errorf("without decryption: %d %q", got.status, got.text)
	}
	s.SetStoreDown(true)
	for path, code := range map[string]string{credit: "InternalServiceError", tags: "InternalServerError"} {
		if got := get("GET", path, sessionToken); got.status != 500 || !strings.Contains(got.body, code) {
			t.Errorf("down, %s: %d\n%s", path, got.status, got.body)
		}
	}

	// Without a token of its own it refuses every call.
	w := httptest.NewRecorder()
	s.SetStoreDown(false)
	s.Extension("").ServeHTTP(w, httptest.NewRequest("GET", credit, nil))
	if w.Code != 403 {
		t.Errorf("without a session token: %d, want 403", w.Code)
	}
}

func TestSecretsDownFault(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Customers: 3, Secrets: map[string]string{"credit": "text"}, Faults: []string{"secrets-down"}})
	for name, read := range readers {
		if got := read(t, s, call{}, "credit", ""); got.code == "" || got.text != "" {
			t.Errorf("%s: %d %q %q", name, got.status, got.code, got.text)
		}
	}
	if g := s.askCredit(t, `{}`); g.code != "" || len(g.rows) != 3 {
		t.Errorf("credit: %q, %d rows", g.code, len(g.rows))
	}
	if g := s.askTags(t, `{}`); g.code != "" || len(g.rows) != 3 {
		t.Errorf("tags: %q, %d rows", g.code, len(g.rows))
	}
}

// Where a fault has taken a key away, the stores still know it, and their clock
// is right.
func TestFaultsSpareTheStores(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Customers: 3, Secrets: map[string]string{"credit": "text"}, Faults: []string{"key-revoked", "token-expires"}})
	first, temporary := call{}, call{keyID: TempKeyID, secret: TempKeySecret, token: Token}
	for n := range revokedAfter + 1 {
		for _, c := range []call{first, temporary} {
			for _, g := range []got{s.do(t, c.tencent("http://simulator.example")), s.do(t, c.huawei("http://simulator.example"))} {
				if (g.code != "") != (n == revokedAfter) {
					t.Fatalf("call %d: %q", n, g.code)
				}
			}
		}
	}
	for name, read := range readers {
		for _, c := range []call{first, temporary} {
			if got := read(t, s, c, "credit", ""); got.text != "text" {
				t.Errorf("%s: %d %q", name, got.status, got.code)
			}
		}
	}

	s = newSimulator(t, Options{Faults: []string{"clock-ahead"}, Secrets: map[string]string{"credit": "text"}})
	w := httptest.NewRecorder()
	s.ServeHTTP(w, call{body: `{"SecretId":"credit"}`}.aws("http://simulator.example"))
	if got, want := w.Header().Get("Date"), now.Format(http.TimeFormat); w.Code != 200 || got != want {
		t.Errorf("%d, Date = %q, want %q", w.Code, got, want)
	}
}

func TestStoresTakeTheirTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSimulator(t, Options{There: Constant(20 * time.Millisecond), Work: Constant(40 * time.Millisecond), Back: Constant(20 * time.Millisecond), Secrets: map[string]string{"credit": "text"}})
		for name, read := range readers {
			start := time.Now()
			if got := read(t, s, call{}, "credit", ""); got.text != "text" || time.Since(start) != 80*time.Millisecond {
				t.Errorf("%s: %q after %v", name, got.text, time.Since(start))
			}
		}
		start := time.Now()
		r := httptest.NewRequest("GET", "/secretsmanager/get?secretId=credit", nil)
		r.Header.Set("X-Aws-Parameters-Secrets-Token", sessionToken)
		w := httptest.NewRecorder()
		s.Extension(sessionToken).ServeHTTP(w, r)
		if w.Code != 200 || time.Since(start) != 80*time.Millisecond {
			t.Errorf("extension: %d after %v", w.Code, time.Since(start))
		}
	})
}

func TestRotateKey(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Customers: 3, Secrets: map[string]string{"credit": "text"}, Faults: []string{"key-revoked"}})
	everywhere := func(c call) map[string]string {
		codes := map[string]string{
			"credit":    s.do(t, c.tencent("http://simulator.example")).code,
			"tags":      s.do(t, c.huawei("http://simulator.example")).code,
			"resellers": s.do(t, call{keyID: c.keyID, secret: c.secret, token: c.token, path: resellersPath}.huawei("http://simulator.example")).code,
		}
		for name, read := range readers {
			codes[name] = read(t, s, c, "credit", "").code
		}
		return codes
	}
	check := func(what string, c call, good bool, fails ...string) {
		t.Helper()
		for name, code := range everywhere(c) {
			if good != (code == "") || !good && !strings.Contains(strings.Join(fails, " "), code) {
				t.Errorf("%s at %s: %q", what, name, code)
			}
		}
	}
	unknown := []string{"AuthFailure.SecretIdNotFound", "APIGW.0301", "UnrecognizedClientException"}
	signature := []string{"AuthFailure.SignatureFailure", "APIGW.0301", "InvalidSignatureException"}
	first, second, third := call{}, call{keyID: "SECONDID", secret: "second-secret"}, call{keyID: "SECONDID", secret: "third-secret"}
	temporary := call{keyID: TempKeyID, secret: TempKeySecret, token: Token}

	check("the first key", first, true)
	check("the second key, too early", second, false, unknown...)
	s.RotateKey("SECONDID", "second-secret")
	check("the first key, rotated out", first, false, unknown...)
	for range revokedAfter { // the fault revokes the first key only
		check("the second key", second, true)
	}
	check("the temporary key", temporary, true)
	if g := s.do(t, call{keyID: NoAuthKeyID}.tencent("http://simulator.example")); g.code != "UnauthorizedOperation.UinNoAuth" {
		t.Errorf("the key without rights: %q", g.code)
	}
	s.RotateKey("SECONDID", "third-secret")
	check("the second secret, rotated out", second, false, signature...)
	check("the third secret", third, true)
	s.RotateKey(KeyID, KeySecret)
	check("the third, rotated out", third, false, unknown...)
	for range revokedAfter {
		check("the first key again", first, true)
	}
}

// Every answer is consistent while keys and texts change.
func TestStoresAtOnce(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Options{Customers: 3, Secrets: map[string]string{"credit": "text"}})
	var underWay sync.WaitGroup
	for name, read := range readers {
		underWay.Go(func() {
			for range 20 {
				if got := read(t, s, call{keyID: TempKeyID, secret: TempKeySecret, token: Token}, "credit", ""); got.code != "" || !strings.HasPrefix(got.text, "text") {
					t.Errorf("%s: %q %q", name, got.code, got.text)
				}
			}
		})
	}
	underWay.Go(func() {
		for n := range 20 {
			s.SetSecret("credit", fmt.Sprintf("text %d", n))
			s.RotateKey(fmt.Sprintf("KEY%d", n), "secret")
			s.SetSecret("other", "text")
			s.RemoveSecret("other")
		}
	})
	underWay.Go(func() {
		for range 20 {
			if g := s.do(t, call{keyID: TempKeyID, secret: TempKeySecret, token: Token}.tencent("http://simulator.example")); g.code != "" {
				t.Errorf("credit: %q", g.code)
			}
		}
	})
	underWay.Wait()
	if got := s.SecretReads(); got != 20*len(readers) {
		t.Errorf("SecretReads = %d, want %d", got, 20*len(readers))
	}
}
