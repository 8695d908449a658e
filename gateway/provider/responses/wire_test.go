package responses_test

import (
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest"
	"github.com/llm-hub/llm-hub/gateway/provider/responses"
)

// chats is chat completions over the Responses API.
func chats() providertest.Player {
	return providertest.Player{Parse: openai.ParseChat, Vendor: func() provider.Vendor {
		client := openai.Client{Now: func() time.Time { return time.Unix(1_760_000_000, 0) }, NewID: counter()}
		return chat.NewVendor(responses.Wire{}, map[provider.Dialect]chat.Client{provider.OpenAI: client})
	}}
}

func TestWireTranscripts(t *testing.T) {
	p := chats()
	p.Update = *update
	p.Play(t, "testdata/wire")
}

func FuzzWireStream(f *testing.F) { chats().Fuzz(f, "testdata/wire") }

func TestOnly(t *testing.T) {
	for model, want := range map[string]bool{
		"gpt-5-codex": true, "openai/gpt-5.1-codex-max": true, "gpt-5-pro-2025-10-06": true, "o1-pro": true, "o3-deep-research": true,
		"gpt-5": false, "gpt-6-sol": false, "o3": false, "gpt-4o": false, "my-codex-pro": false,
	} {
		if got := responses.Only(model); got != want {
			t.Errorf("%s: %t", model, got)
		}
	}
}
