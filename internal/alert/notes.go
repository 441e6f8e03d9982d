package alert

import (
	"fmt"
	"slices"
	"strings"

	"partnerlens/pkg/core"
)

// Notes are what a run says of its list as a whole, beside its Alerts.
type Notes struct {
	Warnings    []core.Warning     // what could not be read
	Notify      bool               // some of them are new: a run with no Alert is notified of, too
	TagEnds     *core.TagEnds      // what runs have seen of tags that ended; nil: nothing
	ExpireMonth core.ExpireReading // the reading by which the run was made
}

// What of the warnings a message has at most, so that every channel takes it.
const (
	maxNotes = 3
	maxNote  = 200 // bytes
)

// lines are the Notes in a language.
func (n Notes) lines(w words) (lines []string) {
	for _, warning := range n.Warnings {
		text := ownText(warning.Message)
		switch warning.Code {
		case core.WarnValueUnreadable:
			text = fmt.Sprintf(w.unreadable, ownText(warning.Field), warning.Count, inert(warning.CustomerID))
		case core.WarnMostlyUnknown:
			text = fmt.Sprintf(w.mostlyUnknown, warning.Count)
		}
		if len(text) > maxNote {
			text = strings.ToValidUTF8(text[:maxNote], "") + "…"
		}
		lines = append(lines, "⚠ "+text)
	}
	if left := len(lines) - maxNotes; left > 0 {
		lines = append(lines[:maxNotes], fmt.Sprintf(w.moreNowhere, left))
	}
	if shown := n.TagEnds.Shows(); n.TagEnds != nil && (n.TagEnds.New > 0 || shown != "" && shown != n.ExpireMonth) {
		lines = append(lines, n.tagEnds(w))
	}
	return lines
}

// tagEnds says which reading of a tag's month the cloud's data shows.
func (n Notes) tagEnds(w words) string {
	last, first := n.TagEnds.LastValid, n.TagEnds.FirstInvalid
	switch shown := n.TagEnds.Shows(); {
	case shown == "":
		return fmt.Sprintf(w.endsMixed, last+first, last, first)
	case shown == n.ExpireMonth:
		return fmt.Sprintf(w.endsAgree, last+first, shown)
	default:
		return fmt.Sprintf(w.endsDiffer, last+first, shown, n.ExpireMonth)
	}
}

// TagEndsText says in English which reading of a tag's month the cloud's data shows, and
// whether it is the one that the setting has; "" where no tag was seen to end.
func TagEndsText(ends *core.TagEnds, setting core.ExpireReading) (text string, agrees bool) {
	if ends == nil {
		return "", true
	}
	if ends.LastValid+ends.FirstInvalid > 0 {
		text, agrees = Notes{TagEnds: ends, ExpireMonth: setting}.tagEnds(wordsOf(English)), ends.Shows() == setting
	} else {
		agrees = true
	}
	if ends.Unturned > 0 {
		if text != "" {
			text += "; "
		}
		text += fmt.Sprintf("%d customers have the tag Y days after their expire_time is over, so the tag alone does not show its end", ends.Unturned)
	}
	return text, agrees
}

// wantsNotes says whether a channel is to hear of a run for its Notes alone.
func (c *Channel) wantsNotes() bool {
	return c.Kinds == nil && slices.Contains([]Severity{"", Info, Warning}, c.MinSeverity)
}
