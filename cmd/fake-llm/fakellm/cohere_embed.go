package fakellm

import (
	"encoding/json"
	"net/http"
	"slices"
)

// cohereMaxTexts is how many texts a request for embeddings may have.
const cohereMaxTexts = 96

// cohereMeta is what the vendor says of the bill of anything but a chat.
type cohereMeta struct {
	Version struct {
		Version string `json:"version"`
	} `json:"api_version"`
	Billed map[string]float64 `json:"billed_units,omitempty"`
}

func cohereMetaOf(r *reply, unit string, n int64) cohereMeta {
	var m cohereMeta
	m.Version.Version = "2"
	if !r.noUsage {
		m.Billed = map[string]float64{unit: float64(n)}
	}
	return m
}

func cohereEmbedDecode(_ *http.Request, body []byte, c *call) *failure {
	var req struct {
		Model      string   `json:"model"`
		Texts      []string `json:"texts"`
		Input      string   `json:"input_type"`
		Types      []string `json:"embedding_types"`
		Dimensions *int     `json:"output_dimension"`
		MaxTokens  *int64   `json:"max_tokens"`
		Truncate   string   `json:"truncate"`
	}
	if f := cohereStrictly(body, &req); f != nil {
		return f
	}
	c.model = req.Model
	switch {
	case req.Model == "":
		return invalid("", "invalid request: model is required")
	case !slices.Contains([]string{"search_document", "search_query", "classification", "clustering"}, req.Input):
		return invalid("", "invalid request: input_type must be one of 'search_document', 'search_query', 'classification', 'clustering' or 'image'.")
	case len(req.Texts) == 0 || len(req.Texts) > cohereMaxTexts:
		return invalid("", "invalid request: total number of texts must be at least 1 and at most %d - received %d", cohereMaxTexts, len(req.Texts))
	case len(req.Types) != 1 || req.Types[0] != "float" && req.Types[0] != "base64":
		return invalid("", "invalid request: embedding_types must be 'float' or 'base64'.")
	}
	c.packed = req.Types[0] == "base64"
	if f := c.wantDimensions(req.Dimensions); f != nil {
		return f
	}
	for i, t := range req.Texts {
		if t == "" {
			return invalid("", "invalid request: texts[%d] must not be empty.", i)
		}
		c.embed(t)
	}
	return nil
}

func cohereEmbedUnary(c *call, r *reply) []byte {
	var floats [][]float32
	var bytes []string
	for _, text := range c.inputs {
		if vector := Vector(text, c.dimensions); c.packed {
			bytes = append(bytes, packed(vector))
		} else {
			floats = append(floats, vector)
		}
	}
	return compactJSON(struct {
		ID         string          `json:"id"`
		Texts      []string        `json:"texts"`
		Embeddings json.RawMessage `json:"embeddings"`
		Meta       cohereMeta      `json:"meta"`
		Type       string          `json:"response_type"`
	}{
		ID: c.ids.next("", cohereIDSize), Texts: c.inputs, Meta: cohereMetaOf(r, "input_tokens", r.usage.Input), Type: "embeddings_by_type",
		Embeddings: compactJSON(struct {
			Float  [][]float32 `json:"float,omitempty"`
			Packed []string    `json:"base64,omitempty"`
		}{floats, bytes}),
	})
}
