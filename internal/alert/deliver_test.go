package alert

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.uber.org/goleak"

	"partnerlens/pkg/awsconfig/awsconfigtest"
	"partnerlens/pkg/core"
)

func TestMain(m *testing.M) {
	awsconfigtest.Isolate()
	goleak.VerifyTestMain(m)
}

// received is one request as a receiver saw it.
type received struct {
	*http.Request
	body []byte
}

// receiver is a server on this machine that answers by a function.
func receiver(t *testing.T, answer func(w http.ResponseWriter, r received)) (address string, got func() []received) {
	t.Helper()
	var mu sync.Mutex
	var all []received
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen := received{r, body}
		mu.Lock()
		all = append(all, seen)
		mu.Unlock()
		answer(w, seen)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []received {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}

func reply(text string) func(http.ResponseWriter, received) {
	return func(w http.ResponseWriter, _ received) { io.WriteString(w, text) }
}

const (
	pathKey = "/services/T000/B000/planted-path"
	hmacKey = "planted-secret"
)

func channelOf(kind ChannelType, address string) Channel {
	c := Channel{Name: "ops", Type: kind, URL: core.NewSecret(address + pathKey + "?access_token=planted-query"), Language: English, MinSeverity: Info}
	if kind.signs() {
		c.Secret = core.NewSecret(hmacKey)
	}
	if kind == SNS {
		c.URL = core.NewSecret("arn:aws:sns:eu-central-1:123456789012:alerts.fifo")
	}
	return c
}

// deliverTo delivers to one channel and checks that the result holds no secret.
func deliverTo(t *testing.T, ctx context.Context, c Channel, d *Digest, opts DeliverOptions) Delivery {
	t.Helper()
	got := (&Config{Channels: []Channel{c}}).Deliver(ctx, d, opts)
	if len(got) != 1 {
		t.Fatalf("%d deliveries", len(got))
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"planted", "127.0.0.1", "answered-body"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the delivery shows %s: %s", secret, text)
		}
	}
	if got[0].Channel != "ops" || got[0].Type != c.Type || got[0].ID != DeliveryID(d.Summary, "ops", "") || got[0].At.IsZero() {
		t.Errorf("%+v", got[0])
	}
	return got[0]
}

// Each channel's request is checked by what the vendor documents, not by this package.
func TestDeliverToEachChannel(t *testing.T) {
	t.Parallel()
	mac := func(key, text string) []byte {
		sum := hmac.New(sha256.New, []byte(key))
		io.WriteString(sum, text)
		return sum.Sum(nil)
	}
	fresh := func(text string, unit time.Duration) error {
		n, err := strconv.ParseInt(text, 10, 64)
		if at := time.Unix(0, n*int64(unit)); err != nil || time.Since(at).Abs() > time.Minute {
			return fmt.Errorf("the time is %q", text)
		}
		return nil
	}
	for kind, check := range map[ChannelType]struct {
		answer string
		verify func(r received) error
	}{
		Webhook: {"", func(r received) error {
			t, v1, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("X-Partnerlens-Signature"), "t="), ",v1=")
			if v1 != hex.EncodeToString(mac(hmacKey, t+"."+string(r.body))) {
				return errors.New("the signature does not match")
			}
			var event struct {
				SpecVersion     string `json:"specversion"`
				ID              string `json:"id"`
				Source          string `json:"source"`
				Type            string `json:"type"`
				Time            string `json:"time"`
				DataContentType string `json:"datacontenttype"`
				Data            struct {
					Function string         `json:"function"`
					Total    int            `json:"total"`
					Counts   map[string]int `json:"counts"`
					Alerts   []Alert        `json:"alerts"`
				} `json:"data"`
			}
			if err := json.Unmarshal(r.body, &event); err != nil {
				return err
			}
			if event.SpecVersion != "1.0" || event.ID != r.Header.Get("X-Partnerlens-Delivery") || event.Source != "/partnerlens/credit/main" || event.Type != "partnerlens.digest/v1" ||
				event.Time != "2026-11-22T01:00:00Z" || event.DataContentType != "application/json" || r.Header.Get("Content-Type") != "application/cloudevents+json; charset=utf-8" {
				return fmt.Errorf("the envelope is %+v", event)
			}
			if event.Data.Function != "credit" || event.Data.Total != 300 || len(event.Data.Alerts) != 200 || event.Data.Counts["credit_forced"] != 17 || event.Data.Alerts[0].Kind != PartnerLow {
				return fmt.Errorf("the data is %d, %d, %v", event.Data.Total, len(event.Data.Alerts), event.Data.Counts)
			}
			if r.Header.Get("Webhook-Id") != event.ID {
				return fmt.Errorf("the id is %s", r.Header.Get("Webhook-Id"))
			}
			return errors.Join(fresh(t, time.Second), verifyStandard(hmacKey, r))
		}},
		Teams: {"", func(r received) error {
			var body struct {
				Type        string `json:"type"`
				Attachments []struct {
					ContentType string         `json:"contentType"`
					Content     map[string]any `json:"content"`
				} `json:"attachments"`
			}
			if err := json.Unmarshal(r.body, &body); err != nil || body.Type != "message" || len(body.Attachments) != 1 || len(r.body) > 28<<10 ||
				body.Attachments[0].ContentType != "application/vnd.microsoft.card.adaptive" || body.Attachments[0].Content["type"] != "AdaptiveCard" {
				return fmt.Errorf("%w, %s", err, r.body)
			}
			return nil
		}},
		Slack: {"ok", func(r received) error {
			var body struct {
				Text   string `json:"text"`
				Blocks []any  `json:"blocks"`
			}
			if err := json.Unmarshal(r.body, &body); err != nil || body.Text == "" || len(body.Blocks) < 2 || len(body.Blocks) > 50 {
				return fmt.Errorf("%w, %s", err, r.body)
			}
			return nil
		}},
		Feishu: {`{"code":0,"msg":"success","data":{}}`, func(r received) error {
			var body struct {
				Timestamp string         `json:"timestamp"`
				Sign      string         `json:"sign"`
				MsgType   string         `json:"msg_type"`
				Card      map[string]any `json:"card"`
			}
			if err := json.Unmarshal(r.body, &body); err != nil || body.MsgType != "interactive" || len(body.Card) == 0 || len(r.body) > 20_000 {
				return fmt.Errorf("%w, %s", err, r.body)
			}
			if body.Sign != base64.StdEncoding.EncodeToString(mac(body.Timestamp+"\n"+hmacKey, "")) {
				return errors.New("the signature does not match")
			}
			return fresh(body.Timestamp, time.Second)
		}},
		DingTalk: {`{"errcode":0,"errmsg":"ok"}`, func(r received) error {
			query := r.URL.Query()
			if query.Get("access_token") != "planted-query" || query.Get("sign") != base64.StdEncoding.EncodeToString(mac(hmacKey, query.Get("timestamp")+"\n"+hmacKey)) {
				return fmt.Errorf("the query is %s", r.URL.RawQuery)
			}
			var body struct {
				MsgType  string            `json:"msgtype"`
				Markdown map[string]string `json:"markdown"`
			}
			if err := json.Unmarshal(r.body, &body); err == nil && (body.MsgType != "markdown" || body.Markdown["title"] == "" || body.Markdown["text"] == "" || len(r.body) > 20_000) {
				return fmt.Errorf("%s", r.body)
			}
			return fresh(query.Get("timestamp"), time.Millisecond)
		}},
		WeCom: {`{"errcode":0,"errmsg":"ok"}`, func(r received) error {
			var body struct {
				MsgType  string            `json:"msgtype"`
				Markdown map[string]string `json:"markdown"`
			}
			if err := json.Unmarshal(r.body, &body); err != nil || body.MsgType != "markdown" || len(body.Markdown["content"]) > 4096 {
				return fmt.Errorf("%w, %s", err, r.body)
			}
			return nil
		}},
		SNS: {"<PublishResponse><PublishResult><MessageId>x</MessageId></PublishResult></PublishResponse>", verifySNS},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			address, got := receiver(t, reply(check.answer))
			env := map[string]string{"AWS_ENDPOINT_URL_SNS": address, "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "planted-aws-key", "AWS_SESSION_TOKEN": "token"}
			d := deliverTo(t, t.Context(), channelOf(kind, address), digestOf(300), DeliverOptions{Getenv: func(name string) string { return env[name] }})
			if d.State != Delivered || d.Tries != 1 || d.Code != "" || d.Detail != "" {
				t.Fatalf("%+v", d)
			}
			all := got()
			if len(all) != 1 || all[0].Method != http.MethodPost || kind != SNS && all[0].URL.Path != pathKey {
				t.Fatalf("%d requests, %s", len(all), all[0].URL)
			}
			if err := check.verify(all[0]); err != nil {
				t.Error(err)
			}
		})
	}
}

// verifyStandard verifies a request with the library of Standard Webhooks.
func verifyStandard(secret string, r received) error {
	verifier, err := standardwebhooks.NewWebhookRaw([]byte(secret))
	if strings.HasPrefix(secret, "whsec_") {
		verifier, err = standardwebhooks.NewWebhook(secret)
	}
	if err != nil {
		return err
	}
	return verifier.Verify(r.body, r.Header)
}

func TestStandardWebhooks(t *testing.T) {
	t.Parallel()
	address, got := receiver(t, reply(""))
	for i, secret := range []string{"plain planted", "whsec_" + base64.StdEncoding.EncodeToString([]byte("planted bytes \x00\xff")), ""} {
		c := channelOf(Webhook, address)
		c.Secret = core.NewSecret(secret)
		if d := deliverTo(t, t.Context(), c, digestOf(3), DeliverOptions{}); d.State != Delivered {
			t.Fatalf("%+v", d)
		}
		r := got()[i]
		if err := verifyStandard(secret, r); (err == nil) != (secret != "") {
			t.Errorf("%q: %v", secret, err)
		}
		if secret == "" && (r.Header.Get("Webhook-Id") == "" || r.Header.Get("Webhook-Timestamp") == "") {
			t.Errorf("without a secret: %v", r.Header)
		}
		r.body[0] ^= 1
		if verifyStandard(secret, r) == nil {
			t.Error("another body is verified")
		}
	}
	for _, secret := range []string{"whsec_planted!", "whsec_"} {
		c := channelOf(Webhook, address)
		c.Secret = core.NewSecret(secret)
		if d := deliverTo(t, t.Context(), c, digestOf(3), DeliverOptions{}); d.State != Failed || d.Code != core.CodeMisconfigured || !strings.Contains(d.Detail, "base64") {
			t.Errorf("%+v", d)
		}
	}
}

// verifySNS derives the signature by the steps of "Create a signed AWS API
// request" (AWS General Reference, read November 2026).
func verifySNS(r received) error {
	form, err := url.ParseQuery(string(r.body))
	attributes := make(map[string]string)
	for i := 1; form.Has(fmt.Sprintf("MessageAttributes.entry.%d.Name", i)); i++ {
		entry := fmt.Sprintf("MessageAttributes.entry.%d.", i)
		attributes[form.Get(entry+"Name")] = form.Get(entry + "Value.StringValue")
	}
	if err != nil || form.Get("Action") != "Publish" || form.Get("Version") != "2010-03-31" || form.Get("TopicArn") != "arn:aws:sns:eu-central-1:123456789012:alerts.fifo" ||
		form.Get("MessageGroupId") != "credit-main" || form.Get("MessageDeduplicationId") == "" || form.Get("MessageDeduplicationId") != attributes["delivery"] || attributes["function"] != "credit" ||
		len(form.Get("Subject")) > 99 || !strings.HasPrefix(form.Get("Subject"), "partnerlens") || !strings.Contains(form.Get("Message"), "🔴") {
		return fmt.Errorf("%w, %v", err, form)
	}
	var credential, signed, signature string
	for part := range strings.SplitSeq(strings.TrimPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 "), ", ") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "Credential":
			credential = value
		case "SignedHeaders":
			signed = value
		case "Signature":
			signature = value
		}
	}
	_, scope, _ := strings.Cut(credential, "/")
	parts := strings.Split(scope, "/")
	if len(parts) != 4 || parts[1] != "eu-central-1" || parts[2] != "sns" || r.Header.Get("X-Amz-Security-Token") != "token" {
		return fmt.Errorf("the scope is %s", credential)
	}
	canonical := "POST\n/\n\n"
	for name := range strings.SplitSeq(signed, ";") {
		value := r.Header.Get(name)
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = strconv.FormatInt(r.ContentLength, 10)
		}
		canonical += name + ":" + value + "\n"
	}
	hash := func(text string) string { sum := sha256.Sum256([]byte(text)); return hex.EncodeToString(sum[:]) }
	canonical += "\n" + signed + "\n" + hash(string(r.body))
	text := "AWS4-HMAC-SHA256\n" + r.Header.Get("X-Amz-Date") + "\n" + scope + "\n" + hash(canonical)
	key := []byte("AWS4planted-aws-key")
	for _, part := range append(parts, text) {
		sum := hmac.New(sha256.New, key)
		io.WriteString(sum, part)
		key = sum.Sum(nil)
	}
	if hex.EncodeToString(key) != signature {
		return errors.New("the signature does not match")
	}
	return nil
}

// roundTripFunc answers without a socket, so that waits take no time in a synctest bubble.
type roundTripFunc func(r *http.Request) (*http.Response, error)

func (t roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func answer(status int, body string, header ...string) *http.Response {
	resp := &http.Response{StatusCode: status, Header: make(http.Header), Body: io.NopCloser(strings.NewReader(body))}
	for i := 0; i+1 < len(header); i += 2 {
		resp.Header.Set(header[i], header[i+1])
	}
	return resp
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	const other = "answered-body of another server"
	for _, test := range []struct {
		kind   ChannelType
		status int
		body   string
		state  DeliveryState
		code   core.Code
		tries  int
		detail string
	}{
		{Webhook, 200, other, Delivered, "", 1, ""},
		{Webhook, 202, "", Delivered, "", 1, ""},
		{Webhook, 204, "", Delivered, "", 1, ""},
		{Webhook, 302, "", Failed, core.CodeMisconfigured, 1, "redirects elsewhere (HTTP 302)"},
		{Webhook, 307, "", Failed, core.CodeMisconfigured, 1, "redirects elsewhere"},
		{Webhook, 400, other, Refused, core.CodeUpstream, 1, "HTTP 400"},
		{Webhook, 401, other, Failed, core.CodeDenied, 1, "HTTP 401"},
		{Webhook, 403, other, Failed, core.CodeDenied, 1, "HTTP 403"},
		{Webhook, 404, other, Failed, core.CodeMisconfigured, 1, "HTTP 404"},
		{Webhook, 405, other, Failed, core.CodeMisconfigured, 1, "HTTP 405"},
		{Webhook, 407, other, Failed, core.CodeDenied, 1, "HTTP 407"},
		{Webhook, 413, other, Refused, core.CodeUpstream, 1, "HTTP 413"},
		{Webhook, 422, other, Refused, core.CodeUpstream, 1, "HTTP 422"},
		{Webhook, 408, other, Failed, core.CodeUnavailable, 4, "HTTP 408"},
		{Webhook, 410, other, Failed, core.CodeMisconfigured, 1, "HTTP 410"},
		{Webhook, 429, other, Failed, core.CodeThrottled, 4, "HTTP 429"},
		{Webhook, 500, other, Failed, core.CodeUnavailable, 4, "HTTP 500"},
		{Webhook, 503, other, Failed, core.CodeUnavailable, 4, "HTTP 503"},
		{Slack, 200, "ok", Delivered, "", 1, ""},
		{Slack, 200, other, Failed, core.CodeUpstream, 1, "not one of Slack"},
		{Slack, 404, "no_service", Failed, core.CodeMisconfigured, 1, "(no_service)"},
		{Slack, 400, "invalid_blocks", Refused, core.CodeUpstream, 1, "(invalid_blocks)"},
		{Slack, 403, "action_prohibited", Failed, core.CodeDenied, 1, "(action_prohibited)"},
		{Slack, 429, "rate_limited", Failed, core.CodeThrottled, 4, "(rate_limited)"},
		{Slack, 500, "rollup_error", Failed, core.CodeUnavailable, 4, "(rollup_error)"},
		{Slack, 403, "no_active_hooks", Failed, core.CodeMisconfigured, 1, "(no_active_hooks)"},
		{Slack, 403, "team_disabled", Failed, core.CodeDenied, 1, "(team_disabled)"},
		{Slack, 400, "user_not_found", Failed, core.CodeMisconfigured, 1, "(user_not_found)"},
		{Teams, 202, "", Delivered, "", 1, ""},
		{Teams, 200, "1", Delivered, "", 1, ""},
		{Teams, 200, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429", Failed, core.CodeThrottled, 4, "HTTP 200"},
		{Teams, 200, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413", Refused, core.CodeUpstream, 1, "of a workflow"},
		{Teams, 400, `{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"answered-body"}}`, Failed, core.CodeMisconfigured, 1, "switched off"},
		{Teams, 400, `{"error":{"code":"TriggerInputSchemaMismatch","message":"answered-body"}}`, Refused, core.CodeUpstream, 1, "HTTP 400"},
		{Teams, 401, other, Failed, core.CodeDenied, 1, "copy it anew"},
		{Teams, 404, other, Failed, core.CodeMisconfigured, 1, "HTTP 404"},
		{Teams, 413, other, Refused, core.CodeUpstream, 1, "HTTP 413"},
		{Teams, 429, "", Failed, core.CodeThrottled, 4, "HTTP 429"},
		{Teams, 502, other, Failed, core.CodeUnavailable, 4, "HTTP 502"},
		{Feishu, 200, `{"code":0}`, Delivered, "", 1, ""},
		{Feishu, 200, `{"StatusCode":0,"StatusMessage":"success"}`, Delivered, "", 1, ""},
		{Feishu, 200, `{"code":19021,"msg":"answered-body"}`, Failed, core.CodeDenied, 1, "19021"},
		{Feishu, 200, `{"code":19022}`, Failed, core.CodeDenied, 1, "19022"},
		{Feishu, 200, `{"code":19024}`, Refused, core.CodeDenied, 1, "keywords"},
		{Feishu, 200, `{"code":11232,"msg":"answered-body"}`, Failed, core.CodeThrottled, 4, "11232"},
		{Feishu, 400, `{"code":99991400}`, Failed, core.CodeThrottled, 4, "99991400"},
		{Feishu, 200, `{"code":9499,"msg":"Bad Request"}`, Refused, core.CodeUpstream, 1, "9499"},
		{Feishu, 400, `{"code":9499,"msg":"too many request","data":{}}`, Failed, core.CodeThrottled, 4, "9499"},
		{Feishu, 200, `{"StatusCode":0,"StatusMessage":"","code":9499,"msg":"too many request"}`, Failed, core.CodeThrottled, 4, "9499"},
		{Feishu, 200, `{"code":7,"msg":"frequency limited psm[x]answered-body"}`, Failed, core.CodeThrottled, 4, "code 7"},
		{Feishu, 200, `{"StatusCode":0,"code":19007,"msg":"Bot Not Enabled"}`, Failed, core.CodeMisconfigured, 1, "switched off (code 19007)"},
		{Feishu, 200, `<html>`, Failed, core.CodeUpstream, 1, "not one of Feishu"},
		{Feishu, 200, `{}`, Failed, core.CodeUpstream, 1, "not one of Feishu"},
		{Feishu, 502, `<html>`, Failed, core.CodeUnavailable, 4, "HTTP 502"},
		{Feishu, 500, `{"code":2200}`, Failed, core.CodeUnavailable, 4, "HTTP 500"},
		{DingTalk, 200, `{"errcode":0}`, Delivered, "", 1, ""},
		{DingTalk, 200, `{"errcode":310000,"errmsg":"answered-body"}`, Refused, core.CodeDenied, 1, "310000"},
		{DingTalk, 200, `{"errcode":310000,"errmsg":"keywords not in content"}`, Refused, core.CodeDenied, 1, "keywords"},
		{DingTalk, 200, `{"errcode":310000,"errmsg":"sign not match"}`, Failed, core.CodeDenied, 1, "signature"},
		{DingTalk, 200, `{"errcode":310000,"errmsg":"ip 192.0.2.1 not in whitelist"}`, Failed, core.CodeDenied, 1, "address list"},
		{DingTalk, 200, `{"errcode":310000,"errmsg":17}`, Refused, core.CodeDenied, 1, "310000"},
		{DingTalk, 200, `{"errcode":130101}`, Failed, core.CodeThrottled, 4, "130101"},
		{DingTalk, 200, `{"errcode":410100}`, Failed, core.CodeThrottled, 4, "410100"},
		{DingTalk, 200, `{"errcode":90030,"errmsg":"webhook over limit"}`, Failed, core.CodeThrottled, 4, "90030"},
		{DingTalk, 200, `{"errcode":450101,"errmsg":"send too fast answered-body"}`, Failed, core.CodeThrottled, 4, "450101"},
		{DingTalk, 200, `{"errcode":400101,"errmsg":"answered-body"}`, Failed, core.CodeMisconfigured, 1, "copy the robot's whole webhook address anew"},
		{DingTalk, 200, `{"errcode":300005}`, Failed, core.CodeMisconfigured, 1, "copy the robot's whole webhook address anew"},
		{DingTalk, 200, `{"errcode":400102}`, Failed, core.CodeMisconfigured, 1, "switched off"},
		{DingTalk, 200, `{"errcode":400106}`, Failed, core.CodeMisconfigured, 1, "no longer in the group"},
		{DingTalk, 200, `{"errcode":400013}`, Failed, core.CodeMisconfigured, 1, "dissolved"},
		{DingTalk, 200, `{"errcode":430102}`, Refused, core.CodeUpstream, 1, "content check"},
		{DingTalk, 200, `{"errcode":40035,"errmsg":"message too long, exceed 20000 bytes"}`, Refused, core.CodeUpstream, 1, "40035"},
		{DingTalk, 200, `{"errcode":-1}`, Failed, core.CodeUnavailable, 4, "-1"},
		{DingTalk, 200, `{"errcode":460101}`, Refused, core.CodeUpstream, 1, "460101"},
		{WeCom, 200, `{"errcode":0}`, Delivered, "", 1, ""},
		{WeCom, 200, `{"errcode":93000}`, Failed, core.CodeMisconfigured, 1, "93000"},
		{WeCom, 200, `{"errcode":45009}`, Failed, core.CodeThrottled, 4, "45009"},
		{WeCom, 200, `{"errcode":45033}`, Failed, core.CodeThrottled, 4, "45033"},
		{WeCom, 200, `{"errcode":6000}`, Failed, core.CodeUnavailable, 4, "6000"},
		{WeCom, 200, `{"errcode":93004}`, Failed, core.CodeMisconfigured, 1, "switched off"},
		{WeCom, 200, `{"errcode":45011,"errmsg":"api minute-quota reach limit, api freq out of limit"}`, Failed, core.CodeThrottled, 4, "45011"},
		{WeCom, 200, `{"errcode":40058,"errmsg":"answered-body"}`, Refused, core.CodeUpstream, 1, "40058"},
		{SNS, 200, "", Delivered, "", 1, ""},
		{SNS, 403, "<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>answered-body</Message></Error></ErrorResponse>", Failed, core.CodeDenied, 1, "sns:Publish"},
		{SNS, 404, "<Error><Code>NotFound</Code></Error>", Failed, core.CodeMisconfigured, 1, "no such topic"},
		{SNS, 400, "<Error><Code>Throttling</Code></Error>", Failed, core.CodeThrottled, 4, "Throttling"},
		{SNS, 400, "<Error><Code>KMSDisabled</Code></Error>", Failed, core.CodeDenied, 1, "KMSDisabled"},
		{SNS, 400, "<Error><Code>KMS answered-body</Code></Error>", Refused, core.CodeUpstream, 1, "HTTP 400"},
		{SNS, 500, "<Error><Code>InternalError</Code></Error>", Failed, core.CodeUnavailable, 4, "HTTP 500"},
	} {
		t.Run(fmt.Sprintf("%s/%d/%.30s", test.kind, test.status, test.body), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				env := map[string]string{"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "planted"}
				d := deliverTo(t, t.Context(), channelOf(test.kind, "https://host.example"), digestOf(3), DeliverOptions{
					Getenv: func(name string) string { return env[name] },
					Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
						if test.kind == SNS && r.URL.Host != "sns.eu-central-1.amazonaws.com" {
							t.Errorf("goes to %s", r.URL.Host)
						}
						return answer(test.status, test.body, "Location", "https://elsewhere.example/"), nil
					}),
				})
				if d.State != test.state || d.Code != test.code || d.Tries != test.tries || !strings.Contains(d.Detail, test.detail) || test.detail == "" && d.Detail != "" {
					t.Errorf("%+v", d)
				}
				// A refusal of one message affects no other.
				reach := map[DeliveryState]Reach{Failed: ReachChannel}[test.state]
				if test.status >= 500 {
					reach = ReachServer
				}
				if d.Reach != reach {
					t.Errorf("reaches %d, want %d", d.Reach, reach)
				}
			})
		})
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	// try returns the delivery, the time of each try since the start, and the time of all.
	try := func(t *testing.T, within time.Duration, rt func(try int, r *http.Request) (*http.Response, error)) (Delivery, []time.Duration, time.Duration) {
		ctx := t.Context()
		if within > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, within)
			defer cancel()
		}
		start := time.Now()
		var at []time.Duration
		var ids []string
		d := deliverTo(t, ctx, channelOf(Webhook, "https://host.example"), digestOf(3), DeliverOptions{Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
			at = append(at, time.Since(start))
			ids = append(ids, r.Header.Get("X-Partnerlens-Delivery"))
			return rt(len(at), r)
		})})
		if slices.ContainsFunc(ids, func(id string) bool { return id != d.ID }) {
			t.Errorf("ids %q of %s", ids, d.ID)
		}
		return d, at, time.Since(start)
	}
	between := func(t *testing.T, what string, got, low, high time.Duration) {
		t.Helper()
		if got < low || got > high {
			t.Errorf("%s after %s, not between %s and %s", what, got, low, high)
		}
	}
	hang := func(_ int, r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	for name, test := range map[string]func(t *testing.T){
		"waits longer each time": func(t *testing.T) {
			d, at, _ := try(t, 0, func(n int, _ *http.Request) (*http.Response, error) {
				if n == 4 {
					return answer(200, ""), nil
				}
				return nil, &url.Error{Op: "Post", URL: "https://host.example/planted", Err: errors.New("connection reset planted")}
			})
			if d.State != Delivered || d.Tries != 4 || d.Code != "" || d.Detail != "" {
				t.Errorf("%+v", d)
			}
			between(t, "the second", at[1]-at[0], 750*time.Millisecond, 1250*time.Millisecond)
			between(t, "the third", at[2]-at[1], 1500*time.Millisecond, 2500*time.Millisecond)
			between(t, "the fourth", at[3]-at[2], 3*time.Second, 5*time.Second)
		},
		"cannot be reached": func(t *testing.T) {
			d, _, _ := try(t, 0, func(int, *http.Request) (*http.Response, error) { return nil, errors.New("dial tcp planted") })
			if d.State != Failed || d.Tries != 4 || d.Detail != "it cannot be reached" {
				t.Errorf("%+v", d)
			}
		},
		"waits as long as it is asked to": func(t *testing.T) {
			d, at, _ := try(t, 0, func(n int, _ *http.Request) (*http.Response, error) {
				if n == 1 {
					return answer(429, "", "Retry-After", "17"), nil
				}
				return answer(200, ""), nil
			})
			if d.State != Delivered || d.Tries != 2 || at[1] != 17*time.Second {
				t.Errorf("%+v after %s", d, at)
			}
		},
		"until a date": func(t *testing.T) {
			d, at, _ := try(t, 0, func(n int, _ *http.Request) (*http.Response, error) {
				if n == 1 {
					return answer(503, "", "Retry-After", time.Now().Add(20*time.Second).UTC().Format(http.TimeFormat)), nil
				}
				return answer(200, ""), nil
			})
			if d.State != Delivered {
				t.Errorf("%+v", d)
			}
			between(t, "the second", at[1], 19*time.Second, 20*time.Second)
		},
		"not for an hour": func(t *testing.T) {
			d, _, took := try(t, 0, func(int, *http.Request) (*http.Response, error) { return answer(429, "", "Retry-After", "3600"), nil })
			if d.State != Failed || d.Tries != 1 || took != 0 || !strings.Contains(d.Detail, "longer than a run can") {
				t.Errorf("%+v after %s", d, took)
			}
		},
		"a server that hangs": func(t *testing.T) {
			d, _, took := try(t, 0, hang)
			if d.State != Failed || d.Tries != 4 || d.Code != core.CodeUnavailable || !strings.Contains(d.Detail, "no answer within 10s") {
				t.Errorf("%+v", d)
			}
			between(t, "all", took, 45*time.Second, 49*time.Second)
		},
		"a server that hangs, and little time": func(t *testing.T) {
			d, _, took := try(t, 13*time.Second, hang)
			if d.State != Failed || d.Tries != 1 || d.Code != core.CodeDeadline || took != 8*time.Second { // less the reserve
				t.Errorf("%+v after %s", d, took)
			}
		},
		"no time for another try": func(t *testing.T) {
			d, _, took := try(t, 15*time.Second, func(int, *http.Request) (*http.Response, error) { return answer(503, "", "Retry-After", "30"), nil })
			if d.State != Failed || d.Tries != 1 || took != 0 || !strings.Contains(d.Detail, "no time to try again") {
				t.Errorf("%+v after %s", d, took)
			}
		},
		"no time at all": func(t *testing.T) {
			d, at, took := try(t, 4*time.Second, func(int, *http.Request) (*http.Response, error) { return answer(200, ""), nil })
			if d.State != Failed || d.Tries != 0 || len(at) != 0 || took != 0 || d.Code != core.CodeDeadline {
				t.Errorf("%+v after %s", d, took)
			}
		},
		"canceled while it waits": func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(500*time.Millisecond, cancel)
			start := time.Now()
			d := deliverTo(t, ctx, channelOf(Webhook, "https://host.example"), digestOf(3), DeliverOptions{Transport: roundTripFunc(func(*http.Request) (*http.Response, error) { return answer(500, ""), nil })})
			if d.State != Failed || d.Tries != 1 || time.Since(start) != 500*time.Millisecond {
				t.Errorf("%+v after %s", d, time.Since(start))
			}
		},
		"a body that breaks off": func(t *testing.T) {
			d, _, _ := try(t, 0, func(n int, _ *http.Request) (*http.Response, error) {
				resp := answer(200, "")
				if n == 1 {
					resp.Body = io.NopCloser(io.MultiReader(strings.NewReader("answered-body"), brokenReader{}))
				}
				return resp, nil
			})
			if d.State != Delivered || d.Tries != 2 {
				t.Errorf("%+v", d)
			}
		},
		"a panic is the message's own": func(t *testing.T) {
			d, _, _ := try(t, 0, func(int, *http.Request) (*http.Response, error) { panic("planted") })
			if d.State != Failed || d.Reach != ReachMessage || d.Code != core.CodeInternal || d.Detail != "internal error" {
				t.Errorf("%+v", d)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, test)
		})
	}
}

// Addresses are resolved per channel: a temporary failure of the secret store is retried, a
// permanent one fails its channel alone.
func TestAddressesAreResolvedPerChannel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		config := new(Config)
		for _, name := range []string{"good", "slow", "wrong", "insecure"} {
			config.Channels = append(config.Channels, Channel{Name: name, Type: Webhook, URL: core.NewSecret("env:" + name)})
		}
		var asked atomic.Int32
		got := config.Deliver(t.Context(), digestOf(3), DeliverOptions{
			Transport: roundTripFunc(func(*http.Request) (*http.Response, error) { return answer(200, ""), nil }),
			Resolve: func(_ context.Context, texts map[string]string) (map[string]string, error) {
				for name, text := range texts {
					switch {
					case text == "env:wrong":
						return nil, &core.Error{Code: core.CodeMisconfigured, Param: name, Detail: "the variable is not set"}
					case text == "env:insecure":
						return map[string]string{name: "http://host.example/planted"}, nil
					case text == "env:slow" && asked.Add(1) < 3:
						return nil, &core.Error{Code: core.CodeUnavailable, Param: name, Detail: "no answer"}
					}
					return map[string]string{name: "https://host.example/planted"}, nil
				}
				return texts, nil
			},
		})
		var states []string
		for _, d := range got {
			states = append(states, fmt.Sprintf("%s %s after %d: %s", d.Channel, d.State, d.Tries, d.Code))
			if strings.Contains(d.Detail, "planted") {
				t.Errorf("%+v", d)
			}
		}
		if want := []string{"good delivered after 1: ", "slow delivered after 3: ", "wrong failed after 1: misconfigured", "insecure failed after 1: misconfigured"}; !slices.Equal(states, want) {
			t.Errorf("%q, want %q", states, want)
		}
	})
}

// However many accounts share a robot, it gets no more messages a minute than its vendor
// accepts; a throttled robot is tried again after a minute.
func TestPace(t *testing.T) {
	t.Parallel()
	for kind, most := range map[ChannelType]int{DingTalk: 20, WeCom: 20, Feishu: 100, Slack: 61, Teams: 240, Webhook: 1000} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const accounts = 25
				var mu sync.Mutex
				var at []time.Time
				pace, answers := new(Pace), map[ChannelType]string{Feishu: `{"code":0}`, Slack: "ok"}
				opts := DeliverOptions{Pace: pace, Transport: roundTripFunc(func(*http.Request) (*http.Response, error) {
					mu.Lock()
					defer mu.Unlock()
					at = append(at, time.Now())
					return answer(200, cmp.Or(answers[kind], `{"errcode":0}`)), nil
				})}
				var under sync.WaitGroup
				for range accounts {
					under.Go(func() {
						if d := deliverTo(t, t.Context(), channelOf(kind, "https://host.example"), digestOf(3), opts); d.State != Delivered {
							t.Errorf("%+v", d)
						}
					})
				}
				under.Wait()
				for i := range at {
					if n := i + most; n < len(at) && at[n].Sub(at[i]) <= time.Minute {
						t.Errorf("%d messages within %s", most+1, at[n].Sub(at[i]))
					}
				}
				if len(at) != accounts {
					t.Errorf("%d messages", len(at))
				}
			})
		})
	}
	for _, throttled := range []struct {
		kind   ChannelType
		answer string
	}{
		{DingTalk, `{"errcode":410100}`}, {DingTalk, `{"errcode":130101}`}, {WeCom, `{"errcode":45009}`}, {Feishu, `{"code":9499,"msg":"too many request"}`},
	} {
		synctest.Test(t, func(t *testing.T) {
			tries, start := 0, time.Now()
			d := deliverTo(t, t.Context(), channelOf(throttled.kind, "https://host.example"), digestOf(3), DeliverOptions{Transport: roundTripFunc(func(*http.Request) (*http.Response, error) {
				if tries++; tries == 1 {
					return answer(200, throttled.answer), nil
				}
				return answer(200, `{"errcode":0,"code":0}`), nil
			})})
			if d.State != Delivered || d.Tries != 2 || time.Since(start) < time.Minute {
				t.Errorf("%s: %+v after %s", throttled.answer, d, time.Since(start))
			}
		})
	}
}

// Only due deliveries are made, with the ids that they have.
func TestDeliverDue(t *testing.T) {
	t.Parallel()
	config := new(Config)
	for _, name := range []string{"a", "b", "c"} {
		config.Channels = append(config.Channels, Channel{Name: name, Type: Webhook, URL: core.NewSecret("https://host.example")})
	}
	var ids []string
	var done []Delivery
	due := []Delivery{{Channel: "b", ID: "of-another-version", State: Failed, Tries: 3}, {Channel: "gone", ID: "x", State: Failed}, {Channel: "c", State: Skipped}}
	got := config.Deliver(t.Context(), digestOf(3), DeliverOptions{Due: due, Done: func(d Delivery) { done = append(done, d) },
		Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
			ids = append(ids, r.Header.Get("X-Partnerlens-Delivery"))
			return answer(200, ""), nil
		})})
	if !slices.Equal(ids, []string{"of-another-version"}) || len(got) != 3 || got[0].State != Delivered || got[0].Tries != 4 || got[1] != due[1] || got[2] != due[2] {
		t.Errorf("%q, %+v", ids, got)
	}
	if len(done) != 1 || done[0] != got[0] {
		t.Errorf("done: %+v", done)
	}
	if !config.HasChannel("a", "main") || config.HasChannel("d", "main") {
		t.Error("Hears")
	}
}

// Two deployments, a new store and a repeated run share neither ids nor the source.
func TestDeliveryIDsAreUnique(t *testing.T) {
	t.Parallel()
	seen := make(map[string]string)
	for _, s := range []Summary{
		{Function: "credit", Account: "main", Run: "2026-11-22"},
		{Function: "credit", Account: "main", Run: "2026-11-22", Store: "one"},
		{Function: "credit", Account: "main", Run: "2026-11-22", Store: "two"},
		{Function: "credit", Account: "main", Run: "2026-11-22", Store: "two", Attempt: "first"},
		{Function: "credit", Account: "main", Run: "2026-11-22", Store: "two", Attempt: "second"},
		{Function: "tags", Account: "main", Run: "2026-11-22", Store: "two", Attempt: "second"},
	} {
		d := NewDigest(s)
		d.Add(alertNumber(0))
		source := ""
		deliverTo(t, t.Context(), channelOf(Webhook, "https://host.example"), d, DeliverOptions{Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
			var event struct {
				Source string `json:"source"`
			}
			body, _ := io.ReadAll(r.Body)
			if err := json.Unmarshal(body, &event); err != nil {
				t.Error(err)
			}
			source = event.Source
			return answer(200, ""), nil
		})})
		for _, id := range []string{DeliveryID(s, "ops", ""), source} {
			if other, ok := seen[id]; ok {
				t.Errorf("%s is of %s and of %+v", id, other, s)
			}
			seen[id] = fmt.Sprintf("%+v", s)
		}
	}
}

// Deliveries that a mistake in the setting prevents are planned once it is right.
func TestPlanAndExpand(t *testing.T) {
	t.Parallel()
	channel := func(name string, kinds ...Kind) Channel {
		return Channel{Name: name, Type: Webhook, URL: core.NewSecret("https://host.example"), Kinds: kinds}
	}
	states := func(all []Delivery) (texts []string) {
		for _, d := range all {
			texts = append(texts, d.Channel+" "+string(d.State))
		}
		return texts
	}
	d := digestOf(3)
	broken := &Config{Channels: []Channel{channel("ops")}, Err: &core.Error{Code: core.CodeMisconfigured, Detail: "crm: type: unknown"}}
	planned := broken.Plan(d)
	if got := states(planned); !slices.Equal(got, []string{"ops pending", " failed"}) || planned[1].Detail != "crm: type: unknown" || !planned[1].Undelivered() {
		t.Fatalf("%q, %+v", got, planned)
	}
	if got := broken.Expand(d, planned); !slices.Equal(states(got), states(planned)) {
		t.Errorf("still broken: %q", states(got))
	}
	planned[0].State = Delivered
	right := &Config{Channels: []Channel{channel("ops"), channel("crm"), channel("tags", TagLost)}}
	if got := states(right.Expand(d, planned)); !slices.Equal(got, []string{"ops delivered", "crm pending", "tags skipped"}) {
		t.Errorf("right: %q", got)
	}
	held := NewDigest(Summary{Function: "credit", Account: "main", Run: "r", Held: &Held{Known: 30, Missing: 30, Times: 1}})
	if got := states(right.Plan(held)); !slices.Equal(got, []string{"ops pending", "crm pending", "tags pending"}) {
		t.Errorf("held: %q", got)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A redirect is not followed, over real sockets.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere, got := receiver(t, reply("ok"))
	for _, status := range []int{301, 302, 303, 307, 308} {
		address, _ := receiver(t, func(w http.ResponseWriter, r received) { http.Redirect(w, r.Request, elsewhere, status) })
		if d := deliverTo(t, t.Context(), channelOf(Webhook, address), digestOf(1), DeliverOptions{}); d.State != Failed || d.Tries != 1 {
			t.Errorf("%d: %+v", status, d)
		}
	}
	if n := len(got()); n != 0 {
		t.Errorf("%d messages followed a redirect", n)
	}
}

// An unverifiable certificate is refused and not tried again.
func TestCertificates(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it got a message") }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it logs the refusal
	server.StartTLS()
	defer server.Close()
	if d := deliverTo(t, t.Context(), channelOf(Webhook, server.URL), digestOf(1), DeliverOptions{}); d.State != Failed || d.Code != core.CodeMisconfigured || d.Tries != 1 {
		t.Errorf("%+v", d)
	}
}

// Channels are served concurrently: one that hangs delays no other, and each fails alone.
func TestChannelsAreConcurrent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		config := &Config{}
		for i, host := range []string{"hangs", "fails", "takes", "away", "one-kind", "takes-too"} {
			c := channelOf(Webhook, "https://"+host)
			c.Name = host
			switch i {
			case 3:
				c.Accounts = []string{"another"}
			case 4:
				c.Kinds = []Kind{TagLost}
			}
			config.Channels = append(config.Channels, c)
		}
		var takenAt atomic.Int64
		start := time.Now()
		d := NewDigest(Summary{Function: "credit", Account: "main", Run: "r"})
		d.Add(alertNumber(0))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		got := config.Deliver(ctx, d, DeliverOptions{Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
			switch r.URL.Host {
			case "hangs":
				<-r.Context().Done()
				return nil, r.Context().Err()
			case "fails":
				return answer(404, ""), nil
			}
			takenAt.Store(int64(time.Since(start)))
			return answer(200, ""), nil
		})})
		var states []string
		for _, d := range got {
			states = append(states, d.Channel+" "+string(d.State))
		}
		want := []string{"hangs failed", "fails failed", "takes delivered", "one-kind skipped", "takes-too delivered"}
		if !slices.Equal(states, want) || takenAt.Load() != 0 || time.Since(start) > 15*time.Second {
			t.Errorf("%q after %s", states, time.Since(start))
		}
	})
}

// A run that delivers again uses the same id, for de-duplication; another run uses another.
func TestRedeliveryKeepsTheID(t *testing.T) {
	t.Parallel()
	address, got := receiver(t, reply(""))
	c := channelOf(Webhook, address)
	digest := digestOf(3)
	first := deliverTo(t, t.Context(), c, digest, DeliverOptions{})
	if again := deliverTo(t, t.Context(), c, digest, DeliverOptions{}); again.State != Delivered || again.ID != first.ID || len(got()) != 2 {
		t.Errorf("%+v after %+v, %d messages", again, first, len(got()))
	}
	other := digestOf(3)
	other.Run = "another"
	if again := deliverTo(t, t.Context(), c, other, DeliverOptions{}); again.State != Delivered || again.ID == first.ID {
		t.Errorf("%+v", again)
	}
}

func TestQuietDays(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name         string
		quiet, first bool
		sample       bool
		want         DeliveryState
	}{
		{"a quiet day", false, false, false, Skipped},
		{"a quiet day with quiet set", true, false, false, Delivered},
		{"a first run", false, true, false, Delivered},
		{"a sample, whatever is wanted", false, false, true, Delivered},
	} {
		d := digestOf(0)
		d.First = test.first
		if test.sample {
			d = Sample(English, runStart)
		}
		c := channelOf(Webhook, "https://host.example")
		c.Kinds, c.Accounts = []Kind{TagLost}, []string{"main"}
		config := &Config{Quiet: test.quiet, Channels: []Channel{c}}
		got := config.Deliver(t.Context(), d, DeliverOptions{Transport: roundTripFunc(func(*http.Request) (*http.Response, error) { return answer(200, ""), nil })})
		if len(got) != 1 || got[0].State != test.want {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}

// A task of ECS publishes with the key of its role.
func TestSNSWithTheRoleOfATask(t *testing.T) {
	awsconfigtest.Task(t, "TASK", "planted", "token")
	d := deliverTo(t, t.Context(), channelOf(SNS, ""), digestOf(1), DeliverOptions{
		Getenv: os.Getenv,
		Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
			if !strings.Contains(r.Header.Get("Authorization"), "Credential=TASK/") || r.Header.Get("X-Amz-Security-Token") != "token" {
				t.Errorf("signed with %s", r.Header.Get("Authorization"))
			}
			return answer(200, ""), nil
		}),
	})
	if d.State != Delivered {
		t.Errorf("%+v", d)
	}
}

// SNS without a key, or with an endpoint that may not be used, fails as misconfigured.
func TestSNSSettings(t *testing.T) {
	t.Parallel()
	for _, env := range []map[string]string{
		{},
		{"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "planted", "AWS_ENDPOINT_URL": "http://host.example"},
	} {
		d := deliverTo(t, t.Context(), channelOf(SNS, ""), digestOf(1), DeliverOptions{
			Getenv:    func(name string) string { return env[name] },
			Transport: roundTripFunc(func(*http.Request) (*http.Response, error) { t.Error("it was asked"); return answer(200, ""), nil }),
		})
		if d.State != Failed || d.Code != core.CodeMisconfigured || d.Tries != 1 {
			t.Errorf("%+v", d)
		}
	}
	if got := snsSubjectOf("partnerlens: 额度\n" + strings.Repeat("long ", 40)); len(got) != 99 || !strings.HasPrefix(got, "partnerlens: long") {
		t.Errorf("%q", got)
	}
	env := map[string]string{"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "planted"}
	c := channelOf(SNS, "")
	c.URL = core.NewSecret("arn:aws-cn:sns:cn-north-1:123456789012:alerts")
	deliverTo(t, t.Context(), c, digestOf(1), DeliverOptions{
		Getenv: func(name string) string { return env[name] },
		Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host != "sns.cn-north-1.amazonaws.com.cn" {
				t.Errorf("a topic of China goes to %s", r.URL.Host)
			}
			return answer(200, ""), nil
		}),
	})
}
