package alert

import (
	"strings"
	"unicode"
)

const (
	maxForeign = 64  // letters of a name or an id: the longest id that a vendor documents
	maxOwner   = 200 // letters of an owner or a crm_id: as many as the table of owners takes
)

// clean removes invisible characters and those that reorder text (control and format
// characters, bidi marks among them), joins runs of spaces, and cuts the text to maxForeign.
func clean(text string) string { return cleanTo(text, maxForeign) }

// CleanOwner returns an owner or a crm_id as alerts have it. It is not cut as a name is: two
// owners whose names begin alike would become one.
func CleanOwner(text string) string { return cleanTo(text, maxOwner) }

func cleanTo(text string, most int) string {
	var b strings.Builder
	letters, space := 0, false
	for _, r := range text {
		switch {
		case unicode.IsSpace(r):
			space = true
			continue
		case r == unicode.ReplacementChar, unicode.In(r, unicode.C, unicode.Zl, unicode.Zp, unicode.Variation_Selector), isFiller(r):
			continue
		}
		if space && letters > 0 {
			b.WriteByte(' ')
			letters++
		}
		if letters >= most {
			b.WriteRune('…')
			break
		}
		space = false
		b.WriteRune(r)
		letters++
	}
	return b.String()
}

// isFiller reports whether r is a letter to Unicode and invisible.
func isFiller(r rune) bool { return strings.ContainsRune("\u115F\u1160\u3164\uFFA0\u2800", r) }

// escape returns foreign text without characters that a channel's markup can interpret.
// Characters that could begin a mention, a link, an entity or a style become their
// full-width forms, and a dot inside a word, which would make a link of a host name, becomes
// a one-dot leader. One rule serves every channel: the vendors' own escapes differ from
// client to client, and few are documented.
func escape(text string) string {
	letters := []rune(clean(text))
	for i, r := range letters {
		switch {
		case r == '.' || r == '。' || r == '．' || r == '｡':
			if i+1 < len(letters) {
				letters[i] = '․'
			}
		case r > ' ' && r < 0x7F && strings.ContainsRune("<>@&*_~`[](){}#|\\!:/\"'^$=+", r):
			letters[i] = r + 0xFEE0
		}
	}
	return string(letters)
}

// ownText returns text of this deployment (an account, a path) without control characters
// and angle brackets. It is not cut.
func ownText(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F || r == '<' || r == '>' {
			return -1
		}
		return r
	}, text)
}

func cut(text string, letters int) string {
	if all := []rune(text); len(all) > letters {
		return string(all[:letters]) + "…"
	}
	return text
}
