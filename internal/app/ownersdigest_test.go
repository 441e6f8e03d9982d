package app_test

import (
	"fmt"
	"hash/fnv"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
)

// Of three owners each gets a digest of their own customers at each of two channels, and no
// other customer's id. The customers without an owner and those of an owner without an address are in
// the channel's own digest; a muted customer is in none. The first day's are opening lists.
func TestEachOwnerGetsTheirOwnDigest(t *testing.T) {
	t.Parallel()
	today := time.Date(2026, 11, 11, 12, 0, 0, 0, time.UTC)
	c := openCloud(t, simulator.Options{Customers: 300, Seed: 4, Today: today})
	owners := []string{"alice", "bob", "carol", ""}
	ownerOf, muted := make(map[string]string), make(map[string]bool)
	table := "customer_id,owner,mute_until\n"
	for _, function := range app.FunctionNames() {
		for id := range c.lives(function) {
			hash := fnv.New32()
			_, _ = hash.Write([]byte(id))
			until := ""
			if ownerOf[id] = owners[hash.Sum32()%4]; hash.Sum32()/4%3 == 0 {
				muted[id], until = true, "2026-12-31"
			}
			table += fmt.Sprintf("%s,%s,%s\n", id, ownerOf[id], until)
		}
	}
	folder := t.TempDir()
	write(t, filepath.Join(folder, "owners.csv"), table)

	// carol has an address at one channel only.
	own := map[string]*ear{}
	var channels []fields
	for channel, addressed := range map[string][]string{"webhook": {"alice", "bob"}, "slack": {"alice", "bob", "carol"}} {
		addresses := fields{}
		for _, owner := range append(addressed, "") {
			own[channel+" "+owner] = newEar(t, 200)
			if owner != "" {
				addresses[owner] = own[channel+" "+owner].server.URL + "/" + owner
			}
		}
		channels = append(channels, fields{"name": channel, "type": channel, "url": own[channel+" "].server.URL + "/all", "split": "owner", "owner_channels": addresses})
	}
	env := c.settings()
	env["PARTNERLENS_STORE"], env["PARTNERLENS_OWNERS"] = "file://"+folder, "store:owners.csv"
	env["PARTNERLENS_ALERTS"] = asJSON(t, fields{"channels": channels})

	reported := make(map[string]bool) // customers with an alert
	for day := range 3 {
		c.sim.SetDay(day)
		at := today.AddDate(0, 0, day)
		now := func() time.Time { return at }
		watcher := &app.Watcher{Env: with(env), Now: now}
		for _, f := range app.ComposeAll(with(env), now) {
			done, err := watcher.Watch(t.Context(), f, app.WatchRequest{})
			if err != nil || !done.Complete || len(done.Accounts[0].Undelivered) > 0 {
				t.Fatalf("%s, day %d: %v, %+v", f.Function.Name, day, err, done)
			}
			for id := range alertsOf(t, filepath.Join(folder, "runs", f.Function.Name, "default", done.Run, "alerts.json")) {
				reported[id] = true
			}
			for id := range alertsOf(t, filepath.Join(folder, "runs", f.Function.Name, "default", done.Run, "open.json")) {
				reported[id] = reported[id] || day == 0 && !muted[id] // the opening list
			}
		}
	}
	maps.DeleteFunc(reported, func(id string, is bool) bool { return id == "" || !is }) // "" is of alerts about resellers
	for id := range reported {
		ownerOf[id] += "" // one that joined is not in the table
	}

	for _, channel := range []string{"webhook", "slack"} {
		for _, owner := range owners {
			isDefault := owner == "" || own[channel+" "+owner] == nil
			if isDefault && owner != "" {
				continue // with the channel's own
			}
			got := make(map[string]bool)
			for _, body := range own[channel+" "+owner].heard() {
				for id := range ownerOf {
					if strings.Contains(body, id) {
						got[id] = true
					}
				}
			}
			want := make(map[string]bool)
			for id := range reported {
				if of := ownerOf[id]; of == owner || owner == "" && own[channel+" "+of] == nil {
					want[id] = true
				}
			}
			for id := range got {
				if !want[id] {
					t.Errorf("%s, %q: %s of %q is in a digest (muted: %t)", channel, owner, id, ownerOf[id], muted[id])
				}
			}
			if len(want) < 2 || !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
				maps.DeleteFunc(want, func(id string, _ bool) bool { return got[id] })
				t.Errorf("%s, %q: %d customers are in digests, and these are missing: %v", channel, owner, len(got), slices.Sorted(maps.Keys(want)))
			}
		}
	}
	mutedAndQuiet := 0
	for id := range muted {
		if !reported[id] {
			mutedAndQuiet++
		}
	}
	if len(reported) < 20 || mutedAndQuiet < 20 {
		t.Errorf("%d customers were reported, %d muted ones were not", len(reported), mutedAndQuiet)
	}
}
