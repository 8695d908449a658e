package api

import (
	"fmt"

	"github.com/llm-hub/llm-hub/gateway/provider/anthropic"
)

// messages is POST /v1/messages.
func messages() endpoint {
	return endpoint{name: "messages", parse: anthropic.ParseMessages, pass: anthropicHeaders()}
}

// messageTokens is POST /v1/messages/count_tokens.
func messageTokens() endpoint {
	return endpoint{
		name: "messages.count_tokens", parse: anthropic.ParseCount, pass: anthropicHeaders(),
		operation: counting(func(tokens int64) []byte { return fmt.Appendf(nil, `{"input_tokens":%d}`, tokens) }),
	}
}

// anthropicHeaders say which version of the Messages API the client speaks, and which
// betas.
func anthropicHeaders() []string { return []string{"Anthropic-Version", "Anthropic-Beta"} }
