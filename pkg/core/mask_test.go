package core

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
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
		{maskText, "a company and its form", "Spruce (China) Co., Ltd.", "S***e (C***a) C***, L***."},
		{maskText, "nothing", "", ""},
		{maskText, "a name after an address", "l***i@corp.cn;李伟", "l***i@corp.cn;李***"},
		{maskText, "a number after an address", "z***g@corp.cn,13800138000", "z***g@corp.cn,138***00"},
		{maskText, "a number after an address and a slash", "zhang@qq.com/13800138000", "z***g@qq.com/138***00"},
		{maskText, "a full-width separator", "ann@example.com，王小明、13800138000", "a***@example.com，王***、138***00"},
		{maskText, "an address in Chinese words", "邮箱foo@bar.com电话13800138000", "邮***o@bar.com 138***00"},
		{maskText, "a number after an @", "微信@13800138000", "微***@138***00"},
		{maskText, "an @ and a name", "@wangxiaoming", "@w***g"},
		{maskText, "a name like a domain, and no address", "@wang.ming", "@w***g"},
		{maskText, "a person at a company", "云杉公司@张三丰", "云***司@张***"},
		{maskText, "everything at once", "ann@example.com,王小明,13800138000", "a***@example.com,王***,138***00"},
		{maskText, "a number like a domain", "ann@13800138000.com", "a***@138***00"},
		{maskText, "an underscore after a domain", "ann@bar.com_13800138000", "a***@bar.com 138***00"},
		{maskText, "an address that ends a sentence", "Ask ann@example.com.", "A*** a***@example.com."},
		{maskText, "an address", "a@example.com", "***@example.com"},
		{maskText, "an address that is a number", "13800138000@example.com", "1***0@example.com"},
		{maskText, "two @", "a@b@example.com", "***@***@example.com"},
		{maskText, "one the vendor has masked", "1***@qq.com", "1***@qq.com"},
		{maskText, "no address", "zhangwei", "z***i"},
		{maskMobile, "a number", "13800138000", "138***00"},
		{maskMobile, "an international one", "+86-138 0013 8000", "+861***00"},
		{maskMobile, "a short one", "12345", "***45"},
		{maskMobile, "no number", "ext. 12", "***"},
		{maskMobile, "one that is masked", "+861***00", "+861***00"},
		{maskMobile, "one that the vendor has masked less", "138****8000", "138***00"},
		{maskMobile, "nothing", "", ""},
	} {
		if got := test.mask(test.in); got != test.want {
			t.Errorf("%s: %q masked is %q, want %q", test.what, test.in, got, test.want)
		}
	}
}

// No telephone number survives a mask, and after an @ nothing but a domain; what
// is masked stays so.
func FuzzMask(f *testing.F) {
	for _, text := range []string{
		"ann@example.com,王小明,13800138000", "邮箱foo@bar.com电话13800138000", "+86 138 0013 8000", "a@bar.com_13800138000", "@w.co", "x@1234567.com",
		"１３８００１３８０００", "a***b 138***00", "a@b.cc.", "0.1.2.3.4.5.6.7@x", "\xff1234567",
	} {
		f.Add(text)
	}
	domain := regexp.MustCompile(`^([A-Za-z0-9-]+\.)+[A-Za-z]{2,}([^A-Za-z0-9]|$)`)
	word := regexp.MustCompile(`^[^*]?\*\*\*|^\+?\pN{3}\*\*\*`)
	f.Fuzz(func(t *testing.T, text string) {
		for name, mask := range map[string]func(string) string{"text": maskText, "mobile": maskMobile} {
			got := mask(text)
			if run := regexp.MustCompile(`\p{Nd}{7}`).FindString(got); run != "" {
				t.Errorf("%s: %q is masked as %q: the number %s survives", name, text, got, run)
			}
			if again := mask(got); again != got {
				t.Errorf("%s: %q is masked as %q, and that as %q", name, text, got, again)
			}
			for _, after := range strings.Split(got, "@")[1:] {
				if first := strings.IndexFunc(after, func(r rune) bool { return unicode.In(r, unicode.L, unicode.N) }); first == 0 && !domain.MatchString(after) && !word.MatchString(after) {
					t.Errorf("%s: %q is masked as %q: %q survives", name, text, got, after)
				}
			}
		}
	})
}

// Masked must leave the record as it is: others hold it too. And nothing of
// what is personal may be left whole.
func TestMaskedIsACopy(t *testing.T) {
	t.Parallel()
	c := &CustomerCredit{CustomerID: "200000000001", Name: "Zhang Wei", Email: "zhang@example.com", Mobile: "13800138000", Remark: "Friend of Wang"}
	before := strings.Join(c.Row(), " ")
	m := c.Masked()
	if after := strings.Join(c.Row(), " "); after != before {
		t.Errorf("the record itself was masked: %s", after)
	}
	if m.ID() != c.ID() {
		t.Errorf("the id is %s", m.ID())
	}
	cells := strings.Join(m.Row(), " ")
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
