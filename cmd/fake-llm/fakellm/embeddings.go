package fakellm

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
)

// Limits of embeddings requests.
const (
	defaultDimensions = 64
	maxDimensions     = 3072
	maxInputs         = 2048
)

// Vector is the embedding of a text: of length 1, and the same for the same text.
func Vector(text string, dimensions int) []float32 {
	sum := sha256.Sum256([]byte(text))
	rng := rand.New(rand.NewPCG(binary.LittleEndian.Uint64(sum[:8]), binary.LittleEndian.Uint64(sum[8:16])))
	wide := make([]float64, dimensions)
	var square float64
	for i := range wide {
		wide[i] = rng.NormFloat64()
		square += wide[i] * wide[i]
	}
	out := make([]float32, dimensions)
	for i, v := range wide {
		out[i] = float32(v / math.Sqrt(square))
	}
	return out
}

// embedded is the reply to an embeddings request: nothing but usage.
func (c *call) embedded(p *plan) *reply {
	r := &reply{noUsage: p.noUsage}
	r.usage = Usage{Input: p.in.or(c.promptTokens())}
	return r
}

// embed takes an input of a request.
func (c *call) embed(text string) {
	c.text(text)
	c.inputs = append(c.inputs, text)
}

func (c *call) wantDimensions(n *int) *failure {
	c.dimensions = defaultDimensions
	if n == nil {
		return nil
	}
	if *n < 1 || *n > maxDimensions {
		return invalid("dimensions", "Invalid 'dimensions': expected a value from 1 to %d, but got %d instead.", maxDimensions, *n)
	}
	c.dimensions = *n
	return nil
}

// embeddingWires are the wires of embeddings; Anthropic makes none.
func embeddingWires() map[Vendor]*wire {
	g, co := geminiWire(), cohereWire()
	g.decode, g.unary = geminiEmbedDecode, geminiEmbedUnary
	co.decode, co.unary = cohereEmbedDecode, cohereEmbedUnary
	return map[Vendor]*wire{OpenAI: openaiEmbedWire(), Gemini: g, Cohere: co, Azure: inAzure(openaiEmbedWire())}
}

func openaiEmbedWire() *wire {
	w := openaiWire()
	w.decode, w.unary = openaiEmbedDecode, openaiEmbedUnary
	return w
}

func openaiEmbedDecode(_ *http.Request, body []byte, c *call) *failure {
	var req struct {
		Model      string          `json:"model"`
		Input      json.RawMessage `json:"input"`
		Format     string          `json:"encoding_format"`
		Dimensions *int            `json:"dimensions"`
	}
	if err := json.Unmarshal(body, &req); err != nil {
		return invalid("", "We could not parse the JSON body of your request: %v", err)
	}
	if req.Model == "" {
		return invalid("model", "you must provide a model parameter")
	}
	c.model, c.packed = req.Model, req.Format == "base64"
	if !c.packed && req.Format != "" && req.Format != "float" {
		return invalid("encoding_format", "Invalid value: '%s'. Supported values are: 'float' and 'base64'.", req.Format)
	}
	if f := c.wantDimensions(req.Dimensions); f != nil {
		return f
	}
	texts, ok := openaiInputs(req.Input)
	if !ok || len(texts) == 0 || len(texts) > maxInputs {
		return invalid("input", "'$.input' is invalid. Please check the API reference.")
	}
	for _, t := range texts {
		if t == "" {
			return invalid("input", "Input cannot be an empty string.")
		}
		c.embed(t)
	}
	return nil
}

// openaiInputs reads a string, a list of them, a list of tokens, or a list of such
// lists. A token stands for a text of its size.
func openaiInputs(raw json.RawMessage) ([]string, bool) {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}, true
	}
	var many []string
	if json.Unmarshal(raw, &many) == nil {
		return many, true
	}
	var tokens []int
	if json.Unmarshal(raw, &tokens) == nil {
		return []string{tokenText(tokens)}, true
	}
	var lists [][]int
	if json.Unmarshal(raw, &lists) != nil {
		return nil, false
	}
	texts := make([]string, len(lists))
	for i, l := range lists {
		texts[i] = tokenText(l)
	}
	return texts, true
}

func tokenText(tokens []int) string {
	var b strings.Builder
	for _, t := range tokens {
		fmt.Fprintf(&b, "%*d", bytesPerToken, t%10_000)
	}
	return b.String()
}

type openaiEmbedding struct {
	Object    string `json:"object"`
	Index     int    `json:"index"`
	Embedding any    `json:"embedding"` // numbers, or their bytes in base64
}

type openaiEmbedUsage struct {
	Prompt int64 `json:"prompt_tokens"`
	Total  int64 `json:"total_tokens"`
}

func openaiEmbedUnary(c *call, r *reply) []byte {
	list := struct {
		Object string            `json:"object"`
		Data   []openaiEmbedding `json:"data"`
		Model  string            `json:"model"`
		Usage  *openaiEmbedUsage `json:"usage,omitempty"`
	}{Object: "list", Model: c.baseModel()}
	for i, text := range c.inputs {
		e := openaiEmbedding{Object: "embedding", Index: i, Embedding: Vector(text, c.dimensions)}
		if c.packed {
			e.Embedding = packed(Vector(text, c.dimensions))
		}
		list.Data = append(list.Data, e)
	}
	if !r.noUsage {
		list.Usage = &openaiEmbedUsage{Prompt: r.usage.Input, Total: r.usage.Input}
	}
	return indentedJSON(list)
}

// packed is a vector as little-endian bytes in base64.
func packed(vector []float32) string {
	raw := make([]byte, 0, 4*len(vector))
	for _, v := range vector {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return base64.StdEncoding.EncodeToString(raw)
}
