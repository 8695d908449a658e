package cohere

import (
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rerank"
)

var _ provider.Reranker = Wire{}

// PrepareRerank implements [provider.Reranker]. The second version of the API ranks
// texts only, and gives none of them back.
func (Wire) PrepareRerank(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	return rerank.Prepare(in, t.Model, rerank.Shape{
		URL: endpoint(t, "/rerank"), Header: header(false, t), Texts: true,
		Lacks: []string{"return_documents", "rank_fields", "max_chunks_per_doc"},
	})
}
