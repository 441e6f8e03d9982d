package sheet

import "testing"

func TestNeutralized(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                         "",
		"Example One":              "Example One",
		"a=b":                      "a=b",
		"a-b@example.com":          "a-b@example.com",
		"示例科技":                     "示例科技",
		"'quoted":                  "'quoted",
		"200000000001":             "200000000001",
		"=1+1":                     "'=1+1",
		"+86 000":                  "'+86 000",
		"-1":                       "'-1",
		"-":                        "'-",
		"@SUM(A1)":                 "'@SUM(A1)",
		"＝1":                       "'＝1",
		"＋1":                       "'＋1",
		"－1":                       "'－1",
		"＠x":                       "'＠x",
		" =1":                      " '=1",
		"\u00a0\u2003=1":           "\u00a0\u2003'=1",
		"\ufeff=1":                 "\ufeff'=1",
		"\u200b=1":                 "\u200b'=1",
		`"=1`:                      `"'=1`,
		"\t=1":                     "'\t'=1",
		"\rx":                      "'\rx",
		"\nx":                      "'\nx",
		"\x00=1":                   "'\x00=1",
		"\x7fx":                    "'\x7fx",
		"a;=1":                     "a;'=1",
		"a; =1":                    "a; '=1",
		"a\n=1":                    "a\n'=1",
		"a\r\n@x":                  "a\r\n'@x",
		"a\t-1":                    "a\t'-1",
		"a;b=1":                    "a;b=1",
		"a,=1":                     "a,=1", // quoted, and commas within quotes do not split
		"==":                       "'==",
		"\xff=1":                   "\ufffd=1",
		"=HYPERLINK(\"https://\")": "'=HYPERLINK(\"https://\")",
	} {
		if got := neutralize(text); got != want {
			t.Errorf("neutralize(%q) = %q, want %q", text, got, want)
		}
	}
}
