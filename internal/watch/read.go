package watch

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"partnerlens/pkg/core"
)

// read reads the customers, from the checkpoint on, into parts. It returns a State if the
// run cannot be finished now. It only reads existing, the run's manifest.
func (r *invocation) read(ctx context.Context, existing *Manifest) (State, error) {
	restarted := false
	for {
		report, err := r.readOn(ctx)
		switch {
		case err != nil && !restarted && r.checkpoint.Cursor != "" && core.AsError(err).Param == "cursor":
			restarted = true // settings or the program changed: the cursor cannot be used
			r.newAttempt()
			continue
		case err != nil:
			return "", r.discardIfDamaged(ctx, err)
		case atEnd(report): // though perhaps without the time to prove it
		case *report.Stopped == core.StoppedDeadline:
			return GoingOn, nil
		default:
			return "", stopped(report)
		}
		r.checkpoint.Proven = report.Complete
		r.checkpoint.Warnings = slices.DeleteFunc(slices.Concat([]core.Warning{}, report.Warnings), core.Warning.AboutRecords) // comparing counts them
		if w := r.checkpoint.Names.Warning; w != nil {
			r.checkpoint.Warnings = append(r.checkpoint.Warnings, *w)
		}
		if !report.Complete {
			// Customers came and went during the read, or the vendor counts others.
			if r.checkpoint.Unproven++; r.checkpoint.Unproven < r.Attempts {
				if r.late(ctx) {
					return Incomplete, r.endIncomplete(ctx, existing)
				}
				r.newAttempt()
				continue
			}
		}
		r.checkpoint.ReadDone, r.checkpoint.Cursor = true, ""
		return "", r.save(ctx)
	}
}

// stopped is the error of a read that the vendor stopped.
func stopped(report core.Report) error {
	failure := &core.Error{Op: "watch.read", Code: core.CodeUpstream, Detail: "reading stopped; what was read is kept, and the next call goes on"}
	if n := len(report.Warnings); n > 0 {
		failure.Code, failure.Detail = core.Code(report.Warnings[n-1].Code), report.Warnings[n-1].Message+"; what was read is kept, and the next call goes on"
	}
	return failure
}

// late reports whether there is no time to read again.
func (r *invocation) late(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) < time.Duration(r.checkpoint.ReadMS)*time.Millisecond+timeToStop
}

// endIncomplete ends a call whose list could not be proven complete. The manifest says
// why, has no objects, and stands until a later attempt ends the run; a run that is made
// again keeps the manifest it has.
func (r *invocation) endIncomplete(ctx context.Context, existing *Manifest) error {
	m := r.manifest()
	m.FinishedAt = r.Now().UTC().Truncate(time.Second)
	r.checkpoint.Cursor, r.checkpoint.Parts, r.checkpoint.Names = "", []string{}, names{} // the next call starts an attempt
	if err := r.save(ctx); err != nil || existing.finished() {
		return err
	}
	return putJSON(ctx, r.store, r.objectName(manifestName), m)
}

// readOn reads to the end, or as far as it can, and stores parts and the checkpoint. If it
// returns an error, the last part is read again.
func (r *invocation) readOn(ctx context.Context) (core.Report, error) {
	params := maps.Clone(r.Params)
	if params == nil {
		params = core.Params{}
	}
	params["account"], params["pii"] = []string{r.Account}, []string{"full"}
	query, err := r.Function.Ask(params)
	if err != nil {
		return core.Report{}, err
	}
	bounded := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		bounded, cancel = context.WithDeadline(ctx, deadline.Add(-timeToStop))
		defer cancel()
	}
	counted := callCounter{calls: r.checkpoint.Calls}
	bounded = core.WithTrace(bounded, &core.Trace{Called: counted.add})
	start, before := time.Now(), r.checkpoint.ReadMS
	var waiting []line
	var failure error
	named := nameReader{run: r, ctx: ctx}
	store := func(cursor string) {
		r.checkpoint.Calls, r.checkpoint.ReadMS = counted.sum(), before+time.Since(start).Milliseconds()
		if failure = named.store(); failure == nil {
			failure = r.storePart(ctx, waiting, cursor)
		}
		waiting = waiting[:0]
	}
	report, err := query.Walk(bounded, core.WalkOptions{Cursor: r.checkpoint.Cursor, Known: r.known(bounded), AsOf: r.checkpoint.AsOf, Members: named.take}, func(record core.Record, place func() string) bool {
		if len(waiting) == r.PartSize {
			if store(place()); failure != nil {
				return false
			}
		}
		if !r.Alerts.NoRules {
			if record, failure = r.Evaluator.Override(&r.Alerts.Rules, record); failure != nil {
				return false
			}
		}
		text, err := core.AppendJSON(nil, record)
		if failure = err; err != nil {
			return false
		}
		waiting = append(waiting, line{record.Key(), append(text, '\n')})
		return true
	})
	if err == nil {
		err = cmp.Or(failure, named.err)
	}
	if err != nil {
		return report, err // the next call reads what was not stored
	}
	r.checkpoint.Calls, r.checkpoint.ReadMS = counted.sum(), before+time.Since(start).Milliseconds()
	r.noteReport(report)
	if report.Next != nil {
		store(*report.Next)
	} else if report.Complete || atEnd(report) && r.checkpoint.Unproven+1 >= r.Attempts {
		store("") // the last part of the list; read saves the checkpoint
	}
	return report, failure
}

// callCounter counts the calls of a read, which several goroutines make.
type callCounter struct {
	mu    sync.Mutex
	calls Calls
}

func (c *callCounter) add(_ context.Context, call core.Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls.Made++
	if call.Code == core.CodeThrottled {
		c.calls.Refused++
	}
	if call.Late {
		c.calls.RefusedLate++
	}
	c.calls.PerSecond = call.Rate
}

func (c *callCounter) sum() Calls {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls
}

// atEnd reports whether a read came to the end of the list.
func atEnd(report core.Report) bool {
	return report.Stopped == nil || *report.Stopped == core.StoppedDeadline && report.Next == nil
}

// known returns the keys of the customers that were read before.
func (r *invocation) known(ctx context.Context) core.Known {
	if r.checkpoint.Cursor == "" {
		return nil
	}
	return func(yield func(string, error) bool) {
		for l, err := range r.parts(ctx) {
			if !yield(l.key, err) || err != nil {
				return
			}
		}
	}
}

func (r *invocation) noteReport(report core.Report) {
	r.checkpoint.Provider = cmp.Or(report.Provider, r.checkpoint.Provider)
	if report.Total != nil {
		r.checkpoint.Total = report.Total
	}
	r.noteNames(report)
	r.checkpoint.RequestIDs = append(r.checkpoint.RequestIDs, report.RequestIDs...)
	const most = 100
	r.checkpoint.RequestIDs = r.checkpoint.RequestIDs[max(0, len(r.checkpoint.RequestIDs)-most):]
}

// putPart stores lines in the order of their keys, and returns the name of the part. It is
// random, so that an invocation that has lost its lease overwrites no part of another.
func (r *invocation) putPart(ctx context.Context, kind string, n int, lines []line) (name string, err error) {
	slices.SortFunc(lines, func(a, b line) int { return cmp.Compare(a.key, b.key) })
	name = fmt.Sprintf("progress/%s-%04d-%s.ndjson.gz", kind, n, rand.Text())
	return name, r.store.Put(ctx, r.objectName(name), func(w io.Writer) error {
		return pack(w, func(w io.Writer) error {
			for _, l := range lines {
				if _, err := w.Write(l.text); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// storePart stores customers as a part, and then saves the checkpoint.
func (r *invocation) storePart(ctx context.Context, records []line, cursor string) error {
	if len(records) > 0 {
		name, err := r.putPart(ctx, "part", len(r.checkpoint.Parts), records)
		if err != nil {
			return err
		}
		r.checkpoint.Parts = append(slices.Clone(r.checkpoint.Parts), name)
		r.checkpoint.Count += len(records)
	}
	r.checkpoint.Cursor = cursor
	if cursor == "" {
		return nil
	}
	return r.save(ctx)
}
