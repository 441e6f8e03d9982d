package wire

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
	"unsafe"

	"partnerlens/pkg/core"
)

// Body walks the JSON of an answer once, from its beginning to its end, and
// tells where values stand; it builds nothing. It holds the text to the grammar of
// RFC 8259 as it goes. The first mistake ends the walk: what is asked for after that
// is empty, and End gives the error.
//
// A name that comes twice and bytes that are no UTF-8 are put up with: the vendors
// promise neither, and a page is more use than a complaint.
//
// It is written by hand because decoding is most of what a page costs: with
// jsontext's decoder in its place BenchmarkPage of pkg/tencent weighs 0.59, with
// this 0.49 (November 2026). jsontext is the judge still: FuzzBody holds the two
// against each other.
type Body struct {
	text   []byte
	shared string // the same memory, for texts
	raws   []byte // what Raw gave last, and room
	at     int
	depth  int
	bad    bool
}

// maxDepth bounds what a text can make the walk recurse. Pages nest four deep.
const maxDepth = 64

// NewBody gives a Body over text, which must not change any more.
func NewBody(text []byte) *Body {
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, []byte("\uFFFD"))
	}
	// A copy would be a third of the memory that a page costs. Nothing writes
	// to text any more, which is what strings.Builder relies on too.
	return &Body{text: text, shared: unsafe.String(unsafe.SliceData(text), len(text))}
}

// End makes sure that the one value was read whole and nothing follows. Its
// error is a *core.Error and quotes nothing.
func (b *Body) End() error {
	if b.Peek() != 0 || b.at < len(b.text) {
		b.fail()
	}
	switch {
	case !b.bad:
		return nil
	case b.at >= len(b.text):
		return &core.Error{
			Code: core.CodeUnavailable, Detail: "the cloud's answer is cut short",
			Err: fmt.Errorf("JSON that ends at byte %d", len(b.text)),
		}
	}
	return Malformed("it is no JSON", fmt.Errorf("no JSON at byte %d", b.at))
}

// Malformed is the error for an answer that is not what the vendor documents.
// what and cause quote nothing of it.
func Malformed(what string, cause error) *core.Error {
	return &core.Error{Code: core.CodeUpstream, Detail: "the cloud's answer is not what it documents: " + what, Err: cause}
}

// Object goes over the members of the next value. member may read the member's
// value; one that it does not read is passed over. false: the value is neither an
// object nor null.
func (b *Body) Object(member func(name string)) bool {
	return b.each('{', func() {
		name := b.Value()
		if !b.IsText(name) || b.Peek() != ':' {
			b.fail()
			return
		}
		b.at++
		start := b.at
		member(b.Text(name))
		if b.at == start {
			b.Value()
		}
	})
}

// Array goes over the elements of the next value. element may read one; one that
// it does not read is passed over. false: the value is neither a list nor null.
func (b *Body) Array(element func()) bool {
	return b.each('[', func() {
		start := b.at
		element()
		if b.at == start {
			b.Value()
		}
	})
}

func (b *Body) each(open byte, step func()) bool {
	if b.Peek() != open {
		return b.Missing(b.Value())
	}
	shut := open + 2 // of '{' that is '}', of '[' it is ']'
	if b.depth++; b.depth > maxDepth {
		b.fail()
		return true
	}
	b.at++
	if b.Peek() != shut {
		for step(); b.Peek() == ','; step() {
			b.at++
		}
	}
	if b.Peek() != shut {
		b.fail()
		return true
	}
	b.at++
	b.depth--
	return true
}

// Value reads the next value.
func (b *Body) Value() Value {
	first := b.Peek()
	if b.bad {
		return Value{}
	}
	start, escaped := b.at, false
	switch first {
	case '"':
		escaped = b.quoted()
	case '{':
		b.Object(func(string) {})
	case '[':
		b.Array(func() {})
	case 't':
		b.literal("true")
	case 'f':
		b.literal("false")
	case 'n':
		b.literal("null")
	default:
		b.number()
	}
	if b.bad {
		return Value{}
	}
	return Value{int32(start), int32(b.at), escaped}
}

// plain are the bytes of a text that mean themselves.
var plain = func() (is [256]bool) {
	for c := range is {
		is[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return is
}()

// quoted goes past a text, and says whether it has an escape.
func (b *Body) quoted() (escaped bool) {
	for i := b.at + 1; i < len(b.text); {
		switch c := b.text[i]; {
		case plain[c]:
			i++
		case c == '"':
			b.at = i + 1
			return escaped
		default:
			b.at = i
			if c != '\\' || !b.escape() {
				b.fail()
				return true
			}
			escaped = true
			i = b.at
		}
	}
	b.at = len(b.text)
	b.fail()
	return true
}

// escape goes past an escape in a text; where it says false it stays at the
// mistake.
func (b *Body) escape() bool {
	b.at++
	digits := 0
	switch {
	case b.at == len(b.text):
		return false
	case b.text[b.at] == 'u':
		digits = 4
	case strings.IndexByte(`"\/bfnrt`, b.text[b.at]) < 0:
		return false
	}
	b.at++
	for range digits {
		if b.at == len(b.text) || strings.IndexByte("0123456789abcdefABCDEF", b.text[b.at]) < 0 {
			return false
		}
		b.at++
	}
	return true
}

func (b *Body) literal(word string) {
	for i := range len(word) {
		if b.at == len(b.text) || b.text[b.at] != word[i] {
			b.fail()
			return
		}
		b.at++
	}
}

func (b *Body) number() {
	b.skip('-', '-')
	whole := b.skip('0', '0') || b.digits()
	if whole && b.skip('.', '.') {
		whole = b.digits()
	}
	if whole && b.skip('e', 'E') {
		b.skip('-', '+')
		whole = b.digits()
	}
	if !whole {
		b.fail()
	}
}

// skip goes past one of two bytes, where it stands next.
func (b *Body) skip(this, that byte) bool {
	if b.at < len(b.text) && (b.text[b.at] == this || b.text[b.at] == that) {
		b.at++
		return true
	}
	return false
}

// digits goes past one digit and more.
func (b *Body) digits() bool {
	start := b.at
	for b.at < len(b.text) && '0' <= b.text[b.at] && b.text[b.at] <= '9' {
		b.at++
	}
	return b.at > start
}

// Peek gives the first byte of what comes next, past white space: 'n' of null,
// '{', '[' or '"' of a value; 0 at the end, or once the walk has failed.
func (b *Body) Peek() byte {
	for ; b.at < len(b.text); b.at++ {
		switch c := b.text[b.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			if b.bad {
				return 0
			}
			return c
		}
	}
	return 0
}

// fail ends the walk; at stays where the mistake is.
func (b *Body) fail() { b.bad = true }
