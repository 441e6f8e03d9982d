package alert

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sort"
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
func (w writer) alert(a Alert) item {
	title := a.Kind.Title(w.language)
	switch {
	case a.Kind == CreditExpiring && a.expired():
		title = w.text("Expired", "已到期")
	case a.Kind == VoucherExpiring && a.expired():
		title = w.text("Voucher expired", "代金券已到期")
	}
	facts := slices.Concat(w.amounts(a), w.expiry(a), w.statuses(a))
	if a.Owner != "" {
		facts = append(facts, w.text("owner %s", "负责人 %s", cut(escape(a.Owner), maxLineOwner)))
	}
	if a.Remark != "" {
		facts = append(facts, w.text("remark %s", "备注 %s", escape(a.Remark)))
	}
	return item{marks[a.Severity.rank()] + " " + w.list(title, ""), subject(a), w.list("", facts...), a.URL}
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
	remaining, allocated := grouped(a.Remaining), grouped(a.Allocated)
	switch {
	case a.Kind == VoucherExpiring: // about the vouchers alone
	case a.Remaining != "" && a.Allocated != "":
		facts = append(facts, w.text("%s of %s left", "剩余 %s / 额度 %s", remaining, allocated+currency))
	case a.Remaining != "":
		facts = append(facts, w.text("%s left", "剩余 %s", remaining+currency))
	}
	if a.Vouchers != "" {
		facts = append(facts, w.text("vouchers %s left", "代金券剩余 %s", grouped(a.Vouchers)+currency))
	}
	if a.Threshold != "" && (a.Kind == CreditLow || a.Kind == PartnerLow || a.Kind == ResellerLow) {
		facts = append(facts, w.text("threshold %s", "预警线 %s", grouped(a.Threshold)))
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
	items    []item   // one alert a line, worst first; foreign text in them is escaped
	foot     []string // lines about open conditions
	total    int      // alerts, items or not
	place    string   // of the whole list; "": none that a reader can use
	isPage   bool     // place is a URL
}

// item is a line of a message. The part in the middle leads to url, if there is one.
type item struct{ before, middle, after, url string }

// plain is the item without markup. The address is the end of a line of its own, so that it can
// be copied.
func (i item) plain() string {
	text := i.before + i.middle + i.after
	if i.url != "" && i.url != i.middle {
		text += "\n  " + i.url
	}
	return text
}

// marked is the item with its link in a form, which has the text and the URL in this order.
func (i item) marked(form string, escape func(string) string) string {
	middle := escape(i.middle)
	if i.url != "" {
		middle = fmt.Sprintf(form, middle, i.url)
	}
	return escape(i.before) + middle + escape(i.after)
}

// markdown is the item in the markdown of DingTalk, WeCom and Feishu.
func (i item) markdown() string {
	return i.marked("[%s](%s)", func(text string) string { return text })
}

// texts writes items.
func texts(items []item, write func(item) string) []string {
	lines := make([]string, len(items))
	for i := range items {
		lines[i] = write(items[i])
	}
	return lines
}

const (
	maxLocation = 300 // letters
	maxRun      = 80
	maxStatuses = 12
	maxStatus   = 20 // letters

	maxLineOwner = 40 // letters
)

func (s selection) message(language string) message {
	w := writer{language, s.Zone}
	m := message{writer: w, severity: s.severity(), title: s.title(w), total: s.total}
	switch {
	case s.Public != "":
		m.place, m.isPage = s.Public+"/", true
	case !strings.HasPrefix(s.Location, "file:"): // a folder of that machine
		m.place = cut(ownText(s.Location), maxLocation)
	}
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
	switch {
	case s.listed() && s.total > 0:
		m.head = append(m.head, w.text("This is the first run: below is what is open now. From the next run on, only changes are reported.", "以下为首次采集时未解除的告警，从下次起只通报变化。"))
	case s.First:
		m.head = append(m.head, w.text("From the next run on, changes are reported.", "从下次起只通报变化。"))
	}
	if !s.ofOwners() {
		m.head = append(m.head, s.Notes.lines(w)...)
	}
	var kinds []string
	for _, kind := range s.kinds {
		kinds = append(kinds, fmt.Sprintf("%s %d", kind.Title(language), s.counts[kind]))
	}
	switch {
	case kinds == nil:
	case s.First:
		m.kinds = []string{w.list(w.text("Open now", "当前未解除"), kinds...)}
	default:
		m.kinds = []string{w.list(w.text("Changes", "变化"), kinds...)}
	}
	for _, a := range s.worst {
		if s.owner != "" {
			a.Owner = "" // the title has it
		}
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
	case s.First && s.total > 0:
		facts = append(facts, w.text("opening list, %d to look at", "首次采集，现有 %d 条待关注", s.total))
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
func (m message) tail(shown int) (last item) {
	switch {
	case shown < m.total && m.place != "":
		last.before, last.middle = m.text("… and %d more, see ", "…… 另有 %d 条，见 ", m.total-shown), m.place
	case shown < m.total:
		last.before = m.text("… and %d more", "…… 另有 %d 条", m.total-shown)
	case m.place != "":
		last.before, last.middle = m.text("See ", "详见 "), m.place
	}
	if m.isPage {
		last.url = last.middle
	}
	return last
}

// lines is the message as plain lines with so many alerts.
func (m message) lines(shown int) []string {
	return texts(m.allItems(shown), item.plain)
}

// allItems is the message as items, with so many alerts.
func (m message) allItems(shown int) []item {
	return slices.Concat(itemsOf(m.title), itemsOf(m.head...), itemsOf(m.kinds...), m.items[:shown], m.last(shown))
}

// last are the lines after the alerts.
func (m message) last(shown int) []item {
	last := itemsOf(m.foot...)
	if tail := m.tail(shown); tail != (item{}) {
		last = append(last, tail)
	}
	return last
}

// itemsOf are lines without a link.
func itemsOf(lines ...string) (items []item) {
	for _, line := range lines {
		items = append(items, item{before: line})
	}
	return items
}

// fit returns how many alerts, worst first, a rendering within the limit can show.
func (m message) fit(limit int, size func(shown int) int) int {
	return sort.Search(len(m.items), func(i int) bool { return size(i+1) > limit })
}

// Text returns the Digest as plain text with at most so many alerts, for a terminal of the
// machine that made the run.
func (d *Digest) Text(language string, most int) string {
	m := d.selectFor(scope{channel: new(Channel)}).message(language)
	if !m.isPage {
		m.place = ownText(d.Location)
	}
	return strings.Join(m.lines(min(most, len(m.items))), "\n")
}
