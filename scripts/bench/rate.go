package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
)

// paced is a read of 100 pages (the last one is not full, and so shows the
// end) under a limit of 5 calls a second.
type paced struct {
	figure   string
	counting simulator.RateCounting
	faults   []string
	setting  int // calls a second that are left to us
	most     float64
}

const (
	pacedCustomers = 9990
	pacedPages     = 100
	pacedLimit     = 5
)

// rate runs its reads beside each other: they do little but wait.
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
	function := app.Credit.Compose(up.environment(fmt.Sprintf("PARTNERLENS_TENCENT_RATE=%d", p.setting)), nil).Function
	started := time.Now()
	report, err := readAll(ctx, function)
	took := time.Since(started)
	if err != nil {
		return row{}, err
	}
	if err := whole(report, pacedCustomers); err != nil {
		return row{}, err
	}
	floor := time.Duration(pacedPages-p.setting)*time.Second/time.Duration(p.setting) + latency
	calls := up.Calls().Credit
	r := ratioRow(p.figure, took, floor, p.most, seconds)
	r.met = r.met && calls.Limited == 0
	r.note = fmt.Sprintf("%d calls, %d refused", calls.Admitted, calls.Limited)
	return r, nil
}
