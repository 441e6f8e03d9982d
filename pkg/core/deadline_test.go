package core_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"partnerlens/pkg/core"
)

// slow is a Source whose pages take their time.
type slow[Q core.Query, T core.Record] struct {
	core.Source[Q, T]
	latency time.Duration
}

func (s slow[Q, T]) FetchPage(ctx context.Context, q Q, at core.Cursor) (core.Page[T], error) {
	select {
	case <-time.After(s.latency):
		return s.Source.FetchPage(ctx, q, at)
	case <-ctx.Done():
		return core.Page[T]{}, ctx.Err()
	}
}

// parts reads a query again and again, each time for so long at most, until it
// is at its end, and gives the records' JSON. Each part has a Reader of its
// own, as another process would.
func parts[Q core.Query, T core.Record](t *testing.T, source core.Source[Q, T], query Q, each time.Duration, witness *core.Reader[Q, *core.Member]) (text []byte, answers int, last core.Report) {
	t.Helper()
	cursor := ""
	for {
		ctx, cancel := context.WithTimeout(t.Context(), each)
		begun := time.Now()
		reader := core.NewReader(slow[Q, T]{source, 80 * time.Millisecond}, &core.ReaderOptions[Q]{
			Schema: "test/v1", Provider: "test", Pacer: core.NewPacer(5), Witness: witness, Now: func() time.Time { return noon },
		})
		report, err := reader.Read(ctx, query, &core.ReadOptions{Cursor: cursor}, func(record T) bool {
			text, _ = core.AppendJSON(text, record)
			return true
		})
		cancel()
		answers++
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took >= each {
			t.Fatalf("a part took %v of the %v there were: no time is left to answer", took, each)
		}
		if report.Next == nil {
			return text, answers, report
		}
		if *report.Stopped != core.StoppedDeadline || report.Complete {
			t.Fatalf("a part in between: %+v", report)
		}
		cursor = *report.Next
	}
}

// A read that deadlines cut into ten must give the bytes of one that was not.
func TestCutByDeadlinesIntoTen(t *testing.T) {
	t.Parallel()
	const customers = manyCustomers
	const each = customers / 100 * 23 * time.Second / 1000 // at 5 pages a second
	t.Run("counted", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			l := newLedger(customers)
			l.size = 100
			query := core.CreditQuery{Order: core.OrderAscending}
			whole, _, report := parts(t, l, query, time.Hour, nil)
			if !report.Complete || report.Count != customers {
				t.Fatalf("in one go: %+v", report)
			}
			cut, answers, report := parts(t, l, query, each, nil)
			if !report.Complete || !bytes.Equal(cut, whole) {
				t.Errorf("%d bytes in one go, %d in %d parts; %+v", len(whole), len(cut), answers, report)
			}
			if answers < 8 || answers > 13 {
				t.Errorf("%d parts, want about ten", answers)
			}
		})
	})
	t.Run("uncounted", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := &shifting{size: 100, before: func(int) {}}
			c.ids = wantKeys("", customers)
			witness := core.NewReader(slow[core.TagQuery, *core.Member]{members{c}, 80 * time.Millisecond}, nil)
			whole, _, report := parts(t, c, core.TagQuery{}, time.Hour, witness)
			if !report.Complete || report.Count != customers {
				t.Fatalf("in one go: %+v", report)
			}
			cut, answers, report := parts(t, c, core.TagQuery{}, each, witness)
			if !report.Complete || !bytes.Equal(cut, whole) {
				t.Errorf("%d bytes in one go, %d in %d parts; %+v", len(whole), len(cut), answers, report)
			}
			if answers < 8 || answers > 13 {
				t.Errorf("%d parts, want about ten", answers)
			}
		})
	})
}

// members are the customers of a shifting Source, with a count.
type members struct{ of *shifting }

func (m members) FetchPage(_ context.Context, _ core.TagQuery, at core.Cursor) (page core.Page[*core.Member], _ error) {
	m.of.mu.Lock()
	defer m.of.mu.Unlock()
	total := len(m.of.ids)
	end := min(at.Offset+m.of.size, total)
	for _, id := range m.of.ids[min(at.Offset, end):end] {
		page.Items = append(page.Items, &core.Member{MemberID: id})
	}
	if page.Total = &total; end < total {
		page.Next = &core.Cursor{Offset: end}
	}
	return page, nil
}

// A read in parts whose last part has no time for the proof says so, and does
// not send its caller round for ever.
func TestNoTimeToProve(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &shifting{size: 100, before: func(int) {}}
		c.ids = wantKeys("", 5000)
		_, answers, report := parts(t, c, core.TagQuery{}, 4*time.Second, nil)
		if report.Complete || report.Stopped == nil || *report.Stopped != core.StoppedDeadline || len(report.Warnings) != 1 || answers > 6 {
			t.Errorf("%d answers, %+v", answers, report)
		}
	})
}

// Where pages take longer than the time left, a read must stop while it can
// still answer.
func TestStopsWhileThereIsTimeToAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		begun := time.Now()
		reader := core.NewReader(slow[core.CreditQuery, *core.CustomerCredit]{newLedger(500), 3 * time.Second}, nil)
		report, err := reader.Read(ctx, core.CreditQuery{Order: core.OrderAscending}, nil, func(*core.CustomerCredit) bool { return true })
		if err != nil || report.Stopped == nil || *report.Stopped != core.StoppedDeadline || report.Count == 0 || report.Next == nil {
			t.Fatalf("%+v, %v", report, err)
		}
		if left := 10*time.Second - time.Since(begun); left < time.Second {
			t.Errorf("%v left to answer", left)
		}
	})
}

// A read that is interrupted is one that time cut short: what was read, and a cursor behind it.
func TestInterruptedReadsGoOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const customers = 2_000
		l := newLedger(customers)
		l.size = 100
		query := core.CreditQuery{Order: core.OrderAscending}
		cursor, seen, answers := "", make(map[string]bool), 0
		for report := (core.Report{}); !report.Complete; answers++ {
			ctx, interrupt := context.WithCancelCause(t.Context())
			reader := core.NewReader(slow[core.CreditQuery, *core.CustomerCredit]{l, 80 * time.Millisecond}, &core.ReaderOptions[core.CreditQuery]{
				Schema: "test/v1", Provider: "test", Pacer: core.NewPacer(5), Now: func() time.Time { return noon },
			})
			timer := time.AfterFunc(2100*time.Millisecond, func() { interrupt(core.ErrInterrupted) })
			var err error
			report, err = reader.Read(ctx, query, &core.ReadOptions{Cursor: cursor}, func(record *core.CustomerCredit) bool {
				if seen[record.ID()] {
					t.Errorf("%s was read twice", record.ID())
				}
				seen[record.ID()] = true
				return true
			})
			timer.Stop()
			if err != nil || !report.Complete && (report.Stopped == nil || *report.Stopped != core.StoppedDeadline || report.Next == nil) {
				t.Fatalf("answer %d: %v, %+v", answers, err, report)
			}
			if report.Next != nil {
				cursor = *report.Next
			}
		}
		if len(seen) != customers || answers < 2 {
			t.Errorf("%d customers in %d answers", len(seen), answers)
		}
	})
}

// A proof that is interrupted again and again is not given up, as one is that has too little
// time: the read that is left alone at last ends complete.
func TestInterruptedProof(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &shifting{size: 100, before: func(int) {}}
		c.ids = wantKeys("", 5000)
		reader := core.NewReader(slow[core.TagQuery, *core.CustomerTag]{c, 80 * time.Millisecond}, &core.ReaderOptions[core.TagQuery]{
			Schema: "test/v1", Provider: "test", Pacer: core.NewPacer(5), Now: func() time.Time { return noon },
		})
		cursor := ""
		var known []string
		for answer := range 12 {
			ctx, interrupt := context.WithCancelCause(t.Context())
			defer interrupt(nil)
			if answer < 11 {
				time.AfterFunc(4*time.Second, func() { interrupt(core.ErrInterrupted) })
			}
			before := slices.Clone(known)
			report, err := reader.Read(ctx, core.TagQuery{}, &core.ReadOptions{Cursor: cursor, Known: func(yield func(string, error) bool) {
				for _, key := range before {
					if !yield(key, nil) {
						return
					}
				}
			}}, func(record *core.CustomerTag) bool {
				known = append(known, record.Key())
				return true
			})
			if err != nil {
				t.Fatal(err)
			}
			if answer == 11 {
				if len(known) != 5000 || !report.Complete {
					t.Errorf("%d customers, %+v", len(known), report)
				}
				return
			}
			if report.Next == nil {
				t.Fatalf("answer %d: %+v", answer, report)
			}
			cursor = *report.Next
		}
	})
}

// The witness is not begun where a page as slow as those of the list would come after the
// deadline.
func TestWitnessIsNotBegunTooLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &shifting{size: 100, before: func(int) {}}
		c.ids = wantKeys("", 50)
		const latency, within = 80 * time.Millisecond, 220 * time.Millisecond // two calls have time, a third has not
		reader := core.NewReader(slow[core.TagQuery, *core.CustomerTag]{c, latency}, &core.ReaderOptions[core.TagQuery]{
			Schema: "test/v1", Provider: "test", Now: func() time.Time { return noon },
			Witness: core.NewReader(slow[core.TagQuery, *core.Member]{members{c}, latency}, nil),
		})
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		start := time.Now()
		report, err := reader.Read(ctx, core.TagQuery{}, nil, func(*core.CustomerTag) bool { return true })
		if took := time.Since(start); err != nil || report.Complete || report.Count != 50 || took > 2*latency {
			t.Errorf("took %v: %v, %+v", took, err, report)
		}
	})
}
