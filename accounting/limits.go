package accounting

import (
	"fmt"
	"time"
)

// Of is what a limit counts.
type Of string

// What limits count.
const (
	OfRequests     Of = "requests"
	OfTokens       Of = "tokens" // input and output
	OfInputTokens  Of = "input_tokens"
	OfOutputTokens Of = "output_tokens"
	OfCost         Of = "cost"        // nano-USD; usage without a price does not count
	OfConcurrency  Of = "concurrency" // requests at once: known to the node that serves them, not to totals
)

// Mode is what happens when a limit is exceeded.
type Mode string

// Modes of a limit.
const (
	Hard   Mode = "hard"   // refuse
	Soft   Mode = "soft"   // let pass, alert
	Shadow Mode = "shadow" // let pass, record what hard would have done
)

// Limit bounds what a scope may use in a window.
type Limit struct {
	Per   Per    `json:"per"` // of a limit of concurrency it has no meaning
	Of    Of     `json:"of"`
	Max   int64  `json:"max"` // in units of Of; cost in nano-USD
	Mode  Mode   `json:"mode"`
	Model string `json:"model,omitempty"` // the logical model it is narrowed to, empty for all
}

// Validate names the first field that is wrong.
func (l Limit) Validate() error {
	if _, err := ParsePer(string(l.Per)); err != nil && l.Of != OfConcurrency {
		return fmt.Errorf("per: %w", err)
	}
	switch l.Of {
	case OfRequests, OfTokens, OfInputTokens, OfOutputTokens, OfCost, OfConcurrency:
	default:
		return fmt.Errorf("of: %q is not requests, tokens, input_tokens, output_tokens, cost or concurrency", l.Of)
	}
	switch l.Mode {
	case Hard, Soft, Shadow:
	default:
		return fmt.Errorf("mode: %q is not hard, soft or shadow", l.Mode)
	}
	if l.Max < 0 {
		return fmt.Errorf("max: %d is negative", l.Max)
	}
	return nil
}

// Used is what of t counts against the limit.
func (l Limit) Used(t Totals) int64 { return l.Spent(t.Spent()) }

// Spent is what of s counts against the limit.
func (l Limit) Spent(s Spent) int64 {
	switch l.Of {
	case OfRequests:
		return s.Requests
	case OfTokens:
		return s.Input + s.Output
	case OfInputTokens:
		return s.Input
	case OfOutputTokens:
		return s.Output
	case OfCost:
		return s.Cost
	default:
		return 0
	}
}

// Verdict is a limit's word on one request.
type Verdict struct {
	Exceeded bool      // used and wanted together are more than the limit
	Refuse   bool      // exceeded, and the limit is hard
	Used     int64     // before this request
	Left     int64     // before this request, at least 0
	ResetAt  time.Time // when the window ends; zero: never, or not bound to a window
}

// Check compares used plus want with the limit, both in its units; less than
// nothing used, which corrections can lead to, is taken as nothing. now is in the
// time zone the limit's windows are counted in.
func (l Limit) Check(used, want int64, now time.Time) Verdict {
	v := Verdict{Used: used, Left: max(0, l.Max-max(0, used))}
	v.Exceeded = want > v.Left || used > l.Max
	v.Refuse = v.Exceeded && l.Mode == Hard
	if l.Of != OfConcurrency {
		v.ResetAt = Reset(now, l.Per, now.Location())
	}
	return v
}
