// Command bench measures what partnerlens promises about whole processes and
// whole reads, each figure against a bound or a floor that is measured or
// computed in the same run, and prints one table. The benchmarks beside it and in
// the vendors' packages give the other figures: make bench runs all of them, and
// docs/performance.md says what they mean.
//
//	go run ./scripts/bench [-quick] [-only NAME]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"
)

// measures are the figures in the table's order.
var measures = []struct {
	name  string
	quick bool // takes seconds
	run   func(context.Context) ([]row, error)
}{
	{"rate", false, rate},
	{"huawei", true, huaweiUnlimited},
	{"hidden", false, huaweiHiddenLimit},
	{"start", true, startUp},
	{"memory", false, memory},
	{"watch", false, watch},
}

func main() {
	var names []string
	for _, m := range measures {
		names = append(names, m.name)
	}
	quick := flag.Bool("quick", false, "only what takes seconds")
	only := flag.String("only", "", "only this figure: "+strings.Join(names, ", "))
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var rows []row
	for _, m := range measures {
		if *only != "" && *only != m.name || *quick && !m.quick {
			continue
		}
		start := time.Now()
		fmt.Fprintf(os.Stderr, "%s … ", m.name)
		more, err := m.run(ctx)
		fmt.Fprintln(os.Stderr, time.Since(start).Round(100*time.Millisecond))
		if err != nil {
			exit(fmt.Errorf("%s: %w", m.name, err))
		}
		rows = append(rows, more...)
	}
	if len(rows) == 0 {
		exit(fmt.Errorf("no figure is named %q; use %s", *only, strings.Join(names, ", ")))
	}
	printTable(os.Stdout, rows)
}

func exit(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}
