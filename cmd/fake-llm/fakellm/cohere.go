package fakellm

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// Limits of the Cohere API.
const (
	cohereMaxStops = 5
	cohereMaxK     = 500
	cohereMinP     = 0.01
	cohereMaxP     = 0.99
)

// cohereOverhead is what the vendor puts around a prompt: counted, and not billed.
const cohereOverhead = 66

type cohereRequest struct {
	Model     string            `json:"model"`
	Messages  []cohereMessage   `json:"messages"`
	Stream    bool              `json:"stream"`
	MaxTokens *int64            `json:"max_tokens"`
	Stops     []string          `json:"stop_sequences"`
	Temp      *float64          `json:"temperature"`
	P         *float64          `json:"p"`
	K         *int64            `json:"k"`
	Seed      *int64            `json:"seed"`
	Frequency *float64          `json:"frequency_penalty"`
	Presence  *float64          `json:"presence_penalty"`
	Logprobs  bool              `json:"logprobs"`
	Tools     []cohereTool      `json:"tools"`
	Strict    bool              `json:"strict_tools"`
	Choice    string            `json:"tool_choice"`
	Documents []json.RawMessage `json:"documents"`
	Citations *struct {
		Mode string `json:"mode"`
	} `json:"citation_options"`
	Format *struct {
		Type   string          `json:"type"`
		Schema json.RawMessage `json:"json_schema"`
	} `json:"response_format"`
	Safety   string `json:"safety_mode"`
	Thinking *struct {
		Type   string `json:"type"`
		Budget *int64 `json:"token_budget"`
	} `json:"thinking"`
	Priority *int `json:"priority"`
}

type cohereTool struct {
	Type     string `json:"type"`
	Function struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Parameters  json.RawMessage `json:"parameters"`
	} `json:"function"`
}

func cohereWire() *wire {
	return &wire{
		vendor: Cohere, json: "application/json", events: "text/event-stream",
		key: bearer, decode: cohereDecode,
		unary: cohereUnary, frames: cohereFrames,
		fail: cohereFail, fault: cohereFault, headers: cohereHeaders, limits: cohereLimits, status: sameStatus,
		models: cohereModels, model: cohereModel,
	}
}

// cohereStrictly decodes a body; the vendor refuses what it does not know.
func cohereStrictly(body []byte, into any) *failure {
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil {
		return nil
	}
	if _, name, unknown := strings.Cut(err.Error(), "unknown field "); unknown {
		f := invalid("", "unknown field: parameter %s is not a valid field", strings.ReplaceAll(name, `"`, "'"))
		f.status = http.StatusUnprocessableEntity
		return f
	}
	return invalid("", "invalid json syntax: %v", err)
}

func cohereDecode(_ *http.Request, body []byte, c *call) *failure {
	var req cohereRequest
	if f := cohereStrictly(body, &req); f != nil {
		return f
	}
	switch {
	case req.Model == "":
		return invalid("", "invalid request: model is required")
	case len(req.Messages) == 0:
		return invalid("", "invalid request: at least one message is required")
	}
	c.model, c.stream, c.choices = req.Model, req.Stream, 1
	if f := req.sampling(); f != nil {
		return f
	}
	if f := req.options(c); f != nil {
		return f
	}
	if f := req.toolOptions(c); f != nil {
		return f
	}
	for _, d := range req.Documents {
		c.text(string(d))
		c.cited = true
	}
	return req.messages(c)
}

func (req *cohereRequest) sampling() *failure {
	between := func(v *float64, low, high float64) bool { return v == nil || *v >= low && *v <= high }
	switch {
	case !between(req.Temp, 0, 2):
		return invalid("", "invalid request: temperature must be between 0 and 2 inclusive.")
	case !between(req.P, cohereMinP, cohereMaxP):
		return invalid("", "invalid request: p must be between 0.01 and 0.99 inclusive.")
	case req.K != nil && (*req.K < 0 || *req.K > cohereMaxK):
		return invalid("", "invalid request: k must be between 0 and 500 inclusive.")
	case !between(req.Frequency, 0, 1), !between(req.Presence, 0, 1):
		return invalid("", "invalid request: presence_penalty and frequency_penalty must be between 0 and 1 inclusive.")
	case len(req.Stops) > cohereMaxStops:
		return invalid("", "invalid request: too many stop sequences, at most %d are allowed.", cohereMaxStops)
	}
	return nil
}

func (req *cohereRequest) options(c *call) *failure {
	c.stops = req.Stops
	if req.MaxTokens != nil {
		if *req.MaxTokens < 1 {
			return invalid("", "invalid request: max_tokens must be at least 1.")
		}
		c.maxOutput = *req.MaxTokens
	}
	c.showThoughts = true
	if t := req.Thinking; t != nil {
		switch {
		case t.Type != "enabled" && t.Type != "disabled":
			return invalid("", "invalid request: thinking.type must be one of 'enabled' or 'disabled'.")
		case t.Budget != nil && *t.Budget < 1:
			return invalid("", "invalid request: thinking.token_budget must be positive.")
		}
		c.showThoughts = t.Type == "enabled"
	}
	if f := req.Format; f != nil && f.Type != "text" {
		if f.Type != "json_object" {
			return invalid("", "invalid request: response_format.type must be one of 'text' or 'json_object'.")
		}
		if len(req.Tools)+len(req.Documents) > 0 {
			return invalid("", "invalid request: response_format is not supported in combination with tools or documents.")
		}
		c.wantJSON, c.schema = true, f.Schema
	}
	if !slices.Contains([]string{"", "CONTEXTUAL", "STRICT", "OFF"}, req.Safety) {
		return invalid("", "invalid request: safety_mode must be one of 'CONTEXTUAL', 'STRICT' or 'OFF'.")
	}
	return nil
}

func (req *cohereRequest) toolOptions(c *call) *failure {
	for i, t := range req.Tools {
		var shape struct {
			Type string `json:"type"`
		}
		if t.Type != "function" || t.Function.Name == "" {
			return invalid("", "invalid request: tools[%d] must be a function with a name.", i)
		}
		if json.Unmarshal(t.Function.Parameters, &shape) != nil || shape.Type != "object" {
			return invalid("", "invalid request: tools[%d].function.parameters must be an object schema.", i)
		}
		c.tools = append(c.tools, tool{name: t.Function.Name, schema: t.Function.Parameters})
	}
	switch req.Choice {
	case "":
	case "NONE":
		c.callTool = toolsNone
	case "REQUIRED":
		c.callTool = toolsRequired
	default:
		return invalid("", "invalid request: tool_choice must be one of 'REQUIRED' or 'NONE'.")
	}
	if req.Choice != "" && len(req.Tools) == 0 {
		return invalid("", "invalid request: tool_choice requires tools to be specified.")
	}
	return nil
}
