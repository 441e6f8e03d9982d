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

	"partnerlens/pkg/core"
)

// A Feishu or Lark custom bot takes at most 20 KB a request, 100 messages a
// minute ("Custom bot usage guide", open.feishu.cn, read November 2026). The rest is
// room for the signature.
const feishuMessage = 20_000 - 400

type feishuBody struct {
	Timestamp string     `json:"timestamp,omitempty"`
	Sign      string     `json:"sign,omitempty"`
	MsgType   string     `json:"msg_type"`
	Card      feishuCard `json:"card"`
}

// feishuCard is a card of plain text only: markup is not read in it, so there is
// nothing to escape, and no <at> to ping with.
type feishuCard struct {
	Config   feishuConfig    `json:"config"`
	Header   feishuHeader    `json:"header"`
	Elements []feishuElement `json:"elements"`
}

type feishuConfig struct {
	WideScreenMode bool `json:"wide_screen_mode"`
}

type feishuHeader struct {
	Template string     `json:"template"`
	Title    feishuText `json:"title"`
}

type feishuElement struct {
	Tag  string      `json:"tag"`
	Text *feishuText `json:"text,omitempty"`
}

type feishuText struct {
	Tag     string `json:"tag"`
	Content string `json:"content"`
}

func (p parcel) feishu(ctx context.Context, now time.Time) (*http.Request, error) {
	body := feishuBodyOf(p.message)
	if !p.channel.Secret.Empty() {
		body.Timestamp = strconv.FormatInt(now.Unix(), 10)
		body.Sign = feishuSign(p.channel.Secret, body.Timestamp)
	}
	return postJSON(ctx, p.channel.URL.Reveal(), body)
}

// feishuSign signs nothing with the moment and the secret as the key: so the page
// has it.
func feishuSign(secret core.Secret, timestamp string) string {
	mac := hmac.New(sha256.New, []byte(timestamp+"\n"+secret.Reveal()))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func feishuBodyOf(m message) feishuBody {
	color := "blue"
	switch m.severity {
	case Critical:
		color = "red"
	case Warning:
		color = "orange"
	}
	return fit(m, feishuMessage, func(shown int) (feishuBody, int) {
		body := feishuBody{MsgType: "interactive", Card: feishuCard{
			Config: feishuConfig{true}, Header: feishuHeader{color, feishuText{"plain_text", m.title}},
		}}
		add := func(lines ...string) {
			if text := strings.Join(lines, "\n"); text != "" {
				body.Card.Elements = append(body.Card.Elements, feishuElement{"div", &feishuText{"plain_text", text}})
			}
		}
		add(append(m.head[:len(m.head):len(m.head)], m.kinds...)...)
		if shown > 0 {
			body.Card.Elements = append(body.Card.Elements, feishuElement{Tag: "hr"})
		}
		add(m.items[:shown]...)
		add(m.tail(shown))
		return body, sizeOf(body)
	})
}

// judgeFeishu reads the code (the page above; "Rate limits", open.feishu.cn,
// read November 2026).
func judgeFeishu(status int, body []byte) (outcome, bool) {
	return judgeRobot(status, body, "Feishu", func(code int) (outcome, bool) {
		switch code {
		case 11232, 99991400:
			return retryable(core.CodeThrottled, "Feishu takes no more messages for now (code %d)", code), true
		case 19021:
			return unusable(core.CodeDenied, "Feishu does not accept the signature (code 19021): the secret is another, or this machine's clock is off"), true
		case 19022:
			return unusable(core.CodeDenied, "the bot's address list keeps this machine out (code 19022)"), true
		case 19024:
			return permanent(core.CodeDenied, "the message has none of the bot's keywords (code 19024); take the keywords away, or add partnerlens to them"), true
		case 19001:
			return unusable(core.CodeMisconfigured, "Feishu has no such bot any more (code 19001)"), true
		case 19007:
			return unusable(core.CodeMisconfigured, "the bot is switched off (code 19007): switch it on in the group's settings"), true
		}
		return outcome{}, false
	})
}
