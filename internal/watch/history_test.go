package watch_test

import (
	"bytes"
	"context"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"partnerlens/internal/store"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// call is a call for a run, at a time, in a zone.
type call struct {
	run  string
	at   string // RFC 3339; "": in the morning of the run
	zone string // as +08:00; "": the vendor's
}

func (w *world) callAt(t tester, c call) watch.Outcome {
	t.Helper()
	zone := core.VendorZone
	if c.zone != "" {
		moment, err := time.Parse("-07:00", c.zone)
		if err != nil {
			t.Fatalf("%v", err)
		}
		_, seconds := moment.Zone()
		zone = time.FixedZone(c.zone, seconds)
	}
	w.change = func(job *watch.Job) {
		job.Zone = zone
		if c.at != "" {
			at, err := time.Parse(time.RFC3339, c.at)
			if err != nil {
				t.Fatalf("%v", err)
			}
			job.Now = func() time.Time { return at }
		}
	}
	defer func() { w.change = nil }()
	return w.watch(t, c.run)
}

// Every crossing is reported once, however interval and zone change between runs.
func TestSwitchesLoseNothing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		calls    []call // a customer is overdrawn before each but the first
		previous []string
	}{
		{"day to hour", []call{{run: "2026-11-20"}, {run: "2026-11-21T06"}, {run: "2026-11-21T07"}}, []string{"", "2026-11-20", "2026-11-21T06"}},
		{"hour to day", []call{{run: "2026-11-20T22"}, {run: "2026-11-20T23"}, {run: "2026-11-21"}, {run: "2026-11-22"}}, []string{"", "2026-11-20T22", "2026-11-20T23", "2026-11-21"}},
		{"hour to day, in the middle of the day", []call{
			{run: "2026-11-21T05", at: "2026-11-20T21:30:00Z"}, {run: "2026-11-21T06", at: "2026-11-20T22:30:00Z"}, {run: "2026-11-21", at: "2026-11-20T23:00:00Z"}, {run: "2026-11-22"}},
			[]string{"", "2026-11-21T05", "2026-11-21T06", "2026-11-21"}},
		{"day to hour and back, within a day", []call{
			{run: "2026-11-20"}, {run: "2026-11-21", at: "2026-11-20T22:00:00Z"}, {run: "2026-11-21T07", at: "2026-11-20T23:30:00Z"}, {run: "2026-11-21T08", at: "2026-11-21T00:30:00Z"}, {run: "2026-11-22"}},
			[]string{"", "2026-11-20", "2026-11-21", "2026-11-21T07", "2026-11-21T08"}},
		{"the zone moves west", []call{
			{run: "2026-11-21"}, {run: "2026-11-22", at: "2026-11-21T22:00:00Z"}, {run: "2026-11-23", at: "2026-11-23T22:00:00Z", zone: "-07:00"}},
			[]string{"", "2026-11-21", "2026-11-22"}},
		{"the zone moves west, and the day comes again under a new name", []call{
			{run: "2026-11-20", at: "2026-11-19T22:00:00Z"}, {run: "2026-11-22", at: "2026-11-21T16:30:00Z"},
			{run: "2026-11-21", at: "2026-11-21T23:00:00Z", zone: "-07:00"}, {run: "2026-11-23", at: "2026-11-23T13:00:00Z", zone: "-07:00"}},
			[]string{"", "2026-11-20", "2026-11-22", "2026-11-21"}},
		{"the zone moves west and back", []call{
			{run: "2026-11-04"}, {run: "2026-11-06", at: "2026-11-05T20:30:00Z"}, {run: "2026-11-05", at: "2026-11-06T04:30:00Z", zone: "-07:00"}, {run: "2026-11-08"}},
			[]string{"", "2026-11-04", "2026-11-06", "2026-11-05"}},
		{"the zone moves east", []call{
			{run: "2026-11-20", at: "2026-11-20T13:00:00Z", zone: "-07:00"}, {run: "2026-11-21", at: "2026-11-21T13:00:00Z", zone: "-07:00"}, {run: "2026-11-22", at: "2026-11-21T22:00:00Z"}, {run: "2026-11-23"}},
			[]string{"", "2026-11-20", "2026-11-21", "2026-11-22"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(newMemory(nil), 57)
			var want []string
			for i, c := range test.calls {
				if i > 0 {
					w.books.left[i] = -1
					want = append(want, c.run+" credit_overdrawn")
				}
				m := w.callAt(t, c).Manifest
				if previous := deref(m.Previous); previous != test.previous[i] || m.State != watch.Done {
					t.Errorf("%s is compared with %q, want %q; %+v", c.run, previous, test.previous[i], m)
				}
			}
			if got := w.chats["ops"].said()[1:]; !slices.Equal(got, want) {
				t.Errorf("said %q, want %q", got, want)
			}
		})
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// If the name of a run was used in another zone, the call warns, and the next run reports
// what changed since.
func TestNameOfAnotherZone(t *testing.T) {
	t.Parallel()
	w := newWorld(newMemory(nil), 57)
	w.callAt(t, call{run: "2026-11-22", at: "2026-11-21T22:00:00Z"})
	w.books.left[1] = -1
	outcome := w.callAt(t, call{run: "2026-11-22", at: "2026-11-22T13:00:00Z", zone: "-07:00"})
	if outcome.State != watch.Already || len(outcome.Warnings) != 1 || outcome.Warnings[0].Code != watch.WarnZoneChanged {
		t.Errorf("%+v", outcome)
	}
	w.callAt(t, call{run: "2026-11-23", at: "2026-11-23T13:00:00Z", zone: "-07:00"})
	if got := w.chats["ops"].said()[1:]; !slices.Equal(got, []string{"2026-11-23 credit_overdrawn"}) {
		t.Errorf("said %q", got)
	}
}

// unlisted is a store whose lists lack a run.
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

// The previous run is found if the list lacks it, and if latest.json does not name it.
func TestPreviousIsNotListedOrNotNamed(t *testing.T) {
	t.Parallel()
	for _, before := range [][]string{{"2026-11-20"}, {"2026-11-19", "2026-11-20"}} {
		for _, lost := range []string{"the list", "latest.json"} {
			m := newMemory(nil)
			w := newWorld(m, 57)
			for _, run := range before {
				w.watch(t, run)
			}
			w.store = unlisted{m, "2026-11-20"}
			if lost == "latest.json" {
				w.store = m
				delete(m.objects, "runs/credit/north/latest.json")
			}
			if m := w.watch(t, "2026-11-21").Manifest; m.Previous == nil || *m.Previous != "2026-11-20" {
				t.Errorf("without %s after %v it is compared with %v", lost, before, m.Previous)
			}
		}
	}
}

// The previous run may be deleted between two invocations.
func TestPreviousIsDeleted(t *testing.T) {
	t.Parallel()
	m := newMemory(nil)
	w := newWorld(m, 57)
	w.watch(t, "2026-11-01")
	w.books.before = func(row int) error { // killed while it reads
		if row >= 40 {
			return &core.Error{Code: core.CodeDeadline}
		}
		return nil
	}
	if _, err := w.call(t.Context(), "2026-11-20"); err != nil {
		t.Fatal(err)
	}
	w.books.before = nil
	w.watch(t, "2026-11-21")
	if deleted, err := watch.Retain(t.Context(), m, "credit", "north", 10, "", morning); err != nil || len(deleted) != 1 {
		t.Fatal(deleted, err)
	}
	if m := w.watch(t, "2026-11-20").Manifest; m.Previous != nil {
		t.Errorf("compared with %s", *m.Previous)
	}
}

// A damaged object of an earlier run is treated as missing, with a warning that names it.
// Later runs end, and report nothing twice.
func TestDamagedObjects(t *testing.T) {
	t.Parallel()
	half := func(text string) string { return text[:len(text)/2] }
	halfOfItsLines := func(text string) string { // a valid gzip
		lines := strings.SplitAfter(text, "\n")
		return packed(strings.Join(lines[:len(lines)/2], ""))
	}
	const state, customers, manifest, alerts = "state.ndjson.gz", "customers.ndjson.gz", "manifest.json", "alerts.json"
	for _, test := range []struct {
		name     string
		object   string // of the run of the 21st
		damage   func(t *testing.T, text string) string
		previous string // of the run of the 22nd
		warned   bool
	}{
		{"state cut", state, func(_ *testing.T, text string) string { return half(text) }, "2026-11-21", true},
		{"state without half its lines", state, func(t *testing.T, text string) string { return halfOfItsLines(unpacked(t, text)) }, "2026-11-21", true},
		{"state of zeros", state, func(_ *testing.T, text string) string { return strings.Repeat("\x00", len(text)) }, "2026-11-21", true},
		{"state gone", state, nil, "2026-11-21", true},
		{"customers cut", customers, func(_ *testing.T, text string) string { return half(text) }, "2026-11-20", true},
		{"customers without half their lines", customers, func(t *testing.T, text string) string { return halfOfItsLines(unpacked(t, text)) }, "2026-11-20", true},
		{"customers empty", customers, func(*testing.T, string) string { return "" }, "2026-11-20", true},
		{"customers gone", customers, nil, "2026-11-20", true},
		{"alerts cut", alerts, func(_ *testing.T, text string) string { return half(text) }, "2026-11-21", false},
		{"latest.json cut", "../latest.json", func(_ *testing.T, text string) string { return half(text) }, "2026-11-21", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := newMemory(nil)
			w := newWorld(m, 57)
			w.watch(t, "2026-11-20")
			w.books.tomorrow()
			w.watch(t, "2026-11-21")
			w.chats["ops"].taken = nil
			name := "runs/credit/north/2026-11-21/" + test.object
			if test.object == "../latest.json" {
				name = "runs/credit/north/latest.json"
			}
			if test.damage == nil {
				delete(m.objects, name)
			} else {
				m.objects[name] = []byte(test.damage(t, string(m.objects[name])))
			}
			w.books.left[40] = -1
			got := w.watch(t, "2026-11-22").Manifest
			if deref(got.Previous) != test.previous || got.State != watch.Done {
				t.Errorf("compared with %q: %+v", deref(got.Previous), got)
			}
			i := slices.IndexFunc(got.Warnings, func(w core.Warning) bool { return w.Code == watch.WarnUnreadable })
			if (i >= 0) != test.warned || i >= 0 && !strings.Contains(got.Warnings[i].Message, name) {
				t.Errorf("warns %+v", got.Warnings)
			}
			if said := w.chats["ops"].said(); !slices.Equal(said, []string{"2026-11-22 credit_overdrawn"}) {
				t.Errorf("said %q", said)
			}
			// The run after it is not affected.
			if next := w.watch(t, "2026-11-23").Manifest; deref(next.Previous) != "2026-11-22" || len(next.Warnings) > 0 || len(next.Alerts) > 0 {
				t.Errorf("%+v", next)
			}
		})
	}
	// Without a manifest there is no run: the next one reports what it reported.
	m := newMemory(nil)
	w := newWorld(m, 57)
	w.watch(t, "2026-11-20")
	w.watch(t, "2026-11-21")
	name := "runs/credit/north/2026-11-21/" + manifest
	m.objects[name] = m.objects[name][:100]
	got := w.watch(t, "2026-11-22").Manifest
	if deref(got.Previous) != "2026-11-20" || len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0].Message, name) {
		t.Errorf("%+v", got)
	}
}

// neverGives is a store that fails to return one object.
type neverGives struct {
	store.Store
	name string
	code core.Code
}

func (s neverGives) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	if strings.HasSuffix(name, s.name) {
		return nil, &core.Error{Code: s.code, Detail: name + ": refused by the test"}
	}
	return s.Store.Get(ctx, name)
}

// An object that the store fails to return, while it returns others, is treated as
// damaged. If it returns none, the call fails.
func TestObjectsThatCannotBeHad(t *testing.T) {
	t.Parallel()
	for _, code := range []core.Code{core.CodeUnavailable, core.CodeDenied, core.CodeMisconfigured} {
		for name, previous := range map[string]string{"2026-11-20/state.ndjson.gz": "2026-11-20", "2026-11-20/customers.ndjson.gz": "", "2026-11-20/manifest.json": ""} {
			bubble(t, string(code)+" "+name, func(t *testing.T) {
				w := newWorld(newMemory(nil), 57)
				w.watch(t, "2026-11-20")
				w.store = neverGives{w.store, name, code}
				outcome := w.watch(t, "2026-11-21")
				if m := outcome.Manifest; deref(m.Previous) != previous || len(m.Warnings) == 0 || !strings.Contains(m.Warnings[0].Message, name) {
					t.Errorf("%+v", m)
				}
			})
		}
	}
	bubble(t, "none", func(t *testing.T) {
		w := newWorld(newMemory(nil), 57)
		w.watch(t, "2026-11-20")
		s := w.store
		const checkpoint = "runs/credit/north/2026-11-21/progress/checkpoint.json"
		put(t, s, checkpoint, "{}")
		w.store = givesNothingOf{s, func(name string) bool {
			return strings.Contains(get(t, s, checkpoint), `"read":true`) && (strings.Contains(name, "2026-11-20/") || strings.HasSuffix(name, "lease.json"))
		}}
		if _, err := w.call(t.Context(), "2026-11-21"); core.CodeOf(err) != core.CodeUnavailable {
			t.Errorf("%v", err)
		}
		w.store = s
		if m := w.watch(t, "2026-11-21").Manifest; deref(m.Previous) != "2026-11-20" || len(m.Warnings) > 0 {
			t.Errorf("%+v", m)
		}
	})
}

// givesNothingOf is a store that fails to return some objects.
type givesNothingOf struct {
	store.Store
	is func(name string) bool
}

func (s givesNothingOf) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	if s.is(name) {
		return nil, errRefused
	}
	return s.Store.Get(ctx, name)
}

// A pending delivery of a run whose alerts or manifest are damaged fails no other run, and
// Redeliver makes it once they are repaired.
func TestPendingOfADamagedRun(t *testing.T) {
	t.Parallel()
	for _, object := range []string{"alerts.json", "manifest.json"} {
		m := newMemory(nil)
		w := newWorld(m, 57)
		w.watch(t, "2026-11-20")
		w.books.left[20] = 50
		w.chats["ops"].answer(http.StatusNotFound)
		w.watch(t, "2026-11-21")
		name := "runs/credit/north/2026-11-21/" + object
		whole := m.objects[name]
		m.objects[name] = whole[:len(whole)/2]
		w.chats["ops"].answer(http.StatusOK)
		w.chats["ops"].taken = nil
		w.books.left[30] = -1
		outcome := w.watch(t, "2026-11-22")
		if outcome.State != watch.Done || !slices.ContainsFunc(outcome.Warnings, func(w core.Warning) bool { return strings.Contains(w.Message, name) }) {
			t.Errorf("%s: %+v", object, outcome)
		}
		m.objects[name] = whole // repaired
		job := w.job("2026-11-22")
		job.Run = ""
		if outcome, err := watch.Redeliver(t.Context(), m, job); err != nil || len(outcome.Undelivered) > 0 {
			t.Errorf("%s: %+v, %v", object, outcome, err)
		}
		said := w.chats["ops"].said()
		if !slices.Contains(said, "2026-11-21 credit_low") || len(said) != 2 {
			t.Errorf("%s: said %q", object, said)
		}
	}
}

// Damaged progress is read again.
func TestDamagedWork(t *testing.T) {
	t.Parallel()
	for _, damage := range []string{"cut", "gone"} {
		m := newMemory(nil)
		w := newWorld(m, 57)
		w.watch(t, "2026-11-20")
		w.books.before = func(row int) error {
			if row >= 40 {
				return &core.Error{Code: core.CodeDeadline}
			}
			return nil
		}
		if o, err := w.call(t.Context(), "2026-11-21"); err != nil || o.State != watch.GoingOn {
			t.Fatal(o, err)
		}
		w.books.before = nil
		for name, body := range m.objects {
			if strings.Contains(name, "/progress/part-") {
				if m.objects[name] = body[:len(body)/2]; damage == "gone" {
					delete(m.objects, name)
				}
			}
		}
		if _, err := w.call(t.Context(), "2026-11-21"); core.CodeOf(err) != core.CodeUnavailable || !strings.Contains(err.Error(), "reads the list anew") {
			t.Errorf("%s: %v", damage, err)
		}
		if m := w.watch(t, "2026-11-21").Manifest; m.Count != 57 || m.State != watch.Done {
			t.Errorf("%s: %+v", damage, m)
		}
	}
}

// cutBodies is a store that cuts a percentage of bodies.
type cutBodies struct {
	store.Store
	random *rand.Rand
	of100  int
	cut    int
}

func (s *cutBodies) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	body, err := s.Store.Get(ctx, name)
	if err != nil || s.random.IntN(100) >= s.of100 {
		return body, err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	s.cut++
	return io.NopCloser(io.MultiReader(bytes.NewReader(text[:s.random.IntN(len(text)+1)]), broken{})), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) {
	return 0, &core.Error{Code: core.CodeUnavailable, Detail: "it broke off before it was whole", Err: io.ErrUnexpectedEOF}
}

// A body that is cut is read again: the call does not fail.
func TestCutBodies(t *testing.T) {
	t.Parallel()
	for _, of100 := range []int{2, 10} {
		seed := rand.Uint64()
		bubble(t, "", func(t *testing.T) {
			s := &cutBodies{Store: newMemory(nil), random: rand.New(rand.NewPCG(seed, 0)), of100: of100}
			w := newWorld(s, 57)
			for day := 1; day <= 28; day++ {
				run := time.Date(2026, 10, day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
				w.books.left[day] = -1
				outcome, err := w.call(t.Context(), run)
				if err != nil || outcome.State != watch.Done || len(outcome.Manifest.Warnings) > 0 || day > 1 && outcome.Manifest.Alerts["credit_overdrawn"] != 1 {
					t.Fatalf("seed %d, %s: %v, %+v", seed, run, err, outcome)
				}
			}
			if s.cut == 0 {
				t.Error("no body was cut")
			}
		})
	}
}

// A run of an earlier day is marked in every object, is compared with the run before that
// day, and reports nothing if a later run is published; later runs stay as they are.
func TestReadLate(t *testing.T) {
	t.Parallel()
	w := newWorld(newMemory(nil), 57)
	w.callAt(t, call{run: "2026-11-20"})
	w.callAt(t, call{run: "2026-11-22"})
	latest := get(t, w.store, "runs/credit/north/latest.json")
	w.books.left[20] = 50
	m := w.callAt(t, call{run: "2026-11-21", at: "2026-11-22T03:00:00Z"}).Manifest
	if !m.ReadLate || !m.Complete || *m.Previous != "2026-11-20" || m.Alerts["credit_low"] != 1 {
		t.Errorf("%+v", m)
	}
	for name, mark := range map[string]string{
		"customers.ndjson.gz": `{"read_late":"2026-11-22T03:00:00Z","provider"`, "changes.ndjson": `{"read_late":"2026-11-22T03:00:00Z","change":"changed"`,
	} {
		text := get(t, w.store, "runs/credit/north/2026-11-21/"+name)
		if strings.HasSuffix(name, ".gz") {
			text = unpacked(t, text)
		}
		if !strings.HasPrefix(text, mark) {
			t.Errorf("%s is not marked: %.200s", name, text)
		}
	}
	table := get(t, w.store, "runs/credit/north/2026-11-21/customers.csv")
	if header, rows, _ := strings.Cut(table, "\r\n"); !strings.HasPrefix(header, "\ufeffread_late,provider,") || !strings.HasPrefix(rows, "2026-11-22T03:00:00Z,tencentcloud,") {
		t.Errorf("customers.csv is not marked: %.200s", table)
	}
	if got := w.chats["ops"].said(); len(got) != 1 || get(t, w.store, "runs/credit/north/latest.json") != latest {
		t.Errorf("said %q", got)
	}
	m = w.callAt(t, call{run: "2026-11-23"}).Manifest
	if *m.Previous != "2026-11-22" || m.Alerts["credit_low"] != 1 || m.ReadLate {
		t.Errorf("%+v", m)
	}
	// Yesterday's run reports if there is none after it, and its digest is marked.
	w.books.left[30] = -1
	w.callAt(t, call{run: "2026-11-24", at: "2026-11-24T23:00:00Z"})
	taken := w.chats["ops"].taken
	if last := taken[len(taken)-1]; !last.Data.ReadLate || last.Data.Run != "2026-11-24" || len(last.Data.Alerts) != 1 {
		t.Errorf("%+v", last)
	}
	if newest := parse[watch.Latest](t, get(t, w.store, "runs/credit/north/latest.json")); newest.Run != "2026-11-24" {
		t.Errorf("%+v", newest)
	}
}

// If the requested resellers change, their customers are neither new nor gone; all others
// are compared. The run warns.
func TestScopeChanges(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name          string
		before, after []string // resellers; nil: none, "all": all that the vendor lists
		want          string   // what the second run reports
		scope         bool
	}{
		{"resellers set", nil, []string{"r1", "r2"}, "customer_gone o3, customer_new o9, tag_lost o2, tag_qualified o9", true},
		{"resellers unset", []string{"r1", "r2"}, nil, "customer_gone o3, customer_new o9, tag_lost o2, tag_qualified o9", true},
		{"one more", []string{"r1"}, []string{"r1", "r2"}, "customer_gone o3, customer_gone r1/c3, customer_new o9, customer_new r1/c9, tag_lost o2, tag_lost r1/c2, tag_qualified o9, tag_qualified r1/c9", true},
		{"one less", []string{"r1", "r2"}, []string{"r1"}, "customer_gone o3, customer_gone r1/c3, customer_new o9, customer_new r1/c9, tag_lost o2, tag_lost r1/c2, tag_qualified o9, tag_qualified r1/c9", true},
		{"the same", []string{"r1"}, []string{"r1"}, "customer_gone o3, customer_gone r1/c3, customer_new o9, customer_new r1/c9, tag_lost o2, tag_lost r1/c2, tag_qualified o9, tag_qualified r1/c9", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newTagWorld()
			w.watch(t, "2026-11-20", test.before)
			w.tomorrow()
			m := w.watch(t, "2026-11-21", test.after)
			if got := w.alerts(t, "2026-11-21"); got != test.want {
				t.Errorf("reports %s\nwant %s", got, test.want)
			}
			if scope := slices.ContainsFunc(m.Warnings, func(w core.Warning) bool { return w.Code == watch.WarnScopeChanged }); scope != test.scope || deref(m.Previous) != "2026-11-20" {
				t.Errorf("%+v", m)
			}
			if m := w.watch(t, "2026-11-22", test.after); len(m.Alerts) > 0 || len(m.Warnings) > 0 {
				t.Errorf("the next run: %+v", m)
			}
		})
	}
}

// halfParts is a store that cuts parts in the middle.
type halfParts struct {
	store.Store
	broken bool
}

func (s *halfParts) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	body, err := s.Store.Get(ctx, name)
	if err != nil || !s.broken || !strings.Contains(name, "/progress/") {
		return body, err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(io.MultiReader(bytes.NewReader(text[:len(text)/2]), broken{})), nil
}

// A part that the store fails to return whole is not damaged: it stays, and the next call
// uses it.
func TestPartsThatBreakOff(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		s := &halfParts{newMemory(nil), true}
		w := newWorld(s, 57)
		for range 3 {
			if _, err := w.call(t.Context(), "2026-11-21"); core.CodeOf(err) != core.CodeUnavailable || strings.Contains(err.Error(), "damaged") {
				t.Errorf("%v", err)
			}
		}
		calls := w.books.calls.Load()
		s.broken = false
		if outcome := w.watch(t, "2026-11-21"); outcome.State != watch.Done || w.books.calls.Load() != calls {
			t.Errorf("%s, after %d further calls", outcome.State, w.books.calls.Load()-calls)
		}
	})
}
