package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
)

const cancelRuns = 50

// cancels is how long a read takes to return once its caller goes away,
// wherever it waits.
func cancels(ctx context.Context) ([]row, error) {
	var rows []row
	for _, waiting := range []struct {
		figure string
		serve  func() (env app.Environment, stop func(), err error)
	}{
		{"cancel to return, waiting for its turn", slowPace},
		{"… waiting to try again", failing},
		{"… no header comes", hanging(true, "")},
		{"… the body stops in its middle", hanging(true, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")},
		{"… the connection is never accepted", hanging(false, "")},
	} {
		env, stop, err := waiting.serve()
		if err != nil {
			return nil, err
		}
		took, err := cancelOften(ctx, app.Credit.Compose(env, nil).Function)
		stop()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", waiting.figure, err)
		}
		r := boundRow(waiting.figure, slices.Max(took), 10*time.Millisecond, millis)
		r.note = fmt.Sprintf("the longest of %d; median %s", cancelRuns, millis(median(took)))
		rows = append(rows, r)
	}
	return rows, nil
}

// cancelOften asks, lets the read get to where it waits, and cancels it.
func cancelOften(ctx context.Context, function *core.Function) ([]time.Duration, error) {
	var took []time.Duration
	for range cancelRuns {
		reading, cancel := context.WithCancel(ctx)
		returned := make(chan error, 1)
		go func() {
			_, err := readAll(reading, function)
			returned <- err
		}()
		select {
		case err := <-returned:
			cancel()
			return nil, fmt.Errorf("the read did not wait: %v", err)
		case <-time.After(60 * time.Millisecond):
		}
		canceled := time.Now()
		cancel()
		err := <-returned
		took = append(took, time.Since(canceled))
		if core.CodeOf(err) != core.CodeCanceled {
			return nil, fmt.Errorf("the canceled read returned %v", err)
		}
	}
	return took, nil
}

// slowPace lets one call a second go.
func slowPace() (app.Environment, func(), error) {
	up, err := newUpstream(simulator.Options{}, delay{})
	if err != nil {
		return nil, nil, err
	}
	return up.environment("PARTNERLENS_TENCENT_RATE=1"), up.close, nil
}

// failing fails at every call, so that the read waits before the next.
func failing() (app.Environment, func(), error) {
	up, err := newUpstream(simulator.Options{Faults: []string{"http-500-always"}}, delay{})
	if err != nil {
		return nil, nil, err
	}
	return up.environment("PARTNERLENS_TENCENT_RATE=0"), up.close, nil
}

// hanging takes a request, or not even a connection, sends a beginning, and no
// more.
func hanging(accept bool, beginning string) func() (app.Environment, func(), error) {
	return func() (app.Environment, func(), error) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, nil, err
		}
		go func() {
			for accept {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				go hang(conn, beginning)
			}
		}()
		env := environmentAt("http://"+listener.Addr().String(), "PARTNERLENS_TENCENT_RATE=0")
		return env, func() { listener.Close() }, nil
	}
}

func hang(conn net.Conn, beginning string) {
	defer conn.Close()
	from := bufio.NewReader(conn)
	request, err := http.ReadRequest(from)
	if err != nil {
		return
	}
	io.Copy(io.Discard, request.Body)
	io.WriteString(conn, beginning)
	from.ReadByte() // until the caller goes away
}
