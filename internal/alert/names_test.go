package alert

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"partnerlens/pkg/core"
)

// bodies records the bodies of messages by the channel's host, and accepts none.
type bodies struct {
	mu   sync.Mutex
	sent map[string]string
}

func (b *bodies) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	text, _ := url.QueryUnescape(string(body)) // SNS sends a form
	var decoded any
	if json.Unmarshal(body, &decoded) == nil {
		plain, _ := json.Marshal(decoded) // without JSON's escapes
		text = string(plain)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent[r.URL.Host] += text
	return answer(http.StatusNotFound, ""), nil
}

// No message of a masked channel has a name or a remark, whatever they are, to whichever
// owner, however often it is sent, and whatever the channel was when the run was made. Those
// of a full channel have both.
func TestMaskedChannelsGetNoNames(t *testing.T) {
	t.Parallel()
	types := slices.DeleteFunc(channelTypes(), func(kind ChannelType) bool { return kind == Email })
	env := map[string]string{"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "planted"}
	outer := t
	rapid.Check(t, func(t *rapid.T) {
		const name, remark = "Quargelmarkt", "Zwiebelfisch"
		draw := func(marker, label string) string { // the marker within any text
			some := rapid.StringN(0, 12, -1)
			return some.Draw(t, label) + marker + some.Draw(t, label)
		}
		first := rapid.Bool().Draw(t, "first")
		run := runOn(1)
		run.First, run.Opening, run.FullNames = first, first, true
		d := NewDigest(Summary{Function: "credit", Account: "main", Run: "r", AsOf: runStart, First: first, Owners: []string{"alice"},
			Public: rapid.SampledFrom([]string{"", "https://pl.example/base"}).Draw(t, "public")})
		var alerts []Alert
		for i := range rapid.IntRange(1, 3).Draw(t, "customers") {
			c := credit(t, rapid.SampledFrom([]string{"-5", "0", "50", "forced -1"}).Draw(t, "left"))
			c.CustomerID = fmt.Sprint(200000000001 + i)
			c.Name, c.Remark, c.Owner = draw(name, "name"), draw(remark, "remark"), rapid.SampledFrom([]*string{nil, new("alice")}).Draw(t, "owner")
			e, err := (*Rules)(nil).Evaluate(run, nil, c, State{})
			if err != nil {
				t.Fatal(err)
			}
			alerts = append(alerts, e.Alerts...)
			for _, a := range e.Open {
				d.AddOpen(a)
			}
		}
		if err := d.AddAll(func(yield func(Alert, error) bool) {
			for _, a := range alerts {
				if !yield(a, nil) {
					return
				}
			}
		}); err != nil {
			t.Fatal(err)
		}
		config := new(Config)
		for _, kind := range rapid.SliceOfNDistinct(rapid.SampledFrom(types), 1, 3, rapid.ID).Draw(t, "types") {
			for _, names := range []Names{NamesMasked, NamesFull, "turned"} { // turned is full when the run is delivered first
				c := Channel{Name: string(kind) + "-" + string(names), Type: kind, Names: names, URL: core.NewSecret(fmt.Sprintf("https://%s-%s.example", kind, names)), MinSeverity: Info}
				c.Language = rapid.SampledFrom([]string{English, Chinese}).Draw(t, "language")
				if kind == SNS {
					c.URL = core.NewSecret("arn:aws:sns:" + string(names) + ":123456789012:alerts")
				}
				switch split := rapid.SampledFrom([]Split{SplitNone, SplitOwner, SplitCustomer}).Draw(t, "split"); {
				case split == SplitOwner:
					c.Split, c.OwnerChannels = split, map[string]core.Secret{"alice": core.NewSecret(c.URL.Reveal() + "/alice")}
					if kind == SNS {
						c.OwnerChannels["alice"] = core.NewSecret(c.URL.Reveal() + "-alice")
					}
				case split == SplitCustomer && kind == Webhook:
					c.Split = split
				}
				if names == "turned" {
					c.Names = NamesFull
				}
				config.Channels = append(config.Channels, c)
			}
		}
		opts := DeliverOptions{Getenv: func(name string) string { return env[name] }}
		deliver := func() map[string]string {
			b := &bodies{sent: make(map[string]string)}
			opts.Transport = b
			opts.Due = config.Deliver(t.Context(), d, opts)
			opts.Planned = opts.Due
			return b.sent
		}
		check := func(label, text string, isFull bool) {
			for _, marker := range []string{name, remark} {
				if strings.Contains(text, marker) != isFull {
					t.Fatalf("%s has %s: %t\n%s", label, marker, !isFull, text)
				}
			}
		}
		for round := range 2 {
			for host, text := range deliver() {
				check(host, text, strings.Contains(host, "full") || round == 0 && strings.Contains(host, "turned"))
			}
			for i := range config.Channels {
				if c := &config.Channels[i]; strings.Contains(c.Name, "turned") {
					c.Names = NamesMasked
				}
			}
		}
		for _, names := range []Names{NamesMasked, NamesFull} {
			c := mailChannel("smtp", "localhost:25")
			c.Names = names
			s := &sender{id: "id", channel: &c, selection: d.selectFor(c.scopeOf(Delivery{}, nil))}
			s.message = s.selection.message(English)
			from := &mail.Address{Address: "a@example.com"}
			m, err := s.compose(from, []*mail.Address{from})
			if err != nil {
				t.Fatal(err)
			}
			var text bytes.Buffer
			if _, err := m.WriteTo(&text); err != nil {
				t.Fatal(err)
			}
			p := parseMail(outer, text.String())
			for label, part := range map[string]string{"text": p.plain, "HTML": p.html, "table": p.table} {
				check(label, part, names == NamesFull)
			}
		}
	})
}

// linked is a Digest with a link, and a customer and a reseller that could break it.
func linked(public string) *Digest {
	d := NewDigest(Summary{Function: "credit", Account: "north", Run: "r", AsOf: runStart, Public: public, Location: "file:///var/lib/runs/"})
	for i, a := range []Alert{
		{Kind: CreditOverdrawn, CustomerID: "200000000001", Name: "A＊＊＊", FullName: "Ann [x](y)", Remark: "<!here>", Owner: "Alice"},
		{Kind: CreditLow, CustomerID: "a)b>c|d&e\"f", ResellerID: "r/1"},
		{Kind: TagLost, CustomerID: "../healthz"},
		{Kind: TagLost, CustomerID: ".."},
		{Kind: PartnerLow},
	} {
		a.ID, a.Severity, a.Account = fmt.Sprint(i), a.Kind.Severity(), "north"
		d.Add(a)
		d.AddOpen(a)
	}
	return d
}

func TestLinks(t *testing.T) {
	t.Parallel()
	const base = "https://pl.example/base"
	const first, second = base + "/customers/credit/north/200000000001", base + "/customers/credit/north/a%29b%3Ec%7Cd%26e%22f?reseller_id=r%2F1"
	full := scope{channel: &Channel{Names: NamesFull}}
	m := linked(base).selectFor(full).message(English)
	got := rendered(t, m)
	const ann, evil = "200000000001 Ann ［x］（y）", "r／1 / a）b＞c｜d＆e＂f"
	for name, want := range map[string][]string{
		"slack":    {"Overdrawn: <" + first + "|" + ann + ">: owner Alice, remark ＜！here＞", "<" + second + "|" + evil + ">"},
		"teams":    {"Overdrawn: \n" + ann + " " + first, evil + " " + second},
		"feishu":   {"[" + ann + "](" + first + ")", "[" + evil + "](" + second + ")"},
		"dingtalk": {"[" + ann + "](" + first + ")", "[" + evil + "](" + second + ")"},
		"wecom":    {"[" + ann + "](" + first + ")", "[" + evil + "](" + second + ")"},
		"text":     {"Overdrawn: " + ann + ": owner Alice, remark ＜！here＞\n  " + first + "\n", "\n  " + second + "\n"},
	} {
		for _, part := range want {
			if !strings.Contains(strings.ReplaceAll(got[name].text, "Overdrawn: 2", "Overdrawn: \n2"), part) && !strings.Contains(got[name].text, part) {
				t.Errorf("%s lacks %q:\n%s", name, part, got[name].text)
			}
		}
		if n := strings.Count(got[name].text, base+"/customers/"); n != 2 {
			t.Errorf("%s has %d links", name, n)
		}
		if strings.Contains(got[name].text, "file:") || !strings.Contains(got[name].text, base+"/") {
			t.Errorf("%s: %s", name, got[name].text)
		}
	}
	if page := m.html(); !strings.Contains(page, `Overdrawn: <a href="`+first+`">`+ann+`</a>: owner Alice`) || !strings.Contains(page, `<a href="`+second+`">`+evil+`</a>`) {
		t.Error(page)
	}
	table, err := csv.NewReader(bytes.NewReader(linked(base).selectFor(full).openCSV(writer{})[3:])).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for column, want := range map[string]string{"url": first, "name": "Ann [x](y)", "remark": "<!here>"} {
		if at := slices.Index(table[0], column); at < 0 || table[2][at] != want {
			t.Errorf("the attachment has no %s %q: %q", column, want, table)
		}
	}
	s := &sender{selection: linked(base).selectFor(full)}
	text, err := json.Marshal(s.event())
	if err != nil {
		t.Fatal(err)
	}
	var e event
	if err := json.Unmarshal(text, &e); err != nil || len(e.Data.Alerts) != 5 || e.Data.Alerts[1].URL != first || e.Data.Alerts[1].Name != "Ann [x](y)" || e.Data.Alerts[2].URL != second || e.Data.Alerts[0].URL+e.Data.Alerts[3].URL+e.Data.Alerts[4].URL != "" {
		t.Errorf("%v, %s", err, text)
	}
}

// Without a base there is no link, and no message has the path of a folder, but for the
// terminal of the machine that has it.
func TestNoLinks(t *testing.T) {
	t.Parallel()
	d := linked("")
	for name, r := range rendered(t, d.selectFor(whole).message(English)) {
		if strings.Contains(r.text, "://") || strings.Contains(r.text, "See") {
			t.Errorf("%s: %s", name, r.text)
		}
	}
	if m := d.selectFor(whole).message(English); m.tail(1).plain() != "… and 4 more" {
		t.Errorf("%q", m.tail(1))
	}
	if got := d.Text(English, 1); !strings.HasSuffix(got, "\n… and 4 more, see file:///var/lib/runs/") {
		t.Error(got)
	}
	if got := linked("https://pl.example").selectFor(whole).message(Chinese).tail(1).plain(); got != "…… 另有 4 条，见 https://pl.example/" {
		t.Error(got)
	}
}

// The first run sends what is open, once, to each channel that wants it.
func TestOpeningList(t *testing.T) {
	t.Parallel()
	d := NewDigest(Summary{Function: "credit", Account: "main", Run: "r", AsOf: runStart, First: true, Owners: []string{"alice", "bob"}, Kinds: []Kind{CreditOverdrawn, CreditLow, CreditExpiring}})
	for i, a := range []Alert{
		{Kind: CreditLow, CustomerID: "c1", Remaining: "5", Owner: "alice"}, {Kind: CreditOverdrawn, CustomerID: "c2", Remaining: "-7", Owner: "bob"},
		{Kind: CreditOverdrawn, CustomerID: "c3", Remaining: "-9"}, {Kind: CreditExpiring, CustomerID: "c4", Owner: "alice"},
		{Kind: CreditOverdrawn, CustomerID: "muted", Remaining: "-99", MutedUntil: "2026-12-31T16:00:00Z"},
		{Kind: CreditForced, CustomerID: "kind off"},
	} {
		a.ID, a.Severity = fmt.Sprint(i), a.Kind.Severity()
		d.AddOpen(a)
	}
	if err := d.AddAll(func(func(Alert, error) bool) {}); err != nil {
		t.Fatal(err)
	}
	channel := func(name string, change func(*Channel)) Channel {
		c := ownerChannel(name)
		change(&c)
		return c
	}
	config := &Config{Channels: []Channel{
		channel("all", func(*Channel) {}),
		channel("quiet", func(c *Channel) { c.Baseline = BaselineQuiet }),
		channel("kinds", func(c *Channel) { c.Kinds = []Kind{CreditLow} }),
		channel("critical", func(c *Channel) { c.MinSeverity = Critical }),
		channel("each", func(c *Channel) { c.Split = SplitCustomer }),
		channel("eachquiet", func(c *Channel) { c.Split, c.Baseline = SplitCustomer, BaselineQuiet }),
		ownerChannel("split", "alice", "carol"),
	}}
	var got posted
	for _, delivery := range config.Deliver(t.Context(), d, DeliverOptions{Transport: &got}) {
		if delivery.State != Delivered && delivery.Channel != "eachquiet" && delivery.Owner != "carol" {
			t.Errorf("%+v", delivery)
		}
	}
	for host, want := range map[string]string{
		"all.example": "c3 c2 c1 c4", "quiet.example": "", "kinds.example": "c1", "critical.example": "c3 c2", "each.example": "c3 c2 c1 c4",
		"split-alice.example": "c1 c4", "split.example": "c3 c2", "eachquiet.example": "-", "split-carol.example": "-",
	} {
		events := got.events[host]
		if want == "-" && events == nil {
			continue
		}
		if len(events) != 1 {
			t.Errorf("%s got %d messages", host, len(events))
			continue
		}
		var ids []string
		for _, a := range events[0].Data.Alerts {
			ids = append(ids, a.CustomerID)
		}
		if list := strings.Join(ids, " "); list != want || events[0].Data.Total != len(ids) {
			t.Errorf("%s got %q, want %q; total %d", host, list, want, events[0].Data.Total)
		}
	}
	for language, want := range map[string][]string{
		English: {"opening list, 4 to look at", "Open now: Overdrawn 2, Credit low 1, Expires soon 1\n🔴 Overdrawn: c3: -9 left"},
		Chinese: {"首次采集，现有 4 条待关注", "当前未解除：已透支 2，额度偏低 1，即将到期 1\n🔴 已透支：c3：剩余 -9"},
	} {
		text := d.Text(language, 10)
		for _, part := range want {
			if !strings.Contains(text, part) {
				t.Errorf("no %q in\n%s", part, text)
			}
		}
		if strings.Count(text, writer{language: language}.text("Open now: ", "当前未解除：")) != 1 {
			t.Errorf("the counts are there twice:\n%s", text)
		}
	}
	if m := d.selectFor(scope{channel: &Channel{Baseline: BaselineQuiet}}).message(English); !strings.HasSuffix(m.title, "first run, the baseline is set") || len(m.items) > 0 || !strings.HasPrefix(m.foot[0], "Open now: Service stopped by force 1, Overdrawn 3") {
		t.Errorf("%+v", m)
	}
}

// A customer that is muted in the first run is not in the opening list; what is still open
// after the mute is reported then. Without an opening list, the first run is the baseline.
func TestOpeningListAndMutes(t *testing.T) {
	t.Parallel()
	for _, opening := range []bool{true, false} {
		c := credit(t, "-5")
		run := runOn(0)
		run.First, run.Opening, run.MutedUntil = true, opening, runOn(2).AsOf
		e, err := (*Rules)(nil).Evaluate(run, nil, c, State{})
		if err != nil || len(e.Alerts) > 0 || len(e.Open) != 1 || e.Open[0].MutedUntil == "" {
			t.Fatalf("%+v, %v", e, err)
		}
		run = runOn(3)
		e, err = (*Rules)(nil).Evaluate(run, c, c, roundTrip(t, e.State))
		if err != nil || opening != (len(e.Alerts) == 1) || opening && (e.Alerts[0].Kind != CreditOverdrawn || e.Alerts[0].Since != formatTime(runOn(0).AsOf)) {
			t.Errorf("after the mute, opening %t: %+v, %v", opening, e.Alerts, err)
		}
		if e, err = (*Rules)(nil).Evaluate(runOn(4), c, c, roundTrip(t, e.State)); err != nil || len(e.Alerts) > 0 {
			t.Errorf("again: %+v, %v", e.Alerts, err)
		}
	}
}

// A run stores names and remarks only if a channel is full.
func TestAlertsStoreNamesForFullChannels(t *testing.T) {
	t.Parallel()
	for _, full := range []bool{true, false} {
		c := credit(t, "-5")
		c.Remark = "pays quarterly"
		tag := &core.CustomerTag{CustomerID: "t1", Name: new("Example Ltd"), Label: new("pays quarterly")}
		run := runOn(0)
		run.FullNames = full
		inTags := run
		inTags.Evaluator = Tags
		for _, a := range []Alert{NewAlert(run, CreditLow, c, "", ""), NewAlert(inTags, TagLost, tag, "", "")} {
			if full != (a.FullName == "Example Ltd" && a.Remark == "pays quarterly") || !full && a.FullName+a.Remark != "" || !strings.Contains(a.Name, "*") {
				t.Errorf("full %t: %+v", full, a)
			}
		}
	}
}

// The conditions in the manifest have no personal data, and a full name is in what a run's
// files hold only if a channel needs it.
func TestFullNamesOfResellers(t *testing.T) {
	t.Parallel()
	money := func(text string) *core.Money { m, _ := core.ParseMoney(text); return &m }
	state := core.PartnerState{Resellers: []core.ResellerCredit{{ResellerID: "r1", Name: "Reseller One", Remark: "remark", Allocated: money("100"), Remaining: money("1")}}}
	for _, full := range []bool{true, false} {
		run := runOn(0)
		run.FullNames = full
		e, next := (*Rules)(nil).EvaluatePartner(run, state, Conditions{Known: []Kind{ResellerLow}})
		if len(e.Alerts) != 1 || full != (e.Alerts[0].FullName == "Reseller One" && e.Alerts[0].Remark == "remark" && e.Open[0].FullName == "Reseller One") {
			t.Errorf("%+v", e)
		}
		if text := fmt.Sprintf("%+v", next); len(next.Open) != 1 || strings.Contains(text, "Reseller One") || strings.Contains(text, "remark") {
			t.Errorf("the manifest has %s", text)
		}
	}
}

func TestGrouped(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "0.00": "0.00", "999": "999", "1000": "1,000", "-1020.90": "-1,020.90", "-999.5": "-999.5", "1234567.891234": "1,234,567.891234", "10%": "10%", "100%": "100%", "12.50%": "12.50%",
	} {
		if got := grouped(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
