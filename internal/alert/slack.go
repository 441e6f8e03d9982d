package alert

import (
	"bytes"
	"context"
	"net/http"
	"strings"

	"partnerlens/pkg/core"
)

// Slack's limits: 3,000 characters a section and 50 blocks a message ("Section
// block" and "Blocks", docs.slack.dev, read November 2026), 150 characters a header.
// Over about 13,200 characters of all blocks together a message is refused, which no
// page says (slackapi/bolt-js issue 2509, read November 2026). What a character is,
// is not said either: bytes are counted.
const (
	slackMessage = 12_000
	slackSection = 2_900
	slackHeader  = 140
)

type slackMessageBody struct {
	Text        string       `json:"text"` // what a notification shows
	Blocks      []slackBlock `json:"blocks"`
	UnfurlLinks bool         `json:"unfurl_links"`
	UnfurlMedia bool         `json:"unfurl_media"`
}

type slackBlock struct {
	Type string    `json:"type"`
	Text slackText `json:"text"`
}

type slackText struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Emoji    *bool  `json:"emoji,omitempty"`
	Verbatim bool   `json:"verbatim,omitzero"` // no links, channels or people are made of words
}

func (p parcel) slack(ctx context.Context) (*http.Request, error) {
	return postJSON(ctx, p.channel.URL.Reveal(), slackBody(p.message))
}

func slackBody(m message) slackMessageBody {
	return fit(m, slackMessage, func(shown int) (slackMessageBody, int) {
		no := false
		body := slackMessageBody{Text: escapeSlack(m.title), Blocks: []slackBlock{
			{"header", slackText{Type: "plain_text", Text: cut(m.title, slackHeader), Emoji: &no}},
		}}
		var section strings.Builder
		flush := func() {
			if section.Len() > 0 {
				body.Blocks = append(body.Blocks, slackBlock{"section", slackText{Type: "mrkdwn", Text: strings.TrimSuffix(section.String(), "\n"), Verbatim: true}})
				section.Reset()
			}
		}
		for _, line := range m.lines(shown)[1:] {
			line = escapeSlack(line)
			if section.Len()+len(line) >= slackSection {
				flush()
			}
			section.WriteString(line + "\n")
		}
		flush()
		return body, sizeOf(body)
	})
}

// escapeSlack escapes the three characters that Slack reads ("Formatting
// message text", docs.slack.dev, read November 2026).
func escapeSlack(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// judgeSlack reads the word that an incoming webhook answers: ok, or what is
// wrong ("Improving error conditions for Incoming Webhooks", api.slack.com, read
// November 2026).
func judgeSlack(status int, body []byte) (outcome, bool) {
	word := string(bytes.TrimSpace(body))
	switch word {
	case "ok":
		return outcome{}, false // the status decides
	case "no_service", "no_service_id", "no_team", "no_active_hooks", "channel_not_found", "channel_is_archived", "user_not_found", "invalid_token", "token_revoked", "account_inactive":
		return unusable(core.CodeMisconfigured, "Slack has no such webhook or channel any more (%s); make a new webhook", word), true
	case "action_prohibited", "posting_to_general_channel_denied", "team_disabled":
		return unusable(core.CodeDenied, "the workspace does not allow the webhook to post there (%s)", word), true
	case "invalid_payload", "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "no_text", "too_many_attachments":
		return permanent(core.CodeUpstream, "Slack does not accept the message (%s)", word), true
	case "rollup_error", "internal_error", "fatal_error", "service_unavailable":
		return serverFault("Slack has a fault of its own (%s)", word), true
	case "rate_limited", "ratelimited":
		return retryable(core.CodeThrottled, "Slack takes no more messages for now (%s)", word), true
	}
	if status == http.StatusOK {
		return unusable(core.CodeUpstream, "it answered, but not as Slack does; is the address a Slack webhook?"), true
	}
	return outcome{}, false
}
