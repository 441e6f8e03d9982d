package alert

import (
	"fmt"
	"strings"

	"partnerlens/pkg/core"
)

// Notes are what a run reports about its list as a whole, beside its Alerts.
type Notes struct {
	Warnings    []core.Warning     // what could not be read
	Notify      bool               // some Warnings are new: they are delivered even without an Alert
	TagEnds     *core.TagEnds      // what runs have seen of tags that ended; nil: nothing
	ExpireMonth core.ExpireReading // the setting of the run
}

// The limits of the warnings in a message, so that every channel accepts it.
const (
	maxNotes = 3
	maxNote  = 200 // bytes
)

// lines are the Notes as lines of a message.
func (n Notes) lines(w writer) (lines []string) {
	for _, warning := range n.Warnings {
		line := ownText(warning.Message)
		switch {
		case warning.Code == core.WarnValueUnreadable && warning.CustomerID != "": // else it is about other rows, and says which
			line = w.text("%s could not be read for %d customers, the first is %s; it is treated as missing", "字段 %s 的取值不符合云厂商文档，涉及 %d 家客户，首个为 %s，按缺失处理", ownText(warning.Field), warning.Count, escape(warning.CustomerID))
		case warning.Code == core.WarnMostlyUnknown:
			line = w.text("the status of %d customers is unknown: a field that it depends on is missing, or has a value that the vendor does not document", "%d 家客户状态未知：缺少判断所需的字段，或取值不在云厂商文档中", warning.Count)
		}
		if len(line) > maxNote {
			line = strings.ToValidUTF8(line[:maxNote], "") + "…"
		}
		lines = append(lines, "⚠ "+line)
	}
	if left := len(lines) - maxNotes; left > 0 {
		lines = append(lines[:maxNotes], w.text("… and %d more", "…… 另有 %d 条", left))
	}
	if shown := n.TagEnds.Shows(); n.TagEnds != nil && (n.TagEnds.New > 0 || shown != "" && shown != n.ExpireMonth) {
		lines = append(lines, n.tagEnds(w))
	}
	return lines
}

// tagEnds says which meaning of a tag's month the vendor's data shows.
func (n Notes) tagEnds(w writer) string {
	last, first := n.TagEnds.LastValid, n.TagEnds.FirstInvalid
	switch shown := n.TagEnds.Shows(); shown {
	case "":
		return w.text("meaning of expire_time: of %d tags seen to end, %d agree with last_valid and %d with first_invalid, so it is not decided", "expire_time 的含义：已观察到 %d 次标签到期，其中 %d 次与 last_valid 一致，%d 次与 first_invalid 一致，尚无定论", last+first, last, first)
	case n.ExpireMonth:
		return w.text("meaning of expire_time: all %d tags seen to end agree with %s, the setting", "expire_time 的含义：已观察到 %d 次标签到期，均与 %s（当前设置）一致", last+first, shown)
	default:
		return w.text("meaning of expire_time: all %d tags seen to end agree with %s, and the setting is %s; check PARTNERLENS_HUAWEI_EXPIRE_MONTH", "expire_time 的含义：已观察到 %d 次标签到期，均与 %s 一致，而当前设置为 %s；请核对 PARTNERLENS_HUAWEI_EXPIRE_MONTH", last+first, shown, n.ExpireMonth)
	}
}

// TagEndsText says in English which meaning of a tag's month the vendor's data shows, and
// reports whether the setting agrees with it. The text is "" if no tag was seen to end.
func TagEndsText(ends *core.TagEnds, setting core.ExpireReading) (text string, agrees bool) {
	if ends == nil {
		return "", true
	}
	var texts []string
	agrees = true
	if ends.LastValid+ends.FirstInvalid > 0 {
		texts = append(texts, Notes{TagEnds: ends, ExpireMonth: setting}.tagEnds(writer{language: English}))
		agrees = ends.Shows() == setting
	}
	if ends.Unturned > 0 {
		texts = append(texts, fmt.Sprintf("%d customers have the tag Y days after their expire_time is over, so the tag alone does not show its end", ends.Unturned))
	}
	return strings.Join(texts, "; "), agrees
}

// wantsNotes reports whether a channel gets a message for Notes without an Alert.
func (c *Channel) wantsNotes() bool {
	return c.Kinds == nil && c.Owners == nil && c.Split != SplitCustomer && c.MinSeverity.rank() >= Warning.rank()
}
