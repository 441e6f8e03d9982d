package alert

import (
	"strings"
	"testing"

	"partnerlens/pkg/core"
)

var unreadNote = core.Warning{Code: core.WarnValueUnreadable, Field: "RecentExpiry", Count: 3, CustomerID: "200000000001", Message: "x"}

func TestNotesText(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		notes  Notes
		en, zh string // "": no line
	}{
		{"nothing", Notes{}, "", ""},
		{"values", Notes{Warnings: []core.Warning{unreadNote}}, "⚠ RecentExpiry could not be read for 3 customers, the first is 200000000001", "⚠ 字段 RecentExpiry 的取值不符合云厂商文档，涉及 3 家客户，首个为 200000000001"},
		{"statuses", Notes{Warnings: []core.Warning{{Code: core.WarnMostlyUnknown, Count: 12}}}, "⚠ the status of 12 customers is unknown", "⚠ 12 家客户状态未知"},
		{"another warning", Notes{Warnings: []core.Warning{{Code: "order_unstable", Message: "rows <trade> places"}}}, "⚠ rows trade places", "⚠ rows trade places"},
		{"tags end as the setting has it", Notes{TagEnds: &core.TagEnds{LastValid: 3, New: 1}, ExpireMonth: core.LastValid}, "all 3 tags seen to end agree with last_valid, the setting", "已观察到 3 次标签到期，均与 last_valid（当前设置）一致"},
		{"and did before", Notes{TagEnds: &core.TagEnds{LastValid: 3}, ExpireMonth: core.LastValid}, "", ""},
		{"tags end otherwise", Notes{TagEnds: &core.TagEnds{FirstInvalid: 2}, ExpireMonth: core.LastValid}, "all 2 tags seen to end agree with first_invalid, and the setting is last_valid; check PARTNERLENS_HUAWEI_EXPIRE_MONTH", "均与 first_invalid 一致，而当前设置为 last_valid"},
		{"tags end both ways", Notes{TagEnds: &core.TagEnds{LastValid: 3, FirstInvalid: 2, New: 5}, ExpireMonth: core.LastValid}, "of 5 tags seen to end, 3 agree with last_valid and 2 with first_invalid, so it is not decided", "其中 3 次与 last_valid 一致，2 次与 first_invalid 一致，尚无定论"},
		{"no tag has ended", Notes{TagEnds: &core.TagEnds{Unturned: 2}, ExpireMonth: core.LastValid}, "", ""},
	} {
		for language, want := range map[string]string{English: test.en, Chinese: test.zh} {
			lines := strings.Join(test.notes.lines(writer{language: language}), "\n")
			if !strings.Contains(lines, want) || want == "" && lines != "" {
				t.Errorf("%s, %s: %q, want %q", test.name, language, lines, want)
			}
			d := NewDigest(Summary{Function: "tags", Account: "main", AsOf: runStart})
			d.Notes = test.notes
			if text := d.Text(language, 0); !strings.Contains(text, want) {
				t.Errorf("%s, %s: not in %q", test.name, language, text)
			}
		}
	}
	many := Notes{}
	for range 20 {
		many.Warnings = append(many.Warnings, unreadNote)
	}
	if lines := many.lines(writer{language: English}); len(lines) != maxNotes+1 || lines[maxNotes] != "… and 17 more" {
		t.Errorf("%q", lines)
	}
}

// A new warning alone is delivered, with severity warning, to channels for every kind of that
// severity. A warning that is not new is not delivered.
func TestNotesAreDelivered(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		channel Channel
		notify  bool
		want    DeliveryState
	}{
		{"everything", Channel{}, true, Delivered},
		{"warnings", Channel{MinSeverity: Warning}, true, Delivered},
		{"the critical only", Channel{MinSeverity: Critical}, true, Skipped},
		{"one kind only", Channel{Kinds: []Kind{CreditLow}}, true, Skipped},
		{"not new", Channel{}, false, Skipped},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			address, got := receiver(t, reply(`{"code":0}`))
			channel := channelOf(Webhook, address)
			channel.Kinds, channel.MinSeverity = test.channel.Kinds, test.channel.MinSeverity
			d := NewDigest(Summary{Function: "credit", Account: "main", Run: "r", AsOf: runStart, Total: 100})
			d.Notes = Notes{Warnings: []core.Warning{unreadNote}, Notify: test.notify}
			if got := deliverTo(t, t.Context(), channel, d, DeliverOptions{}); got.State != test.want {
				t.Fatalf("%+v, want %s", got, test.want)
			}
			if all := got(); test.want == Delivered && (len(all) != 1 || !strings.Contains(string(all[0].body), `"warnings":[{"code":"value_unreadable","message":"x","customer_id":"200000000001","field":"RecentExpiry","count":3}]`) || !strings.Contains(string(all[0].body), `"severity":"warning"`)) {
				t.Errorf("%d: %+v", len(all), all)
			}
		})
	}
	d := NewDigest(Summary{Function: "credit", Account: "main", AsOf: runStart})
	d.Notes = Notes{Warnings: []core.Warning{unreadNote}, Notify: true}
	for language, want := range map[string]string{English: "warnings about the list itself", Chinese: "客户名单本身有警告"} {
		if text := d.Text(language, 0); !strings.Contains(text, want) {
			t.Errorf("%s: %q", language, text)
		}
	}
}

func TestTagEndsText(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		ends   *core.TagEnds
		want   string // a part; "": nothing
		agrees bool
	}{
		{nil, "", true},
		{&core.TagEnds{}, "", true},
		{&core.TagEnds{LastValid: 3}, "all 3 tags", true},
		{&core.TagEnds{FirstInvalid: 3}, "agree with first_invalid, and the setting is last_valid", false},
		{&core.TagEnds{LastValid: 3, FirstInvalid: 1}, "so it is not decided", false},
		{&core.TagEnds{Unturned: 4}, "4 customers have the tag Y days after their expire_time is over", true},
		{&core.TagEnds{LastValid: 1, Unturned: 4}, "the setting; 4 customers", true},
	} {
		if text, agrees := TagEndsText(test.ends, core.LastValid); !strings.Contains(text, test.want) || (test.want == "") != (text == "") || agrees != test.agrees {
			t.Errorf("%+v: %q, %t", test.ends, text, agrees)
		}
	}
}
