package fakellm

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// quotaWindow is what the limits of the directives rpm and tpm are counted in. It
// begins with the first request.
const quotaWindow = time.Minute

// quotas counts what limited keys have used. Safe for concurrent use.
type quotas struct {
	mu   sync.Mutex
	used map[quotaKey]*quotaUse
}

// quotaKey is what has a limit of its own.
type quotaKey struct {
	vendor     Vendor
	key, model string
}

// quotaUse is what was used since a window began.
type quotaUse struct {
	since            time.Time
	requests, tokens int64
}

// An allowance is what is left of the limits behind a request.
type allowance struct {
	requests, tokens         number // the limits, if there are any
	requestsLeft, tokensLeft int64
	reset                    time.Time
	refused                  bool
}

// take counts a request of so many prompt tokens, unless that is more than a limit
// allows: then nothing is counted.
func (q *quotas) take(k quotaKey, p *plan, tokens int64) allowance {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.used == nil {
		q.used = map[quotaKey]*quotaUse{}
	}
	now := time.Now()
	u := q.used[k]
	if u == nil || now.Sub(u.since) >= quotaWindow {
		u = &quotaUse{since: now}
		q.used[k] = u
	}
	a := allowance{requests: p.rpm, tokens: p.tpm, reset: u.since.Add(quotaWindow)}
	a.refused = p.rpm.set && u.requests >= p.rpm.n || p.tpm.set && u.tokens+tokens > p.tpm.n
	if !a.refused {
		u.requests++
		u.tokens += tokens
	}
	a.requestsLeft, a.tokensLeft = max(0, p.rpm.n-u.requests), max(0, p.tpm.n-u.tokens)
	return a
}

// limit holds the limits the plan asks for.
func (x *exchange) limit() *failure {
	if !x.plan.rpm.set && !x.plan.tpm.set {
		return nil
	}
	k := quotaKey{vendor: x.route.vendor, key: x.record.Key, model: x.call.baseModel()}
	a := x.server.quotas.take(k, &x.plan, x.plan.in.or(x.call.promptTokens()))
	x.allowance = &a
	if !a.refused {
		return nil
	}
	left := time.Until(a.reset)
	return &failure{status: http.StatusTooManyRequests, after: (left + time.Second - 1).Truncate(time.Second)}
}

// tellLimits says in the header what is left of the limits, instead of what the
// vendor says without any.
func (x *exchange) tellLimits() {
	if x.allowance != nil {
		x.wire.limits(x.w.Header(), x.allowance)
	}
}

func openaiLimits(h http.Header, a *allowance) {
	set := func(of string, limit number, left int64) {
		if limit.set {
			h.Set("X-Ratelimit-Limit-"+of, strconv.FormatInt(limit.n, 10))
			h.Set("X-Ratelimit-Remaining-"+of, strconv.FormatInt(left, 10))
			h.Set("X-Ratelimit-Reset-"+of, max(0, time.Until(a.reset)).Round(time.Millisecond).String())
		}
	}
	set("Requests", a.requests, a.requestsLeft)
	set("Tokens", a.tokens, a.tokensLeft)
}

func anthropicLimits(h http.Header, a *allowance) {
	end := a.reset.Add(time.Second - 1).Truncate(time.Second) // whole seconds, and never too early
	set := func(of string, limit number, left int64) {
		if limit.set {
			h.Set("Anthropic-Ratelimit-"+of+"-Limit", strconv.FormatInt(limit.n, 10))
			h.Set("Anthropic-Ratelimit-"+of+"-Remaining", strconv.FormatInt(left, 10))
			h.Set("Anthropic-Ratelimit-"+of+"-Reset", end.UTC().Format(time.RFC3339))
		}
	}
	set("Requests", a.requests, a.requestsLeft)
	set("Input-Tokens", a.tokens, a.tokensLeft)
}

// noLimits is for Gemini, which says nothing of its limits before it refuses.
func noLimits(http.Header, *allowance) {}
