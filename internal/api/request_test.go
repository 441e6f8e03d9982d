package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"partnerlens/pkg/core"
)

func TestBadRequests(t *testing.T) {
	t.Parallel()
	contract := loadContract(t)
	handler := clouds()["steady"].handler()
	long := strings.Repeat("1", 65)
	// A cursor of a query for every customer, for use with another query.
	var first core.Report
	answer := serve(handler, httptest.NewRequest("GET", "/v1/credit?limit=1", nil))
	if err := json.NewDecoder(answer.Body).Decode(&first); err != nil || first.Next == nil {
		t.Fatalf("no cursor to test with: %v", err)
	}
	cursor := *first.Next
	edited := cursor[:len(cursor)-1] + "A"

	tests := []struct {
		name, method, target, body string
		code                       core.Code
		param                      string
		says                       string // a part of the detail
	}{
		{"unknown filter type", "GET", "/v1/credit?filter_type=phone&filter=1", "", core.CodeInvalid, "filter_type", "customer_id, name, remark or email"},
		{"filter without filter type", "GET", "/v1/credit?filter=1", "", core.CodeInvalid, "filter_type", "missing"},
		{"filter type without filter", "GET", "/v1/credit?filter_type=name", "", core.CodeInvalid, "filter", "empty"},
		{"empty filter", "GET", "/v1/credit?filter_type=name&filter=", "", core.CodeInvalid, "filter", "empty"},
		{"filter that is no id", "GET", "/v1/credit?filter_type=customer_id&filter=abc", "", core.CodeInvalid, "filter", "digits"},
		{"unknown order", "GET", "/v1/credit?order=up", "", core.CodeInvalid, "order", "asc or desc"},
		{"long id", "GET", "/v1/tags?customer_id=" + long, "", core.CodeInvalid, "customer_id", "longer than 64"},
		{"long id in the path", "GET", "/v1/tags/" + long, "", core.CodeInvalid, "customer_id", "longer than 64"},
		{"long id in the body", "POST", "/v1/tags", `{"customer_ids":["` + long + `"]}`, core.CodeInvalid, "customer_ids", "longer than 64"},
		{"id with a space", "GET", "/v1/tags/a%20b", "", core.CodeInvalid, "customer_id", "space"},
		{"id that is no number", "GET", "/v1/credit/abc", "", core.CodeInvalid, "customer_id", "digits"},
		{"empty id", "GET", "/v1/tags?customer_id=", "", core.CodeInvalid, "customer_id", "empty"},
		{"one empty id of two", "GET", "/v1/tags?customer_id=1&customer_id=", "", core.CodeInvalid, "customer_id", "empty"},
		{"no ids", "POST", "/v1/tags", `{"customer_ids":[]}`, core.CodeInvalid, "customer_ids", "leave it out for everyone"},
		{"null ids", "POST", "/v1/tags", `{"customer_ids":null}`, core.CodeInvalid, "customer_ids", "leave it out for everyone"},
		{"ids under both names", "POST", "/v1/tags", `{"customer_ids":["1"],"customer_id":"2"}`, core.CodeInvalid, "customer_ids", "one of the two"},
		{"negative limit", "GET", "/v1/tags?limit=-1", "", core.CodeInvalid, "limit", "from 1 up"},
		{"zero limit", "GET", "/v1/tags?limit=0", "", core.CodeInvalid, "limit", "from 1 up"},
		{"word for a limit", "GET", "/v1/tags?limit=all", "", core.CodeInvalid, "limit", "from 1 up"},
		{"fraction for a limit", "POST", "/v1/tags", `{"limit":1.5}`, core.CodeInvalid, "limit", "whole number"},
		{"empty limit", "GET", "/v1/tags?limit=", "", core.CodeInvalid, "limit", "empty"},
		{"limit twice", "GET", "/v1/tags?limit=1&limit=2", "", core.CodeInvalid, "limit", "given 2 times"},
		{"cursor of another query", "GET", "/v1/credit?order=desc&cursor=" + cursor, "", core.CodeInvalid, "cursor", "another query"},
		{"cursor of another function", "GET", "/v1/tags?cursor=" + cursor, "", core.CodeInvalid, "cursor", "another query"},
		{"cursor of another account", "GET", "/v1/credit?account=emea&cursor=" + cursor, "", core.CodeInvalid, "cursor", "another query"},
		{"cursor edited", "GET", "/v1/credit?cursor=" + edited, "", core.CodeInvalid, "cursor", "unchanged"},
		{"no cursor at all", "GET", "/v1/credit?cursor=10", "", core.CodeInvalid, "cursor", "not a cursor"},
		{"unknown parameter", "GET", "/v1/tags?customerid=1", "", core.CodeInvalid, "customerid", "known are"},
		{"unknown member", "POST", "/v1/tags", `{"customerIds":["1"]}`, core.CodeInvalid, "customerIds", "known are"},
		{"unknown status", "GET", "/v1/tags?status=ok", "", core.CodeInvalid, "status", "qualified"},
		{"empty status", "GET", "/v1/tags?status=", "", core.CodeInvalid, "status", "use qualified"},
		{"unknown account", "GET", "/v1/tags?account=apac", "", core.CodeInvalid, "account", "configured: default, emea"},
		{"unknown account for an id", "GET", "/v1/tags/1?account=apac", "", core.CodeInvalid, "account", "configured"},
		{"percent without digits", "GET", "/v1/credit?filter_type=name&filter=10%zz", "", core.CodeInvalid, "filter", "%25"},
		{"percent in a name", "GET", "/v1/credit?%zz=1", "", core.CodeInvalid, "", "%25"},
		{"not UTF-8", "GET", "/v1/credit?filter_type=name&filter=%ff", "", core.CodeInvalid, "filter", "UTF-8"},
		{"semicolon", "GET", "/v1/credit?limit=1;status=ok", "", core.CodeInvalid, "", "%3B"},
		{"limit beside an id", "GET", "/v1/tags/1?limit=1", "", core.CodeInvalid, "limit", "reseller_id, names, account"},
		{"cursor beside an id", "GET", "/v1/credit/1?cursor=x", "", core.CodeInvalid, "cursor", "there may be vouchers, account"},
		{"status beside an id", "GET", "/v1/credit/1?status=ok", "", core.CodeInvalid, "status", "there may be vouchers, account"},
		{"id beside an id", "GET", "/v1/tags/1?customer_id=2", "", core.CodeInvalid, "customer_id", "not a parameter of this path"},
		{"filter beside an id", "GET", "/v1/credit/1?filter=2", "", core.CodeInvalid, "filter", "not a parameter of this path"},
		{"reseller beside a credit", "GET", "/v1/credit/1?reseller_id=2", "", core.CodeInvalid, "reseller_id", "not a parameter of this path"},
		{"bad reseller beside an id", "GET", "/v1/tags/1?reseller_id=", "", core.CodeInvalid, "reseller_id", "empty"},
		{"query beside a body", "POST", "/v1/tags?limit=1", `{}`, core.CodeInvalid, "", "body only"},
		{"body that is no JSON", "POST", "/v1/tags", `customer_ids=1`, core.CodeInvalid, "", "JSON object"},
		{"body that is a list", "POST", "/v1/tags", `["1"]`, core.CodeInvalid, "", "JSON object"},
		{"body that is null", "POST", "/v1/tags", `null`, core.CodeInvalid, "", "JSON object"},
		{"no body", "POST", "/v1/tags", ``, core.CodeInvalid, "", "JSON object"},
		{"a name twice", "POST", "/v1/tags", `{"limit":1,"limit":2}`, core.CodeInvalid, "", "each name once"},
		{"body over 1 MiB", "POST", "/v1/tags", `{"customer_ids":["` + strings.Repeat(" ", 1<<20) + `"]}`, core.CodeTooLarge, "", "1 MiB"},
		{"not an id of the account", "GET", "/v1/credit/200000000009", "", core.CodeNotFound, "customer_id", "200000000009 is not among"},
		{"not an id of the account", "GET", "/v1/tags/ff?reseller_id=all", "", core.CodeNotFound, "customer_id", "ff is not among"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, accept := range []string{"application/json", "application/x-ndjson", "text/csv"} {
				r := httptest.NewRequest(test.method, test.target, strings.NewReader(test.body))
				r.Header.Set("Accept", accept)
				answer := serve(handler, r)
				contract.check(t, r, answer)
				p := problemIn(t, answer)
				if p.Code != test.code || p.Param != test.param || !strings.Contains(p.Detail, test.says) {
					t.Errorf("%s %.80s as %s = %s, param %q, %q; want %s, %q, %q", test.method, test.target, accept, p.Code, p.Param, p.Detail, test.code, test.param, test.says)
				}
				if answer.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("Cache-Control = %q", answer.Header.Get("Cache-Control"))
				}
			}
		})
	}
}

type problem struct {
	Type, Title, Detail, Param string
	Status                     int
	Code                       core.Code
	RequestID                  string `json:"request_id"`
}

func problemIn(t *testing.T, answer *http.Response) problem {
	t.Helper()
	var p problem
	body, err := io.ReadAll(answer.Body)
	if err == nil {
		err = json.Unmarshal(body, &p)
	}
	if err != nil || answer.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("no problem, but %d as %s: %.300s", answer.StatusCode, answer.Header.Get("Content-Type"), body)
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return p
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	handler := clouds()["steady"].handler()
	tests := []struct {
		contentType, encoding string
		want                  int
	}{
		{"", "", 200},
		{"application/json", "", 200},
		{"Application/JSON; charset=UTF-8", "identity", 200},
		{"text/json", "", 415},
		{"application/x-www-form-urlencoded", "", 415},
		{"application/problem+json", "", 415},
		{"json", "", 415},
		{";", "", 415},
		{"application/json", "gzip", 415},
	}
	for _, test := range tests {
		r := httptest.NewRequest("POST", "/v1/tags", strings.NewReader(`{"limit":1}`))
		r.Header["Content-Type"] = []string{test.contentType}
		r.Header["Content-Encoding"] = []string{test.encoding}
		if got := serve(handler, r).StatusCode; got != test.want {
			t.Errorf("POST of %q, %q = %d, want %d", test.contentType, test.encoding, got, test.want)
		}
	}
}

func TestAccept(t *testing.T) {
	t.Parallel()
	const (
		json   = "application/json"
		ndjson = "application/x-ndjson"
		csv    = "text/csv; charset=utf-8; header=present"
		none   = "application/problem+json"
	)
	tests := []struct {
		accept []string
		want   string
	}{
		{nil, json},
		{[]string{""}, json},
		{[]string{" , "}, json},
		{[]string{"*/*"}, json},
		{[]string{"application/*"}, json},
		{[]string{"text/*"}, csv},
		{[]string{"text/csv"}, csv},
		{[]string{"TEXT/CSV"}, csv},
		{[]string{"application/x-ndjson"}, ndjson},
		{[]string{"application/json; charset=utf-8"}, json},
		{[]string{"text/csv; charset=gbk"}, none},
		{[]string{"text/csv; header=present"}, csv},
		{[]string{"text/csv; header=absent"}, none},
		{[]string{"text/csv;q=0.5, application/json;q=0.4"}, csv},
		{[]string{"text/csv;q=0.4, application/json;q=0.5"}, json},
		{[]string{"text/csv, application/json"}, csv},
		{[]string{"application/json, text/csv"}, json},
		{[]string{"text/csv", "application/json;q=0.9"}, csv},
		{[]string{"application/pdf", "text/csv"}, csv},
		{[]string{"text/csv, */*"}, csv},
		{[]string{"*/*, text/csv"}, json},
		{[]string{"*/*;q=0.1, text/csv"}, csv},
		{[]string{"*/*, application/json;q=0"}, ndjson},
		{[]string{"*/*, application/*;q=0"}, csv},
		{[]string{"application/json;q=0"}, none},
		{[]string{"*/*;q=0"}, none},
		{[]string{"application/json, application/problem+json"}, json},
		{[]string{"application/problem+json, text/csv;q=0.1"}, csv},
		{[]string{"application/problem+json"}, none},
		{[]string{"text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"}, json},
		{[]string{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, json},
		{[]string{`text/html;a="x, text/csv"`}, none},
		{[]string{`text/html;a="\"", text/csv`}, csv},
		{[]string{"text/csv;q=high, application/json;q=0.1"}, json},
		{[]string{"text/csv;q=2, application/json;q=0.1"}, json},
		{[]string{"text/csv;q=NaN"}, none},
		{[]string{"json"}, none},
		{[]string{"/, ;, ="}, none},
	}
	handler := clouds()["empty"].handler()
	for _, test := range tests {
		r := httptest.NewRequest("GET", "/v1/credit", nil)
		r.Header["Accept"] = test.accept
		answer := serve(handler, r)
		if got := answer.Header.Get("Content-Type"); got != test.want {
			t.Errorf("Accept %q = %s, want %s", test.accept, got, test.want)
		}
		if test.want == none {
			p := problemIn(t, answer)
			for _, media := range []string{json, ndjson, "text/csv"} {
				if p.Code != core.CodeNotAcceptable || !strings.Contains(p.Detail, media) {
					t.Errorf("Accept %q: %s %q does not name %s", test.accept, p.Code, p.Detail, media)
				}
			}
		}
		if got := answer.Header.Values("Vary"); !slices.Equal(got, []string{"Accept"}) {
			t.Errorf("Accept %q: Vary %q", test.accept, got)
		}
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	handler := clouds()["empty"].handler()
	for _, test := range []struct {
		sent string
		kept bool
	}{
		{"1-67891233-abcdef012345678912345678", true},
		{strings.Repeat("x", 128), true},
		{strings.Repeat("x", 129), false},
		{"", false}, {"a b", false}, {"a\tb", false}, {"ä", false}, {"a\x7f", false},
	} {
		for _, target := range []string{"/v1/credit", "/healthz", "/openapi.yaml", "/nowhere", "/v1//credit"} {
			r := httptest.NewRequest("GET", target, nil)
			r.Header["X-Request-Id"] = []string{test.sent}
			got := serve(handler, r).Header.Get("X-Request-Id")
			if (got == test.sent) != test.kept || got == "" {
				t.Errorf("X-Request-Id %q on %s is answered as %q", test.sent, target, got)
			}
		}
	}
}
