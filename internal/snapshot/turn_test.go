package snapshot

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/internal/snapshot/store"
	"partnerlens/pkg/core"
)

// ears hear what is told of runs: their alerts, by run. They are deaf while they
// are told to be.
type ears struct {
	mu    sync.Mutex
	deaf  bool
	takes time.Duration // to tell them
	heard []string
}

func (e *ears) tell(run string, alerts []string) jsontext.Value {
	time.Sleep(e.takes)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.deaf {
		return jsontext.Value(`["failed"]`)
	}
	e.heard = append(e.heard, run+": "+strings.Join(alerts, ", "))
	return jsontext.Value(`["delivered"]`)
}

func (e *ears) begin(Manifest) Watch { return &teller{ears: e} }

// teller is a crossings that tells ears.
type teller struct {
	crossings
	ears   *ears
	alerts []string
}

func (w *teller) Judge(before, after core.Record, was jsontext.Value) ([]jsontext.Value, []string, jsontext.Value, error) {
	alerts, kinds, is, err := w.crossings.Judge(before, after, was)
	for _, a := range alerts {
		w.alerts = append(w.alerts, string(a))
	}
	return alerts, kinds, is, err
}

func (w *teller) Tell(_ context.Context, m Manifest) jsontext.Value {
	return w.ears.tell(m.Run, w.alerts)
}

func (w *teller) Untold(m Manifest) bool { return string(m.Deliveries) == `["failed"]` }

func (w *teller) Retell(_ context.Context, m Manifest, alerts iter.Seq2[jsontext.Value, error]) (jsontext.Value, error) {
	var all []string
	for a, err := range alerts {
		if err != nil {
			return nil, err
		}
		all = append(all, string(a))
	}
	return w.ears.tell(m.Run, all), nil
}

// What could not be told is told by the next call, for the same run or a later one,
// before anything newer, and once.
func TestWhatCouldNotBeToldIsToldLater(t *testing.T) {
	t.Parallel()
	const low = `"ok to low"`
	for name, test := range map[string]struct {
		calls []string // runs; "!" before those while nobody hears
		heard []string
	}{
		"the same run":         {[]string{"!2026-11-21", "2026-11-21", "2026-11-21", "2026-11-22"}, []string{"2026-11-21: " + low, "2026-11-22: "}},
		"the next run":         {[]string{"!2026-11-21", "2026-11-22", "2026-11-22", "2026-11-21"}, []string{"2026-11-21: " + low, "2026-11-22: "}},
		"days later":           {[]string{"!2026-11-21", "!2026-11-22", "!2026-11-21", "2026-11-23"}, []string{"2026-11-21: " + low, "2026-11-22: ", "2026-11-23: "}},
		"by a call for no new": {[]string{"!2026-11-21", "!2026-11-22", "2026-11-20"}, []string{"2026-11-21: " + low, "2026-11-22: "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, b, e := folder(t), newBooks(57), new(ears)
			runToEnd(t, s, b.job("2026-11-20"))
			b.left[20] = 50
			for _, call := range test.calls {
				run, deaf := strings.CutPrefix(call, "!")
				e.deaf = deaf
				o, err := Run(t.Context(), s, b.job(run), e.begin)
				if err != nil || o.State != Done && o.State != Already {
					t.Fatalf("%s: %s, %v", call, o.State, err)
				}
				if o.State == Already && run != "2026-11-20" && (string(o.Manifest.Deliveries) != `["delivered"]`) != deaf {
					t.Errorf("%s: %s", call, o.Manifest.Deliveries)
				}
			}
			if !slices.Equal(e.heard, test.heard) {
				t.Errorf("heard %q, want %q", e.heard, test.heard)
			}
			for name, text := range objects(t, s) {
				if strings.HasSuffix(name, untoldName) || strings.Contains(text, `["failed"]`) {
					t.Errorf("%s is left: %s", name, text)
				}
			}
		})
	}
}

// Whichever operation of the store fails while what could not be told is told: it is
// told at least once, and the bytes are those of an undisturbed run.
func TestEveryOperationMayFailWhileTelling(t *testing.T) {
	t.Parallel()
	yesterday, e := newMemory(nil), &ears{}
	b := newBooks(57)
	runToEnd(t, yesterday, b.job("2026-11-20"))
	b.left[20] = 50
	deafTo := func(ctx context.Context, s store.Store, run string) error {
		_, err := Run(ctx, s, b.job(run), (&ears{deaf: true}).begin)
		return err
	}
	calm := newMemory(yesterday)
	var operations atomic.Int32
	counted := shaky(calm, math.MaxInt, false, false, &operations)
	if err := deafTo(t.Context(), counted, "2026-11-21"); err != nil {
		t.Fatal(err)
	}
	deafened := int(operations.Load())
	for _, run := range []string{"2026-11-22", "2026-11-22"} {
		if _, err := Run(t.Context(), counted, b.job(run), e.begin); err != nil {
			t.Fatal(err)
		}
	}
	want, heard := objects(t, calm), e.heard
	all := int(operations.Load())
	for _, mode := range []struct{ after, gone bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		for at := 1; at <= all; at++ {
			bubble(t, fmt.Sprintf("%+v/%d of %d and %d", mode, at, deafened, all), func(t *testing.T) {
				s, e := newMemory(yesterday), new(ears)
				var n atomic.Int32
				for range 3 { // the 21st, while nobody hears
					its := store.Store(s)
					if n.Load() == 0 {
						its = shaky(s, at, mode.after, mode.gone, &n)
					}
					_ = deafTo(t.Context(), its, "2026-11-21")
				}
				if int(n.Load()) < at {
					_, _ = Run(t.Context(), shaky(s, at-int(n.Load()), mode.after, mode.gone, &n), b.job("2026-11-22"), e.begin)
				}
				for range 3 {
					if _, err := Run(t.Context(), s, b.job("2026-11-22"), e.begin); err != nil {
						t.Error(err)
					}
				}
				same(t, s, want)
				if got := slices.Compact(e.heard); !slices.Equal(got, heard) {
					t.Errorf("heard %q, want %q", e.heard, heard)
				}
			})
		}
	}
}

// Runs at once, and calls for one at once, tell each thing once: whoever comes later
// is compared with what was told before, or finds everything done.
func TestOverlapsTellOnce(t *testing.T) {
	t.Parallel()
	for name, runs := range map[string][]string{
		"three runs":  {"2026-11-21T06", "2026-11-21T07", "2026-11-21T08"},
		"three calls": {"2026-11-21T06", "2026-11-21T06", "2026-11-21T06"},
		"both":        {"2026-11-21T06", "2026-11-21T07", "2026-11-21T06", "2026-11-21T07"},
	} {
		bubble(t, name, func(t *testing.T) {
			s, b, e := newMemory(nil), newBooks(57), &ears{takes: time.Minute}
			runToEnd(t, s, b.job("2026-11-21T05"))
			b.left[20] = 50
			var under sync.WaitGroup
			for _, run := range runs {
				under.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
					defer cancel()
					if o, err := Run(ctx, s, b.job(run), e.begin); err != nil || o.State != Done && o.State != Already {
						t.Errorf("%s: %s, %v", run, o.State, err)
					}
				})
			}
			under.Wait()
			if told := strings.Count(strings.Join(e.heard, " "), "to low"); told != 1 {
				t.Errorf("told %d times: %q", told, e.heard)
			}
		})
	}
}

// Who has no time to wait for his turn leaves it to the next call.
func TestNoTimeForTheTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, b, e := newMemory(nil), newBooks(57), &ears{takes: time.Hour}
		go func() { _, _ = Run(t.Context(), s, b.job("2026-11-21"), e.begin) }()
		time.Sleep(time.Minute) // long enough for a turn that nobody renews to run out
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		began := time.Now()
		o, err := Run(ctx, s, b.job("2026-11-21"), e.begin)
		if err != nil || o.State != GoingOn || time.Since(began) != 2*time.Minute-timeToStop {
			t.Errorf("%s, %v after %s", o.State, err, time.Since(began))
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(e.heard) != 1 {
			t.Errorf("heard %q", e.heard)
		}
	})
}

// The turn of a call that was killed is taken when it has run out, and at once where
// it could not run out for a day.
func TestTurnIsTaken(t *testing.T) {
	t.Parallel()
	for held, waits := range map[time.Duration]time.Duration{
		10 * time.Second: 10 * time.Second, -time.Hour: turnAsked, 24 * time.Hour: turnAsked,
	} {
		bubble(t, held.String(), func(t *testing.T) {
			s, b, e := newMemory(nil), newBooks(5), new(ears)
			text, err := json.Marshal(turn{"somebody", time.Now().Add(held)})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.PutNew(t.Context(), "runs/credit/north/turn.json", text); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			if o, err := Run(t.Context(), s, b.job("2026-11-21"), e.begin); err != nil || o.State != Done {
				t.Errorf("%s, %v", o.State, err)
			}
			if took := time.Since(began); took < waits || took > waits+2*turnAsked {
				t.Errorf("waits %s, want %s", took, waits)
			}
		})
	}
}

// unlisted is a store whose lists do not have a run yet.
type unlisted struct {
	*memory
	run string
}

func (s unlisted) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for object, err := range s.memory.List(ctx, prefix) {
			if !strings.Contains(object.Name, s.run+"/") && !yield(object, err) {
				return
			}
		}
	}
}

// A run that a list lacks is compared with all the same.
func TestPreviousIsNotListed(t *testing.T) {
	t.Parallel()
	for _, before := range [][]string{{"2026-11-20"}, {"2026-11-19", "2026-11-20"}} {
		s, b := newMemory(nil), newBooks(57)
		for _, run := range before {
			runToEnd(t, s, b.job(run))
		}
		if m := runToEnd(t, unlisted{s, "2026-11-20"}, b.job("2026-11-21")).Manifest; m.Previous == nil || *m.Previous != "2026-11-20" {
			t.Errorf("after %v it is compared with %v", before, m.Previous)
		}
	}
}
