package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"

	"partnerlens/pkg/core"
)

func TestEscape(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, cell, want string }{
		{"letters", "Example GmbH", "Example GmbH"},
		{"Chinese", "示例科技有限公司", "示例科技有限公司"},
		{"an ideographic space", "示例　科技", "示例　科技"},
		{"accents of their own", "e\u0301a\u0300", "e\u0301a\u0300"},
		{"an emoji", "a 🚀", "a 🚀"},
		{"a line's end", "a\nb\rc\td", `a\nb\rc\td`},
		{"an escape sequence", "\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`},
		{"C1", "a\u009b31mb\u0085", `a\u009b31mb\u0085`},
		{"delete", "a\x7f", `a\x7f`},
		{"zero width", "a\u200bb\u200cc\u200dd\ufeffe\u2060", `a\u200bb\u200cc\u200dd\ufeffe\u2060`},
		{"a soft hyphen", "a\u00adb", `a\u00adb`},
		{"direction", "a\u202eb\u202dc\u2066d\u2069e\u200ef\u200fg\u061c", `a\u202eb\u202dc\u2066d\u2069e\u200ef\u200fg\u061c`},
		{"tags", "a\U000e0041\U000e007f", `a\U000e0041\U000e007f`},
		{"variation selectors", "a\ufe0fb\U000e0100", `a\ufe0fb\U000e0100`},
		{"letters without a shape", "a\u3164b\u115fc\u2800", `a\u3164b\u115fc\u2800`},
		{"separators", "a\u2028b\u2029", `a\u2028b\u2029`},
		{"private use", "a\ue000", `a\ue000`},
		{"stacked marks", "a" + strings.Repeat("\u0301", 6), "a" + strings.Repeat("\u0301", 4) + `\u0301\u0301`},
		{"not UTF-8", "a\x9bb", "a\ufffdb"},
	} {
		if got := escape(test.cell); got != test.want {
			t.Errorf("%s: escape(%+q) = %+q, want %+q", test.name, test.cell, got, test.want)
		}
	}
}

func TestWidths(t *testing.T) {
	t.Parallel()
	for r, want := range map[rune]int{'a': 1, '示': 2, '…': 1, '±': 1, 'Ω': 1, '·': 1, '\u0301': 0, '🚀': 2} {
		if got := text.RuneWidth(r); got != want {
			t.Errorf("%c is %d columns wide, want %d", r, got, want)
		}
	}
}

// JSON on a terminal has the values that it has in a file.
func TestJSONOnATerminal(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Example 示例　科技 🚀", "a\u009b31m\u202e\u200b\x7f\U000e0041", "q\"\\\n"} {
		document, err := core.AppendJSON(nil, map[string]string{"name": name})
		if err != nil {
			t.Fatal(err)
		}
		var shown bytes.Buffer
		if n, err := (terminalWriter{&shown, true}).Write(append(document, '\n')); err != nil || n != len(document)+1 {
			t.Errorf("Write = %d, %v", n, err)
		}
		for _, r := range strings.TrimSuffix(shown.String(), "\n") {
			if !isVisible(r) {
				t.Errorf("%+q is shown as %+q", name, shown.String())
			}
		}
		var got map[string]string
		if err := json.Unmarshal(shown.Bytes(), &got); err != nil || got["name"] != name {
			t.Errorf("%+q is read as %+q, %v", name, got["name"], err)
		}
	}
}

func TestTextOnATerminal(t *testing.T) {
	t.Parallel()
	var shown bytes.Buffer
	if _, err := (terminalWriter{&shown, false}).Write([]byte("a,b\u202e\r\nc\rd\x1b[31m\n")); err != nil {
		t.Fatal(err)
	}
	if want := "a,b\\u202e\r\nc\\rd\\x1b[31m\n"; shown.String() != want {
		t.Errorf("shown is %+q, want %+q", shown.String(), want)
	}
}
