package watch_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// namedWorld is a world with the channels ops and crm, whose names are what the returned map
// says at each call.
func namedWorld(t *testing.T) (*world, map[string]alert.Names) {
	w := newWorld(folder(t), 20)
	w.chats["crm"] = newChat()
	names := map[string]alert.Names{"ops": alert.NamesFull, "crm": alert.NamesMasked}
	w.change = func(job *watch.Job) {
		job.Public = "https://pl.example"
		for i := range job.Alerts.Channels {
			job.Alerts.Channels[i].Names = names[job.Alerts.Channels[i].Name]
		}
	}
	for _, i := range []int{3, 4} {
		w.books.left[i] = 50
	}
	return w, names
}

// Names are masked by the setting at the moment of delivery: of a run that was made while a
// channel was full, and of one that was made while none was.
func TestNamesFollowTheSettingAtDelivery(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name         string
		made, at     alert.Names // of ops when the run is made, and when it is delivered
		stored, full bool
	}{
		{"full", alert.NamesFull, alert.NamesFull, true, true},
		{"masked since", alert.NamesFull, alert.NamesMasked, true, false},
		{"full since", alert.NamesMasked, alert.NamesFull, false, false},
		{"masked", alert.NamesMasked, alert.NamesMasked, false, false},
	} {
		for _, status := range []int{http.StatusNotFound, http.StatusUnprocessableEntity} { // pending, and refused
			w, names := namedWorld(t)
			for _, c := range w.chats {
				c.answer(status)
			}
			names["ops"] = test.made
			w.watch(t, "2026-11-21")
			for _, name := range []string{"alerts.json", "open.json", "manifest.json"} {
				text := get(t, w.store, folderOf("2026-11-21")+name)
				if has := strings.Contains(text, `"full_name":"Customer 3"`); has != (test.stored && name == "open.json") {
					t.Errorf("%s: %s has the full name: %t", test.name, name, has)
				}
			}
			names["ops"] = test.at
			for _, c := range w.chats {
				c.answer(http.StatusOK)
			}
			if _, err := watch.Redeliver(t.Context(), w.store, w.job("2026-11-21")); err != nil {
				t.Fatal(err)
			}
			for channel, c := range w.chats {
				for _, m := range c.taken {
					for _, a := range m.Data.Alerts {
						if full := strings.HasPrefix(a.Name, "Customer"); full != (test.full && channel == "ops") || a.FullName != "" || a.URL != "https://pl.example/customers/credit/north/"+a.Customer {
							t.Errorf("%s: %s got %+v", test.name, channel, a)
						}
					}
				}
				if len(c.taken) != 1 || len(c.taken[0].Data.Alerts) != 2 {
					t.Errorf("%s: %s got %q", test.name, channel, c.said())
				}
			}
			open, err := readOpen(w.store, "2026-11-21")
			if err != nil || len(open.Alerts) != 2 || slices.ContainsFunc(open.Alerts, func(a alert.Alert) bool {
				return a.FullName != "" || a.Remark != "" || strings.Contains(a.Name, "ustomer")
			}) {
				t.Errorf("%s: readers get %+v, %v", test.name, open.Alerts, err)
			}
		}
	}
}

// What the opening list has is not reported again, whether the first run is proven or not,
// and what a muted customer has is reported after the mute. Without a list, neither is.
func TestOpeningListOfARun(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		baseline alert.Baseline
		lie      int // the first list is not proven
		want     []string
	}{
		{"list", alert.BaselineList, 0, []string{"2026-11-21 credit_overdrawn credit_low first", "2026-11-23 credit_low"}},
		{"unproven", alert.BaselineList, 3, []string{"2026-11-21 credit_overdrawn credit_low first", "2026-11-23 credit_low"}},
		{"quiet", alert.BaselineQuiet, 0, []string{"2026-11-21 first"}},
	} {
		w := newWorld(folder(t), 20)
		w.books.left[3], w.books.left[4], w.books.left[5] = 50, -5, 60
		muted, _ := watch.Period("2026-11-23", core.VendorZone)
		w.change = func(job *watch.Job) {
			job.Attempts = 1
			job.Alerts.Channels[0].Baseline = test.baseline
			job.MutedUntil = func(record core.Record) time.Time {
				if record.ID() == idOf(5) {
					return muted
				}
				return time.Time{}
			}
		}
		w.books.lie = test.lie
		w.watch(t, "2026-11-21")
		w.books.lie = 0
		for _, run := range []string{"2026-11-22", "2026-11-23", "2026-11-24"} {
			w.watch(t, run)
		}
		if got := w.chats["ops"].said(); !slices.Equal(got, test.want) {
			t.Errorf("%s: said %q, want %q", test.name, got, test.want)
		}
		if alerts := get(t, w.store, folderOf("2026-11-23")+"alerts.json"); test.baseline == alert.BaselineList && !strings.Contains(alerts, `"since":"2026-11-20T22:00:00Z"`) {
			t.Errorf("%s: not since the first run: %s", test.name, alerts)
		}
	}
}
