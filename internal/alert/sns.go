package alert

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// SNS is one signed POST of its query protocol (Publish, Amazon SNS API
// Reference, 2010-03-31, read November 2026): its own client would be linked into
// every artefact and make every cold start slower. A message is at most 262,144
// bytes with its attributes, a subject less than 100 ASCII characters.
const (
	snsVersion = "2010-03-31"
	snsMessage = 200_000
	snsSubject = 99
	snsGroup   = 128
)

// topic is a parsed ARN.
type topic struct {
	arn, region string
	china, fifo bool
}

// parseTopic reads arn:aws:sns:REGION:ACCOUNT:NAME.
func parseTopic(arn string) (topic, error) {
	parts := strings.Split(arn, ":")
	isPlain := func(text string) bool { return isID(strings.TrimSuffix(text, ".fifo")) }
	if len(parts) != 6 || parts[0] != "arn" || !strings.HasPrefix(parts[1], "aws") || parts[2] != "sns" ||
		!isName(parts[3], 40) || len(parts[4]) != 12 || strings.Trim(parts[4], "0123456789") != "" || len(parts[5]) > 256 || !isPlain(parts[5]) {
		return topic{}, errors.New("not the ARN of a topic")
	}
	return topic{arn, parts[3], parts[1] == "aws-cn", strings.HasSuffix(parts[5], ".fifo")}, nil
}

func (s *sender) sns(ctx context.Context, now time.Time) (*http.Request, error) {
	to, err := parseTopic(s.channel.URL.Reveal())
	if err != nil {
		return nil, &core.Error{Code: core.CodeMisconfigured, Detail: "the channel's topic cannot be used"}
	}
	key := sdk.Credentials{
		AccessKeyID: s.getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: s.getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: s.getenv("AWS_SESSION_TOKEN"),
	}
	if !key.HasKeys() {
		return nil, &core.Error{Code: core.CodeMisconfigured, Detail: "no key to publish with: on Lambda the function's role has one; elsewhere set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"}
	}
	endpoint, err := snsEndpoint(s.getenv, to)
	if err != nil {
		return nil, err
	}
	body := []byte(s.snsForm(to).Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint.String()+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	sum := sha256.Sum256(body)
	return req, v4.NewSigner().SignHTTP(ctx, key, req, hex.EncodeToString(sum[:]), "sns", to.region, now)
}

// snsForm is the message: text for people, attributes for filters, the id for de-duplication.
func (s *sender) snsForm(to topic) url.Values {
	form := url.Values{"Action": {"Publish"}, "Version": {snsVersion}, "TopicArn": {to.arn}}
	text := func(shown int) string { return strings.Join(s.message.lines(shown), "\n") }
	form.Set("Message", text(s.message.fit(snsMessage, func(shown int) int { return len(text(shown)) })))
	form.Set("Subject", snsSubjectOf(s.selection.message(English).title))
	attributes := [][2]string{{"delivery", s.id}, {"function", s.selection.Function}, {"account", s.selection.Account}, {"severity", string(s.message.severity)}}
	for i, a := range attributes {
		at := "MessageAttributes.entry." + strconv.Itoa(i+1)
		form.Set(at+".Name", a[0])
		form.Set(at+".Value.DataType", "String")
		form.Set(at+".Value.StringValue", a[1])
	}
	if to.fifo {
		form.Set("MessageGroupId", cut(s.selection.Function+"-"+s.selection.Account, snsGroup-1))
		form.Set("MessageDeduplicationId", s.id)
	}
	return form
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

// snsEndpoint is the endpoint in AWS's own variables, or that of the topic's region.
func snsEndpoint(getenv func(string) string, to topic) (*url.URL, error) {
	for _, name := range []string{"AWS_ENDPOINT_URL_SNS", "AWS_ENDPOINT_URL"} {
		if address := getenv(name); address != "" {
			return transport.Endpoint(name, address)
		}
	}
	domain := "amazonaws.com"
	if to.china {
		domain += ".cn"
	}
	return transport.Endpoint("AWS_ENDPOINT_URL_SNS", fmt.Sprintf("https://sns.%s.%s", to.region, domain))
}

// readSNS reads the <Code> of an error (Publish, Errors, and Common Error Types,
// read November 2026).
func readSNS(status int, body []byte) (outcome, bool) {
	if status == http.StatusOK {
		return outcome{ok: true}, true
	}
	_, rest, _ := bytes.Cut(body, []byte("<Code>"))
	word, _, found := bytes.Cut(rest, []byte("</Code>"))
	code := string(word)
	switch {
	case !found:
		return outcome{}, false
	case code == "AuthorizationError", code == "AccessDenied", code == "AccessDeniedException":
		return unusable(core.CodeDenied, "the function's role may not publish; allow sns:Publish for just this topic (%s)", code), true
	case code == "NotFound":
		return unusable(core.CodeMisconfigured, "SNS has no such topic (NotFound)"), true
	case code == "InvalidClientTokenId", code == "SignatureDoesNotMatch", code == "ExpiredToken", code == "UnrecognizedClientException":
		return unusable(core.CodeDenied, "AWS does not accept the key or the signature (%s)", code), true
	case strings.HasPrefix(code, "KMS") && code != "KMSThrottling":
		return unusable(core.CodeDenied, "the topic's encryption key may not be used (%s)", code[:min(len(code), 40)]), isID(code)
	case code == "Throttled", code == "Throttling", code == "ThrottlingException", code == "KMSThrottling":
		return retryable(core.CodeThrottled, "SNS accepts no more messages for now (%s)", code), true
	}
	return outcome{}, false
}
