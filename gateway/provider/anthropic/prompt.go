package anthropic

import "github.com/llm-hub/llm-hub/gateway/provider"

// readPrompt implements the Prompt of [provider.Inbound].
func readPrompt(in *provider.Inbound, most int) provider.Prompt {
	p := parser{in: &provider.Inbound{}, text: provider.Texts{Keep: true}}
	_ = p.walk(in.Body) // it was found good before
	return provider.Prompt{Excerpt: p.text.Excerpt(most), Messages: p.messages, Media: p.media}
}
