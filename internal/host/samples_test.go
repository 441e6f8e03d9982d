package host

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const samples = "../../functions"

func sample(t testing.TB, function, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(samples, function, "events", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// wantSample is the decoded form of a sample event, for each function in place of FUNCTION.
type wantSample struct {
	trigger string
	host    string // of a request
	foreign string // the target of a request that is not for a function
	jobs    []Job  // of no request
}

var scheduled = time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)

var wantSamples = map[string]wantSample{
	"lambda-http-api-v2.json":  {trigger: TriggerHTTPAPI, host: "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"},
	"lambda-function-url.json": {trigger: TriggerLambdaFunctionURL, host: "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-central-1.on.aws"},
	"lambda-rest-v1.json":      {trigger: TriggerRESTAPI, host: "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"},
	"lambda-alb.json":          {trigger: TriggerALB, host: "partnerlens-1234567890.eu-central-1.elb.amazonaws.com"},
	"scf-function-url.json":    {trigger: TriggerSCFFunctionURL, host: "1250000000-example0001.ap-singapore.tencentscf.com"},
	"scf-api-gateway.json":     {trigger: TriggerSCFAPIGateway, host: "service-example1-1250000000.sg.apigw.tencentcs.com"},
	"scf-cli-api-gateway.json": {
		trigger: TriggerSCFAPIGateway, host: "service-3ei3tii4-251000691.ap-guangzhou.apigateway.myqloud.com", foreign: "/test/value?foo=bar&bob=alice",
	},
	"lambda-eventbridge-rule.json": {trigger: TriggerEventBridgeRule, jobs: []Job{
		{Name: "partnerlens-FUNCTION-daily", ID: "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", Scheduled: scheduled},
	}},
	"lambda-eventbridge-scheduler.json": {trigger: TriggerDirect, jobs: []Job{{Payload: []byte(`{"limit":5}`)}}},
	"lambda-eventbridge-scheduler-no-input.json": {trigger: TriggerScheduler, jobs: []Job{
		{Name: "partnerlens-FUNCTION-daily", ID: "27640b56-a2c0-4e4a-9d0e-3c8b6f0a1d5e", Scheduled: scheduled},
	}},
	"lambda-sqs.json": {trigger: TriggerSQS, jobs: []Job{
		{Name: "partnerlens-FUNCTION", ID: "059f36b4-87a3-44ab-83d2-661975830a7d", Payload: []byte(`{"limit":5}`)},
		{Name: "partnerlens-FUNCTION", ID: "2e1424d4-f796-459a-8184-9c92662be6da", Payload: []byte(`{"limit":1}`)},
	}},
	"lambda-direct.json": {trigger: TriggerDirect, jobs: []Job{{Payload: []byte(`{"limit":5}`)}}},
	"scf-direct.json":    {trigger: TriggerDirect, jobs: []Job{{Payload: []byte(`{"limit":5}`)}}},
	"scf-timer.json": {trigger: TriggerSCFTimer, jobs: []Job{
		{Name: "partnerlens-FUNCTION-daily", Payload: []byte(`{"limit":5}`), Scheduled: scheduled},
	}},
	"functiongraph-timer.json": {trigger: TriggerFunctionGraph, jobs: []Job{
		{Name: "partnerlens-FUNCTION-daily", Payload: []byte(`{"limit":5}`), Scheduled: scheduled},
	}},
}

var functions = []string{"credit", "tags"}

func TestSamples(t *testing.T) {
	t.Parallel()
	for _, function := range functions {
		for name, want := range wantSamples {
			t.Run(function+"/"+name, func(t *testing.T) {
				t.Parallel()
				d, err := decode(sample(t, function, name))
				if err != nil {
					t.Fatal(err)
				}
				if d.trigger != want.trigger {
					t.Errorf("trigger = %q, want %q", d.trigger, want.trigger)
				}
				switch {
				case want.foreign != "":
					checkForeignRequest(t, d, want)
				case want.host != "":
					checkSampleRequest(t, d, function, want)
				default:
					checkSampleJobs(t, d, function, want)
				}
			})
		}
	}
}

// All API events of a function have the same query.
func checkSampleRequest(t *testing.T, d decoded, function string, want wantSample) {
	if d.api == nil || d.jobs != nil {
		t.Fatalf("decode = %+v, want a request", d)
	}
	r, err := d.api.http(t.Context(), "id-1")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || len(body) > 0 {
		t.Errorf("body = %q, %v, want none", body, err)
	}
	for _, check := range []struct{ what, got, want string }{
		{"method", r.Method, "GET"},
		{"path", r.URL.Path, "/v1/" + function},
		{"target", r.RequestURI, "/v1/" + function + "?limit=5"},
		{"host", r.Host, want.host},
		{"remote address", r.RemoteAddr, "203.0.113.10:0"},
		{"Accept", r.Header.Get("Accept"), "application/json"},
		{"User-Agent", r.Header.Get("User-Agent"), "curl/8.14.1"},
		{"X-Request-Id", r.Header.Get("X-Request-Id"), "id-1"},
	} {
		if check.got != check.want {
			t.Errorf("%s = %q, want %q", check.what, check.got, check.want)
		}
	}
}

// The event is the one that the vendor's CLI generates; its body is escaped for HTML.
func checkForeignRequest(t *testing.T, d decoded, want wantSample) {
	if d.api == nil || d.jobs != nil {
		t.Fatalf("decode = %+v, want a request", d)
	}
	r, err := d.api.http(t.Context(), "id-1")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if want := "{&quot;msg&quot;: &quot;hello apigateway&quot;}"; err != nil || string(body) != want {
		t.Errorf("body = %q, %v, want %q", body, err, want)
	}
	for _, check := range []struct{ what, got, want string }{
		{"method", r.Method, "POST"},
		{"target", r.RequestURI, want.foreign},
		{"host", r.Host, want.host},
		{"remote address", r.RemoteAddr, "127.0.0.1:0"},
		{"Accept", r.Header.Get("Accept"), "text/html,application/xml,application/json"},
	} {
		if check.got != check.want {
			t.Errorf("%s = %q, want %q", check.what, check.got, check.want)
		}
	}
}

func checkSampleJobs(t *testing.T, d decoded, function string, want wantSample) {
	if d.api != nil || len(d.jobs) != len(want.jobs) {
		t.Fatalf("decode = %+v, want %d jobs", d, len(want.jobs))
	}
	for i, want := range want.jobs {
		got := d.jobs[i]
		if got.Trigger != d.trigger {
			t.Errorf("job %d: Trigger = %q, want %q", i, got.Trigger, d.trigger)
		}
		if name := strings.ReplaceAll(want.Name, "FUNCTION", function); got.Name != name {
			t.Errorf("job %d: Name = %q, want %q", i, got.Name, name)
		}
		if got.ID != want.ID {
			t.Errorf("job %d: ID = %q, want %q", i, got.ID, want.ID)
		}
		if !got.Scheduled.Equal(want.Scheduled) {
			t.Errorf("job %d: Scheduled = %v, want %v", i, got.Scheduled, want.Scheduled)
		}
		payload := strings.Join(strings.Fields(string(got.Payload)), "")
		if payload != string(want.Payload) || (got.Payload == nil) != (want.Payload == nil) {
			t.Errorf("job %d: Payload = %q, want %q", i, got.Payload, want.Payload)
		}
	}
}

// Each file is in wantSamples and in the folder's README, and each entry is a file.
func TestSamplesAreListed(t *testing.T) {
	t.Parallel()
	for _, function := range functions {
		readme := string(sample(t, function, "README.md"))
		files, err := filepath.Glob(filepath.Join(samples, function, "events", "*.json"))
		if err != nil || len(files) != len(wantSamples) {
			t.Errorf("%s has %d samples (%v), want %d", function, len(files), err, len(wantSamples))
		}
		for _, file := range files {
			name := filepath.Base(file)
			if _, ok := wantSamples[name]; !ok {
				t.Errorf("%s/%s is not tested", function, name)
			}
			if !strings.Contains(readme, "`"+name+"`") {
				t.Errorf("%s/%s is not in the README", function, name)
			}
		}
	}
}
