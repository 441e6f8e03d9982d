package app_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
)

// Customers come and go between the parts of a read too, and a caller comes
// back with no more than the cursor.
func TestPartsOfAMovingWorld(t *testing.T) {
	t.Parallel()
	worlds := [][]string{
		nil, {"customers-join"}, {"customers-leave"}, {"customers-join", "customers-leave"},
		{"page-clamp-10", "customers-leave"}, {"duplicate-rows"}, {"duplicate-rows", "customers-leave"},
		{"customers-join", "customers-leave", "truncated-body"}, {"key-revoked"}, {"html-page"},
		{"bad-value", "iso-times", "unknown-tag"}, {"bad-value", "customers-leave"},
	}
	for _, faults := range worlds {
		for _, limit := range []int{90, 37} {
			for _, q := range queries() {
				opts := simulator.Options{Customers: 260, Seed: uint64(limit), Faults: faults}
				t.Run(q.name+"/"+strconv.Itoa(limit)+"/"+strings.Join(faults, "+"), func(t *testing.T) {
					t.Parallel()
					c := openCloud(t, opts)
					answers := c.follow(t.Context(), q, core.Params{"limit": {strconv.Itoa(limit)}})
					for _, bad := range c.faultsOf(q, answers) {
						t.Error(bad)
					}
					last := answers[len(answers)-1]
					t.Logf("%d answers, the last %q", len(answers), last)
					if still := len(faults) == 0 || faults[0] == "key-revoked" || faults[0] == "html-page"; still && last.String() != "complete" {
						t.Errorf("no customer came or went, and the last answer ended %q: %+v", last, last.report.Warnings)
					}
				})
			}
		}
	}
}

var (
	troubles    = flag.Int("troubles", 20, "how many random worlds TestTroublesAtRandom reads for each query")
	troubleSeed = flag.Uint64("troubleseed", 0, "the one world that it reads; 0: many")
)

// TestTroublesAtRandom reads random worlds: up to three faults
// at once, sizes around the ends of pages, and limits, followed to the end. The
// flag troubles says how many; a failure names the seed of its world.
func TestTroublesAtRandom(t *testing.T) {
	t.Parallel()
	base, worlds := uint64(time.Now().UnixNano()), *troubles
	if *troubleSeed != 0 {
		base, worlds = *troubleSeed, 1
	}
	for _, q := range queries() {
		t.Run(q.name, func(t *testing.T) {
			t.Parallel()
			slots := make(chan struct{}, 10)
			var underWay sync.WaitGroup
			defer underWay.Wait()
			for n := range worlds {
				seed := base + uint64(n)
				slots <- struct{}{}
				underWay.Go(func() {
					defer func() { <-slots }()
					opts, more := trouble(seed, q)
					c, err := newCloud(opts)
					if err != nil {
						t.Error(err)
						return
					}
					defer c.close()
					answers := c.follow(t.Context(), q, more)
					if bad := c.faultsOf(q, answers); len(bad) > 0 {
						t.Errorf("-troubleseed %d: %+v, %v: %d answers: %s", seed, opts, more, len(answers), strings.Join(bad[:min(3, len(bad))], "; "))
					}
				})
			}
		})
	}
}

// trouble is the world of a seed, and the parameters that it is read with.
func trouble(seed uint64, q query) (simulator.Options, core.Params) {
	r := rand.New(rand.NewPCG(seed, 0))
	faults := []string{
		"customers-join", "customers-join", "customers-leave", "customers-leave", "duplicate-rows", "page-clamp-10",
		"total-low", "total-high", "total-of-page", "page-beyond", "http-500", "html-page", "empty-object", "empty-page", "malformed-json",
		"connection-reset", "error-in-200", "key-revoked",
		"force-absent", "force-one", "iso-times", "unknown-tag", "bad-value", "bad-value",
	}
	opts := simulator.Options{
		Customers: []int{9, 10, 11, 99, 100, 101, 199, 200, 201, 333}[r.IntN(10)], // of one, total-low makes none; round numbers are full pages
		Seed:      1 + r.Uint64N(1<<32),
	}
	for range 1 + r.IntN(3) {
		if fault := faults[r.IntN(len(faults))]; !slices.Contains(opts.Faults, fault) {
			opts.Faults = append(opts.Faults, fault)
		}
	}
	more := core.Params{}
	if limit := []string{"", "", "57", "99", "100", "101"}[r.IntN(6)]; limit != "" {
		more["limit"] = []string{limit}
	}
	if q.name == "credit" && r.IntN(3) == 0 {
		more["order"] = []string{"desc"}
	}
	return opts, more
}

// follow asks, and goes on from where each answer stopped, with the other key
// once the first is refused.
func (c *cloud) follow(ctx context.Context, q query, params core.Params) (answers []answer) {
	more := maps.Clone(params)
	for len(answers) < mostAnswers {
		a := c.ask(ctx, q, more)
		answers = append(answers, a)
		switch code := core.CodeOf(a.err); {
		case a.err == nil && a.report.Next == nil, code == core.CodeIncomplete:
			return answers
		case a.err == nil:
			more["cursor"] = []string{*a.report.Next}
		}
		if core.CodeOf(a.err) == core.CodeDenied || a.String() == "stopped: denied" {
			c.key = temporaryKey
		}
	}
	return answers
}

// However a read is cut into parts, its records are the same bytes.
func TestPartsAreTheBytesOfTheWhole(t *testing.T) {
	t.Parallel()
	const customers, parts = 2000, 10
	for _, q := range queries()[:2] {
		t.Run(q.name, func(t *testing.T) {
			t.Parallel()
			c := openCloud(t, simulator.Options{Customers: customers, Seed: 7})
			read := func(more core.Params, fits func([]byte) bool) (records [][]byte, report core.Report) {
				question, err := c.function(q).Ask(more)
				if err != nil {
					t.Fatal(err)
				}
				_, report, err = question.JSON(t.Context(), func(record []byte) bool {
					if fits != nil && !fits(record) {
						return false
					}
					records = append(records, bytes.Clone(bytes.TrimPrefix(record, []byte(",")))) // its size
					return true
				})
				if err != nil {
					t.Fatal(err)
				}
				return records, report
			}
			whole, report := read(core.Params{}, nil)
			if !report.Complete || len(whole) != customers {
				t.Fatalf("in one go: %d customers, %+v", len(whole), report)
			}
			budget := 0
			for _, record := range whole {
				budget += len(record)
			}
			budget = budget/parts + len(slices.MaxFunc(whole, func(a, b []byte) int { return len(a) - len(b) }))

			cuts := map[string]func(cursor core.Params) ([][]byte, core.Report){
				"limit": func(more core.Params) ([][]byte, core.Report) {
					more["limit"] = []string{strconv.Itoa(customers / parts)}
					return read(more, nil)
				},
				"size": func(more core.Params) ([][]byte, core.Report) {
					left := budget
					return read(more, func(record []byte) bool {
						left -= len(record)
						return left >= 0
					})
				},
			}
			for by, cut := range cuts {
				var got [][]byte
				more := core.Params{}
				answers := 0
				for {
					records, report := cut(more)
					got = append(got, records...)
					answers++
					if report.Next == nil {
						if !report.Complete {
							t.Errorf("by %s: the last part: %+v", by, report)
						}
						break
					}
					if report.Complete || len(report.Warnings) > 0 || string(*report.Stopped) != by {
						t.Errorf("by %s: part %d: %+v", by, answers, report)
					}
					more = core.Params{"cursor": {*report.Next}}
				}
				if answers < parts || answers > parts+1 {
					t.Errorf("by %s: %d parts, want %d", by, answers, parts)
				}
				if !slices.EqualFunc(got, whole, bytes.Equal) {
					t.Errorf("by %s: %d records, and not the bytes of the %d in one go", by, len(got), len(whole))
				}
			}
		})
	}
}

// A caller that goes away in the middle of a read gets away at once, and
// nothing stays behind. Not parallel: what others have under way would seem to
// stay behind.
func TestGoingAwayWhileTheCloudHangs(t *testing.T) {
	for _, q := range queries() {
		for _, fault := range []string{"hang", "hang-always", "long-tail-always"} {
			t.Run(q.name+"/"+fault, func(t *testing.T) {
				before := goleak.IgnoreCurrent()
				c, err := newCloud(simulator.Options{Customers: 2000, Faults: []string{fault}})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				var went time.Time
				timer := time.AfterFunc(200*time.Millisecond, func() { went = time.Now(); cancel() })
				defer timer.Stop()
				a := c.ask(ctx, q, nil)
				if late := time.Since(went); went.IsZero() || late > 5*time.Second { // a call hangs for thirty
					t.Errorf("back %v after the caller went away", late)
				}
				var failure *core.Error
				if !errors.As(a.err, &failure) || failure.Code != core.CodeCanceled {
					t.Errorf("ended %q: %v", a, a.err)
				}
				for _, bad := range c.faultsOf(q, []answer{{err: a.err}}) {
					t.Error(bad)
				}
				c.close()
				goleak.VerifyNone(t, before)
			})
		}
	}
}
