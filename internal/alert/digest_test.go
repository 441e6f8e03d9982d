package alert

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"partnerlens/pkg/core"
)

// hostile are names that attack the markup of a chat.
var hostile = []string{
	"<!channel> <!here> <@U0123456>", "<https://evil.example|click>", "@everyone @all @channel", `<at user_id="all">all</at>`, "<at id=all></at>",
	"<@all> <@wangqing>", "[click](https://evil.example) ![x](https://evil.example/x.png)", "**bold** _it_ ~no~ `code` ```", "# head\n> quote\n- list",
	"a\u202Eevil\u2066b\u200Bc\x00d\x1b[31m", "evil.example/path", strings.Repeat("very long ", 100), "&lt;!here&gt; &amp;", "企业<font color=\"warning\">名</font>", "\xff\xfe", "\\u003c!here\\u003e", "", "|table|",
}

func alertNumber(i int) Alert {
	kinds := Kinds()
	days := i % 40
	return Alert{ID: hashID(fmt.Sprint(i)), Kind: kinds[i%len(kinds)], Severity: kinds[i%len(kinds)].Severity(), Account: "main", CustomerID: fmt.Sprintf("2%011d", i),
		Name: hostile[i%len(hostile)], ResellerID: hostile[(i+3)%len(hostile)], Remaining: fmt.Sprintf("%d.50", i%977-400), Allocated: "1000.00", Currency: "USD<!here>",
		Threshold: "10%", Expires: "2026-12-01T00:00:00Z", DaysLeft: &days, Since: "2026-11-22T01:00:00Z", Previous: "ok<@all>", Status: "low<@all>"}
}

// whole is the scope of a channel that gets everything.
var whole = scope{channel: new(Channel)}

func digestOf(n int) *Digest {
	d := NewDigest(Summary{Function: "credit", Account: "main", Run: "20261122T010000Z", AsOf: runStart, Total: 5000,
		Statuses: map[string]int{"ok": 4000, "low": 900, "overdrawn": 100}, Location: "s3://bucket/partnerlens/runs/credit/main/20261122T010000Z/"})
	for i := range n {
		d.Add(alertNumber(i))
	}
	return d
}

func TestDigestOrder(t *testing.T) {
	t.Parallel()
	want := digestOf(5000)
	got := NewDigest(want.Summary)
	order := rand.Perm(5000)
	for _, i := range order {
		got.Add(alertNumber(i))
	}
	a, _ := json.Marshal(got.selectFor(whole).worst)
	b, _ := json.Marshal(want.selectFor(whole).worst)
	if string(a) != string(b) {
		t.Error("the order of adding shows")
	}
	for kind, worst := range got.parts[""].worst {
		if len(worst) > WorstPerKind {
			t.Errorf("%s: %d are held", kind, len(worst))
		}
	}
	if n := got.parts[""].counts[CreditForced]; n != (5000+len(Kinds())-1)/len(Kinds()) {
		t.Errorf("%d forced", n)
	}
}

func TestDigestWorstFirst(t *testing.T) {
	t.Parallel()
	days := func(n int) *int { return &n }
	d := NewDigest(Summary{})
	for _, a := range []Alert{
		{Kind: CreditRecovered, CustomerID: "recovered", Remaining: "500"},
		{Kind: CreditLow, CustomerID: "low 5 in 9 days", Remaining: "5", DaysLeft: days(9)},
		{Kind: CreditLow, CustomerID: "low 5 in 3 days", Remaining: "5.00", DaysLeft: days(3)},
		{Kind: CreditLow, CustomerID: "low 4", Remaining: "4"},
		{Kind: CreditOverdrawn, CustomerID: "overdrawn 9", Remaining: "-9"},
		{Kind: CreditOverdrawn, CustomerID: "overdrawn 10", Remaining: "-10"},
		{Kind: CreditExpiring, CustomerID: "in 5", DaysLeft: days(5), Remaining: "1"},
		{Kind: CreditExpiring, CustomerID: "in 2", DaysLeft: days(2), Remaining: "2"},
		{Kind: CreditExpiring, CustomerID: "sometime"},
		{Kind: CreditForced, CustomerID: "forced b"},
		{Kind: CreditForced, CustomerID: "forced a"},
	} {
		d.Add(a)
	}
	var got []string
	for _, a := range d.selectFor(whole).worst {
		got = append(got, a.CustomerID)
	}
	want := []string{"forced a", "forced b", "overdrawn 10", "overdrawn 9", "low 4", "low 5 in 3 days", "low 5 in 9 days", "in 2", "in 5", "sometime", "recovered"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// slackJSON is a Slack message as its vendor documents it.
type slackJSON struct {
	Text   string
	Blocks []struct {
		Type string
		Text struct {
			Type, Text string
			Verbatim   bool
		}
	}
}

// decode decodes a chat's body of a message as the vendor documents it.
func decode[T any](t *testing.T, c *chat, m message) (body T, size int) {
	t.Helper()
	text, err := core.AppendJSON(nil, c.render(m))
	if err == nil {
		err = json.Unmarshal(text, &body, json.MatchCaseInsensitiveNames(true))
	}
	if err != nil {
		t.Fatal(err)
	}
	return body, len(text)
}

// decodeTeams returns the text of a card, whose size counts as an escaped text.
func decodeTeams(t *testing.T, m message) (text string, size int) {
	t.Helper()
	body, _ := decode[struct {
		Attachments []struct {
			Content struct {
				Type, Version string
				Msteams       map[string]any
				Body          []struct {
					Type    string
					Inlines []struct {
						Type, Text   string
						SelectAction struct{ Type, URL string }
					}
				}
			}
		}
	}](t, &teams, m)
	card := body.Attachments[0].Content
	if card.Type != "AdaptiveCard" || card.Version != "1.4" || card.Msteams["entities"] != nil {
		t.Errorf("%+v", card)
	}
	var lines []string
	for _, block := range card.Body {
		line := ""
		for _, run := range block.Inlines {
			if block.Type != "RichTextBlock" || run.Type != "TextRun" || run.SelectAction.Type != "" && run.SelectAction.Type != "Action.OpenUrl" {
				t.Fatalf("%+v interprets markdown", block)
			}
			line += strings.TrimSuffix(run.Text+" "+run.SelectAction.URL, " ")
		}
		lines = append(lines, line)
	}
	sent, err := json.Marshal(teams.render(m))
	if err != nil {
		t.Fatal(err)
	}
	counted, err := json.Marshal(string(sent))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n"), len(counted)
}

// rendering is a message as a channel shows it, without JSON's escapes, and its size.
type rendering struct {
	text        string
	size, limit int
}

func rendered(t *testing.T, m message) map[string]rendering {
	t.Helper()
	slackBody, slackSize := decode[slackJSON](t, &slack, m)
	text := slackBody.Text
	for _, block := range slackBody.Blocks {
		text += "\n" + block.Text.Text
	}
	teamsText, teamsSize := decodeTeams(t, m)
	type plain struct{ Content string }
	feishuBody, feishuSize := decode[struct {
		Card struct {
			Header   struct{ Title plain }
			Elements []struct{ Text *plain }
		}
	}](t, &feishu, m)
	card := feishuBody.Card.Header.Title.Content
	for _, e := range feishuBody.Card.Elements {
		if e.Text != nil {
			card += "\n" + e.Text.Content
		}
	}
	type markdown struct {
		Markdown struct{ Text, Content string }
	}
	ding, dingSize := decode[markdown](t, &dingTalk, m)
	wecom, _ := decode[markdown](t, &weCom, m)
	return map[string]rendering{
		"slack":    {text, slackSize, 13_000},
		"teams":    {teamsText, teamsSize, 28 << 10},
		"feishu":   {card, feishuSize + 100, 20_000},
		"dingtalk": {ding.Markdown.Text, dingSize, 20_000},
		"wecom":    {wecom.Markdown.Content, len(wecom.Markdown.Content), 4_096},
		"text":     {strings.Join(m.lines(len(m.items)), "\n"), 0, 262_144},
	}
}

func TestEveryChannelFits(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 7, 60, 5000} {
		for _, language := range []string{English, Chinese} {
			d := digestOf(n)
			place, least := "s3://bucket/", 12
			if n%2 == 1 || n == 5000 {
				place, least = "https://partnerlens.example.com/partners/", 7
				d.Public = strings.TrimSuffix(place, "/")
			}
			m := d.selectFor(whole).message(language)
			for name, r := range rendered(t, m) {
				if r.size > r.limit {
					t.Errorf("%s, %s, %d alerts: %d bytes of %d", name, language, n, r.size, r.limit)
				}
				if !utf8.ValidString(r.text) {
					t.Errorf("%s, %s: cut within a character", name, language)
				}
				shown := strings.Count(r.text, "🔴") + strings.Count(r.text, "🟠") + strings.Count(r.text, "🔵")
				last := r.text[strings.LastIndexByte(r.text, '\n')+1:]
				if want := fmt.Sprint(n - shown); n > shown && (!strings.Contains(last, " "+want+" ") || !strings.Contains(last, place)) {
					t.Errorf("%s, %s, %d alerts, %d shown, and the last line is %q", name, language, n, shown, last)
				}
				if n >= 60 && shown < least {
					t.Errorf("%s, %s: only %d of %d are shown", name, language, shown, n)
				}
				if links := strings.Count(r.text, place+"customers/"); d.Public != "" && links != shown {
					t.Errorf("%s, %s, %d alerts: %d links in %d lines", name, language, n, links, shown)
				}
				if n > 0 && n <= 7 && shown != n {
					t.Errorf("%s, %s: %d of %d are shown", name, language, shown, n)
				}
			}
		}
	}
}

// The longest possible message without alerts fits.
func TestLongestMessageFits(t *testing.T) {
	t.Parallel()
	d := NewDigest(Summary{Function: strings.Repeat("界", 200), Account: strings.Repeat("界", 200), Run: strings.Repeat("界", 200), AsOf: runStart,
		Location: strings.Repeat("界", 2000), Public: "https://" + strings.Repeat("h", 192), Total: 1 << 40, First: true, Statuses: make(map[string]int)})
	for i := range 50 {
		d.Statuses[fmt.Sprint(strings.Repeat("界", 100), i)] = 1 << 40
	}
	d.Notes = Notes{Notify: true, TagEnds: &core.TagEnds{LastValid: 1 << 40, FirstInvalid: 1 << 40, New: 1}, ExpireMonth: core.LastValid}
	for range 20 {
		d.Notes.Warnings = append(d.Notes.Warnings, core.Warning{
			Code: core.WarnValueUnreadable, Field: strings.Repeat("界", 200), Count: 1 << 40, CustomerID: strings.Repeat("界", 200), Message: strings.Repeat("界", 200),
		})
	}
	for i, kind := range Kinds() {
		a := alertNumber(i)
		a.Kind = kind
		a.Owner = strings.Repeat("界", 64)
		for range 3 {
			d.Add(a)
			d.AddOpen(a)
		}
		d.parts[a.Owner].open[kind], d.parts[a.Owner].counts[kind] = 1<<40, 1<<40
	}
	d.Muted = 1 << 40
	for _, language := range []string{English, Chinese} {
		for _, of := range []scope{whole, {channel: &Channel{Baseline: BaselineQuiet}}, {channel: new(Channel), owner: strings.Repeat("界", 64)}} {
			for name, r := range rendered(t, d.selectFor(of).message(language)) {
				if r.size > r.limit {
					t.Errorf("%s, %s: %d bytes of %d", name, language, r.size, r.limit)
				}
				if !strings.Contains(r.text, "109951162777") && name != "wecom" {
					t.Errorf("%s, %s: without the open conditions", name, language)
				}
			}
		}
	}
}

func TestEscape(t *testing.T) {
	t.Parallel()
	for _, name := range hostile {
		got := escape(name)
		if strings.ContainsAny(got, "<>@&*_~`[](){}#|\\\n\r\x00\x1b\u202E\u2066\u200B") || strings.Contains(got, "://") || strings.Contains(got, ".example") {
			t.Errorf("escape(%q) = %q", name, got)
		}
		if n := utf8.RuneCountInString(got); n > maxForeign+2 || !utf8.ValidString(got) {
			t.Errorf("escape(%q) = %q: %d letters", name, got, n)
		}
	}
	if got := escape("  Ex\tample   Ltd.  "); got != "Ex ample Ltd." {
		t.Errorf("%q", got)
	}
	m := digestOf(300).selectFor(whole).message(English)
	for name, r := range rendered(t, m) {
		for _, line := range strings.Split(r.text, "\n") {
			if !strings.ContainsAny(line, "🔴🟠🔵") {
				continue
			}
			line = strings.TrimPrefix(line, "- ") // DingTalk's list
			if strings.ContainsAny(line, "<>@*_~`[](){}#|\\") || name == "slack" && strings.Contains(strings.ReplaceAll(line, "&amp;", ""), "&") {
				t.Errorf("%s: %q", name, line)
			}
		}
	}
}

// Slack interprets only <, > and & in its text.
func TestSlackEscapes(t *testing.T) {
	t.Parallel()
	d := NewDigest(Summary{Function: "credit", Account: "main", Location: "a&b"})
	body, _ := decode[slackJSON](t, &slack, d.selectFor(whole).message(English))
	if last := body.Blocks[len(body.Blocks)-1].Text; !strings.Contains(last.Text, "a&amp;b") || !last.Verbatim || last.Type != "mrkdwn" {
		t.Errorf("%+v", last)
	}
	if head := body.Blocks[0]; head.Type != "header" || head.Text.Type != "plain_text" || head.Text.Verbatim {
		t.Errorf("%+v", head)
	}
	body, _ = decode[slackJSON](t, &slack, digestOf(5000).selectFor(whole).message(English))
	for _, block := range body.Blocks {
		if len(block.Text.Text) > 3000 {
			t.Errorf("a block of %d", len(block.Text.Text))
		}
	}
}

func TestDigestText(t *testing.T) {
	t.Parallel()
	d := Sample(English, runStart)
	want := `[Test] partnerlens: customers' credit, sample: 2 to look at
Run test-2026-11-22T01:00:00Z, read 2026-11-22 09:00 UTC+8
3 customers: low 1, ok 1, overdrawn 1
Changes: Overdrawn 1, Credit low 1
🔴 Overdrawn: 200000000001 E＊＊＊e L＊＊＊d: -12.50 of 1,000.00 USD left, owner Alice
🟠 Credit low: 200000000002 S＊＊＊o: 80.00 of 1,000.00 USD left, threshold 10%, about 12 days at this pace, owner Bob
Open now: Overdrawn 1, Credit low 1
See runs/credit/sample/test`
	m := d.selectFor(whole).message(English)
	if got := strings.Join(m.lines(len(m.items)), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	want = `【测试】partnerlens：客户额度，sample：2 条待关注
批次 test-2026-11-22T01:00:00Z，采集于 2026-11-22 09:00 UTC+8
共 3 家客户：偏低 1，正常 1，已透支 1
变化：已透支 1，额度偏低 1
🔴 已透支：200000000001 示＊＊＊司：剩余 -12.50 / 额度 1,000.00 USD，负责人 Alice
🟠 额度偏低：200000000002 样＊＊＊品：剩余 80.00 / 额度 1,000.00 USD，预警线 10%，按当前消耗约可用 12 天，负责人 Bob
当前未解除：已透支 1，额度偏低 1
详见 runs/credit/sample/test`
	m = Sample(Chinese, runStart).selectFor(whole).message(Chinese)
	if got := strings.Join(m.lines(len(m.items)), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Lines use neither code words nor UTC.
func TestAlertText(t *testing.T) {
	t.Parallel()
	days := func(n int) *int { return &n }
	const now = "2026-11-22T01:00:00Z"
	for _, test := range []struct {
		alert  Alert
		en, zh string
	}{
		{Alert{Kind: TagLost, Month: "2026-10", Expires: "2026-10-31T16:00:00Z", Previous: "qualified", Status: "lapsed"},
			"New-customer tag lost: c1: expired at the end of 2026-10", "新客标签已失效：c1：标签已于 2026 年 10 月底到期"},
		{Alert{Kind: TagLost, Month: "2027-06", Expires: "2027-06-30T16:00:00Z", Previous: "qualified", Status: "not_new"},
			"New-customer tag lost: c1: was valid to the end of 2027-06, now not new", "新客标签已失效：c1：标签原有效期至 2027 年 06 月底，当前状态：非新客"},
		{Alert{Kind: TagLost, Previous: "qualified", Status: "undetermined"}, "New-customer tag lost: c1: now below the bar", "新客标签已失效：c1：当前状态：待达标"},
		{Alert{Kind: CustomerGone, Month: "2025-07", Expires: "2025-07-31T16:00:00Z", Previous: "lapsed"},
			"Customer gone: c1: expired at the end of 2025-07, was lapsed", "客户已不在名单中：c1：标签已于 2025 年 07 月底到期，此前状态：已过期"},
		{Alert{Kind: CustomerGone, Month: "2026-12", Expires: "2026-12-31T16:00:00Z", Previous: "qualified"},
			"Customer gone: c1: valid to the end of 2026-12, was qualified", "客户已不在名单中：c1：标签有效期至 2026 年 12 月底，此前状态：新客"},
		{Alert{Kind: TagEndingThisMonth, Month: "2026-11", Expires: "2026-11-30T16:00:00Z", DaysLeft: days(8)},
			"New-customer tag ends this month: c1: valid to the end of 2026-11, 8 days to go", "新客标签本月到期：c1：标签有效期至 2026 年 11 月底，还剩 8 天"},
		{Alert{Kind: CreditExpiring, Expires: "2026-11-25T16:00:00Z", DaysLeft: days(3)},
			"Expires soon: c1: expires 2026-11-26 00:00 UTC+8, 3 days to go", "即将到期：c1：2026-11-26 00:00 UTC+8 到期，还剩 3 天"},
		{Alert{Kind: CreditExpiring, Expires: "2026-11-23T16:00:00Z", DaysLeft: days(1)}, "Expires soon: c1: expires 2026-11-24 00:00 UTC+8, 1 day to go", ""},
		{Alert{Kind: CreditExpiring, Expires: "2026-11-22T16:00:00Z", DaysLeft: days(0)},
			"Expires soon: c1: expires 2026-11-23 00:00 UTC+8, less than a day to go", "即将到期：c1：2026-11-23 00:00 UTC+8 到期，还剩不足 1 天"},
		{Alert{Kind: CreditExpiring, Expires: "2026-11-20T16:00:00Z", DaysLeft: days(-1)},
			"Expired: c1: expired 2026-11-21 00:00 UTC+8", "已到期：c1：已于 2026-11-21 00:00 UTC+8 到期"},
		{Alert{Kind: CreditLow, Remaining: "9", Threshold: "10%", DaysLeft: days(1)}, "Credit low: c1: 9 left, threshold 10%, about 1 day at this pace", ""},
		{Alert{Kind: CreditLow, Remaining: "9", Threshold: "10%", DaysLeft: days(0)}, "Credit low: c1: 9 left, threshold 10%, less than a day at this pace", "额度偏低：c1：剩余 9，预警线 10%，按当前消耗可用不足 1 天"},
		{Alert{Kind: CreditRecovered, Remaining: "900", Since: "2026-11-20T23:30:00Z"},
			"Credit recovered: c1: 900 left, since 2026-11-21 07:30 UTC+8", "额度已恢复：c1：剩余 900，告警始于 2026-11-21 07:30 UTC+8"},
		{Alert{Kind: CreditFreed, Since: "2026-11-20T23:30:00Z", Status: "overdrawn"},
			"Service no longer stopped by force: c1: since 2026-11-21 07:30 UTC+8, now overdrawn", "强制停服已解除：c1：告警始于 2026-11-21 07:30 UTC+8，当前状态：已透支"},
		{Alert{Kind: CustomerNew, Status: "not_new"}, "New customer: c1: not new", "新增客户：c1：当前状态：非新客"},
	} {
		test.alert.CustomerID = "c1"
		if test.alert.Since == "" {
			test.alert.Since = now
		}
		for language, want := range map[string]string{English: test.en, Chinese: test.zh} {
			_, got, _ := strings.Cut(writer{language: language}.alert(test.alert).plain(), " ")
			if want != "" && got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		}
	}
	for zone, want := range map[string]string{"Z": "2026-11-22 01:00 UTC", "+05:30": "2026-11-22 06:30 UTC+05:30", "-03:00": "2026-11-21 22:00 UTC-3"} {
		at, err := time.Parse("Z07:00", zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := (writer{zone: at.Location()}).time(runStart); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	d := NewDigest(Summary{Function: "tags", Account: "china", Total: 1, Statuses: map[string]int{"not_new": 1}, AsOf: runStart})
	if got := strings.Join(d.selectFor(whole).message(English).head, "; "); !strings.HasSuffix(got, "1 customer: not new 1") {
		t.Error(got)
	}
}

func TestKindTitles(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, kind := range Kinds() {
		en, zh := kind.Title(English), kind.Title(Chinese)
		if en == "" || zh == "" || en == zh || seen[en] || seen[zh] || !kind.Known() {
			t.Errorf("%s: %q, %q", kind, en, zh)
		}
		seen[en], seen[zh] = true, true
	}
	severities := make([]int, 0, len(seen))
	for _, kind := range Kinds() {
		severities = append(severities, kind.Severity().rank())
	}
	if len(severities) != 18 || !slices.IsSorted(severities) {
		t.Errorf("severities by kind: %v", severities)
	}
}

func TestSelectFor(t *testing.T) {
	t.Parallel()
	all := 100 * len(Kinds())
	worse := func(least Severity) (n int) {
		for _, kind := range Kinds() {
			if kind.Severity().rank() <= least.rank() {
				n += 100
			}
		}
		return n
	}
	d := digestOf(all)
	for _, test := range []struct {
		channel Channel
		want    int
	}{
		{Channel{}, all},
		{Channel{MinSeverity: Info}, all},
		{Channel{MinSeverity: Warning}, worse(Warning)},
		{Channel{MinSeverity: Critical}, worse(Critical)},
		{Channel{Kinds: []Kind{TagEligible, CreditForced}}, 200},
		{Channel{Kinds: []Kind{TagEligible, CreditForced}, MinSeverity: Critical}, 100},
	} {
		if v := d.selectFor(scope{channel: &test.channel}); v.total != test.want {
			t.Errorf("%+v: %d, want %d", test.channel, v.total, test.want)
		}
	}
	if v := d.selectFor(scope{channel: &Channel{Kinds: []Kind{TagEligible}}}); len(v.worst) != 100 || v.severity() != Info {
		t.Errorf("one kind: %d, %s", len(v.worst), v.severity())
	}
	if v := Sample(English, runStart).selectFor(scope{channel: &Channel{Kinds: []Kind{TagEligible}}}); v.total != 2 {
		t.Errorf("a sample: %d", v.total)
	}
}

// The title states what the list lacks. A held run is one line in every channel.
func TestTitleStatesTheList(t *testing.T) {
	t.Parallel()
	counted := 353
	for _, test := range []struct {
		name   string
		change func(*Summary)
		en, zh string // of the title, or where late of the second line
	}{
		{"counted", func(s *Summary) { s.Unproven, s.Counted = true, &counted }, "NOT PROVEN COMPLETE, the vendor counts 353 customers, 5000 were read, 3 to look at", "名单完整性未能证明，云厂商计 353 家，读取到 5000 家，3 条待关注"},
		{"not counted", func(s *Summary) { s.Unproven = true }, "NOT PROVEN COMPLETE, 5000 customers were read, 3 to look at", "名单完整性未能证明，读取到 5000 家客户，3 条待关注"},
		{"late", func(s *Summary) { s.ReadLate = true }, "read late", "补采"},
		{"held", func(s *Summary) { s.Held = &Held{Known: 300, Missing: 299, Times: 1} }, "the run is held", "批次已暂挂"},
	} {
		d := digestOf(3)
		test.change(&d.Summary)
		for language, want := range map[string]string{English: test.en, Chinese: test.zh} {
			m := d.selectFor(whole).message(language)
			line := m.title
			if d.ReadLate {
				line = m.head[0]
			}
			if !strings.Contains(line, want) {
				t.Errorf("%s: %q, want %q", test.name, line, want)
			}
			if d.Held == nil {
				continue
			}
			if len(m.head) != 1 || len(m.kinds)+len(m.items) > 0 || m.severity != Critical || !strings.Contains(m.head[0], "299") || !strings.Contains(m.head[0], "300") || !strings.Contains(m.head[0], "watch --accept --run "+d.Run) {
				t.Errorf("%s: %+v", test.name, m)
			}
		}
	}
}
