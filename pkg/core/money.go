package core

import (
	"errors"

	"github.com/cockroachdb/apd/v3"
)

// Money is an exact decimal amount. It keeps the digits it was read with
// ("100.00" stays "100.00") and never goes through a float. The zero Money is
// 0. A Money is a value and is safe for concurrent reading.
//
// In JSON it is a string, since many readers turn numbers into floats.
type Money struct{ dec apd.Decimal }

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
	var m Money
	if !m.setShort(text) {
		if _, _, err := m.dec.SetString(text); err != nil {
			return Money{}, errMoney
		}
	}
	if m.dec.Form != apd.Finite || m.dec.Exponent > maxMoneyExponent || m.dec.Exponent < -maxMoneyExponent {
		return Money{}, errMoney
	}
	if m.dec.IsZero() {
		m.dec.Negative = false // "-0" would otherwise read as a debt
	}
	return m, nil
}

// setShort reads a number without an exponent whose digits an int64 holds, as
// almost every amount is: apd itself takes five times as long for it, which was a
// tenth of the time of decoding a page.
func (m *Money) setShort(number string) bool {
	if len(number) > 18 {
		return false
	}
	digits, exponent, point := int64(0), int32(0), false
	for i := range len(number) {
		switch c := number[i]; c {
		case '-':
		case '.':
			point = true
		case 'e', 'E':
			return false
		default:
			digits = 10*digits + int64(c-'0')
			if point {
				exponent--
			}
		}
	}
	m.dec.SetFinite(digits, exponent)
	m.dec.Negative = number[0] == '-'
	return true
}

// isNumber holds text to the grammar of a JSON number, with leading zeros
// allowed: apd itself also reads "Inf", "+1" and ".5".
func isNumber(text string) bool {
	i := 0
	digits := func() bool {
		start := i
		for i < len(text) && '0' <= text[i] && text[i] <= '9' {
			i++
		}
		return i > start
	}
	if text[i] == '-' {
		i++
	}
	if !digits() {
		return false
	}
	if i < len(text) && text[i] == '.' {
		i++
		if !digits() {
			return false
		}
	}
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		i++
		if i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		if !digits() {
			return false
		}
	}
	return i == len(text)
}

// String gives the plain decimal digits, never an exponent.
func (m Money) String() string { return m.dec.Text('f') }

// Sign is -1 below zero, 0 at zero, 1 above.
func (m Money) Sign() int { return m.dec.Sign() }

// Cmp is -1 where m < n, 0 where they are the same amount, 1 where m > n.
func (m Money) Cmp(n Money) int { return m.dec.Cmp(&n.dec) }

// Sub gives m - n, exactly.
func (m Money) Sub(n Money) Money {
	var d Money
	// Precision 0 means exact; the bounds on exponents keep the result small.
	if _, err := apd.BaseContext.Sub(&d.dec, &m.dec, &n.dec); err != nil {
		panic("partnerlens: subtraction of two bounded decimals failed: " + err.Error())
	}
	if d.dec.IsZero() {
		d.dec.Negative = false
	}
	return d
}

// Mul gives m × n, exactly.
func (m Money) Mul(n Money) Money {
	var d Money
	if _, err := apd.BaseContext.Mul(&d.dec, &m.dec, &n.dec); err != nil {
		panic("partnerlens: product of two bounded decimals failed: " + err.Error())
	}
	return d
}

// hundredth is m / 100, exactly.
func (m Money) hundredth() Money {
	m.dec.Exponent -= 2
	return m
}

// AppendText and MarshalText give String; a Money in JSON is a string.
func (m Money) AppendText(b []byte) ([]byte, error) { return m.dec.Append(b, 'f'), nil }

// MarshalText gives String.
func (m Money) MarshalText() ([]byte, error) { return m.AppendText(nil) }

// UnmarshalText reads what ParseMoney reads.
func (m *Money) UnmarshalText(text []byte) (err error) {
	*m, err = ParseMoney(string(text))
	return err
}
