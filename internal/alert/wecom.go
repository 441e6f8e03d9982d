package alert

import (
	"context"
	"net/http"
	"strings"

	"partnerlens/pkg/core"
)

// A WeCom message push (formerly group robot) takes markdown of at most 4,096
// bytes, and 20 messages a minute; a longer one is refused with errcode 40058
// (消息推送配置说明, developer.work.weixin.qq.com, read November 2026; dromara/domain-admin
// issue 82). It signs nothing: the key is in the address. It pings who stands as
// <@id> in the text.
const weComContent = 4_096

type weComBody struct {
	MsgType  string        `json:"msgtype"`
	Markdown weComMarkdown `json:"markdown"`
}

type weComMarkdown struct {
	Content string `json:"content"`
}

func (p parcel) wecom(ctx context.Context) (*http.Request, error) {
	return postJSON(ctx, p.channel.URL.Reveal(), weComBodyOf(p.message))
}

func weComBodyOf(m message) weComBody {
	return fit(m, weComContent, func(shown int) (weComBody, int) {
		var b strings.Builder
		b.WriteString("### " + m.title)
		for _, line := range m.head {
			b.WriteString("\n> " + line)
		}
		for _, line := range m.kinds {
			b.WriteString("\n> " + line)
		}
		b.WriteString("\n") // a quotation ends at an empty line
		for _, line := range m.items[:shown] {
			b.WriteString("\n" + line)
		}
		if tail := m.tail(shown); tail != "" {
			b.WriteString("\n\n" + tail)
		}
		return weComBody{"markdown", weComMarkdown{b.String()}}, b.Len()
	})
}

// judgeWeCom reads the errcode (全局错误码, developer.work.weixin.qq.com, read
// November 2026).
func judgeWeCom(status int, body []byte) (outcome, bool) {
	return judgeRobot(status, body, "WeCom", func(code int) (outcome, bool) {
		switch code {
		case -1:
			return retryable(core.CodeUnavailable, "WeCom is busy (errcode -1)"), true
		case 6000:
			return retryable(core.CodeUnavailable, "WeCom has two messages in each other's way (errcode 6000)"), true
		case 45033:
			return retryable(core.CodeThrottled, "WeCom takes no more messages at once (errcode 45033)"), true
		case 45009:
			return afterMinute("WeCom takes no more messages within this minute (errcode 45009)"), true
		case 93004:
			return unusable(core.CodeMisconfigured, "the robot is switched off (errcode 93004)"), true
		case 40058, 45002:
			return permanent(core.CodeUpstream, "WeCom does not accept the message, for its length or form (errcode %d)", code), true
		case 93000, 93008:
			return unusable(core.CodeMisconfigured, "WeCom has no such robot, or it is no longer in the group (errcode %d)", code), true
		}
		return outcome{}, false
	})
}
