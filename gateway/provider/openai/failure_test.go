package openai_test

import (
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest"
)

func TestFailure(t *testing.T) {
	providertest.Failures(t, openai.Vendor{}, map[string]providertest.Failure{
		"context length": {
			Status: 400, Class: provider.TooLong, Code: "context_length_exceeded", Message: "maximum context length is 8192",
			Body: `{"error":{"message":"This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}`,
		},
		"context length of vLLM": {
			Status: 400, Class: provider.TooLong,
			Body: `{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens","type":"BadRequestError","param":null,"code":400}`,
		},
		"context length of llama.cpp": {
			Status: 400, Class: provider.TooLong,
			Body: `{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_ctx":4096}}`,
		},
		"content filter of Azure": {
			Status: 400, Class: provider.Refused, Code: "content_filter",
			Body: `{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","code":"content_filter","status":400}}`,
		},
		"moderation of OpenRouter": {
			Status: 403, Class: provider.Refused,
			Body: `{"error":{"code":403,"message":"Input was flagged by moderation","metadata":{"reasons":["violence"]}}}`,
		},
		"quota used up": {
			Status: 429, Class: provider.RateLimited, RetryAfter: 10 * time.Minute, Code: "insufficient_quota",
			Body: `{"error":{"message":"You exceeded your current quota, please check your plan.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`,
		},
		"rate limit with resets": {
			Status: 429, Class: provider.RateLimited, RetryAfter: 6 * time.Minute,
			Header: map[string]string{"X-Ratelimit-Remaining-Tokens": "0", "X-Ratelimit-Reset-Tokens": "6m0s", "X-Ratelimit-Remaining-Requests": "5", "X-Ratelimit-Reset-Requests": "9m"},
			Body:   `{"error":{"message":"Rate limit reached","type":"tokens","param":null,"code":"rate_limit_exceeded"}}`,
		},
		"key of another": {
			Status: 401, Class: provider.BadCredential, Message: "Incorrect API key provided: [redacted]",
			Body: `{"error":{"message":"Incorrect API key provided: sk-proj-abc*****xyz.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`,
		},
		"model not found": {
			Status: 404, Class: provider.BadCredential,
			Body: `{"error":{"message":"The model 'x' does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}`,
		},
		"balance of DeepSeek": {
			Status: 402, Class: provider.RateLimited, RetryAfter: 10 * time.Minute,
			Body: `{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}`,
		},
		"bad parameter": {
			Status: 400, Class: provider.ClientError, Message: "Unsupported value", Code: "unsupported_value",
			Body: `{"error":{"message":"Unsupported value: 'temperature'","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}`,
		},
	})
}
