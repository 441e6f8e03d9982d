package watch

import (
	"context"
	"time"

	"partnerlens/internal/alert"
)

// heldTimes is how many runs in a row must lack the same customers before their list is
// taken as true.
const heldTimes = 2

// heldApart is how far apart two readings are that both say so. Two calls in a row, for a
// past day and for today, meet the same failure twice.
const heldApart = 30 * time.Minute

// shrunk says how far the list shrank: nil where it lacks no more customers of the
// previous complete run than may leave between two runs. An empty list with success and
// the list of another partner's key look like that. The list of the run just before,
// where that is held, decides: what lacks the very same customers again is true.
//
// A list that is not proven says nothing of the customers that it lacks, and is held
// only where it has as many others instead.
func (r *run) shrunk(ctx context.Context, h history) (held *alert.Held, err error) {
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
	all := join(r.parts(ctx), r.linesOf(ctx, h.previous, customersName, r.keyOfRecord), r.linesOf(ctx, h.held, customersName, r.keyOfRecord))
	for customer, err := range all {
		if err != nil {
			return nil, err
		}
		inNow, inLast := customer.now != nil, customer.last != nil
		known := customer.before != nil && own.covers(customer.key)
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
	if !r.tooMany(held.Missing, held.Known) || !r.at.Proven && !r.tooMany(held.New, count) {
		return nil, nil
	}
	if h.held != nil && h.held.Held != nil && others == 0 && !r.tooMany(lastGone, lastCount) {
		held.Times = h.held.Held.Times
		if r.at.AsOf.Sub(h.held.AsOf) >= heldApart {
			held.Times++
		}
	}
	return held, nil
}

func (r *run) tooMany(missing, of int) bool {
	return TooMany(missing, of, r.HoldPercent, r.HoldCount)
}

// TooMany says whether so many of some customers are more than may leave between two
// runs: more than a percentage of them, and more than a count.
func TooMany(missing, of, percent, count int) bool {
	return missing > count && missing*100 > of*percent
}
