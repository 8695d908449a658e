package fakellm

import (
	"encoding/json"
	"fmt"
	"strings"
)

func (req *openaiRequest) messages(c *call) *failure {
	open := map[string]bool{} // tool calls without a result yet
	for i, m := range req.Messages {
		if m.Role != "tool" && len(open) > 0 {
			return invalid(fmt.Sprintf("messages.[%d].role", i),
				"An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'.")
		}
		if f := m.take(c, i, open); f != nil {
			return f
		}
	}
	if len(open) > 0 {
		return invalid("messages", "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'.")
	}
	return nil
}

func (m *openaiMessage) take(c *call, i int, open map[string]bool) *failure {
	text, images, f := openaiText(m.Content, i)
	if f != nil {
		return f
	}
	c.images += images
	switch m.Role {
	case "system", "developer":
		c.text(text)
	case "user":
		c.user(text)
	case "assistant":
		c.assistantTurn()
		c.text(text)
		return m.takeCalls(c, i, open)
	case "tool":
		if !open[m.ToolCallID] {
			return invalid(fmt.Sprintf("messages.[%d].role", i),
				"Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.")
		}
		delete(open, m.ToolCallID)
		c.result(text)
	default:
		return invalid(fmt.Sprintf("messages[%d].role", i),
			"Invalid value: '%s'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.", m.Role)
	}
	return nil
}

func (m *openaiMessage) takeCalls(c *call, i int, open map[string]bool) *failure {
	for j, tc := range m.ToolCalls {
		param := fmt.Sprintf("messages[%d].tool_calls[%d].id", i, j)
		if len(tc.ID) > openaiMaxCallID {
			return invalid(param, "Invalid '%s': string too long. Expected a string with maximum length %d, but got a string with length %d instead.",
				param, openaiMaxCallID, len(tc.ID))
		}
		if tc.ID == "" {
			return invalid(param, "Missing required parameter: '%s'.", param)
		}
		open[tc.ID] = true
		c.text(tc.Function.Arguments)
	}
	return nil
}

// openaiText joins the text parts of a message's content and counts its other parts.
func openaiText(raw json.RawMessage, i int) (string, int64, *failure) {
	if isNull(raw) {
		return "", 0, nil
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, 0, nil
	}
	var parts []openaiPart
	if json.Unmarshal(raw, &parts) != nil {
		return "", 0, invalid(fmt.Sprintf("messages[%d].content", i),
			"Invalid type for 'messages[%d].content': expected one of a string or array of objects.", i)
	}
	var b strings.Builder
	images := int64(0)
	for _, p := range parts {
		switch p.Type {
		case "text":
			b.WriteString(p.Text)
		case "refusal":
			b.WriteString(p.Refusal)
		default:
			images++
		}
	}
	return b.String(), images, nil
}
