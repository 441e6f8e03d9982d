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

// checkpointEvery is how long a read goes on between two checkpoints, and one page longer.
const checkpointEvery = 20 * time.Second

// readOn reads to the end, or as far as it can, and stores parts and checkpoints. If it
// returns an error, what was read since the last checkpoint is read again.
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
	bounded, cancel := r.interruptible(ctx)
	defer cancel()
	if deadline, ok := ctx.Deadline(); ok {
		bounded, cancel = context.WithDeadline(bounded, deadline.Add(-timeToStop))
		defer cancel()
	}
	l := newListReader(ctx, r)
	bounded = core.WithTrace(bounded, &core.Trace{Called: l.calls.add, PageRead: l.pageRead})
	report, err := query.Walk(bounded, core.WalkOptions{Cursor: r.checkpoint.Cursor, Known: r.known(bounded), AsOf: r.checkpoint.AsOf, Members: l.names.take}, l.take)
	if err == nil {
		err = cmp.Or(l.failure, l.names.err)
	}
	if err != nil {
		return report, err // the next call reads what was not stored
	}
	r.noteReport(report)
	l.release()
	if report.Next != nil {
		err = l.store(*report.Next)
	} else if report.Complete || atEnd(report) && r.checkpoint.Unproven+1 >= r.Attempts {
		err = l.store("") // the last part of the list; read saves the checkpoint
	}
	l.note()
	return report, err
}

// listReader takes in the customers of one call, and stores them.
type listReader struct {
	run   *invocation
	ctx   context.Context // of the store: it outlasts an interruption
	calls callCounter
	parts partWriter
	names nameReader

	// The customer read last waits apart: place returns the cursor that continues before it.
	last  line
	place func() string

	start, saved time.Time
	before       checkpoint // as the call found it
	customers    int        // on the pages so far, with those that were read before
	taken        int        // customers, by this call
	failure      error      // the first that ends the read
}

func newListReader(ctx context.Context, r *invocation) *listReader {
	c := &r.checkpoint
	now := time.Now()
	return &listReader{
		run: r, ctx: ctx, start: now, saved: now, before: *c, calls: callCounter{calls: c.Calls},
		parts: partWriter{run: r, kind: "part", stored: &c.Parts},
		names: nameReader{run: r, ctx: ctx, parts: partWriter{run: r, kind: "names", stored: &c.Names.Parts}},
	}
}

// take takes in one customer.
func (l *listReader) take(record core.Record, place func() string) bool {
	l.release()
	if l.parts.full() {
		if l.failure = l.store(place()); l.failure != nil {
			return false
		}
	}
	r := l.run
	if !r.Alerts.NoRules {
		if record, l.failure = r.Evaluator.Override(&r.Alerts.Rules, record); l.failure != nil {
			return false
		}
	}
	text, err := core.AppendJSON(nil, record)
	if l.failure = err; err != nil {
		return false
	}
	l.last, l.place = line{key: record.Key(), text: append(text, '\n')}, place
	l.taken++
	return true
}

// release adds the customer that waits to those that are stored next.
func (l *listReader) release() {
	if l.place != nil {
		l.parts.lines, l.place = append(l.parts.lines, l.last), nil
	}
}

// pageRead makes a checkpoint if it is time for one. A failure is left to the next, since
// the read itself goes on.
func (l *listReader) pageRead(_, customers int, total *int) {
	step := StepReading
	if customers == l.customers && customers > 0 {
		step = StepChecking
	}
	l.customers = customers
	l.run.progress(step, l.before.Count+l.taken, cmp.Or(total, l.before.Total))
	if l.place != nil && time.Since(l.saved) >= checkpointEvery {
		_ = l.store(l.place())
	}
}

// store stores what was read as a part, and saves the checkpoint unless cursor is empty.
func (l *listReader) store(cursor string) error {
	l.saved = time.Now()
	c := &l.run.checkpoint
	err := l.names.store()
	if err == nil {
		err = l.parts.store(l.ctx)
	}
	if err != nil {
		return err
	}
	l.note()
	c.Cursor = cursor
	if cursor == "" {
		return nil
	}
	return l.run.saveParts(l.ctx)
}

// note notes in the checkpoint how much was read.
func (l *listReader) note() {
	c := &l.run.checkpoint
	c.Count, c.Calls = l.before.Count+l.parts.total, l.calls.sum()
	c.ReadMS = l.before.ReadMS + time.Since(l.start).Milliseconds()
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

// partWriter stores lines in parts of PartSize. The last part may be shorter: it grows with
// the next store, which replaces it.
type partWriter struct {
	run    *invocation
	kind   string
	stored *[]string // the parts, in the checkpoint
	lines  []line    // of the part that is not full
	within int       // of lines: they are in the last part
	total  int       // lines that were stored
}

func (p *partWriter) full() bool { return len(p.lines) >= p.run.PartSize }

// store stores the lines, in the order of their keys. The name of a part is random, so that
// an invocation that has lost its lease overwrites no part of another.
func (p *partWriter) store(ctx context.Context) error {
	if len(p.lines) == p.within {
		return nil
	}
	parts := slices.Clone(*p.stored)
	var replaced []string
	if p.within > 0 {
		replaced = []string{parts[len(parts)-1]}
		parts = parts[:len(parts)-1]
	}
	name := fmt.Sprintf("progress/%s-%04d-%s.ndjson.gz", p.kind, len(parts), rand.Text())
	added := len(p.lines) - p.within
	slices.SortFunc(p.lines, func(a, b line) int { return cmp.Compare(a.key, b.key) })
	err := p.run.store.Put(ctx, p.run.objectName(name), func(w io.Writer) error {
		return pack(w, func(w io.Writer) error {
			for _, l := range p.lines {
				if _, err := w.Write(l.text); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	p.run.replaced = append(p.run.replaced, replaced...)
	*p.stored = append(parts, name)
	p.total += added
	if p.within = len(p.lines); p.full() {
		p.lines, p.within = p.lines[:0], 0
	}
	return nil
}

// saveParts saves the checkpoint, and deletes the parts that others have replaced in it.
func (r *invocation) saveParts(ctx context.Context) error {
	if err := r.save(ctx); err != nil || len(r.replaced) == 0 || r.checkLease(ctx) != nil {
		return err
	}
	for _, name := range r.replaced {
		_ = r.store.Delete(ctx, r.objectName(name)) // or cleanUp deletes it
	}
	r.replaced = nil
	return nil
}
