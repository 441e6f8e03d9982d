package bench

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"partnerlens/internal/simulator"
)

const million = 1_000_000

// BenchmarkMemory reports the memory of a process that writes all customers as
// NDJSON. The simulator is in this process, the reader in another, built as the
// artefacts are.
func BenchmarkMemory(b *testing.B) {
	reader := buildReader(b)
	for _, function := range []string{"credit", "tags"} {
		for _, test := range []struct {
			name      string
			customers int
			rounds    int // the peak of a short read depends on when the collector runs
			most      int64
		}{{"10k", 10_000, 5, 28 << 20}, {"100k", 100_000, 1, 64 << 20}, {"1M", million, 1, 512 << 20}} {
			b.Run(function+"/"+test.name, func(b *testing.B) {
				for b.Loop() {
					var peaks []usage
					for range test.rounds {
						peaks = append(peaks, peak(b, reader, function, test.customers))
					}
					slices.SortFunc(peaks, func(a, b usage) int { return cmp.Compare(a.Resident, b.Resident) })
					peaks[len(peaks)/2].report(b, test.most)
				}
			})
		}
	}
}

// BenchmarkCommand reports the memory of the command that writes the credit of 200,000
// customers into a pipe.
func BenchmarkCommand(b *testing.B) {
	command := filepath.Join(b.TempDir(), "partnerlens")
	build(b, "partnerlens/cmd/partnerlens", command)
	up := serve(b, simulator.Options{Customers: 200_000})
	for _, test := range []struct {
		format string
		most   int64
	}{{"json", 64 << 20}, {"table", 128 << 20}} {
		b.Run(test.format, func(b *testing.B) {
			for b.Loop() {
				child := exec.CommandContext(b.Context(), command, "credit", "--quiet", "--output", test.format)
				child.Env = append(simulator.Env(up.url), "PARTNERLENS_TENCENT_RATE=0")
				out, err := child.StdoutPipe()
				if err == nil {
					err = child.Start()
				}
				var m usage
				for piece := make([]byte, 1<<20); err == nil; _, err = io.ReadFull(out, piece) {
					m.Resident = max(m.Resident, highWater(child.Process.Pid))
				}
				if err := child.Wait(); err != nil {
					b.Fatal(err)
				}
				m.report(b, test.most)
			}
		})
	}
}

// highWater returns the most memory that a process has had so far, in bytes.
func highWater(process int) (bytes int64) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", process))
	if _, text, found := strings.Cut(string(status), "VmHWM:"); found {
		_, _ = fmt.Sscan(text, &bytes)
	}
	return bytes << 10
}

// BenchmarkWatch reports the memory of a process that finishes a run of a million
// customers, and of the next run, which is compared with it.
func BenchmarkWatch(b *testing.B) {
	reader := buildReader(b)
	store := "PARTNERLENS_STORE=file://" + b.TempDir()
	for _, run := range []struct{ name, day string }{{"first", "2026-11-21"}, {"next", "2026-11-22"}} {
		b.Run(run.name, func(b *testing.B) {
			for b.Loop() {
				peak(b, reader, "credit", million, store, "RUN="+run.day).report(b, 192<<20)
			}
		})
	}
}

// usage is what testdata/read prints.
type usage struct {
	Resident, HeapSys, Sys int64
	Customers              int
	Complete               bool
}

// report reports a process's memory. More than most bytes resident is a failure.
func (m usage) report(b *testing.B, most int64) {
	b.Helper()
	for unit, bytes := range map[string]int64{"resident-MiB": m.Resident, "heap-MiB": m.HeapSys, "sys-MiB": m.Sys} {
		b.ReportMetric(float64(bytes)/(1<<20), unit)
	}
	if m.Resident > most {
		b.Errorf("%d bytes are resident, want at most %d", m.Resident, most)
	}
}

// peak returns the usage of a process that reads the customers of a simulator.
func peak(b *testing.B, reader, function string, customers int, env ...string) (m usage) {
	b.Helper()
	up := serve(b, simulator.Options{Customers: customers})
	child := exec.CommandContext(b.Context(), reader, function)
	child.Env = append(simulator.Env(up.url), "PARTNERLENS_TENCENT_RATE=0", "PARTNERLENS_HUAWEI_RATE=0")
	child.Env = append(child.Env, env...)
	child.Stderr = os.Stderr
	text, err := child.Output()
	if err != nil {
		b.Fatalf("the reading process: %v", err)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		b.Fatal(err)
	}
	if m.Customers != customers || !m.Complete {
		b.Fatalf("the read has %d of %d customers, complete: %t", m.Customers, customers, m.Complete)
	}
	return m
}

func buildReader(b *testing.B) (file string) {
	b.Helper()
	file = filepath.Join(b.TempDir(), "read")
	build(b, "partnerlens/scripts/bench/testdata/read", file)
	return file
}

// build builds a package of this module as scripts/build.sh does for Lambda, for
// this machine.
func build(b *testing.B, main, out string) {
	b.Helper()
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -buildid= -X partnerlens/internal/app.Version=bench", "-tags", "lambda.norpc", "-o", out, main)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH, "GOFLAGS=")
	if text, err := build.CombinedOutput(); err != nil {
		b.Fatalf("building %s: %v\n%s", main, err, text)
	}
}
