package transport

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
)

// Decode reads an answer into a struct. Members that the struct lacks are
// ignored; a name that comes twice and bytes that are not UTF-8 are tolerated,
// since the vendors promise neither. The error quotes nothing of the answer: it is
// CodeUnavailable if the answer is cut short, and CodeUpstream if it is not JSON or
// has another kind of value where the struct has a struct; but if the status
// is not 200, it is the one of Err.
func (a Answer) Decode(into any) error {
	text := a.Body
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, []byte("\uFFFD"))
	}
	err := json.Unmarshal(text, into, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err == nil {
		return nil
	}
	if err := a.Err(); err != nil {
		return err
	}
	var syntax *jsontext.SyntacticError
	var kind *json.SemanticError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &core.Error{
			Code: core.CodeUnavailable, Detail: "the vendor's answer is cut short",
			Err: fmt.Errorf("JSON that ends at byte %d", len(text)),
		}
	case errors.As(err, &syntax):
		return Malformed("it is not JSON", fmt.Errorf("no JSON at byte %d", syntax.ByteOffset))
	case errors.As(err, &kind):
		return Malformed("another kind of value", fmt.Errorf("a JSON %v at %s", kind.JSONKind, kind.JSONPointer))
	}
	return Malformed("it cannot be read", fmt.Errorf("%T", err))
}

// Err returns the error of an answer whose body reports none: StatusError, or nil
// if the status is 200.
func (a Answer) Err() error {
	if a.Status == http.StatusOK {
		return nil
	}
	return StatusError(a.Status)
}

// Malformed is the error for an answer that is not what the vendor documents.
// what and cause must quote nothing of it.
func Malformed(what string, cause error) *core.Error {
	return &core.Error{Code: core.CodeUpstream, Detail: "the vendor's answer is not what it documents: " + what, Err: cause}
}

// Value is the text of one JSON value, in a struct for Decode; "" if there was
// none. It suits members whose kind differs from answer to answer.
type Value string

// UnmarshalJSON keeps a value as it is.
func (v *Value) UnmarshalJSON(raw []byte) error {
	*v = Value(raw)
	return nil
}

// Empty reports whether there is no value: none, null or the empty string.
func (v Value) Empty() bool { return v == "" || v == "null" || v == `""` }

func (v Value) isText() bool { return v != "" && v[0] == '"' }

func (v Value) isEscaped() bool { return strings.IndexByte(string(v), '\\') >= 0 }

func (v Value) isNumber() bool { return v != "" && (v[0] == '-' || '0' <= v[0] && v[0] <= '9') }

// Text returns a string; of a number its digits as they came, of anything else "".
func (v Value) Text() string {
	switch {
	case v.isNumber():
		return string(v)
	case !v.isText():
		return ""
	case !v.isEscaped():
		return string(v[1 : len(v)-1])
	}
	plain, _ := jsontext.AppendUnquote(nil, string(v)) // an error means half a surrogate pair, now U+FFFD
	return string(plain)
}

// ID returns an id that is a string, or a whole number in plain digits. An id
// that has been through a float (2e+11) is no id any more; false for it, and
// for an empty one.
func (v Value) ID() (string, bool) {
	text := v.Text()
	if text == "" || v.isNumber() && strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) {
		return "", false
	}
	return text, true
}

// Count returns a number of things. false: it is not a whole number from 0.
func (v Value) Count() (int, bool) {
	count, err := strconv.Atoi(v.Text())
	return count, err == nil && count >= 0
}

// AppendRaw appends the JSON of a string, a number, true or false as it came; null
// for anything else, and if there is none.
func (v Value) AppendRaw(to []byte) []byte {
	switch {
	case v == "", v[0] == '{', v[0] == '[':
		return append(to, "null"...)
	case v.isEscaped() && !jsontext.Value(v).IsValid(): // half a surrogate pair
		to, _ = jsontext.AppendQuote(to, v.Text())
		return to
	}
	return append(to, v...)
}

// List is a JSON array of objects, in a struct for Decode. A value of another kind
// is an empty List.
type List[T any] struct {
	Kind  jsontext.Kind // of the value; KindInvalid if there was none
	Items []T
}

// usualPage is how many rows a page has as a rule.
const usualPage = 100

// UnmarshalJSONFrom reads the next value.
func (l *List[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*l = List[T]{Kind: dec.PeekKind()}
	if l.Kind != jsontext.KindBeginArray {
		return dec.SkipValue()
	}
	l.Items = make([]T, 0, usualPage)
	return json.UnmarshalDecode(dec, &l.Items)
}

// Records makes a record of each row of a list, which name names in the error.
// record's error is for a row that cannot be used, and fails the page. unread
// names the member, "" for none, whose value a record lacks because it could not
// be read; more than core.MostUnread of those fail the page, with what in the error.
func Records[Row, Record any](list List[Row], name string, record func(*Row) (Record, error), what string, unread func(Record) string) ([]Record, error) {
	switch list.Kind {
	case jsontext.KindInvalid, jsontext.KindNull, jsontext.KindBeginArray:
	default:
		return nil, Malformed(name+" is not a list", nil)
	}
	records := make([]Record, len(list.Items))
	count, first := 0, ""
	for i := range list.Items {
		var err error
		if records[i], err = record(&list.Items[i]); err != nil {
			return nil, Malformed(fmt.Sprintf("row %d: %v", i+1, err), nil)
		}
		if member := unread(records[i]); member != "" {
			if count++; count == 1 {
				first = fmt.Sprintf("row %d: %s", i+1, member)
			}
		}
	}
	if count > core.MostUnread(len(records)) {
		return nil, Malformed(fmt.Sprintf("%d of %d rows have %s, the first in %s", count, len(records), what, first), nil)
	}
	return records, nil
}

// Secret returns a secret that comes as text, or else as base64: the stores of
// all vendors have one member for either.
func Secret(text, binary Value) (core.Secret, error) {
	if plain := text.Text(); plain != "" {
		return core.NewSecret(plain), nil
	}
	plain, err := base64.StdEncoding.DecodeString(binary.Text())
	if err != nil || len(plain) == 0 {
		return core.Secret{}, Malformed("it has no secret", nil)
	}
	return core.NewSecret(string(plain)), nil
}
