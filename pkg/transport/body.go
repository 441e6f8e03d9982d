package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/go-faster/jx"
	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
)

// Body walks the JSON of an answer once, from its beginning to its end, and gives
// its values as they stand there; it builds nothing. The walk is jx's, which holds
// the text to the grammar of RFC 8259 as it goes. The first mistake ends it: what is
// asked for after that is empty, and End gives the error.
//
// A name that comes twice and bytes that are no UTF-8 are put up with: the vendors
// promise neither, and a page is more use than a complaint.
//
// Decoding is most of what a page costs, so the library was chosen by BenchmarkPage
// of pkg/tencent (medians, November 2026): jx 0.45; jsontext's decoder 0.51; structs
// by segmentio/encoding 0.51, goccy/go-json 0.59, go-json-experiment/json 0.70;
// fastjson 0.68, gjson 0.72 and jsonparser 0.83, with a check of the text beforehand.
type Body struct {
	dec     jx.Decoder
	text    []byte
	escapes bool   // there are some in text
	raws    []byte // what Raw gave last, and room
	read    bool   // the value that stood next has been read
	err     error  // the first mistake
}

// NewBody gives a Body over text, which must not change any more.
func NewBody(text []byte) *Body {
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, []byte("\uFFFD"))
	}
	b := &Body{text: text, escapes: bytes.IndexByte(text, '\\') >= 0}
	b.dec.ResetBytes(text)
	b.dec.Next() // past white space: jx leaves none before a value but the first
	return b
}

// End makes sure that the one value was read whole and nothing follows. Its
// error is a *core.Error and quotes nothing.
func (b *Body) End() error {
	if b.err == nil {
		switch err := b.dec.Skip(); err {
		case io.EOF:
			return nil
		case nil:
			b.err = errors.New("a second value")
		default:
			b.err = err
		}
	}
	// jx does not say where, and calls some mistakes near the end an end that
	// comes too soon. jsontext takes its time and tells.
	dec := jsontext.NewDecoder(bytes.NewReader(b.text), jsontext.AllowDuplicateNames(true))
	_, err := dec.ReadValue()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &core.Error{
			Code: core.CodeUnavailable, Detail: "the cloud's answer is cut short",
			Err: fmt.Errorf("JSON that ends at byte %d", len(b.text)),
		}
	}
	at := dec.InputOffset()
	if wrong, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		at = wrong.ByteOffset
	}
	return Malformed("it is no JSON", fmt.Errorf("no JSON at byte %d", at))
}

// Malformed is the error for an answer that is not what the vendor documents.
// what and cause quote nothing of it.
func Malformed(what string, cause error) *core.Error {
	return &core.Error{Code: core.CodeUpstream, Detail: "the cloud's answer is not what it documents: " + what, Err: cause}
}

// Object goes over the members of the next value. member may read the member's
// value, once; one that it does not read is passed over. false: the value is
// neither an object nor null.
func (b *Body) Object(member func(name string)) bool {
	if b.next() != jx.Object {
		return b.Value().Missing()
	}
	b.done(b.dec.ObjBytes(func(_ *jx.Decoder, name []byte) error {
		b.read = false
		member(shared(name))
		return b.pass()
	}))
	return true
}

// Array goes over the elements of the next value. element may read one, once; one
// that it does not read is passed over. false: the value is neither a list nor null.
func (b *Body) Array(element func()) bool {
	if b.next() != jx.Array {
		return b.Value().Missing()
	}
	b.done(b.dec.Arr(func(*jx.Decoder) error {
		b.read = false
		element()
		return b.pass()
	}))
	return true
}

// Value reads the next value.
func (b *Body) Value() Value {
	if b.err != nil {
		return nil
	}
	raw, err := b.dec.Raw()
	b.done(err)
	return Value(raw)
}

// AtNull says whether null stands next.
func (b *Body) AtNull() bool { return b.next() == jx.Null }

// AtText says whether a text stands next.
func (b *Body) AtText() bool { return b.next() == jx.String }

func (b *Body) next() jx.Type {
	if b.err != nil {
		return jx.Invalid
	}
	return b.dec.Next()
}

// pass goes past the value that stands next, where it has not been read.
func (b *Body) pass() error {
	if b.err == nil && !b.read {
		b.done(b.dec.Skip())
	}
	return b.err
}

// done notes that a value has been read, or the mistake in it.
func (b *Body) done(err error) {
	b.read = true
	if err != nil && b.err == nil {
		b.err = err
	}
}
