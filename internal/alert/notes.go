package alert

import (
	"fmt"
	"slices"
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
		switch warning.Code {
		case core.WarnValueUnreadable:
			line = w.text(textUnreadable, ownText(warning.Field), warning.Count, escape(warning.CustomerID))
		case core.WarnMostlyUnknown:
			line = w.text(textMostlyUnknown, warning.Count)
		}
		if len(line) > maxNote {
			line = strings.ToValidUTF8(line[:maxNote], "") + "…"
		}
		lines = append(lines, "⚠ "+line)
	}
	if left := len(lines) - maxNotes; left > 0 {
		lines = append(lines[:maxNotes], w.text(textMore, left))
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
		return w.text(textEndsMixed, last+first, last, first)
	case n.ExpireMonth:
		return w.text(textEndsAgree, last+first, shown)
	default:
		return w.text(textEndsDiffer, last+first, shown, n.ExpireMonth)
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
	return c.Kinds == nil && slices.Contains([]Severity{"", Info, Warning}, c.MinSeverity)
}
