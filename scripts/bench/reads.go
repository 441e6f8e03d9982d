package main

import (
	"context"
	"fmt"
	"sync"
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

// paced is a read of 100 pages under a limit of 5 calls a second.
type paced struct {
	figure   string
	counting simulator.RateCounting
	faults   []string
	setting  int // calls a second that are left to the reader
	most     float64
}

// rate runs its reads in parallel: they do little but wait.
func rate(ctx context.Context) ([]row, error) {
	reads := []paced{
		{"100 pages at 5/s, counted by a sliding second", simulator.SlidingSecond, nil, 5, 1.035},
		{"… in which refused calls count too", simulator.SlidingSecondRefusals, nil, 5, 1.035},
		{"… counted by the clock's second", simulator.FixedSecond, nil, 5, 1.035},
		{"100 pages at 3/s beside another caller's 2/s", simulator.SlidingSecond, []string{"second-caller"}, 3, 1.10},
	}
	rows, errs := make([]row, len(reads)), make([]error, len(reads))
	var all sync.WaitGroup
	for i, read := range reads {
		all.Go(func() { rows[i], errs[i] = read.run(ctx) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func (p paced) run(ctx context.Context) (row, error) {
	up, err := newUpstream(simulator.Options{
		Customers: pacedCustomers, Rate: pacedLimit, RateCounting: p.counting, Faults: p.faults,
	}, around)
	if err != nil {
		return row{}, err
	}
	defer up.close()
	took, err := readAll(ctx, app.Credit.Compose(up.environment(fmt.Sprintf("PARTNERLENS_TENCENT_RATE=%d", p.setting)), nil).Function, pacedCustomers)
	if err != nil {
		return row{}, err
	}
	floor := time.Duration(pacedPages-p.setting)*time.Second/time.Duration(p.setting) + latency
	calls := up.Calls().Credit
	r := ratioRow(p.figure, took, floor, p.most, seconds)
	r.met = r.met && calls.Limited == 0
	r.note = fmt.Sprintf("%d calls, %d refused", calls.Accepted, calls.Limited)
	return r, nil
}

const (
	huaweiCustomers = 10_000
	hiddenLimit     = 10

	// The API has no total and the last page is full: only one more page shows
	// the end. The list of customers, which proves that of the tags, is as long.
	huaweiPages = huaweiCustomers/100 + 1
)

// huaweiUnlimited compares a read that prefetches with one that does not.
func huaweiUnlimited(ctx context.Context) ([]row, error) {
	return readTags(ctx, 0, "Huawei, 10,000 customers, no limit", 0.25, func(up *upstream) (time.Duration, string, error) {
		floor, err := oneByOne(ctx, up)
		return floor, fmt.Sprintf("at most %d calls at once; floor: both lists, one page after another", up.Calls().MaxConcurrent), err
	})
}

// huaweiHiddenLimit reads under a limit that the reader does not know.
func huaweiHiddenLimit(ctx context.Context) ([]row, error) {
	return readTags(ctx, hiddenLimit, "Huawei, 10,000 customers, a hidden limit of 10/s", 1.10, func(up *upstream) (time.Duration, string, error) {
		floor := 2 * (time.Duration((huaweiPages+hiddenLimit-1)/hiddenLimit-1)*time.Second + latency) // each API has the limit
		tags, list := up.Calls().Tags, up.Calls().SubCustomers
		return floor, fmt.Sprintf("%d calls, %d refused", tags.Accepted+list.Accepted, tags.Limited+list.Limited), nil
	})
}

// readTags reads all tags under a rate, then asks for the floor and the note.
func readTags(ctx context.Context, limit int, figure string, most float64, floorOf func(*upstream) (time.Duration, string, error)) ([]row, error) {
	up, err := newUpstream(simulator.Options{Customers: huaweiCustomers, Rate: limit}, constant)
	if err != nil {
		return nil, err
	}
	defer up.close()
	took, err := readAll(ctx, app.Tags.Compose(up.environment("PARTNERLENS_HUAWEI_RATE=0"), nil).Function, huaweiCustomers)
	if err != nil {
		return nil, err
	}
	floor, note, err := floorOf(up)
	r := ratioRow(figure, took, floor, most, seconds)
	r.note = note
	return []row{r}, err
}

// oneByOne returns how long the pages take one after another.
func oneByOne(ctx context.Context, up *upstream) (time.Duration, error) {
	source, err := huawei.New(huawei.Config{Credentials: transport.Static(huawei.Key{AK: simulator.KeyID, SK: core.NewSecret(simulator.KeySecret)}), Endpoint: up.url})
	if err != nil {
		return 0, err
	}
	defer source.CloseIdleConnections()
	start := time.Now()
	if err := fetchAll(ctx, source); err != nil {
		return 0, err
	}
	err = fetchAll(ctx, source.SubCustomers())
	return time.Since(start), err
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
		return fmt.Errorf("%d customers one page after another, want %d", rows, huaweiCustomers)
	}
	return nil
}

// readAll returns how long a function takes to read all customers. A read that is
// not complete is an error.
func readAll(ctx context.Context, function *core.Function, customers int) (time.Duration, error) {
	question, err := function.Ask(core.Params{})
	if err != nil {
		return 0, err
	}
	start := time.Now()
	report, err := question.Read(ctx, func(core.Record) bool { return true })
	took := time.Since(start)
	if err == nil && (!report.Complete || report.Count != customers) {
		err = fmt.Errorf("the read has %d of %d customers, complete: %t, warnings: %v", report.Count, customers, report.Complete, report.Warnings)
	}
	return took, err
}
