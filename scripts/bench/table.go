package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

// row is one figure.
type row struct {
	figure   string
	measured string
	floor    string
	ratio    string
	target   string
	met      bool
	note     string
}

// ratioRow is a figure whose target is a ratio to its floor.
func ratioRow[N ~int64 | ~float64](figure string, measured, floor N, most float64, text func(N) string) row {
	ratio := float64(measured) / float64(floor)
	return row{
		figure: figure, measured: text(measured), floor: text(floor),
		ratio: fmt.Sprintf("%.3f", ratio), target: fmt.Sprintf("≤ %.4g", most), met: ratio <= most,
	}
}

// boundRow is a figure whose target is an absolute number.
func boundRow[N ~int | ~int64 | ~float64](figure string, measured, most N, text func(N) string) row {
	return row{figure: figure, measured: text(measured), floor: "-", ratio: "-", target: "≤ " + text(most), met: measured <= most}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func millis(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}

func mebibytes(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }

func printTable(w io.Writer, rows []row) {
	fmt.Fprintf(w, "%s, %s %s/%s, %d processors\n\n", time.Now().UTC().Format(time.DateOnly), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "figure\tmeasured\tfloor\tratio\ttarget\tmet\tnote")
	for _, r := range rows {
		met := "yes"
		if !r.met {
			met = "NO"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.figure, r.measured, r.floor, r.ratio, r.target, met, r.note)
	}
	_ = table.Flush()
}

func median[N ~int64 | ~float64](values []N) N {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
