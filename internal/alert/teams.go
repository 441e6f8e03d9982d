package alert

import (
	"time"

	"partnerlens/pkg/core"
)

// A Teams workflow ("When a Teams webhook request is received") accepts 28 KB a message and
// four messages a second, and answers 429 to more ("Create an Incoming Webhook",
// learn.microsoft.com, read November 2026). A request of 24,453 bytes was counted as 28,897
// of 28,672 (MicrosoftDocs/msteams-docs issue 11274): the card is kept as a text, whose
// quotation marks are escaped. So the size of that text counts, with room for the rest.
// Workflows show cards of version 1.4 (prometheus/alertmanager issue 3920).
//
// The answer is 202 as soon as the workflow starts; whether it posts the card is only in its
// run history. The address of a connector, which workflows replace, answers 200 and says in
// the text that Teams refused. No page documents the word for a workflow that is off.
var teams = chat{
	vendor: "Teams", every: time.Second / 3, limit: 24_000, body: teamsBody, bare: true,
	answers: []knownAnswer{
		{"200", "HTTP error 429", retryable, core.CodeThrottled, "Teams accepts no more messages for now"},
		{"200", "delivery failed", permanent, core.CodeUpstream, "Teams does not accept the message; configure the address of a workflow, not of a connector"},
		{"400", "TriggerIsNotEnabled", unusable, core.CodeMisconfigured, "the workflow is switched off"},
		{"401", "", unusable, core.CodeDenied, "Teams does not accept the address; copy it anew from the workflow, which anyone must be allowed to trigger"},
	},
}

// teamsBody is a card of text runs, in which Teams reads no markdown ("TextRun", Adaptive
// Cards Schema Explorer, learn.microsoft.com, read November 2026). A mention needs an entity
// beside the text, and there are none.
func teamsBody(m message, shown int) (map[string]any, int) {
	var blocks []any
	paragraph := func(style map[string]string, lines ...item) {
		for i, line := range lines {
			block := map[string]any{"type": "RichTextBlock", "inlines": teamsRuns(line, style)}
			if i > 0 {
				block["spacing"] = "None"
			}
			blocks = append(blocks, block)
		}
	}
	color := []string{"Attention", "Warning", "Accent"}[m.severity.rank()]
	paragraph(map[string]string{"weight": "Bolder", "size": "Medium", "color": color}, itemsOf(m.title)...)
	paragraph(nil, itemsOf(m.head...)...)
	paragraph(nil, itemsOf(m.kinds...)...)
	paragraph(nil, m.items[:shown]...)
	paragraph(nil, m.last(shown)...)
	card := map[string]any{
		"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
		"msteams": map[string]string{"width": "Full"}, "body": blocks,
	}
	text, _ := core.AppendJSON(nil, card)
	return map[string]any{"type": "message", "attachments": []any{map[string]any{
		"contentType": "application/vnd.microsoft.card.adaptive", "content": card,
	}}}, sizeOf(string(text))
}

// teamsRuns is a line as text runs, one of which opens its link ("TextRun", selectAction,
// Adaptive Cards Schema Explorer, learn.microsoft.com).
func teamsRuns(line item, style map[string]string) (runs []any) {
	add := func(text, url string) {
		run := map[string]any{"type": "TextRun", "text": text}
		for name, value := range style {
			run[name] = value
		}
		if url != "" {
			run["selectAction"] = map[string]string{"type": "Action.OpenUrl", "url": url}
		}
		runs = append(runs, run)
	}
	if line.url == "" {
		add(line.plain(), "")
		return runs
	}
	add(line.before, "")
	add(line.middle, line.url)
	if line.after != "" {
		add(line.after, "")
	}
	return runs
}
