package chat_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/anthropic"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/gemini"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
)

func TestUnknownDialect(t *testing.T) {
	v := chat.NewVendor(gemini.Wire{}, map[provider.Dialect]chat.Client{provider.OpenAI: openai.Client{}})
	_, err := v.Prepare(&provider.Inbound{Dialect: provider.Gemini, Body: []byte("{}")}, provider.Target{})
	if e := gateway.AsError(err); e.Kind != gateway.Invalid {
		t.Errorf("got %v", err)
	}
}

// TestCall holds where each wire's secret and method go.
func TestCall(t *testing.T) {
	req := func(stream bool) *chat.Request {
		return &chat.Request{N: 1, Stream: stream, Messages: []chat.Message{
			{Role: chat.User, Parts: []chat.Part{{Kind: chat.TextPart, Text: "Hi"}}},
		}}
	}
	tests := map[string]struct {
		wire   chat.Wire
		base   string
		stream bool
		url    string
		header map[string]string
	}{
		"anthropic": {
			anthropic.Wire{}, "https://a.test", false, "https://a.test/v1/messages",
			map[string]string{"X-Api-Key": "key", "Anthropic-Version": "2023-06-01", "Accept": "application/json", "Authorization": ""},
		},
		"anthropic with version": {anthropic.Wire{}, "https://a.test/v1/", true, "https://a.test/v1/messages", map[string]string{"Accept": "text/event-stream"}},
		"gemini": {
			gemini.Wire{}, "https://g.test/", false, "https://g.test/v1beta/models/tuned%2Fm:generateContent",
			map[string]string{"X-Goog-Api-Key": "key", "Accept": "application/json", "Authorization": ""},
		},
		"gemini with version": {gemini.Wire{}, "https://g.test/v1", true, "https://g.test/v1/models/tuned%2Fm:streamGenerateContent?alt=sse", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			x, err := tt.wire.Call(req(tt.stream), provider.Target{BaseURL: tt.base, APIKey: "key", Model: "tuned/m"})
			if err != nil {
				t.Fatal(err)
			}
			got := make(map[string]string)
			for k := range tt.header {
				got[k] = x.Header.Get(k)
			}
			if x.URL != tt.url || len(tt.header) > 0 && !cmp.Equal(tt.header, got) {
				t.Errorf("call %s with %v", x.URL, got)
			}
			keyless, err := tt.wire.Call(req(tt.stream), provider.Target{BaseURL: tt.base, Model: "m"})
			if err != nil || keyless.Header.Get("X-Api-Key")+keyless.Header.Get("X-Goog-Api-Key") != "" {
				t.Errorf("without a key: %v, %v", keyless.Header, err)
			}
		})
	}
}
