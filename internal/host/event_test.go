package host

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"partnerlens/pkg/core"
)

func TestUnknownEvents(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, event, want string }{
		{"nothing", ``, "not a JSON object"},
		{"null", `null`, "not a JSON object"},
		{"a text", `"{}"`, "not a JSON object"},
		{"a list", `[{}]`, "not a JSON object"},
		{"not JSON", `{"limit":`, "not valid JSON"},
		{"two values", `{} {}`, "not valid JSON"},
		{"not UTF-8", "{\"filter\":\"\xff\"}", "not valid JSON"},
		{"records of S3", `{"Records":[{"eventSource":"aws:s3","s3":{}}]}`, "not of aws:sqs"},
		{"records of SNS", `{"Records":[{"EventSource":"aws:sns","Sns":{}}]}`, "not of aws:sqs"},
		{"mixed records", `{"Records":[{"eventSource":"aws:sqs","messageId":"1","body":"{}"},{"eventSource":"aws:kinesis"}]}`, "not of aws:sqs"},
		{"no records", `{"Records":[]}`, "Records are empty"},
		{"a message without id", `{"Records":[{"eventSource":"aws:sqs","body":"{}"}]}`, "messageId"},
		{"invalid records", `{"Records":{"a":1}}`, "member Records"},
		{"an event of EC2", `{"source":"aws.ec2","detail-type":"EC2 Instance State-change Notification","detail":{}}`, "source"},
		{"an event without source", `{"detail-type":"Scheduled Event","detail":{}}`, "source"},
		{"a WebSocket", `{"requestContext":{"routeKey":"$connect","eventType":"CONNECT","connectionId":"x"}}`, "requestContext"},
		{"VPC Lattice", `{"version":"2.0","path":"/","method":"GET","requestContext":{"serviceNetworkArn":"x"}}`, "requestContext"},
		{"a notification", `{"Type":"Notification","Message":"x"}`, "Type"},
		{"a FunctionGraph trigger", `{"trigger_type":"OBS"}`, "trigger_type"},
		{"a timer's message", `{"Type":"Timer","Message":"hello"}`, "Message"},
		{"a timer's list", `{"Type":"Timer","Message":"[1]"}`, "Message"},
		{"a timer's half object", `{"Type":"Timer","Message":"{\"limit\":"}`, "Message"},
		{"a timer's number", `{"Type":"Timer","Message":5}`, "member Message"},
		{"FunctionGraph's text", `{"trigger_type":"TIMER","user_event":"hello"}`, "user_event"},
		{"a schedule's text", `{"source":"aws.scheduler","detail":"hello"}`, "detail"},
		{"a schedule's list", `{"source":"aws.events","detail":[]}`, "detail"},
		{"a timer with invalid headers", `{"Type":"Timer","headers":["a"]}`, "member headers"},
		{"a query with a body that is an object", `{"body":{"limit":1}}`, "member body"},
		{"an invalid context", `{"requestContext":"x"}`, "member requestContext"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := decode([]byte(test.event))
			if core.CodeOf(err) != core.CodeInvalid {
				t.Fatalf("decode(%s) = %v, want an error with code %s", test.event, err, core.CodeInvalid)
			}
			if public := core.AsError(err).Public(); !strings.Contains(public, test.want) {
				t.Errorf("decode(%s) says %q, want %q in it", test.event, public, test.want)
			}
		})
	}
}

func TestUnknownEventsNameTheKnownShapes(t *testing.T) {
	t.Parallel()
	_, err := decode([]byte(`[]`))
	for _, shape := range []string{"HTTP API", "REST API", "Lambda Function URL", "Application Load Balancer", "SCF Function URL", "EventBridge rule", "Scheduler", "SCF timer", "FunctionGraph timer", "SQS", `{"limit":10}`} {
		if !strings.Contains(core.AsError(err).Public(), shape) {
			t.Errorf("the error does not name %s: %v", shape, err)
		}
	}
}

func TestJobPayloads(t *testing.T) {
	t.Parallel()
	const none = "none"
	for _, test := range []struct{ name, event, want string }{
		{"an empty direct payload selects every customer", `{}`, `{}`},
		{"a direct payload is passed on unchanged", ` {"a":1, "a":2} `, ` {"a":1, "a":2} `},
		{"a timer without message", `{"Type":"Timer"}`, none},
		{"a timer with an empty message", `{"Type":"Timer","Message":" "}`, none},
		{"a timer with an empty query", `{"Type":"Timer","Message":"{ }"}`, none},
		{"a timer with a query", `{"Type":"Timer","Message":" {\"limit\": 3} "}`, `{"limit": 3}`},
		{"FunctionGraph without user event", `{"trigger_type":"TIMER","user_event":""}`, none},
		{"a rule with a query", `{"source":"aws.events","detail":{"limit":3}}`, `{"limit":3}`},
		{"a rule without detail", `{"source":"aws.events"}`, none},
		{"a rule with null", `{"source":"aws.events","detail":null}`, none},
		{"a schedule with a query", `{"source":"aws.scheduler","detail":"{\"limit\":3}"}`, `{"limit":3}`},
		{"a schedule with an object", `{"source":"aws.scheduler","detail":{}}`, none},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d, err := decode([]byte(test.event))
			if err != nil || len(d.jobs) != 1 {
				t.Fatalf("decode(%s) = %+v, %v, want one job", test.event, d, err)
			}
			got := string(d.jobs[0].Payload)
			if d.jobs[0].Payload == nil {
				got = none
			}
			if got != test.want {
				t.Errorf("decode(%s) has the payload %q, want %q", test.event, got, test.want)
			}
		})
	}
}

// requestOf decodes the event of a request.
func requestOf(t *testing.T, event string) *http.Request {
	t.Helper()
	d, err := decode([]byte(event))
	if err != nil || d.api == nil {
		t.Fatalf("decode(%s) = %+v, %v, want a request", event, d, err)
	}
	r, err := d.api.http(t.Context(), "id-1")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRequestTargets(t *testing.T) {
	t.Parallel()
	v2 := func(path, query, stage, domain string) string {
		return fmt.Sprintf(`{"rawPath":%q,"rawQueryString":%q,"requestContext":{"stage":%q,"domainName":%q,"http":{"method":"GET"}}}`, path, query, stage, domain)
	}
	const own, custom = "a1.execute-api.eu-central-1.amazonaws.com", "api.example.com"
	for _, test := range []struct{ name, event, want string }{
		{"order and repeats of a raw query", v2("/v1/tags", "b=2&a=1&b=%201", "$default", own), "/v1/tags?b=2&a=1&b=%201"},
		{"a named stage goes", v2("/prod/v1/tags", "", "prod", own), "/v1/tags"},
		{"once", v2("/v1/v1/tags", "", "v1", own), "/v1/tags"},
		{"to the root", v2("/prod", "", "prod", own), "/"},
		{"a whole segment only", v2("/production/x", "", "prod", own), "/production/x"},
		{"not under a custom domain", v2("/v1/tags", "", "v1", custom), "/v1/tags"},
		{"nor the default stage", v2("/$default/x", "", "$default", own), "/$default/x"},
		{"escapes stay", v2("/v1/credit/a%2Fb%20c", "", "$default", own), "/v1/credit/a%2Fb%20c"},
		{"what is no escape is taken as it is", v2("/v1/credit/100%", "", "$default", own), "/v1/credit/100%25"},
		{"a path without a slash", v2("v1/tags", "", "$default", own), "/v1/tags"},
		{"no path", v2("", "", "$default", own), "/"},
		{
			"REST values are encoded, lists in order",
			`{"httpMethod":"GET","resource":"/","path":"/v1/tags","multiValueQueryStringParameters":{"b":["x&y","2"],"a":["é"]},"queryStringParameters":{"b":"2","a":"é"}}`,
			"/v1/tags?b=x%26y&b=2&a=%C3%A9",
		},
		{"REST with single values only", `{"httpMethod":"GET","resource":"/","path":"/v1/tags","queryStringParameters":{"b":"2"}}`, "/v1/tags?b=2"},
		{"REST under a stage", `{"httpMethod":"GET","resource":"/","path":"/v1/tags","requestContext":{"stage":"v1","domainName":"` + own + `"}}`, "/v1/tags"},
		{"format 1.0 of an HTTP API", `{"version":"1.0","httpMethod":"GET","resource":"/","path":"/prod/v1/tags","requestContext":{"stage":"prod","domainName":"` + own + `"}}`, "/v1/tags"},
		{"ALB values stay as they are", `{"requestContext":{"elb":{}},"httpMethod":"GET","path":"/v1/tags","queryStringParameters":{"a":"x%26y","b%20":"1"}}`, "/v1/tags?a=x%26y&b%20=1"},
		{"ALB lists", `{"requestContext":{"elb":{}},"httpMethod":"GET","path":"/v1/tags","multiValueHeaders":{},"multiValueQueryStringParameters":{"a":["1%20","2"]}}`, "/v1/tags?a=1%20&a=2"},
		{"SCF values, lists, true", `{"httpMethod":"GET","path":"/v1/tags","queryString":{"b":["2","1"],"a":"x y","i":true,"n":5}}`, "/v1/tags?b=2&b=1&a=x+y&i=&n=5"},
		{"SCF gateway", `{"httpMethod":"GET","path":"/v1/tags","requestContext":{"serviceId":"s"},"queryString":{"a":"1"},"queryStringParameters":{"b":"2"}}`, "/v1/tags?a=1"},
		{"REST, a base path and everything below", `{"httpMethod":"GET","resource":"/{proxy+}","path":"/partners/v1/tags","pathParameters":{"proxy":"v1/tags"},"requestContext":{"stage":"prod","domainName":"` + custom + `"}}`, "/v1/tags"},
		{"REST, a base path of two parts", `{"httpMethod":"GET","resource":"/v1/tags/{customer_id}","path":"/a/b/v1/tags/1","pathParameters":{"customer_id":"1"},"requestContext":{"stage":"prod","domainName":"` + custom + `"}}`, "/v1/tags/1"},
		{"REST, a base path that is a path of ours", `{"httpMethod":"GET","resource":"/{proxy+}","path":"/v1/v1/tags","pathParameters":{"proxy":"v1/tags"},"requestContext":{"stage":"prod","domainName":"` + custom + `"}}`, "/v1/tags"},
		{"REST, a path of the caller's below none", `{"httpMethod":"GET","resource":"/{proxy+}","path":"/partners/v1/tags","pathParameters":{"proxy":"partners/v1/tags"},"requestContext":{"stage":"prod","domainName":"` + custom + `"}}`, "/partners/v1/tags"},
		{"REST, a base path and an escape", `{"httpMethod":"GET","resource":"/{proxy+}","path":"/partners/v1/tags/a%20b","pathParameters":{"proxy":"v1/tags/a b"},"requestContext":{"stage":"prod","domainName":"` + custom + `"}}`, "/v1/tags/a%20b"},
		{"REST, a resource of its own", `{"httpMethod":"GET","resource":"/partners/{proxy+}","path":"/partners/v1/tags","pathParameters":{"proxy":"v1/tags"},"requestContext":{"stage":"prod","domainName":"` + own + `"}}`, "/partners/v1/tags"},
		{"REST, a parameter that does not fit", `{"httpMethod":"GET","resource":"/{proxy+}","path":"/partners/v1/tags","pathParameters":{"proxy":"elsewhere"},"requestContext":{"stage":"prod"}}`, "/partners/v1/tags"},
		{"REST, no parameters", `{"httpMethod":"GET","resource":"/{proxy+}","path":"/v1/tags","pathParameters":null,"requestContext":{"stage":"prod"}}`, "/v1/tags"},
		{"format 1.0, a base path", `{"version":"1.0","httpMethod":"GET","resource":"/v1/tags","path":"/partners/v1/tags","pathParameters":null,"requestContext":{"stage":"prod","domainName":"` + custom + `"}}`, "/v1/tags"},
		{"format 1.0, the default route", `{"version":"1.0","httpMethod":"GET","resource":"$default","path":"/partners/v1/tags","requestContext":{"stage":"$default","domainName":"` + custom + `"}}`, "/partners/v1/tags"},
		{"format 2.0, a base path and a route", `{"rawPath":"/partners/v1/tags","routeKey":"GET /v1/tags","requestContext":{"stage":"$default","domainName":"` + custom + `","http":{"method":"GET"}}}`, "/v1/tags"},
		{"format 2.0, a base path and everything below", `{"rawPath":"/partners/v1/tags","routeKey":"ANY /{proxy+}","pathParameters":{"proxy":"v1/tags"},"requestContext":{"stage":"$default","domainName":"` + custom + `","http":{"method":"GET"}}}`, "/v1/tags"},
		{"format 2.0, a stage and everything below", `{"rawPath":"/prod/v1/tags","routeKey":"ANY /{proxy+}","pathParameters":{"proxy":"v1/tags"},"requestContext":{"stage":"prod","domainName":"` + own + `","http":{"method":"GET"}}}`, "/v1/tags"},
		{"format 2.0, the default route", `{"rawPath":"/partners/v1/tags","routeKey":"$default","requestContext":{"stage":"$default","domainName":"` + custom + `","http":{"method":"GET"}}}`, "/partners/v1/tags"},
		{"SCF gateway, declared only", `{"httpMethod":"GET","path":"/v1/tags","requestContext":{"serviceId":"s"},"queryStringParameters":{"b":"2"}}`, "/v1/tags?b=2"},
		{"SCF Function URL, the other member", `{"httpMethod":"GET","path":"/v1/tags","headers":{},"queryStringParameters":{"b":"2"}}`, "/v1/tags?b=2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := requestOf(t, test.event).RequestURI; got != test.want {
				t.Errorf("target of %s = %s, want %s", test.event, got, test.want)
			}
		})
	}
}

// BasePath returns the path that decode removed.
func TestBasePath(t *testing.T) {
	t.Parallel()
	const own, custom = "a1.execute-api.eu-central-1.amazonaws.com", "api.example.com"
	for _, test := range []struct{ name, event, want string }{
		{"HTTP API, a stage", `{"rawPath":"/prod/v1/tags","routeKey":"$default","requestContext":{"stage":"prod","domainName":"` + own + `","http":{"method":"GET"}}}`, "/prod"},
		{"HTTP API, no stage", `{"rawPath":"/v1/tags","routeKey":"$default","requestContext":{"stage":"$default","domainName":"` + own + `","http":{"method":"GET"}}}`, ""},
		{"HTTP API, a base path", `{"rawPath":"/partners/v1/tags","routeKey":"GET /v1/tags","requestContext":{"stage":"prod","domainName":"` + custom + `","http":{"method":"GET"}}}`, "/partners"},
		{"REST API, its own domain", `{"httpMethod":"GET","resource":"/{proxy+}","path":"/v1/tags","pathParameters":{"proxy":"v1/tags"},"requestContext":{"stage":"prod","domainName":"` + own + `"}}`, "/prod"},
		{"REST API, a base path", `{"httpMethod":"GET","resource":"/{proxy+}","path":"/partners/v1/tags","pathParameters":{"proxy":"v1/tags"},"requestContext":{"stage":"prod","domainName":"` + custom + `"}}`, "/partners"},
		{"REST API, a base path in another encoding", `{"httpMethod":"GET","resource":"/{proxy+}","path":"/p%61rtners/v1/tags","pathParameters":{"proxy":"v1/tags"},"requestContext":{"stage":"prod","domainName":"` + custom + `"}}`, ""},
		{"ALB", `{"requestContext":{"elb":{}},"httpMethod":"GET","path":"/partners/v1/tags"}`, ""},
	} {
		if got := OriginOf(requestOf(t, test.event).Context()).BasePath; got != test.want {
			t.Errorf("%s: BasePath = %q, want %q", test.name, got, test.want)
		}
	}
	if got := OriginOf(t.Context()).BasePath; got != "" {
		t.Errorf("BasePath of nothing = %q", got)
	}
}

func TestLastValues(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, event string
		want        bool
	}{
		{"ALB", `{"requestContext":{"elb":{}},"httpMethod":"GET","path":"/","headers":{},"queryStringParameters":{"a":"2"}}`, true},
		{"ALB with lists", `{"requestContext":{"elb":{}},"httpMethod":"GET","path":"/","multiValueHeaders":{},"multiValueQueryStringParameters":{"a":["1","2"]}}`, false},
		{"REST API", `{"httpMethod":"GET","resource":"/","path":"/","multiValueHeaders":{}}`, false},
		{"SCF", `{"httpMethod":"GET","path":"/"}`, false},
	} {
		if got := OriginOf(requestOf(t, test.event).Context()).LastValues; got != test.want {
			t.Errorf("%s: LastValues = %t, want %t", test.name, got, test.want)
		}
	}
}

// A warm-up event is answered without the handler and the job.
func TestWarmUps(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, event string
		want        bool
	}{
		{"serverless-plugin-warmup", `{"source":"serverless-plugin-warmup"}`, true},
		{"serverless-plugin-lambda-warmup", `{"source":"serverless-plugin-lambda-warmup"}`, true},
		{"lambda-warmer", `{"warmer":true,"concurrency":3}`, true},
		{"lambda-warmer's own call", `{"warmer":true,"concurrency":3,"__WARMER_INVOCATION__":2,"__WARMER_CONCURRENCY__":3,"__WARMER_CORRELATIONID__":"x"}`, true},
		{"OpenNext", `{"type":"warmer","warmerId":"w","index":0,"concurrency":1,"delay":75}`, true},
		{"Thundra", `"#warmup wait=200"`, true},
		{"flags", `{"keepWarm":true}`, true},
		{"a rule with an Input in its detail", `{"source":"aws.events","detail":{"warmer":true}}`, true},
		{"an SCF timer with a message", `{"Type":"Timer","Message":"{\"warmer\":true}"}`, true},
		{"a FunctionGraph timer with an event", `{"trigger_type":"TIMER","user_event":"{\"source\":\"serverless-plugin-warmup\"}"}`, true},
		{"a query for every customer", `{}`, false},
		{"a schedule", `{"source":"aws.events","detail":{}}`, false},
		{"a flag that is not set", `{"warmer":false}`, false},
		{"a flag that is a text", `{"warmer":"true"}`, false},
		{"another source", `{"source":"aws.ec2"}`, false},
		{"another text", `"warmup"`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			called := false
			h := newHosted(func(http.ResponseWriter, *http.Request) { called = true }, func(context.Context, Job) ([]byte, error) { called = true; return nil, nil })
			answer, err := Invoke(t.Context(), h.opts, "id-1", []byte(test.event))
			if pinged := err == nil && string(answer) == "{}" && !called; pinged != test.want {
				t.Errorf("answered %q, %v, called: %t", answer, err, called)
			}
			if test.want && !strings.Contains(h.log.String(), `"trigger":"warm-up"`) {
				t.Errorf("the log says %s", h.log)
			}
		})
	}
}

// The caller of an API event gets an answer even if a member of the event is invalid.
func TestWrongMembersOfAPIEvents(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, event, member string }{
		{"SCF, a flag that is a text", `{"httpMethod":"POST","path":"/v1/credit","headers":{},"queryString":{},"body":"e30=","isBase64Encoded":"true"}`, "isBase64Encoded"},
		{"SCF, a body that is an object", `{"httpMethod":"POST","path":"/v1/credit","headers":{},"queryString":{},"body":{"limit":1}}`, "body"},
		{"SCF, both", `{"httpMethod":"POST","path":"/v1/credit","body":{"limit":1},"isBase64Encoded":"true"}`, "body"},
		{"SCF's gateway", `{"httpMethod":"POST","path":"/v1/credit","requestContext":{"serviceId":"s"},"body":["x"]}`, "body"},
		{"invalid headers", `{"httpMethod":"GET","path":"/","headers":["a"]}`, "headers"},
		{"an invalid header", `{"httpMethod":"GET","path":"/","headers":{"a":{"b":1}}}`, "headers"},
		{"a query in depth", `{"httpMethod":"GET","path":"/","queryString":{"a":[["b"]]}}`, "queryString"},
		{"HTTP API", `{"version":"2.0","rawPath":"/","body":1,"requestContext":{"http":{"method":"GET"}}}`, "body"},
		{"REST API", `{"httpMethod":"POST","resource":"/","path":"/","body":true}`, "body"},
		{"ALB", `{"httpMethod":"POST","path":"/","requestContext":{"elb":{}},"body":{}}`, "body"},
		{"invalid base64", `{"httpMethod":"POST","path":"/","body":"%","isBase64Encoded":true}`, "body"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			called := false
			h := newHosted(func(http.ResponseWriter, *http.Request) { called = true }, nil)
			answer, err := Invoke(t.Context(), h.opts, "id-1", []byte(test.event))
			text := string(answer)
			if err != nil || called || !strings.Contains(text, `"statusCode":400`) || !strings.Contains(text, "application/problem+json") || !strings.Contains(text, test.member) {
				t.Errorf("answered %s, %v, called: %t", text, err, called)
			}
		})
	}
}

// An answer ends before the gateway gives up and before the platform ends the function.
func TestGatewaysDeadlines(t *testing.T) {
	t.Parallel()
	v2 := func(domain string) string {
		return `{"version":"2.0","rawPath":"/","requestContext":{"domainName":"` + domain + `","http":{"method":"GET"}}}`
	}
	for _, test := range []struct {
		name, event    string
		function, want time.Duration
	}{
		{"HTTP API", v2("a1.execute-api.eu-west-1.amazonaws.com"), 15 * time.Minute, 27 * time.Second},
		{"HTTP API, a custom domain", v2("api.example.com"), 15 * time.Minute, 27 * time.Second},
		{"HTTP API, format 1.0", `{"version":"1.0","httpMethod":"GET","resource":"/","path":"/"}`, 15 * time.Minute, 27 * time.Second},
		{"REST API", `{"httpMethod":"GET","resource":"/","path":"/"}`, 15 * time.Minute, 27 * time.Second},
		{"a shorter function", `{"httpMethod":"GET","resource":"/","path":"/"}`, 10 * time.Second, 9 * time.Second},
		{"Function URL", v2("abc.lambda-url.eu-west-1.on.aws"), 15 * time.Minute, 15*time.Minute - 10*time.Second},
		{"ALB", `{"httpMethod":"GET","path":"/","requestContext":{"elb":{}}}`, 15 * time.Minute, 55 * time.Second},
		{"SCF Function URL", `{"httpMethod":"GET","path":"/"}`, 15 * time.Minute, 15*time.Minute - 10*time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), test.function)
				defer cancel()
				var left time.Duration
				h := newHosted(func(_ http.ResponseWriter, r *http.Request) {
					deadline, _ := r.Context().Deadline()
					left = time.Until(deadline)
				}, nil)
				if _, err := Invoke(ctx, h.opts, "id-1", []byte(test.event)); err != nil || left != test.want {
					t.Errorf("the handler has %s, %v, want %s", left, err, test.want)
				}
			})
		})
	}
}

func TestRequestHeaders(t *testing.T) {
	t.Parallel()
	r := requestOf(t, `{
		"rawPath":"/","cookies":["a=1","b=2"],
		"headers":{"host":"api.example.com","x-request-id":"forged","accept":"text/csv, */*"},
		"requestContext":{"domainName":"other.example.com","http":{"method":"GET","sourceIp":"2001:db8::1"}}}`)
	for _, check := range []struct{ what, got, want string }{
		{"Host", r.Host, "api.example.com"},
		{"the Host header", r.Header.Get("Host"), ""},
		{"Cookie", r.Header.Get("Cookie"), "a=1; b=2"},
		{"X-Request-Id", strings.Join(r.Header.Values("X-Request-Id"), "|"), "id-1"},
		{"Accept", r.Header.Get("Accept"), "text/csv, */*"},
		{"RemoteAddr", r.RemoteAddr, "[2001:db8::1]:0"},
	} {
		if check.got != check.want {
			t.Errorf("%s = %q, want %q", check.what, check.got, check.want)
		}
	}

	r = requestOf(t, `{"requestContext":{"elb":{}},"httpMethod":"GET","path":"/","multiValueHeaders":{
		"accept":["text/csv","application/json"],"x-forwarded-for":["192.0.2.1, 198.51.100.2","203.0.113.10"]}}`)
	if got := r.Header.Values("Accept"); len(got) != 2 {
		t.Errorf("Accept = %q, want both values", got)
	}
	if r.RemoteAddr != "203.0.113.10:0" {
		t.Errorf("RemoteAddr = %q, want what the load balancer appended", r.RemoteAddr)
	}
}

func TestRequestBodies(t *testing.T) {
	t.Parallel()
	binary := []byte{0, 0xff, '"', '\n', 0x80}
	for _, test := range []struct {
		name, event string
		want        []byte
	}{
		{"text", `{"httpMethod":"POST","resource":"/","path":"/","body":"{\"a\":\"é\"}"}`, []byte(`{"a":"é"}`)},
		{"null", `{"httpMethod":"POST","resource":"/","path":"/","body":null}`, nil},
		{"binary", `{"httpMethod":"POST","resource":"/","path":"/","isBase64Encoded":true,"body":"` + base64.StdEncoding.EncodeToString(binary) + `"}`, binary},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := requestOf(t, test.event)
			got, err := io.ReadAll(r.Body)
			if err != nil || !bytes.Equal(got, test.want) || r.ContentLength != int64(len(test.want)) {
				t.Errorf("body = %q, %v, length %d, want %q", got, err, r.ContentLength, test.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	for _, function := range functions {
		files, err := filepath.Glob(filepath.Join(samples, function, "events", "*.json"))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Add([]byte(`{"warmer":true}`))
	f.Add([]byte(`{"httpMethod":"POST","resource":"/{proxy+}","path":"/a/b","pathParameters":{"proxy":"b"},"body":{}}`))
	f.Add([]byte(`{"httpMethod":"G T","path":"%zz","headers":{"a":[1,null,true]},"queryString":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := decode(text)
		switch {
		case err != nil:
			if core.CodeOf(err) != core.CodeInvalid {
				t.Errorf("decode(%q) = %v, want code %s", text, err, core.CodeInvalid)
			}
		case d.trigger == "":
			t.Errorf("decode(%q) names no trigger", text)
		case d.trigger == TriggerWarmUp:
		case d.api != nil:
			r, err := d.api.http(t.Context(), "id-1")
			if err != nil {
				if core.CodeOf(err) != core.CodeInvalid {
					t.Errorf("decode(%q): request %v, want code %s", text, err, core.CodeInvalid)
				}
				return
			}
			if !strings.HasPrefix(r.URL.Path, "/") || r.Body == nil {
				t.Errorf("decode(%q): path %q, body %v", text, r.URL.Path, r.Body)
			}
		case len(d.jobs) == 0:
			t.Errorf("decode(%q) is neither a request nor a job", text)
		}
	})
}
