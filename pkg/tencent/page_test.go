package tencent

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
	"partnerlens/pkg/transport/transporttest"
)

var testConfig = Config{PageSize: 100, Zone: core.VendorZone, Currency: "USD"}

func decode(body string) (page, error) {
	return decodePage(transport.Answer{Status: 200, Body: []byte(body)}, testConfig)
}

// pageOf is a page of one row.
func pageOf(row string) string {
	return `{"Response":{"Total":1,"Data":[` + row + `],"RequestId":"id-1"}}`
}

// vendorSample is the sample answer of the API's page (QueryCustomersCredit,
// Example 1, read November 2026) in its shape, with made-up values.
const vendorSample = `{
  "Response": {
    "Data": [
      {
        "Arrears": "Fixed as -",
        "AssociationTime": "2022-08-18 19:24:06",
        "ClientUin": 200000000000,
        "Credit": 1000.10,
        "Email": "ex***@example.com",
        "Force": 0,
        "IdentifyType": 2,
        "Mobile": "86-000-00000000",
        "Name": "owner@example.com",
        "RecentExpiry": "2022-09-18",
        "RemainingCredit": -0.50,
        "Remark": "",
        "Type": "new"
      }
    ],
    "RequestId": "2b7c676e-0000-4000-8000-000000000000",
    "Total": 1
  }
}`

func TestDecodeSample(t *testing.T) {
	t.Parallel()
	answer, err := decode(vendorSample)
	if err != nil {
		t.Fatal(err)
	}
	if *answer.Total != 1 || answer.RequestID != "2b7c676e-0000-4000-8000-000000000000" || len(answer.Items) != 1 {
		t.Fatalf("page = %+v", answer)
	}
	got, err := core.AppendJSON(nil, answer.Items[0])
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"provider":"tencentcloud","account":"","customer_id":"200000000000","name":"owner@example.com",` +
		`"email":"ex***@example.com","mobile":"86-000-00000000","remark":"","type":"new","identity":"enterprise",` +
		`"credit":{"allocated":"1000.10","remaining":"-0.50","used":null,"currency":"USD"},"status":"","forced":false,` +
		`"associated_at":"2022-08-18T11:24:06Z","nearest_expiry":"2022-09-17T16:00:00Z","vouchers":null,"owner":null,"crm_id":null,` +
		`"vendor":{"Force":0,"IdentifyType":2,"Type":"new","Arrears":"Fixed as -","AssociationTime":"2022-08-18 19:24:06","RecentExpiry":"2022-09-18"}}`
	if string(got) != want {
		t.Errorf("record =\n%s\nwant\n%s", got, want)
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
		{"id as a text", `"ClientUin":"200000000000"`, []string{`"customer_id":"200000000000"`}, ""},
		{"the largest id", `"ClientUin":18446744073709551615`, []string{`"customer_id":"18446744073709551615"`}, ""},
		{"id as a float", `"ClientUin":2e+11`, nil, core.CodeUpstream},
		{"id as a float in a text", `"ClientUin":"2e+11"`, nil, core.CodeUpstream},
		{"id with a point", `"ClientUin":200000000000.0`, nil, core.CodeUpstream},
		{"id below zero", `"ClientUin":-1`, nil, core.CodeUpstream},
		{"id zero", `"ClientUin":0`, nil, core.CodeUpstream},
		{"id too large", `"ClientUin":18446744073709551616`, nil, core.CodeUpstream},
		{"id empty", `"ClientUin":""`, nil, core.CodeUpstream},
		{"id null", `"ClientUin":null`, nil, core.CodeUpstream},
		{"id absent", `"Name":"x"`, nil, core.CodeUpstream},
		{"id true", `"ClientUin":true`, nil, core.CodeUpstream},

		{"amounts as texts", `"ClientUin":1,"Credit":"10.00","RemainingCredit":"-0.10"`, []string{`"allocated":"10.00"`, `"remaining":"-0.10"`}, ""},
		{"more digits than a float has", `"ClientUin":1,"Credit":12345678901234567890.123456789012`, []string{`"allocated":"12345678901234567890.123456789012"`}, ""},
		{"an amount with an exponent", `"ClientUin":1,"Credit":1e-7`, []string{`"allocated":"0.0000001"`}, ""},
		{"amounts null", `"ClientUin":1,"Credit":null,"RemainingCredit":null`, []string{`"allocated":null`, `"remaining":null`}, ""},
		{"amounts empty", `"ClientUin":1,"Credit":"","RemainingCredit":""`, []string{`"allocated":null`, `"remaining":null`}, ""},
		{"amounts absent", `"ClientUin":1`, []string{`"allocated":null`, `"remaining":null`}, ""},
		{"an amount in scientific notation", `"ClientUin":1,"Credit":1.5E3`, []string{`"allocated":"1500"`}, ""},
		{"an amount that is a word", `"ClientUin":1,"Credit":"-"`, []string{`"allocated":null`, `"unreadable":["Credit"]`}, ""},
		{"an amount that is an object", `"ClientUin":1,"Credit":{}`, []string{`"allocated":null`, `"unreadable":["Credit"]`}, ""},
		{"an amount that is true", `"ClientUin":1,"RemainingCredit":true`, []string{`"remaining":null`, `"unreadable":["RemainingCredit"]`}, ""},
		{"an amount beyond bounds", `"ClientUin":1,"RemainingCredit":1e999`, []string{`"remaining":null`, `"unreadable":["RemainingCredit"]`}, ""},
		{"an amount without end", `"ClientUin":1,"RemainingCredit":` + strings.Repeat("9", 70), []string{`"remaining":null`, `"unreadable":["RemainingCredit"]`}, ""},
		{"a thousands comma", `"ClientUin":1,"Credit":"1,234.50","RemainingCredit":"5"`, []string{`"allocated":null`, `"remaining":"5"`, `"unreadable":["Credit"]`}, ""},
		{"a decimal comma", `"ClientUin":1,"RemainingCredit":"1234,50"`, []string{`"remaining":null`, `"unreadable":["RemainingCredit"]`}, ""},
		{"a currency", `"ClientUin":1,"RemainingCredit":"$5.00"`, []string{`"remaining":null`, `"unreadable":["RemainingCredit"]`}, ""},
		{"a currency behind", `"ClientUin":1,"RemainingCredit":"5.00 USD"`, []string{`"remaining":null`, `"unreadable":["RemainingCredit"]`}, ""},
		{"a plus", `"ClientUin":1,"RemainingCredit":"+5.00"`, []string{`"remaining":null`, `"unreadable":["RemainingCredit"]`}, ""},
		{"a space", `"ClientUin":1,"RemainingCredit":" 5.00"`, []string{`"remaining":null`, `"unreadable":["RemainingCredit"]`}, ""},
		{"brackets for below zero", `"ClientUin":1,"RemainingCredit":"(5.00)"`, []string{`"remaining":null`, `"unreadable":["RemainingCredit"]`}, ""},
		{"NaN", `"ClientUin":1,"RemainingCredit":"NaN"`, []string{`"remaining":null`, `"unreadable":["RemainingCredit"]`}, ""},
		{"wide digits", `"ClientUin":1,"RemainingCredit":"５"`, []string{`"remaining":null`, `"unreadable":["RemainingCredit"]`}, ""},
		{"both amounts", `"ClientUin":1,"Credit":"x","RemainingCredit":"y"`, []string{`"unreadable":["Credit","RemainingCredit"]`}, ""},

		{"forced", `"ClientUin":1,"Force":2`, []string{`"forced":true`, `"Force":2`}, ""},
		{"forced, as a text", `"ClientUin":1,"Force":"2"`, []string{`"forced":true`, `"Force":"2"`}, ""},
		{"not forced", `"ClientUin":1,"Force":0`, []string{`"forced":false`}, ""},
		{"forced: reserved", `"ClientUin":1,"Force":1`, []string{`"forced":null`, `"Force":1`}, ""},
		{"forced: empty", `"ClientUin":1,"Force":""`, []string{`"forced":null`, `"Force":""`}, ""},
		{"forced: a value that is not documented", `"ClientUin":1,"Force":3`, []string{`"forced":null`, `"Force":3`, `"unreadable":["Force"]`}, ""},
		{"forced: a boolean", `"ClientUin":1,"Force":true`, []string{`"forced":null`, `"Force":true`, `"unreadable":["Force"]`}, ""},
		{"forced: an object", `"ClientUin":1,"Force":{}`, []string{`"forced":null`, `"Force":null`, `"unreadable":["Force"]`}, ""},
		{"forced: absent", `"ClientUin":1`, []string{`"forced":null`, `"Force":null`}, ""},
		{"forced: null", `"ClientUin":1,"Force":null`, []string{`"forced":null`, `"Force":null`}, ""},

		{"not verified", `"ClientUin":1,"IdentifyType":0`, []string{`"identity":"unverified"`}, ""},
		{"an individual", `"ClientUin":1,"IdentifyType":"1"`, []string{`"identity":"individual"`, `"IdentifyType":"1"`}, ""},
		{"an unknown identity", `"ClientUin":1,"IdentifyType":7`, []string{`"identity":"unknown"`, `"IdentifyType":7`, `"unreadable":["IdentifyType"]`}, ""},
		{"no identity", `"ClientUin":1`, []string{`"identity":"unknown"`, `"IdentifyType":null`}, ""},

		{"a type that is a number", `"ClientUin":1,"Type":1`, []string{`"type":"1"`, `"Type":1`}, ""},
		{"texts that are null", `"ClientUin":1,"Name":null,"Type":null`, []string{`"name":""`, `"type":""`, `"Type":null`}, ""},
		{"a mobile that is a number", `"ClientUin":1,"Mobile":860000`, []string{`"mobile":"860000"`}, ""},
		{"escapes", `"ClientUin":1,"Name":"\u865a\u6784 \"x\""`, []string{`"name":"虚构 \"x\""`}, ""},
		{"half a surrogate pair", `"ClientUin":1,"Name":"a\ud800","Type":"b\udfff"`, []string{"\"name\":\"a\uFFFD\"", "\"Type\":\"b\uFFFD\""}, ""},
		{"no UTF-8", "\"ClientUin\":1,\"Name\":\"a\xff\",\"Type\":\"b\xff\"", []string{"\"name\":\"a\uFFFD\"", "\"Type\":\"b\uFFFD\""}, ""},
		{"Arrears that is an object", `"ClientUin":1,"Arrears":{"a":1,"a":2}`, []string{`"Arrears":null`}, ""},
		{"a name twice: the last counts", `"ClientUin":1,"Name":"a","Name":"b"`, []string{`"name":"b"`}, ""},
		{"unknown members", `"New":{"a":[1,{"ClientUin":2}]},"ClientUin":1`, []string{`"customer_id":"1"`}, ""},

		{"a time", `"ClientUin":1,"AssociationTime":"2024-02-29 23:59:59"`, []string{`"associated_at":"2024-02-29T15:59:59Z"`}, ""},
		{"a day", `"ClientUin":1,"RecentExpiry":"2024-03-01"`, []string{`"nearest_expiry":"2024-02-29T16:00:00Z"`}, ""},
		{"an empty time", `"ClientUin":1,"RecentExpiry":""`, []string{`"nearest_expiry":null`, `"RecentExpiry":""`}, ""},
		{"a day that is none", `"ClientUin":1,"RecentExpiry":"2023-02-29"`, []string{`"nearest_expiry":null`, `"RecentExpiry":"2023-02-29"`, `"unreadable":["RecentExpiry"]`}, ""},
		{"a time without its space", `"ClientUin":1,"RecentExpiry":"2024-02-29T23:59:59"`, []string{`"nearest_expiry":"2024-02-29T15:59:59Z"`}, ""},
		{"a time in ISO 8601", `"ClientUin":1,"RecentExpiry":"2026-12-01T00:00:00+08:00"`, []string{`"nearest_expiry":"2026-11-30T16:00:00Z"`}, ""},
		{"a time with another offset", `"ClientUin":1,"AssociationTime":"2026-11-30T16:00:00Z"`, []string{`"associated_at":"2026-11-30T16:00:00Z"`}, ""},
		{"a time with an escape", `"ClientUin":1,"RecentExpiry":"2024\u002d03\u002d01"`, []string{`"nearest_expiry":"2024-02-29T16:00:00Z"`}, ""},
		{"the zero time", `"ClientUin":1,"RecentExpiry":"0000-00-00 00:00:00"`, []string{`"nearest_expiry":null`}, ""},
		{"the zero of Unix", `"ClientUin":1,"RecentExpiry":"1970-01-01 08:00:00"`, []string{`"nearest_expiry":null`}, ""},
		{"a time too early to be written", `"ClientUin":1,"RecentExpiry":"0000-01-01"`, []string{`"nearest_expiry":null`}, ""},
		{"a time that is a number", `"ClientUin":1,"RecentExpiry":1700000000`, []string{`"nearest_expiry":null`, `"RecentExpiry":1700000000`, `"unreadable":["RecentExpiry"]`}, ""},
		{"a time that is true", `"ClientUin":1,"AssociationTime":true`, []string{`"associated_at":null`, `"unreadable":["AssociationTime"]`}, ""},
		{"a time that is a word", `"ClientUin":1,"AssociationTime":"never"`, []string{`"associated_at":null`, `"unreadable":["AssociationTime"]`}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			answer, err := decode(pageOf(`{` + test.row + `}`))
			if core.CodeOf(err) != test.code {
				t.Fatalf("error %v, want code %q", err, test.code)
			}
			if test.code != "" {
				if e := core.AsError(err); !strings.Contains(e.Detail, "row 1") || e.RequestID != "id-1" {
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
			if named := strings.Contains(strings.Join(test.want, ""), "unreadable"); !named && answer.Items[0].Unreadable != nil {
				t.Errorf("unreadable = %q", answer.Items[0].Unreadable)
			}
		})
	}
}

// One malformed amount costs its own row, and a page of them is refused.
func TestUnreadAmountsOfAPage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		rows, unread int
		code         core.Code
	}{
		{1, 1, ""}, {2, 1, ""}, {2, 2, core.CodeUpstream}, {19, 1, ""}, {19, 2, core.CodeUpstream},
		{39, 2, core.CodeUpstream}, {40, 2, ""}, {100, 5, ""}, {100, 6, core.CodeUpstream}, {100, 100, core.CodeUpstream},
	} {
		rows := make([]string, test.rows)
		for i := range rows {
			remaining, expiry := `"5.00"`, `"soon"` // a time decides no status
			if i < test.unread {
				remaining = `"5.000,00"`
			}
			rows[i] = fmt.Sprintf(`{"ClientUin":%d,"RemainingCredit":%s,"RecentExpiry":%s,"Force":9,"IdentifyType":9}`, i+1, remaining, expiry)
		}
		answer, err := decode(pageOf(strings.Join(rows, ",")))
		if core.CodeOf(err) != test.code {
			t.Errorf("%d of %d rows: %v, want code %q", test.unread, test.rows, err, test.code)
			continue
		}
		if err != nil {
			if e := core.AsError(err); !strings.Contains(e.Detail, fmt.Sprintf("%d of %d rows", test.unread, test.rows)) || !strings.Contains(e.Detail, "row 1: RemainingCredit") || strings.Contains(e.Detail, "000,00") {
				t.Errorf("error %v does not say where, or quotes the value", e)
			}
			continue
		}
		if len(answer.Items) != test.rows {
			t.Errorf("%d of %d rows: %d records", test.unread, test.rows, len(answer.Items))
		}
	}
	if _, err := decode(pageOf(`{"ClientUin":1},{"ClientUin":"x"}`)); core.CodeOf(err) != core.CodeUpstream {
		t.Errorf("an id that is none: %v", err)
	}
}

func TestZone(t *testing.T) {
	t.Parallel()
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Skip("no time zones here: ", err)
	}
	for _, zone := range []*time.Location{core.VendorZone, time.UTC, time.FixedZone("", -5*60*60), newYork} {
		config := testConfig
		config.Zone = zone
		// The hours around both changes of New York's clocks, and others.
		for _, text := range []string{
			"2024-01-01 00:00:00", "2024-07-01 12:30:45", "2024-03-10 01:59:59", "2024-03-10 03:00:00",
			"2024-11-02 23:59:59", "2024-11-03 00:59:59", "2024-11-03 02:00:00",
		} {
			answer, err := decodePage(transport.Answer{Status: 200, Body: []byte(pageOf(`{"ClientUin":1,"AssociationTime":"` + text + `"}`))}, config)
			if err != nil {
				t.Fatal(err)
			}
			want, err := time.ParseInLocation(time.DateTime, text, zone)
			if err != nil {
				t.Fatal(err)
			}
			if got := answer.Items[0].AssociatedAt; !got.Equal(want) || got.Location() != time.UTC {
				t.Errorf("%s in %v = %v, want %v", text, zone, got, want.UTC())
			}
		}
	}
}

func TestDecodePage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, body string
		rows       int
		code       core.Code
	}{
		{"no customers", `{"Response":{"Total":0,"Data":[],"RequestId":"x"}}`, 0, ""},
		{"Data is null", `{"Response":{"Total":0,"Data":null,"RequestId":"x"}}`, 0, ""},
		{"Data is absent", `{"Response":{"Total":0,"RequestId":"x"}}`, 0, ""},
		{"Total as a text", `{"Response":{"Total":"0","Data":[]}}`, 0, ""},
		{"two rows", `{"Response":{"Total":2,"Data":[{"ClientUin":1},{"ClientUin":2}]}}`, 2, ""},
		{"Total is absent", `{"Response":{"Data":[],"RequestId":"x"}}`, 0, core.CodeUpstream},
		{"Total is null", `{"Response":{"Total":null,"Data":[]}}`, 0, core.CodeUpstream},
		{"Total is below zero", `{"Response":{"Total":-1,"Data":[]}}`, 0, core.CodeUpstream},
		{"Total is no number", `{"Response":{"Total":"many","Data":[]}}`, 0, core.CodeUpstream},
		{"Data is a text", `{"Response":{"Total":1,"Data":"x"}}`, 0, core.CodeUpstream},
		{"Data is an object", `{"Response":{"Total":1,"Data":{"ClientUin":1}}}`, 0, core.CodeUpstream},
		{"a row is null", `{"Response":{"Total":2,"Data":[{"ClientUin":1},null]}}`, 0, core.CodeUpstream},
		{"a row is a list", `{"Response":{"Total":1,"Data":[[]]}}`, 0, core.CodeUpstream},
		{"Response is null", `{"Response":null}`, 0, core.CodeUpstream},
		{"Response is a list", `{"Response":[]}`, 0, core.CodeUpstream},
		{"an empty object", `{}`, 0, core.CodeUpstream},
		{"an empty list", `[]`, 0, core.CodeUpstream},
		{"null", `null`, 0, core.CodeUpstream},
		{"nothing", ``, 0, core.CodeUnavailable},
		{"half", vendorSample[:len(vendorSample)/2], 0, core.CodeUnavailable},
		{"something after", pageOf(`{"ClientUin":1}`) + "x", 0, core.CodeUpstream},
		{"an error beside data", `{"Response":{"Total":1,"Data":[{"ClientUin":1}],"Error":{"Code":"InternalError"}}}`, 0, core.CodeUnavailable},
		{"an error that is null", `{"Response":{"Total":1,"Data":[{"ClientUin":1}],"Error":null}}`, 1, ""},
		{"an error of no code", `{"Response":{"Total":1,"Data":[{"ClientUin":1}],"Error":{}}}`, 0, core.CodeUpstream},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			answer, err := decode(test.body)
			if core.CodeOf(err) != test.code || len(answer.Items) != test.rows {
				t.Errorf("decodePage = %d rows, %v, want %d and code %q", len(answer.Items), err, test.rows, test.code)
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
		want   core.Code
		param  string
		detail string // a part of it
		stale  bool
	}{
		{"FailedOperation", core.CodeUpstream, "", "could not carry out", false},
		{"InvalidParameterValue.InvalidUin", core.CodeInvalid, "filter", "UIN", false},
		{"InvalidParameterValue", core.CodeInvalid, "", "query", false},
		{"InvalidParameter", core.CodeInvalid, "", "query", false},
		{"InvalidParameter.Page", core.CodeInvalid, "", "no such page", false},
		{"OperationDenied.ServiceBusy", core.CodeUnavailable, "", "busy", false},
		{"UnauthorizedOperation", core.CodeDenied, "", "intlpartnersmgt:QueryCustomersCredit", false},
		{"UnauthorizedOperation.UinNoAuth", core.CodeDenied, "", "intlpartnersmgt:QueryCustomersCredit", false},
		{"RequestLimitExceeded", core.CodeThrottled, "", "", false},
		{"RequestLimitExceeded.UinLimitExceeded", core.CodeThrottled, "", "", false},
		{"InternalError", core.CodeUnavailable, "", "fault of its own", false},
		{"InternalError.DbError", core.CodeUnavailable, "", "fault of its own", false},
		{"AuthFailure", core.CodeDenied, "", "key", false},
		{"AuthFailure.SecretIdNotFound", core.CodeDenied, settingSecretID, "deleted", true},
		{"AuthFailure.SignatureFailure", core.CodeDenied, settingSecretKey, "secret key", true},
		{"AuthFailure.SignatureExpire", core.CodeDenied, "", "clock", false},
		{"AuthFailure.TokenFailure", core.CodeDenied, settingToken, "expired", true},
		{"AuthFailure.InvalidSecretId", core.CodeDenied, settingSecretID, "API key", false},
		{"AuthFailure.MFAFailure", core.CodeDenied, "", "second factor", false},
		{"AuthFailure.UnauthorizedOperation", core.CodeDenied, "", "CAM", false},
		{"SomethingNew", core.CodeUpstream, "", "", false},
	} {
		for _, status := range []int{200, 400} {
			t.Run(fmt.Sprint(test.vendor, " ", status), func(t *testing.T) {
				t.Parallel()
				source := newSource(t, Config{Endpoint: transporttest.Serve(t, transporttest.Answer{
					Status: status,
					Body:   `{"Response":{"Error":{"Code":"` + test.vendor + `","Message":"` + planted + `"},"RequestId":"id-1"}}`,
				})})
				_, err := source.FetchPage(context.Background(), core.CreditQuery{}, core.Cursor{})
				e := core.AsError(err)
				if e == nil || e.Code != test.want || e.Param != test.param || !strings.Contains(e.Detail, test.detail) {
					t.Fatalf("FetchPage = %v, want code %q, param %q, detail %q", err, test.want, test.param, test.detail)
				}
				if e.VendorCode != test.vendor || e.RequestID != "id-1" || e.Op != "tencent.QueryCustomersCredit" {
					t.Errorf("error %+v lacks the vendor's code, the request's id or the operation", e)
				}
				if strings.Contains(fmt.Sprintf("%+v %v", e, e), "lanted") {
					t.Errorf("error repeats the vendor's message: %v", e)
				}
				if e.StaleKey != test.stale {
					t.Errorf("StaleKey = %t, want %t", e.StaleKey, test.stale)
				}
				if want := test.vendor == "InvalidParameterValue.InvalidUin"; e.UnknownID != want {
					t.Errorf("UnknownID = %t, want %t", e.UnknownID, want)
				}
			})
		}
	}
}

// FuzzDecodePage requires of any answer an error, or a record for each row.
func FuzzDecodePage(f *testing.F) {
	f.Add([]byte(vendorSample))
	f.Add(samplePage(f, 3))
	f.Add([]byte(pageOf(`{"ClientUin":"1","Credit":"1e-7","Force":"2"},{"ClientUin":2}`)))
	f.Add([]byte(`{"Response":{"Error":{"Code":"InternalError","Message":"x"},"RequestId":"x"}}`))
	f.Add([]byte(`{"Response":{"Total":0,"Data":null}}`))
	f.Add([]byte(pageOf(`{"ClientUin":1,"x":"","x":0},{"ClientUin":1}`)))
	f.Add([]byte(`{"Response":{"Data":{},"Data":[{"ClientUin":1}],"Total":1}}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		answer, err := decodePage(transport.Answer{Status: 200, Body: text}, testConfig)
		if err != nil {
			if code := core.CodeOf(err); code == core.CodeInternal {
				t.Fatalf("error without a code of its own: %v", err)
			}
			return
		}
		var all struct{ Response struct{ Data jsontext.Value } }
		if rows := transporttest.Rows(t, text, &all, &all.Response.Data); len(answer.Items) != rows {
			t.Fatalf("%d records of %d rows", len(answer.Items), rows)
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
