package app_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"partnerlens/internal/host"
)

// nginxConfig is a server on address that forwards to upstream, with what location adds.
func nginxConfig(address, upstream, location string) string {
	return fmt.Sprintf(`daemon off; master_process off; pid nginx.pid; error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
	server {
		listen %s;
		location / { proxy_pass http://%s; proxy_http_version 1.1; %s }
	}
}
`, address, upstream, location)
}

func haproxyConfig(address, upstream, mode string) string {
	return fmt.Sprintf(`defaults
	mode %s
	timeout connect 5s
	timeout client 10s
	timeout server 10s
listen proxy
	bind %s
	server upstream %s
`, mode, address, upstream)
}

// startProxy runs a proxy until the test is over and gives its address.
func startProxy(t *testing.T, upstream string, config func(address, upstream string) string, program string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + program) // not in everyone's PATH on Debian
	}
	if err != nil {
		t.Skipf("%s is not installed; scripts/proxies.sh installs it (Debian: apt-get install nginx-light haproxy)", program)
	}
	for range 5 {
		dir, address := t.TempDir(), freeAddress(t)
		file := filepath.Join(dir, "config")
		if err := os.WriteFile(file, []byte(config(address, upstream)), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		proxy := exec.CommandContext(ctx, path, append(args, file)...)
		proxy.Dir = dir
		if program == "nginx" {
			proxy.Args = append(proxy.Args, "-p", dir)
		}
		var said strings.Builder
		proxy.Stdout, proxy.Stderr = &said, &said
		if err := proxy.Start(); err != nil {
			cancel()
			t.Fatal(err)
		}
		exited := make(chan struct{})
		go func() { _ = proxy.Wait(); close(exited) }()
		for until := time.Now().Add(10 * time.Second); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
			if conn, err := net.Dial("tcp", address); err == nil {
				_ = conn.Close()
				t.Cleanup(func() { cancel(); <-exited })
				return address
			}
			select {
			case <-exited: // another program may have taken the port
				until = time.Time{}
			default:
			}
		}
		cancel()
		<-exited
		t.Logf("%s does not start: %s", program, &said)
	}
	t.Fatalf("%s does not start", program)
	return ""
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// No key is configured, and a proxy on the machine forwards requests of the internet to the
// local server. They look like those of the machine's own programs, so that
// none of them gets personal data without the token.
func TestProxiesBeforeAnUnkeyedServer(t *testing.T) {
	t.Parallel()
	nginx := func(location string) func(address, upstream string) string {
		return func(address, upstream string) string { return nginxConfig(address, upstream, location) }
	}
	haproxy := func(mode string) func(address, upstream string) string {
		return func(address, upstream string) string { return haproxyConfig(address, upstream, mode) }
	}
	for _, test := range []struct {
		name    string
		config  func(address, upstream string) string
		program string
		args    []string
	}{
		{"nginx, HTTP/1.1, its own Host", nginx(""), "nginx", []string{"-c"}},
		{"nginx, HTTP/1.1, Host: localhost", nginx("proxy_set_header Host localhost;"), "nginx", []string{"-c"}},
		{"nginx, HTTP/1.1, the caller's Host", nginx("proxy_set_header Host $host;"), "nginx", []string{"-c"}},
		{"nginx that strips all marks of forwarding", nginx(`proxy_set_header Host localhost; proxy_set_header Connection "";
			proxy_set_header X-Forwarded-For ""; proxy_set_header X-Real-IP ""; proxy_set_header Forwarded ""; proxy_set_header Via "";`), "nginx", []string{"-c"}},
		{"haproxy", haproxy("http"), "haproxy", []string{"-db", "-f"}},
		{"haproxy that forwards connections", haproxy("tcp"), "haproxy", []string{"-db", "-f"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := &besieged{env: map[string]string{}}
			proxy := startProxy(t, b.serve(t, host.ServeOptions{}), test.config, test.program, test.args...)
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			ask := func(name, key, method, target, body, accept string) (status int, text string) {
				t.Helper()
				r, err := http.NewRequestWithContext(t.Context(), method, "http://"+proxy+target, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				r.Host = "localhost" // the caller's claim
				r.Header.Set("Accept", accept)
				if key != "" {
					r.Header.Set("Authorization", "Bearer "+key)
				}
				answer, err := client.Do(r)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				defer answer.Body.Close()
				everything, err := io.ReadAll(answer.Body)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				return answer.StatusCode, string(everything)
			}
			for _, attack := range []struct{ name, key, method, target, body, accept string }{
				{"a list", "", "GET", "/v1/credit", "", "application/json"},
				{"as CSV", "", "GET", "/v1/credit", "", "text/csv"},
				{"whole", "", "GET", "/v1/credit?pii=full", "", "application/json"},
				{"whole, as CSV", "", "GET", "/v1/credit?pii=full", "", "text/csv"},
				{"whole, by POST", "", "POST", "/v1/credit", `{"pii":"full"}`, "application/json"},
				{"whole, of all accounts", "", "GET", "/v1/credit?account=all&pii=full", "", "application/x-ndjson"},
				{"whole, by id", "", "GET", "/v1/credit/200000000001?pii=full", "", "application/json"},
				{"a search by name", "", "GET", "/v1/credit?filter_type=name&filter=" + plantedText, "", "application/json"},
				{"whole, with a wrong token", keyNone, "GET", "/v1/credit?pii=full", "", "application/json"},
			} {
				status, text := ask(attack.name, attack.key, attack.method, attack.target, attack.body, attack.accept)
				personal := strings.Contains(attack.target+attack.body, "full") || strings.Contains(attack.target, "filter")
				if personal && status != http.StatusForbidden && status != http.StatusUnauthorized {
					t.Errorf("%s is answered %d: %.200s", attack.name, status, text)
				}
				for _, private := range []string{"PLANTEDNAME", "PLANTEDMAIL", plantedPhone, plantedText} {
					if strings.Contains(text, private) {
						t.Errorf("%s shows %s: %.300s", attack.name, private, text)
					}
				}
			}
			status, text := ask("whole, with the token", startToken, "GET", "/v1/credit?pii=full", "", "application/json")
			if status != http.StatusOK || !strings.Contains(text, plantedText) {
				t.Errorf("with the token the answer is %d: %.300s", status, text)
			}
		})
	}
}

const startToken = "plk_PLANTEDTOKEN22222222222222222222222"
