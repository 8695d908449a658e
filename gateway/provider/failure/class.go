package failure

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/gateway/provider"
)

const (
	// Exhausted is how long a credential rests whose quota or money is used up:
	// waiting seconds does not help, but somebody may pay.
	Exhausted = 10 * time.Minute
	// maxRetryAfter bounds what a vendor may ask for.
	maxRetryAfter = 24 * time.Hour

	statusOverloaded = 529 // Anthropic's, and used by others
	statusGone       = 499 // the vendor thinks that we went away
)

// OfStatus classes a status when the words say no more.
//
//   - 402: the credential's money is used up: rest it as if limited.
//   - 404: the vendor does not know the target's model, or this key may not use
//     it: another target may help, and it is not the client's fault.
//   - 412: the account is not in order (Fireworks).
//   - 3xx: redirects are never followed; the base URL is wrong.
func OfStatus(status int) provider.FailureClass {
	switch status {
	case http.StatusTooManyRequests, http.StatusPaymentRequired:
		return provider.RateLimited
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusPreconditionFailed:
		return provider.BadCredential
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, statusGone, statusOverloaded:
		return provider.ServerError
	}
	switch status / 100 {
	case 4:
		return provider.ClientError
	case 5:
		return provider.ServerError
	default:
		return provider.BadAnswer
	}
}

// refines tells whether the words of an answer with this status may say more
// than the status: a client error that means the length or the content.
func refines(status int) bool {
	switch status {
	case 0, http.StatusBadRequest, http.StatusForbidden, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// Vendors say in phrases what their status does not; these are in lower case.

func saysTooLong(said string) bool {
	return containsAny(said,
		"context_length", "context length", "maximum context", "context window", "exceed_context_size",
		"prompt is too long", "input is too long", "input token count", "maximum number of tokens",
		"too many tokens", "exceed context limit", "reduce the length of", "prompt contains too many",
		"tokens in request more than max", "max_new_tokens` must be <=",
	)
}

func saysRefused(said string) bool {
	return containsAny(said,
		"content_filter", "content filter", "content_policy", "content policy", "content management policy",
		"content filtering", "safety system", "flagged", "prohibited_content", "responsible ai",
	)
}

func saysExhausted(said string) bool {
	return containsAny(said,
		"insufficient_quota", "insufficient balance", "credit balance is too low", "billing_hard_limit",
		"billing_not_active",
	)
}

// Classify makes the failure from what every vendor has in common.
func Classify(status int, h http.Header, w Words) *provider.Failure {
	f := &provider.Failure{
		Class: OfStatus(status), Status: status, RetryAfter: RetryAfter(h, time.Now),
		Message: w.Message, Param: Clean(w.Param), Code: Clean(w.Code),
	}
	if f.Code == strconv.Itoa(status) {
		f.Code = "" // it says no more than the status, which the client may get another of
	}
	said := strings.ToLower(w.Code + " " + w.Type + " " + w.Message)
	switch {
	case status == http.StatusPaymentRequired || saysExhausted(said):
		f.Class = provider.RateLimited
		f.RetryAfter = max(f.RetryAfter, Exhausted)
	case status == http.StatusRequestEntityTooLarge && strings.Contains(said, "rate_limit"):
		f.Class = provider.RateLimited // larger than a minute's tokens of this key; another's may do
	case status/100 == 4 && (w.Code == "capacity_exceeded" || status == http.StatusBadRequest && w.Code == "model_not_found"):
		f.Class = provider.ServerError // not the client's fault, whatever the status says
	case refines(status) && saysTooLong(said):
		f.Class, f.Code = provider.TooLong, "context_length_exceeded"
	case refines(status) && saysRefused(said):
		f.Class, f.Code = provider.Refused, "content_filter"
	}
	return f
}

// Told makes the failure of an error that came inside an answer with a good
// status, where only words tell the class. Some put the status into the code.
func Told(w Words) *provider.Failure {
	if status, err := strconv.Atoi(w.Code); err == nil && status >= http.StatusBadRequest {
		w.Code = ""
		return Classify(status, nil, w)
	}
	f := Classify(0, nil, w)
	if f.Class != provider.BadAnswer { // the phrases were plain
		return f
	}
	switch said := strings.ToLower(w.Code + " " + w.Type); {
	case containsAny(said, "rate_limit", "resource_exhausted", "too_many_requests"):
		f.Class = provider.RateLimited
	case containsAny(said, "authentication", "unauthenticated", "permission"):
		f.Class = provider.BadCredential
	case containsAny(said, "invalid_request", "invalid_argument"):
		f.Class = provider.ClientError
	case strings.Contains(said, "timeout"):
		f.Class = provider.TimedOut
	default:
		f.Class = provider.ServerError
	}
	return f
}

func containsAny(s string, phrases ...string) bool {
	for _, p := range phrases {
		if strings.Contains(s, p) {
			return true
		}
	}
	return false
}

// RetryAfter reads how long to wait: retry-after-ms, else Retry-After in seconds
// or as a date, which counts from the answer's own Date where it has one.
func RetryAfter(h http.Header, now func() time.Time) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil {
		return times(ms, time.Millisecond)
	}
	v := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseFloat(v, 64); err == nil {
		return times(s, time.Second)
	}
	until, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	from, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		from = now()
	}
	return Bound(until.Sub(from))
}

// Bound keeps a wait between nothing and a day.
func Bound(d time.Duration) time.Duration { return min(max(d, 0), maxRetryAfter) }

// times is n units, bounded; what is no number is nothing.
func times(n float64, unit time.Duration) time.Duration {
	if !(n > 0) {
		return 0
	}
	return time.Duration(min(n*float64(unit), float64(maxRetryAfter)))
}

// ParseWait reads a wait written like "2s" or "1.5s"; anything else is nothing.
func ParseWait(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0
	}
	return Bound(d)
}
