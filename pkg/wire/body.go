package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
)

// Body walks the JSON of an answer. jsontext says first whether it is JSON at
// all; after that only ends have to be found, so a walk cannot fail. Both together
// take half the time of a decoder that does it in one.
type Body struct {
	text   []byte
	shared string // the same, for texts
	at     int
}

// ParseBody gives a Body over text, which must not change any more. A name that
// comes twice and bytes that are no UTF-8 are put up with: the vendors promise
// neither, and a page is more use than a complaint. The error is an *core.Error.
func ParseBody(text []byte) (*Body, error) {
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, []byte("\uFFFD"))
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(text),
		jsontext.AllowDuplicateNames(true),
		jsontext.AllowInvalidUTF8(true), // half of a surrogate pair, escaped
	)
	_, err := dec.ReadValue()
	if err == nil {
		if _, err = dec.ReadToken(); err == io.EOF {
			return &Body{text: text, shared: string(text)}, nil
		}
	}
	// Of the decoder's error only the place is kept: its text can quote.
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, &core.Error{
			Code: core.CodeUnavailable, Detail: "the cloud's answer is cut short",
			Err: fmt.Errorf("JSON that ends at byte %d", len(text)),
		}
	}
	return nil, Malformed("it is no JSON", fmt.Errorf("no JSON from byte %d on", dec.InputOffset()))
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
		name := b.Text(b.Value())
		b.pass(':')
		start := b.at
		member(name)
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
	b.space()
	if b.text[b.at] != open {
		return b.Missing(b.Value())
	}
	b.at++
	for b.space(); b.text[b.at] != open+2; b.space() { // '{' + 2 is '}', '[' + 2 is ']'
		step()
		b.pass(',')
	}
	b.at++
	return true
}

// Null says whether the next value is null, without reading it.
func (b *Body) Null() bool {
	b.space()
	return b.text[b.at] == 'n'
}

// Value reads the next value. It stands in the Body's own text.
func (b *Body) Value() Value {
	b.space()
	start := b.at
	switch b.text[start] {
	case '"':
		b.quoted()
	case '{', '[':
		for depth := 1; depth > 0; {
			b.at++
			switch b.text[b.at] {
			case '"':
				b.quoted()
				b.at--
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
		}
		b.at++
	default:
		for b.at < len(b.text) && !ends[b.text[b.at]] {
			b.at++
		}
	}
	return Value{int32(start), int32(b.at)}
}

// ends are what a number, true, false and null end at.
var ends = [256]bool{',': true, ']': true, '}': true, ' ': true, '\t': true, '\r': true, '\n': true}

// quoted goes past a text.
func (b *Body) quoted() {
	for b.at++; ; b.at++ {
		b.at += bytes.IndexByte(b.text[b.at:], '"')
		escapes := 0
		for b.text[b.at-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			b.at++
			return
		}
	}
}

func (b *Body) space() {
	for b.text[b.at] <= ' ' {
		b.at++
	}
}

// pass goes past a separator, where one stands next.
func (b *Body) pass(separator byte) {
	if b.space(); b.text[b.at] == separator {
		b.at++
	}
}
