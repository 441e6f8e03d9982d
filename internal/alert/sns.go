package alert

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"partnerlens/pkg/awsconfig"
	"partnerlens/pkg/core"
)

// A message of SNS is at most 262,144 bytes with its attributes, a subject less than
// 100 ASCII characters (Publish, Amazon SNS API Reference, read November 2026).
const (
	snsMessage = 200_000
	snsSubject = 99
	snsGroup   = 128
	fifo       = ".fifo" // the end of the name of a topic that keeps the order
)

// parseTopic reads arn:aws:sns:REGION:ACCOUNT:NAME.
func parseTopic(text string) (arn.ARN, error) {
	topic, err := arn.Parse(text)
	if err != nil || !strings.HasPrefix(topic.Partition, "aws") || topic.Service != "sns" || !isName(topic.Region) ||
		len(topic.AccountID) != 12 || strings.Trim(topic.AccountID, "0123456789") != "" ||
		len(topic.Resource) > 256 || !isID(strings.TrimSuffix(topic.Resource, fifo)) {
		return arn.ARN{}, errors.New("not the ARN of a topic")
	}
	return topic, nil
}

// sns has the SDK build and sign the request.
func (s *sender) sns(ctx context.Context) (*http.Request, error) {
	to, err := parseTopic(s.channel.URL.Reveal())
	if err != nil {
		return nil, err
	}
	config := awsconfig.New(s.getenv)
	endpoint, err := config.Endpoint("SNS")
	if err != nil {
		return nil, err
	}
	key, err := config.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	var built capture
	_, err = sns.New(sns.Options{
		Region: to.Region, BaseEndpoint: endpoint, HTTPClient: &built, Retryer: aws.NopRetryer{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return key, nil }),
	}).Publish(ctx, s.snsInput(to))
	if built.request == nil {
		return nil, err
	}
	return built.request, nil
}

// capture is an HTTP client that keeps the request and sends none.
type capture struct{ request *http.Request }

func (c *capture) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body) // the SDK closes it
	if err == nil {
		c.request = r.Clone(r.Context())
		c.request.Body = io.NopCloser(bytes.NewReader(body))
	}
	return nil, errors.New("captured")
}

// snsInput is the message: text for people, attributes for filters, the id for de-duplication.
func (s *sender) snsInput(to arn.ARN) *sns.PublishInput {
	text := func(shown int) string { return strings.Join(s.message.lines(shown), "\n") }
	in := &sns.PublishInput{
		TopicArn: aws.String(to.String()), Subject: aws.String(snsSubjectOf(s.selection.message(English).title)),
		Message:           aws.String(text(s.message.fit(snsMessage, func(shown int) int { return len(text(shown)) }))),
		MessageAttributes: make(map[string]types.MessageAttributeValue),
	}
	for name, value := range map[string]string{"delivery": s.id, "function": s.selection.Function, "account": s.selection.Account, "severity": string(s.message.severity)} {
		in.MessageAttributes[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
	}
	if strings.HasSuffix(to.Resource, fifo) {
		in.MessageGroupId = aws.String(cut(s.selection.Function+"-"+s.selection.Account, snsGroup-1))
		in.MessageDeduplicationId = &s.id
	}
	return in
}

// snsSubjectOf is a title as SNS accepts one: ASCII, and short.
func snsSubjectOf(title string) string {
	ascii := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, title)
	return ascii[:min(len(ascii), snsSubject)]
}

// snsAnswers are the errors that SNS documents (Publish, Errors, and Common Error Types,
// read November 2026).
var snsAnswers = []knownAnswer{
	{"AuthorizationError AccessDenied AccessDeniedException", "",
		unusable, core.CodeDenied, "the function's role may not publish; allow sns:Publish for just this topic"},
	{"NotFound", "", unusable, core.CodeMisconfigured, "SNS has no such topic"},
	{"InvalidClientTokenId SignatureDoesNotMatch ExpiredToken UnrecognizedClientException", "",
		unusable, core.CodeDenied, "AWS does not accept the key or the signature"},
	{"KMSAccessDenied KMSDisabled KMSInvalidState KMSNotFound KMSOptInRequired", "",
		unusable, core.CodeDenied, "the topic's encryption key may not be used"},
	{"Throttled Throttling ThrottlingException KMSThrottling", "", retryable, core.CodeThrottled, "SNS accepts no more messages for now"},
}

// readSNS returns what an answer means. An error has its code in <Code>.
func readSNS(status int, body []byte) outcome {
	_, rest, _ := bytes.Cut(body, []byte("<Code>"))
	code, _, _ := bytes.Cut(rest, []byte("</Code>"))
	if o, ok := known(snsAnswers, string(code), "", string(code)); ok && status != http.StatusOK {
		return o
	}
	return fromStatus(status)
}
