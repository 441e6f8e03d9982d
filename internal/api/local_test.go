package api

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Both ends of a connection must be on this machine.
func TestIsLocal(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		local, remote, host string
		want                bool
	}{
		{"127.0.0.1:8080", "127.0.0.1:1", "127.0.0.1:8080", true},
		{"127.0.0.1:8080", "127.0.0.1:1", "localhost", true},
		{"[::1]:8080", "[::1]:1", "[::1]:8080", true},
		{"[::ffff:127.0.0.1]:8080", "[::ffff:127.0.0.1]:1", "localhost:8080", true},
		{"127.0.0.1:8080", "192.0.2.1:1", "localhost", false}, // a router that forwards
		{"192.0.2.2:8080", "127.0.0.1:1", "localhost", false},
		{"192.0.2.2:8080", "192.0.2.2:1", "localhost", false},
		{"", "127.0.0.1:1", "localhost", false}, // no connection of a server's
		{"127.0.0.1:8080", "", "localhost", false},
		{"127.0.0.1:8080", "nonsense", "localhost", false},
		{"127.0.0.1:8080", "127.0.0.1:1", "", false},
		{"127.0.0.1:8080", "127.0.0.1:1", "localhost.", false},
		{"127.0.0.1:8080", "127.0.0.1:1", "2130706433", false},
		{"127.0.0.1:8080", "127.0.0.1:1", "localhost/x", false},
		{"127.0.0.1:8080", "127.0.0.1:1", "x@localhost", false},
		{"127.0.0.1:8080", "127.0.0.1:1", "0.0.0.0:8080", false},
	} {
		ctx := t.Context()
		if test.local != "" {
			local, err := net.ResolveTCPAddr("tcp", test.local)
			if err != nil {
				t.Fatal(err)
			}
			ctx = context.WithValue(ctx, http.LocalAddrContextKey, local)
		}
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/credit", nil)
		r.RemoteAddr, r.Host = test.remote, test.host
		if got := isLocal(r); got != test.want {
			t.Errorf("isLocal(%+v) = %t", test, got)
		}
	}
}
