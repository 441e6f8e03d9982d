package main

import (
	"context"
	"fmt"
	"time"

	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
	"partnerlens/pkg/huawei"
	"partnerlens/pkg/transport"
)

const (
	huaweiCustomers = 10_000
	hiddenLimit     = 10

	// The API tells no total and the last page is full: only one page more can
	// show that there are no more. The list of customers, which proves that of
	// the tags, is as long.
	huaweiPages = huaweiCustomers/100 + 1
)

// huaweiUnlimited holds a read that fetches ahead against one that does not.
func huaweiUnlimited(ctx context.Context) ([]row, error) {
	up, err := newUpstream(simulator.Options{Customers: huaweiCustomers}, steady)
	if err != nil {
		return nil, err
	}
	defer up.close()
	one, err := oneByOne(ctx, up)
	if err != nil {
		return nil, err
	}
	took, err := readTags(ctx, up)
	if err != nil {
		return nil, err
	}
	r := ratioRow("Huawei, 10,000 customers, no limit", took, one, 0.25, seconds)
	r.note = fmt.Sprintf("at most %d calls at once; floor: both lists, one page after another", up.Calls().MaxConcurrent)
	return []row{r}, nil
}

// huaweiHiddenLimit reads under a limit that the reader is not told.
func huaweiHiddenLimit(ctx context.Context) ([]row, error) {
	up, err := newUpstream(simulator.Options{Customers: huaweiCustomers, Rate: hiddenLimit}, steady)
	if err != nil {
		return nil, err
	}
	defer up.close()
	took, err := readTags(ctx, up)
	if err != nil {
		return nil, err
	}
	floor := 2 * (time.Duration((huaweiPages+hiddenLimit-1)/hiddenLimit-1)*time.Second + latency) // each API has the limit
	r := ratioRow("Huawei, 10,000 customers, a hidden limit of 10/s", took, floor, 1.10, seconds)
	calls := up.Calls()
	r.note = fmt.Sprintf("%d calls, %d refused", calls.Tags.Admitted+calls.SubCustomers.Admitted, calls.Tags.Limited+calls.SubCustomers.Limited)
	return []row{r}, nil
}

func readTags(ctx context.Context, up *upstream) (time.Duration, error) {
	function := app.Tags.Compose(up.environment("PARTNERLENS_HUAWEI_RATE=0"), nil).Function
	started := time.Now()
	report, err := readAll(ctx, function)
	if err != nil {
		return 0, err
	}
	return time.Since(started), whole(report, huaweiCustomers)
}

// oneByOne is how long the pages take one after another.
func oneByOne(ctx context.Context, up *upstream) (time.Duration, error) {
	source, err := huawei.New(huawei.Config{Credentials: transport.Static(huawei.Key{AK: simulator.KeyID, SK: core.NewSecret(simulator.KeySecret)}), Endpoint: up.url})
	if err != nil {
		return 0, err
	}
	defer source.CloseIdleConnections()
	started := time.Now()
	if err := fetchAll(ctx, source); err != nil {
		return 0, err
	}
	err = fetchAll(ctx, source.SubCustomers())
	return time.Since(started), err
}

func fetchAll[T core.Record](ctx context.Context, source core.Source[core.TagQuery, T]) error {
	rows := 0
	for at := new(core.Cursor); at != nil; {
		page, err := source.FetchPage(ctx, core.TagQuery{}, *at)
		if err != nil {
			return err
		}
		rows += len(page.Items)
		at = page.Next
	}
	if rows != huaweiCustomers {
		return fmt.Errorf("%d customers came one page after another, want %d", rows, huaweiCustomers)
	}
	return nil
}

// whole makes sure that what was measured is a right answer.
func whole(report core.Report, customers int) error {
	if !report.Complete || report.Count != customers {
		return fmt.Errorf("the read is no measure: %d of %d customers, complete: %v, warnings: %v", report.Count, customers, report.Complete, report.Warnings)
	}
	return nil
}
