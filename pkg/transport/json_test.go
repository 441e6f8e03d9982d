package transport

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	deep := `{"a":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001) + "}"
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
		{"every number", `{"a":[0,-0,1,-12,1.5,1e3,1E+3,-1.5e-3]}`, ""},
		{"nothing", "", core.CodeUnavailable},
		{"only space", "  \n", core.CodeUnavailable},
		{"cut in a text", `{"a":"b`, core.CodeUnavailable},
		{"cut in an escape", `{"a":"b\`, core.CodeUnavailable},
		{"cut in a hexadecimal escape", `{"a":"\u00`, core.CodeUnavailable},
		{"cut after a name", `{"a"`, core.CodeUnavailable},
		{"cut after a colon", `{"a":`, core.CodeUnavailable},
		{"cut after a comma", `{"a":[1,`, core.CodeUnavailable},
		{"cut in a word", `{"a":[tru`, core.CodeUnavailable},
		{"cut in a number", `{"a":[-`, core.CodeUnavailable},
		{"cut after a value", `{"a":1`, core.CodeUnavailable},
		{"cut in a number's fraction", `{"a":[1.`, core.CodeUnavailable},
		{"two values", `{} {}`, core.CodeUpstream},
		{"a comma too many", `{"a":1,}`, core.CodeUpstream},
		{"no comma", `{"a":[1 2]}`, core.CodeUpstream},
		{"no colon", `{"a" 1}`, core.CodeUpstream},
		{"a name without quotation marks", `{a:1}`, core.CodeUpstream},
		{"single quotation marks", `{'a':1}`, core.CodeUpstream},
		{"the wrong bracket", `{"a":[1}`, core.CodeUpstream},
		{"a control character", "{\"a\":\"\x01\"}", core.CodeUpstream},
		{"an unknown escape", `{"a":"\x"}`, core.CodeUpstream},
		{"a leading zero", `{"a":[01]}`, core.CodeUpstream},
		{"a number without digits", `{"a":[-.5]}`, core.CodeUpstream},
		{"an exponent without digits", `{"a":[1e]}`, core.CodeUpstream},
		{"a fraction without digits", `{"a":[1.]}`, core.CodeUpstream},
		{"a word that is short", `{"a":[tr]}`, core.CodeUpstream},
		{"not a number", `{"a":[NaN]}`, core.CodeUpstream},
		{"a page of HTML", `<html></html>`, core.CodeUpstream},
		{"a zero byte", "{\x00}", core.CodeUpstream},
		{"too deep", deep, core.CodeUpstream},
		{"a list", `[]`, core.CodeUpstream},
		{"null", `null`, ""},
		{"a text", `"text"`, core.CodeUpstream},
		{"a text in place of an object", `{"object":"planted"}`, core.CodeUpstream},
		{"a list in place of an object", `{"object":[{"a":"planted"}]}`, core.CodeUpstream},
		{"a text in a list of objects", `{"list":["planted"]}`, core.CodeUpstream},
		{"null in place of an object", `{"object":null}`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var into struct {
				A      Value          `json:"a"`
				Object struct{}       `json:"object"`
				List   List[struct{}] `json:"list"`
			}
			err := Answer{Status: 200, Body: []byte(test.text)}.Decode(&into)
			if got := core.CodeOf(err); got != test.want {
				t.Errorf("Decode of %q = %v, want code %q", test.text, err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "planted") {
				t.Errorf("the error quotes the answer: %v", err)
			}
			if err := (Answer{Status: 429, Body: []byte(test.text)}).Decode(&into); err != nil && core.CodeOf(err) != core.CodeThrottled {
				t.Errorf("Decode of %q with status 429 = %v", test.text, err)
			}
		})
	}
}

func TestValue(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		json, text, id, raw string
		empty               bool
	}{
		{json: `"plain"`, text: "plain", id: "plain", raw: `"plain"`},
		{json: `"é\n"`, text: "é\n", id: "é\n", raw: `"é\n"`},
		{json: `""`, raw: `""`, empty: true},
		{json: `200000000000`, text: "200000000000", id: "200000000000", raw: `200000000000`},
		{json: `2e+11`, text: "2e+11", raw: `2e+11`},
		{json: `-1`, text: "-1", raw: `-1`},
		{json: `1.0`, text: "1.0", raw: `1.0`},
		{json: `true`, raw: `true`},
		{json: `null`, raw: `null`, empty: true},
		{json: `{"a":1}`, raw: `null`},
		{json: `[1]`, raw: `null`},
		{json: `"\ud800x"`, text: "\uFFFDx", id: "\uFFFDx", raw: "\"\uFFFDx\""},
		{json: "\"\xffx\"", text: "\uFFFDx", id: "\uFFFDx", raw: "\"\uFFFDx\""},
	} {
		var into struct{ V Value }
		if err := (Answer{Status: 200, Body: []byte(`{"V":` + test.json + `}`)}).Decode(&into); err != nil {
			t.Fatal(err)
		}
		value := into.V
		if got := value.Text(); got != test.text {
			t.Errorf("Text of %s = %q, want %q", test.json, got, test.text)
		}
		if got, ok := value.ID(); got != test.id || ok != (test.id != "") {
			t.Errorf("ID of %s = %q, %t, want %q", test.json, got, ok, test.id)
		}
		if got := value.AppendRaw(nil); string(got) != test.raw || !jsontext.Value(got).IsValid() {
			t.Errorf("AppendRaw of %s = %s, want %s", test.json, got, test.raw)
		}
		if got := value.Empty(); got != test.empty {
			t.Errorf("Empty of %s = %t, want %t", test.json, got, test.empty)
		}
	}
	if absent := Value(""); absent.Text() != "" || string(absent.AppendRaw(nil)) != "null" || !absent.Empty() {
		t.Error("a value that is not there is not empty")
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		value Value
		want  int
		ok    bool
	}{
		{`0`, 0, true}, {`12`, 12, true}, {`"12"`, 12, true},
		{`-1`, -1, false}, {`1.5`, 0, false}, {`true`, 0, false}, {`null`, 0, false}, {``, 0, false},
	} {
		if got, ok := test.value.Count(); got != test.want || ok != test.ok {
			t.Errorf("Count of %s = %d, %t, want %d, %t", test.value, got, ok, test.want, test.ok)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		json string
		kind jsontext.Kind
		want []Value // the members a
		code core.Code
	}{
		{`{}`, jsontext.KindInvalid, nil, ""},
		{`{"list":null}`, jsontext.KindNull, nil, ""},
		{`{"list":[]}`, jsontext.KindBeginArray, nil, ""},
		{`{"list":[{"a":1},{"b":[]},null,{"a":{"b":4}}]}`, jsontext.KindBeginArray, []Value{"1", "", "", `{"b":4}`}, ""},
		{`{"list":[{"a":1}],"list":[{"a":2}]}`, jsontext.KindBeginArray, []Value{"2"}, ""},
		{`{"list":[{"a":1}],"list":null}`, jsontext.KindNull, nil, ""},
		{`{"list":{"a":1}}`, jsontext.KindBeginObject, nil, core.CodeUpstream},
		{`{"list":"x"}`, jsontext.KindString, nil, core.CodeUpstream},
	} {
		type row struct {
			A Value `json:"a"`
		}
		var into struct {
			List List[row] `json:"list"`
		}
		if err := (Answer{Status: 200, Body: []byte(test.json)}).Decode(&into); err != nil {
			t.Fatal(err)
		}
		got, err := Records(into.List, "list", func(row *row) (Value, error) { return row.A, nil }, "", func(Value) string { return "" })
		if into.List.Kind != test.kind || !slices.Equal(got, test.want) || core.CodeOf(err) != test.code {
			t.Errorf("%s: a %v, %q, %v, want a %v, %q, code %q", test.json, into.List.Kind, got, err, test.kind, test.want, test.code)
		}
	}
}

func TestRecords(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		rows, unread, unusable int
		code                   core.Code
		detail                 string
	}{
		{rows: 0}, {rows: 1, unread: 1}, {rows: 40, unread: 2}, {rows: 100, unread: 5},
		{2, 2, 0, core.CodeUpstream, "2 of 2 rows have a fault, the first in row 1: member"},
		{100, 6, 0, core.CodeUpstream, "6 of 100 rows have a fault, the first in row 1: member"},
		{100, 6, 1, core.CodeUpstream, "row 100: no id"},
	} {
		list := List[int]{Kind: jsontext.KindBeginArray, Items: make([]int, test.rows)}
		for i := range list.Items {
			list.Items[i] = i
		}
		record := func(row *int) (int, error) {
			if *row >= test.rows-test.unusable {
				return 0, errors.New("no id")
			}
			return *row, nil
		}
		unread := func(i int) string {
			if i < test.unread {
				return "member"
			}
			return ""
		}
		got, err := Records(list, "list", record, "a fault", unread)
		if core.CodeOf(err) != test.code || err == nil && !slices.Equal(got, list.Items) {
			t.Errorf("%d rows, %d unread: %v, %v, want code %q", test.rows, test.unread, got, err, test.code)
		}
		if err != nil && !strings.HasSuffix(core.AsError(err).Detail, test.detail) {
			t.Errorf("Detail = %q, want %q", core.AsError(err).Detail, test.detail)
		}
	}
}

// Values share no memory with the answer.
func TestValuesAreCopies(t *testing.T) {
	t.Parallel()
	body := []byte(`{"V":"first"}`)
	var into struct{ V Value }
	if err := (Answer{Status: 200, Body: body}).Decode(&into); err != nil {
		t.Fatal(err)
	}
	for i := range body {
		body[i] = 'x'
	}
	if text := into.V.Text(); text != "first" {
		t.Errorf("Text = %q after a change of the answer", text)
	}
}
