package alert

import (
	"slices"
	"time"

	"partnerlens/pkg/core"
)

// A WeCom message push (formerly group robot) accepts markdown of 4,096 bytes and 20
// messages a minute; it refuses a longer one with 40058 (消息推送配置说明 and 全局错误码,
// developer.work.weixin.qq.com, read November 2026; dromara/domain-admin issue 82). It signs
// nothing: the key is in the address. <@id> in the text mentions a member.
var weCom = chat{
	vendor: "WeCom", every: time.Minute / 19, limit: 4_096, body: weComBody,
	answers: []knownAnswer{
		{"-1", "", retryable, core.CodeUnavailable, "WeCom is busy"},
		{"6000", "", retryable, core.CodeUnavailable, "WeCom handles two messages at once, which conflict"},
		{"45033", "", retryable, core.CodeThrottled, "WeCom accepts no more messages at once"},
		{"45009", "", afterMinute, core.CodeThrottled, "WeCom accepts no more messages within this minute"},
		{"93004", "", unusable, core.CodeMisconfigured, "the robot is switched off"},
		{"40058 45002", "", permanent, core.CodeUpstream, "WeCom does not accept the message's length or form"},
		{"93000 93008", "", unusable, core.CodeMisconfigured, "WeCom has no such robot, or it is no longer in the group"},
	},
}

// weComBody renders a message. The limit is of its content alone.
func weComBody(m message, shown int) (map[string]any, int) {
	quotation := prefixed("> ", slices.Concat(m.head, m.kinds))
	text := paragraphs("### "+m.title+"\n"+quotation, prefixed("", texts(m.items[:shown], item.markdown)), prefixed("", texts(m.last(shown), item.markdown)))
	return map[string]any{"msgtype": "markdown", "markdown": map[string]string{"content": text}}, len(text)
}
