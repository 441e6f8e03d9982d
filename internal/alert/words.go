package alert

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

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
	left, leftOf, line, days, aboutDays   string
	expires, month, since, was            string
	more, moreNowhere, where              string
	status                                func(string) string
}

func wordsOf(language string) words {
	if language == Chinese {
		return words{
			test: "【测试】", credit: "客户额度", tags: "新客标签",
			baseline: "首次运行，已建立基线", baselineDetail: "从下一次运行起，只告知变化。", quiet: "没有需要告知的变化", told: "%d 条需要关注",
			run: "运行 %s，%s", customers: "客户共 %d 个", colon: "：", comma: "，",
			left: "剩余 %s", leftOf: "剩余 %s / 额度 %s", line: "警戒线 %s", days: "还有 %d 天", aboutDays: "预计可用约 %d 天",
			expires: "到期 %s", month: "标签有效至 %s 月末", since: "始于 %s", was: "此前：%s",
			moreNowhere: "…… 另有 %d 条", more: "…… 另有 %d 条，见 %s", where: "详见 %s",
			status: chineseStatus,
		}
	}
	return words{
		test: "[Test] ", credit: "customers' credit", tags: "new-customer tags",
		baseline: "first run, the baseline is set", baselineDetail: "From the next run on, changes are told.", quiet: "nothing new to tell", told: "%d to look at",
		run: "Run %s, %s", customers: "%d customers", colon: ": ", comma: ", ",
		left: "%s left", leftOf: "%s of %s left", line: "line %s", days: "%d days to go", aboutDays: "about %d days at this pace",
		expires: "expires %s", month: "holds to the end of %s", since: "since %s", was: "was %s",
		moreNowhere: "… and %d more", more: "… and %d more, see %s", where: "See %s",
		status: func(s string) string { return s },
	}
}

func chineseStatus(status string) string {
	switch status {
	case string(core.CreditForced):
		return "强制停服"
	case string(core.CreditOverdrawn):
		return "透支"
	case string(core.CreditExhausted):
		return "用尽"
	case string(core.CreditLow):
		return "偏低"
	case string(core.CreditOK):
		return "正常"
	case string(core.CreditUnknown): // as core.TagUnknown
		return "未知"
	case string(core.TagQualified):
		return "新客"
	case string(core.TagLapsed):
		return "已失效"
	case string(core.TagNotNew):
		return "非新客"
	case string(core.TagUndetermined):
		return "待达标"
	case string(core.TagUnverified):
		return "未实名"
	}
	return status
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
	switch {
	case v.First:
		m.title += w.baseline
	case v.total == 0:
		m.title += w.quiet
	default:
		m.title += fmt.Sprintf(w.told, v.total)
	}
	if v.sample {
		m.title = w.test + m.title
	}
	m.head = append(m.head, fmt.Sprintf(w.run, cut(ownText(v.Run), 80), v.AsOf.UTC().Format("2006-01-02 15:04 UTC")))
	m.head = append(m.head, v.customers(w))
	if v.First {
		m.head = append(m.head, w.baselineDetail)
	}
	for _, c := range v.counts {
		m.kinds = append(m.kinds, fmt.Sprintf("%s%s%d", c.kind.Title(language), w.colon, c.n))
	}
	for _, a := range v.worst {
		m.items = append(m.items, w.alert(a, language))
	}
	return m
}

// customers is the line of how many there are, and how they stand.
func (v view) customers(w words) string {
	line := fmt.Sprintf(w.customers, v.Total)
	if len(v.Statuses) == 0 {
		return line
	}
	byCount := func(a, b string) int { return cmp.Or(v.Statuses[b]-v.Statuses[a], cmp.Compare(a, b)) }
	names := slices.SortedFunc(maps.Keys(v.Statuses), byCount)
	parts := make([]string, 0, maxStatuses)
	for _, name := range names[:min(len(names), maxStatuses)] {
		parts = append(parts, fmt.Sprintf("%s %d", cut(inert(w.status(name)), maxStatus), v.Statuses[name]))
	}
	return line + w.colon + strings.Join(parts, w.comma)
}

// alert is one line.
func (w words) alert(a Alert, language string) string {
	var b strings.Builder
	b.WriteString(mark(a.Severity) + " " + a.Kind.Title(language) + w.colon)
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
	isTag := a.Month != ""
	switch {
	case isTag:
		add(w.month, a.Month)
	case a.Kind == CreditExpiring:
		add(w.expires, a.Expires)
	}
	switch {
	case a.DaysLeft != nil && (isTag || a.Kind == CreditExpiring):
		add(w.days, *a.DaysLeft)
	case a.DaysLeft != nil && a.Kind != CreditRecovered:
		add(w.aboutDays, *a.DaysLeft)
	}
	switch a.Kind {
	case CreditFreed, CreditRecovered:
		add(w.since, a.Since)
	case TagLost, CustomerGone:
		if a.Previous != "" {
			add(w.was, inert(w.status(a.Previous)))
		}
	}
	if a.Status != "" && (a.Kind == CreditFreed || a.Kind == TagLost || a.Kind == CustomerNew) {
		facts = append(facts, inert(w.status(a.Status)))
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
