package fakellm

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

type bedrockRequest struct {
	Messages   []bedrockMessage           `json:"messages"`
	System     []bedrockInBlock           `json:"system"`
	Inference  *bedrockInference          `json:"inferenceConfig"`
	Tools      *bedrockTools              `json:"toolConfig"`
	Output     *bedrockOutput             `json:"outputConfig"`
	Additional map[string]json.RawMessage `json:"additionalModelRequestFields"`
	Paths      []string                   `json:"additionalModelResponseFieldPaths"`
	Metadata   map[string]string          `json:"requestMetadata"`
	Tier       *struct {
		Type string `json:"type"`
	} `json:"serviceTier"`
}

type bedrockInference struct {
	MaxTokens   *int64   `json:"maxTokens"`
	Temperature *float64 `json:"temperature"`
	TopP        *float64 `json:"topP"`
	Stops       []string `json:"stopSequences"`
}

type bedrockTools struct {
	Tools []struct {
		Spec *struct {
			Name        string `json:"name"`
			Description string `json:"description"`
			Strict      *bool  `json:"strict"`
			Schema      struct {
				JSON json.RawMessage `json:"json"`
			} `json:"inputSchema"`
		} `json:"toolSpec"`
		Cache json.RawMessage `json:"cachePoint"`
	} `json:"tools"`
	Choice *struct {
		Auto *struct{} `json:"auto"`
		Any  *struct{} `json:"any"`
		Tool *struct {
			Name string `json:"name"`
		} `json:"tool"`
	} `json:"toolChoice"`
}

type bedrockOutput struct {
	Effort string `json:"effort"`
	Format *struct {
		Type      string `json:"type"`
		Structure struct {
			Schema struct {
				Schema      string `json:"schema"`
				Name        string `json:"name"`
				Description string `json:"description"`
			} `json:"jsonSchema"`
		} `json:"structure"`
	} `json:"textFormat"`
}

func bedrockWire() *wire {
	return &wire{
		vendor: Bedrock, json: "application/json", events: "application/vnd.amazon.eventstream",
		key: bedrockKey, decode: bedrockDecode,
		unary: bedrockUnary, frames: bedrockFrames,
		fail: bedrockFail, fault: bedrockFault, headers: bedrockHeaders, limits: noLimits, status: bedrockStatus,
		count: bedrockCount, breakFrame: breakEvent,
	}
}

// bedrockRoute understands /model/{id}/{operation}. The id of a model may be an ARN.
func bedrockRoute(path string) (route, bool) {
	rest, ok := strings.CutPrefix(path, "/model/")
	if !ok {
		return route{}, false
	}
	model, operation, _ := cutLast(rest, "/")
	rt := route{vendor: Bedrock, model: model}
	switch operation {
	case "converse":
		rt.op = opChat
	case "converse-stream":
		rt.op, rt.stream = opChat, true
	case "count-tokens":
		rt.op = opCount
	}
	return rt, true
}

// bedrockKey is an API key, or the id of the access key that signed.
func bedrockKey(r *http.Request) string {
	if key := bearer(r); key != "" {
		return key
	}
	s, _ := parseSignature(r.Header.Get("Authorization"))
	return s.accessKey
}

// bedrockDecode also checks the signature, for which the body is needed.
func bedrockDecode(r *http.Request, body []byte, c *call) *failure {
	if bearer(r) == "" {
		if wrong := checkSignature(r, body, "bedrock", time.Now()); wrong != "" {
			return &failure{status: http.StatusForbidden, reason: reasonSignature, message: wrong}
		}
	}
	if c.counting {
		var req struct {
			Input struct {
				Converse json.RawMessage `json:"converse"`
			} `json:"input"`
		}
		if err := json.Unmarshal(body, &req); err != nil || req.Input.Converse == nil {
			return invalid("", "Malformed input request: input.converse is required")
		}
		body = req.Input.Converse
	}
	var req bedrockRequest
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&req); err != nil {
		return invalid("", "Malformed input request: %v, please reformat your input and try again.", err)
	}
	c.choices = 1
	if f := req.options(c); f != nil {
		return f
	}
	if f := req.toolOptions(c); f != nil {
		return f
	}
	for _, b := range req.System {
		if b.Text != nil {
			c.text(*b.Text)
		}
	}
	return req.messages(c)
}

func (req *bedrockRequest) options(c *call) *failure {
	if in := req.Inference; in != nil {
		c.stops = in.Stops
		switch {
		case in.MaxTokens != nil && *in.MaxTokens < 1:
			return invalid("", "Value at 'inferenceConfig.maxTokens' failed to satisfy constraint: Member must have value greater than or equal to 1")
		case in.Temperature != nil && (*in.Temperature < 0 || *in.Temperature > 1):
			return invalid("", "Value at 'inferenceConfig.temperature' failed to satisfy constraint: Member must have value less than or equal to 1")
		case in.MaxTokens != nil:
			c.maxOutput = *in.MaxTokens
		}
	}
	if req.Output != nil && req.Output.Format != nil {
		schema := json.RawMessage(req.Output.Format.Structure.Schema.Schema)
		if req.Output.Format.Type != "json_schema" || !json.Valid(schema) {
			return invalid("", "The value at outputConfig.textFormat is not valid.")
		}
		c.wantJSON, c.schema = true, schema
	}
	var thinking anthropicThinking
	if raw := req.Additional["thinking"]; raw != nil {
		if json.Unmarshal(raw, &thinking) != nil {
			return invalid("", "thinking: Input should be a valid dictionary")
		}
		c.showThoughts = thinking.Type != "disabled"
	}
	if thinking.Type == "enabled" && (thinking.Budget < anthropicMinThinking || c.maxOutput > 0 && thinking.Budget >= c.maxOutput) {
		return invalid("", "The model returned the following errors: `max_tokens` must be greater than `thinking.budget_tokens`, which is at least 1024.")
	}
	return nil
}

func (req *bedrockRequest) toolOptions(c *call) *failure {
	if req.Tools == nil {
		return nil
	}
	for i, t := range req.Tools.Tools {
		if t.Spec == nil {
			continue
		}
		var shape struct {
			Type string `json:"type"`
		}
		if json.Unmarshal(t.Spec.Schema.JSON, &shape) != nil || shape.Type != "object" || !wellFormedID(t.Spec.Name) {
			return invalid("", "The value at toolConfig.tools.%d.toolSpec.inputSchema.json.type must be one of the following: object.", i)
		}
		c.tools = append(c.tools, tool{name: t.Spec.Name, schema: t.Spec.Schema.JSON})
	}
	if len(c.tools) == 0 {
		return invalid("", "Value at 'toolConfig.tools' failed to satisfy constraint: Member must have length greater than or equal to 1")
	}
	choice := req.Tools.Choice
	switch {
	case choice == nil, choice.Auto != nil:
	case choice.Any != nil:
		c.callTool = toolsRequired
	case choice.Tool != nil && c.hasTool(choice.Tool.Name):
		c.callTool, c.oneTool = toolsRequired, choice.Tool.Name
	default:
		return invalid("", "The value at toolConfig.toolChoice is not valid.")
	}
	return nil
}
