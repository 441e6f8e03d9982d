package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const startRounds = 100

// startUp measures the time from starting the process until it asks Lambda's
// Runtime API for its first invocation, against that of a hello world.
func startUp(ctx context.Context) ([]row, error) {
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	artefacts := []struct {
		name, main string
		most       float64
	}{
		{"hello", "partnerlens/scripts/bench/testdata/hello", 0},
		{"credit", "partnerlens/functions/credit", 3.0},
		{"tags", "partnerlens/functions/tags", 3.0},
	}
	for _, a := range artefacts {
		if err := build(ctx, a.main, filepath.Join(folder, a.name)); err != nil {
			return nil, err
		}
	}
	api, err := newRuntimeAPI()
	if err != nil {
		return nil, err
	}
	defer api.server.Close()
	took := map[string][]time.Duration{}
	for round := range startRounds + 3 {
		for i := range artefacts {
			a := artefacts[(i+round)%len(artefacts)] // in every order
			t, err := api.timeToReady(ctx, filepath.Join(folder, a.name))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", a.name, err)
			}
			if round >= 3 { // the first rounds read the file from the disk
				took[a.name] = append(took[a.name], t)
			}
		}
	}
	var rows []row
	for _, a := range artefacts[1:] {
		r := ratioRow("exec to ready, Lambda artefact "+a.name, median(took[a.name]), median(took["hello"]), a.most, millis)
		r.note = fmt.Sprintf("medians of %d rounds; floor: hello world", startRounds)
		rows = append(rows, r)
	}
	return rows, nil
}

// runtimeAPI is the part of Lambda's Runtime API that a process needs until it is
// ready.
type runtimeAPI struct {
	address string
	server  *http.Server
	ready   chan time.Time
}

func newRuntimeAPI() (*runtimeAPI, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	api := &runtimeAPI{address: listener.Addr().String(), ready: make(chan time.Time, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(_ http.ResponseWriter, r *http.Request) {
		api.ready <- time.Now()
		<-r.Context().Done() // there is no invocation
	})
	api.server = &http.Server{Handler: mux}
	go func() { _ = api.server.Serve(listener) }() // until it is closed
	return api, nil
}

func (api *runtimeAPI) timeToReady(ctx context.Context, binary string) (time.Duration, error) {
	process := exec.CommandContext(ctx, binary)
	process.Env = []string{
		"AWS_LAMBDA_RUNTIME_API=" + api.address, "AWS_LAMBDA_FUNCTION_NAME=bench", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "AWS_REGION=us-east-1", "LAMBDA_TASK_ROOT=/var/task", "_HANDLER=bootstrap", "TZ=:UTC",
	}
	started := time.Now()
	if err := process.Start(); err != nil {
		return 0, err
	}
	defer func() {
		_ = process.Process.Kill()
		_ = process.Wait()
	}()
	select {
	case ready := <-api.ready:
		return ready.Sub(started), nil
	case <-time.After(10 * time.Second):
		return 0, errors.New("not ready within 10 s")
	}
}
