package host

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestPrincipal(t *testing.T) {
	t.Parallel()
	v2 := func(authorizer string) string {
		return `{"rawPath":"/","requestContext":{"http":{"method":"GET"},"authorizer":` + authorizer + `}}`
	}
	rest := func(context string) string {
		return `{"httpMethod":"GET","resource":"/","path":"/","requestContext":` + context + `}`
	}
	for _, test := range []struct{ name, event, want string }{
		{"IAM", v2(`{"iam":{"accessKey":"x","userArn":"arn:aws:iam::1:user/x","userId":"y"}}`), "arn:aws:iam::1:user/x"},
		{"IAM in another partition", v2(`{"iam":{"userArn":"arn:aws-cn:iam::1:user/x"}}`), "arn:aws-cn:iam::1:user/x"},
		{"IAM with an invalid ARN", v2(`{"iam":{"userArn":"jwt:boss"}}`), ""},
		{"JWT", v2(`{"jwt":{"claims":{"sub":"x","client_id":"y"},"scopes":null}}`), "jwt:x"},
		{"JWT of a client", v2(`{"jwt":{"claims":{"client_id":"y"}}}`), "jwt-client:y"},
		{"JWT with an empty subject", v2(`{"jwt":{"claims":{"sub":"","client_id":"y"}}}`), "jwt-client:y"},
		{"JWT without either", v2(`{"jwt":{"claims":{"iss":"x"}}}`), ""},
		{"IAM before JWT", v2(`{"jwt":{"claims":{"sub":"x"}},"iam":{"userArn":"arn:aws:iam::1:user/x"}}`), "arn:aws:iam::1:user/x"},
		{"none", v2(`null`), ""},
		{"a text", v2(`"iam"`), ""},
		{"a list", v2(`[{"iam":{"userArn":"arn:aws:iam::1:user/x"}}]`), ""},
		{"no text", v2(`{"iam":{"userArn":1}}`), ""},
		{"null", v2(`{"iam":{"userArn":null},"jwt":null}`), ""},
		{"a subject that is a number", v2(`{"jwt":{"claims":{"sub":7}}}`), ""},
		{"a subject twice", v2(`{"jwt":{"claims":{"sub":"x","sub":"y"}}}`), ""},
		{"a subject of lines", v2(`{"jwt":{"claims":{"sub":"x\r\ny"}}}`), ""},
		{"a subject with a space", v2(`{"jwt":{"claims":{"sub":"x y"}}}`), ""},
		{"a subject that turns the line", v2(`{"jwt":{"claims":{"sub":"x\u202ey"}}}`), ""},
		{"a long subject", v2(`{"jwt":{"claims":{"sub":"` + strings.Repeat("x", maxPrincipal+1) + `"}}}`), ""},
		{"another case", v2(`{"IAM":{"userARN":"arn:aws:iam::1:user/x"}}`), ""},
		{"an authorizer function", v2(`{"lambda":{"sub":"x","iam":{"userArn":"arn:aws:iam::1:user/x"}}}`), ""},
		{"an authorizer function's texts", v2(`{"sub":"x","userArn":"arn:aws:iam::1:user/x"}`), ""},
		{"REST and IAM", rest(`{"identity":{"userArn":"arn:aws:iam::1:user/x"}}`), "arn:aws:iam::1:user/x"},
		{"REST without a principal", rest(`{"identity":{"userArn":null,"user":"x","caller":"x"}}`), ""},
		{"REST and an object", rest(`{"identity":{"userArn":{"a":1}}}`), ""},
		{"REST and Cognito", rest(`{"identity":{},"authorizer":{"claims":{"sub":"x"}}}`), "jwt:x"},
		{"REST and Cognito's claims beside a principalId", rest(`{"authorizer":{"principalId":"x","claims":{"sub":"x"}}}`), ""},
		{"format 1.0 and JWT", `{"version":"1.0","httpMethod":"GET","resource":"/","path":"/","requestContext":{"authorizer":{"claims":{"sub":"x"},"scopes":["a"]}}}`, "jwt:x"},
		{"format 1.0 and JWT without scopes", `{"version":"1.0","httpMethod":"GET","resource":"/","path":"/","requestContext":{"authorizer":{"claims":{"sub":"x"},"scopes":null}}}`, "jwt:x"},
		{"format 1.0 and an authorizer function's claims", `{"version":"1.0","httpMethod":"GET","resource":"/","path":"/","requestContext":{"authorizer":{"claims":{"sub":"x"}}}}`, ""},
		{"format 1.0 and no authorizer", `{"version":"1.0","httpMethod":"GET","resource":"/","path":"/","requestContext":{"authorizer":{"claims":null,"scopes":null}}}`, ""},
		{"REST and an authorizer function", rest(`{"authorizer":{"principalId":"x","sub":"x"}}`), ""},
		{"REST and an authorizer function's text", rest(`{"authorizer":{"claims":"{\"sub\":\"x\"}"}}`), ""},
		{"REST without a context", `{"httpMethod":"GET","resource":"/","path":"/"}`, ""},
		{"ALB", `{"httpMethod":"GET","path":"/","requestContext":{"elb":{},"authorizer":{"iam":{"userArn":"arn:aws:iam::1:user/x"}},"identity":{"userArn":"arn:aws:iam::1:user/x"}},"headers":{"x-amzn-oidc-identity":"x"}}`, ""},
		{"SCF", `{"httpMethod":"GET","path":"/","headers":{"authorization":"TC3-HMAC-SHA256 x"}}`, ""},
		{"SCF's gateway", `{"httpMethod":"GET","path":"/","requestContext":{"serviceId":"s","identity":{"userArn":"arn:aws:iam::1:user/x"},"authorizer":{"claims":{"sub":"x"}}}}`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx := requestOf(t, test.event).Context()
			if got := OriginOf(ctx).Principal; got != test.want {
				t.Errorf("Principal = %q, want %q", got, test.want)
			}
			if OriginOf(ctx).Trigger == "" {
				t.Error("there is no trigger")
			}
		})
	}
	if got := OriginOf(t.Context()).Principal; got != "" {
		t.Errorf("the principal of no request is %q", got)
	}
}

// Keys of the platform reach no handler, neither from events nor from connections.
func TestPlatformKeys(t *testing.T) {
	t.Parallel()
	headers := []string{
		"X-CFF-Security-Access-Key", "x-cff-security-secret-key", "X-Cff-Security-Token", "X-CFF-Auth-Token",
		"X-Scf-Secret-Id", "x-scf-secret-key", "X-SCF-Session-Token",
	}
	var members []string
	sent := http.Header{"X-Kept": {"kept"}}
	for _, name := range headers {
		members = append(members, fmt.Sprintf("%q:%q", name, "hush"))
		sent.Set(name, "hush-"+strings.ToLower(name))
	}
	left := requestOf(t, `{"httpMethod":"GET","path":"/","headers":{"x-kept":"kept",`+strings.Join(members, ",")+`}}`)
	if len(left.Header) != 2 || left.Header.Get("X-Kept") != "kept" { // and X-Request-Id
		t.Errorf("an event's headers are %v", left.Header)
	}
	if _, ok := PlatformKey(left.Context()); ok {
		t.Error("an event's headers make a key")
	}

	for _, project := range []string{"", "0123456789abcdef"} {
		var key Key
		var found bool
		s := serveWith(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if trigger := OriginOf(r.Context()).Trigger; trigger != TriggerHTTP {
				t.Errorf("the trigger is %q", trigger)
			}
			key, found = PlatformKey(r.Context())
			for name, values := range r.Header {
				if strings.Contains(strings.Join(values, ""), "hush") {
					t.Errorf("the handler sees %s", name)
				}
			}
		}), ServeOptions{Getenv: func(name string) string {
			return map[string]string{"RUNTIME_PROJECT_ID": project}[name]
		}})
		get(t, s.url, sent)
		s.end(t)
		if found != (project != "") {
			t.Errorf("in project %q there is a key: %t", project, found)
		}
		if found && (key.AccessKey.Reveal() != "hush-x-cff-security-access-key" || key.SecretKey.Reveal() != "hush-x-cff-security-secret-key" || key.Token.Reveal() != "hush-x-cff-security-token") {
			t.Error("the key is not what the headers say")
		}
		if strings.Contains(s.log.String(), "hush") || strings.Contains(fmt.Sprintf("%+v", key), "hush") {
			t.Errorf("the log has the key: %s", s.log)
		}
	}

	// The caller's key beside the platform's could be used in its place.
	reached := false
	s := serveWith(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }), ServeOptions{Getenv: func(string) string { return "x" }})
	sent.Add("X-Cff-Security-Access-Key", "hush-another")
	response, body := get(t, s.url, sent)
	s.end(t)
	if reached || response.StatusCode != http.StatusBadRequest || strings.Contains(body+s.log.String(), "hush") {
		t.Errorf("a repeated key is answered %d %s", response.StatusCode, body)
	}
}
