package bench

import (
	"context"
	"fmt"
	"testing"
	"time"

	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
	"partnerlens/pkg/huawei"
	"partnerlens/pkg/transport"
)

const (
	// The last of 100 pages is not full, and so shows the end.
	pacedCustomers = 9990
	pacedPages     = 100
	pacedLimit     = 5
)

// BenchmarkRate reads 100 pages under a limit of 5 calls a second.
func BenchmarkRate(b *testing.B) {
	for _, test := range []struct {
		name     string
		counting simulator.RateCounting
		faults   []string
		setting  int // calls a second that are left to the reader
		most     float64
	}{
		{"sliding-second", simulator.SlidingSecond, nil, 5, 1.035},
		{"sliding-second-refusals", simulator.SlidingSecondRefusals, nil, 5, 1.035},
		{"fixed-second", simulator.FixedSecond, nil, 5, 1.035},
		{"second-caller", simulator.SlidingSecond, []string{"second-caller"}, 3, 1.10},
	} {
		b.Run(test.name, func(b *testing.B) {
			floor := time.Duration(pacedPages-test.setting)*time.Second/time.Duration(test.setting) + latency
			for b.Loop() {
				up := serve(b, simulator.Options{
					Customers: pacedCustomers, Rate: pacedLimit, RateCounting: test.counting, Faults: test.faults,
				}, around)
				took := readAll(b, app.Credit.Compose(up.environment(fmt.Sprintf("PARTNERLENS_TENCENT_RATE=%d", test.setting)), nil).Function, pacedCustomers)
				reportRatio(b, took, floor, test.most)
				refused := up.Calls().Credit.Limited
				if b.ReportMetric(float64(refused), "refused"); refused > 0 {
					b.Errorf("%d calls are refused, want none", refused)
				}
			}
		})
	}
}

const (
	huaweiCustomers = 10_000
	hiddenLimit     = 10

	// The API has no total and the last page is full: only one more page shows
	// the end. The list of customers, which proves that of the tags, is as long.
	huaweiPages = huaweiCustomers/100 + 1
)

// BenchmarkHuawei reads all tags without a limit, against the pages of both lists
// one after another; and under a limit that the reader does not know.
func BenchmarkHuawei(b *testing.B) {
	for _, test := range []struct {
		name  string
		limit int
		most  float64
		floor func(*testing.B, *upstream) time.Duration
	}{
		{"unlimited", 0, 0.25, oneByOne},
		{"hidden-limit", hiddenLimit, 1.10, func(*testing.B, *upstream) time.Duration {
			return 2 * (time.Duration((huaweiPages+hiddenLimit-1)/hiddenLimit-1)*time.Second + latency) // each API has the limit
		}},
	} {
		b.Run(test.name, func(b *testing.B) {
			for b.Loop() {
				up := serve(b, simulator.Options{Customers: huaweiCustomers, Rate: test.limit}, constant)
				took := readAll(b, app.Tags.Compose(up.environment("PARTNERLENS_HUAWEI_RATE=0"), nil).Function, huaweiCustomers)
				calls := up.Calls()
				b.ReportMetric(float64(calls.Tags.Limited+calls.SubCustomers.Limited), "refused")
				b.ReportMetric(float64(calls.MaxConcurrent), "concurrent")
				reportRatio(b, took, test.floor(b, up), test.most)
			}
		})
	}
}

// oneByOne returns how long the pages take one after another.
func oneByOne(b *testing.B, up *upstream) time.Duration {
	source, err := huawei.New(huawei.Config{Credentials: transport.Static(huawei.Key{AK: simulator.KeyID, SK: core.NewSecret(simulator.KeySecret)}), Endpoint: up.url})
	if err != nil {
		b.Fatal(err)
	}
	defer source.CloseIdleConnections()
	start := time.Now()
	fetchAll(b, source)
	fetchAll(b, source.SubCustomers())
	return time.Since(start)
}

func fetchAll[T core.Record](b *testing.B, source core.Source[core.TagQuery, T]) {
	rows := 0
	for at := new(core.Cursor); at != nil; {
		page, err := source.FetchPage(b.Context(), core.TagQuery{}, *at)
		if err != nil {
			b.Fatal(err)
		}
		rows += len(page.Items)
		at = page.Next
	}
	if rows != huaweiCustomers {
		b.Fatalf("%d customers one page after another, want %d", rows, huaweiCustomers)
	}
}

// readAll returns how long a function takes to read all customers. A read that is
// not complete is a failure.
func readAll(b *testing.B, function *core.Function, customers int) time.Duration {
	start := time.Now()
	report, err := read(b.Context(), function)
	took := time.Since(start)
	if err != nil {
		b.Fatal(err)
	}
	if !report.Complete || report.Count != customers {
		b.Fatalf("the read has %d of %d customers, complete: %t, warnings: %v", report.Count, customers, report.Complete, report.Warnings)
	}
	return took
}

func read(ctx context.Context, function *core.Function) (core.Report, error) {
	question, err := function.Ask(core.Params{})
	if err != nil {
		return core.Report{}, err
	}
	return question.Read(ctx, func(core.Record) bool { return true })
}

// reportRatio reports a time, its floor and their ratio. More than most is a
// failure.
func reportRatio(b *testing.B, took, floor time.Duration, most float64) {
	b.Helper()
	ratio := float64(took) / float64(floor)
	b.ReportMetric(took.Seconds()*1000, "ms")
	b.ReportMetric(floor.Seconds()*1000, "floor-ms")
	b.ReportMetric(ratio, "ratio")
	b.ReportMetric(0, "ns/op")
	if ratio > most {
		b.Errorf("%v is %.3f of the floor %v, want at most %.4g", took, ratio, floor, most)
	}
}
