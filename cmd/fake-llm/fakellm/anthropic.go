package fakellm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// The version of the Anthropic API from which sampling parameters are refused.
const anthropicStrictVersion = "2026-10-21"

const anthropicMinThinking = 1024 // tokens of budget

type anthropicRequest struct {
	Model      string             `json:"model"`
	Messages   []anthropicMessage `json:"messages"`
	System     json.RawMessage    `json:"system"`
	MaxTokens  *int64             `json:"max_tokens"`
	Stream     bool               `json:"stream"`
	Stops      []string           `json:"stop_sequences"`
	Temp       *float64           `json:"temperature"`
	TopP       *float64           `json:"top_p"`
	TopK       *int64             `json:"top_k"`
	Tools      []anthropicTool    `json:"tools"`
	ToolChoice *anthropicChoice   `json:"tool_choice"`
	Thinking   *anthropicThinking `json:"thinking"`
	Output     *struct {
		Format *struct {
			Type   string          `json:"type"`
			Schema json.RawMessage `json:"schema"`
		} `json:"format"`
	} `json:"output_config"`
}

type anthropicMessage struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
}

type anthropicTool struct {
	Type   string          `json:"type"`
	Name   string          `json:"name"`
	Schema json.RawMessage `json:"input_schema"`
}

type anthropicChoice struct {
	Type   string `json:"type"`
	Name   string `json:"name"`
	Serial bool   `json:"disable_parallel_tool_use"`
}

type anthropicThinking struct {
	Type   string `json:"type"`
	Budget int64  `json:"budget_tokens"`
}

// anthropicInBlock is a content block of a request.
type anthropicInBlock struct {
	Type      string          `json:"type"`
	Text      string          `json:"text"`
	Thinking  string          `json:"thinking"`
	ID        string          `json:"id"`
	Input     json.RawMessage `json:"input"`
	ToolUseID string          `json:"tool_use_id"`
	Content   json.RawMessage `json:"content"`
}

func anthropicWire() *wire {
	return &wire{
		vendor: Anthropic, key: anthropicKey, decode: anthropicDecode,
		unary: anthropicUnary, frames: anthropicFrames,
		fail: anthropicFail, fault: anthropicFault, headers: anthropicHeaders, status: sameStatus,
		models: anthropicModels, model: anthropicModel,
	}
}

func anthropicKey(r *http.Request) string {
	if key := r.Header.Get("X-Api-Key"); key != "" {
		return key
	}
	return bearer(r)
}

func anthropicDecode(r *http.Request, body []byte, c *call) *failure {
	var req anthropicRequest
	if err := json.Unmarshal(body, &req); err != nil {
		return invalid("", "The request body is not valid JSON: %v", err)
	}
	version := r.Header.Get("Anthropic-Version")
	switch {
	case version == "":
		return invalid("", "anthropic-version: header is required")
	case req.Model == "":
		return invalid("", "model: Field required")
	case len(req.Messages) == 0:
		return invalid("", "messages: at least one message is required")
	case req.MaxTokens == nil:
		return invalid("", "max_tokens: Field required")
	case *req.MaxTokens < 1:
		return invalid("", "max_tokens: Input should be greater than or equal to 1")
	}
	c.model, c.stream, c.choices = req.Model, req.Stream, 1
	c.maxOutput, c.stops = *req.MaxTokens, req.Stops
	if f := req.sampling(version); f != nil {
		return f
	}
	if f := req.options(c); f != nil {
		return f
	}
	if f := req.toolOptions(c); f != nil {
		return f
	}
	system, f := anthropicBlocks(req.System, "system")
	if f != nil {
		return f
	}
	for _, b := range system {
		c.text(b.Text)
	}
	return req.messages(c)
}

func (req *anthropicRequest) sampling(version string) *failure {
	if version < anthropicStrictVersion {
		if req.Temp != nil && (*req.Temp < 0 || *req.Temp > 1) {
			return invalid("", "temperature: range: 0..1")
		}
		return nil
	}
	switch {
	case req.Temp != nil:
		return invalid("", "temperature: Extra inputs are not permitted")
	case req.TopP != nil:
		return invalid("", "top_p: Extra inputs are not permitted")
	case req.TopK != nil:
		return invalid("", "top_k: Extra inputs are not permitted")
	}
	return nil
}

func (req *anthropicRequest) options(c *call) *failure {
	if req.Output != nil && req.Output.Format != nil {
		c.wantJSON, c.schema = true, req.Output.Format.Schema
	}
	if req.Thinking == nil {
		return nil
	}
	switch req.Thinking.Type {
	case "disabled":
	case "adaptive":
		c.showThoughts = true
	case "enabled":
		c.showThoughts = true
		if req.Thinking.Budget < anthropicMinThinking {
			return invalid("", "thinking.enabled.budget_tokens: Input should be greater than or equal to %d", anthropicMinThinking)
		}
		if req.Thinking.Budget >= c.maxOutput {
			return invalid("", "`max_tokens` must be greater than `thinking.budget_tokens`.")
		}
	default:
		return invalid("", "thinking: Input tag '%s' found using 'type' does not match any of the expected tags: 'adaptive', 'disabled', 'enabled'", req.Thinking.Type)
	}
	return nil
}

func (req *anthropicRequest) toolOptions(c *call) *failure {
	for i, t := range req.Tools {
		if t.Type != "" && t.Type != "custom" {
			continue
		}
		var shape struct {
			Type string `json:"type"`
		}
		if json.Unmarshal(t.Schema, &shape) != nil || shape.Type != "object" {
			return invalid("", "tools.%d.custom.input_schema.type: Field required", i)
		}
		c.tools = append(c.tools, tool{name: t.Name, schema: t.Schema})
	}
	choice := req.ToolChoice
	if choice == nil {
		return nil
	}
	if len(req.Tools) == 0 {
		return invalid("", "tool_choice: may only be specified while providing tools")
	}
	c.serial = choice.Serial
	switch choice.Type {
	case "auto":
	case "none":
		c.callTool = toolsNone
	case "any":
		c.callTool = toolsRequired
	case "tool":
		c.callTool, c.oneTool = toolsRequired, choice.Name
		if !c.hasTool(choice.Name) {
			return invalid("", "tool_choice.name: Tool '%s' not found in provided tools", choice.Name)
		}
	default:
		return invalid("", "tool_choice: Input tag '%s' does not match any of the expected tags: 'auto', 'any', 'tool', 'none'", choice.Type)
	}
	return nil
}

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
		default:
			c.text(b.Text)
			c.text(b.Thinking)
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
