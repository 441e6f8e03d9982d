package alert

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"partnerlens/pkg/core"
)

// A chat is a type of channel whose messages people read: Slack, Teams and the group robots.
type chat struct {
	vendor string
	every  time.Duration // the least time between two messages to one address
	limit  int           // of the size of a body

	// body renders a message with so many alerts.
	body func(m message, shown int) (body map[string]any, size int)

	// sign signs a request: it adds to the body, or returns what to add to the query. nil if
	// the vendor signs nothing.
	sign func(secret string, now time.Time, body map[string]any) url.Values

	plain   bool // an answer is a word, not JSON
	bare    bool // an answer is a status alone
	answers []knownAnswer
}

// knownAnswer is an answer that a vendor documents, and what it means.
type knownAnswer struct {
	codes  string // separated by spaces
	says   string // words separated by |, one of which is in the text beside the code; "": any text
	class  class
	code   core.Code
	detail string
}

// chats has every type but a webhook and SNS.
var chats = map[ChannelType]*chat{Slack: &slack, Teams: &teams, Feishu: &feishu, DingTalk: &dingTalk, WeCom: &weCom}

// render renders a message with as many alerts, worst first, as the limit allows. If names
// are so long that none fits, the lines about open conditions are left out.
func (c *chat) render(m message) map[string]any {
	if _, size := c.body(m, 0); size > c.limit {
		m.foot = nil
	}
	shown := m.fit(c.limit, func(shown int) int {
		_, size := c.body(m, shown)
		return size
	})
	body, _ := c.body(m, shown)
	return body
}

// request builds the request of a message.
func (c *chat) request(ctx context.Context, channel *Channel, m message, now time.Time) (*http.Request, error) {
	body := c.render(m)
	var query url.Values
	if c.sign != nil && !channel.Secret.Empty() {
		query = c.sign(channel.Secret.Reveal(), now, body)
	}
	text, err := core.AppendJSON(nil, body)
	if err != nil {
		return nil, err
	}
	req, err := post(ctx, channel.URL.Reveal(), text)
	if err != nil {
		return nil, err
	}
	if len(query) > 0 {
		all := req.URL.Query()
		maps.Copy(all, query)
		req.URL.RawQuery = all.Encode()
	}
	return req, nil
}

// read returns what an answer means. The robots answer nearly always with HTTP 200; the
// result is in the body.
func (c *chat) read(status int, body []byte) outcome {
	if c.bare {
		return c.readStatus(status, body)
	}
	code, says, ok := readRobot(body)
	label := "code " + code
	if c.plain {
		code = string(bytes.TrimSpace(body))
		label, ok = code, code == "ok"
	}
	if o, ok := known(c.answers, code, says, label); ok {
		return o
	}
	switch {
	case ok && (code == "ok" || code == "0"):
		return fromStatus(status)
	case ok && containsAny(says, tooMany):
		return afterMinute.of(core.CodeThrottled, "%s accepts no more messages for now (%s)", c.vendor, label)
	case ok && status == http.StatusOK:
		return permanent.of(core.CodeUpstream, "%s does not accept the message (%s)", c.vendor, label)
	case status == http.StatusOK:
		return unusable.of(core.CodeUpstream, "the answer is not one of %s; check that the address is a %s webhook", c.vendor, c.vendor)
	}
	return fromStatus(status)
}

// readStatus returns what a status means, unless the text beside it is a documented one.
func (c *chat) readStatus(status int, body []byte) outcome {
	for _, a := range c.answers {
		if a.codes == strconv.Itoa(status) && containsAny(string(body), a.says) {
			return a.class.of(a.code, "%s (HTTP %d)", a.detail, status)
		}
	}
	return fromStatus(status)
}

// known returns the outcome of an answer that is among the documented ones.
func known(answers []knownAnswer, code, says, label string) (outcome, bool) {
	for _, a := range answers {
		if slices.Contains(strings.Fields(a.codes), code) && containsAny(says, a.says) {
			return a.class.of(a.code, "%s (%s)", a.detail, label), true
		}
	}
	return outcome{}, false
}

// readRobot returns the code in the answer of a robot, and the text beside it.
func readRobot(body []byte) (code, says string, ok bool) {
	var answer struct {
		Code       *int `json:"code"`       // Feishu
		StatusCode *int `json:"StatusCode"` // Feishu, older
		ErrCode    *int `json:"errcode"`    // DingTalk, WeCom

		Msg    any `json:"msg"`    // Feishu
		ErrMsg any `json:"errmsg"` // DingTalk, WeCom
	}
	if json.Unmarshal(body, &answer) != nil {
		return "", "", false
	}
	for _, c := range []*int{answer.Code, answer.ErrCode, answer.StatusCode} {
		if c != nil {
			msg, _ := answer.Msg.(string)
			errMsg, _ := answer.ErrMsg.(string)
			return fmt.Sprint(*c), strings.ToLower(msg + errMsg), true
		}
	}
	return "", "", false
}

// tooMany are words of an answer that refuses too many messages. The vendors have several
// codes for that and use some of them for other mistakes, too: Feishu answers 9499 both
// with "too many request" and with "Bad Request".
const tooMany = "too many request|frequency limit|too fast|out of limit|over limit|rate limit|限流|频率"

// containsAny reports whether text contains one of the words separated by |.
func containsAny(text, words string) bool {
	return slices.ContainsFunc(strings.Split(words, "|"), func(word string) bool { return strings.Contains(text, word) })
}

// prefixed is lines of markdown, each after a prefix.
func prefixed(prefix string, lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return prefix + strings.Join(lines, "\n"+prefix)
}

// paragraphs are the texts that are not empty, with empty lines between.
func paragraphs(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(text string) bool { return text == "" }), "\n\n")
}

// sign returns the HMAC-SHA256 of a text.
func sign(key, text string) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// hmacBase64 is the signature of DingTalk, Feishu and Standard Webhooks.
func hmacBase64(key, text string) string { return base64.StdEncoding.EncodeToString(sign(key, text)) }

// sizeOf is the size of a value as JSON.
func sizeOf(v any) int {
	body, _ := core.AppendJSON(nil, v)
	return len(body)
}
