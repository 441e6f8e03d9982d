// Command read reads all customers of credit or tags, the function in its first
// argument, and prints the memory that this takes. It is a process of its own so
// that the memory of the simulator does not count.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"

	"partnerlens/internal/api"
	"partnerlens/internal/app"
	"partnerlens/pkg/core"
)

func main() {
	function := app.Credit.Compose(nil, nil)
	if os.Args[1] == "tags" {
		function = app.Tags.Compose(nil, nil)
	}
	customers, complete, err := work(function)
	resident := int64(0)
	if err == nil {
		resident, err = highWater()
	}
	if err == nil {
		// What the runtime has had from the system does not shrink.
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		err = json.NewEncoder(os.Stdout).Encode(map[string]any{
			"Resident": resident, "HeapSys": memory.HeapSys, "Sys": memory.Sys, "Customers": customers, "Complete": complete,
		})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// work writes all customers as NDJSON and discards that, or with a store finishes
// the run in RUN.
func work(f app.Composed) (customers int, complete bool, err error) {
	ctx := context.Background()
	if watcher := new(app.Watcher); watcher.Enabled() {
		run, err := watcher.Watch(ctx, f, app.WatchRequest{Run: os.Getenv("RUN")})
		if err != nil {
			return 0, false, err
		}
		return run.Accounts[0].Count, run.Complete, nil
	}
	question, err := f.Function.Ask(core.Params{})
	if err != nil {
		return 0, false, err
	}
	report, err := api.WriteNDJSON(ctx, io.Discard, question)
	return report.Count, report.Complete, err
}

// highWater returns the most memory that this process has had resident (proc(5)).
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
	return 0, errors.New("/proc/self/status has no VmHWM")
}
