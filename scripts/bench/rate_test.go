package bench

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
	"partnerlens/pkg/tencent"
	"partnerlens/pkg/transport"
)

const ms = time.Millisecond

// network is what lies between a reader and the vendor.
type network struct {
	there, work, back simulator.Delay
	call              time.Duration // the mean time of a call
}

var (
	calm    = network{simulator.Constant(20 * ms), nil, simulator.Constant(60 * ms), 80 * ms}
	usual   = network{simulator.Uniform(10*ms, 30*ms), nil, simulator.Uniform(30*ms, 90*ms), 80 * ms}
	jittery = network{simulator.Uniform(20*ms, 100*ms), nil, simulator.Constant(20 * ms), 80 * ms}
	tails   = network{simulator.LogNormal(10*ms, 1), nil, simulator.LogNormal(10*ms, 1), 33 * ms} // exp(1/2) times the median
	slow    = network{simulator.Constant(20 * ms), simulator.Uniform(100*ms, 500*ms), simulator.Constant(20 * ms), 340 * ms}
)

// situation is reads under a limit of calls a second.
type situation struct {
	name     string
	network  network
	counting simulator.RateCounting
	faults   []string
	setting  int  // calls a second that the reader is set to; 0: it does not know the limit, which is 10
	pages    int  // of each reader
	readers  int  // processes of the command; 0: a read in this process
	before   bool // another program made five calls just before
	tags     bool // Huawei's two lists, else Tencent's

	floor   time.Duration
	most    float64 // of the ratio
	refused int     // at most; -1: no bound
	spread  float64 // of the slowest process to the fastest, at most
}

// floor is the least time for some calls at so many a second.
func floor(calls, perSecond int, n network) time.Duration {
	return time.Duration(calls-perSecond)*time.Second/time.Duration(perSecond) + n.call
}

func situations() []situation {
	const (
		sliding  = simulator.SlidingSecond
		refusals = simulator.SlidingSecondRefusals
		fixed    = simulator.FixedSecond
	)
	foreign := []string{"second-caller"}
	// Both lists have the limit. Neither API's last page shows that it is the last.
	hidden := 2 * (10*time.Second + calm.call)
	// A bound that is not the target is what a busy machine measured, and some more.
	return []situation{
		{name: "calm", network: calm, counting: sliding, setting: 5, pages: 100, floor: floor(100, 5, calm), most: 1.10, refused: 1},                    // target 1.03, 0
		{name: "calm-refusals-count", network: calm, counting: refusals, setting: 5, pages: 100, floor: floor(100, 5, calm), most: 1.10, refused: 1},    // target 1.03, 0
		{name: "calm-fixed-second", network: calm, counting: fixed, setting: 5, pages: 100, floor: floor(100, 5, calm), most: 1.06},                     // target 1.03
		{name: "usual", network: usual, counting: sliding, setting: 5, pages: 100, floor: floor(100, 5, usual), most: 1.12, refused: 1},                 // target 1.035, 0
		{name: "usual-refusals-count", network: usual, counting: refusals, setting: 5, pages: 100, floor: floor(100, 5, usual), most: 1.12, refused: 1}, // target 1.035, 0
		{name: "usual-fixed-second", network: usual, counting: fixed, setting: 5, pages: 100, floor: floor(100, 5, usual), most: 1.07},                  // target 1.035
		{name: "jittery", network: jittery, counting: sliding, setting: 5, pages: 100, floor: floor(100, 5, jittery), most: 1.14, refused: 3},           // target 1.11
		{name: "jittery-refusals-count", network: jittery, counting: refusals, setting: 5, pages: 100, floor: floor(100, 5, jittery), most: 1.15, refused: -1},
		{name: "tails", network: tails, counting: sliding, setting: 5, pages: 100, floor: floor(100, 5, tails), most: 1.13, refused: 3},                                     // target 1.10
		{name: "slow-server", network: slow, counting: sliding, setting: 5, pages: 100, floor: floor(100, 5, slow), most: 1.30, refused: 2},                                 // target 1.08, 0
		{name: "2-processes", network: calm, counting: sliding, setting: 5, pages: 200, readers: 2, floor: floor(400, 5, calm), most: 1.20, refused: 18, spread: 1.6},       // target 1.15, 12, 1.3
		{name: "4-processes", network: calm, counting: sliding, setting: 5, pages: 200, readers: 4, floor: floor(800, 5, calm), most: 1.15, refused: 62, spread: 1.5},       // target 24 refused, 1.3
		{name: "after-another", network: calm, counting: sliding, setting: 5, pages: 20, before: true, floor: floor(20, 5, calm), most: 1.75, refused: 2},                   // target 1.487, which is 1.5 s more
		{name: "foreign-caller", network: calm, counting: sliding, faults: foreign, setting: 5, pages: 200, floor: floor(200, 3, calm), most: 1.15, refused: 9},             // target 6 refused
		{name: "foreign-caller-set-apart", network: usual, counting: sliding, faults: foreign, setting: 3, pages: 100, floor: floor(100, 3, usual), most: 1.10, refused: 1}, // target 0 refused
		{name: "hidden-limit", network: calm, counting: sliding, pages: 100, tags: true, floor: hidden, most: 1.10, refused: -1},
		{name: "hidden-limit-jittery", network: jittery, counting: sliding, pages: 100, tags: true, floor: hidden, most: 1.10, refused: -1},
	}
}

// repetitions is how often each situation is read. Readers try calls at random
// moments, so single reads vary.
const repetitions = 5

// outcome is what one repetition of a situation comes to.
type outcome struct {
	took           time.Duration
	refused        int
	fastest        time.Duration // of several processes
	slowest        time.Duration
	foreignASecond float64
	err            error
}

// BenchmarkRate reads in every situation, in all of them at the same time, since a
// reader waits far more than it computes, and reports medians of the repetitions.
func BenchmarkRate(b *testing.B) {
	command := filepath.Join(b.TempDir(), "partnerlens")
	build(b, "partnerlens/cmd/partnerlens", command)
	situations := slices.DeleteFunc(situations(), func(s situation) bool { return !selected(b, s.name) })
	longest := slices.MaxFunc(situations, func(a, b situation) int { return cmp.Compare(a.floor, b.floor) }).floor
	outcomes := make([][repetitions]outcome, len(situations))
	var all sync.WaitGroup
	for i, s := range situations {
		for j := range repetitions {
			up := serve(b, s.options())
			// Not all at the same moment; the short ones one after another while
			// the longest runs.
			begin := time.Duration(i+j*len(situations))*time.Second/time.Duration(len(situations)*repetitions) +
				time.Duration(j)*(longest-s.floor)/(repetitions-1)
			all.Go(func() {
				time.Sleep(begin)
				outcomes[i][j] = s.measure(b.Context(), up, command)
			})
		}
	}
	all.Wait()
	for i, s := range situations {
		b.Run(s.name, func(b *testing.B) { s.report(b, outcomes[i][:]) })
	}
}

// selected reports whether -bench selects a situation, as Rate/calm does. All that
// are selected are read before the first is reported.
func selected(b *testing.B, name string) bool {
	_, pattern, only := strings.Cut(flag.Lookup("test.bench").Value.String(), "/")
	if !only {
		return true
	}
	match, err := regexp.MatchString(pattern, name)
	if err != nil {
		b.Fatal(err)
	}
	return match
}

func (s situation) options() simulator.Options {
	rate := 5
	if s.setting == 0 {
		rate = 10
	}
	return simulator.Options{
		Customers: s.customers(), Rate: rate, RateCounting: s.counting, Faults: s.faults,
		There: s.network.there, Work: s.network.work, Back: s.network.back,
	}
}

// customers returns how many customers fill the pages. The last page of Tencent's
// is not full, and so shows the end.
func (s situation) customers() int {
	if s.tags {
		return s.pages * 100
	}
	return s.pages*100 - 10
}

func (s situation) measure(ctx context.Context, up *upstream, command string) (o outcome) {
	switch {
	case s.readers > 0:
		o = s.measureProcesses(ctx, up, command)
	case s.tags:
		o.took, o.err = readAll(ctx, app.Tags.Compose(up.environment("PARTNERLENS_HUAWEI_RATE=0"), nil).Function, s.customers())
	default:
		if s.before {
			o.err = callFiveTimes(ctx, up.url)
		}
		if o.err == nil {
			o.took, o.err = readAll(ctx, app.Credit.Compose(up.environment(s.settings()), nil).Function, s.customers())
		}
	}
	calls := up.Calls()
	o.refused = calls.Credit.Limited + calls.Tags.Limited + calls.SubCustomers.Limited
	o.foreignASecond = float64(calls.Credit.Foreign) / o.took.Seconds()
	return o
}

func (s situation) settings() string { return fmt.Sprintf("PARTNERLENS_TENCENT_RATE=%d", s.setting) }

// callFiveTimes is another program that uses the key for five calls at once.
func callFiveTimes(ctx context.Context, url string) error {
	source, err := tencent.New(tencent.Config{Credentials: transport.Static(tencent.Key{ID: simulator.KeyID, Secret: core.NewSecret(simulator.KeySecret)}), Endpoint: url})
	if err != nil {
		return err
	}
	defer source.CloseIdleConnections()
	var calls sync.WaitGroup
	failures := make([]error, 5)
	for i := range failures {
		calls.Go(func() { _, failures[i] = source.FetchPage(ctx, core.CreditQuery{}, core.Cursor{}) })
	}
	calls.Wait()
	return errors.Join(failures...)
}

// measureProcesses runs the command several times at once.
func (s situation) measureProcesses(ctx context.Context, up *upstream, command string) (o outcome) {
	took, failures := make([]time.Duration, s.readers), make([]error, s.readers)
	var all sync.WaitGroup
	start := time.Now()
	for i := range s.readers {
		all.Go(func() {
			failures[i] = s.run(ctx, up, command)
			took[i] = time.Since(start)
		})
	}
	all.Wait()
	return outcome{took: slices.Max(took), fastest: slices.Min(took), slowest: slices.Max(took), err: errors.Join(failures...)}
}

// run reads all customers by the command, which fails if the answer is not
// complete.
func (s situation) run(ctx context.Context, up *upstream, command string) error {
	process := exec.CommandContext(ctx, command, "credit", "--quiet", "--output", "ndjson")
	process.Env = append(simulator.Env(up.url), s.settings())
	var diagnostics bytes.Buffer
	process.Stderr = &diagnostics
	output, err := process.Output()
	if err != nil {
		return fmt.Errorf("the command: %w: %s", err, diagnostics.String())
	}
	seen, records := map[string]bool{}, 0
	for line := range bytes.Lines(output) {
		var record struct {
			ID string `json:"customer_id"`
		}
		if err := json.Unmarshal(line, &record); err != nil {
			return err
		}
		if record.ID != "" {
			seen[record.ID] = true
			records++
		}
	}
	if records != s.customers() || len(seen) != records {
		return fmt.Errorf("the command wrote %d records of %d of %d customers", records, len(seen), s.customers())
	}
	return nil
}

func (s situation) report(b *testing.B, outcomes []outcome) {
	var ratios, refused, spreads, foreign []float64
	for _, o := range outcomes {
		if o.err != nil {
			b.Fatal(o.err)
		}
		ratios = append(ratios, float64(o.took)/float64(s.floor))
		refused = append(refused, float64(o.refused))
		spreads = append(spreads, float64(o.slowest)/float64(max(1, o.fastest)))
		foreign = append(foreign, o.foreignASecond)
	}
	if most := median(refused); s.refused >= 0 && most > float64(s.refused) {
		b.Errorf("%v calls are refused, want at most %d", most, s.refused)
	}
	if spread := median(spreads); s.readers > 0 && spread > s.spread {
		b.Errorf("the slowest process took %.2f times the fastest, want at most %v", spread, s.spread)
	}
	if rate := median(foreign); s.faults != nil && rate < 1.95 {
		b.Errorf("the other caller got %.2f calls a second, not its 2: the floor is wrong", rate)
	}
	reportRatio(b, time.Duration(median(ratios)*float64(s.floor)), s.floor, s.most)
	b.ReportMetric(median(refused), "refused")
	if s.readers > 0 {
		b.ReportMetric(median(spreads), "spread")
	}
	if s.faults != nil {
		b.ReportMetric(median(foreign), "foreign/s")
	}
	// Metrics are not printed of a benchmark that fails.
	b.Logf("each repetition: ratio %.3f, refused %v, spread %.2f", ratios, refused, spreads)
}
