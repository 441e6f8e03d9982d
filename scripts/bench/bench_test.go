// Package bench measures what partnerlens promises about whole processes and
// whole reads, each figure against a bound or a floor that is measured or computed
// in the same run. A benchmark beyond its target fails. make bench runs them, and
// docs/performance.md says what they mean.
package bench

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
	"partnerlens/pkg/huawei"
	"partnerlens/pkg/tencent"
	"partnerlens/pkg/transport"
)

// BenchmarkCancel reports how long a read takes to return once its caller cancels
// it, wherever it waits: the longest of b.N. More than 10 ms is a failure.
func BenchmarkCancel(b *testing.B) {
	for name, serve := range map[string]func(*testing.B) app.Environment{
		"pace": func(b *testing.B) app.Environment {
			return serve(b, simulator.Options{}).environment("PARTNERLENS_TENCENT_RATE=1")
		},
		"retry": func(b *testing.B) app.Environment {
			return serve(b, simulator.Options{Faults: []string{"http-500-always"}}).environment("PARTNERLENS_TENCENT_RATE=0")
		},
		"header": hanging(true, ""),
		"body":   hanging(true, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"),
		"accept": hanging(false, ""),
	} {
		b.Run(name, func(b *testing.B) {
			function := app.Credit.Compose(serve(b), nil).Function
			var longest time.Duration
			for b.Loop() {
				longest = max(longest, cancelRead(b, function))
			}
			b.ReportMetric(float64(longest)/float64(time.Millisecond), "max-ms")
			if longest > 10*time.Millisecond {
				b.Errorf("a read returned %v after its cancellation, want at most 10ms", longest)
			}
		})
	}
}

// cancelRead starts a read, lets it come to where it waits, and cancels it.
func cancelRead(b *testing.B, function *core.Function) time.Duration {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	returned := make(chan error, 1)
	go func() {
		_, err := read(ctx, function, func(core.Record) {})
		returned <- err
	}()
	select {
	case err := <-returned:
		b.Fatalf("the read does not wait: %v", err)
	case <-time.After(60 * time.Millisecond):
	}
	canceled := time.Now()
	cancel()
	err := <-returned
	took := time.Since(canceled)
	if core.CodeOf(err) != core.CodeCanceled {
		b.Fatalf("the canceled read returned %v", err)
	}
	return took
}

// hanging serves requests, or not even connections, with the start of an answer
// and nothing after it.
func hanging(accept bool, start string) func(*testing.B) app.Environment {
	return func(b *testing.B) app.Environment {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { listener.Close() })
		go func() {
			for accept {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				go hang(conn, start)
			}
		}()
		return environmentAt("http://"+listener.Addr().String(), "PARTNERLENS_TENCENT_RATE=0")
	}
}

func hang(conn net.Conn, start string) {
	defer conn.Close()
	from := bufio.NewReader(conn)
	request, err := http.ReadRequest(from)
	if err != nil {
		return
	}
	io.Copy(io.Discard, request.Body)
	io.WriteString(conn, start)
	from.ReadByte() // until the caller disconnects
}

// BenchmarkConnections reports how many connections 16 callers of one Source open
// for 25 calls each: the most of b.N. More than 20 is a failure.
func BenchmarkConnections(b *testing.B) {
	b.Run("Tencent", func(b *testing.B) {
		reportConnections(b, func(url string) (func(core.Cursor) error, func(), error) {
			source, err := tencent.New(tencent.Config{Credentials: transport.Static(tencent.Key{ID: simulator.KeyID, Secret: core.NewSecret(simulator.KeySecret)}), Endpoint: url})
			return func(at core.Cursor) error {
				_, err := source.FetchPage(b.Context(), core.CreditQuery{}, at)
				return err
			}, source.CloseIdleConnections, err
		})
	})
	b.Run("Huawei", func(b *testing.B) {
		reportConnections(b, func(url string) (func(core.Cursor) error, func(), error) {
			source, err := huawei.New(huawei.Config{Credentials: transport.Static(huawei.Key{AK: simulator.KeyID, SK: core.NewSecret(simulator.KeySecret)}), Endpoint: url})
			return func(at core.Cursor) error {
				_, err := source.FetchPage(b.Context(), core.TagQuery{}, at)
				return err
			}, source.CloseIdleConnections, err
		})
	})
}

func reportConnections(b *testing.B, open func(url string) (fetch func(core.Cursor) error, done func(), err error)) {
	b.Helper()
	most := 0
	for b.Loop() {
		up := serve(b, simulator.Options{Work: simulator.Uniform(5*time.Millisecond, 15*time.Millisecond)})
		fetch, done, err := open(up.url)
		if err != nil {
			b.Fatal(err)
		}
		var callers sync.WaitGroup
		for range 16 {
			callers.Go(func() {
				for i := range 25 {
					if err := fetch(core.Cursor{Offset: i % 10 * 100}); err != nil {
						b.Error(err)
					}
				}
			})
		}
		callers.Wait()
		done()
		most = max(most, int(up.accepted.Load()))
	}
	b.ReportMetric(float64(most), "connections")
	if most > 20 {
		b.Errorf("%d connections, want at most 20", most)
	}
}
