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
		now := time.Now()
		f.RetryAfter = failure.Bound(provider.ReadRateLimits(h, now).UntilReset(now))
	}
	return f
}
