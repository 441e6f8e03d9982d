package core

import (
	"strings"
	"unicode"
)

// What is personal is masked so that a person who knows the customer still
// recognises it, and nobody else can write or call: ends stay, middles go. How
// long a text was does not show.
const masked = "***"

// maskText masks a name or a remark: what looks like an e-mail address or a
// telephone number as one, and else word by word, since a company is known by
// its first word's beginning and by what follows.
func maskText(text string) string {
	if digitsOf(text) >= minPhoneDigits && strings.Trim(text, "0123456789+-()./ ") == "" { // in groups
		return maskMobile(text)
	}
	words := strings.Fields(text)
	for i, word := range words {
		switch {
		case strings.ContainsRune(word, '@'):
			words[i] = maskEmail(word)
		case digitsOf(word) >= minPhoneDigits:
			words[i] = maskMobile(word)
		default:
			words[i] = maskWord(word)
		}
	}
	return strings.Join(words, " ")
}

// maskWord keeps a word's first letter, and the last of a longer one. Of a word
// of one letter nothing stays.
func maskWord(word string) string {
	letters := []rune(word)
	switch {
	case len(letters) < 2:
		return masked
	case len(letters) < 4:
		return string(letters[:1]) + masked
	}
	return string(letters[:1]) + masked + string(letters[len(letters)-1:])
}

// maskEmail keeps the domain, which is mostly a company's or a provider's, and
// the ends of what stands before it. It masks what is masked already a little more.
func maskEmail(address string) string {
	if address == "" {
		return ""
	}
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return maskWord(address)
	}
	return maskWord(address[:at]) + address[at:]
}

// minPhoneDigits is the least that a telephone number has, its area included.
const minPhoneDigits = 7

// maskMobile keeps a number's first three and last two digits, as the vendors'
// own consoles do in about; of a short one only the last two.
func maskMobile(number string) string {
	if number == "" {
		return ""
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
