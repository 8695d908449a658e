package openai_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
)

func TestErrorBody(t *testing.T) {
	type limit struct {
		Limit   int    `json:"limit"`
		Message string `json:"message"`
	}
	tests := map[string]struct {
		err    gateway.Error
		status int
		body   string
	}{
		"internal":   {gateway.Error{Kind: gateway.Internal, Public: "Internal error."}, 500, `{"error":{"message":"Internal error.","type":"server_error","param":null,"code":"internal_error"}}`},
		"invalid":    {gateway.Error{Kind: gateway.Invalid, Public: "Bad.", Param: "n"}, 400, `{"error":{"message":"Bad.","type":"invalid_request_error","param":"n","code":null}}`},
		"key":        {gateway.Error{Kind: gateway.Unauthenticated, Public: "Who?"}, 401, `{"error":{"message":"Who?","type":"authentication_error","param":null,"code":"invalid_api_key"}}`},
		"forbidden":  {gateway.Error{Kind: gateway.Forbidden, Public: "No."}, 403, `{"error":{"message":"No.","type":"permission_error","param":null,"code":"permission_denied"}}`},
		"model":      {gateway.Error{Kind: gateway.NotFound, Public: "No such.", Code: "model_not_found", Param: "model"}, 404, `{"error":{"message":"No such.","type":"invalid_request_error","param":"model","code":"model_not_found"}}`},
		"size":       {gateway.Error{Kind: gateway.TooLarge, Public: "Big."}, 413, `{"error":{"message":"Big.","type":"invalid_request_error","param":null,"code":"request_too_large"}}`},
		"limit":      {gateway.Error{Kind: gateway.RateLimited, Public: "Slow.", Detail: limit{3, "not this"}}, 429, `{"error":{"message":"Slow.","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded","limit":3}}`},
		"budget":     {gateway.Error{Kind: gateway.OverBudget, Public: "Broke.", Detail: []int{1}}, 429, `{"error":{"message":"Broke.","type":"insufficient_quota","param":null,"code":"insufficient_quota","detail":[1]}}`},
		"context":    {gateway.Error{Kind: gateway.ContextLength, Public: "Long."}, 400, `{"error":{"message":"Long.","type":"invalid_request_error","param":null,"code":"context_length_exceeded"}}`},
		"policy":     {gateway.Error{Kind: gateway.ContentPolicy, Public: "Bad words."}, 400, `{"error":{"message":"Bad words.","type":"invalid_request_error","param":null,"code":"content_filter"}}`},
		"vendors":    {gateway.Error{Kind: gateway.UpstreamLimited, Public: "Wait."}, 429, `{"error":{"message":"Wait.","type":"rate_limit_error","param":null,"code":"upstream_rate_limited"}}`},
		"failed":     {gateway.Error{Kind: gateway.UpstreamFailed, Public: "Gone."}, 502, `{"error":{"message":"Gone.","type":"upstream_error","param":null,"code":"upstream_failed"}}`},
		"late":       {gateway.Error{Kind: gateway.UpstreamTimeout, Public: "Late."}, 504, `{"error":{"message":"Late.","type":"upstream_error","param":null,"code":"upstream_timeout"}}`},
		"busy":       {gateway.Error{Kind: gateway.Unavailable, Public: "Later.", Detail: func() {}}, 503, `{"error":{"message":"Later.","type":"server_error","param":null,"code":"unavailable"}}`},
		"cancelled":  {gateway.Error{Kind: gateway.Cancelled, Public: "Bye."}, 499, `{"error":{"message":"Bye.","type":"request_cancelled","param":null,"code":"request_cancelled"}}`},
		"not a kind": {gateway.Error{Kind: "new", Public: "?"}, 500, `{"error":{"message":"?","type":"server_error","param":null,"code":"internal_error"}}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			status, body := openai.ErrorBody(&tt.err)
			if status != tt.status {
				t.Errorf("status %d, want %d", status, tt.status)
			}
			if diff := cmp.Diff(tt.body, string(body)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !json.Valid(body) {
				t.Error("not valid JSON")
			}
		})
	}
}
