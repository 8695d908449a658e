package gemini_test

import (
	"testing"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/embed"
	"github.com/llm-hub/llm-hub/gateway/provider/gemini"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/providertest"
)

// embedder is Gemini's vendor, for embeddings of its own clients and of OpenAI's.
func embedder() provider.Vendor {
	clients := map[provider.Dialect]embed.Client{provider.OpenAI: openai.Client{}}
	v := gemini.New(struct {
		provider.Vendor
		provider.Embedder
	}{newVendor(), embed.New(gemini.Wire{}, clients)})
	return providertest.Preparing(v, v.(provider.Embedder).PrepareEmbeddings)
}

func TestEmbeddings(t *testing.T) {
	for dir, parse := range map[string]func([]byte) (*provider.Inbound, error){
		"one":    func(body []byte) (*provider.Inbound, error) { return gemini.ParseEmbed("smart", body) },
		"batch":  func(body []byte) (*provider.Inbound, error) { return gemini.ParseEmbedBatch("smart", body) },
		"openai": openai.ParseEmbeddings,
	} {
		t.Run(dir, func(t *testing.T) {
			p := providertest.Player{Parse: parse, Vendor: embedder, Update: *update}
			p.Play(t, "testdata/embed/"+dir)
		})
	}
}

// TestEmbeddingBytes: not a byte is changed, neither way, but for the model.
func TestEmbeddingBytes(t *testing.T) {
	const request = ` {"x_new": [1.50], "content" : {"parts":[{"text":"\u00e9"}]} }` + "\n"
	const answer = "{ \"embedding\" : {\"values\":[1.50, 1e0]},\r\n \"x\":1 }\n"
	in, err := gemini.ParseEmbed("smart", []byte(request))
	if err != nil {
		t.Fatal(err)
	}
	out, err := embedder().Prepare(in, target())
	if err != nil || string(out.Body) != request {
		t.Fatalf("%v: the request became %s", err, out.Body)
	}
	reply, err := out.Unary([]byte(answer))
	if err != nil || string(reply.Body) != answer || reply.WithUsage != nil {
		t.Errorf("%v: the answer became %s", err, reply.Body)
	}
	if p := in.Prompt(in, 100); string(p.Text) != "é" || p.Messages != 0 || in.InputTokens != 1 {
		t.Errorf("prompt %+v", p)
	}
}

// FuzzParseEmbed holds that what is taken can be read by the lanes to other vendors,
// or is refused by them with words, and that nothing panics.
func FuzzParseEmbed(f *testing.F) {
	f.Add([]byte(`{"content":{"parts":[{"text":"a"}]},"taskType":"CLUSTERING"}`))
	f.Add([]byte(`{"requests":[{"content":{"parts":{"text":"a"}},"output_dimensionality":"3"},{"content":{}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, parse := range []func(string, []byte) (*provider.Inbound, error){gemini.ParseEmbed, gemini.ParseEmbedBatch} {
			in, err := parse("smart", body)
			if err != nil {
				continue
			}
			in.Prompt(in, 100)
			if _, err := embedder().Prepare(in, target()); err != nil {
				t.Errorf("Gemini itself cannot be told %s: %v", body, err)
			}
			req, _, err := gemini.Client{}.DecodeEmbeddings(in)
			if err == nil && len(req.Inputs) == 0 {
				t.Errorf("%s has no inputs", body)
			}
		}
	})
}
