package transport

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
)

func TestBodyEnd(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001)
	for _, test := range []struct {
		name, text string
		want       core.Code // "": none
	}{
		{"object", `{"a":1}`, ""},
		{"space all over", " \t\r\n{ \"a\" : [ 1 , 2 ] } \n", ""},
		{"every escape", `{"a":"\"\\\/\b\f\n\r\té"}`, ""},
		{"half a surrogate pair", `{"a":"\ud800"}`, ""},
		{"a name twice", `{"a":1,"a":2}`, ""},
		{"no UTF-8", "{\"a\":\"\xff\xfe\"}", ""},
		{"every number", `[0,-0,1,-12,1.5,1e3,1E+3,-1.5e-3]`, ""},
		{"nothing", "", core.CodeUnavailable},
		{"only space", "  \n", core.CodeUnavailable},
		{"cut in a text", `{"a":"b`, core.CodeUnavailable},
		{"cut in an escape", `{"a":"b\`, core.CodeUnavailable},
		{"cut in a hexadecimal escape", `{"a":"\u00`, core.CodeUnavailable},
		{"cut after a name", `{"a"`, core.CodeUnavailable},
		{"cut after a colon", `{"a":`, core.CodeUnavailable},
		{"cut after a comma", `[1,`, core.CodeUnavailable},
		{"cut in a word", `[tru`, core.CodeUnavailable},
		{"cut in a number", `[-`, core.CodeUnavailable},
		{"cut after a value", `{"a":1`, core.CodeUnavailable},
		{"cut in a number's fraction", `[1.`, core.CodeUnavailable},
		{"two values", `{} {}`, core.CodeUpstream},
		{"a comma too many", `{"a":1,}`, core.CodeUpstream},
		{"no comma", `[1 2]`, core.CodeUpstream},
		{"no colon", `{"a" 1}`, core.CodeUpstream},
		{"a name without quotation marks", `{a:1}`, core.CodeUpstream},
		{"single quotation marks", `{'a':1}`, core.CodeUpstream},
		{"the wrong bracket", `{"a":[1}`, core.CodeUpstream},
		{"a control character", "{\"a\":\"\x01\"}", core.CodeUpstream},
		{"an unknown escape", `{"a":"\x"}`, core.CodeUpstream},
		{"a leading zero", `[01]`, core.CodeUpstream},
		{"a number without digits", `[-.5]`, core.CodeUpstream},
		{"an exponent without digits", `[1e]`, core.CodeUpstream},
		{"a fraction without digits", `[1.]`, core.CodeUpstream},
		{"a word that is short", `[tr]`, core.CodeUpstream},
		{"not a number", `[NaN]`, core.CodeUpstream},
		{"a page of HTML", `<html></html>`, core.CodeUpstream},
		{"a zero byte", "{\x00}", core.CodeUpstream},
		{"too deep", deep, core.CodeUpstream},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			body := NewBody([]byte(test.text))
			body.Value()
			if got := core.CodeOf(body.End()); got != test.want {
				t.Errorf("End after %q = %v, want code %q", test.text, body.End(), test.want)
			}
		})
	}
}

func TestBodyShapes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text          string
		object, array bool
	}{
		{`{}`, true, false},
		{`[]`, false, true},
		{`null`, true, true},
		{`"text"`, false, false},
		{`1`, false, false},
		{`true`, false, false},
	} {
		if got := NewBody([]byte(test.text)).Object(func(string) {}); got != test.object {
			t.Errorf("Object of %s = %t, want %t", test.text, got, test.object)
		}
		if got := NewBody([]byte(test.text)).Array(func() {}); got != test.array {
			t.Errorf("Array of %s = %t, want %t", test.text, got, test.array)
		}
	}
}

// TestBodyPassesOver: what is not read is passed over, and nothing is read twice.
func TestBodyPassesOver(t *testing.T) {
	t.Parallel()
	body := NewBody([]byte(` { "a\u0062" : {"x":[1,{"y":2}]}, "c":[1, "two" , [3], null] , "d":true, "e":"last" } `))
	var got []string
	body.Object(func(name string) {
		switch got = append(got, name); name {
		case "c":
			body.Array(func() {
				switch {
				case body.AtText():
					got = append(got, body.Value().Text())
				case body.AtNull():
					got = append(got, "null")
				}
			})
		case "e":
			got = append(got, body.Value().Text())
		}
	})
	if want := "ab c two null d e last"; strings.Join(got, " ") != want || body.End() != nil || body.End() != nil {
		t.Errorf("walked %q, %v, want %s", got, body.End(), want)
	}
}

// TestBodyAfterAMistake: what was read before it stands, what comes after is empty.
func TestBodyAfterAMistake(t *testing.T) {
	t.Parallel()
	body := NewBody([]byte(`{"a":"x","b":[1,}`))
	var values []Value
	calls := 0
	isObject := body.Object(func(string) {
		if calls++; body.AtText() {
			values = append(values, body.Value())
			return
		}
		body.Array(func() { values = append(values, body.Value()) })
		values = append(values, body.Value())
	})
	if !isObject || calls != 2 || len(values) != 4 || values[0].Text() != "x" || values[1].Text() != "1" || !values[2].Missing() || !values[3].Missing() {
		t.Errorf("%d members, values %q", calls, values)
	}
	for range 2 {
		if err := body.End(); core.CodeOf(err) != core.CodeUpstream || !strings.Contains(err.Error(), "at byte 16") {
			t.Errorf("End = %v", err)
		}
	}
	if body.AtNull() || !body.Value().Missing() || !body.Object(func(string) { t.Error("a member") }) {
		t.Error("the walk goes on after a mistake")
	}
}

func TestValue(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		json, text, id, raw string
		missing             bool
	}{
		{json: `"plain"`, text: "plain", id: "plain", raw: `"plain"`},
		{json: `"é\n"`, text: "é\n", id: "é\n", raw: `"é\n"`},
		{json: `""`, raw: `""`},
		{json: `200000000000`, text: "200000000000", id: "200000000000", raw: `200000000000`},
		{json: `2e+11`, text: "2e+11", raw: `2e+11`},
		{json: `-1`, text: "-1", raw: `-1`},
		{json: `1.0`, text: "1.0", raw: `1.0`},
		{json: `true`, raw: `true`},
		{json: `null`, raw: `null`, missing: true},
		{json: `{"a":1}`, raw: `null`},
		{json: `[1]`, raw: `null`},
		{json: `"\ud800x"`, text: "\uFFFDx", id: "\uFFFDx", raw: "\"\uFFFDx\""},
		{json: "\"\xffx\"", text: "\uFFFDx", id: "\uFFFDx", raw: "\"\uFFFDx\""},
	} {
		body := NewBody([]byte(test.json))
		value := body.Value()
		if got := value.Text(); got != test.text {
			t.Errorf("Text of %s = %q, want %q", test.json, got, test.text)
		}
		if got, ok := value.ID(); got != test.id || ok != (test.id != "") {
			t.Errorf("ID of %s = %q, %t, want %q", test.json, got, ok, test.id)
		}
		if got := body.Raw(value); string(got) != test.raw || !got.IsValid() {
			t.Errorf("Raw of %s = %s, want %s", test.json, got, test.raw)
		}
		if got := value.Missing(); got != test.missing {
			t.Errorf("Missing of %s = %t, want %t", test.json, got, test.missing)
		}
	}
	body := NewBody([]byte(`{}`))
	if absent := Value(nil); absent.Text() != "" || string(body.Raw(absent)) != "null" || !absent.Missing() {
		t.Error("a value that is not there is not missing")
	}
}

// TestRawIsItsOwn: who gets a raw value may write to it.
func TestRawIsItsOwn(t *testing.T) {
	t.Parallel()
	body := NewBody([]byte(`["first","second"]`))
	var values []Value
	body.Array(func() { values = append(values, body.Value()) })
	texts := []string{values[0].Text(), values[1].Text()}
	raws := []jsontext.Value{body.Raw(values[0]), body.Raw(values[1]), body.Raw(nil)}
	for i := range raws {
		raws[i] = append(raws[i], "more"...)
		for j := range raws[i] {
			raws[i][j] = 'x'
		}
	}
	again := body.Raw(nil)
	if texts[0] != "first" || texts[1] != "second" || string(again) != "null" {
		t.Errorf("writing to raw values changed others: %q, %s", texts, again)
	}
	long := `"` + strings.Repeat("y", 3*rawPiece) + `"`
	if body := NewBody([]byte(long)); string(body.Raw(body.Value())) != long {
		t.Error("a long raw value is not whole")
	}
}
