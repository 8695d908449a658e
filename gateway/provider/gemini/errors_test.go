package gemini_test

import (
	"strings"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider/gemini"
)

func TestErrorBody(t *testing.T) {
	const info = `"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"`
	tests := map[string]struct {
		err    gateway.Error
		status int
		want   string
	}{
		"invalid": {
			gateway.Error{Kind: gateway.Invalid, Public: "'n' is <bad>.", Param: "n"}, 400,
			`{"error":{"code":400,"message":"'n' is <bad>.","status":"INVALID_ARGUMENT",` + info + `INVALID_REQUEST","domain":"llmhub"},` +
				`{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"n","description":"'n' is <bad>."}]}]}}`,
		},
		"limited": {
			gateway.Error{Kind: gateway.RateLimited, Public: "Wait.", RetryAfter: 1500 * time.Millisecond, Detail: map[string]int{"limit": 3}}, 429,
			`{"error":{"code":429,"message":"Wait.","status":"RESOURCE_EXHAUSTED",` + info + `RATE_LIMITED","domain":"llmhub"},` +
				`{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"2s"},` +
				`{"@type":"type.googleapis.com/google.protobuf.Value","value":{"limit":3}}]}}`,
		},
		"limited, no time known": {
			gateway.Error{Kind: gateway.UpstreamLimited, Public: "Wait."}, 429,
			`{"error":{"code":429,"message":"Wait.","status":"RESOURCE_EXHAUSTED",` + info + `UPSTREAM_LIMITED","domain":"llmhub"},` +
				`{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1s"}]}}`,
		},
		"coded, with a detail that does not encode": {
			gateway.Error{Kind: gateway.NotFound, Public: "No.", Code: "model_not_found", Detail: func() {}}, 404,
			`{"error":{"code":404,"message":"No.","status":"NOT_FOUND",` + info + `MODEL_NOT_FOUND","domain":"llmhub"}]}}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			status, body := gemini.ErrorBody(&tt.err)
			if status != tt.status || string(body) != tt.want {
				t.Errorf("%d %s\nwant %d %s", status, body, tt.status, tt.want)
			}
		})
	}
}

func TestErrorStatuses(t *testing.T) {
	want := map[gateway.Kind]string{
		gateway.Internal: "INTERNAL", gateway.Invalid: "INVALID_ARGUMENT", gateway.Unauthenticated: "UNAUTHENTICATED",
		gateway.Forbidden: "PERMISSION_DENIED", gateway.NotFound: "NOT_FOUND", gateway.TooLarge: "INVALID_ARGUMENT",
		gateway.RateLimited: "RESOURCE_EXHAUSTED", gateway.OverBudget: "RESOURCE_EXHAUSTED",
		gateway.ContextLength: "INVALID_ARGUMENT", gateway.ContentPolicy: "INVALID_ARGUMENT",
		gateway.UpstreamLimited: "RESOURCE_EXHAUSTED", gateway.UpstreamFailed: "UNAVAILABLE",
		gateway.UpstreamTimeout: "DEADLINE_EXCEEDED", gateway.Unavailable: "UNAVAILABLE", gateway.Cancelled: "CANCELLED",
	}
	for kind, status := range want {
		code, body := gemini.ErrorBody(&gateway.Error{Kind: kind, Public: "No."})
		if got := string(body); code != kind.Status() || !strings.Contains(got, `"status":"`+status+`"`) {
			t.Errorf("%s: %d %s", kind, code, got)
		}
	}
}
