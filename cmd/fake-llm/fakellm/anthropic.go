package fakellm

import (
	"encoding/json"
	"net/http"
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
	Signature string          `json:"signature"`
	ID        string          `json:"id"`
	Input     json.RawMessage `json:"input"`
	ToolUseID string          `json:"tool_use_id"`
	Content   json.RawMessage `json:"content"`
}

func anthropicWire() *wire {
	return &wire{
		vendor: Anthropic, json: "application/json", events: "text/event-stream; charset=utf-8",
		key: anthropicKey, decode: anthropicDecode,
		unary: anthropicUnary, frames: anthropicFrames,
		fail: anthropicFail, fault: anthropicFault, headers: anthropicHeaders, limits: anthropicLimits, status: sameStatus,
		models: anthropicModels, model: anthropicModel, count: anthropicCount,
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
	case c.counting && req.MaxTokens != nil:
		return invalid("", "max_tokens: Extra inputs are not permitted")
	case c.counting:
		req.MaxTokens = new(int64)
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
		if req.Thinking.Budget >= c.maxOutput && !c.counting {
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
