package alert

import (
	"strings"
	"time"

	"partnerlens/pkg/core"
)

// Slack's limits are one message a second, 3,000 characters a section, 50 blocks a message
// and 150 characters a header ("Rate limits", "Section block" and "Blocks", docs.slack.dev,
// read November 2026). It refuses a message over about 13,200 characters of all blocks
// together, which no page states (slackapi/bolt-js issue 2509, read November 2026). What
// counts as a character is not documented either, so bytes are counted. The answers are
// from "Improving error conditions for Incoming Webhooks", api.slack.com, read November
// 2026.
var slack = chat{
	vendor: "Slack", every: time.Second, limit: 12_000, body: slackBody, plain: true,
	answers: []knownAnswer{
		{"no_service no_service_id no_team no_active_hooks channel_not_found channel_is_archived user_not_found invalid_token token_revoked account_inactive", "",
			unusable, core.CodeMisconfigured, "Slack has no such webhook or channel any more; make a new webhook"},
		{"action_prohibited posting_to_general_channel_denied team_disabled", "",
			unusable, core.CodeDenied, "the workspace does not allow the webhook to post there"},
		{"invalid_payload invalid_blocks invalid_blocks_format msg_blocks_too_long no_text too_many_attachments", "",
			permanent, core.CodeUpstream, "Slack does not accept the message"},
		{"rollup_error internal_error fatal_error service_unavailable", "", serverFault, core.CodeUnavailable, "Slack has a fault of its own"},
		{"rate_limited ratelimited", "", retryable, core.CodeThrottled, "Slack accepts no more messages for now"},
	},
}

const (
	slackSection = 2_900
	slackHeader  = 140
)

// slackBody renders a message as a header and sections. "text" is for notifications;
// "verbatim" keeps Slack from making links, channels and mentions of words.
func slackBody(m message, shown int) (map[string]any, int) {
	blocks := []map[string]any{{"type": "header", "text": map[string]any{"type": "plain_text", "text": cut(m.title, slackHeader), "emoji": false}}}
	var section strings.Builder
	flush := func() {
		if section.Len() > 0 {
			text := map[string]any{"type": "mrkdwn", "text": strings.TrimSuffix(section.String(), "\n"), "verbatim": true}
			blocks = append(blocks, map[string]any{"type": "section", "text": text})
			section.Reset()
		}
	}
	for _, i := range m.allItems(shown)[1:] {
		line := i.marked("<%[2]s|%[1]s>", escapeSlack)
		if section.Len()+len(line) >= slackSection {
			flush()
		}
		section.WriteString(line + "\n")
	}
	flush()
	body := map[string]any{"text": escapeSlack(m.title), "blocks": blocks, "unfurl_links": false, "unfurl_media": false}
	return body, sizeOf(body)
}

// escapeSlack escapes the three characters that Slack interprets ("Formatting message text",
// docs.slack.dev, read November 2026).
func escapeSlack(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}
