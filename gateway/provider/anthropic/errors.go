package anthropic

import (
	"encoding/json"
	"strings"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
	"github.com/llm-hub/llm-hub/gateway/provider/sse"
)

// errorType is a kind in Anthropic's words.
func errorType(k gateway.Kind) string {
	switch k {
	case gateway.Invalid, gateway.ContextLength, gateway.ContentPolicy:
		return "invalid_request_error"
	case gateway.Unauthenticated:
		return "authentication_error"
	case gateway.Forbidden:
		return "permission_error"
	case gateway.NotFound:
		return "not_found_error"
	case gateway.TooLarge, gateway.HeadersTooLarge:
		return "request_too_large"
	case gateway.RateLimited, gateway.OverBudget, gateway.UpstreamLimited:
		return "rate_limit_error"
	case gateway.UpstreamTimeout:
		return "timeout_error"
	case gateway.Unavailable:
		return "overloaded_error"
	case gateway.UpstreamFailed, gateway.Cancelled, gateway.Internal:
		return "api_error"
	}
	return "api_error"
}

type (
	wireErrorBody struct {
		Type      string            `json:"type"` // error
		Error     wireError         `json:"error"`
		RequestID *events.RequestID `json:"request_id"` // null: not known here
	}
	wireError struct {
		Type    string        `json:"type"`
		Message string        `json:"message"`
		Details *errorDetails `json:"details,omitempty"`
	}
	errorDetails struct {
		Code  string          `json:"error_code,omitempty"`
		Param string          `json:"param,omitempty"`
		More  json.RawMessage `json:"detail,omitempty"`
	}
)

// tooLong begins the message of an error that means the context window: clients
// that shorten their history look for it.
const tooLong = "prompt is too long"

// ErrorBody is an error in Anthropic's shape, and its status. What OpenAI's shape
// has as code, param and detail stands in "details".
func ErrorBody(e *gateway.Error) (status int, body []byte) { return ErrorBodyOf(e, "") }

// ErrorBodyOf is [ErrorBody] with the id of the request it is about.
func ErrorBodyOf(e *gateway.Error, id events.RequestID) (status int, body []byte) {
	w := wireErrorBody{Type: "error", Error: wireError{Type: errorType(e.Kind), Message: e.Public}}
	if id != "" {
		w.RequestID = &id
	}
	if e.Kind == gateway.ContextLength && !strings.Contains(e.Public, tooLong) {
		w.Error.Message = tooLong + ": " + e.Public
	}
	d := errorDetails{Code: e.Code, Param: e.Param}
	if e.Detail != nil {
		d.More, _ = rawjson.Marshal(e.Detail) // what does not encode is left out
	}
	if d.Code != "" || d.Param != "" || d.More != nil {
		w.Error.Details = &d
	}
	return e.Kind.Status(), marshal(w)
}

// appendAbort ends a stream that broke: an error event and no message_stop, so
// that no client takes it for whole.
func appendAbort(dst []byte, e *gateway.Error) []byte {
	_, body := ErrorBody(e)
	return sse.AppendEvent(dst, errorEvent, body)
}

// marshal encodes what cannot fail: structs of texts and numbers.
func marshal(v any) []byte {
	b, err := rawjson.Marshal(v)
	if err != nil {
		return []byte("{}")
	}
	return b
}
