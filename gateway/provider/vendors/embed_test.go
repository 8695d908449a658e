package vendors_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/cmd/fake-llm/fakellm"
	"github.com/llm-hub/llm-hub/gateway"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/gemini"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/vendors"
)

// embedders are the kinds whose wire makes embeddings.
func embedders() []string { return []string{"openai", "gemini", "cohere"} }

// embeddingLanes are the ways in which a client may ask for vectors of eight numbers
// of some texts, and how it reads the answer.
func embeddingLanes() map[string]struct {
	parse func(texts []string) (*provider.Inbound, error)
	read  func(t *testing.T, body []byte) [][]float32
} {
	type lane = struct {
		parse func(texts []string) (*provider.Inbound, error)
		read  func(t *testing.T, body []byte) [][]float32
	}
	ask := func(format string) func([]string) (*provider.Inbound, error) {
		return func(texts []string) (*provider.Inbound, error) {
			body, err := json.Marshal(map[string]any{"model": "smart", "input": texts, "dimensions": 8, "encoding_format": format})
			if err != nil {
				return nil, err
			}
			return openai.ParseEmbeddings(body)
		}
	}
	return map[string]lane{
		"openai/float":  {ask("float"), readNumbers},
		"openai/base64": {ask("base64"), readPacked},
		"gemini/batch": {func(texts []string) (*provider.Inbound, error) {
			var requests []any
			for _, text := range texts {
				requests = append(requests, map[string]any{
					"model": "models/smart", "outputDimensionality": 8, "content": map[string]any{"parts": []any{map[string]any{"text": text}}},
				})
			}
			body, err := json.Marshal(map[string]any{"requests": requests})
			if err != nil {
				return nil, err
			}
			return gemini.ParseEmbedBatch("smart", body)
		}, readContents},
		"gemini/one": {func(texts []string) (*provider.Inbound, error) {
			return gemini.ParseEmbed("smart", fmt.Appendf(nil, `{"content":{"parts":[{"text":%q}]},"outputDimensionality":8}`, texts[0]))
		}, readContents},
	}
}

func decodeBody(t *testing.T, body []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
}

func readNumbers(t *testing.T, body []byte) [][]float32 {
	var w struct {
		Data []struct{ Embedding []float32 }
	}
	decodeBody(t, body, &w)
	var all [][]float32
	for _, d := range w.Data {
		all = append(all, d.Embedding)
	}
	return all
}

func readPacked(t *testing.T, body []byte) [][]float32 {
	var w struct{ Data []struct{ Embedding string } }
	decodeBody(t, body, &w)
	var all [][]float32
	for _, d := range w.Data {
		raw, err := base64.StdEncoding.DecodeString(d.Embedding)
		if err != nil {
			t.Fatal(err)
		}
		var vector []float32
		for four := range slices.Chunk(raw, 4) {
			vector = append(vector, math.Float32frombits(binary.LittleEndian.Uint32(four)))
		}
		all = append(all, vector)
	}
	return all
}

func readContents(t *testing.T, body []byte) [][]float32 {
	type embedding struct{ Values []float32 }
	var w struct {
		Embedding  *embedding
		Embeddings []embedding
	}
	decodeBody(t, body, &w)
	if w.Embedding != nil {
		w.Embeddings = append(w.Embeddings, *w.Embedding)
	}
	var all [][]float32
	for _, e := range w.Embeddings {
		all = append(all, e.Values)
	}
	return all
}

// TestEmbeddingsEveryVendor: whoever asks and whoever answers, each vector is the
// vendor's to the last bit, and what is billed is known or can be estimated.
func TestEmbeddingsEveryVendor(t *testing.T) {
	fake := httptest.NewServer(fakellm.New(fakellm.Config{}))
	t.Cleanup(fake.Close)
	texts := []string{"the sea", "über \"das\" Land\n", "3"}
	for name, lane := range embeddingLanes() {
		for _, kind := range embedders() {
			t.Run(name+"/"+kind, func(t *testing.T) {
				in, err := lane.parse(texts)
				if err != nil {
					t.Fatal(err)
				}
				prepare := vendors.Adapters()(kind).(provider.Embedder).PrepareEmbeddings
				if out, err := prepare(in, provider.Target{Model: "m"}); err != nil || out.MaxAnswer != provider.MaxVectors {
					t.Errorf("an answer may have %d bytes, %v", out.MaxAnswer, err)
				}
				reply := called(t, in, baseOf(fake.URL, kind), prepare)
				got := lane.read(t, reply.Body)
				if len(got) > len(texts) || len(got) == 0 {
					t.Fatalf("%d vectors", len(got))
				}
				for i, vector := range got {
					if diff := cmp.Diff(fakellm.Vector(texts[i], 8), vector); diff != "" {
						t.Errorf("%d: %s", i, diff)
					}
				}
				if reply.Usage == nil && reply.WithUsage == nil && name[:6] != kind {
					t.Error("nothing is known of the usage, and no estimate would be told")
				}
			})
		}
	}
}

// TestEmbeddingsNobodyElse: what makes no embeddings does not claim to, and a list of
// tokens is refused before anybody is called by those who take only texts.
func TestEmbeddingsNobodyElse(t *testing.T) {
	if _, able := vendors.Adapters()("anthropic").(provider.Embedder); able {
		t.Error("Anthropic makes embeddings")
	}
	in, err := openai.ParseEmbeddings([]byte(`{"model":"smart","input":[[1,2]]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range embedders()[1:] {
		_, err := vendors.Adapters()(kind).(provider.Embedder).PrepareEmbeddings(in, provider.Target{})
		if e := gateway.AsError(err); e.Kind != gateway.Invalid || e.Param != "input" {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
