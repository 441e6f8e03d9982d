package wire

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Value is one JSON value: where it stands in a Body. The zero Value is one that
// was not there.
type Value struct {
	from, to int32
	escaped  bool // a text with an escape
}

func (b *Body) json(v Value) []byte { return b.text[v.from:v.to:v.to] }

// Missing says whether there is no value, or null.
func (b *Body) Missing(v Value) bool { return v.to == 0 || b.text[v.from] == 'n' }

func (b *Body) isNumber(v Value) bool {
	return v.to > 0 && (b.text[v.from] == '-' || '0' <= b.text[v.from] && b.text[v.from] <= '9')
}

// IsText says whether the value is a text.
func (b *Body) IsText(v Value) bool { return v.to > 0 && b.text[v.from] == '"' }

// Text gives a text; of a number its digits as they came, of anything else "".
// It shares the memory of the whole Body: strings.Clone what outlives a page.
func (b *Body) Text(v Value) string {
	switch {
	case b.isNumber(v):
		return b.shared[v.from:v.to]
	case !b.IsText(v):
		return ""
	case !v.escaped:
		return b.shared[v.from+1 : v.to-1]
	}
	plain, _ := jsontext.AppendUnquote(nil, b.json(v)) // an error means half a surrogate pair, now U+FFFD
	return string(plain)
}

// ID gives an id that is a text, or a whole number in plain digits. An id that
// has been through a float (2e+11) is no id any more; false for it, and for an
// empty one. It has memory of its own: a reader remembers ids for long.
func (b *Body) ID(v Value) (string, bool) {
	text := b.Text(v)
	if text == "" || b.isNumber(v) && strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) {
		return "", false
	}
	return strings.Clone(text), true
}

// Raw gives a text, a number, true or false as it came, for handing on; null
// for anything else, and where there is none. It has memory of its own, since who
// gets bytes may write to them.
func (b *Body) Raw(v Value) jsontext.Value {
	raw := jsontext.Value(b.json(v))
	switch {
	case b.Missing(v), raw[0] == '{', raw[0] == '[':
		raw = jsontext.Value("null")
	case v.escaped && !raw.IsValid():
		raw, _ = jsontext.AppendQuote(nil, b.Text(v))
	}
	if cap(b.raws)-len(b.raws) < len(raw) {
		b.raws = make([]byte, 0, max(rawPiece, len(raw)))
	}
	start := len(b.raws)
	b.raws = append(b.raws, raw...)
	return b.raws[start:len(b.raws):len(b.raws)]
}

// rawPiece is how much memory Raw takes at a time: there are a few hundred small
// values a page.
const rawPiece = 1 << 10
