package foreign

import (
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"regexp"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
)

var (
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	decimal      = regexp.MustCompile(`^[0-9]{0,15}(\.[0-9]{0,30})?([eE][+-]?[0-9]{1,2})?$`)
)

// usd is an amount of dollars times factor, in the words of hub.yaml: false if it is
// none, or finer than a nano-dollar.
func usd(text string, factor int64) (string, bool) {
	if !decimal.MatchString(text) {
		return "", false
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return "", false
	}
	r.Mul(r, new(big.Rat).SetInt64(factor))
	const nano = 1e9
	n := new(big.Rat).Mul(r, new(big.Rat).SetInt64(nano))
	if !n.IsInt() || !n.Num().IsInt64() {
		return "", false
	}
	return accounting.FormatUSD(n.Num().Int64()), true
}

// nearestUSD is usd, rounded to a nano-dollar.
func nearestUSD(text string, factor int64) (amount string, exact, ok bool) {
	if amount, ok = usd(text, factor); ok {
		return amount, true, true
	}
	if !decimal.MatchString(text) {
		return "", false, false
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return "", false, false
	}
	r.Mul(r, new(big.Rat).SetInt64(factor))
	amount, ok = usd(r.FloatString(9), 1)
	return amount, false, ok
}

// span is the span of hub.yaml for the duration of a budget. Those of the
// calendar begin at its own hours and days, not at the first spending.
func span(duration string) (per string, exact, ok bool) {
	switch strings.TrimSpace(duration) {
	case "":
		return "life", true, true
	case "1m", "60s", "minutely":
		return "minute", true, true
	case "1h", "60m", "3600s", "hourly":
		return "hour", true, true
	case "1d", "24h", "86400s", "daily":
		return "day", true, true
	case "7d", "1w", "weekly":
		return "week", true, true
	case "1mo", "monthly":
		return "month", true, true
	case "28d", "30d", "31d":
		return "month", false, true
	}
	return "", false, false
}

// hashed is a virtual key by its SHA-256, as hub.yaml takes it.
func hashed(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// moment is a time in the words of hub.yaml. Databases leave the zone out and mean UTC.
func moment(text string) (string, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999-07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC().Truncate(time.Second).Format(time.RFC3339), true
		}
	}
	return "", false
}

// maxUnix is the last second that has a year of four digits.
const maxUnix = 253402300799

func unixTime(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }
