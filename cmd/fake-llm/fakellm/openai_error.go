package fakellm

import (
	"net/http"
	"strconv"
	"strings"
)

type openaiError struct {
	Error openaiErrorBody `json:"error"`
}

type openaiErrorBody struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

func openaiFail(c *call, f *failure, h http.Header) []byte {
	f.setRetryAfter(h)
	if f.status == http.StatusTooManyRequests {
		h.Set("X-Ratelimit-Remaining-Requests", "0")
		h.Set("X-Ratelimit-Reset-Requests", f.after.String())
	}
	return indentedJSON(openaiErrorOf(c, f))
}

func openaiFault(c *call, f *failure) []byte {
	return sseData(compactJSON(openaiErrorOf(c, f)), "\n")
}

func openaiErrorOf(c *call, f *failure) openaiError {
	kind, code, message := openaiReason(c, f)
	if f.message != "" {
		message = f.message
	}
	if f.code != "" {
		code = f.code
	}
	out := openaiError{openaiErrorBody{Message: message, Type: kind, Param: optional(f.param), Code: optional(code)}}
	if f.reason == reasonContext {
		out.Error.Param = optional("messages")
	}
	return out
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// openaiReason gives type, code and message.
func openaiReason(c *call, f *failure) (kind, code, message string) {
	const wrong = "invalid_request_error"
	switch f.reason {
	case reasonNoKey:
		return wrong, "", "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
	case reasonBadKey:
		return wrong, "invalid_api_key", "Incorrect API key provided: " + maskKey(f.key) + "."
	case reasonContext:
		return wrong, "context_length_exceeded", "This model's maximum context length is " + strconv.Itoa(contextLimit) +
			" tokens. However, your messages resulted in " + strconv.Itoa(contextAsked) + " tokens. Please reduce the length of the messages."
	case reasonInvalid, reasonNoRoute:
		return wrong, "", f.message
	}
	switch f.status {
	case http.StatusUnauthorized:
		return wrong, "invalid_api_key", "Incorrect API key provided."
	case http.StatusForbidden:
		return wrong, "", "You do not have access to this resource."
	case http.StatusNotFound:
		return wrong, "model_not_found", "The model `" + c.baseModel() + "` does not exist or you do not have access to it."
	case http.StatusTooManyRequests:
		return "requests", "rate_limit_exceeded", "Rate limit reached for " + c.baseModel() + " in organization org-fake on requests per min (RPM): Limit 3, Used 3, Requested 1."
	case http.StatusServiceUnavailable, overloaded:
		return "server_error", "", "The engine is currently overloaded, please try again later."
	}
	if f.status >= http.StatusInternalServerError {
		return "server_error", "", "The server had an error while processing your request. Sorry about that!"
	}
	return wrong, "", statusText(f.status)
}

// maskKey shows as much of a refused key as the vendor does.
func maskKey(key string) string {
	const shown = 4
	if len(key) <= 2*shown {
		return strings.Repeat("*", len(key))
	}
	return key[:shown] + strings.Repeat("*", len(key)-2*shown) + key[len(key)-shown:]
}
