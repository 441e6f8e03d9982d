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

const huaweiCustomers = 10_000

// BenchmarkHuawei reads all tags without a limit, against the pages of both lists
// one after another.
func BenchmarkHuawei(b *testing.B) {
	for b.Loop() {
		up := serve(b, simulator.Options{Customers: huaweiCustomers, Work: simulator.Constant(80 * time.Millisecond)})
		took, err := readAll(b.Context(), app.Tags.Compose(up.environment("PARTNERLENS_HUAWEI_RATE=0"), nil).Function, huaweiCustomers)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(up.Calls().MaxConcurrent), "concurrent")
		reportRatio(b, took, oneByOne(b, up), 0.25)
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
// not complete, or has a customer twice, is an error.
func readAll(ctx context.Context, function *core.Function, customers int) (time.Duration, error) {
	start := time.Now()
	seen := map[string]bool{}
	report, err := read(ctx, function, func(r core.Record) { seen[r.Key()] = true })
	took := time.Since(start)
	if err == nil && (!report.Complete || report.Count != customers || len(seen) != customers) {
		err = fmt.Errorf("the read has %d records of %d of %d customers, complete: %t, warnings: %v", report.Count, len(seen), customers, report.Complete, report.Warnings)
	}
	return took, err
}

func read(ctx context.Context, function *core.Function, each func(core.Record)) (core.Report, error) {
	question, err := function.Ask(core.Params{})
	if err != nil {
		return core.Report{}, err
	}
	return question.Read(ctx, func(r core.Record) bool {
		each(r)
		return true
	})
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
