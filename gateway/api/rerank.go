package api

import (
	"github.com/llm-hub/llm-hub/gateway/call"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rerank"
)

// reranking is POST /v1/rerank.
func reranking() endpoint {
	return endpoint{name: "rerank", parse: rerank.Parse, operation: call.Operation{
		Of: func(v provider.Vendor) call.Prepare {
			if able, ok := v.(provider.Reranker); ok {
				return able.PrepareRerank
			}
			return nil
		},
		Wordless: true,
	}}
}
