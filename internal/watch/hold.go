package watch

import (
	"context"
	"time"

	"partnerlens/internal/alert"
)

// heldRunsUntilAccepted is the number of runs in a row that must lack the same customers before their
// list is compared.
const heldRunsUntilAccepted = 2

// minHeldInterval is the minimum time between two such readings: two calls in a row, for a past
// day and for today, can meet the same failure.
const minHeldInterval = 30 * time.Minute

// measureShrink returns how far the list shrank; nil if it lacks no more customers of the previous
// complete run than may leave between two runs. A vendor that answers with an empty list,
// and a key of another account, shrink it. If the run just before is held and lacks the
// same customers, Times counts both.
//
// A list that is not proven may lack customers. It has shrunk only if it also has as many
// customers that the previous run lacks.
func (r *invocation) measureShrink(ctx context.Context, h history) (held *alert.Held, err error) {
	if h.previous == nil {
		return nil, nil
	}
	if h.held != nil {
		if h.held, err = r.usable(ctx, h.held, customersName); err != nil {
			return nil, err
		}
	}
	own := r.manifest()
	held = &alert.Held{Times: 1}
	count, others, lastCount, lastGone := 0, 0, 0, 0
	all := join(r.parts(ctx), r.linesOf(ctx, h.previous, customersName, r.identifyRecord), r.linesOf(ctx, h.held, customersName, r.identifyRecord))
	for customer, err := range all {
		if err != nil {
			return nil, err
		}
		inNow, inLast := customer.now.record != nil, customer.last.record != nil
		known := customer.before.record != nil && own.covers(customer.key)
		switch {
		case known && !inNow:
			held.Missing++
		case inNow && !known && h.previous.covers(customer.key):
			held.New++
		}
		if known {
			held.Known++
		}
		if inNow {
			count++
		}
		if inLast {
			lastCount++
		}
		if inLast && !inNow {
			lastGone++
		}
		if known && inNow != inLast {
			others++
		}
	}
	if !r.tooMany(held.Missing, held.Known) || !r.checkpoint.Proven && !r.tooMany(held.New, count) {
		return nil, nil
	}
	if h.held != nil && h.held.Held != nil && others == 0 && !r.tooMany(lastGone, lastCount) {
		held.Times = h.held.Held.Times
		if r.checkpoint.AsOf.Sub(h.held.AsOf) >= minHeldInterval {
			held.Times++
		}
	}
	return held, nil
}

func (r *invocation) tooMany(missing, of int) bool {
	return TooMany(missing, of, r.HoldPercent, r.HoldCount)
}

// TooMany reports whether more customers are missing than may leave between two runs: more
// than a percentage of them, and more than a count.
func TooMany(missing, of, percent, count int) bool {
	return missing > count && missing*100 > of*percent
}
