package openai

import (
	"encoding/json"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// errorType gives a kind's type and default code in OpenAI's words.
func errorType(k gateway.Kind) (typ, code string) {
	switch k {
	case gateway.Invalid:
		return "invalid_request_error", ""
	case gateway.Unauthenticated:
		return "authentication_error", "invalid_api_key"
	case gateway.Forbidden:
		return "permission_error", "permission_denied"
	case gateway.NotFound:
		return "invalid_request_error", "not_found"
	case gateway.TooLarge:
		return "invalid_request_error", "request_too_large"
	case gateway.HeadersTooLarge:
		return "invalid_request_error", "request_headers_too_large"
	case gateway.RateLimited:
		return "rate_limit_error", "rate_limit_exceeded"
	case gateway.OverBudget:
		return "insufficient_quota", "insufficient_quota"
	case gateway.ContextLength:
		return "invalid_request_error", "context_length_exceeded"
	case gateway.ContentPolicy:
		return "invalid_request_error", "content_filter"
	case gateway.UpstreamLimited:
		return "rate_limit_error", "upstream_rate_limited"
	case gateway.UpstreamFailed:
		return "upstream_error", "upstream_failed"
	case gateway.UpstreamTimeout:
		return "upstream_error", "upstream_timeout"
	case gateway.Unavailable:
		return "server_error", "unavailable"
	case gateway.Cancelled:
		return "request_cancelled", "request_cancelled"
	case gateway.Internal:
		return "server_error", "internal_error"
	}
	return "server_error", "internal_error"
}

type wireError struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

// ErrorBody is an error in OpenAI's shape with all four keys, and its status. The
// members of e.Detail, if it is an object, stand beside them; else it stands as
// "detail".
func ErrorBody(e *gateway.Error) (status int, body []byte) {
	typ, code := errorType(e.Kind)
	if e.Code != "" {
		code = e.Code
	}
	inner, err := json.Marshal(wireError{Message: e.Public, Type: typ, Param: orNull(e.Param), Code: orNull(code)})
	if err != nil { // strings always encode
		inner = []byte("{}")
	}
	body = append([]byte(`{"error":`), withDetail(inner, e.Detail)...)
	return e.Kind.Status(), append(body, '}')
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// withDetail adds detail to the error object; what does not encode is left out,
// and the four keys are never replaced.
func withDetail(inner []byte, detail any) []byte {
	if detail == nil {
		return inner
	}
	extra, err := json.Marshal(detail)
	if err != nil {
		return inner
	}
	if rawjson.TypeOf(extra) != rawjson.ObjectType {
		return withMember(inner, "detail", extra)
	}
	obj := rawjson.NewObject(extra)
	for obj.Next() {
		switch name := string(obj.Key()); name {
		case "message", "type", "param", "code":
		default:
			inner = withMember(inner, name, obj.Value())
		}
	}
	return inner
}
