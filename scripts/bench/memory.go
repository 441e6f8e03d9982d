package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"partnerlens/internal/simulator"
)

const (
	few  = 10_000
	many = 1_000_000
)

// memory measures a process that writes all customers as NDJSON. The simulator is
// in this process, the reader in another, built as the artefacts are.
func memory(ctx context.Context) ([]row, error) {
	read, remove, err := buildReader(ctx)
	if err != nil {
		return nil, err
	}
	defer remove()
	var rows []row
	for _, function := range []string{"credit", "tags"} {
		for _, bound := range []struct {
			customers int
			name      string
			most      int64
		}{{few, "10,000", 28 << 20}, {100_000, "100,000", 64 << 20}, {many, "a million", 512 << 20}} {
			// The peak of a short read depends on when the collector runs.
			peaks := make([]usage, map[bool]int{true: 5, false: 1}[bound.customers == few])
			for i := range peaks {
				if peaks[i], err = peak(ctx, read, function, bound.customers); err != nil {
					return nil, err
				}
			}
			slices.SortFunc(peaks, func(a, b usage) int { return cmp.Compare(a.Resident, b.Resident) })
			rows = append(rows, peaks[len(peaks)/2].row(fmt.Sprintf("peak memory, %s customers, %s", bound.name, function), bound.most))
		}
	}
	return rows, nil
}

// watch measures a process that finishes a run of a million customers, and the
// one of the next run, which is compared with it.
func watch(ctx context.Context) ([]row, error) {
	read, remove, err := buildReader(ctx)
	if err != nil {
		return nil, err
	}
	defer remove()
	var rows []row
	for _, run := range []struct{ day, what string }{{"2026-11-21", "the first"}, {"2026-11-22", "the next, compared with it"}} {
		start := time.Now()
		m, err := peak(ctx, read, "credit", many, "PARTNERLENS_STORE=file://"+filepath.Dir(read)+"/store", "RUN="+run.day)
		if err != nil {
			return nil, err
		}
		r := m.row("peak memory, a run of a million customers, "+run.what, 192<<20)
		r.note += fmt.Sprintf(", %s", time.Since(start).Round(time.Second))
		rows = append(rows, r)
	}
	return rows, nil
}

// usage is what testdata/read prints.
type usage struct {
	Resident, HeapInuse, Sys int64
	Customers                int
	Complete                 bool
}

func (m usage) row(figure string, most int64) row {
	r := boundRow(figure, m.Resident, most, mebibytes)
	r.note = fmt.Sprintf("heap in use %s, from the system %s", mebibytes(m.HeapInuse), mebibytes(m.Sys))
	return r
}

// peak returns the usage of a process that reads the customers of a simulator.
func peak(ctx context.Context, read, function string, customers int, env ...string) (m usage, err error) {
	up, err := newUpstream(simulator.Options{Customers: customers}, delay{})
	if err != nil {
		return m, err
	}
	defer up.close()
	child := exec.CommandContext(ctx, read, function)
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
		return m, fmt.Errorf("the read has %d of %d customers, complete: %t", m.Customers, customers, m.Complete)
	}
	return m, nil
}

func buildReader(ctx context.Context) (file string, remove func(), err error) {
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return "", nil, err
	}
	remove = func() { os.RemoveAll(folder) }
	file = filepath.Join(folder, "read")
	if err := build(ctx, "partnerlens/scripts/bench/testdata/read", file); err != nil {
		remove()
		return "", nil, err
	}
	return file, remove, nil
}

// build builds a package of this module as scripts/build.sh does for Lambda, for
// this machine.
func build(ctx context.Context, main, out string) error {
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -buildid= -X partnerlens/internal/app.Version=bench", "-tags", "lambda.norpc", "-o", out, main)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH, "GOFLAGS=")
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", main, err, text)
	}
	return nil
}
