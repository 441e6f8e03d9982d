package watch_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// transition is an entry of alerts.json or open.json.
type transition struct {
	ID         string `json:"id"`
	Kind       string `json:"kind"`
	CustomerID string `json:"customer_id"`
	Since      string `json:"since"`
	Reason     string `json:"reason"`
	Owner      string `json:"owner"`
	Remaining  string `json:"remaining"`
	Name       string `json:"name"`
	Status     string `json:"status"`
	MutedUntil string `json:"muted_until"`
	Seen       *bool  `json:"seen"`
	DaysLeft   *int   `json:"days_left"`
}

type openFile struct {
	Schema string       `json:"schema"`
	Proven *bool        `json:"proven"`
	Alerts []transition `json:"alerts"`
	Silent []transition `json:"silent"`
}

// fold applies a run's transitions to what was open, as docs/runs.md says it.
func fold(open map[[2]string]string, transitions []transition) {
	for _, a := range transitions {
		place := func(kind string) [2]string { return [2]string{a.CustomerID, kind} }
		slot, text := place(a.Kind), a.Kind+" "+a.Since
		switch a.Kind {
		case "credit_low", "credit_exhausted", "credit_overdrawn":
			slot = place("level")
		case "credit_recovered":
			slot, text = place("level"), ""
		case "credit_freed":
			slot, text = place("credit_forced"), ""
		case "customer_gone":
			maps.DeleteFunc(open, func(at [2]string, _ string) bool { return at[0] == a.CustomerID })
			continue
		case "credit_forced", "credit_expiring", "tag_ending_this_month", "tag_ending_next_month":
		default:
			continue
		}
		if a.Reason == "ended" || a.Reason == "not_asked" {
			text = ""
		}
		if open[slot] = text; text == "" {
			delete(open, slot)
		}
	}
}

// opened are the conditions of an open.json, as fold has them.
func opened(list []transition) map[[2]string]string {
	open := make(map[[2]string]string)
	fold(open, list)
	return open
}

// A month of daily runs: customers run low and recover, are stopped, leave and come back,
// are muted for some days; some lists cannot be proven. What is open after each run
// follows from the first run's open.json and every alerts.json alone, without the rules
// of package alert.
func TestOpenFollowsFromAlerts(t *testing.T) {
	t.Parallel()
	worlds := 6
	if testing.Short() {
		worlds = 2
	}
	for range worlds {
		seed := rand.Uint64()
		bubble(t, fmt.Sprintf("seed %d", seed), func(t *testing.T) { month(t, rand.New(rand.NewPCG(seed, 2))) })
	}
}

func month(t *testing.T, random *rand.Rand) {
	s := newMemory(nil)
	w := newWorld(s, 40)
	muted := make(map[string]time.Time)
	w.change = func(job *watch.Job) {
		job.Details = func(r core.Record) core.Details {
			return core.Details{Owner: new("owner of " + r.ID()[9:] + " in " + job.Run)}
		}
		job.MutedUntil = func(r core.Record) time.Time { return muted[r.ID()] }
	}
	folded := make(map[[2]string]string)
	reasons, kinds, unseen := make(map[string]int), make(map[string]int), 0
	for day := range 30 {
		at := time.Date(2026, 11, 1, 6, 0, 0, 0, core.VendorZone).AddDate(0, 0, day)
		b := w.books
		for i := range 40 {
			switch n := random.IntN(100); {
			case n < 12:
				b.left[i] = []int{500, 105, 50, 0, -5}[random.IntN(5)] // or the customer comes back
			case n < 15:
				b.forced[i] = !b.forced[i]
			case n < 17:
				delete(b.left, i)
			case n < 22:
				muted[idOf(i)] = at.AddDate(0, 0, 1+random.IntN(5))
			}
		}
		switch day {
		case 5, 12, 20: // a customer leaves, comes back, and leaves again
			delete(b.left, 7)
		case 8, 16:
			b.left[7] = -5
		}
		b.hidden, b.lie = false, 0
		switch isFirst := day == 0; {
		case !isFirst && random.IntN(5) == 0:
			b.hidden = true
		case !isFirst && random.IntN(10) == 0:
			b.lie = 3
		}
		run := at.Format("2006-01-02")
		state := w.watch(t, run).State
		m := manifestOf(t, s, run)
		file := func(name string) openFile { return parse[openFile](t, get(t, s, "runs/credit/north/"+run+"/"+name)) }
		alerts, open := file("alerts.json"), file("open.json")
		if day == 0 {
			folded = opened(open.Alerts)
			if len(alerts.Silent) > 0 {
				t.Errorf("the first run has transitions: %+v", alerts.Silent)
			}
		}
		fold(folded, alerts.Alerts)
		fold(folded, alerts.Silent)
		if got := opened(open.Alerts); !maps.Equal(got, folded) || len(got) != len(open.Alerts) {
			t.Fatalf("%s (%s): open\n%v, and folded\n%v", run, state, got, folded)
		}
		for _, a := range alerts.Silent {
			reasons[a.Reason]++
			if a.Reason == "" {
				t.Errorf("%s: no reason: %+v", run, a)
			}
		}
		counts := make(map[string]int)
		for _, a := range open.Alerts {
			counts[a.Kind]++
			kinds[a.Kind]++
			i := slices.IndexFunc(slices.Collect(maps.Keys(b.left)), func(i int) bool { return idOf(i) == a.CustomerID })
			isMuted := m.AsOf.Before(muted[a.CustomerID])
			if a.Owner != "owner of "+a.CustomerID[9:]+" in "+run || isMuted != (a.MutedUntil != "") || a.Reason != "" || a.Status == "" || a.ID == "" {
				t.Errorf("%s: %+v", run, a)
			}
			if a.Seen != nil {
				if unseen++; *a.Seen || m.Proven || a.DaysLeft != nil {
					t.Errorf("%s (%s): %+v", run, state, a)
				}
			} else if i < 0 || a.Name == "" || strings.Contains(a.Name, "Customer") {
				t.Errorf("%s: %+v", run, a)
			}
		}
		inList := 0
		for i := range b.left {
			if m.AsOf.Before(muted[idOf(i)]) {
				inList++
			}
		}
		if !maps.Equal(counts, m.Open) || (open.Proven != nil) == m.Proven || m.Muted > inList || !b.hidden && m.Muted != inList {
			t.Errorf("%s: the manifest has %v, %d muted, and %v are open, %d muted", run, m.Open, m.Muted, counts, inList)
		}
		if m.Proven {
			if latest := parse[watch.Latest](t, get(t, s, "runs/credit/north/latest.json")); latest.Open != "runs/credit/north/"+run+"/open.json" {
				t.Errorf("%s: latest.json names %q", run, latest.Open)
			}
		}
	}
	if t.Failed() {
		return
	}
	if reasons["muted"] == 0 || reasons["milder"] == 0 || unseen == 0 || kinds["credit_forced"] == 0 || kinds["credit_overdrawn"] == 0 {
		t.Errorf("the month shows little: %v, %v, %d", reasons, kinds, unseen)
	}
}

// A held run has no open.json, nor has one without rules; the next run goes on from the one before.
func TestNoOpenConditions(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		s := newMemory(nil)
		w := newWorld(s, 40)
		w.books.left[3] = 50
		w.watch(t, "2026-11-20")
		all := w.books.left
		w.books.left = map[int]int{3: -5}
		if state := w.watch(t, "2026-11-21").State; state != watch.Held {
			t.Fatal(state)
		}
		w.books.left = all
		w.partial.NoRules, w.partial.Err = true, core.Invalid("rules", "wrong")
		w.watch(t, "2026-11-22")
		w.partial.NoRules, w.partial.Err = false, nil
		w.watch(t, "2026-11-23")
		for run, want := range map[string]bool{"2026-11-20": true, "2026-11-21": false, "2026-11-22": false, "2026-11-23": true} {
			m := manifestOf(t, s, run)
			has := slices.ContainsFunc(m.Objects, func(o watch.Object) bool { return o.Name == "open.json" })
			if has != want || exists(s, "runs/credit/north/"+run+"/open.json") != want || (m.Open != nil) != want {
				t.Errorf("%s: %t, %v", run, has, m.Open)
			}
		}
		open := parse[openFile](t, get(t, s, "runs/credit/north/2026-11-23/open.json"))
		if len(open.Alerts) != 1 || open.Alerts[0].Kind != "credit_low" || !strings.HasPrefix(open.Alerts[0].Since, "2026-11-19T22:00:00") {
			t.Errorf("%+v", open)
		}
		first := parse[openFile](t, get(t, s, "runs/credit/north/2026-11-20/open.json"))
		if first.Alerts[0].ID != open.Alerts[0].ID {
			t.Errorf("the condition has the ids %s and %s", first.Alerts[0].ID, open.Alerts[0].ID)
		}
	})
}

// A run that is made again reports after a mute what the first attempt reported, and remembers it once.
func TestForcedRunAfterAMute(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		s := newMemory(nil)
		w := newWorld(s, 40)
		until := time.Date(2026, 11, 22, 0, 0, 0, 0, core.VendorZone)
		force := false
		w.change = func(job *watch.Job) {
			job.MutedUntil = func(core.Record) time.Time { return until }
			job.Force = force
		}
		w.watch(t, "2026-11-20")
		w.books.left[3] = 50
		w.watch(t, "2026-11-21")
		if m := manifestOf(t, s, "2026-11-21"); len(m.Alerts) > 0 || m.Muted != 40 || m.Open["credit_low"] != 1 {
			t.Errorf("%v, %d, %v", m.Alerts, m.Muted, m.Open)
		}
		w.watch(t, "2026-11-22")
		before := get(t, s, "runs/credit/north/2026-11-22/open.json")
		force = true
		w.watch(t, "2026-11-22")
		force = false
		w.watch(t, "2026-11-23")
		if got := get(t, s, "runs/credit/north/2026-11-22/open.json"); got != before {
			t.Errorf("made again:\n%s, and before\n%s", got, before)
		}
		want := []string{"2026-11-20 first", "2026-11-22 credit_low", "2026-11-22 credit_low"}
		if got := w.chats["ops"].said(); !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		alerts := parse[openFile](t, get(t, s, "runs/credit/north/2026-11-22/alerts.json"))
		if a := alerts.Alerts[0]; a.Since != "2026-11-20T22:00:00Z" || a.Remaining != "50" || len(alerts.Silent) > 0 {
			t.Errorf("%+v", alerts)
		}
	})
}

// What is open of a reseller's customers that a run did not ask for is forgotten, and known again
// once it asks for them, without an alert.
func TestOpenOfResellers(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		w := newTagWorld()
		w.last = "2026-11"
		folded := make(map[[2]string]string)
		for i, test := range []struct {
			resellers []string
			open      int
			reasons   map[string]int
		}{
			{[]string{"r1", "r2"}, 9, nil},
			{[]string{"r1"}, 6, map[string]int{"not_asked": 3}},
			{nil, 3, map[string]int{"not_asked": 3}},
			{[]string{"r1", "r2"}, 9, map[string]int{"first": 6}},
		} {
			run := fmt.Sprintf("2026-11-2%d", i)
			m := w.watch(t, run, test.resellers)
			file := func(name string) openFile {
				return parse[openFile](t, get(t, w.store, "runs/tags/china/"+run+"/"+name))
			}
			alerts, open := file("alerts.json"), opened(file("open.json").Alerts)
			var reasons map[string]int
			for _, a := range alerts.Silent {
				if reasons == nil {
					reasons = make(map[string]int)
				}
				reasons[a.Reason]++
			}
			fold(folded, alerts.Alerts)
			fold(folded, alerts.Silent)
			if i == 0 {
				folded = open
			}
			if len(alerts.Alerts) > 0 || !maps.Equal(reasons, test.reasons) || m.Open["tag_ending_this_month"] != test.open || len(open) != test.open || !maps.Equal(folded, open) {
				t.Errorf("%s: %v, %+v, open %v, folded %v", run, reasons, alerts.Alerts, open, folded)
			}
		}
	})
}
