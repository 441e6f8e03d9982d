package core

import "log/slog"

// Secret holds a key or a token so that printing what contains it, in any
// format, does not print it. Only signing code calls Reveal. The zero Secret
// is empty. Safe for concurrent use.
//
// It is a struct around a pointer because a string type with a String method
// still prints itself through %+v of an unexported field.
type Secret struct{ value *string }

// NewSecret wraps value.
func NewSecret(value string) Secret { return Secret{&value} }

// Reveal gives the value, for signing with and for nothing else.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty says whether there is no value.
func (s Secret) Empty() bool { return s.Reveal() == "" }

// Equal says whether both hold the same value.
func (s Secret) Equal(t Secret) bool { return s.Reveal() == t.Reveal() }

const hidden = "[hidden]"

// String hides the value.
func (s Secret) String() string { return hidden }

// GoString hides the value.
func (s Secret) GoString() string { return hidden }

// MarshalText hides the value.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue hides the value.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }
