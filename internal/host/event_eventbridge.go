package host

import (
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// eventBridge reads the event of an EventBridge rule with a schedule (source
// aws.events, detail {}) and of an EventBridge Scheduler schedule without an
// Input (source aws.scheduler, detail the text "{}"). With an Input either
// sends just that: a direct payload. ("Creating an Amazon EventBridge rule that
// runs on a schedule"; the text as detail is seen, not documented; gathered
// November 2026)
func (e *event) eventBridge() (Job, error) {
	job := Job{Trigger: TriggerEventBridgeRule, ID: e.ID, Scheduled: instant(e.LowerTime)}
	if e.Source == "aws.scheduler" {
		job.Trigger = TriggerScheduler
	}
	if len(e.Resources) > 0 { // arn:aws:events:REGION:ACCOUNT:rule/NAME
		job.Name = e.Resources[0][strings.LastIndexByte(e.Resources[0], '/')+1:]
	}
	detail := []byte(e.Detail)
	switch e.Detail.Kind() {
	case '"':
		var text string
		if err := json.Unmarshal(e.Detail, &text); err != nil {
			return job, unknownEvent("the event's detail is not a text that can be read", err)
		}
		detail = []byte(text)
	case 'n':
		detail = nil
	}
	payload, err := queryIn(detail, "detail")
	job.Payload = payload
	return job, err
}

// instant reads a platform's time; the zero Time where it cannot be read, since
// no question depends on it.
func instant(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
