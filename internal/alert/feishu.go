package alert

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"partnerlens/pkg/core"
)

// A Feishu or Lark custom bot accepts 20 KB a request and 100 messages a minute ("Custom bot
// usage guide" and "Rate limits", open.feishu.cn, read November 2026). The limit leaves room
// for the signature.
var feishu = chat{
	vendor: "Feishu", every: time.Minute / 95, limit: 20_000 - 400, body: feishuBody, sign: feishuSign,
	answers: []knownAnswer{
		{"11232 99991400", "", retryable, core.CodeThrottled, "Feishu accepts no more messages for now"},
		{"19021", "", unusable, core.CodeDenied, "Feishu does not accept the signature; check the secret and this machine's clock"},
		{"19022", "", unusable, core.CodeDenied, "the bot's address list does not allow this machine"},
		{"19024", "", permanent, core.CodeDenied, "the message has none of the bot's keywords; remove the keywords, or add partnerlens to them"},
		{"19001", "", unusable, core.CodeMisconfigured, "Feishu has no such bot any more"},
		{"19007", "", unusable, core.CodeMisconfigured, "switch the bot on in the group's settings: it is switched off"},
	},
}

// feishuBody is a card of plain text, in which Feishu reads no markup, so that no <at> mentions
// anyone. Lines with links are markdown, since plain text has none; foreign text in them is
// escaped.
func feishuBody(m message, shown int) (map[string]any, int) {
	plain := func(lines ...string) map[string]string {
		return map[string]string{"tag": "plain_text", "content": strings.Join(lines, "\n")}
	}
	lines := func(items []item) map[string]string {
		if slices.ContainsFunc(items, func(i item) bool { return i.url != "" }) {
			return map[string]string{"tag": "lark_md", "content": strings.Join(texts(items, item.markdown), "\n")}
		}
		return plain(texts(items, item.plain)...)
	}
	elements := []map[string]any{{"tag": "div", "text": plain(slices.Concat(m.head, m.kinds)...)}}
	if shown > 0 {
		elements = append(elements, map[string]any{"tag": "hr"}, map[string]any{"tag": "div", "text": lines(m.items[:shown])})
	}
	if last := m.last(shown); last != nil {
		elements = append(elements, map[string]any{"tag": "div", "text": lines(last)})
	}
	body := map[string]any{"msg_type": "interactive", "card": map[string]any{
		"config":   map[string]bool{"wide_screen_mode": true},
		"header":   map[string]any{"template": []string{"red", "orange", "blue"}[m.severity.rank()], "title": plain(m.title)},
		"elements": elements,
	}}
	return body, sizeOf(body)
}

// feishuSign signs the empty text, with the time and the secret as the key, as the guide
// describes.
func feishuSign(secret string, now time.Time, body map[string]any) url.Values {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	body["timestamp"], body["sign"] = timestamp, hmacBase64(timestamp+"\n"+secret, "")
	return nil
}
