package watch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"partnerlens/internal/store"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

func historyOf(ctx context.Context, s store.Store, id, from, to string) ([]watch.Day, error) {
	return watch.ReadHistory(ctx, s, watch.HistoryQuery{Function: newBooks(0).function(), Account: "north", CustomerID: id, From: from, To: to})
}

// line describes a Day.
func line(d watch.Day) string {
	text := d.Day + " " + d.Run + " " + string(d.State)
	if d.Record != nil {
		c := d.Record.(*core.CustomerCredit)
		text += " " + c.Credit.Remaining.String() + " " + string(c.Status)
	}
	for _, a := range d.Alerts {
		text += " " + string(a.Kind)
	}
	return text
}

func lines(days []watch.Day) (all []string) {
	for _, d := range days {
		all = append(all, line(d))
	}
	return all
}

// TestHistoryOfRandomMonths makes a month of random runs, of random customers, and compares
// the history of each customer with what the vendor listed that day.
func TestHistoryOfRandomMonths(t *testing.T) {
	t.Parallel()
	for range 4 {
		seed := rand.Uint64()
		bubble(t, fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			w := newWorld(newMemory(nil), 25)
			w.chats = nil
			want := make(map[string][]string) // by customer
			known := make(map[int]bool)
			first, _ := time.Parse(time.DateOnly, "2026-10-25")
			for n := range 30 {
				day := first.AddDate(0, 0, n).Format(time.DateOnly)
				for range random.IntN(6) {
					switch i := random.IntN(30); random.IntN(4) {
					case 0:
						delete(w.books.left, i)
					case 1:
						w.books.forced[i] = !w.books.forced[i]
					default:
						w.books.left[i] = random.IntN(400) - 150
					}
				}
				*w.books = books{left: w.books.left, forced: w.books.forced}
				for i := range 30 {
					known[i] = true
				}
				expect := func(i int, run string, state watch.DayState, listed bool) {
					d := watch.Day{Day: day, Run: run, State: state}
					text := line(d)
					if listed {
						status := core.CreditOK
						switch left := w.books.left[i]; {
						case w.books.forced[i]:
							status = core.CreditForced
						case left < 0:
							status = core.CreditOverdrawn
						case left == 0:
							status = core.CreditExhausted
						case left <= 100:
							status = core.CreditLow
						}
						text += fmt.Sprintf(" %d %s", w.books.left[i], status)
					}
					want[idOf(i)] = append(want[idOf(i)], text)
				}
				what := random.IntN(10)
				switch what {
				case 0:
					for i := range known {
						expect(i, "", watch.DayNoRun, false)
					}
					continue
				case 1:
					w.books.lie = 3
				case 2:
					w.books.answer(newBooks(0))
				case 3:
					w.change = func(job *watch.Job) {
						at := job.Now().AddDate(0, 0, 1)
						job.Now = func() time.Time { return at }
					}
				}
				outcome := w.watch(t, day)
				w.change = nil
				for i := range known {
					_, there := w.books.left[i]
					switch {
					case outcome.State == watch.Held:
						expect(i, day, watch.DayHeld, false)
					case what == 3:
						expect(i, day, watch.DayReadLate, false)
					case outcome.State == watch.Unproven:
						expect(i, day, watch.DayUnproven, there)
					case what == 2 || !there: // the list is empty, and was accepted
						expect(i, day, watch.DayAbsent, false)
					default:
						expect(i, day, watch.DayListed, true)
					}
				}
			}
			w.checkHistories(t, want, "2026-10-25", "2026-11-23")
		})
	}
}

// checkHistories compares the histories of customers, and their alerts with alerts.json.
func (w *world) checkHistories(t *testing.T, want map[string][]string, from, to string) {
	t.Helper()
	reported := make(map[string]string) // by customer and run
	for name, text := range w.store.(*memory).objects {
		if !strings.HasSuffix(name, "/alerts.json") {
			continue
		}
		var file struct {
			Alerts []struct {
				Kind       string `json:"kind"`
				CustomerID string `json:"customer_id"`
			} `json:"alerts"`
		}
		if err := json.Unmarshal(text, &file); err != nil {
			t.Fatal(err)
		}
		for _, a := range file.Alerts {
			reported[a.CustomerID+" "+strings.Split(name, "/")[3]] += " " + a.Kind
		}
	}
	for id, days := range want {
		got, err := historyOf(t.Context(), w.store, id, from, to)
		if err != nil {
			t.Fatal(err)
		}
		for i := range days {
			if run := strings.Fields(days[i])[1]; !strings.HasPrefix(days[i], strings.Fields(days[i])[0]+"  ") && !strings.Contains(days[i], "read_late") {
				days[i] += reported[id+" "+run]
			}
		}
		if !slices.Equal(lines(got), days) {
			t.Fatalf("%s: got\n%s\nwant\n%s", id, strings.Join(lines(got), "\n"), strings.Join(days, "\n"))
		}
	}
}

// fewRuns is a store with a run of each day from 2026-11-20 to 2026-11-23.
func fewRuns(t tester) *memory {
	w := newWorld(newMemory(nil), 30)
	w.chats = nil
	for day := range 4 {
		w.books.left[4] = 400 + day
		w.watch(t, fmt.Sprintf("2026-11-2%d", day))
	}
	return w.store.(*memory)
}

// TestHistoryOfDamagedRuns damages an object of one run: its day says so, and the others
// stay as they were.
func TestHistoryOfDamagedRuns(t *testing.T) {
	t.Parallel()
	intact := fewRuns(t)
	const run = "2026-11-22"
	all := []string{"2026-11-20 2026-11-20 listed 400 ok", "2026-11-21 2026-11-21 listed 401 ok", "2026-11-22 2026-11-22 listed 402 ok", "2026-11-23 2026-11-23 listed 403 ok"}
	flip := func(name string, at int) func(*memory) {
		return func(m *memory) {
			body := slices.Clone(m.objects[folderOf(run)+name])
			if at < 0 {
				at += len(body)
			}
			body[at] ^= 0x10
			m.objects[folderOf(run)+name] = body
		}
	}
	remove := func(name string) func(*memory) { return func(m *memory) { delete(m.objects, folderOf(run)+name) } }
	for _, test := range []struct {
		name  string
		harm  func(*memory)
		state watch.DayState
		says  string
	}{
		{"nothing", func(*memory) {}, watch.DayListed, ""},
		{"the beginning of the customers", flip("customers.ndjson.gz", 0), watch.DayDamaged, "customers.ndjson.gz is damaged: its checksum"},
		{"the middle of the customers", flip("customers.ndjson.gz", 200), watch.DayDamaged, "customers.ndjson.gz is damaged: its checksum"},
		{"the end of the customers", flip("customers.ndjson.gz", -1), watch.DayDamaged, "customers.ndjson.gz is damaged: its checksum"},
		{"the customers are missing", remove("customers.ndjson.gz"), watch.DayDamaged, "customers.ndjson.gz is damaged: it is missing"},
		{"the alerts are missing, and there were none", remove("alerts.json"), watch.DayListed, ""},
		{"the manifest", flip("manifest.json", 0), watch.DayDamaged, "manifest.json is damaged"},
		{"the manifest is missing", remove("manifest.json"), watch.DayUnfinished, ""},
		{"the manifest is of another run", func(m *memory) {
			m.objects[folderOf(run)+"manifest.json"] = m.objects[folderOf("2026-11-21")+"manifest.json"]
		}, watch.DayDamaged, "it is of another run"},
		{"the customers are not named", func(m *memory) {
			rewrite(t, m, run, func(m *watch.Manifest) { m.Objects = nil })
		}, watch.DayDamaged, "does not name the customers"},
		{"the customers are no lines", func(m *memory) {
			text := packed(`{"customer_id":"` + idOf(4) + `",}`)
			put(t, m, folderOf(run)+"customers.ndjson.gz", text)
			rewrite(t, m, run, func(m *watch.Manifest) { setObject(m, "customers.ndjson.gz", text) })
		}, watch.DayDamaged, "a line of it is not what was stored"},
		{"the alerts are damaged", func(m *memory) {
			rewrite(t, m, run, func(m *watch.Manifest) { m.Alerts = map[string]int{"credit_low": 1} })
			flip("alerts.json", 5)(m)
		}, watch.DayDamaged, "alerts.json is damaged: its checksum"},
		{"the run goes on", func(m *memory) {
			rewrite(t, m, run, func(m *watch.Manifest) { m.State, m.Complete = watch.Incomplete, false })
		}, watch.DayUnfinished, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newMemory(intact)
			test.harm(s)
			got, err := historyOf(t.Context(), s, idOf(4), "2026-11-20", "2026-11-23")
			if err != nil {
				t.Fatal(err)
			}
			want := slices.Clone(all)
			if test.state != watch.DayListed {
				want[2] = run + " " + run + " " + string(test.state)
			}
			if !slices.Equal(lines(got), want) || !strings.Contains(got[2].Detail, test.says) {
				t.Errorf("got\n%s\n%q, want\n%s\n%q", strings.Join(lines(got), "\n"), got[2].Detail, strings.Join(want, "\n"), test.says)
			}
		})
	}
}

// slowReads takes a second for each Get, or fails it.
type slowReads struct {
	store.Store
	takes time.Duration
	fail  func(name string) error
}

func (s slowReads) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	select {
	case <-ctx.Done():
		return nil, core.AsError(ctx.Err())
	case <-time.After(s.takes):
	}
	if err := s.fail(name); err != nil {
		return nil, err
	}
	return s.Store.Get(ctx, name)
}

func TestHistoryEndsWithItsTime(t *testing.T) {
	t.Parallel()
	intact := fewRuns(t)
	read := func(timeout time.Duration, fail func(string) error) ([]watch.Day, error) {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		return historyOf(ctx, slowReads{newMemory(intact), time.Second, fail}, idOf(4), "2026-11-19", "2026-11-23")
	}
	fine := func(string) error { return nil }
	denied := func(run string) func(string) error {
		return func(name string) error {
			if strings.Contains(name, run) {
				return &core.Error{Code: core.CodeDenied, Detail: "refused"}
			}
			return nil
		}
	}
	states := func(days []watch.Day) (all []string) {
		for _, d := range days {
			all = append(all, string(d.State))
		}
		return all
	}
	for _, test := range []struct {
		name    string
		timeout time.Duration
		fail    func(string) error
		want    string
		code    core.Code
	}{
		{"time enough", time.Minute, fine, "no_run listed listed listed listed", ""},
		{"the newest are read first", 2500 * time.Millisecond, fine, "no_run not_read not_read listed listed", ""},
		{"no time", time.Millisecond, fine, "", core.CodeDeadline},
		{"an object is refused", time.Minute, denied("2026-11-22/"), "no_run not_read not_read not_read listed", ""},
		{"every object is refused", time.Minute, denied(""), "", core.CodeDenied},
	} {
		bubble(t, test.name, func(t *testing.T) {
			start := time.Now()
			days, err := read(test.timeout, test.fail)
			if core.CodeOf(err) != test.code || strings.Join(states(days), " ") != test.want || time.Since(start) > test.timeout {
				t.Errorf("after %s: %v, %v; want %s, %s", time.Since(start), states(days), err, test.want, test.code)
			}
			for _, d := range days {
				if (d.State == watch.DayNotRead) != (d.Detail != "") {
					t.Errorf("%s: %q", line(d), d.Detail)
				}
			}
		})
	}
	bubble(t, "the caller is gone", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(2500*time.Millisecond, cancel)
		if _, err := historyOf(ctx, slowReads{newMemory(intact), time.Second, fine}, idOf(4), "2026-11-19", "2026-11-23"); core.CodeOf(err) != core.CodeCanceled {
			t.Errorf("the error is %v", err)
		}
	})
	bubble(t, "a store that is down", func(t *testing.T) {
		start := time.Now()
		_, err := historyOf(context.Background(), slowReads{newMemory(intact), 0, func(string) error { return &core.Error{Code: core.CodeUnavailable} }}, idOf(4), "2026-11-19", "2026-11-23")
		if core.CodeOf(err) != core.CodeUnavailable || time.Since(start) > 15*time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

func TestHistoryRefuses(t *testing.T) {
	t.Parallel()
	for _, days := range [][2]string{{"", "2026-11-23"}, {"2026-11-20", "x"}, {"2026-11-31", "2026-12-01"}, {"2026-11-20T06", "2026-11-23"}} {
		if _, err := historyOf(t.Context(), newMemory(nil), "1", days[0], days[1]); core.CodeOf(err) != core.CodeInvalid {
			t.Errorf("%v: %v", days, err)
		}
	}
}

// TestHistoryByHours has a row for each hour with a run.
func TestHistoryByHours(t *testing.T) {
	t.Parallel()
	w := newWorld(newMemory(nil), 5)
	w.chats = nil
	for _, run := range []string{"2026-11-20T04", "2026-11-20T05", "2026-11-22"} {
		w.books.left[1]--
		w.watch(t, run)
	}
	days, err := historyOf(t.Context(), w.store, idOf(1), "2026-11-20", "2026-11-22")
	want := []string{"2026-11-20 2026-11-20T04 listed 500 ok", "2026-11-20 2026-11-20T05 listed 499 ok", "2026-11-21  no_run", "2026-11-22 2026-11-22 listed 498 ok"}
	if err != nil || !slices.Equal(lines(days), want) {
		t.Errorf("%v: got\n%s", err, strings.Join(lines(days), "\n"))
	}
}

// TestHistoryInSections finds each customer of a list of several sections, and of the same list
// without them, as an earlier version stores it.
func TestHistoryInSections(t *testing.T) {
	t.Parallel()
	w := newWorld(newMemory(nil), 3000)
	w.chats = nil
	w.change = func(job *watch.Job) { job.PartSize = 0 }
	const run = "2026-11-22"
	w.watch(t, run)
	s := w.store.(*memory)
	m := manifestOf(t, s, run)
	if m.Objects[0].Name != "customers.ndjson.gz" || len(m.Objects[0].Sections) < 2 {
		t.Fatalf("the customers are %+v", m.Objects[0])
	}
	if rows := strings.Count(unpacked(t, get(t, s, folderOf(run)+"customers.ndjson.gz")), "\n"); rows != 3000 || m.Objects[0].Rows != 3000 {
		t.Errorf("%d rows are stored, and the manifest says %d", rows, m.Objects[0].Rows)
	}
	rest := get(t, s, folderOf(run)+"customers.ndjson.gz")
	for i, size := range m.Objects[0].Sections {
		if text, err := watch.Unpacked(rest[:size], i); err != nil || !strings.HasPrefix(text, "{") || !strings.HasSuffix(text, "}\n") {
			t.Errorf("section %d is not of whole rows: %v", i, err)
		}
		rest = rest[size:]
	}
	if rest != "" {
		t.Errorf("%d bytes follow the sections", len(rest))
	}
	var ids []string
	for i := range 3000 {
		ids = append(ids, idOf(i))
	}
	slices.Sort(ids)
	for name, sections := range map[string][]int64{"with sections": m.Objects[0].Sections, "without": nil, "with others": {1, 2, 3}, "with a negative one": {-1, m.Objects[0].Bytes + 1}} {
		rewrite(t, s, run, func(m *watch.Manifest) { m.Objects[0].Sections = sections })
		for n := 0; n < len(ids); n += 1 + len(ids)/29 {
			for id, want := range map[string]watch.DayState{ids[n]: watch.DayListed, ids[n] + "0": watch.DayAbsent, ids[0]: watch.DayListed, ids[len(ids)-1]: watch.DayListed, "1": watch.DayAbsent, "3": watch.DayAbsent} {
				days, err := historyOf(t.Context(), s, id, run, run)
				if err != nil || len(days) != 1 || days[0].State != want || want == watch.DayListed && days[0].Record.ID() != id {
					t.Fatalf("%s, %s: %v, %v; want %s", name, id, lines(days), err, want)
				}
			}
		}
	}
}

// FuzzHistory looks for a customer among others of any ids and names.
func FuzzHistory(f *testing.F) {
	f.Add("200000000001", "200000000002", `","customer_id":"200000000001","x":"`, 3)
	f.Add(`a"b\c`, "a", "名", 9)
	f.Add("~", "!", "\u2028", 18)
	f.Add("a2", "a", "", 23)
	intact := fewRuns(f)
	f.Fuzz(func(t *testing.T, id, other, name string, n int) {
		if core.CheckID("", id) != nil || core.CheckID("", other) != nil {
			t.Skip()
		}
		if n&8 != 0 { // longer than a buffer
			name = strings.Repeat(name, 100<<10/(len(name)+1))
		}
		ids := map[string]bool{}
		for i := range n & 7 {
			ids[fmt.Sprint(other, i)] = true
		}
		var sections []string // of two lines each
		var text strings.Builder
		for i, key := range slices.Sorted(maps.Keys(ids)) {
			c := customer(1, 2, false)
			c.CustomerID, c.Name, c.Remark = key, strings.ToValidUTF8(name, ""), strings.ToValidUTF8(name, "")
			line, err := core.AppendJSON(nil, c)
			if err != nil {
				t.Skip()
			}
			text.Write(append(line, '\n'))
			if i%2 == 1 || i == len(ids)-1 {
				sections = append(sections, text.String())
				text.Reset()
			}
		}
		body, sizes := watch.Packed(sections...)
		const run = "2026-11-22"
		s := newMemory(intact)
		put(t, s, folderOf(run)+"customers.ndjson.gz", body)
		rewrite(t, s, run, func(m *watch.Manifest) {
			setObject(m, "customers.ndjson.gz", body)
			if n&16 != 0 {
				m.Objects[0].Sections = sizes
			}
		})
		for key := range map[string]bool{id: true, other + "0": true, other + "2": true} {
			days, err := historyOf(t.Context(), s, key, run, run)
			if err != nil || len(days) != 1 {
				t.Fatalf("%v, %v", days, err)
			}
			if listed := days[0].State == watch.DayListed; listed != ids[key] || listed && days[0].Record.ID() != key {
				t.Fatalf("%q of %v: %s %s", key, ids, line(days[0]), days[0].Detail)
			}
		}
	})
}
