package admit

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
)

// When a request may come again that a window's end does not help.
const (
	afterConcurrency = time.Second
	afterReturn      = 2 * time.Second // of what other nodes hold and do not use
	afterTrouble     = time.Second
)

// Why limits cannot be checked.
const (
	textLoading  = "The gateway is still reading what was used; try again in a moment."
	textAway     = "The limits cannot be checked now, because the store of leases is out of reach; try again in a moment."
	textStopping = "The gateway is stopping; try again in a moment."
)

// Refusal says which limit refused a request, or why limits cannot be checked.
type Refusal struct {
	why     string // limits cannot be checked; nothing else is set
	scope   accounting.Scope
	limit   accounting.Limit
	verdict accounting.Verdict
	want    int64
	at      time.Time
	rates   Rates
	lent    bool // the books have room: other nodes hold what they have not spent
}

// Describe sets the headers of [Rates.Describe] as things stand without the request.
func (r *Refusal) Describe(h http.Header) { r.rates.Describe(h, r.at) }

// Event is the limit as it stands in request.rejected; nil if none refused.
func (r *Refusal) Event() *events.Limit {
	if r.why != "" {
		return nil
	}
	return &events.Limit{
		Scope: string(r.scope.Kind), Per: string(r.limit.Per), Of: string(r.limit.Of),
		Max: r.limit.Max, Used: r.verdict.Used, ResetAt: r.verdict.ResetAt,
	}
}

// Detail is what the body of a refusal says beside its text.
type Detail struct {
	Limit LimitDetail `json:"limit"`
}

// LimitDetail is the limit that refused. Amounts are in units of Of; cost in nano-USD.
type LimitDetail struct {
	Scope    string    `json:"scope"`         // tenant, team, user, key, tenant_model, model, credential
	Per      string    `json:"per,omitempty"` // empty for concurrency
	Of       string    `json:"of"`
	Limit    int64     `json:"limit"`
	Used     int64     `json:"used"`
	Left     int64     `json:"left"`
	ResetsAt time.Time `json:"resets_at,omitzero"` // zero: never, or not bound to a window
}

// Public is the error for the client. Its Detail is a [Detail].
func (r *Refusal) Public() *gateway.Error {
	if r.why != "" {
		return &gateway.Error{Kind: gateway.Unavailable, RetryAfter: afterTrouble, Public: r.why}
	}
	e := &gateway.Error{
		Kind: gateway.RateLimited, Public: r.text(), RetryAfter: r.retryAfter(),
		Detail: Detail{Limit: LimitDetail{
			Scope: string(r.scope.Kind), Per: string(r.limit.Per), Of: string(r.limit.Of), Limit: r.limit.Max,
			Used: r.verdict.Used, Left: r.verdict.Left, ResetsAt: r.verdict.ResetAt,
		}},
	}
	if r.limit.Of == accounting.OfCost {
		e.Kind = gateway.OverBudget
	}
	return e
}

// hopeless tells that the request alone is more than the limit.
func (r *Refusal) hopeless() bool { return r.want > r.limit.Max }

func (r *Refusal) retryAfter() time.Duration {
	switch {
	case r.limit.Of == accounting.OfConcurrency:
		return afterConcurrency
	case r.lent && !r.hopeless():
		return afterReturn
	case r.hopeless() || r.verdict.ResetAt.IsZero():
		return 0
	}
	return r.verdict.ResetAt.Sub(r.at)
}

// title names a kind of scope in a sentence.
func title(k accounting.ScopeKind) string {
	if k == accounting.TenantModelScope {
		return "model in the tenant"
	}
	return string(k)
}

func (r *Refusal) text() string {
	of := r.limit.Of
	if of == accounting.OfConcurrency {
		return fmt.Sprintf("Limit of the %s: %s at once; all of them are running.", title(r.scope.Kind), amount(of, r.limit.Max))
	}
	span := "per " + string(r.limit.Per)
	if r.limit.Per == accounting.Life {
		span = "for life"
	}
	s := fmt.Sprintf("Limit of the %s: %s %s. Used: %s, left: %s; this request may need %s.", title(r.scope.Kind),
		amount(of, r.limit.Max), span, number(of, r.verdict.Used), number(of, r.verdict.Left), number(of, r.want))
	switch {
	case r.hopeless():
		s += " It does not fit into the limit at all."
	case !r.verdict.ResetAt.IsZero():
		s += " The limit resets at " + r.verdict.ResetAt.Format(time.RFC3339) + "."
	}
	return s
}

// amount is n with its unit.
func amount(of accounting.Of, n int64) string {
	switch of {
	case accounting.OfRequests, accounting.OfConcurrency:
		return number(of, n) + " requests"
	case accounting.OfInputTokens:
		return number(of, n) + " input tokens"
	case accounting.OfOutputTokens:
		return number(of, n) + " output tokens"
	case accounting.OfCost:
		return number(of, n)
	default:
		return number(of, n) + " tokens"
	}
}

// number is n without its unit, but for money.
func number(of accounting.Of, n int64) string {
	if of == accounting.OfCost {
		return "$" + accounting.FormatUSD(n)
	}
	return strconv.FormatInt(n, 10)
}
