package api_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/oasdiff/yaml"

	"partnerlens/internal/api"
	"partnerlens/pkg/core"
)

func TestParseBasePath(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "/": "", "/partners": "/partners", "/partners/": "/partners", "/a/b-c_d.e~f": "/a/b-c_d.e~f",
		"partners": "error", "//partners": "error", "/partners//": "error", "/a//b": "error", "/../b": "error", "/a/.": "error",
		"/a b": "error", "/a%20b": "error", "https://example.com/partners": "error", "/a?b": "error", "/{a}": "error",
	} {
		got, err := api.ParseBasePath(text)
		if err != nil {
			got = "error"
			if failure := core.AsError(err); failure.Code != core.CodeMisconfigured || failure.Param != "PARTNERLENS_BASE_PATH" {
				t.Errorf("ParseBasePath(%q) = %v", text, err)
			}
		}
		if got != want {
			t.Errorf("ParseBasePath(%q) = %q, want %q", text, got, want)
		}
	}
}

// A base path is removed if a request has it, and the paths below it require the same
// authentication.
func TestBasePaths(t *testing.T) {
	t.Parallel()
	opts := withKeys(t)
	own := "/partners"
	opts.BasePath = func(*http.Request) (string, string, error) {
		base, err := api.ParseBasePath(own)
		return base, "", err
	}
	handler := clouds()["steady"].handlerWith(opts)
	for _, test := range []struct {
		target, key string
		want        int
	}{
		{"/partners/v1/credit", keyMasked, 200},
		{"/partners/v1/credit/200000000001", keyMasked, 200},
		{"/partners/v1/credit/2000000000%30%31", keyMasked, 200},
		{"/partners/v1/credit", "", 401},
		{"/partners/v1/nowhere", "", 401},
		{"/partners/metrics", "", 401},
		{"/partners/metrics", keyMasked, 200},
		{"/partners/healthz", "", 200},
		{"/partners/", "", 200},
		{"/partners", "", 200},
		{"/v1/credit", keyMasked, 200}, // a proxy took the base path off
		{"/v1/credit", "", 401},
		{"/healthz", "", 200},
		{"/", "", 200},
		{"/partners/partners/v1/credit", keyMasked, 404},
		{"/partnersv1/credit", keyMasked, 404},
		{"/partners//v1/credit", keyMasked, 404},
		{"/partners/../v1/credit", keyMasked, 404},
		{"/%70artners/v1/credit", keyMasked, 404},
		{"/others/v1/credit", keyMasked, 404},
	} {
		r := httptest.NewRequest("GET", test.target, nil)
		if test.key != "" {
			r.Header.Set("X-Api-Key", test.key)
		}
		if got := serve(handler, r); got.StatusCode != test.want {
			t.Errorf("GET %s with %q = %d, want %d", test.target, test.key, got.StatusCode, test.want)
		}
	}
	own = "partners"
	answer := serve(handler, httptest.NewRequest("GET", "/v1/credit", nil))
	if p := problemIn(t, answer); answer.StatusCode != 500 || p.Code != core.CodeMisconfigured || p.Param != "PARTNERLENS_BASE_PATH" {
		t.Errorf("an invalid base path is answered %d %+v", answer.StatusCode, p)
	}
}

// The links of digests lead to the customer's history below the same base path, whether it is
// known or not.
func TestCustomerLinks(t *testing.T) {
	t.Parallel()
	handler := clouds()["steady"].handlerWith(withKeys(t))
	for _, test := range []struct {
		target string
		status int
		want   string
	}{
		{"/customers/credit/default/200000000001", 303, "/v1/credit/200000000001/history?account=default"},
		{"/customers/tags/north/0e4a?reseller_id=r1", 303, "/v1/tags/0e4a/history?account=north"},
		{"/customers/tags/a%26b/x%3Fy%23z", 303, "/v1/tags/x%3Fy%23z/history?account=a%26b"},
		{"/customers/nothing/default/1", 404, ""},
		{"/customers/credit/default/1%2F2", 400, ""},
		{"/customers/credit/default/..", 404, ""},
		{"/customers/credit/default/1/2", 404, ""},
		{"/customers/credit/default", 404, ""},
	} {
		r := httptest.NewRequest("GET", test.target, nil)
		answer := serve(handler, r)
		if answer.StatusCode != test.status {
			t.Errorf("%s = %d, want %d", test.target, answer.StatusCode, test.status)
		}
		if test.want == "" {
			continue
		}
		for _, base := range []string{"", "/partners", "/a/b"} { // of the caller's URL; a proxy may have taken it off
			outer, err := url.Parse("https://host" + base + test.target)
			if err != nil {
				t.Fatal(err)
			}
			to, err := outer.Parse(answer.Header.Get("Location"))
			if err != nil || to.String() != "https://host"+base+test.want {
				t.Errorf("%s leads to %s, want %s: %v", outer, to, base+test.want, err)
			}
		}
	}
}

// The document's paths are relative to the URL of the request for it.
func TestOpenAPIBelowABasePath(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, own, outer, target, want string }{
		{"none", "", "", "/openapi.yaml", "/"},
		{"of a gateway", "", "/prod", "/openapi.yaml", "/prod"},
		{"a setting", "/partners", "", "/partners/openapi.yaml", "/partners"},
		{"a setting that a proxy took off", "/partners", "", "/openapi.yaml", "/partners"},
		{"a setting beside a gateway's", "/partners", "/partners", "/openapi.yaml", "/partners"},
		{"a setting below a gateway's", "/partners", "/prod", "/partners/openapi.yaml", "/prod/partners"},
		{"a stage that is YAML", "", "/a\": b\n#", "/openapi.yaml", "/a\": b\n#"},
	} {
		opts := withKeys(t)
		opts.BasePath = func(*http.Request) (string, string, error) { return test.own, test.outer, nil }
		answer := serve(clouds()["steady"].handlerWith(opts), httptest.NewRequest("GET", test.target, nil))
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		var document struct {
			Servers []struct{ URL string } `json:"servers"`
			Paths   map[string]any         `json:"paths"`
		}
		if _, err := yaml.Unmarshal(body, &document, yaml.DecodeOpts{}); err != nil || len(document.Servers) != 1 || document.Servers[0].URL != test.want || document.Paths["/v1/credit"] == nil {
			t.Errorf("%s: %v, servers %+v, want %s", test.name, err, document.Servers, test.want)
		}
	}
}
