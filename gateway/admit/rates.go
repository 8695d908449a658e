package admit

import (
	"net/http"
	"strconv"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
)

// Rate is what a limit leaves.
type Rate struct {
	Limit     int64
	Remaining int64
	ResetsAt  time.Time // zero: never
}

// Rates are the key's own tightest hard limits of requests and of tokens, after
// this request; nil where it has none.
func (r *Reservation) Rates() (requests, tokens *Rate) {
	for i, s := range r.scopes {
		if s.Scope.Kind != accounting.KeyScope {
			continue
		}
		a := r.accounts[i]
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, l := range s.Limits {
			if l.Mode != accounting.Hard {
				continue
			}
			switch l.Of {
			case accounting.OfRequests:
				requests = r.tighter(requests, a, l)
			case accounting.OfTokens, accounting.OfInputTokens, accounting.OfOutputTokens:
				tokens = r.tighter(tokens, a, l)
			default:
			}
		}
	}
	return requests, tokens
}

// tighter is the one of best and l that leaves less. a is locked.
func (r *Reservation) tighter(best *Rate, a *account, l accounting.Limit) *Rate {
	v := l.Check(a.used(l, r.windows), 0, r.at)
	if best != nil && best.Remaining <= v.Left {
		return best
	}
	return &Rate{Limit: l.Max, Remaining: v.Left, ResetsAt: v.ResetAt}
}

// Describe sets `x-ratelimit-{limit,remaining,reset}-{requests,tokens}` to
// [Reservation.Rates], as OpenAI does: the reset is how long until then.
func (r *Reservation) Describe(h http.Header) {
	requests, tokens := r.Rates()
	r.describe(h, "Requests", requests)
	r.describe(h, "Tokens", tokens)
}

func (r *Reservation) describe(h http.Header, of string, rate *Rate) {
	if rate == nil {
		return
	}
	h.Set("X-Ratelimit-Limit-"+of, strconv.FormatInt(rate.Limit, 10))
	h.Set("X-Ratelimit-Remaining-"+of, strconv.FormatInt(rate.Remaining, 10))
	if !rate.ResetsAt.IsZero() {
		wait := max(0, rate.ResetsAt.Sub(r.admitter.cfg.Now()))
		h.Set("X-Ratelimit-Reset-"+of, wait.Round(time.Second).String())
	}
}
