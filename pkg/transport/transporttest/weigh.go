//go:build unix

package transporttest

import (
	"runtime"
	"slices"
	"syscall"
	"testing"
)

// Weigh reports the CPU that page costs (cpu-ns/page), the CPU that floor costs
// (floor-cpu-ns/page), and the ratio of the medians. The two go by turns, in
// rounds. CPU is the whole process's, user and system, garbage collection
// included; what serves them should be the same for both, and little.
//
// Go gets one processor, as much as a function has: an idle one's search for
// work would be weighed too, and weighs the same whatever is done.
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

// cpuOf gives the CPU time of one of n runs of f, in nanoseconds.
func cpuOf(n int, f func()) float64 {
	runtime.GC() // pay the debts of whoever ran before
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
