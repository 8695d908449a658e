package bedrock_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/anthropic"
	"github.com/llm-hub/llm-hub/gateway/provider/bedrock"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest"
)

var update = providertest.Update()

// newVendor is the adapter with a fixed clock and ids that count.
func newVendor() provider.Vendor {
	n := 0
	ids := func() string {
		n++
		return strconv.Itoa(n)
	}
	return bedrock.New(map[provider.Dialect]chat.Client{
		provider.OpenAI:    openai.Client{Now: func() time.Time { return time.Unix(1_760_000_000, 0) }, NewID: ids},
		provider.Anthropic: anthropic.Client{NewID: ids},
	})
}

func TestTranscripts(t *testing.T) {
	t.Run("openai", func(t *testing.T) {
		providertest.Player{Parse: openai.ParseChat, Vendor: newVendor, Update: *update}.Play(t, "testdata/openai")
	})
	t.Run("anthropic", func(t *testing.T) {
		providertest.Player{Parse: anthropic.ParseMessages, Vendor: newVendor, Update: *update}.Play(t, "testdata/anthropic")
	})
}
