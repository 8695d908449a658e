package openai

import (
	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/rawjson"
)

// promptReader makes the Prompt of [provider.Inbound]: it walks over the request as
// the parser does, so that both mean the same by a prompt.
func promptReader(read fieldReader) func(*provider.Inbound, int) provider.Prompt {
	return func(in *provider.Inbound, most int) provider.Prompt {
		p := parser{in: &provider.Inbound{}, field: read, text: provider.Texts{Keep: true}}
		obj := rawjson.NewObject(in.Body)
		for obj.Next() && p.field(&p, string(obj.Key()), obj.Value()) == nil { // it was found good before
			continue
		}
		return provider.Prompt{Excerpt: p.text.Excerpt(most), Messages: p.messages, Media: p.extra}
	}
}
