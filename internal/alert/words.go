package alert

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"partnerlens/pkg/core"
)

// The languages of a channel.
const (
	English = "en"
	Chinese = "zh"
)

// words is what a language says beside the kinds' titles.
type words struct {
	test, credit, tags                    string
	baseline, baselineDetail, quiet, told string
	run, customers, colon, comma          string
	unproven, unprovenOf, late            string
	held, heldDetail                      string
	left, leftOf, line, days, aboutDays   string
	expires, expired, over                string
	since, was, now, stands               string
	holds, ended, wouldHold               string // a tag, to the end of a month
	value                                 string // of a tag
	unreadable, mostlyUnknown             string // of the list as a whole
	endsAgree, endsDiffer, endsMixed      string // how the month of a tag's end is meant
	noted                                 string // the title of nothing but those
	more, moreNowhere, where              string
	statuses                              map[string]string
	one                                   map[string]string // what is said instead for a number that is not many
	month                                 string            // a year and a month
}

func wordsOf(language string) words {
	if language == Chinese {
		return words{
			test: "【测试】", credit: "客户额度", tags: "新客标签",
			baseline: "首次采集，已建立比对基准", baselineDetail: "从下次起只通报变化。", quiet: "没有新变化", told: "%d 条待关注",
			unproven: "名单完整性未能证明，读取到 %d 家客户", unprovenOf: "名单完整性未能证明，云厂商计 %d 家，读取到 %d 家", late: "（补采：内容为采集时的名单，并非该批次当日的名单）",
			held: "批次已暂挂", heldDetail: "已知的 %[2]d 家客户中有 %[1]d 家不在本次名单中，未作比对，也未通报变化。如属实，请执行 partnerlens watch --accept --run %[3]s",
			run: "批次 %s，采集于 %s", customers: "共 %d 家客户", colon: "：", comma: "，",
			left: "剩余 %s", leftOf: "剩余 %s / 额度 %s", line: "预警线 %s", days: "还剩 %d 天", aboutDays: "按当前消耗约可用 %d 天",
			expires: "%s 到期", expired: "已于 %s 到期", over: "已到期", since: "告警始于 %s", was: "此前状态：%s", now: "当前状态：%s", stands: "当前状态：%s",
			holds: "标签有效期至 %s底", ended: "标签已于 %s底到期", wouldHold: "标签原有效期至 %s底", value: "取值 %s",
			moreNowhere: "…… 另有 %d 条", more: "…… 另有 %d 条，见 %s", where: "详见 %s",
			statuses: map[string]string{
				string(core.CreditForced): "强制停服", string(core.CreditOverdrawn): "已透支", string(core.CreditExhausted): "已用尽",
				string(core.CreditLow): "偏低", string(core.CreditOK): "正常", string(core.CreditUnknown): "未知", // as core.TagUnknown
				string(core.TagQualified): "新客", string(core.TagLapsed): "已过期", string(core.TagNotNew): "非新客",
				string(core.TagUndetermined): "待达标", string(core.TagUnverified): "未实名认证",
			},
			one:        map[string]string{"还剩 0 天": "还剩不足 1 天", "按当前消耗约可用 0 天": "按当前消耗可用不足 1 天"},
			unreadable: "字段 %s 的取值不符合云厂商文档，涉及 %d 家客户，首个为 %s，按缺失处理", mostlyUnknown: "%d 家客户状态未知：缺少判断所需的字段，或取值不在云厂商文档中",
			endsAgree:  "expire_time 的含义：已观察到 %d 次标签到期，均与 %s（当前设置）一致",
			endsDiffer: "expire_time 的含义：已观察到 %d 次标签到期，均与 %s 一致，而当前设置为 %s；请核对 PARTNERLENS_HUAWEI_EXPIRE_MONTH",
			endsMixed:  "expire_time 的含义：已观察到 %d 次标签到期，其中 %d 次与 last_valid 一致，%d 次与 first_invalid 一致，尚无定论",
			noted:      "客户名单本身有警告",
			month:      "%s 年 %s 月",
		}
	}
	return words{
		test: "[Test] ", credit: "customers' credit", tags: "new-customer tags",
		baseline: "first run, the baseline is set", baselineDetail: "From the next run on, changes are told.", quiet: "nothing new to tell", told: "%d to look at",
		unproven: "NOT PROVEN COMPLETE, %d customers were read", unprovenOf: "NOT PROVEN COMPLETE, the vendor counts %d customers, %d were read", late: " (read late: the list is of that moment, not of the run's own time)",
		held: "the run is held", heldDetail: "%d of %d known customers are missing from the list. Nothing was compared or reported. If the list is right: partnerlens watch --accept --run %s",
		run: "Run %s, read %s", customers: "%d customers", colon: ": ", comma: ", ",
		left: "%s left", leftOf: "%s of %s left", line: "line %s", days: "%d days to go", aboutDays: "about %d days at this pace",
		expires: "expires %s", expired: "expired %s", over: "Expired", since: "since %s", was: "was %s", now: "now %s", stands: "%s",
		holds: "holds to the end of %s", ended: "ended with %s", wouldHold: "would have held to the end of %s", value: "value %s",
		moreNowhere: "… and %d more", more: "… and %d more, see %s", where: "See %s",
		statuses: map[string]string{
			string(core.CreditForced): "stopped by force", string(core.CreditOverdrawn): "overdrawn", string(core.CreditExhausted): "exhausted",
			string(core.CreditLow): "low", string(core.CreditOK): "ok", string(core.CreditUnknown): "unknown", // as core.TagUnknown
			string(core.TagQualified): "qualified", string(core.TagLapsed): "lapsed", string(core.TagNotNew): "not new",
			string(core.TagUndetermined): "below the bar", string(core.TagUnverified): "not verified",
		},
		one: map[string]string{
			"1 customers": "1 customer", "0 days to go": "less than a day to go", "1 days to go": "1 day to go",
			"about 0 days at this pace": "less than a day at this pace", "about 1 days at this pace": "about 1 day at this pace",
		},
		unreadable: "%s could not be read of %d customers, the first %s: it counts as missing", mostlyUnknown: "the status of %d customers is unknown: what decides it is missing, or is a value that the cloud does not document",
		endsAgree:  "how expire_time is meant: all %d tags that were seen to end did so as %s, the setting, has it",
		endsDiffer: "how expire_time is meant: all %d tags that were seen to end did so as %s has it, and the setting is %s; check PARTNERLENS_HUAWEI_EXPIRE_MONTH",
		endsMixed:  "how expire_time is meant: of %d tags that were seen to end, %d did so as last_valid has it and %d as first_invalid; neither is shown",
		noted:      "warnings about the list itself",
		month:      "%s-%s",
	}
}

// status is the word for a status; one that we do not know is foreign text.
func (w words) status(status string) string {
	return cmp.Or(w.statuses[status], cut(inert(status), maxStatus))
}

// count is a number in words.
func (w words) count(format string, n int) string {
	text := fmt.Sprintf(format, n)
	return cmp.Or(w.one[text], text)
}

// momentIn is a moment as people read it, in a zone that it names; nil is the
// vendors'.
func momentIn(zone *time.Location, t time.Time) string {
	if zone == nil {
		zone = core.VendorZone
	}
	t = t.In(zone)
	text := t.Format("2006-01-02 15:04") + " UTC"
	switch _, seconds := t.Zone(); {
	case seconds == 0:
		return text
	case seconds%3600 == 0:
		return text + fmt.Sprintf("%+d", seconds/3600)
	}
	return text + t.Format("-07:00")
}

// message is a view in words: what all channels say, each in its own markup.
type message struct {
	severity Severity
	title    string   // ours alone
	head     []string // the run, in lines; ours but for names of accounts and files
	kinds    []string // how many of each kind
	items    []string // one alert a line, worst first; foreign text in them is inert
	total    int      // alerts there are
	language string
	location string
}

const (
	maxLocation = 300 // letters
	maxStatuses = 12
	maxStatus   = 20 // letters
)

func (v view) message(language string) message {
	w := wordsOf(language)
	m := message{severity: v.severity(), total: v.total, language: language, location: cut(ownText(v.Location), maxLocation)}
	subject := map[string]string{"credit": w.credit, "tags": w.tags}[v.Function]
	m.title = "partnerlens" + w.colon + cmp.Or(subject, inert(v.Function)) + w.comma + inert(v.Account) + w.colon
	if v.Held != nil {
		m.title += w.held
		m.head = []string{fmt.Sprintf(w.heldDetail, v.Held.Missing, v.Held.Known, cut(ownText(v.Run), 80))}
		return m
	}
	switch {
	case v.Unproven && v.Counted != nil:
		m.title += fmt.Sprintf(w.unprovenOf, *v.Counted, v.Total) + w.comma
	case v.Unproven:
		m.title += fmt.Sprintf(w.unproven, v.Total) + w.comma
	}
	switch {
	case v.First:
		m.title += w.baseline
	case v.total == 0 && v.Notes.Notify:
		m.title += w.noted
	case v.total == 0:
		m.title += w.quiet
	default:
		m.title += fmt.Sprintf(w.told, v.total)
	}
	if v.sample {
		m.title = w.test + m.title
	}
	run := fmt.Sprintf(w.run, cut(ownText(v.Run), 80), momentIn(v.Zone, v.AsOf))
	if v.ReadLate {
		run += w.late
	}
	m.head = append(m.head, run)
	m.head = append(m.head, v.customers(w))
	if v.First {
		m.head = append(m.head, w.baselineDetail)
	}
	m.head = append(m.head, v.Notes.lines(w)...)
	for _, c := range v.counts {
		m.kinds = append(m.kinds, fmt.Sprintf("%s%s%d", c.kind.Title(language), w.colon, c.n))
	}
	for _, a := range v.worst {
		m.items = append(m.items, w.alert(a, language, v.Zone))
	}
	return m
}

// customers is the line of how many there are, and how they stand.
func (v view) customers(w words) string {
	line := w.count(w.customers, v.Total)
	if len(v.Statuses) == 0 {
		return line
	}
	byCount := func(a, b string) int { return cmp.Or(v.Statuses[b]-v.Statuses[a], cmp.Compare(a, b)) }
	names := slices.SortedFunc(maps.Keys(v.Statuses), byCount)
	parts := make([]string, 0, maxStatuses)
	for _, name := range names[:min(len(names), maxStatuses)] {
		parts = append(parts, fmt.Sprintf("%s %d", w.status(name), v.Statuses[name]))
	}
	return line + w.colon + strings.Join(parts, w.comma)
}

// alert is one line.
func (w words) alert(a Alert, language string, zone *time.Location) string {
	var b strings.Builder
	isTag, isOver := a.Month != "", a.Expires != "" && a.Expires <= a.Since // when it was seen
	title := a.Kind.Title(language)
	if a.Kind == CreditExpiring && isOver {
		title = w.over
	}
	b.WriteString(mark(a.Severity) + " " + title + w.colon)
	if a.ResellerID != "" {
		b.WriteString(inert(a.ResellerID) + " / ")
	}
	b.WriteString(inert(a.CustomerID))
	if a.Name != "" {
		b.WriteString(" " + inert(a.Name))
	}
	var facts []string
	add := func(format string, values ...any) { facts = append(facts, fmt.Sprintf(format, values...)) }
	currency := ""
	if a.Currency != "" {
		currency = " " + inert(a.Currency)
	}
	switch {
	case a.Remaining != "" && a.Allocated != "":
		add(w.leftOf, a.Remaining+currency, a.Allocated+currency)
	case a.Remaining != "":
		add(w.left, a.Remaining+currency)
	}
	if a.Threshold != "" && a.Kind == CreditLow {
		add(w.line, a.Threshold)
	}
	moment := func(text string) string {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return inert(text)
		}
		return momentIn(zone, at)
	}
	if isTag && a.Kind != TagUnrecognized { // whether it holds is not known
		year, month, _ := strings.Cut(inert(a.Month), "-")
		holds := w.holds
		switch {
		case isOver:
			holds = w.ended
		case a.Kind == TagLost:
			holds = w.wouldHold
		}
		add(holds, fmt.Sprintf(w.month, year, month))
	}
	switch {
	case a.Kind == CreditExpiring && isOver:
		add(w.expired, moment(a.Expires))
	case a.Kind == CreditExpiring:
		add(w.expires, moment(a.Expires))
	}
	switch {
	case a.DaysLeft == nil || isOver:
	case isTag || a.Kind == CreditExpiring:
		facts = append(facts, w.count(w.days, *a.DaysLeft))
	case a.Kind != CreditRecovered:
		facts = append(facts, w.count(w.aboutDays, *a.DaysLeft))
	}
	switch {
	case a.Kind == CreditRecovered:
		add(w.since, moment(a.Since))
	case a.Kind == CreditFreed:
		add(w.since, moment(a.Since))
		add(w.now, w.status(a.Status))
	case a.Kind == TagLost && a.Status != string(core.TagLapsed): // that is what lost says
		add(w.now, w.status(a.Status))
	case a.Kind == TagUnrecognized:
		add(w.value, cut(inert(a.Value), maxStatus))
		if a.Previous != "" {
			add(w.was, w.status(a.Previous))
		}
	case a.Kind == CustomerGone && a.Previous != "":
		add(w.was, w.status(a.Previous))
	case a.Kind == CustomerNew && a.Status != "":
		add(w.stands, w.status(a.Status))
	}
	if len(facts) > 0 {
		b.WriteString(w.colon + strings.Join(facts, w.comma))
	}
	return b.String()
}

// mark is a severity that is seen before it is read.
func mark(s Severity) string {
	switch s {
	case Critical:
		return "🔴"
	case Warning:
		return "🟠"
	}
	return "🔵"
}

// tail is the last line: how many are not shown, and where everything is.
func (m message) tail(shown int) string {
	w := wordsOf(m.language)
	switch {
	case shown < m.total && m.location != "":
		return fmt.Sprintf(w.more, m.total-shown, m.location)
	case shown < m.total:
		return fmt.Sprintf(w.moreNowhere, m.total-shown)
	case m.location != "":
		return fmt.Sprintf(w.where, m.location)
	}
	return ""
}

// lines is the message in plain lines with so many alerts.
func (m message) lines(shown int) []string {
	lines := append([]string{m.title}, m.head...)
	lines = append(lines, m.kinds...)
	lines = append(lines, m.items[:shown]...)
	if tail := m.tail(shown); tail != "" {
		lines = append(lines, tail)
	}
	return lines
}

// text is the message as plain text.
func (m message) text(shown int) string { return strings.Join(m.lines(shown), "\n") }

// fit gives the largest rendering that fits: with all alerts that are held, or
// with as many of the worst as leave room for the last line.
func fit[T any](m message, limit int, render func(shown int) (rendering T, size int)) T {
	low, high := 0, len(m.items)
	for low < high {
		middle := (low + high + 1) / 2
		if _, size := render(middle); size <= limit {
			low = middle
		} else {
			high = middle - 1
		}
	}
	rendering, _ := render(low)
	return rendering
}

// ownText is text of our own side (an account, a path), which is not cut as short
// as a name is.
func ownText(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F || strings.ContainsRune("<>", r) {
			return -1
		}
		return r
	}, text)
}

func cut(text string, letters int) string {
	if all := []rune(text); len(all) > letters {
		return string(all[:letters]) + "…"
	}
	return text
}
