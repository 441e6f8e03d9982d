package snapshot

import (
	"cmp"
	"compress/gzip"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"partnerlens/pkg/core"
)

// line is one customer as it is stored.
type line struct {
	key  string
	text []byte // a line of NDJSON
}

// read reads the customers, from where the checkpoint stands, into parts. It
// gives an Outcome where the run cannot be finished now.
func (r *run) read(ctx context.Context) (*Outcome, error) {
	for takes := 1; ; takes++ {
		report, err := r.take(ctx)
		switch {
		case err != nil && takes < takesAtOnce && r.at.Cursor != "" && core.AsError(err).Param == "cursor":
			// Settings or the program changed since: nobody can go on from there.
		case err != nil:
			return nil, err
		case report.Complete:
			return nil, nil
		case report.Stopped != nil && *report.Stopped == core.StoppedDeadline:
			return &Outcome{GoingOn, r.manifest()}, nil
		case report.Stopped != nil: // the cloud failed: go on from there another time
			return nil, stopped(report)
		case takes == takesAtOnce || r.late(ctx):
			outcome, err := r.incomplete(ctx, report)
			return &outcome, err
		}
		// Customers came and went while they were read, or an earlier part was
		// doubtful. Only a read in one go can prove otherwise.
		r.anew()
	}
}

// stopped is the error of a read that the cloud stopped.
func stopped(report core.Report) error {
	failure := &core.Error{Op: "snapshot.read", Code: core.CodeUpstream, Detail: "reading stopped; what was read is kept, and the next call goes on"}
	if n := len(report.Warnings); n > 0 {
		failure.Code, failure.Detail = core.Code(report.Warnings[n-1].Code), report.Warnings[n-1].Message+"; what was read is kept, and the next call goes on"
	}
	return failure
}

// late says that there is no time to read anew.
func (r *run) late(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) < time.Since(r.began)+timeToStop
}

// take reads on until the end, or as far as it gets, and leaves parts and
// checkpoint behind. The error is for what left nothing to go on from.
func (r *run) take(ctx context.Context) (core.Report, error) {
	params := maps.Clone(r.Params)
	if params == nil {
		params = core.Params{}
	}
	params["account"], params["pii"] = []string{r.Account}, []string{"full"}
	question, err := r.Function.Ask(params)
	if err != nil {
		return core.Report{}, err
	}
	reading := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		reading, cancel = context.WithDeadline(ctx, deadline.Add(-timeToStop))
		defer cancel()
	}
	began, before := time.Now(), r.at.ReadMS
	var pending []line
	var failure error
	store := func(cursor string) {
		r.at.ReadMS = before + time.Since(began).Milliseconds()
		failure = r.storePart(ctx, pending, cursor)
		pending = pending[:0]
	}
	report, err := question.Walk(reading, r.at.Cursor, r.at.AsOf, func(record core.Record, place func() string) bool {
		if len(pending) == r.PartSize {
			if store(place()); failure != nil {
				return false
			}
		}
		if r.Settle != nil {
			record = r.Settle(record)
		}
		text, err := core.AppendJSON(nil, record)
		if failure = err; err != nil {
			return false
		}
		pending = append(pending, line{record.Key(), append(text, '\n')})
		return true
	})
	if err == nil {
		err = failure
	}
	if err != nil {
		return report, err // what was not stored is read again
	}
	r.noteReport(report)
	if report.Next != nil {
		store(*report.Next)
	} else if report.Complete && len(pending) > 0 {
		store("") // the claim follows: nobody goes on from here
	}
	return report, failure
}

func (r *run) noteReport(report core.Report) {
	r.at.Provider = cmp.Or(report.Provider, r.at.Provider)
	if report.Total != nil {
		r.at.Total = report.Total
	}
	if report.Complete {
		r.at.Warnings = slices.DeleteFunc(slices.Clone(report.Warnings), core.Warning.AboutRecords)
	}
	r.at.RequestIDs = append(r.at.RequestIDs, report.RequestIDs...)
	const most = 100
	r.at.RequestIDs = r.at.RequestIDs[max(0, len(r.at.RequestIDs)-most):]
}

// storePart stores customers by key, and then says in the checkpoint that they
// count and where to go on. The part's name is of this call alone: another that works
// on the same run has its own.
func (r *run) storePart(ctx context.Context, lines []line, cursor string) error {
	if len(lines) > 0 {
		slices.SortFunc(lines, func(a, b line) int { return cmp.Compare(a.key, b.key) })
		name := fmt.Sprintf("progress/part-%04d-%s.ndjson.gz", len(r.at.Parts), rand.Text())
		err := r.store.Put(ctx, r.object(name), func(w io.Writer) error {
			packed := gzip.NewWriter(w)
			for _, l := range lines {
				if _, err := packed.Write(l.text); err != nil {
					return err
				}
			}
			return packed.Close()
		})
		if err != nil {
			return err
		}
		r.at.Parts = append(slices.Clone(r.at.Parts), name)
		r.at.Count += len(lines)
	}
	r.at.Cursor = cursor
	if cursor == "" {
		return nil
	}
	return putJSON(ctx, r.store, r.object(checkpointName), r.at)
}
