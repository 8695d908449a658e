package anthropic_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider/anthropic"
)

func TestErrorBody(t *testing.T) {
	tests := map[string]struct {
		err    gateway.Error
		status int
		inner  string
	}{
		"internal":   {gateway.Error{Kind: gateway.Internal, Public: "Internal error."}, 500, `{"type":"api_error","message":"Internal error."}`},
		"invalid":    {gateway.Error{Kind: gateway.Invalid, Public: "Bad.", Param: "top_k"}, 400, `{"type":"invalid_request_error","message":"Bad.","details":{"param":"top_k"}}`},
		"key":        {gateway.Error{Kind: gateway.Unauthenticated, Public: "Who?"}, 401, `{"type":"authentication_error","message":"Who?"}`},
		"forbidden":  {gateway.Error{Kind: gateway.Forbidden, Public: "No."}, 403, `{"type":"permission_error","message":"No."}`},
		"model":      {gateway.Error{Kind: gateway.NotFound, Public: "No such.", Code: "model_not_found", Param: "model"}, 404, `{"type":"not_found_error","message":"No such.","details":{"error_code":"model_not_found","param":"model"}}`},
		"size":       {gateway.Error{Kind: gateway.TooLarge, Public: "Big."}, 413, `{"type":"request_too_large","message":"Big."}`},
		"limit":      {gateway.Error{Kind: gateway.RateLimited, Public: "Slow.", Detail: map[string]int{"limit": 3}}, 429, `{"type":"rate_limit_error","message":"Slow.","details":{"detail":{"limit":3}}}`},
		"budget":     {gateway.Error{Kind: gateway.OverBudget, Public: "Broke."}, 429, `{"type":"rate_limit_error","message":"Broke."}`},
		"context":    {gateway.Error{Kind: gateway.ContextLength, Public: "At most 9."}, 400, `{"type":"invalid_request_error","message":"prompt is too long: At most 9."}`},
		"own words":  {gateway.Error{Kind: gateway.ContextLength, Public: "prompt is too long: 9 > 8"}, 400, `{"type":"invalid_request_error","message":"prompt is too long: 9 > 8"}`},
		"policy":     {gateway.Error{Kind: gateway.ContentPolicy, Public: "Bad words."}, 400, `{"type":"invalid_request_error","message":"Bad words."}`},
		"vendors":    {gateway.Error{Kind: gateway.UpstreamLimited, Public: "Wait."}, 429, `{"type":"rate_limit_error","message":"Wait."}`},
		"failed":     {gateway.Error{Kind: gateway.UpstreamFailed, Public: "Gone."}, 502, `{"type":"api_error","message":"Gone."}`},
		"late":       {gateway.Error{Kind: gateway.UpstreamTimeout, Public: "Late."}, 504, `{"type":"timeout_error","message":"Late."}`},
		"busy":       {gateway.Error{Kind: gateway.Unavailable, Public: "Later.", Detail: func() {}}, 503, `{"type":"overloaded_error","message":"Later."}`},
		"cancelled":  {gateway.Error{Kind: gateway.Cancelled, Public: "Bye."}, 499, `{"type":"api_error","message":"Bye."}`},
		"not a kind": {gateway.Error{Kind: "new", Public: "?"}, 500, `{"type":"api_error","message":"?"}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			status, body := anthropic.ErrorBody(&tt.err)
			if diff := cmp.Diff(`{"type":"error","error":`+tt.inner+`,"request_id":null}`, string(body)); diff != "" || status != tt.status {
				t.Errorf("status %d, want %d (-want +got):\n%s", status, tt.status, diff)
			}
			_, body = anthropic.ErrorBodyOf(&tt.err, "req-1")
			if diff := cmp.Diff(`{"type":"error","error":`+tt.inner+`,"request_id":"req-1"}`, string(body)); diff != "" {
				t.Errorf("with the id (-want +got):\n%s", diff)
			}
		})
	}
}
