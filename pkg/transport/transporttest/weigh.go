//go:build unix

package transporttest

import (
	"runtime"
	"slices"
	"syscall"
	"testing"
)

// Weigh reports the CPU of page (cpu-ns/page), the CPU of floor
// (floor-cpu-ns/page), and the ratio of the medians, over alternating rounds. CPU is
// that of the whole process, user and system, garbage collection included; the
// server's part should be small and the same for both.
//
// It sets GOMAXPROCS to 1, as a function has: the scheduler of an idle processor
// would be measured too.
func Weigh(b *testing.B, page, floor func()) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const round = 25
	var pages, floors []float64
	for b.Loop() {
		floors = append(floors, cpuOf(round, floor))
		pages = append(pages, cpuOf(round, page))
	}
	b.ReportMetric(median(pages), "cpu-ns/page")
	b.ReportMetric(median(floors), "floor-cpu-ns/page")
	b.ReportMetric(median(pages)/median(floors), "ratio")
}

// cpuOf returns the mean CPU time of n runs of f, in nanoseconds.
func cpuOf(n int, f func()) float64 {
	runtime.GC() // of the garbage of earlier runs
	start := cpu()
	for range n {
		f()
	}
	return float64(cpu()-start) / float64(n)
}

func cpu() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
