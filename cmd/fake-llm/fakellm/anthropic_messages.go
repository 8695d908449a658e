package fakellm

import (
	"encoding/json"
	"fmt"
	"strings"
)

func (req *anthropicRequest) messages(c *call) *failure {
	var open []string // tool calls of the turn before
	for i, m := range req.Messages {
		blocks, f := anthropicBlocks(m.Content, fmt.Sprintf("messages.%d.content", i))
		if f != nil {
			return f
		}
		if f := anthropicAnswered(open, blocks, i); f != nil {
			return f
		}
		open = nil
		switch m.Role {
		case "user":
			if f := anthropicUser(c, blocks, i, req.Messages); f != nil {
				return f
			}
		case "assistant":
			c.assistantTurn()
			if open, f = anthropicAssistant(c, blocks, i); f != nil {
				return f
			}
			if c.showThoughts && unthought(blocks) {
				return invalid("", "messages.%d.content.0.type: Expected `thinking` or `redacted_thinking`, but found `%s`. "+
					"When `thinking` is enabled, a final `assistant` message must start with a thinking block.", i, blocks[0].Type)
			}
		case "system":
			for _, b := range blocks {
				c.text(b.Text)
			}
		default:
			return invalid("", "messages.%d.role: Input should be 'user' or 'assistant'", i)
		}
	}
	if len(open) > 0 {
		return anthropicAnswered(open, nil, len(req.Messages))
	}
	return nil
}

// anthropicAnswered checks that a turn holds the results of all calls of the turn before.
func anthropicAnswered(open []string, blocks []anthropicInBlock, i int) *failure {
	for _, id := range open {
		found := false
		for _, b := range blocks {
			found = found || b.Type == "tool_result" && b.ToolUseID == id
		}
		if !found {
			return invalid("", "messages.%d: `tool_use` ids were found without `tool_result` blocks immediately after: %s. "+
				"Each `tool_use` block must have a corresponding `tool_result` block in the next message.", i-1, id)
		}
	}
	return nil
}

func anthropicUser(c *call, blocks []anthropicInBlock, i int, all []anthropicMessage) *failure {
	var text strings.Builder
	said := false
	for j, b := range blocks {
		switch b.Type {
		case "text":
			said = true
			text.WriteString(b.Text)
		case "tool_result":
			if i == 0 || all[i-1].Role != "assistant" {
				return invalid("", "messages.%d.content.%d: unexpected `tool_use_id` found in `tool_result` blocks: %s. "+
					"Each `tool_result` block must have a corresponding `tool_use` block in the previous message.", i, j, b.ToolUseID)
			}
			parts, f := anthropicBlocks(b.Content, fmt.Sprintf("messages.%d.content.%d.tool_result.content", i, j))
			if f != nil {
				return f
			}
			c.result(anthropicText(c, parts))
		default:
			c.images++
		}
	}
	if said {
		c.user(text.String())
	}
	return nil
}

func anthropicText(c *call, blocks []anthropicInBlock) string {
	var text strings.Builder
	for _, b := range blocks {
		if b.Type == "text" {
			text.WriteString(b.Text)
		} else {
			c.images++
		}
	}
	return text.String()
}

func anthropicAssistant(c *call, blocks []anthropicInBlock, i int) (calls []string, f *failure) {
	for j, b := range blocks {
		switch b.Type {
		case "tool_use":
			if !wellFormedID(b.ID) {
				return nil, invalid("", "messages.%d.content.%d.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'", i, j)
			}
			var input map[string]json.RawMessage
			if json.Unmarshal(b.Input, &input) != nil || input == nil {
				return nil, invalid("", "messages.%d.content.%d.tool_use.input: Input should be a valid dictionary", i, j)
			}
			c.text(string(b.Input))
			calls = append(calls, b.ID)
		case "thinking":
			if b.Signature != sign(Anthropic, b.Thinking, anthropicSignatureSize) {
				return nil, invalid("", "messages.%d.content.%d: Invalid `signature` in `thinking` block", i, j)
			}
			c.text(b.Thinking)
		default:
			c.text(b.Text)
		}
	}
	return calls, nil
}

func wellFormedID(id string) bool {
	for _, r := range id {
		if !strings.ContainsRune(alphanumeric+"_-", r) {
			return false
		}
	}
	return id != ""
}

// anthropicBlocks reads content that is a string or a list of blocks.
func anthropicBlocks(raw json.RawMessage, field string) ([]anthropicInBlock, *failure) {
	if isNull(raw) {
		return nil, nil
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return []anthropicInBlock{{Type: "text", Text: text}}, nil
	}
	var blocks []anthropicInBlock
	if json.Unmarshal(raw, &blocks) != nil {
		return nil, invalid("", "%s: Input should be a valid string or list", field)
	}
	return blocks, nil
}
