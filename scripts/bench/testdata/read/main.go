// Command read reads all customers of credit or tags, the function in its first
// argument, and prints the memory that this takes. It is a process of its own so
// that the memory of the simulator does not count.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"partnerlens/internal/api"
	"partnerlens/internal/app"
	"partnerlens/pkg/core"
)

// Memory is the most that a process has, in bytes.
type Memory struct {
	Resident  int64 // VmHWM
	HeapInuse int64
	Sys       int64 // obtained from the system by the Go runtime
	Customers int
	Complete  bool
}

func main() {
	if err := measure(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func measure() error {
	function := app.Credit.Compose(nil, nil)
	if os.Args[1] == "tags" {
		function = app.Tags.Compose(nil, nil)
	}
	stop, sampled := make(chan struct{}), make(chan Memory)
	go func() { sampled <- sample(stop) }()
	customers, complete, err := work(function)
	close(stop)
	m := <-sampled
	if err != nil {
		return err
	}
	m.Customers, m.Complete = customers, complete
	if m.Resident, err = highWater(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(m)
}

// work writes all customers as NDJSON and discards that, or with a store finishes
// the run in RUN.
func work(f app.Composed) (customers int, complete bool, err error) {
	ctx := context.Background()
	if watcher := new(app.Watcher); watcher.Enabled() {
		run, err := watcher.Watch(ctx, f, app.WatchRequest{Run: os.Getenv("RUN")})
		if err != nil {
			return 0, false, err
		}
		return run.Accounts[0].Count, run.Complete, nil
	}
	question, err := f.Function.Ask(core.Params{})
	if err != nil {
		return 0, false, err
	}
	report, err := api.WriteNDJSON(ctx, io.Discard, question)
	return report.Count, report.Complete, err
}

// sample reads the size of the heap until stop is closed.
func sample(stop <-chan struct{}) (m Memory) {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/total:bytes"},
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		metrics.Read(samples)
		m.HeapInuse = max(m.HeapInuse, int64(samples[0].Value.Uint64()+samples[1].Value.Uint64()))
		m.Sys = max(m.Sys, int64(samples[2].Value.Uint64()))
		select {
		case <-stop:
			return m
		case <-tick.C:
		}
	}
}

// highWater returns the most memory that this process has had resident (proc(5)).
func highWater() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kibibytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kibibytes << 10, err
		}
	}
	return 0, errors.New("/proc/self/status has no VmHWM")
}
