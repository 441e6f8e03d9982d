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

// Main asks function for everyone as NDJSON, drops that, and prints a Memory
// as JSON. It gives the process's exit status.
func Main(function *core.Function) int {
	if err := measure(function); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func measure(function *core.Function) error {
	question, err := function.Ask(core.Params{})
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	sampled := make(chan Memory)
	go func() { sampled <- sample(stop) }()
	report, err := api.WriteNDJSON(context.Background(), io.Discard, question)
	close(stop)
	m := <-sampled
	if err != nil {
		return err
	}
	m.Customers, m.Complete = report.Count, report.Complete
	if m.Resident, err = highWater(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(m)
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
