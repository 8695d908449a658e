package accounting

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// NanoPerUSD is the number of nano-USD in a dollar.
const NanoPerUSD = 1_000_000_000

const nanoDigits = 9

// ParseUSD reads a decimal amount of dollars, `500` or `0.15`, as nano-USD. It is
// exact: more than 9 decimals, a sign, an exponent or more than fits into an
// int64 is an error.
func ParseUSD(s string) (int64, error) {
	whole, frac, point := strings.Cut(s, ".")
	if whole == "" || point && frac == "" || !digits(whole) || !digits(frac) {
		return 0, fmt.Errorf("%q is not an amount of dollars like 500 or 0.15", s)
	}
	if len(frac) > nanoDigits {
		return 0, fmt.Errorf("%q has more than %d decimals", s, nanoDigits)
	}
	n, err := strconv.ParseInt(whole+frac+strings.Repeat("0", nanoDigits-len(frac)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is more than %s dollars", s, FormatUSD(math.MaxInt64))
	}
	return n, nil
}

func digits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// FormatUSD writes nano-USD as a decimal amount of dollars, without a sign for
// positive amounts and without trailing zeros: `0.15`, `-2`.
func FormatUSD(nano int64) string {
	n, sign := uint64(nano), ""
	if nano < 0 {
		n, sign = -n, "-"
	}
	whole, frac := n/NanoPerUSD, n%NanoPerUSD
	if frac == 0 {
		return sign + strconv.FormatUint(whole, 10)
	}
	return sign + strconv.FormatUint(whole, 10) + "." + strings.TrimRight(fmt.Sprintf("%09d", frac), "0")
}
