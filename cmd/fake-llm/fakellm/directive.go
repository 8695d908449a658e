package fakellm

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Bounds of directive values, so that a typing error cannot eat the machine.
const (
	maxDirectiveBytes = 1024
	maxWait           = time.Hour
	maxTokens         = 1 << 24 // of one reply: 64 MiB of text
	maxHugeKiB        = maxTokens * bytesPerToken / 1024
)

// defaultPosition is how many content chunks pass before a positional misbehaviour
// (cut, stall, error, malformed) that names no number.
const defaultPosition = 1

// A Directive is a parsed misbehaviour; see the package comment for the language. The zero
// value asks for nothing.
type Directive []Term

// A Term is one wish of a Directive.
type Term struct {
	Name        string
	Value       string        // "" when the term has none
	Probability float64       // 0..1; 1 when not given
	After       time.Duration // Retry-After of a status, 0 when not given
	Date        bool          // Retry-After as a date
}

// ParseDirective reads a directive; the error names the term that is wrong.
func ParseDirective(s string) (Directive, error) {
	if len(s) > maxDirectiveBytes {
		return nil, fmt.Errorf("fake directive: %d bytes, at most %d", len(s), maxDirectiveBytes)
	}
	var d Directive
	for _, field := range strings.FieldsFunc(s, isSeparator) {
		t, err := parseTerm(field)
		if err != nil {
			return nil, fmt.Errorf("fake directive %q: %w", field, err)
		}
		d = append(d, t)
	}
	return d, nil
}

func isSeparator(r rune) bool { return r == '+' || r == ',' || r == ' ' }

func parseTerm(field string) (Term, error) {
	head, options, _ := strings.Cut(field, ":")
	t := Term{Probability: 1}
	var hasValue bool
	t.Name, t.Value, hasValue = strings.Cut(head, "=")
	if hasValue && t.Value == "" {
		return Term{}, errors.New("value is empty")
	}
	for options != "" {
		var option string
		option, options, _ = strings.Cut(options, ":")
		if err := t.setOption(option); err != nil {
			return Term{}, err
		}
	}
	var scratch plan
	if err := scratch.apply(t); err != nil {
		return Term{}, err
	}
	return t, nil
}

func (t *Term) setOption(option string) error {
	name, value, _ := strings.Cut(option, "=")
	switch name {
	case "p":
		p, err := strconv.ParseFloat(value, 64)
		if err != nil || !(p >= 0 && p <= 1) {
			return fmt.Errorf("option p: %q is not a number from 0 to 1", value)
		}
		t.Probability = p
		return nil
	case "after", "date":
		n, err := parseCount(value, int64(maxWait/time.Second))
		if err != nil {
			return fmt.Errorf("option %s: %w", name, err)
		}
		if _, ok := statusOf(t.Name); !ok {
			return fmt.Errorf("option %s: only a status takes it", name)
		}
		t.After, t.Date = time.Duration(n)*time.Second, name == "date"
		return nil
	}
	return fmt.Errorf("unknown option %q", name)
}

// String gives the directive in canonical form; ParseDirective reads it back to the same value.
func (d Directive) String() string {
	terms := make([]string, len(d))
	for i, t := range d {
		terms[i] = t.String()
	}
	return strings.Join(terms, "+")
}

// String gives the term in canonical form.
func (t Term) String() string {
	s := t.Name
	if t.Value != "" {
		s += "=" + t.Value
	}
	if t.Probability != 1 {
		s += ":p=" + strconv.FormatFloat(t.Probability, 'f', -1, 64)
	}
	if t.After > 0 || t.Date {
		name := "after"
		if t.Date {
			name = "date"
		}
		s += ":" + name + "=" + strconv.FormatInt(int64(t.After/time.Second), 10)
	}
	return s
}

// statusOf reads an HTTP error status used as a term name.
func statusOf(name string) (int, bool) {
	n, err := strconv.Atoi(name)
	return n, err == nil && len(name) == 3 && n >= 400 && n <= 599
}

func parseCount(s string, limit int64) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || int64(n) > limit {
		return 0, fmt.Errorf("%q is not a whole number from 0 to %d", s, limit)
	}
	return int64(n), nil
}

func parseWait(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > maxWait {
		return 0, fmt.Errorf("%q is not a duration from 0 to %s", s, maxWait)
	}
	return d, nil
}
