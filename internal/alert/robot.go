package alert

import (
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"partnerlens/pkg/core"
)

// robotAnswer is what the three group robots answer, nearly always with HTTP
// 200: the result is inside.
type robotAnswer struct {
	Code       *int `json:"code"`       // Feishu
	StatusCode *int `json:"StatusCode"` // Feishu, older
	ErrCode    *int `json:"errcode"`    // DingTalk, WeCom

	Msg    any `json:"msg"`    // Feishu
	ErrMsg any `json:"errmsg"` // DingTalk, WeCom
}

// readRobot gives the code inside an answer and the text beside it: 0 where there is
// none but the HTTP status, which decides. o is set where the answer cannot be a robot's.
func readRobot(status int, body []byte, vendor string) (code int, text string, o *outcome) {
	var answer robotAnswer
	err := json.Unmarshal(body, &answer)
	for _, c := range []*int{answer.Code, answer.ErrCode, answer.StatusCode} {
		if err == nil && c != nil {
			msg, _ := answer.Msg.(string)
			errMsg, _ := answer.ErrMsg.(string)
			return *c, msg + errMsg, nil
		}
	}
	if status == http.StatusOK {
		not := unusable(core.CodeUpstream, "it answered, but not as %s does; is the address one of its robots?", vendor)
		return 0, "", &not
	}
	return 0, "", nil
}

// saysTooMany says whether the text beside a code means that there were too many
// messages. Vendors have several codes for that, and give some of them for other mistakes
// too: Feishu answers 9499 both with "too many request" and with "Bad Request".
func saysTooMany(text string) bool {
	text = strings.ToLower(text)
	for _, words := range []string{"too many request", "frequency limit", "too fast", "out of limit", "over limit", "rate limit", "限流", "频率"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

// afterMinute is for a vendor that counts messages by the minute: to try again sooner is
// useless, and counts.
func afterMinute(format string, args ...any) outcome {
	o := retryable(core.CodeThrottled, format, args...)
	o.after = maxAskedWait
	return o
}

// judgeRobot is what a code means: one of those that the vendor documents, or
// that it does not accept the message. A fault of the server's is one, whatever
// it writes beside it.
func judgeRobot(status int, body []byte, vendor string, known func(code int) (outcome, bool)) (outcome, bool) {
	code, text, o := readRobot(status, body, vendor)
	switch {
	case o != nil:
		return *o, true
	case code == 0:
		return outcome{}, false
	}
	if o, is := known(code); is {
		return o, true
	}
	if saysTooMany(text) {
		return afterMinute("%s takes no more messages for now (code %d)", vendor, code), true
	}
	return permanent(core.CodeUpstream, "%s does not accept the message (code %d)", vendor, code), status == http.StatusOK
}
