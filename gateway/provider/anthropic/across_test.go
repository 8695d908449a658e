package anthropic_test

import (
	"testing"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/anthropic"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/gemini"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest"
)

// TestAcross plays the dialect in over the other vendors' wires.
func TestAcross(t *testing.T) {
	wires := map[string]func() chat.Wire{
		"openai": func() chat.Wire { return openai.Wire{NewID: counter()} },
		"gemini": func() chat.Wire { return gemini.Wire{NewID: counter()} },
	}
	for name, wire := range wires {
		t.Run(name, func(t *testing.T) {
			vendor := func() provider.Vendor {
				return chat.NewVendor(wire(), map[provider.Dialect]chat.Client{provider.Anthropic: anthropic.Client{NewID: counter()}})
			}
			providertest.Player{Parse: anthropic.ParseMessages, Vendor: vendor, Update: *update}.Play(t, "testdata/"+name)
		})
	}
}
