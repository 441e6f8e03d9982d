package alert

import (
	"strings"
	"unicode"
)

const maxForeign = 64 // letters of a name or an id that are told: the longest id that a cloud documents

// clean takes out of a text what does not show or turns the rest around:
// control and format characters (bidi marks among them), and runs of blanks. What
// is too long is cut.
func clean(text string) string {
	var b strings.Builder
	letters, blank := 0, false
	for _, r := range text {
		switch {
		case unicode.IsSpace(r):
			blank = true
			continue
		case r == unicode.ReplacementChar, unicode.In(r, unicode.C, unicode.Zl, unicode.Zp), isFiller(r):
			continue
		}
		if blank && letters > 0 {
			b.WriteByte(' ')
			letters++
		}
		if letters >= maxForeign {
			b.WriteRune('…')
			break
		}
		blank = false
		b.WriteRune(r)
		letters++
	}
	return b.String()
}

// isFiller says whether r is a letter to Unicode and nothing to the eye.
func isFiller(r rune) bool {
	switch r {
	case 0x115F, 0x1160, 0x3164, 0xFFA0, 0x2800:
		return true
	}
	return unicode.Is(unicode.Variation_Selector, r)
}

// inert is foreign text that no channel's markup reads: whatever could begin a
// mention, a link, an entity or a style is replaced by its full-width twin, and a dot
// inside a word, which makes a link of a host's name, by one that does not. One rule
// for every channel instead of each vendor's escapes, which differ from client to
// client and are documented for few.
func inert(text string) string {
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
