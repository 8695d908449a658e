package accounting

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

// vendorPrices are the prices of one vendor's models.
type vendorPrices struct {
	ID       string         `json:"id"`
	Kinds    []string       `json:"kinds"`    // names it goes by
	Fallback []string       `json:"fallback"` // kinds whose models it resells at their price
	Models   []*modelPrices `json:"models"`   // rules are tried in this order

	exact map[string]*modelPrices
}

// modelPrices are the prices of one model over time.
type modelPrices struct {
	ID    string     `json:"id"`
	Match matcher    `json:"match"`
	Rates []schedule `json:"rates"` // the last that holds is the price, the first if none does
}

// matcher says which names mean a model. A name matches that is one of Is, or that
// fits one of the others, unless it contains Not.
type matcher struct {
	Is       []string `json:"is"`
	Prefix   []string `json:"prefix"`
	Suffix   []string `json:"suffix"`
	Contains []string `json:"contains"`
	Regex    []string `json:"regex"`
	Not      []string `json:"not"` // regular expressions

	regex, not []*regexp.Regexp
}

// schedule is a price and when it holds.
type schedule struct {
	From  string   `json:"from"`  // first day, YYYY-MM-DD in UTC; empty: always
	Daily []string `json:"daily"` // from and until, HH:MM in UTC; empty: all day
	Nano  rates    `json:"nano"`
	Tiers []tier   `json:"tiers"` // by rising prompt size

	from         time.Time
	since, until int // minutes of the day; both 0: all day
}

// tier is a price for the whole of a request whose prompt is larger than Above tokens.
type tier struct {
	Above int64 `json:"above"`
	Nano  rates `json:"nano"`
}

// rates are nano-USD per million units, by class of usage; absent is unknown.
type rates map[string]int64

func (v *vendorPrices) compile() error {
	v.exact = make(map[string]*modelPrices, len(v.Models))
	for _, m := range v.Models {
		if err := m.compile(); err != nil {
			return fmt.Errorf("model %s: %w", m.ID, err)
		}
		for _, name := range m.Match.Is {
			if v.exact[name] == nil {
				v.exact[name] = m
			}
		}
	}
	for _, m := range v.Models {
		v.exact[strings.ToLower(m.ID)] = m
	}
	return nil
}

func (m *modelPrices) compile() error {
	var err error
	if m.Match.regex, err = compileAll(m.Match.Regex); err != nil {
		return err
	}
	if m.Match.not, err = compileAll(m.Match.Not); err != nil {
		return err
	}
	if len(m.Rates) == 0 {
		return errors.New("has no rates")
	}
	for i := range m.Rates {
		if err := m.Rates[i].compile(); err != nil {
			return fmt.Errorf("rates[%d]: %w", i, err)
		}
	}
	return nil
}

func compileAll(patterns []string) ([]*regexp.Regexp, error) {
	var out []*regexp.Regexp
	for _, p := range patterns {
		re, err := regexp.Compile("(?i)" + p)
		if err != nil {
			return nil, fmt.Errorf("match: %w", err)
		}
		out = append(out, re)
	}
	return out, nil
}

func (s *schedule) compile() error {
	err := s.Nano.check()
	for _, t := range s.Tiers {
		err = cmp.Or(err, t.Nano.check())
	}
	if err != nil {
		return err
	}
	if s.From != "" {
		if s.from, err = time.Parse(time.DateOnly, s.From); err != nil {
			return fmt.Errorf("from: %w", err)
		}
	}
	if len(s.Daily) == 0 {
		return nil
	}
	if len(s.Daily) != 2 {
		return fmt.Errorf("daily: %d times, must be 2", len(s.Daily))
	}
	if s.since, err = minuteOfDay(s.Daily[0]); err != nil {
		return fmt.Errorf("daily: %w", err)
	}
	if s.until, err = minuteOfDay(s.Daily[1]); err != nil {
		return fmt.Errorf("daily: %w", err)
	}
	return nil
}

func minuteOfDay(s string) (int, error) {
	t, err := time.Parse("15:04", s)
	return t.Hour()*60 + t.Minute(), err
}

func (r rates) check() error {
	for class, rate := range r {
		switch {
		case events.ClassIndex(class) < 0:
			return fmt.Errorf("%q is no class of usage", class)
		case rate < 0:
			return fmt.Errorf("%s: %d is negative", class, rate)
		}
	}
	return nil
}

// find looks for a name in lower case: exactly, then by the rules.
func (v *vendorPrices) find(model string) *modelPrices {
	if m := v.exact[model]; m != nil {
		return m
	}
	for _, m := range v.Models {
		if m.Match.fits(model) {
			return m
		}
	}
	return nil
}

func (m *matcher) fits(name string) bool {
	matches := func(re *regexp.Regexp) bool { return re.MatchString(name) }
	fits := slices.ContainsFunc(m.Prefix, func(s string) bool { return strings.HasPrefix(name, s) }) ||
		slices.ContainsFunc(m.Suffix, func(s string) bool { return strings.HasSuffix(name, s) }) ||
		slices.ContainsFunc(m.Contains, func(s string) bool { return strings.Contains(name, s) }) ||
		slices.ContainsFunc(m.regex, matches)
	return fits && !slices.ContainsFunc(m.not, matches)
}

// at is the price that holds at t.
func (m *modelPrices) at(t time.Time) *schedule {
	t = t.UTC()
	for i := len(m.Rates) - 1; i > 0; i-- {
		if m.Rates[i].holds(t) {
			return &m.Rates[i]
		}
	}
	return &m.Rates[0]
}

func (s *schedule) holds(t time.Time) bool {
	if t.Before(s.from) {
		return false
	}
	now := t.Hour()*60 + t.Minute()
	switch {
	case s.since == s.until:
		return true
	case s.since < s.until:
		return s.since <= now && now < s.until
	default:
		return s.since <= now || now < s.until
	}
}

// tier is the price for a prompt of so many tokens.
func (s *schedule) tier(prompt int64) rates {
	r := s.Nano
	for i := range s.Tiers {
		if prompt > s.Tiers[i].Above {
			r = s.Tiers[i].Nano
		}
	}
	return r
}

// price makes the lines of u. It is not ok if a rate is unknown, an amount is
// negative or the cost is beyond an int64.
func (r rates) price(u *events.Usage) (lines []events.PriceLine, cost int64, ok bool) {
	classes := events.Classes()
	for i, units := range u.Amounts() {
		if units == 0 {
			continue
		}
		class := classes[i].Name
		rate, known := r.of(class)
		if units < 0 || !known {
			return nil, 0, false
		}
		nano, fits := perMillion(units, rate)
		if !fits || cost+nano < 0 {
			return nil, 0, false
		}
		cost += nano
		lines = append(lines, events.PriceLine{Class: class, Units: units, NanoPerMillion: rate, CostNanoUSD: nano})
	}
	return lines, cost, true
}

// of is the rate of a class, or the one it stands for where no vendor's word says
// otherwise, see [Book].
func (r rates) of(class string) (rate int64, known bool) {
	for class != "" {
		if rate, known = r[class]; known {
			return rate, true
		}
		class = r.instead(class)
	}
	return 0, false
}

// instead is the class whose rate a class without one has; empty: none.
func (r rates) instead(class string) string {
	_, sound := r["audio_input"]
	_, write := r["cache_write"]
	switch class {
	case "cache_read", "cache_write", "audio_input", "image_input":
		return "input"
	case "cache_write_1h":
		if !write {
			return "input"
		}
	case "audio_cache_read":
		if sound {
			return "audio_input"
		}
		return "cache_read"
	case "reasoning", "audio_output", "image_output":
		return "output"
	}
	return ""
}

// perMillion is units times rate over a million, rounded half up; neither may be
// negative. It does not fit if that is beyond an int64.
func perMillion(units, rate int64) (nano int64, fits bool) { return ratio(units, rate, million) }

// perMillionOf is what a million units cost if so many, at least 1, have the listed
// price, rounded half up. It does not fit if that is beyond an int64.
func perMillionOf(listed, units int64) (rate int64, fits bool) { return ratio(listed, million, units) }

const million = 1_000_000

// ratio is a times b over c, rounded half up; a and b may not be negative, c must be positive.
func ratio(a, b, c int64) (n int64, fits bool) {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	lo, carry := bits.Add64(lo, uint64(c/2), 0)
	hi += carry
	if hi >= uint64(c) {
		return 0, false
	}
	q, _ := bits.Div64(hi, lo, uint64(c))
	return int64(q), q <= 1<<63-1
}
