package fakellm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// responsesWire is OpenAI's Responses API.
func responsesWire() *wire {
	w := openaiWire()
	w.decode, w.unary, w.frames = responsesDecode, responsesUnary, responsesFrames
	w.fault, w.count = responsesFault, responsesCount
	return w
}

type responsesRequest struct {
	Model        string            `json:"model"`
	Input        json.RawMessage   `json:"input"`
	Instructions string            `json:"instructions"`
	Previous     string            `json:"previous_response_id"`
	Store        *bool             `json:"store"`
	Stream       bool              `json:"stream"`
	MaxOutput    *int64            `json:"max_output_tokens"`
	Tools        []responsesTool   `json:"tools"`
	ToolChoice   json.RawMessage   `json:"tool_choice"`
	Parallel     *bool             `json:"parallel_tool_calls"`
	Include      []string          `json:"include"`
	Metadata     map[string]string `json:"metadata"`
	Reasoning    struct {
		Effort  string  `json:"effort"`
		Summary *string `json:"summary"`
	} `json:"reasoning"`
	Text struct {
		Format struct {
			Type   string          `json:"type"`
			Schema json.RawMessage `json:"schema"`
		} `json:"format"`
	} `json:"text"`
}

type responsesTool struct {
	Type       string          `json:"type"`
	Name       string          `json:"name"`
	Parameters json.RawMessage `json:"parameters"`
}

// responsesItem is an item of the input.
type responsesItem struct {
	Type      string          `json:"type"`
	ID        string          `json:"id"`
	Role      string          `json:"role"`
	Content   json.RawMessage `json:"content"`
	CallID    string          `json:"call_id"`
	Name      string          `json:"name"`
	Arguments string          `json:"arguments"`
	Input     string          `json:"input"`
	Output    json.RawMessage `json:"output"`
	Encrypted string          `json:"encrypted_content"`
}

const responsesLeastOutput = 16

func responsesDecode(_ *http.Request, body []byte, c *call) *failure {
	var req responsesRequest
	if err := json.Unmarshal(body, &req); err != nil {
		return invalid("", "We could not parse the JSON body of your request: %v", err)
	}
	if req.Model == "" {
		return invalid("model", "Missing required parameter: 'model'.")
	}
	c.model, c.stream, c.choices = req.Model, req.Stream, 1
	c.talk = &talk{echo: body, store: req.Store == nil || *req.Store}
	for _, what := range req.Include {
		c.talk.encrypted = c.talk.encrypted || what == "reasoning.encrypted_content"
	}
	if req.MaxOutput != nil {
		if *req.MaxOutput < responsesLeastOutput {
			return invalid("max_output_tokens", "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= %d, but got %d instead.",
				responsesLeastOutput, *req.MaxOutput)
		}
		c.maxOutput = *req.MaxOutput
	}
	c.showThoughts = req.Reasoning.Summary != nil
	if f := req.Text.Format; f.Type == "json_object" || f.Type == "json_schema" {
		c.wantJSON, c.schema = true, f.Schema
	}
	if f := req.tools(c); f != nil {
		return f
	}
	return req.items(c)
}

// tools reads the tools in the way chat completions have them.
func (req *responsesRequest) tools(c *call) *failure {
	chat := openaiRequest{ToolChoice: req.ToolChoice, Parallel: req.Parallel}
	if len(req.Tools) == 0 && (string(req.ToolChoice) == `"auto"` || string(req.ToolChoice) == `"none"`) {
		return nil
	}
	for i, t := range req.Tools {
		if t.Type != "function" {
			return invalid(fmt.Sprintf("tools[%d].type", i), "Invalid value: '%s'. This vendor has functions only.", t.Type)
		}
		if t.Name == "" {
			param := fmt.Sprintf("tools[%d].name", i)
			return invalid(param, "Missing required parameter: '%s'.", param)
		}
		tool := openaiTool{Type: t.Type}
		tool.Function.Name, tool.Function.Parameters = t.Name, t.Parameters
		chat.Tools = append(chat.Tools, tool)
	}
	var named struct {
		Type string `json:"type"`
		Name string `json:"name"`
	}
	if json.Unmarshal(req.ToolChoice, &named) == nil && named.Name != "" {
		chat.ToolChoice = compactJSON(map[string]any{"function": map[string]string{"name": named.Name}})
	}
	return chat.toolOptions(c)
}

// items reads what the conversation was and what is new.
func (req *responsesRequest) items(c *call) *failure {
	var input []json.RawMessage
	var text string
	switch {
	case json.Unmarshal(req.Input, &text) == nil && !isNull(req.Input):
		input = []json.RawMessage{compactJSON(map[string]string{"role": "user", "content": text})}
	case !isNull(req.Input) && json.Unmarshal(req.Input, &input) != nil:
		return invalid("input", "Invalid type for 'input': expected one of a string or array of objects.")
	case len(input) == 0 && req.Previous == "":
		return invalid("input", "Missing required parameter: 'input'.")
	}
	c.text(req.Instructions)
	all := input
	if req.Previous != "" {
		before, known := c.memory.find(c.key, req.Previous)
		if !known {
			f := invalid("previous_response_id", "Previous response with id '%s' not found.", req.Previous)
			f.code = "previous_response_not_found"
			return f
		}
		all = append(append([]json.RawMessage{}, before.items...), input...)
	}
	r := responsesReader{call: c, open: map[string]bool{}}
	for i, raw := range all {
		if f := r.item(raw, i-(len(all)-len(input))); f != nil {
			return f
		}
	}
	if len(r.open) > 0 {
		return invalid("input", "No tool output found for function call %s.", r.first)
	}
	c.talk.input, c.talk.items = input, all
	return nil
}

// responsesReader checks a conversation.
type responsesReader struct {
	*call
	open    map[string]bool // calls without a result yet
	first   string          // of those
	thought bool            // the item before was a thought
}

func (r *responsesReader) item(raw json.RawMessage, i int) *failure {
	param := fmt.Sprintf("input[%d]", i)
	var it responsesItem
	if json.Unmarshal(raw, &it) != nil {
		return invalid(param, "Invalid type for '%s': expected an object.", param)
	}
	if it.Type == "item_reference" {
		kept, known := r.memory.item(r.key, it.ID)
		if !known {
			f := invalid("input", "Item with id '%s' not found. Items are not persisted when `store` is set to false.", it.ID)
			f.status = http.StatusNotFound
			return f
		}
		return r.item(kept, i)
	}
	afterThought := r.thought
	r.thought = it.Type == "reasoning"
	switch it.Type {
	case "", "message":
		return r.message(it, param)
	case "reasoning":
		if it.Encrypted != "" && !decrypts(it.Encrypted) {
			f := invalid("", "The encrypted content %.12s... could not be verified.", it.Encrypted)
			f.code = "invalid_encrypted_content"
			return f
		}
		return nil
	case "function_call":
		if strings.HasPrefix(it.ID, thoughtfulCall) && !afterThought {
			return invalid("input", "Item '%s' of type 'function_call' was provided without its required 'reasoning' item.", it.ID)
		}
		r.thought = afterThought // of parallel calls
		r.assistantTurn()
		r.text(it.Arguments)
		if it.CallID == "" || it.Name == "" {
			return invalid(param+".call_id", "Missing required parameter: '%s.call_id'.", param)
		}
		r.open[it.CallID], r.first = true, it.CallID
		return nil
	case "function_call_output":
		return r.output(it, param)
	}
	return invalid(param+".type", "Invalid value: '%s'.", it.Type)
}

func (r *responsesReader) message(it responsesItem, param string) *failure {
	text, images, f := responsesText(it.Content, it.Role, param+".content")
	if f != nil {
		return f
	}
	r.images += images
	switch it.Role {
	case "user":
		r.user(text)
	case "system", "developer":
		r.text(text)
	case "assistant":
		r.assistantTurn()
		r.text(text)
	default:
		return invalid(param+".role", "Invalid value: '%s'. Supported values are: 'assistant', 'system', 'developer', and 'user'.", it.Role)
	}
	return nil
}

func (r *responsesReader) output(it responsesItem, param string) *failure {
	if !r.open[it.CallID] {
		return invalid("input", "No tool call found for function call output with call_id %s.", it.CallID)
	}
	delete(r.open, it.CallID)
	text, images, f := responsesText(it.Output, "user", param+".output")
	if f != nil {
		return f
	}
	r.images += images
	r.result(text)
	return nil
}

// responsesText joins the texts of a content and counts its other parts.
func responsesText(raw json.RawMessage, role, param string) (string, int64, *failure) {
	var text string
	if json.Unmarshal(raw, &text) == nil && !isNull(raw) {
		return text, 0, nil
	}
	var parts []openaiPart
	if isNull(raw) || json.Unmarshal(raw, &parts) != nil {
		return "", 0, invalid(param, "Invalid type for '%s': expected one of a string or array of objects.", param)
	}
	images := int64(0)
	for i, p := range parts {
		said := p.Type == "output_text" || p.Type == "refusal"
		switch {
		case said != (role == "assistant"):
			at := fmt.Sprintf("%s[%d]", param, i)
			return "", 0, invalid(at, "Invalid value: '%s'. It does not fit a message of role '%s'.", p.Type, role)
		case p.Type == "input_image" || p.Type == "input_file":
			images++
		case p.Type == "input_text" || said:
			text += p.Text + p.Refusal
		default:
			at := fmt.Sprintf("%s[%d].type", param, i)
			return "", 0, invalid(at, "Invalid value: '%s'. Supported values are: 'input_text', 'input_image', 'output_text', 'refusal', and 'input_file'.", p.Type)
		}
	}
	return text, images, nil
}
