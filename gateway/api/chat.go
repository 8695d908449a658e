package api

import (
	"github.com/llm-hub/llm-hub/gateway/call"
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
)

// chatCompletions is POST /v1/chat/completions.
func chatCompletions() endpoint { return endpoint{name: "chat.completions", parse: openai.ParseChat} }

// completions is POST /v1/completions, OpenAI's legacy one. A vendor that does not know
// it is asked in a chat.
func completions() endpoint {
	return endpoint{name: "completions", parse: openai.ParseCompletion, operation: call.Operation{
		Of: func(v provider.Vendor) call.Prepare {
			if able, ok := v.(provider.Completer); ok {
				return able.PrepareCompletion
			}
			return func(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
				return openai.CompleteByChat(v, in, t)
			}
		},
	}}
}

// embeddings is POST /v1/embeddings.
func embeddings() endpoint {
	return endpoint{name: "embeddings", parse: openai.ParseEmbeddings, operation: embedding()}
}

// embedding is the ability to make embeddings.
func embedding() call.Operation {
	return call.Operation{
		Of: func(v provider.Vendor) call.Prepare {
			if able, ok := v.(provider.Embedder); ok {
				return able.PrepareEmbeddings
			}
			return nil
		},
		Wordless: true,
	}
}
