package anthropic_test

import (
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest"
)

func TestFailure(t *testing.T) {
	body := func(typ, message string) string {
		return `{"type":"error","error":{"type":"` + typ + `","message":"` + message + `"},"request_id":"req_1"}`
	}
	providertest.Failures(t, newVendor(), map[string]providertest.Failure{
		"context length": {
			Status: 400, Class: provider.TooLong, Code: "context_length_exceeded",
			Body: body("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
		},
		"context with answer": {
			Status: 400, Class: provider.TooLong,
			Body: body("invalid_request_error", "input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000"),
		},
		"content": {
			Status: 400, Class: provider.Refused, Code: "content_filter",
			Body: body("invalid_request_error", "Output blocked by content filtering policy"),
		},
		"credit": {
			Status: 400, Class: provider.RateLimited, RetryAfter: 10 * time.Minute,
			Body: body("invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
		},
		"overloaded": {Status: 529, Class: provider.ServerError, Message: "Overloaded", Body: body("overloaded_error", "Overloaded")},
		"too large":  {Status: 413, Class: provider.ClientError, Body: body("request_too_large", "Request exceeds the maximum size")},
		"rate limit with resets": {
			Status: 429, Class: provider.RateLimited, RetryAfter: 40 * time.Second, Body: body("rate_limit_error", "Slow down"),
			Header: map[string]string{
				"Date":                                   "Sun, 01 Nov 2026 12:00:00 GMT",
				"Anthropic-Ratelimit-Requests-Remaining": "0", "Anthropic-Ratelimit-Requests-Reset": "2026-11-01T12:00:10Z",
				"Anthropic-Ratelimit-Input-Tokens-Remaining": "0", "Anthropic-Ratelimit-Input-Tokens-Reset": "2026-11-01T12:00:40Z",
				"Anthropic-Ratelimit-Output-Tokens-Remaining": "9", "Anthropic-Ratelimit-Output-Tokens-Reset": "2026-11-01T12:09:00Z",
			},
		},
		"bad parameter": {
			Status: 400, Class: provider.ClientError, Message: "deprecated for this model",
			Body: body("invalid_request_error", "`temperature` is deprecated for this model."),
		},
	})
}
