package settings

import (
	"strings"
	"testing"

	"partnerlens/pkg/core"
)

const planted = "AKIDz8krbsJ5yKBZplanted"

type sample struct {
	Name  string   `json:"name" want:"a text"`
	Count *int     `json:"count" want:"a whole number"`
	List  []string `json:"list" want:"a list of texts"`

	known string
}

func (s *sample) Validate() (p Problems) {
	if s.Name == "" {
		p.Add("name", "missing")
	}
	if s.Count != nil && *s.Count < 1 {
		p.Add("count", "not a whole number")
	}
	return p
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		want       []string // of the error
	}{
		{"right", `{"name":"a","count":1,"list":["x"]}`, nil},
		{"as little as can be", `{"name":"a"}`, nil},
		{"no object", `["` + planted + `"]`, []string{"S: in: not a JSON object with each member once"}},
		{"null", `null`, []string{"in: not a JSON object"}},
		{"nothing", ``, []string{"in: not a JSON object"}},
		{"two values", `{"name":"a"} {}`, []string{"in: not a JSON object"}},
		{"a member twice", `{"name":"a","name":"a"}`, []string{"in: not a JSON object"}},
		{"every mistake at once", `{"count":"` + planted + `","list":7}`, []string{"in.count: not a whole number; in.list: not a list of texts; in.name: missing"}},
		{"null for a member", `{"name":"a","list":null}`, []string{"in.list: not a list of texts"}},
		{"out of range", `{"name":"a","count":0}`, []string{"in.count: not a whole number"}},
		{"a name that is misspelt", `{"nome":"a","Name":"a"}`, []string{"in.Name: no such member; write name", "in.nome: no such member; write name"}},
		{"another name", `{"name":"a","token":"x"}`, []string{"in.token: no such member; there are count, list, name"}},
		{"a key for a name", `{"name":"a","` + planted + `":"x"}`, []string{"in: a member is unknown, and not shown"}},
		{"a field without a tag", `{"name":"a","known":"x"}`, []string{"in.known: no such member"}},
	} {
		var p Problems
		var got sample
		p.Within("in.", Decode([]byte(test.text), &got))
		err := p.Err("S")
		if (err == nil) != (test.want == nil) || err != nil && (core.CodeOf(err) != core.CodeMisconfigured || core.AsError(err).Param != "S") {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", test.name, err, want)
			}
		}
		if err != nil && strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: quotes a value: %v", test.name, err)
		}
		if got.known != "" || err == nil && got.Name != "a" {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}

func TestErrNamesAFewOfMany(t *testing.T) {
	t.Parallel()
	var p Problems
	for i := range 25 {
		p.Add("member", "problem %d", i%23) // a problem counts once
	}
	if err := p.Err("S"); !strings.HasSuffix(err.Error(), "member: problem 19; and 3 more") {
		t.Error(err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"name":"a"}`, `{"count":1e9}`, `{"list":[null]}`, `[`, `{"":{}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var got sample
		if p := Decode(text, &got); p == nil && (got.Name == "" || got.Count != nil && *got.Count < 1) {
			t.Errorf("%q gives %+v", text, got)
		}
	})
}
