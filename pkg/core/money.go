package core

import (
	"errors"
	"strings"

	"github.com/shopspring/decimal"
)

// Money is an exact decimal amount. It keeps the digits that it was read from
// ("100.00" stays "100.00") and never becomes a float. The zero Money is 0.
//
// In JSON it is a string, since many programs read numbers as floats.
type Money struct{ dec decimal.Decimal }

const (
	maxMoneyText     = 64 // characters; longer text is refused
	maxMoneyExponent = 32 // of ten, either way; 1e999999999 would fill the memory
)

var errMoney = errors.New("not a decimal number of at most 64 characters and 32 decimal places")

// ParseMoney reads a decimal number as JSON writes it, with or without an
// exponent, of at most 64 characters. NaN, infinities and exponents beyond
// ±32 are refused.
func ParseMoney(text string) (Money, error) {
	if text == "" || len(text) > maxMoneyText || !isNumber(text) {
		return Money{}, errMoney
	}
	dec, err := decimal.NewFromString(text)
	if err != nil || dec.Exponent() > maxMoneyExponent || dec.Exponent() < -maxMoneyExponent {
		return Money{}, errMoney
	}
	return Money{dec}, nil
}

// isNumber reports whether the digits of text are where JSON wants them, leading
// zeros aside. decimal.NewFromString checks the rest of the grammar, but also
// accepts "+1", ".5" and "5.".
func isNumber(text string) bool {
	startsWithDigit := func(s string) bool { return s != "" && '0' <= s[0] && s[0] <= '9' }
	whole := strings.TrimPrefix(text, "-")
	_, fraction, found := strings.Cut(whole, ".")
	return startsWithDigit(whole) && (!found || startsWithDigit(fraction))
}

// String returns plain decimal digits, never an exponent.
func (m Money) String() string {
	if places := -m.dec.Exponent(); places > 0 {
		return m.dec.StringFixed(places) // String would cut trailing zeros
	}
	return m.dec.String()
}

// Sign returns -1 below zero, 0 at zero, 1 above.
func (m Money) Sign() int { return m.dec.Sign() }

// Cmp returns -1 if m < n, 0 if both are the same amount, 1 if m > n.
func (m Money) Cmp(n Money) int { return m.dec.Cmp(n.dec) }

// Add returns m + n, exactly.
func (m Money) Add(n Money) Money { return Money{m.dec.Add(n.dec)} }

// Sub returns m - n, exactly.
func (m Money) Sub(n Money) Money { return Money{m.dec.Sub(n.dec)} }

// percent returns percent hundredths of m, exactly.
func (m Money) percent(percent Money) Money { return Money{m.dec.Mul(percent.dec).Shift(-2)} }

// MarshalText returns String.
func (m Money) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what ParseMoney reads.
func (m *Money) UnmarshalText(text []byte) (err error) {
	*m, err = ParseMoney(string(text))
	return err
}
