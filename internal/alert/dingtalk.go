package alert

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"partnerlens/pkg/core"
)

// A DingTalk custom robot takes 20 messages a minute, and rests for ten minutes
// after more ("Custom robot access", open.dingtalk.com, read November 2026). That
// page tells no size; messages of over 20,000 bytes are refused as too long by what
// users report, so the whole request stays below that.
const dingTalkMessage = 19_000

type dingTalkBody struct {
	MsgType  string           `json:"msgtype"`
	Markdown dingTalkMarkdown `json:"markdown"`
	At       dingTalkAt       `json:"at"` // nobody: only who is listed here is pinged
}

type dingTalkMarkdown struct {
	Title string `json:"title"`
	Text  string `json:"text"`
}

type dingTalkAt struct {
	IsAtAll bool `json:"isAtAll"`
}

func (p parcel) dingtalk(ctx context.Context, now time.Time) (*http.Request, error) {
	req, err := postJSON(ctx, p.channel.URL.Reveal(), dingTalkBodyOf(p.message))
	if err != nil || p.channel.Secret.Empty() {
		return req, err
	}
	query := req.URL.Query()
	timestamp := strconv.FormatInt(now.UnixMilli(), 10)
	query.Set("timestamp", timestamp)
	query.Set("sign", dingTalkSign(p.channel.Secret, timestamp))
	req.URL.RawQuery = query.Encode()
	return req, nil
}

// dingTalkSign signs the moment and the secret with the secret.
func dingTalkSign(secret core.Secret, timestamp string) string {
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write([]byte(timestamp + "\n" + secret.Reveal()))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func dingTalkBodyOf(m message) dingTalkBody {
	return fit(m, dingTalkMessage, func(shown int) (dingTalkBody, int) {
		var b strings.Builder
		b.WriteString("#### " + m.title + "\n\n")
		for _, line := range m.head {
			b.WriteString(line + "\n\n")
		}
		for _, line := range m.kinds {
			b.WriteString("- " + line + "\n")
		}
		b.WriteString("\n")
		for _, line := range m.items[:shown] {
			b.WriteString("- " + line + "\n")
		}
		if tail := m.tail(shown); tail != "" {
			b.WriteString("\n" + tail)
		}
		body := dingTalkBody{MsgType: "markdown", Markdown: dingTalkMarkdown{m.title, b.String()}}
		return body, sizeOf(body)
	})
}

// judgeDingTalk reads the errcode ("Custom robots send group messages", open.dingtalk.com,
// read November 2026; 300001, 300005 and 90030 are as users report them).
func judgeDingTalk(status int, body []byte) (outcome, bool) {
	return judgeRobot(status, body, "DingTalk", func(code int) (outcome, bool) {
		switch code {
		case -1:
			return retryable(core.CodeUnavailable, "DingTalk is busy (errcode -1)"), true
		case 410100, 130101, 90030:
			return afterMinute("the robot has sent too much and rests for up to ten minutes (errcode %d)", code), true
		case 310000:
			return securityOf(body), true
		case 400101, 300001, 300005:
			return unusable(core.CodeMisconfigured, "DingTalk does not know the access_token in the address (errcode %d): copy the robot's whole webhook address anew", code), true
		case 400106:
			return unusable(core.CodeMisconfigured, "DingTalk has no such robot, or it is no longer in the group (errcode 400106): add one, and configure its address"), true
		case 400102:
			return unusable(core.CodeMisconfigured, "the robot is switched off (errcode 400102): have the group's administrator switch it on"), true
		case 400013:
			return unusable(core.CodeMisconfigured, "the group has been dissolved (errcode 400013): make a robot in another one"), true
		case 430101, 430102, 430103, 430104:
			return permanent(core.CodeUpstream, "DingTalk's check of contents keeps the message out (errcode %d)", code), true
		}
		return outcome{}, false
	})
}

// securityOf is errcode 310000, under which DingTalk reports three settings of a robot:
// a signature or an address that is not allowed concerns every message, a keyword that
// is missing concerns this one.
func securityOf(body []byte) outcome {
	var answer struct {
		ErrMsg string `json:"errmsg"`
	}
	_ = json.Unmarshal(body, &answer) // without a reason it is this message's
	reason := strings.ToLower(answer.ErrMsg)
	switch {
	case strings.Contains(reason, "keyword"):
		return permanent(core.CodeDenied, "the message has none of the robot's keywords (errcode 310000); take the keywords away, or add partnerlens to them")
	case strings.Contains(reason, "sign"), strings.Contains(reason, "timestamp"):
		return unusable(core.CodeDenied, "DingTalk does not accept the signature (errcode 310000): the secret is another, or this machine's clock is off")
	case strings.Contains(reason, "whitelist"), strings.Contains(reason, "ip "):
		return unusable(core.CodeDenied, "the robot's address list keeps this machine out (errcode 310000)")
	}
	return permanent(core.CodeDenied, "the robot's own security settings keep the message out (errcode 310000): the secret is another, this machine's clock is off, or keywords or an address list are set")
}
