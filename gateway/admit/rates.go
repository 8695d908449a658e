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

// Rates are a key's own tightest hard limits of requests and of tokens; nil where
// it has none.
type Rates struct{ Requests, Tokens *Rate }

// Describe sets `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`, as OpenAI
// does: the reset is how long it is from now.
func (r Rates) Describe(h http.Header, now time.Time) {
	r.Requests.describe(h, "Requests", now)
	r.Tokens.describe(h, "Tokens", now)
}

func (r *Rate) describe(h http.Header, of string, now time.Time) {
	if r == nil {
		return
	}
	h.Set("X-Ratelimit-Limit-"+of, strconv.FormatInt(r.Limit, 10))
	h.Set("X-Ratelimit-Remaining-"+of, strconv.FormatInt(r.Remaining, 10))
	if !r.ResetsAt.IsZero() {
		h.Set("X-Ratelimit-Reset-"+of, max(0, r.ResetsAt.Sub(now)).Round(time.Second).String())
	}
}

// Describe sets the headers of [Rates.Describe] to what is left after the request.
func (r *Reservation) Describe(h http.Header) {
	for i, s := range r.scopes {
		if s.Scope.Kind != accounting.KeyScope {
			continue
		}
		r.accounts[i].mu.Lock()
		rates := r.rates(r.accounts[i], s.Limits)
		r.accounts[i].mu.Unlock()
		rates.Describe(h, r.admitter.cfg.Now())
	}
}

// ratesOfKey are the rates of the key among the scopes. All accounts are locked.
func (r *Reservation) ratesOfKey() Rates {
	for i, s := range r.scopes {
		if s.Scope.Kind == accounting.KeyScope {
			return r.rates(r.accounts[i], s.Limits)
		}
	}
	return Rates{}
}

// rates are those of a key with the limits. a is locked.
func (r *Reservation) rates(a *account, limits []accounting.Limit) Rates {
	var rates Rates
	for _, l := range limits {
		if l.Mode != accounting.Hard {
			continue
		}
		switch l.Of {
		case accounting.OfRequests:
			rates.Requests = r.tighter(rates.Requests, a, l)
		case accounting.OfTokens, accounting.OfInputTokens, accounting.OfOutputTokens:
			rates.Tokens = r.tighter(rates.Tokens, a, l)
		default:
		}
	}
	return rates
}

// tighter is the one of best and l that leaves less. a is locked.
func (r *Reservation) tighter(best *Rate, a *account, l accounting.Limit) *Rate {
	used := a.used(l, r.windows)
	if le := a.lease(l, r.windows); le != nil && le.fresh(r.admitter.now()) {
		used = max(used, le.others+le.mine)
	}
	v := l.Check(used, 0, r.at)
	if best != nil && best.Remaining <= v.Left {
		return best
	}
	return &Rate{Limit: l.Max, Remaining: v.Left, ResetsAt: v.ResetAt}
}
