package watch

import (
	"context"
	"errors"
	"time"

	"partnerlens/pkg/core"
)

// timeToFinish is how long a call goes on after an interruption, at most: to store what was
// read, or to finish the deliveries that it has begun.
const timeToFinish = 30 * time.Second

// outlasting is a context that ends as another one does, but timeToFinish later if that one
// is interrupted.
type outlasting struct {
	context.Context
	done chan struct{}
}

// outlast returns an outlasting context. Call stop when it is no longer used.
func outlast(ctx context.Context) (c context.Context, stop func()) {
	o := &outlasting{ctx, make(chan struct{})}
	unused := make(chan struct{})
	ignore := context.AfterFunc(ctx, func() {
		if errors.Is(context.Cause(ctx), core.ErrInterrupted) {
			timer := time.NewTimer(timeToFinish)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-unused:
			}
		}
		close(o.done)
	})
	return o, func() {
		ignore()
		close(unused)
	}
}

// Done implements context.Context.
func (o *outlasting) Done() <-chan struct{} { return o.done }

// Err implements context.Context.
func (o *outlasting) Err() error {
	select {
	case <-o.done:
		return o.Context.Err()
	default:
		return nil
	}
}

// interrupted reports whether the caller has interrupted the call.
func (r *invocation) interrupted() bool {
	return errors.Is(context.Cause(r.caller), core.ErrInterrupted)
}

// interruptible returns a context that ends as ctx does, and at once when the caller
// interrupts the call.
func (r *invocation) interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	bounded, cancel := context.WithCancelCause(ctx)
	ignore := context.AfterFunc(r.caller, func() { cancel(context.Cause(r.caller)) })
	return bounded, func() {
		ignore()
		cancel(nil)
	}
}
