package transport

import (
	"strings"
	"testing"

	"partnerlens/pkg/core"
)

func TestEndpoint(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, want string }{ // want "": refused
		{"https://api.example.com", "https://api.example.com"},
		{"https://api.example.com/", "https://api.example.com"},
		{"https://api.example.com:8443", "https://api.example.com:8443"},
		{"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
		{"http://localhost:8080", "http://localhost:8080"},
		{"http://[::1]:8080", "http://[::1]:8080"},
		{"http://api.example.com", ""},
		{"http://127.0.0.1.example.com", ""},
		{"http://10.0.0.1", ""},
		{"api.example.com", ""},
		{"ftp://api.example.com", ""},
		{"https://", ""},
		{"https://user:password@api.example.com", ""},
		{"https://api.example.com/v2", ""},
		{"https://api.example.com?x=1", ""},
		{"https://api.example.com#x", ""},
		{"https://api example.com", ""},
		{"", ""},
	} {
		u, err := Endpoint("SETTING", test.text)
		if test.want != "" {
			if err != nil || u.String() != test.want {
				t.Errorf("Endpoint(%q) = %v, %v, want %q", test.text, u, err, test.want)
			}
			continue
		}
		e := core.AsError(err)
		if core.CodeOf(err) != core.CodeMisconfigured || e.Param != "SETTING" || strings.Contains(e.Error(), "password") {
			t.Errorf("Endpoint(%q) = %v, %v, want it refused, naming the setting and quoting nothing", test.text, u, err)
		}
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		want core.Code
	}{
		{"SIMULATORID", ""}, {"simulator-secret+/=", ""},
		{"", core.CodeMisconfigured}, {"simulator-secret\n", core.CodeMisconfigured},
		{" simulator-secret", core.CodeMisconfigured}, {"sécret", core.CodeMisconfigured},
	} {
		err := Key("SETTING", core.NewSecret(test.text))
		if core.CodeOf(err) != test.want {
			t.Errorf("Key(%q) = %v, want code %q", test.text, err, test.want)
		}
		if err != nil && test.text != "" && strings.Contains(err.Error(), strings.TrimSpace(test.text)) {
			t.Errorf("Key(%q) quotes the key: %v", test.text, err)
		}
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	table := Failures{
		{Prefix: "Auth", Code: core.CodeDenied, Detail: "general"},
		{Prefix: "Auth.Key", Code: core.CodeInvalid, Param: "key", Detail: "particular", StaleKey: true},
	}
	for _, test := range []struct {
		code   string
		status int
		want   core.Code
	}{
		{"Auth", 200, core.CodeDenied}, {"Auth.Other", 500, core.CodeDenied}, {"Auth.Key", 403, core.CodeInvalid}, {"Auth.Key.Gone", 403, core.CodeInvalid},
		{"Auth.KeyGone", 200, core.CodeDenied}, {"Authority", 200, core.CodeUpstream},
		{"Aut", 200, core.CodeUpstream}, {"", 200, core.CodeUpstream}, {"Aut", 500, core.CodeUnavailable}, {"Aut", 429, core.CodeThrottled},
	} {
		stale := test.want == core.CodeInvalid // as the one row of that code says
		if e := table.Error(test.status, test.code); e.Code != test.want || e.VendorCode != test.code || e.StaleKey != stale {
			t.Errorf("Error(%d, %q) = %v, stale key %t, want code %q, %t", test.status, test.code, e, e.StaleKey, test.want, stale)
		}
	}
}

func TestWord(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, want string }{
		{"AuthFailure.SignatureExpire", "AuthFailure.SignatureExpire"},
		{"2b7c676e-0000_1:2", "2b7c676e-0000_1:2"},
		{"a b\nc<d>é\x00", "abcd"},
		{strings.Repeat("x", 1000), strings.Repeat("x", maxWord)},
		{"", ""},
	} {
		if got := Word(test.text); got != test.want {
			t.Errorf("Word(%q) = %q, want %q", test.text, got, test.want)
		}
	}
}
