package anthropic

import (
	"net/http"
	"time"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
)

// Failure implements [chat.Wire].
func (Wire) Failure(status int, h http.Header, body []byte) *provider.Failure {
	f := failure.Classify(status, h, failure.Read(body))
	if f.Class == provider.RateLimited && f.RetryAfter == 0 {
		f.RetryAfter = untilReset(h, time.Now())
	}
	return f
}

// untilReset is how long until every limit that is used up is filled again, for
// answers that have no Retry-After.
func untilReset(h http.Header, now time.Time) time.Duration {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	var wait time.Duration
	for _, limit := range []string{"Requests", "Tokens", "Input-Tokens", "Output-Tokens"} {
		prefix := "Anthropic-Ratelimit-" + limit
		if h.Get(prefix+"-Remaining") != "0" {
			continue
		}
		if reset, err := time.Parse(time.RFC3339, h.Get(prefix+"-Reset")); err == nil {
			wait = max(wait, reset.Sub(now))
		}
	}
	return failure.Bound(wait)
}
