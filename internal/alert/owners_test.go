package alert

import (
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"partnerlens/pkg/core"
)

// event is the body of a webhook.
type event struct {
	ID   string `json:"id"`
	Data struct {
		Owner     string         `json:"owner"`
		Customers *int           `json:"customers"`
		Statuses  map[string]int `json:"statuses"`
		Muted     *int           `json:"muted"`
		Counted   *int           `json:"counted"`
		Total     int            `json:"total"`
		Counts    map[Kind]int   `json:"counts"`
		Open      map[Kind]int   `json:"open"`
		Held      map[string]int `json:"held"`
		Warnings  []core.Warning `json:"warnings"`
		Alerts    []Alert        `json:"alerts"`
	} `json:"data"`
}

// posted records the webhooks that are posted, by address.
type posted struct {
	mu     sync.Mutex
	events map[string][]event
	text   map[string]string
	answer func(e event) int // nil: 200
}

func (p *posted) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	var e event
	if err == nil {
		err = json.Unmarshal(body, &e)
	}
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	status := 200
	if p.answer != nil {
		status = p.answer(e)
	}
	if status == 200 {
		if p.events == nil {
			p.events, p.text = make(map[string][]event), make(map[string]string)
		}
		p.events[r.URL.Host] = append(p.events[r.URL.Host], e)
		p.text[r.URL.Host] += string(body)
	}
	return answer(status, ""), nil
}

// hostOf is the host of an owner's address.
func hostOf(channel, owner string) string {
	return channel + "-" + strings.ReplaceAll(owner, "界", "jie") + ".example"
}

func ownerChannel(name string, owners ...string) Channel {
	c := Channel{Name: name, Type: Webhook, URL: core.NewSecret("https://" + name + ".example"), Language: English, MinSeverity: Info}
	if owners != nil {
		c.Split, c.OwnerChannels = SplitOwner, make(map[string]core.Secret)
		for _, owner := range owners {
			c.OwnerChannels[owner] = core.NewSecret("https://" + hostOf(name, owner))
		}
	}
	return c
}

// Three owners and two channels: each owner's digest has the owner's customers and counts,
// and nothing of others or of all; the rest goes to the channel's own address.
func TestOwnersGetTheirOwnDigests(t *testing.T) {
	t.Parallel()
	counted := 1234
	d := NewDigest(Summary{Function: "credit", Account: "main", Run: "r", AsOf: runStart, Total: 987, Statuses: map[string]int{"ok": 987}, Muted: 654, Unproven: true, Counted: &counted,
		Notes: Notes{Notify: true, Warnings: []core.Warning{{Code: core.WarnValueUnreadable, CustomerID: "customer-of-note", Count: 321}}}})
	owners := []string{"alice", "bob", "carol", ""}
	for i := range 40 {
		a := Alert{ID: fmt.Sprint("id", i), Kind: []Kind{CreditLow, CustomerNew}[i/4%2], Severity: Warning, CustomerID: fmt.Sprintf("of-%s-%d.", owners[i%4], i), Owner: owners[i%4]}
		if i%8 != 5 { // muted: open, and no alert
			d.Add(a)
		}
		d.AddOpen(a)
	}
	crm := ownerChannel("crm", "alice", "bob")
	crm.MinSeverity = Warning
	config := &Config{Channels: []Channel{ownerChannel("ops", "alice", "bob", "carol"), crm}}
	var got posted
	for _, delivery := range config.Deliver(t.Context(), d, DeliverOptions{Transport: &got}) {
		if delivery.State != Delivered {
			t.Errorf("%+v", delivery)
		}
	}
	for host, want := range map[string]struct {
		owners string
		alerts int
		open   map[Kind]int
	}{
		"ops-alice.example": {"alice", 10, map[Kind]int{CreditLow: 5, CustomerNew: 5}}, "ops-bob.example": {"bob", 5, map[Kind]int{CreditLow: 5, CustomerNew: 5}},
		"ops-carol.example": {"carol", 10, map[Kind]int{CreditLow: 5, CustomerNew: 5}}, "ops.example": {"", 10, map[Kind]int{CreditLow: 5, CustomerNew: 5}},
		"crm-alice.example": {"alice", 5, map[Kind]int{CreditLow: 5}}, "crm-bob.example": {"bob", 5, map[Kind]int{CreditLow: 5}},
		"crm.example": {" carol", 10, map[Kind]int{CreditLow: 10}},
	} {
		all := got.events[host]
		if len(all) != 1 {
			t.Errorf("%s: %d messages", host, len(all))
			continue
		}
		data := all[0].Data
		if data.Total != want.alerts || len(data.Alerts) != want.alerts || !maps.Equal(data.Open, want.open) {
			t.Errorf("%s: %d of %d alerts, open %v, want %+v", host, len(data.Alerts), data.Total, data.Open, want)
		}
		for _, a := range data.Alerts {
			if !slices.Contains(strings.Split(want.owners, " "), a.Owner) {
				t.Errorf("%s: %+v", host, a)
			}
		}
		delete(got.events, host)
		personal := strings.Contains(host, "-")
		if whole := data.Customers != nil && data.Statuses != nil && data.Muted != nil && data.Counted != nil && data.Warnings != nil; whole == personal || personal && data.Owner != want.owners {
			t.Errorf("%s: %+v", host, data)
		}
		for _, text := range []string{"987", "654", "1234", "customer-of-note", "321"} {
			if personal && strings.Contains(got.text[host], text) {
				t.Errorf("%s has %s: %s", host, text, got.text[host])
			}
		}
		// The table has the open conditions of the same owners.
		channel, owner, _ := strings.Cut(strings.TrimSuffix(host, ".example"), "-")
		at := slices.IndexFunc(config.Channels, func(c Channel) bool { return c.Name == channel })
		rows := string(d.selectFor(config.Channels[at].scopeOf(Delivery{Channel: channel, Owner: owner}, config.Plan(d))).openCSV(writer{}))
		for _, name := range owners {
			n := 0
			if slices.Contains(strings.Split(want.owners, " "), name) {
				n = want.open[CreditLow]/len(strings.Split(want.owners, " ")) + want.open[CustomerNew]/len(strings.Split(want.owners, " "))
			}
			if got := strings.Count(rows, "of-"+name+"-"); got != n {
				t.Errorf("%s: %d rows of %q, want %d:\n%s", host, got, name, n, rows)
			}
		}
		// The same as text, for people.
		for _, language := range []string{English, Chinese} {
			channel := &config.Channels[0]
			m := d.selectFor(channel.scopeOf(Delivery{Channel: "ops", Owner: "bob"}, nil)).message(language)
			text := strings.Join(m.lines(len(m.items)), "\n")
			for _, other := range []string{"alice", "carol", "of--", "987", "654", "1234", "customer-of-note", "321"} {
				if strings.Contains(text, other) {
					t.Errorf("%s", text)
				}
			}
		}
	}
	if len(got.events) > 0 {
		t.Errorf("also messages to %v", slices.Collect(maps.Keys(got.events)))
	}
	m := d.selectFor(scope{channel: new(Channel)}).message(English)
	if want := []string{"Open now: Credit low 20, New customer 20", "654 customers are muted"}; !slices.Equal(m.foot, want) {
		t.Errorf("%q", m.foot)
	}
	m = d.selectFor(scope{channel: new(Channel)}).message(Chinese)
	if want := []string{"当前未解除：额度偏低 20，新增客户 20", "已静音 654 家客户"}; !slices.Equal(m.foot, want) {
		t.Errorf("%q", m.foot)
	}
}

// A channel limited to owners gets their alerts alone; a held run without its numbers.
func TestChannelOfOwners(t *testing.T) {
	t.Parallel()
	c := ownerChannel("ops")
	c.Owners = []string{"alice"}
	summary := Summary{Function: "credit", Account: "main", Run: "r", AsOf: runStart, Total: 987}
	d := NewDigest(summary)
	for i, owner := range []string{"alice", "bob", "", "alice"} {
		d.Add(Alert{ID: fmt.Sprint(i), Kind: CreditLow, CustomerID: fmt.Sprint("c", i), Owner: owner})
	}
	var got posted
	(&Config{Channels: []Channel{c}}).Deliver(t.Context(), d, DeliverOptions{Transport: &got})
	if e := got.events["ops.example"]; len(e) != 1 || e[0].Data.Total != 2 || e[0].Data.Customers != nil {
		t.Errorf("%+v", e)
	}
	summary.Held = &Held{Known: 500, Missing: 499, Times: 2}
	held := NewDigest(summary)
	got = posted{}
	plan := (&Config{Channels: []Channel{c, ownerChannel("crm", "alice")}}).Plan(held)
	if len(plan) != 3 || plan[0].State != Pending || plan[1].State != Pending || plan[2].Owner != "alice" || plan[2].State != Skipped {
		t.Errorf("%+v", plan)
	}
	(&Config{Channels: []Channel{c}}).Deliver(t.Context(), held, DeliverOptions{Transport: &got})
	if e := got.events["ops.example"]; len(e) != 1 || !maps.Equal(e[0].Data.Held, map[string]int{"times": 2}) || strings.Contains(got.text["ops.example"], "499") {
		t.Errorf("%+v", e)
	}
	quiet := NewDigest(Summary{Function: "credit", Account: "main", Run: "r", Notes: Notes{Notify: true}})
	if plan := (&Config{Channels: []Channel{c}}).Plan(quiet); plan[0].State != Skipped {
		t.Errorf("warnings about customers of others: %+v", plan)
	}
}

// Over random alerts and settings, which change between the plan and the delivery: what all
// digests of a channel have together is every alert that it wants, each once.
func TestOwnersDigestsAreAPartition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"alice", "bob", "Bob", "carol", "界"}
		draw := func(label string) *Config {
			config := new(Config)
			for _, name := range []string{"ops", "crm"} {
				c := ownerChannel(name, rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID).Draw(t, label+" owners")...)
				if len(c.OwnerChannels) == 0 {
					c.Split = SplitNone
				}
				config.Channels = append(config.Channels, c)
			}
			return config
		}
		limited := rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID).Draw(t, "limit")
		planned, now := draw("planned"), draw("now")
		for _, config := range []*Config{planned, now} {
			if len(limited) > 0 {
				config.Channels[1].Owners = limited
			}
		}
		d := NewDigest(Summary{Function: "credit", Account: "main", Run: "r", Owners: append(planned.Owners(), now.Owners()...)})
		want := map[string][]string{"ops": {}, "crm": {}}
		for i := range rapid.IntRange(0, 40).Draw(t, "alerts") {
			owner := rapid.SampledFrom(append(names, "", "dave")).Draw(t, "owner")
			a := Alert{ID: fmt.Sprint(i), Kind: rapid.SampledFrom(Kinds()).Draw(t, "kind"), CustomerID: fmt.Sprint(i), Owner: owner}
			d.Add(a)
			want["ops"] = append(want["ops"], a.ID)
			if len(limited) == 0 || slices.Contains(limited, owner) {
				want["crm"] = append(want["crm"], a.ID)
			}
		}
		var got posted
		deliveries := planned.Plan(d)
		// Some are delivered before the setting changes.
		early, late := []Delivery{}, []Delivery{}
		for _, due := range deliveries {
			switch {
			case due.State == Skipped:
			case rapid.Bool().Draw(t, "early"):
				early = append(early, due)
			default:
				late = append(late, due)
			}
		}
		planned.Deliver(t.Context(), d, DeliverOptions{Transport: &got, Due: early, Planned: deliveries})
		now.Deliver(t.Context(), d, DeliverOptions{Transport: &got, Due: late, Planned: deliveries})
		have := map[string][]string{"ops": {}, "crm": {}}
		for host, events := range got.events {
			name, _, _ := strings.Cut(strings.TrimSuffix(host, ".example"), "-")
			for _, e := range events {
				for _, a := range e.Data.Alerts {
					have[name] = append(have[name], a.ID)
					if o := e.Data.Owner; o != "" && a.Owner != o || strings.Contains(host, "-") && host != hostOf(name, a.Owner) {
						t.Fatalf("%s has an alert of %q", host, a.Owner)
					}
				}
			}
		}
		for name := range want {
			slices.Sort(have[name])
			slices.Sort(want[name])
			if !slices.Equal(have[name], want[name]) {
				t.Fatalf("%s has %q, want %q", name, have[name], want[name])
			}
		}
	})
}

func TestOwnersInConfig(t *testing.T) {
	t.Parallel()
	c, err := ParseConfig([]byte(`{"channels":[
		{"name":"ops","type":"webhook","url":"https://host.example","owners":["carol"," alice  b "]},
		{"name":"mail","type":"email","url":"smtp://smtp.example.com","from":"a@example.com","to":["b@example.com"],"split":"owner","owner_channels":{"alice\u202e":"alice@example.com","bob":"bob@example.com"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Owners(); !slices.Equal(got, []string{"alice", "alice b", "bob", "carol"}) {
		t.Errorf("%q", got)
	}
	if got := new(Config).Owners(); got == nil {
		t.Error("no owners are nil, which is every owner")
	}
	const ops = `{"channels":[{"name":"ops","type":"webhook","url":"https://host.example",`
	const mail = `{"channels":[{"name":"ops","type":"email","url":"smtp://host.example",`
	for text, want := range map[string]string{
		ops + `"owners":[]}]}`:            "ops: owners: empty",
		ops + `"owners":["\u200b"]}]}`:    "ops: owners: an owner without a name",
		ops + `"split":"customers"}]}`:    "ops: split: unknown; use owner, customer",
		ops + `"split":"owner"}]}`:        "ops: owner_channels: missing",
		ops + `"owner_channels":{}}]}`:    "ops: owner_channels: of no use without",
		ops + `"from":"a@example.com"}]}`: "ops: from: only for email",
		ops + `"to":[]}]}`:                "ops: to: only for email",
		`{"channels":[{"name":"ops","type":"slack","url":"x","split":"customer"}]}`:                                    "ops: split: customer is for a webhook alone",
		ops + `"split":"owner","owner_channels":{"a b":"https://x","a  b":"https://x"}}]}`:                             "ops: owner_channels.a b: two owners have this name",
		ops + `"split":"owner","owner_channels":{"https://planted.example/planted":"alice"}}]}`:                        "ops: owner_channels: an address in the place of an owner",
		ops + `"split":"owner","owner_channels":{"":"https://x"}}]}`:                                                   "ops: owner_channels: an owner without a name",
		ops + `"split":"owner","owner_channels":{"alice":""}}]}`:                                                       "ops: owner_channels.alice: missing",
		ops + `"split":"owner","owner_channels":{"sm:planted#key":""}}]}`:                                              "ops: owner_channels: missing",
		ops + `"split":"owner","owner_channels":["alice"]}]}`:                                                          "ops: owner_channels: not an object of owners' names",
		ops + `"split":"owner","owners":["bob"],"owner_channels":{"alice":"https://x"}}]}`:                             "ops: owner_channels.alice: not one of the channel's owners",
		mail + `"to":["b@example.com"]}]}`:                                                                             "ops: from: missing",
		mail + `"from":"planted","to":["b@example.com"]}]}`:                                                            "ops: from: missing, or not an e-mail address",
		mail + `"from":"a@example.com"}]}`:                                                                             "ops: to: not a list of 1 to 50",
		mail + `"from":"a@example.com","to":["planted"]}]}`:                                                            "ops: to: one is not an e-mail address",
		mail + `"from":"a@example.com","to":["b@example.com","B <b@example.com>"]}]}`:                                  "ops: to: one is there twice",
		mail + `"from":"a@example.com","to":["b@example.com\r\nBcc: planted@example.com"]}]}`:                          "ops: to: one is not an e-mail address",
		mail + `"from":"a\u0000@example.com","to":["b@example.com"]}]}`:                                                "ops: from: missing, or not",
		mail + `"from":"a@example.com","to":["界@example.com"]}]}`:                                                      "ops: to: one is not an e-mail address",
		mail + `"from":"a@example.com","to":["b@example.com"],"split":"owner","owner_channels":{"alice":"planted"}}]}`: "ops: owner_channels.alice: not an e-mail address",
	} {
		_, err := ParseConfig([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "planted") {
			t.Errorf("%s\ngives %v", text, err)
		}
	}
	config := &Config{Channels: []Channel{ownerChannel("ops", "alice", "bob")}}
	config.Channels[0].OwnerChannels["bob"] = core.NewSecret("http://planted.example")
	if problems := config.Check(t.Context(), nil); len(problems) != 1 || !strings.Contains(problems[0].Error(), "ops.owner_channels.bob: not an address") || strings.Contains(problems[0].Error(), "planted") {
		t.Errorf("%v", problems)
	}
}

// numbered is a source of so many alerts; reads counts how often it was begun.
func numbered(n int, reads *int) iter.Seq2[Alert, error] {
	return func(yield func(Alert, error) bool) {
		*reads++
		for i := range n {
			if a := alertNumber(i); !yield(a, nil) {
				return
			}
		}
	}
}

// With split customer each alert is an event of its own, all of them, at most eight at once;
// after a failure the next call goes on, and every event keeps its id.
func TestEventsOfCustomers(t *testing.T) {
	t.Parallel()
	const n = 700
	reads := 0
	d := NewDigest(Summary{Function: "credit", Account: "main", Run: "r", AsOf: runStart, Owners: []string{}})
	if err := d.AddAll(numbered(n, &reads)); err != nil {
		t.Fatal(err)
	}
	c := ownerChannel("ops")
	c.Split = SplitCustomer
	c.Kinds = slices.DeleteFunc(Kinds(), func(kind Kind) bool { return kind == CustomerNew })
	config := &Config{Channels: []Channel{c}}
	want := make(map[string]bool)
	for i := range n {
		if a := alertNumber(i); a.Kind != CustomerNew {
			want[a.ID] = true
		}
	}
	var got posted
	count := 0
	got.answer = func(event) int {
		if count++; count > 300 {
			return 503
		}
		return 200
	}
	synctest.Test(t, func(t *testing.T) {
		due := config.Deliver(t.Context(), d, DeliverOptions{Transport: &got})
		if due[0].State != Failed || due[0].Progress == "" || due[0].Reach != ReachServer {
			t.Fatalf("%+v", due)
		}
		got.answer = nil
		due = config.Deliver(t.Context(), d, DeliverOptions{Transport: &got, Due: due})
		if due[0].State != Delivered || due[0].Progress != "" {
			t.Errorf("%+v", due)
		}
	})
	events := got.events["ops.example"]
	for _, e := range events {
		if len(e.Data.Alerts) != 1 || e.Data.Total != 1 || e.ID != e.Data.Alerts[0].ID || e.Data.Counts[e.Data.Alerts[0].Kind] != 1 {
			t.Fatalf("%+v", e)
		}
		delete(want, e.ID)
	}
	if len(want) > 0 || len(events) > n+eventsAtOnce {
		t.Errorf("%d are lacking, of %d events", len(want), len(events))
	}
	if plan := config.Plan(NewDigest(Summary{Function: "credit", Account: "main", First: true, Held: &Held{}})); plan[0].State != Skipped {
		t.Errorf("%+v", plan)
	}
}

// An event that the receiver refuses keeps no other from it, and shows.
func TestEventsRefused(t *testing.T) {
	t.Parallel()
	reads := 0
	d := NewDigest(Summary{Function: "credit", Account: "main", Run: "r", AsOf: runStart})
	if err := d.AddAll(numbered(100, &reads)); err != nil {
		t.Fatal(err)
	}
	c := ownerChannel("ops")
	c.Split = SplitCustomer
	got := posted{answer: func(e event) int {
		if e.ID == alertNumber(7).ID {
			return 422
		}
		return 200
	}}
	due := (&Config{Channels: []Channel{c}}).Deliver(t.Context(), d, DeliverOptions{Transport: &got})
	if due[0].State != Refused || !strings.Contains(due[0].Detail, "HTTP 422") || len(got.events["ops.example"]) != 99 {
		t.Errorf("%+v, %d", due, len(got.events["ops.example"]))
	}
	failing := NewDigest(d.Summary)
	source := func(yield func(Alert, error) bool) {
		yield(alertNumber(0), nil)
		if reads++; reads > 2 {
			yield(Alert{}, &core.Error{Code: core.CodeUnavailable, Detail: "the store does not answer"})
		}
	}
	reads = 0
	if err := failing.AddAll(source); err != nil {
		t.Fatal(err)
	}
	reads = 5
	if due := (&Config{Channels: []Channel{c}}).Deliver(t.Context(), failing, DeliverOptions{Transport: &got}); due[0].State != Failed || due[0].Code != core.CodeUnavailable {
		t.Errorf("%+v", due)
	}
	without := NewDigest(d.Summary)
	without.Add(alertNumber(0))
	if due := (&Config{Channels: []Channel{c}}).Deliver(context.Background(), without, DeliverOptions{Transport: &got}); due[0].State != Failed || due[0].Code != core.CodeInternal {
		t.Errorf("without a source: %+v", due)
	}
}

// Events that one call finds refused are still refused when a later call sends the rest.
func TestEventsRefusedByAnEarlierCall(t *testing.T) {
	t.Parallel()
	reads := 0
	d := NewDigest(Summary{Function: "credit", Account: "main", Run: "r", AsOf: runStart})
	if err := d.AddAll(numbered(100, &reads)); err != nil {
		t.Fatal(err)
	}
	c := ownerChannel("ops")
	c.Split = SplitCustomer
	config := &Config{Channels: []Channel{c}}
	got := posted{answer: func(e event) int {
		switch e.ID {
		case alertNumber(7).ID:
			return 422
		case alertNumber(50).ID:
			return 401
		}
		return 200
	}}
	due := config.Deliver(t.Context(), d, DeliverOptions{Transport: &got})
	if due[0].State != Failed {
		t.Fatalf("%+v", due)
	}
	got.answer = nil
	due = config.Deliver(t.Context(), d, DeliverOptions{Transport: &got, Due: due})
	if due[0].State != Refused || due[0].Detail != "it refuses some events, and has the others" {
		t.Errorf("%+v", due)
	}
}

// A held run whose delivery is pending has no event for a channel that is split since.
func TestHeldRunOfAChannelSplitSince(t *testing.T) {
	t.Parallel()
	d := NewDigest(Summary{Function: "credit", Account: "main", Run: "r", AsOf: runStart, Held: &Held{Known: 50, Missing: 40, Times: 1}})
	config := &Config{Channels: []Channel{ownerChannel("ops")}}
	due := config.Plan(d)
	config.Channels[0].Split = SplitCustomer
	var got posted
	due = config.Deliver(t.Context(), d, DeliverOptions{Transport: &got, Due: due})
	if due[0].State != Skipped || due[0].Code != "" || len(got.events) != 0 {
		t.Errorf("%+v, %v", due, got.events)
	}
}

// The sample goes to every address of a channel.
func TestSampleGoesToEveryAddress(t *testing.T) {
	t.Parallel()
	tickets := ownerChannel("tickets")
	tickets.Split = SplitCustomer
	var got posted
	deliveries := (&Config{Channels: []Channel{ownerChannel("ops", "alice", "bob"), tickets}}).Deliver(t.Context(), Sample(English, runStart), DeliverOptions{Transport: &got})
	if len(deliveries) != 4 || len(got.events) != 4 || len(got.events["tickets.example"]) != 2 || len(got.events["ops-bob.example"]) != 1 {
		t.Errorf("%+v, %d", deliveries, len(got.events))
	}
	seen := make(map[string]bool)
	for _, d := range deliveries {
		if d.State != Delivered || seen[d.ID] {
			t.Errorf("%+v", d)
		}
		seen[d.ID] = true
	}
}

// Owners whose names begin with the same 64 letters are two: neither gets the other's
// customers.
func TestLongOwnersStayApart(t *testing.T) {
	t.Parallel()
	team := strings.Repeat("Enterprise sales, Europe and Africa; ", 3)
	var setting struct {
		Channels []map[string]any `json:"channels"`
	}
	setting.Channels = []map[string]any{{"name": "crm", "type": "webhook", "url": "https://crm.example", "split": "owner", "owner_channels": map[string]string{
		team + "Alice": "https://alice.example", team + "Bob": "https://bob.example",
	}}}
	text, err := json.Marshal(setting)
	if err != nil {
		t.Fatal(err)
	}
	config, err := ParseConfig(text)
	if err != nil {
		t.Fatal(err)
	}
	d := NewDigest(Summary{Function: "credit", Account: "main", Run: "r", AsOf: runStart, Owners: config.Owners()})
	for _, owner := range []string{"Alice", "Bob", "Carol"} {
		d.Add(Alert{ID: owner, Kind: CreditLow, Severity: Warning, CustomerID: "of-" + owner, Owner: team + owner, CRMID: team + owner})
	}
	var got posted
	config.Deliver(t.Context(), d, DeliverOptions{Transport: &got})
	for host, want := range map[string]string{"alice.example": "Alice", "bob.example": "Bob", "crm.example": "Carol"} {
		for _, e := range got.events[host] {
			if len(e.Data.Alerts) != 1 || e.Data.Alerts[0].ID != want || e.Data.Alerts[0].CRMID != team+want {
				t.Errorf("%s got %+v, want the alert of %s", host, e.Data.Alerts, want)
			}
		}
		if len(got.events[host]) != 1 {
			t.Errorf("%s got %d messages, want 1", host, len(got.events[host]))
		}
	}
}
