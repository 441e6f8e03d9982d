package alert

import (
	"net/http"

	"github.com/go-json-experiment/json"

	"partnerlens/pkg/core"
)

// robotAnswer is what the three group robots answer, nearly always with HTTP
// 200: the result is inside.
type robotAnswer struct {
	Code       *int `json:"code"`       // Feishu
	StatusCode *int `json:"StatusCode"` // Feishu, older
	ErrCode    *int `json:"errcode"`    // DingTalk, WeCom
}

// readRobot gives the code inside an answer: 0 where there is none but the HTTP
// status, which decides. o is set where the answer cannot be a robot's.
func readRobot(status int, body []byte, vendor string) (code int, o *outcome) {
	var answer robotAnswer
	err := json.Unmarshal(body, &answer)
	for _, c := range []*int{answer.Code, answer.ErrCode, answer.StatusCode} {
		if err == nil && c != nil {
			return *c, nil
		}
	}
	if status == http.StatusOK {
		not := unusable(core.CodeUpstream, "it answered, but not as %s does; is the address one of its robots?", vendor)
		return 0, &not
	}
	return 0, nil
}

// judgeRobot is what a code means: one of those that the vendor documents, or
// that it does not accept the message. A fault of the server's is one, whatever
// it writes beside it.
func judgeRobot(status int, body []byte, vendor string, known func(code int) (outcome, bool)) (outcome, bool) {
	code, o := readRobot(status, body, vendor)
	switch {
	case o != nil:
		return *o, true
	case code == 0:
		return outcome{}, false
	}
	if o, is := known(code); is {
		return o, true
	}
	return permanent(core.CodeUpstream, "%s does not accept the message (code %d)", vendor, code), status == http.StatusOK
}
