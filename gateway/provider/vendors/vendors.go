// Package vendors is the table of vendors: what a provider's kind in hub.yaml
// means. A vendor whose wire format is a known one is one line of it.
package vendors

import (
	"slices"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/anthropic"
	"github.com/llm-hub/llm-hub/gateway/provider/bedrock"
	"github.com/llm-hub/llm-hub/gateway/provider/chat"
	"github.com/llm-hub/llm-hub/gateway/provider/cohere"
	"github.com/llm-hub/llm-hub/gateway/provider/embed"
	"github.com/llm-hub/llm-hub/gateway/provider/gemini"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
	"github.com/llm-hub/llm-hub/gateway/provider/responses"
	"github.com/llm-hub/llm-hub/gateway/provider/vertex"
)

// Info is one kind of vendor.
type Info struct {
	Kind    string           // the name in hub.yaml
	Title   string           // the vendor's own name
	Wire    provider.Dialect // what it speaks: a client's dialect, or one that only vendors do
	BaseURL string           // where it is, without a slash at the end; empty: must be configured
	KeyEnv  []string         // environment variables its key is looked for in, in order
	Local   bool             // runs on the user's own machine and needs no key
	Models  Defaults         // for derived logical models; empty: ask the vendor
	Account provider.Account // how it is found and asked, if not as most

	traits    openai.Traits // of a vendor that speaks OpenAI's dialect
	responses bool          // it speaks the Responses API, too
}

// Defaults are the vendor's models behind the derived logical models.
type Defaults struct {
	Smart string
	Fast  string
	Cheap string
}

// List gives all kinds in the order in which derived models prefer them.
func List() []Info {
	return slices.Concat(hosted(), clouds(), local())
}

// Lookup finds a kind.
func Lookup(kind string) (Info, bool) {
	for _, info := range List() {
		if info.Kind == kind {
			return info, true
		}
	}
	return Info{}, false
}

// Adapters makes the adapters of all kinds and gives the look-up by kind, which is
// nil for a kind that is not in the table. It is for every call of a vendor, so
// make it once.
func Adapters() func(kind string) provider.Vendor {
	adapters := make(map[string]provider.Vendor)
	for _, info := range List() {
		adapters[info.Kind] = adapter(info, clients())
	}
	return func(kind string) provider.Vendor { return adapters[kind] }
}

func adapter(info Info, clients map[provider.Dialect]chat.Client) provider.Vendor {
	switch info.Wire {
	case provider.OpenAI:
		info.traits.Signer = info.Kind
		rest := translated(openai.Wire{Traits: info.traits}, clients)
		if info.responses {
			rest.Vendor = responses.New(rest.Vendor)
			return twofold{openai.New(rest, info.traits), responses.Native{}, chat.NewVendor(responses.Wire{}, clients)}
		}
		v := openai.New(rest, info.traits)
		if info.traits.Ranks != "" {
			return openai.Ranker{Vendor: v}
		}
		return v
	case provider.Anthropic:
		return anthropic.New(chat.NewVendor(anthropic.Wire{}, clients))
	case provider.Gemini:
		return gemini.New(translated(gemini.Wire{}, clients))
	case provider.Cohere:
		return struct {
			translating
			provider.Reranker
			provider.ModelLister
		}{translated(cohere.Wire{}, clients), cohere.Wire{}, cohere.Wire{}}
	case Converse:
		return bedrock.New(clients)
	case Vertex:
		others := openai.Traits{Signer: info.Kind}
		return vertex.New(vertex.Publishers{
			Google:    gemini.New(chat.NewVendor(gemini.Wire{Signer: info.Kind}, clients)),
			Anthropic: anthropic.New(chat.NewVendor(anthropic.Wire{}, clients)),
			Others:    openai.New(chat.NewVendor(openai.Wire{Traits: others}, clients), others),
		})
	case provider.Responses: // nobody speaks nothing but it
	}
	return nil
}

// twofold is a vendor that speaks both of OpenAI's dialects.
type twofold struct {
	openai.Vendor
	responses.Native

	only provider.Vendor // for chats with models that speak the second only
}

// Prepare implements [provider.Vendor].
func (v twofold) Prepare(in *provider.Inbound, t provider.Target) (*provider.Outbound, error) {
	if in.Dialect != provider.Responses && responses.Only(t.Known()) {
		return v.only.Prepare(in, t)
	}
	return v.Vendor.Prepare(in, t)
}

// translator is a wire that also makes embeddings.
type translator interface {
	chat.Wire
	embed.Wire
}

// translating is a vendor of chats and embeddings in all dialects.
type translating struct {
	provider.Vendor
	provider.Embedder
}

// translated serves chats and embeddings of all dialects over a wire.
func translated(w translator, clients map[provider.Dialect]chat.Client) translating {
	embedders := map[provider.Dialect]embed.Client{provider.OpenAI: openai.Client{}, provider.Gemini: gemini.Client{}}
	return translating{chat.NewVendor(w, clients), embed.New(w, embedders)}
}

// clients are the dialects that are translated to other vendors' wire formats.
func clients() map[provider.Dialect]chat.Client {
	return map[provider.Dialect]chat.Client{
		provider.OpenAI: openai.Client{}, provider.Anthropic: anthropic.Client{}, provider.Gemini: gemini.Client{},
		provider.Responses: responses.Client{},
	}
}
