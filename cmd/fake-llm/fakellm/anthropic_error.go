package fakellm

import (
	"fmt"
	"net/http"
	"time"
)

type anthropicError struct {
	Type  string `json:"type"`
	Error struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	} `json:"error"`
	RequestID string `json:"request_id,omitempty"`
}

func anthropicFail(c *call, f *failure, h http.Header) []byte {
	f.setRetryAfter(h)
	if f.status == http.StatusTooManyRequests {
		h.Set("Anthropic-Ratelimit-Requests-Remaining", "0")
		h.Set("Anthropic-Ratelimit-Requests-Reset", c.created.Add(f.after).UTC().Format(time.RFC3339))
	}
	out := anthropicErrorOf(c, f)
	out.RequestID = h.Get("Request-Id")
	return compactJSON(out)
}

func anthropicFault(c *call, f *failure) []byte {
	return anthropicEvent("error", anthropicErrorOf(c, f))
}

func anthropicErrorOf(c *call, f *failure) anthropicError {
	out := anthropicError{Type: "error"}
	out.Error.Type, out.Error.Message = anthropicReason(c, f)
	if f.message != "" {
		out.Error.Message = f.message
	}
	return out
}

func anthropicReason(c *call, f *failure) (kind, message string) {
	switch f.reason {
	case reasonNoKey:
		return "authentication_error", "x-api-key header is required"
	case reasonBadKey:
		return "authentication_error", "invalid x-api-key"
	case reasonContext:
		return "invalid_request_error", fmt.Sprintf("prompt is too long: %d tokens > %d maximum", contextAsked, contextLimit)
	}
	switch f.status {
	case http.StatusUnauthorized:
		return "authentication_error", "invalid x-api-key"
	case http.StatusPaymentRequired:
		return "billing_error", "Your credit balance is too low to access the Anthropic API."
	case http.StatusForbidden:
		return "permission_error", "Your API key does not have permission to use the specified resource."
	case http.StatusNotFound:
		return "not_found_error", "model: " + c.baseModel()
	case http.StatusConflict:
		return "conflict_error", "Conflict"
	case http.StatusRequestEntityTooLarge:
		return "request_too_large", "Request exceeds the maximum size"
	case http.StatusTooManyRequests:
		return "rate_limit_error", "Number of request tokens has exceeded your per-minute rate limit."
	case http.StatusGatewayTimeout:
		return "timeout_error", "Request timed out"
	case overloaded:
		return "overloaded_error", "Overloaded"
	}
	if f.status >= http.StatusInternalServerError {
		return "api_error", "Internal server error"
	}
	return "invalid_request_error", statusText(f.status)
}
