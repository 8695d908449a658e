package gemini_test

import (
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest"
)

func TestFailure(t *testing.T) {
	limited := func(details string) string {
		return `{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.","status":"RESOURCE_EXHAUSTED","details":[` + details + `]}}`
	}
	const minute = `{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerMinutePerProjectPerModel"}]}`
	const day = `{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}`
	retry := func(delay string) string {
		return `{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"` + delay + `"}`
	}
	providertest.Failures(t, newVendor(), map[string]providertest.Failure{
		"bad key": {
			Status: 400, Class: provider.BadCredential, Message: "API key not valid",
			Body: `{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}`,
		},
		"per minute":      {Status: 429, Class: provider.RateLimited, RetryAfter: 2 * time.Second, Body: limited(minute + "," + retry("2s"))},
		"fraction":        {Status: 429, Class: provider.RateLimited, RetryAfter: 1500 * time.Millisecond, Body: limited(retry("1.5s"))},
		"in a list":       {Status: 429, Class: provider.RateLimited, RetryAfter: 3 * time.Second, Body: "[" + limited(retry("3s")) + "]"},
		"per day":         {Status: 429, Class: provider.RateLimited, RetryAfter: 10 * time.Minute, Body: limited(day + "," + retry("20s"))},
		"nonsense delay":  {Status: 429, Class: provider.RateLimited, Body: limited(retry("soon"))},
		"negative delay":  {Status: 429, Class: provider.RateLimited, Body: limited(retry("-2s"))},
		"details no list": {Status: 429, Class: provider.RateLimited, Body: `{"error":{"details":{"a":1}}}`},
		"context length": {
			Status: 400, Class: provider.TooLong, Code: "context_length_exceeded",
			Body: `{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}`,
		},
		"country": {
			Status: 400, Class: provider.BadCredential,
			Body: `{"error":{"code":400,"message":"User location is not supported for the API use.","status":"FAILED_PRECONDITION"}}`,
		},
		"bad parameter": {
			Status: 400, Class: provider.ClientError, Message: "Unknown name",
			Body: `{"error":{"code":400,"message":"Invalid JSON payload received. Unknown name \"x\"","status":"INVALID_ARGUMENT"}}`,
		},
		"overloaded": {Status: 503, Class: provider.ServerError, Body: `{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}`},
	})
}
