package accounting_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/llm-hub/llm-hub/accounting"
)

func TestParseUSD(t *testing.T) {
	tests := []struct {
		in   string
		want int64
		ok   bool
	}{
		{"0", 0, true},
		{"500", 500_000_000_000, true},
		{"0.15", 150_000_000, true},
		{"007.50", 7_500_000_000, true},
		{"0.000000001", 1, true},
		{"9223372036.854775807", math.MaxInt64, true},
		{"9223372036.854775808", 0, false},
		{"99999999999999999999", 0, false},
		{"0.0000000001", 0, false},
		{"", 0, false},
		{".", 0, false},
		{".5", 0, false},
		{"5.", 0, false},
		{"-1", 0, false},
		{"+1", 0, false},
		{"1e3", 0, false},
		{"1_000", 0, false},
		{"1,5", 0, false},
		{" 1", 0, false},
		{"1.2.3", 0, false},
		{"$1", 0, false},
	}
	for _, tt := range tests {
		got, err := accounting.ParseUSD(tt.in)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("ParseUSD(%q) = %d, %v; want %d, ok %v", tt.in, got, err, tt.want, tt.ok)
		}
	}
}

func TestFormatUSD(t *testing.T) {
	tests := []struct {
		in   int64
		want string
	}{
		{0, "0"},
		{1, "0.000000001"},
		{150_000_000, "0.15"},
		{-2_000_000_000, "-2"},
		{-1, "-0.000000001"},
		{math.MaxInt64, "9223372036.854775807"},
		{math.MinInt64, "-9223372036.854775808"},
	}
	for _, tt := range tests {
		if got := accounting.FormatUSD(tt.in); got != tt.want {
			t.Errorf("FormatUSD(%d) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// FuzzParseUSD compares with exact rationals.
func FuzzParseUSD(f *testing.F) {
	for _, s := range []string{"500", "0.15", "9223372036.854775807", "1e3", "-1", "0x10", "1/3", "１"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		nano, err := accounting.ParseUSD(s)
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(s)
		if !ok {
			t.Fatalf("ParseUSD(%q) = %d, but it is no number", s, nano)
		}
		if want.Mul(want, big.NewRat(accounting.NanoPerUSD, 1)); want.Cmp(big.NewRat(nano, 1)) != 0 {
			t.Fatalf("ParseUSD(%q) = %d, want %s", s, nano, want)
		}
		if again, err := accounting.ParseUSD(accounting.FormatUSD(nano)); err != nil || again != nano {
			t.Fatalf("%q does not survive formatting: %d, %v", s, again, err)
		}
	})
}
