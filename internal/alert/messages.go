package alert

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"partnerlens/pkg/core"
)

// The languages of a channel.
const (
	English = "en"
	Chinese = "zh"
)

// text is a text of a message in each language.
type text struct{ en, zh string }

func (t text) in(language string) string {
	if language == Chinese {
		return t.zh
	}
	return t.en
}

// statusTexts are the texts of statuses, of both functions.
var statusTexts = map[string]text{
	string(core.CreditForced):    {"stopped by force", "强制停服"},
	string(core.CreditOverdrawn): {"overdrawn", "已透支"},
	string(core.CreditExhausted): {"exhausted", "已用尽"},
	string(core.CreditLow):       {"low", "偏低"},
	string(core.CreditOK):        {"ok", "正常"},
	string(core.CreditUnknown):   {"unknown", "未知"}, // the same text as core.TagUnknown
	string(core.TagQualified):    {"qualified", "新客"},
	string(core.TagLapsed):       {"lapsed", "已过期"},
	string(core.TagNotNew):       {"not new", "非新客"},
	string(core.TagUndetermined): {"below the bar", "待达标"},
	string(core.TagUnverified):   {"not verified", "未实名认证"},
}

// smallCounts replace texts with a count of 0 or 1.
var smallCounts = map[string]string{
	"1 customers": "1 customer", "1 customers are muted": "1 customer is muted", "0 days to go": "less than a day to go", "1 days to go": "1 day to go",
	"about 0 days at this pace": "less than a day at this pace", "about 1 days at this pace": "about 1 day at this pace",
	"还剩 0 天": "还剩不足 1 天", "按当前消耗约可用 0 天": "按当前消耗可用不足 1 天",
}

// writer writes the texts of a message in a language and a time zone.
type writer struct {
	language string
	zone     *time.Location // nil: core.VendorZone
}

// text formats the text of the language.
func (w writer) text(en, zh string, args ...any) string {
	return fmt.Sprintf(text{en, zh}.in(w.language), args...)
}

// count formats a text with a count.
func (w writer) count(en, zh string, n int) string {
	counted := w.text(en, zh, n)
	return cmp.Or(smallCounts[counted], counted)
}

// list writes a subject and what there is to say of it, if anything.
func (w writer) list(subject string, facts ...string) string {
	if len(facts) == 0 {
		return subject
	}
	return subject + w.text(": ", "：") + strings.Join(facts, w.text(", ", "，"))
}

// status writes a status. An unknown one is foreign text.
func (w writer) status(status string) string {
	if t, ok := statusTexts[status]; ok {
		return t.in(w.language)
	}
	return cut(escape(status), maxStatus)
}

// time writes a time in the zone, with its offset.
func (w writer) time(t time.Time) string {
	zone := w.zone
	if zone == nil {
		zone = core.VendorZone
	}
	t = t.In(zone)
	written := t.Format("2006-01-02 15:04") + " UTC"
	switch _, seconds := t.Zone(); {
	case seconds == 0:
		return written
	case seconds%3600 == 0:
		return written + fmt.Sprintf("%+d", seconds/3600)
	}
	return written + t.Format("-07:00")
}

// timeText writes a time of an Alert.
func (w writer) timeText(rfc3339 string) string {
	t, err := time.Parse(time.RFC3339, rfc3339)
	if err != nil {
		return escape(rfc3339)
	}
	return w.time(t)
}

// alert writes an alert as one line.
func (w writer) alert(a Alert) string {
	title := a.Kind.Title(w.language)
	switch {
	case a.Kind == CreditExpiring && a.expired():
		title = w.text("Expired", "已到期")
	case a.Kind == VoucherExpiring && a.expired():
		title = w.text("Voucher expired", "代金券已到期")
	}
	facts := slices.Concat(w.amounts(a), w.expiry(a), w.statuses(a))
	return marks[a.Severity.rank()] + " " + w.list(title, w.list(subject(a), facts...))
}

// subject is the customer, reseller or account that an alert is about.
func subject(a Alert) string {
	var ids []string
	for _, id := range []string{a.ResellerID, a.CustomerID} {
		if id != "" {
			ids = append(ids, escape(id))
		}
	}
	if ids == nil {
		return escape(a.Account)
	}
	return strings.TrimSuffix(strings.Join(ids, " / ")+" "+escape(a.Name), " ")
}

// expired reports whether the credit or tag had expired when the alert was made.
func (a *Alert) expired() bool { return a.Expires != "" && a.Expires <= a.Since }

// amounts are the facts of an alert about amounts.
func (w writer) amounts(a Alert) (facts []string) {
	currency := ""
	if a.Currency != "" {
		currency = " " + escape(a.Currency)
	}
	switch {
	case a.Kind == VoucherExpiring: // about the vouchers alone
	case a.Remaining != "" && a.Allocated != "":
		facts = append(facts, w.text("%s of %s left", "剩余 %s / 额度 %s", a.Remaining+currency, a.Allocated+currency))
	case a.Remaining != "":
		facts = append(facts, w.text("%s left", "剩余 %s", a.Remaining+currency))
	}
	if a.Vouchers != "" {
		facts = append(facts, w.text("vouchers %s left", "代金券剩余 %s", a.Vouchers+currency))
	}
	if a.Threshold != "" && (a.Kind == CreditLow || a.Kind == PartnerLow || a.Kind == ResellerLow) {
		facts = append(facts, w.text("threshold %s", "预警线 %s", a.Threshold))
	}
	return facts
}

// expiry are the facts of an alert about its expiry and the days left.
func (w writer) expiry(a Alert) (facts []string) {
	isTag := a.Month != ""
	if isTag && a.Kind != TagUnrecognized { // an unrecognized value does not show whether the tag is valid
		year, month, _ := strings.Cut(escape(a.Month), "-")
		last := w.text("%s-%s", "%s 年 %s 月", year, month)
		switch {
		case a.expired():
			facts = append(facts, w.text("expired at the end of %s", "标签已于 %s底到期", last))
		case a.Kind == TagLost:
			facts = append(facts, w.text("was valid to the end of %s", "标签原有效期至 %s底", last))
		default:
			facts = append(facts, w.text("valid to the end of %s", "标签有效期至 %s底", last))
		}
	}
	switch {
	case a.Kind.ofDate() && a.expired():
		facts = append(facts, w.text("expired %s", "已于 %s 到期", w.timeText(a.Expires)))
	case a.Kind.ofDate():
		facts = append(facts, w.text("expires %s", "%s 到期", w.timeText(a.Expires)))
	}
	switch {
	case a.DaysLeft == nil || a.expired():
	case isTag || a.Kind.ofDate():
		facts = append(facts, w.count("%d days to go", "还剩 %d 天", *a.DaysLeft))
	case a.Kind != CreditRecovered:
		facts = append(facts, w.count("about %d days at this pace", "按当前消耗约可用 %d 天", *a.DaysLeft))
	}
	return facts
}

// statuses are the facts of an alert about the status before and now.
func (w writer) statuses(a Alert) (facts []string) {
	prev := func() {
		if a.Previous != "" {
			facts = append(facts, w.text("was %s", "此前状态：%s", w.status(a.Previous)))
		}
	}
	switch a.Kind {
	case CreditRecovered:
		facts = append(facts, w.text("since %s", "告警始于 %s", w.timeText(a.Since)))
	case CreditFreed:
		facts = append(facts, w.text("since %s", "告警始于 %s", w.timeText(a.Since)), w.text("now %s", "当前状态：%s", w.status(a.Status)))
	case TagLost:
		if a.Status != string(core.TagLapsed) { // the title says so
			facts = append(facts, w.text("now %s", "当前状态：%s", w.status(a.Status)))
		}
	case TagUnrecognized:
		facts = append(facts, w.text("value %s", "取值 %s", cut(escape(a.Value), maxStatus)))
		prev()
	case CustomerGone:
		prev()
	case CustomerNew:
		if a.Status != "" {
			facts = append(facts, w.text("%s", "当前状态：%s", w.status(a.Status)))
		}
	}
	return facts
}

// marks show severities as symbols, worst first.
var marks = []string{"🔴", "🟠", "🔵"}

// message is a selection as text: the content that all chats have, each in its own markup.
type message struct {
	writer
	severity Severity
	title    string
	head     []string // lines about the run
	kinds    []string // how many alerts there are of each kind
	items    []string // one alert a line, worst first; foreign text in them is escaped
	foot     []string // lines about open conditions
	total    int      // alerts, items or not
	location string
}

const (
	maxLocation = 300 // letters
	maxRun      = 80
	maxStatuses = 12
	maxStatus   = 20 // letters
)

func (s selection) message(language string) message {
	w := writer{language, s.Zone}
	m := message{writer: w, severity: s.severity(), title: s.title(w), total: s.total, location: cut(ownText(s.Location), maxLocation)}
	run := cut(ownText(s.Run), maxRun)
	if s.Held != nil && s.ofOwners() {
		m.head = []string{w.text("Known customers are missing from the list. Nothing was compared or reported.", "已知客户不在本次名单中，未作比对，也未通报变化。")}
		return m
	}
	if s.Held != nil {
		m.head = []string{w.text("%d of %d known customers are missing from the list. Nothing was compared or reported. If the list is right, run: partnerlens watch --accept --run %s", "已知的 %[2]d 家客户中有 %[1]d 家不在本次名单中，未作比对，也未通报变化。如属实，请执行 partnerlens watch --accept --run %[3]s", s.Held.Missing, s.Held.Known, run)}
		return m
	}
	line := w.text("Run %s, read %s", "批次 %s，采集于 %s", run, w.time(s.AsOf))
	if s.ReadLate {
		line += w.text(" (read late: the list is of that moment, not of the run's own time)", "（补采：内容为采集时的名单，并非该批次当日的名单）")
	}
	m.head = append(m.head, line)
	if !s.ofOwners() {
		m.head = append(m.head, s.customers(w))
		m.head = append(m.head, w.partner(s.Partner)...)
	}
	if s.First {
		m.head = append(m.head, w.text("From the next run on, changes are reported.", "从下次起只通报变化。"))
	}
	if !s.ofOwners() {
		m.head = append(m.head, s.Notes.lines(w)...)
	}
	for _, kind := range s.kinds {
		m.kinds = append(m.kinds, w.list(kind.Title(language), strconv.Itoa(s.counts[kind])))
	}
	for _, a := range s.worst {
		m.items = append(m.items, w.alert(a))
	}
	m.foot = s.openLines(w)
	return m
}

// title says which function and account a message is about, and what its list is.
func (s selection) title(w writer) string {
	subject := escape(s.Function)
	switch s.Function {
	case "credit":
		subject = w.text("customers' credit", "客户额度")
	case "tags":
		subject = w.text("new-customer tags", "新客标签")
	}
	subjects := []string{subject, escape(s.Account)}
	if s.owner != "" {
		subjects = append(subjects, escape(s.owner))
	}
	title := w.list("partnerlens", subjects...)
	if s.Held != nil {
		return w.list(title, w.text("the run is held", "批次已暂挂"))
	}
	var facts []string
	switch {
	case s.Unproven && s.ofOwners():
		facts = append(facts, w.text("NOT PROVEN COMPLETE", "名单完整性未能证明"))
	case s.Unproven && s.Counted != nil:
		facts = append(facts, w.text("NOT PROVEN COMPLETE, the vendor counts %d customers, %d were read", "名单完整性未能证明，云厂商计 %d 家，读取到 %d 家", *s.Counted, s.Total))
	case s.Unproven:
		facts = append(facts, w.text("NOT PROVEN COMPLETE, %d customers were read", "名单完整性未能证明，读取到 %d 家客户", s.Total))
	}
	switch {
	case s.First:
		facts = append(facts, w.text("first run, the baseline is set", "首次采集，已建立比对基准"))
	case s.total == 0 && s.Notes.Notify && !s.ofOwners():
		facts = append(facts, w.text("warnings about the list itself", "客户名单本身有警告"))
	case s.total == 0:
		facts = append(facts, w.text("nothing new", "没有新变化"))
	default:
		facts = append(facts, w.text("%d to look at", "%d 条待关注", s.total))
	}
	title = w.list(title, facts...)
	if s.sample {
		return w.text("[Test] ", "【测试】") + title
	}
	return title
}

// customers is the line with the number of customers, in all and by status.
func (s selection) customers(w writer) string {
	byCount := func(a, b string) int { return cmp.Or(s.Statuses[b]-s.Statuses[a], cmp.Compare(a, b)) }
	statuses := slices.SortedFunc(maps.Keys(s.Statuses), byCount)
	var facts []string
	for _, status := range statuses[:min(len(statuses), maxStatuses)] {
		facts = append(facts, fmt.Sprintf("%s %d", w.status(status), s.Statuses[status]))
	}
	return w.list(w.count("%d customers", "共 %d 家客户", s.Total), facts...)
}

// tail is the last line: how many alerts are not shown, and where all are.
func (m message) tail(shown int) string {
	switch {
	case shown < m.total && m.location != "":
		return m.text("… and %d more, see %s", "…… 另有 %d 条，见 %s", m.total-shown, m.location)
	case shown < m.total:
		return m.text("… and %d more", "…… 另有 %d 条", m.total-shown)
	case m.location != "":
		return m.text("See %s", "详见 %s", m.location)
	}
	return ""
}

// lines is the message as plain lines with so many alerts.
func (m message) lines(shown int) []string {
	return slices.Concat([]string{m.title}, m.head, m.kinds, m.items[:shown], m.last(shown))
}

// last are the lines after the alerts.
func (m message) last(shown int) []string {
	if tail := m.tail(shown); tail != "" {
		return append(slices.Clone(m.foot), tail)
	}
	return m.foot
}

// fit returns how many alerts, worst first, a rendering within the limit can show.
func (m message) fit(limit int, size func(shown int) int) int {
	return sort.Search(len(m.items), func(i int) bool { return size(i+1) > limit })
}

// Text returns the Digest as plain text with at most so many alerts.
func (d *Digest) Text(language string, most int) string {
	m := d.selectFor(scope{channel: new(Channel)}).message(language)
	return strings.Join(m.lines(min(most, len(m.items))), "\n")
}
