package core

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// masked replaces the middle of personal data. The ends stay, so that a person
// who knows the customer recognises it and no other can write or call. The length
// does not show.
const masked = "***"

// maskText masks a name, a remark or an e-mail address word by word. It masks
// telephone numbers as such, keeps the domain of an address, and keeps words that
// the vendor has masked.
func maskText(text string) string {
	if digitsOf(text) >= minPhoneDigits && strings.Trim(text, "0123456789+-()./ ") == "" { // in groups
		return maskMobile(text)
	}
	var b strings.Builder
	for rest := strings.Join(strings.Fields(text), " "); rest != ""; {
		word := rest[:leading(rest, inWord)]
		rest = rest[len(word):]
		domain := ""
		if word != "" {
			domain = domainAt(rest)
		}
		switch {
		case domain == "" && digitsOf(word) >= minPhoneDigits:
			b.WriteString(maskMobile(word))
		case word != "":
			b.WriteString(maskWord(word))
		}
		b.WriteString(domain)
		rest = rest[len(domain):]
		between := rest[:leading(rest, func(r rune) bool { return !inWord(r) })]
		if domain != "" && strings.Trim(rest[:leading(rest, inWord)], wordMarks) != "" {
			b.WriteByte(' ') // the rest must not look like a part of the domain
		}
		b.WriteString(between)
		rest = rest[len(between):]
	}
	return b.String()
}

// inWord reports whether a rune belongs to a word; any other, such as @, separates
// words.
func inWord(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.N) || strings.ContainsRune(wordMarks, r)
}

// wordMarks may be part of a word, and are none alone.
const wordMarks = ".-_+'&*"

// leading returns how many bytes at the beginning of a text are runes that fit.
func leading(text string, fits func(rune) bool) int {
	if end := strings.IndexFunc(text, func(r rune) bool { return !fits(r) }); end >= 0 {
		return end
	}
	return len(text)
}

// domainAt returns the @ and the domain with which a text begins, or "": names and
// numbers may follow an @ too.
func domainAt(text string) string {
	domain, found := strings.CutPrefix(text, "@")
	if !found {
		return ""
	}
	domain = strings.TrimRight(domain[:leading(domain, func(r rune) bool { return isASCIILetter(r) || r >= '0' && r <= '9' || r == '-' || r == '.' })], ".-")
	labels := strings.Split(domain, ".")
	top := labels[len(labels)-1]
	if len(labels) < 2 || slices.Contains(labels, "") || len(top) < 2 || leading(top, isASCIILetter) < len(top) || digitsOf(domain) >= minPhoneDigits {
		return ""
	}
	return text[:1+len(domain)]
}

func isASCIILetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// maskWord keeps a word's first letter, and the last one from four letters on. It
// keeps nothing of a single letter.
func maskWord(word string) string {
	letters := []rune(word)
	switch {
	case isMasked(word), strings.Trim(word, wordMarks) == "":
		return word
	case len(letters) < 2:
		return masked
	case len(letters) < 4:
		return string(letters[:1]) + masked
	}
	return string(letters[:1]) + masked + string(letters[len(letters)-1:])
}

// isMasked reports whether a word or a number shows no more than its mask would.
func isMasked(word string) bool {
	before, after, found := strings.Cut(word, masked)
	after = strings.TrimLeft(after, "*")
	first, last := utf8.RuneCountInString(before), utf8.RuneCountInString(after)
	if digits := strings.TrimPrefix(before, "+"); digitsOf(digits) == utf8.RuneCountInString(digits) && digitsOf(after) == last && last == 2 {
		return found && (digits == "" || digitsOf(digits) == 3)
	}
	return found && first <= 1 && last <= 1
}

// minPhoneDigits is the length of the shortest telephone number with its area code.
const minPhoneDigits = 7

// maskMobile keeps a number's first three and last two digits, about as the
// vendors' consoles do, or only the last two of a short one.
func maskMobile(number string) string {
	if number == "" || isMasked(number) {
		return number
	}
	var digits []rune
	for _, r := range number {
		if unicode.IsDigit(r) {
			digits = append(digits, r)
		}
	}
	plus := ""
	if strings.HasPrefix(strings.TrimSpace(number), "+") {
		plus = "+"
	}
	switch {
	case len(digits) < 4:
		return masked
	case len(digits) < minPhoneDigits:
		return masked + string(digits[len(digits)-2:])
	}
	return plus + string(digits[:3]) + masked + string(digits[len(digits)-2:])
}

func digitsOf(text string) (n int) {
	for _, r := range text {
		if unicode.IsDigit(r) {
			n++
		}
	}
	return n
}
