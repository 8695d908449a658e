package fakellm

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// rerankUnit is how many documents one search unit pays for.
const rerankUnit = 100

// ranking is a request to order documents, without its dialect.
type ranking struct {
	documents []string
	top       int
	back      bool // documents come back with the results
}

// Score is how well a document answers a query: the share of the query's words that are in
// it, a little less the later it stands.
func Score(query, document string, place int) float64 {
	words := strings.Fields(strings.ToLower(query))
	found := 0
	for _, w := range words {
		if strings.Contains(strings.ToLower(document), w) {
			found++
		}
	}
	const late = 1e-6
	return max(0, float64(found)/float64(max(1, len(words)))-late*float64(place))
}

type rerankResult struct {
	Index    int             `json:"index"`
	Score    float64         `json:"relevance_score"`
	Document json.RawMessage `json:"document,omitempty"`
}

// ranked are the best documents, the best first.
func (c *call) ranked() []rerankResult {
	all := make([]rerankResult, len(c.ranks.documents))
	for i, d := range c.ranks.documents {
		all[i] = rerankResult{Index: i, Score: Score(c.lastUser, d, i)}
		if c.ranks.back {
			all[i].Document = compactJSON(map[string]string{"text": d})
		}
	}
	slices.SortStableFunc(all, func(a, b rerankResult) int { return cmp.Compare(b.Score, a.Score) })
	if c.ranks.top > 0 {
		all = all[:min(c.ranks.top, len(all))]
	}
	return all
}

// rank takes what is asked.
func (c *call) rank(query string, documents []string, top *int) *failure {
	switch {
	case query == "":
		return invalid("query", "invalid request: query must not be empty")
	case len(documents) == 0:
		return invalid("documents", "invalid request: list of documents must not be empty")
	case top != nil && *top < 1:
		return invalid("top_n", "invalid request: top_n must be at least 1")
	}
	c.user(query)
	for _, d := range documents {
		c.text(d)
	}
	c.ranks.documents = documents
	if top != nil {
		c.ranks.top = *top
	}
	return nil
}

// rankedReply is the reply to a ranking: nothing but usage. Cohere bills searches, and no
// tokens.
func (c *call) rankedReply(v Vendor, p *plan) *reply {
	r := &reply{noUsage: p.noUsage, usage: Usage{Input: p.in.or(c.promptTokens())}}
	if v == Cohere {
		r.usage = Usage{SearchUnits: ceilDiv(int64(len(c.ranks.documents)), rerankUnit)}
	}
	return r
}

// rerankWires are the wires of rankings.
func rerankWires() map[Vendor]*wire {
	o, co := openaiWire(), cohereWire()
	o.decode, o.unary = jinaRankDecode, jinaRankUnary
	co.decode, co.unary = cohereRankDecode, cohereRankUnary
	return map[Vendor]*wire{OpenAI: o, Cohere: co}
}

func cohereRankDecode(_ *http.Request, body []byte, c *call) *failure {
	var req struct {
		Model     string   `json:"model"`
		Query     string   `json:"query"`
		Documents []string `json:"documents"`
		Top       *int     `json:"top_n"`
		PerDoc    *int64   `json:"max_tokens_per_doc"`
		Priority  *int     `json:"priority"`
	}
	if f := cohereStrictly(body, &req); f != nil {
		return f
	}
	if c.model = req.Model; req.Model == "" {
		return invalid("", "invalid request: model is required")
	}
	return c.rank(req.Query, req.Documents, req.Top)
}

func cohereRankUnary(c *call, r *reply) []byte {
	return compactJSON(struct {
		ID      string         `json:"id"`
		Results []rerankResult `json:"results"`
		Meta    cohereMeta     `json:"meta"`
	}{c.ids.next("", cohereIDSize), c.ranked(), cohereMetaOf(r, "search_units", r.usage.SearchUnits)})
}

// jinaRankDecode reads what servers that are compatible with OpenAI have made of Jina's
// ranking: documents as texts or as objects with one, which come back unless they are not
// wanted.
func jinaRankDecode(_ *http.Request, body []byte, c *call) *failure {
	var req struct {
		Model     string            `json:"model"`
		Query     string            `json:"query"`
		Documents []json.RawMessage `json:"documents"`
		Top       *int              `json:"top_n"`
		Back      *bool             `json:"return_documents"`
	}
	if err := json.Unmarshal(body, &req); err != nil {
		return invalid("", "We could not parse the JSON body of your request: %v", err)
	}
	if c.model = req.Model; req.Model == "" {
		return invalid("model", "you must provide a model parameter")
	}
	texts := make([]string, len(req.Documents))
	for i, raw := range req.Documents {
		var object struct {
			Text *string `json:"text"`
		}
		if json.Unmarshal(raw, &texts[i]) == nil {
			continue
		}
		if json.Unmarshal(raw, &object) != nil || object.Text == nil {
			param := fmt.Sprintf("documents[%d]", i)
			return invalid(param, "Invalid '%s': expected a string or an object with a text.", param)
		}
		texts[i] = *object.Text
	}
	c.ranks.back = req.Back == nil || *req.Back
	return c.rank(req.Query, texts, req.Top)
}

func jinaRankUnary(c *call, r *reply) []byte {
	out := struct {
		ID      string            `json:"id"`
		Model   string            `json:"model"`
		Usage   *openaiEmbedUsage `json:"usage,omitempty"`
		Results []rerankResult    `json:"results"`
	}{ID: c.ids.next("rerank-", openaiChatIDSize), Model: c.baseModel(), Results: c.ranked()}
	if !r.noUsage {
		out.Usage = &openaiEmbedUsage{Prompt: r.usage.Input, Total: r.usage.Input}
	}
	return compactJSON(out)
}
