package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
)

// opening is a member of alerts.json or open.json.
type opening struct {
	Kind       string `json:"kind"`
	CustomerID string `json:"customer_id"`
	ResellerID string `json:"reseller_id"`
	Since      string `json:"since"`
	Reason     string `json:"reason"`
	Owner      string `json:"owner"`
	MutedUntil string `json:"muted_until"`
}

// foldOpenings applies transitions to the conditions that are open, by customer and kind, of which the
// levels of a balance are one.
func foldOpenings(open map[string]string, transitions []opening) {
	for _, a := range transitions {
		at := a.ResellerID + "/" + a.CustomerID + " "
		text := a.Kind + " " + a.Since
		if a.Reason == "ended" || a.Reason == "not_asked" {
			text = ""
		}
		switch a.Kind {
		case "credit_low", "credit_exhausted", "credit_overdrawn":
			at += "level"
		case "credit_recovered":
			at, text = at+"level", ""
		case "credit_freed":
			at, text = at+"credit_forced", ""
		case "credit_forced", "credit_expiring", "voucher_expiring", "tag_ending_this_month", "tag_ending_next_month", "partner_low", "reseller_low":
			at += a.Kind
		case "customer_gone":
			maps.DeleteFunc(open, func(k, _ string) bool { return strings.HasPrefix(k, at) })
			continue
		default:
			continue
		}
		if open[at] = text; text == "" {
			delete(open, at)
		}
	}
}

// A month of daily runs of both functions, in which the simulator's days come in any order, so
// that customers recover, leave and come back, and in which some lists cannot be proven. Of a
// tenth of the customers one has an owner and is muted for some days.
func TestOpenMonth(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 3))
	t.Logf("seed %d", seed)
	today := time.Date(2026, 11, 11, 12, 0, 0, 0, time.UTC)
	open := func(faults ...string) *cloud {
		return openCloud(t, simulator.Options{Customers: 120, Seed: 5, Today: today, Faults: faults})
	}
	clouds := []*cloud{open(), open("total-high")}
	folder := t.TempDir()
	table := "customer_id;owner;mute_until\r\n"
	muted := make(map[string]string) // the last day
	for _, function := range app.FunctionNames() {
		for id := range clouds[0].lives(function) {
			if random.IntN(3) == 0 {
				muted[id] = today.AddDate(0, 0, random.IntN(30)).Format(time.DateOnly)
				table += fmt.Sprintf("%s;owner of %s;%s\r\n", id, id, muted[id])
			}
		}
	}
	path := filepath.Join(folder, "owners.csv")
	if err := os.WriteFile(path, []byte(table), 0o600); err != nil {
		t.Fatal(err)
	}
	folded := make(map[string]map[string]string)
	seen := make(map[string]int)
	days := 30
	if testing.Short() {
		days = 8
	}
	for day := range days {
		c, simulated := clouds[0], random.IntN(3)
		if day < 3 {
			simulated = day // expiries are near on the first days alone
		} else if random.IntN(6) == 0 {
			c = clouds[1]
		}
		c.sim.SetDay(simulated)
		env := c.settings()
		env["PARTNERLENS_STORE"], env["PARTNERLENS_OWNERS"], env["PARTNERLENS_HOLD_PERCENT"] = "file://"+folder, "store:owners.csv", "100"
		at := today.AddDate(0, 0, day)
		run, now := at.Format(time.DateOnly), func() time.Time { return at }
		watcher := &app.Watcher{Env: with(env), Now: now}
		for _, f := range app.ComposeAll(with(env), now) {
			name := f.Function.Name
			if done, err := watcher.Watch(t.Context(), f, app.WatchRequest{Run: run}); err != nil || done.Complete != (c == clouds[0] || name == "tags") && name == "credit" {
				t.Fatalf("%s, %s: %v, %+v", name, run, err, done)
			}
			read := func(object string) (file struct{ Alerts, Silent []opening }) {
				text, err := os.ReadFile(filepath.Join(folder, "runs", name, "default", run, object))
				if err == nil {
					err = json.Unmarshal(text, &file)
				}
				if err != nil {
					t.Fatal(err)
				}
				return file
			}
			journal, now := read("alerts.json"), read("open.json").Alerts
			if day == 0 {
				folded[name] = make(map[string]string)
				foldOpenings(folded[name], now)
			}
			foldOpenings(folded[name], journal.Alerts)
			foldOpenings(folded[name], journal.Silent)
			got := make(map[string]string)
			foldOpenings(got, now)
			if !maps.Equal(got, folded[name]) || len(got) != len(now) {
				t.Fatalf("%s, %s (day %d of the simulator):\nopen   %v\nfolded %v", name, run, simulated, got, folded[name])
			}
			for _, a := range now {
				last, has := muted[a.CustomerID]
				seen[a.Kind]++
				if has != (a.Owner == "owner of "+a.CustomerID) || (a.MutedUntil != "") != (has && at.Add(8*time.Hour).Format(time.DateOnly) <= last) {
					t.Errorf("%s, %s: %+v, muted until %q", name, run, a, last)
				}
			}
			for _, a := range journal.Silent {
				seen[a.Reason]++
			}
			for _, a := range journal.Alerts {
				if last, has := muted[a.CustomerID]; has && run <= last && a.Kind != "credit_recovered" && a.Kind != "credit_freed" {
					t.Errorf("%s, %s: %+v is delivered, and the customer is muted until %s", name, run, a, last)
				}
			}
		}
	}
	for _, what := range []string{"credit_forced", "credit_overdrawn", "credit_exhausted", "credit_low", "credit_expiring", "tag_ending_this_month", "tag_ending_next_month", "muted", "ended", "reported"} {
		if seen[what] == 0 && !testing.Short() {
			t.Errorf("the month shows no %s: %v", what, seen)
		}
	}
}
