// Command bench measures what partnerlens promises about time and memory, each
// figure against a floor that is measured or computed in the same run, and
// prints them as one table. docs/performance.md says what they mean.
//
//	go run ./scripts/bench [-quick] [-only NAME]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

// measure is one or more rows of the table.
type measure struct {
	name  string
	quick bool // belongs to -quick
	run   func(context.Context) ([]row, error)
}

// measures are all there are, in the table's order.
var measures = []measure{
	{"rate", false, rate},
	{"huawei", true, huaweiUnlimited},
	{"hidden", false, huaweiHiddenLimit},
	{"cpu", false, pageCPU},
	{"start", true, startUp},
	{"connections", true, connections},
	{"memory", false, memory},
	{"watch", false, watch},
	{"cancel", true, cancels},
}

func main() {
	var names []string
	for _, m := range measures {
		names = append(names, m.name)
	}
	quick := flag.Bool("quick", false, "only what takes seconds")
	only := flag.String("only", "", "only these, by name, with commas between: "+strings.Join(names, ", "))
	flag.Parse()
	chosen := map[string]bool{}
	for name := range strings.SplitSeq(*only, ",") {
		if name != "" && !slices.Contains(names, name) {
			exitOn(fmt.Errorf("no figure is named %q; there are: %s", name, strings.Join(names, ", ")))
		}
		chosen[name] = name != ""
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var rows []row
	for _, m := range measures {
		if *only != "" && !chosen[m.name] || *only == "" && *quick && !m.quick {
			continue
		}
		started := time.Now()
		fmt.Fprintf(os.Stderr, "%s … ", m.name)
		more, err := m.run(ctx)
		fmt.Fprintln(os.Stderr, time.Since(started).Round(100*time.Millisecond))
		if err != nil {
			exitOn(fmt.Errorf("%s: %w", m.name, err))
		}
		rows = append(rows, more...)
	}
	printTable(os.Stdout, rows)
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
