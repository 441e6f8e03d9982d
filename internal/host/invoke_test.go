package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"

	"partnerlens/pkg/core"
)

// hosted is a function under test and its log.
type hosted struct {
	opts Options
	log  *bytes.Buffer
}

func newHosted(handler http.HandlerFunc, job func(context.Context, Job) ([]byte, error)) hosted {
	log := &bytes.Buffer{}
	return hosted{Options{Name: "probe", HTTP: handler, Job: job, Logger: slog.New(slog.NewJSONHandler(log, nil))}, log}
}

// apiEvents are GET /v1/x?limit=5 with a header that must not be logged.
var apiEvents = map[string]string{
	TriggerHTTPAPI:        `{"rawPath":"/v1/x","rawQueryString":"limit=5&email=a%40example.com","headers":{"authorization":"Bearer hush"},"requestContext":{"http":{"method":"GET"}}}`,
	TriggerRESTAPI:        `{"httpMethod":"GET","resource":"/","path":"/v1/x","multiValueHeaders":{"authorization":["Bearer hush"]},"multiValueQueryStringParameters":{"limit":["5"],"email":["a@example.com"]}}`,
	TriggerALB:            `{"requestContext":{"elb":{}},"httpMethod":"GET","path":"/v1/x","headers":{"authorization":"Bearer hush"},"queryStringParameters":{"limit":"5","email":"a@example.com"}}`,
	TriggerSCFFunctionURL: `{"httpMethod":"GET","path":"/v1/x","headers":{"authorization":"Bearer hush"},"queryString":{"limit":"5","email":"a@example.com"},"body":""}`,
	TriggerSCFAPIGateway:  `{"httpMethod":"GET","path":"/v1/x","headers":{"authorization":"Bearer hush"},"queryString":{"limit":"5","email":"a@example.com"},"requestContext":{"serviceId":"s"}}`,
}

const albLists = `{"requestContext":{"elb":{}},"httpMethod":"GET","path":"/v1/x","multiValueHeaders":{}}`
const restSingle = `{"httpMethod":"GET","resource":"/","path":"/v1/x","headers":{}}`

func TestAnswers(t *testing.T) {
	t.Parallel()
	text := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		w.Header().Set("Content-Length", "7")
		w.Header().Add("Vary", "Accept")
		w.Header().Add("Vary", "Origin")
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		w.Header().Set("Trailer", "X-Complete")
		w.WriteHeader(http.StatusAccepted)
		w.Header().Set("Too-Late", "yes")
		_, _ = w.Write([]byte("a,\"é\"\n"))
		w.Header().Set("X-Complete", "true")
	}
	binary := func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte{0, 0xff}) }
	trailers := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Complete, X-Unset")
		_ = http.NewResponseController(w).Flush()
		_, _ = w.Write([]byte("[]"))
		w.Header().Set("X-Complete", "true")
	}
	nothing := func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }
	for _, test := range []struct {
		name    string
		event   string
		handler http.HandlerFunc
		want    string
	}{
		{"HTTP API", apiEvents[TriggerHTTPAPI], text, `{"statusCode":202,"headers":{"Content-Type":"text/csv; charset=utf-8","Vary":"Accept, Origin","X-Complete":"true"},"cookies":["a=1","b=2"],"isBase64Encoded":false,"body":"a,\"é\"\n"}`},
		{"REST API", apiEvents[TriggerRESTAPI], text, `{"statusCode":202,"multiValueHeaders":{"Content-Type":["text/csv; charset=utf-8"],"Set-Cookie":["a=1","b=2"],"Vary":["Accept","Origin"],"X-Complete":["true"]},"isBase64Encoded":false,"body":"a,\"é\"\n"}`},
		{"REST API with single headers", restSingle, text, `{"statusCode":202,"headers":{"Content-Type":"text/csv; charset=utf-8","Set-Cookie":"a=1, b=2","Vary":"Accept, Origin","X-Complete":"true"},"isBase64Encoded":false,"body":"a,\"é\"\n"}`},
		{"ALB", apiEvents[TriggerALB], text, `{"statusCode":202,"statusDescription":"202 Accepted","headers":{"Content-Type":"text/csv; charset=utf-8","Set-Cookie":"a=1, b=2","Vary":"Accept, Origin","X-Complete":"true"},"isBase64Encoded":false,"body":"a,\"é\"\n"}`},
		{"ALB with lists", albLists, nothing, `{"statusCode":204,"statusDescription":"204 No Content","multiValueHeaders":{},"isBase64Encoded":false,"body":""}`},
		{"SCF Function URL", apiEvents[TriggerSCFFunctionURL], text, `{"statusCode":202,"headers":{"Content-Type":"text/csv; charset=utf-8","Set-Cookie":"a=1, b=2","Vary":"Accept, Origin","X-Complete":"true"},"body":"a,\"é\"\n"}`},
		{"SCF API Gateway", apiEvents[TriggerSCFAPIGateway], nothing, `{"statusCode":204,"headers":{},"isBase64Encoded":false,"body":""}`},
		{"binary", apiEvents[TriggerHTTPAPI], binary, `{"statusCode":200,"headers":{"Content-Type":"application/octet-stream"},"isBase64Encoded":true,"body":"AP8="}`},
		{"binary on SCF", apiEvents[TriggerSCFFunctionURL], binary, `{"statusCode":200,"headers":{"Content-Type":"application/octet-stream"},"isBase64Encoded":true,"body":"AP8="}`},
		{"declared trailers", apiEvents[TriggerSCFFunctionURL], trailers, `{"statusCode":200,"headers":{"Content-Type":"text/plain; charset=utf-8","X-Complete":"true"},"body":"[]"}`},
		{"HEAD", strings.Replace(apiEvents[TriggerHTTPAPI], "GET", "HEAD", 1), binary, `{"statusCode":200,"headers":{},"isBase64Encoded":false,"body":""}`},
		{"an invalid method", strings.Replace(apiEvents[TriggerSCFFunctionURL], "GET", "G T", 1), nil, `{"statusCode":400,"headers":{"Cache-Control":"no-store","Content-Type":"application/problem+json"},"body":"{\"type\":\"urn:partnerlens:problem:invalid_request\",\"title\":\"The request is not valid\",\"status\":400,\"detail\":\"the event's method is not one of HTTP's\",\"code\":\"invalid_request\",\"request_id\":\"id-1\"}"}`},
		{"no method", strings.Replace(apiEvents[TriggerHTTPAPI], "GET", "", 1), nil, `"statusCode":400`},
		{"a body that is not base64", strings.Replace(apiEvents[TriggerHTTPAPI], `{`, `{"isBase64Encoded":true,"body":"%",`, 1), nil, `"statusCode":400`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := newHosted(test.handler, nil)
			got, err := Invoke(t.Context(), h.opts, "id-1", []byte(test.event))
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(test.want, "{") {
				if string(got) != test.want {
					t.Errorf("answer =\n%s, want\n%s", got, test.want)
				}
			} else if !strings.Contains(string(got), test.want) {
				t.Errorf("answer = %s, want %s in it", got, test.want)
			}
		})
	}
}

// budgeted is the interface that the API handler looks for.
type budgeted interface {
	Budget() int
	Cost(p []byte) int
}

// Cost is exactly the length that a text adds to the answer, also in parts.
func TestCostIsExact(t *testing.T) {
	t.Parallel()
	var every []byte
	for r := range rune(0x3000) {
		every = append(every, string(r)...)
	}
	every = append(every, "\U0001f600 </script>&\u2028\u2029"...)
	e := envelope{limit: maxAnswer, flag: true}
	w := newResponse(e, http.MethodGet)
	empty := len(e.encode(200, nil, nil))
	for _, text := range [][]byte{every, []byte(`{"a":"b\n"}`), {}} {
		got := w.Cost(text)
		if want := len(e.encode(200, nil, text)) - empty; got != want {
			t.Errorf("Cost of %d bytes = %d, want %d", len(text), got, want)
		}
		pieces := 0
		for _, c := range text {
			pieces += w.Cost([]byte{c})
		}
		if pieces != got {
			t.Errorf("Cost byte by byte = %d, want %d", pieces, got)
		}
	}
}

// A body of exactly its budget fits for every trigger; a body larger than the platform
// accepts becomes a problem.
func TestBudget(t *testing.T) {
	t.Parallel()
	fill := func(text string, size int) func(int, int) []byte {
		return func(int, int) []byte { return bytes.Repeat([]byte(text), size) }
	}
	type body struct {
		name string
		of   func(budget, limit int) []byte
		want int // status
	}
	bodies := []body{
		{"text", func(budget, _ int) []byte { return bytes.Repeat([]byte("x"), budget) }, 200},
		{"one more than the limit", func(_, limit int) []byte { return bytes.Repeat([]byte("x"), limit+1) }, 500},
	}
	const small = 1000 * 1000 // the load balancer's limit: what must be escaped takes time
	escapes := []body{
		{"escapes", func(budget, _ int) []byte { return bytes.Repeat([]byte("\n"), budget/2) }, 200},
		{"escapes over the limit", fill("\x00", small/6), 500},
		{"base64 over the limit", fill("\xff", small*3/4), 500},
	}
	for trigger, event := range apiEvents {
		t.Run(trigger, func(t *testing.T) {
			t.Parallel()
			limit, bodies := maxAnswer, bodies
			if trigger == TriggerALB {
				limit, bodies = small, append(escapes, bodies...)
			}
			for _, body := range bodies {
				h := newHosted(func(w http.ResponseWriter, r *http.Request) {
					_, _ = w.Write(body.of(w.(budgeted).Budget(), limit))
				}, nil)
				got, err := Invoke(t.Context(), h.opts, "id-1", []byte(event))
				if err != nil || len(got) > limit {
					t.Fatalf("%s: an answer of %d bytes, %v, want at most %d", body.name, len(got), err, limit)
				}
				var answer struct {
					StatusCode int    `json:"statusCode"`
					Body       string `json:"body"`
				}
				if err := json.Unmarshal(got, &answer); err != nil {
					t.Fatalf("%s: %v", body.name, err)
				}
				if answer.StatusCode != body.want {
					t.Errorf("%s: status %d, want %d", body.name, answer.StatusCode, body.want)
				}
				if body.want == 500 && !strings.Contains(answer.Body, `"code":"internal"`) {
					t.Errorf("%s: body %q, want a problem", body.name, answer.Body)
				}
			}
		})
	}
}

func TestWriteAfterOverflowFails(t *testing.T) {
	t.Parallel()
	w := newResponse(envelope{limit: 10}, http.MethodGet)
	if _, err := w.Write(make([]byte, 11)); err == nil {
		t.Error("Write took more than the limit")
	}
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("Write went on after a gap")
	}
}

func TestJob(t *testing.T) {
	t.Parallel()
	large := bytes.Repeat([]byte("1"), maxAnswer+1)
	for _, test := range []struct {
		name   string
		answer []byte
		err    error
		want   string
		code   core.Code
		public string
	}{
		{"an answer", []byte(`{"a":1}`), nil, `{"a":1}`, "", ""},
		{"no answer", nil, nil, `null`, "", ""},
		{"as large as can be", large[1:], nil, string(large[1:]), "", ""},
		{"too large", large, nil, "", core.CodeInternal, "limit"},
		{"a coded error", nil, core.Invalid("limit", "too small"), "", core.CodeInvalid, "limit: too small"},
		{"a foreign error", nil, errors.New("secret"), "", core.CodeInternal, "internal error"},
		{"a deadline", nil, context.DeadlineExceeded, "", core.CodeDeadline, "time ran out"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var job Job
			h := newHosted(nil, func(_ context.Context, j Job) ([]byte, error) { job = j; return test.answer, test.err })
			got, err := Invoke(t.Context(), h.opts, "id-1", []byte(`{"limit":5}`))
			if string(got) != test.want || core.CodeOf(err) != test.code {
				t.Errorf("Invoke = %.40q, %v, want %.40q and code %q", got, err, test.want, test.code)
			}
			if err != nil && !strings.Contains(core.AsError(err).Public(), test.public) {
				t.Errorf("the error says %q, want %q", core.AsError(err).Public(), test.public)
			}
			if job.Trigger != TriggerDirect || job.ID != "id-1" || job.Budget != maxAnswer {
				t.Errorf("job = %+v, want a direct one with the invocation's id and budget %d", job, maxAnswer)
			}
		})
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	batch := func(queue string, bodies ...string) string {
		var records []string
		for i, body := range bodies {
			records = append(records, fmt.Sprintf(`{"messageId":"m%d","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-central-1:123456789012:%s","body":%q}`, i, queue, body))
		}
		return `{"Records":[` + strings.Join(records, ",") + `]}`
	}
	job := func(_ context.Context, job Job) ([]byte, error) {
		switch string(job.Payload) {
		case `{"do":"fail"}`:
			return nil, &core.Error{Code: core.CodeThrottled}
		case `{"do":"panic"}`:
			panic("secret")
		}
		return []byte(`{"dropped":true}`), nil
	}
	for _, test := range []struct{ name, event, want string }{
		{"all well", batch("q", `{}`, `{"limit":1}`), `{"batchItemFailures":[]}`},
		{"each for itself", batch("q", `{"do":"fail"}`, `{}`, `hello`, `{"do":"panic"}`, ``, `{}`), `{"batchItemFailures":[{"itemIdentifier":"m0"},{"itemIdentifier":"m2"},{"itemIdentifier":"m3"},{"itemIdentifier":"m4"}]}`},
		{"in order", batch("q.fifo", `{}`, `{"do":"fail"}`, `{}`), `{"batchItemFailures":[{"itemIdentifier":"m1"},{"itemIdentifier":"m2"}]}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := newHosted(nil, job)
			got, err := Invoke(t.Context(), h.opts, "id-1", []byte(test.event))
			if err != nil || string(got) != test.want {
				t.Errorf("Invoke = %s, %v, want %s", got, err, test.want)
			}
			if strings.Contains(h.log.String(), "secret") {
				t.Errorf("a panic's value is in the log: %s", h.log)
			}
		})
	}
}

// Messages after the deadline are delivered again.
func TestBatchStopsAtTheDeadline(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	started := 0
	h := newHosted(nil, func(context.Context, Job) ([]byte, error) { started++; cancel(); return nil, nil })
	got, err := Invoke(ctx, h.opts, "id-1", sample(t, "tags", "lambda-sqs.json"))
	want := `{"batchItemFailures":[{"itemIdentifier":"2e1424d4-f796-459a-8184-9c92662be6da"}]}`
	if err != nil || string(got) != want || started != 1 {
		t.Errorf("Invoke = %s, %v after %d jobs, want %s after 1", got, err, started, want)
	}
}

// secretPanic has secret text in its value and in its type's fields.
type secretPanic struct{ text string }

func TestPanic(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		value any
		kind  string
	}{
		{"a text", "hush", "string"},
		{"an error", fmt.Errorf("hush"), "*fmt.wrapError"},
		{"a struct", secretPanic{"hush"}, "host.secretPanic"},
		{"nil", nil, "*runtime.PanicNilError"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.kind == "*fmt.wrapError" {
				test.kind = fmt.Sprintf("%T", test.value)
			}
			h := newHosted(
				func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("half")); panic(test.value) },
				func(context.Context, Job) ([]byte, error) { panic(test.value) },
			)
			for trigger, event := range apiEvents {
				got, err := Invoke(t.Context(), h.opts, "id-1", []byte(event))
				if err != nil {
					t.Fatal(err)
				}
				for _, want := range []string{`"statusCode":500`, `application/problem+json`, `\"code\":\"internal\"`, `\"request_id\":\"id-1\"`} {
					if !strings.Contains(string(got), want) {
						t.Errorf("%s: answer %s, want %s in it", trigger, got, want)
					}
				}
				if strings.Contains(string(got), "half") || strings.Contains(string(got), "hush") {
					t.Errorf("%s: answer %s holds what was written before, or the panic's value", trigger, got)
				}
			}
			_, err := Invoke(t.Context(), h.opts, "id-1", []byte(`{}`))
			if core.CodeOf(err) != core.CodeInternal {
				t.Errorf("job: error %v, want code internal", err)
			}
			log := h.log.String()
			if strings.Contains(log, "hush") {
				t.Errorf("the panic's value is in the log: %s", log)
			}
			for _, want := range []string{`"msg":"panic"`, `"type":"` + test.kind + `"`, "invoke_test.go", `"request_id":"id-1"`} {
				if !strings.Contains(log, want) {
					t.Errorf("the log lacks %s: %s", want, log)
				}
			}
		})
	}
}

// An invocation writes one log line, without any part of the request.
func TestLog(t *testing.T) {
	t.Parallel()
	for trigger, event := range apiEvents {
		h := newHosted(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("a@example.com")) }, nil)
		if _, err := Invoke(t.Context(), h.opts, "id-1", []byte(event)); err != nil {
			t.Fatal(err)
		}
		checkLine(t, h.log.String(), trigger, "INFO", `"status":200`)
	}
	h := newHosted(nil, func(context.Context, Job) ([]byte, error) { return nil, &core.Error{Code: core.CodeDenied} })
	if _, err := Invoke(t.Context(), h.opts, "id-1", []byte(`{"email":"a@example.com"}`)); err == nil {
		t.Fatal("no error")
	}
	checkLine(t, h.log.String(), TriggerDirect, "ERROR", `"code":"denied"`)

	h = newHosted(nil, nil)
	if _, err := Invoke(t.Context(), h.opts, "id-1", []byte(`["a@example.com"]`)); err == nil {
		t.Fatal("no error")
	}
	checkLine(t, h.log.String(), "unknown", "ERROR", `"code":"invalid_request"`)
}

func checkLine(t *testing.T, log, trigger, level, outcome string) {
	t.Helper()
	if strings.Count(log, "\n") != 1 {
		t.Errorf("%s: the log is not one line: %s", trigger, log)
	}
	for _, want := range []string{`"msg":"invocation"`, `"request_id":"id-1"`, `"trigger":"` + trigger + `"`, `"duration_ms":`, `"level":"` + level + `"`, outcome} {
		if !strings.Contains(log, want) {
			t.Errorf("%s: the log lacks %s: %s", trigger, want, log)
		}
	}
	for _, hush := range []string{"hush", "example.com", "limit=5", "/v1/x"} {
		if strings.Contains(log, hush) {
			t.Errorf("%s: the log holds %s: %s", trigger, hush, log)
		}
	}
}

func TestRequestIDIsNeverEmpty(t *testing.T) {
	t.Parallel()
	var job Job
	h := newHosted(nil, func(_ context.Context, j Job) ([]byte, error) { job = j; return nil, nil })
	if _, err := Invoke(t.Context(), h.opts, "", []byte(`{}`)); err != nil || job.ID == "" {
		t.Errorf("the job's id is %q, %v", job.ID, err)
	}
}

func TestReserve(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ limit, want time.Duration }{
		{900 * time.Second, 890 * time.Second},
		{100 * time.Second, 95 * time.Second},
		{20 * time.Second, 19 * time.Second},
		{3 * time.Second, 2 * time.Second},
		{time.Second, 500 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), test.limit)
			defer cancel()
			started := time.Now()
			h := newHosted(nil, func(ctx context.Context, _ Job) ([]byte, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			})
			_, err := Invoke(ctx, h.opts, "id-1", []byte(`{}`))
			if got := time.Since(started); got != test.want || core.CodeOf(err) != core.CodeDeadline {
				t.Errorf("of %v a job had %v and ended with %v, want %v and a deadline", test.limit, got, err, test.want)
			}
		})
	}
}

func TestNoDeadline(t *testing.T) {
	t.Parallel()
	ctx, cancel := withReserve(context.Background())
	defer cancel()
	if deadline, ok := ctx.Deadline(); ok {
		t.Errorf("there is a deadline of %v, want none", deadline)
	}
}
