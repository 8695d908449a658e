package fakellm

import (
	"encoding/json"
	"strings"
)

type cohereMessage struct {
	Role      string           `json:"role"`
	Content   json.RawMessage  `json:"content"`
	ToolPlan  string           `json:"tool_plan"`
	ToolCalls []openaiToolCall `json:"tool_calls"`
	ToolID    string           `json:"tool_call_id"`
	Citations json.RawMessage  `json:"citations"`
}

// coherePart is a part of a message's content.
type coherePart struct {
	Type     string          `json:"type"`
	Text     string          `json:"text"`
	Thinking string          `json:"thinking"`
	Image    json.RawMessage `json:"image_url"`
	Document *struct {
		ID   string                     `json:"id"`
		Data map[string]json.RawMessage `json:"data"`
	} `json:"document"`
}

func (req *cohereRequest) messages(c *call) *failure {
	open := map[string]bool{} // calls without a result yet
	for i, m := range req.Messages {
		if m.Role != "tool" && len(open) > 0 {
			return invalid("", "invalid request: all tool calls must be followed by a tool message, messages[%d] is none.", i)
		}
		if f := m.take(c, i, open); f != nil {
			return f
		}
	}
	if len(open) > 0 {
		return invalid("", "invalid request: the last tool calls have no results.")
	}
	if last := req.Messages[len(req.Messages)-1].Role; last == "assistant" {
		return invalid("", "invalid request: the last message must be from the user or a tool.")
	}
	return nil
}

func (m *cohereMessage) take(c *call, i int, open map[string]bool) *failure {
	parts, f := cohereParts(m, i)
	if f != nil {
		return f
	}
	var text strings.Builder
	for _, p := range parts {
		text.WriteString(p.Text)
		switch {
		case p.Image != nil:
			c.images++
		case p.Document != nil:
			text.Write(compactJSON(p.Document.Data))
			c.cited = true
		}
	}
	if len(parts) == 0 && len(m.ToolCalls) == 0 {
		return invalid("", "invalid request: messages[%d] must have non-empty content or tool calls.", i)
	}
	switch m.Role {
	case "system":
		c.text(text.String())
	case "user":
		c.user(text.String())
	case "assistant":
		c.assistantTurn()
		c.text(text.String() + m.ToolPlan)
		for _, tc := range m.ToolCalls {
			if tc.ID == "" || tc.Type != "function" || !json.Valid([]byte(tc.Function.Arguments)) {
				return invalid("", "invalid request: messages[%d] has a tool call without id or arguments.", i)
			}
			open[tc.ID] = true
			c.text(tc.Function.Arguments)
		}
	case "tool":
		if !open[m.ToolID] {
			return invalid("", "invalid request: tool call id '%s' of messages[%d] was not found in previous tool calls.", m.ToolID, i)
		}
		delete(open, m.ToolID)
		c.result(text.String())
	default:
		return invalid("", "invalid request: messages[%d].role must be one of 'assistant', 'system', 'tool' or 'user'.", i)
	}
	return nil
}

// cohereParts reads a message's content: nothing, a text, or parts of what its role
// may have.
func cohereParts(m *cohereMessage, i int) ([]coherePart, *failure) {
	var text string
	switch {
	case isNull(m.Content):
		return nil, nil
	case json.Unmarshal(m.Content, &text) == nil:
		if text == "" {
			return nil, nil
		}
		return []coherePart{{Type: "text", Text: text}}, nil
	}
	var parts []coherePart
	if f := cohereStrictly(m.Content, &parts); f != nil {
		return nil, f
	}
	for j, p := range parts {
		ok := p.Type == "text" ||
			p.Type == "image_url" && m.Role == "user" && p.Image != nil ||
			p.Type == "thinking" && m.Role == "assistant" && p.Thinking != "" ||
			p.Type == "document" && m.Role == "tool" && p.Document != nil && p.Document.Data != nil
		if !ok {
			return nil, invalid("", "invalid request: messages[%d].content[%d] of type '%s' is not allowed for role '%s'.", i, j, p.Type, m.Role)
		}
	}
	return parts, nil
}
