package fakellm

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Limits of the OpenAI API.
const (
	openaiMaxCallID  = 40
	openaiMaxChoices = 128
)

type openaiRequest struct {
	Model               string          `json:"model"`
	Messages            []openaiMessage `json:"messages"`
	Stream              bool            `json:"stream"`
	StreamOptions       *openaiOptions  `json:"stream_options"`
	N                   *int            `json:"n"`
	MaxTokens           *int64          `json:"max_tokens"`
	MaxCompletionTokens *int64          `json:"max_completion_tokens"`
	Stop                json.RawMessage `json:"stop"`
	Tools               []openaiTool    `json:"tools"`
	ToolChoice          json.RawMessage `json:"tool_choice"`
	Parallel            *bool           `json:"parallel_tool_calls"`
	ResponseFormat      *openaiFormat   `json:"response_format"`
}

type openaiOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

type openaiMessage struct {
	Role       string           `json:"role"`
	Content    json.RawMessage  `json:"content"`
	ToolCalls  []openaiToolCall `json:"tool_calls"`
	ToolCallID string           `json:"tool_call_id"`
}

type openaiToolCall struct {
	Index    *int           `json:"index,omitempty"`
	ID       string         `json:"id,omitempty"`
	Type     string         `json:"type,omitempty"`
	Function openaiFunction `json:"function"`
}

type openaiFunction struct {
	Name      string `json:"name,omitempty"`
	Arguments string `json:"arguments"`
}

type openaiTool struct {
	Type     string `json:"type"`
	Function struct {
		Name       string          `json:"name"`
		Parameters json.RawMessage `json:"parameters"`
	} `json:"function"`
}

type openaiFormat struct {
	Type       string `json:"type"`
	JSONSchema struct {
		Schema json.RawMessage `json:"schema"`
	} `json:"json_schema"`
}

type openaiPart struct {
	Type    string `json:"type"`
	Text    string `json:"text"`
	Refusal string `json:"refusal"`
}

func openaiWire() *wire {
	return &wire{
		vendor: OpenAI, json: "application/json", events: "text/event-stream; charset=utf-8",
		key: bearer, decode: openaiDecode,
		unary: openaiUnary, frames: openaiFrames,
		fail: openaiFail, fault: openaiFault, headers: openaiHeaders, limits: openaiLimits, status: sameStatus,
		models: openaiModels, model: openaiModel,
	}
}

func openaiDecode(_ *http.Request, body []byte, c *call) *failure {
	var req openaiRequest
	if err := json.Unmarshal(body, &req); err != nil {
		return invalid("", "We could not parse the JSON body of your request: %v", err)
	}
	switch {
	case req.Model == "":
		return invalid("model", "you must provide a model parameter")
	case len(req.Messages) == 0:
		return invalid("messages", "Missing required parameter: 'messages'.")
	}
	c.model, c.stream = req.Model, req.Stream
	if f := req.options(c); f != nil {
		return f
	}
	if f := req.toolOptions(c); f != nil {
		return f
	}
	return req.messages(c)
}

func (req *openaiRequest) options(c *call) *failure {
	if req.StreamOptions != nil {
		if !req.Stream {
			return invalid("stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
		}
		c.includeUsage = req.StreamOptions.IncludeUsage
	}
	limit := req.MaxCompletionTokens
	if limit == nil {
		limit = req.MaxTokens
	} else if req.MaxTokens != nil {
		return invalid("max_tokens", "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.")
	}
	if limit != nil {
		if *limit < 1 {
			return invalid("max_tokens", "Invalid 'max_tokens': integer below minimum value. Expected a value >= 1, but got %d instead.", *limit)
		}
		c.maxOutput = *limit
	}
	c.choices = 1
	if req.N != nil {
		if *req.N < 1 || *req.N > openaiMaxChoices {
			return invalid("n", "Invalid 'n': expected a value from 1 to %d, but got %d instead.", openaiMaxChoices, *req.N)
		}
		c.choices = *req.N
	}
	if f := req.ResponseFormat; f != nil && f.Type != "text" {
		c.wantJSON, c.schema = true, f.JSONSchema.Schema
	}
	var f *failure
	c.stops, f = openaiStops(req.Stop)
	return f
}

func openaiStops(raw json.RawMessage) ([]string, *failure) {
	if isNull(raw) {
		return nil, nil
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}, nil
	}
	var many []string
	if json.Unmarshal(raw, &many) != nil || len(many) > 4 {
		return nil, invalid("stop", "Invalid 'stop': expected a string or a list of at most 4 strings.")
	}
	return many, nil
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

func (req *openaiRequest) toolOptions(c *call) *failure {
	for i, t := range req.Tools {
		if t.Type != "function" {
			continue
		}
		if t.Function.Name == "" {
			param := fmt.Sprintf("tools[%d].function.name", i)
			return invalid(param, "Missing required parameter: '%s'.", param)
		}
		c.tools = append(c.tools, tool{name: t.Function.Name, schema: t.Function.Parameters})
	}
	c.serial = req.Parallel != nil && !*req.Parallel
	if isNull(req.ToolChoice) {
		return nil
	}
	if len(req.Tools) == 0 {
		return invalid("tool_choice", "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.")
	}
	var mode string
	if json.Unmarshal(req.ToolChoice, &mode) == nil {
		switch mode {
		case "auto":
		case "none":
			c.callTool = toolsNone
		case "required":
			c.callTool = toolsRequired
		default:
			return invalid("tool_choice", "Invalid value: '%s'. Supported values are: 'none', 'auto', and 'required'.", mode)
		}
		return nil
	}
	var named struct {
		Function struct{ Name string }
	}
	if json.Unmarshal(req.ToolChoice, &named) != nil || !c.hasTool(named.Function.Name) {
		return invalid("tool_choice", "Tool choice '%s' not found in 'tools' parameter.", named.Function.Name)
	}
	c.callTool, c.oneTool = toolsRequired, named.Function.Name
	return nil
}
