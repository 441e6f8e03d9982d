package app_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
)

// reported is what must be reported of each life: on the first day after the
// baseline, and on the second.
var reported = map[simulator.Life][2]string{
	simulator.Unchanged:      {},
	simulator.SpendsSlowly:   {},
	simulator.Hovers:         {}, // a balance at the threshold gives no further alert
	simulator.LowDay1:        {"credit_low", ""},
	simulator.LowDay2:        {"", "credit_low"},
	simulator.ExhaustedDay1:  {"credit_exhausted", ""},
	simulator.ExhaustedDay2:  {"", "credit_exhausted"},
	simulator.OverdrawnDay1:  {"credit_overdrawn", ""},
	simulator.OverdrawnDay2:  {"", "credit_overdrawn"},
	simulator.Sinks:          {"credit_low", "credit_overdrawn"},
	simulator.ToppedUpDay1:   {"credit_recovered", ""},
	simulator.ToppedUpDay2:   {"", "credit_recovered"},
	simulator.ForcedDay1:     {"credit_forced", ""},
	simulator.ForcedDay2:     {"", "credit_forced"},
	simulator.ForcedAndFreed: {"credit_forced", "credit_freed"},
	simulator.FreedDay1:      {"credit_freed", ""},
	simulator.FreedDay2:      {"", "credit_freed"},
	simulator.ExpiresDay1:    {"credit_expiring", ""},
	simulator.ExpiresDay2:    {"", "credit_expiring"},
	simulator.ComesDay1:      {"customer_new", ""},
	simulator.ComesDay2:      {"", "customer_new"},
	simulator.GoesDay1:       {"customer_gone", ""},
	simulator.GoesDay2:       {"", "customer_gone"},

	simulator.TagBeginsDay1:        {"tag_qualified", ""},
	simulator.TagBeginsDay2:        {"", "tag_qualified"},
	simulator.TagLapsesDay1:        {"tag_lost", ""},
	simulator.TagLapsesDay2:        {"", "tag_lost"},
	simulator.TagFallsBackDay1:     {"tag_lost", ""},
	simulator.TagFallsBackDay2:     {"", "tag_lost"},
	simulator.TagEligibleDay1:      {"tag_eligible", ""},
	simulator.TagEligibleDay2:      {"", "tag_eligible"},
	simulator.TagEndsThisMonthDay1: {"tag_ending_this_month", ""},
	simulator.TagEndsThisMonthDay2: {"", "tag_ending_this_month"},
	simulator.TagEndsNextMonthDay1: {"tag_ending_next_month", ""},
	simulator.TagEndsNextMonthDay2: {"", "tag_ending_next_month"},
}

// Two days of life after the baseline are reported exactly as the table says: nothing
// twice, nothing of a balance that stays at the threshold, nothing on the first day.
func TestTwoDaysOfLife(t *testing.T) {
	t.Parallel()
	seeds := []uint64{1, 2, 3}
	if testing.Short() {
		seeds = seeds[:1]
	}
	for _, seed := range seeds {
		today := time.Date(2026, 11, 11, 12, 0, 0, 0, time.UTC) // no month turns
		c := openCloud(t, simulator.Options{Customers: 200, Seed: seed, Today: today})
		env := c.settings()
		folder := t.TempDir()
		env["PARTNERLENS_STORE"] = "file://" + folder
		vouchers := make(map[string]bool)
		for day := range 3 {
			c.sim.SetDay(day)
			at := today.AddDate(0, 0, day)
			run := fmt.Sprintf("2026-11-%02d", 11+day)
			now := func() time.Time { return at }
			for _, f := range app.ComposeAll(with(env), now) {
				watcher := &app.Watcher{Env: with(env), Now: now}
				done, err := watcher.Watch(t.Context(), f, app.WatchRequest{Run: run})
				if err != nil || !done.Complete {
					t.Fatalf("seed %d, %s, day %d: %v, %+v", seed, f.Function.Name, day, err, done)
				}
				got := alertsOf(t, filepath.Join(folder, "runs", f.Function.Name, "default", run, "alerts.json"))
				want := c.mustReport(f.Function.Name, day)
				if f.Function.Name == "credit" {
					c.addPartner(want, vouchers, day, at)
				}
				for id, kinds := range want {
					if got[id] != kinds {
						t.Errorf("seed %d, %s, day %d: %s, which %s, is reported as %q, want %q", seed, f.Function.Name, day, id, c.lifeOf(f.Function.Name, id), got[id], kinds)
					}
				}
				for id, kinds := range got {
					if _, known := want[id]; !known {
						t.Errorf("seed %d, %s, day %d: %s, which %s, is reported as %q", seed, f.Function.Name, day, id, c.lifeOf(f.Function.Name, id), kinds)
					}
				}
			}
		}
	}
}

// addPartner adds the alerts about resellers and vouchers to those that must be reported.
// reported are the customers' expiries that were within a week before.
func (c *cloud) addPartner(want map[string]string, reported map[string]bool, day int, at time.Time) {
	if day == 1 { // three of the twelve have hardly any credit left from this day on
		want[""] = "reseller_low reseller_low reseller_low"
	}
	nearest := make(map[string]string)
	for _, n := range c.sim.Vouchers("") {
		v := c.sim.Voucher(int(n))
		expires, err := time.ParseInLocation(time.DateTime, v.ExpireTime, core.VendorZone)
		usable := v.VoucherStatus == "Issued" && v.RemainingAmount != "0" && err == nil && expires.After(at)
		if old := nearest[string(v.CustomerUin)]; usable && expires.Before(at.AddDate(0, 0, 7)) && (old == "" || v.ExpireTime < old) {
			nearest[string(v.CustomerUin)] = v.ExpireTime
		}
	}
	for id, expires := range nearest {
		if !c.present(id) {
			continue
		}
		if !reported[id+expires] && day > 0 {
			kinds := append(strings.Fields(want[id]), "voucher_expiring")
			slices.Sort(kinds)
			want[id] = strings.Join(kinds, " ")
		}
		reported[id+expires] = true
	}
}

// present reports whether a customer is on the list of credit.
func (c *cloud) present(id string) bool {
	presence := c.sim.CreditPresence()
	for i := range presence.Most() {
		if fmt.Sprint(c.sim.CreditCustomer(i).ClientUin) == id {
			return presence.Throughout(i)
		}
	}
	return false
}

// alertsOf returns the kinds of alerts of each customer.
func alertsOf(t *testing.T, path string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
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
	kinds := make(map[string][]string)
	for _, a := range file.Alerts {
		kinds[a.CustomerID] = append(kinds[a.CustomerID], a.Kind)
	}
	joined := make(map[string]string)
	for id, k := range kinds {
		slices.Sort(k)
		joined[id] = strings.Join(k, " ")
	}
	return joined
}

// lives returns every customer's life, by id.
func (c *cloud) lives(function string) map[string]simulator.Life {
	lives := make(map[string]simulator.Life)
	if function == "credit" {
		for i := range c.sim.CreditPresence().Most() {
			lives[fmt.Sprint(c.sim.CreditCustomer(i).ClientUin)] = c.sim.CreditLife(i)
		}
		return lives
	}
	for i := range c.sim.TagPresence().Most() {
		lives[c.sim.TagCustomer(i).CustomerID] = c.sim.TagLife(i)
	}
	return lives
}

func (c *cloud) lifeOf(function, id string) simulator.Life { return c.lives(function)[id] }

// mustReport is the table for one day: the kinds by customer.
func (c *cloud) mustReport(function string, day int) map[string]string {
	want := make(map[string]string)
	for id, life := range c.lives(function) {
		kinds, known := reported[life]
		switch {
		case !known:
			want[id] = "a life that the table does not have: " + string(life)
		case day > 0 && kinds[day-1] != "":
			want[id] = kinds[day-1]
		}
	}
	return want
}
