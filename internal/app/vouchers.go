package app

import (
	"context"
	"sync"
	"time"

	"partnerlens/pkg/core"
	"partnerlens/pkg/tencent"
)

const (
	vouchersFor    = 10 * time.Minute // how long the vouchers of an account are reused
	vouchersRetry  = time.Minute      // after a failure, when they are asked for again
	noVouchersTime = "there was no time to read them; ask by the customer's id, or with a longer time limit"
)

// voucherCache has the vouchers of all customers of one account, as they were read last.
// Safe for concurrent use.
type voucherCache struct {
	turn chan struct{} // holds a token while an answer reads them

	mu     sync.Mutex
	sums   *tencent.VoucherSums // nil: not read
	notes  []core.Warning       // about them
	read   time.Time
	failed error // why the last attempt failed; nil: it did not
	took   time.Duration
}

// stage returns the stage of an answer to a question that asks for vouchers. The answer
// waits for them, for at most half of its time.
func (s *siblings) stage(ctx context.Context, account string, params core.Params) *core.Stage {
	if asked, err := params.Switch(core.VouchersParam); err != nil || !asked {
		return nil
	}
	readers, err := s.of(ctx, account)
	if err != nil { // it is the answer's error
		return nil
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	customer := ""
	if ids := params["customer_id"]; len(ids) == 1 {
		customer = ids[0]
	} else if filter := params["filter"]; len(filter) == 1 && len(params["filter_type"]) == 1 && params["filter_type"][0] == string(core.FilterCustomerID) {
		customer = filter[0]
	}
	sums, notes, err := s.cachedSums(ctx, readers, customer)
	if err != nil {
		failure := core.AsError(err)
		reason := failure.Public()
		if failure.Code == core.CodeDeadline {
			reason = noVouchersTime
		}
		return &core.Stage{End: func(core.Report) []core.Warning {
			return []core.Warning{{Code: core.WarnVouchersUnavailable, Message: "no customer has vouchers here: " + reason}}
		}}
	}
	state := core.PartnerState{Vouchers: sums.Known, VouchersUnread: sums.Unread}
	return &core.Stage{
		Join: func(record core.Record) core.Record {
			return record.With(core.Details{Vouchers: state.VouchersOf(record.ID())})
		},
		End: func(core.Report) []core.Warning { return notes },
	}
}

// cachedSums returns the vouchers of all customers, or if those are not known yet of the
// one that is asked for.
func (s *siblings) cachedSums(ctx context.Context, readers *siblingReaders, customer string) (*tencent.VoucherSums, []core.Warning, error) {
	c := readers.cache
	start := time.Now()
	if sums, notes, err := c.get(ctx, s.now()); sums != nil || err != nil && customer == "" {
		return sums, notes, err
	}
	if customer != "" {
		return s.sums(ctx, readers, customer)
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	if sums, notes, err := c.get(ctx, s.now()); sums != nil || err != nil {
		return sums, notes, err
	}
	sums, notes, err := s.sums(ctx, readers, "")
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.sums, c.notes, c.read, c.failed = sums, notes, s.now(), nil
	case core.CodeOf(err) != core.CodeCanceled:
		c.sums, c.read, c.failed, c.took = nil, s.now(), err, time.Since(start)
	}
	return sums, notes, err
}

// get returns the vouchers if they are fresh, or the failure of a recent attempt that would
// fail again: one for want of time fails again for an answer that has no more of it.
func (c *voucherCache) get(ctx context.Context, now time.Time) (*tencent.VoucherSums, []core.Warning, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	age := now.Sub(c.read)
	switch {
	case c.sums != nil && age < vouchersFor:
		return c.sums, c.notes, nil
	case c.failed == nil || age >= vouchersRetry:
		return nil, nil, nil
	case core.CodeOf(c.failed) == core.CodeDeadline:
		if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > c.took*3/2 {
			return nil, nil, nil
		}
	}
	return nil, nil, c.failed
}
