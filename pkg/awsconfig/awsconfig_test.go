package awsconfig_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"partnerlens/pkg/awsconfig"
	"partnerlens/pkg/awsconfig/awsconfigtest"
	"partnerlens/pkg/core"
)

func TestMain(m *testing.M) {
	awsconfigtest.Isolate()
	os.Exit(m.Run())
}

const planted = "planted-key-5d1c"

// serve serves fixed answers by method and path.
func serve(t *testing.T, answers map[string]string) string {
	mux := http.NewServeMux()
	for pattern, body := range answers {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func file(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The key is found wherever AWS's own tools find it.
func TestRetrieve(t *testing.T) {
	const roleKey = `"AccessKeyId":"ROLE","SecretAccessKey":"` + planted + `"`
	expires := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for _, test := range []struct {
		name string
		set  func(t *testing.T)
		want string // the key's id; or the code of the error
	}{
		{"variables", func(t *testing.T) {
			t.Setenv("AWS_ACCESS_KEY_ID", "VARIABLE")
			t.Setenv("AWS_SECRET_ACCESS_KEY", planted)
			t.Setenv("AWS_PROFILE", "missing") // the chain is not loaded
		}, "VARIABLE"},
		{"profile", func(t *testing.T) {
			t.Setenv("AWS_CONFIG_FILE", file(t, "[profile ops]\naws_access_key_id = PROFILE\naws_secret_access_key = "+planted+"\n"))
			t.Setenv("AWS_PROFILE", "ops")
		}, "PROFILE"},
		{"credentials file", func(t *testing.T) {
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file(t, "[default]\naws_access_key_id = SHARED\naws_secret_access_key = "+planted+"\n"))
		}, "SHARED"},
		{"ECS task", func(t *testing.T) { awsconfigtest.Task(t, "TASK", planted, "token") }, "TASK"},
		{"EKS pod", func(t *testing.T) {
			t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/watch")
			t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", file(t, "pod"))
			t.Setenv("AWS_REGION", "eu-west-1")
			t.Setenv("AWS_ENDPOINT_URL_STS", serve(t, map[string]string{"POST /": `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>
				<AccessKeyId>POD</AccessKeyId><SecretAccessKey>` + planted + `</SecretAccessKey><SessionToken>t</SessionToken><Expiration>` + expires + `</Expiration>
				</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`}))
		}, "POD"},
		{"EC2 instance", func(t *testing.T) {
			t.Setenv("AWS_EC2_METADATA_DISABLED", "false")
			t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", serve(t, map[string]string{
				"PUT /latest/api/token":                                         "token",
				"GET /latest/meta-data/iam/security-credentials/{$}":            "watch",
				"GET /latest/meta-data/iam/security-credentials/watch":          `{"Code":"Success",` + roleKey + `,"Token":"t","Expiration":"` + expires + `"}`,
				"GET /latest/meta-data/iam/security-credentials-extended/{$}":   "watch",
				"GET /latest/meta-data/iam/security-credentials-extended/watch": `{"Code":"Success",` + roleKey + `,"Token":"t","Expiration":"` + expires + `"}`,
			}))
		}, "ROLE"},
		{"none", func(*testing.T) {}, string(core.CodeMisconfigured)},
		{"a profile that is missing", func(t *testing.T) { t.Setenv("AWS_PROFILE", planted) }, string(core.CodeMisconfigured)},
		{"a task's endpoint that is down", func(t *testing.T) {
			t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/"+planted)
		}, string(core.CodeUnavailable)},
		{"a role that may not be assumed", func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusForbidden)
				fmt.Fprintf(w, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>%s</Message></Error></ErrorResponse>", planted)
			}))
			t.Cleanup(server.Close)
			t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/watch")
			t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", file(t, "pod"))
			t.Setenv("AWS_REGION", "eu-west-1")
			t.Setenv("AWS_ENDPOINT_URL_STS", server.URL)
		}, string(core.CodeDenied)},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.set(t)
			config := awsconfig.New(os.Getenv)
			for range 2 {
				key, err := config.Retrieve(t.Context())
				got := key.AccessKeyID
				if err != nil {
					got = string(core.CodeOf(err))
					if shown := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(shown, planted) {
						t.Errorf("the error shows %s", shown)
					}
				}
				if got != test.want || err == nil && key.SecretAccessKey != planted {
					t.Fatalf("Retrieve = %s, %v, want %s", got, err, test.want)
				}
			}
		})
	}
}

func TestRegion(t *testing.T) {
	for _, test := range []struct {
		name, resource, variable, profile, want string // want "": an error
	}{
		{"an ARN", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:k", "us-east-1", "", "eu-west-1"},
		{"a name", "k", "us-east-1", "ap-southeast-1", "us-east-1"},
		{"a profile", "k", "", "ap-southeast-1", "ap-southeast-1"},
		{"none", "k", "", "", ""},
		{"an ARN that leads elsewhere", "arn:aws:secretsmanager:evil.example/x:123456789012:secret:k", "us-east-1", "", ""},
		{"a variable that leads elsewhere", "k", "evil.example/x", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("AWS_REGION", test.variable)
			if test.profile != "" {
				t.Setenv("AWS_CONFIG_FILE", file(t, "[default]\nregion = "+test.profile+"\n"))
			}
			got, err := awsconfig.New(os.Getenv).Region(t.Context(), test.resource)
			if got != test.want || (err != nil) != (test.want == "") || err != nil && core.CodeOf(err) != core.CodeMisconfigured {
				t.Errorf("Region = %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

func TestEndpoint(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		env  map[string]string
		want string // "": the region's own; "!": an error
	}{
		{"none", nil, ""},
		{"every service's", map[string]string{"AWS_ENDPOINT_URL": "https://all.example"}, "https://all.example"},
		{"the service's own", map[string]string{"AWS_ENDPOINT_URL": "https://all.example", "AWS_ENDPOINT_URL_SNS": "http://127.0.0.1:80/"}, "http://127.0.0.1:80"},
		{"without TLS", map[string]string{"AWS_ENDPOINT_URL_SNS": "http://all.example"}, "!"},
	} {
		got, err := awsconfig.New(func(name string) string { return test.env[name] }).Endpoint("SNS")
		switch {
		case test.want == "!" && core.CodeOf(err) == core.CodeMisconfigured && core.AsError(err).Param == "AWS_ENDPOINT_URL_SNS":
		case test.want == "" && err == nil && got == nil:
		case got == nil || err != nil || *got != test.want:
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}
