package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"partnerlens/internal/api"
	"partnerlens/pkg/core"
	"partnerlens/pkg/sheet"
)

func decodeBody(t *testing.T, answer *http.Response) any {
	t.Helper()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, body)
}

// manyCredits returns n customers.
func manyCredits(n int) []core.CustomerCredit {
	all := make([]core.CustomerCredit, n)
	for i := range all {
		all[i] = credit(fmt.Sprint(200000000000+i), fmt.Sprintf("Example %d", i), "1000.00", "500.00")
	}
	return all
}

// TestTrailersOverTheWire reads a CSV answer over HTTP/1 and HTTP/2.
func TestTrailersOverTheWire(t *testing.T) {
	t.Parallel()
	for _, version := range []int{1, 2} {
		server := httptest.NewUnstartedServer((&cloud{credits: manyCredits(500), pageSize: 100}).handler())
		server.EnableHTTP2 = version == 2
		server.StartTLS()
		t.Cleanup(server.Close)
		for _, limit := range []int{1, 499, 500} {
			r, err := http.NewRequestWithContext(t.Context(), "GET", fmt.Sprintf("%s/v1/credit?limit=%d", server.URL, limit), nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept", "text/csv")
			answer, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(answer.Body)
			_ = answer.Body.Close()
			if err != nil || answer.ProtoMajor != version {
				t.Fatalf("HTTP/%d: %v", answer.ProtoMajor, err)
			}
			complete := limit == 500
			if got := answer.Trailer.Get("Partnerlens-Complete"); got != fmt.Sprint(complete) {
				t.Errorf("HTTP/%d, limit %d: Partnerlens-Complete = %q", version, limit, got)
			}
			if got := answer.Trailer.Get("Partnerlens-Stopped"); (got == "limit") == complete {
				t.Errorf("HTTP/%d, limit %d: Partnerlens-Stopped = %q", version, limit, got)
			}
			next := answer.Trailer.Get("Partnerlens-Next")
			if last := "\r\n#incomplete,limit," + next + ","; (next == "") != complete || strings.Contains(string(body), last) == complete {
				t.Errorf("HTTP/%d, limit %d: next %q, last row %q", version, limit, next, body[bytes.LastIndexByte(body[:len(body)-1], '\n'):])
			}
		}
	}
}

// TestHeadReadsNothing also compares the headers of HEAD with those of GET.
func TestHeadReadsNothing(t *testing.T) {
	t.Parallel()
	var pages atomic.Int64
	c := clouds()["steady"]
	c.fetched = func(context.Context) { pages.Add(1) }
	handler := c.handler()
	for _, target := range []string{"/v1/credit", "/v1/tags?status=qualified", "/v1/credit/200000000001", "/v1/tags/0e4a00000000000000000000000000a1", "/v1/credit?limit=0", "/v1/credit?account=nowhere", "/v1/credit?cursor=forged", "/v1/credit?account=all&cursor=forged", "/v1/tags?x=1", "/healthz", "/openapi.yaml", "/nowhere"} {
		for _, accept := range []string{"*/*", "application/x-ndjson", "text/csv", "image/png"} {
			r := httptest.NewRequest("HEAD", target, nil)
			r.Header.Set("Accept", accept)
			r.Header.Set("X-Request-Id", "the-same")
			head := serve(handler, r)
			loadContract(t).check(t, r, head)
			if n := pages.Swap(0); n != 0 {
				t.Errorf("HEAD %s read %d pages", target, n)
			}
			if body, _ := io.ReadAll(head.Body); len(body) > 0 {
				t.Errorf("HEAD %s has a body", target)
			}
			r.Method = "GET"
			get := serve(handler, r)
			if head.StatusCode != get.StatusCode || headerText(head.Header) != headerText(get.Header) {
				t.Errorf("HEAD %s as %s = %d\n%s, GET = %d\n%s", target, accept, head.StatusCode, headerText(head.Header), get.StatusCode, headerText(get.Header))
			}
			pages.Store(0)
		}
	}
}

// TestHeadFailsAsGetFails has an account that cannot be opened, which HEAD finds if there
// is a cursor to check.
func TestHeadFailsAsGetFails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		err  error
		want int
	}{
		{"the setting is missing", errSetting, http.StatusInternalServerError},
		{"the secret store denies access", errDenied, http.StatusBadGateway},
		{"the secret store asks to slow down", errThrottled, http.StatusServiceUnavailable},
		{"time runs out", context.DeadlineExceeded, http.StatusGatewayTimeout},
		{"the caller goes away", context.Canceled, 499},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			handler := (&cloud{open: test.err}).handler()
			for _, method := range []string{"HEAD", "GET"} {
				for _, path := range []string{"/v1/credit?cursor=any", "/v1/tags?cursor=any"} {
					r := httptest.NewRequest(method, path, nil)
					answer := serve(handler, r)
					loadContract(t).check(t, r, answer)
					if answer.StatusCode != test.want {
						t.Errorf("%s %s = %d, want %d", method, path, answer.StatusCode, test.want)
					}
				}
			}
		})
	}
}

// TestClientGoesAway cancels a request within its third page.
func TestClientGoesAway(t *testing.T) {
	t.Parallel()
	for accept, last := range map[string]string{
		"application/json":     `"code":"canceled"`,
		"application/x-ndjson": `"code":"canceled"`,
		"text/csv":             "\r\n#incomplete,canceled,,the caller went away,",
	} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var pages atomic.Int64
		c := &cloud{credits: manyCredits(100), pageSize: 10, fetched: func(context.Context) {
			if pages.Add(1) == 3 {
				cancel()
			}
		}}
		r := httptest.NewRequestWithContext(ctx, "GET", "/v1/credit", nil)
		r.Header.Set("Accept", accept)
		answer := serve(c.handler(), r)
		body, _ := io.ReadAll(answer.Body)
		if n := pages.Load(); n > 8 { // of 12; those under way end with it
			t.Errorf("%s: %d pages were read after the client went away", accept, n-3)
		}
		lines := strings.Split(strings.TrimSpace(string(body)), "\n")
		if got := "\r\n" + lines[len(lines)-1]; !strings.Contains(got, last) {
			t.Errorf("%s: an answer that was cut short ends in %q", accept, got)
		}
		if accept == "text/csv" && answer.Trailer.Get("Partnerlens-Complete") != "false" {
			t.Errorf("Partnerlens-Complete = %q", answer.Trailer.Get("Partnerlens-Complete"))
		}
		if json := accept == "application/json"; (answer.StatusCode == 499) != json {
			t.Errorf("%s: status %d", accept, answer.StatusCode)
		}
	}
}

// brokenWriter fails from the nth write on.
type brokenWriter struct {
	*httptest.ResponseRecorder
	left int
}

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.left--; w.left < 0 {
		return 0, errors.New("broken pipe")
	}
	return w.ResponseRecorder.Write(p)
}

func TestReadingStopsWhereWritingFails(t *testing.T) {
	t.Parallel()
	for _, accept := range []string{"application/json", "application/x-ndjson", "text/csv"} {
		for writes := range 6 {
			var pages atomic.Int64
			c := &cloud{credits: manyCredits(100), pageSize: 2, fetched: func(context.Context) { pages.Add(1) }}
			r := httptest.NewRequest("GET", "/v1/credit", nil)
			r.Header.Set("Accept", accept)
			c.handler().ServeHTTP(&brokenWriter{httptest.NewRecorder(), writes}, r)
			if n := pages.Load(); accept != "application/json" && n > 10 { // of 51; a few are under way at any time
				t.Errorf("%s, %d writes: %d pages were read after the client disconnected", accept, writes, n)
			}
		}
	}
}

// TestRecordsArriveDuringTheRead blocks the vendor's last page until the client has records
// of the first.
func TestRecordsArriveDuringTheRead(t *testing.T) {
	t.Parallel()
	received := make(chan struct{})
	pages := 0
	c := &cloud{credits: manyCredits(200), pageSize: 100}
	c.fetched = func(ctx context.Context) {
		if pages++; pages == 2 {
			select {
			case <-received:
			case <-ctx.Done():
			}
		}
	}
	server := httptest.NewServer(c.handler())
	t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/v1/credit", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "application/x-ndjson")
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	first := make([]byte, 12)
	if _, err := io.ReadFull(answer.Body, first); err != nil || string(first) != `{"provider":` {
		t.Fatalf("got %q: %v", first, err)
	}
	close(received)
	if rest, err := io.ReadAll(answer.Body); err != nil || !bytes.Contains(rest, []byte(`"complete":true`)) {
		t.Errorf("the rest did not come whole: %v", err)
	}
}

// TestLog requires the failure in the log, and nothing of the request.
func TestLog(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	failing := func(err error) http.Handler {
		opts := insider()
		opts.Logger = slog.New(slog.NewJSONHandler(&log, nil))
		return (&cloud{open: err}).handlerWith(opts)
	}
	const private = "privately-owned"
	r := httptest.NewRequest("POST", "/v1/credit", strings.NewReader(`{"filter_type":"name","filter":"`+private+`"}`))
	r.Header.Set("Authorization", private)
	r.Header.Set("X-Request-Id", "abc")
	serve(failing(errThrottled), r)
	for _, want := range []string{`"route":"POST /v1/credit"`, `"code":"throttled"`, `"request_id":"abc"`, "cause for the operator"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not hold %s:\n%s", want, &log)
		}
	}
	for _, target := range []string{"/v1/credit?filter_type=email&filter=" + private, "/v1/credit/200000000001?x=" + private, "/" + private, "/v1/credit?" + private} {
		serve(failing(core.Invalid("account", private)), httptest.NewRequest("GET", target, nil))
		serve(failing(errUnavailable), httptest.NewRequest("GET", target, nil))
	}
	if strings.Contains(log.String(), private) {
		t.Errorf("the log holds what was asked:\n%s", &log)
	}
}

func TestPanicsReachTheHost(t *testing.T) {
	t.Parallel()
	c := &cloud{fetched: func(context.Context) { panic(http.ErrAbortHandler) }}
	defer func() {
		if got, _ := recover().(error); !errors.Is(got, http.ErrAbortHandler) {
			t.Errorf("recovered %v, want http.ErrAbortHandler", got)
		}
	}()
	serve(c.handler(), httptest.NewRequest("GET", "/v1/credit", nil))
}

// TestWriters tests the formats without HTTP.
func TestWriters(t *testing.T) {
	t.Parallel()
	c := clouds()["breaks"]
	c.pageSize = 2
	function := core.CreditFunction(func(context.Context, string) (*core.Reader[core.CreditQuery, *core.CustomerCredit], error) {
		return core.NewReader(creditSource{c}, &core.ReaderOptions[core.CreditQuery]{Attempts: 1}), nil
	}, nil)
	question, err := function.Ask(core.Params{})
	if err != nil {
		t.Fatal(err)
	}
	for format, write := range map[string]func(io.Writer) (core.Report, error){
		"csv": func(w io.Writer) (core.Report, error) {
			return api.WriteCSV(t.Context(), w, function, question, sheet.Style{})
		},
		"ndjson": func(w io.Writer) (core.Report, error) { return api.WriteNDJSON(t.Context(), w, question) },
		"json":   func(w io.Writer) (core.Report, error) { return api.WriteJSON(t.Context(), w, question) },
	} {
		var out bytes.Buffer
		report, err := write(&out)
		if err != nil || report.Count != 2 || report.Complete || !strings.Contains(out.String(), "no answer after 4 tries") {
			t.Errorf("%s = %+v, %v:\n%s", format, report, err, &out)
		}
		if _, err := write(&brokenWriter{httptest.NewRecorder(), 1}); err == nil {
			t.Errorf("%s to a broken pipe gives no error", format)
		}
	}
}

// failing is a question whose read fails after some records.
type failing struct {
	records int
	err     error
}

func (f failing) Read(_ context.Context, keep func(core.Record) bool) (core.Report, error) {
	for i := range f.records {
		record := credit(fmt.Sprint(200000000000+i), "Example", "1000.00", "500.00")
		if !keep(&record) {
			break
		}
	}
	return core.Report{Schema: core.Schema("credit"), Count: f.records, Complete: true}, f.err
}

// TestWriteJSON reads what WriteJSON writes. A read that fails leaves nothing
// before its first record, and after it a document that says so.
func TestWriteJSON(t *testing.T) {
	t.Parallel()
	broken := &core.Error{Code: core.CodeUnavailable, Detail: "gone"}
	for _, test := range []struct {
		name    string
		read    failing
		problem string
	}{
		{"no record", failing{}, ""},
		{"one", failing{records: 1}, ""},
		{"three", failing{records: 3}, ""},
		{"a failure at once", failing{err: broken}, ""},
		{"a failure after two", failing{records: 2, err: broken}, "unavailable"},
	} {
		var out bytes.Buffer
		report, err := api.WriteJSON(t.Context(), &out, test.read)
		if test.read.err != nil && test.read.records == 0 {
			if out.Len() > 0 || !errors.Is(err, test.read.err) {
				t.Errorf("%s: %v, %s", test.name, err, &out)
			}
			continue
		}
		var got struct {
			Items []struct {
				CustomerID string `json:"customer_id"`
			}
			Complete *bool
			Schema   string
			Problem  struct{ Code string }
		}
		if jsonErr := json.Unmarshal(out.Bytes(), &got); jsonErr != nil || got.Items == nil || len(got.Items) != test.read.records || got.Complete == nil {
			t.Fatalf("%s: %v: %s", test.name, jsonErr, &out)
		}
		if strings.Count(out.String(), "\n") != 1 || !strings.HasSuffix(out.String(), "}\n") {
			t.Errorf("%s is not one line: %s", test.name, &out)
		}
		if want := test.read.err == nil; *got.Complete != want || got.Problem.Code != test.problem || (err == nil) != want || want && got.Schema != report.Schema {
			t.Errorf("%s: %v: %s", test.name, err, &out)
		}
		if n := len(got.Items); n > 0 && got.Items[n-1].CustomerID != fmt.Sprint(200000000000+n-1) {
			t.Errorf("%s: %s", test.name, &out)
		}
	}
}

// An answer from an earlier read has its age.
func TestAge(t *testing.T) {
	t.Parallel()
	c := &cloud{credits: manyCredits(10), pageSize: 100, shareFor: time.Minute}
	h := c.handler()
	for i, accept := range []string{"application/json", "application/json", "application/x-ndjson", "text/csv"} {
		r := httptest.NewRequest("GET", "/v1/credit", nil)
		r.Header.Set("Accept", accept)
		answer := serve(h, r)
		if age, shared := answer.Header["Age"], i > 0; (age != nil) != shared || shared && age[0] != "0" {
			t.Errorf("%d: %s: Age %v", i, accept, age)
		}
	}
}
