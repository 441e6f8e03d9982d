package sheet

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
)

// Heading is what is known of a list at its end: the name of its sheet, the first line of
// every sheet, and whether that line is a warning, which is shown in red.
type Heading struct {
	Name, Line string
	Warning    bool
}

// List is what a Heading says of a list of customers.
type List struct {
	Of    string    // the provider and the account
	AsOf  time.Time // zero: unknown
	Count int
	State ListState
	Why   string // of ListPart: what ended the read; of ListMatching: the conditions
	Late  string // the run that the list is kept as, though it was read later; "": it was not
}

const maxWhy = 100 // units of UTF-16 of List.Why in a line

// ListState is how far a list is known to have every customer.
type ListState int

// The states.
const (
	ListComplete ListState = iota
	ListUnproven           // it may lack customers
	ListPart               // it lacks customers: the read ended early
	ListRest               // it lacks customers: the read continued an earlier one
	ListHeld               // it lacks so many customers of the run before that it was not accepted
	ListMatching           // it has every customer that matches conditions
)

// Heading returns the heading of a list in the style's language.
func (s Style) Heading(l List) Heading {
	texts := [...]struct{ name, line, zhName, zhLine string }{
		{"Customers", "Complete: all %[1]d customers of %[2]s", "客户", "完整：%[2]s 的全部 %[1]d 个客户"},
		{"Customers NOT PROVEN", "NOT PROVEN COMPLETE: %[1]d customers of %[2]s; others may be missing here", "客户（未能证明完整）", "未能证明完整：%[2]s 的 %[1]d 个客户，名单可能有缺漏"},
		{"Customers NOT COMPLETE", "NOT COMPLETE (%[3]s): only %[1]d customers of %[2]s; the others are missing here", "客户（不完整）", "不完整（%[3]s）：仅含 %[2]s 的 %[1]d 个客户，其余客户不在本表中"},
		{"Customers NOT COMPLETE", "NOT COMPLETE: the last %[1]d customers of %[2]s; those before are in the file that this one continues", "客户（不完整）", "不完整：仅含 %[2]s 的后 %[1]d 个客户，之前的客户在上一个文件中"},
		{"Customers NOT ACCEPTED", "HELD, NOT ACCEPTED: only %[1]d customers of %[2]s; many customers of the run before are missing here", "客户（已暂挂）", "已暂挂，未采纳：仅含 %[2]s 的 %[1]d 个客户，缺少上次运行中的大量客户"},
		{"Customers that match", "Complete for %[3]s: the %[1]d customers of %[2]s that match; the others are not in this file", "客户（按条件）", "符合条件（%[3]s）的全部客户：%[2]s 的 %[1]d 个客户，其余客户不在本表中"},
	}[l.State]
	h := Heading{Name: texts.name, Line: texts.line, Warning: l.State != ListComplete && l.State != ListMatching || l.Late != ""}
	late, asOf := "READ LATE, not the state of %s. ", ", as of %s"
	if s.Language == Chinese {
		h.Name, h.Line = texts.zhName, texts.zhLine
		late, asOf = "补采，并非 %s 当时的状态。", "，采集时间 %s"
	}
	if why := clip(l.Why, maxWhy); why != l.Why {
		l.Why = why + "…"
	}
	h.Line = fmt.Sprintf(h.Line, l.Count, l.Of, l.Why)
	if !l.AsOf.IsZero() {
		h.Line += fmt.Sprintf(asOf, s.Time(l.AsOf))
	}
	if l.Late != "" {
		h.Line = fmt.Sprintf(late, l.Late) + h.Line
	}
	return h
}

// Text returns the text of the style's language.
func (s Style) Text(english, chinese string) string {
	if s.Language == Chinese {
		return chinese
	}
	return english
}

// Facts returns members of an object for Book.Facts: one that is a list or an object has a fact for each of
// its values, and one that is null, or a list of none, has no fact.
func (s Style) Facts(object any, members ...string) (facts [][2]string, err error) {
	text, err := core.AppendJSON(nil, object)
	if err != nil {
		return nil, err
	}
	var all map[string]jsontext.Value
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, &core.Error{Code: core.CodeInternal, Err: err}
	}
	for _, name := range members {
		var list []jsontext.Value
		var values map[string]jsontext.Value
		switch value := all[name]; value.Kind() {
		case '[':
			_ = json.Unmarshal(value, &list) // it is what AppendJSON wrote
		case '{':
			_ = json.Unmarshal(value, &values)
			for _, key := range slices.Sorted(maps.Keys(values)) {
				facts = append(facts, [2]string{name, key + ": " + Text(values[key])})
			}
		default:
			list = []jsontext.Value{value}
		}
		for _, value := range list {
			written := Text(value)
			if at, err := time.Parse(time.RFC3339, written); err == nil {
				written = s.Time(at)
			}
			if written != "" {
				facts = append(facts, [2]string{name, written})
			}
		}
	}
	return facts, nil
}

// Text returns a JSON value as a cell has it: a string as it is, a null as nothing.
func Text(value jsontext.Value) string {
	switch value.Kind() {
	case '"':
		text, _ := jsontext.AppendUnquote(nil, value) // it is JSON
		return string(text)
	case 'n', 0:
		return ""
	case '{': // a warning
		var parts map[string]jsontext.Value
		_ = json.Unmarshal(value, &parts)
		var texts []string
		for _, name := range []string{"code", "account", "customer_id", "field", "count", "message"} {
			if text := Text(parts[name]); text != "" {
				texts = append(texts, text)
			}
		}
		return strings.Join(texts, ": ")
	}
	return string(value)
}
