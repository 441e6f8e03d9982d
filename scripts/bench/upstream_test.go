package bench

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
)

// upstream is a simulator on a port of its own, behind a delay.
type upstream struct {
	*simulator.Simulator
	url      string
	accepted atomic.Int64 // connections
}

// delay is what a call waits around the simulator, which answers at once. A
// server counts a call when it arrives: only the way there reorders calls.
type delay struct {
	there, back span
}

// span is a time that varies from call to call.
type span struct{ least, most time.Duration }

func (s span) wait(ctx context.Context) {
	if s.most == 0 {
		return
	}
	timer := time.NewTimer(s.least + rand.N(s.most-s.least+1))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// latency is the mean time of a call.
const latency = 80 * time.Millisecond

// around is a latency of 80 ms ± 40 ms: a quarter of it the way there, the rest
// the server's work and the way back.
var around = delay{
	there: span{latency / 8, latency * 3 / 8},
	back:  span{latency * 3 / 8, latency * 9 / 8},
}

// constant is the same latency for every call.
var constant = delay{back: span{latency, latency}}

func serve(b *testing.B, opts simulator.Options, d delay) *upstream {
	b.Helper()
	s, err := simulator.New(opts)
	if err != nil {
		b.Fatal(err)
	}
	u := &upstream{Simulator: s}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.there.wait(r.Context())
		s.ServeHTTP(delayed{w, func() { d.back.wait(r.Context()) }}, r)
	}))
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

// delayed waits before the first byte of an answer.
type delayed struct {
	http.ResponseWriter
	wait func()
}

func (d delayed) WriteHeader(status int) {
	d.wait()
	d.ResponseWriter.WriteHeader(status)
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
