package openai

import (
	"net/http"
	"time"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
)

// readFailure understands an answer whose status is not 2xx.
func readFailure(status int, h http.Header, body []byte) *provider.Failure {
	f := failure.Classify(status, h, failure.Read(body))
	if f.Class == provider.RateLimited && f.RetryAfter == 0 {
		f.RetryAfter = untilReset(h)
	}
	return f
}

// untilReset is how long until every limit that is used up is filled again, for
// answers that have no Retry-After.
func untilReset(h http.Header) time.Duration {
	var wait time.Duration
	for _, limit := range []string{"Requests", "Tokens"} {
		if h.Get("X-Ratelimit-Remaining-"+limit) == "0" {
			wait = max(wait, failure.ParseWait(h.Get("X-Ratelimit-Reset-"+limit)))
		}
	}
	return wait
}
