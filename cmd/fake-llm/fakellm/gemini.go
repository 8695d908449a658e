package fakellm

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

type geminiRequest struct {
	Contents []geminiContent `json:"contents"`
	System   *geminiContent  `json:"systemInstruction"`
	Tools    []geminiTools   `json:"tools"`
	ToolConf *struct {
		Calling *struct {
			Mode    string   `json:"mode"`
			Allowed []string `json:"allowedFunctionNames"`
		} `json:"functionCallingConfig"`
	} `json:"toolConfig"`
	Config *geminiConfig  `json:"generationConfig"`
	Whole  *geminiRequest `json:"generateContentRequest"` // of a request to count
}

type geminiConfig struct {
	MaxOutput  int64           `json:"maxOutputTokens"`
	Stops      []string        `json:"stopSequences"`
	Candidates int             `json:"candidateCount"`
	MIMEType   string          `json:"responseMimeType"`
	Schema     json.RawMessage `json:"responseSchema"`
	JSONSchema json.RawMessage `json:"responseJsonSchema"`
	Thinking   *struct {
		Include bool `json:"includeThoughts"`
	} `json:"thinkingConfig"`
}

type geminiTools struct {
	Functions []struct {
		Name       string          `json:"name"`
		Parameters json.RawMessage `json:"parameters"`
		JSONSchema json.RawMessage `json:"parametersJsonSchema"`
	} `json:"functionDeclarations"`
}

type geminiContent struct {
	Role  string         `json:"role"`
	Parts []geminiInPart `json:"parts"`
}

// geminiInPart is a part of a request.
type geminiInPart struct {
	Text      *string         `json:"text"`
	Inline    json.RawMessage `json:"inlineData"`
	File      json.RawMessage `json:"fileData"`
	Signature string          `json:"thoughtSignature"`
	Call      *struct {
		Name string          `json:"name"`
		Args json.RawMessage `json:"args"`
	} `json:"functionCall"`
	Response *struct {
		Name     string          `json:"name"`
		Response json.RawMessage `json:"response"`
	} `json:"functionResponse"`
}

// geminiNoSubset are the JSON Schema keywords that the vendor's own schema type does not know.
func geminiNoSubset(keyword string) bool {
	switch keyword {
	case "$schema", "$ref", "$defs", "$id", "additionalProperties", "const", "oneOf", "allOf", "not",
		"exclusiveMinimum", "exclusiveMaximum", "patternProperties", "definitions":
		return true
	}
	return false
}

func geminiWire() *wire {
	return &wire{
		vendor: Gemini, json: "application/json; charset=UTF-8", events: "text/event-stream",
		key: geminiKey, decode: geminiDecode,
		unary: geminiUnary, frames: geminiFrames,
		fail: geminiFail, fault: geminiFault, headers: geminiHeaders, limits: noLimits, status: geminiHTTPStatus,
		models: geminiModels, model: geminiModel, count: geminiCount,
	}
}

func geminiKey(r *http.Request) string {
	if key := r.Header.Get("X-Goog-Api-Key"); key != "" || r.URL.RawQuery == "" {
		return key
	}
	return r.URL.Query().Get("key")
}

// geminiDecode reads the body; model and stream are in the path and set by the caller.
func geminiDecode(_ *http.Request, body []byte, c *call) *failure {
	var req geminiRequest
	if err := json.Unmarshal(body, &req); err != nil {
		return invalid("", "Invalid JSON payload received. %v", err)
	}
	if c.counting && req.Whole != nil {
		req = *req.Whole
	}
	if len(req.Contents) == 0 {
		return invalid("", "* GenerateContentRequest.contents: contents is not specified\n")
	}
	c.choices, c.blocksPrompt = 1, true
	if f := req.options(c); f != nil {
		return f
	}
	if f := req.toolOptions(c); f != nil {
		return f
	}
	if req.System != nil {
		for _, p := range req.System.Parts {
			if p.Text != nil {
				c.text(*p.Text)
			}
		}
	}
	return req.contents(c)
}

func (req *geminiRequest) options(c *call) *failure {
	conf := req.Config
	if conf == nil {
		return nil
	}
	if conf.Candidates > 1 {
		return invalid("", "Multiple candidates is not enabled for this model")
	}
	if conf.MaxOutput < 0 {
		return invalid("", "Unable to submit request because it has a maxOutputTokens value of %d.", conf.MaxOutput)
	}
	c.maxOutput, c.stops = conf.MaxOutput, conf.Stops
	c.showThoughts = conf.Thinking != nil && conf.Thinking.Include
	if isNull(conf.Schema) && isNull(conf.JSONSchema) {
		c.wantJSON = conf.MIMEType == "application/json"
		return nil
	}
	if conf.MIMEType != "application/json" {
		return invalid("", "response_schema requires the response mime type application/json, got '%s'", conf.MIMEType)
	}
	c.wantJSON, c.schema = true, conf.JSONSchema
	if isNull(conf.JSONSchema) {
		c.schema = conf.Schema
		return geminiSubset(conf.Schema, "generation_config.response_schema")
	}
	return nil
}

func (req *geminiRequest) toolOptions(c *call) *failure {
	for i, t := range req.Tools {
		for j, fn := range t.Functions {
			schema := fn.JSONSchema
			if isNull(schema) {
				schema = fn.Parameters
				field := fmt.Sprintf("tools[%d].function_declarations[%d].parameters", i, j)
				if f := geminiSubset(schema, field); f != nil {
					return f
				}
			}
			c.tools = append(c.tools, tool{name: fn.Name, schema: schema})
		}
	}
	if req.ToolConf == nil || req.ToolConf.Calling == nil {
		return nil
	}
	calling := req.ToolConf.Calling
	switch calling.Mode {
	case "", "MODE_UNSPECIFIED", "AUTO", "VALIDATED":
	case "NONE":
		c.callTool = toolsNone
	case "ANY":
		c.callTool = toolsRequired
		if len(calling.Allowed) == 1 {
			c.oneTool = calling.Allowed[0]
		}
	default:
		return invalid("", "Invalid value at 'tool_config.function_calling_config.mode': \"%s\"", calling.Mode)
	}
	if len(calling.Allowed) > 0 && calling.Mode != "ANY" {
		return invalid("", "Allowed function names may only be set when the function calling mode is ANY.")
	}
	return nil
}

// geminiSubset refuses keywords outside the vendor's own schema type, as the vendor does.
func geminiSubset(raw json.RawMessage, field string) *failure {
	var object map[string]json.RawMessage
	if isNull(raw) || json.Unmarshal(raw, &object) != nil {
		return nil
	}
	for _, keyword := range sortedKeys(object) {
		if geminiNoSubset(keyword) {
			return invalid("", "Invalid JSON payload received. Unknown name \"%s\" at '%s': Cannot find field.", keyword, field)
		}
	}
	if t := object["type"]; len(t) > 0 && t[0] == '[' {
		return invalid("", "Invalid JSON payload received. Unknown name \"type\" at '%s': Proto field is not repeating, cannot start list.", field)
	}
	var properties map[string]json.RawMessage
	if json.Unmarshal(object["properties"], &properties) == nil {
		for _, name := range sortedKeys(properties) {
			if f := geminiSubset(properties[name], field+".properties["+name+"]"); f != nil {
				return f
			}
		}
	}
	if f := geminiSubset(object["items"], field+".items"); f != nil {
		return f
	}
	var anyOf []json.RawMessage
	if json.Unmarshal(object["anyOf"], &anyOf) == nil {
		for i, s := range anyOf {
			if f := geminiSubset(s, fmt.Sprintf("%s.any_of[%d]", field, i)); f != nil {
				return f
			}
		}
	}
	return nil
}

func (req *geminiRequest) contents(c *call) *failure {
	open := 0 // calls of the turn before
	for i, content := range req.Contents {
		calls, responses, f := content.take(c, i)
		if f != nil {
			return f
		}
		if responses != open {
			return invalid("", "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.")
		}
		open = calls
	}
	if open > 0 {
		return invalid("", "Please ensure that function call turn comes immediately before a function response turn.")
	}
	return nil
}

// take counts one turn and says how many calls and responses it holds.
func (content *geminiContent) take(c *call, i int) (calls, responses int, f *failure) {
	switch content.Role {
	case "model":
		c.assistantTurn()
	case "user", "":
	default:
		return 0, 0, invalid("", "Please use a valid role: user, model.")
	}
	var said strings.Builder
	for j, p := range content.Parts {
		switch {
		case p.Text != nil && content.Role == "model":
			c.text(*p.Text)
		case p.Text != nil:
			said.WriteString(*p.Text)
		case p.Call != nil:
			calls++
			if p.Signature == "" && calls == 1 && strings.Contains(c.model, "gemini-3") {
				return 0, 0, invalid("", "Function call is missing a thought_signature in functionCall parts. contents[%d].parts[%d]", i, j)
			}
			if s := p.Signature; s != "" && s != skipSignature && s != sign(Gemini, p.Call.Name, geminiSignatureSize) {
				return 0, 0, invalid("", "Corrupted thought signature. contents[%d].parts[%d]", i, j)
			}
			c.text(string(p.Call.Args))
		case p.Response != nil:
			if p.Response.Name == "" {
				return 0, 0, invalid("", "* GenerateContentRequest.contents[%d].parts[%d].function_response.name: Name cannot be empty.\n", i, j)
			}
			responses++
			c.result(string(p.Response.Response))
		case p.Inline != nil, p.File != nil:
			c.images++
		default:
			return 0, 0, invalid("", "* GenerateContentRequest.contents[%d].parts[%d].data: required oneof field 'data' must have one initialized field\n", i, j)
		}
	}
	if said.Len() > 0 {
		c.user(said.String())
	}
	return calls, responses, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
