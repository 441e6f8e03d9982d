package snapshot

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"partnerlens/internal/snapshot/store"
	"partnerlens/pkg/core"
)

// turn is the right to finish a run and to tell of it. One call at a time has it
// for a function's account, whichever run it is for: so each run is compared with
// what was told last, and nothing is told twice where runs or calls overlap. Who has
// it says so again and again; who was killed loses it soon. It is as good as the
// store's PutNew and the clocks: where two have it all the same, the bytes are one's
// or the other's, and somebody is told twice.
type turn struct {
	By    string    `json:"by"`
	Until time.Time `json:"until"`
}

const (
	turnLasts   = 15 * time.Second // unless it is renewed
	turnRenewed = 4 * time.Second
	turnAsked   = 250 * time.Millisecond // how often who waits asks
)

// turn waits for the turn, while there is time to stop. end gives it up.
func (r *run) turn(ctx context.Context) (end func(), err error) {
	waiting := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		waiting, cancel = context.WithDeadline(ctx, deadline.Add(-timeToStop))
		defer cancel()
	}
	by := rand.Text()
	for {
		mine, err := r.takeTurn(ctx, by)
		if err != nil {
			return nil, err
		}
		if mine {
			break
		}
		select {
		case <-time.After(turnAsked):
		case <-waiting.Done():
			return nil, core.AsError(waiting.Err())
		}
	}
	renewing, stop := context.WithCancel(ctx)
	var under sync.WaitGroup
	under.Go(func() { r.renewTurn(renewing, by) })
	return func() {
		stop()
		under.Wait()
		// Whatever ended the call, the next one need not wait.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), turnRenewed)
		defer cancel()
		if held, err := r.turnHeld(ctx); err == nil && held.By == by {
			_ = r.store.Delete(ctx, r.place.turn()) // or it runs out
		}
	}, nil
}

// takeTurn takes the turn where nobody has it.
func (r *run) takeTurn(ctx context.Context, by string) (mine bool, err error) {
	text, err := core.AppendJSON(nil, turn{by, time.Now().Add(turnLasts)})
	if err != nil {
		return false, err
	}
	taken := r.store.PutNew(ctx, r.place.turn(), text)
	if taken != nil && !errors.Is(taken, store.ErrExists) {
		return false, taken
	}
	held, err := r.turnHeld(ctx) // after PutNew, too: a store may have let a later one win
	switch {
	case core.CodeOf(err) == core.CodeNotFound: // given up just now
		return false, nil
	case err != nil:
		return false, err
	case taken == nil:
		return held.By == by, nil
	}
	if left := time.Until(held.Until); left > 0 && left <= turnLasts {
		return false, nil
	}
	return false, r.store.Delete(ctx, r.place.turn()) // who had it was killed, or his clock is off
}

// turnHeld gives who has the turn. What cannot be read has run out.
func (r *run) turnHeld(ctx context.Context) (held turn, err error) {
	body, err := r.store.Get(ctx, r.place.turn())
	if err != nil {
		return held, err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxSmall))
	if err != nil {
		return held, core.AsError(err)
	}
	if json.Unmarshal(text, &held) != nil {
		return turn{}, nil
	}
	return held, nil
}

// renewTurn goes on saying that the turn is taken, until ctx ends.
func (r *run) renewTurn(ctx context.Context, by string) {
	for {
		select {
		case <-time.After(turnRenewed):
		case <-ctx.Done():
			return
		}
		if held, err := r.turnHeld(ctx); err == nil && held.By == by {
			_ = putJSON(ctx, r.store, r.place.turn(), turn{by, time.Now().Add(turnLasts)}) // the next one may succeed in time
		}
	}
}
