package anthropic_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/anthropic"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest/openapi"
)

var update = providertest.Update()

// newVendor is the adapter with a fixed clock and ids that count.
func newVendor() provider.Vendor {
	client := openai.Client{
		Now:   func() time.Time { return time.Unix(1_760_000_000, 0) },
		NewID: counter(),
	}
	return chat.NewVendor(anthropic.Wire{}, map[provider.Dialect]chat.Client{provider.OpenAI: client})
}

func counter() func() string {
	n := 0
	return func() string {
		n++
		return strconv.Itoa(n)
	}
}

const transcripts = "testdata/transcripts"

func player() providertest.Player {
	return providertest.Player{Parse: openai.ParseChat, Vendor: newVendor, Update: *update}
}

func TestTranscripts(t *testing.T) {
	p := player()
	p.Valid = openapi.Replies(t, "post /chat/completions")
	p.Play(t, transcripts)
}

func FuzzStream(f *testing.F) { player().Fuzz(f, transcripts) }
