package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"partnerlens/internal/simulator"
	"partnerlens/scripts/bench/peak"
)

const (
	few  = 10_000
	many = 1_000_000
)

// memoryBounds is the most that a read of so many customers may need.
var memoryBounds = []struct {
	customers int
	name      string
	most      int64
}{{few, "10,000", 24 << 20}, {100_000, "100,000", 64 << 20}, {many, "a million", 512 << 20}}

// memory is what a process needs that writes everyone as NDJSON. The simulator
// is in this process, the reader in another, built as the artefacts are.
func memory(ctx context.Context) ([]row, error) {
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	var rows []row
	for _, cloud := range []string{"credit", "tags"} {
		reader := filepath.Join(folder, cloud)
		if err := build(ctx, "./scripts/bench/testdata/read"+cloud, reader); err != nil {
			return nil, err
		}
		for _, bound := range memoryBounds {
			runs := 1
			if bound.customers == few {
				runs = 5
			}
			m, err := medianPeak(ctx, reader, bound.customers, runs)
			if err != nil {
				return nil, err
			}
			r := boundRow(fmt.Sprintf("peak memory, %s customers, %s", bound.name, cloud), m.Resident, bound.most, mebibytes)
			r.note = beside(m)
			rows = append(rows, r)
		}
	}
	return rows, nil
}

func beside(m peak.Memory) string {
	return fmt.Sprintf("heap in use %s, from the system %s", mebibytes(m.HeapInuse), mebibytes(m.Sys))
}

// medianPeak is the median of some reads: in a short one much hangs on when the
// collector happens to run.
func medianPeak(ctx context.Context, reader string, customers, runs int) (peak.Memory, error) {
	peaks := make([]peak.Memory, runs)
	for i := range peaks {
		var err error
		if peaks[i], err = peakOf(ctx, reader, customers); err != nil {
			return peak.Memory{}, err
		}
	}
	slices.SortFunc(peaks, func(a, b peak.Memory) int { return cmp.Compare(a.Resident, b.Resident) })
	return peaks[len(peaks)/2], nil
}

// watch is what a process needs that brings a run of a million customers to its
// end, and then the next one, which is compared with it.
func watch(ctx context.Context) ([]row, error) {
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	reader := filepath.Join(folder, "credit")
	if err := build(ctx, "./scripts/bench/testdata/readcredit", reader); err != nil {
		return nil, err
	}
	var rows []row
	for _, run := range []struct{ day, what string }{{"2026-11-21", "the first"}, {"2026-11-22", "the next, compared with it"}} {
		began := time.Now()
		m, err := peakOf(ctx, reader, many, "PARTNERLENS_STORE=file://"+folder+"/store", "RUN="+run.day)
		if err != nil {
			return nil, err
		}
		r := boundRow("peak memory, a run of a million customers, "+run.what, m.Resident, 128<<20, mebibytes)
		r.note = beside(m) + fmt.Sprintf(", %s", time.Since(began).Round(time.Second))
		rows = append(rows, r)
	}
	return rows, nil
}

func peakOf(ctx context.Context, reader string, customers int, env ...string) (peak.Memory, error) {
	var m peak.Memory
	up, err := newUpstream(simulator.Options{Customers: customers}, delay{})
	if err != nil {
		return m, err
	}
	defer up.close()
	child := exec.CommandContext(ctx, reader)
	child.Env = append(simulator.Env(up.url), "PARTNERLENS_TENCENT_RATE=0", "PARTNERLENS_HUAWEI_RATE=0")
	child.Env = append(child.Env, env...)
	child.Stderr = os.Stderr
	text, err := child.Output()
	if err != nil {
		return m, fmt.Errorf("the reading process: %w", err)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, err
	}
	if m.Customers != customers || !m.Complete {
		return m, fmt.Errorf("the read is no measure: %d of %d customers, complete: %v", m.Customers, customers, m.Complete)
	}
	return m, nil
}
