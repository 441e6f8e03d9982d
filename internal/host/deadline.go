package host

import (
	"context"
	"time"
)

// withReserve ends the work before the platform ends the process, so that there
// is time left to say what was read: a twentieth of the time, at least a second
// and at most ten, and never more than half of it.
func withReserve(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	left := time.Until(deadline)
	reserve := min(max(left/20, time.Second), 10*time.Second, left/2)
	return context.WithDeadline(ctx, deadline.Add(-reserve))
}
