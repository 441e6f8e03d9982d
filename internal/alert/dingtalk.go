package alert

import (
	"net/url"
	"slices"
	"strconv"
	"time"

	"partnerlens/pkg/core"
)

// A DingTalk custom robot accepts 20 messages a minute, and none for ten minutes after more
// ("Custom robot access", open.dingtalk.com, read November 2026). That page states no size;
// users report that messages over 20,000 bytes are refused as too long, so the whole
// request stays below that. The answers are from "Custom robots send group messages",
// open.dingtalk.com, read November 2026; 300001, 300005 and 90030 are as users report them.
var dingTalk = chat{
	vendor: "DingTalk", every: time.Minute / 19, limit: 19_000, body: dingTalkBody, sign: dingTalkSign,
	answers: []knownAnswer{
		{"-1", "", retryable, core.CodeUnavailable, "DingTalk is busy"},
		{"410100 130101 90030", "", afterMinute, core.CodeThrottled, "the robot has sent too many messages and is blocked for up to ten minutes"},
		// Three settings of a robot share a code. A missing keyword concerns the message, the
		// others concern every message.
		{"310000", "keyword", permanent, core.CodeDenied, "the message has none of the robot's keywords; remove the keywords, or add partnerlens to them"},
		{"310000", "sign|timestamp", unusable, core.CodeDenied, "DingTalk does not accept the signature; check the secret and this machine's clock"},
		{"310000", "whitelist|ip ", unusable, core.CodeDenied, "the robot's address list does not allow this machine"},
		{"310000", "", permanent, core.CodeDenied, "the robot's security settings refuse the message; check the secret, this machine's clock, the keywords and the address list"},
		{"400101 300001 300005", "", unusable, core.CodeMisconfigured, "DingTalk does not know the access_token in the address; copy the robot's whole webhook address anew"},
		{"400106", "", unusable, core.CodeMisconfigured, "DingTalk has no such robot, or it is no longer in the group; add one, and configure its address"},
		{"400102", "", unusable, core.CodeMisconfigured, "the robot is switched off; have the group's administrator switch it on"},
		{"400013", "", unusable, core.CodeMisconfigured, "the group has been dissolved; add a robot to another one"},
		{"430101 430102 430103 430104", "", permanent, core.CodeUpstream, "DingTalk's content check refuses the message"},
	},
}

func dingTalkBody(m message, shown int) (map[string]any, int) {
	parts := slices.Concat([]string{"#### " + m.title}, m.head, []string{prefixed("", m.kinds), prefixed("- ", texts(m.items[:shown], item.markdown))}, texts(m.last(shown), item.markdown))
	body := map[string]any{
		"msgtype":  "markdown",
		"markdown": map[string]string{"title": m.title, "text": paragraphs(parts...)},
		"at":       map[string]bool{"isAtAll": false}, // no mention
	}
	return body, sizeOf(body)
}

// dingTalkSign signs the time and the secret with the secret.
func dingTalkSign(secret string, now time.Time, _ map[string]any) url.Values {
	timestamp := strconv.FormatInt(now.UnixMilli(), 10)
	return url.Values{"timestamp": {timestamp}, "sign": {hmacBase64(secret, timestamp+"\n"+secret)}}
}
