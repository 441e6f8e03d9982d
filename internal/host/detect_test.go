package host

import (
	"bytes"
	"strings"
	"testing"

	"partnerlens/pkg/core"
)

func TestDetect(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		env  map[string]string
		args string
		want platform
		code core.Code
	}{
		{"Lambda", map[string]string{"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}, "", platform{kind: onLambda}, ""},
		{"Lambda before all", map[string]string{"AWS_LAMBDA_RUNTIME_API": "a", "_LAMBDA_SERVER_PORT": "1", "PORT": "2"}, "serve", platform{kind: onLambda}, ""},
		{"SCF", map[string]string{"_LAMBDA_SERVER_PORT": "28902"}, "", platform{kind: onSCF}, ""},
		{"SCF before PORT", map[string]string{"_LAMBDA_SERVER_PORT": "28902", "PORT": "9000"}, "", platform{kind: onSCF}, ""},
		{"an empty SCF port", map[string]string{"_LAMBDA_SERVER_PORT": ""}, "", platform{}, core.CodeInvalid},
		{"PORT", map[string]string{"PORT": "9000"}, "", platform{listen: "0.0.0.0:9000"}, ""},
		{"PORT and serve", map[string]string{"PORT": "9000"}, "serve", platform{listen: "0.0.0.0:9000"}, ""},
		{"an invalid PORT", map[string]string{"PORT": "http"}, "", platform{}, core.CodeInvalid},
		{"a PORT too high", map[string]string{"PORT": "65536"}, "", platform{}, core.CodeInvalid},
		{"serve", nil, "serve", platform{listen: "127.0.0.1:8080"}, ""},
		{"serve somewhere", nil, "serve --listen 127.0.0.1:0", platform{listen: "127.0.0.1:0"}, ""},
		{"serve somewhere, not on PORT", map[string]string{"PORT": "9000"}, "serve -listen=[::1]:80", platform{listen: "[::1]:80"}, ""},
		{"nothing", nil, "", platform{}, core.CodeInvalid},
		{"help", nil, "--help", platform{}, core.CodeInvalid},
		{"help for serve", nil, "serve --help", platform{}, core.CodeInvalid},
		{"serve and more", nil, "serve now", platform{}, core.CodeInvalid},
		{"something else, with a PORT", map[string]string{"PORT": "9000"}, "run", platform{}, core.CodeInvalid},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := detect("probe", strings.Fields(test.args), func(name string) string { return test.env[name] })
			if got != test.want || core.CodeOf(err) != test.code {
				t.Errorf("detect(%q, %v) = %+v, %v, want %+v and code %q", test.args, test.env, got, err, test.want, test.code)
			}
		})
	}
}

func TestRunFails(t *testing.T) {
	t.Parallel()
	foreign := "_LAMBDA_SERVER_PORT"
	if runtimeVariable == foreign {
		foreign = "AWS_LAMBDA_RUNTIME_API"
	}
	for _, test := range []struct {
		name string
		env  map[string]string
		args []string
		want string
	}{
		{"without a platform", nil, []string{}, "usage: probe serve"},
		{"on the other platform", map[string]string{foreign: "127.0.0.1:1"}, []string{}, "deploy the one built with"},
		{"on an invalid address", nil, []string{"serve", "--listen", "nowhere"}, "listen: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			status := Run(Options{
				Name: "probe", Args: test.args, Stdout: &stdout, Stderr: &stderr,
				Getenv: func(name string) string { return test.env[name] },
			})
			if status != 2 || stdout.Len() > 0 || !strings.Contains(stderr.String(), test.want) {
				t.Errorf("Run = %d, stdout %q, stderr %q, want 2, nothing, and %q", status, &stdout, &stderr, test.want)
			}
		})
	}
}
