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

// The texts of messages beside the titles of the kinds. Some are formats.
var (
	textTest  = text{"[Test] ", "【测试】"}
	textColon = text{": ", "："}
	textComma = text{", ", "，"}

	textCredit = text{"customers' credit", "客户额度"}
	textTags   = text{"new-customer tags", "新客标签"}

	textFirst      = text{"first run, the baseline is set", "首次采集，已建立比对基准"}
	textQuiet      = text{"nothing new", "没有新变化"}
	textNotesOnly  = text{"warnings about the list itself", "客户名单本身有警告"}
	textTotal      = text{"%d to look at", "%d 条待关注"}
	textUnproven   = text{"NOT PROVEN COMPLETE, %d customers were read", "名单完整性未能证明，读取到 %d 家客户"}
	textUnprovenOf = text{"NOT PROVEN COMPLETE, the vendor counts %d customers, %d were read", "名单完整性未能证明，云厂商计 %d 家，读取到 %d 家"}
	textHeld       = text{"the run is held", "批次已暂挂"}

	textHeldDetail = text{
		"%d of %d known customers are missing from the list. Nothing was compared or reported. If the list is right, run: partnerlens watch --accept --run %s",
		"已知的 %[2]d 家客户中有 %[1]d 家不在本次名单中，未作比对，也未通报变化。如属实，请执行 partnerlens watch --accept --run %[3]s",
	}
	textRun         = text{"Run %s, read %s", "批次 %s，采集于 %s"}
	textReadLate    = text{" (read late: the list is of that moment, not of the run's own time)", "（补采：内容为采集时的名单，并非该批次当日的名单）"}
	textCustomers   = text{"%d customers", "共 %d 家客户"}
	textFirstDetail = text{"From the next run on, changes are reported.", "从下次起只通报变化。"}

	textRemaining      = text{"%s left", "剩余 %s"}
	textRemainingOf    = text{"%s of %s left", "剩余 %s / 额度 %s"}
	textThreshold      = text{"threshold %s", "预警线 %s"}
	textDays           = text{"%d days to go", "还剩 %d 天"}
	textAboutDays      = text{"about %d days at this pace", "按当前消耗约可用 %d 天"}
	textExpires        = text{"expires %s", "%s 到期"}
	textExpired        = text{"expired %s", "已于 %s 到期"}
	textExpiredTitle   = text{"Expired", "已到期"}
	textSince          = text{"since %s", "告警始于 %s"}
	textPrevious       = text{"was %s", "此前状态：%s"}
	textStatus         = text{"now %s", "当前状态：%s"}
	textNewStatus      = text{"%s", "当前状态：%s"}
	textValidTo        = text{"valid to the end of %s", "标签有效期至 %s底"}
	textEndedWith      = text{"expired at the end of %s", "标签已于 %s底到期"}
	textWouldBeValidTo = text{"was valid to the end of %s", "标签原有效期至 %s底"}
	textMonth          = text{"%s-%s", "%s 年 %s 月"}
	textValue          = text{"value %s", "取值 %s"}

	textMore   = text{"… and %d more", "…… 另有 %d 条"}
	textMoreIn = text{"… and %d more, see %s", "…… 另有 %d 条，见 %s"}
	textSee    = text{"See %s", "详见 %s"}

	textUnreadable = text{
		"%s could not be read for %d customers, the first is %s; it is treated as missing",
		"字段 %s 的取值不符合云厂商文档，涉及 %d 家客户，首个为 %s，按缺失处理",
	}
	textMostlyUnknown = text{
		"the status of %d customers is unknown: a field that it depends on is missing, or has a value that the vendor does not document",
		"%d 家客户状态未知：缺少判断所需的字段，或取值不在云厂商文档中",
	}
	textEndsAgree = text{
		"meaning of expire_time: all %d tags seen to end agree with %s, the setting",
		"expire_time 的含义：已观察到 %d 次标签到期，均与 %s（当前设置）一致",
	}
	textEndsDiffer = text{
		"meaning of expire_time: all %d tags seen to end agree with %s, and the setting is %s; check PARTNERLENS_HUAWEI_EXPIRE_MONTH",
		"expire_time 的含义：已观察到 %d 次标签到期，均与 %s 一致，而当前设置为 %s；请核对 PARTNERLENS_HUAWEI_EXPIRE_MONTH",
	}
	textEndsMixed = text{
		"meaning of expire_time: of %d tags seen to end, %d agree with last_valid and %d with first_invalid, so it is not decided",
		"expire_time 的含义：已观察到 %d 次标签到期，其中 %d 次与 last_valid 一致，%d 次与 first_invalid 一致，尚无定论",
	}
)

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
	"1 customers": "1 customer", "0 days to go": "less than a day to go", "1 days to go": "1 day to go",
	"about 0 days at this pace": "less than a day at this pace", "about 1 days at this pace": "about 1 day at this pace",
	"还剩 0 天": "还剩不足 1 天", "按当前消耗约可用 0 天": "按当前消耗可用不足 1 天",
}

// writer writes the texts of a message in a language and a time zone.
type writer struct {
	language string
	zone     *time.Location // nil: core.VendorZone
}

func (w writer) text(t text, args ...any) string { return fmt.Sprintf(t.in(w.language), args...) }

// count writes a text with a count.
func (w writer) count(t text, n int) string {
	counted := w.text(t, n)
	return cmp.Or(smallCounts[counted], counted)
}

// status writes a status. An unknown one is foreign text.
func (w writer) status(status string) string {
	if t, ok := statusTexts[status]; ok {
		return w.text(t)
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
	if a.Kind == CreditExpiring && a.expired() {
		title = w.text(textExpiredTitle)
	}
	line := mark(a.Severity) + " " + title + w.text(textColon)
	if a.ResellerID != "" {
		line += escape(a.ResellerID) + " / "
	}
	line += escape(a.CustomerID)
	if a.Name != "" {
		line += " " + escape(a.Name)
	}
	separator := textColon
	for _, fact := range append(w.amounts(a), append(w.expiry(a), w.statuses(a)...)...) {
		line += w.text(separator) + fact
		separator = textComma
	}
	return line
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
	case a.Remaining != "" && a.Allocated != "":
		facts = append(facts, w.text(textRemainingOf, a.Remaining+currency, a.Allocated+currency))
	case a.Remaining != "":
		facts = append(facts, w.text(textRemaining, a.Remaining+currency))
	}
	if a.Threshold != "" && a.Kind == CreditLow {
		facts = append(facts, w.text(textThreshold, a.Threshold))
	}
	return facts
}

// expiry are the facts of an alert about its expiry and the days left.
func (w writer) expiry(a Alert) (facts []string) {
	isTag := a.Month != ""
	if isTag && a.Kind != TagUnrecognized { // an unrecognized value does not show whether the tag is valid
		validTo := textValidTo
		switch {
		case a.expired():
			validTo = textEndedWith
		case a.Kind == TagLost:
			validTo = textWouldBeValidTo
		}
		year, month, _ := strings.Cut(escape(a.Month), "-")
		facts = append(facts, w.text(validTo, w.text(textMonth, year, month)))
	}
	if a.Kind == CreditExpiring {
		expires := textExpires
		if a.expired() {
			expires = textExpired
		}
		facts = append(facts, w.text(expires, w.timeText(a.Expires)))
	}
	switch {
	case a.DaysLeft == nil || a.expired():
	case isTag || a.Kind == CreditExpiring:
		facts = append(facts, w.count(textDays, *a.DaysLeft))
	case a.Kind != CreditRecovered:
		facts = append(facts, w.count(textAboutDays, *a.DaysLeft))
	}
	return facts
}

// statuses are the facts of an alert about the status before and now.
func (w writer) statuses(a Alert) (facts []string) {
	prev := func() {
		if a.Previous != "" {
			facts = append(facts, w.text(textPrevious, w.status(a.Previous)))
		}
	}
	switch a.Kind {
	case CreditRecovered:
		facts = append(facts, w.text(textSince, w.timeText(a.Since)))
	case CreditFreed:
		facts = append(facts, w.text(textSince, w.timeText(a.Since)), w.text(textStatus, w.status(a.Status)))
	case TagLost:
		if a.Status != string(core.TagLapsed) { // the title says so
			facts = append(facts, w.text(textStatus, w.status(a.Status)))
		}
	case TagUnrecognized:
		facts = append(facts, w.text(textValue, cut(escape(a.Value), maxStatus)))
		prev()
	case CustomerGone:
		prev()
	case CustomerNew:
		if a.Status != "" {
			facts = append(facts, w.text(textNewStatus, w.status(a.Status)))
		}
	}
	return facts
}

// mark shows a severity as a symbol.
func mark(s Severity) string {
	switch s {
	case Critical:
		return "🔴"
	case Warning:
		return "🟠"
	}
	return "🔵"
}

// message is a selection as text: the content that all chats have, each in its own markup.
type message struct {
	writer
	severity Severity
	title    string
	head     []string // lines about the run
	kinds    []string // how many alerts there are of each kind
	items    []string // one alert a line, worst first; foreign text in them is escaped
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
	if s.Held != nil {
		m.head = []string{w.text(textHeldDetail, s.Held.Missing, s.Held.Known, run)}
		return m
	}
	line := w.text(textRun, run, w.time(s.AsOf))
	if s.ReadLate {
		line += w.text(textReadLate)
	}
	m.head = append(m.head, line, s.customers(w))
	if s.First {
		m.head = append(m.head, w.text(textFirstDetail))
	}
	m.head = append(m.head, s.Notes.lines(w)...)
	for _, kind := range s.kinds {
		m.kinds = append(m.kinds, fmt.Sprintf("%s%s%d", kind.Title(language), w.text(textColon), s.counts[kind]))
	}
	for _, a := range s.worst {
		m.items = append(m.items, w.alert(a))
	}
	return m
}

// title says which function and account a message is about, and what its list is.
func (s selection) title(w writer) string {
	subject := escape(s.Function)
	switch s.Function {
	case "credit":
		subject = w.text(textCredit)
	case "tags":
		subject = w.text(textTags)
	}
	title := "partnerlens" + w.text(textColon) + subject + w.text(textComma) + escape(s.Account) + w.text(textColon)
	if s.Held != nil {
		return title + w.text(textHeld)
	}
	switch {
	case s.Unproven && s.Counted != nil:
		title += w.text(textUnprovenOf, *s.Counted, s.Total) + w.text(textComma)
	case s.Unproven:
		title += w.text(textUnproven, s.Total) + w.text(textComma)
	}
	switch {
	case s.First:
		title += w.text(textFirst)
	case s.total == 0 && s.Notes.Notify:
		title += w.text(textNotesOnly)
	case s.total == 0:
		title += w.text(textQuiet)
	default:
		title += w.text(textTotal, s.total)
	}
	if s.sample {
		return w.text(textTest) + title
	}
	return title
}

// customers is the line with the number of customers, in all and by status.
func (s selection) customers(w writer) string {
	line := w.count(textCustomers, s.Total)
	byCount := func(a, b string) int { return cmp.Or(s.Statuses[b]-s.Statuses[a], cmp.Compare(a, b)) }
	separator := textColon
	for i, status := range slices.SortedFunc(maps.Keys(s.Statuses), byCount) {
		if i == maxStatuses {
			break
		}
		line += fmt.Sprintf("%s%s %d", w.text(separator), w.status(status), s.Statuses[status])
		separator = textComma
	}
	return line
}

// tail is the last line: how many alerts are not shown, and where all are.
func (m message) tail(shown int) string {
	switch {
	case shown < m.total && m.location != "":
		return m.writer.text(textMoreIn, m.total-shown, m.location)
	case shown < m.total:
		return m.writer.text(textMore, m.total-shown)
	case m.location != "":
		return m.writer.text(textSee, m.location)
	}
	return ""
}

// lines is the message as plain lines with so many alerts.
func (m message) lines(shown int) []string {
	lines := slices.Concat([]string{m.title}, m.head, m.kinds, m.items[:shown])
	if tail := m.tail(shown); tail != "" {
		lines = append(lines, tail)
	}
	return lines
}

// fit returns how many alerts, worst first, a rendering within the limit can show.
func (m message) fit(limit int, size func(shown int) int) int {
	return sort.Search(len(m.items), func(i int) bool { return size(i+1) > limit })
}

// Text returns the Digest as plain text with at most so many alerts.
func (d *Digest) Text(language string, most int) string {
	m := d.selectFor(new(Channel)).message(language)
	return strings.Join(m.lines(min(most, len(m.items))), "\n")
}
