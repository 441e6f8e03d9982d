package host

import (
	"strings"

	"partnerlens/pkg/core"
)

// sqsRecord is one message of an SQS batch ("Using Lambda with Amazon SQS",
// gathered November 2026).
type sqsRecord struct {
	MessageID   string `json:"messageId"`
	Body        string `json:"body"`
	EventSource string `json:"eventSource"`
	QueueARN    string `json:"eventSourceARN"`
}

// sqs reads a batch: a job for every message, whose body is the query. The
// bodies are looked at one by one, later: one that cannot be read must fail
// alone.
func (e *event) sqs() (decoded, error) {
	d := decoded{trigger: TriggerSQS, queue: true}
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

// isFIFO says whether the queue that a message came from keeps its order.
func isFIFO(job Job) bool { return strings.HasSuffix(job.Name, ".fifo") }

// messageQuery is queryIn for a message's body, which must be there: a message
// that asks for everyone says {}.
func messageQuery(body []byte) ([]byte, error) {
	if strings.TrimSpace(string(body)) == "" {
		return nil, core.Invalid("body", `empty; write the query there, as {"limit":10}, or {} for everyone`)
	}
	return queryIn(body, "body")
}

// sqsAnswer names the messages that SQS must deliver again, until the queue
// moves them to its dead-letter queue. Lambda reads it where the event source
// mapping has ReportBatchItemFailures; elsewhere every message counts as done.
type sqsAnswer struct {
	BatchItemFailures []sqsFailure `json:"batchItemFailures"`
}

type sqsFailure struct {
	ItemIdentifier string `json:"itemIdentifier"`
}
