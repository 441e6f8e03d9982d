package snapshot

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/internal/snapshot/store"
	"partnerlens/internal/snapshot/store/storetest"
	"partnerlens/pkg/core"
)

var morning = time.Date(2026, 11, 21, 22, 0, 0, 0, time.UTC)

// books is a cloud: customers and what they have left.
type books struct {
	mu     sync.Mutex
	left   map[int]int // by customer
	calls  int
	before func(row int) error
	lie    int // added to the total
}

func newBooks(n int) *books {
	b := &books{left: make(map[int]int)}
	for i := range n {
		b.left[i] = 100 + i
	}
	return b
}

const pageSize = 10

func (b *books) FetchPage(ctx context.Context, _ core.CreditQuery, at core.Cursor) (page core.Page[*core.CustomerCredit], _ error) {
	if err := ctx.Err(); err != nil {
		return page, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	if b.before != nil {
		if err := b.before(at.Offset); err != nil {
			return page, err
		}
	}
	all := slices.Sorted(maps.Keys(b.left))
	end := min(at.Offset+pageSize, len(all))
	for _, i := range all[min(at.Offset, end):end] {
		page.Items = append(page.Items, customer(i, b.left[i]))
	}
	total := len(all) + b.lie
	page.Total = &total
	if end < len(all) {
		page.Next = &core.Cursor{Offset: end, Size: pageSize}
	}
	page.RequestID = fmt.Sprint("request-", b.calls)
	return page, nil
}

func customer(i, left int) *core.CustomerCredit {
	allocated, _ := core.ParseMoney("1000")
	remaining, _ := core.ParseMoney(strconv.Itoa(left))
	no, joined := false, morning.AddDate(-1, 0, 0).Add(time.Duration(i)*time.Second)
	// Keys sort otherwise than customers come.
	return &core.CustomerCredit{
		Provider: "tencentcloud", CustomerID: strconv.Itoa(200000000000 + (i*7919)%10007), Name: "Customer " + strconv.Itoa(i), Forced: &no,
		Credit: core.Credit{Allocated: &allocated, Remaining: &remaining, Currency: "USD"}, AssociatedAt: &joined,
	}
}

func (b *books) function() *core.Function {
	reader := core.NewReader(b, &core.ReaderOptions[core.CreditQuery]{Schema: core.Schema("credit"), Provider: "tencentcloud", Account: "north", Tries: 1})
	return core.CreditFunction(func(context.Context, string) (*core.Reader[core.CreditQuery, *core.CustomerCredit], error) {
		return reader, nil
	},
		func(context.Context) ([]string, error) { return []string{"north"}, nil })
}

func (b *books) job(run string) Job {
	return Job{
		Function: b.function(), Account: "north", Run: run, PartSize: 19, Version: "test",
		Thresholds: map[string]any{"credit_low": "10%"},
		Now:        func() time.Time { return morning },
		Table: func() ([]byte, func([]byte, core.Record) []byte) {
			return []byte("cells\r\n"), func(b []byte, r core.Record) []byte {
				return append(b, strings.Join(r.Cells(), ",")+"\r\n"...)
			}
		},
	}
}

// crossings is a Watch that tells of every status that changed, and remembers
// how many runs a customer was in.
type crossings struct {
	told int
}

func (c *crossings) Judge(before, after core.Record, was jsontext.Value) (alerts []jsontext.Value, kinds []string, is jsontext.Value, err error) {
	seen := 0
	if was != nil {
		if err := json.Unmarshal(was, &seen); err != nil {
			return nil, nil, nil, err
		}
	}
	from, to := "none", "none"
	if before != nil {
		from = before.StatusText()
	}
	if after != nil {
		to = after.StatusText()
	}
	if from != to && seen > 0 {
		alerts, kinds = append(alerts, jsontext.Value(strconv.Quote(from+" to "+to))), append(kinds, to)
	}
	return alerts, kinds, jsontext.Value(strconv.Itoa(seen + 1)), nil
}

func (c *crossings) Tell(context.Context, Manifest) jsontext.Value {
	c.told++
	return jsontext.Value(`[{"channel":"ops"}]`)
}

func (c *crossings) Untold(Manifest) bool { return false }

func (c *crossings) Retell(_ context.Context, m Manifest, _ iter.Seq2[jsontext.Value, error]) (jsontext.Value, error) {
	return m.Deliveries, nil
}

// folder is a store of the test's own: a folder, or a place in the bucket that
// scripts/s3.sh serves.
func folder(t *testing.T) store.Store {
	t.Helper()
	where := "file://" + t.TempDir()
	if bucket := os.Getenv("PARTNERLENS_TEST_S3"); bucket != "" {
		path, query, _ := strings.Cut(bucket, "?")
		where = path + "/" + strings.ToLower(rand.Text()) + "?" + query
	}
	s, err := store.Open(where, store.Options{Getenv: os.Getenv})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// memory is enough of a Store for tests that need thousands of operations; what
// goes through a folder and a bucket is tested too.
type memory struct {
	mu      sync.Mutex
	objects map[string][]byte
}

func newMemory(from *memory) *memory {
	m := &memory{objects: make(map[string][]byte)}
	if from != nil {
		maps.Copy(m.objects, from.objects)
	}
	return m
}

func (m *memory) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return nil, core.AsError(ctx.Err())
	}
	body, ok := m.objects[name]
	if !ok {
		return nil, &core.Error{Code: core.CodeNotFound}
	}
	return io.NopCloser(bytes.NewReader(body)), nil
}

func (m *memory) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	var body bytes.Buffer
	if err := write(&body); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return core.AsError(ctx.Err())
	}
	m.objects[name] = body.Bytes()
	return nil
}

func (m *memory) PutNew(ctx context.Context, name string, body []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch _, ok := m.objects[name]; {
	case ctx.Err() != nil:
		return core.AsError(ctx.Err())
	case ok:
		return store.ErrExists
	}
	m.objects[name] = body
	return nil
}

func (m *memory) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		m.mu.Lock()
		names := slices.Sorted(maps.Keys(m.objects))
		m.mu.Unlock()
		for _, name := range names {
			if ctx.Err() != nil {
				yield(store.Object{}, core.AsError(ctx.Err()))
				return
			}
			if strings.HasPrefix(name, prefix) && !yield(store.Object{Name: name}, nil) {
				return
			}
		}
	}
}

func (m *memory) Delete(ctx context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return core.AsError(ctx.Err())
	}
	delete(m.objects, name)
	return nil
}

func runOnce(ctx context.Context, s store.Store, job Job) (Outcome, error) {
	return Run(ctx, s, job, func(Manifest) Watch { return new(crossings) })
}

// runToEnd calls Run as schedules do, until it is done.
func runToEnd(t *testing.T, s store.Store, job Job) Outcome {
	t.Helper()
	for range 20 {
		outcome, err := runOnce(t.Context(), s, job)
		if err == nil && (outcome.State == Done || outcome.State == Already) {
			return outcome
		}
	}
	t.Fatal("the run does not end")
	return Outcome{}
}

// objects are all that a store holds, unpacked, the manifests without what
// differs from time to time.
func objects(t *testing.T, s store.Store) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for object, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		text := get(t, s, object.Name)
		if strings.HasSuffix(object.Name, manifestName) {
			var m Manifest
			if err := json.Unmarshal([]byte(text), &m); err != nil {
				t.Fatalf("%s: %v", object.Name, err)
			}
			for _, o := range m.Objects {
				packed := get(t, s, strings.TrimSuffix(object.Name, manifestName)+o.Name)
				if sum := sha256.Sum256([]byte(packed)); hex.EncodeToString(sum[:]) != o.SHA256 || int64(len(packed)) != o.Bytes {
					t.Errorf("%s: %s is not what the manifest says", object.Name, o.Name)
				}
			}
			m.Takes, m.Pieces, m.ReadMS, m.FinishMS, m.RequestIDs = 0, 0, 0, 0, nil
			normal, err := core.AppendJSON(nil, m)
			if err != nil {
				t.Fatal(err)
			}
			text = string(normal)
		}
		all[object.Name] = text
	}
	return all
}

func get(t *testing.T, s store.Store, name string) string {
	t.Helper()
	body, err := s.Get(t.Context(), name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return string(text)
}

func unpacked(t *testing.T, text string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

// tomorrow is what happens to the books between two runs: one customer goes, one
// comes, one runs low, and one spends a little.
func (b *books) tomorrow() {
	delete(b.left, 3)
	b.left[99] = 500
	b.left[20] = 50
	b.left[30]--
}

func TestTwoRuns(t *testing.T) {
	t.Parallel()
	s, b := folder(t), newBooks(57)
	first := runToEnd(t, s, b.job("2026-11-21"))
	m := first.Manifest
	if first.State != Done || !m.Complete || m.Count != 57 || *m.Total != 57 || m.Previous != nil || m.Changes != (ChangeCounts{}) || len(m.Alerts) > 0 || m.ByStatus["ok"] != 56 || m.ByStatus["low"] != 1 {
		t.Fatalf("%+v", first)
	}
	lines := strings.Split(strings.TrimSpace(unpacked(t, get(t, s, "runs/credit/north/2026-11-21/customers.ndjson.gz"))), "\n")
	if len(lines) != 57 || !slices.IsSorted(lines) && !slices.IsSortedFunc(lines, func(a, b string) int { return strings.Compare(id(a), id(b)) }) {
		t.Errorf("%d lines, or not in order", len(lines))
	}
	if table := get(t, s, "runs/credit/north/2026-11-21/customers.csv"); strings.Count(table, "\r\n") != 58 {
		t.Errorf("the table has %d lines", strings.Count(table, "\r\n"))
	}
	if changes := get(t, s, "runs/credit/north/2026-11-21/changes.ndjson"); changes != "" {
		t.Errorf("the first run has changes: %s", changes)
	}

	b.tomorrow()
	second := runToEnd(t, s, b.job("2026-11-22")).Manifest
	if *second.Previous != "2026-11-21" || second.Changes != (ChangeCounts{New: 1, Gone: 1, Changed: 2}) || !maps.Equal(second.Alerts, map[string]int{"low": 1, "none": 1}) {
		t.Errorf("%+v", second)
	}
	changes := get(t, s, "runs/credit/north/2026-11-22/changes.ndjson")
	for _, want := range []string{
		`{"change":"changed","customer_id":"` + customer(20, 0).CustomerID + `","key":"` + customer(20, 0).CustomerID + `","fields":{"remaining":{"old":"120","new":"50"},"status":{"old":"ok","new":"low"}}}`,
		`"fields":{"remaining":{"old":"130","new":"129"}}`, `{"change":"new","customer_id":"` + customer(99, 0).CustomerID, `{"change":"gone","customer_id":"` + customer(3, 0).CustomerID,
	} {
		if !strings.Contains(changes, want) {
			t.Errorf("no %s in\n%s", want, changes)
		}
	}
	var told struct {
		Alerts []string `json:"alerts"`
	}
	if err := json.Unmarshal([]byte(get(t, s, "runs/credit/north/2026-11-22/alerts.json")), &told, json.RejectUnknownMembers(false)); err != nil || len(told.Alerts) != 2 {
		t.Errorf("alerts.json: %v, %v", told, err)
	}
	if state := unpacked(t, get(t, s, "runs/credit/north/2026-11-22/state.ndjson.gz")); strings.Count(state, `"state":2`) != 56 || strings.Count(state, `"state":1`) != 1 {
		t.Errorf("state:\n%s", state)
	}
	if newest := get(t, s, "runs/credit/north/latest.json"); !strings.Contains(newest, `"run":"2026-11-22"`) {
		t.Errorf("latest.json: %s", newest)
	}
	for name := range objects(t, s) {
		if strings.Contains(name, "/progress/") || strings.HasSuffix(name, turnName) || strings.HasSuffix(name, untoldName) {
			t.Errorf("%s is left", name)
		}
	}

	// Again, late, or twice: nothing is asked, nothing is written.
	calls, before := b.calls, objects(t, s)
	for _, run := range []string{"2026-11-22", "2026-11-21"} {
		if outcome := runToEnd(t, s, b.job(run)); outcome.State != Already {
			t.Errorf("%s again: %s", run, outcome.State)
		}
	}
	if b.calls != calls || !maps.Equal(objects(t, s), before) {
		t.Error("a run that was done was done again")
	}
}

func id(line string) string {
	_, after, _ := strings.Cut(line, `"customer_id":"`)
	return after[:12]
}

var errRefused = &core.Error{Code: core.CodeUnavailable, Detail: "refused by the test"}

// shaky is a store that refuses its at-th operation, before or after it took
// effect; and where it is gone every one after it, as after a kill.
func shaky(s store.Store, at int, after, gone bool, count *atomic.Int32) store.Store {
	return storetest.Faulty(s, func(_ string, n int) error {
		count.Store(int32(n))
		switch {
		case n == at && after:
			return storetest.Done(errRefused)
		case n == at, n > at && gone:
			return errRefused
		}
		return nil
	})
}

// Whichever operation of the store fails, before or after it took effect, once or
// as in a kill: called again, the run ends with the bytes of an undisturbed one.
func TestEveryOperationMayFail(t *testing.T) {
	t.Parallel()
	calm := newMemory(nil)
	b := newBooks(57)
	runToEnd(t, calm, b.job("2026-11-21"))
	yesterday := newMemory(calm)
	var operations atomic.Int32
	b.tomorrow()
	runToEnd(t, shaky(calm, math.MaxInt, false, false, &operations), b.job("2026-11-22"))
	want := objects(t, calm)
	all := int(operations.Load())
	if all < 25 {
		t.Fatalf("%d operations", all)
	}
	for _, mode := range []struct{ after, gone bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		for at := 1; at <= all; at++ {
			bubble(t, fmt.Sprintf("%+v/%d", mode, at), func(t *testing.T) {
				s, b := newMemory(yesterday), newBooks(57)
				b.tomorrow()
				var n atomic.Int32
				outcome, err := runOnce(t.Context(), shaky(s, at, mode.after, mode.gone, &n), b.job("2026-11-22"))
				if err == nil && int(n.Load()) >= at && outcome.State != Done {
					t.Errorf("%s, and nobody is told", outcome.State)
				}
				runToEnd(t, s, b.job("2026-11-22"))
				runToEnd(t, s, b.job("2026-11-22")) // tidies up what a run that was killed left
				same(t, s, want)
			})
		}
	}
}

// bubble is a parallel test of its own, in which waits pass in no time.
func bubble(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, test)
	})
}

// same holds a store to what it must hold. The turn of a call that was killed runs
// out, and the next run takes it.
func same(t *testing.T, s store.Store, want map[string]string) {
	t.Helper()
	got := objects(t, s)
	delete(got, place{"credit", "north"}.turn())
	for name, text := range got {
		if want[name] != text {
			t.Errorf("%s differs:\n%q\n%q", name, want[name], text)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d objects, want %d", len(got), len(want))
	}
}

// However often time runs out, the pieces make the bytes of one go.
func TestTimeRunsOut(t *testing.T) {
	t.Parallel()
	calm := folder(t)
	runToEnd(t, calm, newBooks(57).job("2026-11-21"))
	want := objects(t, calm)
	for pages := 1; pages < 6; pages++ {
		s, b := store.Store(newMemory(nil)), newBooks(57)
		var states []State
		for piece := 1; piece < 20; piece++ {
			b.before = func(row int) error {
				if row >= piece*pages*pageSize {
					return &core.Error{Code: core.CodeDeadline, Detail: "time ran out"}
				}
				return nil
			}
			outcome, err := runOnce(t.Context(), s, b.job("2026-11-21"))
			if err != nil {
				t.Fatal(err)
			}
			if states = append(states, outcome.State); outcome.State == Done {
				break
			}
		}
		if last := states[len(states)-1]; last != Done || len(states) != (6+pages-1)/pages && pages < 6 {
			t.Errorf("%d pages a time: %v", pages, states)
		}
		if got := objects(t, s); !maps.Equal(got, want) {
			t.Errorf("%d pages a time: other bytes", pages)
		}
	}
}

// A cloud that fails in the middle costs nothing that was read.
func TestCloudFails(t *testing.T) {
	t.Parallel()
	s, b := store.Store(newMemory(nil)), newBooks(57)
	b.before = func(row int) error {
		if row >= 30 {
			return &core.Error{Code: core.CodeUpstream, Detail: "broken"}
		}
		return nil
	}
	if _, err := runOnce(t.Context(), s, b.job("2026-11-21")); core.CodeOf(err) != core.CodeUpstream {
		t.Fatal(err)
	}
	first := b.calls
	b.before = nil
	outcome := runToEnd(t, s, b.job("2026-11-21"))
	if outcome.State != Done || outcome.Manifest.Count != 57 || b.calls-first > 5 {
		t.Errorf("%+v after %d further calls", outcome, b.calls-first)
	}
}

// Two at once end as one: one set of bytes, and each object what the manifest says.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	calm := newMemory(nil)
	b := newBooks(57)
	runToEnd(t, calm, b.job("2026-11-21"))
	yesterday := newMemory(calm)
	b.tomorrow()
	runToEnd(t, calm, b.job("2026-11-22"))
	want := objects(t, calm)
	for range 10 {
		s, b := newMemory(yesterday), newBooks(57)
		b.tomorrow()
		var under sync.WaitGroup
		for range 4 {
			under.Go(func() { _, _ = runOnce(t.Context(), s, b.job("2026-11-22")) })
		}
		under.Wait()
		runToEnd(t, s, b.job("2026-11-22"))
		if got := objects(t, s); !maps.Equal(got, want) {
			t.Error("other bytes than one by itself")
		}
	}
}

// A list that cannot be proven whole is no run to compare with, and says nothing of
// anybody; the next call reads anew.
func TestUnprovenIsNoRun(t *testing.T) {
	t.Parallel()
	s, b := store.Store(newMemory(nil)), newBooks(57)
	runToEnd(t, s, b.job("2026-11-20"))
	b.lie = 5
	outcome, err := runOnce(t.Context(), s, b.job("2026-11-21"))
	if err != nil || outcome.State != Incomplete || outcome.Manifest.Complete || len(outcome.Manifest.Objects) > 0 || len(outcome.Manifest.Warnings) == 0 {
		t.Fatalf("%v, %+v", err, outcome)
	}
	if text := get(t, s, "runs/credit/north/2026-11-21/manifest.json"); !strings.Contains(text, `"complete":false`) || !strings.Contains(text, core.WarnTotalMismatch) {
		t.Errorf("manifest: %s", text)
	}
	b.lie = 0
	if m := runToEnd(t, s, b.job("2026-11-22")).Manifest; *m.Previous != "2026-11-20" || m.Changes != (ChangeCounts{}) {
		t.Errorf("compared with an incomplete run: %+v", m)
	}
	if m := runToEnd(t, s, b.job("2026-11-21")).Manifest; !m.Complete || *m.Previous != "2026-11-20" {
		t.Errorf("read anew: %+v", m)
	}
	if newest := get(t, s, "runs/credit/north/latest.json"); !strings.Contains(newest, `"run":"2026-11-22"`) {
		t.Errorf("an older run took latest.json: %s", newest)
	}
}

func TestRetain(t *testing.T) {
	t.Parallel()
	s, b := newMemory(nil), newBooks(5)
	for day := 1; day <= 9; day++ {
		b.lie = 0
		if day > 6 { // the newest three are not complete
			b.lie = 1
			_, _ = runOnce(t.Context(), s, b.job(fmt.Sprintf("2026-11-0%d", day)))
			continue
		}
		runToEnd(t, s, b.job(fmt.Sprintf("2026-11-0%d", day)))
	}
	b.before = func(row int) error { // one that never came to its end
		if row > 0 {
			return &core.Error{Code: core.CodeDeadline}
		}
		return nil
	}
	b.lie, b.left = 0, newBooks(30).left
	if outcome, err := runOnce(t.Context(), s, b.job("2026-10-31")); err != nil || outcome.State != GoingOn {
		t.Fatalf("%v, %+v", err, outcome)
	}
	now := time.Date(2026, 11, 9, 12, 0, 0, 0, time.UTC)
	deleted, err := Retain(t.Context(), s, "credit", "north", 4, "", now)
	if err != nil || !slices.Equal(deleted, []string{"2026-10-31", "2026-11-01", "2026-11-02", "2026-11-03", "2026-11-04"}) {
		t.Errorf("%v, %v", deleted, err)
	}
	deleted, err = Retain(t.Context(), s, "credit", "north", 0, "2026-11-05", now.AddDate(1, 0, 0))
	if err != nil || slices.Contains(deleted, "2026-11-06") || slices.Contains(deleted, "2026-11-05") || len(deleted) != 3 {
		t.Errorf("the newest complete run must stay, and the one that was asked for: %v, %v", deleted, err)
	}
	for name := range objects(t, s) {
		if !strings.Contains(name, "2026-11-06/") && !strings.Contains(name, "2026-11-05/") && !strings.HasSuffix(name, latestName) {
			t.Errorf("%s is left", name)
		}
	}
}

// A function that was left with its platform's three seconds is told what to set.
func TestTimeLimitThatIsTooShort(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	b := newBooks(5)
	if _, err := runOnce(ctx, newMemory(nil), b.job("2026-11-22")); core.CodeOf(err) != core.CodeMisconfigured || !strings.Contains(err.Error(), "timeout to 900 s") || b.calls > 0 {
		t.Errorf("%v after %d calls", err, b.calls)
	}
}

func TestRunIDs(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 8*3600)
	at := time.Date(2026, 12, 31, 22, 30, 0, 0, time.UTC)
	if got := RunID(at, EveryDay, zone); got != "2027-01-01" {
		t.Errorf("RunID = %s", got)
	}
	if got := RunID(at, EveryHour, zone); got != "2027-01-01T06" {
		t.Errorf("RunID = %s", got)
	}
	for run, want := range map[string]string{"2027-01-01": "2026-12-31T16:00:00Z", "2027-01-01T06": "2026-12-31T22:00:00Z"} {
		if got := Begins(run, zone).UTC().Format(time.RFC3339); got != want {
			t.Errorf("Begins(%s) = %s, want %s", run, got, want)
		}
	}
	for _, bad := range []string{"", "..", "2026-13-01", "2026-11-22T6", "2026-11-22/x", "today", "2026-11-22T24", "2026-11-24", "2026-11-24T00"} {
		if _, err := runOnce(t.Context(), newMemory(nil), newBooks(1).job(bad)); core.CodeOf(err) != core.CodeInvalid { // on the 22nd in the zone
			t.Errorf("%q: %v", bad, err)
		}
	}
	for run, zone := range map[string]*time.Location{"2026-11-23": nil, "2026-11-23T23": zone, "2026-11-22": time.UTC} {
		job := newBooks(1).job(run)
		job.Zone = zone
		if _, err := runOnce(t.Context(), newMemory(nil), job); err != nil {
			t.Errorf("%s: %v", run, err)
		}
	}
	job := newBooks(1).job("2026-11-23")
	job.Zone = time.UTC
	if _, err := runOnce(t.Context(), newMemory(nil), job); core.CodeOf(err) != core.CodeInvalid || !strings.Contains(err.Error(), "2026-11-22") {
		t.Errorf("the day after tomorrow: %v", err)
	}
}
