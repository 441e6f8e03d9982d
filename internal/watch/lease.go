package watch

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"partnerlens/internal/store"
	"partnerlens/pkg/core"
)

// lease lets one invocation at a time work on the runs of a function's account. It is acquired
// before anything is read, so that overlapping calls report each alert once. It expires
// 15 s after its last renewal, so that an invocation that is killed does not keep it.
// Where the store's PutNew is not conditional, and under clock skew, it is advisory.
type lease struct {
	Holder string    `json:"holder"`
	Until  time.Time `json:"until"`
}

const (
	leaseTime    = 15 * time.Second
	leaseRenewal = 4 * time.Second
	leasePoll    = 250 * time.Millisecond // between attempts to acquire it
)

// errLeaseLost ends an invocation whose lease was taken by another one.
var errLeaseLost = errors.New("the lease was lost")

// withLease calls do while this invocation holds the lease. It waits for the lease as long
// as time is left to work under it. The context of do ends if the lease is lost, and outlasts
// an interruption.
func (r *invocation) withLease(ctx context.Context, do func(context.Context) error) error {
	ctx, done := outlast(ctx)
	defer done()
	if err := r.acquire(ctx); err != nil {
		return err
	}
	held, lost := context.WithCancelCause(ctx)
	renewing, stop := context.WithCancel(held)
	var renewal sync.WaitGroup
	renewal.Go(func() { r.renewLease(renewing, lost) })
	defer func() {
		stop()
		renewal.Wait()
		lost(nil)
		// Release it even if ctx is done: the next invocation need not wait.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseRenewal)
		defer cancel()
		if r.checkLease(ctx) == nil {
			_ = r.store.Delete(ctx, r.place.objectName(leaseName)) // or it expires
		}
	}()
	err := do(held)
	if err != nil && errors.Is(context.Cause(held), errLeaseLost) {
		return errLeaseLost
	}
	return err
}

// acquire waits for the lease.
func (r *invocation) acquire(ctx context.Context) error {
	waiting, cancel := r.interruptible(ctx)
	defer cancel()
	if deadline, ok := ctx.Deadline(); ok {
		waiting, cancel = context.WithDeadline(waiting, deadline.Add(-timeToStop))
		defer cancel()
	}
	r.holder = rand.Text()
	for {
		acquired, err := r.takeLease(ctx)
		if err != nil || acquired {
			return err
		}
		if !pause(waiting, leasePoll) {
			return core.AsError(waiting.Err())
		}
	}
}

// takeLease takes the lease if it is free.
func (r *invocation) takeLease(ctx context.Context) (acquired bool, err error) {
	text, err := core.AppendJSON(nil, lease{r.holder, time.Now().Add(leaseTime)})
	if err != nil {
		return false, err
	}
	put := r.store.PutNew(ctx, r.place.objectName(leaseName), text)
	if put != nil && !errors.Is(put, store.ErrExists) {
		return false, put
	}
	var current lease
	there, err := getJSON(ctx, r.store, r.place.objectName(leaseName), &current)
	switch {
	case errors.Is(err, errDamaged):
		current = lease{} // it has expired
	case err != nil || !there: // released just now
		return false, err
	case put == nil:
		return current.Holder == r.holder, nil // a later PutNew may have overwritten it
	}
	if left := time.Until(current.Until); left > 0 && left <= leaseTime {
		return false, nil
	}
	return false, r.store.Delete(ctx, r.place.objectName(leaseName)) // it has expired, or its holder's clock is wrong
}

// checkLease returns errLeaseLost if another invocation holds the lease.
func (r *invocation) checkLease(ctx context.Context) error {
	current, _, err := getOrZero[lease](ctx, r.store, r.place.objectName(leaseName))
	if err == nil && current.Holder != r.holder {
		return errLeaseLost
	}
	return err
}

// renewLease renews the lease until ctx ends. The lease is lost if there is another holder,
// or if it cannot be renewed before it expires.
func (r *invocation) renewLease(ctx context.Context, lost context.CancelCauseFunc) {
	until := time.Now().Add(leaseTime)
	for pause(ctx, leaseRenewal) {
		next := time.Now().Add(leaseTime)
		err := r.checkLease(ctx)
		if err == nil {
			err = putOnce(ctx, r.store, r.place.objectName(leaseName), lease{r.holder, next})
		}
		switch {
		case err == nil:
			until = next
		case errors.Is(err, errLeaseLost), ctx.Err() == nil && time.Now().After(until):
			lost(errLeaseLost)
			return
		}
	}
}
