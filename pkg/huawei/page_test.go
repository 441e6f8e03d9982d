package huawei

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
	"partnerlens/pkg/transport/transporttest"
)

func decode(body string) (page, error) {
	return decodePage(transport.Answer{Status: 200, RequestID: "id-1", Body: []byte(body)}, "")
}

// pageOf is a page of one row.
func pageOf(row string) string { return `{"new_customer_tags":[` + row + `]}` }

// vendorSample is the sample answer of the API's page (ListSubCustomerNewTag,
// Example, read November 2026) in its shape, with made-up values.
const vendorSample = `{
    "new_customer_tags": [
        {
            "customer_id": "5d000000000000000000000000000002",
            "customer_tag_type": "SMB",
            "new_customer_tag": "Y",
            "effective_time": "2026-01",
            "expire_time": "2026-12"
        }
    ]
}`

func TestDecodeSample(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ reseller, want string }{
		{"", "null"},
		{"5d0000000000000000000000000000ff", `"5d0000000000000000000000000000ff"`},
	} {
		answer, err := decodePage(transport.Answer{Status: 200, RequestID: "id-1", Body: []byte(vendorSample)}, test.reseller)
		if err != nil {
			t.Fatal(err)
		}
		if answer.RequestID != "id-1" || len(answer.Items) != 1 || answer.list != jsontext.KindBeginArray {
			t.Fatalf("page = %+v", answer)
		}
		got, err := core.AppendJSON(nil, answer.Items[0])
		if err != nil {
			t.Fatal(err)
		}
		want := `{"provider":"huaweicloud","account":"","customer_id":"5d000000000000000000000000000002","reseller_id":` + test.want +
			`,"tag":{"type":"SMB","value":"Y"},"status":"","effective_month":"2026-01","expire_month":"2026-12","expires_at":null,"days_left":null,` +
			`"name":null,"account_name":null,"email":null,"mobile":null,"label":null,"association":null,"associated_at":null,"owner":null,"crm_id":null,"reseller_name":null}`
		if string(got) != want {
			t.Errorf("record =\n%s\nwant\n%s", got, want)
		}
	}
}

// TestDecodeRow changes one member of a row at a time; want is what then is in
// the record's JSON, or the error's code.
func TestDecodeRow(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, row string
		want      []string
		code      core.Code
	}{
		{"id as a number", `"customer_id":123456789012345678901234567890`, []string{`"customer_id":"123456789012345678901234567890"`}, ""},
		{"id as a float", `"customer_id":2e+11`, nil, core.CodeUpstream},
		{"id empty", `"customer_id":""`, nil, core.CodeUpstream},
		{"id null", `"customer_id":null`, nil, core.CodeUpstream},
		{"id absent", `"new_customer_tag":"Y"`, nil, core.CodeUpstream},
		{"id an object", `"customer_id":{}`, nil, core.CodeUpstream},

		{"tag empty", `"customer_id":"a","customer_tag_type":"","new_customer_tag":""`, []string{`"tag":{"type":"","value":""}`}, ""},
		{"tag null", `"customer_id":"a","customer_tag_type":null,"new_customer_tag":null`, []string{`"tag":{"type":"","value":""}`}, ""},
		{"tag absent", `"customer_id":"a"`, []string{`"tag":{"type":"","value":""}`}, ""},
		{"tag unknown", `"customer_id":"a","customer_tag_type":"SAMPLE","new_customer_tag":"PENDING"`, []string{`"tag":{"type":"SAMPLE","value":"PENDING"}`}, ""},

		{"months empty", `"customer_id":"a","effective_time":"","expire_time":""`, []string{`"effective_month":null,"expire_month":null`}, ""},
		{"months null", `"customer_id":"a","effective_time":null,"expire_time":null`, []string{`"effective_month":null,"expire_month":null`}, ""},
		{"months absent", `"customer_id":"a"`, []string{`"effective_month":null,"expire_month":null`}, ""},
		{"months of zero", `"customer_id":"a","effective_time":"0000-00","expire_time":"0000-00-00"`, []string{`"effective_month":null,"expire_month":null`}, ""},
		{"months of 1970", `"customer_id":"a","effective_time":"1970-01","expire_time":"1970-01"`, []string{`"effective_month":null,"expire_month":null`}, ""},
		{"a month that is none", `"customer_id":"a","expire_time":"2026-13"`, []string{`"expire_month":null`, `"unreadable":["expire_time"]`}, ""},
		{"a day", `"customer_id":"a","expire_time":"2026-12-31"`, []string{`"expire_month":null`, `"unreadable":["expire_time"]`}, ""},
		{"a month without its hyphen", `"customer_id":"a","expire_time":"202612"`, []string{`"expire_month":null`, `"unreadable":["expire_time"]`}, ""},
		{"a month that is a number", `"customer_id":"a","effective_time":202612`, []string{`"effective_month":null`, `"unreadable":["effective_time"]`}, ""},
		{"a month that is true", `"customer_id":"a","effective_time":true`, []string{`"effective_month":null`, `"unreadable":["effective_time"]`}, ""},
		{"a month that is an object", `"customer_id":"a","expire_time":{}`, []string{`"expire_month":null`, `"unreadable":["expire_time"]`}, ""},
		{"a tag that is true", `"customer_id":"a","new_customer_tag":true`, []string{`"value":"true"`, `"unreadable":["new_customer_tag"]`}, ""},
		{"a tag that is an object", `"customer_id":"a","new_customer_tag":{"value":"Y","of":"` + strings.Repeat("x", 99) + `"}`, []string{`"value":"{\"value\":\"Y\",\"of\":\"xxxxxxxxxxxxxxxxxxxxx"`, `"unreadable":["new_customer_tag"]`}, ""},
		{"a type that is a list", `"customer_id":"a","customer_tag_type":["SMB"]`, []string{`"type":"[\"SMB\"]"`, `"unreadable":["customer_tag_type"]`}, ""},

		{"escapes", `"customer_id":"a","new_customer_tag":"\u0059"`, []string{`"value":"Y"`}, ""},
		{"no UTF-8", "\"customer_id\":\"a\",\"new_customer_tag\":\"\xff\"", []string{"\"value\":\"\uFFFD\""}, ""},
		{"unknown members", `"x":[{"customer_id":"b"}],"customer_id":"a"`, []string{`"customer_id":"a"`}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			answer, err := decode(pageOf(`{` + test.row + `}`))
			if core.CodeOf(err) != test.code {
				t.Fatalf("error %v, want code %q", err, test.code)
			}
			if test.code != "" {
				if e := core.AsError(err); !strings.Contains(e.Detail, "row 1") {
					t.Errorf("error %v does not say where", e)
				}
				return
			}
			got, err := core.AppendJSON(nil, answer.Items[0])
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range test.want {
				if !strings.Contains(string(got), want) {
					t.Errorf("record has no %s:\n%s", want, got)
				}
			}
		})
	}
}

// One malformed month costs its own row, and a page of them is refused.
func TestUnreadMonthsOfAPage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		rows, unread int
		code         core.Code
	}{{1, 1, ""}, {2, 2, core.CodeUpstream}, {39, 1, ""}, {39, 2, core.CodeUpstream}, {40, 2, ""}, {100, 5, ""}, {100, 6, core.CodeUpstream}} {
		rows := make([]string, test.rows)
		for i := range rows {
			expires := `"2026-12"`
			if i < test.unread {
				expires = `"2026-12-31"`
			}
			rows[i] = fmt.Sprintf(`{"customer_id":"c%d","expire_time":%s,"new_customer_tag":true,"effective_time":true}`, i, expires)
		}
		answer, err := decode(pageOf(strings.Join(rows, ",")))
		if core.CodeOf(err) != test.code || err == nil && len(answer.Items) != test.rows {
			t.Errorf("%d of %d rows: %d records, %v, want code %q", test.unread, test.rows, len(answer.Items), err, test.code)
		}
		if err != nil && (!strings.Contains(core.AsError(err).Detail, fmt.Sprintf("%d of %d rows", test.unread, test.rows)) || strings.Contains(err.Error(), "2026-12-31")) {
			t.Errorf("error %v does not say how many, or quotes the value", err)
		}
	}
}

func TestDecodePage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, body string
		rows       int
		list       jsontext.Kind
		code       core.Code
	}{
		{"an empty list", `{"new_customer_tags":[]}`, 0, jsontext.KindBeginArray, ""},
		{"a list that is null", `{"new_customer_tags":null}`, 0, jsontext.KindNull, ""},
		{"no list", `{}`, 0, jsontext.KindInvalid, ""},
		{"null", `null`, 0, jsontext.KindInvalid, ""},
		{"two rows", pageOf(`{"customer_id":"a"},{"customer_id":"b"}`), 2, jsontext.KindBeginArray, ""},
		{"a code that says success", `{"error_code":"CBC.0000","error_msg":"Success.","new_customer_tags":[{"customer_id":"a"}]}`, 1, jsontext.KindBeginArray, ""},
		{"a code that is null", `{"error_code":null,"error_msg":null,"error":null,"new_customer_tags":[{"customer_id":"a"}]}`, 1, jsontext.KindBeginArray, ""},
		{"a list that is a text", `{"new_customer_tags":"x"}`, 0, jsontext.KindInvalid, core.CodeUpstream},
		{"a list that is an object", `{"new_customer_tags":{}}`, 0, jsontext.KindInvalid, core.CodeUpstream},
		{"a row that is null", pageOf(`{"customer_id":"a"},null`), 0, jsontext.KindInvalid, core.CodeUpstream},
		{"a row that is a list", pageOf(`[]`), 0, jsontext.KindInvalid, core.CodeUpstream},
		{"a list in place of the object", `[]`, 0, jsontext.KindInvalid, core.CodeUpstream},
		{"nothing", ``, 0, jsontext.KindInvalid, core.CodeUnavailable},
		{"half", vendorSample[:len(vendorSample)/2], 0, jsontext.KindInvalid, core.CodeUnavailable},
		{"something after", pageOf(`{"customer_id":"a"}`) + "x", 0, jsontext.KindInvalid, core.CodeUpstream},
		{"an error beside data", `{"new_customer_tags":[{"customer_id":"a"}],"error_code":"CBC.5001"}`, 0, jsontext.KindInvalid, core.CodeDenied},
		{"an error before data", `{"error_code":"CBC.5001","new_customer_tags":[{"customer_id":"a"}]}`, 0, jsontext.KindInvalid, core.CodeDenied},
		{"an error without a code", `{"error_msg":"something","new_customer_tags":[]}`, 0, jsontext.KindInvalid, core.CodeUpstream},
		{"an error in the other spelling", `{"error_message":"something"}`, 0, jsontext.KindInvalid, core.CodeUpstream},
		{"an error within", `{"error":{"code":"APIGW.0301","message":"x"}}`, 0, jsontext.KindInvalid, core.CodeDenied},
		{"an error within, of another name", `{"error":{"error_code":"CBC.0250"}}`, 0, jsontext.KindInvalid, core.CodeThrottled},
		{"an error that is a text", `{"error":"something","new_customer_tags":[]}`, 0, jsontext.KindInvalid, core.CodeUpstream},
		{"an unknown error", `{"error_code":"CBC.7777","error_msg":"x"}`, 0, jsontext.KindInvalid, core.CodeUpstream},
		{"an error that is a number", `{"error_code":7}`, 0, jsontext.KindInvalid, core.CodeUpstream},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			answer, err := decode(test.body)
			if core.CodeOf(err) != test.code || len(answer.Items) != test.rows || answer.list != test.list {
				t.Errorf("decodePage = %d rows, list %v, %v, want %d, %v and code %q", len(answer.Items), answer.list, err, test.rows, test.list, test.code)
			}
		})
	}
}

// TestFailures is every code that the vendor documents, through the SDK.
func TestFailures(t *testing.T) {
	t.Parallel()
	const planted = "Zhang-Planted <planted@example.com>"
	for _, test := range []struct {
		vendor string
		status int
		want   core.Code
		param  string
		detail string // a part of it
		stale  bool
	}{
		{"CBC.0100", 400, core.CodeInvalid, "", "query", false},
		{"CBC.0101", 400, core.CodeInvalid, "", "query", false},
		{"CBC.99000037", 400, core.CodeInvalid, "reseller_id", "not a reseller", false},
		{"CBC.0150", 403, core.CodeDenied, "", "solution provider", false},
		{"CBC.0151", 403, core.CodeDenied, "", "IAM", false},
		{"CBC.0154", 401, core.CodeDenied, "", "key", true},
		{"CBC.0155", 401, core.CodeDenied, "", "key", true},
		{"APIGW.0301", 401, core.CodeDenied, "", "fifteen minutes", true},
		{"APIGW.0303", 401, core.CodeDenied, "", "key", true},
		{"CBC.0250", 429, core.CodeThrottled, "", "", false},
		{"APIGW.0308", 429, core.CodeThrottled, "", "", false},
		{"CBC.0999", 500, core.CodeUnavailable, "", "fault of its own", false},
		{"CBC.0999", 200, core.CodeUnavailable, "", "fault of its own", false},
		{"CBC.5001", 200, core.CodeDenied, "", "not a Huawei Cloud partner", false},
		{"CBC.50010001", 200, core.CodeUpstream, "", "", false},
		{"CBC.7777", 400, core.CodeUpstream, "", "", false},
		{"CBC.7777", 403, core.CodeDenied, "", "403", false},
		{"CBC.7777", 429, core.CodeThrottled, "", "", false},
		{"CBC.7777", 503, core.CodeUnavailable, "", "503", false},
		{"APIGW.0101", 404, core.CodeUpstream, "", "no such API", false},
	} {
		for _, spelling := range []string{"error_msg", "error_message"} {
			t.Run(fmt.Sprint(test.vendor, " ", test.status, " ", spelling), func(t *testing.T) {
				t.Parallel()
				source := newSource(t, Config{Endpoint: transporttest.Serve(t, transporttest.Answer{
					Status: test.status, Header: map[string]string{"X-Request-Id": "id-1"},
					Body: `{"error_code":"` + test.vendor + `","` + spelling + `":"` + planted + `"}`,
				})})
				_, err := source.FetchPage(context.Background(), core.TagQuery{}, core.Cursor{})
				e := core.AsError(err)
				if e == nil || e.Code != test.want || e.Param != test.param || !strings.Contains(e.Detail, test.detail) {
					t.Fatalf("FetchPage = %v, want code %q, param %q, detail %q", err, test.want, test.param, test.detail)
				}
				if e.VendorCode != test.vendor || e.RequestID != "id-1" || e.Op != "huawei.ListSubCustomerNewTag" {
					t.Errorf("error %+v lacks the vendor's code, the request's id or the operation", e)
				}
				if strings.Contains(fmt.Sprintf("%+v %v", e, e), "lanted") {
					t.Errorf("error repeats the vendor's message: %v", e)
				}
				if e.StaleKey != test.stale {
					t.Errorf("StaleKey = %t, want %t", e.StaleKey, test.stale)
				}
			})
		}
	}
}

func TestAccountWithoutAccess(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 400, 403} {
		source := newSource(t, Config{Endpoint: transporttest.Serve(t, transporttest.Answer{Status: status, Body: `{"error_msg":"The Domain_ID has no access to this API"}`})})
		_, err := source.FetchPage(context.Background(), core.TagQuery{}, core.Cursor{})
		if e := core.AsError(err); e == nil || e.Code != core.CodeDenied || e.Param != settingDomainID {
			t.Errorf("status %d: FetchPage = %v, want code %q and param %q", status, err, core.CodeDenied, settingDomainID)
		}
	}
}

// FuzzDecodePage requires of any answer an error, or a record for each row.
func FuzzDecodePage(f *testing.F) {
	f.Add([]byte(vendorSample))
	f.Add(samplePage(f, 3))
	f.Add([]byte(`{"new_customer_tags":null}`))
	f.Add([]byte(`{"error_code":"CBC.0999","error_message":"x"}`))
	f.Add([]byte(`{"error":{"code":"CBC.0100"}}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		answer, err := decodePage(transport.Answer{Status: 200, Body: text}, "")
		if err != nil {
			if code := core.CodeOf(err); code == core.CodeInternal {
				t.Fatalf("error without a code of its own: %v", err)
			}
			return
		}
		var all struct {
			Tags jsontext.Value `json:"new_customer_tags"`
		}
		rows := transporttest.Rows(t, text, &all, &all.Tags)
		if len(answer.Items) != rows || rows > 0 && answer.list != jsontext.KindBeginArray {
			t.Fatalf("%d records of %d rows, list %v", len(answer.Items), rows, answer.list)
		}
		for _, customer := range answer.Items {
			if customer == nil || customer.CustomerID == "" {
				t.Fatal("a record without an id")
			}
			if _, err := core.AppendJSON(nil, customer); err != nil {
				t.Fatalf("a record that cannot be written: %v", err)
			}
		}
	})
}
