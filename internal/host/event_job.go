package host

import (
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
)

// scheduleEvent returns the job of a schedule. text is the query that the schedule
// carries, in the event's member.
func scheduleEvent(job Job, text []byte, member string) (decoded, error) {
	var err error
	if job.Payload, err = queryIn(text, member); err == nil && isWarmUp(job.Payload) {
		return decoded{trigger: TriggerWarmUp}, nil
	}
	return decoded{trigger: job.Trigger, jobs: []Job{job}}, err
}

// eventBridge reads the event of an EventBridge rule with a schedule (source
// aws.events, detail {}) and of an EventBridge Scheduler schedule without an
// Input (source aws.scheduler, detail the text "{}"). With an Input both send
// the Input alone, a direct payload. ("Creating an Amazon EventBridge rule that
// runs on a schedule"; the text as detail is observed, not documented; gathered
// November 2026)
func (e *event) eventBridge() (decoded, error) {
	job := Job{Trigger: TriggerEventBridgeRule, ID: e.ID, Scheduled: parseTime(e.LowerTime)}
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
			return decoded{trigger: job.Trigger}, unknownEvent("the event's detail cannot be decoded", err)
		}
		detail = []byte(text)
	case 'n':
		detail = nil
	}
	return scheduleEvent(job, detail, "detail")
}

// parseTime reads a platform's time. It returns the zero Time for any other text,
// since no query depends on it.
func parseTime(text string) time.Time {
	t, _ := time.Parse(time.RFC3339, text)
	return t.UTC()
}

// queryIn reads the query that a schedule carries: a JSON object, or none if the text
// is empty or {}. Any other text is an error: ignoring a misspelt query would turn it
// into a query for every customer.
func queryIn(text []byte, member string) ([]byte, error) {
	text = []byte(strings.TrimSpace(string(text)))
	if len(text) == 0 {
		return nil, nil
	}
	if !jsontext.Value(text).IsValid(jsontext.AllowDuplicateNames(true)) || text[0] != '{' {
		return nil, core.Invalid(member, `not a JSON object; write the query there, as {"limit":10}, or leave it empty for every customer`)
	}
	if strings.TrimSpace(string(text[1:len(text)-1])) == "" {
		return nil, nil
	}
	return text, nil
}

// sqsRecord is one message of an SQS batch ("Using Lambda with Amazon SQS",
// gathered November 2026).
type sqsRecord struct {
	MessageID   string `json:"messageId"`
	Body        string `json:"body"`
	EventSource string `json:"eventSource"`
	QueueARN    string `json:"eventSourceARN"`
}

// sqs reads a batch: one job a message, with the message's body as its query. The
// bodies are checked later, one by one, so that an invalid one fails alone.
func (e *event) sqs() (decoded, error) {
	d := decoded{trigger: TriggerSQS}
	for _, record := range *e.Records {
		if record.EventSource != "aws:sqs" {
			return decoded{}, unknownEvent("the event's Records are not of aws:sqs", nil)
		}
		if record.MessageID == "" {
			return decoded{}, unknownEvent("a message of the SQS batch has no messageId", nil)
		}
		d.jobs = append(d.jobs, Job{
			Trigger: TriggerSQS,
			ID:      record.MessageID,
			Name:    record.QueueARN[strings.LastIndexByte(record.QueueARN, ':')+1:],
			Payload: []byte(record.Body),
		})
	}
	if len(d.jobs) == 0 {
		return decoded{}, unknownEvent("the event's Records are empty", nil)
	}
	return d, nil
}

// isFIFO reports whether the queue of a message keeps its order.
func isFIFO(job Job) bool { return strings.HasSuffix(job.Name, ".fifo") }

// messageQuery reads the query in a message's body. An empty body is an error: a query
// for every customer is {}.
func messageQuery(body []byte) ([]byte, error) {
	if strings.TrimSpace(string(body)) == "" {
		return nil, core.Invalid("body", `empty; write the query there, as {"limit":10}, or {} for every customer`)
	}
	return queryIn(body, "body")
}

// sqsAnswer lists the messages that SQS delivers again, until the queue moves them to
// its dead-letter queue. Lambda reads it if the event source mapping has
// ReportBatchItemFailures; otherwise every message counts as processed.
type sqsAnswer struct {
	BatchItemFailures []sqsFailure `json:"batchItemFailures"`
}

type sqsFailure struct {
	ItemIdentifier string `json:"itemIdentifier"`
}

// Warm-up events keep a function warm and carry no query. Read as a query they would
// fail every few minutes and raise an alarm on failed invocations, so the answer is an
// empty object and nothing is read. The shapes, from their tools' documentation (read
// November 2026):
//
//	{"source":"serverless-plugin-warmup"}          npm serverless-plugin-warmup, @middy/warmup
//	{"source":"serverless-plugin-lambda-warmup"}   npm serverless-plugin-lambda-warmup
//	{"warmer":true,"concurrency":3}                npm lambda-warmer, PyPI lambda-warmer-py
//	{"type":"warmer","warmerId":"…","index":0}     OpenNext
//	"#warmup wait=200"                             Thundra
//
// and the flags warmup, keepWarm and isWarmingUp in place of warmer. Thundra's default,
// an empty object, is a query for every customer: set a message there.
var (
	warmUpSources = []string{"serverless-plugin-warmup", "serverless-plugin-lambda-warmup"}
	warmUpFlags   = []string{"warmer", "warmup", "keepWarm", "isWarmingUp"} // none is a parameter of a query
)

const (
	warmUpType   = "warmer"
	warmUpText   = `"#warmup`
	warmUpAnswer = "{}"
)

// isWarmUp reports whether an event, or the query of a schedule, is a warm-up object.
func isWarmUp(raw []byte) bool {
	var members map[string]jsontext.Value
	if jsontext.Value(raw).Kind() != '{' || unmarshalForeign(raw, &members) != nil {
		return false
	}
	return slices.Contains(warmUpSources, text(members["source"])) || text(members["type"]) == warmUpType ||
		slices.ContainsFunc(warmUpFlags, func(name string) bool { return members[name].Kind() == 't' })
}
