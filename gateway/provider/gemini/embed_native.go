package gemini

import "github.com/llm-hub/llm-hub/gateway/provider"

// passVectors passes an answer through and notes what it cost.
func passVectors(body []byte) (provider.Reply, error) {
	g, err := lookAtVectors(body)
	if err != nil {
		return provider.Reply{Usage: readUsage(g.usage)}, err
	}
	return provider.Reply{Body: body, Usage: readUsage(g.usage)}, nil
}

var _ provider.Embedder = vendor{}

// PrepareEmbeddings implements [provider.Embedder] for what [ParseEmbed] and
// [ParseEmbedBatch] read, and for what the rest knows.
func (v vendor) PrepareEmbeddings(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	if in.Dialect != provider.Gemini {
		if rest, ok := v.Vendor.(provider.Embedder); ok {
			return rest.PrepareEmbeddings(in, t)
		}
		return nil, provider.UnreachableError()
	}
	out, err := outbound(in, t, embedMethod(isBatch(in.Body)))
	if err != nil {
		return nil, err
	}
	out.Unary, out.MaxAnswer = passVectors, provider.MaxVectors
	return out, nil
}
