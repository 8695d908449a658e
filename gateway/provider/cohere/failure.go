package cohere

import (
	"net/http"
	"strings"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/failure"
)

// statusBlocked is Cohere's own status for a prompt or an answer that was blocked.
const statusBlocked = 498

// Failure implements [chat.Wire]. The calls that a trial key has in a month are used
// up for long; Cohere says so only in words, and not how long to wait.
func (Wire) Failure(status int, h http.Header, body []byte) *provider.Failure {
	f := failure.Classify(status, h, failure.Read(body))
	switch {
	case status == statusBlocked:
		f.Class, f.Code = provider.Refused, "content_filter"
	case f.Class == provider.RateLimited && saysMonth(f.Message):
		f.RetryAfter = max(f.RetryAfter, failure.Exhausted)
	}
	return f
}

func saysMonth(message string) bool {
	message = strings.ToLower(message)
	return strings.Contains(message, "/ month") || strings.Contains(message, "per month")
}
