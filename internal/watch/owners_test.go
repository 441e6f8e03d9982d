package watch_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"partnerlens/internal/alert"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// ownersWorld is a world with one channel that is split by owner: customers 20 and 21 are
// Alice's, 22 is Bob's, 23 Carol's, who has no address, and the others are no one's.
func ownersWorld(t *testing.T, addresses ...string) (w *world, setAddresses func(...string)) {
	w = newWorld(folder(t), 57)
	owners := map[string]string{idOf(20): "alice", idOf(21): "alice", idOf(22): "bob", idOf(23): "carol"}
	for _, name := range []string{"alice", "bob"} {
		w.chats[name] = newChat()
	}
	setAddresses = func(names ...string) { addresses = names }
	w.change = func(job *watch.Job) {
		job.Details = func(record core.Record) (details core.Details) {
			if owner, ok := owners[record.ID()]; ok {
				details.Owner = &owner
			}
			return details
		}
		at := slices.IndexFunc(job.Alerts.Channels, func(c alert.Channel) bool { return c.Name == "ops" })
		ops := job.Alerts.Channels[at]
		if len(addresses) > 0 {
			ops.Split, ops.OwnerChannels = alert.SplitOwner, make(map[string]core.Secret)
		}
		for _, name := range addresses {
			ops.OwnerChannels[name] = core.NewSecret("https://" + name + ".example/hook")
		}
		job.Alerts.Channels = []alert.Channel{ops}
	}
	w.watch(t, "2026-11-20")
	w.chats["ops"].taken = nil
	for i := 20; i <= 24; i++ {
		w.books.left[i] = 50
	}
	return w, setAddresses
}

// customersOf lists the customers in the messages of a chat.
func customersOf(c *chat) (ids []string) {
	for _, m := range c.taken {
		for _, a := range m.Data.Alerts {
			ids = append(ids, a.Customer)
		}
	}
	slices.Sort(ids)
	return ids
}

func ids(numbers ...int) (ids []string) {
	for _, i := range numbers {
		ids = append(ids, idOf(i))
	}
	slices.Sort(ids)
	return ids
}

func TestOwnersGetTheirAlerts(t *testing.T) {
	t.Parallel()
	w, _ := ownersWorld(t, "alice", "bob")
	outcome := w.watch(t, "2026-11-21")
	for name, want := range map[string][]string{"ops": ids(23, 24), "alice": ids(20, 21), "bob": ids(22)} {
		if got := customersOf(w.chats[name]); !slices.Equal(got, want) {
			t.Errorf("%s has %q, want %q", name, got, want)
		}
	}
	seen := make(map[string]bool)
	for _, d := range outcome.Manifest.Deliveries {
		if d.State != alert.Delivered || seen[d.ID] {
			t.Errorf("%+v", d)
		}
		seen[d.ID] = true
	}
	if len(seen) != 3 {
		t.Errorf("%+v", outcome.Manifest.Deliveries)
	}
}

// What is pending to an owner waits for that address alone, and goes to the channel's own
// address once the setting no longer has the owner's.
func TestPendingToAnOwner(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		addresses []string // at the next run
		alive     bool     // Alice's address
		ops       []string
		alice     []string
	}{
		"the address works again": {[]string{"alice", "bob"}, true, ids(23, 24), ids(20, 21)},
		"the owner is removed":    {[]string{"bob"}, false, ids(20, 21, 23, 24), nil},
		"no owner has an address": {nil, false, ids(20, 21, 23, 24), nil},
		"an owner is added":       {[]string{"alice", "bob", "carol"}, true, ids(23, 24), ids(20, 21)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, setAddresses := ownersWorld(t, "alice", "bob")
			w.chats["carol"] = newChat()
			w.chats["alice"].answer(http.StatusNotFound)
			if outcome := w.watch(t, "2026-11-21"); len(outcome.Undelivered) != 1 || outcome.Undelivered[0].Owner != "alice" {
				t.Fatalf("%+v", outcome.Undelivered)
			}
			w.books.left[25] = -1 // no one's
			w.books.left[22] = -1 // Bob's
			if test.alive {
				w.chats["alice"].answer(http.StatusOK)
			}
			setAddresses(test.addresses...)
			if outcome := w.watch(t, "2026-11-22"); len(outcome.Undelivered) != 0 {
				t.Errorf("%+v", outcome.Undelivered)
			}
			bob := ids(22, 22)
			if !slices.Contains(test.addresses, "bob") {
				test.ops, bob = append(test.ops, idOf(22)), ids(22)
			}
			test.ops = append(test.ops, idOf(25))
			slices.Sort(test.ops)
			for chat, want := range map[string][]string{"ops": test.ops, "alice": test.alice, "bob": bob, "carol": nil} {
				if got := customersOf(w.chats[chat]); !slices.Equal(got, want) {
					t.Errorf("%s has %q, want %q", chat, got, want)
				}
			}
			for name := range objects(t, w.store) {
				if strings.HasSuffix(name, "pending.json") {
					t.Errorf("%s is left", name)
				}
			}
		})
	}
}

// While the channel's own address is dead, owners get their digests; what they got is not in
// the channel's own digest, even if the setting names no owner by then.
func TestPendingToTheRest(t *testing.T) {
	t.Parallel()
	w, setAddresses := ownersWorld(t, "alice", "bob")
	w.chats["ops"].answer(http.StatusNotFound)
	w.watch(t, "2026-11-21")
	w.books.left[20] = -1
	if outcome := w.watch(t, "2026-11-22"); len(outcome.Undelivered) != 1 || outcome.Undelivered[0].Owner != "" {
		t.Errorf("%+v", outcome.Undelivered)
	}
	if got, want := customersOf(w.chats["alice"]), ids(20, 20, 21); !slices.Equal(got, want) {
		t.Errorf("alice has %q, want %q", got, want)
	}
	w.chats["ops"].answer(http.StatusOK)
	setAddresses()
	if outcome := w.watch(t, "2026-11-23"); len(outcome.Undelivered) != 0 {
		t.Errorf("%+v", outcome.Undelivered)
	}
	if got, want := customersOf(w.chats["ops"]), ids(23, 24); !slices.Equal(got, want) {
		t.Errorf("ops has %q, want %q", got, want)
	}
}

// An event for each alert, more than a digest holds, from the run's alerts.json.
func TestEventsOfARun(t *testing.T) {
	t.Parallel()
	w := newWorld(folder(t), 300)
	w.change = func(job *watch.Job) { job.Alerts.Channels[0].Split = alert.SplitCustomer }
	w.watch(t, "2026-11-20")
	if said := w.chats["ops"].said(); said != nil {
		t.Errorf("a first run says %q", said)
	}
	for i := range 250 {
		w.books.left[i] = 50
	}
	count := 0
	w.chats["ops"].status = func(message) int {
		if count++; count > 100 {
			return http.StatusNotFound
		}
		return http.StatusOK
	}
	outcome := w.watch(t, "2026-11-21")
	if len(outcome.Undelivered) != 1 || outcome.Undelivered[0].Progress == "" {
		t.Fatalf("%+v", outcome.Undelivered)
	}
	w.chats["ops"].answer(http.StatusOK)
	if outcome = w.watch(t, "2026-11-21"); len(outcome.Undelivered) != 0 || outcome.Manifest.Deliveries[0].State != alert.Delivered {
		t.Errorf("%+v", outcome.Manifest.Deliveries)
	}
	seen := make(map[string]bool)
	for _, m := range w.chats["ops"].taken {
		if len(m.Data.Alerts) != 1 || m.ID != m.Data.Alerts[0].ID {
			t.Fatalf("%+v", m)
		}
		seen[m.ID] = true
	}
	if len(seen) != 250 || len(w.chats["ops"].taken) > 258 {
		t.Errorf("%d events of %d", len(seen), len(w.chats["ops"].taken))
	}
}
