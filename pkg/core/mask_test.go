package core

import (
	"strings"
	"testing"
)

func TestMasks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		mask           func(string) string
		what, in, want string
	}{
		{maskText, "a company", "Imaginary Harbour Games 3 GmbH", "I***y H***r G***s *** G***H"},
		{maskText, "a company in Chinese", "样本云杉物流118有限公司", "样***司"},
		{maskText, "a person", "Li Na", "L*** N***"},
		{maskText, "a person in Chinese", "王小明", "王***"},
		{maskText, "one letter", "王", "***"},
		{maskText, "a name that is an address", "zhang.wei@example.com", "z***i@example.com"},
		{maskText, "a remark with an address", "call ann@example.org first", "c***l a***@example.org f***t"},
		{maskText, "a remark with a number", "Bob 13800138000", "B*** 138***00"},
		{maskText, "a number in groups", "+86 138 0013 8000", "+861***00"},
		{maskText, "nothing", "", ""},
		{maskEmail, "an address", "a@example.com", "***@example.com"},
		{maskEmail, "two @", "a@b@example.com", "a***@example.com"},
		{maskEmail, "one the vendor has masked", "1***@qq.com", "1****@qq.com"},
		{maskEmail, "no address", "zhangwei", "z***i"},
		{maskEmail, "nothing", "", ""},
		{maskMobile, "a number", "13800138000", "138***00"},
		{maskMobile, "an international one", "+86-138 0013 8000", "+861***00"},
		{maskMobile, "a short one", "12345", "***45"},
		{maskMobile, "no number", "ext. 12", "***"},
		{maskMobile, "nothing", "", ""},
	} {
		if got := test.mask(test.in); got != test.want {
			t.Errorf("%s: %q masked is %q, want %q", test.what, test.in, got, test.want)
		}
	}
}

// Masked must leave the record as it is: others hold it too. And nothing of
// what is personal may be left whole.
func TestMaskedIsACopy(t *testing.T) {
	t.Parallel()
	c := &CustomerCredit{CustomerID: "200000000001", Name: "Zhang Wei", Email: "zhang@example.com", Mobile: "13800138000", Remark: "Friend of Wang"}
	before := strings.Join(c.Cells(), " ")
	m := c.Masked()
	if after := strings.Join(c.Cells(), " "); after != before {
		t.Errorf("the record itself was masked: %s", after)
	}
	if m.ID() != c.ID() {
		t.Errorf("the id is %s", m.ID())
	}
	cells := strings.Join(m.Cells(), " ")
	for _, whole := range []string{"Zhang", "Wei", "zhang@", "0013800", "Friend", "Wang"} {
		if strings.Contains(cells, whole) {
			t.Errorf("%q is left in %s", whole, cells)
		}
	}
}

func TestRights(t *testing.T) {
	t.Parallel()
	f := CreditFunction(nil, nil)
	for _, test := range []struct {
		name     string
		params   Params
		personal bool
		want     Code
	}{
		{"masked", Params{}, false, ""},
		{"masked, said so", Params{"pii": {"masked"}}, false, ""},
		{"full without the right", Params{"pii": {"full"}}, false, CodeForbidden},
		{"full", Params{"pii": {"full"}}, true, ""},
		{"an unknown value", Params{"pii": {"yes"}}, true, CodeInvalid},
		{"by id", Params{"filter_type": {"customer_id"}, "filter": {"1"}}, false, ""},
		{"by name without the right", Params{"filter_type": {"name"}, "filter": {"Z"}}, false, CodeForbidden},
		{"by address without the right", Params{"filter_type": {"email"}, "filter": {"z@"}}, false, CodeForbidden},
		{"by remark without the right", Params{"filter_type": {"remark"}, "filter": {"z"}}, false, CodeForbidden},
		{"by name", Params{"filter_type": {"name"}, "filter": {"Z"}}, true, ""},
	} {
		q, err := f.Ask(test.params)
		if err == nil {
			q, err = q.Within(Rights{Personal: test.personal})
		}
		if CodeOf(err) != test.want {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
		if err == nil && q.Masked() == (len(test.params["pii"]) == 1 && test.params["pii"][0] == "full") {
			t.Errorf("%s: masked is %v", test.name, q.Masked())
		}
	}
}
