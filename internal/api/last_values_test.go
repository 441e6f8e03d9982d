package api_test

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"partnerlens/pkg/core"
)

// Behind a load balancer that passes on the last value only, an answer to a query with a
// repeatable parameter has a warning, in every format.
func TestLastValuesAreWarnedOf(t *testing.T) {
	t.Parallel()
	const id = "0e4a00000000000000000000000000a1"
	contract := loadContract(t)
	for _, test := range []struct {
		name, method, target, body string
		last                       bool
		want                       string // in the warning; "": there is none
	}{
		{"by id", "GET", "/v1/tags?customer_id=" + id, "", true, "customer_id: "},
		{"by ids", "GET", "/v1/tags?customer_ids=" + id, "", true, "customer_ids: "},
		{"by status", "GET", "/v1/tags?status=qualified", "", true, "status: "},
		{"by both", "GET", "/v1/tags?customer_id=" + id + "&status=qualified", "", true, "customer_id, status: "},
		{"all customers", "GET", "/v1/tags?limit=9", "", true, ""},
		{"one customer", "GET", "/v1/tags/" + id, "", true, ""},
		{"by POST", "POST", "/v1/tags", `{"customer_ids":["` + id + `"]}`, true, ""},
		{"with every value", "GET", "/v1/tags?customer_id=" + id, "", false, ""},
	} {
		for _, accept := range []string{"application/json", "application/x-ndjson", "text/csv"} {
			opts := insider()
			opts.LastValues = func(*http.Request) bool { return test.last }
			r := httptest.NewRequest(test.method, test.target, strings.NewReader(test.body))
			r.Header.Set("Accept", accept)
			answer := serve(clouds()["steady"].handlerWith(opts), r)
			contract.check(t, r, answer)
			body, err := io.ReadAll(answer.Body)
			if err != nil {
				t.Fatal(err)
			}
			code, words := warningIn(t, accept, string(body))
			if (words == "") != (test.want == "") || !strings.HasPrefix(words, test.want) || words != "" && code != "last_values_only" {
				t.Errorf("%s as %s: the warning is %q %q, want %q", test.name, accept, code, words, test.want)
			}
		}
	}
}

// warningIn returns the first warning of a complete answer.
func warningIn(t *testing.T, accept, body string) (code, words string) {
	t.Helper()
	if accept == "text/csv" {
		rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if last := rows[len(rows)-1]; last[0] == "#warning" {
			return last[1], last[4]
		}
		return "", ""
	}
	lines := strings.Split(strings.TrimSpace(body), "\n")
	var report core.Report
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &report); err != nil || !report.Complete {
		t.Fatalf("%v: %.300s", err, body)
	}
	if len(report.Warnings) == 0 {
		return "", ""
	}
	return report.Warnings[0].Code, report.Warnings[0].Message
}
