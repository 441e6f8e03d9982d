package watch_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// distantStore takes a tenth of a second to put an object.
type distantStore struct{ *memory }

func (s distantStore) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	select {
	case <-ctx.Done():
		return core.AsError(ctx.Err())
	case <-time.After(100 * time.Millisecond):
	}
	return s.memory.Put(ctx, name, write)
}

// Deliveries to many owners that fail together do not keep a call beyond its time.
func TestManyOwnersWithinTheTime(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		w := newWorld(distantStore{newMemory(nil)}, 25)
		w.change = func(job *watch.Job) {
			channel := &job.Alerts.Channels[0]
			channel.Split, channel.OwnerChannels, job.Alerts.Quiet = alert.SplitOwner, make(map[string]core.Secret), true
			for i := range 100 {
				channel.OwnerChannels[fmt.Sprint("owner ", i)] = core.NewSecret(fmt.Sprintf("https://ops.example/%d", i))
			}
			job.Deliver.Transport = roundTripFunc(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			})
		}
		const limit = 35 * time.Second
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		start := time.Now()
		outcome, err := w.call(ctx, "2026-11-20")
		if took := time.Since(start); err != nil || outcome.State != watch.Done || len(outcome.Undelivered) != 101 || took >= limit {
			t.Errorf("%s, %d undelivered, %v, after %s", outcome.State, len(outcome.Undelivered), err, took)
		}
	})
}
