package alert

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"partnerlens/pkg/core"
)

// eventsAtOnce is how many events of a channel are under way at once.
const eventsAtOnce = 8

// events sends each alert as an event of its own, under the alert's id. It goes on where the
// call before stopped: result.Progress has the number of alerts of the source that are
// done, and the number of events that the receiver refused. Events that were accepted
// beside one that failed come again under the same id.
func (s *sender) events(ctx context.Context, client *http.Client, channel *Channel, result *Delivery, opts DeliverOptions) outcome {
	done, refused, seen := 0, 0, 0
	_, _ = fmt.Sscan(result.Progress, &done, &refused) // "": from the start
	last := outcome{}
	flush := func(batch []Alert) bool {
		for _, o := range s.eventsOf(ctx, client, channel, batch, opts) {
			switch o.class {
			case delivered:
			case permanent:
				refused++
				last = o
			default:
				last = o
				return false
			}
		}
		done = seen
		return true
	}
	if s.selection.source == nil {
		return broken.of(core.CodeInternal, "internal error")
	}
	defer func() { result.Progress = fmt.Sprint(done, " ", refused) }()
	var batch []Alert
	for a, err := range s.selection.source {
		if err != nil {
			return fromError(err)
		}
		if seen++; seen <= done {
			continue
		}
		a = cleaned(a)
		if !s.selection.sample && (!channel.wants(a.Kind) || !s.selection.covers(a.Owner)) {
			continue
		}
		if batch = append(batch, a); len(batch) < eventsAtOnce {
			continue
		}
		if !flush(batch) {
			return last
		}
		batch = batch[:0]
	}
	if !flush(batch) {
		return last
	}
	if refused > 0 {
		done, refused = 0, 0   // a call that tries again sends every event
		if last.detail == "" { // those were refused in a call before
			return permanent.of(core.CodeUpstream, "it refuses some events, and has the others")
		}
		return permanent.of(core.CodeUpstream, "it refuses some events, and has the others: %s", last.detail)
	}
	return outcome{class: delivered}
}

// eventsOf sends a batch of alerts at the same time.
func (s *sender) eventsOf(ctx context.Context, client *http.Client, channel *Channel, batch []Alert, opts DeliverOptions) []outcome {
	outcomes := make([]outcome, len(batch))
	senders := make([]sender, len(batch))
	var all sync.WaitGroup
	for i, a := range batch {
		a = s.selection.view(a)
		one := &senders[i]
		*one = sender{id: a.ID, getenv: s.getenv, selection: s.selection}
		one.selection.kinds, one.selection.counts = []Kind{a.Kind}, map[Kind]int{a.Kind: 1}
		one.selection.total, one.selection.worst, one.selection.openKinds = 1, []Alert{a}, nil
		all.Go(func() {
			outcomes[i] = broken.of(core.CodeInternal, "internal error")
			defer func() { _ = recover() }() // the fault is of this event
			outcomes[i] = one.send(ctx, client, channel, opts)
		})
	}
	all.Wait()
	for i := range senders {
		s.tries += senders[i].tries
	}
	return outcomes
}
