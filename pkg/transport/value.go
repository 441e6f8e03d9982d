package transport

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
)

// Value is one JSON value as it stands in a Body. nil is one that was not there.
type Value []byte

// Missing says whether there is no value, or null.
func (v Value) Missing() bool { return len(v) == 0 || v[0] == 'n' }

// IsText says whether the value is a text.
func (v Value) IsText() bool { return len(v) > 0 && v[0] == '"' }

func (v Value) isNumber() bool { return len(v) > 0 && (v[0] == '-' || '0' <= v[0] && v[0] <= '9') }

func (v Value) isEscaped() bool { return bytes.IndexByte(v, '\\') >= 0 }

// Text gives a text; of a number its digits as they came, of anything else "".
// It shares the memory of the whole Body: strings.Clone what outlives a page.
func (v Value) Text() string {
	switch {
	case v.isNumber():
		return shared(v)
	case !v.IsText():
		return ""
	case !v.isEscaped():
		return shared(v[1 : len(v)-1])
	}
	plain, _ := jsontext.AppendUnquote(nil, v) // an error means half a surrogate pair, now U+FFFD
	return string(plain)
}

// ID gives an id that is a text, or a whole number in plain digits. An id that
// has been through a float (2e+11) is no id any more; false for it, and for an
// empty one. It has memory of its own: a reader remembers ids for long.
func (v Value) ID() (string, bool) {
	text := v.Text()
	if text == "" || v.isNumber() && strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) {
		return "", false
	}
	return strings.Clone(text), true
}

// Secret gives a secret that stands as text, or else as base64: the stores of all
// vendors have one member for either. It has memory of its own.
func Secret(text, binary Value) (core.Secret, error) {
	if plain := text.Text(); plain != "" {
		return core.NewSecret(strings.Clone(plain)), nil
	}
	plain, err := base64.StdEncoding.DecodeString(binary.Text())
	if err != nil || len(plain) == 0 {
		return core.Secret{}, Malformed("it holds no secret", nil)
	}
	return core.NewSecret(string(plain)), nil
}

// Raw gives a text, a number, true or false as it came, for handing on; null
// for anything else, and where there is none. It has memory of its own, since who
// gets bytes may write to them.
func (b *Body) Raw(v Value) jsontext.Value {
	raw := jsontext.Value(v)
	switch {
	case v.Missing(), v[0] == '{', v[0] == '[':
		raw = jsontext.Value("null")
	case b.escapes && v.isEscaped() && !raw.IsValid():
		raw, _ = jsontext.AppendQuote(nil, v.Text())
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

// shared gives a piece of a Body as a text. A copy would be a third of the memory
// that a page costs; nothing writes to a Body any more, which is what
// strings.Builder relies on too.
func shared(piece []byte) string { return unsafe.String(unsafe.SliceData(piece), len(piece)) }
