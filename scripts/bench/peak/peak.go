// Package peak is a program that reads everyone and tells what memory that
// took. It is apart from bench so that nothing else is measured with it.
package peak

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

// Memory is the most that a process had, in bytes.
type Memory struct {
	Resident  int64 // VmHWM
	HeapInuse int64
	Sys       int64 // what the runtime has from the system
	Customers int
	Complete  bool
}

// Main asks the function for everyone as NDJSON and drops that, or where there is
// a store brings the run of RUN to its end, and prints a Memory as JSON. It gives the
// process's exit status.
func Main(f app.Composed) int {
	if err := measure(f); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func measure(f app.Composed) error {
	stop := make(chan struct{})
	sampled := make(chan Memory)
	go func() { sampled <- sample(stop) }()
	customers, complete, err := work(f)
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

func work(f app.Composed) (customers int, complete bool, err error) {
	ctx := context.Background()
	if watcher := new(app.Watcher); watcher.Enabled() {
		done, err := watcher.Watch(ctx, f, app.WatchRequest{Run: os.Getenv("RUN")})
		if err != nil {
			return 0, false, err
		}
		return done.Accounts[0].Count, done.Complete, nil
	}
	question, err := f.Function.Ask(core.Params{})
	if err != nil {
		return 0, false, err
	}
	report, err := api.WriteNDJSON(ctx, io.Discard, question)
	return report.Count, report.Complete, err
}

// sample looks at the heap until it is told to stop.
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

// highWater is the most memory that this process had resident (proc(5)).
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
	return 0, errors.New("/proc/self/status does not tell VmHWM")
}
