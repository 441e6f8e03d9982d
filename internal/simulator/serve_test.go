package simulator

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestServe(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	config, err := WriteCertificates(dir)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	if _, err := tls.LoadX509KeyPair(filepath.Join(dir, "server.pem"), filepath.Join(dir, "server-key.pem")); err != nil {
		t.Errorf("the files do not make a pair: %v", err)
	}

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	s, err := New(Options{Customers: 3, Faults: []string{"hang"}})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, tls.NewListener(ln, config), s) }()

	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	for _, host := range []string{"127.0.0.1", "localhost"} {
		r := call{at: time.Now()}.tencent("https://" + host + ":" + port)
		r.RequestURI = ""
		resp, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatalf("%s: %v", host, err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 || s.Calls().Credit.Accepted == 0 {
			t.Errorf("%s: answer = %d, %+v", host, resp.StatusCode, s.Calls().Credit)
		}
	}

	// Calls until one hangs; then the server stops all the same.
	hanging := make(chan error, 1)
	go func() {
		for {
			r := call{at: time.Now()}.tencent("https://127.0.0.1:" + port)
			r.RequestURI = ""
			resp, err := transport.RoundTrip(r)
			if err != nil {
				hanging <- err
				return
			}
			resp.Body.Close()
		}
	}()
	for s.Calls().Credit.Disturbed == 0 {
		time.Sleep(time.Millisecond)
	}
	stop()
	if err := <-served; err != nil {
		t.Errorf("Serve = %v, want nil", err)
	}
	if err := <-hanging; err == nil {
		t.Errorf("the hanging call was answered")
	}
}

func TestServeOnClosedListener(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if err := Serve(t.Context(), ln, newSimulator(t, Options{})); err == nil {
		t.Errorf("Serve on a closed listener = nil")
	}
}

func TestWriteCertificatesWhereAFileIs(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteCertificates(file); err == nil {
		t.Errorf("WriteCertificates into a file has no error")
	}
}

func TestEnv(t *testing.T) {
	t.Parallel()
	env := Env("http://127.0.0.1:1")
	for _, want := range []string{
		"PARTNERLENS_TENCENT_SECRET_ID=SIMULATORID", "PARTNERLENS_TENCENT_SECRET_KEY=simulator-secret", "PARTNERLENS_TENCENT_ENDPOINT=http://127.0.0.1:1",
		"PARTNERLENS_HUAWEI_AK=SIMULATORID", "PARTNERLENS_HUAWEI_SK=simulator-secret", "PARTNERLENS_HUAWEI_ENDPOINT=http://127.0.0.1:1",
	} {
		if !slices.Contains(env, want) {
			t.Errorf("Env lacks %s", want)
		}
	}
	if !slices.ContainsFunc(env, func(v string) bool {
		id, ok := strings.CutPrefix(v, "PARTNERLENS_HUAWEI_DOMAIN_ID=")
		return ok && len(id) == 32
	}) {
		t.Errorf("Env lacks a domain id")
	}
}
