package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
)

// Body walks the JSON of an answer, once and without copying. A name that comes
// twice and bytes that are no UTF-8 are put up with: the vendors promise
// neither, and a page is more use than a complaint.
type Body struct {
	text []byte
	dec  *jsontext.Decoder
}

// NewBody gives a Body over text, which must not change any more.
func NewBody(text []byte) *Body {
	return &Body{text, jsontext.NewDecoder(bytes.NewBuffer(text),
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
}

// errShape is for JSON that is not what stands in the vendor's description.
var errShape = errors.New("another kind of value than documented")

// Value reads the next value. It stays as it is for as long as the text does.
func (b *Body) Value() (jsontext.Value, error) {
	value, err := b.dec.ReadValue()
	if err != nil {
		return nil, err
	}
	end := int(b.dec.InputOffset())
	return b.text[end-len(value) : end : end], nil
}

// Skip passes over the next value.
func (b *Body) Skip() error { return b.dec.SkipValue() }

// Object reads the next value, an object or null, and calls member for each of
// its members; member must read or skip exactly one value.
func (b *Body) Object(member func(name []byte) error) error {
	return b.walk('{', func() error {
		name, err := b.Value()
		if err != nil {
			return err
		}
		if bytes.IndexByte(name, '\\') < 0 {
			return member(name[1 : len(name)-1])
		}
		plain, _ := jsontext.AppendUnquote(nil, name) // an error means replaced bytes
		return member(plain)
	})
}

// Array reads the next value, a list or null, and calls element for each of its
// elements; element must read or skip exactly one value.
func (b *Body) Array(element func() error) error { return b.walk('[', element) }

func (b *Body) walk(open jsontext.Kind, step func() error) error {
	switch b.dec.PeekKind() {
	case 'n':
		return b.Skip()
	case open, 0: // 0: no JSON, which the next read says better
	default:
		return errShape
	}
	if _, err := b.dec.ReadToken(); err != nil {
		return err
	}
	for {
		switch b.dec.PeekKind() {
		case '}', ']':
			_, err := b.dec.ReadToken()
			return err
		}
		if err := step(); err != nil {
			return err
		}
	}
}

// End makes sure that nothing follows.
func (b *Body) End() error {
	switch _, err := b.dec.ReadToken(); {
	case err == nil:
		return errShape
	case err != io.EOF:
		return err
	}
	return nil
}

// Text gives a text; of a number its digits as they came, of anything else "".
func Text(value jsontext.Value) string {
	switch value.Kind() {
	case '0':
		return string(value)
	case '"':
		if bytes.IndexByte(value, '\\') < 0 {
			return strings.ToValidUTF8(string(value[1:len(value)-1]), "\uFFFD")
		}
		plain, _ := jsontext.AppendUnquote(nil, value) // an error means replaced bytes
		return string(plain)
	}
	return ""
}

// ID gives an id that is a text, or a whole number in plain digits. An id that
// has been through a float (2e+11) is no id any more; false for it, and for an
// empty one.
func ID(value jsontext.Value) (string, bool) {
	text := Text(value)
	if text == "" || value.Kind() == '0' && strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) {
		return "", false
	}
	return text, true
}

// Malformed is the error for JSON that cannot be read or is not what was
// documented. Of a decoder's error it keeps place and kind: the text of one can
// quote what it read.
func Malformed(err error) *core.Error {
	var own *core.Error
	if errors.As(err, &own) {
		return own
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &core.Error{
			Code: core.CodeUnavailable, Detail: "the cloud's answer is cut short",
			Err: errors.New("the JSON ends too early"),
		}
	}
	e := &core.Error{Code: core.CodeUpstream, Detail: "the cloud's answer is not what it documents"}
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntax):
		e.Err = fmt.Errorf("no JSON at byte %d", syntax.ByteOffset)
	case errors.Is(err, errShape):
		e.Err = errShape
	default:
		e.Err = fmt.Errorf("%T", err)
	}
	return e
}

// BadRow is the error for a row of a page that cannot be used, counted from 1:
// what says which member. The page is lost with it: a page without one of its
// rows would pass for whole.
func BadRow(row int, what string) *core.Error {
	return &core.Error{
		Code:   core.CodeUpstream,
		Detail: fmt.Sprintf("row %d of the cloud's page cannot be used: %s", row, what),
	}
}
