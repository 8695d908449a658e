package openai

import (
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rerank"
)

// Reranking is how a compatible vendor ranks documents; the empty one: it does not.
type Reranking string

// The ways, both in Jina's shape.
const (
	RankObjects Reranking = "objects" // documents are texts or objects
	RankTexts   Reranking = "texts"   // documents are texts
)

// Ranker is a [Vendor] that ranks documents.
type Ranker struct{ Vendor }

var _ provider.Reranker = Ranker{}

// PrepareRerank implements [provider.Reranker].
func (r Ranker) PrepareRerank(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	s := rerank.Shape{URL: endpoint(t, rerankPath), Header: header(false, t)}
	if r.traits.Ranks == RankTexts {
		s.Texts, s.Lacks = true, []string{"rank_fields", "max_chunks_per_doc"}
	}
	return rerank.Prepare(in, t.Model, s)
}
