package snapshot

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/internal/snapshot/store"
	"partnerlens/pkg/core"
)

// counting is a Watch that counts how often it told.
type counting struct {
	crossings
	told *int
}

func (c *counting) Tell(ctx context.Context, m Manifest) jsontext.Value {
	*c.told++
	return c.crossings.Tell(ctx, m)
}

// held makes the books wait at their last page until they may go on.
func (b *books) held() (reached chan bool, goOn chan bool) {
	reached, goOn = make(chan bool, 9), make(chan bool)
	b.before = func(row int) error {
		if row >= 50 {
			reached <- true
			<-goOn
		}
		return nil
	}
	return reached, goOn
}

// behind starts a run that is still reading when the first one, of other books, is
// done. It gives what came of it, and how often both told.
func behind(t *testing.T, s, its store.Store, first, second Job, waits *books) (outcome Outcome, told int) {
	t.Helper()
	begin := func(Manifest) Watch { return &counting{told: &told} }
	reached, goOn := waits.held()
	over := make(chan struct{})
	go func() {
		defer close(over)
		outcome, _ = Run(context.Background(), its, second, begin)
	}()
	<-reached
	if o, err := Run(t.Context(), s, first, begin); err != nil || o.State != Done {
		t.Fatalf("%s, %v", o.State, err)
	}
	was := objects(t, s)
	close(goOn)
	<-over
	for name, text := range objects(t, s) {
		if was[name] != text && !strings.Contains(name, "progress/") {
			t.Errorf("%s changed after its run was complete", name)
		}
	}
	return outcome, told
}

// Whoever comes second to the end of a run changes nothing of it, and tells nobody.
func TestSecondToTheEnd(t *testing.T) {
	t.Parallel()
	yesterday := newMemory(nil)
	runToEnd(t, yesterday, newBooks(57).job("2026-11-21"))
	for _, partSize := range []int{1000, 19} {
		s := newMemory(yesterday)
		a, b := newBooks(57), newBooks(57)
		a.tomorrow()
		b.left[40] = 777 // spent in between
		first, second := a.job("2026-11-22"), b.job("2026-11-22")
		first.PartSize, second.PartSize = partSize, partSize
		outcome, told := behind(t, s, s, first, second, b)
		if outcome.State != Already || told != 1 {
			t.Errorf("parts of %d: %s, told %d times", partSize, outcome.State, told)
		}
		runToEnd(t, s, a.job("2026-11-22"))
		for name := range objects(t, s) {
			if strings.Contains(name, "progress/") {
				t.Errorf("%s is left", name)
			}
		}
	}
}

// One that cannot be proven does not undo one that could.
func TestUnprovenSecond(t *testing.T) {
	t.Parallel()
	s, b := newMemory(nil), newBooks(57)
	b.lie = 5
	if outcome, _ := behind(t, s, s, newBooks(57).job("2026-11-22"), b.job("2026-11-22"), b); outcome.State != Already {
		t.Errorf("the second is %s", outcome.State)
	}
}

// One that is killed while it stores leaves what the manifest says.
func TestSecondIsKilled(t *testing.T) {
	t.Parallel()
	s, b := newMemory(nil), newBooks(57)
	b.left[40] = 777
	second := b.job("2026-11-22")
	second.PartSize = 1000
	behind(t, s, killedStoring{s}, newBooks(57).job("2026-11-22"), second, b)
	runToEnd(t, s, newBooks(57).job("2026-11-22"))
}

// killedStoring is a store that is gone once the customers are stored.
type killedStoring struct{ *memory }

func (s killedStoring) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	err := s.memory.Put(ctx, name, write)
	if strings.HasSuffix(name, manifestName) || strings.HasSuffix(name, tableName) {
		return errRefused
	}
	return err
}

// The run that a claim was to be compared with may be deleted before it is.
func TestPreviousIsDeleted(t *testing.T) {
	t.Parallel()
	s := newMemory(nil)
	runToEnd(t, s, newBooks(57).job("2026-11-01"))
	b := newBooks(57)
	ctx, cancel := context.WithCancel(t.Context())
	_, _ = Run(ctx, s, b.job("2026-11-20"), func(Manifest) Watch { cancel(); return new(crossings) }) // killed after the claim
	runToEnd(t, s, newBooks(57).job("2026-11-21"))
	if deleted, err := Retain(t.Context(), s, "credit", "north", 10, "", morning); err != nil || len(deleted) != 1 {
		t.Fatal(deleted, err)
	}
	if m := runToEnd(t, s, b.job("2026-11-20")).Manifest; m.Previous != nil {
		t.Errorf("compared with %s", *m.Previous)
	}
}

// What somebody took away of an old run stops no later one.
func TestOldRunIsDamaged(t *testing.T) {
	t.Parallel()
	for name, compared := range map[string]bool{stateName: true, customersName: false} {
		s := newMemory(nil)
		runToEnd(t, s, newBooks(57).job("2026-11-20"))
		if err := s.Delete(t.Context(), "runs/credit/north/2026-11-20/"+name); err != nil {
			t.Fatal(err)
		}
		if m := runToEnd(t, s, newBooks(57).job("2026-11-21")).Manifest; (m.Previous != nil) != compared {
			t.Errorf("without %s: compared with %v", name, m.Previous)
		}
	}
}

// Where the settings changed in between, nobody can go on from a cursor: reading
// begins anew. And a run of another scope is compared with none.
func TestScopeChanges(t *testing.T) {
	t.Parallel()
	s, b := newMemory(nil), newBooks(57)
	runToEnd(t, s, b.job("2026-11-20"))
	b.before = func(row int) error {
		if row >= 40 {
			return &core.Error{Code: core.CodeDeadline}
		}
		return nil
	}
	if o, err := runOnce(t.Context(), s, b.job("2026-11-21")); err != nil || o.State != GoingOn {
		t.Fatal(o.State, err)
	}
	b.before = nil
	job := b.job("2026-11-21")
	job.Params = core.Params{"order": {"desc"}}
	if m := runToEnd(t, s, job).Manifest; m.Count != 57 || m.Previous != nil {
		t.Errorf("%d customers, compared with %v", m.Count, m.Previous)
	}
}

// A run is of one set of settings: what was read by others before they changed is
// read anew, whether all of it was read or a part, and whatever fails meanwhile.
func TestSettingsChangeBetweenPieces(t *testing.T) {
	t.Parallel()
	changed := func(b *books) Job {
		job := b.job("2026-11-21")
		job.Thresholds = map[string]any{"credit_low": "50%"}
		job.Settle = func(record core.Record) core.Record {
			c := *record.(*core.CustomerCredit)
			c.Status = "by the new ones"
			return &c
		}
		return job
	}
	want := newMemory(nil)
	runToEnd(t, want, changed(newBooks(57)))
	for _, claimed := range []bool{false, true} {
		begun, b := newMemory(nil), newBooks(57)
		if claimed {
			ctx, cancel := context.WithCancel(t.Context())
			_, _ = Run(ctx, begun, b.job("2026-11-21"), func(Manifest) Watch { cancel(); return new(crossings) })
		} else {
			b.before = func(row int) error {
				if row >= 40 {
					return &core.Error{Code: core.CodeDeadline}
				}
				return nil
			}
			if o, err := runOnce(t.Context(), begun, b.job("2026-11-21")); err != nil || o.State != GoingOn {
				t.Fatal(o.State, err)
			}
		}
		if _, there := begun.objects["runs/credit/north/2026-11-21/"+claimName]; there != claimed {
			t.Fatalf("claimed: %t", there)
		}
		for at := range 40 {
			bubble(t, fmt.Sprintf("%t/%d", claimed, at), func(t *testing.T) {
				s, b := newMemory(begun), newBooks(57)
				var n atomic.Int32
				_, _ = runOnce(t.Context(), shaky(s, at, at%2 == 0, true, &n), changed(b))
				runToEnd(t, s, changed(b))
				runToEnd(t, s, changed(b))
				same(t, s, objects(t, want))
			})
		}
	}
}

// slowStore takes its time with one object.
type slowStore struct{ *memory }

func (s slowStore) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	if strings.HasSuffix(name, tableName) {
		time.Sleep(5 * time.Second)
	}
	return s.memory.Put(ctx, name, write)
}

// A channel is told while there is time to reach it, or by the next call.
func TestTellingIsLeftToTheNextCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, told := slowStore{newMemory(nil)}, 0
		begin := func(Manifest) Watch { return &counting{told: &told} }
		for i, want := range []State{GoingOn, Done} {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			o, err := Run(ctx, s, newBooks(57).job("2026-11-22"), begin)
			cancel()
			if err != nil || o.State != want || told != i {
				t.Errorf("call %d: %s, %v, told %d times", i, o.State, err, told)
			}
		}
	})
}

// A run of an earlier day that is made up for later tells nobody: what it would tell
// was told with the later one.
func TestLateRunTellsNobody(t *testing.T) {
	t.Parallel()
	s, b, told := newMemory(nil), newBooks(57), 0
	for _, run := range []string{"2026-11-20", "2026-11-22", "2026-11-21"} {
		if _, err := Run(t.Context(), s, b.job(run), func(Manifest) Watch { return &counting{told: &told} }); err != nil {
			t.Fatal(err)
		}
	}
	if told != 2 {
		t.Errorf("told %d times", told)
	}
}
