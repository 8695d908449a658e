package gemini

import "github.com/llm-hub/llm-hub/gateway/provider"

// readPrompt implements the Prompt of [provider.Inbound]: it walks over the request
// as the parser does, so that both mean the same by a prompt.
func readPrompt(in *provider.Inbound, most int) provider.Prompt {
	p := parser{in: &provider.Inbound{}, text: provider.Texts{Keep: true}}
	_ = eachMember(in.Body, "", p.field) // it was found good before
	return provider.Prompt{Excerpt: p.text.Excerpt(most), Messages: int64(p.contents), Media: p.media}
}
