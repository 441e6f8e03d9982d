package core

import (
	"math/big"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

func TestParseMoneyKeepsTheDigits(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{"0", "0"},
		{"-0", "0"},
		{"-0.00", "0.00"},
		{"100.00", "100.00"},
		{"0.10", "0.10"},
		{"-12.5", "-12.5"},
		{"1e3", "1000"},
		{"1.5E-2", "0.015"},
		{"12345678901234567890.123456789012", "12345678901234567890.123456789012"},
		{"9007199254740993", "9007199254740993"}, // 2^53+1: a float64 loses it
	}
	for _, test := range tests {
		got, err := ParseMoney(test.in)
		if err != nil || got.String() != test.want {
			t.Errorf("ParseMoney(%q) = %s, %v, want %s", test.in, got, err, test.want)
		}
	}
}

func TestParseMoneyRefuses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"", " 1", "1 ", "+1", ".5", "5.", "1e", "NaN", "Inf", "-Infinity", "1,000", "0x10", "1_000", "--1",
		"1e33", "1e-33", "1e999999999", "1e-999999999", strings.Repeat("9", 65), "١",
	} {
		if got, err := ParseMoney(in); err == nil {
			t.Errorf("ParseMoney(%q) = %s, want an error", in, got)
		}
	}
}

func TestMoneyArithmeticIsExact(t *testing.T) {
	t.Parallel()
	tests := []struct{ a, b, sub string }{
		{"0.3", "0.1", "0.2"},
		{"100.00", "100", "0.00"},
		{"1", "12345678901234567890.000000000001", "-12345678901234567889.000000000001"},
		{"-5", "-5", "0"},
	}
	for _, test := range tests {
		a, b := money(t, test.a), money(t, test.b)
		if got := a.Sub(b).String(); got != test.sub {
			t.Errorf("%s - %s = %s, want %s", test.a, test.b, got, test.sub)
		}
	}
}

func money(t testing.TB, text string) Money {
	t.Helper()
	m, err := ParseMoney(text)
	if err != nil {
		t.Fatalf("ParseMoney(%q): %v", text, err)
	}
	return m
}

func FuzzMoney(f *testing.F) {
	for _, seed := range []string{"0", "-0.00", "100.00", "-12.5", "1e3", "12345678901234567890.123456789012", "1e999999999", "NaN", "+1", "0x1p4", "\"1\""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMoney(text)
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("ParseMoney took %q, which is no number", text)
		}
		got, ok := new(big.Rat).SetString(m.String())
		if !ok || got.Cmp(want) != 0 {
			t.Fatalf("ParseMoney(%q) = %s, want %s", text, m, want.RatString())
		}
		if m.Sign() != want.Sign() {
			t.Fatalf("ParseMoney(%q).Sign() = %d, want %d", text, m.Sign(), want.Sign())
		}
		text2, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var back Money
		if err := json.Unmarshal(text2, &back); err != nil || back.Cmp(m) != 0 {
			t.Fatalf("%s came back from JSON as %s, %v", m, back, err)
		}
		if m.Sub(m).Sign() != 0 {
			t.Fatalf("%s - %s = %s", m, m, m.Sub(m))
		}
	})
}
