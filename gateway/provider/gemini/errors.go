package gemini

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// statusOf gives a kind's status in Google's words.
func statusOf(k gateway.Kind) string {
	switch k {
	case gateway.Invalid, gateway.TooLarge, gateway.HeadersTooLarge, gateway.ContextLength, gateway.ContentPolicy:
		return "INVALID_ARGUMENT"
	case gateway.Unauthenticated:
		return "UNAUTHENTICATED"
	case gateway.Forbidden:
		return "PERMISSION_DENIED"
	case gateway.NotFound:
		return "NOT_FOUND"
	case gateway.RateLimited, gateway.OverBudget, gateway.UpstreamLimited:
		return "RESOURCE_EXHAUSTED"
	case gateway.UpstreamFailed, gateway.Unavailable:
		return "UNAVAILABLE"
	case gateway.UpstreamTimeout:
		return "DEADLINE_EXCEEDED"
	case gateway.Cancelled:
		return "CANCELLED"
	case gateway.Internal:
		return "INTERNAL"
	}
	return "INTERNAL"
}

type wireError struct {
	Error errorBody `json:"error"`
}

type errorBody struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Status  string `json:"status"`
	Details []any  `json:"details,omitempty"`
}

// The details of errors, as Google types them.
type (
	errorInfo struct {
		Type   string `json:"@type"`
		Reason string `json:"reason"`
		Domain string `json:"domain"`
	}
	badRequest struct {
		Type       string           `json:"@type"`
		Violations []fieldViolation `json:"fieldViolations"`
	}
	fieldViolation struct {
		Field       string `json:"field"`
		Description string `json:"description"`
	}
	retryInfo struct {
		Type  string `json:"@type"`
		Delay string `json:"retryDelay"` // seconds, e.g. 2s
	}
	anyValue struct {
		Type  string          `json:"@type"`
		Value json.RawMessage `json:"value"`
	}
)

const (
	detailTypes = "type.googleapis.com/google.rpc."
	valueType   = "type.googleapis.com/google.protobuf.Value"
	errorDomain = "llmhub"
)

// ErrorBody is an error in Google's shape, and its status. The field at fault, the
// code and e.Detail stand among the details, and after a 429 how long to wait.
func ErrorBody(e *gateway.Error) (status int, body []byte) {
	status = e.Kind.Status()
	w := wireError{errorBody{Code: status, Message: e.Public, Status: statusOf(e.Kind), Details: details(e)}}
	return status, marshal(w)
}

func details(e *gateway.Error) []any {
	reason := e.Code
	if reason == "" {
		reason = string(e.Kind)
	}
	all := []any{errorInfo{detailTypes + "ErrorInfo", strings.ToUpper(reason), errorDomain}}
	if e.Param != "" {
		all = append(all, badRequest{detailTypes + "BadRequest", []fieldViolation{{e.Param, e.Public}}})
	}
	wait := e.RetryAfter
	if e.Kind.Status() == http.StatusTooManyRequests {
		wait = max(wait, time.Second)
	}
	if wait > 0 {
		all = append(all, retryInfo{detailTypes + "RetryInfo", strconv.Itoa(int(math.Ceil(wait.Seconds()))) + "s"})
	}
	if e.Detail == nil {
		return all
	}
	if value, err := rawjson.Marshal(e.Detail); err == nil { // what does not encode is left out
		all = append(all, anyValue{valueType, value})
	}
	return all
}
