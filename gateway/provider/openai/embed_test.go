package openai_test

import (
	"testing"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/embed"
	"github.com/llm-hub/llm-hub/gateway/provider/gemini"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest"
)

// embedder is a compatible vendor, for embeddings of Gemini's clients.
func embedder() provider.Vendor {
	clients := map[provider.Dialect]embed.Client{provider.Gemini: gemini.Client{}}
	v := openai.New(struct {
		provider.Vendor
		provider.Embedder
	}{openai.Vendor{}, embed.New(openai.Wire{}, clients)}, openai.Traits{})
	return providertest.Preparing(v, v.PrepareEmbeddings)
}

func TestGeminiEmbeddings(t *testing.T) {
	for dir, parse := range map[string]func(string, []byte) (*provider.Inbound, error){"one": gemini.ParseEmbed, "batch": gemini.ParseEmbedBatch} {
		t.Run(dir, func(t *testing.T) {
			p := providertest.Player{
				Parse:  func(body []byte) (*provider.Inbound, error) { return parse("smart", body) },
				Vendor: embedder, Update: *update,
			}
			p.Play(t, "testdata/embed/"+dir)
		})
	}
}

// TestEmbeddingsUsage: an answer without usage gets the estimate that is booked.
func TestEmbeddingsUsage(t *testing.T) {
	in, err := gemini.ParseEmbed("smart", []byte(`{"content":{"parts":[{"text":"a"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	in.Strict = true
	out, err := embedder().Prepare(in, provider.Target{})
	if err != nil {
		t.Fatal(err)
	}
	reply, err := out.Unary([]byte(`{"data":[{"embedding":[1]}]}`))
	if err != nil || reply.Usage != nil || reply.WithUsage == nil {
		t.Fatalf("%v: %+v", err, reply)
	}
	const want = `{"embedding":{"values":[1]},"usageMetadata":{"promptTokenCount":7}}`
	if got := string(reply.WithUsage(events.Usage{Input: 7})); got != want {
		t.Errorf("got %s", got)
	}
}
