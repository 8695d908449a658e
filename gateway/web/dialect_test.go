package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/web"
)

func TestDialectOf(t *testing.T) {
	tests := map[string]provider.Dialect{
		"POST /v1/chat/completions":                   provider.OpenAI,
		"POST /chat x-goog-api-key":                   provider.OpenAI,
		"POST /v1/embeddings anthropic-version":       provider.OpenAI,
		"GET /v1/models":                              provider.OpenAI,
		"GET /v1/modelsandmore anthropic-version":     provider.OpenAI,
		"GET /nothing":                                provider.OpenAI,
		"POST /v1/messages":                           provider.Anthropic,
		"POST /messages":                              provider.Anthropic,
		"POST /v1/messages/count_tokens":              provider.Anthropic,
		"POST /anthropic/v1/messages":                 provider.Anthropic,
		"POST /anthropic/nothing":                     provider.Anthropic,
		"GET /v1/models anthropic-version":            provider.Anthropic,
		"GET /models/team/odd anthropic-version":      provider.Anthropic,
		"POST /v1/models/team/m:generateContent":      provider.Gemini,
		"POST /v1beta/models/m:streamGenerateContent": provider.Gemini,
		"POST /gemini/v1/models/m:countTokens":        provider.Gemini,
		"GET /v1beta/models":                          provider.Gemini,
		"GET /v1/models x-goog-api-key":               provider.Gemini,
		"GET /v1/models?key=k":                        provider.Gemini,
		"GET /gemini/nothing":                         provider.Gemini,
		"POST /v1/rerank":                             provider.OpenAI,
		"POST /v2/rerank":                             provider.Cohere,
		"GET /v2/nothing":                             provider.Cohere,
	}
	for request, want := range tests {
		words := strings.Fields(request)
		r := httptest.NewRequest(words[0], words[1], nil)
		for _, name := range words[2:] {
			r.Header.Set(name, "x")
		}
		if got := web.DialectOf(r); got != want {
			t.Errorf("%s: %s, want %s", request, got, want)
		}
	}
}

// TestErrorShapes: whoever is refused, and by which part, is told in its own dialect.
func TestErrorShapes(t *testing.T) {
	limited := &gateway.Error{Kind: gateway.RateLimited, Public: "Too many.", RetryAfter: 2 * time.Second}
	var routes []web.Route
	for _, path := range []string{"/v1/messages", "/v1/models/*", "/v1/chat/completions", "/v2/rerank"} {
		routes = append(routes, web.Route{Method: "POST", Path: path, Permission: web.Inference, Handler: fails(limited)})
	}
	type object = map[string]any
	anthropic := func(typ, message string) object {
		return object{"type": "error", "error": object{"type": typ, "message": message}}
	}
	gemini := func(code float64, status, message string) object {
		return object{"error": object{"code": code, "status": status, "message": message}}
	}
	const nothing, method = "There is nothing at this address.", "This address does not take that method."
	tests := map[string]struct {
		method, path string
		status       int
		want         object
	}{
		"openai":                {"POST", "/v1/chat/completions", 429, object{"error": object{"message": "Too many.", "type": "rate_limit_error"}}},
		"anthropic":             {"POST", "/v1/messages", 429, anthropic("rate_limit_error", "Too many.")},
		"anthropic, no address": {"POST", "/v1/messages/batches", 404, anthropic("not_found_error", nothing)},
		"anthropic, method":     {"PUT", "/v1/messages", 405, anthropic("invalid_request_error", method)},
		"gemini":                {"POST", "/v1/models/m:generateContent", 429, gemini(429, "RESOURCE_EXHAUSTED", "Too many.")},
		"gemini, no address":    {"POST", "/v1beta/models/m:generateContent", 404, gemini(404, "NOT_FOUND", nothing)},
		"cohere":                {"POST", "/v2/rerank", 429, object{"message": "Too many.", "code": "rate_limited"}},
		"cohere, no address":    {"POST", "/v2/chat", 404, object{"message": nothing, "code": "unknown_url"}},
		"gemini, events":        {"POST", "/v1/models/m:streamGenerateContent?alt=sse", 429, gemini(429, "RESOURCE_EXHAUSTED", "Too many.")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s, _ := newServer(t, routes...)
			w := get(s, test.method, test.path, "")
			var got object
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if w.Code != test.status || !contains(got, test.want) {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
			if retry := w.Header().Get("Retry-After"); (retry == "2") != (test.status == 429) {
				t.Errorf("Retry-After is %q", retry)
			}
		})
	}
}

// contains tells whether got has all that want has, objects within objects too.
func contains(got, want map[string]any) bool {
	for k, v := range want {
		inner, isObject := v.(map[string]any)
		if isObject {
			if there, ok := got[k].(map[string]any); !ok || !contains(there, inner) {
				return false
			}
			continue
		}
		if !cmp.Equal(got[k], v) {
			return false
		}
	}
	return true
}

// TestArrayError: who waits for a JSON array gets one.
func TestArrayError(t *testing.T) {
	s, _ := newServer(t)
	w := get(s, "POST", "/v1beta/models/m:streamGenerateContent", "")
	var list []struct{ Error struct{ Code int } }
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || len(list) != 1 || list[0].Error.Code != http.StatusNotFound {
		t.Errorf("%v: %s", err, w.Body)
	}
}

func TestAnthropicRequestID(t *testing.T) {
	s, _ := newServer(t)
	w := get(s, "POST", "/v1/messages", "")
	id := w.Header().Get("X-Request-Id")
	var body struct {
		ID string `json:"request_id"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || id == "" || body.ID != id || w.Header().Get("Request-Id") != id {
		t.Errorf("%v: header %q, body %s", err, w.Header().Get("Request-Id"), w.Body)
	}
	if w := get(s, "POST", "/v1/chat/completions", ""); w.Header().Get("Request-Id") != "" {
		t.Error("another dialect's clients are told, too")
	}
}
