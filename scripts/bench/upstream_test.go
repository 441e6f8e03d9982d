package bench

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
)

// upstream is a simulator on a port of its own.
type upstream struct {
	*simulator.Simulator
	url      string
	accepted atomic.Int64 // connections
}

func serve(b *testing.B, opts simulator.Options) *upstream {
	b.Helper()
	s, err := simulator.New(opts)
	if err != nil {
		b.Fatal(err)
	}
	u := &upstream{Simulator: s}
	server := httptest.NewUnstartedServer(s)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			u.accepted.Add(1)
		}
	}
	server.Start()
	b.Cleanup(func() {
		s.Close()
		server.CloseClientConnections()
		server.Close()
	})
	u.url = server.URL
	return u
}

// environment points a function at the upstream, with more settings as K=V.
func (u *upstream) environment(more ...string) app.Environment {
	return environmentAt(u.url, more...)
}

func environmentAt(url string, more ...string) app.Environment {
	values := map[string]string{}
	for _, variable := range append(simulator.Env(url), more...) {
		name, value, _ := strings.Cut(variable, "=")
		values[name] = value
	}
	return func(name string) string { return values[name] }
}
